# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is embedded in the page for its script: the flows and the paths behind the cells.

Hundreds of hosts have a hundred thousand pairs, and only few kinds of flows. So a kind stands once in the
page, a pair has the number of the set of its kinds, and equal neighbours in a row are counted. Round trips
differ for each flow, and have three digits each, in two characters.
"""

from __future__ import annotations

import base64
import itertools
import json
import math
import re
import typing as t
import zlib
from array import array
from collections.abc import Callable, Iterable, Mapping

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import printable, visible
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.records import MARKS, Ends, Field, Kind, Some, filled, mapped, of
from ..._verdict.throughput import least_megabytes
from .looks import BY_SEVERITY, NUMBERS, look
from .matrix import Matrix

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Identity, MeasuredPath, Verification

# 90 characters that need no escape in JSON within an element for scripts.
_DIGITS = "".join(chr(number) for number in range(35, 127) if chr(number) not in "\\<")
_MANTISSAS = 900  # 100 to 999
_SMALLEST_MS, _LARGEST_MS = 0.001, 999_000
_MOST_UNPACKED = 1 << 20  # characters of JSON: that of 300 hosts
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


class Embedded(t.NamedTuple):
    """Data as they stand in an element for scripts."""

    text: str
    is_packed: bool


def embedded(data: t.Any) -> Embedded:
    """Return data as JSON, which is packed if there is much of it: by zlib, in Base64.

    The script of a page unpacks them with C(DecompressionStream), which browsers have since Chrome 80,
    Firefox 113 and Safari 16.4 of 2023. In an older one, a large page is as without scripts, and says so.
    """
    # Within a script element only "<" can end the data or begin a comment.
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
    if len(text) <= _MOST_UNPACKED:
        return Embedded(text, is_packed=False)
    return Embedded(base64.b64encode(zlib.compress(text.encode())).decode(), is_packed=True)


class _Flows:
    """The flows, as few kinds."""

    def __init__(self, verification: Verification, matrix: Matrix):
        self._results = matrix.results
        self._addresses = verification.get("addresses", {})
        self._external = verification.get("external", {})
        self._matrix = matrix
        self._texts: dict[str, int] = {}
        self._kinds: dict[_Kind, int] = {}
        self._to: list[dict[str, int]] = [{} for _name in matrix.columns]

    def data(self) -> dict[str, object]:
        """Return the hosts, their groups, the kinds, and what stands in each row."""
        rows, columns, hosts = self._matrix.rows, self._matrix.columns, self._matrix.hosts
        # As in the matrix, a set is reached from a smaller one by one more kind.
        sets: list[tuple[int, ...]] = [()]
        steps: list[dict[int, int]] = [{}]
        results = self._results
        known: list[dict[int, int]] = [{} for _kind in results.kinds]  # what the page has for it, by place
        of_place = [columns[place.destination] for place in results.places]
        coded = _coded_times(results.kinds)
        found = results.sorted(self._matrix.order)
        cells: list[list[int]] = []
        times: list[str] = []
        for _source, some in found.by_source():
            numbers = array("I", bytes(4 * len(columns)))
            kinds, members = found.kinds[some], found.rows[some]
            for kind, row, place in zip(kinds, members, found.places[some]):
                column = of_place[place]
                one = known[kind].get(place)
                if one is None:
                    one = self._kind(results.kinds[kind], row, column)
                    if "reason_ip" not in results.kinds[kind].marked:
                        known[kind][place] = one
                number = steps[numbers[column]].get(one)
                if number is None:
                    number = steps[numbers[column]][one] = len(sets)
                    sets.append((*sets[numbers[column]], one))
                    steps.append({})
                numbers[column] = number
            cells.append(_run_lengths(numbers))
            times.append("".join([coded[kind][row] for kind, row in zip(kinds, members)]))
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
            "sets": sets,
            "cells": cells,
            "times": times,
        }

    def _kind(self, kind: Kind, row: int, column: int) -> int:
        """Return the number of the kind of a result, as the page has it."""
        address = self._results.places[kind.places[row]].address
        number = self._to[column].setdefault(address, len(self._to[column]))
        sender = kind.common.get("reason_ip", "")
        if "reason_ip" in kind.marked:
            sender = filled(sender, self._results.ends(kind, row))
        return self._kinds.setdefault(self._made(kind, number, sender), len(self._kinds))

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


def _coded_times(kinds: Iterable[Kind]) -> list[list[str]]:
    """Return the round trips of each result of all kinds as text, which is empty if it has none."""
    known: dict[float, str] = {}  # most times occur in several kinds
    found: list[list[str]] = []
    for kind in kinds:
        if ("rtt_ms", "median") not in kind.columns:
            found.append([""] * len(kind.sources))
            continue
        columns = [kind.columns["rtt_ms", name] for name in ("min", "median", "max")]
        known.update((time, _coded(time)) for time in set().union(*columns).difference(known))
        each = (map(known.__getitem__, column) for column in columns)
        found.append(list(map("".join, zip(*each, strict=True))))
    return found


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
    width, paths = len(matrix.columns), of(verification, "paths")
    found = paths.sorted(matrix.order)
    rows = [matrix.rows.get(name, -1) for name in paths.names]
    columns = [matrix.columns.get(place.destination, -1) for place in paths.places]
    if -1 in rows or -1 in columns:
        is_known = [rows[one] >= 0 <= columns[other] for one, other in zip(found.sources, found.places)]
        found = found.compressed(is_known)
    pairs = [rows[one] * width + columns[other] for one, other in zip(found.sources, found.places)]
    losses = [
        list(mapped(_loss, list(zip(kind.columns["lost", ""], kind.columns["tries", ""], strict=True))))
        for kind in paths.kinds
    ]
    fields: dict[str, list[t.Any]] = {
        "pair": [pair - before for before, pair in itertools.pairwise([0, *pairs])],
        "rtt": _values(found, [_rounded(kind, ("rtt_ms", "median")) for kind in paths.kinds]),
        "loss": _values(found, losses),
        "segment": _constants(found, _smallest_segment),
        "clock": _values(found, [_rounded(kind, ("clock_offset_s", "")) for kind in paths.kinds]),
        "idle": _constants(found, _idle),
        "throughput": _constants(found, least_megabytes),
    }
    return {name: _short(values) for name, values in fields.items() if values.count(None) < len(values)}


def _values(found: Some[MeasuredPath], of_kind: list[list[t.Any]]) -> list[t.Any]:
    """Return a number of each path, None where it is not known."""
    return [of_kind[kind][row] for kind, row in zip(found.kinds, found.rows)]


def _constants(found: Some[MeasuredPath], value_of: Callable[[MeasuredPath], t.Any]) -> list[t.Any]:
    values = [value_of(kind.common) for kind in found.records.kinds]
    return list(map(values.__getitem__, found.kinds))


def _rounded(kind: Kind, field: Field) -> list[float | None]:
    if field not in kind.columns:
        return [None] * len(kind.sources)
    return list(mapped(lambda value: round(value, 3), kind.columns[field]))


def _loss(counts: tuple[int, int]) -> float | None:
    lost, tries = counts
    return round(100 * lost / tries, 2) if tries else None


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
