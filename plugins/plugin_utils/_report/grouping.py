# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results and paths as report.json holds them: groups of what is alike, and back.

A group has the sources and the places of its members as numbers of two lists. Its members are every source
with every place, except a host with itself, place by place; or, where that is no shorter, C(pairs). A field
of numbers is a list: one for each member, or a single one if all are equal. In a text, C({source}) and the
like stand for the ends of each member, and C({brace}) for an opening brace. Groups are read in the order of
their C(turn), 0 if they have none, and of the file; so the members of a pair come back in their order.
"""

from __future__ import annotations

import itertools
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.errors import NetworkError
from .._text.products import grouped
from .._text.sets import natural
from .._verdict.records import COLUMNS, MARKS, PATTERNS, Ends, Field, Kind, Place, Records, texts_of
from .summary import Order, ordered
from .turns import parts_in_turn

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Report, Verification

_GROUPS: tuple[tuple[t.Literal["flow_groups", "path_groups"], t.Literal["results", "paths"]], ...] = (
    ("flow_groups", "results"),
    ("path_groups", "paths"),
)
_OWN = frozenset(("names", "places", "flow_groups", "path_groups"))
_MEMBERS = frozenset(("sources", "places", "pairs", "turn"))
_MAX_MEMBERS = 20_000_000  # of all groups; a few numbers in a file must not fill the memory
_WORDS = dict(zip(MARKS, (f"{{{name}}}" for name in Ends._fields), strict=True))
_TO_WORDS = str.maketrans({**_WORDS, "{": "{brace}"})
_FROM_WORDS = {**{word: mark for mark, word in _WORDS.items()}, "{brace}": "{"}
_WORD = re.compile("|".join(map(re.escape, _FROM_WORDS)))
_IS_MARK = re.compile(f"[{MARKS}]")
_Rows = dict[int, dict[int, int]]  # of a kind, by place and source
_Single = tuple[int, int, int]  # a place, a source and a row
Group = dict[str, object]


class Numbers(t.NamedTuple):
    """The numbers of a field of a group, as JSON."""

    text: str


class _Members(t.NamedTuple):
    """The members of a group: their ends, and their rows in the order of the group."""

    ends: dict[str, list[int] | list[list[int]]]
    rows: list[int]


class Numbering(t.NamedTuple):
    """The numbers of all sources and places of a report: in the order of its hosts."""

    names: dict[str, int]
    places: dict[Place, int]


def numbering_of(several: Iterable[Records[t.Any]], order: Order) -> Numbering:
    """Return the numbers of what some records name."""
    names: set[str] = set()
    places: set[Place] = set()
    for records in several:
        names.update(records.names)
        places.update(records.places)
    by_host = {
        name: number
        for number, name in enumerate(ordered({*names, *(place.destination for place in places)}, order))
    }
    return Numbering(
        names={name: number for number, name in enumerate(sorted(names, key=by_host.__getitem__))},
        places={
            place: number
            for number, place in enumerate(
                sorted(places, key=lambda place: (by_host[place.destination], natural(place.address)))
            )
        },
    )


def groups_of(records: Records[t.Any], numbering: Numbering, order: Order) -> Iterator[Group]:
    """Yield the groups of all records; their numbers are C(Numbers), as there may be millions."""
    # The number of the source that is the same host as a place.
    hosts = [numbering.names.get(place.destination, -1) for place in numbering.places]
    names = [numbering.names[name] for name in records.names]
    places = [numbering.places[place] for place in records.places]
    texts: dict[int, dict[Field, Sequence[str]]] = {}

    def members_of(kind: Kind, rows: Sequence[int]) -> list[_Members]:
        sources = [names[kind.sources[row]] for row in rows]
        by_place, single = _divided(sources, [places[kind.places[row]] for row in rows], rows, hosts)
        return _members(by_place, single, hosts)

    def read(kind: Kind, rows: Sequence[int]) -> Iterator[int]:
        return itertools.chain.from_iterable(members.rows for members in members_of(kind, rows))

    for kind, rows, turn in parts_in_turn(records, order, read):
        common = {name: _worded(value) if name in PATTERNS else value for name, value in kind.common.items()}
        if turn:
            common["turn"] = turn
        if kind.number not in texts:
            # Those of one kind stand one behind the other.
            texts = {kind.number: {field: list(texts_of(column)) for field, column in kind.columns.items()}}
        for members in members_of(kind, rows):
            yield {**common, **_columns(kind, texts[kind.number], members.rows), **members.ends}


def _divided(
    sources: Sequence[int], places: Sequence[int], rows: Sequence[int], hosts: Sequence[int]
) -> tuple[_Rows, list[_Single]]:
    """Return the row of each source and place, and those that are no part of a product."""
    by_place: _Rows = {}
    single: list[_Single] = []
    in_order = sorted(range(len(rows)), key=places.__getitem__)
    for place, several in itertools.groupby(in_order, places.__getitem__):
        here = list(several)
        of_place = dict(zip(map(sources.__getitem__, here), map(rows.__getitem__, here)))
        if len(of_place) < len(here) or hosts[place] in of_place:
            of_place = {}
            for source, row in zip(map(sources.__getitem__, here), map(rows.__getitem__, here)):
                if source in of_place or source == hosts[place]:
                    single.append((place, source, row))
                else:
                    of_place[source] = row
        if of_place:
            by_place[place] = of_place
    return by_place, single


def _members(by_place: _Rows, single: list[_Single], hosts: Sequence[int]) -> list[_Members]:
    """Return the members of groups."""
    found: list[_Members] = []
    sources_of = {place: frozenset(of_place) for place, of_place in by_place.items()}
    for sources, places in grouped(sources_of, hosts.__getitem__):
        some = sorted(sources)
        rows: list[int] = []
        for place in places:
            itself = hosts[place]
            others = [source for source in some if source != itself] if itself in sources else some
            rows.extend(map(by_place[place].__getitem__, others))
        if len(rows) > 1 and 2 * len(rows) <= len(some) + len(places):
            for place in places:
                others = [source for source in some if source != hosts[place]]
                single += [(place, source, by_place[place][source]) for source in others]
        else:
            found.append(_Members(ends={"sources": some, "places": places}, rows=rows))
    if single:
        single.sort()
        pairs = [[source, place] for place, source, _row in single]
        found.append(_Members(ends={"pairs": pairs}, rows=[row for _place, _source, row in single]))
    # In the order in which they came, so that a report that is read and written again is the same.
    return sorted(found, key=lambda members: min(members.rows))


def _columns(kind: Kind, texts: Mapping[Field, Sequence[str]], rows: Sequence[int]) -> dict[str, object]:
    found: dict[str, t.Any] = {}
    for name, part in kind.columns:
        column = texts[name, part]
        numbers = [column[row] for row in rows]
        if numbers.count(numbers[0]) == len(numbers):
            del numbers[1:]
        value = Numbers(f"[{','.join(numbers)}]")
        if part:
            found.setdefault(name, {})[part] = value
        else:
            found[name] = value
    return found


def _worded(value: t.Any) -> t.Any:
    return value.translate(_TO_WORDS) if isinstance(value, str) else [_worded(text) for text in value]


def _marked(value: t.Any) -> t.Any:
    if not isinstance(value, str):
        return [_marked(text) for text in value]
    return _WORD.sub(lambda match: _FROM_WORDS[match[0]], _IS_MARK.sub("", value))


def verification_of_groups(report: Report) -> Verification:
    """Return the verification that a report holds; its shape has been checked.

    Raises NetworkError if the numbers of a group do not match.
    """
    rest = {name: value for name, value in report.items() if name not in _OWN}
    places = [Place(place["destination"], place["address"]) for place in report["places"]]
    for field, inner in _GROUPS:
        records: Records[t.Any] = Records(report.get("addresses", {}), report.get("external", {}))
        # Kinds stand in the order of the file.
        groups = [(number, group, _fields(records, group)) for number, group in enumerate(report[field])]
        for number, group, fields in sorted(groups, key=lambda one: one[1].get("turn", 0)):
            try:
                _add(records, group, fields, report["names"], places)
            except NetworkError as error:
                raise NetworkError(f"{field}[{number}] {error}") from error
        rest[inner] = records
    return t.cast("Verification", rest)


class _Fields(t.NamedTuple):
    """The kind of the members of a group, and their numbers."""

    kind: Kind
    numbers: dict[Field, Sequence[float]]


def _fields(records: Records[t.Any], group: Mapping[str, t.Any]) -> _Fields:
    common: dict[str, object] = {}
    numbers: dict[Field, Sequence[float]] = {}
    for name, value in group.items():
        if name in COLUMNS:
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            numbers.update({(name, part): some for part, some in parts})
        elif name not in _MEMBERS:
            common[name] = _marked(value) if name in PATTERNS else value
    return _Fields(kind=records.kind(common, numbers), numbers=numbers)


def _add(
    records: Records[t.Any],
    group: Mapping[str, t.Any],
    fields: _Fields,
    names: Sequence[str],
    places: Sequence[Place],
) -> None:
    sources, destinations = _ends(group, names, places, _MAX_MEMBERS - len(records))
    count = len(sources)
    own_name = {source: records.name(names[source]) for source in dict.fromkeys(sources)}
    own_place = {place: records.place(places[place]) for place in dict.fromkeys(destinations)}
    records.extend(
        fields.kind,
        sources=list(map(own_name.__getitem__, sources)),
        places=list(map(own_place.__getitem__, destinations)),
        columns={field: _each(numbers, count, field[0]) for field, numbers in fields.numbers.items()},
    )


def _ends(
    group: Mapping[str, t.Any], names: Sequence[str], places: Sequence[Place], most: int
) -> tuple[list[int], list[int]]:
    """Return the source of each member, and its place."""
    pairs: Sequence[Sequence[int]] = group.get("pairs", ())
    some = [source for source, _place in pairs] or group.get("sources", ())
    others = [place for _source, place in pairs] or group.get("places", ())
    _check_numbers(some, len(names), "names")
    _check_numbers(others, len(places), "places")
    if pairs:
        return list(some), list(others)
    if len(some) * len(others) > most:
        raise NetworkError(f"is one group too many: expected at most {_MAX_MEMBERS:,} members of all")
    known = {names[source] for source in some}
    sources: list[int] = []
    destinations: list[int] = []
    for place in others:
        itself = places[place].destination
        here = [source for source in some if names[source] != itself] if itself in known else some
        sources += here
        destinations += [place] * len(here)
    if not sources:
        # What it says would be said of nobody, and so be lost.
        raise NetworkError("has no members: expected sources and places of different hosts, or pairs")
    return sources, destinations


def _check_numbers(numbers: Sequence[int], count: int, of: str) -> None:
    if numbers and not 0 <= min(numbers) <= max(numbers) < count:
        raise NetworkError(f"has a number that none of the {count} {of} has")


def _each(numbers: Sequence[float], count: int, name: str) -> Sequence[float]:
    if len(numbers) == count:
        return numbers
    if len(numbers) != 1:
        raise NetworkError(
            f"has {len(numbers)} numbers of {name}: expected 1, or one for each of {count} members"
        )
    return list(numbers) * count
