# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port ranges as integers: parsing, merging, subtracting and printing them.

A port is an unsigned 16-bit integer and 0 is reserved (RFC 6335, section 6).
The text form is nmap's port specification: C(22,8563,20000-21000).
"""

import re
from collections.abc import Mapping
from typing import Any, Iterable, List, NamedTuple, Tuple, Union

from .errors import NetworkError

FIRST, LAST = 1, 65535
_RANGE = re.compile(r"([0-9]{1,6})(?:-([0-9]{1,6}))?\Z")


class PortRange(NamedTuple):
    """The ports C(first) to C(last), both included."""

    first: int
    last: int

    def __str__(self):
        return str(self.first) if self.first == self.last else "{0}-{1}".format(*self)


Ports = Tuple[PortRange, ...]
PortsLike = Union[int, str, Iterable[Union[int, str]]]


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


def parse_ports(value: PortsLike) -> Ports:
    """Return the merged ranges of an int, a text with commas, or a list of both."""
    if isinstance(value, PortRange):
        return (value,)
    items = _items(value)
    if not items:
        raise NetworkError("no port is given: expected at least one, such as 8563 or 20000-21000")
    return merge(item if isinstance(item, PortRange) else parse_range(item) for item in items)


def _items(value: Any) -> List[Any]:
    if isinstance(value, str):
        return value.split(",")
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (bytes, Mapping)) else [value]


def merge(ranges: Iterable[PortRange]) -> Ports:
    """Return the same ports in canonical form: sorted, without overlap, adjacent ranges joined."""
    merged: List[PortRange] = []
    for item in sorted(ranges):
        if merged and item.first <= merged[-1].last + 1:
            merged[-1] = PortRange(merged[-1].first, max(merged[-1].last, item.last))
        else:
            merged.append(item)
    return tuple(merged)


def subtract(ports: Iterable[PortRange], taken: Iterable[PortRange]) -> Ports:
    """Return the ports that are in C(ports) and not in C(taken)."""
    rest = list(merge(ports))
    for hole in merge(taken):
        pieces = []
        for item in rest:
            left = PortRange(item.first, min(item.last, hole.first - 1))
            right = PortRange(max(item.first, hole.last + 1), item.last)
            pieces += [piece for piece in (left, right) if piece.first <= piece.last]
        rest = pieces
    return tuple(rest)


def intersect(ports: Iterable[PortRange], others: Iterable[PortRange]) -> Ports:
    """Return the ports that are in both."""
    ports = merge(ports)
    return subtract(ports, subtract(ports, others))


def compress(numbers: Iterable[int]) -> Ports:
    """Return the ranges that hold exactly these port numbers."""
    ranges: List[PortRange] = []
    first = last = None
    for number in sorted(set(numbers)):
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            ranges.append(PortRange(first, last))
        first = last = number
    if first is not None and last is not None:
        ranges.append(PortRange(first, last))
    return tuple(ranges)


def numbers(ports: Iterable[PortRange]) -> Iterable[int]:
    """Yield each port number, lowest first."""
    for item in ports:
        yield from range(item.first, item.last + 1)


def count(ports: Iterable[PortRange]) -> int:
    """Return how many ports the ranges hold."""
    return sum(item.last - item.first + 1 for item in ports)


def text(ports: Iterable[PortRange]) -> str:
    """Return the text form, such as C(22,20000-21000)."""
    return ",".join(str(item) for item in ports)
