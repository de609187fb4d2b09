# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining a plan with what the hosts observed, on plans that the planner made."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import (
    Joining,
    failure,
    flow_verdicts,
    summarize,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

N1, N2 = (Party(f"n{number}", (f"192.0.2.{number}",), managed=True) for number in (1, 2))
CLIENT = Party("client", ("192.0.2.21", "2001:db8::21"), managed=True)
OPEN, CLOSED, SILENT = (
    {"state": state, "reason": reason}
    for state, reason in (("open", "syn-ack"), ("closed", "conn-refused"), ("filtered", "no-response"))
)
LOST = {"failed": True, "msg": "the host was unreachable"}


def plan(**wishes):
    """Return the plan of two nodes and a client, of release kb."""
    return make_plan(
        Wishes(**{"release": "kb", **wishes}), {"database_node": [N1, N2], "client": [CLIENT]}, []
    )


def listening(made):
    """Return listeners that all came up."""
    return {
        name: {"changed": True, "listening": host["endpoints"], "in_use": [], "denied": []}
        for name, host in made["hosts"].items()
        if host["endpoints"]
    }


def observed(made, state=None, **states):
    """Return what probes of a plan saw.

    One state everywhere, or another one by source and destination (C(n1_n2)).
    """
    state = state or {**OPEN, "rtt_ms": {"min": 1.0, "median": 1.0, "max": 1.0}}
    return {
        source: {
            "observations": [
                {
                    "destination": name,
                    "address": address,
                    "protocol": entry["protocol"],
                    "ports": entry["ports"],
                    "states": [{**states.get(f"{source}_{name}", state), "ports": entry["ports"]}],
                }
                for entry in host["probes"]
                for name, addresses in entry["destinations"].items()
                for address in addresses
            ]
        }
        for source, host in made["hosts"].items()
        if host["probes"]
    }


def results(made, seen, listeners=None):
    """Return the results by flow; each flow of these plans has one address."""
    joined = Joining(made, seen, listening(made) if listeners is None else listeners).judge().results
    return {
        (result["source"], result["destination"], result["service"], result["ports"]): result
        for result in joined
    }


def verdicts(*arguments):
    """Return the verdicts by flow."""
    return {flow: result["verdict"] for flow, result in results(*arguments).items()}


MESH = {("n1", "n2", "subconnection_in", "20000-21000"), ("n2", "n1", "subconnection_in", "20000-21000")}
SQL = {("client", "n1", "sql_client", "8563"), ("client", "n2", "sql_client", "8563")}


def test_every_flow_of_the_plan_has_a_result():
    assert verdicts(plan(), observed(plan())) == dict.fromkeys(MESH | SQL, "ok")


def test_a_result_says_what_was_seen():
    result = results(plan(), observed(plan()))[("client", "n1", "sql_client", "8563")]
    assert result == {
        "source": "client",
        "destination": "n1",
        "address": "192.0.2.1",
        "service": "sql_client",
        "protocol": "tcp",
        "ports": "8563",
        "expected": "reachable",
        "verdict": "ok",
        "state": "open",
        "reason": "syn-ack",
        "sentence": "client reaches tcp 8563 of n1 (192.0.2.1) (open, service not verified).",
        "rtt_ms": {"min": 1.0, "median": 1.0, "max": 1.0},
    }


def test_a_result_says_who_answers():
    identity = {"status": "identified", "version": "8.0", "tls": {"fingerprint": "AB" * 32}}
    found = results(plan(), observed(plan(), client_n1={**OPEN, "identity": identity}))
    assert found[("client", "n1", "sql_client", "8563")]["identity"] == identity
    assert found[("client", "n1", "sql_client", "8563")]["verdict"] == "ok"
    assert "identity" not in found[("client", "n2", "sql_client", "8563")]


@pytest.mark.parametrize(
    "identity",
    [
        {"status": "other", "looks_like": "SSH"},
        {"status": "silent", "looks_like": "something that says nothing"},
    ],
)
def test_another_service_is_a_verdict(identity):
    found = verdicts(plan(), observed(plan(), client_n1={**OPEN, "identity": identity}))
    assert found[("client", "n1", "sql_client", "8563")] == "wrong_service"
    assert found[("client", "n2", "sql_client", "8563")] == "ok"


def test_services_on_ports_of_one_observation_keep_their_own_identity():
    made = plan(release="8")
    seen = observed(made)
    for entry in seen["client"]["observations"]:
        entry["states"][0]["identity"] = {"status": "identified", "version": entry["ports"]}
    found = results(made, seen)
    assert {flow[2]: one["identity"]["version"] for flow, one in found.items() if flow[0] == "client"} == {
        "sql_client": "8563",
        "bucketfs": "2580",
    }


def test_one_blocked_flow_is_one_result():
    found = verdicts(plan(), observed(plan(), client_n2=SILENT))
    assert {flow for flow, verdict in found.items() if verdict != "ok"} == {
        ("client", "n2", "sql_client", "8563")
    }
    assert found[("client", "n2", "sql_client", "8563")] == "blocked"


def test_a_flow_is_split_where_its_ports_differ():
    seen = observed(plan())
    seen["n1"]["observations"][0]["states"] = [
        {**OPEN, "ports": "20000-20385,20387-21000"},
        {**SILENT, "ports": "20386"},
    ]
    found = {flow: verdict for flow, verdict in verdicts(plan(), seen).items() if flow[0] == "n1"}
    assert found == {
        ("n1", "n2", "subconnection_in", "20000-20385,20387-21000"): "ok",
        ("n1", "n2", "subconnection_in", "20386"): "blocked",
    }


def test_each_address_of_a_destination_has_a_result():
    made = make_plan(
        Wishes("kb"),
        {"database_node": [N1._replace(addresses=("192.0.2.1", "2001:db8::1"))], "client": [CLIENT]},
        [],
    )
    seen = observed(made)
    seen["client"]["observations"][1]["states"][0].update(SILENT)
    found = [(result["address"], result["verdict"]) for result in Joining(made, seen, {}).judge().results]
    assert found == [("192.0.2.1", "ok"), ("2001:db8::1", "blocked")]


def test_services_that_share_an_observation_get_their_own_ports():
    made = plan(release="8")
    ports = {flow[2]: flow[3] for flow in results(made, observed(made)) if flow[0] == "client"}
    assert ports == {"sql_client": "8563", "bucketfs": "2580"}


@pytest.mark.parametrize(
    ("result", "fragment"),
    [
        (LOST, "the host was unreachable"),
        ({"unreachable": True, "msg": "Failed to connect"}, "Failed to connect"),
        ({"failed": True}, "the task failed"),
        ({"skipped": True}, "no observation came back"),
        ({"observations": []}, "no observation came back"),
        ({}, "no observation came back"),
        (None, "took no part"),
    ],
    ids=repr,
)
def test_a_source_without_observations_is_untested_and_says_why(result, fragment):
    seen = {**observed(plan()), "client": result}
    found = results(plan(), seen)
    assert {flow: found[flow]["verdict"] for flow in SQL} == dict.fromkeys(SQL, "untested")
    assert {flow: found[flow]["verdict"] for flow in MESH} == dict.fromkeys(MESH, "ok")
    assert_names(
        found[("client", "n1", "sql_client", "8563")]["sentence"],
        ["client was not able to test tcp 8563 of n1", fragment],
    )


@pytest.mark.parametrize("words", ["broken", "broken.", "broken...", " broken.\n"])
def test_a_sentence_has_one_full_stop_whatever_the_host_said(words):
    seen = {**observed(plan()), "client": {"failed": True, "msg": words}}
    sentence = results(plan(), seen)[("client", "n1", "sql_client", "8563")]["sentence"]
    assert sentence == "client was not able to test tcp 8563 of n1: broken."


def test_judging_again_says_the_same():
    seen = observed(plan())
    del seen["client"]
    joining = Joining(plan(), seen, listening(plan()))
    first, second = joining.judge(), joining.judge()
    assert first == second
    assert (len(first.results), len(first.unmeasured)) == (2, 1)


def test_ports_that_nobody_observed_are_untested():
    seen = observed(plan())
    seen["n1"]["observations"][0]["states"] = [{**OPEN, "ports": "20000-20999"}]
    found = {flow: verdict for flow, verdict in verdicts(plan(), seen).items() if flow[0] == "n1"}
    assert found == {
        ("n1", "n2", "subconnection_in", "20000-20999"): "ok",
        ("n1", "n2", "subconnection_in", "21000"): "untested",
    }


def test_a_source_outside_of_the_run_is_set_aside():
    seen = observed(plan())
    del seen["client"]
    joining = Joining(plan(), seen, listening(plan()))
    assert {result["source"] for result in joining.judge().results} == {"n1", "n2"}
    assert joining.judge().unmeasured == [
        {
            "service": "sql_client",
            "protocol": "tcp",
            "ports": "8563",
            "sources": ["client"],
            "destinations": ["n1", "n2"],
            "reason": "the source is outside of this run",
        }
    ]


@pytest.mark.parametrize(
    "state", [CLOSED, {"state": "open|filtered", "reason": "no-response"}], ids=["refused", "silent UDP"]
)
def test_what_tells_nothing_of_a_destination_outside_of_the_run_is_set_aside(state):
    listeners = listening(plan())
    del listeners["n2"]
    joining = Joining(plan(), observed(plan(), client_n2=state, n1_n2=state), listeners)
    assert {result["verdict"] for result in joining.judge().results} == {"ok"}
    assert {
        (entry["service"], *entry["sources"], *entry["destinations"]) for entry in joining.judge().unmeasured
    } == {("sql_client", "client", "n2"), ("subconnection_in", "n1", "n2")}
    assert all("n2 is outside of this run" in entry["reason"] for entry in joining.judge().unmeasured)


@pytest.mark.parametrize(("state", "verdict"), [(OPEN, "ok"), (SILENT, "blocked")])
def test_what_is_known_of_a_destination_outside_of_the_run_is_judged(state, verdict):
    listeners = listening(plan())
    del listeners["n2"]
    assert (
        verdicts(plan(), observed(plan(), client_n2=state), listeners)[("client", "n2", "sql_client", "8563")]
        == verdict
    )


def test_a_refusal_although_our_listener_was_up_is_a_block():
    assert (
        verdicts(plan(), observed(plan(), client_n2=CLOSED))[("client", "n2", "sql_client", "8563")]
        == "blocked"
    )


def test_a_refusal_of_a_live_cluster_is_a_service_that_is_not_started():
    assert (
        verdicts(plan(), observed(plan(), client_n2=CLOSED), {})[("client", "n2", "sql_client", "8563")]
        == "no_listener"
    )


def holding(by, *at, ports="8563", address="192.0.2.2", **more):
    """Return what the listener of n2 returned where something else holds ports."""
    held = [{"address": address, "protocol": "tcp", "ports": ports, "by": by, "at": list(at)}]
    return {
        "listening": [],
        "in_use": [{"address": address, "protocol": "tcp", "ports": ports}],
        "denied": [],
        "holders": held,
        **more,
    }


def of_n2(state, listener, expected="reachable", **options):
    """Return the one result of what the client saw at n2, and n2's listener returned."""
    made = plan()
    for entry in made["hosts"]["client"]["probes"]:
        entry["expected"] = expected
    listeners = {**listening(made), "n2": listener}
    found = Joining(made, observed(made, client_n2=state), listeners, **options).judge().results
    (one,) = [result for result in found if (result["source"], result["destination"]) == ("client", "n2")]
    return one


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


def test_a_case_is_split_where_the_other_end_differs_by_port():
    made = plan()
    listeners = listening(made)
    listeners["n2"] = {
        "listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "20000-20499"}],
        "denied": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "20500"}],
        **{
            key: value
            for key, value in holding("connection", ports="20600-20601").items()
            if key in ("in_use", "holders")
        },
    }
    found = {
        flow[3]: result["verdict"]
        for flow, result in results(made, observed(made, n1_n2=CLOSED), listeners).items()
        if flow[0] == "n1"
    }
    assert found == {
        "20000-20499": "blocked",
        "20500": "untested",
        "20600-20601": "untested",
        "20501-20599,20602-21000": "no_listener",
    }


def test_a_case_is_not_split_where_that_tells_nothing():
    made = plan()
    listeners = listening(made)
    listeners["n2"] = {
        "listening": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "20000-20499"}],
        **{
            key: value
            for key, value in holding("service", "0.0.0.0", ports="20500-21000").items()
            if key in ("in_use", "holders")
        },
    }
    for state in (OPEN, SILENT):
        assert [
            flow[3] for flow in results(made, observed(made, n1_n2=state), listeners) if flow[0] == "n1"
        ] == ["20000-21000"]


QUERIED = {
    "n1": {"changed": False, "listening": [], "in_use": [], "denied": [], "holders": [], "leftovers": []}
}
LEFT = {
    "pid": 4711,
    "uid": 0,
    "user": "root",
    "host": "n2",
    "age_s": 190,
    "quiet_s": 185,
    "left_s": 115,
    "ended": False,
    "ports": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}],
}


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
    ("entry", "fragments"),
    [
        (
            LEFT,
            [
                "On n2",
                "tcp 8563 of 192.0.2.2",
                "process 4711 of root",
                "190 s old",
                "for 185 s",
                "within 115 s",
                "kill 4711",
            ],
        ),
        ({**LEFT, "ended": True}, ["process 4711 of root", "It was ended"]),
        (
            {
                **LEFT,
                "user": "\x1b[2Jroot",
                "pid": "1; reboot",
                "ports": [{"address": "\x1b", "protocol": "x", "ports": "y"}],
            },
            ["process 0 of uid 0", "planned ports"],
        ),
    ],
    ids=["goes on", "ended", "hostile"],
)
def test_leftovers_are_named(entry, fragments):
    joining = Joining(plan(), observed(plan()), {}, queries={"n2": holding("listener", leftovers=[entry])})
    (note,) = joining.listening.notes()
    assert_names(note, fragments)
    assert note.isprintable() and "reboot" not in note


def test_a_host_that_could_not_look_for_leftovers_is_named():
    assert Joining(plan(), observed(plan()), {}, queries={"n2": LOST}).listening.notes() == [
        "n2 was not able to look for listeners of other runs: the host was unreachable."
    ]


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


@pytest.mark.parametrize(("state", "verdict"), [(OPEN, "exposed"), (SILENT, "ok"), (CLOSED, "ok")])
def test_what_must_not_work(state, verdict):
    idle = Party("idle", ("192.0.2.99",), managed=True)
    made = make_plan(Wishes("kb", check_denied=True), {"database_node": [N1], "client": [CLIENT]}, [idle])
    found = verdicts(made, observed(made, idle_n1=state))
    assert found[("idle", "n1", "sql_client", "8563")] == verdict
    assert found[("client", "n1", "sql_client", "8563")] == "ok"


NO_ROUTE = {"state": "unreachable", "reason": "no-route"}


@pytest.mark.parametrize(
    ("may", "must_not", "verdict"),
    [
        pytest.param(OPEN, NO_ROUTE, "ok", id="no route, but a client gets through"),
        pytest.param(SILENT, SILENT, "untested", id="nobody gets through"),
        pytest.param(NO_ROUTE, NO_ROUTE, "untested", id="nobody has a route"),
        pytest.param(CLOSED, CLOSED, "untested", id="everybody is refused"),
        pytest.param({**OPEN, "answered_by": "n9"}, SILENT, "untested", id="a client reaches another host"),
        pytest.param(
            {"state": "error", "reason": "EMFILE"}, SILENT, "untested", id="a client that measured nothing"
        ),
        pytest.param(SILENT, OPEN, "exposed", id="only the wrong one gets through"),
    ],
)
def test_what_must_not_work_needs_somebody_who_may_and_does(may, must_not, verdict):
    idle = Party("idle", ("192.0.2.99",), managed=True)
    made = make_plan(Wishes("kb", check_denied=True), {"database_node": [N1], "client": [CLIENT]}, [idle])
    assert (
        verdicts(made, observed(made, client_n1=may, idle_n1=must_not))[("idle", "n1", "sql_client", "8563")]
        == verdict
    )


@pytest.mark.parametrize(
    ("stopped", "verdict"),
    [
        ({"changed": True}, "ok"),
        ({"unreachable": True, "msg": "timed out"}, "untested"),
        ({"changed": False}, "untested"),
    ],
    ids=["still there", "host gone", "listener gone"],
)
@pytest.mark.parametrize(
    "seen",
    [
        SILENT,
        NO_ROUTE,
        {"state": "filtered", "reason": "host-unreach", "reason_ip": "local"},
    ],
    ids=["silence", "no route", "no neighbour"],
)
def test_what_must_not_work_is_not_proven_by_a_host_that_went_away(seen, stopped, verdict):
    """The control reached it while it was still there."""
    idle = Party("idle", ("192.0.2.99",), managed=True)
    made = make_plan(Wishes("kb", check_denied=True), {"database_node": [N1], "client": [CLIENT]}, [idle])
    found = (
        Joining(made, observed(made, client_n1=OPEN, idle_n1=seen), listening(made), stopped={"n1": stopped})
        .judge()
        .results
    )
    assert {
        result["verdict"]
        for result in found
        if (result["source"], result["service"]) == ("idle", "sql_client")
    } == {verdict}


def test_a_control_counts_for_its_own_ports_and_address_alone():
    twofold = N1._replace(addresses=("192.0.2.1", "2001:db8::1"))
    made = make_plan(
        Wishes("8", check_denied=True),
        {"database_node": [twofold], "client": [CLIENT], "admin_network": [N2]},
        [],
    )
    seen = observed(made)
    for observation in seen["client"]["observations"]:
        observation["states"][0].update(SILENT)
    for observation in seen["n2"]["observations"]:
        if ":" in observation["address"] or observation["ports"] == "8563":
            observation["states"][0].update(SILENT)
    found = {
        (result["service"], result["ports"], result["address"]): result["verdict"]
        for result in Joining(made, seen, listening(made)).judge().results
        if result["source"] == "client" and result["expected"] == "denied"
    }
    assert found[("confd", "20003", "192.0.2.1")] == "ok"
    assert found[("confd", "20003", "2001:db8::1")] == "untested"
    assert found[("subconnection_in", "20002-20003", "192.0.2.1")] == "ok"
    assert found[("subconnection_in", "20000-20001,20004-21000", "192.0.2.1")] == "untested"


@pytest.mark.parametrize(
    ("optional", "listeners", "expected"),
    [
        pytest.param(CLOSED, {}, {}, id="a live cluster without that service"),
        pytest.param(
            OPEN,
            {},
            {("client", "denied"): "exposed", ("n2", "reachable"): "ok"},
            id="a live cluster with it",
        ),
        pytest.param(
            CLOSED,
            None,
            {("client", "denied"): "untested", ("n2", "reachable"): "blocked"},
            id="our listener was up",
        ),
    ],
)
def test_a_row_that_nobody_asked_for_is_no_service_that_is_missing(optional, listeners, expected):
    made = make_plan(Wishes("8", check_denied=True), {"database_node": [N1, N2], "client": [CLIENT]}, [])
    seen = observed(made)
    for host in seen.values():
        for observation in host["observations"]:
            if observation["ports"] == "2581" and observation["destination"] == "n1":
                observation["states"][0].update(optional)
    joining = Joining(made, seen, listening(made) if listeners is None else listeners)
    found = {
        (one["source"], one["expected"]): one["verdict"]
        for one in joining.judge().results
        if one["service"] == "bucketfs_https" and one["destination"] == "n1"
    }
    assert found == expected
    aside = {
        entry["sources"][0]: entry["reason"]
        for entry in joining.judge().unmeasured
        if entry["service"] == "bucketfs_https"
    }
    assert aside == (
        {}
        if expected
        else dict.fromkeys(
            ["client", "n2"], "nothing listens there, and the row is optional and not included"
        )
    )


def test_a_refusal_where_somebody_gets_through_is_no_missing_service():
    made = make_plan(Wishes("8", check_denied=True), {"database_node": [N1, N2], "client": [CLIENT]}, [])
    seen = observed(made)
    for observation in seen["client"]["observations"]:
        if observation["ports"] == "2581":
            observation["states"][0].update(CLOSED)
    joining = Joining(made, seen, {})
    found = {
        one["destination"]: one["verdict"]
        for one in joining.judge().results
        if one["source"] == "client" and one["service"] == "bucketfs_https"
    }
    assert found == {"n1": "ok", "n2": "ok"}
    assert joining.judge().unmeasured == []


@pytest.mark.parametrize(
    ("members", "left", "fragment"),
    [
        ({"database_node": [N1], "client": [CLIENT]}, (), "no managed host may use it"),
        (
            {"database_node": [N1], "client": [CLIENT], "admin_network": [N2]},
            ("n2",),
            "the hosts that may use it (n2) are outside of this run",
        ),
        (
            {"database_node": [N1], "client": [CLIENT], "admin_network": [N2]},
            (),
            "no host that may use it (n2) reached it",
        ),
        ({"database_node": [N1, N2], "client": [CLIENT]}, (), "no host that may use it (n2) reached it"),
    ],
    ids=["a node alone", "outside of the run", "did not reach it", "a second node did not reach it"],
)
def test_why_a_denial_has_no_control_is_said_of_the_very_ports(members, left, fragment):
    made = make_plan(Wishes("8", check_denied=True), members, [])
    seen = {
        host: result
        for host, result in observed(made, client_n1=SILENT, n2_n1=SILENT).items()
        if host not in left
    }
    found = Joining(made, seen, listening(made)).judge().results
    sentences = {
        result["verdict"]: result["sentence"]
        for result in found
        if (result["source"], result["destination"], result["service"]) == ("client", "n1", "admin_api")
    }
    assert list(sentences) == ["untested"]
    assert fragment in sentences["untested"]


def test_one_who_must_not_is_no_control_for_himself():
    made = make_plan(
        Wishes("8", include=["client_subconnection"], check_denied=True),
        {"database_node": [N1], "client": [CLIENT], "admin_network": [N2]},
        [],
    )
    seen = observed(made, n2_n1=SILENT)
    found = {
        (result["source"], result["service"]): result["verdict"]
        for result in Joining(made, seen, listening(made)).judge().results
        if result["expected"] == "denied"
    }
    assert found[("n2", "sql_client")] == "ok", "the client reaches it"
    assert found[("client", "admin_api")] == "exposed"


def test_a_host_of_the_plan_that_does_nothing_has_no_results():
    made = make_plan(
        Wishes("kb"),
        {"database_node": [N1], "client": [CLIENT]},
        [Party("idle", ("192.0.2.99",), managed=True)],
    )
    joining = Joining(made, observed(made), {})
    assert {result["source"] for result in joining.judge().results} == {"client"}
    assert joining.judge().unmeasured == []


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"changed": False}, None),
        ({}, None),
        ({"skipped": True}, None),
        (None, "the host took no part in this run"),
        ({"failed": True, "msg": " broken\n"}, "broken"),
        ({"unreachable": True}, "the task failed"),
        ({"failed": True, "msg": " \n"}, "the task failed"),
        ({"failed": False, "msg": "fine"}, None),
    ],
)
def test_failure_of_a_task(result, expected):
    assert failure(result) == expected


def result(verdict, ports="8563", source="client", address="192.0.2.1"):
    """Return a result with what counting needs."""
    return {
        "source": source,
        "destination": "n1",
        "address": address,
        "service": "sql_client",
        "expected": "reachable",
        "ports": ports,
        "verdict": verdict,
    }


def test_a_flow_counts_once_with_what_needs_somebody_to_act():
    parts = [
        result("ok", "1-5"),
        result("blocked", "6"),
        result("ok", "7"),
        result("ok", address="2001:db8::1"),
        result("ok", source="other"),
    ]
    assert summarize(parts) == {"blocked": 1, "ok": 1}
    assert sorted(flow_verdicts(parts).values()) == ["blocked", "ok"]
    assert summarize([]) == {}


def test_what_was_not_tested_is_never_counted_as_ok():
    assert summarize([result("ok", "1"), result("untested", "2")]) == {"untested": 1}
