# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verification in a few lines: equal results are one line, however many hosts they join."""

from __future__ import annotations

import typing as t
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._identify._finding import REFUSING
from ...module_utils._plan.expected import REACHABLE
from .._text.products import grouped
from .._text.sets import elided, natural
from .._verdict.records import Kind, Place, Records, Some, median, of
from .._verdict.verdict import SEVERITY, VERDICTS

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

_ENDS: tuple[t.Literal["source", "destination"], ...] = ("source", "destination")
_FIELDS: tuple[t.Literal["results", "paths"], ...] = ("results", "paths")
LAST_CHOICE = "any_node"  # the name for a set of hosts only if no other peer is the same set

Peers = Mapping[str, Sequence[str]]
Order = Mapping[str, int]  # hosts by their place


class Line(t.NamedTuple):
    """Flows that share everything but their ends: every source reaches every destination in the same way."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    results: Sequence[Result]

    @property
    def first(self) -> Result:
        """One result that stands for all."""
        return self.results[0]

    def milliseconds(self) -> str:
        """Return the median of the medians, as text."""
        found = _median(self.results)
        if found is None:
            return "-"
        digits = 2 if found < 10 else 1 if found < 100 else 0
        return f"{found:.{digits}f}"


def _median(results: Sequence[Result]) -> float | None:
    if isinstance(results, Some):
        return results.median("rtt_ms", "median")
    return median([result["rtt_ms"]["median"] for result in results if "rtt_ms" in result])


def host_order(verification: Verification) -> Order:
    """Return the place of every host: in the order of the inventory, then partners, n2 before n10."""
    known = dict.fromkeys(verification.get("hosts", ()))
    ends: set[str] = set()
    for several in (verification["results"], verification.get("paths", ())):
        if isinstance(several, Records):
            ends.update(several.names, (place.destination for place in several.places))
        else:
            ends.update(one[end] for one in several for end in _ENDS)
    others = ends.difference(known)
    return {name: place for place, name in enumerate((*known, *sorted(others, key=natural)))}


def with_records(verification: Verification) -> Verification:
    """Return a verification whose results and paths are records, pair by pair in the order of its hosts.

    So all formats are the same when a report is read again, whatever the order of the run was.
    """
    fields = [field for field in _FIELDS if field in verification]
    records = {field: of(verification, field) for field in fields}
    compact = t.cast("Verification", {**verification, **records})
    order = host_order(compact)
    for several in records.values():
        several.sort(order)
    return compact


def in_order(results: Iterable[Result], order: Order) -> Sequence[Result]:
    """Return results by their sources and destinations; those of one pair stay as they came."""
    if isinstance(results, Records):
        return results.sorted(order)
    return sorted(results, key=lambda result: (order[result["source"]], order[result["destination"]]))


def ordered(names: Iterable[str], order: Order) -> tuple[str, ...]:
    """Return names in an order; those that are not in it come last, n2 before n10."""
    return tuple(sorted(names, key=lambda name: (order.get(name, len(order)), natural(name))))


def lines(results: Iterable[Result], order: Order | None = None) -> list[Line]:
    """Group results; those that need action come last, so that they stand right above the prompt.

    Hosts stand in an order, by default by name.
    """
    found: list[Line] = []
    if isinstance(results, Records):
        # Several formats want the same.
        found = results.once("lines", order or {}, lambda: _lines_of_records(results, order or {}))
    else:
        groups: dict[tuple[str, ...], list[Result]] = {}
        for result in results:
            groups.setdefault(_alike(result), []).append(result)
        for group in groups.values():
            found += lines_of(group, order or {})
    return sorted(found, key=lambda line: SEVERITY[line.first["verdict"]])


def kind_of(result: Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return what a flow is, and what was found of it."""
    return (
        result["service"],
        result["protocol"],
        result["ports"],
        result["expected"],
        result["verdict"],
        result.get("cause", ""),
    )


def _alike(result: Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return what results of one line have in common."""
    return (*kind_of(result), result["reason"], _stranger(result))


def _stranger(result: Mapping[str, t.Any]) -> str:
    """Return what tells unexpected services apart: what they look like, or why they serve nobody."""
    if "identity" not in result:
        return ""
    identity = result["identity"]
    return str(identity.get("detail" if identity.get("status") == REFUSING else "looks_like", ""))


def lines_of(results: Iterable[Result], order: Order) -> list[Line]:
    """Return results that are alike as products: every source of a line has a result for each destination.

    If a destination has several addresses, that is true of each of those in the line.
    """
    by_place: dict[Place, dict[str, Result]] = {}
    for result in results:
        place = Place(result["destination"], result["address"])
        by_place.setdefault(place, {})[result["source"]] = result
    sources_of = {place: frozenset(by_source) for place, by_source in by_place.items()}
    found = []
    for sources, places in grouped(sources_of, lambda place: place.destination):
        destinations, arranged = _arranged(places, order)
        results = tuple(result for place in arranged for result in by_place[place].values())
        found.append(Line(sources=ordered(sources, order), destinations=destinations, results=results))
    return found


def _lines_of_records(records: Records[Result], order: Order) -> list[Line]:
    kinds: dict[tuple[str, ...], list[Kind]] = {}
    for kind in records.kinds:
        kinds.setdefault(_alike(kind.common), []).append(kind)
    return [line for several in kinds.values() for line in _lines_of_kinds(records, several, order)]


def _lines_of_kinds(records: Records[Result], kinds: Iterable[Kind], order: Order) -> Iterator[Line]:
    """Yield the same for all results of some kinds, which are not made for it."""
    by_place: dict[int, dict[int, tuple[int, int]]] = {}
    for kind in kinds:
        number = kind.number
        for row, (source, place) in enumerate(zip(kind.sources, kind.places, strict=True)):
            by_place.setdefault(place, {})[source] = (number, row)
    names, places = records.names, records.places
    sources_of = {
        places[place]: frozenset(map(names.__getitem__, by_source)) for place, by_source in by_place.items()
    }
    numbers = {places[place]: place for place in by_place}
    for sources, several in grouped(sources_of, lambda place: place.destination):
        destinations, arranged = _arranged(several, order)
        chosen = [one for place in arranged for one in by_place[numbers[place]].values()]
        results = Some(
            records,
            array("I", (number for number, _row in chosen)),
            array("I", (row for _number, row in chosen)),
        )
        yield Line(sources=ordered(sources, order), destinations=destinations, results=results)


def _arranged(places: Sequence[Place], order: Order) -> tuple[tuple[str, ...], list[Place]]:
    """Return the destinations in an order, and their places; without an order, they stay as they came."""
    names = dict.fromkeys(place.destination for place in places)
    destinations = ordered(names, order) if order else tuple(names)
    rank = {name: number for number, name in enumerate(destinations)}
    return destinations, sorted(places, key=lambda place: rank[place.destination])


def exact_peer(names: Sequence[str], peers: Peers) -> str:
    """Return the peer that is exactly this set of several hosts, or nothing."""
    if len(names) < 2:
        return ""
    wanted = set(names)
    same = [peer for peer, members in peers.items() if set(members) == wanted]
    return min(same, key=lambda peer: (peer == LAST_CHOICE, peer), default="")


def label(names: Sequence[str], peers: Peers, width: int) -> str:
    """Return a name for a set of hosts: a peer that is exactly this set, else as many names as fit."""
    peer = exact_peer(names, peers)
    if peer:
        return elided(f"{peer} ×{len(names)}", width)
    text = ", ".join(names)
    for shown in range(len(names) - 1, 0, -1):
        if len(text) <= width:
            break
        text = f"{', '.join(names[:shown])} +{len(names) - shown}"
    return elided(text, width)


def named_service(flow: Mapping[str, t.Any]) -> str:
    """Return the service of a flow, with "not" before it if the flow must not work."""
    return str(flow["service"]) if flow["expected"] == REACHABLE else f"not {flow['service']}"


def title(verification: Verification) -> str:
    """Return the heading of a report, with the name of its site if it has one."""
    site = verification.get("site")
    return f"Network verification, {site}" if site else "Network verification"


def counts(verification: Verification) -> str:
    """Return one line that counts the verdicts."""
    summary, groups = verification["summary"], len(verification["untestable"])
    total = sum(summary.values())
    parts = [f"{summary[verdict]} {verdict}" for verdict in VERDICTS if verdict in summary]
    text = f"{total} flow{'s' if total != 1 else ''}: {', '.join(parts) or 'none tested'}"
    if not groups:
        return text
    what = "1 group of flows was" if groups == 1 else f"{groups} groups of flows were"
    return f"{text}; {what} not tested"
