# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all connections have in common that measure a path, and what starts them and waits for them."""

import errno
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, Iterator, List, Optional, Sequence, Tuple

from .._kernel.own_addresses import is_loopback
from .._kernel.sockets import Sources, reset
from .._kernel.tcp_info import TcpInfo, answers_first_syn, tcp_info, unacknowledged
from .._listener import proof
from .._values.ports import Ports
from .engine import Engine, Stage
from .outcome import ERROR, HOST_UNREACH, LOCAL, Outcome, icmp_or_errno, local_failure, receive_errors
from .path_words import CUT_OFF, NO_NEIGHBOUR, REFUSED_HERE, REFUSED_ONE, TO_OTHER_HOST, TO_STRANGER
from .sweep import Pace

if TYPE_CHECKING:
    from .._shapes import Stray
    from .paths import MeasuredPath


SAMPLES = 16  # of a path
SILENCE_SECONDS = 1.25  # two SYNs
_FEW_SAMPLES = 4  # with a limit of the rate
MORE_TRIES = 11  # of a silent connection, from its source port
MAX_SECONDS = 7.0  # after which everything ends, but for what many paths and a limit of the rate add to it
_MAX_LATE_SECONDS = 8.0  # of this host itself, which count for neither of these
_MAX_EXAMINING_SECONDS = 10.0  # of all paths, one after the other
LONG_ROUND_TRIP = 0.5  # seconds; whoever waits longer for an answer measures slower paths too
_SLOW_RATE = 1000.0  # connections a second that a busy host starts, and a busy listener answers
_BURST = 32
_FAILED = select.EPOLLERR | select.EPOLLHUP
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
CONNECTING, ASKING, ANSWERED, OVER = range(4)  # states of a connection
# What RST and ICMP errors make of a handshake that has begun (icmp_err_convert, icmpv6_err_convert in Linux).
# Since Linux 4.17 the kernel also has the ICMP message, and with it the sender: that may be this host itself.
_REFUSALS = (
    errno.ECONNREFUSED,
    errno.EACCES,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.ENONET,
    errno.ENOPROTOOPT,
    errno.EOPNOTSUPP,
    errno.EPROTO,
)
_CUTS = (errno.ECONNRESET, errno.EPIPE)  # of a connection that came about


def rounded(seconds: float) -> float:
    """Return a delay of which there are few different ones, as the engine wants it."""
    return max(0.05, round(seconds * 20) / 20.0)


def in_turn(ports: Sequence[int]) -> Iterator[int]:
    """Yield the port of each sample: one after the other, from all over the range, and then again."""
    step, index = max(1, len(ports) // SAMPLES), 0
    while True:
        index += step
        yield ports[(index + index // len(ports)) % len(ports)]


def how_refused(outcome: Outcome, number: int) -> str:
    """Return who refused, as a word of a stray, or nothing if nobody did; C(number) is the error's."""
    if outcome.reason_ip == LOCAL:
        return NO_NEIGHBOUR if outcome.reason == HOST_UNREACH else REFUSED_HERE
    return REFUSED_ONE if outcome.reason_ip or number in _REFUSALS else ""


def strays_of(found: Dict[Tuple[str, str], List[int]]) -> "List[Stray]":
    """Return what strayed; C(found) has the ports of each way to stray and each host that answered."""
    strays: "List[Stray]" = []
    for (how, answered_by), ports in sorted(found.items()):
        stray: "Stray" = {"how": how, "ports": str(Ports(set(ports))), "connections": len(ports)}
        if answered_by:
            stray["answered_by"] = answered_by
        strays.append(stray)
    return strays


class Measured:
    """What a run measures, by tries that it starts."""

    @property
    def round_trip(self) -> float:
        """Seconds of the shortest round trip."""
        raise NotImplementedError

    @property
    def longer_seconds(self) -> float:
        """How much longer than others it may take, because its path is slow or tries have to wait."""
        return 2 * MORE_TRIES * self.round_trip

    def begin(self) -> None:
        """Start the first tries."""
        raise NotImplementedError

    def conclude(self) -> None:
        """Write down what was found."""
        raise NotImplementedError


class Try(Stage):
    """What a run starts when there is room."""

    __slots__ = ()

    @property
    def is_needed(self) -> bool:
        """Whether one that waits to start shall start."""
        return True

    def start(self) -> None:
        """Start it."""
        raise NotImplementedError


class Run:
    """Starts the tries of all that is measured as fast as may be, and waits for them."""

    def __init__(self, pace: Pace, sources: Sources, key: bytes):
        self.engine = Engine()
        self.sources = sources
        self.key = key
        self.samples = _FEW_SAMPLES if pace.rate else SAMPLES
        self.longest_round_trip = max(LONG_ROUND_TRIP, pace.timeout)
        self._pace = pace
        self._waiting: Deque[Try] = deque()
        self._measured: Sequence[Measured] = ()
        self._started = 0
        self._begun = 0.0
        self._late = 0.0

    @property
    def rate(self) -> float:
        """How many tries a second may start, 0 for no limit."""
        return self._pace.rate

    @property
    def concurrency(self) -> int:
        """How many sockets may be in use at a time."""
        return self._pace.concurrency

    @property
    def late_seconds(self) -> float:
        """How much of the time this host itself took: a busy one would search a size for too short."""
        return min(self._late, _MAX_LATE_SECONDS)

    def start(self, one: Try) -> None:
        """Let a try start when there is room."""
        self._waiting.append(one)

    def all(self, measured: Sequence[Measured]) -> None:
        """Measure everything."""
        self._measured = measured
        for one in measured:
            one.begin()
        self._wait()

    def weigh_loss(self, paths: Sequence["MeasuredPath"]) -> None:
        """Try more connections over paths that lose packets, until the rate is clear."""
        for path in paths:
            path.begin_loss()
        self._wait()

    def examine(self, paths: Sequence["MeasuredPath"]) -> None:
        """Find out whether this host itself has reset connections."""
        doubtful = [path for path in paths if path.resets and not is_loopback(path.address)]
        if not doubtful:
            return
        from .._kernel.loopback import may_choose_what_to_receive

        if may_choose_what_to_receive():
            for path in doubtful:
                path.begin_examination()
            self._wait()
            return
        from .refused_here import Counting

        end = time.monotonic() + _MAX_EXAMINING_SECONDS
        for path in doubtful:
            if time.monotonic() > end:
                break
            path.resets_itself = Counting(self.sources).refuses_some(path.twin(), path.resets, self.rate)

    def rescue(self, paths: Sequence["MeasuredPath"]) -> None:
        """Try the silent ports of paths with a dead link again."""
        for path in paths:
            path.begin_rescue()
        self._wait()

    def _wait(self) -> None:
        self._begun, self._started, self._late = time.monotonic(), 0, 0.0
        while self._waiting or len(self.engine):
            now = time.monotonic()
            seconds = 0.0 if self._start_some() else self.engine.seconds_to_next_alarm()
            self.engine.wait(seconds)
            self._late += max(0.0, time.monotonic() - now - seconds)
            if self._is_over():
                self._waiting.clear()
                self.engine.end_all()

    def _is_over(self) -> bool:
        over = self._begun + MAX_SECONDS + self.late_seconds + self._started / (self._pace.rate or _SLOW_RATE)
        now = time.monotonic()
        if now <= over:
            return False
        return now > over + max((one.longer_seconds for one in self._measured), default=0.0)

    def _start_some(self) -> bool:
        """Start as many as may start now; returns whether more may start at once."""
        room = min(_BURST, self._pace.concurrency - len(self.engine))
        if self._pace.rate:
            room = min(room, int((time.monotonic() - self._begun) * self._pace.rate) + 1 - self._started)
        while self._waiting and room > 0:
            one = self._waiting.popleft()
            if one.is_needed:
                one.start()
                self._started += 1
                room -= 1
        return bool(self._waiting) and len(self.engine) < self._pace.concurrency and not self._pace.rate


class Connection(Try):
    """A connection to a listener of ours: handshake, hello, answer, and what a subclass does with it."""

    __slots__ = (
        "path",
        "port",
        "sock",
        "source_port",
        "started",
        "state",
        "rtt_ms",
        "repeated_syns",
        "answer",
        "_asked",
        "_nonce",
        "_received",
        "_unsent",
        "_unneeded",
    )
    measures = True  # whether the listener is to keep the connection
    takes_others = False  # whether it is of use if the listener of another host answers

    def __init__(self, path: "MeasuredPath", port: int, source_port: int = 0):
        self.path = path
        self.port = port
        self.source_port = source_port
        self.started = 0.0  # 0 until there is a socket
        self.state = CONNECTING
        self.rtt_ms = -1.0
        self.repeated_syns = 0  # those of a slow path, which nobody needed, are not counted
        self._unneeded = 0
        self.answer: Optional[proof.Answer] = None
        self._asked = 0.0
        self._nonce = proof.new_nonce()
        self._received = b""
        self._unsent = b""

    @property
    def seconds(self) -> float:
        """How long the connection may take at first."""
        return self.path.silence_seconds

    @property
    def is_needed(self) -> bool:
        """Whether a connection that waits to start shall start."""
        return not self.path.is_settled

    def prepare(self) -> None:
        """Set what has to be set before the connection starts."""

    def on_answered(self) -> None:
        """Go on after the listener has proven itself."""

    def on_data(self, data: bytes) -> None:
        """Take in what comes after the answer."""

    def on_end(self) -> None:
        """Take in that the connection ended by itself, or could not start."""

    def start(self) -> None:
        """Start the connection."""
        family = self.path.family
        self.path.has_begun()
        try:
            self.sock = socket.SocketType(family, _STREAM)
        except OSError:
            self.state = OVER
            self.on_end()
            return
        self.started = time.monotonic()
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            receive_errors(self.sock, family)
            self.prepare()
            if self.source_port:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.sock.bind((self.path.sent_from, self.source_port))
            else:
                self.path.run.sources.bind(self.sock, family)
            number = self.sock.connect_ex((self.path.address, self.port))
        except OSError as error:
            number = error.errno or errno.EIO
        if number not in (0, errno.EINPROGRESS):
            if number == errno.ECONNREFUSED:
                self.path.note_stray(REFUSED_ONE, self.port)  # on loopback, it comes at once
            elif local_failure(number).state != ERROR:
                self.path.note_stray(REFUSED_HERE, self.port)
            self.sock.close()
            self.state = OVER
            self.on_end()
            return
        self.path.run.engine.add(self.sock.fileno(), self, self.seconds, self.started)

    def on_event(self, events: int) -> None:
        """Take in what happened."""
        if self.state == CONNECTING:
            has_failed = bool(events & _FAILED)
            number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if has_failed else 0
            if number in _CUTS:
                self._take_end()
                return
            if number or not events & select.EPOLLOUT:
                if has_failed:
                    self._take_failure(number)
                return
            self._ask()
        if self._unsent and self.state != OVER:
            self.say(b"")
        if events & (select.EPOLLIN | _FAILED):
            self._read()

    def _take_failure(self, number: int) -> None:
        """Take in that the handshake failed, and by whom.

        A message that met the kernel inside connect() is queued without an error number (stages.py).
        """
        outcome = icmp_or_errno(
            sock=self.sock,
            number=number,
            seconds=time.monotonic() - self.started,
            protocol="tcp",
            destination=self.path.address,
        )
        if not number and not outcome.reason_ip:
            return
        how = how_refused(outcome, number)
        if number == errno.ECONNREFUSED and not outcome.reason_ip:
            self.on_reset()
        elif how:
            self.path.note_stray(how, self.port)
        self._break_off()

    def on_reset(self) -> None:
        """Take in that the connection was refused with RST, which has no sender of its own."""
        self.path.note_reset(self.port)

    def _ask(self) -> None:
        receive_errors(self.sock, self.path.family, wanted=False)
        info = tcp_info(self.sock)
        self.repeated_syns = info.repeated if info else 0
        waited_ms = (time.monotonic() - self.started) * 1000
        if self.path.is_slow and info and info.repeated and answers_first_syn(info.rtt_ms, waited_ms):
            self._unneeded, self.repeated_syns = info.repeated, 0
        if info and info.rtt_ms and not self.repeated_syns:
            self.rtt_ms = info.rtt_ms
            self.path.note_round_trip(info.rtt_ms)
        self.state = ASKING
        self._asked = time.monotonic()
        key = self.path.run.key
        self.say(
            proof.measuring_hello(key, self._nonce)
            if self.measures
            else proof.hello(proof.prefix(key), self._nonce)
        )

    def say(self, words: bytes) -> None:
        """Send words; what the kernel does not take follows later."""
        if self._unsent:
            words, self._unsent = self._unsent + words, b""
        try:
            sent = self.sock.send(words)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._take_end()
            return
        self._unsent = words[sent:]

    def _read(self) -> None:
        while self.state != OVER:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._take_end()
            elif self.state == ANSWERED:
                self.on_data(data)
            else:
                self._hear(data)

    def _hear(self, data: bytes) -> None:
        self._received += data
        line, newline, rest = self._received.partition(b"\n")
        if not newline and len(self._received) < proof.MAX_BYTES:
            return
        answer = proof.read_answer(self.path.run.key, self._nonce, line)
        if answer is None:
            self.path.note_stray(TO_STRANGER, self.port)
            self._break_off()
            return
        self.answer = answer
        if answer.host not in self.path.expected:
            self.path.note_stray(TO_OTHER_HOST, self.port, answer.host)
            if not self.takes_others:
                self._break_off()
                return
        else:
            now = time.time()
            # In this order: if this process has to wait in between, the error grows, and not the offset.
            self.path.note_clock(proof.clock(answer), now, seconds=time.monotonic() - self._asked)
        self.state = ANSWERED
        self.on_answered()
        if rest and self.state == ANSWERED:
            self.on_data(rest)

    def _is_all_acknowledged(self) -> bool:
        """Tell whether all that we sent has arrived."""
        try:
            return unacknowledged(self.sock) + len(self._unsent) == 0
        except OSError:
            return False

    def _take_end(self) -> None:
        """Take in that the other end has ended the connection, perhaps before it answered.

        Of another try from the same source port, the other end may have half of an older connection.
        """
        if self.state in (CONNECTING, ASKING) and not self.source_port:
            self.path.note_stray(CUT_OFF, self.port)
        self._break_off()

    def _break_off(self) -> None:
        if self.state != OVER:
            self.close()
            self.on_end()

    def _repeated(self, info: Optional[TcpInfo]) -> int:
        """Return how many segments were sent again because they were lost."""
        return info.repeated - self._unneeded if info else 0

    def close(self) -> None:
        """End the connection with RST."""
        if self.state == OVER or not self.started:
            return
        self.state = OVER
        info = tcp_info(self.sock)
        self.path.repeated += self._repeated(info)
        self.path.run.engine.remove(self.sock.fileno())
        reset(self.sock)
