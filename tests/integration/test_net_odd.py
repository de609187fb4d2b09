# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes of routes and addresses, and devices that drop only some packets: what is no filter is not one."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import hops
from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import (
    results_of,
    run_of,
    shown,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    RefusedError,
    lease,
    release,
    states_of,
)

pytestmark = pytest.mark.usefixtures("need_namespaces")

RANGE = {
    "name": "many",
    "protocol": "tcp",
    "ports": "30000-30299",
    "source": "client",
    "destination": "database_node",
    "description": "many ports",
}


@pytest.fixture
def line(need_namespaces: None) -> Iterator[Line]:
    """Return a line of its own, because not only filters are changed."""
    with Line() as made:
        yield made


@pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
@pytest.mark.parametrize("version", hops.VERSIONS)
def test_routers_that_lead_to_each_other_are_no_filter(version: int, capture: bool) -> None:
    # As a plan writes addresses.
    client = str(ipaddress.ip_address(hops.CLIENT[version]))
    ends = {"server": hops.SERVER[version], "client": client}
    first, network = {4: ("10.78.1.1", "10.78.3.0/24"), 6: ("fd78:1::1", "fd78:3::/64")}[version]
    with hops.Hops() as path:
        assert run_of(path.client, path.server, **ends).verdict == "ok"
        path.r2.ip(f"-{version}", "route", "replace", network, "via", first)
        judged = run_of(path.client, path.server, **ends, capture=capture, is_traced=True)
    shown(judged, "routers lead the packets in a circle", capture)
    assert judged.actor == ("network", "host:client")
    assert "allow" not in judged.sentence
    assert "drops the packets" not in judged.sentence
    assert hops.HOPS[version][1] in judged.sentence
    assert "again and again" in judged.sentence


def test_a_device_that_drops_packets_with_data_is_not_ok(line: Line) -> None:
    """ECN is negotiated by both ends, and what is marked for it vanishes; what is sent again has no mark."""
    for host in (line.client, line.server):
        host.sysctl("ipv4/tcp_ecn", 1)
    assert run_of(line.client, line.server).verdict == "ok"
    line.router.nft(filter_rules("forward", "ip ecn != not-ect drop", "ip6 ecn != not-ect drop"))
    judged = run_of(line.client, line.server)
    shown(judged, "a device drops packets with data at first")
    assert "tcp_ecn" in judged.sentence


@pytest.mark.parametrize("loss", [0, 3], ids=["no loss", "little loss"])
def test_on_a_path_that_loses_little_silence_is_a_filter(line: Line, loss: int) -> None:
    line.router.nft(
        filter_rules(
            "forward",
            "tcp dport 30100-30109 drop",
            f"meta l4proto tcp numgen random mod 100 < {loss} drop",
        )
    )
    results, _joining = results_of(line.client, line.server, own_service=RANGE)
    assert {(one["ports"], one["verdict"], one.get("cause")) for one in results} == {
        ("30000-30099,30110-30299", "ok", None),
        ("30100-30109", "blocked", "silence"),
    }


def test_on_a_path_that_loses_most_silence_is_no_filter(line: Line) -> None:
    """Of so many ports some stay silent by chance, and some accept and then say nothing."""
    line.router.nft(filter_rules("forward", "meta l4proto tcp numgen random mod 100 < 55 drop"))
    results, _joining = results_of(line.client, line.server, own_service=RANGE)
    found = {(one["verdict"], one.get("cause")) for one in results}
    assert found == {("degraded", "loss"), ("untested", "loss")}
    assert {one["actor"][0] for one in results} == {"network"}


BROADCAST = "10.77.1.255"  # of the client's network


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_a_broadcast_address_is_neither_a_filter_nor_a_missing_route(line: Line, protocol: str) -> None:
    assert states_of(line.client, BROADCAST, 53, protocol) == [("53", "error", "broadcast-address", "")]
    # The look-alikes: the kernel refuses these with the same errors.
    line.client.ip("route", "add", "prohibit", "192.0.2.1")
    line.client.ip("route", "del", "default")
    assert states_of(line.client, "192.0.2.1", 53, protocol) == [
        ("53", "filtered", "admin-prohibited", "local")
    ]
    assert states_of(line.client, "192.0.2.2", 53, protocol) == [("53", "unreachable", "no-route", "")]


def test_an_address_that_another_machine_has_too_is_named_as_such(line: Line) -> None:
    twin = "fd77:2::77"
    endpoint = {"address": twin, "protocol": "tcp", "ports": "8563"}
    line.server.sysctl("ipv6/conf/far/accept_dad", 1)
    line.server.sysctl("ipv6/conf/far/dad_transmits", 1)
    with pytest.raises(RefusedError, match="does not have the address"):
        lease(line.server, "n11", endpoint)
    line.router.address(f"{twin}/64", device="far")
    line.server.address(f"{twin}/64", device="far")
    assert _flagged(line.server, "dadfailed")
    with pytest.raises(RefusedError, match="another machine has the address too"):
        lease(line.server, "n11", endpoint)
    line.router.ip("address", "del", f"{twin}/64", "dev", "far")
    line.server.ip("address", "del", f"{twin}/64", "dev", "far")
    line.server.address(f"{twin}/64", device="far")
    assert not _flagged(line.server, "dadfailed")
    assert lease(line.server, "n11", endpoint)["listening"]
    assert release(line.server, "n11")


def _flagged(host: Namespace, flag: str) -> bool:
    """Wait until the kernel has looked for another machine with an address; tell whether it set a flag."""
    for unused in range(100):
        shown_now = host.ip("-6", "address", "show", "dev", "far")
        if "tentative" not in shown_now or "dadfailed" in shown_now:
            break
        time.sleep(0.1)
    return flag in shown_now
