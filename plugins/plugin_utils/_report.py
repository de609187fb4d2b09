# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports of a verification: pure text from plain data."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ..module_utils._errors import NetworkError
from ._summary import counts, label, lines, sentences
from ._verdict import OK

SCHEMA = 1
_WIDEST_GRID = 24
_ESCAPES = str.maketrans({character: "\\" + character for character in "\\`*_[]<>|#"} | {"\n": " ", "\r": " "})


def to_json(verification: Mapping[str, t.Any]) -> str:
    """Return the verification as canonical JSON: sorted keys, schema number first to check."""
    return json.dumps(dict(verification, schema=SCHEMA), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def to_markdown(verification: Mapping[str, t.Any]) -> str:
    """Return the verification as Markdown: counts, what is wrong, a grid of hosts, all flows, what could not be tested."""
    results = verification["results"]
    parts = ["# Network verification", f"{verification['created']}, release {verification['release']}",
             counts(verification["summary"], len(verification["untestable"])) + "."]
    wrong = sentences(results)
    if wrong:
        parts += ["## What to mend", "\n".join(f"- {_escape(sentence)}" for sentence in wrong)]
    parts += [*_grid(results), "## Flows", _flows(results, verification["peers"])]
    if verification["untestable"]:
        parts += ["## Not tested", _untestable(verification["untestable"], verification["peers"])]
    return "\n\n".join(parts) + "\n"


def _escape(text: str) -> str:
    # What a network answers may hold markup; it must stay text.
    return "".join(character for character in text.translate(_ESCAPES) if character.isprintable())


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    texts = [headings, ["---"] * len(headings), *([_escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in texts)


def _grid(results: Sequence[Mapping[str, t.Any]]) -> list[str]:
    sources = list(dict.fromkeys(result["source"] for result in results))
    destinations = list(dict.fromkeys(result["destination"] for result in results))
    if not results or len(destinations) > _WIDEST_GRID or len(sources) > 4 * _WIDEST_GRID:
        return []
    cells: dict[tuple[str, str], list[bool]] = {}
    for result in results:
        cells.setdefault((result["source"], result["destination"]), []).append(result["verdict"] == OK)
    rows = [[source, *(_cell(cells.get((source, destination), [])) for destination in destinations)] for source in sources]
    return ["## Matrix", "Flows that are ok, of all flows from the row's host to the column's.", _table(["from \\ to", *map(_escape, destinations)], rows)]


def _cell(oks: Sequence[bool]) -> str:
    return f"{'✓' if all(oks) else '✗'} {sum(oks)}/{len(oks)}" if oks else ""


def _flows(results: Sequence[Mapping[str, t.Any]], peers: Mapping[str, Sequence[str]]) -> str:
    rows = [(label(line.sources, peers, 120), label(line.destinations, peers, 120), line.first["service"], f"{line.first['protocol']} {line.first['ports']}",
             line.first["expected"], line.first["verdict"], f"{line.first['state']} ({line.first['reason']})", line.milliseconds()) for line in lines(results)]
    return _table(("from", "to", "service", "ports", "expected", "verdict", "seen", "ms"), rows)


def _untestable(entries: Sequence[Mapping[str, t.Any]], peers: Mapping[str, Sequence[str]]) -> str:
    rows = [(label(entry["sources"], peers, 120), label(entry["destinations"], peers, 120), entry["service"], f"{entry['protocol']} {entry['ports']}",
             entry["reason"]) for entry in entries]
    return _table(("from", "to", "service", "ports", "why"), rows)


FORMATS: dict[str, Callable[[Mapping[str, t.Any]], str]] = {"json": to_json, "markdown": to_markdown}


def render(verification: Mapping[str, t.Any], name: str) -> str:
    """Return the report in one of the C(FORMATS)."""
    if name not in FORMATS:
        raise NetworkError(f"report format {name!r} is not known: expected one of {', '.join(FORMATS)}")
    return FORMATS[name](verification)
