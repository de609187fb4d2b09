# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers that come after the timeout are those of a slow path, and no filter.

A bare socket shows first that connections come about, only late.
"""

from __future__ import annotations

import re
import socket
import time
import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    lease,
    probe,
    release,
    states,
    states_of,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.namespaces.slow import slow

pytestmark = pytest.mark.usefixtures("need_namespaces")

PORT, OTHER = 8563, 8564
TIMEOUT, LATE, IN_TIME = 2.0, 3.0, 1.3  # seconds
FAULT = "the round trip takes longer than the timeout"
# A DNS answer to the question of the probe has its identifier, and says that it is an answer.
ANSWER = b"\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00"


def waited(client: Namespace, address: str, port: int = PORT) -> float:
    """Return for how many seconds a bare connection waits for its answer."""
    with (
        client.inside(),
        socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as sock,
    ):
        sock.settimeout(20)
        begun = time.monotonic()
        sock.connect((address, port))
        return time.monotonic() - begun


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_our_listener_answers_late(line: Line, version: int, capture: bool) -> None:
    one_way = {"there" if capture else "back": LATE}
    with slow(line, **one_way):
        with Service(line.server, SERVER[version], OTHER):
            assert waited(line.client, SERVER[version], OTHER) > TIMEOUT
        judged = run_of(
            line.client,
            line.server,
            server=SERVER[version],
            client=CLIENT[version],
            capture=capture,
            timeout=TIMEOUT,
        )
    shown(judged, FAULT, captured=capture)
    assert "exasol_verify_timeout: " in judged.sentence
    assert "packets pass in both directions" in judged.sentence
    (seconds,) = re.findall(r"took ([0-9.]+) s", judged.evidence)
    assert float(seconds) >= LATE  # and more on a busy machine


def test_both_directions_are_slow_together(line: Line) -> None:
    with slow(line, there=LATE / 2, back=LATE / 2):
        shown(run_of(line.client, line.server, timeout=TIMEOUT), FAULT)


def test_a_service_that_answers_late_is_left_politely(line: Line) -> None:
    with slow(line, back=LATE), Service(line.server, SERVER[4], PORT, greeting=b"welcome\n") as service:
        judged = run_of(line.client, line.server, has_listener=False, timeout=TIMEOUT)
        for unused in range(200):
            if service.endings:
                break
            time.sleep(0.1)
        shown(judged, "the round trip to a service takes longer than the timeout")
        assert set(service.endings) == {"eof"}


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_delay_below_the_timeout_is_ok_and_no_loss(line: Line, version: int) -> None:
    wish = {"address": SERVER[version], "protocol": "tcp", "ports": str(PORT)}
    with slow(line, there=IN_TIME):
        judged = run_of(
            line.client, line.server, server=SERVER[version], client=CLIENT[version], timeout=TIMEOUT
        )
        granted = lease(line.server, "n11", wish)
        try:
            with line.client.inside():
                listening = {SERVER[version]: granted["listening"]}
                found = run_probe(
                    collect([], [target(SERVER[version], PORT)], listening),
                    Settings(Pace(timeout=TIMEOUT), token=TOKEN),
                )
        finally:
            release(line.server, "n11")
    assert judged.verdict == "ok", judged
    (path,) = found["paths"]
    assert (path["lost"], path["retransmitted"]) == (0, 0)
    # Behind a SYN that was repeated, the kernel measures by TCP timestamps, which count whole milliseconds.
    assert path["rtt_ms"]["min"] > IN_TIME * 1000 - 2


def test_the_end_of_a_connection_is_waited_for_as_long_as_its_path_is(line: Line) -> None:
    """A service that is not asked who it is acknowledges it a round trip later, and no filter is to blame."""
    with Service(line.server, SERVER[4], PORT) as service:
        with slow(line, back=4.5):
            judged = run_of(line.client, line.server, has_listener=False, timeout=5.0)
        assert service.endings == ["eof"]  # one connection, and none again
    assert judged.verdict == "ok", judged


def test_a_drop_on_a_slow_path_is_one(line: Line) -> None:
    line.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
    with slow(line, back=LATE):
        judged = run_of(line.client, line.server, timeout=TIMEOUT)
        shown(judged, "a filter of the destination drops")


@pytest.mark.parametrize(
    ("seconds", "state", "reason"),
    [
        # Each in the middle between two other findings: a busy machine sends packets late, or looks late.
        pytest.param(TIMEOUT + 0.5, "filtered", "no-response", id="two packets would have been answered"),
        pytest.param(TIMEOUT + 1.4, "error", "late-answer", id="a single lost packet looks the same"),
    ],
)
def test_a_drop_beside_a_late_answer(line: Line, seconds: float, state: str, reason: str) -> None:
    line.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
    with slow(line, back=seconds), Service(line.server, SERVER[4], OTHER):
        found = states_of(line.client, SERVER[4], f"{PORT}-{OTHER}", timeout=TIMEOUT)
    assert sorted(found) == sorted(
        [(str(PORT), state, reason, ""), (str(OTHER), "open", "late-answer", "")],
    )


def test_a_late_refusal_is_a_refusal(line: Line) -> None:
    with slow(line, back=LATE):
        found = states(probe(line.client, [target(SERVER[4], PORT)], timeout=TIMEOUT))
        line.server.nft(filter_rules("input", f"tcp dport {PORT} reject with icmpx admin-prohibited"))
        rejected = states(probe(line.client, [target(SERVER[4], PORT)], timeout=TIMEOUT))
    assert found == [(str(PORT), "closed", "conn-refused", "")]
    assert rejected == [(str(PORT), "filtered", "admin-prohibited", SERVER[4])]


def test_late_refusals_do_not_make_a_slow_path_look_quick(line: Line) -> None:
    """The first ones come while the pass goes on, and later ports are as late."""
    ports = "8563-8612"
    with slow(line, back=LATE):
        found = states_of(line.client, SERVER[4], ports, timeout=TIMEOUT, rate=20)
    assert found == [(ports, "closed", "conn-refused", "")]


# The kernel keeps the time, and from the first packet on: whatever else a test does would be late at times.
FIRST_PACKETS = """flush ruleset
table inet fault {
 set known { type inet_service . inet_service; size 1000; flags dynamic; }
 chain fault {
  type filter hook input priority 0
  tcp dport 8563-8570 tcp sport . tcp dport != @known add @known { tcp sport . tcp dport } drop
 }
}
"""
FIRST_SECONDS = f"""flush ruleset
table inet fault {{
 set begun {{ type inet_service; size 1000; flags dynamic; }}
 set dead {{ type inet_service; size 1000; flags dynamic,timeout; }}
 chain fault {{
  type filter hook input priority 0
  tcp dport {PORT} tcp dport != @begun add @dead {{ tcp dport timeout {TIMEOUT * 1000 + 300:.0f}ms }}
  tcp dport {PORT} add @begun {{ tcp dport }}
  tcp dport @dead drop
 }}
}}
"""


def test_refusals_on_a_slow_path_are_no_loss(line: Line) -> None:
    def lost() -> int:
        with line.client.inside():
            found = run_probe(
                collect([], [target(SERVER[4], "8563-8570")], {}), Settings(Pace(timeout=TIMEOUT))
            )
        assert sorted(state[:2] for state in states(found["observations"])) == [
            ("8563", "open"),
            ("8564-8570", "closed"),
        ]
        (path,) = found["paths"]
        assert path["tries"] == 8
        return path["lost"]

    with Service(line.server, SERVER[4], PORT):
        line.server.nft(FIRST_PACKETS)
        assert lost() == 8  # control: only the second packets are answered, and as late as that
        line.server.nft_flush()
        with slow(line, there=IN_TIME):
            assert lost() == 0


def test_lost_packets_are_not_a_slow_path(line: Line) -> None:
    """What is answered late is the fourth SYN, at once: the first ones were lost."""
    with Service(line.server, SERVER[4], PORT):
        line.server.nft(FIRST_SECONDS)
        found = states(probe(line.client, [target(SERVER[4], PORT)], timeout=TIMEOUT))
    assert found == [(str(PORT), "open", "syn-ack", "")]


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_datagram_that_is_answered_late(line: Line, version: int) -> None:
    resolver: t.Any = {**target(SERVER[version], 53, "udp"), "identify": "dns"}
    wish = {"address": SERVER[version], "protocol": "udp", "ports": str(PORT)}
    granted = lease(line.server, "n11", wish)
    asked = [resolver, target(SERVER[version], PORT, "udp")]

    def found() -> list[tuple[str, str, str]]:
        seen = states(probe(line.client, asked, {SERVER[version]: granted["listening"]}, timeout=TIMEOUT))
        return sorted(state[:3] for state in seen)

    try:
        with Service(
            line.server, SERVER[version], 53, socket.SOCK_DGRAM, reply=lambda data: data[:2] + ANSWER
        ):
            assert found() == [("53", "open", "udp-response"), ("8563", "open", "udp-response")]
            with slow(line, back=LATE):
                assert found() == [("53", "open", "late-answer"), ("8563", "open", "late-answer")]
            line.server.nft(filter_rules("input", "udp dport 8563 drop"))
            with slow(line, back=LATE):
                # Another packet may have been lost.
                assert found() == [("53", "open", "late-answer"), ("8563", "error", "late-answer")]
    finally:
        release(line.server, "n11")
