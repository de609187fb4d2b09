# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two networks: who uses which address of a host, in probes, endpoints and rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.networks import (
    networks_of,
    networks_of_report,
)
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import (
    foreign,
    host,
    network,
)

CLIENT = host("client", "198.51.100.21")
SITES = {
    "private-only": ((), ()),
    "owned-or-nat": (("192.0.2.1",), ("192.0.2.2",)),
    "dns-name": (("n1.example.com",), ("n2.example.com",)),
    "ipv6-outside": (("2001:db8::1",), ("2001:db8::2",)),
    "both-families-outside": (("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2")),
    "one-node-only": (("192.0.2.1",), ()),
}


def cluster(name, subnet, *externals):
    """Return the nodes of a cluster, with private addresses in a subnet."""
    return [
        host(f"{name}{number}", f"10.{subnet}.0.{number}", cluster=name, external=tuple(external))
        for number, external in enumerate(externals, 1)
    ]


def plan(nodes, *clients, hosts=(), **wishes):
    """Return the plan of nodes and clients."""
    return make_plan(Wishes(**wishes), {"database_node": nodes, "client": list(clients)}, hosts)


def destinations(found, source, expected="reachable"):
    """Return what a host probes: destination -> addresses, of all services together."""
    result = {}
    for entry in found["hosts"][source]["probes"]:
        if entry["expected"] == expected:
            for name, addresses in entry["destinations"].items():
                result.setdefault(name, set()).update(addresses)
    return result


def ports_at(found, source, name, address, expected):
    """Return the TCP ports that a host probes at one address."""
    result = set()
    for entry in found["hosts"][source]["probes"]:
        is_asked = (entry["expected"], entry["protocol"]) == (expected, "tcp")
        if is_asked and address in entry["destinations"].get(name, ()):
            result |= ports_of(entry["ports"])
    return result


def peers_of(found, name, direction):
    """Return the addresses of a host's rules in one direction."""
    rules = found["hosts"][name]["rules"]
    return {address for rule in rules if rule["direction"] == direction for address in rule["addresses"]}


@pytest.mark.parametrize("externals", SITES.values(), ids=SITES)
def test_nodes_use_the_private_network_and_all_others_the_external_one(externals):
    nodes = cluster("n", 1, *externals)
    found = plan(nodes, CLIENT)
    assert destinations(found, "n1") == {"n2": {"10.1.0.2"}}
    assert destinations(found, "client") == {
        node.name: set(node.external or node.addresses) for node in nodes
    }
    assert peers_of(found, "client", "out") == {
        address for node in nodes for address in node.external or node.addresses
    }
    assert "10.1.0.1" in peers_of(found, "n2", "in")
    assert not peers_of(found, "n2", "in") & set(nodes[0].external)
    assert not peers_of(found, "n2", "out") & set(nodes[0].external)
    assert found["hosts"]["n1"]["addresses"] == ["10.1.0.1"]
    assert found["hosts"]["n1"]["external"] == list(externals[0])


@pytest.mark.parametrize("externals", SITES.values(), ids=SITES)
def test_an_external_address_is_listened_at_for_whoever_uses_it(externals):
    nodes = cluster("n", 1, *externals)
    for node, entries in zip(nodes, (plan(nodes, CLIENT)["hosts"][node.name]["endpoints"] for node in nodes)):
        assert {entry["address"] for entry in entries} == {*node.addresses, *node.external}
        for entry in entries:
            assert entry.get("behind") == (
                ["10.1.0." + node.name[1]] if entry["address"] in node.external else None
            )


def test_two_clusters_load_from_each_other_over_their_external_addresses():
    nodes = cluster("a", 1, ["192.0.2.1"], ["192.0.2.2"]) + cluster("b", 2, ["192.0.2.3"])
    found = plan(nodes, release="7.1")
    assert destinations(found, "a1") == {"a2": {"10.1.0.2"}, "b1": {"192.0.2.3"}}
    assert destinations(found, "b1") == {"a1": {"192.0.2.1"}, "a2": {"192.0.2.2"}}
    # Which of its addresses a node leaves with, its routes and NAT decide: both are those of that very host.
    assert peers_of(found, "b1", "in") == {"192.0.2.1", "10.1.0.1", "192.0.2.2", "10.1.0.2"}
    assert peers_of(found, "b1", "out") == {"192.0.2.1", "192.0.2.2"}


def test_nodes_without_a_name_of_their_cluster_are_one_cluster():
    nodes = [host("n1", "10.1.0.1", external=("192.0.2.1",)), host("n2", "10.1.0.2", external=("192.0.2.2",))]
    assert destinations(plan(nodes, CLIENT), "n1") == {"n2": {"10.1.0.2"}}


def test_a_node_that_is_a_client_too_stays_inside_of_its_cluster():
    nodes = cluster("n", 1, ["192.0.2.1"], ["192.0.2.2"])
    found = plan(nodes, CLIENT, nodes[0])
    assert destinations(found, "n1") == {"n2": {"10.1.0.2"}}


def test_a_client_in_the_inventory_belongs_to_no_cluster():
    nodes = cluster("", 1, ["192.0.2.1"], ["192.0.2.2"])
    client = host("client", "198.51.100.21", external=("203.0.113.21",))
    found = plan(nodes, client)
    assert destinations(found, "client") == {"1": {"192.0.2.1"}, "2": {"192.0.2.2"}}
    assert {"203.0.113.21", "198.51.100.21"} <= peers_of(found, "1", "in")


def test_partners_and_networks_stay_as_they_are():
    nodes = cluster("n", 1, ["192.0.2.1"], ["192.0.2.2"])
    found = make_plan(
        Wishes(),
        {"database_node": nodes, "client": [network("198.51.100.0/24")], "oracle": [foreign("203.0.113.5")]},
        [],
    )
    assert destinations(found, "n1") == {"n2": {"10.1.0.2"}, "203.0.113.5": {"203.0.113.5"}}
    assert peers_of(found, "n1", "in") == {"10.1.0.2", "198.51.100.0/24"}


def test_check_denied_wants_private_addresses_out_of_reach_for_whoever_is_outside():
    nodes = cluster("n", 1, ["192.0.2.1"], ["192.0.2.2"])
    found = plan(nodes, CLIENT, check_denied=True)
    # 8563 is what a client may use, and still not at the private address.
    assert 8563 in ports_at(found, "client", "n1", "192.0.2.1", "reachable")
    assert 8563 not in ports_at(found, "client", "n1", "192.0.2.1", "denied")
    denied = ports_at(found, "client", "n1", "10.1.0.1", "denied")
    assert {8563, 2580, 20000, 21000} <= denied
    assert not ports_at(found, "client", "n1", "10.1.0.1", "reachable")
    assert not destinations(found, "n1", "denied")
    # Whatever is denied, a node of the cluster shows at the private address that it works there.
    assert denied <= ports_at(found, "n2", "n1", "10.1.0.1", "reachable")
    listened = {entry["address"]: ports_of(entry["ports"]) for entry in found["hosts"]["n1"]["endpoints"]}
    assert denied <= listened["10.1.0.1"]


def test_check_denied_says_nothing_twice_of_a_private_port():
    nodes = cluster("n", 1, ["192.0.2.1"], ["192.0.2.2"])
    for entries in [plan(nodes, CLIENT, check_denied=True)["hosts"]["client"]["probes"]]:
        private = [entry for entry in entries if "10.1.0.1" in entry["destinations"].get("n1", ())]
        ports = [port for entry in private for port in ports_of(entry["ports"])]
        assert private and len(ports) == len(set(ports))


@pytest.mark.parametrize(
    ("addresses", "external", "private"),
    [
        (["10.1.0.1"], ["192.0.2.1"], {"10.1.0.1"}),
        (["10.1.0.1"], [], set()),
        (["10.1.0.1", "192.0.2.1"], ["192.0.2.1"], {"10.1.0.1"}),
        (["n1.example.com"], ["192.0.2.1"], set()),
        (["n1.example.com", "10.1.0.1"], ["n1.example.com"], {"10.1.0.1"}),
    ],
    ids=["private", "one-network", "one-is-both", "a-name-may-lead-elsewhere", "name-and-address"],
)
def test_only_addresses_of_the_private_network_are_private(addresses, external, private):
    nodes = [host("n1", *addresses, external=tuple(external)), host("n2", "10.1.0.2")]
    found = plan(nodes, CLIENT, check_denied=True)
    wanted = external or addresses
    assert destinations(found, "client", "denied").get("n1", set()) - set(wanted) == private - set(wanted)


NODES = st.lists(
    st.tuples(st.sampled_from(["", "a", "b"]), st.booleans(), st.booleans()), min_size=1, max_size=5
).map(
    lambda kinds: [
        (
            host(
                f"h{number}",
                f"10.0.0.{number}",
                cluster=name,
                external=(f"192.0.2.{number}",) if has_external else (),
            ),
            is_node,
        )
        for number, (name, has_external, is_node) in enumerate(kinds, 1)
    ]
)


@given(NODES)
def test_every_pair_uses_the_addresses_that_its_two_ends_say(kinds):
    nodes = [party for party, is_node in kinds if is_node]
    others = [party for party, is_node in kinds if not is_node]
    if not nodes:
        return
    found = plan(nodes, *others, CLIENT)
    report = {
        "addresses": {name: one["addresses"] for name, one in found["hosts"].items()},
        "external": {name: one["external"] for name, one in found["hosts"].items() if one["external"]},
        "clusters": {name: one["cluster"] for name, one in found["hosts"].items() if one["cluster"]},
        "peers": {"database_node": [node.name for node in nodes]},
    }
    for source in [*nodes, *others, CLIENT]:
        for destination in [*nodes, *others, CLIENT]:
            inside = source in nodes and destination in nodes and source.cluster == destination.cluster
            wanted = destination.addresses if inside or not destination.external else destination.external
            asked = destinations(found, source.name).get(destination.name)
            assert asked in (None, set(wanted))
            for networks in (networks_of(found["hosts"]), networks_of_report(report)):
                assert tuple(networks.addresses(destination.name, source.name)) == wanted


def test_the_private_address_of_a_node_that_is_alone_is_named_and_not_tried():
    found = plan(cluster("n", 1, ["192.0.2.1"]), CLIENT, check_denied=True)
    assert destinations(found, "client", "denied") == {"n1": {"192.0.2.1"}}
    assert [note for note in found["notes"] if "n1" in note and "only managed node of its cluster" in note]
    assert not [note for note in plan(cluster("n", 1, ["192.0.2.1"]), CLIENT)["notes"] if "n1" in note]
