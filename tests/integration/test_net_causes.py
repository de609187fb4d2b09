# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a probe says of each way in which a network can fail.

Every fault is made for real and has a positive control first.
"""

from __future__ import annotations

import contextlib
import socket
import typing as t
from collections.abc import Iterator

import pytest
from netlab.lines import NOBODY_FAR, NOBODY_NEAR, ROUTER, SERVER, Line, filter_rules
from netlab.probing import probe, target
from netlab.services import Service

PORT, CLOSED_PORT = 8563, 8564
SENDERS = {"router": ROUTER, "server": SERVER}
OPEN = (("open", "syn-ack", ""), ("open", "udp-response", ""))
SILENT = (("filtered", "no-response", ""), ("open|filtered", "no-response", ""))
FAMILIES = (4, 6)
Seen = tuple[str, str, str]  # state, reason, who says so
Both = tuple[Seen, Seen]  # of TCP and of UDP


def both(state: str, reason: str, who: str = "") -> Both:
    """Return what TCP and UDP see alike."""
    return (state, reason, who), (state, reason, who)


class Cause(t.NamedTuple):
    """A fault, where it is made, and what it looks like."""

    name: str
    where: str
    fault: str  # of a filter: its verdict; of routes: their kind
    seen: Both
    seen6: Both | None = None  # where IPv6 has another word for it

    def expected(self, version: int) -> Both:
        """Return what TCP and UDP must see."""
        return self.seen6 if version == 6 and self.seen6 else self.seen


REJECT = "meta l4proto { tcp, udp } th dport 8563 reject"
DROP = "meta l4proto { tcp, udp } th dport 8563 drop"
DROP_REPLY = "meta l4proto { tcp, udp } th sport 8563 drop"
RESET = "tcp dport 8563 reject with tcp reset"
REFUSED = ("closed", "conn-refused", "")
AS_PROHIBITED, AS_UNREACHABLE, AS_NO_ROUTE = (
    f"{REJECT} with icmpx {word}" for word in ("admin-prohibited", "host-unreachable", "no-route")
)

FILTERS = [
    Cause("a rule that matches another port", "server", "meta l4proto { tcp, udp } th dport 8562 drop", OPEN),
    Cause("drop", "server", DROP, SILENT),
    Cause(
        "reject",
        "server",
        REJECT,
        (("filtered", "port-unreach", "server"), ("closed", "port-unreach", "server")),
    ),
    Cause("reject as prohibited", "server", AS_PROHIBITED, both("filtered", "admin-prohibited", "server")),
    Cause("reject as unreachable", "server", AS_UNREACHABLE, both("filtered", "host-unreach", "server")),
    Cause(
        "reject as no route",
        "server",
        AS_NO_ROUTE,
        both("unreachable", "net-unreach", "server"),
        both("unreachable", "no-route", "server"),
    ),
    Cause("reset", "server", RESET, (REFUSED, OPEN[1])),
    Cause("drop", "router", DROP, SILENT),
    Cause("drop of the replies", "router", DROP_REPLY, SILENT),
    Cause("reject", "router", REJECT, both("filtered", "port-unreach", "router")),
    Cause("reject as prohibited", "router", AS_PROHIBITED, both("filtered", "admin-prohibited", "router")),
    Cause("reject as unreachable", "router", AS_UNREACHABLE, both("filtered", "host-unreach", "router")),
    Cause(
        "reject as no route",
        "router",
        AS_NO_ROUTE,
        both("unreachable", "net-unreach", "router"),
        both("unreachable", "no-route", "router"),
    ),
    Cause("reset", "router", RESET, (REFUSED, OPEN[1])),
    # TCP takes its own dropped SYN for a lost one; UDP is told.
    Cause("drop", "client", DROP, (SILENT[0], ("filtered", "admin-prohibited", "local"))),
    Cause("reject", "client", REJECT, both("filtered", "port-unreach", "local")),
    Cause("reject as prohibited", "client", AS_PROHIBITED, both("filtered", "admin-prohibited", "local")),
    Cause("reset", "client", RESET, (REFUSED, OPEN[1])),
    Cause(
        "too few hops",
        "client",
        "ip ttl set 1; ip6 hoplimit set 1",
        both("filtered", "time-exceeded", "router"),
    ),
]
NO_ROUTE = both("unreachable", "no-route")
ROUTES = [
    Cause("unreachable", "client", "unreachable", NO_ROUTE),
    Cause("blackhole", "client", "blackhole", NO_ROUTE),
    Cause("throw", "client", "throw", NO_ROUTE),
    Cause("prohibit", "client", "prohibit", both("filtered", "admin-prohibited", "local")),
    Cause(
        "unreachable",
        "router",
        "unreachable",
        both("filtered", "host-unreach", "router"),
        both("unreachable", "no-route", "router"),
    ),
    Cause("blackhole", "router", "blackhole", SILENT),
    Cause(
        "throw",
        "router",
        "throw",
        both("unreachable", "net-unreach", "router"),
        both("unreachable", "no-route", "router"),
    ),
    Cause("prohibit", "router", "prohibit", both("filtered", "admin-prohibited", "router")),
]
HOOKS = {"client": "output", "router": "forward", "server": "input"}


@pytest.fixture(scope="module", autouse=True)
def _services(whole_line: Line) -> Iterator[None]:
    """A TCP and a UDP service for each family."""
    with contextlib.ExitStack() as stack:
        for version in FAMILIES:
            stack.enter_context(Service(whole_line.server, SERVER[version], PORT, greeting=b"welcome\n"))
            stack.enter_context(
                Service(whole_line.server, SERVER[version], PORT, socket.SOCK_DGRAM, reply=b"yes")
            )
        yield


def seen(line: Line, addresses: dict[int, str], port: int = PORT, timeout: float = 1.0) -> dict[int, Both]:
    """Probe one port over IPv4 and IPv6, TCP and UDP, and return what is seen, by family."""
    observed = probe(
        line.client,
        [target(addresses[version], port, protocol) for version in FAMILIES for protocol in ("tcp", "udp")],
        timeout=timeout,
    )
    found: dict[int, list[Seen]] = {4: [], 6: []}
    for observation in observed:
        version = 6 if ":" in observation["address"] else 4
        (state,) = observation["states"]
        found[version].append((state["state"], state["reason"], named(state.get("reason_ip", ""), version)))
    return {version: (states[0], states[1]) for version, states in found.items()}


def named(address: str, version: int) -> str:
    """Return which host an address belongs to."""
    return next((name for name, addresses in SENDERS.items() if addresses[version] == address), address)


def reachable(line: Line) -> None:
    """Assert the positive control: without the fault everything is open."""
    assert seen(line, SERVER) == {4: OPEN, 6: OPEN}


def name_of(cause: Cause) -> str:
    return f"{cause.where}: {cause.name}"


def test_open_and_closed_ports_are_told_apart(line: Line) -> None:
    reachable(line)
    closed = (REFUSED, ("closed", "port-unreach", "server"))
    assert seen(line, SERVER, CLOSED_PORT) == {4: closed, 6: closed}


@pytest.mark.parametrize("cause", FILTERS, ids=name_of)
def test_a_filter(line: Line, cause: Cause) -> None:
    reachable(line)
    getattr(line, cause.where).nft(filter_rules(HOOKS[cause.where], *cause.fault.split("; ")))
    assert seen(line, SERVER) == {version: cause.expected(version) for version in FAMILIES}


def test_a_dropped_answer_of_the_server_itself(line: Line) -> None:
    reachable(line)
    line.server.nft(filter_rules("output", DROP_REPLY))
    assert seen(line, SERVER) == {4: SILENT, 6: SILENT}


def test_an_accept_does_not_save_from_the_drop_of_another_chain(line: Line) -> None:
    line.server.nft(
        "table inet ours { chain in { type filter hook input priority -10; tcp dport 8563 accept; }; }"
    )
    reachable(line)
    line.server.nft(
        "table inet theirs { chain in { type filter hook input priority 10; tcp dport 8563 drop; }; }"
    )
    assert seen(line, SERVER)[4][0] == SILENT[0]


@pytest.mark.parametrize("cause", ROUTES, ids=name_of)
def test_a_route(line: Line, cause: Cause) -> None:
    reachable(line)
    host = getattr(line, cause.where)
    routes = [(f"-{version}", cause.fault, SERVER[version]) for version in FAMILIES]
    with contextlib.ExitStack() as stack:
        for family, kind, address in routes:
            host.ip(family, "route", "add", kind, address)
            stack.callback(host.ip, family, "route", "del", kind, address)
        # For routes, a router sends a host five errors and then one a second, whatever icmp_ratelimit says
        # (error_burst, error_cost): SYNs must be repeated.
        found = seen(line, SERVER, timeout=1.0 if cause.seen is SILENT else 3.5)
        assert found == {version: cause.expected(version) for version in FAMILIES}
    reachable(line)


def test_no_route_at_all(line: Line) -> None:
    reachable(line)
    for version in FAMILIES:
        line.client.ip(f"-{version}", "route", "del", "default")
    try:
        assert seen(line, SERVER) == {4: NO_ROUTE, 6: NO_ROUTE}
    finally:
        for version in FAMILIES:
            line.client.ip(f"-{version}", "route", "add", "default", "via", ROUTER[version])
    reachable(line)


@pytest.mark.parametrize(
    ("addresses", "who"),
    [(NOBODY_NEAR, "local"), (NOBODY_FAR, "router")],
    ids=["next hop", "behind the router"],
)
def test_nobody_answers_for_the_address(line: Line, addresses: dict[int, str], who: str) -> None:
    reachable(line)
    expected = both("filtered", "host-unreach", who)
    assert seen(line, addresses, timeout=4.5) == {4: expected, 6: expected}
