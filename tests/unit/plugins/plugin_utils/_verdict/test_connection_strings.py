# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection strings, from the plan and what clients saw to verdicts and notes."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.claims import believable
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.connection_strings import (
    ConnectionStrings,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.helpers import port_set
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    with_clean_paths,
)

SEEN, OTHER = "0F" * 32, "AB" * 32


def party(name, *addresses, **more):
    """Return a managed host."""
    return Party(name, addresses, managed=True, **more)


NODES = [
    party("n1", "10.0.0.11", external=("192.0.2.11",), cluster="a"),
    party("n2", "10.0.0.12", external=("192.0.2.12", "2001:db8::12"), cluster="a"),
    party("n3", "n3.example.com", cluster="a"),
    party("b1", "192.0.2.31", cluster="b"),
]
CLIENTS = [party("client", "192.0.2.21"), party("other", "192.0.2.22")]
# What the clients look up.
DNS = {
    "n3.example.com": ["192.0.2.13"],
    "n1.example.com": ["192.0.2.11"],
    "three.example.com": ["192.0.2.13"],
    "two.example.com": ["192.0.2.12", "2001:db8::12"],
    "all.example.com": ["192.0.2.11", "192.0.2.12", "192.0.2.13"],
    "inside.example.com": ["10.0.0.11"],
    "stale.example.com": ["192.0.2.99"],
    "half.example.com": ["192.0.2.11", "192.0.2.99"],
}
DATABASE = {
    "state": "open",
    "reason": "syn-ack",
    "identity": {"status": "identified", "tls": {"fingerprint": SEEN}},
}


def plan(text, **texts):
    """Return a plan of nodes and clients."""
    texts = {"client": text, **texts}
    members = {"database_node": NODES, "client": CLIENTS}
    return make_plan(Wishes("2025.1.11", exclude=["bucketfs"], connections=texts), members, [])


def observed(made, state):
    """Return what the clients saw: each name is looked up, and each port has one state by its address."""
    found = {}
    for client in ("client", "other"):
        ports = {}
        for entry in made["hosts"][client]["probes"]:
            for name, addresses in entry["destinations"].items():
                for address in addresses:
                    for place in DNS.get(address, [address]):
                        ports.setdefault((name, place), set()).update(port_set([_pair(entry["ports"])]))
        found[client] = with_clean_paths(
            [
                {
                    "destination": name,
                    "address": place,
                    "protocol": "tcp",
                    "ports": ",".join(map(str, sorted(several))),
                    "states": [
                        {**_state(place, port, state), "ports": str(port)} for port in sorted(several)
                    ],
                }
                for (name, place), several in ports.items()
            ]
        )
    return found


def _pair(text):
    return int(text), int(text)


def _state(place, port, state):
    if place.endswith(".example.com"):
        return {"state": "unresolved", "reason": "name"}
    return state(place, port) if callable(state) else state


class Run:
    """Everything that a run concludes of connection strings."""

    def __init__(self, text, state=DATABASE, seen=None, **texts):
        made = plan(text, **texts)
        given = observed(made, state) if seen is None else seen
        believed = believable(made, given, {}, {}, {}).observations
        assert all(not (result or {}).get("failed") for result in believed.values()) or seen is not None
        strings = ConnectionStrings(made, believed)
        judged = Joining(strings.plan, strings.observed, {}).judge()
        self.results = [
            result for result in strings.judge(judged.results) if result["source"] in ("client", "other")
        ]
        self.notes = strings.notes()

    def flows(self, source="client"):
        """Return what a client was found to reach: destination, address and ports, each once."""
        found = [
            (result["destination"], result["address"], result["ports"])
            for result in self.results
            if result["source"] == source
        ]
        assert len(found) == len(set(found))
        return set(found)


REGULAR = {
    ("n1", "192.0.2.11", "8563"),
    ("n2", "192.0.2.12", "8563"),
    ("n2", "2001:db8::12", "8563"),
    ("n3", "192.0.2.13", "8563"),
    ("b1", "192.0.2.31", "8563"),
}
N3 = ",n3.example.com"
A = "192.0.2.11..12,n3.example.com"
# The string, what it adds to the flows, and what is noted.
NOTED = {
    "right": (f"{A}:8563", set(), []),
    "right, by names": ("n1.example.com,two.example.com,three.example.com:8563", set(), []),
    "right, the name of a node in capitals": ("192.0.2.11..12,N3.Example.COM:8563", set(), []),
    "right, as JDBC": (f"jdbc:exa:{A}:8563;schema=s", set(), []),
    "right, the other cluster": ("192.0.2.31:8563", set(), []),
    "a node is missing": ("192.0.2.11..12:8563", set(), ["it does not name n3 (n3.example.com)"]),
    "two nodes are missing": (
        "192.0.2.11:8563",
        set(),
        ["it does not name n2 (192.0.2.12), n3 (n3.example.com) of the cluster"],
    ),
    "stale": (
        f"{A},192.0.2.99:8563",
        {("192.0.2.99", "192.0.2.99", "8563")},
        ["192.0.2.99 is a stale or unknown member"],
    ),
    "the address of a host that is no node": (
        f"{A},192.0.2.22:8563",
        {("192.0.2.22", "192.0.2.22", "8563")},
        ["192.0.2.22 is a stale or unknown member"],
    ),
    "nothing but stale": (
        "192.0.2.99:8563",
        {("192.0.2.99", "192.0.2.99", "8563")},
        ["192.0.2.99 is a stale or unknown member"],
    ),
    "a stale name": (
        f"{A},stale.example.com:8563",
        {("stale.example.com", "192.0.2.99", "8563")},
        ["stale.example.com resolves to 192.0.2.99 there, which is a stale"],
    ),
    "a name that is stale in part": (
        f"half.example.com,192.0.2.12{N3}:8563",
        {("half.example.com", "192.0.2.99", "8563")},
        ["half.example.com resolves to 192.0.2.99 there, which is a stale"],
    ),
    "a name without an address": (
        "192.0.2.11..12,none.example.com:8563",
        {("none.example.com", "none.example.com", "8563")},
        ["none.example.com does not resolve to the address of another host there"],
    ),
    "a name for several nodes": (
        "all.example.com:8563",
        set(),
        ["all.example.com resolves to several nodes there (n1, n2, n3)"],
    ),
    "a private address": (
        f"10.0.0.11,192.0.2.12{N3}:8563",
        {("n1", "10.0.0.11", "8563")},
        ["10.0.0.11 is the private address of n1, for nodes of its own cluster: write 192.0.2.11"],
    ),
    "a name of a private address": (
        f"inside.example.com,192.0.2.12{N3}:8563",
        {("n1", "10.0.0.11", "8563")},
        ["inside.example.com resolves to 10.0.0.11 there, which is the private address of n1"],
    ),
    "another port": (
        f"{A}:9563",
        {
            ("n1", "192.0.2.11", "9563"),
            ("n2", "192.0.2.12", "9563"),
            ("n3", "192.0.2.13", "9563"),
        },
        ["it has port 9563 for n1, n2, n3, and the plan has 8563"],
    ),
    "another port of a name": (
        f"n1.example.com:1,192.0.2.12{N3}:8563",
        {("n1", "192.0.2.11", "1")},
        ["it has port 1 for n1, and"],
    ),
    "a name with two ports": (
        f"n1.example.com:1,n1.example.com:2,192.0.2.12{N3}:8563",
        {("n1", "192.0.2.11", "1"), ("n1", "192.0.2.11", "2")},
        ["it has port 1 for n1, and", "it has port 2 for n1, and"],
    ),
    "another port of two names of one node": (
        f"n1.example.com:1,192.0.2.11:1,192.0.2.12{N3}:8563",
        {("n1", "192.0.2.11", "1")},
        ["it has port 1 for n1, and"],
    ),
    "two clusters": (
        f"{A},192.0.2.31:8563",
        set(),
        ["it names nodes of several clusters (a, b)"],
    ),
    "a DSN that Go reads otherwise": (
        f"exa:192.0.2.11,192.0.2.12:8563{N3}",
        set(),
        ["the Go driver needs a port at the end", "the Go driver reads one port, at the end of the string"],
    ),
}


@pytest.mark.parametrize(("text", "more", "notes"), NOTED.values(), ids=list(NOTED))
def test_members_are_flows_of_their_nodes_and_faults_are_noted(text, more, notes):
    run = Run(text)
    assert run.flows() == REGULAR | more
    assert run.flows("other") == REGULAR
    assert len(run.notes) == len(notes), run.notes
    for note, fragment in zip(run.notes, notes):
        assert note.startswith("exasol_connection_string of client: ") and fragment in note
    verdicts = {result["address"]: result["verdict"] for result in run.results if result["verdict"] != "ok"}
    assert verdicts == ({"none.example.com": "unresolved"} if "none." in text else {})


def test_clients_of_which_the_same_is_true_share_a_note():
    run = Run("192.0.2.11..12:8563", other="192.0.2.12,192.0.2.11:8563")
    (note,) = run.notes
    assert note.startswith("exasol_connection_string of client, other: it does not name n3")


@pytest.mark.parametrize("seen", [{}, {"client": {"failed": True, "msg": "no"}}], ids=["outside", "failed"])
def test_what_a_client_did_not_see_is_not_noted(seen):
    run = Run("none.example.com,192.0.2.11:8563", seen=seen)
    assert run.notes == []
    assert {result["verdict"] for result in run.results} <= {"untested"}


def test_a_client_that_failed_has_its_names_untested_too():
    run = Run("db.example.com:8563", seen={"client": {"failed": True, "msg": "no"}})
    assert ("db.example.com", "db.example.com", "8563") in run.flows()


def test_our_listener_proves_a_node_behind_a_name():
    proven = {
        "192.0.2.11": {"state": "open", "reason": "syn-ack", "proof": "ours", "answered_by": "n1"},
        "192.0.2.12": {"state": "open", "reason": "syn-ack", "proof": "ours", "answered_by": "n1"},
    }
    run = Run(f"n1.example.com,two.example.com:1{N3}", state=lambda place, port: proven.get(place, DATABASE))
    verdicts = {
        (result["destination"], result["address"]): result["verdict"]
        for result in run.results
        if result["ports"] == "1"
    }
    assert verdicts == {
        ("n1", "192.0.2.11"): "ok",
        ("n2", "192.0.2.12"): "wrong_host",
        ("n2", "2001:db8::12"): "ok",
    }


FINGERPRINTS = {
    "the right one": (f"{A}/{SEEN}:8563", set()),
    "in small letters": (f"{A}/{SEEN.lower()}:8563", set()),
    "none": (f"{A}:8563", set()),
    "no check": (f"{A}/nocertcheck:8563", set()),
    "a wrong one for all": (f"{A}/{OTHER}:8563", {"192.0.2.11", "192.0.2.12", "192.0.2.13"}),
    "a wrong one for some": (f"192.0.2.11/{OTHER},192.0.2.12/{SEEN}{N3}:8563", {"192.0.2.11"}),
    "a wrong one behind a name": (
        f"n1.example.com,192.0.2.12/{OTHER}{N3}/{SEEN}:8563",
        {"192.0.2.11", "192.0.2.12"},
    ),
    "one wrong, one right": (f"192.0.2.11/{OTHER},192.0.2.11..12/{SEEN}{N3}:8563", {"192.0.2.11"}),
    "a wrong one of a stale member": (f"{A}/{SEEN},192.0.2.99/{OTHER}:8563", {"192.0.2.99"}),
    "as a setting": (
        f"exa:{A}:8563;certificatefingerprint={OTHER}",
        {"192.0.2.11", "192.0.2.12", "192.0.2.13"},
    ),
}


@pytest.mark.parametrize(("text", "wrong"), FINGERPRINTS.values(), ids=list(FINGERPRINTS))
def test_another_certificate_than_the_fingerprint_says_is_wrong(text, wrong):
    run = Run(text)
    judged = {result["address"]: result for result in run.results if result["verdict"] != "ok"}
    assert set(judged) == wrong
    for result in judged.values():
        assert (result["source"], result["verdict"]) == ("client", "wrong_service")
        assert result["cause"] == "fingerprint_differs"
        assert f"{result['address']}:8563" in result["next_command"]
        assert SEEN in result["sentence"] and OTHER in result["sentence"]
    assert not [note for note in run.notes if "not compared" in note]


OURS = {"state": "open", "reason": "syn-ack", "proof": "ours", "answered_by": "n1"}
UNSEEN = {
    "our listener": (
        lambda place, port: OURS if place == "192.0.2.11" else DATABASE,
        ["at n1: our listeners"],
    ),
    "not asked": (
        lambda place, port: {"state": "open", "reason": "syn-ack"} if place == "192.0.2.11" else DATABASE,
        ["at n1: no certificate was seen (exasol_verify_identify)"],
    ),
    "not reached, which is red anyway": (
        lambda place, port: (
            {"state": "closed", "reason": "conn-refused"} if place == "192.0.2.11" else DATABASE
        ),
        [],
    ),
}


@pytest.mark.parametrize(("state", "notes"), UNSEEN.values(), ids=list(UNSEEN))
def test_what_was_not_compared_is_said(state, notes):
    run = Run(f"{A}/{SEEN}:8563", state=state)
    assert len(run.notes) == len(notes)
    for note, fragment in zip(run.notes, notes):
        assert "the fingerprint was not compared " + fragment in note


def test_a_verdict_that_is_red_anyway_stays():
    stranger = {
        **DATABASE,
        "identity": {"status": "other", "looks_like": "HTTP", "tls": {"fingerprint": SEEN}},
    }
    run = Run(f"{A}/{OTHER}:8563", state=stranger)
    assert all("HTTP" in result["sentence"] for result in run.results)
