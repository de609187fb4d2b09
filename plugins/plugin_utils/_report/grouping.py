# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Results and paths as report.json holds them: groups of what is alike, and back.

A group has the sources and the places of its members as numbers of two lists. Its members are every source
with every place, except a host with itself, place by place; or, where that is no shorter, C(pairs). A field
of numbers is a list: one for each member, or a single one if all are equal. In a text, C({source}) and the
like stand for the ends of each member, and C({brace}) for an opening brace.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.errors import NetworkError
from .._text.products import grouped
from .._text.sets import natural
from .._verdict.records import COLUMNS, MARKS, PATTERNS, Ends, Field, Kind, Place, Records, texts_of
from .summary import Order, ordered

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Report, Verification

_GROUPS: tuple[tuple[t.Literal["flow_groups", "path_groups"], t.Literal["results", "paths"]], ...] = (
    ("flow_groups", "results"),
    ("path_groups", "paths"),
)
_OWN = frozenset(("names", "places", "flow_groups", "path_groups"))
_MEMBERS = frozenset(("sources", "places", "pairs"))
_MAX_MEMBERS = 20_000_000  # of all groups; a few numbers in a file must not fill the memory
_WORDS = dict(zip(MARKS, (f"{{{name}}}" for name in Ends._fields), strict=True))
_TO_WORDS = str.maketrans({**_WORDS, "{": "{brace}"})
_FROM_WORDS = {**{word: mark for mark, word in _WORDS.items()}, "{brace}": "{"}
_WORD = re.compile("|".join(map(re.escape, _FROM_WORDS)))
_IS_MARK = re.compile(f"[{MARKS}]")
_Rows = dict[int, dict[int, int]]  # of a kind, by place and source
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


def groups_of(records: Records[t.Any], numbering: Numbering) -> Iterator[Group]:
    """Yield the groups of all records; their numbers are C(Numbers), as there may be millions."""
    # The number of the source that is the same host as a place.
    hosts = [numbering.names.get(place.destination, -1) for place in numbering.places]
    names = [numbering.names[name] for name in records.names]
    places = [numbering.places[place] for place in records.places]
    for kind in records.kinds:
        common = {name: _worded(value) if name in PATTERNS else value for name, value in kind.common.items()}
        ends = zip(map(names.__getitem__, kind.sources), map(places.__getitem__, kind.places), strict=True)
        texts = {field: list(texts_of(column)) for field, column in kind.columns.items()}
        for members in _members(ends, hosts):
            yield {**common, **_columns(kind, texts, members.rows), **members.ends}


def _members(ends: Iterable[tuple[int, int]], hosts: Sequence[int]) -> list[_Members]:
    """Return the members of all groups of a kind, from the source and the place of each of its rows."""
    found: list[_Members] = []
    by_place: _Rows = {}
    single: list[tuple[int, int, int]] = []
    for row, (source, place) in enumerate(ends):
        of_place = by_place.setdefault(place, {})
        if source in of_place or source == hosts[place]:
            single.append((place, source, row))
        else:
            of_place[source] = row
    sources_of = {place: frozenset(by_place[place]) for place in sorted(by_place) if by_place[place]}
    for sources, places in grouped(sources_of, hosts.__getitem__):
        some = sorted(sources)
        members = [
            (place, source, by_place[place][source])
            for place in places
            for source in some
            if source != hosts[place]
        ]
        if len(members) > 1 and 2 * len(members) <= len(some) + len(places):
            single += members
        else:
            rows = [row for _place, _source, row in members]
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
        for number, group in enumerate(report[field]):
            try:
                _add(records, group, report["names"], places)
            except NetworkError as error:
                raise NetworkError(f"{field}[{number}] {error}") from error
        rest[inner] = records
    return t.cast("Verification", rest)


def _add(
    records: Records[t.Any], group: Mapping[str, t.Any], names: Sequence[str], places: Sequence[Place]
) -> None:
    pairs = _pairs(group, names, places, _MAX_MEMBERS - len(records))
    common: dict[str, object] = {}
    columns: dict[Field, Sequence[float]] = {}
    for name, value in group.items():
        if name in COLUMNS:
            parts = value.items() if isinstance(value, Mapping) else [("", value)]
            columns.update({(name, part): _each(numbers, len(pairs), name) for part, numbers in parts})
        elif name not in _MEMBERS:
            common[name] = _marked(value) if name in PATTERNS else value
    own_name = {source: records.name(names[source]) for source, _place in pairs}
    own_place = {place: records.place(places[place]) for _source, place in pairs}
    records.extend(
        records.kind(common, columns),
        sources=[own_name[source] for source, _place in pairs],
        places=[own_place[place] for _source, place in pairs],
        columns=columns,
    )


def _pairs(
    group: Mapping[str, t.Any], names: Sequence[str], places: Sequence[Place], most: int
) -> Sequence[Sequence[int]]:
    """Return the source and the place of each member."""
    pairs: Sequence[Sequence[int]] = group.get("pairs", ())
    some = [source for source, _place in pairs] or group.get("sources", ())
    others = [place for _source, place in pairs] or group.get("places", ())
    _check_numbers(some, len(names), "names")
    _check_numbers(others, len(places), "places")
    if pairs:
        return pairs
    if len(some) * len(others) > most:
        raise NetworkError(f"is one group too many: expected at most {_MAX_MEMBERS:,} members of all")
    found = [
        (source, place) for place in others for source in some if names[source] != places[place].destination
    ]
    if not found:
        # What it says would be said of nobody, and so be lost.
        raise NetworkError("has no members: expected sources and places of different hosts, or pairs")
    return found


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
