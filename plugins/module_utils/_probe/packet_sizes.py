# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packet sizes to try next, to find the largest that passes.

All numbers are lengths of whole IP packets. Several sizes are tried at a time, since each one that vanishes
costs the same wait: with twelve at a time, three rounds find the exact size below 1500, and four that of
jumbo frames. Sizes that networks really have are preferred, and if such a one passes, the next round asks
whether one byte more does.
"""

import socket
from bisect import bisect_left
from typing import List, Set

SMALLEST = {socket.AF_INET: 576, socket.AF_INET6: 1280}  # RFC 791, RFC 8200 section 5
HEADERS = {socket.AF_INET: 40, socket.AF_INET6: 60}  # IP and TCP, without options
LARGEST = 32767 + 60  # TCP_MAXSEG takes no more
# MTUs of links and tunnels: Ethernet, PPPoE, GRE, IPIP, VXLAN, WireGuard, IPsec, clouds, jumbo frames.
# fmt: off
USUAL = [
    576, 1280, 1300, 1320, 1350, 1360, 1380, 1390, 1400, 1410, 1420, 1422, 1430, 1438, 1440, 1446,
    1450, 1454, 1458, 1460, 1462, 1464, 1468, 1472, 1476, 1480, 1488, 1492, 1496, 1500, 1600, 2000,
    4352, 4470, 8000, 8500, 8900, 8942, 8950, 8951, 8958, 8981, 8996, 9000, 9001, 9100, 9180, 9198,
    9202, 9216,
]
# fmt: on


def next_sizes(low: int, high: int, count: int) -> List[int]:
    """Return at most C(count) sizes between one that passes and one that does not."""
    if high - low - 1 <= count:
        return list(range(low + 1, high))
    step = (high - low) / float(count + 1)
    chosen: Set[int] = {low + 1} if low in USUAL else set()
    for index in range(1, count + 1):
        if len(chosen) < count:
            chosen.add(_usual_near(low + round(index * step), int(step / 2), low, high))
    return sorted(chosen)


def _usual_near(size: int, reach: int, low: int, high: int) -> int:
    at = bisect_left(USUAL, size)
    near = [
        usual for usual in USUAL[max(0, at - 1) : at + 1] if abs(usual - size) <= reach and low < usual < high
    ]
    return min(near, key=lambda usual: abs(usual - size)) if near else size


class Bounds:
    """The largest size that passed in one direction, and the smallest that did not."""

    def __init__(self, smallest: int, vanishes: int):
        self.low = smallest - 1  # nothing is known yet
        self.has_passed = False
        self._vanished = {vanishes}

    @property
    def high(self) -> int:
        """The smallest size that vanished, of those above what passed: a smaller one was lost by chance."""
        return min(size for size in self._vanished if size > self.low)

    def note(self, size: int, passed: bool) -> None:
        """Take in what became of a size below the one that vanishes always."""
        if not passed:
            self._vanished.add(size)
        elif self.low < size < max(self._vanished):
            self.low, self.has_passed = size, True

    def next(self, count: int) -> List[int]:
        """Return the sizes to try next."""
        sizes = next_sizes(self.low, self.high, count)
        if not self.has_passed and sizes:
            sizes[0] = self.low + 1
        return sizes
