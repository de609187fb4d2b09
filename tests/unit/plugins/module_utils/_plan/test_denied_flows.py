# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that must not work, against the table read pair by pair."""

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._plan.denied_flows import (
    Forbidden,
    closed,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import (
    bundles,
    select,
    with_any_node,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    WORLD,
    host,
    members_of,
    naive_flow,
    naive_members,
    network,
)

HOSTS = [party for party in WORLD if party.managed]
NODES = ("any_node", "database_node")
N1, CLIENT, ADMIN = host("n1", "192.0.2.11"), host("client", "192.0.2.21"), host("admin", "192.0.2.22")


def forbidden(members, hosts, **wishes):
    """Return what must not work: (source, service, destination) -> ports."""
    rows, members = TABLE.services_of("8"), with_any_node(members)
    chosen = select(rows, **wishes)
    planned = Forbidden(
        bundles(chosen, members), closed(rows, chosen, wishes.get("exclude", ()), members)
    ).probes(hosts)
    return {
        (source, entry["service"], name): ports_of(entry["ports"])
        for source, several in planned.items()
        for entry in [probe.as_dict() for probe in several]
        for name in entry["destinations"]
    }


def test_what_the_table_does_not_allow_must_not_work():
    found = forbidden(
        {"database_node": [N1], "client": [CLIENT], "admin_network": [ADMIN]}, [N1, CLIENT, ADMIN]
    )
    assert found == {
        ("client", "admin_api", "n1"): {4444},
        ("client", "exasol_admin", "n1"): {8443},
        ("client", "cos_ssh", "n1"): {20002},
        ("client", "confd", "n1"): {20003},
        ("client", "subconnection_in", "n1"): set(range(20000, 21001)),
        ("admin", "sql_client", "n1"): {8563},
        ("admin", "bucketfs", "n1"): {2580},
        ("admin", "subconnection_in", "n1"): set(range(20000, 21001)) - {20002, 20003},
        ("client", "bucketfs_https", "n1"): {2581},
        ("admin", "bucketfs_https", "n1"): {2581},
    }


NOBODYS = {
    "admin_api": {4444},
    "exasol_admin": {8443},
    "cos_ssh": {20002},
    "confd": {20003},
    "bucketfs_https": {2581},
}


def test_services_that_nobody_plays_must_not_work_either():
    found = forbidden({"database_node": [N1], "client": [CLIENT]}, [N1, CLIENT])
    subconnections = {("client", "subconnection_in", "n1"): set(range(20000, 21001))}
    assert found == {
        **subconnections,
        **{("client", service, "n1"): ports for service, ports in NOBODYS.items()},
    }


def test_a_service_without_its_offerers_is_nobodys_either():
    assert forbidden({"client": [CLIENT], "admin_network": [ADMIN]}, [CLIENT, ADMIN]) == {}


def test_an_excluded_row_is_left_alone():
    found = forbidden(
        {"database_node": [N1], "client": [CLIENT]}, [CLIENT], exclude=["admin_api", "bucketfs_https"]
    )
    assert {service for unused, service, other in found} == {
        "exasol_admin",
        "cos_ssh",
        "confd",
        "subconnection_in",
    }


def test_an_optional_row_that_nobody_includes_does_not_forbid_ssh():
    assert all(
        22 not in ports for ports in forbidden({"database_node": [N1], "client": [CLIENT]}, [CLIENT]).values()
    )
    included = forbidden(
        {"database_node": [N1], "client": [CLIENT], "install_host": [ADMIN]},
        [CLIENT],
        include=["install_ssh"],
    )
    assert included[("client", "install_ssh", "n1")] == {22}


def test_what_another_row_allows_is_taken_out_of_a_range():
    found = forbidden(
        {"database_node": [N1], "client": [CLIENT], "admin_network": [ADMIN]},
        [ADMIN, CLIENT],
        include=["client_subconnection"],
    )
    assert ("client", "subconnection_in", "n1") not in found
    assert ("client", "cos_ssh", "n1") not in found, "the optional range holds it"
    assert found[("admin", "client_subconnection", "n1")] == set(range(20000, 21001)) - {20002, 20003}


def test_nodes_of_one_cluster_are_never_forbidden_anything():
    nodes = [host("a1", cluster="a"), host("a2", cluster="a"), host("b1", cluster="b")]
    found = forbidden({"database_node": nodes, "client": [CLIENT]}, nodes)
    assert [flow for flow in found if flow[0] in ("a1", "a2") and flow[2] in ("a1", "a2")] == []
    assert found[("b1", "bucketfs", "a1")] == {2580}
    assert ("b1", "sql_client", "a1") not in found, "a database that loads from another is its client"


def test_entries_are_expected_to_be_denied():
    planned = Forbidden(
        bundles(select(TABLE.services_of("8")), with_any_node({"database_node": [N1], "client": [CLIENT]}))
    ).probes([CLIENT, ADMIN])
    assert {probe.expected for several in planned.values() for probe in several} == {"denied"}


def test_a_host_inside_an_allowed_network_is_allowed():
    inside, outside = host("inside", "198.51.100.7"), host("outside", "203.0.113.7")
    found = forbidden({"database_node": [N1], "client": [network("198.51.100.0/24")]}, [inside, outside])
    assert ("outside", "sql_client", "n1") in found
    assert ("inside", "sql_client", "n1") not in found


def naive(members, services, source, destination, service):
    """Return the ports that this row offers at the destination and that no row allows the source."""
    if (
        source == destination
        or not (source.managed and destination.managed)
        or destination not in members.get(service.destination, ())
    ):
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
    # Whether anybody plays the source of a row does not matter: where nobody does, nobody is allowed.
    played = naive_members(members)
    rows = TABLE.services_of("8")
    services = select(rows)
    found = forbidden(members, HOSTS)
    for source in HOSTS:
        for destination in HOSTS:
            expected, said = set(), set()
            for service in rows:
                if service.direction == "incoming" and service.probe != "none":
                    offered = naive(played, services, source, destination, service)
                    expected |= offered if service.need == "required" else offered - {22}
                    if service.need == "required":
                        assert found.get((source.name, service.name, destination.name), set()) == offered
                    said |= found.get((source.name, service.name, destination.name), set())
            assert said == expected


@given(members_of(TABLE.peers))
def test_nothing_is_both_required_and_forbidden(members):
    played = naive_members(members)
    by_name = {party.name: party for party in WORLD}
    for (source, unused, destination), ports in forbidden(members, HOSTS).items():
        for service in select(TABLE.services_of("8")):
            if service.protocol == "tcp" and naive_flow(
                service, played, by_name[source], by_name[destination]
            ):
                assert not ports & ports_of(service.ports_text)


def controls(members, hosts, present=None, **wishes):
    """Return the probes that prove what nobody else may: (source, service, destination) -> ports."""
    made = make_plan(Wishes(check_denied=True, **wishes), members, hosts if present is None else present)
    plain = make_plan(Wishes(**wishes), members, hosts if present is None else present)
    flows = [
        {
            (source, entry["service"], name): ports_of(entry["ports"])
            for source, host in plan["hosts"].items()
            for entry in host["probes"]
            for name in entry["destinations"]
            if entry["expected"] == "reachable"
        }
        for plan in (made, plain)
    ]
    return {flow: ports for flow, ports in flows[0].items() if flow not in flows[1]}


N2 = host("n2", "192.0.2.12")
FAR = host("far", "192.0.2.13", cluster="far")
EACH = {"admin_api": {4444}, "exasol_admin": {8443}, "bucketfs_https": {2581}}


def test_a_neighbour_proves_what_nobody_else_may_use():
    found = controls({"database_node": [N1, N2], "client": [CLIENT]}, [N1, N2, CLIENT])
    assert found == {
        (source, service, other): ports
        for source, other in (("n2", "n1"), ("n1", "n2"))
        for service, ports in EACH.items()
    }


@pytest.mark.parametrize(
    "members, wishes",
    [
        ({"database_node": [N1], "client": [CLIENT]}, {}),
        ({"database_node": [N1, FAR], "client": [CLIENT]}, {}),
        ({"database_node": [N1, N2], "client": [CLIENT]}, {"release": "kb"}),
        ({"database_node": [N1, N2], "client": [CLIENT]}, {"exclude": ["cluster_internal"]}),
    ],
    ids=[
        "alone",
        "the other one is of another cluster",
        "a release without the row for any protocol",
        "that row excluded",
    ],
)
def test_nobody_proves_it_who_may_not_himself(members, wishes):
    assert controls(members, [CLIENT], **wishes) == {}


def test_a_neighbour_of_this_run_is_preferred():
    n3 = host("n3", "192.0.2.14")
    found = controls({"database_node": [N1, N2, n3], "client": [CLIENT]}, [], present=[n3, CLIENT])
    assert {source for source, unused, destination in found if destination != "n3"} == {"n3"}


@given(members_of(TABLE.peers))
def test_controls_ask_for_what_is_forbidden_to_somebody_and_proven_by_nobody_else(members):
    wanted = forbidden(members, HOSTS)
    try:
        found = controls(members, HOSTS)
    except NetworkError:
        return  # an empty plan
    by_name = {party.name: party for party in WORLD}
    for (source, service, destination), ports in found.items():
        assert by_name[source].cluster == by_name[destination].cluster and source != destination
        refused = set().union(*(some for flow, some in wanted.items() if flow[1:] == (service, destination)))
        assert ports <= refused
