# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers that measure throughput: what both ends share, and the listener's end.

How one goes, over a measuring connection (measuring.py) that has proven itself:

1. I(Challenge.) The probe sends C(ASK), and the listener answers with a fresh nonce. The wish that follows
   has a keyed hash of that nonce: who recorded the words of another connection gets no byte.
2. I(Lock.) A machine takes part in one transfer at a time. Its lock is a name in Linux's abstract namespace
   (unix(7)), one for each network namespace. The kernel gives it to one process, whichever run, user or end
   it belongs to, and takes it back when that process ends. The probe has taken that of its own machine; the
   listener tries to take its own, and says C(GO) or C(BUSY). Neither end waits while it holds a lock, so no
   two machines can wait for each other. If both ends are one machine, the probe holds the lock for both.
3. I(Data.) One end sends as fast as it can, from a file in memory and without a copy (sendfile(2)). The other
   end counts and discards what comes, without a copy either (MSG_TRUNC, tcp(7)). It ends the transfer when
   its time or its bytes are over, so that what is still on the way makes nobody wait. The first quarter of
   the time or of the bytes does not count: TCP gets up to speed in it, and a shaper its first burst. If
   nothing comes any more in the last part of the time, the transfer has stopped, and is no measurement: an
   average with the time before would hide that.
4. I(End.) The receiver of a probe's data says what it counted. The probe ends the connection with RST.

What the listener sends and takes is bounded by its own limits, whatever the wish says: seconds, bytes and
rate; and one transfer at a time. It goes to whoever has connected and proven to know the token, so nothing
can be sent to an address that did not ask for it. Each runs in a thread, because the listener serves others
meanwhile, and ends with the lease of its run and with the process.
"""

import contextlib
import os
import select
import socket
import threading
import time
from typing import Dict, Iterator, NamedTuple, Optional, Set

from .._kernel.machine import identity
from .._kernel.sockets import reset
from . import proof
from .measuring import WISH

GO, BUSY = b"go", b"busy"
OUT, IN = "out", "in"  # away from the probe, and to it
MAX_SECONDS = 10.0
MAX_BYTES = 10**10
MAX_RATE = 10**11  # bytes a second
_LOCK_NAME = "\0exasol_community.network-transfer"
_LATE_SECONDS = 2.0  # the sender goes on for so long, because the receiver's time begins later
_RESULT_SECONDS = 2.0
_UNCOUNTED = 4  # the first of so many parts of the time or of the bytes does not count
_MIN_COUNTED = 0.125  # of the time, behind the part that does not count; else that part of the bytes decides
_MIN_STOPPED_SECONDS = 0.5  # so long, or the last of _UNCOUNTED parts: the kernel sends again after 0.2 s
_MAX_BEHIND_SECONDS = 0.25  # what a sender did not send in time for longer than this, it does not make up for
_CHUNK = 1 << 20  # bytes in one call
_MIN_CHUNK = 1 << 14
_CHUNKS_A_SECOND = 50  # if there is a rate to keep
_POLL_MILLISECONDS = 100


class Bounds(NamedTuple):
    """What one transfer may take."""

    seconds: float
    size: int  # bytes
    rate: int  # bytes a second


class Wish(NamedTuple):
    """What a probe asks for."""

    way: str
    bounds: Bounds
    machine: str  # where the probe runs, which holds the lock there


class Count(NamedTuple):
    """What a receiver counted."""

    rate: int  # bytes a second
    size: int  # bytes
    seconds: float  # during which they came


def wish_line(key: bytes, challenge: bytes, wish: Wish) -> bytes:
    """Return the words that ask for a transfer."""
    words = b"%s %d %d %d %s" % (
        wish.way.encode("ascii"),
        int(wish.bounds.seconds * 1000),
        wish.bounds.size,
        wish.bounds.rate,
        (wish.machine or "-").encode("ascii"),
    )
    return WISH + b" " + words + b" " + proof.transfer_permit(key, challenge, words) + b"\n"


def read_wish(key: bytes, challenge: bytes, line: bytes) -> Optional[Wish]:
    """Return what a probe asks for, within our own limits; None without the token or sense."""
    words, unused, permit = line[len(WISH) + 1 :].rpartition(b" ")
    if not proof.may_transfer(key, challenge, words, permit):
        return None
    parts = words.split(b" ")
    if len(parts) != 5 or not all(part.isdigit() for part in parts[1:4]):
        return None
    way, machine = parts[0].decode("ascii", "replace"), parts[4].decode("ascii", "replace")
    seconds, size, rate = int(parts[1]) / 1000.0, int(parts[2]), int(parts[3])
    bounds = Bounds(min(seconds, MAX_SECONDS), min(size, MAX_BYTES), min(rate, MAX_RATE))
    return Wish(way, bounds, machine) if way in (OUT, IN) and all(bounds) else None


def count_line(count: Optional[Count]) -> bytes:
    """Return what a receiver says that it counted."""
    if count is None:
        return b"0 0 0\n"
    return b"%d %d %d\n" % (count.rate, count.size, int(count.seconds * 1000000))


def read_count(line: bytes) -> Optional[Count]:
    """Return what the receiver counted, or None if that is nothing or no number."""
    parts = line.split(b" ")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    rate, size, micros = map(int, parts)
    return Count(rate, size, micros / 1e6) if rate and size and micros else None


def take_lock() -> Optional[socket.socket]:
    """Take the lock of this machine; returns None if it cannot be had. It ends with the socket.

    Anybody on this machine can guess its name and hold it for ever. Then nothing is measured, which is said.
    """
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        return None
    try:
        sock.bind(_LOCK_NAME.encode("ascii"))
    except OSError:
        sock.close()
        return None
    return sock


@contextlib.contextmanager
def _data(size: int) -> Iterator[Optional[int]]:
    """Yield a file in memory with so many bytes, or None where there is no such file."""
    try:
        descriptor = os.memfd_create("exasol-transfer")
    except (AttributeError, OSError):
        # Older than Python 3.8, or a container's filter of system calls.
        yield None
        return
    try:
        os.write(descriptor, os.urandom(size))  # or a device that compresses would look fast
        yield descriptor
    finally:
        os.close(descriptor)


class _Sender:
    """Sends data of no meaning."""

    def __init__(self, sock: socket.SocketType, bounds: Bounds, descriptor: Optional[int], chunk: int):
        self._sock, self._bounds = sock, bounds
        self._descriptor, self._chunk = descriptor, chunk
        self._plain = memoryview(os.urandom(chunk)) if descriptor is None else memoryview(b"")
        self._sent = 0
        self._begun = self._paced = time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the bytes or the time are used up."""
        return self._sent >= self._bounds.size or time.monotonic() - self._begun >= self._bounds.seconds

    def seconds_ahead(self) -> float:
        """Return how long to wait to keep the rate.

        A path that was blocked for a while would otherwise get all that was due in one burst.
        """
        behind = time.monotonic() - self._paced - self._sent / self._bounds.rate
        self._paced += max(0.0, behind - _MAX_BEHIND_SECONDS)
        return -behind

    def send(self) -> None:
        """Send as much as the kernel takes now."""
        size = min(self._chunk, self._bounds.size - self._sent)
        try:
            if self._descriptor is None:
                self._sent += self._sock.send(self._plain[:size])
            else:
                self._sent += os.sendfile(self._sock.fileno(), self._descriptor, 0, size)
        except BlockingIOError:
            pass


def send(sock: socket.SocketType, bounds: Bounds) -> bool:
    """Send until the other end says something or the bounds are reached; raises OSError if it is gone.

    Returns whether the other end said something. The socket does not block from then on.
    """
    sock.setblocking(False)
    chunk = max(_MIN_CHUNK, min(_CHUNK, bounds.rate // _CHUNKS_A_SECOND))
    with _data(chunk) as descriptor:
        sender = _Sender(sock, bounds._replace(seconds=bounds.seconds + _LATE_SECONDS), descriptor, chunk)
        both, words = select.poll(), select.poll()
        both.register(sock.fileno(), select.POLLIN | select.POLLOUT)
        words.register(sock.fileno(), select.POLLIN)
        while not sender.is_over:
            ahead = sender.seconds_ahead()
            poll = both if ahead <= 0 else words
            wait = _POLL_MILLISECONDS if ahead <= 0 else min(_POLL_MILLISECONDS, int(ahead * 1000) + 1)
            for unused, events in poll.poll(wait):
                if events & ~select.POLLOUT:
                    return True
                sender.send()
        sock.shutdown(socket.SHUT_WR)
        return bool(words.poll(int(_RESULT_SECONDS * 1000)))


class _Counter:
    """Counts what comes, from when the transfer is up to speed."""

    def __init__(self, bounds: Bounds):
        self._bounds = bounds
        self._first = self._by_bytes = self._by_time = (0.0, 0)
        self.last = (0.0, 0)

    @property
    def begun(self) -> float:
        """When the first bytes came, or 0."""
        return self._first[0]

    def add(self, size: int) -> None:
        """Count what came now."""
        before = self.last[1]
        self.last = now = (time.monotonic(), before + size)
        if not self.begun:
            self._first = now
        if not self._by_bytes[0] and now[1] >= self._bounds.size / _UNCOUNTED:
            self._by_bytes = now
        speedy = self.begun + self._bounds.seconds / _UNCOUNTED
        if not self._by_time[0] and now[0] >= speedy:
            self._by_time = (speedy, before)

    def has_stopped(self, now: float) -> bool:
        """Tell whether nothing has come for so long that the transfer is over."""
        return now - self.last[0] > max(_MIN_STOPPED_SECONDS, self._bounds.seconds / _UNCOUNTED)

    def count(self, end: float) -> Optional[Count]:
        """Return what came until then; None if that is nothing."""
        since = self._first
        if end - self._by_time[0] >= self._bounds.seconds * _MIN_COUNTED and self._by_time[0]:
            since = self._by_time
        elif self._by_bytes[0]:
            since = self._by_bytes
        seconds, size = end - since[0], self.last[1] - since[1]
        return Count(int(size / seconds), size, seconds) if seconds > 0 and size >= seconds else None


def receive(sock: socket.SocketType, bounds: Bounds) -> Optional[Count]:
    """Count what comes until the bounds are reached; returns None if it ends or stops before.

    Raises OSError if the other end is gone.
    """
    room = bytearray(_CHUNK)
    counter = _Counter(bounds)
    begun = time.monotonic()
    while True:
        # Nothing may come for the whole time on a path that does not carry it.
        left = (counter.begun or begun + _LATE_SECONDS) + bounds.seconds - time.monotonic()
        sock.settimeout(max(0.0, left))  # at the end, what waits in the kernel counts for a busy machine
        try:
            size = sock.recv_into(room, _CHUNK, socket.MSG_TRUNC)
        except (BlockingIOError, socket.timeout):
            if left > 0:
                continue
            now = time.monotonic()
            return None if counter.has_stopped(now) else counter.count(now)
        counter.add(size)
        if counter.last[1] >= bounds.size or (size and left <= 0):
            return counter.count(counter.last[0])
        if not size:
            return None


def _discard(sock: socket.SocketType, seconds: float) -> None:
    """Take in what is still on the way, so that our last word is not lost to a reset."""
    room = bytearray(_CHUNK)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        sock.settimeout(max(0.01, deadline - time.monotonic()))
        if not sock.recv_into(room, _CHUNK, socket.MSG_TRUNC):
            return


class Transfers:
    """The transfers of a listener: one at a time."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._active: Dict[socket.SocketType, bytes] = {}  # the run of each

    def start(self, sock: socket.SocketType, run: bytes, wish: Wish) -> None:
        """Serve a connection in a thread, which closes it."""
        # The probe holds the lock of this machine if it runs here.
        is_held_there = bool(wish.machine) and wish.machine == identity()
        with self._guard:
            lock = None if self._active or is_held_there else take_lock()
            is_free = not self._active and (is_held_there or lock is not None)
            if is_free:
                self._active[sock] = run
        if not is_free:
            _answer(sock, BUSY)
            sock.close()
            return
        try:
            threading.Thread(target=self._serve, args=(sock, wish, lock), daemon=True).start()
        except RuntimeError:  # a limit of threads, as of containers: the listener goes on without transfers
            self._end(sock, lock)

    def _serve(self, sock: socket.SocketType, wish: Wish, lock: Optional[socket.socket]) -> None:
        try:
            _answer(sock, GO)
            if wish.way == IN:
                send(sock, wish.bounds)
            else:
                sock.settimeout(_RESULT_SECONDS)
                count = receive(sock, wish.bounds)
                sock.settimeout(_RESULT_SECONDS)
                sock.send(count_line(count))
                _discard(sock, _RESULT_SECONDS)
        except OSError:
            pass  # the probe is gone, or has what it wants
        finally:
            self._end(sock, lock)

    def _end(self, sock: socket.SocketType, lock: Optional[socket.socket]) -> None:
        with self._guard:
            self._active.pop(sock, None)
        if lock is not None:
            lock.close()
        reset(sock)

    def end(self, runs: Set[bytes]) -> None:
        """End the transfers of runs."""
        with self._guard:
            for sock, run in self._active.items():
                if run in runs:
                    with contextlib.suppress(OSError):
                        sock.shutdown(socket.SHUT_RDWR)


def _answer(sock: socket.SocketType, word: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.send(word + b"\n", socket.MSG_DONTWAIT)
