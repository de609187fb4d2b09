# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results and paths by the hundred thousand, in a few bytes each.

Those of a large site differ by their ends and by a few numbers, such as round trips. So what records have in
common is one kind, in whose texts a mark stands for each name and address of an end. A record is the numbers
of its kind, its source and its place, and a row of the kind's columns. Read as a sequence, the records come
back as they were: each is a new dictionary.
"""

from __future__ import annotations

import itertools
import operator
import re
import typing as t
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from .verdict import OK

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

    Column = array[int] | array[float] | list[float]

Field = tuple[str, str]  # a field and its part, which is empty for a number that is a field itself
# What stands in a text for an end of the record, in the order of Ends. No text from a host has these: they
# are not printable, and are removed from what else comes.
MARKS = "\ue000\ue001\ue002\ue003\ue004"
_IS_MARK = re.compile(f"[{MARKS}]")
_ENDS = frozenset(("source", "destination", "address"))
# The fields whose texts may name the ends.
PATTERNS = frozenset(("sentence", "evidence", "next_command", "actor", "answered_by", "reason_ip"))
# The fields that are numbers, or hold some by name: each is a column of its kind.
COLUMNS = frozenset(
    (
        "rtt_ms",
        "tries",
        "lost",
        "retransmitted",
        "clock_offset_s",
        "clock_error_s",
        "connections",
        "rate_limit",
    )
)
Record = t.TypeVar("Record", bound=Mapping[str, t.Any])
Made = t.TypeVar("Made")


class Place(t.NamedTuple):
    """An address of a destination."""

    destination: str
    address: str


class Ends(t.NamedTuple):
    """The ends of a record, as texts name them."""

    source: str
    destination: str
    address: str
    source_address: str  # all addresses of the source, with commas; empty if none is known
    source_external: str


class Kind:
    """Records that share everything but their ends and a few numbers."""

    def __init__(self, number: int, common: Mapping[str, t.Any], columns: Iterable[Field]):
        self.number = number
        # A Result or a MeasuredPath without its ends and numbers; with marks in the fields of PATTERNS.
        self.common: t.Any = common
        self.sources = array("I")  # numbers of names
        self.places = array("I")  # numbers of places
        self.columns: dict[Field, Column] = {column: array("q") for column in columns}
        self.marked = [name for name in sorted(PATTERNS & common.keys()) if _has_marks(common[name])]

    def add(self, source: int, place: int, numbers: Sequence[float]) -> int:
        """Add a record, with its numbers in the order of the columns; return its row."""
        for (field, column), number in zip(self.columns.items(), numbers, strict=True):
            try:
                column.append(number)  # type: ignore[arg-type]  # one that does not fit raises
            except (TypeError, OverflowError):
                self.columns[field] = _wider(column, [number])
        self.sources.append(source)
        self.places.append(place)
        return len(self.sources) - 1

    def sort(self, rows: Sequence[int]) -> None:
        """Put the records into the order of these rows, which are all of them."""
        if len(rows) < 2:
            return
        taken = operator.itemgetter(*rows)
        self.sources, self.places = array("I", taken(self.sources)), array("I", taken(self.places))
        for field, column in self.columns.items():
            values = taken(column)
            self.columns[field] = list(values) if isinstance(column, list) else array(column.typecode, values)


def _extended(column: Column, numbers: Sequence[float]) -> Column:
    """Return a column with more numbers."""
    if isinstance(column, list):
        return [*column, *numbers]
    try:
        more: t.Any = array(column.typecode, numbers)  # raises if they do not fit
    except (TypeError, OverflowError):
        return _wider(column, numbers)
    column.extend(more)
    return column


def _wider(column: Column, numbers: Sequence[float]) -> Column:
    """Return a column that holds what it held and numbers that do not fit into it."""
    is_first = not column and set(map(type, numbers)) == {float}
    return array("d", numbers) if is_first else [*column, *numbers]


def _has_marks(value: t.Any) -> bool:
    return any(_IS_MARK.search(text) for text in ([value] if isinstance(value, str) else value))


class Pair(t.NamedTuple):
    """A source and a destination, and their records."""

    key: int  # the source's place in an order, times the length of the order, plus the destination's place
    members: list[tuple[Kind, int]]  # kinds and rows


class Records(Sequence[Record]):
    """Results, or paths, of one verification."""

    def __init__(
        self,
        addresses: Mapping[str, Sequence[str]],
        external: Mapping[str, Sequence[str]],
        records: Iterable[Record] = (),
    ):
        self.names: list[str] = []
        self.places: list[Place] = []
        self.kinds: list[Kind] = []
        self.order = array("I")  # the kind of each record
        self.rows = array("I")  # its row there
        self._addresses, self._external = addresses, external
        self._name_numbers: dict[str, int] = {}
        self._place_numbers: dict[Place, int] = {}
        self._sorted: tuple[t.Any, Some[Record]] | None = None
        self._made: dict[str, tuple[object, object]] = {}
        self._known: dict[t.Hashable, tuple[Kind, tuple[int, ...]]] = {}
        self._canonical: dict[t.Hashable, Kind] = {}
        self._ends: list[tuple[str, str, str]] = []  # of each name: itself, its addresses, its external ones
        for record in records:
            self.append(record)

    def __len__(self) -> int:
        return len(self.order)

    @t.overload
    def __getitem__(self, index: int) -> Record: ...

    @t.overload
    def __getitem__(self, index: slice) -> Some[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Some[Record]:
        if isinstance(index, slice):
            return Some(self, self.order[index], self.rows[index])
        return self.record(self.kinds[self.order[index]], self.rows[index])

    def __iter__(self) -> Iterator[Record]:
        for number, row in zip(self.order, self.rows):
            yield self.record(self.kinds[number], row)

    def append(self, record: Record) -> None:
        """Add a record."""
        source, place = record["source"], Place(record["destination"], record["address"])
        ends = self._ends_of(self.name(source), place)
        fields: list[str] = []
        values: list[t.Any] = []
        columns: list[Field] = []
        numbers: list[float] = []
        for name, value in record.items():
            if name in _ENDS:
                continue
            if isinstance(value, str):
                values.append(_marked(value, ends) if name in PATTERNS else value)
            elif name in COLUMNS:
                parts = value.items() if isinstance(value, Mapping) else (("", value),)
                for part, number in parts:
                    columns.append((name, part))
                    numbers.append(number)
                continue
            elif name in PATTERNS:
                values.append(tuple(_marked(text, ends) for text in value))
            else:
                values.append(_frozen(value))
            fields.append(name)
        key = (tuple(fields), tuple(values), tuple(columns))
        known = self._known.get(key)
        if known is None:
            common = {
                name: _thawed(value) if name in PATTERNS else record[name]
                for name, value in zip(fields, values, strict=True)
            }
            kind = self.kind(common, columns)
            turn = tuple(columns.index(column) for column in kind.columns)
            known = self._known[key] = (kind, turn)
        kind, turn = known
        self.add(kind, self.name(source), self.place(place), [numbers[index] for index in turn])

    def kind(self, common: Mapping[str, t.Any], columns: Iterable[Field]) -> Kind:
        """Return the kind of records with these common fields, whatever their order, and these columns."""
        ordered = sorted(columns)
        key = (_frozen(common), tuple(ordered))
        if key not in self._canonical:
            self._canonical[key] = Kind(len(self.kinds), common, ordered)
            self.kinds.append(self._canonical[key])
        return self._canonical[key]

    def add(self, kind: Kind, source: int, place: int, numbers: Sequence[float]) -> None:
        """Add a record of a known kind, with the numbers in the order of the kind's columns."""
        self.rows.append(kind.add(source, place, numbers))
        self.order.append(kind.number)

    def extend(
        self,
        kind: Kind,
        sources: Sequence[int],
        places: Sequence[int],
        columns: Mapping[Field, Sequence[float]],
    ) -> None:
        """Add many records of a known kind."""
        for field, column in kind.columns.items():
            kind.columns[field] = _extended(column, columns[field])
        first = len(kind.sources)
        kind.sources.extend(sources)
        kind.places.extend(places)
        self.rows.extend(range(first, first + len(sources)))
        self.order.extend([kind.number] * len(sources))

    def name(self, name: str) -> int:
        """Return the number of a name."""
        number = self._name_numbers.get(name)
        if number is None:
            number = self._name_numbers[name] = len(self.names)
            self.names.append(name)
            inner, outer = self._addresses.get(name, ()), self._external.get(name, ())
            self._ends.append((name, ", ".join(inner), ", ".join(outer)))
        return number

    def place(self, place: Place) -> int:
        """Return the number of a place."""
        number = self._place_numbers.get(place)
        if number is None:
            number = self._place_numbers[place] = len(self.places)
            self.places.append(place)
        return number

    def ends_of_source(self, source: int) -> tuple[str, str, str]:
        """Return the name of a source, its addresses and its external ones, as C(Ends) has them."""
        return self._ends[source]

    def _ends_of(self, source: int, place: Place) -> Ends:
        name, inner, outer = self._ends[source]
        return Ends(name, place.destination, place.address, inner, outer)

    def record(self, kind: Kind, row: int) -> Record:
        """Return a record as it was."""
        place = self.places[kind.places[row]]
        source = kind.sources[row]
        found: dict[str, t.Any] = {
            "source": self.names[source],
            "destination": place.destination,
            "address": place.address,
            **kind.common,
        }
        if kind.marked:
            ends = self._ends_of(source, place)
            for name in kind.marked:
                found[name] = filled(found[name], ends)
        for (name, part), column in kind.columns.items():
            if part:
                found.setdefault(name, {})[part] = column[row]
            else:
                found[name] = column[row]
        return t.cast("Record", found)

    def ends(self, kind: Kind, row: int) -> Ends:
        """Return the ends of a record."""
        return self._ends_of(kind.sources[row], self.places[kind.places[row]])

    def sort(self, order: Mapping[str, int]) -> None:
        """Give the records the order of C(sorted), and each kind's rows too."""
        some = self.sorted(order)
        if some.kinds == self.order and some.rows == self.rows:
            return
        of_kinds: list[list[int]] = [[] for _kind in self.kinds]
        takers = [of_kind.append for of_kind in of_kinds]
        for number, row in zip(some.kinds, some.rows):
            takers[number](row)
        for kind, of_kind in zip(self.kinds, of_kinds):
            kind.sort(of_kind)
        following = [itertools.count().__next__ for _kind in self.kinds]
        self._made = {}
        self.order, self.rows = some.kinds, array("I", [following[number]() for number in some.kinds])
        self._sorted = (self._sorted_by(order), self[:])

    def once(self, name: str, order: Mapping[str, int], make: Callable[[], Made]) -> Made:
        """Return what a function makes of these records in an order; it is called once for all who ask."""
        known = self._made.get(name)
        if known is None or known[0] != self._sorted_by(order):
            known = self._made[name] = (self._sorted_by(order), make())
        return t.cast("Made", known[1])

    def sorted(self, order: Mapping[str, int]) -> Some[Record]:
        """Return the records by the places of their sources and destinations in an order.

        Those of one pair stay as they came.
        """
        known = self._sorted_by(order)
        # All formats want the same.
        if self._sorted is None or self._sorted[0] != known:
            # Keys with the index behind them are all different, and numbers are compared without a call.
            wide = max(len(self), 1).bit_length()
            keys = [key << wide | index for index, key in enumerate(self._keys(order))]
            keys.sort()
            mask = (1 << wide) - 1
            indexes = array("I", [key & mask for key in keys])
            del keys
            kinds = array("I", map(self.order.__getitem__, indexes))
            self._sorted = (known, Some(self, kinds, array("I", map(self.rows.__getitem__, indexes))))
        return self._sorted[1]

    def _sorted_by(self, order: Mapping[str, int]) -> tuple[int, dict[str, int]]:
        return len(self), dict(order)

    def _keys(self, order: Mapping[str, int]) -> array[int]:
        """Return for each record a number for its pair of hosts."""
        last = len(order)
        of_name = [order.get(name, last) * (last + 1) for name in self.names]
        of_place = [order.get(place.destination, last) for place in self.places]
        by_kind = [
            array(
                "Q",
                map(
                    operator.add,
                    map(of_name.__getitem__, kind.sources),
                    map(of_place.__getitem__, kind.places),
                ),
            )
            for kind in self.kinds
        ]
        return array("Q", (by_kind[number][row] for number, row in zip(self.order, self.rows)))

    def pairs(self, order: Mapping[str, int]) -> Iterator[Pair]:
        """Yield the pairs of hosts in an order that has all of them, each with its records as they came."""
        return self.sorted(order).pairs(order)

    def where(self, is_wanted: Callable[[Mapping[str, t.Any]], bool]) -> Some[Record]:
        """Return the records of those kinds whose common fields are wanted."""
        return self[:].where(is_wanted)


class Some(Sequence[Record]):
    """Some of the records, in an order."""

    def __init__(self, records: Records[Record], kinds: array[int], rows: array[int]):
        self.records = records
        self.kinds = kinds
        self.rows = rows
        self._medians: dict[Field, float | None] = {}

    def __len__(self) -> int:
        return len(self.kinds)

    @t.overload
    def __getitem__(self, index: int) -> Record: ...

    @t.overload
    def __getitem__(self, index: slice) -> Some[Record]: ...

    def __getitem__(self, index: int | slice) -> Record | Some[Record]:
        if isinstance(index, slice):
            return Some(self.records, self.kinds[index], self.rows[index])
        return self.records.record(self.records.kinds[self.kinds[index]], self.rows[index])

    def __iter__(self) -> Iterator[Record]:
        for kind, row in self.each():
            yield self.records.record(kind, row)

    @cached_property
    def sources(self) -> array[int]:
        """The number of the source of each record."""
        of_kind = [kind.sources for kind in self.records.kinds]
        return array("I", [of_kind[kind][row] for kind, row in zip(self.kinds, self.rows)])

    @cached_property
    def places(self) -> array[int]:
        """The number of the place of each record."""
        of_kind = [kind.places for kind in self.records.kinds]
        return array("I", [of_kind[kind][row] for kind, row in zip(self.kinds, self.rows)])

    def by_source(self) -> Iterator[tuple[int, slice]]:
        """Yield the number of each source, and where its records are; they must be sorted."""
        return runs(self.sources)

    def each(self) -> Iterator[tuple[Kind, int]]:
        """Yield the kind and the row of each record."""
        kinds = self.records.kinds
        for number, row in zip(self.kinds, self.rows):
            yield kinds[number], row

    def where(self, is_wanted: Callable[[Mapping[str, t.Any]], bool]) -> Some[Record]:
        """Return the records of those kinds whose common fields are wanted."""
        wanted = [is_wanted(kind.common) for kind in self.records.kinds]
        return self if all(wanted) else self.compressed(list(map(wanted.__getitem__, self.kinds)))

    def compressed(self, is_wanted: Sequence[bool]) -> Some[Record]:
        """Return the records that are wanted, by their index."""
        return Some(
            self.records,
            array("I", itertools.compress(self.kinds, is_wanted)),
            array("I", itertools.compress(self.rows, is_wanted)),
        )

    def pairs(self, order: Mapping[str, int]) -> Iterator[Pair]:
        """Yield the pairs of hosts of records that are sorted by this order."""
        width = len(order)
        of_name = [order.get(name, 0) * width for name in self.records.names]
        of_place = [order.get(place.destination, 0) for place in self.records.places]
        last = -1
        members: list[tuple[Kind, int]] = []
        for kind, row in self.each():
            key = of_name[kind.sources[row]] + of_place[kind.places[row]]
            if key != last:
                if members:
                    yield Pair(last, members)
                last, members = key, []
            members.append((kind, row))
        if members:
            yield Pair(last, members)

    def median(self, name: str, part: str = "") -> float | None:
        """Return the median of one number of all records that have it, of an even count the greater one."""
        field = (name, part)
        # Several formats ask for the same.
        if field not in self._medians:
            columns = [kind.columns.get(field) for kind in self.records.kinds]
            found = ((columns[kind], row) for kind, row in zip(self.kinds, self.rows))
            self._medians[field] = median([column[row] for column, row in found if column is not None])
        return self._medians[field]


def runs(values: Iterable[int]) -> Iterator[tuple[int, slice]]:
    """Yield each value, and where it stands several times one behind the other."""
    first = 0
    for value, several in itertools.groupby(values):
        last = first + len(list(several))
        yield value, slice(first, last)
        first = last


def median(numbers: list[float]) -> float | None:
    """Return the median of some numbers, of an even count the greater one, or None if there are none."""
    return sorted(numbers)[len(numbers) // 2] if numbers else None


def mapped(function: Callable[[t.Any], t.Any], values: Iterable[t.Any]) -> Iterator[t.Any]:
    """Return what a function returns for each value, of which few are different.

    It must return the same for values that are equal.
    """
    known = {value: function(value) for value in set(values)}
    return map(known.__getitem__, values)


def texts_of(column: Column) -> Iterator[str]:
    """Return the numbers of a column as text."""
    # 1 equals 1.0, and 0.0 equals -0.0, but their texts differ.
    if isinstance(column, list) or (column.typecode == "d" and 0.0 in column):
        return map(str, column)
    return mapped(str, column)


def _thawed(value: str | tuple[str, ...]) -> str | list[str]:
    return list(value) if isinstance(value, tuple) else value


def _frozen(value: t.Any) -> t.Hashable:
    """Return a value as one that can be compared and found."""
    if isinstance(value, Mapping):
        return ("{}", *((name, _frozen(value[name])) for name in sorted(value)))
    if isinstance(value, (list, tuple)):
        return ("[]", *map(_frozen, value))
    return t.cast("t.Hashable", (type(value), value))


def _marked(text: str, ends: Ends) -> str:
    """Return a text with a mark in place of each name and address of an end; C(filled) is the reverse."""
    if not text.isprintable():
        text = _IS_MARK.sub("", text)
    source, destination = ends.source, ends.destination
    # The longer name first: n1 stands in n11 too.
    if len(source) > len(destination):
        pairs = ((source, MARKS[0]), (destination, MARKS[1]))
    else:
        pairs = ((destination, MARKS[1]), (source, MARKS[0]))
    for name, mark in pairs:
        if name and name in text:
            text = text.replace(name, mark)
    for name, mark in (
        (ends.address, MARKS[2]),
        (ends.source_address, MARKS[3]),
        (ends.source_external, MARKS[4]),
    ):
        if name and name in text:
            text = text.replace(name, mark)
    return text


def filled(value: t.Any, ends: Ends) -> t.Any:
    """Return a text, or several, with the names and addresses of the ends where the marks are."""
    if not isinstance(value, str):
        return [filled(text, ends) for text in value]
    for mark, name in zip(MARKS, ends):
        if mark in value:
            value = value.replace(mark, name)
    return value


def of(verification: Verification, field: t.Literal["results", "paths"]) -> Records[t.Any]:
    """Return the results or the paths of a verification as records."""
    found = verification.get(field, ())
    if isinstance(found, Records):
        return found
    return Records(verification.get("addresses", {}), verification.get("external", {}), found)


def wrong(results: Sequence[Result]) -> Sequence[Result]:
    """Return the results that are not ok."""
    if isinstance(results, Records):
        return results.where(lambda common: common["verdict"] != OK)
    return [result for result in results if result["verdict"] != OK]


def values_of(results: Sequence[Result], field: t.Literal["verdict", "service"]) -> set[str]:
    """Return the values that a field has."""
    of_kinds = results.kinds if isinstance(results, Records) else ()
    return {kind.common[field] for kind in of_kinds} or {result[field] for result in results}
