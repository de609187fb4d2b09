# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known at the destination's end: our listeners, other holders of ports, addresses of others."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    CLIENT,
    CLOSED,
    LEFT,
    LOST,
    N1,
    OPEN,
    QUERIED,
    SILENT,
    holding,
    listening,
    observed,
    of_n2,
    plan,
    results,
    verdicts,
    with_clean_paths,
)

HELD = [
    (
        CLOSED,
        holding("service", "192.0.2.2"),
        "blocked",
        ["although a service listened there", "rejects with a reset", "ss -ltn on n2"],
    ),
    (CLOSED, holding("service", "0.0.0.0"), "blocked", ["although a service listened there"]),
    (
        CLOSED,
        holding("service", "127.0.0.1"),
        "no_listener",
        ["sql_client listens on 127.0.0.1 of n2 only", "make it listen on 192.0.2.2"],
    ),
    (CLOSED, holding("service", "::"), "no_listener", ["listens on :: of n2 only"]),
    (
        CLOSED,
        holding("connection"),
        "untested",
        ["an outgoing connection of the host", "net.ipv4.ip_local_reserved_ports=8563 on n2"],
    ),
    (CLOSED, holding("unknown"), "untested", ["without listening", "ip_local_reserved_ports"]),
    (CLOSED, holding("listener", "192.0.2.2"), "untested", ["a listener of another run"]),
    (OPEN, holding("service", "192.0.2.2"), "ok", []),
    (
        OPEN,
        holding("listener", "192.0.2.2"),
        "untested",
        ["a listener of another run answers there instead of sql_client"],
    ),
    (
        {**OPEN, "reason": "other-run"},
        holding("service", "192.0.2.2"),
        "untested",
        ["a listener of another run answers there"],
    ),
    (
        {**OPEN, "reason": "other-run"},
        {"skipped": True},
        "untested",
        ["a listener of another run answers there"],
    ),
    (SILENT, holding("connection"), "blocked", ["gets no reply"]),
    (
        {
            "state": "error",
            "reason": "own-address",
            "detail": "192.0.2.2 is an address of that host itself at the moment",
        },
        {"skipped": True},
        "untested",
        ["client could not test", "192.0.2.2 is an address of that host itself"],
    ),
]


@pytest.mark.parametrize(("state", "listener", "verdict", "fragments"), HELD)
def test_who_holds_a_port_is_judged(state, listener, verdict, fragments):
    found = of_n2(state, listener)
    assert found["verdict"] == verdict, found["sentence"]
    assert_names(found["sentence"], fragments)


@pytest.mark.parametrize(
    ("state", "listener", "verdict"),
    [
        (OPEN, holding("listener", "192.0.2.2"), "exposed"),
        ({**OPEN, "reason": "other-run"}, {"skipped": True}, "exposed"),
        (CLOSED, holding("service", "192.0.2.2"), "untested"),
        (CLOSED, holding("connection"), "untested"),
        (CLOSED, holding("service", "127.0.0.1"), "untested"),
        (
            SILENT,
            holding("service", "192.0.2.2"),
            "untested",
        ),  # nobody who may use the port reached it in this run
    ],
)
def test_who_holds_a_port_is_judged_where_nobody_may_come(state, listener, verdict):
    assert of_n2(state, listener, "blocked")["verdict"] == verdict


@pytest.mark.parametrize(
    ("at", "verdict"),
    [
        (["127.0.0.1"], "no_listener"),
        (["192.0.2.77", "2001:db8::2"], "no_listener"),
        (["192.0.2.1"], "ok"),
        ([], "ok"),
    ],
    ids=["loopback", "other addresses", "address of another host of the plan", "nowhere"],
)
def test_our_listener_beside_a_service_on_other_addresses_proves_no_service(at, verdict):
    up = {
        **holding("service", *at),
        "listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}],
        "in_use": [],
    }
    found = of_n2({**OPEN, "answered_by": "n2"}, up)
    assert found["verdict"] == verdict
    assert verdict == "ok" or f"listens on {', '.join(at)} of n2 only" in found["sentence"]
    assert of_n2({**OPEN, "answered_by": "n2"}, up, "blocked")["verdict"] == "exposed"


def test_hosts_of_one_loopback_are_told_apart_by_their_addresses():
    nodes = [Party(f"n{number}", (f"127.0.0.{number}",), managed=True) for number in (11, 12)]
    made = make_plan(Wishes("kb"), {"database_node": nodes, "client": [CLIENT]}, [])
    listeners = listening(made)
    listeners["n12"]["holders"] = [
        {
            "address": "127.0.0.12",
            "protocol": "tcp",
            "ports": "8563",
            "by": "service",
            "at": ["127.0.0.1", "127.0.0.11", "192.0.2.40"],
        }
    ]
    found = results(made, observed(made, {**OPEN, "answered_by": "n12"}), listeners)
    assert found[("client", "n12", "sql_client", "8563")]["verdict"] == "ok"


@pytest.mark.parametrize(
    ("query", "state", "verdict"),
    [
        (holding("listener", "192.0.2.2", leftovers=[LEFT]), OPEN, "untested"),
        (holding("listener", "192.0.2.2", leftovers=[LEFT]), {**OPEN, "reason": "other-run"}, "untested"),
        (holding("service", "0.0.0.0"), OPEN, "ok"),
        (holding("service", "0.0.0.0"), CLOSED, "blocked"),
        (holding("service", "127.0.0.1"), CLOSED, "no_listener"),
        (QUERIED["n1"], CLOSED, "no_listener"),
        (QUERIED["n1"], OPEN, "ok"),
        (LOST, CLOSED, "no_listener"),
        (None, OPEN, "ok"),
    ],
)
def test_a_live_check_knows_what_holds_its_ports(query, state, verdict):
    made = plan()
    queries = {**QUERIED, "n2": query} if query else QUERIED
    found = Joining(made, observed(made, client_n2=state), {}, queries=queries).judge().results
    assert {
        result["verdict"] for result in found if (result["source"], result["destination"]) == ("client", "n2")
    } == {verdict}
    assert {result["verdict"] for result in found if result["destination"] == "n1"} == {"ok"}


SIBLING = {**LEFT, "host": "n1", "same_run": True}


@pytest.mark.parametrize(
    "state",
    [OPEN, CLOSED, {**OPEN, "reason": "other-run"}, {**OPEN, "answered_by": "n1"}],
    ids=["open", "refused", "its notice", "proven as the other host"],
)
def test_hosts_that_are_one_machine_are_told_so(state):
    found = of_n2(state, holding("listener", "192.0.2.2", leftovers=[SIBLING]))
    assert found["verdict"] == "untested"
    assert_names(
        found["sentence"],
        [
            "the listener of n1 has the port there",
            "n2 and n1 are one machine",
            "ansible_host",
            "exasol_address",
        ],
    )
    assert "another run" not in found["sentence"]


@pytest.mark.parametrize(
    "left",
    [{**SIBLING, "same_run": False}, {**SIBLING, "host": "nobody"}, {**SIBLING, "same_run": "yes"}],
    ids=["another run's", "no host of the plan", "no boolean"],
)
def test_what_is_not_of_this_run_is_no_sign_of_one_machine(left):
    assert (
        "a listener of another run"
        in of_n2(OPEN, holding("listener", "192.0.2.2", leftovers=[left]))["sentence"]
    )


def test_one_machine_is_judged_by_port_and_where_nobody_may_come():
    left = {**SIBLING, "ports": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "1"}]}
    assert (
        "a listener of another run"
        in of_n2(OPEN, holding("listener", "192.0.2.2", leftovers=[left]))["sentence"]
    ), "the control: another port"
    assert (
        of_n2(OPEN, holding("listener", "192.0.2.2", leftovers=[SIBLING]), "blocked")["verdict"] == "exposed"
    )
    assert (
        Joining(
            plan(), observed(plan()), {}, queries={"n2": holding("listener", leftovers=[SIBLING])}
        ).listening.notes()
        == []
    )


@pytest.mark.parametrize(
    ("listener", "fragment"),
    [
        (LOST, "the listener of n2 did not start: the host was unreachable"),
        ({"failed": True}, "the listener of n2 did not start: the task failed"),
        (
            {
                "listening": [],
                "in_use": [],
                "denied": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}],
            },
            "does not permit it without root",
        ),
    ],
)
def test_a_refusal_where_we_could_not_listen_is_untested(listener, fragment):
    found = results(plan(), observed(plan(), client_n2=CLOSED), {**listening(plan()), "n2": listener})[
        ("client", "n2", "sql_client", "8563")
    ]
    assert found["verdict"] == "untested"
    assert fragment in found["sentence"]


@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_one_port_at_which_we_listen_counts_for_no_other(expected):
    """443 needs root, so we listened at 8443 alone; whoever may use them reached both in this run."""
    ports = "443,8443"
    members = {
        "database_node": [Party("n2", ("192.0.2.2",), managed=True)],
        "client": [],
        "admin_network": [],
    }
    for name, address in (("client", "192.0.2.21"), ("admin_network", "192.0.2.22")):
        members[name] = [Party(name, (address,), managed=True)]
    services = [
        {
            "name": "ui",
            "protocol": "tcp",
            "ports": ports,
            "source": "admin_network",
            "destination": "database_node",
            "description": "pages for people",
        }
    ]
    made = make_plan(Wishes(services=services), members, [])
    probe = next(one for one in made["hosts"]["admin_network"]["probes"] if one["service"] == "ui")
    for name, one in (("client", {**probe, "expected": expected}), ("admin_network", probe)):
        made["hosts"][name]["probes"] = [one]
    at = {"address": "192.0.2.2", "protocol": "tcp"}
    listeners = {
        "n2": {"listening": [{**at, "ports": "8443"}], "denied": [{**at, "ports": "443"}], "in_use": []}
    }
    judged = Joining(made, observed(made, OPEN, client_n2=CLOSED), listeners).judge().results
    found = {one["ports"]: one["verdict"] for one in judged if one["source"] == "client"}
    assert found == {"443": "untested", "8443": "blocked" if expected == "reachable" else "ok"}


@pytest.mark.parametrize(
    ("stopped", "verdict"),
    [
        ({"changed": True}, "blocked"),
        ({"changed": False}, "untested"),
        ({"changed": False, "skipped": True}, "blocked"),
        ({"changed": True, "stepped_aside": True}, "untested"),
        (None, "blocked"),
    ],
)
def test_a_refusal_where_our_listener_had_ended_proves_nothing(stopped, verdict):
    joining = Joining(
        plan(),
        observed(plan(), client_n2=CLOSED, n1_n2=SILENT),
        listening(plan()),
        stopped={"n2": stopped} if stopped else None,
    )
    found = {(result["source"], result["destination"]): result for result in joining.judge().results}
    assert found[("client", "n2")]["verdict"] == verdict
    assert ("too early" in found[("client", "n2")]["sentence"]) == (verdict == "untested")
    assert found[("client", "n1")]["verdict"] == "ok"


@pytest.mark.parametrize(
    "stopped",
    [
        {"changed": False, "failed": True, "msg": "no answer"},
        {"unreachable": True, "msg": "timed out"},
        LOST,
    ],
    ids=["failed", "unreachable", "lost"],
)
@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_a_refusal_by_a_host_that_could_not_be_asked_at_the_end_proves_nothing(stopped, expected):
    """It may have been restarted, and then a kernel without our listener refuses."""
    up = {"listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}]}
    assert of_n2(CLOSED, up, expected, stopped={"n2": stopped})["verdict"] == "untested"
    sure = of_n2(CLOSED, up, "reachable", stopped={"n2": {"changed": True}})
    assert sure["verdict"] == "blocked"
    if expected == "reachable":
        assert (
            f"n2 could not be asked: {stopped['msg']}"
            in of_n2(CLOSED, up, expected, stopped={"n2": stopped})["sentence"]
        )


@pytest.mark.parametrize(
    ("listener", "stopped", "verdict"),
    [
        ({}, {"changed": False}, "untested"),
        ({}, {"unreachable": True, "msg": "timed out"}, "untested"),
        ({"unreachable": True, "msg": "timed out"}, None, "untested"),
        ({}, {"changed": True}, "blocked"),
        ({}, {"changed": True, "stepped_aside": True}, "blocked"),
        ({}, LOST, "blocked"),
        (LOST, None, "blocked"),
    ],
    ids=[
        "listener gone",
        "host gone",
        "never there",
        "still there",
        "still there, aside",
        "not asked",
        "did not start",
    ],
)
@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_silence_of_a_host_that_was_gone_proves_nothing(listener, stopped, verdict, expected):
    up = {"listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}]}
    found = of_n2(SILENT, listener or up, expected, stopped={"n2": stopped} if stopped else None)
    # What must not work has no control here: nobody who may use the port reached it.
    assert found["verdict"] == (verdict if expected == "reachable" else "untested"), found["sentence"]
    assert ("does not prove a filter" in found["sentence"]) == (verdict == "untested")


def test_a_listener_at_every_address_is_up_at_each():
    listeners = listening(plan())
    listeners["n2"]["listening"] = [{"address": "0.0.0.0", "protocol": "tcp", "ports": "8563,20000-21000"}]
    listeners["n2"]["addresses"] = ["127.0.0.1", "192.0.2.2"]
    assert (
        verdicts(plan(), observed(plan(), client_n2=CLOSED), listeners)[
            ("client", "n2", "sql_client", "8563")
        ]
        == "blocked"
    )


@pytest.mark.parametrize(
    "wildcard, expected",
    [
        ("0.0.0.0", {"192.0.2.1": "blocked", "2001:db8::1": "no_listener"}),
        ("::", {"192.0.2.1": "no_listener", "2001:db8::1": "blocked"}),
    ],
)
def test_a_wildcard_is_up_for_its_own_family_only(wildcard, expected):
    made = make_plan(
        Wishes("kb"),
        {"database_node": [N1._replace(addresses=("192.0.2.1", "2001:db8::1"))], "client": [CLIENT]},
        [],
    )
    listeners = {
        "n1": {
            "listening": [{"address": wildcard, "protocol": "tcp", "ports": "8563"}],
            "in_use": [],
            "denied": [],
        },
        "client": {"skipped": True},
    }
    assert {
        result["address"]: result["verdict"]
        for result in Joining(made, observed(made, CLOSED), listeners).judge().results
    } == expected


IDENTIFIED = {**OPEN, "identity": {"status": "identified"}}


MET = "198.51.100.7"


@pytest.mark.parametrize(
    ("planned", "seen", "told", "verdict"),
    [
        ("n1.example.com", IDENTIFIED, {"addresses": ["127.0.0.1", MET]}, "ok"),
        ("n1.example.com", IDENTIFIED, {"addresses": ["127.0.0.1", "192.0.2.1"]}, "untested"),
        ("n1.example.com", IDENTIFIED, {"addresses": []}, "ok"),
        ("n1.example.com", CLOSED, {"addresses": ["127.0.0.1", MET]}, "no_listener"),
        ("n1.example.com", CLOSED, {"addresses": ["127.0.0.1", "192.0.2.1"]}, "untested"),
        ("n1.example.com", SILENT, {"addresses": ["127.0.0.1", "192.0.2.1"]}, "blocked"),
        (MET, IDENTIFIED, {"addresses": ["127.0.0.1", "192.0.2.1"]}, "untested"),
        (
            MET,
            IDENTIFIED,
            {"addresses": ["127.0.0.1", "192.0.2.1"], "machine": {"identity": "x", "own": [MET]}},
            "ok",
        ),
    ],
    ids=[
        "its own",
        "stale name",
        "kernel does not say",
        "its own, refused",
        "stale name, refused",
        "stale name, silent",
        "another's address",
        "by a local route",
    ],
)
@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_what_answers_at_an_address_that_is_not_the_hosts_proves_nothing_of_a_live_cluster(
    planned, seen, told, verdict, expected
):
    """The same service runs on every node, so a name that leads to another node would look well."""
    made = make_plan(
        Wishes("kb"), {"database_node": [N1._replace(addresses=(planned,))], "client": [CLIENT]}, []
    )
    made["hosts"]["client"]["probes"][0]["expected"] = expected
    measured = observed(made, seen)
    measured["client"]["observations"][0]["address"] = MET
    (found,) = Joining(made, measured, {}, queries={"n1": told, "client": {"skipped": True}}).judge().results
    if expected == "denied":
        verdict = {"ok": "exposed"}.get(verdict, "untested")
    assert found["verdict"] == verdict, found["sentence"]


def test_a_service_at_an_address_that_kept_a_listener_from_starting_is_not_the_hosts():
    made = make_plan(
        Wishes("kb"), {"database_node": [N1._replace(addresses=("192.0.2.1", MET))], "client": [CLIENT]}, []
    )
    failed = {
        "failed": True,
        "msg": f"cannot listen on {MET}",
        "addresses": ["127.0.0.1", "192.0.2.1"],
        "machine": {"identity": "x", "own": ["192.0.2.1"]},
    }
    found = (
        Joining(made, observed(made, IDENTIFIED), {"n1": failed, "client": {"skipped": True}}).judge().results
    )
    assert {result["address"]: result["verdict"] for result in found} == {"192.0.2.1": "ok", MET: "untested"}


@pytest.mark.parametrize(("answered_by", "verdict"), [("n1", "ok"), ("n9", "wrong_host"), ("", "untested")])
def test_a_listener_that_proves_itself_at_an_address_that_is_not_the_hosts_is_behind_nat(
    answered_by, verdict
):
    made = make_plan(
        Wishes("kb"), {"database_node": [N1._replace(addresses=("n1.example.com",))], "client": [CLIENT]}, []
    )
    seen = observed(made, {**OPEN, "answered_by": answered_by})
    seen["client"]["observations"][0]["address"] = MET
    seen["client"] = with_clean_paths(seen["client"]["observations"])
    listeners = {
        "n1": {
            "listening": [{"address": "0.0.0.0", "protocol": "tcp", "ports": "8563"}],
            "addresses": ["192.0.2.1"],
        },
        "client": {"skipped": True},
    }
    (found,) = Joining(made, seen, listeners).judge().results
    assert found["verdict"] == verdict, found["sentence"]


@pytest.mark.parametrize(
    ("own", "verdict"),
    [(["127.0.0.1", "198.51.100.7"], "blocked"), (["127.0.0.1", "192.0.2.2"], "untested"), ([], "untested")],
)
def test_a_listener_at_every_address_says_nothing_of_an_address_that_is_not_its_hosts(own, verdict):
    made = make_plan(
        Wishes("kb"), {"database_node": [N1._replace(addresses=("n1.example.com",))], "client": [CLIENT]}, []
    )
    seen = observed(made, CLOSED)
    seen["client"]["observations"][0]["address"] = "198.51.100.7"
    listeners = {
        "n1": {"listening": [{"address": "0.0.0.0", "protocol": "tcp", "ports": "8563"}], "addresses": own},
        "client": {"skipped": True},
    }
    (found,) = Joining(made, seen, listeners).judge().results
    assert found["verdict"] == verdict
    assert verdict == "blocked" or "198.51.100.7, which is none of the addresses of n1" in found["sentence"]


def test_who_answers_for_another_is_not_ok():
    assert (
        verdicts(plan(), observed(plan(), client_n2={**OPEN, "answered_by": "n1"}))[
            ("client", "n2", "sql_client", "8563")
        ]
        == "wrong_host"
    )


HALF_OPEN = {"state": "open", "reason": "syn-ack", "answered_by": "", "proof": "silent"}


@pytest.mark.parametrize(
    ("stopped", "verdict", "cause"),
    [
        ({"changed": True}, "stalled", "half_open"),
        ({"changed": True, "stalled_s": 4.2}, "untested", "no_own_listener"),
        ({"changed": True, "stepped_aside": True}, "untested", "no_own_listener"),
        ({"changed": False, "failed": True, "msg": "no answer"}, "untested", "no_own_listener"),
        ({"changed": False}, "untested", "no_own_listener"),
    ],
    ids=["well", "busy", "aside", "stopped", "gone"],
)
def test_silence_after_the_handshake_accuses_nobody_if_our_listener_is_the_reason(stopped, verdict, cause):
    up = {"listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}]}
    found = of_n2(HALF_OPEN, up, "reachable", stopped={"n2": stopped})
    assert (found["verdict"], found["cause"]) == (verdict, cause), found["sentence"]
    assert ("does not prove a filter" in found["sentence"]) == (verdict == "untested")


def test_a_busy_listener_excuses_no_refusal_and_no_other_answer():
    up = {"listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}]}
    busy = {"n2": {"changed": True, "stalled_s": 4.2}}
    assert of_n2(CLOSED, up, "reachable", stopped=busy)["verdict"] == "blocked"
    assert of_n2(SILENT, up, "reachable", stopped=busy)["verdict"] == "blocked"
    other = {**HALF_OPEN, "proof": "other"}
    assert of_n2(other, up, "reachable", stopped=busy)["verdict"] == "wrong_host"
