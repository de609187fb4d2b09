# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a host makes its transfers, so that no host is in two of them and nobody waits for ever.

Pure: it knows neither sockets nor clocks. Each host has a turn of its own and knows nothing of the others
but C(busy), so the order in which hosts begin does not matter:

1. Take the own lock, ask the destination for its lock, transfer, release both (_listener/transfers.py).
2. If the own lock is taken, somebody sends to this host: wait a moment. If the destination is busy, release
   the own lock at once, and ask another destination; this one is asked again after a random time. Nobody
   waits while it holds a lock, so there is no deadlock. Times are random, so two hosts that ask each other
   do not go on doing so.
3. After a transfer, leave the own lock free for a random moment, so that others get their turn.
4. When the time for all is over, what has not been measured is named with what was in its way.
"""

import random
from typing import Dict, Generic, Hashable, Iterable, List, Optional, TypeVar

BUSY = "busy"  # the destination took part in other transfers until the time was over
BUSY_HERE = "busy_here"  # so did this host
OUT_OF_TIME = "out_of_time"  # its turn did not come
NO_ANSWER = "no_answer"  # the listener did not answer, or did not prove itself
CUT = "cut"  # the transfer ended or stopped in the middle
REASONS = (BUSY, BUSY_HERE, OUT_OF_TIME, NO_ANSWER, CUT)

_MAX_FAILURES = 3
_FREE_SECONDS = 0.1  # after a transfer
_BUSY_HERE_SECONDS = 0.2
_BUSY_SECONDS = 0.6
_FAILED_SECONDS = 1.0

_Item = TypeVar("_Item", bound=Hashable)


class Turns(Generic[_Item]):
    """The transfers of one host."""

    def __init__(self, items: Iterable[_Item], begun: float, seconds: float, chance: random.Random):
        self._chance = chance
        self._left: List[_Item] = list(items)
        chance.shuffle(self._left)
        self._ends = begun + seconds
        self._not_before = begun  # anything
        self._ask_at: Dict[_Item, float] = dict.fromkeys(self._left, begun)
        self._obstacles: Dict[_Item, str] = {}
        self._failures: Dict[_Item, int] = {}

    def is_over(self, now: float) -> bool:
        """Tell whether there is nothing left to do, or no time."""
        return not self._left or now >= self._ends

    def seconds_to_wait(self, now: float) -> float:
        """Return how long to wait for the next turn, not beyond the end of the time."""
        earliest = max(self._not_before, min(self._ask_at[item] for item in self._left))
        return max(0.0, min(earliest, self._ends) - now)

    def next(self, now: float) -> Optional[_Item]:
        """Return what to do now, or None if there is a moment to wait."""
        if now < self._not_before:
            return None
        due = [item for item in self._left if self._ask_at[item] <= now]
        return min(due, key=self._ask_at.__getitem__) if due else None

    def own_lock_is_taken(self, item: _Item, now: float) -> None:
        """Leave the turn to others, because this host takes part in a transfer of another one."""
        self._obstacles[item] = BUSY_HERE
        self._not_before = now + self._moment(_BUSY_HERE_SECONDS)

    def destination_is_busy(self, item: _Item, now: float) -> None:
        """Ask another destination first."""
        self._obstacles[item] = BUSY
        self._ask_at[item] = now + self._moment(_BUSY_SECONDS)

    def failed(self, item: _Item, reason: str, now: float) -> bool:
        """Try again later, unless that was tried often enough; returns whether it is given up."""
        self._obstacles[item] = reason
        self._failures[item] = self._failures.get(item, 0) + 1
        self._ask_at[item] = now + self._moment(_FAILED_SECONDS)
        self._not_before = now + self._moment(_FREE_SECONDS)
        if self._failures[item] < _MAX_FAILURES:
            return False
        self._left.remove(item)
        return True

    def done(self, item: _Item, now: float) -> None:
        """Leave the own lock free for a moment."""
        self._left.remove(item)
        self._obstacles.pop(item, None)
        self._not_before = now + self._moment(_FREE_SECONDS)

    def obstacles(self) -> Dict[_Item, str]:
        """Return what was not done, and why."""
        found = {item: self._obstacles.get(item, OUT_OF_TIME) for item in self._left}
        return {**self._obstacles, **found}

    def _moment(self, seconds: float) -> float:
        return seconds * self._chance.uniform(0.2, 1.0)
