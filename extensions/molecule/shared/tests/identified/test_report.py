# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each service is identified as what it is, and a stand-in as what it is not."""

import pytest

pytestmark = pytest.mark.stage("identified")


@pytest.fixture(scope="module")
def run(measure, sockets):
    """Stand-ins listen where no package brings a service."""
    sockets.listen(["partners"])
    yield measure(exasol_verify_fail=False, exasol_verify_identify=True)
    sockets.stop(["partners"])


def test_the_run_makes_a_report(run):
    assert run.code == 0, run.output
    assert run.results


def test_the_stand_in_is_not_taken_for_the_service(report, fault):
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


def test_the_service_is_identified(report, truth, service):
    words, said = truth.identities[service], report.said_of(service)
    wrong = [text for text in said or ["nothing"] if any(word not in text for word in words)]
    assert not wrong, f"{service}: expected {words}, reported {wrong}"
