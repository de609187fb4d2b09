# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining a plan with what the hosts observed, on plans that the planner made."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    CLIENT,
    CLOSED,
    LOST,
    MESH,
    N1,
    OPEN,
    SILENT,
    SQL,
    holding,
    listening,
    observed,
    plan,
    results,
    verdicts,
)


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
        {"status": "silent", "looks_like": "something that sends nothing"},
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


def test_a_host_of_the_plan_that_does_nothing_has_no_results():
    made = make_plan(
        Wishes("kb"),
        {"database_node": [N1], "client": [CLIENT]},
        [Party("idle", ("192.0.2.99",), managed=True)],
    )
    joining = Joining(made, observed(made), {})
    assert {result["source"] for result in joining.judge().results} == {"client"}
    assert joining.judge().unmeasured == []
