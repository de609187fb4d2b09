# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults whose cause is easily taken for another one, so that the wrong party is asked or nothing is noticed.

What must be said of each stands in the table of faults (C(tests/labs/faults.py)).
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import Judged, run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    NOBODY_FAR,
    NOBODY_NEAR,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace, join
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import states_of
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

pytestmark = pytest.mark.usefixtures("need_namespaces")

PORT = 8563
CAPTURED = pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
# A stateful firewall that does not see the other direction passes SYN alone.
HANDSHAKE_ALONE = filter_rules("forward", f"iifname near tcp dport {PORT} tcp flags & syn == 0 drop")


@pytest.fixture
def served(line: Line) -> Iterator[Line]:
    """The line with a service that greets."""
    with Service(line.server, SERVER[4], PORT, greeting=b"welcome\n"):
        yield line


def live(line: Line) -> tuple[str, str]:
    """Return verdict and cause for a service that is not asked who it is, on a host without a listener."""
    return run_of(line.client, line.server, has_listener=False)[:2]


def test_a_service_of_others_of_which_only_the_handshake_comes_through(served: Line) -> None:
    assert live(served) == ("ok", "")
    served.router.nft(HANDSHAKE_ALONE)
    with served.client.inside(), socket.create_connection((SERVER[4], PORT), 5) as sock:
        sock.settimeout(1)
        with pytest.raises(TimeoutError):
            sock.recv(16)  # a foreign client sees the same
    judged = run_of(served.client, served.server, has_listener=False)
    shown(judged, "only the handshake passes, to a service of others")
    assert "not even its end is acknowledged" in judged.sentence


def lossy(loss: int) -> str:
    """Return rules that lose packets in both directions, without a pattern."""
    return filter_rules("forward", f"meta l4proto tcp numgen random mod 100 < {loss} drop")


@pytest.mark.parametrize("run", range(3))
def test_heavy_loss_is_one_cause(line: Line, run: int) -> None:
    line.router.nft(lossy(40))
    judged = run_of(line.client, line.server, timeout=3.5)
    shown(judged, "40 % of the packets are lost in each direction")


@pytest.mark.parametrize("run", range(3))
def test_a_lossy_link_of_which_most_packets_pass_accuses_nobody(line: Line, run: int) -> None:
    line.router.nft(lossy(20))
    assert run_of(line.client, line.server, timeout=3.5)[:2] == ("ok", "")


@pytest.mark.parametrize("loss", [10, 20])
def test_loss_does_not_look_like_that(served: Line, loss: int) -> None:
    served.router.nft(filter_rules("forward", f"numgen random mod 100 < {loss} drop"))
    for _run in range(3):
        verdict, cause = live(served)
        assert cause in ("", "silence"), (verdict, cause)


SYN_PROXY = f"""table ip proxy {{
 chain raw {{
  type filter hook prerouting priority -300;
  iifname near tcp flags & (fin|syn|rst|ack) == syn tcp dport {PORT} notrack;
 }}
 chain proxy {{
  type filter hook forward priority 0;
  iifname near tcp dport {PORT} ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
  ct state invalid drop
 }}
}}
"""


def test_a_syn_proxy_in_front_of_a_service_that_is_down() -> None:
    with Line() as line:
        line.router.sysctl("netfilter/nf_conntrack_tcp_loose", 0)
        line.router.nft(SYN_PROXY)
        with Service(line.server, SERVER[4], PORT, greeting=b"welcome\n"):
            assert live(line) == ("ok", "")
        line.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
        judged = run_of(line.client, line.server, has_listener=False)
        shown(judged, "a SYN proxy answers for a service that is down")
        assert "SYN proxy" in judged.sentence


REJECT_AS_PROHIBITED = f"tcp dport {PORT} reject with icmpx admin-prohibited"
# As bridging firewalls send it: nf_reject_iphdr_put of Linux takes the destination's address.
IN_THE_NAME_OF_THE_SERVER = f"""table inet disguise {{
 chain c {{
  type filter hook output priority 0
  icmp type destination-unreachable ip saddr set {SERVER[4]}
  icmpv6 type destination-unreachable ip6 saddr set {SERVER[6]}
 }}
}}
"""
FAMILIES = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])


@FAMILIES
@CAPTURED
def test_an_error_in_the_name_of_a_host_that_got_no_packet(line: Line, version: int, capture: bool) -> None:
    def judged() -> Judged:
        return run_of(
            line.client, line.server, server=SERVER[version], client=CLIENT[version], capture=capture
        )

    assert judged().verdict == "ok"
    line.router.nft(filter_rules("forward", REJECT_AS_PROHIBITED) + IN_THE_NAME_OF_THE_SERVER)
    forged = judged()
    shown(forged, "a bridge rejects in the name of the destination", captured=capture)
    assert "not by" in forged.sentence
    assert "n11 (role firewall)" not in forged.sentence
    # Really the destination: its capture saw the packet, or its kernel counted what it sent.
    line.router.nft_flush()
    line.server.nft(filter_rules("input", REJECT_AS_PROHIBITED))
    shown(judged(), "a filter of the destination rejects", captured=capture)


def test_who_rejects_is_open_if_the_destination_says_nothing(served: Line) -> None:
    assert live(served) == ("ok", "")
    served.server.nft(filter_rules("input", REJECT_AS_PROHIBITED))
    judged = run_of(served.client, served.server, has_listener=False)
    shown(judged, "a filter of a destination without our listener rejects")
    assert set(judged.actor) == {"host:n11", "network"}
    served.server.nft_flush()
    # The same words, because nobody can tell.
    served.router.nft(filter_rules("forward", REJECT_AS_PROHIBITED) + IN_THE_NAME_OF_THE_SERVER)
    assert run_of(served.client, served.server, has_listener=False) == judged


def test_errors_to_others_do_not_hide_a_forged_one(line: Line) -> None:
    """The counter of the destination grows by less than what was received in its name."""
    line.router.nft(filter_rules("forward", REJECT_AS_PROHIBITED) + IN_THE_NAME_OF_THE_SERVER)

    def ask_a_closed_port() -> None:
        with line.router.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((SERVER[4], 9))
            sock.send(b"x")
            sock.settimeout(2)
            with pytest.raises(ConnectionRefusedError):
                sock.recv(1)

    judged = run_of(line.client, line.server, before_end=ask_a_closed_port)
    # One error was sent, and one was received: nobody can know that it is not the same.
    assert judged.cause == "icmp_rejected"


@CAPTURED
def test_a_routing_rule_of_the_source_that_stops_even_arp(capture: bool) -> None:
    with Line() as line:
        assert run_of(line.client, line.server, capture=capture).verdict == "ok"
        line.client.ip("route", "add", "default", "via", NOBODY_NEAR[4], "table", "100")
        line.client.ip("rule", "add", "ipproto", "tcp", "dport", str(PORT), "lookup", "100")
        judged = run_of(line.client, line.server, capture=capture)
        shown(judged, "a routing rule of the source leads the port to a dead gateway", captured=capture)
        assert judged.actor == ("host:client",)
        assert NOBODY_NEAR[4] in judged.sentence
        assert "ip rule" in judged.sentence
        line.client.ip("rule", "del", "ipproto", "tcp", "dport", str(PORT), "lookup", "100")
        # A rule for another port explains nothing.
        line.client.ip("rule", "add", "ipproto", "tcp", "dport", str(PORT + 1), "lookup", "100")
        line.router.nft(filter_rules("forward", f"tcp dport {PORT} drop"))
        assert run_of(line.client, line.server, capture=capture).actor != ("host:client",)


def test_another_host_that_refuses_is_no_drop(line: Line) -> None:
    line.router.nft(
        f"table ip nat {{ chain c {{ type nat hook prerouting priority -100; "
        f"ip daddr {SERVER[4]} dnat to {ROUTER[4]}; }}; }}"
    )
    judged = run_of(line.client, line.server, capture=True)
    shown(judged, "the address leads to another host, which refuses", captured=True)
    assert "leads to another host" in judged.sentence
    assert "drop" not in judged.sentence


def balanced(other: str) -> str:
    """Return rules that lead every second connection to another address."""
    return (
        "table ip balancer { chain c { type nat hook prerouting priority -100; "
        f"ip daddr {SERVER[4]} tcp dport {PORT} "
        f"dnat to numgen inc mod 2 map {{ 0 : {SERVER[4]}, 1 : {other} }}; }}; }}"
    )


def test_a_load_balancer_is_found_by_the_connections_that_follow_the_first(line: Line) -> None:
    other = SERVERS[4][1]
    line.router.nft(balanced(other))
    judged = run_of(line.client, line.server)
    shown(judged, "a load balancer leads some connections to a dead server")
    assert "were refused" in judged.sentence
    with Service(line.server, other, PORT, greeting=b"welcome\n"):
        judged = run_of(line.client, line.server)
    shown(judged, "a load balancer leads some connections to another service")
    assert "load balancer" in judged.sentence


SECOND = f"tcp dport {PORT} tcp flags & (syn|ack) == syn numgen inc mod 2 == 1"


def test_what_the_source_itself_does_with_some_connections(line: Line) -> None:
    for rejection in ("icmpx type admin-prohibited", "tcp reset"):
        line.client.nft(filter_rules("output", f"{SECOND} reject with {rejection}"))
        judged = run_of(line.client, line.server)
        shown(judged, "a rule of the source rejects some connections")
        assert judged.actor == ("host:client",)
    with Line() as other:
        other.client.ip("rule", "add", "fwmark", "1", "lookup", "100")
        other.client.ip("route", "add", "default", "via", NOBODY_NEAR[4], "dev", "near", "table", "100")
        other.client.nft(
            "table inet own { chain c { type route hook output priority -150; "
            f"ct mark 0 {SECOND} ct mark set 1; ct mark 1 meta mark set 1; }}; }}"
        )
        judged = run_of(other.client, other.server)
    shown(judged, "the source leads some connections to a dead gateway")
    assert "host:client" in judged.actor and "network" not in judged.actor


REJECT_WITH_RESET = f"tcp dport {PORT} reject with tcp reset"


def test_captures_locate_a_reset(line: Line) -> None:
    line.router.nft(filter_rules("forward", REJECT_WITH_RESET))
    forged = "a filter in between rejects with a reset"
    shown(run_of(line.client, line.server, capture=True), forged, captured=True)
    with Service(line.server, SERVER[4], PORT):
        shown(run_of(line.client, line.server, capture=True), forged, captured=True)
        line.router.nft_flush()
        line.server.nft(filter_rules("input", REJECT_WITH_RESET))
        of_a_service = run_of(line.client, line.server, capture=True)
        assert (of_a_service.verdict, of_a_service.cause) == ("blocked", "reset"), (
            "the service may have ended"
        )
    judged = run_of(line.client, line.server, capture=True)
    shown(judged, "a filter of the destination rejects with a reset", captured=True)
    assert "drops" not in judged.sentence


AT_DESTINATION = {
    "a limit for connections at the destination drops": (
        ("nft", filter_rules("input", f"tcp dport {PORT} ct count over 0 drop")),
        "a limit for connections",
    ),
    "a policy route of the destination drops the replies": (
        ("ip", "rule", "add", "ipproto", "tcp", "sport", str(PORT), "blackhole"),
        "ip rule",
    ),
}


@pytest.mark.parametrize("what", AT_DESTINATION)
def test_what_looks_like_a_missing_rule_of_the_destination(what: str) -> None:
    (call, *arguments), words = AT_DESTINATION[what]
    with Line() as line:
        getattr(line.server, call)(*arguments)
        judged = run_of(line.client, line.server, capture=True)
    shown(judged, what, captured=True)
    assert "If its rules allow that already, look there for" in judged.sentence
    assert words in judged.sentence


def test_the_first_of_two_faults_is_named(line: Line) -> None:
    line.router.nft(filter_rules("forward", f"tcp dport {PORT} drop"))
    line.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
    judged = run_of(line.client, line.server, capture=True)
    shown(judged, "a filter in between and one of the destination drop", captured=True)
    line.router.nft_flush()
    shown(run_of(line.client, line.server, capture=True), "a filter of the destination drops", captured=True)


def test_a_translated_source_is_named_by_the_address_that_the_destination_saw(line: Line) -> None:
    line.router.nft(
        "table ip nat { chain c { type nat hook postrouting priority 100; "
        f"ip saddr {CLIENT[4]} oifname far masquerade; }}; }}"
    )
    line.server.nft(filter_rules("input", f"ip saddr != {CLIENT[4]} tcp dport {PORT} reject"))
    rejected = run_of(line.client, line.server)
    shown(rejected, "a translated source is rejected")
    assert "another source address (NAT)" in rejected.sentence
    for verb, what in (
        ("drop", "a translated source meets a filter of the destination"),
        ("reject", "a translated source is rejected"),
    ):
        line.server.nft(filter_rules("input", f"ip saddr != {CLIENT[4]} tcp dport {PORT} {verb}"))
        judged = run_of(line.client, line.server, capture=True)
        shown(judged, what, captured=True)
        assert "10.77.2.1 " in judged.sentence, "what the destination permits already helps nobody"


def test_a_wrong_netmask_of_the_source_with_and_without_proxy_arp() -> None:
    with Line() as line:
        line.client.ip("address", "del", f"{CLIENT[4]}/24", "dev", "near")
        line.client.ip("address", "add", f"{CLIENT[4]}/16", "dev", "near")
        judged = run_of(line.client, line.server, timeout=3.5)
        shown(judged, "the source has a wrong netmask")
        line.router.sysctl("ipv4/conf/near/proxy_arp", 1)
        line.client.ip("neighbour", "flush", "all")
        passing = run_of(line.client, line.server)
        assert passing.verdict == "ok"
        assert "proxy ARP" in passing.notes[0]
        line.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
        judged = run_of(line.client, line.server)
        shown(judged, "a filter of the destination drops behind proxy ARP")
        assert "the filters up to there are next" in judged.sentence


def test_a_host_that_is_down_behind_a_router_is_that_for_every_port() -> None:
    with Line(every_icmp_error=False) as line:
        found = states_of(line.client, NOBODY_FAR[4], "20000-21000", timeout=3.5)
        assert found == [("20000-21000", "filtered", "host-unreach", ROUTER[4])]
        judged = run_of(line.client, line.server, server=NOBODY_FAR[4], has_listener=False, timeout=3.5)
        shown(judged, "the destination is down behind a router")
        assert ROUTER[4] in judged.sentence


@CAPTURED
def test_a_strict_reverse_path_filter_of_a_router_accuses_neither_end(capture: bool) -> None:
    with Line() as line:
        assert run_of(line.client, line.server, capture=capture).verdict == "ok"
        join(line.router, line.server, "other", ["10.77.3.1/24"], ["10.77.3.11/24"])
        line.router.ip("route", "add", f"{CLIENT[4]}/32", "via", "10.77.3.11")
        line.router.sysctl("ipv4/conf/near/rp_filter", 1)
        judged = run_of(line.client, line.server, capture=capture, is_traced=True)
        shown(judged, "a router has a strict reverse path filter", capture)
        assert "reverse path filter" not in judged.sentence
        if capture:
            assert "n11 (role firewall)" not in judged.sentence
            assert "a device in between drops them" in judged.sentence


SECONDARY = "10.77.1.77"


@contextlib.contextmanager
def preferring(client: Namespace, address: str) -> Iterator[None]:
    """Let the kernel of the client prefer a secondary address on its way to everybody else."""
    client.address(f"{address}/24", device="near")
    client.ip("route", "replace", "default", "via", ROUTER[4], "src", address)
    try:
        with client.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect((SERVER[4], PORT))
            assert sock.getsockname()[0] == address
        yield
    finally:
        client.ip("route", "replace", "default", "via", ROUTER[4])
        client.ip("address", "del", f"{address}/24", "dev", "near")


@CAPTURED
def test_a_source_that_sends_from_another_address_than_planned(served: Line, capture: bool) -> None:
    planned_alone = filter_rules("input", f"ip saddr != {CLIENT[4]} tcp dport {PORT} drop")
    with preferring(served.client, SECONDARY):
        passing = run_of(served.client, served.server, capture=capture, has_listener=False)
        assert passing.verdict == "ok"
        (note,) = passing.notes
        assert all(words in note for words in ("client", SECONDARY, CLIENT[4], "n11"))
        served.server.nft(planned_alone)
        judged = run_of(served.client, served.server, capture=capture)
        shown(judged, "the source sends from an address that is not planned", captured=capture)
        assert judged.actor[0] == "host:client"
        assert all(words in judged.sentence for words in (SECONDARY, CLIENT[4], f"src {CLIENT[4]}"))
        assert "If that does not help" in judged.sentence
        assert not judged.notes
    # The same rules, and the planned address.
    assert run_of(served.client, served.server, capture=capture).verdict == "ok"


@CAPTURED
def test_a_source_at_its_planned_address_is_not_accused(served: Line, capture: bool) -> None:
    served.client.address(f"{SECONDARY}/24", device="near")  # which its routes do not prefer
    try:
        served.server.nft(filter_rules("input", f"tcp dport {PORT} drop"))
        judged = run_of(served.client, served.server, capture=capture)
    finally:
        served.client.ip("address", "del", f"{SECONDARY}/24", "dev", "near")
    assert judged.cause == "silence", judged
    assert SECONDARY not in judged.sentence


def test_a_source_that_translates_to_its_planned_address_is_not_accused(line: Line) -> None:
    translation = (
        f"table ip nat {{ chain c {{ type nat hook postrouting priority 100; "
        f"ip saddr {SECONDARY} tcp dport {PORT} snat to {CLIENT[4]}; }}; }}"
    )
    with preferring(line.client, SECONDARY):
        line.client.nft(translation)
        judged = run_of(line.client, line.server)
    assert judged.verdict == "ok", judged
    assert not judged.notes


MAX_ENTRIES = 300000  # more would take a test too long
_CREATE = 0x1 | 0x400 | 0x200  # NLM_F_REQUEST, NLM_F_CREATE, NLM_F_EXCL
_ASSURED = 0x4 | 0x2 | 0x8  # and reply seen, confirmed: such entries are not dropped early


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute of netlink."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def entry(source: bytes, destination: bytes) -> bytes:
    """Return the message that makes an entry of the table of connections (linux/nfnetlink_conntrack.h)."""

    def way(kind: int, one: bytes, other: bytes) -> bytes:
        ip = attribute(0x8001, attribute(1, one) + attribute(2, other))
        ports = attribute(1, b"\x11") + attribute(2, b"\x27\x10") + attribute(3, b"\x27\x10")
        return attribute(0x8000 | kind, ip + attribute(0x8002, ports))

    body = struct.pack("=BBH", socket.AF_INET, 0, 0) + way(1, source, destination)
    body += way(2, destination, source) + attribute(3, struct.pack(">I", _ASSURED))
    body += attribute(7, struct.pack(">I", 600))
    return struct.pack("=IHHII", 16 + len(body), 1 << 8, _CREATE, 0, 0) + body


def fill_table(host: Namespace, most: int) -> None:
    """Fill the table of connections of a host with connections that are in use."""
    mark, destination = b"\x00MRK", socket.inet_aton(SERVER[4])
    start, middle, end = entry(mark, destination).split(mark)
    numbers = iter(range(most + 64))
    with host.inside(), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:  # NETLINK_NETFILTER
        netlink.setblocking(False)
        while some := list(itertools.islice(numbers, 500)):
            sources = [struct.pack(">I", 0x0A800000 + number) for number in some]
            netlink.send(b"".join(start + one + middle + one + end for one in sources))
            with contextlib.suppress(BlockingIOError):
                netlink.recv(65536)  # what is full says so


def test_a_full_table_of_connections() -> None:
    most = int(Path("/proc/sys/net/netfilter/nf_conntrack_max").read_text(encoding="ascii"))
    if most > MAX_ENTRIES:
        pytest.skip(f"the table of connections has room for {most} entries, too many to fill")
    rules = filter_rules("input", f"ct state new tcp dport {PORT} accept")
    with Line() as line:
        line.server.nft(rules)
        assert run_of(line.client, line.server).verdict == "ok"
    # Another one: the entries of connections that are over would make room after 10 s.
    with Line() as line:
        line.server.nft(rules)
        fill_table(line.server, most)
        with line.client.inside(), socket.socket() as sock:
            sock.settimeout(1)
            assert sock.connect_ex((SERVER[4], PORT)), "a bare socket gets no answer either"
        judged = run_of(line.client, line.server)
        shown(judged, "the destination's connection table is full")
        assert f"of {most} connections" in judged.evidence
