# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what users write in an inventory to parties, and what is refused with its value named."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._inventory.topology import (
    Inventory,
    Topology,
    default_peers,
    misspelt_groups,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

HOSTS = {
    "n11": {"ansible_host": "192.0.2.11"},
    "n12": {"ansible_host": "192.0.2.12", "exasol_address": "198.51.100.12"},
    "n13": {"exasol_address": ["192.0.2.13", "2001:DB8::13"], "exasol_cluster": "west"},
    "db.example.com": {},
    "exasol01": {"ansible_host": "192.0.2.101"},
    "exasol02": {"ansible_host": "192.0.2.102"},
    "exasol03": {"ansible_host": "192.0.2.103"},
}
GROUPS = {"all": list(HOSTS), "exasol_nodes": ["n11", "n12"], "west": ["n13"], "nobody": []}


def inventory(**hosts):
    """Return an inventory; further hosts may be given with their variables."""
    known = {**HOSTS, **hosts}
    return Inventory({**GROUPS, "all": list(known)}, known.__getitem__)


def members(**peers):
    """Return the parties of peers in the inventory above."""
    return Topology(inventory()).members(peers)


def names(parties):
    """Return the names of parties."""
    return [party.name for party in parties]


def address_of(variables, name="host.example.com"):
    """Return the addresses of a host with these variables."""
    return inventory(**{name: variables}).party(name).addresses


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["host.example.com"]),
        ({"ansible_host": "192.0.2.1"}, ["192.0.2.1"]),
        ({"exasol_address": "198.51.100.1", "ansible_host": "192.0.2.1"}, ["198.51.100.1"]),
        ({"exasol_address": ["192.0.2.1", "2001:DB8:0::1"]}, ["192.0.2.1", "2001:db8::1"]),
        ({"exasol_address": "192.0.2.1, 2001:db8::1"}, ["192.0.2.1", "2001:db8::1"]),
        ({"exasol_address": "[2001:db8::1]"}, ["2001:db8::1"]),
        ({"exasol_address": ["192.0.2.1", "192.0.2.1"]}, ["192.0.2.1"]),
        ({"exasol_address": "node.example.com"}, ["node.example.com"]),
        ({"exasol_address": "::ffff:192.0.2.1"}, ["192.0.2.1"]),
        ({"exasol_address": "Node.Example.COM"}, ["node.example.com"]),
        ({"ansible_host": "db_node1"}, ["db_node1"]),
    ],
    ids=repr,
)
def test_address_of_a_host(variables, expected):
    assert list(address_of(variables)) == expected


@pytest.mark.parametrize(
    ("variables", "fragments"),
    [
        ({"exasol_address": ""}, ["'host.example.com'", "no address", "exasol_address"]),
        ({"exasol_address": None}, ["'host.example.com'", "no address", "exasol_address"]),
        ({"exasol_address": []}, ["'host.example.com'", "no address", "exasol_address"]),
        ({"ansible_host": ""}, ["'host.example.com'", "no address", "exasol_address"]),
        ({"exasol_address": [None]}, ["'host.example.com'", "None", "[None]", "exasol_address"]),
        ({"exasol_address": ["192.0.2.1", None]}, ["'host.example.com'", "None", "among its addresses"]),
        ({"exasol_address": ["", "192.0.2.1"]}, ["'host.example.com'", "''", "among its addresses"]),
        ({"exasol_address": ["192.0.2.1", " "]}, ["'host.example.com'", "' '"]),
        ({"exasol_address": "192.0.2.1,,"}, ["'host.example.com'", "''", "'192.0.2.1,,'"]),
        ({"exasol_address": ["192.0.2.1", 5]}, ["'host.example.com'", "has 5 among"]),
        ({"exasol_address": [True]}, ["'host.example.com'", "True"]),
        ({"exasol_address": [["192.0.2.1"]]}, ["'host.example.com'", "['192.0.2.1']"]),
        ({"exasol_address": b"192.0.2.1"}, ["'host.example.com'", "b'192.0.2.1'"]),
        ({"ansible_host": [None]}, ["'host.example.com'", "None"]),
        ({"exasol_address": "192.0.2.11-14"}, ["'192.0.2.11-14'", "a range", "192.0.2.11..14"]),
        (
            {"exasol_address": "192.0.2.256"},
            ["'host.example.com'", "'192.0.2.256'", "neither an IP address nor a DNS name"],
        ),
        ({"exasol_address": "192.0.2.0/24"}, ["'host.example.com'", "'192.0.2.0/24'", "neither"]),
        ({"exasol_address": "192.0.2.1:8563"}, ["'192.0.2.1:8563'", "neither"]),
        ({"exasol_address": "192.0.2.11..14"}, ["'192.0.2.11..14'", "neither"]),
        ({"exasol_address": "not a name"}, ["'not a name'", "neither"]),
        ({"exasol_address": 5}, ["'host.example.com'", "5"]),
        ({"exasol_address": True}, ["'host.example.com'", "True"]),
        ({"exasol_address": {"v4": "192.0.2.1"}}, ["'host.example.com'"]),
        ({"exasol_address": "fe80::1%eth0"}, ["'fe80::1%eth0'", "with a zone", "without"]),
        ({"exasol_address": "0.0.0.0"}, ["'host.example.com'", "0.0.0.0", "all addresses of a host"]),
        ({"exasol_address": "::"}, ["'host.example.com'", "all addresses of a host"]),
        ({"exasol_address": "224.0.0.5"}, ["'host.example.com'", "224.0.0.5", "a multicast group"]),
        ({"exasol_address": "255.255.255.255"}, ["'host.example.com'", "every host on the link"]),
        ({"exasol_address": "b\u00fccher.example"}, ["b\u00fccher.example", "xn--"]),
    ],
    ids=repr,
)
def test_host_without_a_usable_address_is_named(variables, fragments):
    assert_names(refusal(address_of, variables), fragments)


def test_a_name_that_cannot_be_an_address_needs_one():
    assert_names(refusal(address_of, {}, "my node!"), ["'my node!'", "set exasol_address"])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("203.0.113.1", ("203.0.113.1",)),
        (["203.0.113.1", "2001:DB8::1"], ("203.0.113.1", "2001:db8::1")),
        ("203.0.113.1, n1.Example.com", ("203.0.113.1", "n1.example.com")),
    ],
    ids=repr,
)
def test_external_addresses_of_a_host(value, expected):
    party = inventory(h1={"exasol_address": "10.0.0.1", "exasol_external_address": value}).party("h1")
    assert (party.addresses, party.external) == (("10.0.0.1",), expected)


@pytest.mark.parametrize(
    ("value", "fragments"),
    [
        ("203.0.113.256", ["'h1'", "external address '203.0.113.256'", "set exasol_external_address"]),
        ("203.0.113.0/24", ["'h1'", "'203.0.113.0/24'", "set exasol_external_address"]),
        ("0.0.0.0", ["'h1'", "0.0.0.0", "all addresses of a host", "set exasol_external_address"]),
        (
            ["203.0.113.1", None],
            ["'h1'", "None among its external addresses", "correct exasol_external_address"],
        ),
        (5, ["'h1'", "external address 5", "set exasol_external_address"]),
    ],
    ids=repr,
)
def test_an_external_address_that_cannot_be_used_is_named(value, fragments):
    hosts = inventory(h1={"exasol_address": "10.0.0.1", "exasol_external_address": value})
    assert_names(refusal(hosts.party, "h1"), fragments)


NATTED = {"exasol_address": "10.0.0.1", "exasol_external_address": ["203.0.113.1", "n1.example.com"]}


@pytest.mark.parametrize(
    "entry", ["h1", "10.0.0.1", "203.0.113.1", "203.0.113.1..2", "n1.example.com", "203.0.113.1/32"]
)
def test_an_external_address_of_a_managed_host_is_that_host(entry):
    hosts = inventory(h1=NATTED)
    found = Topology(hosts).members({"database_node": ["h1"], "client": [entry]})
    assert found["client"][0] == hosts.party("h1")


@pytest.mark.parametrize(
    ("other", "fragments"),
    [
        ({"exasol_external_address": "203.0.113.1"}, ["203.0.113.1", "set exasol_external_address for each"]),
        (
            {"exasol_address": "203.0.113.1"},
            ["203.0.113.1", "set exasol_address and exasol_external_address for each"],
        ),
        ({"exasol_address": "10.0.0.1"}, ["10.0.0.1", "set exasol_address for each"]),
        ({"exasol_external_address": "10.0.0.1"}, ["exasol_address and exasol_external_address for each"]),
        (
            {"exasol_external_address": "n1.example.com"},
            ["n1.example.com", "exasol_external_address for each"],
        ),
    ],
    ids=["both-external", "external-and-own", "both-own", "own-and-external", "one-name"],
)
def test_two_hosts_with_one_external_address_are_named(other, fragments):
    hosts = inventory(h1=NATTED, h2={"exasol_address": "10.0.0.2", **other})
    message = refusal(Topology(hosts).members, {"database_node": ["h1", "h2"]})
    assert_names(message, ["'h1'", "'h2'", *fragments])


def test_variables_of_a_host_are_read_once():
    read = []

    def variables(name):
        read.append(name)
        return HOSTS[name]

    hosts = Inventory(GROUPS, variables)
    n11 = Party("n11", ("192.0.2.11",), managed=True, is_login_address=True)
    assert [hosts.party("n11"), hosts.party("n11")] == [n11, n11]
    assert read == ["n11"]


@pytest.mark.parametrize(
    ("variables", "is_login"),
    [
        ({"ansible_host": "192.0.2.11"}, True),
        ({"ansible_host": "192.0.2.11", "exasol_address": "198.51.100.11"}, False),
        ({"exasol_address": ["192.0.2.11", "2001:db8::11"]}, False),
        ({}, True),
    ],
    ids=["ansible_host alone", "both", "exasol_address alone", "the name of the host"],
)
def test_the_address_at_which_ansible_logs_in_is_marked(variables, is_login):
    party = Inventory({"all": ["n11"]}, lambda _name: variables).party("n11")
    assert party.is_login_address is is_login


def test_clusters_are_kept():
    assert inventory().party("n13").cluster == "west"
    assert inventory().party("n11").cluster == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, "5"),
        (0, "0"),
        ("0", "0"),
        (" west ", "west"),
        ("", ""),
        (None, ""),
    ],
    ids=repr,
)
def test_a_number_is_the_name_of_a_cluster(value, expected):
    assert inventory(x={"exasol_cluster": value}).party("x").cluster == expected


@pytest.mark.parametrize("value", [False, True, ["west"], {"name": "west"}, 0.5, " "], ids=repr)
def test_what_is_no_name_of_a_cluster_is_named(value):
    assert_names(
        refusal(inventory(x={"exasol_cluster": value}).party, "x"),
        ["'x'", repr(value), "exasol_cluster", "quotes"],
    )


@pytest.mark.parametrize("cluster", [0, 1, "0", "west"], ids=repr)
def test_a_node_of_a_cluster_reaches_nodes_that_nobody_manages(cluster):
    # A cluster that counts as none is also that of the nodes outside of the inventory.
    hosts = Inventory(
        {"all": ["n11"], "exasol_nodes": ["n11"]},
        lambda name: {"exasol_address": "192.0.2.11", "exasol_cluster": cluster},
    )
    made = make_plan(
        Wishes(), Topology(hosts).members({"database_node": ["exasol_nodes", "203.0.113.11"]}), []
    )
    assert {entry["service"]: list(entry["destinations"]) for entry in made["hosts"]["n11"]["probes"]} == {
        "subconnection_in": ["203.0.113.11"],
        "exa_to_exa": ["203.0.113.11"],
    }


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["exasol_nodes"], ["n11", "n12"]),
        ("exasol_nodes", ["n11", "n12"]),
        (["n11"], ["n11"]),
        ("n11,n13", ["n11", "n13"]),
        (["exasol01..03"], ["exasol01", "exasol02", "exasol03"]),
        ("exasol01..02, n11", ["exasol01", "exasol02", "n11"]),
        (["nobody"], []),
        ([], []),
        (["exasol_nodes", "n11", "n13"], ["n11", "n12", "n13"]),
        (["203.0.113.5"], ["203.0.113.5"]),
        (["203.0.113.5..7"], ["203.0.113.5", "203.0.113.6", "203.0.113.7"]),
        (["2001:DB8:1::5"], ["2001:db8:1::5"]),
        (["[2001:db8:1::5]"], ["2001:db8:1::5"]),
        (["203.0.113.0/24"], ["203.0.113.0/24"]),
        (["203.0.113.0/255.255.255.0"], ["203.0.113.0/24"]),
        (["203.0.113.77/32"], ["203.0.113.77"]),
        (["2001:db8:1::5/128"], ["2001:db8:1::5"]),
        (["2001:db8:1::/48"], ["2001:db8:1::/48"]),
        (["ldap.example.com"], ["ldap.example.com"]),
        (["LDAP.Example.com", "ldap.example.com"], ["ldap.example.com"]),
        (["::ffff:203.0.113.5", "203.0.113.5"], ["203.0.113.5"]),
        (["0.0.0.0/0"], ["0.0.0.0/0"]),
        (["ldap1..2.example.com"], ["ldap1.example.com", "ldap2.example.com"]),
    ],
    ids=repr,
)
def test_what_users_write_for_a_peer(entries, expected):
    assert names(members(ldap_server=entries)["ldap_server"]) == expected


def test_foreign_parties_are_not_managed():
    found = {
        party.name: party
        for party in members(client=["n11", "203.0.113.5", "203.0.113.0/24", "ldap.example.com"])["client"]
    }
    assert {name: (party.managed, party.network) for name, party in found.items()} == {
        "n11": (True, False),
        "203.0.113.5": (False, False),
        "203.0.113.0/24": (False, True),
        "ldap.example.com": (False, False),
    }


@pytest.mark.parametrize(
    "entry", ["192.0.2.11", "192.0.2.11/32", "2001:db8::13", "198.51.100.12", "db.example.com"]
)
def test_the_address_of_a_managed_host_is_that_host(entry):
    found = members(database_node=["n11", "n12", "n13", "db.example.com"], oracle=[entry])
    assert [party.managed for party in found["oracle"]] == [True]
    assert set(found["oracle"]) <= set(found["database_node"])


def test_a_party_is_listed_once():
    assert names(members(database_node=["n11", "192.0.2.11", "exasol_nodes"])["database_node"]) == [
        "n11",
        "n12",
    ]


@pytest.mark.parametrize(
    ("entry", "fragments"),
    [
        ("exasol_node", ["'exasol_node'", "'oracle'", "neither a group nor a host"]),
        ("nonexistent", ["'nonexistent'", "'oracle'", "full DNS name"]),
        ("", ["''", "'oracle'", "neither"]),
        ("192.0.2.256", ["'192.0.2.256'", "neither"]),
        ("exasol01..99", ["'exasol01..99'", "'oracle'", "neither"]),
        (
            "192.168.6.11..14:8563",
            ["'192.168.6.11..14:8563'", "'oracle'", "connection string", "('192.168.6.11..14')", "overrides"],
        ),
        (
            "192.168.6.11..14:8563,192.168.7.11..14:8564",
            ["connection string", "('192.168.6.11..14,192.168.7.11..14')"],
        ),
        ("192.168.6.11,192.168.6.12:8563", ["connection string", "('192.168.6.11,192.168.6.12')"]),
        ("jdbc:exa:192.168.6.11..14:8563;schema=x;user=y", ["connection string", "('192.168.6.11..14')"]),
        ("JDBC:EXA:exasol01..04.example.com", ["connection string", "('exasol01..04.example.com')"]),
        ("[2001:db8::1]:8563,[2001:db8::2]:8563", ["connection string", "('[2001:db8::1],[2001:db8::2]')"]),
        (
            "2001:db8:0:0:0:0:0:1,exa.example.com:8563",
            ["connection string", "('2001:db8:0:0:0:0:0:1,exa.example.com')"],
        ),
        (
            "192.168.6.11..12/135A1D2DCE102DE866F58267521F4232153545A075DC85F8F7596F57E588A181:8563",
            ["connection string", "('192.168.6.11..12')"],
        ),
        ("192.168.6.31-34", ["'192.168.6.31-34'", "'192.168.6.31..34'"]),
        ("192.168.6.31-192.168.6.34", ["'192.168.6.31-192.168.6.34'", "write '192.168.6.31..34'"]),
        (
            "203.0.113.77/24",
            ["'oracle'", "'203.0.113.77/24'", "203.0.113.77 for that host", "203.0.113.0/24 for the network"],
        ),
        ("203.0.113.77/0", ["'203.0.113.77/0'", "203.0.113.77 for that host", "0.0.0.0/0 for the network"]),
        ("203.0.113.77/0.0.0.255", ["'203.0.113.77/0.0.0.255'", "two ways"]),
        (
            "2001:db8::1/64",
            ["'2001:db8::1/64'", "2001:db8::1 for that host", "2001:db8::/64 for the network"],
        ),
        ("224.0.0.0/4", ["'224.0.0.0/4'", "multicast"]),
        ("::ffff:203.0.113.0/120", ["'::ffff:203.0.113.0/120'", "203.0.113.0/24"]),
        ("0.0.0.0/32", ["'0.0.0.0/32'", "all addresses of a host"]),
        ("exasol_ndoes", ["neither a group nor a host", "closest: 'exasol_nodes'"]),
        ("192.168.6.11:8563", ["'192.168.6.11:8563'", "connection string", "'192.168.6.11'"]),
        ("[2001:db8::1]:8563", ["connection string", "'[2001:db8::1]'"]),
        (
            "exa.example.com/135A1D2DCE102DE866F58267521F4232153545A075DC85F8F7596F57E588A181:8563",
            ["connection string", "'exa.example.com'"],
        ),
        (
            "exa.example.com:8563/135A1D2DCE102DE866F58267521F4232153545A075DC85F8F7596F57E588A181",
            ["connection string", "'exa.example.com'"],
        ),
        ("192.0.2.0/33", ["'192.0.2.0/33'", "no network", "192.0.2.0/24"]),
        ("0.0.0.0", ["'0.0.0.0'", "'oracle'", "all addresses of a host", "or a network"]),
        ("224.0.0.1", ["'224.0.0.1'", "a multicast group"]),
        ("fe80::1%eth0", ["'fe80::1%eth0'", "with a zone"]),
        ("b\u00fccher.example", ["b\u00fccher.example", "xn--"]),
        ("192.0.2.0/x", ["'192.0.2.0/x'", "no network"]),
        ("https://files.example.com/in", ["no network", "or the host alone, 'files.example.com'"]),
        ("files.example.com/", ["no network", "or the host alone, 'files.example.com'"]),
        ("192.0.02.40", ["'192.0.02.40'", "four numbers from 0 to 255 without leading zeros"]),
        ("192.0.2.1.5", ["'192.0.2.1.5'", "four numbers from 0 to 255"]),
        ("2001:db8::/129", ["'2001:db8::/129'", "no network"]),
        ("a..b", ["'a..b'", "cannot be read", "192.168.6.11..14"]),
        ("11..14", ["'11..14'", "no prefix"]),
        ("exasol1..exasol3", ["'exasol1..exasol3'", "cannot be read", "exasol01..04"]),
        ("exasol04..01", ["'exasol04..01'", "backwards", "4 is greater than 1"]),
        ("exasol_nodes,oracle.example.com", ["'exasol_nodes,oracle.example.com'", "neither a group"]),
    ],
    ids=repr,
)
def test_what_is_nobody_is_named(entry, fragments):
    assert_names(refusal(members, oracle=[entry]), fragments)


@pytest.mark.parametrize("value", [None, 5, True, {"host": "n11"}, [5], [None], [["n11"]]], ids=repr)
def test_what_is_no_list_of_entries_is_named(value):
    assert_names(
        refusal(members, oracle=value),
        ["'oracle'", repr(value), "expected a list of groups, hosts, addresses, networks or names"],
    )


def test_two_hosts_with_one_address_are_named():
    hosts = inventory(twin={"ansible_host": "192.0.2.11"})
    text = refusal(Topology(hosts).members, {"database_node": ["n11", "twin"]})
    assert_names(text, ["'n11'", "'twin'", "192.0.2.11", "exasol_address"])


def test_two_hosts_with_one_address_in_two_peers_are_named():
    hosts = inventory(twin={"exasol_address": ["203.0.113.9", "192.0.2.11"]})
    assert_names(
        refusal(Topology(hosts).members, {"database_node": ["n11"], "client": ["twin"]}),
        ["'n11'", "'twin'", "192.0.2.11"],
    )


@pytest.mark.parametrize(
    ("groups", "extra", "expected"),
    [
        ([], None, {}),
        (["all", "other"], None, {}),
        (
            ["exasol_nodes", "exasol_clients", "exasol_admins"],
            None,
            {
                "database_node": ["exasol_nodes"],
                "client": ["exasol_clients"],
                "admin_network": ["exasol_admins"],
            },
        ),
        (["exasol_nodes"], {"oracle": "db1"}, {"database_node": ["exasol_nodes"], "oracle": ["db1"]}),
        (
            ["exasol_nodes"],
            {"oracle": ["db1", "192.0.2.40"]},
            {"database_node": ["exasol_nodes"], "oracle": ["db1", "192.0.2.40"]},
        ),
        (
            ["exasol_clients"],
            {"client": ["198.51.100.0/24"]},
            {"client": ["exasol_clients", "198.51.100.0/24"]},
        ),
    ],
    ids=repr,
)
def test_default_peers(groups, extra, expected):
    assert default_peers(groups, extra) == expected


@pytest.mark.parametrize(
    ("extra", "fragments"),
    [
        (["oracle"], ["exasol_peers", "['oracle']", "expected a dictionary"]),
        ("oracle", ["exasol_peers", "'oracle'", "expected a dictionary"]),
        ({"oracle": None}, ["'oracle'", "None", "expected a list"]),
        ({"oracle": 5}, ["'oracle'", "5", "expected a list"]),
    ],
)
def test_peers_that_cannot_be_read_are_named(extra, fragments):
    assert_names(refusal(default_peers, ["exasol_nodes"], extra), fragments)


@pytest.mark.parametrize(
    ("groups", "peers", "named"),
    [
        (["exasol_nodes", "exasol_client"], {}, ["'exasol_client'", "'client'", "'exasol_clients'"]),
        (["exasol_ndoes"], {}, ["'exasol_ndoes'", "'database_node'", "'exasol_nodes'"]),
        (["exasol_nodes", "exasol_admin"], {}, ["'exasol_admin'", "'admin_network'", "'exasol_admins'"]),
        (["exasol_nodes", "exasol_client"], {"client": ["exasol_client"]}, []),
        (["exasol_nodes", "exasol_client", "exasol_clients"], {}, []),
        (["exasol_nodes", "reporting", "warehouse"], {}, []),
        (["all", "ungrouped"], {}, []),
    ],
    ids=["clients", "nodes", "admins", "named by the user", "both exist", "other names", "no groups"],
)
def test_a_group_that_is_probably_misspelt_is_named(groups, peers, named):
    found = misspelt_groups(groups, peers)
    assert len(found) == bool(named)
    assert_names(" ".join(found), named)
