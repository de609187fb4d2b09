# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose turn it is in a pass: all ports at once, but ranges of hosts outside of the own cluster slowly.

Between the nodes of a cluster nothing may filter, and a mesh of ranges is tried as fast as it goes. On the
way to anybody else there may be a device that takes many ports of one address in a short time for a port
scan, drops everything from this host for a while, and so harms its applications, too.

C(RANGE_RATE) and C(TOTAL_RATE) keep away from what such devices count by default: Juniper's screen takes 10
ports within 5 milliseconds from one source for a scan, which is 2000 a second. Connection limits of load
balancers and clouds begin at hundreds a second. So 1001 ports take 5 seconds more. Some detectors count over
minutes (psad, portsentry, Palo Alto's profiles with a threshold of 20 in 5 seconds). No rate that a run could
wait for satisfies these; they need C(exasol_verify_rate), or an exception for this host.
"""

import heapq
from collections import deque
from typing import Deque, Dict, Iterable, Iterator, List, Tuple

from .targets import Target

RANGE_RATE = 200.0  # connections a second to one address
TOTAL_RATE = 1000.0  # to all of them together
_MAX_CATCH_UP = 2  # connections that follow at once if this host was late

Work = Tuple[Target, int]  # a port to try


class _Slow:
    """Something that may happen so many times a second."""

    def __init__(self, rate: float, now: float):
        self._seconds = 1 / rate
        self.next_at = now

    def take(self, now: float) -> None:
        """Note that it happens."""
        earliest = now - _MAX_CATCH_UP * self._seconds
        self.next_at = max(self.next_at, earliest) + self._seconds


class _Lane(_Slow):
    """The ports of one address that wait for their turns."""

    def __init__(self, rate: float, now: float):
        super().__init__(rate, now)
        self.waiting: Deque[Work] = deque()


class Turns:
    """Hands out the ports of a pass; C(range_rate) is for each address of C(Target.is_range_of_others)."""

    def __init__(self, work: Iterable[Work], range_rate: float, now: float):
        self._work = iter(work)
        self._range_rate = range_rate
        self._begun = now
        self._is_read = False  # nothing is left in the iterator
        self._lanes: Dict[str, _Lane] = {}
        self._queue: List[Tuple[float, str]] = []  # when the next port of an address may start
        self._total = _Slow(TOTAL_RATE, now)

    @property
    def is_over(self) -> bool:
        """Whether every port has had its turn."""
        return self._is_read and not self._queue

    def take(self, room: int, now: float) -> Iterator[Work]:
        """Yield at most so many ports whose turn it is; no port is read before the last one has started."""
        left = room
        while left > 0 and self._queue and self._seconds_to_slow(now) <= 0:
            left -= 1
            yield self._take_slow(now)
        while left > 0 and not self._is_read:
            item = next(self._work, None)
            if item is None:
                self._is_read = True
            elif self._range_rate and item[0].is_range_of_others:
                self._put(item)
            else:
                left -= 1
                yield item

    def seconds_to_next(self, now: float) -> float:
        """Return how long no port has its turn."""
        return max(0.0, self._seconds_to_slow(now)) if self._is_read and self._queue else 0.0

    def _seconds_to_slow(self, now: float) -> float:
        return max(self._queue[0][0], self._total.next_at) - now

    def _put(self, item: Work) -> None:
        address = item[0].address
        lane = self._lanes.get(address)
        if lane is None:
            lane = self._lanes[address] = _Lane(self._range_rate, self._begun)
        if not lane.waiting:
            heapq.heappush(self._queue, (lane.next_at, address))
        lane.waiting.append(item)

    def _take_slow(self, now: float) -> Work:
        address = heapq.heappop(self._queue)[1]
        lane = self._lanes[address]
        item = lane.waiting.popleft()
        lane.take(now)
        self._total.take(now)
        if lane.waiting:
            heapq.heappush(self._queue, (lane.next_at, address))
        return item
