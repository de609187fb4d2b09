# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener's end of a connection over which a probe measures the path (_probe/segments.py).

After the answer to its hello, the probe sends bytes:

- C(SEGMENT) asks for exactly one segment of this connection's MSS, once. A line with its length in decimal
  digits comes first, as a segment of its own: so the length is known and the question is acknowledged even if
  the large segment vanishes.
- C(FILLER) is ignored: the probe's own full-size segment.
- C(REPORT) asks for one short line: the MSS of this end now, the largest packet that ICMP taught this host,
  and that of the interface (learned_mtu.py). It comes behind the segment, as everything in a connection.
- C(PING) asks for an empty line.
- C(HOLD), seconds in decimal digits and a newline, as the very first bytes, turn it into an idle connection,
  which is kept as long as its run has a lease; an empty line confirms it. After so many seconds, this end
  sends one empty line by itself; with 0, it does not.
- C(ASK) and a newline, as the very first bytes, are answered with a nonce; a wish for a transfer of data
  follows (transfers.py), to which the listener hands the connection over.
- Over an idle connection, C(KEPT), the nonce of another one and a newline ask for one word about that one:
  whether it is here still, and how it ended if not. C(PING) asks for an empty line there, too.

What the probe may cost is bounded: in time by the listener's deadline, in bytes by what is read here, and
without a transfer nothing is sent but one segment and as many short lines as bytes came. Only who knows the
token gets here, over a connection of TCP, so nothing can be sent to an address that did not ask for it.
"""

import socket
from typing import Callable, Optional

from .._kernel.learned_mtu import learned_mtu
from .._kernel.tcp_info import tcp_info
from . import proof

SEGMENT, FILLER, REPORT, PING = b"i", b".", b"?", b"!"
HOLD, KEPT = b"h", b"k"
ASK, WISH = b"t", b"T"
# What is said of another connection of the run: here, and it heard nothing, or something, since it was held;
# ended by the other end or by somebody between; ended by this end; never seen or forgotten.
QUIET, HEARD, CUT, ENDED, UNKNOWN = b"quiet", b"heard", b"cut", b"ended", b"unknown"
MAX_HOLD_SECONDS = 14400
MAX_SECONDS = 8.0
MAX_SEGMENT = 65536
_MAX_HEARD = 4 * 65536  # bytes
_MAX_LINES = 1024
_MAX_WORD = 160
_MAX_UNSENT = 2 * MAX_SEGMENT
_DEFAULT_MSS = 536  # RFC 9293, section 3.7.1
_NOW = int(socket.MSG_DONTWAIT)


class Measuring:
    """Serves one measuring connection."""

    __slots__ = (
        "_sock",
        "_remote",
        "_ask_of",
        "_heard",
        "_lines",
        "_unsent",
        "_gave_segment",
        "_begun",
        "hold",
        "was_heard",
        "challenge",
        "wish",
    )

    def __init__(
        self, sock: socket.SocketType, remote: str, ask_of: Callable[[bytes], bytes] = lambda _nonce: UNKNOWN
    ):
        """Serve a connection; C(ask_of) tells what became of another one."""
        self._sock = sock
        self._remote = remote
        self._ask_of = ask_of
        self._begun = b""  # of a word that has not come whole
        self.hold: Optional[int] = None  # seconds after which to speak, if it is an idle connection
        self.was_heard = False  # whether anything came since it was held
        self.challenge = b""  # to which a wish for a transfer has to answer
        self.wish = b""  # the line of it
        self._heard = 0
        self._lines = 0
        self._unsent = b""
        self._gave_segment = False
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def waits_to_send(self) -> bool:
        """Whether something is left that the kernel did not take."""
        return bool(self._unsent)

    def serve(self) -> bool:
        """Take in what came, and answer it; returns whether the connection is to be kept."""
        try:
            data = self._sock.recv(65536, _NOW)
        except BlockingIOError:
            data = None
        except OSError:
            return False
        try:
            return self._send(b"") if data is None else bool(data) and self._take(data)
        except OSError:
            return False

    def _take(self, data: bytes) -> bool:
        is_first = not self._heard and data[:1] in (HOLD, ASK)
        if self.hold is not None or self.challenge or self._begun or is_first:
            return self._take_words(data)
        self._heard += len(data)
        reports, pings = data.count(REPORT), data.count(PING)
        self._lines += reports + pings
        if self._heard > _MAX_HEARD or self._lines > _MAX_LINES:
            return False
        if SEGMENT in data and not self._gave_segment:
            self._gave_segment = True
            size = min(self._mss(), MAX_SEGMENT)
            if not (self._send(b"%d\n" % size) and self._send(FILLER * size)):
                return False
        lines = b"\n" * pings
        if reports:
            lines += self._report() * reports
        return self._send(lines) if lines else True

    def _take_words(self, data: bytes) -> bool:
        """Serve a connection that is to be idle, or to carry a transfer: its questions are words."""
        self.was_heard = self.hold is not None
        words = (self._begun + data).replace(PING, PING + b"\n").split(b"\n")
        self._begun = words.pop()
        if len(self._begun) > _MAX_WORD:
            return False
        lines = b""
        for word in words:
            if word == PING:
                lines += b"\n"
            elif word.startswith(KEPT):
                lines += self._ask_of(word[1:]) + b"\n"
            elif word == ASK and self.hold is None and not self.challenge:
                self.challenge = proof.new_nonce()
                lines += self.challenge + b"\n"
            elif word.startswith(WISH) and self.challenge and not self.wish:
                self.wish = word
            elif self._may_hold(word):
                self.hold = int(word[1:])
                lines += b"\n"
            else:
                return False
        return self._send(lines) if lines else True

    def _may_hold(self, word: bytes) -> bool:
        is_number = word.startswith(HOLD) and word[1:].isdigit()
        return self.hold is None and not self.challenge and is_number and int(word[1:]) <= MAX_HOLD_SECONDS

    def speak(self) -> bool:
        """Send an empty line without a question; returns whether the connection is to be kept."""
        try:
            return self._send(b"\n")
        except OSError:
            return False

    def _report(self) -> bytes:
        found = learned_mtu(self._remote)
        return b"%d %d %d\n" % (self._mss(), found.learned, found.interface)

    def _mss(self) -> int:
        info = tcp_info(self._sock)
        return info.send_mss if info else _DEFAULT_MSS

    def _send(self, data: bytes) -> bool:
        self._unsent += data
        if self._unsent:
            try:
                # One call for one segment: without Nagle's algorithm it leaves as it is.
                self._unsent = self._unsent[self._sock.send(self._unsent, _NOW) :]
            except BlockingIOError:
                pass
        return len(self._unsent) <= _MAX_UNSENT
