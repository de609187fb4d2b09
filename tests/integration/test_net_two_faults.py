# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two faults at once: what is said is true of one of them, or open, and accuses nobody who is innocent.

With captures the first one on the way is named. Each fault alone has a test of its own; what must be said
stands in the table of faults (C(tests/labs/faults.py)).
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.exasol_community.network.tests.labs.faults import FAULTS
from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import (
    results_of,
    run_of,
    shown,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import bound
from ansible_collections.exasol_community.network.tests.labs.namespaces.slow import slow

pytestmark = pytest.mark.usefixtures("need_namespaces")

PORT = 8563
DROP, DROP_REPLY = f"tcp dport {PORT} drop", f"tcp sport {PORT} drop"
REJECT = f"tcp dport {PORT} reject with icmpx admin-prohibited"
RESET = f"tcp dport {PORT} reject with tcp reset"
LOSS = "meta l4proto tcp numgen random mod 100 < 20 drop"
HALF = f"iifname near tcp dport {PORT} tcp flags & syn == 0 drop"
NOT_FROM_THE_CLIENT = f"ip saddr != {CLIENT[4]} tcp dport {PORT} drop"
NAT = (
    "table ip nat { chain c { type nat hook postrouting priority 100; "
    f"ip saddr {CLIENT[4]} oifname far masquerade; }}; }}\n"
)
TO_THE_ROUTER = (
    "table ip nat { chain c { type nat hook prerouting priority -100; "
    f"ip daddr {SERVER[4]} dnat to {ROUTER[4]}; }}; }}\n"
)
TIMEOUT = 1.5
SLOW = 2.2  # seconds: behind the timeout, and before the end of the second one
Stack = contextlib.ExitStack


@pytest.fixture
def line(need_namespaces: None) -> Iterator[Line]:
    """Return a client, a router and a server with a second link to the router; nothing filters paths."""
    with Line() as made:
        made.add_second_link()
        yield made


def on(host: Namespace, hook: str, *rules: str) -> None:
    """Load rules of a filter beside what is there."""
    beside = filter_rules(hook, *rules).replace("flush ruleset\n", "")
    host.nft(beside.replace("chain fault", f"chain {hook}"))


def strict(line: Line) -> None:
    """Let the server drop by its reverse path filter what it would answer by another link."""
    line.server.ip("route", "replace", "default", "via", "10.77.3.1")
    line.server.sysctl("ipv4/conf/far/rp_filter", 1)


def narrow(line: Line) -> None:
    """Take smaller packets at the router, and say nothing of it."""
    on(line.router, "output", "icmp type destination-unreachable icmp code frag-needed drop")
    for device in ("near", "far"):
        line.router.ip("link", "set", device, "mtu", "1280")


def full(line: Line, stack: Stack) -> None:
    """Let a service of the server accept nothing, and fill its queue: one more than its length fits in."""
    sock = stack.enter_context(contextlib.closing(bound(line.server, SERVER[4], PORT)))
    sock.listen(1)
    with line.router.inside():
        for unused in range(2):
            stack.enter_context(socket.create_connection((SERVER[4], PORT)))


def full_and_in_demand(line: Line, stack: Stack) -> None:
    """Fill a service's queue, and let somebody else ask for it all the time, whose attempts overflow it."""
    full(line, stack)
    over = threading.Event()
    asking = threading.Thread(target=_ask_on, args=(line.router, over))
    asking.start()
    stack.callback(asking.join)
    stack.callback(over.set)


def _ask_on(host: Namespace, over: threading.Event) -> None:
    with host.inside():
        while not over.wait(0.1):
            with contextlib.closing(socket.socket()) as one:
                one.setblocking(False)
                one.connect_ex((SERVER[4], PORT))


def leads_astray(line: Line) -> None:
    """Let a second link-layer address answer for the server: the router's (proxy ARP)."""
    line.client.ip("address", "del", f"{CLIENT[4]}/24", "dev", "near")
    line.client.ip("address", "add", f"{CLIENT[4]}/16", "dev", "near")
    line.router.sysctl("ipv4/conf/near/proxy_arp", 1)


def a_source_filter_and_loss(line: Line, _stack: Stack) -> None:
    on(line.client, "output", DROP)
    on(line.router, "forward", LOSS)


def filters_of_both_ends(line: Line, _stack: Stack) -> None:
    on(line.client, "output", DROP)
    on(line.server, "input", DROP)


def a_path_filter_and_a_reply_filter(line: Line, _stack: Stack) -> None:
    on(line.client, "input", DROP_REPLY)
    on(line.server, "input", DROP)


def a_reverse_path_filter_and_a_missing_rule(line: Line, _stack: Stack) -> None:
    strict(line)
    on(line.server, "input", DROP)


def a_reverse_path_filter_and_a_path_filter(line: Line, _stack: Stack) -> None:
    strict(line)
    on(line.router, "forward", DROP)


def no_route_back_and_a_path_filter(line: Line, _stack: Stack) -> None:
    line.server.ip("route", "del", "default")
    on(line.router, "forward", DROP)


def no_route_back_and_a_path_reject(line: Line, _stack: Stack) -> None:
    line.server.ip("route", "del", "default")
    on(line.router, "forward", REJECT)


def a_small_mtu_and_nat(line: Line, _stack: Stack) -> None:
    narrow(line)
    line.router.nft(NAT)


def nat_and_a_path_filter(line: Line, _stack: Stack) -> None:
    line.router.nft(NAT)
    on(line.router, "forward", DROP)


def nat_loss_and_a_rule_for_the_plan(line: Line, _stack: Stack) -> None:
    line.router.nft(NAT)
    on(line.router, "forward", LOSS)
    on(line.server, "input", NOT_FROM_THE_CLIENT)


def a_full_queue_and_a_filter_of_the_destination(line: Line, stack: Stack) -> None:
    full(line, stack)
    on(line.server, "input", DROP)


def a_full_queue_and_a_path_reset(line: Line, stack: Stack) -> None:
    full(line, stack)
    on(line.router, "forward", RESET)


def a_full_queue_in_demand_and_a_path_reset(line: Line, stack: Stack) -> None:
    full_and_in_demand(line, stack)
    on(line.router, "forward", RESET)


def loss_and_a_filter_of_the_destination(line: Line, _stack: Stack) -> None:
    on(line.router, "forward", LOSS)
    on(line.server, "input", DROP)


def only_the_handshake_and_a_filter_of_the_destination(line: Line, _stack: Stack) -> None:
    on(line.router, "forward", HALF)
    on(line.server, "input", DROP)


def another_host_and_a_filter_of_the_destination(line: Line, _stack: Stack) -> None:
    line.router.nft(TO_THE_ROUTER)
    on(line.server, "input", DROP)


def a_slow_path_and_a_filter_of_the_source(line: Line, stack: Stack) -> None:
    on(line.client, "input", DROP_REPLY)
    stack.enter_context(slow(line, back=SLOW))


def a_slow_path_and_only_the_handshake(line: Line, stack: Stack) -> None:
    on(line.server, "input", f"tcp dport {PORT} tcp flags & syn == 0 drop")
    stack.enter_context(slow(line, back=SLOW))


def proxy_arp_and_a_path_filter(line: Line, _stack: Stack) -> None:
    leads_astray(line)
    on(line.router, "forward", DROP)


Make = Callable[[Line, Stack], None]
# What is made, and the words that would accuse somebody without evidence.
TWO: dict[str, tuple[Make, str]] = {
    "the source drops, and packets are lost": (a_source_filter_and_loss, "n11 (role firewall)"),
    "the source and the destination drop": (filters_of_both_ends, "n11 (role firewall)"),
    "the destination drops, and the source drops replies": (a_path_filter_and_a_reply_filter, "network team"),
    "a strict reverse path filter, and a missing rule": (
        a_reverse_path_filter_and_a_missing_rule,
        "network team",
    ),
    "a strict reverse path filter behind a filter in between": (
        a_reverse_path_filter_and_a_path_filter,
        "n11 (role firewall)",
    ),
    "no route back behind a filter in between": (no_route_back_and_a_path_filter, "n11 (role firewall)"),
    "no route back behind a filter that rejects": (no_route_back_and_a_path_reject, "n11 (role firewall)"),
    "a translated source and a small MTU": (a_small_mtu_and_nat, "firewall"),
    "a translated source meets a filter in between": (nat_and_a_path_filter, "n11 (role firewall)"),
    "a translated source, loss, and rules for the plan": (
        nat_loss_and_a_rule_for_the_plan,
        "n11 (role firewall)",
    ),
    "a full accept queue behind a filter of the destination": (
        a_full_queue_and_a_filter_of_the_destination,
        "network is open",
    ),
    "a full accept queue behind a reset in between": (a_full_queue_and_a_path_reset, "network is open"),
    "a full accept queue that others ask for, behind a reset in between": (
        a_full_queue_in_demand_and_a_path_reset,
        "network is open",
    ),
    "loss, and the destination drops": (loss_and_a_filter_of_the_destination, "network team"),
    "only the handshake passes, and the destination drops": (
        only_the_handshake_and_a_filter_of_the_destination,
        "network team",
    ),
    "the address leads to another host, and the destination drops": (
        another_host_and_a_filter_of_the_destination,
        "n11 (role firewall)",
    ),
    "a slow path, and the source drops replies": (a_slow_path_and_a_filter_of_the_source, "network team"),
    "a slow path, and only the handshake passes": (a_slow_path_and_only_the_handshake, "no filter"),
    "proxy ARP before a filter in between": (proxy_arp_and_a_path_filter, "n11 (role firewall)"),
}


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
@pytest.mark.parametrize("what", TWO)
def test_two_faults(line: Line, what: str, capture: bool) -> None:
    make, accusing = TWO[what]
    with contextlib.ExitStack() as stack:
        make(line, stack)
        judged = run_of(line.client, line.server, capture=capture, timeout=TIMEOUT)
    shown(judged, what, captured=capture)
    assert accusing not in judged.sentence
    assert judged.verdict != "ok"


def test_every_pair_stands_in_the_table() -> None:
    rows = {(fault.what, fault.captured) for fault in FAULTS}
    assert {(what, captured) for what in TWO for captured in (False, True)} <= rows


def test_both_together_are_not_the_cause_of_what_works(line: Line) -> None:
    """The control: without the faults, the same line is open."""
    assert run_of(line.client, line.server, timeout=TIMEOUT).verdict == "ok"


DUAL = ((SERVER[4], SERVER[6]), (CLIENT[4], CLIENT[6]))
TWO_OF_IPV4 = ((SERVERS[4][0], SERVERS[4][1]), (CLIENT[4],))
OK = ("ok", "")


def ipv6_is_dropped(line: Line) -> None:
    on(line.router, "forward", "meta nfproto ipv6 drop")


def ipv6_is_not_forwarded(line: Line) -> None:
    line.router.sysctl("ipv6/conf/all/forwarding", 0)


def the_source_has_no_route_of_ipv6(line: Line) -> None:
    line.client.ip("-6", "route", "del", "default")


def no_route_back_of_ipv4_and_a_filter_of_ipv6(line: Line) -> None:
    line.server.ip("route", "del", "default")
    on(line.server, "input", f"meta nfproto ipv6 {DROP}")


def a_filter_of_ipv4_and_a_reject_of_ipv6(line: Line) -> None:
    on(line.router, "forward", f"meta nfproto ipv4 {DROP}")
    on(line.server, "input", f"meta nfproto ipv6 {REJECT}")


def a_small_mtu_of_ipv4_and_a_filter_of_ipv6(line: Line) -> None:
    narrow(line)
    on(line.router, "forward", f"meta nfproto ipv6 {DROP}")


def a_filter_of_the_path_and_one_of_the_destination(line: Line) -> None:
    on(line.router, "forward", f"ip daddr {SERVERS[4][0]} {DROP}")
    on(line.server, "input", f"ip daddr {SERVERS[4][1]} {DROP}")


def the_second_address_leads_to_another_host(line: Line) -> None:
    line.router.nft(TO_THE_ROUTER.replace(SERVER[4], SERVERS[4][1]))


Verdicts = tuple[tuple[str, str], tuple[str, str]]  # verdict and cause at each of two addresses
# What is made, between which addresses, and what is said without and with captures.
ADDRESSES: list[
    tuple[Callable[[Line], None], tuple[tuple[str, ...], tuple[str, ...]], Verdicts, Verdicts]
] = [
    (ipv6_is_dropped, DUAL, (OK, ("blocked", "silence")), (OK, ("blocked_on_path", "lost_on_path"))),
    (ipv6_is_not_forwarded, DUAL, (OK, ("blocked", "silence")), (OK, ("blocked_on_path", "lost_on_path"))),
    (the_source_has_no_route_of_ipv6, DUAL, (OK, ("no_route", "no_route")), (OK, ("no_route", "no_route"))),
    (
        no_route_back_of_ipv4_and_a_filter_of_ipv6,
        DUAL,
        (("no_route", "no_route_back"), ("blocked", "silence")),
        (("no_route", "no_route_back"), ("blocked_at_destination", "silence")),
    ),
    (
        a_filter_of_ipv4_and_a_reject_of_ipv6,
        DUAL,
        (("blocked", "silence"), ("blocked_at_destination", "icmp_rejected")),
        (("blocked_on_path", "lost_on_path"), ("blocked_at_destination", "icmp_rejected")),
    ),
    (
        a_small_mtu_of_ipv4_and_a_filter_of_ipv6,
        DUAL,
        (("stalled", "segment_too_large"), ("blocked", "silence")),
        (("stalled", "segment_too_large"), ("blocked_on_path", "lost_on_path")),
    ),
    (
        a_filter_of_the_path_and_one_of_the_destination,
        TWO_OF_IPV4,
        (("blocked", "silence"), ("blocked", "silence")),
        (("blocked_on_path", "lost_on_path"), ("blocked_at_destination", "silence")),
    ),
    (
        the_second_address_leads_to_another_host,
        TWO_OF_IPV4,
        (OK, ("blocked", "reset")),
        (OK, ("blocked_on_path", "forged_refusal")),
    ),
]


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
@pytest.mark.parametrize(
    ("make", "addresses", "alone", "captured"), ADDRESSES, ids=[row[0].__name__ for row in ADDRESSES]
)
def test_each_address_of_a_host_has_its_own_verdict(
    line: Line,
    make: Callable[[Line], None],
    addresses: tuple[tuple[str, ...], tuple[str, ...]],
    alone: Verdicts,
    captured: Verdicts,
    capture: bool,
) -> None:
    make(line)
    servers, clients = addresses
    results, _joining = results_of(
        line.client, line.server, servers=servers, clients=clients, capture=capture, timeout=TIMEOUT
    )
    found = {result["address"]: (result["verdict"], result.get("cause", "")) for result in results}
    assert tuple(found[address] for address in servers) == (captured if capture else alone), results


@pytest.mark.parametrize("addresses", [DUAL, TWO_OF_IPV4], ids=["dual stack", "two of IPv4"])
def test_without_a_fault_every_address_is_reached(
    line: Line, addresses: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    servers, clients = addresses
    results, _joining = results_of(
        line.client, line.server, servers=servers, clients=clients, timeout=TIMEOUT
    )
    assert [result["verdict"] for result in results] == ["ok", "ok"]
