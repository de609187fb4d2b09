# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection strings of clients: what they add to probes, listeners and rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._values.connection_string import (
    parse_connection_string,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.world import foreign, host

ONE_NETWORK = [host("n1", "192.0.2.11"), host("n2", "192.0.2.12"), host("n3", "n3.example.com")]
TWO_NETWORKS = [
    host("n1", "10.0.0.11", external=("192.0.2.11",)),
    host("n2", "10.0.0.12", external=("192.0.2.12", "2001:db8::12")),
]
CLIENT, OTHER, ADMIN = host("client", "192.0.2.21"), host("other", "192.0.2.22"), host("admin", "192.0.2.23")


def plan(text, nodes=ONE_NETWORK, clients=(CLIENT,), texts=None, hosts=(), members=None, **wishes):
    """Return the plan of nodes and clients, the first of which has a connection string."""
    return make_plan(
        Wishes(connections={"client": text} if texts is None else texts, **wishes),
        {"database_node": nodes, "client": list(clients), **(members or {})},
        hosts,
    )


def added(text, source="client", **more):
    """Return what strings add to the probes: ports, destination, addresses, and whether that is a name."""
    regular = plan("", **{**more, "texts": {}})["hosts"][source]["probes"]
    return [
        (entry["ports"], name, addresses, entry.get("member", False))
        for entry in plan(text, **more)["hosts"][source]["probes"]
        for name, addresses in entry["destinations"].items()
        if entry not in regular
    ]


ADDED = {
    "what is planned anyway": ("192.0.2.11..12,N3.example.com:8563", []),
    "a part of it": ("192.0.2.11:8563", []),
    "another port": (
        "192.0.2.11..12:9563",
        [("9563", "n1", ["192.0.2.11"], False), ("9563", "n2", ["192.0.2.12"], False)],
    ),
    "another port of a node that has a name": ("n3.example.com:1", [("1", "n3", ["n3.example.com"], False)]),
    "nobody's address": ("192.0.2.11,192.0.2.99:8563", [("8563", "192.0.2.99", ["192.0.2.99"], False)]),
    "a name": ("DB.example.com:8563", [("8563", "db.example.com", ["db.example.com"], True)]),
    "the address of another host": ("192.0.2.23:8563", [("8563", "192.0.2.23", ["192.0.2.23"], False)]),
    "the same twice": ("192.0.2.99,192.0.2.99:8563", [("8563", "192.0.2.99", ["192.0.2.99"], False)]),
    "several ports": (
        "192.0.2.99:1,192.0.2.99:2",
        [("1", "192.0.2.99", ["192.0.2.99"], False), ("2", "192.0.2.99", ["192.0.2.99"], False)],
    ),
}


@pytest.mark.parametrize("text, expected", ADDED.values(), ids=list(ADDED))
def test_members_are_probed_by_their_client(text, expected):
    assert added(text, clients=[CLIENT, OTHER], hosts=[ADMIN]) == expected
    assert added(text, "other", clients=[CLIENT, OTHER], hosts=[ADMIN]) == [], "it has no string"


def test_without_strings_nothing_changes():
    without = plan("")
    with_string = plan("192.0.2.11..12,n3.example.com:8563")
    assert without["connections"] == []
    assert with_string["hosts"] == without["hosts"]


def test_the_overridden_port_is_that_of_the_plan():
    found = plan("192.0.2.11:9563", overrides={"sql_client": 9563})
    assert [
        entry["ports"] for entry in found["hosts"]["client"]["probes"] if "n1" in entry["destinations"]
    ] == [
        "9563",
        "2580",
    ]
    assert found["connections"][0]["ports"] == "9563"


def test_an_excluded_row_is_probed_for_the_string_alone():
    found = plan("192.0.2.11:8563", exclude=["sql_client"])
    probed = [entry for entry in found["hosts"]["client"]["probes"] if entry["service"] == "sql_client"]
    assert [entry["destinations"] for entry in probed] == [{"n1": ["192.0.2.11"]}]
    assert "sql_client" in [entry["service"] for entry in found["not_covered"]]


def listening(found, name):
    """Return the TCP ports on which a host listens, as text."""
    return {entry["address"]: entry["ports"] for entry in found["hosts"][name]["endpoints"]}


def rule_ports(found, name, direction, address):
    """Return the ports that the rules of a host open for an address."""
    return ports_of(
        ",".join(
            entry["ports"]
            for entry in found["hosts"][name]["rules"]
            if entry["direction"] == direction
            and entry["protocol"] == "tcp"
            and address in entry["addresses"]
        )
    )


OPENED = {
    "another port of one node": ("192.0.2.11:9563", {"n1"}),
    "a name with another port may be any node": ("db.example.com:9563", {"n1", "n2", "n3"}),
    "a name with the port of the plan": ("db.example.com:8563", set()),
}


@pytest.mark.parametrize("text, nodes", OPENED.values(), ids=list(OPENED))
def test_nodes_listen_and_open_for_the_client_alone(text, nodes):
    found = plan(text, clients=[CLIENT, OTHER])
    for name in ("n1", "n2", "n3"):
        address = {"n3": "n3.example.com"}.get(name, "192.0.2.1" + name[1])
        assert ("9563" in listening(found, name)[address]) == (name in nodes)
        assert (9563 in rule_ports(found, name, "in", "192.0.2.21")) == (name in nodes)
        assert 9563 not in rule_ports(found, name, "in", "192.0.2.22")
        assert (9563 in rule_ports(found, "client", "out", address)) == (name in nodes)
        assert 9563 not in rule_ports(found, "other", "out", address)


def test_an_unknown_address_is_opened_outgoing_and_a_name_is_not():
    found = plan("192.0.2.99,db.example.com:8563")
    assert 8563 in rule_ports(found, "client", "out", "192.0.2.99")
    assert all("db.example.com" not in entry["addresses"] for entry in found["hosts"]["client"]["rules"])
    services = [entry["services"] for entry in found["hosts"]["client"]["rules"]]
    assert all(len(several) == len(set(several)) for several in services)


def test_a_private_address_is_that_of_its_node():
    found = plan("10.0.0.11,192.0.2.12", TWO_NETWORKS)
    probed = [
        (name, addresses)
        for entry in found["hosts"]["client"]["probes"]
        if entry["service"] == "sql_client"
        for name, addresses in entry["destinations"].items()
    ]
    assert probed == [
        ("n1", ["192.0.2.11"]),
        ("n2", ["192.0.2.12", "2001:db8::12"]),
        ("n1", ["10.0.0.11"]),
    ]
    assert 8563 in rule_ports(found, "client", "out", "10.0.0.11")
    assert "8563" in listening(found, "n1")["10.0.0.11"]


def test_a_port_of_a_string_is_not_denied_to_others_and_not_to_its_client():
    found = plan("192.0.2.11:9563", clients=[CLIENT, OTHER], hosts=[ADMIN], check_denied=True)
    denied = [
        entry["ports"]
        for name in ("client", "other", "admin")
        for entry in found["hosts"][name]["probes"]
        if entry["expected"] == "denied"
    ]
    assert denied and not [ports for ports in denied if "9563" in ports]


def test_clients_with_the_same_string_share_an_entry():
    found = plan("", clients=[CLIENT, OTHER], texts={"client": "192.0.2.11:8563", "other": "192.0.2.11:8563"})
    (entry,) = found["connections"]
    assert entry == {
        "clients": ["client", "other"],
        "members": [{"host": "192.0.2.11", "port": 8563, "fingerprint": ""}],
        "ports": "8563",
        "unmanaged": [],
        "notes": [],
    }


def test_strings_may_differ_by_client():
    texts = {"client": "192.0.2.98:8563", "other": "192.0.2.99:8563"}
    for name, address in (("client", "192.0.2.98"), ("other", "192.0.2.99")):
        assert added("", name, clients=[CLIENT, OTHER], texts=texts) == [("8563", address, [address], False)]


def test_nodes_outside_of_the_inventory_are_nodes():
    nodes = [*ONE_NETWORK, foreign("192.0.2.41")]
    assert plan("192.0.2.41:8563", nodes)["connections"][0]["unmanaged"] == ["192.0.2.41"]
    assert added("192.0.2.41:8563", nodes=nodes) == []
    assert added("192.0.2.41:1", nodes=nodes) == [("1", "192.0.2.41", ["192.0.2.41"], False)]


def test_only_clients_use_theirs():
    found = plan("", texts={"admin": "192.0.2.99:8563"}, hosts=[ADMIN])
    assert found["hosts"]["admin"]["probes"] == []
    assert [note for note in found["notes"] if "admin has no effect" in note]
    for_all = plan("", texts={"admin": "192.0.2.11:8563", "client": "192.0.2.11:8563"}, hosts=[ADMIN])
    assert not [note for note in for_all["notes"] if "no effect" in note]


def test_the_notes_of_go_count_for_its_own_form():
    assert plan("exasol01..02:8563")["connections"][0]["notes"] == []
    assert plan("jdbc:exa:exasol01..02:8563")["connections"][0]["notes"] == []
    assert "drops the zeros" in plan("exa:exasol01..02:8563")["connections"][0]["notes"][0]


def test_an_error_names_the_host_and_the_part():
    with pytest.raises(NetworkError) as error:
        plan("192.0.2.11,192.0.2.12:0")
    assert str(error.value).startswith("host 'client', exasol_connection_string: connection string, part 2: ")


HOSTS = st.sampled_from(["192.0.2.11", "192.0.2.12", "n3.example.com", "192.0.2.98", "db.example.com"])
PARTS = st.builds("{0}{1}".format, HOSTS, st.sampled_from(["", ":8563", ":9563", ":1"]))


@given(st.lists(PARTS, min_size=1, max_size=6))
def test_every_member_is_probed_at_its_port(parts):
    text = ",".join(parts)
    found = plan(text)
    probed = {
        (address, int(entry["ports"]))
        for entry in found["hosts"]["client"]["probes"]
        if entry["service"] == "sql_client"
        for addresses in entry["destinations"].values()
        for address in addresses
    }
    assert {(member.host, member.port) for member in parse_connection_string(text).members} <= probed
