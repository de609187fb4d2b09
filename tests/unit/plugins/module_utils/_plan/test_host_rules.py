# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a host against the rows of the table, pair by pair and port by port."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.denied_flows import (
    Forbidden,
    closed,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import (
    bundles,
    select,
    with_any_node,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.host_rules import (
    rules,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._values.addresses import sort_key
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    ONE_ENDED,
    WORLD,
    foreign,
    host,
    members_of,
    naive_flow,
    naive_members,
    network,
)

HOSTS = [party for party in WORLD if party.managed]
OPTIONAL = ["bucketfs_https", "install_ssh", "client_subconnection"]
ANY = {"any"}


def rules_of(members, hosts, release="8", include=(), overrides=None):
    """Return the rules of some members."""
    return rules(
        bundles(select(TABLE.services_of(release, overrides), include), with_any_node(members)), hosts
    )


def opened(entries):
    """Return what rules open: (direction, protocol, address) -> ports, or any."""
    found = {}
    for entry in entries:
        for address in entry["addresses"]:
            found.setdefault((entry["direction"], entry["protocol"], address), set()).update(
                ANY if entry["ports"] == "any" else ports_of(entry["ports"])
            )
    return found


def permitted(services, members, own):
    """Return what the table permits one host, in the form of opened()."""
    found = {}
    for other in WORLD:
        for service in services:
            sides = [
                ("out", naive_flow(service, members, own, other)),
                ("in", naive_flow(service, members, other, own) and service.name not in ONE_ENDED),
            ]
            for direction, allowed in sides:
                for address in other.addresses if allowed else ():
                    ports = ANY if service.protocol == "any" else ports_of(service.ports_text)
                    found.setdefault((direction, service.protocol, address), set()).update(ports)
    return found


@given(members_of(TABLE.peers), st.sampled_from(["kb", "7.1", "8"]), st.booleans())
def test_rules_open_what_the_table_permits_and_nothing_more(members, release, optional):
    include = [name for name in OPTIONAL if optional and release == "8"]
    services = select(TABLE.services_of(release), include)
    found = rules_of(members, HOSTS, release, include)
    assert sorted(found) == sorted(party.name for party in HOSTS)
    for own in HOSTS:
        assert opened(found[own.name]) == permitted(services, naive_members(members), own)


@given(members_of(TABLE.peers), st.permutations(HOSTS))
def test_rules_have_one_canonical_form(members, hosts):
    found = rules_of(members, HOSTS)
    turned = {peer: list(reversed(parties)) for peer, parties in members.items()}
    assert rules_of(turned, hosts) == found
    for entries in found.values():
        keys = [(entry["direction"], entry["protocol"], entry["ports"]) for entry in entries]
        assert [key[0] for key in keys] == sorted(key[0] for key in keys)
        for entry in entries:
            assert entry["addresses"] == sorted(set(entry["addresses"]), key=sort_key)
            assert entry["services"] == sorted(set(entry["services"]))


@given(members_of(TABLE.peers))
def test_no_address_meets_a_port_twice(members):
    for entries in rules_of(members, HOSTS, include=OPTIONAL).values():
        places = [
            (entry["direction"], entry["protocol"], address)
            for entry in entries
            for address in entry["addresses"]
        ]
        assert len(places) == len(set(places)), "ranges of one source and protocol are not merged"


def test_a_row_of_both_directions_is_a_rule_at_each_end():
    nodes = [host("n1", "192.0.2.11"), host("n2", "192.0.2.12")]
    assert rules_of({"database_node": nodes}, nodes, "kb")["n1"] == [
        {
            "direction": direction,
            "protocol": "tcp",
            "ports": "20000-21000",
            "addresses": ["192.0.2.12"],
            "services": ["subconnection_in", "subconnection_out"],
        }
        for direction in ("in", "out")
    ]


def test_ports_inside_a_range_stay_closed_for_others():
    node, admin = host("n1", "192.0.2.11"), host("admin", "192.0.2.22")
    found = opened(rules_of({"database_node": [node], "admin_network": [admin]}, [node])["n1"])
    assert found == {("in", "tcp", "192.0.2.22"): {4444, 8443, 20002, 20003}}


def test_rows_inside_a_range_are_merged_for_who_has_both():
    node, both = host("n1", "192.0.2.11"), host("both", "192.0.2.22")
    (entry,) = rules_of(
        {"database_node": [node], "admin_network": [both], "client": [both]},
        [node],
        include=["client_subconnection"],
    )["n1"][:1]
    assert (entry["ports"], entry["addresses"]) == ("2580,4444,8443,8563,20000-21000", ["192.0.2.22"])
    assert {"client_subconnection", "confd", "cos_ssh"} <= set(entry["services"])


def test_replies_and_active_ftp_open_nothing_at_the_far_end():
    node, client, files = host("n1", "192.0.2.11"), host("client", "192.0.2.21"), host("files", "192.0.2.31")
    found = rules_of({"database_node": [node], "client": [client], "ftp_server": [files]}, [client, files])
    assert [entry for entry in found["client"] if entry["direction"] == "in"] == []
    assert opened(found["files"]) == {("in", "tcp", "192.0.2.11"): {21} | set(range(49152, 65536))}


def test_nodes_of_another_cluster_are_not_let_in_by_any_protocol():
    nodes = [
        host("a1", "192.0.2.1", cluster="a"),
        host("a2", "192.0.2.2", cluster="a"),
        host("b1", "192.0.2.3", cluster="b"),
    ]
    found = opened(rules_of({"database_node": nodes}, nodes)["a1"])
    assert found[("in", "any", "192.0.2.2")] == ANY
    assert ("in", "any", "192.0.2.3") not in found
    assert (
        found[("in", "tcp", "192.0.2.3")]
        == found[("out", "tcp", "192.0.2.3")]
        == {8563} | set(range(20000, 21001))
    )
    assert found[("in", "tcp", "192.0.2.2")] == set(range(20000, 21001))


def test_networks_and_names_stand_in_rules():
    node = host("n1", "192.0.2.11")
    found = opened(
        rules_of(
            {
                "database_node": [node],
                "client": [network("198.51.100.0/24")],
                "oracle": [foreign("oracle.example.com")],
            },
            [node],
        )["n1"]
    )
    assert found[("in", "tcp", "198.51.100.0/24")] == {8563, 2580}
    assert found[("out", "tcp", "oracle.example.com")] == {1521}


def refusable(release, members, own, **wishes):
    """Return the ports that a host's rules name, those without an address included, by protocol."""
    hosts = [party for parties in members.values() for party in parties if party.managed]
    rows, members = TABLE.services_of(release, wishes.get("overrides")), with_any_node(members)
    chosen = select(rows, wishes.get("include", ()), wishes.get("exclude", ()))
    found = bundles(chosen, members)
    unused = closed(rows, chosen, wishes.get("exclude", ()), members)
    ruled = rules(found, hosts, Forbidden(found, unused).incoming)
    named = {}
    for entry in ruled[own.name]:
        if entry["direction"] == "in" and entry["ports"] != "any":
            named.setdefault(entry["protocol"], []).append(ports_of(entry["ports"]))
    return {protocol: set().union(*several) for protocol, several in named.items()}, ruled


RANGE = set(range(20000, 21001))
WHOLE = {2580, 2581, 4444, 8443, 8563} | RANGE


@pytest.mark.parametrize(
    "release, peers, wishes, expected",
    [
        ("8", {}, {}, WHOLE),
        ("8", {"client": "c"}, {}, WHOLE),
        ("8", {"admin_network": "c"}, {}, WHOLE),
        ("8", {"client": "c", "admin_network": "c"}, {"include": ["bucketfs_https"]}, WHOLE),
        (
            "8",
            {"client": "c"},
            {"overrides": {"admin_api": 9444, "bucketfs_https": 6583}},
            WHOLE - {4444, 2581} | {9444, 6583},
        ),
        ("8", {"client": "c"}, {"exclude": ["exasol_admin", "bucketfs_https"]}, WHOLE - {8443, 2581}),
        ("kb", {}, {}, {8563} | RANGE),
        ("7.1", {}, {}, {22, 80, 443, 2580, 8563} | RANGE),
    ],
    ids=["nobody", "clients alone", "admins alone", "all", "other ports", "excluded rows", "kb", "7.1"],
)
def test_the_rules_name_every_service_port_of_the_table(release, peers, wishes, expected):
    node = host("n1", "192.0.2.11")
    members = {"database_node": [node], **{peer: [host(name, "192.0.2.21")] for peer, name in peers.items()}}
    assert refusable(release, members, node, **wishes)[0] == {"tcp": expected}


@given(members_of(TABLE.peers))
def test_ports_that_nobody_may_use_open_nothing(members):
    rows, complete = TABLE.services_of("8"), with_any_node(members)
    chosen = select(rows)
    found = bundles(chosen, complete)
    before = rules(found, HOSTS)
    after = rules(found, HOSTS, Forbidden(found, closed(rows, chosen, (), complete)).incoming)
    for name, entries in after.items():
        assert [entry for entry in entries if entry["addresses"]] == before[name]
        used = set().union(
            *(
                ports_of(entry["ports"])
                for entry in before[name]
                if entry["direction"] == "in" and entry["ports"] != "any"
            )
        )
        for entry in entries:
            if not entry["addresses"]:
                assert entry["direction"] == "in" and not ports_of(entry["ports"]) & used


def test_a_host_that_plays_nothing_has_no_rules():
    idle, node = host("idle", "192.0.2.99"), host("n1", "192.0.2.11")
    assert rules_of({"database_node": [node], "client": [host("c", "192.0.2.21")]}, [idle]) == {"idle": []}


def test_overrides_reach_the_rules():
    node, client = host("n1", "192.0.2.11"), host("client", "192.0.2.21")
    found = opened(
        rules_of({"database_node": [node], "client": [client]}, [node], overrides={"sql_client": 9563})["n1"]
    )
    assert found[("in", "tcp", "192.0.2.21")] == {9563, 2580}
