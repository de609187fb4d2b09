# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that must not work, against the table read pair by pair."""

from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._flows import bundles, select, with_any_node
from ansible_collections.exasol_community.network.plugins.module_utils._forbidden import Forbidden
from ansible_collections.exasol_community.network.plugins.module_utils._table import TABLE
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import WORLD, host, members_of, naive_flow, naive_members, network

HOSTS = [party for party in WORLD if party.managed]
NODES = ("any_node", "database_node")
N1, CLIENT, ADMIN = host("n1", "192.0.2.11"), host("client", "192.0.2.21"), host("admin", "192.0.2.22")


def forbidden(members, hosts, **wishes):
    """Return what must not work: (source, service, destination) -> ports."""
    planned = Forbidden(bundles(select(TABLE.services_of("8"), **wishes), with_any_node(members))).probes(hosts)
    return {(source, entry["service"], name): ports_of(entry["ports"]) for source, entries in planned.items() for entry in entries
            for name in entry["destinations"]}


def test_what_the_table_does_not_allow_must_not_work():
    found = forbidden({"database_node": [N1], "client": [CLIENT], "admin_network": [ADMIN]}, [N1, CLIENT, ADMIN])
    assert found == {
        ("client", "admin_api", "n1"): {4444}, ("client", "exasol_admin", "n1"): {8443}, ("client", "cos_ssh", "n1"): {20002},
        ("client", "confd", "n1"): {20003},
        ("client", "subconnection_in", "n1"): set(range(20000, 21001)),
        ("admin", "sql_client", "n1"): {8563}, ("admin", "bucketfs", "n1"): {2580},
        ("admin", "subconnection_in", "n1"): set(range(20000, 21001)) - {20002, 20003},
    }


def test_what_another_row_allows_is_taken_out_of_a_range():
    found = forbidden({"database_node": [N1], "client": [CLIENT], "admin_network": [ADMIN]}, [ADMIN, CLIENT], include=["client_subconnection"])
    assert ("client", "subconnection_in", "n1") not in found
    assert ("client", "cos_ssh", "n1") not in found, "the optional range holds it"
    assert found[("admin", "client_subconnection", "n1")] == set(range(20000, 21001)) - {20002, 20003}


def test_nodes_of_one_cluster_are_never_forbidden_anything():
    nodes = [host("a1", cluster="a"), host("a2", cluster="a"), host("b1", cluster="b")]
    found = forbidden({"database_node": nodes, "client": [CLIENT]}, nodes)
    assert [flow for flow in found if flow[0] in ("a1", "a2") and flow[2] in ("a1", "a2")] == []
    assert found[("b1", "bucketfs", "a1")] == {2580}
    assert ("b1", "sql_client", "a1") not in found, "a database that loads from another is its client"


def test_entries_are_expected_to_be_blocked():
    planned = Forbidden(bundles(select(TABLE.services_of("8")), with_any_node({"database_node": [N1], "client": [CLIENT]}))).probes([CLIENT, ADMIN])
    assert {entry["expected"] for entries in planned.values() for entry in entries} == {"blocked"}


def test_a_host_inside_an_allowed_network_is_allowed():
    inside, outside = host("inside", "198.51.100.7"), host("outside", "203.0.113.7")
    found = forbidden({"database_node": [N1], "client": [network("198.51.100.0/24")]}, [inside, outside])
    assert ("outside", "sql_client", "n1") in found
    assert ("inside", "sql_client", "n1") not in found


def naive(members, services, source, destination, service):
    """Return the ports that this row offers at the destination and that no row allows the source."""
    if source == destination or not (source.managed and destination.managed) or destination not in members.get(service.destination, ()):
        return set()
    nodes = set().union(*(members.get(peer, set()) for peer in NODES))
    if source.cluster == destination.cluster and {source, destination} <= nodes:
        return set()
    ports = ports_of(service.ports_text)
    for other in services:
        if other.protocol == service.protocol and naive_flow(other, members, source, destination):
            ports -= ports_of(other.ports_text)
    return ports


@given(members_of(TABLE.peers))
def test_forbidden_is_what_no_row_allows(members):
    # A row whose source nobody plays is not planned at all, as DESIGN has it for flows.
    played = naive_members(members)
    services = [service for service in select(TABLE.services_of("8")) if played.get(service.source) and played.get(service.destination)]
    found = forbidden(members, HOSTS)
    for service in services:
        if service.direction == "incoming" and service.probe != "none":
            for source in HOSTS:
                for destination in HOSTS:
                    expected = naive(played, services, source, destination, service)
                    assert found.get((source.name, service.name, destination.name), set()) == expected


@given(members_of(TABLE.peers))
def test_nothing_is_both_required_and_forbidden(members):
    played = naive_members(members)
    by_name = {party.name: party for party in WORLD}
    for (source, unused, destination), ports in forbidden(members, HOSTS).items():
        for service in select(TABLE.services_of("8")):
            if service.protocol == "tcp" and naive_flow(service, played, by_name[source], by_name[destination]):
                assert not ports & ports_of(service.ports_text)
