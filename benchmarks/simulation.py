# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observations as probes would return them, made of a plan.

Hosts by the hundred do not fit into one machine, what their controller does with them does.
"""

from __future__ import annotations

import typing as t
import zlib
from collections.abc import Iterator, Mapping, Sequence

BROKEN = "broken"  # a node with one rule too few: its database port is dropped
EVERYTHING = "everything"
_OPEN, _DROPPED = {"state": "open", "reason": "syn-ack"}, {"state": "filtered", "reason": "no-response"}
_SEGMENT = {"state": "passed", "size": 1448, "mss": 1448}


def measured(
    probes: Sequence[Mapping[str, t.Any]], fault: str = "", broken: str = "", source: str = ""
) -> dict[str, list[dict[str, t.Any]]]:
    """Return what a host would return of its probes: all is open and proven, but for the fault."""
    found = _observations(probes, fault, broken, source)
    places = dict.fromkeys(
        (one["destination"], one["address"])
        for one in found
        if one["protocol"] == "tcp" and any("answered_by" in state for state in one["states"])
    )
    return {"observations": found, "paths": [_path(*place, source) for place in places]}


def _round_trips(*ends: str) -> dict[str, float]:
    """Return times that differ between flows, as measured ones do, and of which none follows from another."""
    number = zlib.crc32(" ".join(ends).encode())
    median = 0.1 + number % 1000 / 1000
    least, most = 0.6 + number // 1000 % 400 / 1000, 1 + number // 400_000 % 10_000 / 1000
    return {"min": round(least * median, 3), "median": round(median, 3), "max": round(most * median, 3)}


def _path(destination: str, address: str, source: str) -> dict[str, t.Any]:
    trips = _round_trips(source, destination)
    return {
        "destination": destination,
        "address": address,
        "tries": 16,
        "lost": 0,
        "rtt_ms": {**trips, "p95": round((trips["median"] + trips["max"]) / 2, 3)},
        "segments": {"out": _SEGMENT, "in": _SEGMENT},
    }


def _observations(
    probes: Sequence[Mapping[str, t.Any]], fault: str, broken: str, source: str
) -> list[dict[str, t.Any]]:
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for probe in probes:
        for name, addresses in probe["destinations"].items():
            for address in addresses:
                found.setdefault((name, address, probe["protocol"]), []).append(
                    (probe["service"], probe["ports"])
                )
    return [
        {
            "destination": name,
            "address": address,
            "protocol": protocol,
            "ports": ",".join(ports for _service, ports in services),
            "states": list(_states(name, services, fault, broken, source)),
        }
        for (name, address, protocol), services in found.items()
    ]


def _states(
    name: str, services: Sequence[tuple[str, str]], fault: str, broken: str, source: str
) -> Iterator[dict[str, t.Any]]:
    dropped = [
        ports
        for service, ports in services
        if fault == EVERYTHING or (fault == BROKEN and name == broken and service == "sql_client")
    ]
    passing = [ports for _service, ports in services if ports not in dropped]
    if passing:
        times = _round_trips(source, name, passing[0])
        yield {"ports": ",".join(passing), **_OPEN, "rtt_ms": times, "answered_by": name}
    if dropped:
        yield {"ports": ",".join(dropped), **_DROPPED}
