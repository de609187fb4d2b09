# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix of the page: sources as rows, destinations as columns, equal hosts as one."""

from __future__ import annotations

import operator
import typing as t
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence

from ..._verdict.counts import one_for_each_flow
from ..._verdict.records import Kind, Records, of
from ..._verdict.verdict import OK
from ..summary import Peers, host_order, kind_of, ordered
from .folding import MAX_HOSTS, Group, folded
from .looks import BY_SEVERITY, NUMBERS, Look, look

if t.TYPE_CHECKING:
    from ....module_utils._shapes import Result, Verification

# Up to so many columns, a cell has room for its numbers beside the sign.
_MAX_COUNTED_COLUMNS = 16
_CORNER = "from ↓ to →"


class Cell(t.NamedTuple):
    """A cell with flows."""

    place: str  # where a link leads
    look: Look
    share: str  # of the flows that are ok
    name: str  # for those who do not see the cell


class Row(t.NamedTuple):
    """A row of the matrix; a cell without flows is None."""

    group: Group
    cells: list[Cell | None]


class _Tally:
    """What the cell of two groups shows."""

    def __init__(self, place: tuple[int, int]):
        self.place = place
        self.verdicts: set[int] = set()
        self.ok = self.total = 0  # flows

    def add(self, place: tuple[int, int], verdict: str) -> None:
        self.place = min(self.place, place)
        self.verdicts.add(NUMBERS[verdict])

    def count(self, verdict: str, flows: int) -> None:
        self.ok += flows if verdict == OK else 0
        self.total += flows


class Matrix:
    """The matrix of a verification."""

    def __init__(self, verification: Verification):
        self.results: Records[Result] = of(verification, "results")
        # Both in one order, so that the cells of hosts with themselves are a diagonal.
        self.order = host_order({**verification, "results": self.results})
        sources = ordered(self.results.names, self.order)
        destinations = ordered({place.destination for place in self.results.places}, self.order)
        self.rows = {name: number for number, name in enumerate(sources)}
        self.columns = {name: number for number, name in enumerate(destinations)}
        # The names stand once in the page, and what is about hundreds of them has their numbers.
        self.hosts = {
            name: number for number, name in enumerate(ordered({*sources, *destinations}, self.order))
        }
        # The cell of each pair of hosts, row by row: a number of what its flows are.
        self.width = len(self.columns)
        self.cells, cells = self._cells()
        self.groups = self._groups(cells, verification["peers"])
        self._group_of = {name: number for number, group in enumerate(self.groups) for name in group.names}
        self._tallies = self._tallied()

    def pairs_of(self, kind: Kind) -> Iterator[int]:
        """Yield the number of the pair of hosts of each result of a kind: row by row."""
        of_name = [self.rows[name] * self.width for name in self.results.names]
        of_place = [self.columns[place.destination] for place in self.results.places]
        return map(
            operator.add, map(of_name.__getitem__, kind.sources), map(of_place.__getitem__, kind.places)
        )

    def _cells(self) -> tuple[array[int], list[tuple[int, ...]]]:
        """Return a number for the cell of each pair of hosts, and for each number the kinds of its flows.

        Few sets of flows occur, so each is reached from a smaller one by one more kind, step by step.
        """
        kinds: dict[tuple[str, ...], int] = {}
        found = array("I", bytes(4 * len(self.rows) * self.width))
        sets: list[tuple[int, ...]] = [()]
        steps: dict[tuple[int, int], int] = {}
        numbered = [(kinds.setdefault(kind_of(kind.common), len(kinds)), kind) for kind in self.results.kinds]
        # In one order of kinds, the same flows are the same set.
        for number, kind in sorted(numbered, key=operator.itemgetter(0)):
            for pair in self.pairs_of(kind):
                step = (found[pair], number)
                if step not in steps:
                    steps[step] = len(sets)
                    sets.append((*sets[found[pair]], number))
                found[pair] = steps[step]
        return found, sets

    def _groups(self, sets: Sequence[tuple[int, ...]], peers: Peers) -> list[Group]:
        names = list(self.hosts)
        if len(names) <= MAX_HOSTS:
            return folded(names, {}, set(), peers)
        sources, destinations = list(self.rows), list(self.columns)
        looks = {
            (sources[pair // self.width], destinations[pair % self.width]): cell
            for pair, cell in enumerate(self.cells)
            if cell
        }
        wrong = {
            (sources[pair // self.width], destinations[pair % self.width])
            for kind in self.results.kinds
            if kind.common["verdict"] != OK
            for pair in self.pairs_of(kind)
        }
        return folded(names, looks, wrong, peers)

    def _tallied(self) -> dict[tuple[int, int], _Tally]:
        found: dict[tuple[int, int], _Tally] = {}
        of_row = [self._group_of[name] for name in self.rows]
        of_column = [self._group_of[name] for name in self.columns]
        for kind in self.results.kinds:
            verdict = kind.common["verdict"]
            for pair in set(self.pairs_of(kind)):
                row, column = divmod(pair, self.width)
                between = (of_row[row], of_column[column])
                if between not in found:
                    found[between] = _Tally((row, column))
                found[between].add((row, column), verdict)
        # A flow whose ports differ has several results, and is one flow in every count.
        for kind, rows in one_for_each_flow(self.results):
            pairs = list(self.pairs_of(kind))
            for pair, flows in Counter(map(pairs.__getitem__, rows)).items():
                row, column = divmod(pair, self.width)
                found[of_row[row], of_column[column]].count(kind.common["verdict"], flows)
        return found

    def _between(self, source: str, destination: str) -> tuple[int, int]:
        return self._group_of[source], self._group_of[destination]

    def place(self, source: str, destination: str) -> str:
        """Return the place of the cell that the flows of two hosts belong to."""
        return _place(self._tallies[self._between(source, destination)].place)

    def numbers(self, names: t.Iterable[str]) -> str:
        """Return the numbers of hosts as ranges: 0-61 63."""
        ranges: list[tuple[int, int]] = []
        for number in sorted(self.hosts[name] for name in names):
            if ranges and ranges[-1][1] == number - 1:
                ranges[-1] = (ranges[-1][0], number)
            else:
                ranges.append((number, number))
        return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)

    @property
    def is_narrow(self) -> bool:
        """Whether its cells have room for numbers."""
        return len(self.heads()) <= _MAX_COUNTED_COLUMNS

    @property
    def folded_groups(self) -> list[Group]:
        """The groups of several hosts."""
        return [group for group in self.groups if len(group.names) > 1]

    def heads(self) -> list[Group]:
        """Return the groups of the columns."""
        return _with_members(self.groups, self.columns)

    def table(self) -> list[Row]:
        """Return the rows."""
        heads, is_narrow = self.heads(), self.is_narrow
        return [
            Row(group=row, cells=[self._cell(row, column, is_narrow) for column in heads])
            for row in _with_members(self.groups, self.rows)
        ]

    def _cell(self, row: Group, column: Group, is_narrow: bool) -> Cell | None:
        tally = self._tallies.get(self._between(row.names[0], column.names[0]))
        if tally is None:
            return None
        words = [BY_SEVERITY[number] for number in sorted(tally.verdicts, reverse=True)]
        shown = look(words[0])
        share = f"{tally.ok}/{tally.total}" if is_narrow else ""
        # What is seen stands first, so that who speaks to a browser can say it.
        name = f"{shown.sign}{share} {row.label} to {column.label}: {', '.join(words)}"
        return Cell(place=_place(tally.place), look=shown, share=share, name=name)


def _place(numbers: tuple[int, int]) -> str:
    return "c{}-{}".format(*numbers)


def _with_members(groups: t.Iterable[Group], known: t.Container[str]) -> list[Group]:
    """Return the groups with those of their hosts that are rows, or that are columns."""
    found = []
    for group in groups:
        names = tuple(name for name in group.names if name in known)
        if len(names) == len(group.names):
            found.append(group)
        elif names:
            found.append(group._replace(names=names, label=f"{len(names)} of {group.label}"))
    return found
