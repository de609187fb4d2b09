# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan as a whole."""

import json

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import (
    Wishes,
    flow_count,
    make_plan,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    WORLD,
    foreign,
    host,
    members_of,
    network,
)

N1, N2, CLIENT, IDLE = (
    host("n1", "192.0.2.11"),
    host("n2", "192.0.2.12"),
    host("client", "192.0.2.21"),
    host("idle", "192.0.2.99"),
)
CLUSTER = {"database_node": [N1, N2], "client": [CLIENT]}


def plan(members=None, hosts=(), **wishes):
    """Return a plan."""
    return make_plan(Wishes(**wishes), CLUSTER if members is None else members, hosts)


def test_plan_is_indexed_by_host():
    found = plan(hosts=[IDLE])
    assert sorted(found) == [
        "connections",
        "hosts",
        "not_covered",
        "notes",
        "release",
        "unassigned",
        "untestable",
    ]
    assert sorted(found["hosts"]) == ["client", "idle", "n1", "n2"]
    assert found["hosts"]["n1"]["peers"] == ["any_node", "database_node"]
    assert found["hosts"]["n1"]["addresses"] == ["192.0.2.11"]
    assert found["hosts"]["n1"]["endpoints"] == [
        {"address": "192.0.2.11", "protocol": "tcp", "ports": "2580,8563,20000-21000"}
    ]
    assert found["hosts"]["idle"] == {
        "peers": [],
        "addresses": ["192.0.2.99"],
        "external": [],
        "cluster": "",
        "probes": [],
        "endpoints": [],
        "rules": [],
    }


def test_flows_are_counted_one_for_each_source_destination_and_service():
    assert flow_count(plan()) == 2 * 2 + 2


def test_plan_is_plain_data():
    found = plan(hosts=[IDLE], check_denied=True)
    assert json.loads(json.dumps(found)) == found


def test_ranges_within_a_cluster_are_told_from_those_to_others():
    nodes = [
        host(name, f"192.0.2.{index}", cluster=name[0]) for index, name in enumerate(("a1", "a2", "b1"), 11)
    ]
    found = plan(
        {"database_node": nodes, "client": [CLIENT]}, release="8.29.13", include=["client_subconnection"]
    )["hosts"]
    asked = {
        (source, name, entry["service"], entry.get("own_cluster", False))
        for source, entries in found.items()
        for entry in entries["probes"]
        for name in entry["destinations"]
        if "20000-21000" in entry["ports"]
    }
    row = "subconnection_in"
    assert {one for one in asked if one[2] == row} == {
        ("a1", "a2", row, True),
        ("a2", "a1", row, True),
        ("a1", "b1", row, False),
        ("a2", "b1", row, False),
        ("b1", "a1", row, False),
        ("b1", "a2", row, False),
    }
    assert {one for one in asked if one[0] == "client"} == {
        ("client", node.name, "client_subconnection", False) for node in nodes
    }
    # Single ports have no limit anyway, so nothing is said of them.
    assert not any(
        "own_cluster" in entry
        for entries in found.values()
        for entry in entries["probes"]
        if entry["ports"] == "8563"
    )


def test_order_of_hosts_does_not_matter_to_the_content():
    assert plan(hosts=[IDLE, N1]) == plan({"client": [CLIENT], "database_node": [N1, N2]}, hosts=[N1, IDLE])


def test_check_denied_adds_what_must_not_work():
    found = plan(hosts=[IDLE], check_denied=True)["hosts"]
    assert {entry["service"]: entry["expected"] for entry in found["idle"]["probes"]} == dict.fromkeys(
        [
            "sql_client",
            "bucketfs",
            "subconnection_in",
            "admin_api",
            "exasol_admin",
            "cos_ssh",
            "confd",
            "bucketfs_https",
        ],
        "denied",
    )
    assert {entry["expected"] for entry in found["n1"]["probes"]} == {"reachable"}
    assert found["idle"]["rules"] == []


def test_what_must_not_work_is_listened_for_too():
    nodes = {"database_node": [N1], "admin_network": [host("admin")]}
    listens = plan(nodes, hosts=[CLIENT], check_denied=True)["hosts"]["n1"]["endpoints"]
    assert listens == [
        {"address": "192.0.2.11", "protocol": "tcp", "ports": "2580-2581,4444,8443,8563,20000-21000"}
    ]


def test_release_and_overrides_are_used():
    found = plan(release="kb", overrides={"sql_client": 9563})
    assert (found["release"], found["hosts"]["client"]["probes"][0]["ports"]) == ("kb", "9563")
    assert [entry["service"] for entry in found["hosts"]["client"]["probes"]] == ["sql_client"]


def test_include_and_exclude_are_used():
    found = plan(include=["client_subconnection"], exclude=["bucketfs"])
    assert [entry["service"] for entry in found["hosts"]["client"]["probes"]] == [
        "sql_client",
        "client_subconnection",
    ]


@pytest.mark.parametrize(
    "wishes, fragments",
    [
        ({"release": "9"}, ["'9'", "kb, 7.1, 8"]),
        ({"include": ["nonsense"]}, ["include", "'nonsense'", "no row at all"]),
        ({"exclude": ["nonsense"]}, ["exclude", "'nonsense'", "no row at all"]),
        ({"include": ["os_ssh"]}, ["include", "'os_ssh'", "another release"]),
        ({"exclude": ["sql_client"], "include": ["sql_client"]}, ["'sql_client'", "both"]),
        ({"overrides": {"nonsense": 1}}, ["override", "'nonsense'"]),
        ({"overrides": {"sql_client": 0}}, ["'sql_client'", "port 0"]),
    ],
    ids=repr,
)
def test_wish_that_cannot_be_met_is_named(wishes, fragments):
    assert_names(refusal(plan, **wishes), fragments)


def test_unknown_peer_is_named():
    assert_names(refusal(plan, {"databse_node": [N1]}), ["'databse_node'", "database_node"])


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"database_node": [N1]},
        {"client": [CLIENT]},
        {"oracle": [foreign("203.0.113.5")]},
        {"database_node": [N1], "client": [N1]},
    ],
    ids=["nobody", "one node", "clients alone", "partners alone", "with itself alone"],
)
def test_empty_plan_is_refused(members):
    assert_names(
        refusal(plan, members),
        [
            "the plan is empty",
            "exasol_nodes",
            "exasol_peers",
            "oracle" if "oracle" not in members else "client",
        ],
    )


def test_a_plan_without_rows_is_refused_in_whole_sentences():
    text = refusal(plan, exclude=[service.name for service in TABLE.rows("8") if service.need == "required"])
    assert_names(text, ["the plan is empty"])
    assert "plays ." not in text


@pytest.mark.parametrize(
    "members",
    [
        {"database_node": [N1], "client": [network("198.51.100.0/24")]},
        {"database_node": [N1], "oracle": [foreign("203.0.113.5")]},
    ],
    ids=["networks as clients", "partners alone"],
)
def test_a_plan_with_rules_alone_is_not_empty(members):
    assert plan(members)["hosts"]["n1"]["rules"]


def test_unassigned_peers_are_told():
    assert "oracle" in plan()["unassigned"]
    assert "client" not in plan()["unassigned"]


def hosts_of(members):
    """Return the hosts of a plan, none if it would be empty."""
    try:
        return make_plan(Wishes(), members, [])["hosts"]
    except NetworkError:
        return {}


@given(members_of(TABLE.peers))
def test_every_managed_party_is_a_host_of_the_plan(members):
    managed = {party.name for parties in members.values() for party in parties if party.managed}
    hosts = hosts_of(members)
    assert not hosts or set(hosts) == managed
    for name, found in hosts.items():
        played = {peer for peer, parties in members.items() for party in parties if party.name == name}
        assert set(found["peers"]) == played | ({"any_node"} if "database_node" in played else set())
        assert found["addresses"] == list({party.name: party.addresses for party in WORLD}[name])


@pytest.mark.parametrize(
    ("clusters", "fragments"),
    [
        pytest.param(("", ""), [], id="one cluster without a name"),
        pytest.param(("east", "west"), [], id="two names"),
        pytest.param(("east", "east"), [], id="one name"),
        pytest.param(("east", ""), ["(n2)", "'east'", "set it for them"], id="one without a name"),
        pytest.param(("East", "east"), ["'East' and 'east'", "different clusters"], id="two spellings"),
    ],
)
def test_nodes_that_are_perhaps_in_another_cluster_than_is_meant_are_noted(clusters, fragments):
    nodes = [
        host(f"n{number}", f"192.0.2.{10 + number}", cluster=cluster)
        for number, cluster in enumerate(clusters, 1)
    ]
    notes = [note for note in plan({"database_node": nodes})["notes"] if "exasol_cluster" in note]
    assert bool(notes) == bool(fragments)
    assert_names(" ".join(notes), fragments)
