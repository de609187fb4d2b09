# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A router that limits new connections, or shuts out who opens many, against filters that look alike."""

from __future__ import annotations

import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.range_turns import RANGE_RATE
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.hops import (
    SERVER,
    Hops,
    banning,
    limited,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import silent_ports

VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
PORTS = range(20000, 20200)
ALL = f"{PORTS.start}-{PORTS.stop - 1}"


@pytest.fixture(scope="module")
def whole_path(need_namespaces: None) -> Iterator[Hops]:
    with (
        Hops() as path,
        silent_ports(path.server, SERVER[4], PORTS),
        silent_ports(path.server, SERVER[6], PORTS),
    ):
        yield path


@pytest.fixture
def path(whole_path: Hops) -> Iterator[Hops]:
    yield whole_path
    whole_path.forget_filters()


def probed(
    path: Hops, version: int, rate: float = 0.0, is_traced: bool = True, range_rate: float = 0.0
) -> t.Any:
    """Return the result of a probe of all ports."""
    targets = collect([], [{"address": SERVER[version], "protocol": "tcp", "ports": ALL}], {})
    with path.client.inside():
        return run(targets, Settings(Pace(rate=rate, range_rate=range_rate), trace=is_traced))


def states(result: t.Any) -> dict[tuple[str, str], str]:
    """Return the ports of each state and reason."""
    (observation,) = result["observations"]
    return {(state["state"], state["reason"]): state["ports"] for state in observation["states"]}


@VERSIONS
def test_a_limit_is_told_from_a_filter_and_every_port_is_open(path: Hops, version: int) -> None:
    path.r2.nft(limited(20))
    result = probed(path, version)
    assert states(result) == {("open", "syn-ack"): ALL}
    (found,) = result["paths"]
    assert found["rate_limit"]["passes"] <= 20 < found["rate_limit"]["drops"]
    assert found["lost"] == 0
    assert "traces" not in result


def test_what_else_is_wrong_is_seen_behind_a_limit(path: Hops) -> None:
    path.r2.nft(limited(20))
    path.server.nft(
        filter_rules("input", "tcp dport 20070 reject with tcp reset", "tcp dport 20050-20052 drop")
    )
    result = probed(path, 4)
    assert states(result) == {
        ("open", "syn-ack"): "20000-20049,20053-20069,20071-20199",
        ("closed", "conn-refused"): "20070",
        ("filtered", "no-response"): "20050-20052",
    }
    assert result["paths"][0]["rate_limit"]["passes"] <= 20


@VERSIONS
def test_a_filter_for_most_of_a_range_is_no_limit(path: Hops, version: int) -> None:
    path.r2.nft(filter_rules("forward", "tcp dport 20010-20199 drop"))
    result = probed(path, version)
    assert states(result) == {
        ("open", "syn-ack"): "20000-20009",
        ("filtered", "no-response"): "20010-20199",
    }
    assert "rate_limit" not in result["paths"][0]


@pytest.mark.parametrize("is_traced", [True, False], ids=["traced", "not-traced"])
def test_a_ban_is_noticed(path: Hops, is_traced: bool) -> None:
    path.r2.nft(banning(20))
    found = states(probed(path, 4, is_traced=is_traced))
    # A port that accepted a connection just before may not have acknowledged its end any more.
    assert ("error", "shut-out") in found
    assert set(found) <= {("open", "syn-ack"), ("error", "shut-out")}
    with path.client.inside(), socket.socket() as sock:  # it is one: what was open is shut
        sock.settimeout(1)
        assert sock.connect_ex((SERVER[4], PORTS.start))


@pytest.mark.parametrize("is_traced", [True, False], ids=["traced", "not-traced"])
def test_a_filter_is_no_ban(path: Hops, is_traced: bool) -> None:
    path.r2.nft(filter_rules("forward", "tcp dport 20030-20199 drop"))
    assert states(probed(path, 4, is_traced=is_traced)) == {
        ("open", "syn-ack"): "20000-20029",
        ("filtered", "no-response"): "20030-20199",
    }


@pytest.mark.parametrize("make", [limited, banning])
def test_with_the_rate_that_is_offered_neither_is_met(path: Hops, make: t.Callable[[int], str]) -> None:
    path.r2.nft(make(20))
    result = probed(path, 4, rate=10)
    assert states(result) == {("open", "syn-ack"): ALL}
    assert "rate_limit" not in result["paths"][0]


def test_a_range_is_asked_so_slowly_that_a_device_does_not_take_it_for_a_scan(path: Hops) -> None:
    path.r2.nft(banning(400))
    assert ("error", "shut-out") in states(probed(path, 4)), "without a limit it is taken for one"
    path.r2.nft(banning(400))
    result = probed(path, 4, range_rate=RANGE_RATE)
    assert states(result) == {("open", "syn-ack"): ALL}
    assert "rate_limit" not in result["paths"][0]
