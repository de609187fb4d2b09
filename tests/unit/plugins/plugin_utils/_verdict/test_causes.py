# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes: every code is produced by a case of this table, stands beside the right verdicts, and helps."""

from __future__ import annotations

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
    SIBLING,
    UP,
    Listener,
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

# What is seen, and the code that it leads to.
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
    "no neighbour": (case("filtered", "host-unreach", reason_ip="local"), "no_arp_reply"),
    "no neighbour of a router": (case("filtered", "host-unreach", reason_ip=ROUTER), "no_arp_reply"),
    "no route": (case("unreachable", "no-route"), "no_route"),
    "no route of a router": (case("unreachable", "net-unreach", reason_ip=ROUTER), "no_route"),
    "no address": (case("unresolved", "name"), "name_unresolved"),
    "another host of the run": (case("open", "syn-ack", answered_by="n12"), "other_host"),
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
    "UDP": (case("open|filtered", "no-response"), "udp_silence"),
    "an error": (case("error", "EIO"), "not_measured"),
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
    "a limit": (OK._replace(limits=Limits(segment=9000)), "limit_exceeded"),
    "a wrong clock": (
        case("open", "syn-ack", identity={"status": "identified", "clock_offset_s": 9.0})._replace(
            limits=Limits(clock_s=1)
        ),
        "clocks_differ",
    ),
}


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
