# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that share a probe find what one finds, also where packets are dropped and rejected.

The filters are nftables rules of the namespaces, so what each port must be is known without the probe.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import probe, workers
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    NOBODY_FAR,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    listener,
    states,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

pytestmark = pytest.mark.usefixtures("need_namespaces")

PROVEN, CLOSED, DROPPED, REJECTED, RESET = "20000-20049", "20050-20079", "20080-20087", "20100-20103", "20110"
SERVED, BESIDE = 8563, "8564"
COUNTS = (0, 2)  # of workers


def probed(line: Line, monkeypatch: pytest.MonkeyPatch, count: int, version: int) -> dict[str, t.Any]:
    """Probe the table of ports with so many workers."""
    monkeypatch.setattr(probe, "LARGE", 1)
    monkeypatch.setattr(workers, "how_many", lambda pace, available: count)
    server = SERVER[version]
    listens = {server: [target(server, PROVEN)]}
    targets = [
        target(server, f"{PROVEN},{CLOSED},{DROPPED},{REJECTED},{RESET},{SERVED},{BESIDE}"),
        target(SERVERS[version][1], f"{PROVEN},{SERVED}"),  # dropped by the router, all of it
        target(NOBODY_FAR[version], str(SERVED)),
    ]
    settings = Settings(Pace(timeout=3.5), token=TOKEN, trace=True)
    with line.client.inside():
        return dict(probe.run(collect([], targets, listens), settings))


def essence(result: dict[str, t.Any]) -> tuple[t.Any, ...]:
    """Return what must not depend on how many processes probe."""
    for observation in result["observations"]:
        for state in observation["states"]:
            state.pop("rtt_ms", None)
    counts = [(path["address"], path["tries"], path["lost"]) for path in result["paths"]]
    traces = [
        (trace["address"], trace["port"], trace["kind"], trace["hops"]) for trace in result.get("traces", ())
    ]
    return result["observations"], counts, sorted(traces, key=str), result["summary"]


@pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
def test_a_table_of_faults_is_the_same_for_any_number_of_workers(
    line: Line, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    family, icmp = {4: ("ip", "icmp"), 6: ("ip6", "icmpv6")}[version]
    line.router.nft(
        filter_rules(
            "forward",
            f"tcp dport {DROPPED} drop",
            f"tcp dport {REJECTED} reject with {icmp} type admin-prohibited",
            f"{family} daddr {SERVERS[version][1]} drop",
        )
    )
    line.server.nft(filter_rules("input", f"tcp dport {RESET} reject with tcp reset"))
    with (
        listener(line.server, SERVER[version], target(SERVER[version], PROVEN)),
        Service(line.server, SERVER[version], SERVED) as service,
    ):
        found = [essence(probed(line, monkeypatch, count, version)) for count in COUNTS]
    assert states(found[0][0])[:5] == [
        (str(SERVED), "open", "syn-ack", ""),
        (PROVEN, "open", "syn-ack", ""),
        (f"{BESIDE},{CLOSED},{RESET}", "closed", "conn-refused", ""),
        (REJECTED, "filtered", "admin-prohibited", ROUTER[version]),
        (DROPPED, "filtered", "no-response", ""),
    ]
    assert "silent" in {kind for _address, _port, kind, _hops in found[0][2]}
    for several in found[1:]:
        for one, other in zip(found[0], several, strict=True):
            assert other == one
    # A service gets one connection from the sweep, and one from the trace beside what is silent.
    assert len(service.endings) % len(COUNTS) == 0
    assert set(service.endings) == {"eof"}
