# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Markdown, for people: counts, what to mend, a grid of hosts, all flows, what was not tested or covered."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._text.tables import escape, markdown_table
from ..._verdict.not_covered import by_reason
from ..._verdict.not_covered import sentences as not_covered_sentences
from ..._verdict.verdict import OK
from ..summary import Order, counts, host_order, label, lines, ordered, sentences

NAME, SUFFIX = "markdown", "md"
_WIDEST_GRID = 24
_WIDEST_LABEL = 120
Peers = Mapping[str, Sequence[str]]


def render(verification: Mapping[str, t.Any]) -> str:
    """Return the verification as Markdown."""
    results = verification["results"]
    parts = [
        "# Network verification",
        f"{escape(str(verification['created']))}, release {escape(str(verification['release']))}",
        counts(verification["summary"], len(verification["untestable"])) + ".",
    ]
    wrong = sentences(results)
    if wrong:
        parts += ["## What to mend", "\n".join(f"- {escape(sentence)}" for sentence in wrong)]
    if verification.get("notes"):
        parts += ["## Notes", "\n".join(f"- {escape(note)}" for note in verification["notes"])]
    order = host_order(verification)
    parts += [*_grid(results, order), "## Flows", _flows(results, verification["peers"], order)]
    if verification["untestable"]:
        parts += ["## Not tested", _untestable(verification["untestable"], verification["peers"])]
    if verification.get("not_covered") or not results:
        parts += [
            "## Not covered",
            *map(escape, not_covered_sentences(verification)),
            _not_covered(verification.get("not_covered", ())),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _grid(results: Sequence[Mapping[str, t.Any]], order: Order) -> list[str]:
    sources = ordered({result["source"] for result in results}, order)
    destinations = ordered({result["destination"] for result in results}, order)
    if not results or len(destinations) > _WIDEST_GRID or len(sources) > 4 * _WIDEST_GRID:
        return []
    cells: dict[tuple[str, str], list[bool]] = {}
    for result in results:
        cells.setdefault((result["source"], result["destination"]), []).append(result["verdict"] == OK)
    rows = [
        [source, *(_cell(cells.get((source, destination), [])) for destination in destinations)]
        for source in sources
    ]
    table = markdown_table(["from \\ to", *map(escape, destinations)], rows)
    return ["## Matrix", "Flows that are ok, of all flows from the row's host to the column's.", table]


def _cell(oks: Sequence[bool]) -> str:
    return f"{'✓' if all(oks) else '✗'} {sum(oks)}/{len(oks)}" if oks else ""


def _flows(results: Sequence[Mapping[str, t.Any]], peers: Peers, order: Order) -> str:
    rows = [
        (
            label(line.sources, peers, _WIDEST_LABEL),
            label(line.destinations, peers, _WIDEST_LABEL),
            line.first["service"],
            f"{line.first['protocol']} {line.first['ports']}",
            line.first["expected"],
            line.first["verdict"],
            f"{line.first['state']} ({line.first['reason']})",
            line.milliseconds(),
        )
        for line in lines(results, order)
    ]
    return markdown_table(("from", "to", "service", "ports", "expected", "verdict", "seen", "ms"), rows)


def _untestable(entries: Sequence[Mapping[str, t.Any]], peers: Peers) -> str:
    rows = [
        (
            label(entry["sources"], peers, _WIDEST_LABEL),
            label(entry["destinations"], peers, _WIDEST_LABEL),
            entry["service"],
            f"{entry['protocol']} {entry['ports']}",
            entry["reason"],
        )
        for entry in entries
    ]
    return markdown_table(("from", "to", "service", "ports", "why"), rows)


def _not_covered(entries: Sequence[Mapping[str, t.Any]]) -> str:
    rows = [
        (
            ", ".join(entry["service"] for entry in group),
            ", ".join(f"{entry['protocol']} {entry['ports']}" for entry in group),
            reason,
        )
        for reason, group in by_reason(entries)
    ]
    return markdown_table(("service", "ports", "why"), rows) if rows else ""
