# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of a path: each fault of a network beside its healthy look-alike, for both address families.

Whether large packets pass is first asked of a bare socket.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import select
import socket
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import apply
from ansible_collections.exasol_community.network.plugins.module_utils._kernel import loopback
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.plugins.module_utils._listener.measuring import (
    SEGMENT,
    Measuring,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    FAR_ROUTER,
    NOBODY_FAR,
    NOBODY_NEAR,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    by_source_port,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    run,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.oracles import listener_at
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import TOKEN, listener, target
from ansible_collections.exasol_community.network.tests.labs.waiting import until

PORTS = "20000-20039"
FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
FULL = {4: 1448, 6: 1428}  # bytes of data in a full-size segment of Ethernet, with timestamps
HEADERS = {4: 52, 6: 72}
EVERY_THIRD = "tcp dport 20000 tcp flags & (syn|ack) == syn numgen inc mod 3 == 2"
DEAD_MEMBER = by_source_port("forward", "iifname near meta l4proto tcp", "tcp sport")


@pytest.fixture
def own_line(need_namespaces: None) -> Iterator[Line]:
    """Return a line of the test's own: kernels keep what they learned of a path."""
    with Line() as line:
        yield line


def measured(line: Line, version: int, ports: str = PORTS, timeout: float = 3.5) -> tuple[t.Any, t.Any]:
    """Probe a listener of the server; returns the path and the states of its ports."""
    address = SERVER[version]
    with listener(line.server, "n11", target(address, ports)) as found, line.client.inside():
        result = run_probe(
            collect([], [target(address, ports)], {address: found["listening"]}),
            Settings(Pace(timeout), (), TOKEN),
        )
    (path,), (seen,) = result["paths"], result["observations"]
    return path, seen["states"]


def segments(path: dict[str, t.Any]) -> tuple[t.Any, t.Any]:
    """Return state and size of segments, outwards and inwards."""
    return tuple((path["segments"][way]["state"], path["segments"][way].get("size")) for way in ("out", "in"))


def sends(line: Line, version: int, size: int, inwards: bool) -> bool:
    """Tell whether a bare connection brings one segment to the other side within a second."""
    address = SERVER[version]
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    with line.server.inside():
        waiting = socket.create_server((address, 29999), family=family)
    with line.client.inside():
        client = socket.create_connection((address, 29999), timeout=10)
    server = waiting.accept()[0]
    with waiting, client, server:
        sender, receiver = (server, client) if inwards else (client, server)
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        receiver.settimeout(1.0)
        sender.sendall(b"x" * size)
        came = 0
        with contextlib.suppress(TimeoutError):
            while came < size:
                came += len(receiver.recv(65536))
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        return came == size


def counted(line: Line) -> int:
    """Return how many packets met the rule of the router that counts."""
    with line.router.inside():
        ruleset = run("nft", "list", "ruleset")
    (count,) = re.findall(r"counter packets (\d+)", ruleset)
    return int(count)


def jumbo(line: Line) -> None:
    """Let all links of the line carry jumbo frames."""
    for host, device in (
        (line.client, "near"),
        (line.router, "near"),
        (line.router, "far"),
        (line.server, "far"),
    ):
        host.ip("link", "set", device, "mtu", "9000")


@FAMILIES
def test_a_clean_path(line: Line, version: int) -> None:
    path, states = measured(line, version)
    assert segments(path) == (("passed", FULL[version]), ("passed", FULL[version]))
    assert path["segments"]["out"]["mss"] == path["segments"]["in"]["mss"] == FULL[version]
    assert (path["tries"], path["lost"], path["retransmitted"]) == (48, 0, 0)
    assert path["connections"] == {"tried": 48, "failed_always": 0}
    assert (
        0
        < path["rtt_ms"]["min"]
        <= path["rtt_ms"]["median"]
        <= path["rtt_ms"]["p95"]
        <= path["rtt_ms"]["max"]
    )
    assert abs(path["clock_offset_s"]) <= path["clock_error_s"] + 0.001, "it is one clock"
    assert "pattern" not in path and "seen_as" not in states[0]


@FAMILIES
@pytest.mark.parametrize(
    "largest_out, largest_in",
    [
        pytest.param(1400, None, id="outwards"),
        pytest.param(None, 1437, id="inwards"),
        pytest.param(1400, 1400, id="both"),
        pytest.param(1492, 1311, id="differing"),
    ],
)
def test_a_black_hole(line: Line, version: int, largest_out: int | None, largest_in: int | None) -> None:
    rules = []
    if largest_out:
        rules.append(f"iifname near meta length > {largest_out} drop")
    if largest_in:
        rules.append(f"iifname far meta length > {largest_in} drop")
    line.router.nft(filter_rules("forward", *rules))
    for largest, inwards in ((largest_out, False), (largest_in, True)):
        assert sends(line, version, 1000, inwards), "the control: small segments pass"
        assert sends(line, version, FULL[version], inwards) == (largest is None)
    path, states = measured(line, version)
    assert [(state["ports"], state["state"]) for state in states] == [(PORTS, "open")], "hand-shakes pass"
    assert segments(path) == tuple(
        ("stalled", largest - HEADERS[version]) if largest else ("passed", FULL[version])
        for largest in (largest_out, largest_in)
    )
    assert {path["segments"][way]["mss"] for way in ("out", "in")} == {FULL[version]}


@FAMILIES
@pytest.mark.parametrize("device", ["far", "near"], ids=["outwards", "inwards"])
def test_a_small_mtu_of_which_icmp_tells_is_no_black_hole(own_line: Line, version: int, device: str) -> None:
    own_line.router.ip("link", "set", device, "mtu", "1400")
    way = {"far": "out", "near": "in"}[device]
    for unused in range(2):  # the second run begins with what the first one has learned
        path, _states = measured(own_line, version)
        assert path["segments"][way] == {
            "state": "reduced",
            "size": 1400 - HEADERS[version],
            "mss": FULL[version],
        }
        assert path["segments"][{"in": "out", "out": "in"}[way]]["state"] == "passed"


@FAMILIES
def test_a_rule_against_icmp_shows_as_soon_as_the_kernel_forgets_what_it_has_learned(
    own_line: Line, version: int
) -> None:
    """The firewall module lets it forget, before a site measures its change."""
    own_line.router.ip("link", "set", "far", "mtu", "1400")
    assert segments(measured(own_line, version)[0])[0] == ("reduced", 1400 - HEADERS[version])
    own_line.client.nft(
        filter_rules("input", "icmp type destination-unreachable drop", "icmpv6 type packet-too-big drop")
    )
    hidden = measured(own_line, version)[0]
    assert segments(hidden)[0] == ("reduced", 1400 - HEADERS[version]), "the control: nothing is seen"
    with own_line.client.inside():
        apply._forget_path_mtus()
    seen = measured(own_line, version)[0]
    assert segments(seen)[0] == ("stalled", 1400 - HEADERS[version])


@FAMILIES
def test_a_small_mtu_without_icmp_is_a_black_hole(own_line: Line, version: int) -> None:
    # By the route, because a device with a small MTU does not take large packets either.
    prefix = {4: "10.77.2.0/24", 6: "fd77:2::/64"}[version]
    own_line.router.ip(f"-{version}", "route", "del", prefix, "dev", "far")
    own_line.router.ip(f"-{version}", "route", "add", prefix, "dev", "far", "mtu", "lock", "1400")
    own_line.router.nft(
        filter_rules("output", "icmp type destination-unreachable drop", "icmpv6 type packet-too-big drop")
    )
    path, _states = measured(own_line, version)
    assert segments(path) == (("stalled", 1400 - HEADERS[version]), ("passed", FULL[version]))


@FAMILIES
def test_jumbo_frames_everywhere_pass(own_line: Line, version: int) -> None:
    jumbo(own_line)
    path, _states = measured(own_line, version)
    assert segments(path) == (("passed", FULL[version] + 7500), ("passed", FULL[version] + 7500))


@FAMILIES
def test_jumbo_hosts_with_a_switch_without_jumbo_frames(own_line: Line, version: int) -> None:
    jumbo(own_line)
    own_line.router.nft(filter_rules("forward", "meta length > 1500 drop"))
    path, _states = measured(own_line, version)
    assert segments(path) == (("stalled", FULL[version]), ("stalled", FULL[version]))
    assert path["segments"]["out"]["mss"] == FULL[version] + 7500


@contextlib.contextmanager
def relay(line: Line, port: int, is_prompt: bool) -> Iterator[None]:
    """Let the router accept connections, and hand on all that comes to the server, as proxies do.

    One that is prompt hands on a question before the segment behind it is there.
    """
    waiting = []
    threads = []

    def hand_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                first = 1 if is_prompt and data.startswith(SEGMENT) else len(data)
                sink.sendall(data[:first])
                sink.sendall(data[first:])
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with line.router.inside(), contextlib.suppress(OSError):
            while True:
                near = listening.accept()[0]
                far = socket.create_connection((SERVER[4], port), timeout=5)
                far.settimeout(None)
                waiting.extend([near, far])
                for ends in ((near, far), (far, near)):
                    ends[1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    threads.append(threading.Thread(target=hand_on, args=ends))
                    threads[-1].start()

    with line.router.inside():
        listening = socket.create_server((ROUTER[4], port), backlog=1024)
    threads.append(threading.Thread(target=serve))
    threads[0].start()
    try:
        yield
    finally:
        for sock in (listening, *waiting):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for sock in (listening, *waiting):
            sock.close()


@pytest.mark.parametrize(
    ("largest", "is_prompt", "found"),
    [
        pytest.param(1400, True, {("stalled", 1348)}, id="a hole"),
        # Questions that are joined with a segment vanish, too: with all of them, nothing is known.
        pytest.param(
            1400,
            False,
            {("stalled", 1348), ("stalled", 1347), ("unmeasured", None)},
            id="a hole for joined packets",
        ),
        pytest.param(1500, True, {("passed", 1448)}, id="no hole"),
        pytest.param(1500, False, {("passed", 1448)}, id="no hole for joined packets"),
    ],
)
def test_a_black_hole_behind_a_proxy(
    line: Line, largest: int, is_prompt: bool, found: set[tuple[str, int | None]]
) -> None:
    """The proxy acknowledges what never comes to the listener."""
    address, port = ROUTER[4], 20000
    line.server.nft(filter_rules("input", f"iifname far meta length > {largest} drop"))
    with contextlib.ExitStack() as stack:
        stack.enter_context(listener(line.server, "n11", target(SERVER[4], port)))
        stack.enter_context(relay(line, port, is_prompt))
        stack.enter_context(line.client.inside())
        result = run_probe(
            collect([], [target(address, port)], {address: [target(address, port)]}),
            Settings(Pace(3.5), (), TOKEN),
        )
    (path,), (seen,) = result["paths"], result["observations"]
    assert [one["answered_by"] for one in seen["states"]] == ["n11"], "the control: small data passes"
    assert segments(path)[0] in found


@FAMILIES
def test_a_lowered_mss_is_the_full_size(line: Line, version: int) -> None:
    # As devices in front of a tunnel do it; the hole behind it harms nobody then.
    line.router.nft(
        filter_rules(
            "forward",
            f"tcp flags syn tcp option maxseg size set {1400 - HEADERS[version] + 12}",
            "meta length > 1400 drop",
        )
    )
    path, _states = measured(line, version)
    size = 1400 - HEADERS[version]
    assert segments(path) == (("passed", size), ("passed", size))


@pytest.mark.parametrize("at", ["client", "server"])
@pytest.mark.parametrize("probing", [1, 2])
def test_mtu_probing_does_not_hide_what_vanishes(own_line: Line, at: str, probing: int) -> None:
    getattr(own_line, at).sysctl("ipv4/tcp_mtu_probing", probing)
    own_line.router.nft(filter_rules("forward", "meta length > 1400 drop"))
    path, _states = measured(own_line, 4)
    mine, theirs = segments(path) if at == "client" else reversed(segments(path))
    assert theirs == ("stalled", 1348)
    # With 2, the connections that a host opens never have a segment that does not pass. Those that it accepts
    # begin with the full size.
    assert mine == (("passed", 1024) if (at, probing) == ("client", 2) else ("stalled", 1348))


@pytest.mark.parametrize("at", ["client", "server"])
@pytest.mark.parametrize("probing", [1, 2])
def test_mtu_probing_on_a_clean_path_is_no_black_hole(own_line: Line, at: str, probing: int) -> None:
    getattr(own_line, at).sysctl("ipv4/tcp_mtu_probing", probing)
    path, _states = measured(own_line, 4)
    assert [path["segments"][way]["state"] for way in ("out", "in")] == ["passed", "passed"]


def test_segments_of_loopback_are_measured(machine: Machine) -> None:
    with listener(machine, "n11", target("127.0.0.1", PORTS)) as found, machine.inside():
        result = run_probe(
            collect([], [target("127.0.0.1", PORTS)], {"127.0.0.1": found["listening"]}),
            Settings(Pace(3.5), (), TOKEN),
        )
    (path,) = result["paths"]
    assert [path["segments"][way]["state"] for way in ("out", "in")] == ["passed", "passed"]
    assert min(path["segments"][way]["size"] for way in ("out", "in")) > 16000


@FAMILIES
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_translated_source_is_seen(line: Line, version: int, protocol: str) -> None:
    address = SERVER[version]
    translated = {4: "10.77.2.1", 6: "fd77:2::1"}[version]
    found = {}
    for rules in (
        "",
        "table inet n { chain p { type nat hook postrouting priority 100; oifname far masquerade; }; }",
    ):
        line.router.nft(f"flush ruleset\n{rules}\n")
        with listener(line.server, "n11", target(address, PORTS, protocol)) as result, line.client.inside():
            (seen,) = run_probe(
                collect([], [target(address, PORTS, protocol)], {address: result["listening"]}),
                Settings(Pace(3.5), (), TOKEN),
            )["observations"]
        found[bool(rules)] = [(state["ports"], state.get("seen_as")) for state in seen["states"]]
    assert found == {False: [(PORTS, None)], True: [(PORTS, translated)]}


@pytest.mark.parametrize("loss", [5, 20])
@FAMILIES
def test_loss_is_neither_a_black_hole_nor_a_pattern(line: Line, version: int, loss: int) -> None:
    line.router.nft(filter_rules("forward", f"numgen random mod 100 < {loss} counter drop"))
    path, _states = measured(line, version)
    assert {path["segments"][way]["state"] for way in ("out", "in")} <= {"passed", "unmeasured"}
    assert "pattern" not in path
    # With 5 %, all of these can be packets that say nothing of the path, such as the last of a connection.
    assert counted(line) > 0, "the control: packets were lost"


@pytest.mark.parametrize(
    "ports, tries, samples",
    [
        pytest.param("20000", 16, 16, id="one port"),
        pytest.param("20000-20005", 16, 16, id="six ports"),
        pytest.param("20000-20011", 20, 20, id="twelve ports"),
    ],
)
def test_few_ports_are_tried_from_enough_source_ports(
    line: Line, ports: str, tries: int, samples: int
) -> None:
    path, _states = measured(line, 4, ports)
    assert (path["tries"], path["lost"]) == (tries, 0)
    assert path["connections"] == {"tried": samples, "failed_always": 0}


def test_loss_of_few_ports_is_counted_by_more_connections(line: Line) -> None:
    line.router.nft(
        filter_rules("forward", "iifname near tcp flags & (syn|ack) == syn numgen inc mod 2 == 1 drop")
    )
    path, _states = measured(line, 4, "20000")
    assert path["lost"] >= 3 and "pattern" not in path


@FAMILIES
@pytest.mark.parametrize("ports", [PORTS, "20000-20002"], ids=["many ports", "few ports"])
def test_a_dead_member_of_a_bundle_is_told_from_a_filter(line: Line, version: int, ports: str) -> None:
    line.router.nft(DEAD_MEMBER)
    path, states = measured(line, version, ports)
    assert [(state["ports"], state["state"]) for state in states] == [(ports, "open")], "no port is blamed"
    assert path.get("pattern") == "by_connection", path
    assert 0 < path["connections"]["failed_always"] < path["connections"]["tried"] / 2
    assert segments(path) == (("passed", FULL[version]), ("passed", FULL[version]))


def unanswered(path: dict[str, t.Any]) -> int:
    """Return how many connections of a path were accepted and never answered."""
    return sum(stray["connections"] for stray in path.get("strays", ()) if stray["how"] == "unanswered")


def test_a_mute_server_of_a_load_balancer_is_found_at_many_ports(line: Line) -> None:
    other = SERVERS[4][1]
    line.router.nft(filter_rules("forward", "meta l4proto tcp numgen random mod 100 < 10 drop"))
    path, states = measured(line, 4, PORTS, timeout=1.0)
    assert [state["state"] for state in states] == ["open"] and not unanswered(path), "of loss alone"
    line.router.nft(
        "flush ruleset\ntable ip balancer { chain c { type nat hook prerouting priority -100; "
        f"ip daddr {SERVER[4]} tcp dport {PORTS} numgen inc mod 3 == 0 dnat to {other}:7777; }}; }}"
    )
    with line.server.inside():
        mute = socket.create_server((other, 7777), backlog=4096)
    with mute:
        path, states = measured(line, 4, PORTS, timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "in the end each port has proven itself"
    assert unanswered(path) >= 4, path
    assert path["lost"] == 0, "each connection was accepted at once"


# Of every second connection, the first two packets with a question or an answer are lost. Linux sends them at
# once and 0.2 s later.
TWICE_LOST = """
flush ruleset
table inet fault {{
 set once {{ type inet_service; size 65535; flags dynamic; }}
 set twice {{ type inet_service; size 65535; flags dynamic; }}
 chain choose {{
  type filter hook prerouting priority -100
  iifname near ct state new numgen inc mod 2 == 1 ct mark set 1
 }}
 chain fault {{
  type filter hook forward priority 0
  ct mark 1 iifname {device} meta length > 120 {source} != @once add @once {{ {source} }} drop
  ct mark 1 iifname {device} meta length > 120 {source} != @twice add @twice {{ {source} }} counter drop
 }}
}}
"""


def keep_long_round_trip(line: Line, version: int) -> None:
    """Let both kernels keep 3 s for each other, as they do after losses."""
    for host, via in ((line.client, ROUTER[version]), (line.server, FAR_ROUTER[version])):
        host.ip(f"-{version}", "route", "change", "default", "via", via, "rtt", "3s")
    with line.server.inside():
        waiting = socket.create_server(
            (SERVER[version], 29999), family=socket.AF_INET6 if version == 6 else socket.AF_INET
        )
    with line.client.inside():
        client = socket.create_connection((SERVER[version], 29999), timeout=10)
    server = waiting.accept()[0]
    with waiting:
        # Whoever ends a connection keeps what it has seen; one that was reset counts for nothing.
        with client:
            client.sendall(b"x")
            server.recv(1)
        with server:
            assert server.recv(1) == b""
    for host in (line.client, line.server):
        with host.inside():
            until(lambda: re.search(r" rtt [23]\d{6}us", run("ip", "tcp_metrics", "show")), "the round trip")


@FAMILIES
@pytest.mark.parametrize("way", ["question", "answer"])
def test_a_kernel_that_has_seen_a_long_round_trip_is_not_waited_for(
    own_line: Line, version: int, way: str
) -> None:
    """Each end would try a third time after more than 6 s."""
    keep_long_round_trip(own_line, version)
    device, source = {"question": ("near", "tcp sport"), "answer": ("far", "tcp dport")}[way]
    own_line.router.nft(TWICE_LOST.format(device=device, source=source))
    path, states = measured(own_line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"]
    assert "strays" not in path, path
    assert counted(own_line) >= 4, "the control: connections lost both"


@contextlib.contextmanager
def closing(line: Line, address: str, by_reset: bool) -> Iterator[None]:
    """Let a server accept connections and end each at once, as a proxy does whose own server is dead."""
    with line.server.inside():
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.create_server((address, 7777), family=family, backlog=4096)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                with server.accept()[0] as sock:
                    if by_reset:
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        server.close()


def test_connections_that_are_dropped_behind_their_handshake_are_found(line: Line) -> None:
    """A proxy of SYNs whose server is dead does that, or a filter that sees one direction of some routes."""
    line.router.nft(
        """
table ip some {
 chain choose {
  type filter hook prerouting priority -100
  tcp dport 20000 ct state new numgen inc mod 3 == 2 ct mark set 1
 }
 chain behind { type filter hook forward priority 0; ct mark 1 tcp flags & syn == 0 drop; }
}
"""
    )
    path, states = measured(line, 4, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: the first connection passes"
    assert unanswered(path) >= 4, path


@FAMILIES
@pytest.mark.parametrize("dead", ["closes", "resets", "rejects", "rejects one a second", "is off"])
def test_a_dead_server_of_a_load_balancer_is_found(line: Line, version: int, dead: str) -> None:
    other = NOBODY_FAR[version] if dead == "is off" else SERVERS[version][1]
    family, place = {4: ("ip", f"{other}:7777"), 6: ("ip6", f"[{other}]:7777")}[version]
    line.router.nft(
        f"table {family} balancer {{ chain c {{ type nat hook prerouting priority -100; "
        f"{family} daddr {SERVER[version]} tcp dport 20000 numgen inc mod 3 == 2 dnat to {place}; }}; }}"
    )
    with contextlib.ExitStack() as stack:
        if dead.startswith("rejects"):
            # What a router says of a server that is off is limited, too.
            limit = "limit rate 1/second burst 1 packets" if dead == "rejects one a second" else ""
            line.server.nft(
                filter_rules(
                    "input",
                    f"{family} daddr {other} {limit} reject with icmpx type admin-prohibited",
                    f"{family} daddr {other} drop",
                )
            )
        elif dead != "is off":
            stack.enter_context(closing(line, other, by_reset=dead == "resets"))
        path, states = measured(line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: the first connection passes"
    how = "cut_off" if dead in ("closes", "resets") else "refused"
    (stray,) = path["strays"]
    assert stray["how"] == how and stray["connections"] >= (1 if dead == "rejects one a second" else 4), path
    assert "pattern" not in path, "no link of a bundle is blamed"


@FAMILIES
@pytest.mark.parametrize("seconds", [6.0, 60.0], ids=["for a while", "to the end"])
def test_an_interruption_of_everything_is_no_dead_link(line: Line, version: int, seconds: float) -> None:
    """It begins behind the first tries of the sweep, with those that measure."""
    every = "iifname near meta l4proto tcp tcp flags & (syn|ack) == syn numgen inc mod 10000"
    line.router.nft(filter_rules("forward", f"{every} >= 41 drop"))
    ended = threading.Timer(seconds, line.router.nft_flush)
    ended.start()
    try:
        path, states = measured(line, version, timeout=1.0)
    finally:
        ended.cancel()
        ended.join()
    assert [state["state"] for state in states] == ["open"], "the control: it was reached before"
    assert "pattern" not in path, path
    assert path["lost"] >= 8, "the control: it was interrupted"


@FAMILIES
def test_an_interruption_behind_a_handshake_is_no_mute_server(line: Line, version: int) -> None:
    """Four connections have just been accepted when it begins."""
    syn = "iifname near meta l4proto tcp tcp flags & (syn|ack) == syn numgen inc mod 10000"
    accepted = [f"{syn} >= 41 ct mark set 1", "ct mark 1 tcp flags & syn == 0 drop"]
    line.router.nft(filter_rules("forward", *accepted, f"{syn} >= 45 drop"))
    path, states = measured(line, version, timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: it was reached before"
    assert not {"pattern", "strays"} & set(path), path
    assert path["lost"] >= 4, "the control: it was interrupted"
    line.router.nft(filter_rules("forward", *accepted))
    path, states = measured(line, version, timeout=1.0)
    assert unanswered(path) >= 4, "the control: all others are accepted, and never answered"


@FAMILIES
def test_connections_that_fail_for_good_behind_the_first_ones_are_no_interruption(
    line: Line, version: int
) -> None:
    """Only those that were answered before pass still, as with a limit for source ports."""
    first = by_source_port(
        "forward", "iifname near meta l4proto tcp", "tcp sport", dead=range(12, 400), of=400
    )
    line.router.nft(first)
    path, states = measured(line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: the first connection passes"
    assert path["pattern"] == "by_connection", path


@FAMILIES
@pytest.mark.parametrize(
    ("rejection", "has_filters"),
    [
        ("icmpx type admin-prohibited", True),
        ("icmpx type port-unreachable", True),
        ("tcp reset", True),
        ("tcp reset", False),
    ],
    ids=["prohibited", "port-unreachable", "reset", "reset-without-socket-filters"],
)
def test_what_the_client_itself_rejects_is_not_blamed_on_a_server(
    monkeypatch: pytest.MonkeyPatch, own_line: Line, version: int, rejection: str, has_filters: bool
) -> None:
    """A rule at its output meets every third connection."""
    if not has_filters:
        monkeypatch.setattr(loopback, "may_choose_what_to_receive", lambda: False)
    own_line.client.nft(filter_rules("output", f"{EVERY_THIRD} reject with {rejection}"))
    path, states = measured(own_line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: the first connection passes"
    (stray,) = path["strays"]
    assert stray["how"] == "refused_here" and stray["connections"] >= 4, path
    assert path["lost"] == 0, "no packet is lost"


@FAMILIES
def test_a_next_hop_of_the_client_that_is_down_is_not_blamed_on_a_server(
    own_line: Line, version: int
) -> None:
    """The client leads every third connection to it."""
    own_line.client.ip(f"-{version}", "rule", "add", "fwmark", "1", "lookup", "100")
    gone = ("default", "via", NOBODY_NEAR[version], "dev", "near", "table", "100")
    own_line.client.ip(f"-{version}", "route", "add", *gone)
    own_line.client.nft(
        "table inet own { chain c { type route hook output priority -150; "
        f"ct mark 0 {EVERY_THIRD} ct mark set 1; ct mark 1 meta mark set 1; }}; }}"
    )
    path, states = measured(own_line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"], "the control: the first connection passes"
    (stray,) = path["strays"]
    assert stray["how"] == "no_neighbour" and stray["connections"] >= 4, path
    assert "pattern" not in path, "no link of a bundle is blamed"


@FAMILIES
@pytest.mark.parametrize("has_filters", [True, False], ids=["socket-filters", "counters"])
def test_a_reset_that_comes_from_elsewhere_is_not_taken_for_our_own(
    monkeypatch: pytest.MonkeyPatch, line: Line, version: int, has_filters: bool
) -> None:
    """The control: a rule of the router does what that of the client does above."""
    if not has_filters:
        monkeypatch.setattr(loopback, "may_choose_what_to_receive", lambda: False)
    line.router.nft(filter_rules("forward", f"{EVERY_THIRD} reject with tcp reset"))
    path, states = measured(line, version, "20000", timeout=1.0)
    assert [state["state"] for state in states] == ["open"]
    (stray,) = path["strays"]
    assert stray["how"] == "refused" and stray["connections"] >= 4, path


def test_connections_that_are_cut_off_are_not_counted_as_lost(line: Line) -> None:
    other = SERVERS[4][1]
    line.router.nft(
        "table ip balancer { chain c { type nat hook prerouting priority -100; "
        f"ip daddr {SERVER[4]} tcp dport {PORTS} numgen random mod 2 == 0 dnat to {other}:7777; }}; }}"
    )
    with closing(line, other, by_reset=True):
        path, _states = measured(line, 4, PORTS, timeout=1.0)
    assert [stray["how"] for stray in path["strays"]] == ["cut_off"], path
    assert path["lost"] == 0, "no packet is lost"


def measured_beside(line: Line, rule: str) -> t.Any:
    """Measure an address of which three ports of four lead to another host, with a rule of the router."""
    address, other = SERVERS[4][:2]
    line.router.nft(
        filter_rules("forward", rule)
        + "table ip lead { chain lead { type nat hook prerouting priority -100; "
        f"ip daddr {address} tcp dport 20000-20029 dnat to {other}; }}; }}"
    )
    flow = {"protocol": "tcp", "ports": PORTS, "service": "", "expected": "reachable"}
    with contextlib.ExitStack() as stack:
        stack.enter_context(listener(line.server, "n12", target(other, PORTS)))
        found = stack.enter_context(listener(line.server, "n11", target(address, PORTS)))
        stack.enter_context(line.client.inside())
        targets = collect([{**flow, "destinations": {"n11": [address]}}], [], {"n11": found["listening"]})
        result = run_probe(targets, Settings(Pace(3.5), (), TOKEN))
    (path,), (seen,) = result["paths"], result["observations"]
    assert {state["ports"]: state["answered_by"] for state in seen["states"]} == {
        "20000-20029": "n12",
        "20030-20039": "n11",
    }
    return path


@pytest.mark.parametrize(
    ("hole", "states"),
    [
        pytest.param(0, ("stalled", "passed"), id="on the way to the server"),
        pytest.param(1, ("passed", "passed"), id="on the way to the other host"),
    ],
)
def test_ports_that_lead_to_another_host_say_nothing_of_the_path(
    line: Line, hole: int, states: tuple[str, str]
) -> None:
    path = measured_beside(line, f"ip daddr {SERVERS[4][hole]} meta length > 1000 drop")
    assert tuple(path["segments"][way]["state"] for way in ("out", "in")) == states, path
    assert "strays" not in path, "each port leads to one host"


@pytest.mark.parametrize("to", [0, 1], ids=["on the way to the server", "on the way to the other host"])
def test_loss_behind_ports_that_lead_to_another_host_is_none_of_the_path(line: Line, to: int) -> None:
    """Every second SYN to one of the hosts is lost."""
    second = "tcp flags & (syn|ack) == syn numgen inc mod 2 == 0"
    path = measured_beside(line, f"ip daddr {SERVERS[4][to]} {second} counter drop")
    assert counted(line) >= 5, "the control: packets were lost"
    assert (path["lost"] > 0) is (to == 0), path


# The first two source ports fail for good: a set that holds two takes no third one.
FIRST_TWO_SOURCE_PORTS = """
flush ruleset
table inet fault {
 set dead { type inet_service; size 2; flags dynamic; }
 chain fault {
  type filter hook forward priority 0
  iifname near tcp sport @dead drop
  iifname near tcp flags & (syn|ack) == syn add @dead { tcp sport } drop
 }
}
"""


@FAMILIES
def test_ports_that_are_all_silent_at_first_are_tried_from_other_source_ports(
    line: Line, version: int
) -> None:
    line.router.nft(FIRST_TWO_SOURCE_PORTS)
    path, states = measured(line, version, "20000-20001", timeout=1.2)
    assert [(state["ports"], state["state"]) for state in states] == [("20000-20001", "open")]
    assert path["connections"]["failed_always"] == 2
    assert path.get("pattern") == "by_connection", path


@FAMILIES
def test_a_filter_for_all_ports_stays_one(line: Line, version: int) -> None:
    line.router.nft(filter_rules("forward", "iifname near meta l4proto tcp drop"))
    address = SERVER[version]
    with listener(line.server, "n11", target(address, "20000-20001")) as found, line.client.inside():
        result = run_probe(
            collect([], [target(address, "20000-20001")], {address: found["listening"]}),
            Settings(Pace(1.2), (), TOKEN),
        )
    (seen,) = result["observations"]
    assert [(state["ports"], state["state"]) for state in seen["states"]] == [("20000-20001", "filtered")]
    assert result["paths"] == []


@pytest.mark.parametrize("ports", ["20000-20003", PORTS], ids=["few ports", "many ports"])
def test_a_limit_of_new_connections_is_no_pattern(line: Line, ports: str) -> None:
    line.router.nft(
        filter_rules("forward", "tcp flags & (syn|ack) == syn limit rate over 10/second burst 5 packets drop")
    )
    path, states = measured(line, 4, ports)
    assert [(state["ports"], state["state"]) for state in states] == [(ports, "open")]
    assert "pattern" not in path
    assert path["lost"] or path["retransmitted"] or path.get("rate_limit"), "some had to wait"


def test_a_filter_behind_a_dead_member_is_reported(line: Line) -> None:
    line.router.nft(filter_rules("forward", "tcp dport 20007 drop") + DEAD_MEMBER)
    path, states = measured(line, 4)
    assert path.get("pattern") == "by_connection", path
    assert [state["ports"] for state in states if state["state"] == "filtered"] == ["20007"]


def test_a_filter_by_port_is_no_pattern(line: Line) -> None:
    line.router.nft(filter_rules("forward", "tcp dport 20005 drop"))
    path, _states = measured(line, 4, timeout=1.0)
    assert "pattern" not in path and path["connections"]["failed_always"] == 0


def test_services_of_others_are_not_measured(line: Line) -> None:
    with line.server.inside():
        waiting = socket.create_server((SERVER[4], 20000))
    with waiting, line.client.inside():
        (path,) = run_probe(collect([], [target(SERVER[4], 20000)], {}), Settings(Pace(1.0)))["paths"]
    unmeasured = {"state": "unmeasured", "reason": "services_of_others"}
    assert path["segments"] == {"out": unmeasured, "in": unmeasured}
    assert "rtt_ms" not in path and "clock_offset_s" not in path


class LyingClock:
    """A stand-in for our listener whose clock is wrong; it keeps no connection."""

    def __init__(self, machine: Namespace, address: str, offset: float):
        self._offset = offset
        with machine.inside():
            self._sock = socket.create_server((address, 20000))
        self._sock.settimeout(0.1)
        self._ends = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> LyingClock:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._ends = True
        self._thread.join()
        self._sock.close()

    def _serve(self) -> None:
        while not self._ends:
            with contextlib.suppress(OSError):
                sock, remote = self._sock.accept()
                sock.settimeout(5)
                hello = proof.read_hello(sock.recv(4096).rstrip(b"\n"))
                assert hello
                sock.sendall(
                    proof.answer(
                        TOKEN.encode(),
                        host="n11",
                        nonce=hello.nonce,
                        port=self._sock.getsockname()[1],
                        seen=remote[0],
                        now=time.time() + self._offset,
                    )
                )
                sock.close()


@pytest.mark.parametrize("offset", [0.0, 3600.0, -0.75, math.nan])
def test_a_clock_that_differs(line: Line, offset: float) -> None:
    listening = {SERVER[4]: [target(SERVER[4], 20000)]}
    with LyingClock(line.server, SERVER[4], offset), line.client.inside():
        (path,) = run_probe(
            collect([], [target(SERVER[4], 20000)], listening), Settings(Pace(3.5), (), TOKEN)
        )["paths"]
    if math.isnan(offset):
        assert "clock_offset_s" not in path
    else:
        assert abs(path["clock_offset_s"] - offset) <= path["clock_error_s"] + 0.001
    assert path["segments"]["out"] == {"state": "unmeasured", "reason": "no_answer"}


class BusyListener(LyingClock):
    """A stand-in for our listener that comes late to what follows the hello of a measuring connection."""

    def __init__(self, machine: Namespace, address: str, seconds: float):
        super().__init__(machine, address, 0.0)
        self._seconds = seconds

    def _serve(self) -> None:
        threads = []
        while not self._ends:
            with contextlib.suppress(TimeoutError):
                sock, remote = self._sock.accept()
                threads.append(threading.Thread(target=self._answer, args=(sock, remote[0])))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _answer(self, sock: socket.socket, remote: str) -> None:
        with sock, contextlib.suppress(OSError):
            sock.settimeout(5)
            hello = proof.read_hello(sock.recv(4096).rstrip(b"\n"))
            assert hello
            key, port = TOKEN.encode(), self._sock.getsockname()[1]
            sock.sendall(
                proof.answer(key, host="n11", nonce=hello.nonce, port=port, seen=remote, now=time.time())
            )
            if proof.may_measure(key, hello):
                time.sleep(self._seconds)
                measuring = Measuring(sock, remote)
                while select.select([sock], [], [], 5)[0] and measuring.serve():
                    pass


@pytest.mark.parametrize("seconds", [0.0, 2.5], ids=["at once", "late"])
def test_a_busy_listener_is_waited_for(line: Line, seconds: float) -> None:
    listening = {SERVER[4]: [target(SERVER[4], 20000)]}
    with BusyListener(line.server, SERVER[4], seconds), line.client.inside():
        (path,) = run_probe(
            collect([], [target(SERVER[4], 20000)], listening), Settings(Pace(3.5), (), TOKEN)
        )["paths"]
    assert segments(path) == (("passed", FULL[4]), ("passed", FULL[4]))


def test_two_processes_measure_at_the_same_time(line: Line) -> None:
    """The listener stays one process with one thread, and keeps nothing afterwards."""
    address = SERVER[4]
    script = (
        "import json, sys\n"
        "from ansible_collections.exasol_community.network.tests.labs.namespaces import probing as p\n"
        "s = p.Settings(p.Pace(3.5), (), p.TOKEN)\n"
        "listening = json.loads(sys.argv[1])\n"
        f"targets = p.collect([], [p.target({address!r}, {PORTS!r})], listening)\n"
        "print(json.dumps(p.run_probe(targets, s)['paths']))\n"
    )

    with listener(line.server, "n11", target(address, PORTS)) as found:
        with line.client.inside():
            several = [
                subprocess.Popen(
                    [sys.executable, "-c", script, json.dumps({address: found["listening"]})],
                    stdout=subprocess.PIPE,
                    env={"PYTHONPATH": ":".join(sys.path)},
                )
                for unused in range(4)
            ]
        paths = [json.loads(one.communicate(timeout=60)[0])[0] for one in several]
        pid = listener_at(line.server, address, 20000)
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            assert "Threads:\t1\n" in status.read()
    assert {segments(path) for path in paths} == {(("passed", 1448), ("passed", 1448))}


def test_an_address_of_the_client_is_no_translation(line: Line) -> None:
    line.client.address("10.77.1.50/24", device="near")
    address = SERVER[4]
    with listener(line.server, "n11", target(address, PORTS)) as found, line.client.inside():
        for source in (CLIENT[4], "10.77.1.50"):
            result = run_probe(
                collect([], [target(address, PORTS)], {address: found["listening"]}),
                Settings(Pace(3.5), (source,), TOKEN),
            )
            assert "seen_as" not in result["observations"][0]["states"][0]
    line.client.ip("address", "del", "10.77.1.50/24", "dev", "near")
