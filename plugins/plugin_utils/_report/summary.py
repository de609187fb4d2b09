# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verification in a few lines: equal results are one line, however many hosts they join."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._identify._finding import REFUSING
from ...module_utils._plan.flows import REACHABLE
from .._text.products import grouped
from .._verdict.verdict import OK, SEVERITY, VERDICTS

if t.TYPE_CHECKING:
    from ...module_utils._shapes import ChangedFlow, Result, Verification

_HEADINGS = ("FROM", "TO", "SERVICE", "PORTS", "VERDICT", "MS")
_MIN_NAME_WIDTH, _MAX_PORTS_WIDTH = 6, len("20000-21000")
_GAP = 2
_MAX_SENTENCES = 20
_LAST_CHOICE = "any_node"  # the name for a set of hosts only if no other peer is the same set

Peers = Mapping[str, Sequence[str]]
Order = Mapping[str, int]  # hosts by their place


class Line(t.NamedTuple):
    """Flows that share everything but their ends: every source reaches every destination in the same way."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """One result that stands for all."""
        return self.results[0]

    @property
    def shown(self) -> Result:
        """The result that is shown for all: one whose way was traced if there is one.

        Sentence, evidence and next command name hosts and addresses, so all three must be of one result.
        """
        return next((result for result in self.results if "trace" in result), self.first)

    def milliseconds(self) -> str:
        """Return the median of the medians, as text."""
        medians = sorted(result["rtt_ms"]["median"] for result in self.results if "rtt_ms" in result)
        if not medians:
            return "-"
        median = medians[len(medians) // 2]
        digits = 2 if median < 10 else 1 if median < 100 else 0
        return f"{median:.{digits}f}"


def host_order(verification: Verification) -> Order:
    """Return the place of every host: in the order of the inventory, then partners as they come up."""
    results = verification["results"]
    names = [
        *verification.get("hosts", ()),
        *(result["source"] for result in results),
        *(result["destination"] for result in results),
    ]
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def ordered(names: Iterable[str], order: Order) -> tuple[str, ...]:
    """Return names in an order; those that are not in it come last, by name."""
    return tuple(sorted(names, key=lambda name: (order.get(name, len(order)), name)))


def lines(results: Iterable[Result], order: Order | None = None) -> list[Line]:
    """Group results; those that need action come last, so that they stand right above the prompt.

    Hosts stand in an order, by default by name.
    """
    groups: dict[tuple[str, ...], _Group] = {}
    for result in results:
        # A destination with several addresses has a result for each of them.
        flow = f"{result['source']} {result['address']}"
        groups.setdefault(_alike(result), {}).setdefault(result["destination"], {})[flow] = result
    found: list[Line] = []
    for group in groups.values():
        found += _lines_of(group, order or {})
    return sorted(found, key=lambda line: SEVERITY[line.first["verdict"]])


_Group = dict[str, dict[str, "Result"]]  # by destination, and by source and address


def _alike(result: Result) -> tuple[str, ...]:
    """Return what results of one line have in common."""
    return (
        result["service"],
        result["protocol"],
        result["ports"],
        result["expected"],
        result["verdict"],
        result["reason"],
        _stranger(result),
        result.get("cause", ""),
    )


def _stranger(result: Result) -> str:
    """Return what tells unexpected services apart: what they look like, or why they serve nobody."""
    if "identity" not in result:
        return ""
    identity = result["identity"]
    if identity.get("status") == REFUSING:
        return identity.get("detail", "")
    return identity.get("looks_like", "")


def _lines_of(group: _Group, order: Order) -> list[Line]:
    sources_of = {
        destination: frozenset(result["source"] for result in results.values())
        for destination, results in group.items()
    }
    return [_line(sources, ends, group, order) for sources, ends in grouped(sources_of, str)]


def _line(sources: Iterable[str], destinations: Iterable[str], group: _Group, order: Order) -> Line:
    # Without an order, destinations stay as they came.
    names = ordered(destinations, order) if order else tuple(destinations)
    results = tuple(result for name in names for result in group[name].values())
    return Line(sources=ordered(sources, order), destinations=names, results=results)


def exact_peer(names: Sequence[str], peers: Peers) -> str:
    """Return the peer that is exactly this set of several hosts, or nothing."""
    if len(names) < 2:
        return ""
    wanted = set(names)
    same = [peer for peer, members in peers.items() if set(members) == wanted]
    return min(same, key=lambda peer: (peer == _LAST_CHOICE, peer), default="")


def label(names: Sequence[str], peers: Peers, width: int) -> str:
    """Return a name for a set of hosts: a peer that is exactly this set, else as many names as fit."""
    peer = exact_peer(names, peers)
    if peer:
        return clip(f"{peer} ×{len(names)}", width)
    text = ", ".join(names)
    for shown in range(len(names) - 1, 0, -1):
        if len(text) <= width:
            break
        text = f"{', '.join(names[:shown])} +{len(names) - shown}"
    return clip(text, width)


def clip(text: str, width: int) -> str:
    """Return the text, cut to a width with a mark where something is missing."""
    return text if len(text) <= width else text[: width - 1] + "…"


def table(results: Iterable[Result], peers: Peers, columns: int, order: Order | None = None) -> list[str]:
    """Return the matrix as lines of text that fit a terminal of so many columns."""
    found = lines(results, order)
    cells = [
        (named_service(line.first), line.first["ports"], line.first["verdict"], line.milliseconds())
        for line in found
    ]
    gaps = _GAP * (len(_HEADINGS) - 1)
    service, ports, verdict, ms = (max(map(len, column)) for column in zip(_HEADINGS[2:], *cells))
    ports = min(ports, _MAX_PORTS_WIDTH)
    room = columns - gaps - ports - verdict - ms
    service = max(len(_HEADINGS[2]), min(service, room - 2 * _MIN_NAME_WIDTH))
    widest = [
        max((len(label(names, peers, columns)) for names in side), default=0)
        for side in ([line.sources for line in found], [line.destinations for line in found])
    ]
    source, destination = _shares(widest, room - service)
    rows = [
        (label(line.sources, peers, source), label(line.destinations, peers, destination), *row)
        for line, row in zip(found, cells)
    ]
    widths = (source, destination, service, ports, verdict, ms)
    return [_row(row, widths) for row in [_HEADINGS, *rows]]


def _shares(wanted: Sequence[int], room: int) -> tuple[int, int]:
    """Share the room between the two columns of names.

    Each gets the width that it wants, as far as it leaves the other its half.
    """
    room = max(room, 2 * _MIN_NAME_WIDTH)
    first, second = (max(width, len(heading)) for width, heading in zip(wanted, _HEADINGS))
    first = min(first, max(room // 2, room - second))
    return first, min(second, room - first)


def named_service(flow: Result | ChangedFlow) -> str:
    """Return the service of a flow, with "not" before it if the flow must not work."""
    return str(flow["service"]) if flow["expected"] == REACHABLE else f"not {flow['service']}"


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [clip(cell, width).ljust(width) for cell, width in zip(cells[:-1], widths)]
    return (" " * _GAP).join([*texts, cells[-1].rjust(widths[-1])]).rstrip()


def sentences(results: Iterable[Result]) -> list[str]:
    """Return what is wrong and who acts, one sentence for each line of the table that is not ok."""
    wrong = [line for line in lines(results) if line.first["verdict"] != OK]
    texts = [_told(line) for line in wrong[:_MAX_SENTENCES]]
    if len(wrong) > _MAX_SENTENCES:
        texts.append(f"... and {len(wrong) - _MAX_SENTENCES} more groups of flows: see the report")
    return texts


def _told(line: Line) -> str:
    shown = line.shown
    return f"{shown['verdict']}: {shown['sentence']}{_more(len(line.results) - 1)}{_why(shown)}"


def _why(result: Result) -> str:
    """Return the cause of a result and the next command, as what follows its sentence."""
    if not result.get("cause"):
        return ""
    command = result.get("next_command")
    return f" [{result['cause']}]" + (f" Next: {command}" if command else "")


def _more(count: int) -> str:
    return f" (and {count} more flow{'s' if count > 1 else ''} of this kind)" if count else ""


def counts(verification: Verification) -> str:
    """Return one line that counts the verdicts."""
    summary, groups = verification["summary"], len(verification["untestable"])
    total = sum(summary.values())
    parts = [f"{summary[verdict]} {verdict}" for verdict in VERDICTS if verdict in summary]
    text = f"{total} flow{'s' if total != 1 else ''}: {', '.join(parts) or 'none tested'}"
    if not groups:
        return text
    # Some cannot be probed at all, others have an end outside of the run: the report has the reason of each.
    what = "1 group of flows was" if groups == 1 else f"{groups} groups of flows were"
    return f"{text}; {what} not tested (see the report)"
