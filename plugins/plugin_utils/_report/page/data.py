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
import typing as t
from functools import lru_cache

from ....module_utils._probe.segments import UNMEASURED
from ..._text.tables import printable, visible
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of, vanishing_directions
from ..._verdict.throughput import least_megabytes
from .looks import BY_SEVERITY, NUMBERS, look
from .matrix import Matrix

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Identity, MeasuredPath, Result, RoundTrips, Verification

# 90 characters that need no escape in JSON within an element for scripts.
_DIGITS = "".join(chr(number) for number in range(35, 127) if chr(number) not in "\\<")
_MANTISSAS = 900  # 100 to 999
_SMALLEST_MS, _LARGEST_MS = 0.001, 999_000
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
        self._results = verification["results"]
        self._addresses = verification.get("addresses", {})
        self._external = verification.get("external", {})
        self._matrix = matrix
        self._without_names: dict[str, int] = {}  # texts that are alike for many flows
        self._plain: dict[str, int] = {}  # texts as the results have them
        self._texts: dict[str, int] = {}  # as the page has them
        self._kinds: dict[_Kind, int] = {}
        self._to: list[dict[str, int]] = [{} for _name in matrix.columns]

    def data(self) -> dict[str, object]:
        """Return the hosts, their groups, the kinds, and what stands in each row."""
        rows, columns, hosts = self._matrix.rows, self._matrix.columns, self._matrix.hosts
        pairs: list[dict[int, list[Result]]] = [{} for _name in rows]
        for result in self._results:
            by_column = pairs[rows[result["source"]]]
            by_column.setdefault(columns[result["destination"]], []).append(result)
        sets: dict[tuple[int, ...], int] = {(): 0}
        cells, times = [], []
        for by_column in pairs:
            numbers, row_times = [], []
            for column in range(len(columns)):
                found = by_column.get(column, ())
                kinds = tuple(self._kind(result) for result in found)
                numbers.append(sets.setdefault(kinds, len(sets)))
                row_times += [_coded_times(result["rtt_ms"]) for result in found if "rtt_ms" in result]
            cells.append(_run_lengths(numbers))
            times.append("".join(row_times))
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
            "to": [list(addresses) for addresses in self._to],
            "verdicts": [look(verdict)._asdict() for verdict in BY_SEVERITY],
            "texts": list(self._texts),
            "kinds": {field: [getattr(kind, field) for kind in self._kinds] for field in _Kind._fields},
            "sets": list(sets),
            "cells": cells,
            "times": times,
        }

    def _kind(self, result: Result) -> int:
        addresses = self._to[self._matrix.columns[result["destination"]]]
        kind = _Kind(
            verdict=NUMBERS[result["verdict"]],
            service=self._number(result["service"]),
            ports=self._number(f"{result['protocol']} {result['ports']}"),
            address=addresses.setdefault(printable(result["address"]), len(addresses)),
            expected=self._number(result["expected"]),
            seen=self._number(_seen(result)),
            identity=self._number(_described(result["identity"]) if "identity" in result else ""),
            sentence=self._number_of_pattern(result, result["sentence"]),
            cause=self._number(result.get("cause", "")),
            evidence=self._number_of_pattern(result, "; ".join(result.get("evidence", ()))),
            command=self._number_of_pattern(result, result.get("next_command", "")),
            timed=int("rtt_ms" in result),
        )
        return self._kinds.setdefault(kind, len(self._kinds))

    def _number(self, text: str) -> int:
        """Return the number under which the script finds a text."""
        known = self._plain.get(text)
        if known is None:
            known = self._plain[text] = self._texts.setdefault(printable(text), len(self._texts))
        return known

    def _number_of_pattern(self, result: Result, text: str) -> int:
        # Thousands of sentences differ by their names alone. What stands for a name is not printable, so no
        # text holds it by itself.
        if not text:
            return self._number("")
        known = self._without_names.get(text)
        if known is not None:
            return known
        plain = pattern = printable(text)
        names = (
            result["address"],
            ", ".join(self._addresses.get(result["source"], ())),
            ", ".join(self._external.get(result["source"], ())),
            result["source"],
            result["destination"],
        )
        for mark, name in enumerate(names, 0xE000):
            pattern = pattern.replace(printable(name), chr(mark)) if name else pattern
        number = self._texts.setdefault(pattern, len(self._texts))
        if pattern == plain:
            self._without_names[text] = number
        return number


def _short(values: list[t.Any]) -> list[t.Any] | dict[str, list[t.Any]]:
    """Return values as they are, or as runs of equal ones, if that is shorter."""
    runs = _run_lengths(values)
    return {"runs": runs} if len(runs) < len(values) else values


def _run_lengths(numbers: t.Sequence[t.Any]) -> list[t.Any]:
    """Return numbers and how often each stands there in a row, one behind the other."""
    runs = ((number, len(list(several))) for number, several in itertools.groupby(numbers))
    return [part for run in runs for part in run]


def _coded_times(times: RoundTrips) -> str:
    return "".join(_coded(times[name]) for name in ("min", "median", "max"))


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


def _seen(result: Result) -> str:
    sender = f" from {result['reason_ip']}" if result.get("reason_ip") else ""
    return f"{result['state']} ({result['reason']}{sender})"


def _described(identity: Identity) -> str:
    facts = (identity.get("status"), identity.get("version"), identity.get("detail"))
    return ", ".join(str(fact) for fact in facts if fact)


def _paths(verification: Verification, matrix: Matrix) -> dict[str, t.Any]:
    """Return what was measured of the paths behind the cells, a list for each measure; null is unknown.

    A measure of no path is left out. Pairs are numbered row by row, and each is given as the distance from
    the one before. Of segments and of transfers, the smaller direction counts, and a negative size is that of
    a path on which full-size segments vanish.
    """
    width = len(matrix.columns)
    known: list[tuple[int, MeasuredPath]] = []
    for path in verification.get("paths", ()):
        if path["source"] in matrix.rows and path["destination"] in matrix.columns:
            pair = matrix.rows[path["source"]] * width + matrix.columns[path["destination"]]
            known.append((pair, path))
    known.sort(key=lambda one: one[0])
    pairs = [pair for pair, _path in known]
    fields: dict[str, list[t.Any]] = {
        "pair": [pair - before for before, pair in itertools.pairwise([0, *pairs])],
        "rtt": [round(path["rtt_ms"]["median"], 3) if "rtt_ms" in path else None for _pair, path in known],
        "loss": [
            round(100 * path["lost"] / path["tries"], 2) if path["tries"] else None for _pair, path in known
        ],
        "segment": [_smallest_segment(path) for _pair, path in known],
        "clock": [
            round(path["clock_offset_s"], 3) if "clock_offset_s" in path else None for _pair, path in known
        ],
        "idle": [_idle(path) for _pair, path in known],
        "throughput": [least_megabytes(path) for _pair, path in known],
    }
    known_fields = {name: values for name, values in fields.items() if any(one is not None for one in values)}
    return {name: _short(values) for name, values in known_fields.items()}


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
