# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far packets came, from captures at both ends: the place where they are lost.

A packet that left the source had passed the source's filter; one that arrived at the destination had not
yet met the destination's. The same is true of the reply. So the first of the four that is missing names the
place.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.ports import Ports

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Capture, CaptureEntry

# In the order of a packet's way: the packet came to this stage and no further. If an end was not captured,
# two neighbouring stages cannot be told apart.
AT_SOURCE, ON_PATH, AT_DESTINATION, ON_RETURN, RETURNED = (
    "source",
    "path",
    "destination",
    "return",
    "returned",
)
LEFT, BEFORE_DESTINATION, BEHIND_DESTINATION = "left", "before destination", "behind destination"
# Nothing came from the source's addresses, but something came from an address that the plan does not have.
# A handshake that came about was with the destination itself.
WENT_THROUGH = (RETURNED, BEHIND_DESTINATION)
DISGUISED = "disguised"
_WAY = (
    AT_SOURCE,
    BEFORE_DESTINATION,
    ON_PATH,
    LEFT,
    DISGUISED,
    AT_DESTINATION,
    BEHIND_DESTINATION,
    ON_RETURN,
    RETURNED,
)
_KINDS: tuple[t.Literal["asked_in", "asked_out", "answered_in", "answered_out"], ...] = (
    "asked_in",
    "asked_out",
    "answered_in",
    "answered_out",
)
_NEIGHBOURS = 5  # on each side, among the ports in question
_MIN_SHARE = 2 / 3  # of the neighbours, or of what left the source, to be taken for all


class Ends(t.NamedTuple):
    """Whose packets are asked for: two hosts, and the address and protocol between them."""

    source: str
    source_addresses: tuple[str, ...]
    destination: str
    address: str
    protocol: str
    # Where packets to this address may arrive, behind NAT; empty if others that arrive there look alike.
    arrives_at: tuple[str, ...] | None = None


class Captures:
    """What every host captured; C(addresses) are those of all hosts of the plan."""

    def __init__(
        self,
        at_sources: Mapping[str, Capture | None],
        at_destinations: Mapping[str, Capture | None],
        addresses: Iterable[str] = (),
    ):
        self._sources, self._destinations = _usable(at_sources), _usable(at_destinations)
        self._known = set(addresses)
        for capture in self._sources.values():
            self._known.update(entry["address"] for entry in capture["seen"])
        self._problems: dict[str, str] = {}
        for host, seen in (*at_sources.items(), *at_destinations.items()):
            if seen and not seen.get("complete"):
                self._problems[host] = seen.get("problem") or "it missed packets"

    def notes(self) -> list[str]:
        """Return which captures cannot be used, and why."""
        return [
            f"The capture on {host} is unusable: {problem}."
            for host, problem in sorted(self._problems.items())
        ]

    def stages(self, ends: Ends, ports: str) -> list[tuple[str, str]]:
        """Return how far the packets of ports came, as stage and ports.

        Nothing if neither end was captured.
        """
        wanted = Ports.parse(ports)
        near = self._near(ends) if ends.source in self._sources else None
        is_seen = ends.destination in self._destinations and ends.arrives_at != ()
        far = self._far(ends, near) if is_seen else None
        if near is None and far is None:
            return []
        return _without_loss({port: stage for stage, some in _split(wanted, near, far) for port in some})

    def strangers(self, ends: Ends, ports: str) -> tuple[str, ...]:
        """Return the unplanned addresses that asked for most of these ports at a destination."""
        wanted = Ports.parse(ports)
        found = (
            entry["remote"]
            for entry in self._destinations[ends.destination]["seen"]
            if entry["protocol"] == ends.protocol
            and entry["address"] in (ends.arrives_at or (ends.address,))
            and entry["remote"] not in self._known
            and "asked_in" in entry
            and len(wanted & Ports.parse(entry["asked_in"])) >= _MIN_SHARE * len(wanted)
        )
        return tuple(dict.fromkeys(found))

    def _near(self, ends: Ends) -> dict[str, Ports]:
        return _union(
            entry
            for entry in self._sources[ends.source]["seen"]
            if (entry["remote"], entry["protocol"]) == (ends.address, ends.protocol)
        )

    def _far(self, ends: Ends, near: Mapping[str, Ports] | None) -> dict[str, Ports]:
        own = set(ends.source_addresses)
        if ends.source in self._sources:
            own |= {
                entry["address"]
                for entry in self._sources[ends.source]["seen"]
                if entry["remote"] == ends.address
            }
        here = [
            entry
            for entry in self._destinations[ends.destination]["seen"]
            if entry["protocol"] == ends.protocol and entry["address"] in (ends.arrives_at or (ends.address,))
        ]
        found = _union(entry for entry in here if entry["remote"] in own)
        if not found:
            sent = None if near is None else near.get("asked_out", Ports())
            found[DISGUISED] = _disguised(
                (entry for entry in here if entry["remote"] not in self._known | own), sent
            )
        return found


def _usable(captures: Mapping[str, Capture | None]) -> dict[str, Capture]:
    """Return the captures that missed no packets: what another one did not see proves nothing."""
    return {host: capture for host, capture in captures.items() if capture and capture.get("complete")}


def _disguised(strangers: Iterable[CaptureEntry], sent: Ports | None) -> Ports:
    """Return the ports that the source may have asked for from an address that the plan does not have.

    It may be that of a NAT device, or of another interface. A stranger that asked for little of what left the
    source is somebody else, such as a client of a live database.
    """
    asked = (Ports.parse(entry["asked_in"]) for entry in strangers if "asked_in" in entry)
    return Ports.union(some for some in asked if sent is None or len(some & sent) >= _MIN_SHARE * len(sent))


def _union(entries: Iterable[CaptureEntry]) -> dict[str, Ports]:
    found: dict[str, Ports] = {}
    for entry in entries:
        for kind in _KINDS:
            if kind in entry:
                found[kind] = found.get(kind, Ports()) | Ports.parse(entry[kind])
    return found


def _split(
    wanted: Ports, near: Mapping[str, Ports] | None, far: Mapping[str, Ports] | None
) -> Iterator[tuple[str, Ports]]:
    """Yield stages with their ports: at each step, the ports that were not seen there came no further."""
    left = wanted
    steps: list[tuple[str, Ports]] = []
    if near is not None:
        steps.append((AT_SOURCE, near.get("asked_out", Ports())))
    if far is not None:
        steps.append((DISGUISED, wanted - far.get(DISGUISED, Ports())))
        steps.append((ON_PATH if near is not None else BEFORE_DESTINATION, far.get("asked_in", Ports())))
        steps.append((AT_DESTINATION, far.get("answered_out", Ports())))
    if near is not None:
        steps.append((ON_RETURN if far is not None else LEFT, near.get("answered_in", Ports())))
    for stage, passed in steps:
        yield stage, left - passed
        left &= passed
    yield RETURNED if near is not None else BEHIND_DESTINATION, left


def _without_loss(stages: Mapping[int, str]) -> list[tuple[str, str]]:
    """Group ports by stage. A port among others that came further lost its packets and counts as they do."""
    ports = sorted(stages)
    ranks = [_WAY.index(stages[port]) for port in ports]
    grouped: dict[str, list[int]] = {}
    for index, port in enumerate(ports):
        around = ranks[max(0, index - _NEIGHBOURS) : index] + ranks[index + 1 : index + 1 + _NEIGHBOURS]
        grouped.setdefault(_WAY[_further(ranks[index], around)], []).append(port)
    return [(stage, str(Ports(some))) for stage, some in sorted(grouped.items(), key=lambda item: item[1])]


def _further(own: int, around: Sequence[int]) -> int:
    ahead = [rank for rank in around if rank > own]
    if len(ahead) < _MIN_SHARE * len(around) or len(around) < _NEIGHBOURS:
        return own
    return max(set(ahead), key=ahead.count)
