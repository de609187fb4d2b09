# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes: every code is produced by a case of this table, stands beside the right verdicts, and helps."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener.occupants import (
    CONNECTION,
    LISTENER,
    SERVICE,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    ELSEWHERE,
    FAILED,
    FOREIGN,
    ITSELF,
    SIBLING,
    UP,
    Kernels,
    Listener,
    Twin,
    Unplanned,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.causes import (
    CAUSES,
    Note,
    causes_of,
    note,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import Limits
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.results import (
    result_of,
    untested_result,
)
from ansible_collections.exasol_community.network.tests.labs.faults import FAULTS

from .joined import clean_path
from .test_judge import DESTINATION, REACHABLE, ROUTER, case

CHECKOUT = Path(__file__).parents[5]
LISTENED, MISSING = Listener(UP), Listener(FAILED, "it failed")
CAPTURED = case("filtered", "no-response")
OK = case("open", "syn-ack", answered_by="n11")
STALLED = {
    "out": {"state": "stalled", "size": 1348, "mss": 1448},
    "in": {"state": "passed", "size": 1448, "mss": 1448},
}

USED = Unplanned(used="192.0.2.77", planned=("192.0.2.21",))

# What is seen, and the code that it leads to.
_SLOW = {"bytes_per_second": 9000000, "bytes": 13500000, "seconds": 1.5}
CASES = {
    "nothing comes back": (case("filtered", "no-response"), "silence"),
    "nothing leaves the source": (CAPTURED._replace(stage=packet_stages.AT_SOURCE), "silence"),
    "lost in between": (CAPTURED._replace(stage=packet_stages.ON_PATH), "lost_on_path"),
    "the reply is lost in between": (CAPTURED._replace(stage=packet_stages.ON_RETURN), "lost_on_path"),
    "nothing leaves the destination": (CAPTURED._replace(stage=packet_stages.AT_DESTINATION), "silence"),
    "a router rejects": (case("filtered", "admin-prohibited", reason_ip=ROUTER), "icmp_rejected"),
    "the source rejects": (case("filtered", "admin-prohibited", reason_ip="local"), "icmp_rejected"),
    "the destination rejects": (case("filtered", "port-unreach", reason_ip=DESTINATION), "icmp_rejected"),
    "nobody knows who rejects": (case("filtered", "admin-prohibited"), "icmp_rejected"),
    "a reset before our listener": (case("closed", "conn-refused", LISTENED), "reset"),
    "a reset before a service": (case("closed", "conn-refused")._replace(holder=SERVICE), "reset"),
    "a captured reset": (
        case("closed", "conn-refused", LISTENED)._replace(stage=packet_stages.AT_DESTINATION),
        "reset",
    ),
    "a reset that nothing of ours caused": (
        case("closed", "conn-refused", LISTENED)._replace(stage=packet_stages.ON_PATH),
        "forged_refusal",
    ),
    "an error in the name of the destination": (
        case("filtered", "admin-prohibited", reason_ip=DESTINATION)._replace(stage=packet_stages.ON_PATH),
        "forged_refusal",
    ),
    "the end is not acknowledged": (
        case("open", "syn-ack", answered_by="", proof="unfinished"),
        "half_open",
    ),
    "no neighbour": (case("filtered", "host-unreach", reason_ip="local"), "no_arp_reply"),
    "no neighbour of a router": (case("filtered", "host-unreach", reason_ip=ROUTER), "no_arp_reply"),
    "no route": (case("unreachable", "no-route"), "no_route"),
    "no route of a router": (case("unreachable", "net-unreach", reason_ip=ROUTER), "no_route"),
    "a circle of routers": (case("filtered", "time-exceeded", reason_ip=ROUTER), "too_many_hops"),
    "no address": (case("unresolved", "name"), "name_unresolved"),
    "another host of the run": (case("open", "syn-ack", answered_by="n12"), "other_host"),
    "another port of the host": (
        case("open", "syn-ack", answered_by="n11", proof="other_port"),
        "other_port",
    ),
    "something else": (case("open", "syn-ack", answered_by="", proof="other"), "other_answer"),
    "another service": (case("open", "syn-ack", identity={"status": "other"}), "other_service"),
    "a service that refuses": (case("open", "syn-ack", identity={"status": "refusing"}), "service_refuses"),
    "a silent service": (case("open", "syn-ack", identity={"status": "silent"}), "half_open"),
    "an unknown answer": (case("open", "syn-ack", identity={"status": "odd"}), "unidentified"),
    "nothing listens": (case("closed", "conn-refused"), "nothing_listens"),
    "refused elsewhere": (case("closed", "conn-refused")._replace(holder=ELSEWHERE), "listens_elsewhere"),
    "our listener in its place": (OK._replace(holder=ELSEWHERE), "listens_elsewhere"),
    "another run": (case("open", "other-run"), "other_run"),
    "refused by another run": (case("closed", "conn-refused")._replace(holder=LISTENER), "other_run"),
    "a port that a connection has": (
        case("closed", "conn-refused")._replace(holder=CONNECTION),
        "port_taken",
    ),
    "one machine": (case("open", "syn-ack", answered_by="n12")._replace(holder=SIBLING), "one_machine"),
    "no listener of ours": (case("closed", "conn-refused", MISSING), "no_own_listener"),
    "a lost destination": (case("filtered", "no-response")._replace(ended=True), "destination_lost"),
    "an address of others": (case("open", "syn-ack")._replace(holder=FOREIGN), "foreign_address"),
    "a loopback address of another machine": (
        case("closed", "conn-refused")._replace(holder=ITSELF),
        "loopback_address",
    ),
    "UDP": (case("open|filtered", "no-response"), "udp_silence"),
    "an error": (case("error", "EIO"), "not_measured"),
    "not asked within the limit": (case("error", "rate-limited"), "rate_limited"),
    "answered after the timeout": (
        case("open", "late-answer", rtt_ms={"min": 3600.0, "median": 3600.0, "max": 3600.0}),
        "late_answers",
    ),
    "not waited for where others were late": (case("error", "late-answer"), "late_answers"),
    "left alone after a ban": (case("error", "shut-out"), "source_banned"),
    "exposed": (case("open", "syn-ack", expected="denied"), "open_though_denied"),
    "denied without control": (case("filtered", "no-response", expected="denied"), "no_control"),
    "large segments vanish": (
        OK._replace(path=clean_path("n11", DESTINATION, segments=STALLED)),
        "segment_too_large",
    ),
    "segments unmeasured": (OK._replace(path=None), "segments_unmeasured"),
    "one link of a bundle": (
        OK._replace(
            path=clean_path(
                "n11",
                DESTINATION,
                pattern="by_connection",
                connections={"tried": 100, "failed_always": 25},
            )
        ),
        "link_of_bundle",
    ),
    "a balancer in front": (
        OK._replace(
            path=clean_path(
                "n11",
                DESTINATION,
                strays=[{"how": "refused", "ports": "8563", "connections": 9}],
            )
        ),
        "answers_differ",
    ),
    "a limit at its own output": (
        OK._replace(
            path=clean_path(
                "n11", DESTINATION, strays=[{"how": "refused_here", "ports": "8563", "connections": 9}]
            )
        ),
        "rejected_at_source",
    ),
    "most packets are lost": (
        OK._replace(path=clean_path("n11", DESTINATION, tries=32, lost=21)),
        "loss",
    ),
    "a translated source that is rejected": (
        case("filtered", "port-unreach", reason_ip=DESTINATION)._replace(
            stage=packet_stages.DISGUISED, strangers=("192.0.2.99",)
        ),
        "nat_source",
    ),
    "a limit": (OK._replace(limits=Limits(segment=9000)), "limit_exceeded"),
    "idle connections are cut": (
        OK._replace(
            limits=Limits(idle=(60,)),
            path=clean_path(
                "n11",
                DESTINATION,
                idle=[{"seconds": 60, "source_first": "silence", "destination_first": "lived"}],
            ),
        ),
        "idle_cut",
    ),
    "idle connections were not tried": (OK._replace(limits=Limits(idle=(60,))), "idle_unmeasured"),
    "a transfer carries too little": (
        OK._replace(
            limits=Limits(throughput_mb_s=100.0, throughput=True),
            path=clean_path("n11", DESTINATION, throughput={"out": _SLOW, "in": _SLOW}),
        ),
        "throughput_low",
    ),
    "no transfer was made": (OK._replace(limits=Limits(throughput=True)), "throughput_unmeasured"),
    "an address that is not planned": (
        case("filtered", "no-response")._replace(unplanned=USED),
        "source_address",
    ),
    "a wrong clock": (
        case("open", "syn-ack", identity={"status": "identified", "clock_offset_s": 9.0})._replace(
            limits=Limits(clock_s=1)
        ),
        "clocks_differ",
    ),
}

# What the kernels of both ends know, at a silent port.
SILENT = case("filtered", "no-response")
KERNELS = {
    "no route back": (Kernels(way_back="no_route"), "no_route", "no_route_back"),
    "a dead gateway back": (
        Kernels(way_back="no_reply", way_back_gateway="192.0.2.9"),
        "no_route",
        "no_route_back",
    ),
    "strict at the destination": (
        Kernels(way_back="other_interface", way_back_interface="eth1", filtered_there=1),
        "blocked_at_destination",
        "reverse_path_filter",
    ),
    "packets that the source filtered": (
        Kernels(filtered_here=2),
        "blocked",
        "reverse_path_filter",
    ),
    "a full queue": (Kernels(is_queue_full=True), "wrong_service", "accept_queue_full"),
    "a full table": (
        Kernels(conntrack="64 of 64 connections"),
        "blocked_at_destination",
        "conntrack_full",
    ),
    "a mute next hop": (Kernels(next_hop="192.0.2.1"), "no_route", "no_arp_reply"),
    "a mute next hop of the source explains the way back": (
        Kernels(next_hop="192.0.2.1", way_back="no_reply", way_back_gateway="192.0.2.254"),
        "no_route",
        "no_arp_reply",
    ),
    "both ends of a link are mute": (
        Kernels(next_hop=DESTINATION, way_back="no_reply", way_back_interface="eth1"),
        "no_route",
        "no_arp_reply",
    ),
    "a twin": (Kernels(foreign_link="02:00:00:00:00:99"), "blocked", "duplicate_address"),
    # What bears on nothing, or is contradicted.
    "nothing known": (Kernels(), "blocked", "silence"),
    "no route back, and yet an answer": (
        Kernels(way_back="no_route", has_answered=True),
        "blocked",
        "silence",
    ),
    "strict, and yet an answer": (
        Kernels(way_back="other_interface", filtered_there=9, has_answered=True),
        "blocked",
        "silence",
    ),
    "another interface alone": (Kernels(way_back="other_interface"), "blocked", "silence"),
    "a counter of the destination alone": (Kernels(filtered_there=999), "blocked", "silence"),
    "one packet at the source": (Kernels(filtered_here=1), "blocked", "silence"),
    "a mute next hop, and yet an answer": (
        Kernels(next_hop="192.0.2.1", has_answered=True),
        "blocked",
        "silence",
    ),
}


@pytest.mark.parametrize(("kernels", "verdict", "code"), KERNELS.values(), ids=KERNELS)
def test_the_kernels_explain_silence(kernels, verdict, code):
    judged = judge(SILENT._replace(kernels=kernels))
    assert (judged.verdict, judged.cause) == (verdict, code), judged
    assert judged.verdict in CAUSES[code].verdicts
    # Where something answers, none of it matters.
    assert judge(OK._replace(kernels=kernels)).verdict == "ok"


@pytest.mark.parametrize("kernels", [one for one, *_rest in KERNELS.values()], ids=KERNELS)
@pytest.mark.parametrize("expected", ["reachable", "denied"])
def test_what_kernels_say_is_never_ok_without_a_control(kernels, expected):
    assert judge(SILENT._replace(kernels=kernels, expected=expected)).verdict != "ok"


STAGES = [
    (packet_stages.ON_PATH, Kernels(way_back="no_route"), "lost_on_path"),
    (packet_stages.ON_PATH, Kernels(way_back="other_interface", filtered_there=9), "lost_on_path"),
    (packet_stages.ON_PATH, Kernels(is_queue_full=True), "lost_on_path"),
    (packet_stages.ON_PATH, Kernels(filtered_here=9), "lost_on_path"),
    (packet_stages.ON_RETURN, Kernels(way_back="no_route"), "lost_on_path"),
    (packet_stages.ON_RETURN, Kernels(way_back="other_interface"), "asymmetric_route"),
    (packet_stages.ON_RETURN, Kernels(filtered_here=9), "lost_on_path"),
    (packet_stages.RETURNED, Kernels(filtered_here=9), "reverse_path_filter"),
    (packet_stages.RETURNED, Kernels(conntrack="64 of 64"), "silence"),
    (packet_stages.AT_DESTINATION, Kernels(way_back="no_route"), "no_route_back"),
    (packet_stages.AT_DESTINATION, Kernels(filtered_here=9), "silence"),
    (packet_stages.AT_DESTINATION, Kernels(foreign_link="02:00:00:00:00:99"), "silence"),
    (packet_stages.ON_PATH, Kernels(foreign_link="02:00:00:00:00:99"), "duplicate_address"),
    (packet_stages.AT_SOURCE, Kernels(next_hop="192.0.2.1"), "no_arp_reply"),
    (packet_stages.LEFT, Kernels(next_hop="192.0.2.1"), "silence"),
]


@pytest.mark.parametrize(("stage", "kernels", "code"), STAGES)
def test_captures_contradict_what_kernels_say(stage, kernels, code):
    judged = judge(SILENT._replace(stage=stage, kernels=kernels))
    assert judged.cause == code, judged
    assert judged.verdict in CAUSES[code].verdicts


def half_open(proof, stage=""):
    return case("open", "syn-ack", answered_by="", proof=proof)._replace(stage=stage)


@pytest.mark.parametrize("proof", ["silent", "cut_off", "unfinished"])
@pytest.mark.parametrize(
    ("stage", "verdict", "named", "spared"),
    [
        ("", "stalled", ["a filter in between", "or a proxy"], []),
        (packet_stages.RETURNED, "stalled", ["with n11 itself", "a filter in between"], ["proxy"]),
        (packet_stages.ON_PATH, "wrong_host", ["no packet of it arrived at n11", "a proxy"], ["filter"]),
    ],
    ids=["without captures", "captured at both ends", "never arrived"],
)
def test_a_half_open_path_names_whom_the_evidence_names(proof, stage, verdict, named, spared):
    judged = judge(half_open(proof, stage))
    assert (judged.verdict, judged.cause) == (verdict, "half_open")
    assert all(words in judged.sentence for words in named), judged
    assert not any(words in judged.sentence for words in spared), judged


@pytest.mark.parametrize(
    ("state", "reason", "more"),
    [
        ("closed", "conn-refused", {}),
        ("filtered", "admin-prohibited", {"reason_ip": DESTINATION}),
        ("unreachable", "net-unreach", {"reason_ip": DESTINATION}),
    ],
)
@pytest.mark.parametrize("stage", [packet_stages.ON_PATH, packet_stages.BEFORE_DESTINATION])
def test_who_never_got_the_packet_refused_nothing(state, reason, more, stage):
    judged = judge(case(state, reason, LISTENED, **more)._replace(stage=stage))
    assert (judged.verdict, judged.cause) == ("blocked_on_path", "forged_refusal")
    assert "not by n11" in judged.sentence
    assert "another host" in judged.sentence
    assert "drop" not in judged.sentence
    # Without that capture, nobody can know.
    assert judge(case(state, reason, LISTENED, **more)).verdict != "blocked_on_path"


@pytest.mark.parametrize(
    "more", [{"identity": {"status": "silent"}}, {"answered_by": "", "proof": "unfinished"}]
)
def test_a_silent_service_that_does_not_accept_is_named(more):
    seen = case("open", "syn-ack", **more)
    assert judge(seen._replace(kernels=Kernels(is_queue_full=True))).cause == "accept_queue_full"


def test_a_twin_that_refuses_is_not_taken_for_the_destination():
    twin = Kernels(foreign_link="02:00:00:00:00:99")
    refused = case("closed", "conn-refused")._replace(kernels=twin)
    assert judge(refused)[0] == "untested"
    assert judge(refused._replace(listener=LISTENED))[0] == "blocked"
    assert judge(refused._replace(kernels=twin._replace(link_owner="n12")))[0] == "wrong_host"


TWIN = Twin(address="192.0.2.21", link="02:00:00:00:00:99", seen_by="n11")


@pytest.mark.parametrize(
    ("stage", "verdict"),
    [
        ("", "blocked"),
        (packet_stages.ON_RETURN, "blocked_on_return"),
        (packet_stages.ON_PATH, None),
        (packet_stages.AT_DESTINATION, None),
        (packet_stages.RETURNED, None),
    ],
)
def test_replies_that_a_twin_of_the_source_gets_are_not_blamed_on_a_filter(stage, verdict):
    judged = judge(SILENT._replace(kernels=Kernels(source_twin=TWIN), stage=stage))
    assert (judged.cause == "duplicate_address") is (verdict is not None), judged
    if verdict:
        assert judged.verdict == verdict
        assert "has the address of client too" in judged.sentence
        assert judged.next_command.endswith("show 192.0.2.21  # on n11")
    # It explains no refusal, and nothing that has a better explanation.
    refused = case("closed", "conn-refused", LISTENED)._replace(kernels=Kernels(source_twin=TWIN))
    assert judge(refused).cause == "reset"
    explained = Kernels(source_twin=TWIN, way_back="no_route")
    assert judge(SILENT._replace(kernels=explained)).cause == "no_route_back"


def test_what_another_host_sees_of_a_twin_names_who_sees_it():
    twin = Kernels(foreign_link="02:00:00:00:00:99", link_seen_by="n12")
    for seen in (SILENT, case("closed", "conn-refused", LISTENED)):
        judged = judge(seen._replace(kernels=twin))
        assert judged.cause == "duplicate_address"
        assert "as n12 sees it" in judged.sentence
        assert judged.next_command.endswith(f"show {DESTINATION}  # on n12")
    rejected = case("filtered", "admin-prohibited", reason_ip=ROUTER)._replace(kernels=twin)
    assert judge(rejected).cause == "icmp_rejected"


# Causes of results that other tests of this package produce, and of notes.
ELSEWHERE_TESTED = {
    "two_networks": "test_mixed_networks.py",
    "fingerprint_differs": "test_connection_strings.py",
    "no_login": "test_ftp_results.py",
    "bad_reply": "test_ftp_results.py",
    "transfer_failed": "test_ftp_results.py",
    "announced_address": "test_ftp_results.py",
    "names_differ": "test_name_notes.py",
    "nat_source": "test_path_notes.py",
    "loss": "test_path_notes.py",
    "smaller_mtu": "test_path_notes.py",
    "syn_cookies": "test_kernel_facts.py",
    "gateway_in_cluster": "test_links.py",
    "silent_source": "test_silent_sources.py",
    "forged_refusal": "test_trace_notes.py",
}


def test_every_code_is_produced_by_a_test():
    here = {code for _seen, code in CASES.values()} | {code for *_rest, code in KERNELS.values()}
    here |= {code for *_rest, code in STAGES}
    assert here | set(ELSEWHERE_TESTED) == set(CAUSES)
    for code, name in ELSEWHERE_TESTED.items():
        assert f'"{code}"' in (Path(__file__).parent / name).read_text(encoding="utf-8"), (code, name)


# Faults of the network that a test makes for real.
MADE_FOR_REAL = {
    "conntrack_full",
    "accept_queue_full",
    "asymmetric_route",
    "forged_refusal",
    "rate_limited",
    "rejected_at_source",
    "late_answers",
    "source_banned",
    "duplicate_address",
    "half_open",
    "idle_cut",
    "icmp_rejected",
    "lost_on_path",
    "no_arp_reply",
    "no_route",
    "no_route_back",
    "reset",
    "reverse_path_filter",
    "silence",
    "source_address",
    "throughput_low",
}


def test_faults_of_the_network_are_made_for_real():
    found = set()
    for file in sorted((CHECKOUT / "tests" / "integration").glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CAUSES_SHOWN":
                found |= ast.literal_eval(node.value)
    found |= {fault.cause for fault in FAULTS}
    assert found >= MADE_FOR_REAL
    assert set(CAUSES) >= found


def test_every_row_of_the_table_of_faults_is_made_by_a_test():
    files = sorted((CHECKOUT / "tests" / "integration").glob("test_net_*.py"))
    texts = "\n".join(file.read_text(encoding="utf-8") for file in files)
    # A test that makes several of a kind puts the last word in.
    begun = {what for what in re.findall(r'f"([a-z ]+) \{', texts) if what}
    for fault in FAULTS:
        is_made = f'"{fault.what}"' in texts or fault.what.rpartition(" ")[0] in begun
        assert is_made, fault
        assert fault.verdict in CAUSES[fault.cause].verdicts, fault
    assert len({(fault.what, fault.captured) for fault in FAULTS}) == len(FAULTS)


@pytest.mark.parametrize(("seen", "code"), CASES.values(), ids=CASES)
def test_what_is_seen_leads_to_its_cause(seen, code):
    judged = judge(seen)
    assert judged.cause == code, judged
    assert judged.verdict in CAUSES[code].verdicts
    assert judged.evidence, "an accusation needs evidence"
    assert seen.observed["state"] in judged.evidence[0]


@pytest.mark.parametrize("seen", [OK, case("open", "syn-ack"), *(one for one, *_rest in REACHABLE)])
def test_a_cause_stands_beside_all_that_is_not_ok_and_nothing_else(seen):
    judged = judge(seen)
    assert (judged.verdict == "ok") == (judged.cause == "")
    assert judged.cause == "" or judged.verdict in CAUSES[judged.cause].verdicts
    fields = {"cause", "evidence", "next_command"} & set(result_of(seen))
    assert fields == (set() if judged.verdict == "ok" else {"cause", "evidence", "next_command"})


def test_what_was_not_observed_has_a_cause():
    entry = {"service": "sql_client", "protocol": "tcp", "expected": "reachable"}
    result = untested_result("client", entry, "n11", ["192.0.2.11"], "8563", "it was down")
    assert (result["verdict"], result["cause"]) == ("untested", "not_measured")


@pytest.mark.parametrize("seen", [one for one, _code in CASES.values()])
def test_the_next_command_is_complete_and_says_where_to_run_it(seen):
    command = judge(seen).next_command
    assert not re.search(r"[{}]|None", command)
    if command:
        assert re.search(r"  # on \S", command)


@pytest.mark.parametrize(
    ("seen", "command"),
    [
        (case("closed", "conn-refused"), "ss -ltnp 'sport = :8563'  # on n11"),
        (
            case("closed", "conn-refused")._replace(ports="20000-21000,8563"),
            "ss -ltnp 'sport = :20000'  # on n11",
        ),
        (CAPTURED._replace(stage=packet_stages.AT_SOURCE), "nft list ruleset  # on client"),
        (case("filtered", "admin-prohibited", reason_ip=ROUTER), f"nft list ruleset  # on {ROUTER}"),
        (
            case("unresolved", "name")._replace(address="n11.example.com; reboot"),
            "getent ahosts 'n11.example.com; reboot'  # on client",
        ),
    ],
    ids=["refused", "first of a range", "at the source", "at a router", "quoted"],
)
def test_commands_are_for_the_case(seen, command):
    assert judge(seen).next_command == command


def test_entries_are_whole():
    for code, entry in CAUSES.items():
        assert re.fullmatch("[a-z_]+", code)
        assert entry.means.endswith(".")
        assert entry.acts.endswith(".")
        assert entry.verdicts
        assert not entry.command or "  # on " in entry.command, code


def test_a_note_about_a_cause_is_still_its_text():
    made = note(CAUSES["loss"], "much is lost.", "3 of 4")
    assert (made, made.cause, made.evidence) == ("much is lost.", "loss", ("3 of 4",))
    assert causes_of(["plain", made]) == [
        {
            "note": "much is lost.",
            "cause": "loss",
            "evidence": ["3 of 4"],
            "next_command": "ip -s link  # on both ends",
        }
    ]
    assert isinstance(made, Note)


def test_the_page_has_every_cause():
    sys.path.insert(0, str(CHECKOUT / "tools"))
    try:
        spec = importlib.util.spec_from_file_location("causes_doc", CHECKOUT / "tools" / "causes_doc.py")
        causes_doc = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(causes_doc)
    finally:
        sys.path.remove(str(CHECKOUT / "tools"))
    text = causes_doc.page()
    assert [f"## `{code}`" in text for code in CAUSES] == [True] * len(CAUSES)
    assert (CHECKOUT / "docs" / "causes.md").read_text(encoding="utf-8") == text
