# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Markdown, for people: counts, who must act, a grid of hosts, all flows, what was not tested or covered."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from itertools import repeat

from ....module_utils._probe.segments import STALLED, UNMEASURED
from ..._text.sets import some_names
from ..._text.tables import escape, markdown_table, printable
from ..._verdict.counts import flow_verdicts
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.not_covered import by_reason, coverage_sentences
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.records import Kind, Records, of
from ..._verdict.throughput import megabytes_per_second
from ..._verdict.verdict import OK
from ..blocks import Block, blocks
from ..comparison import changes_of_report, to_text
from ..spoken import sentences
from ..summary import Line, Order, Peers, counts, host_order, label, lines, ordered, title, with_records

if t.TYPE_CHECKING:
    from ....module_utils._shapes import (
        MeasuredPath,
        NotCovered,
        Result,
        SegmentSize,
        Transfer,
        Unmeasured,
        Verification,
    )

NAME, SUFFIX = "markdown", "md"
_MAX_GRID = 24
_MAX_BLOCKS = 12
_MAX_CHANGES = 21  # with the line of their counts
_MAX_LABEL_WIDTH = 120
_MAX_PATHS = 100
_PATH_HEADINGS = (
    "from",
    "to",
    "address",
    "ms median",
    "ms 95 %",
    "lost",
    "segment out",
    "segment in",
    "clock s",
    "seen as",
    "idle s",
    "MB/s out",
    "MB/s in",
)


def render(verification: Verification) -> str:
    """Return the verification as Markdown."""
    verification = with_records(verification)
    results, peers, order = of(verification, "results"), verification["peers"], host_order(verification)
    parts = [
        f"# {escape(title(verification))}",
        f"{escape(str(verification['created']))}, release {escape(str(verification['release']))}",
        counts(verification) + ".",
    ]
    acting = blocks(verification)
    if acting:
        parts += ["## Who must act", *(_block(block) for block in acting[:_MAX_BLOCKS])]
        if len(acting) > _MAX_BLOCKS:
            parts.append(f"{len(acting) - _MAX_BLOCKS} more parties must act for milder faults.")
        parts += ["## What was seen", _list(reversed(sentences(verification)))]
    changed = changes_of_report(verification)
    if changed is not None:
        said = to_text(changed, peers, order).splitlines()
        parts += ["## Since the last report", _list(said[:_MAX_CHANGES])]
    if verification.get("notes"):
        parts += ["## Notes", _list(verification["notes"])]
    parts += [*_grid(results, order), "## Flows", _flows(results, peers, order)]
    if verification.get("paths"):
        parts += ["## Paths", *_paths(of(verification, "paths"), order)]
    if verification["untestable"]:
        parts += ["## Not tested", _untestable(verification["untestable"], peers)]
    if verification.get("not_covered") or not results:
        parts += [
            "## Not covered",
            *map(escape, coverage_sentences(verification)),
            _not_covered(verification.get("not_covered", ())),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _block(block: Block) -> str:
    """Return who must act, what to do, and why; commands as code, so that they can be copied."""
    flows = "1 flow" if block.flows == 1 else f"{block.flows} flows"
    who = block.who[0].upper() + block.who[1:]
    items = [*block.todo, *([f"and {block.left_out} more"] if block.left_out else [])]
    ends = _ends(block.worst.line)
    text = f"### {escape(who)}: {flows}\n\nWorst: {escape(f'{block.verdict}, {ends}')}\n\n{_list(items)}"
    if block.facts:
        text += f"\n\nEvidence: {escape('; '.join(block.facts))}"
    if block.commands:
        fenced = "\n".join(printable(command) for command in block.commands)
        # A longer fence than any in a command ends the code.
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", fenced)), default=0))
        text += f"\n\n{fence}shell\n{fenced}\n{fence}"
    return text


def _ends(line: Line) -> str:
    return f"{some_names(line.sources)} to {some_names(line.destinations)}"


def _list(texts: Iterable[str]) -> str:
    return "\n".join(f"- {escape(text)}" for text in texts)


def _grid(results: Records[Result], order: Order) -> list[str]:
    sources = ordered(results.names, order)
    destinations = ordered({place.destination for place in results.places}, order)
    if not results or len(destinations) > _MAX_GRID or len(sources) > 4 * _MAX_GRID:
        return []
    cells: dict[tuple[str, str], list[bool]] = {}
    for (source, destination, *_what), verdict in flow_verdicts(results).items():
        cells.setdefault((source, destination), []).append(verdict == OK)
    rows = [
        [source, *(_cell(cells.get((source, destination), [])) for destination in destinations)]
        for source in sources
    ]
    table = markdown_table(["from \\ to", *map(escape, destinations)], rows)
    return ["## Matrix", "Flows that are ok, of all flows from the row's host to the column's.", table]


def _cell(oks: Sequence[bool]) -> str:
    if not oks:
        return ""
    return f"{'✓' if all(oks) else '✗'} {sum(oks)}/{len(oks)}"


def _flows(results: Records[Result], peers: Peers, order: Order) -> str:
    rows = [
        (
            label(line.sources, peers, _MAX_LABEL_WIDTH),
            label(line.destinations, peers, _MAX_LABEL_WIDTH),
            line.first["service"],
            f"{line.first['protocol']} {line.first['ports']}",
            line.first["expected"],
            line.first["verdict"],
            line.first.get("cause", ""),
            f"{line.first['state']} ({line.first['reason']})",
            line.milliseconds(),
        )
        for line in lines(results, order)
    ]
    return markdown_table(
        ("from", "to", "service", "ports", "expected", "verdict", "cause", "seen", "ms"), rows
    )


def _paths(paths: Records[MeasuredPath], order: Order) -> Iterator[str]:
    """Yield what was measured of paths: of many, the slowest and those that lose something."""
    in_order = paths.sorted(order)
    shown: Iterable[MeasuredPath] = in_order
    if len(paths) > _MAX_PATHS:
        stalled = [
            bool(vanishing_directions(kind.common) or shortest_cut(kind.common) is not None)
            for kind in paths.kinds
        ]
        of_kind = [_badness(kind, is_stalled) for kind, is_stalled in zip(paths.kinds, stalled, strict=True)]
        badness = [of_kind[kind][row] for kind, row in zip(in_order.kinds, in_order.rows, strict=True)]
        shown = map(in_order.__getitem__, nlargest(_MAX_PATHS, range(len(paths)), key=badness.__getitem__))
    yield markdown_table(_PATH_HEADINGS, [_path_row(path) for path in shown])
    if len(paths) > _MAX_PATHS:
        yield f"The worst {_MAX_PATHS} of {len(paths)} paths; report.json has all of them."


def _badness(kind: Kind, is_stalled: bool) -> list[tuple[bool, float, float]]:
    """Return what the paths of a kind are sorted by: the share that is lost, then the round trip."""
    tries, lost = kind.columns["tries", ""], kind.columns["lost", ""]
    shares = [vanished / sent if sent else 0.0 for vanished, sent in zip(lost, tries, strict=True)]
    times = kind.columns.get(("rtt_ms", "median"), repeat(0.0))
    return list(zip(repeat(is_stalled), shares, times))


def _path_row(path: MeasuredPath) -> tuple[str, ...]:
    segments = dict(segments_of(path))
    times = path.get("rtt_ms")
    return (
        path["source"],
        path["destination"],
        path["address"],
        f"{times['median']:.2f}" if times else "",
        f"{times['p95']:.2f}" if times and "p95" in times else "",
        f"{path['lost']} of {path['tries']}",
        *(_segment(segments.get(direction)) for direction in ("out", "in")),
        f"{round(path['clock_offset_s'], 3) + 0.0:.3f}" if "clock_offset_s" in path else "",
        ", ".join(path.get("seen_as", ())),
        _idle(path),
        *(_speed(path.get("throughput", {}).get(direction)) for direction in ("out", "in")),
    )


def _idle(path: MeasuredPath) -> str:
    """Return how long connections may be idle."""
    if "idle" not in path:
        return ""
    lived, cut = longest_lived(path), shortest_cut(path)
    texts = [] if lived is None else [str(lived)]
    texts += [] if cut is None else [f"cut at {cut}"]
    return ", ".join(texts) or "not measured"


def _speed(transfer: Transfer | None) -> str:
    """Return what a transfer carries, nothing if none was asked for."""
    if transfer is None:
        return ""
    speed = megabytes_per_second(transfer)
    return "not measured" if speed is None else f"{speed:g}"


def _segment(segment: SegmentSize | None) -> str:
    if segment is None or segment["state"] == UNMEASURED:
        return "not measured"
    size = str(segment["size"])
    return f"{size} of {segment['mss']}" if segment["state"] == STALLED else size


def _untestable(entries: Sequence[Unmeasured], peers: Peers) -> str:
    rows = [
        (
            label(entry["sources"], peers, _MAX_LABEL_WIDTH),
            label(entry["destinations"], peers, _MAX_LABEL_WIDTH),
            entry["service"],
            f"{entry['protocol']} {entry['ports']}",
            entry["reason"],
        )
        for entry in entries
    ]
    return markdown_table(("from", "to", "service", "ports", "why"), rows)


def _not_covered(entries: Sequence[NotCovered]) -> str:
    rows = [
        (
            ", ".join(entry["service"] for entry in group),
            ", ".join(f"{entry['protocol']} {entry['ports']}" for entry in group),
            reason,
        )
        for reason, group in by_reason(entries)
    ]
    return markdown_table(("service", "ports", "why"), rows) if rows else ""
