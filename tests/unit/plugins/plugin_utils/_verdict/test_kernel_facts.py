# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kernels reported, and whether it bears on a flow: on this one, and on no other."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import NO_KERNELS
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.kernel_facts import (
    KernelFacts,
)

A, B, B6 = "192.0.2.21", "192.0.2.11", "2001:db8::11"
MAC, OTHER, THIRD = (f"02:00:00:00:00:{number}" for number in (11, 99, 12))


def facts(there=None, here=None, paths=(), states=(), others=None):
    """Return the facts of a client that probed a node."""
    observations = [
        {"destination": name, "address": address, "protocol": "tcp", "ports": "8563", "states": found}
        for name, address, found in states
    ]
    observed = {"client": {"observations": observations, "paths": list(paths), "kernel": here or {}}}
    return KernelFacts({**observed, **(others or {})}, {"n11": {"kernel": there or {}}})


def asked(made, address=B, ports="8563", sources=(A,)):
    """Return what bears on the flow from the client to the node."""
    return made.of(source="client", source_addresses=sources, destination="n11", address=address, ports=ports)


def way(remote=A, at=B, problem="no_route", **more):
    """Return an unusual way."""
    return {"remote": remote, "at": at, "problem": problem, **more}


OPEN, SILENT = [{"state": "open", "reason": "syn-ack"}], [{"state": "filtered", "reason": "no-response"}]


def test_nothing_reported_bears_on_nothing():
    assert asked(facts()) == NO_KERNELS
    assert asked(KernelFacts({"client": None}, {"n11": None})) == NO_KERNELS


@pytest.mark.parametrize(
    ("ways", "sources", "found"),
    [
        ([way()], (A,), "no_route"),
        ([way(at="192.0.2.12")], (A,), ""),
        ([way(remote="192.0.2.22")], (A,), ""),
        ([way()], (A, "192.0.2.22"), ""),
        ([way(), way(remote="192.0.2.22")], (A, "192.0.2.22"), "no_route"),
        ([way()], (A, "2001:db8::21"), "no_route"),
        ([way()], ("2001:db8::21",), ""),
        ([way(problem="other_interface", interface="eth1")], (A,), "other_interface"),
    ],
    ids=[
        "this way",
        "from another own address",
        "to another host",
        "one of two addresses works",
        "none of two works",
        "the other family does not count",
        "another family alone",
        "another interface",
    ],
)
def test_a_way_back_is_that_of_the_flow(ways, sources, found):
    assert asked(facts({"ways": ways}), sources=sources).way_back == found


@pytest.mark.parametrize(
    ("queue", "address", "ports", "full"),
    [
        ((B, "8563"), B, "8563", True),
        (("0.0.0.0", "8563"), B, "8563", True),
        (("::", "8563"), B, "8563", True),
        (("::", "8563"), B6, "8563", True),
        (("0.0.0.0", "8563"), B6, "8563", False),
        (("127.0.0.1", "8563"), B, "8563", False),
        ((B, "8564"), B, "8563", False),
        ((B, "8563"), B, "8563-8564", False),
    ],
)
def test_a_full_queue_is_that_of_the_service(queue, address, ports, full):
    made = facts({"full_queues": [{"address": queue[0], "protocol": "tcp", "ports": queue[1]}]})
    assert asked(made, address, ports).is_queue_full is full


@pytest.mark.parametrize(
    ("report", "full"),
    [
        ({"levels": {"conntrack_count": 64, "conntrack_max": 64}}, True),
        ({"levels": {"conntrack_count": 63, "conntrack_max": 64}}, False),
        ({"levels": {"conntrack_count": 0, "conntrack_max": 0}}, False),
        ({"levels": {}, "grown": {"ConntrackDrop": 3}}, True),
        ({"grown": {"ConntrackEarlyDrop": 3}}, False),
    ],
)
def test_a_table_of_connections_is_full(report, full):
    assert bool(asked(facts(report)).conntrack) is full


def test_counters_are_those_of_their_end():
    made = facts({"grown": {"IPReversePathFilter": 7}}, {"grown": {"IPReversePathFilter": 3}})
    found = asked(made)
    assert (found.filtered_there, found.filtered_here) == (7, 3)


@pytest.mark.parametrize(
    ("states", "answered"),
    [
        ([("n11", B, OPEN)], True),
        ([("n11", B, SILENT)], False),
        ([("n12", B, OPEN), ("n11", B6, OPEN)], False),
    ],
)
def test_an_answer_is_one_of_this_address(states, answered):
    assert asked(facts({"levels": {"tcp_pages": 1}}, states=states)).has_answered is answered


def neighbour(link, address=B):
    return {"neighbours": [{"address": address, "link_address": link}]}


@pytest.mark.parametrize(
    ("own", "here", "states", "others", "link", "owner"),
    [
        ([MAC], neighbour(OTHER), [("n11", B, SILENT)], {}, OTHER, ""),
        ([MAC], neighbour(MAC), [("n11", B, SILENT)], {}, "", ""),
        ([MAC, OTHER], neighbour(OTHER), [("n11", B, SILENT)], {}, "", ""),
        ([], neighbour(OTHER), [("n11", B, SILENT)], {}, "", ""),
        ([MAC], {}, [("n11", B, SILENT)], {}, "", ""),
        ([MAC], neighbour("12:34:56:78:9a:bc"), [("n11", B, SILENT)], {}, "", ""),
        (
            [MAC],
            {"neighbours": neighbour(OTHER)["neighbours"] + neighbour(OTHER, "192.0.2.12")["neighbours"]},
            [("n11", B, SILENT), ("n12", "192.0.2.12", SILENT)],
            {},
            "",
            "",
        ),
        (
            [MAC],
            neighbour(THIRD),
            [("n11", B, SILENT)],
            {"n12": {"observations": [], "kernel": {"link_addresses": [THIRD]}}},
            THIRD,
            "n12",
        ),
    ],
    ids=[
        "a foreign one",
        "the host's own",
        "of its second interface",
        "the host says nothing",
        "nothing seen",
        "of a cloud",
        "one for several hosts is a router",
        "of another host of the plan",
    ],
)
def test_a_link_address_that_is_not_the_hosts(own, here, states, others, link, owner):
    found = asked(facts({"link_addresses": own}, here, states=states, others=others))
    assert (found.foreign_link, found.link_owner) == (link, owner)


def seen_by_neighbour(link, address=B, host="n11"):
    """Return what a neighbour of the node reports, which sees a link-layer address for it."""
    seen = {"destination": host, "address": address, "protocol": "tcp", "ports": "8563", "states": SILENT}
    return {"n12": {"observations": [seen], "kernel": neighbour(link, address)}}


@pytest.mark.parametrize(
    ("here", "others", "found", "seen_by"),
    [
        ({}, seen_by_neighbour(OTHER), OTHER, "n12"),
        ({}, seen_by_neighbour(MAC), "", ""),
        (neighbour(MAC), seen_by_neighbour(OTHER), "", ""),
        (neighbour(THIRD), seen_by_neighbour(OTHER), THIRD, ""),
        ({}, seen_by_neighbour(OTHER, "192.0.2.12"), "", ""),
    ],
    ids=["behind a router", "all is well", "the host itself", "its own twin", "of another address"],
)
def test_what_neighbours_see_counts_for_who_sees_nothing_itself(here, others, found, seen_by):
    made = asked(facts({"link_addresses": [MAC]}, here, states=[("n11", B, SILENT)], others=others))
    assert (made.foreign_link, made.link_seen_by) == (found, seen_by)


@pytest.mark.parametrize(
    ("link", "sources", "has_twin"),
    [
        (OTHER, (A,), True),
        (MAC, (A,), False),
        (OTHER, ("192.0.2.99",), False),
        (OTHER, (A, "192.0.2.99"), False),
    ],
    ids=["a twin", "the source itself", "another address", "one of two addresses"],
)
def test_a_twin_of_the_source_gets_the_replies(link, sources, has_twin):
    seen = {"destination": "client", "address": A, "protocol": "tcp", "ports": "1", "states": OPEN}
    others = {"n11": {"observations": [seen], "kernel": {**neighbour(link, A), "link_addresses": [THIRD]}}}
    made = facts({}, {"link_addresses": [MAC]}, states=[("n11", B, SILENT)], others=others)
    twin = asked(made, sources=sources).source_twin
    assert (twin is not None) is has_twin
    if twin:
        assert (twin.link, twin.seen_by, twin.address) == (OTHER, "n11", A)


def test_a_twin_is_noted_also_where_everything_is_ok():
    path = {"destination": "n11", "address": B, "tries": 1, "lost": 0, "link_address": OTHER}
    made = facts({"link_addresses": [MAC]}, paths=[path], states=[("n11", B, OPEN)])
    (note,) = made.notes()
    assert note.cause == "duplicate_address"
    assert all(words in note for words in (OTHER, B, "n11", "proxy ARP"))
    healthy = facts({"link_addresses": [MAC, OTHER]}, paths=[path], states=[("n11", B, OPEN)])
    assert healthy.notes() == []


def test_syn_cookies_are_a_note():
    (note,) = facts({"grown": {"SyncookiesSent": 12}}).notes()
    assert (note.cause, "12 connections" in note) == ("syn_cookies", True)
    assert note.next_command.endswith("# on n11")
