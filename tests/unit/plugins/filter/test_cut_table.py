# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of live connections that changes of firewalls would refuse."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.filter.cut_table import FilterModule

FLOW = {
    "remote": "198.51.100.99",
    "direction": "in",
    "protocol": "tcp",
    "port": 8563,
    "services": ["bucketfs", "sql_client"],
    "connections": 12,
    "certain": True,
    "open_connections": "continue",
}


def result(*flows):
    return {
        "changed": True,
        "provider": "nftables",
        "cut": {
            "remotes": len({flow["remote"] for flow in flows}),
            "connections": sum(flow["connections"] for flow in flows),
            "flows": list(flows),
        },
    }


@pytest.fixture
def table():
    """Return the filter as Ansible finds it."""
    return FilterModule().filters()["cut_table"]


def test_each_flow_is_a_line(table):
    perhaps = dict(
        FLOW, remote="2001:db8::99", services=[], connections=1234, certain=False, open_connections="unknown"
    )
    ended = dict(FLOW, direction="out", port=1521, services=["oracle"], open_connections="end")
    assert table({"n11": result(FLOW, perhaps), "node12": result(ended), "n13": result()}) == [
        "HOST    REMOTE         FLOW          SERVICE               CONNECTIONS      OPEN ONES",
        "n11     198.51.100.99  in tcp 8563   bucketfs, sql_client  12               continue",
        "n11     2001:db8::99   in tcp 8563   -                     1,234 (perhaps)  may be cut",
        "node12  198.51.100.99  out tcp 1521  oracle                12               are cut",
        "The changes of 3 hosts would refuse 1,258 live connections.",
    ]


def test_nothing_is_said_to_be_refused_only_of_hosts_that_were_asked(table):
    without_firewall = {"changed": False, "provider": "", "msg": "no firewall runs"}
    assert table({"n11": result(), "n12": without_firewall, "n13": {"skipped": True}}) == [
        "The changes of 3 hosts would refuse no live connection."
    ]


@pytest.mark.parametrize(
    "strange",
    [
        {"failed": True, "msg": "broken"},
        {"unreachable": True},
        dict(result(), cut=[]),
        result(dict(FLOW, remote="everybody")),
        result(dict(FLOW, port=70000)),
        dict(result(), cut={"remotes": 0, "connections": 0, "flows": [{}]}),
        None,
    ],
    ids=["failed", "unreachable", "a list", "no address", "no port", "an empty flow", "nothing"],
)
def test_a_host_without_a_credible_result_is_named(table, strange):
    assert table({"n11": result(), "n12": strange}) == [
        "The changes of 1 host would refuse no live connection.",
        "Nothing is known of n12: they failed, were unreachable, or were not asked yet.",
    ]


def test_alone_it_is_not_called_harmless(table):
    assert table({"n11": {"failed": True}}) == [
        "Nothing is known of n11: they failed, were unreachable, or were not asked yet."
    ]


def test_a_long_table_is_cut_and_says_so(table):
    flows = [dict(FLOW, remote=f"10.0.{number // 256}.{number % 256}") for number in range(1000)]
    lines = table({"n11": result(*flows)})
    assert len(lines) == 1 + 200 + 2
    assert lines[-2] == "... and 800 more lines: see the result of each host"
    assert "12,000 live connections" in lines[-1]


def test_no_control_character_reaches_the_terminal(table):
    lines = table({"n11": result(dict(FLOW, services=["sql\x1b[2J"]))})
    assert all(line.isprintable() for line in lines)
