# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many flows have each verdict."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from .records import Kind, Records
from .verdict import OK, SEVERITY

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result


Flow = tuple[str, ...]  # source, destination, service, expected


def worst_results(results: Iterable[Result]) -> dict[Flow, Result]:
    """Return a result of each flow: the most severe one if its ports or addresses differ."""
    found: dict[Flow, Result] = {}
    for result in results:
        flow = (result["source"], result["destination"], result["service"], result["expected"])
        known = found.get(flow)
        if known is None or SEVERITY[result["verdict"]] > SEVERITY[known["verdict"]]:
            found[flow] = result
    return found


def flow_verdicts(results: Iterable[Result]) -> dict[Flow, str]:
    """Return the verdict of each flow: the most severe one if its ports or addresses differ."""
    return {flow: result["verdict"] for flow, result in worst_results(results).items()}


def not_ok(summary: Mapping[str, int]) -> int:
    """Return how many flows need somebody to act."""
    return sum(count for verdict, count in summary.items() if verdict != OK)


def summarize(results: Iterable[Result]) -> dict[str, int]:
    """Return how many flows have each verdict."""
    if isinstance(results, Records):
        found: Counter[str] = Counter()
        for kind, rows in one_for_each_flow(results):
            found[kind.common["verdict"]] += len(rows)
        return {verdict: count for verdict, count in found.items() if count}
    return dict(Counter(flow_verdicts(results).values()))


def one_for_each_flow(records: Records[Result]) -> Iterator[tuple[Kind, list[int]]]:
    """Yield the kinds, each with those of its rows that stand for a flow: one a flow, the most severe."""
    by_service: dict[tuple[str, str], list[Kind]] = {}
    for kind in records.kinds:
        by_service.setdefault((kind.common["service"], kind.common["expected"]), []).append(kind)
    # Two places of one destination are the same flow.
    firsts: dict[str, int] = {}
    destinations = [firsts.setdefault(place.destination, len(firsts)) for place in records.places]
    for kinds in by_service.values():
        seen: set[int] = set()
        for kind in sorted(kinds, key=lambda one: SEVERITY[one.common["verdict"]], reverse=True):
            rows: list[int] = []
            for row, (source, place) in enumerate(zip(kind.sources, kind.places)):
                flow = source * len(firsts) + destinations[place]
                if flow not in seen:
                    seen.add(flow)
                    rows.append(row)
            yield kind, rows
