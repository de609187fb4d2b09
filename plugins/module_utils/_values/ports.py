# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of ports, kept as ranges: C(Ports.parse("22,20000-21000") - Ports([22])).

A port is an unsigned 16-bit integer and 0 is reserved (RFC 6335, section 6).
The text form is nmap's port specification: C(22,8563,20000-21000).
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Iterable, Iterator, List, NamedTuple, Tuple, Union

from .errors import NetworkError

FIRST, LAST = 1, 65535
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?\Z")


class PortRange(NamedTuple):
    """The ports C(first) to C(last), both included."""

    first: int
    last: int

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


PortsLike = Union["Ports", int, str, Iterable[Union[int, str]]]


class Ports:
    """An immutable set of port numbers, with the operators of a set: C(|), C(-), C(&), C(in), C(len), C(==).

    Iterating yields the numbers, lowest first. C(ranges) is the canonical form: sorted, without overlap,
    adjacent ranges joined. So equal sets have equal ranges and the same text.
    """

    __slots__ = ("ranges",)

    ranges: Tuple[PortRange, ...]

    def __init__(self, numbers: Iterable[int] = ()):
        self.ranges = _ranges_of(numbers)

    @classmethod
    def of_ranges(cls, ranges: Iterable[Tuple[int, int]]) -> "Ports":
        """Return the ports of pairs of first and last, in any order, with overlaps."""
        return _canonical(_joined(PortRange(first, last) for first, last in ranges))

    @classmethod
    def parse(cls, value: PortsLike) -> "Ports":
        """Return the ports of a number, of a text such as C(22,20000-21000), or of a list of both.

        Raises for what is no port, and where no port is given.
        """
        if isinstance(value, str):
            return _parse_text(value)
        if isinstance(value, Ports):
            return value
        items = _items(value)
        if not items:
            raise NetworkError("no port is given: expected at least one, such as 8563 or 20000-21000")
        return _canonical(_joined(map(parse_range, items)))

    @classmethod
    def union(cls, several: Iterable["Ports"]) -> "Ports":
        """Return the ports that are in any of these."""
        return _canonical(_joined(item for ports in several for item in ports.ranges))

    def __or__(self, other: "Ports") -> "Ports":
        if not other.ranges or self.ranges == other.ranges:
            return self
        if not self.ranges:
            return other
        return _canonical(_joined(self.ranges + other.ranges))

    def __and__(self, other: "Ports") -> "Ports":
        if self.ranges == other.ranges:
            return self
        return _canonical(_shared(self.ranges, other.ranges))

    def __sub__(self, other: "Ports") -> "Ports":
        if not other.ranges:
            return self
        return _canonical(_rest(self.ranges, other.ranges))

    def __contains__(self, port: int) -> bool:
        place = bisect_right(self.ranges, (port, LAST)) - 1
        return place >= 0 and port <= self.ranges[place].last

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __bool__(self) -> bool:
        return bool(self.ranges)

    def __eq__(self, other: object) -> bool:
        return self.ranges == other.ranges if isinstance(other, Ports) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.ranges)

    def __str__(self) -> str:
        return ",".join([str(item) for item in self.ranges])

    def __repr__(self) -> str:
        return f"Ports.parse({str(self)!r})" if self.ranges else "Ports()"


def parse_range(value: Union[int, str]) -> PortRange:
    """Return the range that an int or a text such as C(8563) or C(20000-21000) stands for."""
    match = None if isinstance(value, bool) else _RANGE.match(str(value).strip())
    if not match:
        raise NetworkError(
            f"port {value!r} is not a port: expected a number from 1 to 65535 or a range such as 20000-21000"
        )
    first = int(match.group(1))
    last = int(match.group(2) or first)
    for port in (first, last):
        if not FIRST <= port <= LAST:
            raise NetworkError(f"port {port} in {value!r} is out of range: expected 1 to 65535")
    if first > last:
        raise NetworkError(f"port range {value!r} runs backwards: expected {last}-{first}")
    return PortRange(first, last)


# The observations of a thousand hosts repeat a few texts a million times.
@lru_cache(maxsize=65536)
def _parse_text(text: str) -> Ports:
    return _canonical(_joined(map(parse_range, text.split(","))))


def _items(value: Any) -> List[Any]:
    if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)):
        return list(value)
    return [value]


def _canonical(ranges: Iterable[PortRange]) -> Ports:
    """Return the ports of ranges that are in canonical form already."""
    ports = Ports.__new__(Ports)
    ports.ranges = tuple(ranges)
    return ports


def _joined(ranges: Iterable[PortRange]) -> List[PortRange]:
    joined: List[PortRange] = []
    end = -1  # of the last range
    for item in sorted(ranges):
        first, last = item
        if first > end + 1 or not joined:
            joined.append(item)
        elif last > end:
            joined[-1] = PortRange(joined[-1].first, last)
        else:
            continue
        end = last
    return joined


def _shared(ranges: Iterable[PortRange], others: Tuple[PortRange, ...]) -> List[PortRange]:
    """Walk along both sides at once; whichever range ends first cannot meet any later one."""
    shared = []
    waiting = iter(others)
    other = next(waiting, None)
    for first, last in ranges:
        while other is not None and other.first <= last:
            if other.last >= first:
                shared.append(PortRange(max(first, other.first), min(last, other.last)))
            if other.last > last:
                break
            other = next(waiting, None)
    return shared


def _rest(ranges: Iterable[PortRange], holes: Tuple[PortRange, ...]) -> List[PortRange]:
    rest = []
    waiting = iter(holes)
    hole = next(waiting, None)
    for first, last in ranges:
        left = first  # of this range, what is not yet decided begins here
        while hole is not None and hole.first <= last:
            if hole.first > left:
                rest.append(PortRange(left, hole.first - 1))
            left = max(left, hole.last + 1)
            if hole.last > last:
                break
            hole = next(waiting, None)
        if left <= last:
            rest.append(PortRange(left, last))
    return rest


def _ranges_of(numbers: Iterable[int]) -> Tuple[PortRange, ...]:
    ranges: List[PortRange] = []
    first = last = -2
    for number in sorted(set(numbers)):
        if number == last + 1:
            last = number
            continue
        if last >= 0:
            ranges.append(PortRange(first, last))
        first = last = number
    if last >= 0:
        ranges.append(PortRange(first, last))
    return tuple(ranges)
