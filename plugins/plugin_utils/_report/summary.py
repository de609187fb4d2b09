# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A verification in a few lines: equal results are one line, however many hosts they join."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from .._text.products import grouped
from .._verdict.verdict import OK, VERDICTS

_HEADINGS = ("FROM", "TO", "SERVICE", "PORTS", "VERDICT", "MS")
_NARROWEST, _WIDEST_PORTS = 6, len("20000-21000")
_GAP = 2
_MOST_SENTENCES = 20
_WIDEST_PEER = "any_node"  # the last choice for a set that another peer names too
Result = Mapping[str, t.Any]


class Line(t.NamedTuple):
    """Flows that share everything but their ends: every source reaches every destination in the same way."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    results: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """One result that stands for all."""
        return self.results[0]

    def milliseconds(self) -> str:
        """Return the median of the medians, as text."""
        medians = sorted(result["rtt_ms"]["median"] for result in self.results if "rtt_ms" in result)
        if not medians:
            return "-"
        median = medians[len(medians) // 2]
        return f"{median:.{2 if median < 10 else 1 if median < 100 else 0}f}"


Order = Mapping[str, int]  # hosts by their place


def host_order(verification: Mapping[str, t.Any]) -> Order:
    """Return the place of every host: in the order of the inventory first, then partners as they come up."""
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
    """Group results, those that need action last, so that they stand right above the prompt.

    Hosts in an order, by default by name.
    """
    groups: dict[tuple[str, ...], dict[str, dict[str, Result]]] = {}
    for result in results:
        # Strangers of different kinds are told apart, and so are the reasons of those that serve nobody.
        identity = result.get("identity", {})
        stranger = identity.get("detail" if identity.get("status") == "refusing" else "looks_like", "")
        key = (
            *(result[field] for field in ("service", "protocol", "ports", "expected", "verdict", "reason")),
            stranger,
        )
        # A destination with several addresses has a result for each of them.
        groups.setdefault(key, {}).setdefault(result["destination"], {})[
            result["source"] + " " + result["address"]
        ] = result
    found = [line for by_destination in groups.values() for line in _split(by_destination, order or {})]
    return sorted(found, key=lambda line: VERDICTS.index(line.first["verdict"]))


def _split(by_destination: dict[str, dict[str, Result]], order: Order) -> list[Line]:
    ends = {
        destination: frozenset(result["source"] for result in results.values())
        for destination, results in by_destination.items()
    }
    return [
        _line(sources, destinations, by_destination, order) for sources, destinations in grouped(ends, str)
    ]


def _line(
    sources: Iterable[str],
    destinations: Iterable[str],
    by_destination: dict[str, dict[str, Result]],
    order: Order,
) -> Line:
    # Without an order, destinations stay as they came.
    names = ordered(destinations, order) if order else tuple(destinations)
    return Line(
        ordered(sources, order),
        names,
        tuple(result for name in names for result in by_destination[name].values()),
    )


def label(names: Sequence[str], peers: Mapping[str, Sequence[str]], width: int) -> str:
    """Return a name for a set of hosts: a peer that is exactly this set, else the names, as many as fit."""
    same = [peer for peer, members in peers.items() if len(names) > 1 and set(members) == set(names)]
    if same:
        return clip(f"{min(same, key=lambda peer: (peer == _WIDEST_PEER, peer))} ×{len(names)}", width)
    text = ", ".join(names)
    for shown in range(len(names) - 1, 0, -1):
        if len(text) <= width:
            break
        text = f"{', '.join(names[:shown])} +{len(names) - shown}"
    return clip(text, width)


def clip(text: str, width: int) -> str:
    """Return the text, cut to a width with a mark where something is missing."""
    return text if len(text) <= width else text[: width - 1] + "…"


def table(
    results: Iterable[Result], peers: Mapping[str, Sequence[str]], columns: int, order: Order | None = None
) -> list[str]:
    """Return the matrix as lines of text that fit a terminal of so many columns."""
    found = lines(results, order)
    fixed = [
        (_service(line.first), line.first["ports"], line.first["verdict"], line.milliseconds())
        for line in found
    ]
    widths = [
        max([len(heading), *(len(row[index]) for row in fixed)])
        for index, heading in enumerate(_HEADINGS[2:])
    ]
    widths[1] = min(widths[1], _WIDEST_PORTS)
    widths[0] = max(
        len(_HEADINGS[2]),
        min(widths[0], columns - sum(widths[1:]) - _GAP * (len(_HEADINGS) - 1) - 2 * _NARROWEST),
    )
    ends = _shares(
        [
            max(len(label(names, peers, columns)) for names in side)
            for side in zip(*((line.sources, line.destinations) for line in found))
        ]
        or [0, 0],
        columns - sum(widths) - _GAP * (len(_HEADINGS) - 1),
    )
    rows = [
        (label(line.sources, peers, ends[0]), label(line.destinations, peers, ends[1]), *row)
        for line, row in zip(found, fixed)
    ]
    return [_row(row, ends + widths) for row in [_HEADINGS, *rows]]


def _shares(wishes: Sequence[int], room: int) -> list[int]:
    """Share the room between two columns.

    Each gets what it wishes, as far as it leaves the other its half.
    """
    room = max(room, 2 * _NARROWEST)
    wishes = [max(wish, len(heading)) for wish, heading in zip(wishes, _HEADINGS)]
    first = min(wishes[0], max(room // 2, room - wishes[1]))
    return [first, min(wishes[1], room - first)]


def _service(result: Result) -> str:
    return result["service"] if result["expected"] == "reachable" else "not " + result["service"]


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [clip(cell, width).ljust(width) for cell, width in zip(cells[:-1], widths)]
    return (" " * _GAP).join([*texts, cells[-1].rjust(widths[-1])]).rstrip()


def sentences(results: Iterable[Result]) -> list[str]:
    """Return what is wrong and who acts, one sentence for each line of the table that is not ok."""
    wrong = [line for line in lines(results) if line.first["verdict"] != OK]
    texts = [
        f"{line.first['verdict']}: {line.first['sentence']}" + _more(len(line.results) - 1)
        for line in wrong[:_MOST_SENTENCES]
    ]
    if len(wrong) > _MOST_SENTENCES:
        texts.append(f"... and {len(wrong) - _MOST_SENTENCES} more groups of flows: see the report")
    return texts


def _more(count: int) -> str:
    return f" (and {count} more flow{'s' if count > 1 else ''} of this kind)" if count else ""


def counts(summary: Mapping[str, int], untestable: int) -> str:
    """Return one line that counts the verdicts."""
    total = sum(summary.values())
    parts = [f"{summary[verdict]} {verdict}" for verdict in VERDICTS if verdict in summary]
    aside = (
        f"; {untestable} kind{'s' if untestable > 1 else ''} of flow cannot be probed (see the report)"
        if untestable
        else ""
    )
    return f"{total} flow{'s' if total != 1 else ''}: {', '.join(parts) or 'none tested'}{aside}"
