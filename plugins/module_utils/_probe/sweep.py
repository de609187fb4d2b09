# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes many ports in one pass, side by side.

What happens to one port:

1. I(Start.) A non-blocking socket is made and C(connect) called. If this host's own kernel refuses, that is
   the outcome, at once. If the host lacks something that other attempts will give back (file descriptors,
   ephemeral ports), the port is tried again when they have ended.
2. I(Handshake.) The kernel repeats its SYN after 1 s and 3 s. RST, ICMP and silence until the timeout are
   outcomes, and the end. What is silent so far gets company from other source ports (scouts.py), because one
   dead link of a bundle would look like a filter. A connection goes on:
   For a service that is not ours, a I(lookup) comes first: does the connection lead back to this host? So
   it does for what answers in the place of our listener.
3. a. I(Proof,) where our own listener should be: one line with a challenge is sent, and its answer checked.
   b. I(Dialogue,) where a service should be asked who it is: its protocol is spoken until that is known.
   c. Nothing is said to anybody else: a connection is the outcome.
4. I(Farewell.) The end depends on who is there. A listener that proved itself gets RST, because it is our own
   and neither end shall keep the connection in TIME_WAIT. Its line is left unread for that if it came whole:
   then closing the socket sends RST (RFC 2525, section 2.17). Anybody else gets FIN: our side is shut down,
   and what the server still says is read. Servers log a RST as an error of the client, and some count against
   it.

UDP has no handshake: I(datagrams) are sent until one is answered or refused, three at most, from different
source ports, and more to a listener of ours (scouts.py). The device to which the kernel gives the first one
shows whether it leads back to this host. What more source ports find is asked later (udp_samples.py).

All ports wait at the same time, so silence costs one timeout in all, however many ports are silent. An
address behind a gateway from which nothing came costs one more, because its path may be slow (late.py). Who
ends what: an attempt ends itself, in whatever stage it is, and every stage has an alarm that makes it do so.
The sweep ends nothing but what is left when it is interrupted. A pass ends when its last attempt has ended,
with one exception: a dialogue with a server that may look up our name first (MySQL, FTP) may take a minute.
It goes on in the background, beside the passes in which silent ports are tried again, and only C(finish)
waits for it.

What saves packets: to a listener of ours, the ACK of the handshake is held back and leaves together with our
line as one segment. A SYN proxy on the way may take that segment for the ACK alone and drop what it carries.
So where a listener of ours should be and nothing is heard, the port is tried once more over a new connection
without that.

What saves ephemeral ports: with a source address of its own choice, a socket has to be bound before it
connects, and a plain C(bind) takes a port for it alone. See C(Sources.bind) for how the port is chosen later.
"""

import errno
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Iterable, Iterator, List, NamedTuple, Optional, Sequence

from .._kernel.sockets import Sources, own_address
from .._listener import proof
from .engine import Engine
from .outcome import from_errno, local_failure, receive_errors
from .range_turns import Turns, Work
from .scouts import PART, Scouts
from .stages import Attempt, Context, Datagrams, Handshake, Lookups, Rivals, Scout
from .targets import Target
from .trace import Tracer

if TYPE_CHECKING:
    from .._kernel.capture import Capture
    from .late import LateAnswers

DEFAULT_TIMEOUT = 3.5  # seconds; just above 3 s, so that three SYNs leave (at once, after 1 s and after 3 s)
DEFAULT_CONCURRENCY = 4096

_BURST = 32  # connections started between two looks at the answers
_MAX_CATCH_UP = 0.1  # seconds of a rate that follow at once if this host was late
# What the probing host runs out of (descriptors, buffers, ephemeral ports), and has again when other attempts
# end.
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL)
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_DATAGRAM = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)


class Pace(NamedTuple):
    """How fast and how patiently to probe."""

    timeout: float = DEFAULT_TIMEOUT  # seconds
    rate: float = 0.0  # connections a second, 0 for no limit
    # The same to each address outside of the own cluster of which many ports are asked, see range_turns.py.
    range_rate: float = 0.0
    concurrency: int = DEFAULT_CONCURRENCY  # sockets at a time


class Sweep:
    """Probes ports side by side and records each outcome at its target."""

    def __init__(
        self,
        pace: Pace,
        sources: Sources,
        key: bytes = b"",
        identify: bool = False,
        only_from_here: bool = False,
    ):
        """Make a sweep; with C(only_from_here), it hears nothing but what this very machine sends."""
        self._pace = pace
        self._sources = sources
        self._only_from_here = only_from_here
        self._engine = Engine()
        self._context = Context(
            engine=self._engine,
            timeout=pace.timeout,
            key=key,
            hello_start=proof.prefix(key),
            nonces=proof.nonces(),
            identify=identify,
            connect_plainly=self._start_plainly,
            scout=self._start_scouts,
            take_rivals=self._take_rivals,
            start_rival=self._start_rival,
            lookups=Lookups(),
            late=self._wait_on,
        )
        self._late: Optional["LateAnswers"] = None
        self._patient_groups: Sequence[Sequence[Target]] = ()  # whose silent attempts wait on
        self._scouts = Scouts(())
        self._postponed: List[Work] = []
        self._tracer: Optional[Tracer] = None  # that looks at the pass
        self._begun = 0.0  # when the pass began
        self._started = 0  # attempts in the pass

    def __enter__(self) -> "Sweep":
        return self

    def __exit__(self, *unused: object) -> None:
        self._engine.close()

    @property
    def pace(self) -> Pace:
        """How fast this probes."""
        return self._pace

    def watch(self, capture: "Capture") -> None:
        """Let a capture read while we probe."""
        self._engine.watch(capture.sock.fileno(), capture.read)

    def wait_for_late(self) -> None:
        """Wait on where a slow path may be why ports were silent in a traced pass."""
        late, self._late = self._late, None
        if late is None:
            return
        late.end_pointless()
        while late.is_waiting:
            self._engine.wait(self._engine.seconds_to_next_alarm())
        late.conclude()

    def run_traced(self, groups: Sequence[Sequence[Target]], tracer: Tracer) -> None:
        """Try each port once; a tracer looks meanwhile which of them are silent, and these wait on.

        C(groups) are the targets of each address.
        """
        self._engine.watch(tracer.fileno(), tracer.read)
        self._tracer, self._patient_groups = tracer, groups
        self.run(all_ports(target for group in groups for target in group))
        self._tracer, self._patient_groups = None, ()

    def scout(self, scouts: Scouts) -> None:
        """Let silent addresses be tried from more source ports, see scouts.py."""
        self._scouts = scouts

    def run(self, work: Iterable[Work]) -> None:
        """Try each port once.

        A port for which this host lacks the means at the moment is tried when others have ended.
        """
        self._pass(work)
        while self._postponed:
            if len(self._engine):
                # Only conversations in the background are left, and one of them holds what is missing.
                self._engine.wait(self._engine.seconds_to_next_alarm())
            again, self._postponed = self._postponed, []
            self._pass(again)

    def finish(self) -> None:
        """Wait for the conversations in the background."""
        while len(self._engine):
            self._engine.wait(self._engine.seconds_to_next_alarm())

    def _pass(self, work: Iterable[Work]) -> None:
        self._begun, self._started = time.monotonic(), 0
        turns = Turns(work, self._pace.range_rate, self._begun)
        while not turns.is_over or self._engine.is_waited_for:
            self._start_some(turns)
            seconds = self._seconds_to_wait(turns)
            if self._tracer is not None:
                now = time.monotonic()
                self._tracer.tick(now, self._waiting)
                seconds = min(seconds, self._tracer.seconds_to_next(now))
            self._engine.wait(seconds)

    def _start_some(self, turns: Turns) -> None:
        """Start as many attempts as may start now."""
        room = min(_BURST, self._pace.concurrency - len(self._engine))
        if self._pace.rate:
            room = min(room, self._due() - self._started)
        for item in turns.take(room, time.monotonic()):
            self.start(*item)

    def _due(self) -> int:
        """Return how many attempts may have started by now.

        What a busy host is late with is not made up for: a device that counts would take it for a scan.
        """
        now = time.monotonic()
        late = now - self._begun - self._started / self._pace.rate
        self._begun += max(0.0, late - _MAX_CATCH_UP)
        return int((now - self._begun) * self._pace.rate) + 1

    def _seconds_to_wait(self, turns: Turns) -> float:
        """Return how long to wait for events: until the next alarm, or the next start."""
        if turns.is_over:
            return self._engine.seconds_to_next_alarm() if self._engine.is_waited_for else 0.0
        if len(self._engine) >= self._pace.concurrency:
            return self._engine.seconds_to_next_alarm()
        now = time.monotonic()
        seconds = turns.seconds_to_next(now)
        if self._pace.rate:
            seconds = max(seconds, self._begun + self._started / self._pace.rate - now)
        return min(self._engine.seconds_to_next_alarm(), seconds) if seconds else 0.0

    def _waiting(self, seconds: float) -> Iterator[Work]:
        """Yield the ports that have waited so long for a first sign of life."""
        latest = time.monotonic() - seconds
        for stage in self._engine.stages():
            if isinstance(stage, (Handshake, Datagrams)) and stage.attempt.started <= latest:
                yield stage.attempt.target, stage.attempt.port

    def start(self, target: Target, port: int, plain: bool = False) -> None:
        """Start an attempt; a plain one does without what saves packets."""
        self._started += 1
        started = time.monotonic()
        try:
            # The plain type beneath socket.socket: made and closed without a call in Python.
            sock = socket.SocketType(target.family, _STREAM if target.protocol == "tcp" else _DATAGRAM)
        except OSError as error:
            self._refuse(target, port, error.errno or 0)
            return
        try:
            receive_errors(sock, target.family)
            if target.ours and target.protocol == "tcp" and not plain:
                # Without quick ACKs, the end of the handshake leaves with the line that follows it at once,
                # as one segment (TCP_QUICKACK in tcp(7)).
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            self._sources.bind(sock, target.family)
            if self._only_from_here:
                self._hear_only_this_host(sock)
            number = sock.connect_ex((target.address, port))
        except OSError as error:
            number = error.errno or errno.EIO
        if number not in (0, errno.EINPROGRESS):
            sock.close()
            self._refuse(target, port, number)
            return
        if not target.own_address:
            target.own_address = own_address(sock)
        attempt = Attempt(self._context, sock, target, port, started, plain)
        if target.protocol == "tcp":
            at_first = self._pace.timeout / PART
            handshake = Handshake(attempt, left=self._pace.timeout - at_first)
            self._engine.add(sock.fileno(), handshake, at_first, started)
        else:
            datagrams = Datagrams(attempt)
            self._engine.add(sock.fileno(), datagrams, datagrams.seconds, started)
            datagrams.ask()

    def _hear_only_this_host(self, sock: socket.SocketType) -> None:
        from .._kernel.loopback import receive_only_from_here

        if not receive_only_from_here(sock):
            raise OSError(errno.ENOPROTOOPT, "no socket filters")

    def _start_plainly(self, target: Target, port: int) -> None:
        self.start(target, port, plain=True)

    def _start_scouts(self, target: Target, port: int) -> None:
        for unused in range(self._scouts.take(target)):
            attempt = self._one_more(target, port)
            if attempt is None:
                return
            seconds = self._pace.timeout * (1 - 1 / PART)
            self._engine.add(attempt.sock.fileno(), Scout(attempt), seconds, attempt.started)

    def _wait_on(self, attempt: Attempt) -> Optional["LateAnswers"]:
        if not self._patient_groups:
            return None
        if self._late is None:
            from .late import LateAnswers

            room = max(1, self._pace.concurrency // 4)
            self._late = LateAnswers(self._patient_groups, self._pace.timeout, room, self._sources)
        return self._late if self._late.take(attempt) else None

    def _take_rivals(self, target: Target, port: int) -> int:
        return self._scouts.take_rivals(target, port)

    def _start_rival(self, rivals: Rivals) -> bool:
        if len(self._engine) >= self._pace.concurrency:
            return False
        if self._pace.rate and self._started > (time.monotonic() - self._begun) * self._pace.rate:
            return False
        attempt = self._one_more(rivals.first.target, rivals.first.port)
        if attempt is None:
            return False
        rivals.attempts.append(attempt)
        if attempt.target.protocol == "tcp":
            handshake = Handshake(attempt, rivals=rivals)
            self._engine.add(attempt.sock.fileno(), handshake, self._pace.timeout, attempt.started)
        else:
            datagrams = Datagrams(attempt, rivals)
            self._engine.add(attempt.sock.fileno(), datagrams, self._pace.timeout, attempt.started)
            datagrams.ask()
        return True

    def _one_more(self, target: Target, port: int) -> Optional[Attempt]:
        """Return one more attempt at a port that is tried already, or None if this host cannot make it."""
        self._started += 1
        try:
            sock = socket.SocketType(target.family, _STREAM if target.protocol == "tcp" else _DATAGRAM)
        except OSError:
            return None
        try:
            receive_errors(sock, target.family)
            self._sources.bind(sock, target.family)
            number = sock.connect_ex((target.address, port))
        except OSError as error:
            number = error.errno or errno.EIO
        if number not in (0, errno.EINPROGRESS):
            sock.close()
            return None
        return Attempt(self._context, sock, target, port, time.monotonic())

    def _refuse(self, target: Target, port: int, number: int) -> None:
        """Take in that this host's own kernel did not start an attempt."""
        if number in _SCARCE and len(self._engine):
            self._postponed.append((target, port))
        elif number == errno.ECONNREFUSED:
            target.record(port, from_errno(number, 0.0, target.protocol))
        else:
            target.record(port, local_failure(number, target.address))


def all_ports(targets: Iterable[Target]) -> Iterator[Work]:
    """Yield every port of every target, one target after the other, so that no host takes the whole burst."""
    queues = deque((target, iter(target.ports)) for target in targets)
    while queues:
        target, ports = queues.popleft()
        port = next(ports, None)
        if port is not None:
            queues.append((target, ports))
            yield target, port
