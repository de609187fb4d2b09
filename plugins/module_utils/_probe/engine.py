# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for many sockets at once.

Each socket has a stage, which says what the socket is used for at the moment. The engine wakes a stage when
its socket has events, or when its time is over. The stage decides what to do.
"""

import select
import time
from collections import defaultdict, deque
from typing import Callable, DefaultDict, Deque, Dict, Iterable, Iterator, Set, Tuple

_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
_MAX_WAIT_SECONDS = 1.0


class Stage:
    """What a socket is used for at the moment."""

    __slots__ = ("alarm",)
    alarm: float  # when its time is over, 0 if it has no alarm; the engine sets it

    def on_event(self, events: int) -> None:
        """React to events of the socket (epoll_ctl(2))."""
        raise NotImplementedError

    def on_alarm(self) -> None:
        """React to the end of the time."""
        raise NotImplementedError

    def close(self) -> None:
        """End everything at once."""
        raise NotImplementedError


class _Alarms:
    """The alarms of all stages.

    There are few different delays, and each has a queue of its own. So a new alarm is always the last of its
    queue, and neither setting nor finding one has to sort.
    """

    def __init__(self) -> None:
        self._queues: DefaultDict[float, Deque[Tuple[float, Stage]]] = defaultdict(deque)

    def set(self, stage: Stage, delay: float, now: float) -> None:
        """Set a stage's only alarm; one that it had before no longer counts."""
        stage.alarm = now + delay
        queue = self._queues[delay]
        # Most stages end long before their alarm, and would be kept until then.
        while queue and queue[0][1].alarm != queue[0][0]:
            queue.popleft()
        queue.append((stage.alarm, stage))

    def due(self, now: float) -> Iterator[Stage]:
        """Yield the stages whose alarm has come."""
        for queue in list(self._queues.values()):
            while queue and (queue[0][0] <= now or queue[0][1].alarm != queue[0][0]):
                alarm, stage = queue.popleft()
                if stage.alarm == alarm:
                    yield stage

    def seconds_to_next(self, now: float) -> float:
        """Return the seconds to the next alarm, at most a second."""
        waits = [queue[0][0] - now for queue in self._queues.values() if queue]
        return max(0.0, min(waits + [_MAX_WAIT_SECONDS]))


class Engine:
    """Wakes the stages of many sockets."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._stages: Dict[int, Stage] = {}  # by file descriptor
        self._background: Set[int] = set()
        self._added: Set[int] = set()  # since the events that are told were found
        self._alarms = _Alarms()
        self._readers: Dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        """Return how many sockets are in use."""
        return len(self._stages)

    @property
    def is_waited_for(self) -> bool:
        """Whether any socket is in use that is not in the background."""
        return len(self._stages) > len(self._background)

    def stages(self) -> Iterable[Stage]:
        """Return the stages of all sockets."""
        return self._stages.values()

    def watch(self, descriptor: int, read: Callable[[], None]) -> None:
        """Call C(read) whenever there is something to read, without a stage."""
        self._readers[descriptor] = read
        self._poll.register(descriptor, select.EPOLLIN)

    def add(self, descriptor: int, stage: Stage, seconds: float, now: float) -> None:
        """Take in a new socket with its first stage."""
        self._stages[descriptor] = stage
        self._added.add(descriptor)
        self._alarms.set(stage, seconds, now)
        self._poll.register(descriptor, _EVENTS)

    def change(self, descriptor: int, stage: Stage, seconds: float, in_background: bool = False) -> None:
        """Give a socket its next stage; nobody waits for one that is in the background."""
        self._stages[descriptor].alarm = 0.0
        self._stages[descriptor] = stage
        if in_background:
            self._background.add(descriptor)
        elif self._background:
            self._background.discard(descriptor)
        self._alarms.set(stage, seconds, time.monotonic())

    def set_alarm(self, stage: Stage, seconds: float) -> None:
        """Give a stage a new end of its time."""
        self._alarms.set(stage, seconds, time.monotonic())

    def remove(self, descriptor: int) -> None:
        """Forget a socket, which must still be open: closing it ends its events (epoll(7))."""
        stage = self._stages.pop(descriptor, None)
        if stage is not None:
            stage.alarm = 0.0
        if self._background:
            self._background.discard(descriptor)

    def seconds_to_next_alarm(self) -> float:
        """Return the seconds to the next alarm, at most a second."""
        return self._alarms.seconds_to_next(time.monotonic())

    def wait(self, seconds: float) -> None:
        """Wait at most so long for events, and wake every stage that has some or whose time is over.

        On a busy machine this may come to it seconds late, when both an answer and the end of the time have
        been there for long. Then the answer counts: no alarm is told before all that came until now.
        """
        self._tell(self._poll.poll(seconds))
        now = time.monotonic()
        if self._alarms.seconds_to_next(now) > 0:
            return
        # One call returns no more than FD_SETSIZE - 1 events by itself.
        self._tell(self._poll.poll(0, len(self._stages) + len(self._readers) + 1))
        for stage in self._alarms.due(now):
            stage.on_alarm()

    def _tell(self, found: Iterable[Tuple[int, int]]) -> None:
        self._added.clear()
        for descriptor, events in found:
            if descriptor in self._added:
                # The event is of a socket that a stage told before has closed; a new one has its number.
                continue
            stage = self._stages.get(descriptor)
            if stage is not None:
                stage.on_event(events)
            elif descriptor in self._readers:
                self._readers[descriptor]()

    def end_all(self) -> None:
        """End every stage."""
        for stage in list(self._stages.values()):
            stage.close()

    def close(self) -> None:
        """End every stage, and the engine."""
        self.end_all()
        self._poll.close()
