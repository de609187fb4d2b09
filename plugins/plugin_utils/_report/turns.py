# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order groups of report.json are read, so that the flows of each pair come back as they came.

A group is read as a whole, so the flows of a pair come in the order of their groups. Mostly the order of
kinds is right for all pairs. Else each group has a turn. A kind is divided where no turn is right for all of
its pairs: after A and B in one pair, B and A in another one.
"""

from __future__ import annotations

import heapq
import operator
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, islice

from .._verdict.records import Kind, Records, Some

# Returns rows of a kind in the order in which they are read if they are divided no further.
Read = Callable[[Kind, Sequence[int]], Iterable[int]]
_Rows = dict[int, list[int]]


class Part(t.NamedTuple):
    """Rows of a kind that are read at one turn."""

    kind: Kind
    rows: Sequence[int]
    turn: int


class _Place(t.NamedTuple):
    """Where a record stands among those of its pair: in the order of reading."""

    round: int  # the kinds of a round stand in the order of their ranks
    rank: int
    again: int  # how many of the same kind stand before it in the round


def parts_in_turn(records: Records[t.Any], order: Mapping[str, int], read: Read) -> list[Part]:
    """Return the rows of all kinds, kind by kind, with their turns.

    All turns are 0 if the order of the kinds is right.
    """
    some = records.sorted(order)
    pairs = _pairs(some)
    is_of_pair = map(operator.eq, pairs, islice(pairs, 1, None))
    steps = set(compress(zip(some.kinds, islice(some.kinds, 1, None)), is_of_pair))
    if all(before < after for before, after in steps):
        return [Part(kind, range(len(kind.sources)), turn=0) for kind in records.kinds]
    ranks = _ranks(len(records.kinds), steps)
    if all(ranks[before] < ranks[after] for before, after in steps):
        return [Part(kind, range(len(kind.sources)), turn=ranks[kind.number]) for kind in records.kinds]
    return _in_turn(_divided(some, pairs, ranks, read))


def _pairs(some: Some[t.Any]) -> list[int]:
    """Return a number for the pair of hosts of each record; two places of one destination are one."""
    places = some.records.places
    firsts: dict[str, int] = {}
    of_place = [firsts.setdefault(place.destination, number) for number, place in enumerate(places)]
    width = len(places)
    return [source * width + of_place[place] for source, place in zip(some.sources, some.places)]


def _ranks(count: int, steps: Iterable[tuple[int, int]]) -> list[int]:
    """Return the rank of each kind: steps lead to a higher one, except where they lead in a circle.

    What no step decides stays in the order of the kinds.
    """
    followers: dict[int, list[int]] = {}
    waiting = [0] * count
    for before, after in steps:
        if before != after:
            followers.setdefault(before, []).append(after)
            waiting[after] += 1
    ready = [kind for kind in range(count) if not waiting[kind]]
    ranks = [-1] * count
    in_circles = iter(range(count))
    for rank in range(count):
        kind = heapq.heappop(ready) if ready else next(one for one in in_circles if ranks[one] < 0)
        ranks[kind] = rank
        for after in followers.get(kind, ()):
            waiting[after] -= 1
            if not waiting[after] and ranks[after] < 0:
                heapq.heappush(ready, after)
    return ranks


def _divided(
    some: Some[t.Any], pairs: Sequence[int], ranks: Sequence[int], read: Read
) -> list[tuple[Kind, _Place, list[int]]]:
    """Return the rows of each kind by their places among those of their pairs."""
    found: list[dict[int, _Rows]] = [{} for _kind in ranks]  # by round, and by how often before
    following: dict[tuple[int, int], list[tuple[int, int]]] = {}  # rows that follow each other in a round
    last_pair = last_kind = last_row = -1
    round_ = again = 0
    for pair, kind, row in zip(pairs, some.kinds, some.rows):
        if pair != last_pair:
            round_ = again = 0
        elif kind == last_kind:
            again += 1
            following.setdefault((kind, round_), []).append((last_row, row))
        else:
            again = 0
            round_ += ranks[kind] < ranks[last_kind]
        last_pair, last_kind, last_row = pair, kind, row
        found[kind].setdefault(round_, {}).setdefault(again, []).append(row)
    places: list[tuple[Kind, _Place, list[int]]] = []
    for one in some.records.kinds:
        for number, by_again in sorted(found[one.number].items()):
            together = sorted(row for rows in by_again.values() for row in rows)
            turns = {row: turn for turn, row in enumerate(read(one, together))} if len(by_again) > 1 else {}
            pairs_of_rows = following.get((one.number, number), ())
            is_right = all(turns[row] < turns[other] for row, other in pairs_of_rows)
            divided = {0: together} if is_right else by_again
            places += [
                (one, _Place(number, ranks[one.number], before), sorted(rows))
                for before, rows in sorted(divided.items())
            ]
    return places


def _in_turn(places: Iterable[tuple[Kind, _Place, list[int]]]) -> list[Part]:
    several = list(places)
    in_order = sorted({place for _kind, place, _rows in several})
    if [place for _kind, place, _rows in several] == in_order:
        return [Part(kind, rows, turn=0) for kind, _place, rows in several]
    turns = {place: turn for turn, place in enumerate(in_order)}
    return [Part(kind, rows, turns[place]) for kind, place, rows in several]
