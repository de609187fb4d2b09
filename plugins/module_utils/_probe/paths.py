# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures the paths on which a listener of ours has proven itself: after the sweep, all at the same time.

For each path:

1. I(Samples.) Connections from different source ports, spread over the proven ports and a few at a time:
   sixteen together with the first tries of the sweep, which count below, and never fewer than eight. Each
   measures the round trip by its own handshake, and the clock of the other end: the listener's time lies
   between our question and its answer, so half of that time is the greatest error. In the burst of a sweep
   our own queue would be measured. One whose first packet was lost counts as such.
2. I(Silence.) A sample without an answer, and a first try of the sweep without one, is tried again I(from the
   same source port), eleven times for a quarter of a second. A device that spreads connections over several
   links or ways chooses by addresses and ports, so behind a dead one the same connections fail always and all
   others pass at once. A filter by port stops every connection to that port, so only ports that have proven
   themselves since count. At the first silence, sixteen more samples start: so many tell one dead link of
   eight from loss (chances.py). If that is the pattern, each port that stayed silent is tried twenty times
   more, because its own tries may all have met the dead link: nobody is to look for a filter there.
3. I(Strays.) A load balancer may lead one connection to the destination and the next one elsewhere, so each
   connection says who answered it. One whose question was acknowledged and not answered waits until the other
   end has sent its answer five times: that answer may have been lost.
4. I(Loss.) If packets are lost, more connections are tried once each, until those that were lost and those
   that passed at once differ by sixteen. Of two rates that lie alike around one half, such as 36 % and 64 %
   (20 % and 40 % of the packets in each direction), the wrong one then looks right once in 10,000 runs: the
   chance of a walk that ends at 16 instead of -16 is 1 / (1 + (0.64 / 0.36) ** 16). If loss hides whether
   segments pass, they are sent once more.
5. I(Segments.) One connection for full-size segments, and more where one stalls (segments.py).

What a path costs is bounded: it starts nothing new after four seconds, ends in about five, and has about 90
connections with one segment each where everything goes wrong, and at most 200 more that are opened alone if
packets are lost; 9 to 16 where all is well. Connections are
closed by RST, as every connection to a listener of ours.
"""

import errno
import select
import socket
import time
from collections import deque
from typing import TYPE_CHECKING, Deque, Dict, Iterable, List, NamedTuple, Optional, Sequence, Set, Tuple

from .._kernel.learned_mtu import LearnedMtu, learned_mtu
from .._kernel.sockets import Sources, reset
from .._kernel.tcp_info import TcpInfo, answers_first_syn, tcp_info, unacknowledged
from .._listener import proof
from .._listener.measuring import FILLER, MAX_SEGMENT, PING, REPORT, SEGMENT
from .._values.ports import Ports
from .chances import MAX_CHANCE, chance_of_connections, independent
from .engine import Engine, Stage
from .observations import LOSS_MS, spread
from .outcome import NO_RESPONSE, OPEN, PROOF_OURS, SYN_ACK, Outcome, proof_at
from .packet_sizes import HEADERS, LARGEST, SMALLEST, Bounds
from .path_words import BY_CONNECTION, REFUSED_ONE, TO_OTHER_HOST, TO_STRANGER, UNANSWERED
from .segments import NO_ANSWER, OF_OTHERS, OUT_OF_TIME, UNDECIDED, Direction, Seen, unmeasured
from .sweep import Pace
from .targets import Target

if TYPE_CHECKING:
    from .._shapes import Path, Stray


_SAMPLES = 16
_MIN_SAMPLES = 8  # whatever the sweep has tried: in its burst, round trips are those of our own queue
_FEW_SAMPLES = 4  # with a limit of the rate
_AT_A_TIME = 4
_FAR_MS = 5.0  # from this round trip on, our own queue does not matter, and all samples start at once
_MAX_SILENT = 1024  # connections of the sweep that are tried again
_SILENCE_SECONDS = 1.25  # two SYNs
_AGAIN_SECONDS = 0.25  # one SYN
_MORE_TRIES = 11
# The other end repeats its answer 0.2, 0.6, 1.4 and 3 s after the first time (RFC 6298, with Linux' minimum).
_PATIENT_SECONDS = 2.25  # behind _SILENCE_SECONDS
_CLEAR_LEAD, _MAX_LOSS_TRIES = 16, 200  # of connections that are tried once each
_LOSS_AT_A_TIME = 24
_HIDING_LOSS = 0.1  # of first tries, from which on loss may be why segments were not seen to pass
_RESCUERS, _RESCUES = 4, 5  # connections at a time to a silent port, and how often
_STALL_SECONDS = 0.45  # the segment is sent twice: the kernel repeats it after 0.2 s and the round trip
_SIZE_SECONDS = 0.3  # the same for a smaller size
_FULL, _SMALL, _SIZES = 8, 4, 12  # connections of a confirmation
_CONFIRMATION = 3  # times the wait for one segment
_MAX_ROUNDS = 6
_PING_SECONDS = 0.04
_BUSY_SECONDS = 5.0  # for which a busy listener is waited for
_MAX_START_SECONDS = 4.0  # after which a path starts nothing new
_MAX_SECONDS = 7.0  # after which everything ends, but for what many paths and a limit of the rate add to it
_MAX_LATE_SECONDS = 8.0  # of this host itself, which count for neither of these
_LONG_ROUND_TRIP = 0.5  # seconds; whoever waits longer for an answer measures slower paths too
_SLOW_RATE = 1000.0  # connections a second that a busy host starts, and a busy listener answers
_BURST = 32
_MAX_LINE = 64  # bytes
_FAILED = select.EPOLLERR | select.EPOLLHUP
_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_TCP_MAXSEG = 2
_CONNECTING, _ASKING, _ANSWERED, _OVER = range(4)


class Silent(NamedTuple):
    """A connection that got no answer."""

    port: int
    source_port: int


def measure(
    found: Sequence["Path"], targets: Iterable[Target], pace: Pace, sources: Sources, key: bytes
) -> None:
    """Measure the paths, and add to each what was found."""
    opened: Dict[Tuple[str, str], List[Target]] = {}
    for target in targets:
        if target.protocol == "tcp":
            opened.setdefault((target.destination, target.address), []).append(target)
    measured: List[_Path] = []
    run = _Run(pace, sources, key)
    for entry in found:
        there = opened.get((entry["destination"], entry["address"]), [])
        ports = sorted({port for target in there for port in _proven(target)})
        if ports and key:
            measured.append(_Path(run, entry, there, ports))
        elif any(outcome.state == OPEN for target in there for outcome in target.found):
            entry["segments"] = unmeasured(OF_OTHERS)
    try:
        run.all(measured)
        if not pace.rate:
            run.weigh_loss(measured)
        for path in measured:
            path.conclude()
        run.rescue(measured)
    finally:
        run.engine.close()


def _slow_round_trip(targets: Iterable[Target]) -> float:
    """Return the shortest round trip that the sweep saw, in milliseconds, if it is a long one, or 0.

    Shorter ones may be those of our own queue. Without it, the first connections of a slow path would not be
    waited for.
    """
    trips = [
        min(group.rtt_ms)
        for target in targets
        for outcome, group in target.found.items()
        if outcome.proof == PROOF_OURS and group.rtt_ms
    ]
    shortest = min(trips, default=0.0)
    return shortest if shortest >= _LONG_ROUND_TRIP * 1000 else 0.0


def _proven(target: Target) -> List[int]:
    ports: List[int] = []
    for outcome, group in target.found.items():
        if outcome.proof == PROOF_OURS:
            ports += group.ports
    return ports


class _Run:
    """Starts the connections of all paths as fast as may be, and waits for them."""

    def __init__(self, pace: Pace, sources: Sources, key: bytes):
        self.engine = Engine()
        self.sources = sources
        self.key = key
        self.samples = _FEW_SAMPLES if pace.rate else _SAMPLES
        self.longest_round_trip = max(_LONG_ROUND_TRIP, pace.timeout)
        self._pace = pace
        self._waiting: Deque[_Connection] = deque()
        self._paths: Sequence[_Path] = ()
        self._started = 0
        self._begun = 0.0
        self._late = 0.0

    @property
    def late_seconds(self) -> float:
        """How much of the time this host itself took: a busy one would search a size for too short."""
        return min(self._late, _MAX_LATE_SECONDS)

    def start(self, connection: "_Connection") -> None:
        """Let a connection start when there is room."""
        self._waiting.append(connection)

    def all(self, paths: Sequence["_Path"]) -> None:
        """Measure all paths."""
        self._paths = paths
        for path in paths:
            path.begin()
        self._wait()

    def weigh_loss(self, paths: Sequence["_Path"]) -> None:
        """Try more connections over paths that lose packets, until the rate is clear."""
        for path in paths:
            path.begin_loss()
        self._wait()

    def rescue(self, paths: Sequence["_Path"]) -> None:
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
        over = (
            self._begun + _MAX_SECONDS + self.late_seconds + self._started / (self._pace.rate or _SLOW_RATE)
        )
        now = time.monotonic()
        if now <= over:
            return False
        furthest = max((path.round_trip for path in self._paths), default=0.0)
        return now > over + 2 * _MORE_TRIES * furthest

    def _start_some(self) -> bool:
        """Start as many as may start now; returns whether more may start at once."""
        room = min(_BURST, self._pace.concurrency - len(self.engine))
        if self._pace.rate:
            room = min(room, int((time.monotonic() - self._begun) * self._pace.rate) + 1 - self._started)
        while self._waiting and room > 0:
            connection = self._waiting.popleft()
            if connection.is_needed:
                connection.start()
                self._started += 1
                room -= 1
        return bool(self._waiting) and len(self.engine) < self._pace.concurrency and not self._pace.rate


class _Connection(Stage):
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

    def __init__(self, path: "_Path", port: int, source_port: int = 0):
        self.path = path
        self.port = port
        self.source_port = source_port
        self.started = 0.0  # 0 until there is a socket
        self.state = _CONNECTING
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
            self.state = _OVER
            self.on_end()
            return
        self.started = time.monotonic()
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
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
            self.sock.close()
            self.state = _OVER
            self.on_end()
            return
        self.path.run.engine.add(self.sock.fileno(), self, self.seconds, self.started)

    def on_event(self, events: int) -> None:
        """Take in what happened."""
        if self.state == _CONNECTING:
            number = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & _FAILED else 0
            if number:
                if number == errno.ECONNREFUSED:
                    self.path.note_stray(REFUSED_ONE, self.port)
                self._break_off()
                return
            if not events & select.EPOLLOUT:
                return
            self._ask()
        if self._unsent and self.state != _OVER:
            self.say(b"")
        if events & (select.EPOLLIN | _FAILED):
            self._read()

    def _ask(self) -> None:
        info = tcp_info(self.sock)
        self.repeated_syns = info.repeated if info else 0
        waited_ms = (time.monotonic() - self.started) * 1000
        if self.path.is_slow and info and info.repeated and answers_first_syn(info.rtt_ms, waited_ms):
            self._unneeded, self.repeated_syns = info.repeated, 0
        if info and info.rtt_ms and not self.repeated_syns:
            self.rtt_ms = info.rtt_ms
            self.path.note_round_trip(info.rtt_ms)
        self.state = _ASKING
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
            self._break_off()
            return
        self._unsent = words[sent:]

    def _read(self) -> None:
        while self.state != _OVER:
            try:
                data = self.sock.recv(65536)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._break_off()
            elif self.state == _ANSWERED:
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
        now = time.time()
        # In this order: if this process has to wait in between, the error grows, and not the offset.
        self.path.note_clock(proof.clock(answer), now, seconds=time.monotonic() - self._asked)
        self.state = _ANSWERED
        self.on_answered()
        if rest and self.state == _ANSWERED:
            self.on_data(rest)

    def _is_all_acknowledged(self) -> bool:
        """Tell whether all that we sent has arrived."""
        try:
            return unacknowledged(self.sock) + len(self._unsent) == 0
        except OSError:
            return False

    def _break_off(self) -> None:
        if self.state != _OVER:
            self.close()
            self.on_end()

    def _repeated(self, info: Optional[TcpInfo]) -> int:
        """Return how many segments were sent again because they were lost."""
        return info.repeated - self._unneeded if info else 0

    def close(self) -> None:
        """End the connection with RST."""
        if self.state == _OVER or not self.started:
            return
        self.state = _OVER
        info = tcp_info(self.sock)
        self.path.repeated += self._repeated(info)
        self.path.run.engine.remove(self.sock.fileno())
        reset(self.sock)


class _Sample(_Connection):
    """Measures the round trip and the clock, and whether this very connection ever comes about."""

    __slots__ = ("_tries", "_lost", "_is_of_sweep", "_is_patient")
    measures = False

    def __init__(self, path: "_Path", port: int, source_port: int = 0, lost: int = 0):
        super().__init__(path, port, source_port)
        self._tries = 1 if source_port else 0
        self._lost = lost  # SYNs before this try
        self._is_of_sweep = bool(source_port)  # whether the first try was one of the sweep
        self._is_patient = False  # whether it waits longer, and others start meanwhile

    @property
    def is_needed(self) -> bool:
        """Whether a connection that waits to start shall start."""
        return True

    @property
    def seconds(self) -> float:
        """How long the connection may take."""
        return self.path.again_seconds if self._tries else self.path.silence_seconds

    def on_answered(self) -> None:
        """Count a connection that came about."""
        if self.rtt_ms >= 0 and not self._tries:
            self.path.rtt_ms.append(self.rtt_ms)
        info = tcp_info(self.sock)
        self.close()
        self._passed(self._lost + self._repeated(info))

    def _passed(self, lost: int) -> None:
        if not self._is_of_sweep:
            # Of what follows the handshake, the sweep does not count losses either.
            self.path.note_first_try(is_lost=self._lost > 0 or self.repeated_syns > 0)
        if self._is_patient:
            self.path.sample_is_back()
        self.path.sample_passed(lost)

    def on_end(self) -> None:
        """Not silence: it tells nothing about loss."""
        if self._is_patient:
            self.path.sample_is_back()
        self.path.sample_is_void()

    def on_alarm(self) -> None:
        """Try again from the same source port."""
        if self.state != _CONNECTING:
            is_unanswered = self._is_all_acknowledged()
            if is_unanswered and not self._is_patient:
                self._is_patient = True
                self.path.run.engine.set_alarm(self, _rounded(_PATIENT_SECONDS + 2 * self.path.round_trip))
                self.path.sample_waits()
                return
            if is_unanswered and not self.repeated_syns:
                # Behind a SYN-ACK that was lost, the other end may repeat its answer only after 3 s.
                self.path.note_stray(UNANSWERED, self.port)
            self.close()
            self._passed(self._lost + 1)
            return
        own = self.sock.getsockname()
        self.close()
        self._lost += 1 if self._tries else 2
        self._tries += 1
        if self._tries > _MORE_TRIES or not own[1]:
            self.path.sample_failed(independent(self._lost, tries=self._tries - 1))
            return
        again = _Sample(self.path, self.port, own[1], self._lost)
        again._tries, again._is_of_sweep = self._tries, self._is_of_sweep
        self.path.sample_is_silent()
        self.path.run.start(again)


class _FirstTry(_Connection):
    """Tells whether a connection comes about at its first try, and nothing else."""

    __slots__ = ()
    measures = False

    @property
    def is_needed(self) -> bool:
        """Whether the rate of loss is still unclear."""
        return self.path.is_loss_unclear

    @property
    def seconds(self) -> float:
        """How long the connection may take."""
        return self.path.again_seconds

    def _ask(self) -> None:
        self._count(is_lost=False)

    def on_alarm(self) -> None:
        """Count a lost packet."""
        self._count(is_lost=True)

    def _count(self, is_lost: bool) -> None:
        self.close()
        self.path.note_first_try(is_lost)
        self.path.try_loss()

    def on_end(self) -> None:
        """Tell nothing of one that was refused."""


class _Rescue(_Connection):
    """Tries a silent port again, from new source ports, until it answers."""

    __slots__ = ("_target", "_tries")
    measures = False

    def __init__(self, path: "_Path", target: Target, port: int, tries: int):
        super().__init__(path, port)
        self._target = target
        self._tries = tries

    @property
    def is_needed(self) -> bool:
        """Whether the port is silent still."""
        return (self._target, self.port) in self.path.silent

    @property
    def seconds(self) -> float:
        """How long the connection may take."""
        return self.path.again_seconds

    def on_answered(self) -> None:
        """Correct what was found so far."""
        if self.answer and self.is_needed:
            self.path.silent.discard((self._target, self.port))
            own = str(self.sock.getsockname()[0]).partition("%")[0]
            seen = self.answer.seen
            outcome = Outcome(
                state=OPEN,
                reason=SYN_ACK,
                proof=proof_at(self.answer.port, asked=self.port),
                answered_by=self.answer.host,
                seen_as="" if seen == own else seen,
            )
            self._target.correct(self.port, outcome)
            self.path.entry["tries"] += 1
            self.path.entry["lost"] += 1
        self.close()

    def on_alarm(self) -> None:
        """Try again, or leave it."""
        self.close()
        if self._tries > 1:
            self.path.run.start(_Rescue(self.path, self._target, self.port, self._tries - 1))


class _Segments(_Connection):
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
    )

    def __init__(self, path: "_Path", port: int, maxseg: int = 0):
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
        if self.state != _OVER:
            self.say(FILLER * min(self._mss, MAX_SEGMENT))
        if self.is_full and self.state != _OVER:
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
            self.say(REPORT)
        self._line += data
        if b"\n" in self._line and self.state != _OVER:
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
        if self.state == _ANSWERED and self.is_full and self.path.is_stalling():
            if self._answered_at:
                self._judge_now()
                self.path.note_segments(self)
            left = self.path.confirmed_at - time.monotonic()
            if left > 0 and not self.path.is_settled and self.state != _OVER:
                self.out = self.back = None
                self.path.run.engine.set_alarm(self, _rounded(left))
                return
        if self.state == _ANSWERED:
            self._judge_now()
        self._end()

    def _waits_for_busy_listener(self) -> bool:
        """Tell whether all that we sent has arrived, and the listener did not come to answer it so far."""
        is_unanswered = self.state == _ASKING or (self.state == _ANSWERED and not self._expected)
        if not self.is_full or not is_unanswered or not self.path.has_time_for_a_busy_listener:
            return False
        return self._is_all_acknowledged()

    def _judge_now(self) -> None:
        try:
            left = unacknowledged(self.sock) + len(self._unsent)
        except OSError:
            return
        waited = time.monotonic() - self._answered_at
        if left == 0:
            self.out = self._sent()
        elif waited > self.path.fair_seconds:
            info = tcp_info(self.sock)
            repeated = info.repeated - self._before if info else 0
            # One of the repeated ones may have been the byte that asks for a segment.
            self.out = Seen(passed=False, mss=self._mss, sent=max(1, repeated))
        if self._expected and self._length >= self._expected:
            info = tcp_info(self.sock)
            came = info.received_mss if info else 0
            if came >= self._expected:
                self.back = Seen(passed=True, mss=self._expected, size=self._expected)
        elif self._expected and waited > self.path.fair_seconds:
            # It follows the line with its length at once, and again after 0.2 s and the round trip.
            self.back = Seen(passed=False, mss=self._expected, sent=2)

    def _end(self) -> None:
        self.close()
        self.path.segments_over(self)

    def on_end(self) -> None:
        """Forget what a connection found that ended by itself."""
        self.out = self.back = None
        self.path.segments_over(self)


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


def _rounded(seconds: float) -> float:
    """Return a delay of which there are few different ones, as the engine wants it."""
    return max(0.05, round(seconds * 20) / 20.0)


class _Small(_Connection):
    """Sends small segments, one after the other, as the control of the full-size ones."""

    __slots__ = ("tries", "passed", "_is_waiting", "_before")

    def __init__(self, path: "_Path", port: int):
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
        if self.state != _ANSWERED or self.path.is_settled or time.monotonic() >= self.path.confirmed_at:
            info = tcp_info(self.sock)
            if info and self.state == _ANSWERED:
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


class _Path:
    """What is known of one path, and what to do next."""

    def __init__(self, run: _Run, entry: "Path", targets: Sequence[Target], ports: Sequence[int]):
        self.run = run
        self.entry = entry
        self.address = entry["address"]
        self.family = targets[0].family
        self.sent_from = next((target.sent_from for target in targets if target.sent_from), "")
        self.rtt_ms: List[float] = []
        self.repeated = 0
        self.confirmed_at = 0.0  # when a confirmation ends
        self._targets = targets
        self._ports = ports
        self._next_port = 0
        self._begun = 0.0
        self._shortest = _slow_round_trip(targets)  # ms
        self._slow_at_first = sum(len(target.slow) for target in targets) if self.is_slow else 0
        self._clock: Optional[Tuple[float, float]] = None  # error, offset
        self._learned: Optional[Tuple[float, LearnedMtu]] = None
        # Samples.
        # A target that is no flow has an address in place of the name by which its listener proves itself.
        proven = {outcome.answered_by for target in targets for outcome in target.found if outcome.proof}
        self.expected = {entry["destination"]} | (set() if entry["destination"] in proven else proven)
        self._strays: Dict[Tuple[str, str], List[int]] = {}  # ports, by how and by whom
        self.silent: Set[Tuple[Target, int]] = set()  # ports that are tried again at the end
        self._waiting = 0  # samples to start
        self._running = 0
        self._had_silence = False
        self._tried = self._failed = self._lost = 0
        self._fewest_syns = 0  # of a connection that failed always
        self._loss_tries = 0
        # Segments.
        self.directions = {"out": Direction(), "in": Direction()}
        self._open: Set[_Connection] = set()  # of the segments
        self.was_answered = False
        self._overhead = 0
        self._sizes_open = 0
        self._rounds = 0
        self._small = [0, 0]  # tries, passed

    # Times.

    @property
    def round_trip(self) -> float:
        """Seconds of the shortest round trip, at most those that the sweep waits for an answer."""
        return min(self._shortest / 1000.0, self.run.longest_round_trip)

    @property
    def is_slow(self) -> bool:
        """Whether no answer came before the kernel sends its SYN again."""
        return self._shortest >= LOSS_MS

    @property
    def _last_start(self) -> float:
        """When the path starts nothing new; the first connections of a slow path need longer."""
        longer = 4 * max(0.0, self.round_trip - _LONG_ROUND_TRIP)
        return self._begun + _MAX_START_SECONDS + self.run.late_seconds + longer

    @property
    def silence_seconds(self) -> float:
        """How long a connection may take that may be silent."""
        return _rounded(_SILENCE_SECONDS + 2 * self.round_trip)

    @property
    def again_seconds(self) -> float:
        """How long one of another try may take."""
        return _rounded(_AGAIN_SECONDS + 2 * self.round_trip)

    @property
    def stall_seconds(self) -> float:
        """How long a segment may take; with a new connection, four round trips are needed."""
        return _rounded(_STALL_SECONDS + 4 * self.round_trip)

    @property
    def size_seconds(self) -> float:
        """How long a connection with a smaller size may take."""
        return _rounded(_SIZE_SECONDS + 4 * self.round_trip)

    @property
    def fair_seconds(self) -> float:
        """How long a segment must have been waited for: it was sent twice."""
        return 0.24 + 2 * self.round_trip

    @property
    def has_time_for_a_busy_listener(self) -> bool:
        """Whether the listener may still come to answer."""
        return time.monotonic() < self._begun + _BUSY_SECONDS

    def has_begun(self) -> None:
        """Let the time of the path begin with its first connection: many paths take turns."""
        self._begun = self._begun or time.monotonic()

    # What connections tell.

    def note_round_trip(self, rtt_ms: float) -> None:
        """Keep the shortest round trip."""
        self._shortest = min(self._shortest or rtt_ms, rtt_ms)

    def note_clock(self, theirs: Optional[float], now: float, seconds: float) -> None:
        """Keep the offset of the clock with the least error; the answer came now, after so many seconds."""
        error = seconds / 2
        if theirs is not None and (self._clock is None or error < self._clock[0]):
            self._clock = (error, theirs - (now - error))

    def note_stray(self, how: str, port: int, answered_by: str = "") -> None:
        """Keep that a connection did not come to the listener of the destination."""
        self._strays.setdefault((how, answered_by), []).append(port)

    def learned(self) -> LearnedMtu:
        """Return what ICMP taught this host about the path, as of now."""
        return learned_mtu(self.address)

    # Samples.

    def begin(self) -> None:
        """Start the first connections."""
        self._start_segments(_Segments(self, self._port()))
        first = sum(len(_proven(target)) for target in self._targets)
        self._waiting = min(self.run.samples, max(_MIN_SAMPLES, _SAMPLES - first))
        silent: List[Silent] = []
        for target in self._targets:
            silent += [
                Silent(*item) for item in sorted(target.silent_from.items()) if item[0] in set(self._ports)
            ]
        # What the sweep tried counts: those that passed, and those that are tried again now.
        self._tried = first - len(silent)
        self._lost = max(0, self.entry["lost"] - len(silent))
        if silent and self.sent_from:
            self._had_silence = True
            self._waiting += self.run.samples
            for some in _spread(silent, _MAX_SILENT):
                self._running += 1
                self.run.start(_Sample(self, some.port, some.source_port, lost=1))
        self._start_samples()

    def _port(self) -> int:
        """Return the port for the next connection: one after the other, from all over the range."""
        step = max(1, len(self._ports) // _SAMPLES)
        self._next_port += step
        return self._ports[(self._next_port + self._next_port // len(self._ports)) % len(self._ports)]

    def _start_samples(self) -> None:
        at_a_time = self.run.samples if self._shortest > _FAR_MS or self._had_silence else _AT_A_TIME
        while self._waiting and self._running < at_a_time:
            self._waiting -= 1
            self._running += 1
            self.run.start(_Sample(self, self._port()))

    def begin_rescue(self) -> None:
        """Try silent ports again if connections, not ports, are what fails."""
        if "pattern" not in self.entry:
            return
        for target in self._targets:
            for outcome, group in target.found.items():
                if outcome.reason == NO_RESPONSE:
                    self.silent.update((target, port) for port in group.ports if target.expects_proof(port))
        for target, port in sorted(self.silent, key=lambda item: item[1]):
            for unused in range(_RESCUERS):
                self.run.start(_Rescue(self, target, port, _RESCUES))

    def sample_is_silent(self) -> None:
        """Start more samples, to tell a pattern, because a first try was in vain."""
        if not self._had_silence:
            self._had_silence = True
            self._waiting += self.run.samples
        self._start_samples()

    def note_first_try(self, is_lost: bool) -> None:
        """Count a connection beside those of the sweep that came about, at once or later."""
        self.entry["tries"] += 1
        self.entry["lost"] += is_lost

    @property
    def is_loss_unclear(self) -> bool:
        """Whether it is unclear if more first tries are lost than pass, and may become clear."""
        lost, tries = self.entry["lost"], self.entry["tries"]
        return lost > 0 and abs(tries - 2 * lost) < _CLEAR_LEAD and self._loss_tries < _MAX_LOSS_TRIES

    def begin_loss(self) -> None:
        """Try some connections at a time, if packets are lost, and segments again if loss hides them."""
        if self._slow_at_first and not self.is_slow:
            # What the sweep took for a slow path was a lost packet.
            self.entry["lost"] += self._slow_at_first
            self._slow_at_first = 0
        if self.entry["lost"] >= _HIDING_LOSS * self.entry["tries"] and not self.is_settled:
            self._begun, self.confirmed_at = time.monotonic(), 0.0
            self._confirm()
        for unused in range(_LOSS_AT_A_TIME):
            self.try_loss()

    def try_loss(self) -> None:
        """Try one more connection if that is needed."""
        if self.is_loss_unclear:
            self._loss_tries += 1
            self.run.start(_FirstTry(self, self._port()))

    def sample_waits(self) -> None:
        """Let others start in place of a connection that waits longer."""
        self._running -= 1
        self._start_samples()

    def sample_is_back(self) -> None:
        """Count a connection again that waited longer."""
        self._running += 1

    def sample_passed(self, lost: int) -> None:
        """Count a connection that came about after it had lost so many SYNs."""
        self._tried += 1
        self._lost += lost
        self._sample_over()

    def sample_failed(self, syns: int) -> None:
        """Count a connection that never came about, though so many SYNs were sent independently."""
        self._tried += 1
        self._failed += 1
        self._fewest_syns = min(self._fewest_syns or syns, syns)
        self._sample_over()

    def sample_is_void(self) -> None:
        """Forget a connection that was refused or could not start."""
        self._sample_over()

    def _sample_over(self) -> None:
        self._running -= 1
        self._start_samples()

    # Segments.

    @property
    def is_settled(self) -> bool:
        """Whether both directions are known."""
        return all(direction.state for direction in self.directions.values())

    def _start_segments(self, connection: _Connection) -> None:
        self._open.add(connection)
        self.run.start(connection)

    def is_stalling(self) -> bool:
        """Begin to confirm that full-size segments vanish; returns whether there is time for it."""
        self.was_answered = True
        if not self.confirmed_at:
            self._confirm()
        return time.monotonic() < self.confirmed_at

    def _confirm(self) -> None:
        now = time.monotonic()
        if now > self._last_start - 1:
            return
        times = _CONFIRMATION if self.was_answered else _CONFIRMATION + 2
        self.confirmed_at = now + times * self.stall_seconds
        for unused in range(_FULL):
            self._start_segments(_Segments(self, self._port()))
        for unused in range(_SMALL):
            self._start_segments(_Small(self, self._port()))

    def note_segments(self, found: _Segments) -> None:
        """Take in what a connection with full size found so far, and look for sizes that pass."""
        self._overhead = found.overhead
        for name, seen in (("out", found.out), ("in", found.back)):
            direction = self.directions[name]
            if seen is not None and seen.passed:
                direction.note_full(seen)
            if not direction.state and direction.bounds is None and seen is not None and seen.mss:
                high = min(seen.mss + found.overhead, LARGEST)
                direction.mss = seen.mss
                direction.bounds = Bounds(SMALLEST[self.family], high)
        if not self._rounds:
            self._try_sizes()

    def _try_sizes(self) -> None:
        wanted = [one.bounds for one in self.directions.values() if one.bounds is not None and not one.state]
        if self._rounds >= _MAX_ROUNDS or time.monotonic() > self._last_start or not wanted:
            return
        self._rounds += 1
        sizes: Set[int] = set()
        for bounds in wanted:
            sizes.update(bounds.next(_SIZES // len(wanted)))
        for size in sorted(sizes):
            self._sizes_open += 1
            self._start_segments(_Segments(self, self._port(), maxseg=size - HEADERS[self.family]))

    def segments_over(self, found: _Segments) -> None:
        """Take in what a connection found."""
        self._open.discard(found)
        for name, seen in (("out", found.out), ("in", found.back)):
            direction = self.directions[name]
            if seen is None:
                continue
            if found.is_full:
                self.was_answered = True
                direction.note_full(seen)
            elif direction.bounds is not None and not direction.state and seen.mss:
                direction.bounds.note(seen.mss + found.overhead, seen.passed)
        if not found.is_full:
            self._sizes_open -= 1
            if not self._sizes_open:
                self._try_sizes()
        if found.is_full and not self.confirmed_at and not self.is_settled:
            self._confirm()
        if self.is_settled:
            for connection in list(self._open):
                connection.close()
            self._open.clear()

    def small_over(self, found: _Small) -> None:
        """Count what became of small segments."""
        self._open.discard(found)
        self._small[0] += found.tries
        self._small[1] += found.passed

    # Results.

    def conclude(self) -> None:
        """Write down what was found."""
        entry = self.entry
        if self.rtt_ms:
            entry["rtt_ms"] = spread(self.rtt_ms)
            entry["rtt_ms"]["p95"] = _percentile(self.rtt_ms, 95)
        if self._clock is not None:
            entry["clock_offset_s"], entry["clock_error_s"] = (
                round(self._clock[1], 6),
                round(self._clock[0], 6),
            )
        entry["retransmitted"] = self.repeated
        if self._strays:
            entry["strays"] = [_stray(*key, ports=ports) for key, ports in sorted(self._strays.items())]
        entry["connections"] = {"tried": self._tried, "failed_always": self._failed}
        chance = chance_of_connections(
            tried=self._tried, failed=self._failed, syns=self._fewest_syns, lost=self._lost
        )
        if chance < MAX_CHANCE:
            entry["pattern"] = BY_CONNECTION
        for direction in self.directions.values():
            direction.conclude(tries=self._small[0], passed=self._small[1], overhead=self._overhead)
        if not self.was_answered and not self.is_settled:
            reason = NO_ANSWER
        else:
            reason = OUT_OF_TIME if self._open else UNDECIDED
        entry["segments"] = {
            "out": self.directions["out"].as_dict(reason),
            "in": self.directions["in"].as_dict(reason),
        }


def _stray(how: str, answered_by: str, ports: Sequence[int]) -> "Stray":
    found: "Stray" = {"how": how, "ports": str(Ports(set(ports))), "connections": len(ports)}
    if answered_by:
        found["answered_by"] = answered_by
    return found


def _percentile(rtt_ms: Sequence[float], percent: int) -> float:
    """Return the time that so many percent of all do not exceed (nearest rank)."""
    return round(sorted(rtt_ms)[-(-len(rtt_ms) * percent // 100) - 1], 3)


def _spread(items: Sequence[Silent], count: int) -> List[Silent]:
    """Return at most so many items from all over a list."""
    step = max(1, -(-len(items) // count))
    return list(items[::step])
