# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that must not work, and who shows that their ports work for others."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    CLIENT,
    CLOSED,
    N1,
    N2,
    OPEN,
    SILENT,
    listening,
    observed,
    verdicts,
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
    nodes = {"database_node": [N1, N2], "client": [CLIENT]}
    made = make_plan(Wishes("kb", check_denied=True), nodes, [idle])
    states = observed(made, client_n1=OPEN, idle_n1=seen, idle_n2=CLOSED)
    found = Joining(made, states, listening(made), stopped={"n1": stopped}).judge().results
    assert {
        result["verdict"]
        for result in found
        if (result["source"], result["destination"], result["service"]) == ("idle", "n1", "sql_client")
    } == {verdict}


NO_NEIGHBOUR = {"state": "filtered", "reason": "host-unreach", "reason_ip": "local"}
REJECTED = {"state": "filtered", "reason": "admin-prohibited", "reason_ip": "192.0.2.254"}


@pytest.mark.parametrize(
    ("elsewhere", "verdict"),
    [
        pytest.param(NO_NEIGHBOUR, ("untested", "no_arp_reply"), id="no neighbour at all"),
        pytest.param(SILENT, ("untested", "no_arp_reply"), id="nothing heard"),
        pytest.param(
            {**REJECTED, "reason_ip": "local"}, ("untested", "no_arp_reply"), id="only its own word"
        ),
        pytest.param(CLOSED, ("ok", None), id="refused by another host"),
        pytest.param(REJECTED, ("ok", None), id="rejected by a router"),
    ],
)
def test_a_source_that_is_cut_off_proves_no_denial(elsewhere, verdict):
    idle = Party("idle", ("192.0.2.99",), managed=True)
    nodes = {"database_node": [N1, N2], "client": [CLIENT]}
    made = make_plan(Wishes("kb", check_denied=True), nodes, [idle])
    states = observed(made, idle_n1=NO_NEIGHBOUR, idle_n2=elsewhere)
    results = Joining(made, states, listening(made)).judge().results
    (one,) = [
        result
        for result in results
        if (result["source"], result["destination"], result["service"]) == ("idle", "n1", "sql_client")
    ]
    assert (one["verdict"], one.get("cause")) == verdict
    assert verdict[0] == "ok" or "look at the network of idle" in one["sentence"]


def test_a_source_that_others_reach_is_not_cut_off():
    idle = Party("idle", ("192.0.2.99",), managed=True)
    made = make_plan(
        Wishes("kb", check_denied=True), {"database_node": [N1], "client": [CLIENT], "oracle": [idle]}, []
    )
    for reached, verdict in ((OPEN, "ok"), (SILENT, "untested")):
        seen = observed(made, idle_n1=NO_NEIGHBOUR, n1_idle=reached)
        assert verdicts(made, seen)[("idle", "n1", "sql_client", "8563")] == verdict


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
