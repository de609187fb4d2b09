# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One non-blocking pass over many ports.

Every connection waits beside the others, so silence costs one timeout in all.

Connections to our own listeners end with RST as soon as the answer is checked. All others end with FIN: the
writing side is shut down and what the server still says is read, bounded, because closing a socket with
unread data would send RST (RFC 2525, section 2.17).

A conversation with a server that may look up our name first lasts longer than anything else. It goes on
beside the passes that follow, in which silent ports are asked again, and only C(finish) waits for it.

What saves packets may meet a device that does not understand it: a SYN proxy of Linux takes the first segment
of a client for the end of the handshake and drops what it carries. So a port where our listener should be,
and nothing is heard, is asked once more over a new connection, without that.
"""

import errno
import select
import socket
import time
from collections import defaultdict, deque
from typing import DefaultDict, Deque, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from .._identify._finding import SILENT, Finding
from .._identify._registry import NEVER_CUT_SHORT, SCRIPTS, patience
from .._identify._wire import Talk
from .._kernel.capture import Capture
from .._kernel.own_addresses import is_loopback
from .._kernel.sockets import Sources, handshake_ms, joins_itself, reset
from .._listener import proof
from .led_back import Ends, ends_of, led_back
from .outcome import (
    CLOSED,
    OPEN,
    OTHER_RUN,
    REFUSED,
    SYN_ACK,
    UDP_RESPONSE,
    Outcome,
    from_errno,
    icmp_or_errno,
    local_failure,
    receive_errors,
    timed_out,
)
from .targets import Target

SILENT_LISTENER, OTHER_ANSWER = (
    "connected, but nobody answered our hello",
    "connected, but something else answered our hello",
)
CUT_OFF = "connected, but cut off before anybody answered our hello"
OTHER_RUN_ANSWERS = "connected, but a listener of another run answered our hello"

_BURST = 32  # connections started between two looks at the answers
_DRAIN_SECONDS, _DRAIN_BYTES = 1.0, 65536
_EVENTS = select.EPOLLIN | select.EPOLLOUT | select.EPOLLET
_FAILED = select.EPOLLERR | select.EPOLLHUP
# What the probing host runs out of (descriptors, buffers, ephemeral ports), and has again when other attempts
# end.
_SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL)
_ONCE_CONNECTED = (0, errno.ECONNRESET, errno.EPIPE)  # a refused connection is ECONNREFUSED
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_DATAGRAM = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
_CONNECTING, _ANSWERING, _TALKING, _DRAINING = range(4)
_DATAGRAMS = 3  # how often a question is asked: a datagram may be lost


class Pace(NamedTuple):
    """How fast and how patiently to probe."""

    timeout: float = 3.5  # seconds; just above 3 s gives three SYNs (1 s and 3 s after the first)
    rate: float = 0.0  # connections a second, 0 for no limit
    concurrency: int = 1024  # sockets at a time


class _Attempt:
    __slots__ = (
        "sock",
        "target",
        "port",
        "started",
        "stage",
        "alarm",
        "nonce",
        "received",
        "asked",
        "rtt_ms",
        "talk",
        "plain",
        "lasting",
    )

    def __init__(
        self, sock: socket.SocketType, target: Target, port: int, started: float, plain: bool = False
    ):
        self.sock = sock
        self.target = target
        self.port = port
        self.started = started
        self.stage = _CONNECTING
        self.alarm = 0.0
        self.nonce = b""
        self.received = b""
        self.asked = 0
        self.rtt_ms = -1.0
        self.talk: Optional[Talk] = None
        self.plain = plain  # without what saves packets
        self.lasting = False  # a conversation for which no pass waits


class _Alarms:
    """Alarms in order of time.

    Each delay has a queue of its own, so the first of a queue is always its next.
    """

    def __init__(self):
        self._queues: DefaultDict[float, Deque[Tuple[float, _Attempt]]] = defaultdict(deque)

    def set(self, delay: float, now: float, attempt: _Attempt) -> None:
        """Let an attempt's only alarm ring after C(delay) seconds."""
        attempt.alarm = now + delay
        self._queues[delay].append((attempt.alarm, attempt))

    def due(self, now: float) -> Iterator[_Attempt]:
        """Yield the attempts whose alarm rings."""
        for queue in list(self._queues.values()):
            while queue and (queue[0][0] <= now or queue[0][1].alarm != queue[0][0]):
                alarm, attempt = queue.popleft()
                if attempt.alarm == alarm:
                    yield attempt

    def seconds(self, now: float) -> float:
        """Return the time to the next alarm, at most a second."""
        return max(0.0, min([queue[0][0] - now for queue in self._queues.values() if queue] + [1.0]))


class Sweep:
    """Probes ports side by side and records each outcome at its target."""

    def __init__(self, pace: Pace, sources: Sources, key: bytes = b"", identify: bool = False):
        self._pace = pace
        self._sources = sources
        self._key = key
        self._identify = identify
        self._prefix = proof.prefix(key)
        self._poll = select.epoll()
        self._active: Dict[int, _Attempt] = {}
        self._alarms = _Alarms()
        self._capture: Optional[Capture] = None
        self._postponed: List[Tuple[Target, int]] = []
        self._begun = 0.0
        self._count = 0
        self._lasting = 0
        self._connected: List[_Attempt] = []  # of which it is not known yet whether they lead back here

    def __enter__(self) -> "Sweep":
        return self

    def __exit__(self, *unused) -> None:
        for attempt in list(self._active.values()):
            self._close(attempt)
        self._poll.close()

    def watch(self, capture: Capture) -> None:
        """Let a capture read while we probe."""
        self._capture = capture
        self._poll.register(capture.sock.fileno(), select.EPOLLIN)

    def run(self, work: Iterable[Tuple[Target, int]]) -> None:
        """Probe each port once; what this host has no means for at the moment waits for the others to end."""
        self._pass(work)
        while self._postponed:
            if self._active:
                self._look(
                    self._alarms.seconds(time.monotonic())
                )  # only lasting conversations are left, and hold what is missing
            again, self._postponed = self._postponed, []
            self._pass(again)

    def finish(self) -> None:
        """Wait for the conversations that no pass waited for."""
        while self._active:
            self._look(self._alarms.seconds(time.monotonic()))

    def _pass(self, work: Iterable[Tuple[Target, int]]) -> None:
        waiting = iter(work)
        self._begun, self._count = time.monotonic(), 0
        more = True
        while more or len(self._active) > self._lasting:
            more = more and self._start_some(waiting)
            self._look(self._patience(more))

    def _look(self, seconds: float) -> None:
        for descriptor, events in self._poll.poll(seconds):
            attempt = self._active.get(descriptor)
            if attempt is not None:
                self._on_event(attempt, events)
            elif self._capture is not None and descriptor == self._capture.sock.fileno():
                self._capture.read()
        if self._connected:
            self._greet()
        for attempt in self._alarms.due(time.monotonic()):
            self._on_alarm(attempt)

    def _patience(self, more: bool) -> float:
        now = time.monotonic()
        if not more and len(self._active) <= self._lasting:
            return 0.0
        if not more or len(self._active) >= self._pace.concurrency:
            return self._alarms.seconds(now)
        if not self._pace.rate:
            return 0.0
        return min(self._alarms.seconds(now), max(0.0, self._begun + self._count / self._pace.rate - now))

    def _start_some(self, waiting: Iterator[Tuple[Target, int]]) -> bool:
        room = min(_BURST, self._pace.concurrency - len(self._active))
        if self._pace.rate:
            room = min(room, int((time.monotonic() - self._begun) * self._pace.rate) + 1 - self._count)
        for unused in range(room):
            item = next(waiting, None)
            if item is None:
                return False
            self._start(*item)
        return True

    def _start(self, target: Target, port: int, plain: bool = False) -> None:
        self._count += 1
        now = time.monotonic()
        try:
            # The plain type beneath socket.socket: made and closed without a call in Python.
            sock = socket.SocketType(target.family, _STREAM if target.protocol == "tcp" else _DATAGRAM)
        except OSError as error:
            self._refuse(target, port, error.errno or 0)
            return
        try:
            receive_errors(sock, target.family)
            if target.ours and target.protocol == "tcp" and not plain:
                # The end of the handshake leaves with the hello that follows it at once, as one segment
                # (tcp(7)).
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            self._sources.bind(sock, target.family)
            number = sock.connect_ex((target.address, port))
        except OSError as error:
            number = error.errno or errno.EIO
        self._begin(_Attempt(sock, target, port, now, plain), number)

    def _begin(self, attempt: _Attempt, number: int) -> None:
        if number not in (0, errno.EINPROGRESS):
            attempt.sock.close()
            self._refuse(attempt.target, attempt.port, number)
            return
        descriptor = attempt.sock.fileno()
        self._active[descriptor] = attempt
        self._poll.register(descriptor, _EVENTS)
        if attempt.target.protocol == "udp":
            self._ask(attempt)
        else:
            self._alarms.set(self._pace.timeout, attempt.started, attempt)

    def _refuse(self, target: Target, port: int, number: int) -> None:
        if number in _SCARCE and self._active:
            self._postponed.append((target, port))
        else:
            target.record(
                port,
                from_errno(number, 0.0, target.protocol)
                if number == errno.ECONNREFUSED
                else local_failure(number),
            )

    def _on_event(self, attempt: _Attempt, events: int) -> None:
        if attempt.stage == _DRAINING:
            self._drain(attempt)
        elif attempt.target.protocol == "udp":
            self._on_datagram(attempt, events)
        elif attempt.stage == _CONNECTING:
            self._on_connect(attempt, events)
        elif attempt.stage == _TALKING:
            self._on_talk(attempt)
        else:
            self._on_answer(attempt)

    def _on_alarm(self, attempt: _Attempt) -> None:
        if attempt.stage == _DRAINING:
            self._close(attempt)
        elif attempt.talk is not None:
            attempt.talk.give_up()
            self._continue(attempt, None)
        elif attempt.stage == _ANSWERING:
            self._hear_nothing(attempt, SILENT_LISTENER)
        elif attempt.target.protocol == "udp" and attempt.asked < _DATAGRAMS:
            self._ask(attempt)
        else:
            self._finish(attempt, timed_out(attempt.target.protocol))

    def _on_connect(self, attempt: _Attempt, events: int) -> None:
        now = time.monotonic()
        seconds = now - attempt.started
        target = attempt.target
        number = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & _FAILED else 0
        if number not in _ONCE_CONNECTED or not events & select.EPOLLOUT:
            self._on_failed_connect(attempt, number, seconds)
            return
        attempt.rtt_ms = handshake_ms(attempt.sock, seconds * 1000)
        if joins_itself(attempt.sock, attempt.port):
            self._finish(attempt, Outcome(CLOSED, REFUSED), seconds * 1000)
        elif self._expects_proof(target, attempt.port):
            attempt.nonce = proof.new_nonce()
            attempt.stage = _ANSWERING
            self._alarms.set(self._pace.timeout, now, attempt)
            # What came with the handshake is never signalled again (EPOLLET, epoll(7)).
            if self._send(attempt, proof.hello(self._prefix, attempt.nonce)) and events & select.EPOLLIN:
                self._on_answer(attempt)
        elif target.planned and not is_loopback(target.address):
            self._connected.append(attempt)
        else:
            self._approach(attempt)

    def _greet(self) -> None:
        """Note which connections to services of others lead back to this host, while both ends are there, and go on with all."""
        connected, self._connected = self._connected, []
        ends: Dict[_Attempt, Optional[Ends]] = {attempt: ends_of(attempt.sock) for attempt in connected}
        back = led_back(some for some in ends.values() if some)
        for attempt in connected:
            if ends[attempt] in back:
                attempt.target.led_back.add(attempt.port)
            self._approach(attempt)

    def _approach(self, attempt: _Attempt) -> None:
        """Ask a service of others who it is, or leave it alone."""
        target = attempt.target
        if not self._is_asked(target.services.get(attempt.port)):
            target.record(attempt.port, Outcome(OPEN, SYN_ACK), attempt.rtt_ms)
            self._say_goodbye(attempt)
            return
        attempt.talk = Talk(SCRIPTS[target.services[attempt.port]], target.named)
        attempt.stage = _TALKING
        seconds = patience(target.services[attempt.port])
        self._alarms.set(seconds, time.monotonic(), attempt)
        self._last(attempt, seconds > patience(""))
        self._continue(attempt, None)
        self._on_talk(attempt)

    def _is_asked(self, service: Optional[str]) -> bool:
        return service is not None and (self._identify or service in NEVER_CUT_SHORT)

    def _on_talk(self, attempt: _Attempt) -> None:
        while attempt.talk is not None:
            try:
                data = attempt.sock.recv(16384)
            except BlockingIOError:
                return
            except OSError:
                attempt.talk.cut_off()
                data = None
            if data and proof.is_notice(data):
                attempt.talk = None
                self._last(attempt, False)
                attempt.target.record(attempt.port, Outcome(OPEN, OTHER_RUN), attempt.rtt_ms)
                self._say_goodbye(attempt)
                return
            if data and attempt.lasting and not attempt.received:
                attempt.received = (
                    data  # it has looked up our name, and is hurried from now on like everybody
                )
                self._alarms.set(patience(""), time.monotonic(), attempt)
            self._continue(attempt, data)

    def _last(self, attempt: _Attempt, lasting: bool) -> None:
        self._lasting += lasting - attempt.lasting
        attempt.lasting = lasting

    def _continue(self, attempt: _Attempt, data: Optional[bytes]) -> None:
        talk = attempt.talk
        if talk is None:
            return
        if data is not None:
            talk.feed(data)
        try:
            attempt.sock.sendall(talk.outgoing())
        except BlockingIOError:
            talk.feed(b"")
        except OSError:
            talk.note_reset()  # what it said before is still to be read, and then the end
        if talk.finding is not None:
            attempt.talk = None
            self._last(attempt, False)
            attempt.target.record(attempt.port, self._outcome(talk.finding), attempt.rtt_ms)
            self._say_goodbye(attempt)

    def _outcome(self, finding: Finding) -> Outcome:
        if self._identify:
            return Outcome(OPEN, SYN_ACK, finding=finding)
        # Nobody asked who answers; but that our end of the connection may do harm is said.
        return Outcome(OPEN, SYN_ACK, detail=finding.detail if finding.status == SILENT else "")

    def _on_failed_connect(self, attempt: _Attempt, number: int, seconds: float) -> None:
        outcome = icmp_or_errno(attempt.sock, number, seconds, "tcp", attempt.target.address)
        # An ICMP message that met the kernel inside connect() is queued without an error (sk_err_soft in
        # tcp_v6_err of Linux).
        if number or outcome.reason_ip:
            self._finish(attempt, outcome, seconds * 1000)

    def _expects_proof(self, target: Target, port: int) -> bool:
        return port in target.ours

    def _send(self, attempt: _Attempt, data: bytes) -> bool:
        try:
            attempt.sock.send(data)
            return True
        except OSError as error:
            if attempt.target.protocol == "udp":
                self._on_datagram_error(attempt, error.errno or 0, sending=True)
            else:
                self._hear_nothing(attempt, CUT_OFF)
            return False

    def _hear_nothing(self, attempt: _Attempt, detail: str) -> None:
        if attempt.plain:
            self._finish(attempt, Outcome(OPEN, SYN_ACK, answered_by="", detail=detail))
            return
        self._close(attempt)
        self._start(attempt.target, attempt.port, plain=True)

    def _on_answer(self, attempt: _Attempt) -> None:
        try:
            data = attempt.sock.recv(proof.LONGEST)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        attempt.received += data
        if data and b"\n" not in attempt.received and len(attempt.received) < proof.LONGEST:
            return
        self._conclude(attempt, SYN_ACK, attempt.rtt_ms)

    def _conclude(self, attempt: _Attempt, reason: str, rtt_ms: float) -> None:
        if not attempt.received and attempt.target.protocol == "tcp":
            self._hear_nothing(attempt, CUT_OFF)
            return
        host = proof.read_answer(self._key, attempt.nonce, attempt.received.split(b"\n")[0])
        other = OTHER_RUN_ANSWERS if proof.is_notice(attempt.received) else OTHER_ANSWER
        detail = "" if host is not None else other if attempt.received else CUT_OFF
        outcome = Outcome(OPEN, reason, answered_by=host or "", detail=detail)
        attempt.target.record(attempt.port, outcome, rtt_ms)
        if host is None and attempt.target.protocol == "tcp":
            self._say_goodbye(attempt)
            return
        self._forget(attempt)
        reset(attempt.sock)

    def _ask(self, attempt: _Attempt) -> None:
        attempt.asked += 1
        self._alarms.set(self._pace.timeout / _DATAGRAMS, time.monotonic(), attempt)
        if self._expects_proof(attempt.target, attempt.port):
            attempt.nonce = attempt.nonce or proof.new_nonce()
            self._send(attempt, proof.hello(self._prefix, attempt.nonce))
        else:
            self._send(attempt, self._question(attempt))

    @staticmethod
    def _question(attempt: _Attempt) -> bytes:
        datagram = attempt.target.datagrams.get(attempt.port)
        return datagram.question if datagram else b""

    def _identity(self, attempt: _Attempt) -> Optional[Finding]:
        datagram = attempt.target.datagrams.get(attempt.port) if self._identify else None
        return datagram.judge(attempt.received) if datagram else None

    def _on_datagram(self, attempt: _Attempt, events: int) -> None:
        if not events & (select.EPOLLIN | select.EPOLLERR):
            return
        try:
            attempt.received = attempt.sock.recv(proof.LONGEST)
        except BlockingIOError:
            return
        except OSError as error:
            self._on_datagram_error(attempt, error.errno or 0)
            return
        rtt_ms = (time.monotonic() - attempt.started) * 1000
        if attempt.nonce:
            self._conclude(attempt, UDP_RESPONSE, rtt_ms)
        else:
            self._finish(attempt, Outcome(OPEN, UDP_RESPONSE, finding=self._identity(attempt)), rtt_ms)

    def _on_datagram_error(self, attempt: _Attempt, number: int, sending: bool = False) -> None:
        seconds = time.monotonic() - attempt.started
        outcome = icmp_or_errno(attempt.sock, number, seconds, "udp", attempt.target.address)
        if sending and not outcome.reason_ip and number != errno.ECONNREFUSED:
            outcome = local_failure(number)
        self._finish(attempt, outcome, seconds * 1000)

    def _finish(self, attempt: _Attempt, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        attempt.target.record(attempt.port, outcome, rtt_ms)
        self._close(attempt)

    def _say_goodbye(self, attempt: _Attempt) -> None:
        try:
            attempt.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(attempt)
            return
        attempt.stage = _DRAINING
        self._alarms.set(min(_DRAIN_SECONDS, self._pace.timeout), time.monotonic(), attempt)
        self._drain(attempt)

    def _drain(self, attempt: _Attempt) -> None:
        try:
            while attempt.asked < _DRAIN_BYTES:
                data = attempt.sock.recv(4096)
                if not data:
                    break
                if not attempt.asked and not attempt.nonce and proof.is_notice(data):
                    # A listener that another run has left behind takes the service's place; only who ends his
                    # side hears it say so.
                    attempt.target.correct(attempt.port, Outcome(OPEN, OTHER_RUN))
                attempt.asked += len(data)
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(attempt)

    def _close(self, attempt: _Attempt) -> None:
        self._forget(attempt)
        attempt.sock.close()

    def _forget(self, attempt: _Attempt) -> None:
        attempt.alarm = 0.0
        self._last(attempt, False)
        self._active.pop(attempt.sock.fileno(), None)


def all_ports(targets: Iterable[Target]) -> Iterator[Tuple[Target, int]]:
    """Yield every port of every target, round the targets in turn, so that no host takes the whole burst."""
    queues = deque((target, iter(target.ports)) for target in targets)
    while queues:
        target, ports = queues.popleft()
        port = next(ports, None)
        if port is not None:
            queues.append((target, ports))
            yield target, port
