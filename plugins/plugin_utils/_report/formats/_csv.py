# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV: one line for each result and each row that is not covered, for spreadsheets and databases.

What was measured of a path stands in the line of each of its flows.
"""

from __future__ import annotations

import itertools
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..._text.tables import FORMULA, csv_cell, csv_line, csv_quoted, printable
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of
from ..._verdict.records import MARKS, Field, Kind, Records, of, texts_of
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

# Where the parts of a line are that differ between the flows of a kind.
_SERVICE, _TIME, _SENTENCE = map(_HEADINGS.index, ("service", "rtt_ms_min", "sentence"))
_FIRST_OF_PATH, _BEHIND_PATH = _HEADINGS.index(_PATH[0]), _HEADINGS.index(_TRACE[0])
_PATH_NUMBERS = {
    "path_tries": ("tries", ""),
    "path_lost": ("lost", ""),
    "path_rtt_ms_median": ("rtt_ms", "median"),
    "path_clock_offset_s": ("clock_offset_s", ""),
}
_NO_PATH = "," * (len(_PATH) - 1)
_Fillings = tuple[str, ...]
_BY_MARK = re.compile(f"([{MARKS}])")
# What stands for the name and the addresses of a source until all its lines are made; no cell holds these. A
# text with a comma has its own: the cell that gets it is quoted.
_WITHOUT_COMMA, _WITH_COMMA = "\0\1\2", "\3\4\5"
_NEEDS_QUOTES = re.compile(f'[,"{_WITH_COMMA}]')


def render(verification: Verification) -> str:
    """Return a line for each flow or differing part of its ports, and for each row that is not covered."""
    return "".join(parts(verification))


def parts(verification: Verification) -> Iterator[str]:
    """Yield the same part by part."""
    created = verification["created"]
    yield csv_line(_HEADINGS)
    yield from _lines(verification)
    for entry in verification.get("not_covered", ()):
        cells = _uncovered(created, entry)
        yield csv_line(csv_cell(cells.get(heading, "")) for heading in _HEADINGS)


def _lines(verification: Verification) -> Iterator[str]:
    """Yield the lines of the flows of each source, those of one pair of hosts together, with their path.

    Lines of one kind to one place differ by their source, their times and their path. So what they share is
    formatted once, and the texts of a source are written into all of its lines at once.
    """
    results, paths = of(verification, "results"), of(verification, "paths")
    order = host_order({**verification, "results": results})
    found = results.sorted(order)
    shared = _Shared(results, verification["created"])
    columns: dict[str, Field] = {which: ("rtt_ms", which) for which in _TIMES}
    times = [_numbers(kind, _TIMES, columns, {}) for kind in results.kinds]
    measured = _Measured(paths, results, order)
    width = len(results.places)
    for source, some in found.by_source():
        texts = tuple(map(printable, results.ends_of_source(source)))
        fillings = _fillings(texts)
        by_place = measured.of_source(results.names[source])
        known = shared.of(fillings)
        pieces: list[str] = []
        for kind, row, place in zip(found.kinds[some], found.rows[some], found.places[some]):
            key = kind * width + place
            if key not in known:
                known[key] = shared.made(kind, place, fillings)
            before, between, behind = known[key]
            pieces += (before, times[kind][row], between, by_place.get(place, _NO_PATH), behind)
        lines = "".join(pieces)
        for filling, text in zip(fillings, texts, strict=True):
            if filling != text:
                lines = lines.replace(filling, text)
        yield lines


def _fillings(texts: Iterable[str]) -> _Fillings:
    """Return what stands for the texts of a source until its lines are made.

    A text that would change more than the quotes of a cell stands there from the beginning.
    """
    texts = tuple(texts)
    if any('"' in text or text.startswith(FORMULA) for text in texts):
        return texts
    return tuple(
        (several if "," in text else single) if text else ""
        for text, single, several in zip(texts, _WITHOUT_COMMA, _WITH_COMMA, strict=True)
    )


class _Shared:
    """What lines of one kind to one place share: the parts around their times and their path."""

    def __init__(self, results: Records[Result], created: str):
        self._results = results
        self._created = csv_cell(created)
        self._cells = [_measured(kind.common) for kind in results.kinds]
        self._known: dict[_Fillings, dict[int, tuple[str, str, str]]] = {}

    def of(self, fillings: _Fillings) -> dict[int, tuple[str, str, str]]:
        """Return those that are known for sources with these fillings."""
        return self._known.setdefault(fillings, {})

    def made(self, kind: int, place: int, fillings: _Fillings) -> tuple[str, str, str]:
        """Return the parts of a kind and a place."""
        end = self._results.places[place]
        marked = self._results.kinds[kind].marked
        ends = dict(zip(MARKS, (fillings[0], *map(printable, end), *fillings[1:]), strict=True))
        known = {**self._cells[kind], "created": self._created, "source": fillings[0], **end._asdict()}
        cells = [
            _filled(known.get(heading, ""), ends if heading in marked else {}, heading == "source")
            for heading in _HEADINGS
        ]
        return (
            "".join(f"{cell}," for cell in cells[:_TIME]),
            "".join(f",{cell}" for cell in cells[_SENTENCE:_FIRST_OF_PATH]) + ",",
            "".join(f",{cell}" for cell in cells[_BEHIND_PATH:]) + "\n",
        )


def _filled(value: object, ends: Mapping[str, str], is_clean: bool) -> str:
    """Return a cell, in quotes if it needs them, with what stands for the ends where its marks are."""
    if isinstance(value, str) and not is_clean:
        value = "".join(ends.get(part) or printable(part) for part in _BY_MARK.split(value))
    text = str(value)
    if text.startswith(FORMULA):
        text = "'" + text
    return '"{}"'.format(text.replace('"', '""')) if _NEEDS_QUOTES.search(text) else text


def _numbers(
    kind: Kind, headings: Iterable[str], fields: Mapping[str, Field], constants: Mapping[str, object]
) -> Sequence[str]:
    """Return the cells of each record of a kind under some headings: numbers, and what is alike for all."""
    cells: list[Iterable[str]] = []
    for heading in headings:
        column = kind.columns.get(fields[heading]) if heading in fields else None
        if column is not None:
            cells.append(texts_of(column))
        else:
            cells.append(itertools.repeat(csv_quoted(csv_cell(constants.get(heading, "")))))
    return list(itertools.islice(map(",".join, zip(*cells)), len(kind.sources)))


class _Measured:
    """The cells of paths."""

    def __init__(self, paths: Records[MeasuredPath], results: Records[Result], order: Order):
        self._found = paths.sorted(order)
        self._spans: dict[str, list[slice]] = {}
        for source, some in self._found.by_source():
            self._spans.setdefault(paths.names[source], []).append(some)
        numbers = {place: number for number, place in enumerate(results.places)}
        self._places = [numbers.get(place, -1) for place in paths.places]
        self._cells = [_numbers(kind, _PATH, _PATH_NUMBERS, _of_path(kind.common)) for kind in paths.kinds]

    def of_source(self, name: str) -> dict[int, str]:
        """Return the cells of the paths of a source, by their place among those of the results."""
        found: dict[int, str] = {}
        for some in self._spans.get(name, ()):
            places = map(self._places.__getitem__, self._found.places[some])
            for kind, row, place in zip(self._found.kinds[some], self._found.rows[some], places):
                found[place] = self._cells[kind][row]
        return found


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
