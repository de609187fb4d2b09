# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two measurements, before and after a change of firewalls: what got through before and does not any more.

The unit is a port at an address. So a flow that was blocked on one port before can still break on another
one. Each part has a level: C(ok) is above C(degraded), that is above C(stalled), over which small data
passes, and all are above an answer of the host that is not the service's, which shows that the network lets
the connection through. A part is broken if its level sinks. What was not seen after the change has the lowest
level: what is not measured does not work. What was not seen before it may have worked, so it is broken if it
is seen to fail. That is so for flows that must not work too: one that is exposed after the change, and was
not before as far as anybody knows, may be what the change has opened.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._plan.ftp_modes import ACTIVE_NAME, PASSIVE_NAME
from ...module_utils._values.ports import Ports
from .._verdict.counts import flow_verdicts
from .._verdict.results import asked_addresses
from .._verdict.verdict import (
    DEGRADED,
    NO_LISTENER,
    OK,
    SEVERITY,
    STALLED,
    UNTESTED,
    WRONG_HOST,
    WRONG_SERVICE,
)

if t.TYPE_CHECKING:
    from ...module_utils._shapes import BrokenPart, Result, Verification, WorkingPart

_LEVELS = {OK: 4, DEGRADED: 3, STALLED: 2, NO_LISTENER: 1, WRONG_SERVICE: 1, WRONG_HOST: 1}
# The data connections of FTP have other ports in each session, so these flows are compared as a whole.
_SESSIONS = (PASSIVE_NAME, ACTIVE_NAME)
_WHOLE = Ports([1])
_Flow = tuple[str, str, str, str, str]  # source, destination, service, protocol, expectation


class _Seen(t.NamedTuple):
    """What one result says of an address."""

    level: int
    ports: Ports
    result: Result


def working_parts(results: Iterable[Result]) -> list[WorkingPart]:
    """Return the parts of flows that get through, or of which nobody knows whether they do."""
    return [
        {
            "source": result["source"],
            "destination": result["destination"],
            "address": address,
            "service": result["service"],
            "protocol": result["protocol"],
            "expected": result["expected"],
            "ports": result["ports"],
            "verdict": result["verdict"],
        }
        for result in results
        if _level(result["verdict"], result["expected"]) or _is_unknown(result)
        for address in asked_addresses(result)
    ]


def wrong_flows(results: Iterable[Result]) -> set[tuple[str, ...]]:
    """Return the flows that are not ok."""
    return {flow for flow, verdict in flow_verdicts(results).items() if verdict != OK}


def broken_parts(before: Iterable[WorkingPart], after: Verification) -> list[BrokenPart]:
    """Return the parts that got through before and do not after a change, at the same level at least."""
    seen: dict[_Flow, dict[str, list[_Seen]]] = {}
    for result in after["results"]:
        one = _Seen(
            level=_level(result["verdict"], result["expected"]),
            ports=_ports(result["service"], result["ports"]),
            result=result,
        )
        for address in asked_addresses(result):
            seen.setdefault(_flow(result), {}).setdefault(address, []).append(one)
    managed = after.get("addresses", {})
    broken: list[BrokenPart] = []
    for part in before:
        places = seen.get(_flow(part), {})
        wanted = _ports(part["service"], part["ports"])
        level = _level(part["verdict"], part["expected"])
        if part["address"] not in places and places and part["destination"] not in managed:
            # A name of a partner leads to another address by now: that one counts.
            lost = Ports.union(_lost(wanted, level, some) for some in places.values())
            found = [one for some in places.values() for one in some]
        else:
            found = places.get(part["address"], [])
            lost = _lost(wanted, level, found)
        if _is_unknown(part):
            level, found = 1, [one for one in found if one.result["verdict"] != UNTESTED]
            lost = wanted & Ports.union(one.ports for one in found if one.level < level)
        broken += _broken(part, lost, level, found)
    return broken


def _is_unknown(part: WorkingPart | Result) -> bool:
    """Tell whether nobody knows if a flow is as expected."""
    return part["verdict"] == UNTESTED


def _level(verdict: str, expected: str) -> int:
    if expected == REACHABLE:
        return _LEVELS.get(verdict, 0)
    return _LEVELS[OK] if verdict == OK else 0  # of a flow that must not work


def _ports(service: str, ports: str) -> Ports:
    return _WHOLE if service in _SESSIONS else Ports.parse(ports)


def _flow(part: WorkingPart | Result) -> _Flow:
    return (part["source"], part["destination"], part["service"], part["protocol"], part["expected"])


def _lost(wanted: Ports, level: int, found: Iterable[_Seen]) -> Ports:
    """Return the ports that do not reach their level any more; the worse of contradicting results counts."""
    kept, sunk = Ports(), Ports()
    for one in found:
        if one.level >= level:
            kept |= one.ports
        else:
            sunk |= one.ports
    return wanted - (kept - sunk)


def _broken(part: WorkingPart, lost: Ports, level: int, found: Iterable[_Seen]) -> Iterator[BrokenPart]:
    worst_first = sorted(found, key=lambda one: -SEVERITY[one.result["verdict"]])
    for one in worst_first:
        ports = lost & one.ports if one.level < level else Ports()
        if ports:
            lost -= ports
            yield _entry(
                part,
                ports=ports,
                after=one.result["verdict"],
                cause=one.result.get("cause", ""),
                sentence=one.result["sentence"],
            )
    if lost:
        what = f"{part['protocol']} {part['ports']} of {part['destination']}"
        yield _entry(
            part,
            ports=lost,
            after=UNTESTED,
            cause="",
            sentence=f"{part['source']} did not measure {what} after the change.",
        )


def _entry(part: WorkingPart, ports: Ports, after: str, cause: str, sentence: str) -> BrokenPart:
    return {
        "source": part["source"],
        "destination": part["destination"],
        "address": part["address"],
        "service": part["service"],
        "protocol": part["protocol"],
        "expected": part["expected"],
        "ports": part["ports"] if part["service"] in _SESSIONS else str(ports),
        "before": part["verdict"],
        "after": after,
        "cause": cause,
        "sentence": sentence,
    }


class Progress(t.NamedTuple):
    """How many flows that were not ok are so now, and how many are still not ok."""

    better: int
    wrong: int


def progress(wrong_before: Iterable[Iterable[str]], after: Verification) -> Progress:
    """Count what a change made better."""
    verdicts: Mapping[tuple[str, ...], str] = flow_verdicts(after["results"])
    better = sum(verdicts.get(tuple(flow)) == OK for flow in wrong_before)
    return Progress(better=better, wrong=sum(verdict != OK for verdict in verdicts.values()))
