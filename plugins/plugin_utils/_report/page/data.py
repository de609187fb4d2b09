# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is embedded in the page for its script: the flows and the paths behind the cells.

Hundreds of hosts have a hundred thousand pairs, and only few kinds of flows. So a kind stands once in the
page, a pair has the number of the set of its kinds, and equal neighbours in a row are counted. Round trips
differ for each flow, and have three digits each, in two characters.
"""

from __future__ import annotations

import itertools
import json
import math
import operator
import re
import typing as t
from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import printable, visible
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.records import MARKS, Ends, Field, Kind, filled, of
from ..._verdict.throughput import least_megabytes
from .looks import BY_SEVERITY, NUMBERS, look
from .matrix import Matrix

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Identity, MeasuredPath, Verification

# 90 characters that need no escape in JSON within an element for scripts.
_DIGITS = "".join(chr(number) for number in range(35, 127) if chr(number) not in "\\<")
_MANTISSAS = 900  # 100 to 999
_SMALLEST_MS, _LARGEST_MS = 0.001, 999_000
# The script knows what stands for an end by its place in this order.
_MARKS_OF_PAGE = {
    MARKS[Ends._fields.index(end)]: chr(0xE000 + number)
    for number, end in enumerate(("address", "source_address", "source_external", "source", "destination"))
}
_BY_MARK = re.compile(f"([{MARKS}])")
# What the matrix shows of paths in place of verdicts; the script knows each by its value.
MEASURES = {
    "rtt": "median round trip, ms",
    "loss": "lost first tries, %",
    "segment": "largest segment, bytes",
    "clock": "difference of clocks, s",
    "idle": "idle connections, s",
    "throughput": "throughput, MB/s",
}


class _Kind(t.NamedTuple):
    """What flows have in common; texts are numbers of texts, which stand once in the page."""

    verdict: int
    service: int
    ports: int
    address: int  # the number of the address among those of its destination
    expected: int
    seen: int
    identity: int
    sentence: int
    cause: int
    evidence: int
    command: int
    timed: int


def data_of(verification: Verification, matrix: Matrix) -> dict[str, t.Any]:
    """Return the flows and paths of a verification for the script."""
    return {**_Flows(verification, matrix).data(), "paths": _paths(verification, matrix)}


def embedded(data: t.Any) -> str:
    """Return data as JSON for an element for scripts."""
    # Within a script element only "<" can end the data or begin a comment.
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


class _Flows:
    """The flows, as few kinds."""

    def __init__(self, verification: Verification, matrix: Matrix):
        self._results = matrix.results
        self._addresses = verification.get("addresses", {})
        self._external = verification.get("external", {})
        self._matrix = matrix
        self._texts: dict[str, int] = {}
        self._kinds: dict[_Kind, int] = {}
        self._known: dict[tuple[int, int, str], int] = {}
        self._to: list[dict[str, int]] = [{} for _name in matrix.columns]

    def data(self) -> dict[str, object]:
        """Return the hosts, their groups, the kinds, and what stands in each row."""
        rows, columns, hosts = self._matrix.rows, self._matrix.columns, self._matrix.hosts
        sets: dict[tuple[int, ...], int] = {(): 0}
        numbers = array("I", bytes(4 * len(rows) * len(columns)))
        times: list[list[str]] = [[] for _name in rows]
        results = self._results
        columns_of_places = [columns[place.destination] for place in results.places]
        rows_of_names = [rows[name] for name in results.names]
        for pair in results.pairs(self._matrix.order):
            first, at = pair.members[0]
            row, column = rows_of_names[first.sources[at]], columns_of_places[first.places[at]]
            kinds = tuple(self._kind(kind, one, column) for kind, one in pair.members)
            numbers[row * len(columns) + column] = sets.setdefault(kinds, len(sets))
            times[row] += [
                _coded_times(kind, one) for kind, one in pair.members if ("rtt_ms", "median") in kind.columns
            ]
        cells = [
            _run_lengths(numbers[row * len(columns) : (row + 1) * len(columns)]) for row in range(len(rows))
        ]
        return {
            "hosts": [visible(name) for name in hosts],
            "rows": [hosts[name] for name in rows],
            "columns": [hosts[name] for name in columns],
            "groups": [
                {
                    "label": group.label,
                    "hosts": [hosts[name] for name in group.names],
                    "short": list(group.short_names),
                }
                for group in self._matrix.groups
            ],
            "addresses": [visible(", ".join(self._addresses.get(name, ()))) for name in rows],
            "external": [visible(", ".join(self._external.get(name, ()))) for name in rows],
            "to": [list(map(visible, addresses)) for addresses in self._to],
            "verdicts": [look(verdict)._asdict() for verdict in BY_SEVERITY],
            "texts": list(self._texts),
            "kinds": {field: [getattr(kind, field) for kind in self._kinds] for field in _Kind._fields},
            "sets": list(sets),
            "cells": cells,
            "times": ["".join(of_row) for of_row in times],
        }

    def _kind(self, kind: Kind, row: int, column: int) -> int:
        """Return the number of the kind of a result, as the page has it."""
        address = self._results.places[kind.places[row]].address
        addresses = self._to[column]
        number = addresses.get(address)
        if number is None:
            number = addresses[address] = len(addresses)
        sender = kind.common.get("reason_ip", "")
        if "reason_ip" in kind.marked:
            sender = filled(sender, self._results.ends(kind, row))
        key = (kind.number, number, sender)
        known = self._known.get(key)
        if known is None:
            made = self._made(kind, number, sender)
            known = self._known[key] = self._kinds.setdefault(made, len(self._kinds))
        return known

    def _made(self, kind: Kind, address: int, sender: str) -> _Kind:
        common = kind.common
        return _Kind(
            verdict=NUMBERS[common["verdict"]],
            service=self._number(common["service"]),
            ports=self._number(f"{common['protocol']} {common['ports']}"),
            address=address,
            expected=self._number(common["expected"]),
            seen=self._number(_seen(common, sender)),
            identity=self._number(_described(common["identity"]) if "identity" in common else ""),
            sentence=self._number_of_pattern(common["sentence"]),
            cause=self._number(common.get("cause", "")),
            evidence=self._number_of_pattern("; ".join(common.get("evidence", ()))),
            command=self._number_of_pattern(common.get("next_command", "")),
            timed=int(("rtt_ms", "median") in kind.columns),
        )

    def _number(self, text: str) -> int:
        """Return the number under which the script finds a text."""
        return self._texts.setdefault(printable(text), len(self._texts))

    def _number_of_pattern(self, text: str) -> int:
        """Return the same for a text with marks, for which the script has others of its own."""
        parts = [_MARKS_OF_PAGE.get(part) or printable(part) for part in _BY_MARK.split(text)]
        return self._texts.setdefault("".join(parts), len(self._texts))


def _short(values: list[t.Any]) -> list[t.Any] | dict[str, list[t.Any]]:
    """Return values as they are, or as runs of equal ones, if that is shorter."""
    runs = _run_lengths(values)
    return {"runs": runs} if len(runs) < len(values) else values


def _run_lengths(numbers: t.Sequence[t.Any]) -> list[t.Any]:
    """Return numbers and how often each stands there in a row, one behind the other."""
    runs = ((number, len(list(several))) for number, several in itertools.groupby(numbers))
    return [part for run in runs for part in run]


def _coded_times(kind: Kind, row: int) -> str:
    return "".join(_coded(kind.columns["rtt_ms", name][row]) for name in ("min", "median", "max"))


# Sites have few different times, at the resolution of a clock.
@lru_cache(maxsize=65536)
def _coded(milliseconds: float) -> str:
    """Return three digits of a time and its power of ten as two characters."""
    value = min(max(milliseconds, _SMALLEST_MS), _LARGEST_MS)
    power = math.floor(math.log10(value)) + 3
    mantissa = round(value * 10 ** (5 - power))
    if mantissa >= 1000:
        mantissa, power = 100, power + 1
    code = max(power, 0) * _MANTISSAS + max(mantissa - 100, 0)
    return _DIGITS[code // len(_DIGITS)] + _DIGITS[code % len(_DIGITS)]


def _seen(common: Mapping[str, t.Any], sender: str) -> str:
    return f"{common['state']} ({common['reason']}{f' from {sender}' if sender else ''})"


def _described(identity: Identity) -> str:
    facts = (identity.get("status"), identity.get("version"), identity.get("detail"))
    return ", ".join(str(fact) for fact in facts if fact)


def _paths(verification: Verification, matrix: Matrix) -> dict[str, t.Any]:
    """Return what was measured of the paths behind the cells, a list for each measure; null is unknown.

    A measure of no path is left out. Pairs are numbered row by row, and each is given as the distance from
    the one before. Of segments and of transfers, the smaller direction counts, and a negative size is that of
    a path on which full-size segments vanish.
    """
    width, found = len(matrix.columns), of(verification, "paths")
    rows = [matrix.rows.get(name, -1) for name in found.names]
    columns = [matrix.columns.get(place.destination, -1) for place in found.places]
    known: list[tuple[int, Kind, int]] = []
    for kind, row in found[:].each():
        from_row, to_column = rows[kind.sources[row]], columns[kind.places[row]]
        if from_row >= 0 and to_column >= 0:
            known.append((from_row * width + to_column, kind, row))
    known.sort(key=operator.itemgetter(0))
    pairs = [pair for pair, _kind, _row in known]
    constants = [
        (_smallest_segment(kind.common), _idle(kind.common), least_megabytes(kind.common))
        for kind in found.kinds
    ]
    medians, clocks = _column(known, ("rtt_ms", "median")), _column(known, ("clock_offset_s", ""))
    fields: dict[str, list[t.Any]] = {
        "pair": [pair - before for before, pair in itertools.pairwise([0, *pairs])],
        "rtt": [None if median is None else round(median, 3) for median in medians],
        "loss": [
            round(100 * lost / tries, 2) if tries else None
            for lost, tries in zip(_column(known, ("lost", "")), _column(known, ("tries", "")), strict=True)
        ],
        "segment": [constants[kind.number][0] for _pair, kind, _row in known],
        "clock": [None if clock is None else round(clock, 3) for clock in clocks],
        "idle": [constants[kind.number][1] for _pair, kind, _row in known],
        "throughput": [constants[kind.number][2] for _pair, kind, _row in known],
    }
    known_fields = {name: values for name, values in fields.items() if any(one is not None for one in values)}
    return {name: _short(values) for name, values in known_fields.items()}


def _column(known: Iterable[tuple[int, Kind, int]], field: Field) -> Iterator[t.Any]:
    """Yield one number of each path, None where there is none."""
    for _pair, kind, row in known:
        column = kind.columns.get(field)
        yield None if column is None else column[row]


def _idle(path: MeasuredPath) -> int | None:
    """Return how long connections may be idle; a negative time is one after which they were cut."""
    cut = shortest_cut(path)
    return longest_lived(path) if cut is None else -cut


def _smallest_segment(path: MeasuredPath) -> int | None:
    known = [segment for unused, segment in segments_of(path) if segment["state"] != UNMEASURED]
    if not known:
        return None
    smallest = min(segment["size"] for segment in known)
    return -max(smallest, 1) if vanishing_directions(path) else smallest
