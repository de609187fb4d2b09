# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether connections that nobody uses for a while still work: all paths and all durations at the same time.

Firewalls and NAT devices forget connections without traffic. What is sent after that vanishes or is reset,
and the database waits. For each path to a proven listener of ours (_listener/measuring.py):

1. I(Idle connections.) Two for each duration, because a device may forget only what one side needs. Nothing
   is sent over them, no keepalive either. After its duration, the source speaks first over one (C(OUT)) and
   the destination over the other (C(IN)). An answer in time is C(lived). The kernel repeats what is lost for
   C(_ANSWER_SECONDS), eight times, so loss does not look like a cut.
2. I(Control.) One connection that is used all the time. Whenever an idle one fails, the listener is asked
   over it what became of the other end. Only if this connection still works, and the other end did not end
   the idle one itself, the idle one was cut: then only a device on the path, or a firewall of either host,
   can have done it. A reset that arrives here while the other end is unharmed was forged, too.
3. Everything else is not measured, and says why: no answer at the start, the listener ended, no control.

Connections end as soon as they are decided, by RST, as every connection to a listener of ours.
"""

import errno
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Callable, Deque, Dict, List, NamedTuple, Sequence, Tuple

from .._kernel.sockets import Sources, reset
from .._listener import proof
from .._listener.measuring import CUT, HEARD, HOLD, KEPT, MAX_HOLD_SECONDS, PING, QUIET
from .._listener.measuring import ENDED as ENDED_BY_LISTENER
from .engine import Engine, Stage
from .idle_words import (
    CUTS,
    IN,
    LISTENER_ENDED,
    LIVED,
    NO_ANSWER,
    NO_CONTROL,
    NO_REPLY,
    OUT,
    RESET,
    SILENCE,
    WAITING,
)
from .proven import proven_targets
from .targets import Target

if TYPE_CHECKING:
    from .._shapes import IdleCheck, IdlePath

_START_SECONDS = 10.0  # for handshake, proof and confirmation
_ANSWER_SECONDS = 30.0
_LOOK_SECONDS = 2.0  # the listener speaks up to a second late
_MAX_PULSE_SECONDS = 15.0  # between two uses of the control
_MAX_TRIES = 3  # ports
_MAX_STARTING = 256
_FAILED = select.EPOLLERR | select.EPOLLHUP
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_CONNECTING, _ASKING, _AGREEING, _HELD, _SPOKEN, _OVER = range(6)


class Place(NamedTuple):
    """A path to hold connections on: the ports are those where the listener of a host has proven itself."""

    destination: str
    address: str
    host: str
    ports: Tuple[int, ...]


def places(targets: Sequence[Target]) -> List[Place]:
    """Return the paths on which a listener of ours has proven itself, with a few ports each."""
    return [
        Place(destination=destination, address=address, host=found.host, ports=tuple(_spread(found.ports)))
        for (destination, address), found in sorted(proven_targets(targets).items())
    ]


def _spread(ports: Sequence[int]) -> Sequence[int]:
    return ports[:: max(1, len(ports) // _MAX_TRIES)][:_MAX_TRIES]


class Idle:
    """Holds the connections of all paths."""

    def __init__(self, where: Sequence[Place], seconds: Sequence[int], sources: Sources, key: bytes):
        self.engine = Engine()
        self.sources = sources
        self.key = key
        self.seconds = list(seconds)
        self.pulse = max(0.3, min(_MAX_PULSE_SECONDS, min(seconds) / 4.0))
        self.starting = 0
        self._begun = time.monotonic()
        self._waiting: Deque[_Connection] = deque()
        self.paths = [_Path(self, place) for place in where]
        for path in self.paths:
            path.begin()

    def start(self, connection: "_Connection") -> None:
        """Let a connection start when there is room."""
        self._waiting.append(connection)

    def work(self, seconds: float) -> None:
        """Do what is to be done, and wait for more at most so long."""
        while self._waiting and self.starting < _MAX_STARTING:
            self._waiting.popleft().start()
        self.engine.wait(min(seconds, self.engine.seconds_to_next_alarm()))

    @property
    def is_over(self) -> bool:
        """Whether everything is decided."""
        return all(path.is_over for path in self.paths)

    @property
    def seconds_left(self) -> float:
        """How long it will take until all durations are over; failures take a moment longer."""
        if self.is_over:
            return 0.0
        return max(0.0, self._begun + self.seconds[-1] + _LOOK_SECONDS - time.monotonic())

    def report(self) -> List["IdlePath"]:
        """Return what is known by now."""
        return [path.report() for path in self.paths]

    def close(self) -> None:
        """End all connections."""
        self.engine.close()


class _Path:
    """The connections of one path."""

    def __init__(self, idle: Idle, place: Place):
        self.idle = idle
        self.place = place
        self.family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
        self.busy = _Busy(self)
        self._states = {(seconds, way): WAITING for seconds in idle.seconds for way in (OUT, IN)}
        self._after: Dict[int, float] = {}
        self._open = len(self._states)

    def begin(self) -> None:
        """Start all connections."""
        self.idle.start(self.busy)
        for seconds, way in self._states:
            self.idle.start(_Quiet(self, seconds, way))

    @property
    def is_over(self) -> bool:
        """Whether all durations are decided."""
        return not self._open

    def decide(self, seconds: int, way: str, state: str, after: float = 0.0) -> None:
        """Keep what became of a connection; what was known first counts."""
        if self._states[seconds, way] != WAITING:
            return
        self._states[seconds, way] = state
        if state == RESET:
            self._after[seconds] = min(after, self._after.get(seconds, after))
        self._open -= 1
        if self.is_over:
            self.busy.close()

    def report(self) -> "IdlePath":
        """Return what is known by now as plain data."""
        checks: List["IdleCheck"] = []
        for seconds in self.idle.seconds:
            check: "IdleCheck" = {
                "seconds": seconds,
                "source_first": self._states[seconds, OUT],
                "destination_first": self._states[seconds, IN],
            }
            if seconds in self._after:
                check["after_s"] = round(self._after[seconds], 1)
            checks.append(check)
        return {"destination": self.place.destination, "address": self.place.address, "checks": checks}


class _Connection(Stage):
    """A connection to a listener of ours that it agrees to keep."""

    __slots__ = ("path", "sock", "state", "nonce", "held_at", "_tries", "_received")

    def __init__(self, path: _Path):
        self.path = path
        self.state = _OVER
        self.nonce = b""
        self.held_at = 0.0
        self._tries = 0
        self._received = b""

    @property
    def speaks_after(self) -> int:
        """Seconds after which the listener shall speak by itself, or 0."""
        return 0

    def on_held(self) -> None:
        """Go on after the listener has agreed."""

    def on_line(self, line: bytes) -> None:
        """Take in a line."""

    def on_failure(self, state: str) -> None:
        """Take in that the connection is of no use any more."""

    def start(self) -> None:
        """Start the connection, to the next port."""
        ports, address = self.path.place.ports, self.path.place.address
        port = ports[self._tries % len(ports)]
        self._tries += 1
        self.nonce, self._received = proof.new_nonce(), b""
        try:
            self.sock = socket.SocketType(self.path.family, _STREAM)
        except OSError:
            self.on_failure(NO_ANSWER)
            return
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.path.idle.sources.bind(self.sock, self.path.family)
            number = self.sock.connect_ex((address, port))
        except OSError as error:
            number = error.errno or errno.EIO
        if number not in (0, errno.EINPROGRESS):
            self.sock.close()
            self._try_again()
            return
        self.state = _CONNECTING
        self.path.idle.starting += 1
        self.path.idle.engine.add(self.sock.fileno(), self, _START_SECONDS, time.monotonic())

    def _try_again(self) -> None:
        if self._tries < _MAX_TRIES:
            self.path.idle.start(self)
        else:
            self.on_failure(NO_ANSWER)

    def on_event(self, events: int) -> None:
        """Take in what happened."""
        if self.state == _CONNECTING and not events & _FAILED:
            if not events & select.EPOLLOUT:
                return
            self.state = _ASKING
            self.say(proof.measuring_hello(self.path.idle.key, self.nonce))
        if events & (select.EPOLLIN | _FAILED):
            self._read()

    def say(self, words: bytes) -> None:
        """Send a few bytes, for which the kernel has room."""
        if self.state == _OVER:
            return
        try:
            self.sock.send(words)
        except OSError as error:
            self._fail(error.errno or 0)

    def _read(self) -> None:
        while self.state != _OVER:
            try:
                data = self.sock.recv(4096)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(error.errno or errno.EIO)
                return
            if not data:
                self._fail(0)
                return
            self._received += data
            while b"\n" in self._received and self.state != _OVER:
                line, unused, self._received = self._received.partition(b"\n")
                self._hear(line)
            if len(self._received) > proof.MAX_BYTES:
                self._fail(0)

    def _hear(self, line: bytes) -> None:
        if self.state == _ASKING:
            answer = proof.read_answer(self.path.idle.key, self.nonce, line)
            # A load balancer may lead this connection to another host than the ones before.
            if answer is None or answer.host != self.path.place.host:
                self._fail(0)
                return
            self.state = _AGREEING
            self.say(HOLD + b"%d\n" % min(self.speaks_after, MAX_HOLD_SECONDS))
        elif self.state == _AGREEING:
            self.state = _HELD
            self.held_at = time.monotonic()
            self.path.idle.starting -= 1
            self.on_held()
        else:
            self.on_line(line)

    def _fail(self, number: int) -> None:
        """End; C(number) is the kernel's error, 0 for an end by the listener."""
        if self.state in (_CONNECTING, _ASKING, _AGREEING):
            self.close()
            self._try_again()
        elif number == 0:
            self.close()
            self.on_failure(LISTENER_ENDED)
        elif number in (errno.ECONNRESET, errno.EPIPE):
            self.close()
            self.on_failure(RESET)
        else:
            self.close()
            self.on_failure(SILENCE)

    def on_alarm(self) -> None:
        """Give up a start that takes too long."""
        if self.state in (_CONNECTING, _ASKING, _AGREEING):
            self._fail(errno.ETIMEDOUT)

    def close(self) -> None:
        """End the connection with RST."""
        if self.state == _OVER:
            return
        if self.state in (_CONNECTING, _ASKING, _AGREEING):
            self.path.idle.starting -= 1
        self.state = _OVER
        self.path.idle.engine.remove(self.sock.fileno())
        reset(self.sock)


class _Quiet(_Connection):
    """An idle connection."""

    __slots__ = ("_seconds", "_way", "_spoke_at")

    def __init__(self, path: _Path, seconds: int, way: str):
        super().__init__(path)
        self._seconds = seconds
        self._way = way

    @property
    def speaks_after(self) -> int:
        """Seconds after which the listener shall speak by itself, or 0."""
        return self._seconds if self._way == IN else 0

    def on_held(self) -> None:
        """Say nothing until the time is over."""
        wait = self._seconds if self._way == OUT else self._seconds + _LOOK_SECONDS + _ANSWER_SECONDS
        self.path.idle.engine.set_alarm(self, float(wait))

    def on_line(self, line: bytes) -> None:
        """Take in the word of the other end, which decides."""
        self.close()
        self.path.decide(self._seconds, self._way, LIVED)

    def on_alarm(self) -> None:
        """Speak, or take silence for an answer."""
        if self.state == _HELD and self._way == OUT:
            self.state = _SPOKEN
            self.path.idle.engine.set_alarm(self, _ANSWER_SECONDS)
            self.say(PING)
        elif self.state in (_HELD, _SPOKEN):
            self._suspect(SILENCE)
        else:
            super().on_alarm()

    def on_failure(self, state: str) -> None:
        """Let the control confirm what may be a cut."""
        if state in CUTS:
            self._suspect(state)
        else:
            self.path.decide(self._seconds, self._way, state)

    def _suspect(self, state: str) -> None:
        after = time.monotonic() - self.held_at
        # Our end stays as it is until the other one has been asked for.
        if self.state != _OVER:
            self.path.idle.engine.set_alarm(self, float(MAX_HOLD_SECONDS))
        self.path.busy.ask(self.nonce, lambda word: self._settle(state, after, word))

    def _settle(self, state: str, after: float, word: bytes) -> None:
        self.close()
        if word == ENDED_BY_LISTENER:
            state = LISTENER_ENDED
        elif word == CUT:
            state = RESET
        elif word == HEARD and state == SILENCE and self._way == OUT:
            state = NO_REPLY
        elif word not in (QUIET, HEARD):
            state = NO_CONTROL
        self.path.decide(self._seconds, self._way, state, after)


class _Busy(_Connection):
    """The control of a path: a connection that is used all the time."""

    __slots__ = ("_asked", "_failed")

    def __init__(self, path: _Path):
        super().__init__(path)
        # Since when and by whom answers are awaited; they come in the order of the questions.
        self._asked: Deque[Tuple[float, Callable[[bytes], None]]] = deque()
        self._failed = False

    def on_held(self) -> None:
        """Begin to use it."""
        self.path.idle.engine.set_alarm(self, self.path.idle.pulse)

    def ask(self, nonce: bytes, tell: Callable[[bytes], None]) -> None:
        """Ask the listener what became of another connection; without an answer, the word is empty."""
        if self._failed or self.state != _HELD:
            tell(b"")
            return
        self._asked.append((time.monotonic(), tell))
        self.say(KEPT + nonce + b"\n")

    def on_line(self, line: bytes) -> None:
        """Hand on an answer."""
        if self._asked:
            self._asked.popleft()[1](line)

    def on_alarm(self) -> None:
        """Use it again, unless it has failed."""
        if self.state != _HELD:
            super().on_alarm()
        elif self._asked and time.monotonic() - self._asked[0][0] > _ANSWER_SECONDS:
            self._fail(errno.ETIMEDOUT)
        else:
            self._asked.append((time.monotonic(), lambda _word: None))
            self.path.idle.engine.set_alarm(self, self.path.idle.pulse)
            self.say(PING)

    def on_failure(self, state: str) -> None:
        """Leave all questions without an answer."""
        self._failed = True
        asked: List[Callable[[bytes], None]] = [tell for unused, tell in self._asked]
        self._asked.clear()
        for tell in asked:
            tell(b"")
