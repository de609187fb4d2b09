# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The matrix of the page: sources as rows, destinations as columns, equal hosts as one."""

from __future__ import annotations

import operator
import typing as t
from array import array
from collections import Counter
from collections.abc import Iterable

from ..._verdict.records import Records, of
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


class _Flows(t.NamedTuple):
    """What the cell of a pair of hosts has: flows, each by the most severe of its verdicts."""

    verdicts: frozenset[int]
    ok: int
    total: int


class _Tally:
    """What the cell of two groups shows."""

    def __init__(self, place: tuple[int, int]):
        self.place = place
        self.verdicts: set[int] = set()
        self.ok = self.total = 0  # flows

    def add(self, flows: _Flows, pairs: int) -> None:
        """Count pairs that have the same flows."""
        self.verdicts |= flows.verdicts
        self.ok += flows.ok * pairs
        self.total += flows.total * pairs


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
        self._cells, self._flows = self._numbered()
        self.groups = self._groups(verification["peers"])
        self._group_of = {name: number for number, group in enumerate(self.groups) for name in group.names}
        self._tallies = self._tallied()

    def _numbered(self) -> tuple[list[array[int]], list[_Flows]]:
        """Return the rows of cells, a number for each, and for each number the flows.

        Few sets of flows occur, so each is reached from a smaller one by one more kind, step by step.
        """
        kinds: dict[tuple[str, ...], int] = {}
        rows = [self.rows[name] * self.width for name in self.results.names]
        columns = [self.columns[place.destination] for place in self.results.places]
        found = array("I", bytes(4 * len(self.rows) * self.width))
        sets: list[tuple[tuple[str, ...], ...]] = [()]
        numbered = [(kinds.setdefault(kind_of(kind.common), len(kinds)), kind) for kind in self.results.kinds]
        names = list(kinds)
        # In one order of kinds, the same flows are the same set.
        steps: dict[tuple[int, int], int] = {}
        # In one order of kinds, the same flows are the same set.
        for number, kind in sorted(numbered, key=operator.itemgetter(0)):
            for source, place in zip(kind.sources, kind.places):
                pair = rows[source] + columns[place]
                step = (found[pair], number)
                if step not in steps:
                    steps[step] = len(sets)
                    sets.append((*sets[found[pair]], names[number]))
                found[pair] = steps[step]
        cells = [found[first : first + self.width] for first in range(0, len(found), self.width or 1)]
        return cells, list(map(_flows_of, sets))

    def _groups(self, peers: Peers) -> list[Group]:
        hosts = list(self.hosts)
        if len(hosts) <= MAX_HOSTS:
            return folded(hosts, [], {}, peers)
        columns = [self.hosts[name] for name in self.columns]
        looks = [[0] * len(hosts) for _name in hosts]
        faults: Counter[str] = Counter()
        wrong = {number for number, flows in enumerate(self._flows) if flows.ok < flows.total}
        for name, cells in zip(self.rows, self._cells, strict=True):
            row = looks[self.hosts[name]]
            for column, cell in zip(columns, cells, strict=True):
                row[column] = cell
            if not wrong.isdisjoint(cells):
                faulty = [column for column, cell in zip(self.columns, cells, strict=True) if cell in wrong]
                faults[name] += len(faulty)
                faults.update(faulty)
        return folded(hosts, looks, faults, peers)

    def _tallied(self) -> dict[tuple[int, int], _Tally]:
        found: dict[tuple[int, int], _Tally] = {}
        of_column = [self._group_of[name] for name in self.columns]
        for row, (name, cells) in enumerate(zip(self.rows, self._cells, strict=True)):
            own = self._group_of[name]
            for (group, cell), pairs in Counter(zip(of_column, cells, strict=True)).items():
                if not cell:
                    continue
                if (own, group) not in found:
                    first = min(
                        column for column, other in enumerate(of_column) if other == group and cells[column]
                    )
                    found[own, group] = _Tally((row, first))
                found[own, group].add(self._flows[cell], pairs)
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


def _flows_of(kinds: Iterable[tuple[str, ...]]) -> _Flows:
    """Return the flows that have these kinds: a flow whose ports differ is one flow in every count."""
    worst: dict[tuple[str, str], int] = {}
    verdicts = set()
    for service, _protocol, _ports, expected, verdict, _cause in kinds:
        number = NUMBERS[verdict]
        verdicts.add(number)
        worst[service, expected] = max(worst.get((service, expected), 0), number)
    return _Flows(frozenset(verdicts), ok=list(worst.values()).count(NUMBERS[OK]), total=len(worst))


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
