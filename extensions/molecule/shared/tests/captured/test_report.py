# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With captures at both ends the report names the place where packets are lost, while others use the same ports."""

import pytest

pytestmark = pytest.mark.stage("captured")


@pytest.fixture(scope="module")
def others():
    """Whether other programs used the same ports until the run had ended, by host; the run fills it."""
    return {}


@pytest.fixture(scope="module")
def run(measure, sockets, others):
    with sockets.others() as lasted:
        run = measure(exasol_verify_fail=False, exasol_verify_capture=True)
    others.update(lasted)
    return run


def test_the_run_makes_a_report(run):
    assert run.code == 0, run.output
    assert run.results


@pytest.mark.usefixtures("run")
def test_other_programs_used_the_same_ports_meanwhile(others, source):
    assert others[source], f"the other program on {source} ended too early"


def test_the_dropped_port_is_named(report, fault):
    wrong = report.wrong_of(fault)
    assert not wrong, wrong


def test_nothing_else_of_the_pair_is_accused(report, pair):
    wrong = report.wrong_between(pair)
    assert not wrong, wrong


def test_the_pair_is_measured(report, pair):
    assert report.speaks_of(pair), f"the report has no flow from {pair.source} to {pair.destination} that must pass"


def test_the_pair_is_shown_to_be_denied(report, denied_pair):
    shown = report.speaks_of(denied_pair, denied=True)
    assert shown, f"the report has no flow from {denied_pair.source} to {denied_pair.destination} that must be denied"


def test_nobody_else_is_accused(report, truth):
    wrong = report.wrong(report.others(truth.pairs(denied=False)))
    assert not wrong, wrong
