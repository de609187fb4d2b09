# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many flows have each verdict."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.counts import (
    flow_verdicts,
    not_ok,
    summarize,
    worst_results,
)


def result(verdict, ports="8563", source="client", address="192.0.2.1"):
    """Return a result with what counting needs."""
    return {
        "source": source,
        "destination": "n1",
        "address": address,
        "service": "sql_client",
        "expected": "reachable",
        "ports": ports,
        "verdict": verdict,
    }


def test_a_flow_counts_once_with_what_needs_somebody_to_act():
    parts = [
        result("ok", "1-5"),
        result("blocked", "6"),
        result("ok", "7"),
        result("ok", address="2001:db8::1"),
        result("ok", source="other"),
    ]
    assert summarize(parts) == {"blocked": 1, "ok": 1}
    assert sorted(flow_verdicts(parts).values()) == ["blocked", "ok"]
    assert summarize([]) == {}


def test_what_was_not_tested_is_never_counted_as_ok():
    assert summarize([result("ok", "1"), result("untested", "2")]) == {"untested": 1}


def test_of_equally_severe_results_the_first_stands_for_the_flow():
    (found,) = worst_results([result("ok", "1"), result("blocked", "2"), result("blocked", "3")]).values()
    assert found["ports"] == "2"


def test_all_flows_need_somebody_but_those_that_are_ok():
    assert not_ok({"ok": 3, "blocked": 1, "untested": 2, "degraded": 4, "wrong_host": 8}) == 15
    assert not_ok({"ok": 3}) == not_ok({}) == 0
