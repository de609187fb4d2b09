# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own verdicts, where everything is as it should be: every flow is ok, and every pair of hosts was measured."""

import pytest

pytestmark = pytest.mark.stage("table")


@pytest.fixture(scope="module")
def run(measure):
    return measure(exasol_verify_fail=True)


def test_the_run_succeeds(run):
    assert run.code == 0, run.output


def test_the_pair_is_measured(report, pair):
    assert report.speaks_of(pair), f"the report has no flow from {pair.source} to {pair.destination} that must pass"


def test_every_flow_of_the_pair_is_ok(report, pair):
    wrong = report.wrong_between(pair)
    assert not wrong, wrong


def test_the_pair_is_shown_to_be_denied(report, denied_pair):
    shown = report.speaks_of(denied_pair, denied=True)
    assert shown, f"the report has no flow from {denied_pair.source} to {denied_pair.destination} that must be denied"


def test_nothing_of_the_denied_pair_is_exposed(report, denied_pair):
    wrong = report.wrong_between(denied_pair)
    assert not wrong, wrong


def test_whatever_else_is_reported_is_ok(report, truth):
    wrong = report.wrong(report.others(truth.pairs(denied=False)))
    assert not wrong, wrong
