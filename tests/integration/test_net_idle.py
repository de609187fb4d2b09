# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long connections may be idle: firewalls that forget them, and others that only look alike.

The router of a line forgets connections after three seconds, as stateful firewalls do after minutes. Whether
it does is first asked of bare sockets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import idle_results
from ansible_collections.exasol_community.network.plugins.module_utils._probe import idle
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.oracles import listeners, nothing_left
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    lease,
    listener,
    release,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import until

PORTS = "20000-20009"
FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
HOST = "client"
OTHER_TOKEN = "another token of the integration tests"
DROP, REJECT = "drop", "reject with tcp reset"
OUT, IN = "source_first", "destination_first"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for answers: these paths lose nothing by chance."""
    monkeypatch.setattr(idle, "_ANSWER_SECONDS", 4.0)


def forgetful(outwards: str = "", inwards: str = "", seconds: int = 3) -> str:
    """Return rules of a firewall that forgets idle connections, and what it does with their packets then.

    On a busy machine a connection is idle for longer than it should be: two seconds more harm nobody here.
    """
    rules = [
        'iifname "near" tcp flags & (syn | ack) == syn update @known { tcp sport }',
        'iifname "near" tcp sport @known update @known { tcp sport } accept',
        'iifname "far" tcp dport @known update @known { tcp dport } accept',
    ]
    if outwards:
        rules.append(f'iifname "near" meta l4proto tcp {outwards}')
    if inwards:
        rules.append(f'iifname "far" meta l4proto tcp {inwards}')
    return (
        "flush ruleset\ntable inet fault {\n"
        f" set known {{ type inet_service; flags dynamic,timeout; timeout {seconds}s; size 65535; }}\n"
        " chain fault {\n  type filter hook forward priority 0\n  " + "\n  ".join(rules) + "\n }\n}\n"
    )


def probe(line: Line, version: int, seconds: list[int], listening: t.Any, token: str = TOKEN) -> float:
    """Probe, and let the connections be held; returns how long that will take."""
    address = SERVER[version]
    with line.client.inside():
        return run_probe(
            collect([], [target(address, PORTS)], {address: listening}),
            Settings(Pace(3.5), (), token, idle=seconds, host=HOST),
        )["idle_left_s"]


def collected(line: Line, token: str = TOKEN) -> t.Any:
    """Return the checks of the only path, when they are over."""
    with line.client.inside():
        found = idle_results.collect(HOST, token)
    assert found is not None and len(found) == 1, found
    return {check["seconds"]: check for check in found[0]["checks"]}


@contextlib.contextmanager
def bare(line: Line, version: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Connect two bare sockets."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with line.server.inside():
        waiting = socket.create_server((SERVER[version], 29999), family=family)
    with line.client.inside():
        client = socket.create_connection((SERVER[version], 29999), timeout=10)
    server = waiting.accept()[0]
    with waiting, client, server:
        yield client, server
        for one in (client, server):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def survives(line: Line, version: int, seconds: float, inwards: bool) -> bool:
    """Tell whether a bare connection carries a byte after it was idle, and one back."""
    with bare(line, version) as (client, server):
        first, second = (server, client) if inwards else (client, server)
        time.sleep(seconds)
        first.settimeout(1.5)
        second.settimeout(1.5)
        try:
            first.sendall(b"x")
            if second.recv(1) != b"x":
                return False
            second.sendall(b"y")
            return first.recv(1) == b"y"
        except OSError:
            return False


@FAMILIES
def test_idle_connections_of_a_clean_path_live(line: Line, version: int) -> None:
    with listener(line.server, "n11", target(SERVER[version], PORTS)) as found:
        left = probe(line, version, [1, 3], found["listening"])
        assert 0 < left < 15
        time.sleep(3.5)
        assert collected(line) == {
            1: {"seconds": 1, OUT: "lived", IN: "lived"},
            3: {"seconds": 3, OUT: "lived", IN: "lived"},
        }
    assert until(lambda: nothing_left(line.server), "the end of the listener")


@FAMILIES
@pytest.mark.parametrize(
    ("rules", "seen"),
    [
        pytest.param({"outwards": DROP, "inwards": DROP}, ("silence", "silence"), id="both silent"),
        pytest.param({"outwards": DROP}, ("silence", "lived"), id="outwards silent"),
        pytest.param({"inwards": DROP}, ("no_reply", "silence"), id="inwards silent"),
        pytest.param({"outwards": REJECT, "inwards": REJECT}, ("reset", "reset"), id="both reset"),
        pytest.param({"outwards": REJECT}, ("reset", "lived"), id="outwards reset"),
    ],
)
def test_a_firewall_that_forgets_idle_connections(
    line: Line, version: int, rules: dict[str, str], seen: tuple[str, str]
) -> None:
    line.router.nft(forgetful(**rules))
    if rules.get("inwards"):
        assert survives(line, version, 0.5, inwards=True), "the control"
        assert not survives(line, version, 4.0, inwards=True)
    with listener(line.server, "n11", target(SERVER[version], PORTS)) as found:
        probe(line, version, [1, 5], found["listening"])
        time.sleep(5)
        checks = collected(line)
    assert (checks[1][OUT], checks[1][IN]) == ("lived", "lived"), checks
    assert (checks[5][OUT], checks[5][IN]) == seen, checks


@FAMILIES
def test_a_device_that_cuts_every_connection_says_nothing_of_idle_ones(line: Line, version: int) -> None:
    """A restart of a firewall, or a limit of a session's life, is no idle time."""
    line.router.nft(forgetful(outwards=DROP, inwards=DROP, seconds=60))
    with listener(line.server, "n11", target(SERVER[version], PORTS)) as found:
        probe(line, version, [1, 4], found["listening"])
        time.sleep(2.5)
        line.router.nft("flush set inet fault known\n")
        time.sleep(1.5)
        checks = collected(line)
    assert (checks[1][OUT], checks[1][IN]) == ("lived", "lived")
    assert {checks[4][OUT], checks[4][IN]} == {"no_control"}, checks


@FAMILIES
def test_loss_is_no_cut(line: Line, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "_ANSWER_SECONDS", 30.0)
    with listener(line.server, "n11", target(SERVER[version], PORTS)) as found:
        line.router.nft(filter_rules("forward", "numgen random mod 100 < 20 drop"))
        probe(line, version, [1, 2, 3, 4], found["listening"])
        time.sleep(4)
        checks = collected(line)
    seen = {state for check in checks.values() for state in (check[OUT], check[IN])}
    # A connection may not come about in time, which is said, and never taken for a cut.
    assert seen <= {"lived", "no_answer"} and "lived" in seen, checks


def test_a_listener_that_is_killed_is_no_cut(line: Line) -> None:
    with listener(line.server, "n11", target(SERVER[4], PORTS)) as found:
        probe(line, 4, [1, 60], found["listening"])
        time.sleep(3)
        os.kill(found["pid"], signal.SIGKILL)
        assert until(lambda: not listeners(line.server), "the end of the listener")
        checks = collected(line)
    assert (checks[1][OUT], checks[1][IN]) == ("lived", "lived")
    assert {checks[60][OUT], checks[60][IN]} == {"listener_ended"}


def test_the_listener_gives_its_ports_back_while_connections_are_held(line: Line) -> None:
    address = SERVER[4]
    wish = [target(address, PORTS)]
    found = lease(line.server, "n11", *wish, idle=2)
    try:
        probe(line, 4, [1, 6], found["listening"])
        assert until(lambda: not listeners(line.server), "the end of its ports", 8)
        with line.server.inside(), socket.create_server((address, 20000)):
            pass
        time.sleep(3)
        checks = collected(line)
        assert {checks[6][OUT], checks[6][IN]} == {"lived"}
    finally:
        release(line.server, "n11")


@contextlib.contextmanager
def beside_another_run(line: Line, seconds: list[int]) -> Iterator[t.Any]:
    """Let the listener of a run answer, and another run with its own listener hold connections."""
    wish = target(SERVER[4], PORTS)
    with (
        listener(line.server, "n11", wish, token=OTHER_TOKEN) as theirs,
        listener(line.server, "n11", wish) as found,
    ):
        probe(line, 4, seconds, theirs["listening"], token=OTHER_TOKEN)
        yield found


def test_what_an_older_run_holds_or_has_found_is_not_that_of_another_run(line: Line) -> None:
    """A firewall may begin to forget in between, and keep what it knows of older connections."""
    with beside_another_run(line, [1, 6]) as found:
        time.sleep(7)
        line.router.nft(forgetful(outwards=DROP, inwards=DROP))
        assert probe(line, 4, [1, 6], found["listening"]) > 6, "its time begins now"
        time.sleep(6)
        checks = collected(line)
        older = collected(line, OTHER_TOKEN)
    assert (checks[1][OUT], checks[1][IN]) == ("lived", "lived"), checks
    assert (checks[6][OUT], checks[6][IN]) == ("silence", "silence"), checks
    assert (older[6][OUT], older[6][IN]) == ("lived", "lived"), older


def test_two_runs_at_the_same_time_hold_their_own_connections(line: Line) -> None:
    with beside_another_run(line, [1, 4]) as found:
        probe(line, 4, [1, 4], found["listening"])
        time.sleep(4)
        for token in (TOKEN, OTHER_TOKEN):
            checks = collected(line, token)
            assert {checks[4][OUT], checks[4][IN]} == {"lived"}, checks
    assert until(lambda: nothing_left(line.client), "the end of both processes")


def test_a_probe_without_a_path_leaves_nothing_of_an_earlier_one_of_its_run(line: Line) -> None:
    with listener(line.server, "n11", target(SERVER[4], PORTS)) as found:
        probe(line, 4, [1], found["listening"])
        time.sleep(1)
        assert probe(line, 4, [1], []) == 0
        with line.client.inside():
            assert idle_results.collect(HOST, TOKEN) is None
    assert until(lambda: nothing_left(line.client), "the end of what held connections")


def led_elsewhere(port: int, rules: str) -> str:
    """Return rules of a router that leads a port of the server to its second address, and filters others."""
    second = SERVERS[4][1]
    past = f"ip daddr {second} accept\n  ip saddr {second} accept\n  "
    return rules.replace('iifname "near" tcp flags', f'{past}iifname "near" tcp flags') + (
        "table ip lead {\n chain lead {\n  type nat hook prerouting priority -100\n"
        f"  ip daddr {SERVER[4]} tcp dport {port} dnat to {second}\n }}\n}}\n"
    )


@pytest.mark.parametrize("is_led", [False, True], ids=["every port is the server's", "one leads elsewhere"])
def test_a_port_that_leads_to_another_host_is_not_measured_in_place_of_the_path(
    line: Line, is_led: bool
) -> None:
    rules = forgetful(outwards=DROP, inwards=DROP)
    second = target(SERVERS[4][1], PORTS)
    first = target(SERVER[4], PORTS)
    with listener(line.server, "n11", first) as found, listener(line.server, "n12", second):
        for ports, forgets in ((rules, True), ("flush ruleset\n", False)):
            line.router.nft(led_elsewhere(20000, ports) if is_led else ports)
            probe(line, 4, [1, 5], found["listening"])
            time.sleep(5)
            checks = collected(line)
            assert (checks[1][OUT], checks[1][IN]) == ("lived", "lived"), checks
            expected = ("silence", "silence") if forgets else ("lived", "lived")
            assert (checks[5][OUT], checks[5][IN]) == expected, checks


def test_other_durations_begin_anew(line: Line) -> None:
    with listener(line.server, "n11", target(SERVER[4], PORTS)) as found:
        probe(line, 4, [1, 60], found["listening"])
        time.sleep(2)
        assert probe(line, 4, [1, 3], found["listening"]) > 3
        time.sleep(3)
        assert set(collected(line)) == {1, 3}
    assert until(lambda: nothing_left(line.client), "the end of both processes")
