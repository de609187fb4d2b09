# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds of the collection's report at every stage; the stages inherit these tests and add their own."""

from __future__ import annotations

import pytest


class EveryReport:
    """A report speaks of every pair of hosts, and every flow is ok but for the faults of the stage."""

    def test_the_run_makes_a_report(self, run):
        assert run.code == 0, run.output
        assert run.results

    def test_the_pair_is_measured(self, report, pair):
        assert report.speaks_of(pair), (
            f"the report has no flow from {pair.source} to {pair.destination} that must pass"
        )

    def test_every_flow_of_the_pair_is_ok_but_for_the_faults(self, report, pair):
        wrong = report.wrong_between(pair)
        assert not wrong, wrong

    def test_the_pair_is_shown_to_be_denied(self, report, denied_pair):
        shown = report.speaks_of(denied_pair, denied=True)
        assert shown, (
            f"the report has no flow from {denied_pair.source} to {denied_pair.destination} that must be "
            f"denied"
        )

    def test_nothing_of_the_denied_pair_is_exposed(self, report, denied_pair):
        wrong = report.wrong_between(denied_pair)
        assert not wrong, wrong

    def test_nobody_else_is_accused(self, report, truth):
        wrong = report.wrong(report.others(truth.pairs(denied=False)))
        assert not wrong, wrong


class CapturedReport(EveryReport):
    """A report of a run with captures, while other programs use the same ports."""

    @pytest.mark.usefixtures("run")
    def test_other_programs_used_the_same_ports_meanwhile(self, others, source):
        assert others[source], f"the other program on {source} ended too early"


def must_be_named(report, fault):
    """Fail unless the report has each port of a fault under its name."""
    wrong = report.wrong_of(fault)
    assert not wrong, wrong
