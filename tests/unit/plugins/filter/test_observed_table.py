# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of those whom a restriction of firewalls would have refused."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.filter.observed_table import FilterModule

EARLY, LATE = "2026-11-22T05:00:49Z", "2026-11-23T05:00:49Z"
FLOW = {
    "remote": "198.51.100.99",
    "protocol": "tcp",
    "port": 8563,
    "services": ["sql_client"],
    "connections": 412,
}
UNKNOWN = "Nothing is known of n12: they failed, were unreachable, or were not asked yet."


def result(*flows, since=EARLY, unnamed=0, status="counted", gaps=()):
    gaps = [*(["no_room"] if unnamed else []), *gaps]
    observed = {
        "status": status,
        "since": since,
        "remotes": len({flow["remote"] for flow in flows}),
        "connections": sum(flow["connections"] for flow in flows) + unnamed,
        "unnamed": unnamed,
        "flows": list(flows),
        "complete": not gaps,
        "gaps": gaps,
        "text": "a sentence",
    }
    return {"changed": False, "provider": "nftables", "observed": observed}


@pytest.fixture
def table():
    """Return the filter as Ansible finds it."""
    return FilterModule().filters()["observed_table"]


def test_each_flow_is_a_line_and_the_shortest_time_counts_for_all(table):
    other = dict(FLOW, remote="2001:db8::99", protocol="udp", services=[], connections=1234)
    assert table({"n11": result(FLOW, other), "node12": result(FLOW, since=LATE)}) == [
        "HOST    REMOTE         FLOW      SERVICE     CONNECTIONS  SINCE",
        f"n11     198.51.100.99  tcp 8563  sql_client  412          {EARLY}",
        f"n11     2001:db8::99   udp 8563  -           1,234        {EARLY}",
        f"node12  198.51.100.99  tcp 8563  sql_client  412          {LATE}",
        f"A restriction of 2 hosts would have refused 2,058 new connections since {LATE} or longer.",
    ]


def test_nobody_is_said_only_of_hosts_that_have_counted(table):
    new = result(since=LATE, status="begins")
    nothing = result(since="", status="nothing")
    assert table({"n11": result(), "n12": new, "n13": nothing, "n14": {"skipped": True}}) == [
        f"A restriction of 1 host would have refused nobody since {EARLY}.",
        "Counting begins on n12: run again later to read who would have been refused.",
    ]


@pytest.mark.parametrize(
    ("gap", "why"),
    [
        ("changed", "others changed the rules"),
        ("wider", "more would be refused now"),
        ("too_many", "can hold"),
    ],
)
def test_nobody_is_not_all_that_is_said_where_not_everybody_was_counted(table, gap, why):
    summary, warning = table({"n11": result(gaps=[gap])})
    assert "nobody" in summary
    assert warning.startswith("The list of n11 is not complete: ") and why in warning


def test_an_incomplete_list_says_so(table):
    summary, warning = table({"n11": result(FLOW, unnamed=7)})[-2:]
    assert summary == f"A restriction of 1 host would have refused 419 new connections since {EARLY}."
    assert warning.startswith("The list of n11 is not complete: ")
    assert warning.endswith(" 7 connections were counted without their address.")


@pytest.mark.parametrize(
    "without",
    [{"n11": {"changed": False, "provider": "nftables"}}, {"n11": {"failed": True}}, {}],
    ids=["not-observing", "failed", "no-host"],
)
def test_where_no_host_observes_there_is_no_table(table, without):
    assert table(without) == []


@pytest.mark.parametrize(
    "strange",
    [
        {"failed": True, "msg": "broken"},
        {"unreachable": True},
        dict(result(), observed=[]),
        result(dict(FLOW, remote="everybody")),
        result(dict(FLOW, port=70000)),
        result(since="long ago"),
        result(status="fine"),
        None,
    ],
    ids=["failed", "unreachable", "a-list", "no-address", "no-port", "no-time", "no-status", "nothing"],
)
def test_a_host_without_a_credible_result_is_named(table, strange):
    assert table({"n11": result(), "n12": strange}) == [
        f"A restriction of 1 host would have refused nobody since {EARLY}.",
        UNKNOWN,
    ]


def test_a_single_host_without_a_credible_result_is_named_too(table):
    assert table({"n12": dict(result(), observed={"connections": 0})}) == [UNKNOWN]


def test_a_long_table_is_cut_and_says_so(table):
    flows = [dict(FLOW, remote=f"10.0.{number // 256}.{number % 256}") for number in range(1000)]
    lines = table({"n11": result(*flows)})
    assert len(lines) == 1 + 200 + 2
    assert lines[-2] == "... and 800 more lines: see the result of each host"
    assert "412,000 new connections" in lines[-1]


def test_no_control_character_reaches_the_terminal(table):
    lines = table({"n11": result(dict(FLOW, services=["sql\x1b[2J"]))})
    assert all(line.isprintable() for line in lines)
