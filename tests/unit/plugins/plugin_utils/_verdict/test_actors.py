# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must act: whom the evidence names, both if it does not decide, and nobody if it names nobody."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.actors import needs_rule
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import Kernels
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.causes import CAUSES
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.results import (
    result_of,
    untested_result,
)

from .test_causes import CASES, KERNELS, LISTENED
from .test_judge import DESTINATION, REACHABLE, ROUTER, case

SILENT = case("filtered", "no-response")
CLIENT, NODE = "host:client", "host:n11"


def rejected(reason_ip, reason="admin-prohibited", state="filtered"):
    """Return a case that an ICMP error rejects."""
    return case(state, reason, reason_ip=reason_ip)


# What is seen, and who must act.
PARTIES = {
    "silence without captures": (SILENT, ["unknown"]),
    "nothing leaves the source": (SILENT._replace(stage=packet_stages.AT_SOURCE), [CLIENT]),
    "lost between captures": (SILENT._replace(stage=packet_stages.ON_PATH), ["network"]),
    "no reply leaves": (SILENT._replace(stage=packet_stages.AT_DESTINATION), [NODE]),
    "the reply is lost": (SILENT._replace(stage=packet_stages.ON_RETURN), ["network"]),
    "the reply arrives": (SILENT._replace(stage=packet_stages.RETURNED), [CLIENT]),
    "captured at the source alone": (SILENT._replace(stage=packet_stages.LEFT), [NODE, "network"]),
    "captured at the destination alone": (
        SILENT._replace(stage=packet_stages.BEFORE_DESTINATION),
        [CLIENT, "network"],
    ),
    "replied, captured there alone": (
        SILENT._replace(stage=packet_stages.BEHIND_DESTINATION),
        [CLIENT, "network"],
    ),
    "an unplanned address": (SILENT._replace(stage=packet_stages.DISGUISED), [NODE, "network"]),
    "the source rejects": (rejected("local"), [CLIENT]),
    "an error in the destination's name": (rejected(DESTINATION), [NODE, "network"]),
    "the destination sent that error": (
        rejected(DESTINATION)._replace(kernels=Kernels(errors_sent=1, errors_received=1)),
        [NODE],
    ),
    "the destination sent none": (
        rejected(DESTINATION)._replace(kernels=Kernels(errors_sent=0, errors_received=1)),
        ["network"],
    ),
    "a router rejects": (rejected(ROUTER), ["network"]),
    "nobody knows who rejects": (case("filtered", "admin-prohibited"), ["unknown"]),
    "the destination or its NAT device": (
        rejected(DESTINATION)._replace(behind=("10.0.0.11",)),
        [NODE, "network"],
    ),
    "no neighbour": (rejected("local", "host-unreach"), [NODE, CLIENT]),
    "no neighbour of a router": (rejected(ROUTER, "host-unreach"), [NODE, "network"]),
    "a dead gateway": (SILENT._replace(kernels=Kernels(next_hop="192.0.2.1")), [CLIENT, "network"]),
    "a dead gateway with the last address": (
        SILENT._replace(kernels=Kernels(next_hop="192.0.2.254")),
        [CLIENT, "network"],
    ),
    "no route": (case("unreachable", "no-route"), [CLIENT]),
    "a router without a route": (rejected(ROUTER, "net-unreach", "unreachable"), ["network"]),
    "somebody without a route": (case("unreachable", "net-unreach"), [CLIENT, "network"]),
    "neither end of a link": (
        SILENT._replace(kernels=Kernels(next_hop=DESTINATION, way_back="no_reply")),
        ["unknown"],
    ),
    "one end of a link": (SILENT._replace(kernels=Kernels(next_hop=DESTINATION)), [NODE, CLIENT]),
    "a circle of routers": (rejected(ROUTER, "time-exceeded"), ["network", CLIENT]),
    "no route back": (SILENT._replace(kernels=Kernels(way_back="no_route")), [NODE]),
    "an unknown twin": (
        SILENT._replace(kernels=Kernels(foreign_link="02:00:00:00:00:99")),
        ["network", NODE],
    ),
    "a known twin": (
        SILENT._replace(kernels=Kernels(foreign_link="02:00:00:00:00:99", link_owner="n12")),
        ["host:n12"],
    ),
    "a filter of the source in doubt": (SILENT._replace(kernels=Kernels(filtered_here=2)), ["unknown"]),
    "a full queue": (SILENT._replace(kernels=Kernels(is_queue_full=True)), ["service owner"]),
    "a filter of the source, captured": (
        SILENT._replace(stage=packet_stages.RETURNED, kernels=Kernels(filtered_here=2)),
        [CLIENT],
    ),
    "a reset before a listener of ours": (case("closed", "conn-refused", LISTENED), [NODE, "network"]),
    "a reset of the destination, captured": (
        case("closed", "conn-refused", LISTENED)._replace(stage=packet_stages.AT_DESTINATION),
        [NODE],
    ),
    "a reset on the path, captured": (
        case("closed", "conn-refused", LISTENED)._replace(stage=packet_stages.ON_PATH),
        ["network"],
    ),
    "a name": (case("unresolved", "name"), ["name resolution"]),
    "nothing listens": (case("closed", "conn-refused"), ["service owner"]),
    "UDP": (case("open|filtered", "no-response"), ["unknown"]),
    "not measured": (case("error", "EIO"), ["this run"]),
    "exposed": (case("open", "syn-ack", expected="denied"), [NODE, "network"]),
}
EVERY = {
    **{name: one for name, (one, _code) in CASES.items()},
    **{f"kernels: {name}": SILENT._replace(kernels=one) for name, (one, *_rest) in KERNELS.items()},
    **{f"table {number}": one for number, (one, *_rest) in enumerate(REACHABLE)},
    **{f"parties: {name}": one for name, (one, _actors) in PARTIES.items()},
}


@pytest.mark.parametrize(("seen", "actors"), PARTIES.values(), ids=PARTIES)
def test_whom_the_evidence_names(seen, actors):
    assert result_of(seen)["actor"] == actors


@pytest.mark.parametrize("seen", EVERY.values(), ids=EVERY)
def test_a_host_that_must_act_is_named_in_the_sentence(seen):
    result = result_of(seen)
    assert ("actor" in result) == (result["verdict"] != "ok")
    for actor in result.get("actor", ()):
        kind, _colon, name = actor.partition(":")
        known = (name, result["address"]) if name == result["destination"] else (name,)
        assert kind != "host" or any(word in result["sentence"] for word in known)
        assert name or kind in ("network", "name resolution", "service owner", "this run", "unknown")
    assert len(result.get("actor", ())) <= 2


@pytest.mark.parametrize("seen", EVERY.values(), ids=EVERY)
def test_a_rule_is_asked_for_only_where_the_sentence_asks_for_one(seen):
    result = result_of(seen)
    if needs_rule(result):
        assert "allow" in result["sentence"]


@pytest.mark.parametrize(
    ("verdict", "cause", "expected", "helps"),
    [
        ("blocked_on_path", "lost_on_path", "reachable", True),
        ("blocked", "silence", "reachable", True),
        ("blocked", None, "reachable", True),
        ("blocked", "reverse_path_filter", "reachable", False),
        ("blocked_at_destination", "conntrack_full", "reachable", False),
        ("untested", "silence", "reachable", False),
        ("no_listener", "nothing_listens", "reachable", False),
        ("blocked", "silence", "denied", False),
    ],
)
def test_which_flows_need_a_rule(verdict, cause, expected, helps):
    made = {"verdict": verdict, "expected": expected, **({"cause": cause} if cause else {})}
    assert needs_rule(made) is helps


def test_what_was_not_observed_is_for_this_run():
    entry = {"service": "sql_client", "protocol": "tcp", "expected": "reachable"}
    assert untested_result("client", entry, "n11", [DESTINATION], "8563", "it was down")["actor"] == [
        "this run"
    ]


def test_every_cause_says_what_to_do():
    for code, cause in CAUSES.items():
        assert cause.rule_helps != bool(cause.todo) or code == "smaller_mtu", code
        assert cause.actors or code == "smaller_mtu", code


def test_ok_is_for_nobody():
    assert judge(case("open", "syn-ack", answered_by="n11")).actor == ()
