# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults that the kernels of both ends explain: cause and party, from plan to verdict, without Ansible.

Each fault has a healthy look-alike, and one that is a filter although the same counter or route is there.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace, join

pytestmark = pytest.mark.usefixtures("need_namespaces")

PORT = 8563
DROP = filter_rules("input", f"tcp dport {PORT} drop")


@pytest.fixture
def line(need_namespaces: None) -> Iterator[Line]:
    """Return a client, a router and a server with a second link to the router, all healthy.

    No kernel here filters reverse paths unless a test says so.
    """
    with Line() as made:
        made.add_second_link()
        yield made


REJECT = f"tcp dport {PORT} reject with"
FILTERS = {
    "a filter in between drops": ("router", "forward", f"tcp dport {PORT} drop"),
    "a filter of the destination drops": ("server", "input", f"tcp dport {PORT} drop"),
    "a filter in between rejects": ("router", "forward", f"{REJECT} icmp type admin-prohibited"),
    "a filter of the destination rejects": ("server", "input", f"{REJECT} icmp type admin-prohibited"),
    "a filter in between rejects with a reset": ("router", "forward", f"{REJECT} tcp reset"),
}


@pytest.mark.parametrize("what", FILTERS)
def test_filters(line: Line, what: str) -> None:
    where, hook, rule = FILTERS[what]
    getattr(line, where).nft(filter_rules(hook, rule))
    shown(run_of(line.client, line.server), what)


@pytest.mark.parametrize(
    ("direction", "what"),
    [("dport", "a filter in between drops"), ("sport", "a filter in between drops the replies")],
)
def test_a_drop_in_between_with_captures(line: Line, direction: str, what: str) -> None:
    line.router.nft(filter_rules("forward", f"tcp {direction} {PORT} drop"))
    shown(run_of(line.client, line.server, capture=True), what, captured=True)


def test_no_route_at_the_source(line: Line) -> None:
    line.client.ip("route", "del", "default")
    shown(run_of(line.client, line.server), "the source has no route")


def test_an_asymmetric_route_whose_replies_are_dropped(line: Line) -> None:
    answer_by_the_other_link(line)
    line.router.nft(filter_rules("forward", "iifname other drop"))
    shown(run_of(line.client, line.server, capture=True), "asymmetric replies are dropped", captured=True)
    # Without captures a filter at the destination is as possible.
    assert run_of(line.client, line.server).cause == "silence"


def answer_by_the_other_link(line: Line) -> None:
    """Let the server answer by another interface than the one that the client reaches."""
    line.server.ip("route", "replace", "default", "via", "10.77.3.1")


def strict(host: Namespace, *devices: str) -> None:
    """Switch on strict reverse path filters."""
    for device in devices:
        host.sysctl(f"ipv4/conf/{device}/rp_filter", 1)


def noise(line: Line, count: int = 20) -> None:
    """Send the server packets of others, which its strict filter drops: the counter grows."""
    with line.router.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("10.77.3.1", 0))
        for _number in range(count):
            sock.sendto(b"x", (SERVER[4], 9))


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_all_is_well(line: Line, capture: bool) -> None:
    assert run_of(line.client, line.server, capture=capture)[:2] == ("ok", "")


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_a_strict_reverse_path_filter_at_the_destination(line: Line, capture: bool) -> None:
    answer_by_the_other_link(line)
    assert run_of(line.client, line.server)[:2] == ("ok", ""), "asymmetric, and nothing filters"
    strict(line.server, "far")
    judged = run_of(line.client, line.server, capture=capture)
    shown(judged, "the destination has a strict reverse path filter", capture)
    assert "role firewall" not in judged.sentence
    assert "not by its firewall" in judged.sentence
    assert "IPReversePathFilter of n11" in judged.evidence


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_a_filter_beside_an_asymmetric_route_stays_a_filter(line: Line, capture: bool) -> None:
    answer_by_the_other_link(line)
    line.server.nft(DROP)
    judged = run_of(line.client, line.server, capture=capture)
    shown(judged, "a filter of the destination drops", capture)


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_a_filter_beside_a_counter_that_others_move_stays_a_filter(line: Line, capture: bool) -> None:
    strict(line.server, "far")
    line.server.nft(DROP)
    judged = run_of(line.client, line.server, capture=capture, before_end=lambda: noise(line))
    assert judged.cause == "silence", judged


def test_a_strict_reverse_path_filter_at_the_source(line: Line) -> None:
    # The replies come in by a second link of the client, and its route to the server has the first.
    join(line.router, line.client, "second", ["10.77.4.1/24"], ["10.77.4.2/24"])
    line.router.ip("route", "add", f"{CLIENT[4]}/32", "via", "10.77.4.2")
    for host, device in ((line.client, "second"), (line.router, "second")):
        host.sysctl(f"ipv4/conf/{device}/rp_filter", 0)
    assert run_of(line.client, line.server)[:2] == ("ok", "")
    strict(line.client, "second")
    judged = run_of(line.client, line.server)
    shown(judged, "the source has a strict reverse path filter")
    assert "or else a filter" in judged.sentence, "without a capture there are two candidates"
    judged = run_of(line.client, line.server, capture=True)
    shown(judged, "the source has a strict reverse path filter", captured=True)


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_no_route_back(line: Line, capture: bool) -> None:
    line.server.ip("route", "del", "default")
    judged = run_of(line.client, line.server, capture=capture)
    shown(judged, "the destination has no route back", capture)
    assert f"n11 has no route to {CLIENT[4]}" in judged.sentence


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_a_dead_gateway_back(line: Line, capture: bool) -> None:
    line.server.ip("route", "replace", "default", "via", "10.77.2.99")
    judged = run_of(line.client, line.server, capture=capture)
    shown(judged, "the gateway of the destination is dead", capture)
    assert "the gateway 10.77.2.99" in judged.sentence


def test_a_gateway_that_died_for_others_is_not_why(line: Line) -> None:
    line.server.ip("route", "add", "198.51.100.0/24", "via", "10.77.2.99")
    with line.server.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("198.51.100.1", 9))
    line.server.nft(DROP)
    assert run_of(line.client, line.server).cause == "silence"


def test_a_wrong_netmask_at_the_destination(line: Line) -> None:
    line.server.ip("address", "add", "10.77.2.11/16", "dev", "far")
    judged = run_of(line.client, line.server)
    shown(judged, "the destination has a wrong netmask")
    assert "prefix length" in judged.sentence


def test_a_route_to_somebody_else_is_no_way_back(line: Line) -> None:
    line.server.ip("route", "del", "default")
    line.server.ip("route", "add", "10.77.9.0/24", "via", "10.77.2.1")
    assert run_of(line.client, line.server).cause == "no_route_back"
    line.server.ip("route", "add", "10.77.1.0/24", "via", "10.77.2.1")
    assert run_of(line.client, line.server)[:2] == ("ok", "")


def test_a_next_hop_of_the_source_that_is_mute(line: Line) -> None:
    line.client.ip("route", "replace", "default", "via", "10.77.1.99")
    judged = run_of(line.client, line.server)
    shown(judged, "the next hop of the source is dead")
    assert "10.77.1.99, its next hop" in judged.sentence


@contextlib.contextmanager
def full_service(line: Line) -> Iterator[None]:
    """Let a service that never accepts hold the port, and fill its queue."""
    with contextlib.ExitStack() as stack:
        with line.server.inside():
            service = stack.enter_context(socket.socket())
            service.bind((SERVER[4], PORT))
            service.listen(1)
        for _number in range(4):
            with line.client.inside():
                sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex((SERVER[4], PORT))
        with line.client.inside():
            control = stack.enter_context(socket.socket())
        control.settimeout(1)
        with pytest.raises(TimeoutError):
            control.connect((SERVER[4], PORT))
        yield


def test_a_service_that_does_not_accept(line: Line) -> None:
    with full_service(line):
        judged = run_of(line.client, line.server)
    shown(judged, "the service does not accept")
    # A filter that drops the SYN looks the same, so nobody knows that the network is open.
    assert "whoever runs sql_client on" in judged.sentence and "the network is open" not in judged.sentence
    assert "a filter drops them too" in judged.sentence
    assert judged.notes == () or "SYN cookies" in judged.notes[0]


def test_a_full_queue_of_another_service_explains_nothing(line: Line) -> None:
    line.server.nft(DROP)
    with contextlib.ExitStack() as stack:
        with line.server.inside():
            service = stack.enter_context(socket.socket())
            service.bind((SERVER[4], 9999))
            service.listen(0)
        for _number in range(4):
            with line.client.inside():
                sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex((SERVER[4], 9999))
        assert run_of(line.client, line.server).cause == "silence"


@pytest.mark.parametrize(
    "rules",
    [
        f"tcp dport {PORT} tcp flags & (syn | ack) == ack meta length > 60 drop",
        f"tcp dport {PORT} meta length > 60 tcp flags & (psh | ack) == (psh | ack) drop",
    ],
    ids=["all data dropped", "what is pushed dropped"],
)
@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
def test_a_half_open_path(line: Line, rules: str, capture: bool) -> None:
    line.router.nft(filter_rules("forward", rules))
    judged = run_of(line.client, line.server, capture=capture)
    shown(judged, "only the handshake passes", capture)
    if capture:
        assert "although the handshake was with n11 itself" in judged.sentence
        assert "proxy" not in judged.sentence
    else:
        assert "drops what follows the handshake" in judged.sentence
        assert "or a proxy" in judged.sentence


def test_a_proxy_that_accepts_for_a_dead_server(line: Line) -> None:
    # The router takes the connection itself, and says nothing.
    with line.router.inside():
        proxy = socket.socket()
        proxy.bind(("0.0.0.0", 8000))
        proxy.listen(16)
    with proxy:
        line.router.nft(
            f"table ip nat {{ chain p {{ type nat hook prerouting priority -100; "
            f"ip daddr {SERVER[4]} tcp dport {PORT} redirect to :8000; }}; }}"
        )
        judged = run_of(line.client, line.server, capture=True)
        shown(judged, "a proxy accepts for a dead server", captured=True)
        assert "no packet of it arrived at n11" in judged.sentence
        judged = run_of(line.client, line.server)
        shown(judged, "a proxy accepts for a dead server")
        assert "or a proxy" in judged.sentence


MUTE = "table arp mute { chain o { type filter hook output priority 0; policy drop; }; }"


@pytest.mark.parametrize("fault", ["serves", "refuses", "drops", "none"])
def test_two_machines_with_one_address(fault: str) -> None:
    """A third machine on the link has the server's address too, and is faster to answer ARP."""
    with contextlib.ExitStack() as stack:
        client, server, twin, switch = (
            stack.enter_context(Namespace(label)) for label in ("client", "server", "twin", "switch")
        )
        switch.ip("link", "add", "bridge", "type", "bridge")
        switch.ip("link", "set", "bridge", "up")
        for host, name, address in (
            (client, "to-client", "10.77.5.2/24"),
            (server, "to-server", "10.77.5.11/24"),
            (twin, "to-twin", "10.77.5.11/24"),
        ):
            join(switch, host, name, [], [address])
            switch.ip("link", "set", name, "master", "bridge")
        if fault == "none":
            twin.ip("address", "flush", "dev", "to-twin")
        else:
            server.nft(MUTE)
            # It knows the client, which it cannot ask for.
            link = client.ip("-brief", "link", "show", "to-client").split()[2]
            server.ip(
                "neighbour",
                "replace",
                "10.77.5.2",
                "lladdr",
                link,
                "dev",
                "to-server",
                "nud",
                "permanent",
            )
        service = contextlib.nullcontext()
        if fault == "serves":
            with twin.inside():
                service = socket.socket()
                service.bind(("10.77.5.11", PORT))
                service.listen(16)
        elif fault == "drops":
            twin.nft(DROP)
        with service:
            judged = run_of(client, server, server="10.77.5.11", client="10.77.5.2")
    if fault == "none":
        assert judged[:2] == ("ok", "")
        assert judged.notes == ()
        return
    shown(judged, f"a second machine with the address {fault}")
    assert "another machine has the address" in judged.sentence
    assert "proxy ARP" in judged.sentence
