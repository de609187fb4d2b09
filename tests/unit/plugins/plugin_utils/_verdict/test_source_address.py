# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that send from another address than planned: named where it matters, and nobody else."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.networks import networks_of
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.actors import needs_rule
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import Kernels, Unplanned
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.results import result_of
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.source_address import (
    SourceAddresses,
)

from .joined import OPEN, SILENT, listening, observed, plan
from .test_judge import DESTINATION, ROUTER, SOURCE, case

A, A6, OTHER, OTHER6 = "192.0.2.21", "2001:db8::21", "192.0.2.77", "2001:db8::77"
B, B6 = "192.0.2.1", "2001:db8::1"
NODE, CLIENT = ["database_node"], ["client"]


def host(addresses, external=(), peers=CLIENT, cluster=""):
    """Return what of the plan of a host counts."""
    return {"addresses": addresses, "external": list(external), "peers": peers, "cluster": cluster}


def made(client, sent, own, states=(), n1=None):
    """Return from what a client sent, which really has some of its planned addresses."""
    result = {
        "observations": [
            {"destination": "n1", "address": B, "protocol": "tcp", "ports": "8563", "states": [state]}
            for state in states
        ],
        "kernel": {"sent_from": [{"protocol": "tcp", **entry} for entry in sent]},
        "machine": {"identity": "", "own": own},
    }
    hosts = {"client": client, "n1": n1 or host([B, B6], peers=NODE)}
    return SourceAddresses({"client": result, "n1": None}, hosts, networks_of(hosts))


def usual(address):
    """Return that all was sent from one address."""
    return [{"address": address}]


EXTERNAL = "203.0.113.21"
FOUND = {
    "as planned": (host([A]), usual(A), [A], B, None),
    "a secondary address": (host([A]), usual(OTHER), [A], B, (A,)),
    "on this path alone": (host([A]), [*usual(A), {"address": OTHER, "remotes": [B]}], [A], B, (A,)),
    "on another path alone": (
        host([A]),
        [*usual(A), {"address": OTHER, "remotes": ["192.0.2.2"]}],
        [A],
        B,
        None,
    ),
    "one of several planned": (host([A, OTHER]), usual(OTHER), [A, OTHER], B, None),
    "none of several planned": (
        host([A, "192.0.2.22"]),
        usual(OTHER),
        [A, "192.0.2.22"],
        B,
        (A, "192.0.2.22"),
    ),
    "a planned address that it does not have": (host([A]), usual(OTHER), [], B, None),
    "a planned name": (host(["client.example.com", A]), usual(OTHER), [A, "client.example.com"], B, None),
    "the other family": (host([A]), usual(OTHER6), [A], B6, None),
    "a temporary address": (host([A, A6]), [*usual(A), *usual(OTHER6)], [A, A6], B6, (A6,)),
    "the other family is as planned": (host([A, A6]), [*usual(A), *usual(OTHER6)], [A, A6], B, None),
    "another form of a planned address": (host([A6]), usual("2001:db8:0::21"), [A6], B6, None),
    "loopback": (host(["127.0.0.21"]), usual("127.0.0.1"), ["127.0.0.21"], "127.0.0.11", None),
    "a loopback address in the plan": (host(["127.0.1.1"]), usual(OTHER), ["127.0.1.1"], B, None),
    "loopback beside another one": (host(["127.0.1.1", A]), usual(OTHER), ["127.0.1.1", A], B, (A,)),
    "an address of the link": (host([A6]), usual("fe80::21"), [A6], "fe80::1", None),
    "nothing reported": (host([A]), [], [A], B, None),
    "a name that was not resolved": (host([A]), usual(OTHER), [A], "n1.example.com", None),
    "external, and a NAT device has it": (host([A], [EXTERNAL]), usual(A), [A], B, None),
    "external, and the host has it": (host([A], [EXTERNAL]), usual(A), [A, EXTERNAL], B, (EXTERNAL,)),
    "external, and used": (host([A], [EXTERNAL]), usual(EXTERNAL), [A, EXTERNAL], B, None),
}


@pytest.mark.parametrize(("client", "sent", "own", "remote", "planned"), FOUND.values(), ids=FOUND)
def test_what_is_not_planned_is_found_and_nothing_else(client, sent, own, remote, planned):
    found = made(client, sent, own).unplanned("client", "n1", remote, "tcp")
    assert (found and found.planned) == planned
    if found:
        assert found.used not in planned


def test_nodes_of_one_cluster_use_their_private_addresses():
    private, outside = host([A], [EXTERNAL], NODE, "one"), host([B], ["203.0.113.1"], NODE, "one")
    asked = made(private, usual(A), [A, EXTERNAL], n1=outside)
    assert asked.unplanned("client", "n1", B, "tcp") is None
    wrong = made(private, usual(EXTERNAL), [A, EXTERNAL], n1=outside).unplanned("client", "n1", B, "tcp")
    assert wrong == Unplanned(used=EXTERNAL, planned=(A,))


@pytest.mark.parametrize(
    ("states", "noted"),
    [
        ([OPEN], True),
        ([SILENT], False),
        ([{"state": "closed", "reason": "conn-refused"}], False),
        ([{**OPEN, "seen_as": "198.51.100.9"}], False),
        ([OPEN, {**OPEN, "seen_as": A}], False),
    ],
    ids=["it passes", "silent", "refused", "a device translates it", "it is translated to the planned one"],
)
def test_what_passes_nevertheless_is_a_note(states, noted):
    notes = made(host([A]), usual(OTHER), [A], states).notes()
    assert bool(notes) is noted
    if noted:
        (note,) = notes
        assert note.cause == "source_address"
        assert all(words in note for words in ("client", "n1", A, OTHER, f"src {A}", "exasol_address"))
        assert note.next_command == f"ip route get {B}  # on client"
    assert made(host([A]), usual(A), [A], states).notes() == []


def test_who_translates_to_a_planned_address_is_not_accused():
    seen = {**OPEN, "seen_as": A}
    assert made(host([A]), usual(OTHER), [A], [seen, SILENT]).unplanned("client", "n1", B, "tcp") is None


UNPLANNED = Unplanned(used=OTHER, planned=(SOURCE,))
SILENCE = case("filtered", "no-response")
JUDGED = {
    "silence": (SILENCE, "blocked", ["host:client"]),
    "no reply leaves": (
        SILENCE._replace(stage=packet_stages.AT_DESTINATION),
        "blocked_at_destination",
        ["host:client", "host:n11"],
    ),
    "lost in between": (
        SILENCE._replace(stage=packet_stages.ON_PATH),
        "blocked_on_path",
        ["host:client", "network"],
    ),
    "a router rejects": (
        case("filtered", "admin-prohibited", reason_ip=ROUTER),
        "blocked_on_path",
        ["host:client", "network"],
    ),
    "the destination rejects": (
        case("filtered", "admin-prohibited", reason_ip=DESTINATION)._replace(kernels=Kernels(errors_sent=1)),
        "blocked_at_destination",
        ["host:client", "host:n11"],
    ),
}


@pytest.mark.parametrize(("seen", "verdict", "actor"), JUDGED.values(), ids=JUDGED)
def test_the_source_is_named_beside_the_filter(seen, verdict, actor):
    before, after = judge(seen), judge(seen._replace(unplanned=UNPLANNED))
    assert (after.verdict, after.cause, list(after.actor)) == (verdict, "source_address", actor)
    assert before.verdict == after.verdict
    assert after.sentence.endswith(before.sentence), "the filter is named as well"
    assert all(words in after.sentence for words in (OTHER, SOURCE))
    result = result_of(seen._replace(unplanned=UNPLANNED))
    assert not needs_rule(result)
    assert needs_rule(result_of(seen))


NOT_CONCERNED = {
    "open": case("open", "syn-ack"),
    "nothing listens": case("closed", "conn-refused"),
    "no neighbour": case("filtered", "host-unreach", reason_ip="local"),
    "the reply arrived": SILENCE._replace(stage=packet_stages.RETURNED),
    "the destination was lost": SILENCE._replace(ended=True),
    "denied": case("filtered", "no-response", expected="denied"),
    "an error": case("error", "EIO"),
}


@pytest.mark.parametrize("seen", NOT_CONCERNED.values(), ids=NOT_CONCERNED)
def test_what_has_another_reason_keeps_it(seen):
    assert judge(seen._replace(unplanned=UNPLANNED)) == judge(seen)


@pytest.mark.parametrize(
    ("sent", "own", "cause"),
    [(A, [A], "no_route_back"), (OTHER, [A], "source_address")],
    ids=["about the address that was used", "about another one"],
)
def test_what_the_destination_knows_of_the_planned_address_counts_for_it_alone(sent, own, cause):
    site = plan()
    seen = observed(site, client_n1=SILENT)
    seen["client"]["kernel"] = {"sent_from": [{"protocol": "tcp", "address": sent}]}
    seen["client"]["machine"] = {"identity": "", "own": own}
    way = {"remote": A, "at": B, "problem": "no_route"}
    stopped = {"n1": {"changed": True, "kernel": {"ways": [way]}}}
    joined = Joining(site, seen, listening(site), stopped=stopped).judge().results
    found = {
        one["cause"]
        for one in joined
        if (one["source"], one["destination"], one["service"]) == ("client", "n1", "sql_client")
    }
    assert found == {cause}


@pytest.mark.parametrize(
    ("used", "verdict"),
    [(OTHER, "blocked_at_destination"), ("192.0.2.2", "blocked")],
    ids=["an address of nobody else", "the address of another host of the plan"],
)
def test_packets_that_arrived_are_the_sources_unless_they_are_of_another_host(used, verdict):
    site = plan()
    seen = observed(site, client_n1=SILENT)
    seen["client"]["kernel"] = {"sent_from": [{"protocol": "tcp", "address": used}]}
    seen["client"]["machine"] = {"identity": "", "own": [A]}
    arrived = {"address": B, "remote": used, "protocol": "tcp", "asked_in": "8563"}
    captures = {"n1": {"complete": True, "seen": [arrived]}}
    joined = Joining(site, seen, listening(site), captures).judge().results
    flow = ("client", "n1", "sql_client")
    (found,) = [one for one in joined if (one["source"], one["destination"], one["service"]) == flow]
    assert (found["verdict"], found["cause"]) == (verdict, "source_address")
