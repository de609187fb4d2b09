# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV: one line for each result and each row that is not covered, for spreadsheets and databases.

What was measured of a path stands in the line of each of its flows.
"""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Iterator, Mapping

from ..._text.tables import csv_cell, csv_parts
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of
from ..._verdict.records import Kind, Records, filled, of
from ..._verdict.throughput import megabytes_per_second, transfers_of
from ..summary import Order, host_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import MeasuredPath, NotCovered, Result, Verification

NAME, SUFFIX = "csv", "csv"
_FLOW = ("source", "destination", "address", "service", "protocol", "ports", "expected")
_SEEN = ("verdict", "state", "reason", "reason_ip")
_TIMES = ("min", "median", "max")
_PATH = (
    "path_tries",
    "path_lost",
    "path_rtt_ms_median",
    "path_segment_out",
    "path_segment_in",
    "path_clock_offset_s",
    "path_seen_as",
    "path_idle_lived_s",
    "path_idle_cut_s",
    "path_throughput_mb_s_out",
    "path_throughput_mb_s_in",
)
_TRACE = ("trace_hop", "trace_by")
_WHY = ("cause", "evidence", "next_command", "actor")
_HEADINGS = (
    "created",
    *_FLOW,
    *_SEEN,
    *(f"rtt_ms_{which}" for which in _TIMES),
    "sentence",
    *_PATH,
    *_TRACE,
    *_WHY,
)

# Where the cells of a kind are: behind the ends, and before and behind those of the path.
_FIRST = _HEADINGS.index("service")
_BEFORE = _HEADINGS.index(_PATH[0]) - _FIRST
_TIME, _SENTENCE = _HEADINGS.index("rtt_ms_min") - _FIRST, _HEADINGS.index("sentence") - _FIRST
_PATH_NUMBERS = {
    _PATH.index("path_tries"): ("tries", ""),
    _PATH.index("path_lost"): ("lost", ""),
    _PATH.index("path_rtt_ms_median"): ("rtt_ms", "median"),
    _PATH.index("path_clock_offset_s"): ("clock_offset_s", ""),
}
_NO_PATH = [""] * len(_PATH)


def render(verification: Verification) -> str:
    """Return a line for each flow or differing part of its ports, and for each row that is not covered."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same part by part."""
    created = verification["created"]
    uncovered = (_uncovered(created, entry) for entry in verification.get("not_covered", ()))
    yield from csv_parts(_HEADINGS, itertools.chain(_rows(verification), map(_row, uncovered)))


def _row(cells: Mapping[str, object]) -> list[object]:
    return [csv_cell(cells.get(heading, "")) for heading in _HEADINGS]


def _rows(verification: Verification) -> Iterator[list[object]]:
    """Yield the lines of the flows, those of one pair of hosts together, with their path."""
    results, paths = of(verification, "results"), of(verification, "paths")
    order = host_order({**verification, "results": results})
    created = csv_cell(verification["created"])
    names = list(map(csv_cell, results.names))
    places = [tuple(map(csv_cell, place)) for place in results.places]
    kinds = [_OfKind(kind) for kind in results.kinds]
    of_paths = _paths_of_pairs(paths, order)
    waiting = next(of_paths, None)
    for pair in results.pairs(order):
        while waiting is not None and waiting[0] < pair.key:
            waiting = next(of_paths, None)
        by_address = waiting[1] if waiting is not None and waiting[0] == pair.key else {}
        for kind, row in pair.members:
            place = kind.places[row]
            cells = kinds[kind.number].cells(results, row)
            measured = by_address.get(results.places[place].address, _NO_PATH)
            yield [
                created,
                names[kind.sources[row]],
                *places[place],
                *cells[:_BEFORE],
                *measured,
                *cells[_BEFORE:],
            ]


class _OfKind:
    """The cells of a kind of results, without those of the ends and of the path."""

    def __init__(self, kind: Kind):
        self._kind = kind
        cells = _row(_measured(kind.common))
        self._cells = [*cells[_FIRST : _FIRST + _BEFORE], *cells[_FIRST + _BEFORE + len(_PATH) :]]
        self._times = [kind.columns.get(("rtt_ms", which)) for which in _TIMES]
        self._differing = [name for name in kind.marked if name in _HEADINGS]

    def cells(self, results: Records[Result], row: int) -> list[object]:
        """Return the cells of one result."""
        kind = self._kind
        if self._differing == ["sentence"]:
            # That is what nearly all of them are.
            found = self._cells[:]
            found[_SENTENCE] = csv_cell(filled(kind.common["sentence"], results.ends(kind, row)))
        elif self._differing:
            cells = _row(_measured(results.record(kind, row)))
            found = [*cells[_FIRST : _FIRST + _BEFORE], *cells[_FIRST + _BEFORE + len(_PATH) :]]
        else:
            found = self._cells[:]
        for place, column in enumerate(self._times, _TIME):
            if column is not None:
                found[place] = column[row]
        return found


def _paths_of_pairs(
    paths: Records[MeasuredPath], order: Order
) -> Iterator[tuple[int, dict[str, list[object]]]]:
    """Yield the cells of the paths of each pair of hosts, by address."""
    whole = {**order}
    for name in (*paths.names, *(place.destination for place in paths.places)):
        whole.setdefault(name, len(whole))
    kinds = [_path_cells(kind.common) for kind in paths.kinds]
    for pair in paths.pairs(whole):
        source, destination = divmod(pair.key, len(whole))
        if source >= len(order) or destination >= len(order):
            continue
        by_address = {}
        for kind, row in pair.members:
            cells = kinds[kind.number][:]
            for place, column in _PATH_NUMBERS.items():
                if column in kind.columns:
                    cells[place] = kind.columns[column][row]
            by_address[paths.places[kind.places[row]].address] = cells
        yield source * len(order) + destination, by_address


def _path_cells(path: MeasuredPath) -> list[object]:
    found = _of_path(path)
    return [csv_cell(found.get(heading, "")) for heading in _PATH]


def _measured(result: Mapping[str, t.Any]) -> dict[str, object]:
    times = result["rtt_ms"].items() if "rtt_ms" in result else ()
    row = {**result, **{f"rtt_ms_{which}": value for which, value in times}}
    if "evidence" in result:
        row["evidence"] = "; ".join(result["evidence"])
    if "actor" in result:
        row["actor"] = " or ".join(result["actor"])
    if "trace" in result:
        row.update(trace_hop=result["trace"]["hop"], trace_by=" ".join(result["trace"]["by"]))
    return row


def _of_path(path: MeasuredPath) -> dict[str, object]:
    """Return the cells of a path, without those that are numbers."""
    found: dict[str, object] = {}
    for direction, segment in segments_of(path):
        found[f"path_segment_{direction}"] = segment.get("size", "")
    if "seen_as" in path:
        found["path_seen_as"] = " ".join(path["seen_as"])
    lived, cut = longest_lived(path), shortest_cut(path)
    if lived is not None:
        found["path_idle_lived_s"] = lived
    if cut is not None:
        found["path_idle_cut_s"] = cut
    for direction, transfer in transfers_of(path):
        speed = megabytes_per_second(transfer)
        found[f"path_throughput_mb_s_{direction}"] = "" if speed is None else speed
    return found


def _uncovered(created: str, entry: NotCovered) -> dict[str, object]:
    return {
        "created": created,
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "verdict": "not_covered",
        "reason": entry["cause"],
        "sentence": f"{entry['service']} is not covered: {entry['reason']}.",
    }
