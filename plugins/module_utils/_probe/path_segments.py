# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that send segments: of full size, of smaller sizes, and small ones as their control.

Step 5 of paths.py.
"""

import socket
import time
from typing import TYPE_CHECKING, List, Optional, Sequence

from .._kernel.learned_mtu import LearnedMtu
from .._kernel.tcp_info import tcp_info, unacknowledged
from .._listener.measuring import FILLER, MAX_SEGMENT, PING, REPORT, SEGMENT
from .packet_sizes import HEADERS
from .path_connections import ANSWERED, ASKING, OVER, Connection, rounded
from .segments import Seen

if TYPE_CHECKING:
    from .paths import MeasuredPath


_PING_SECONDS = 0.04
_MAX_LINE = 64  # bytes
_TCP_MAXSEG = 2


class Segments(Connection):
    """Sends a full-size segment in each direction; with a smaller MSS if one is given."""

    __slots__ = (
        "_maxseg",
        "out",
        "back",
        "overhead",
        "_mss",
        "_answered_at",
        "_expected",
        "_length",
        "_line",
        "_before",
        "_report_asked",
    )

    def __init__(self, path: "MeasuredPath", port: int, maxseg: int = 0):
        super().__init__(path, port)
        self._maxseg = maxseg
        self.out: Optional[Seen] = None  # None: not tested
        self.back: Optional[Seen] = None
        self.overhead = 0  # bytes of headers and options beside a segment's data
        self._mss = 0
        self._answered_at = 0.0
        self._expected = 0  # bytes of the segment that comes, 0 until the line before it has come
        self._length = 0
        self._line = b""
        self._before = 0  # segments repeated before ours
        self._report_asked = 0.0  # when, because the segment of the other end has come

    @property
    def is_full(self) -> bool:
        """Whether it has the MSS that every connection has."""
        return not self._maxseg

    @property
    def seconds(self) -> float:
        """How long the connection may take at first."""
        return self.path.silence_seconds if self.is_full else self.path.size_seconds

    def prepare(self) -> None:
        """Set the MSS."""
        if self._maxseg:
            self.sock.setsockopt(socket.IPPROTO_TCP, _TCP_MAXSEG, self._maxseg)

    def on_answered(self) -> None:
        """Ask for a segment and send one."""
        info = tcp_info(self.sock)
        if info is None:
            self._break_off()
            return
        self._answered_at = time.monotonic()
        self._mss, self._before = info.send_mss, info.repeated
        self.overhead = HEADERS[self.path.family] + info.option_bytes
        self.say(SEGMENT)
        if self.state != OVER:
            self.say(FILLER * min(self._mss, MAX_SEGMENT))
        if self.is_full and self.state != OVER:
            self.path.run.engine.set_alarm(self, self.path.stall_seconds)

    def on_data(self, data: bytes) -> None:
        """Read the length of the segment, count its bytes, and read the report behind it."""
        if not self._expected:
            self._line += data
            line, newline, data = self._line.partition(b"\n")
            length = _numbers(line)
            if newline and length and 0 < length[0] <= MAX_SEGMENT:
                self._expected, self._line = length[0], b""
            elif newline or len(line) > _MAX_LINE:
                self._break_off()
                return
            else:
                return
        left = self._expected - self._length
        self._length += len(data)
        if self._length < self._expected:
            return
        if left > 0:
            data = data[left:]
            self._report_asked = time.monotonic()
            self.say(REPORT)
        self._line += data
        if b"\n" in self._line and self.state != OVER:
            self._judge(_numbers(self._line))
        elif len(self._line) > _MAX_LINE:
            self._break_off()

    def _judge(self, report: Sequence[int]) -> None:
        """Take in the report of the other end: what we sent before it has arrived, too."""
        if len(report) != 3:
            self._break_off()
            return
        mss, learned, interface = report
        self.out = self._sent()
        info = tcp_info(self.sock)
        self.back = _seen(
            mss=self._expected,
            now=mss,
            learned=LearnedMtu(learned, interface),
            is_whole=info is not None and info.received_mss >= self._expected,
        )
        self._end()

    def _sent(self) -> Seen:
        """Return what became of our segment, which was acknowledged."""
        info = tcp_info(self.sock)
        return _seen(
            mss=self._mss,
            now=info.send_mss if info else self._mss,
            learned=self.path.learned(),
            is_whole=info is not None and info.repeated == self._before,
        )

    def on_alarm(self) -> None:
        """Judge by what is known; a full-size segment may get more time."""
        if self._waits_for_busy_listener():
            self.path.run.engine.set_alarm(self, self.path.stall_seconds)
            return
        if self.state == ANSWERED and self.is_full and self.path.is_stalling():
            if self._answered_at:
                self._judge_now()
                self.path.note_segments(self)
            left = self.path.confirmed_at - time.monotonic()
            if left > 0 and not self.path.is_settled and self.state != OVER:
                self.out = self.back = None
                self.path.run.engine.set_alarm(self, rounded(left))
                return
        if self.state == ANSWERED:
            self._judge_now()
        self._end()

    def _waits_for_busy_listener(self) -> bool:
        """Tell whether all that we sent has arrived, and the listener did not come to answer it so far."""
        is_unanswered = self.state == ASKING or (self.state == ANSWERED and not self._expected)
        if not self.is_full or not is_unanswered or not self.path.has_time_for_a_busy_listener:
            return False
        return self._is_all_acknowledged()

    def _judge_now(self) -> None:
        try:
            left = unacknowledged(self.sock) + len(self._unsent)
        except OSError:
            return
        now = time.monotonic()
        if left == 0 and not self._report_asked:
            # If the listener answers, its own segment is what does not come. Without any answer, it is not
            # known who acknowledged ours.
            if self._expected:
                self.out = self._sent()
        # The report comes from behind our segment. If there is none, a proxy has acknowledged that for a
        # listener to which it never came.
        elif now - (self._report_asked or self._answered_at) > self.path.fair_seconds:
            info = tcp_info(self.sock)
            repeated = info.repeated - self._before if info else 0
            # One of the repeated ones may have been the byte that asks for a segment.
            self.out = Seen(passed=False, mss=self._mss, sent=max(1, repeated))
        if self._expected and self._length >= self._expected:
            info = tcp_info(self.sock)
            came = info.received_mss if info else 0
            if came >= self._expected:
                self.back = Seen(passed=True, mss=self._expected, size=self._expected)
        elif self._expected and now - self._answered_at > self.path.fair_seconds:
            # It follows the line with its length at once, and again after 0.2 s and the round trip.
            self.back = Seen(passed=False, mss=self._expected, sent=2)

    def _end(self) -> None:
        self.close()
        self.path.segments_over(self)

    def on_end(self) -> None:
        """Forget what a connection found that ended by itself."""
        self.out = self.back = None
        self.path.segments_over(self)


class Small(Connection):
    """Sends small segments, one after the other, as the control of the full-size ones."""

    __slots__ = ("tries", "passed", "_is_waiting", "_before")

    def __init__(self, path: "MeasuredPath", port: int):
        super().__init__(path, port)
        self.tries = 0
        self.passed = 0
        self._is_waiting = False
        self._before = 0

    def on_answered(self) -> None:
        """Send the first one."""
        info = tcp_info(self.sock)
        self._before = info.repeated if info else 0
        self._ping()

    def _ping(self) -> None:
        self.tries += 1
        self._is_waiting = True
        self.path.run.engine.set_alarm(self, _PING_SECONDS)
        self.say(PING)

    def on_data(self, data: bytes) -> None:
        """Count the answer."""
        self.passed += 1
        self._is_waiting = False

    def on_alarm(self) -> None:
        """Send the next one, or end."""
        if self.state != ANSWERED or self.path.is_settled or time.monotonic() >= self.path.confirmed_at:
            info = tcp_info(self.sock)
            if info and self.state == ANSWERED:
                self.tries += max(0, info.repeated - self._before)
            self.close()
            self.path.small_over(self)
        elif self._is_waiting:
            self.path.run.engine.set_alarm(self, _PING_SECONDS)
        else:
            self._ping()

    def on_end(self) -> None:
        """Count what was found until the connection ended by itself."""
        self.path.small_over(self)


def _seen(mss: int, now: int, learned: LearnedMtu, is_whole: bool) -> Seen:
    """Return what became of a segment whose bytes arrived, in one piece for certain or perhaps in several."""
    is_learned = 0 < learned.learned < learned.interface
    return Seen(
        # Without ICMP, the kernel lowers the MSS if the full size vanishes, and with tcp_mtu_probing=2 after
        # the first segment of a connection that it has accepted.
        passed=is_whole or is_learned or now >= mss,
        mss=mss,
        size=mss if is_whole else min(mss, now),
        learned=learned.learned if is_learned else 0,
        interface=learned.interface,
        sent=1,
    )


def _numbers(line: bytes) -> List[int]:
    words = line.split(b"\n")[0].split()
    return [int(word) for word in words if word.isdigit() and len(word) < 8]
