# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of sweeps that grow in ports and in hosts, beside connect scanners of others."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from row import ratio, seconds
from scanners import Work
from stopwatch import Effort, Lap, median
from sweeps import SEVERAL, SINGLE, beside, listening

from ansible_collections.exasol_community.network.tests.labs.cables import TARGETS, Lab

_FIRST = 20000
# Hosts, and the last port. A listener needs an open file a port, and so does who starts it: many machines
# permit 20,000.
_ONE = ((1, 20099), (1, 21000), (1, 27999))
_SIZES = {"closed": (*_ONE, (16, 21000), (63, 21000)), "open": (*_ONE, (16, 21000))}
_ROUNDS = 3
HEADINGS = (
    "hosts x ports",
    "ours, CPU a port",
    *(f"{name}, CPU a port (ratio of times)" for name in SINGLE),
)


class Grown(t.NamedTuple):
    """Sweeps of one size."""

    scanned: Work
    laps: Mapping[str, Lap]  # the median of each contestant


def growth(lab: Lab, effort: Effort) -> list[Grown]:
    """Return what sweeps of ever more ports and hosts cost, with closed and with open, proven ports."""
    return [
        _grown(lab, Work(TARGETS[:hosts], f"{_FIRST}-{last}", state), min(effort.rounds, _ROUNDS))
        for state, sizes in _SIZES.items()
        for hosts, last in sizes
    ]


def _grown(lab: Lab, scanned: Work, rounds: int) -> Grown:
    peers = SINGLE if len(scanned.addresses) == 1 else SEVERAL
    if scanned.state == "open":
        with listening(lab, scanned.addresses, scanned.ports):
            laps = beside(lab, scanned, peers, rounds, proof=True)
    else:
        laps = beside(lab, scanned, peers, rounds)
    return Grown(scanned, {name: median(several) for name, several in laps.items()})


def cells(grown: Iterable[Grown]) -> list[tuple[str, ...]]:
    """Return the growth as rows of a table."""
    return [(_title(one.scanned), *(_cell(one, name) for name in ("ours", *SINGLE))) for one in grown]


def plain(grown: Iterable[Grown]) -> list[dict[str, t.Any]]:
    """Return the growth as plain data."""
    return [
        {
            **one.scanned._asdict(),
            "laps": {name: lap._replace(extra={})._asdict() for name, lap in one.laps.items()},
        }
        for one in grown
    ]


def _title(scanned: Work) -> str:
    hosts = len(scanned.addresses)
    return f"{hosts} x {scanned.count // hosts:,} {scanned.state}"


def _cell(one: Grown, name: str) -> str:
    lap = one.laps.get(name)
    if not lap:
        return "-"
    text = f"{seconds(lap.wall)}, {lap.cpu / one.scanned.count * 1e6:.0f} µs"
    return text if name == "ours" else f"{text} ({ratio(one.laps['ours'], lap)})"
