# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a trace hears the way to a port, on a path of four hops on which every fault is made for real.

Where the fault is, the test knows from nftables and the addresses of the lab, never from the probe.
"""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.hops import (
    DISTANCE,
    HOPS,
    SERVER,
    TWIN,
    Hops,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import TOKEN, listener, target
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service, silent_ports
from ansible_collections.exasol_community.network.tests.labs.waiting import SECONDS

VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
PORTS = range(8563, 8573)
BLOCKED, OPEN = 8563, 8564
DROP = f"tcp dport {BLOCKED} drop"
NO_REPORTS = (
    "meta l4proto icmp icmp type time-exceeded drop; meta l4proto ipv6-icmp icmpv6 type time-exceeded drop"
)


@pytest.fixture(scope="module")
def whole_path(need_namespaces: None) -> Iterator[Hops]:
    with Hops() as path, contextlib.ExitStack() as stack:
        for version in (4, 6):
            stack.enter_context(silent_ports(path.server, SERVER[version], PORTS))
        yield path


@pytest.fixture
def path(whole_path: Hops) -> Iterator[Hops]:
    yield whole_path
    whole_path.forget_filters()


def probed(
    path: Hops, version: int, ports: str, protocol: str = "tcp", timeout: float = 2.4, is_traced: bool = True
) -> t.Any:
    """Return the result of a probe with traces."""
    targets = collect([], [{"address": SERVER[version], "protocol": protocol, "ports": ports}], {})
    with path.client.inside():
        return run(targets, Settings(Pace(timeout=timeout), trace=is_traced))


def heard(result: t.Any, port: int) -> dict[int, list[str]]:
    """Return who was heard on the way to a port, by hop."""
    (found,) = [trace for trace in result["traces"] if trace["port"] == port]
    return {hop["hop"]: hop["by"] for hop in found["hops"]}


def end(result: t.Any, port: int) -> tuple[int, str] | None:
    """Return the hop at which a packet got a reply, and what reply."""
    (found,) = [trace for trace in result["traces"] if trace["port"] == port]
    return (found["end"]["hop"], found["end"]["how"]) if "end" in found else None


def routers(version: int, until: int) -> dict[int, list[str]]:
    """Return the routers of the first hops."""
    return {hop: [address] for hop, address in enumerate(HOPS[version][:until], 1)}


def is_reachable(path: Hops, version: int, port: int) -> bool:
    """Tell whether a bare socket gets through: the positive control."""
    with path.client.inside(), socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6) as sock:
        sock.settimeout(1)
        return not sock.connect_ex((SERVER[version], port))


def wait_until(is_true: t.Callable[[], bool]) -> None:
    """Wait for something that must come."""
    for unused in range(SECONDS * 20):
        if is_true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come")


@VERSIONS
def test_nothing_is_traced_if_every_port_is_open(path: Hops, version: int) -> None:
    assert "traces" not in probed(path, version, f"{BLOCKED},{OPEN}")


@VERSIONS
@pytest.mark.parametrize("hop", [1, 2, 3])
def test_a_drop_is_heard_up_to_the_router_that_drops(path: Hops, version: int, hop: int) -> None:
    assert is_reachable(path, version, BLOCKED)
    path.routers[hop - 1].nft(filter_rules("forward", DROP))
    assert not is_reachable(path, version, BLOCKED)
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    assert heard(result, BLOCKED) == routers(version, hop)
    assert end(result, BLOCKED) is None
    assert heard(result, OPEN) == routers(version, DISTANCE - 1)
    assert end(result, OPEN) == (DISTANCE, "answered")


@VERSIONS
@pytest.mark.parametrize("hop", [2, 3])
def test_a_drop_on_arrival_is_heard_up_to_the_router_before(path: Hops, version: int, hop: int) -> None:
    path.routers[hop - 1].nft(filter_rules("prerouting", DROP))
    assert heard(probed(path, version, f"{BLOCKED},{OPEN}"), BLOCKED) == routers(version, hop - 1)


@VERSIONS
def test_a_drop_at_the_destination_is_heard_up_to_the_last_router(path: Hops, version: int) -> None:
    path.server.nft(filter_rules("input", DROP))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    assert heard(result, BLOCKED) == routers(version, 3)


@VERSIONS
def test_without_an_open_port_the_way_is_heard_as_far(path: Hops, version: int) -> None:
    path.r2.nft(filter_rules("forward", "tcp dport 8000-9000 drop"))
    result = probed(path, version, f"{PORTS.start}-{PORTS.stop - 1}")
    assert heard(result, PORTS.start) == heard(result, PORTS.stop - 1) == routers(version, 2)
    assert len(result["traces"]) == 2  # however many ports are silent


@VERSIONS
def test_a_router_that_sends_nothing_leaves_a_gap(path: Hops, version: int) -> None:
    path.r2.nft(filter_rules("output", *NO_REPORTS.split("; ")))
    path.server.nft(filter_rules("input", DROP))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    expected = {hop: by for hop, by in routers(version, 3).items() if hop != 2}
    assert heard(result, BLOCKED) == heard(result, OPEN) == expected
    assert end(result, OPEN) == (DISTANCE, "answered")


@VERSIONS
def test_if_no_router_sends_anything_nothing_is_heard(path: Hops, version: int) -> None:
    for router in path.routers:
        router.nft(filter_rules("output", *NO_REPORTS.split("; ")))
    path.server.nft(filter_rules("input", DROP))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    assert heard(result, BLOCKED) == {}


@VERSIONS
@pytest.mark.parametrize("hop", [1, 2])
def test_a_reset_from_a_router_comes_from_nearer_than_the_destination(
    path: Hops, version: int, hop: int
) -> None:
    path.routers[hop - 1].nft(filter_rules("forward", f"tcp dport {BLOCKED} reject with tcp reset"))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    assert end(result, BLOCKED) == (hop + 1, "refused")
    assert heard(result, BLOCKED) == routers(version, hop)
    assert end(result, OPEN) == (DISTANCE, "answered")


@VERSIONS
def test_a_closed_port_is_refused_from_as_far_as_an_open_one_answers(path: Hops, version: int) -> None:
    closed = PORTS.stop
    result = probed(path, version, f"{OPEN},{closed}")
    assert end(result, closed) == (DISTANCE, "refused")


@VERSIONS
def test_an_error_of_a_router_has_its_sender(path: Hops, version: int) -> None:
    path.r2.nft(filter_rules("forward", f"tcp dport {BLOCKED} reject with icmpx admin-prohibited"))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    (found,) = [trace for trace in result["traces"] if trace["port"] == BLOCKED]
    assert found["end"] == {"hop": 3, "how": "rejected", "by": HOPS[version][1]}


@VERSIONS
def test_a_dropped_reply_is_heard_up_to_the_last_router(path: Hops, version: int) -> None:
    """A trace hears the way there; and no more connections are half open than it tries beyond."""
    path.r1.nft(filter_rules("forward", f"tcp sport {BLOCKED} drop"))
    result = probed(path, version, f"{BLOCKED},{OPEN}")
    assert heard(result, BLOCKED) == routers(version, 3)
    (found,) = [trace for trace in result["traces"] if trace["port"] == BLOCKED]
    assert found["tried"] <= DISTANCE - 1 + 5


@VERSIONS
def test_the_open_port_gets_one_connection_more_which_ends_politely(path: Hops, version: int) -> None:
    path.r1.nft(filter_rules("forward", DROP))
    port = PORTS.stop + 5
    for is_traced, count in ((False, 1), (True, 2)):
        with Service(path.server, SERVER[version], port) as service:
            probed(path, version, f"{BLOCKED},{port}", is_traced=is_traced)
            wait_until(lambda count=count: len(service.endings) >= count)
        assert (service.received, service.endings) == ([b""] * count, ["eof"] * count)


@VERSIONS
def test_the_probe_sees_the_same_with_a_trace_and_without(path: Hops, version: int) -> None:
    path.r1.nft(filter_rules("forward", DROP))
    found, plain = (
        probed(path, version, f"{BLOCKED}-{OPEN}", is_traced=is_traced) for is_traced in (True, False)
    )
    assert "traces" in found
    assert "traces" not in plain
    one, other = (
        [(state["ports"], state["state"], state["reason"]) for state in result["observations"][0]["states"]]
        for result in (found, plain)
    )
    assert one == other


def test_equal_routes_give_a_hop_several_devices(need_namespaces: None) -> None:
    with Hops(is_parallel=True) as path:
        path.server.nft(filter_rules("input", "tcp dport 8000-9000 drop"))
        seen: set[str] = set()
        both = {HOPS[4][1], TWIN[4]}
        # Each connection goes by either router: that 40 x 2 ports go by the same one is 1 of 2^79.
        for unused in range(40):
            for trace in probed(path, 4, f"{PORTS.start}-{PORTS.stop - 1}", timeout=1.0)["traces"]:
                seen.update(*(hop["by"] for hop in trace["hops"] if hop["hop"] == 2))
            if seen >= both:
                break
        assert seen == both


def test_routers_that_limit_their_errors_are_heard_and_their_rejects_too(need_namespaces: None) -> None:
    """Both take from what a router may send to a host: six errors at once, then one a second."""
    with Hops(every_icmp_error=False) as path, silent_ports(path.server, SERVER[4], PORTS):
        path.r2.nft(filter_rules("forward", "tcp dport 9000-9500 reject with icmpx admin-prohibited"))
        (observation,) = probed(path, 4, f"{OPEN},9000-9500", timeout=3.5)["observations"]
        states = {state["ports"]: state["reason"] for state in observation["states"]}
        assert states == {str(OPEN): "syn-ack", "9000-9500": "admin-prohibited"}
        path.r2.nft(filter_rules("forward", "tcp dport 9000-9500 drop"))
        assert heard(probed(path, 4, f"{OPEN},9000-9500", timeout=3.5), 9000) == routers(4, 2)


@VERSIONS
def test_udp_is_traced_where_our_listener_does_not_answer(path: Hops, version: int) -> None:
    wish = {"address": SERVER[version], "protocol": "udp", "ports": "9000"}
    with listener(path.server, "n11", wish) as granted:
        found = []
        for rules in ("udp dport 9001 drop", "udp dport 9000 drop"):  # the first is the control
            path.r2.nft(filter_rules("forward", rules))
            asked = [target(SERVER[version], 9000, "udp")]
            targets = collect([], asked, {SERVER[version]: granted["listening"]})
            with path.client.inside():
                found.append(run(targets, Settings(Pace(timeout=2.4), token=TOKEN, trace=True)))
    assert "traces" not in found[0]
    assert heard(found[1], 9000) == routers(version, 2)
