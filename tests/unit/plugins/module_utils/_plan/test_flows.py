# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From rows and parties to bundles, probes, listens and what cannot be tested."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan import flows
from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import (
    NETWORK,
    UNMANAGED,
    bundles,
    select,
    with_any_node,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.table import TABLE
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, ports_of, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    WORLD,
    foreign,
    host,
    members_of,
    naive_flow,
    naive_members,
    network,
)

N1, N2, CLIENT = host("n1", "192.0.2.11"), host("n2", "192.0.2.12"), host("client", "192.0.2.21")

UNPROBED = {service.name: service.unprobed for service in TABLE.services if service.unprobed}


def found(members, release="8", **wishes):
    """Return the bundles of some members."""
    return bundles(select(TABLE.services_of(release), **wishes), with_any_node(members))


def probed(members, **wishes):
    """Return the flows of the probes: source, service and destination."""
    planned = flows.probes(found(members, **wishes))
    return {
        (source, probe.service.name, name)
        for source, several in planned.items()
        for probe in several
        for name in probe.destinations
    }


@pytest.mark.parametrize(
    "include, exclude, inside, outside",
    [
        ((), (), ["sql_client", "ftp_data"], ["bucketfs_https", "install_ssh", "client_subconnection"]),
        (["bucketfs_https"], (), ["sql_client", "bucketfs_https"], ["install_ssh"]),
        ((), ["sql_client", "oracle"], ["bucketfs"], ["sql_client", "oracle"]),
        (["sql_client"], (), ["sql_client"], []),
    ],
)
def test_optional_rows_are_taken_by_name_only(include, exclude, inside, outside):
    names = [service.name for service in select(TABLE.services_of("8"), include, exclude)]
    assert (set(inside) - set(names), set(outside) & set(names)) == (set(), set())


def test_a_row_both_included_and_excluded_is_named():
    assert_names(
        refusal(select, TABLE.services_of("8"), ["confd", "install_ssh"], ["install_ssh"]),
        ["'install_ssh'", "both included and excluded"],
    )


def test_any_node_holds_every_managed_database_node_once():
    admin = host("admin")
    complete = with_any_node({"database_node": [N1, N2, foreign("203.0.113.5")], "any_node": [admin, N1]})
    assert complete["any_node"] == (admin, N1, N2)
    assert with_any_node({})["any_node"] == ()


def test_both_directions_of_a_service_are_one_bundle():
    names = [bundle.names for bundle in found({"database_node": [N1, N2]})]
    assert ("subconnection_in", "subconnection_out") in names
    assert sum("subconnection_out" in group for group in names) == 1


def test_a_flow_needs_both_ends():
    assert found({"oracle": [foreign("203.0.113.5")]}) == []
    names = [bundle.names for bundle in found({"client": [CLIENT], "database_node": [N1]}, release="kb")]
    assert names == [("sql_client",), ("subconnection_in", "subconnection_out"), ("sql_client_out",)]


def test_nobody_probes_itself():
    assert probed({"database_node": [N1], "client": [N1]}) == set()
    assert ("n1", "subconnection_in", "n2") in probed({"database_node": [N1, N2]})


def test_only_managed_sources_probe_and_networks_are_no_destination():
    members = {"client": [foreign("203.0.113.5"), CLIENT], "database_node": [N1, network("198.51.100.0/24")]}
    assert {flow for flow in probed(members) if flow[1] == "sql_client"} == {("client", "sql_client", "n1")}


def test_rows_that_nothing_can_prove_are_not_probed():
    members = {"database_node": [N1, N2], "client": [CLIENT], "ftp_server": [host("files")]}
    names = {flow[1] for flow in probed(members)}
    assert names & set(UNPROBED) == set()
    assert {"sql_client", "subconnection_in", "ftp"} <= names


def test_probe_entry_is_plain_data():
    members = {"client": [CLIENT], "database_node": [host("n", "192.0.2.11", "2001:db8::11")]}
    (probe,) = [
        probe for probe in flows.probes(found(members))["client"] if probe.service.name == "sql_client"
    ]
    assert probe.as_dict() == {
        "service": "sql_client",
        "protocol": "tcp",
        "ports": "8563",
        "expected": "reachable",
        "destinations": {"n": ["192.0.2.11", "2001:db8::11"]},
    }


@given(members_of(TABLE.peers), st.sampled_from(["kb", "7.1", "8"]))
def test_probes_are_the_flows_of_the_table(members, release):
    services = select(TABLE.services_of(release))
    played = naive_members(members)
    # The two directions of one service are one flow, which carries the name of the first.
    naive = {
        (source.name, service.name, service.protocol, service.ports_text, destination.name)
        for service in services
        if service.probe != "none" and service.name != "subconnection_out"
        for source in WORLD
        if source.managed
        for destination in WORLD
        if not destination.network and naive_flow(service, played, source, destination)
    }
    entries = [
        (source, entry["service"], entry["protocol"], entry["ports"], name)
        for source, several in flows.probes(found(members, release)).items()
        for entry in [probe.as_dict() for probe in several]
        for name in entry["destinations"]
    ]
    assert set(entries) == naive
    assert len(entries) == len(set(entries)), "a flow is probed twice"


@given(members_of(TABLE.peers))
def test_every_probe_of_a_managed_host_meets_a_listen(members):
    planned = flows.probes(found(members))
    listens = flows.endpoints(planned, [party for party in WORLD if party.managed])
    naive = {}
    for several in planned.values():
        for entry in [probe.as_dict() for probe in several]:
            for name, addresses in entry["destinations"].items():
                for address in addresses if name in {party.name for party in WORLD if party.managed} else ():
                    naive.setdefault((name, address, entry["protocol"]), set()).update(
                        ports_of(entry["ports"])
                    )
    assert {
        (name, listen["address"], listen["protocol"]): ports_of(listen["ports"])
        for name, wanted in listens.items()
        for listen in wanted
    } == naive


def test_unassigned_are_the_peers_of_the_chosen_rows():
    members = with_any_node({"database_node": [N1], "client": []})
    left = flows.unassigned(select(TABLE.services_of("kb"), exclude=["oracle"]), members)
    assert left == [
        "client",
        "db2",
        "ftp_server",
        "ftps_server",
        "http_server",
        "https_server",
        "ldap_server",
        "ldaps_server",
        "mysql",
        "postgresql",
        "sftp_server",
        "sql_server",
        "sybase_ase",
    ]


def aside(members, **wishes):
    """Return what cannot be tested, by service and reason."""
    return {
        (entry["service"], entry["reason"]): (entry["sources"], entry["destinations"])
        for entry in flows.untestable(found(members, **wishes))
    }


def test_foreign_sources_and_networks_are_kept_with_the_reason():
    kept = aside(
        {
            "client": [network("198.51.100.0/24"), CLIENT, foreign("203.0.113.5")],
            "database_node": [N1],
            "oracle": [network("203.0.113.0/28")],
        }
    )
    assert kept[("sql_client", UNMANAGED)] == (["198.51.100.0/24", "203.0.113.5"], ["n1"])
    assert kept[("oracle", NETWORK)] == (["n1"], ["203.0.113.0/28"])


@pytest.mark.parametrize("name", sorted(UNPROBED))
def test_rows_without_a_probe_are_kept_with_their_reason(name):
    kept = aside({"database_node": [N1, N2], "client": [CLIENT], "ftp_server": [host("files")]})
    assert (name, TABLE.service(name).unprobed) in kept


def test_a_flow_that_is_probed_is_not_set_aside():
    assert {reason for service, reason in aside({"database_node": [N1, N2], "client": [CLIENT]})} <= set(
        UNPROBED.values()
    )


def test_what_never_happens_is_not_set_aside():
    assert aside({"client": [foreign("203.0.113.5")], "database_node": [foreign("203.0.113.6")]}) == {}
    assert aside({"database_node": [N1]}) == {}


def test_clusters_are_set_aside_each_for_itself():
    nodes = [host(name, cluster=name[0]) for name in ("a1", "a2", "b1", "b2")]
    entries = [
        entry
        for entry in flows.untestable(found({"database_node": nodes}))
        if entry["service"] == "cluster_internal"
    ]
    pairs = {
        (source, destination)
        for entry in entries
        for source in entry["sources"]
        for destination in entry["destinations"]
        if source != destination
    }
    assert pairs == {("a1", "a2"), ("a2", "a1"), ("b1", "b2"), ("b2", "b1")}


def test_subconnections_join_clusters_too():
    nodes = [host("a1", cluster="a"), host("b1", cluster="b")]
    assert ("a1", "subconnection_in", "b1") in probed({"database_node": nodes})


def test_the_database_port_joins_clusters_and_not_the_nodes_of_one():
    nodes = [host(name, cluster=name[0]) for name in ("a1", "a2", "b1")]
    joined = {
        (source, destination)
        for source, service, destination in probed({"database_node": nodes})
        if service == "exa_to_exa"
    }
    assert joined == {("a1", "b1"), ("a2", "b1"), ("b1", "a1"), ("b1", "a2")}
