# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of an attempt: handshake, then proof, dialogue or nothing, then farewell; for UDP, datagrams.

The head of sweep.py says why there are these stages. Each is one class here: how it begins, what it does with
events, what it does when its time is over, and which stage it gives the socket to.
"""

import errno
import math
import select
import socket
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Iterator, List, NamedTuple, Optional

from .._identify._finding import SILENT, Finding
from .._identify._registry import NEVER_CUT_SHORT, patience, script
from .._kernel.own_addresses import is_loopback
from .._kernel.sockets import handshake_ms, joins_itself, refusal_ms, reset
from .._kernel.tcp_info import answers_first_syn, has_unacknowledged_end, tcp_info
from .._listener import proof
from . import outcome as outcomes
from .engine import Engine, Stage
from .observations import LOSS_MS
from .outcome import CLOSED, LATE, OPEN, OTHER_RUN, REFUSED, SYN_ACK, UDP_RESPONSE, Outcome
from .scouts import RIVAL_SECONDS
from .targets import Target

if TYPE_CHECKING:
    from .late import LateAnswers

_FAILED = select.EPOLLERR | select.EPOLLHUP
_ANSWERED = select.EPOLLIN | select.EPOLLERR
_ONCE_CONNECTED = (0, errno.ECONNRESET, errno.EPIPE)  # a refused connection is ECONNREFUSED
_MAX_FAREWELL_SECONDS, _MAX_FAREWELL_BYTES = 1.0, 65536
_CONNECTED = Outcome(OPEN, SYN_ACK)
_UNFINISHED = Outcome(OPEN, SYN_ACK, proof=outcomes.PROOF_UNFINISHED)
_REPLACED = Outcome(OPEN, OTHER_RUN)  # a listener of another run has the service's place
_LOOKUP_SECONDS, _LOOKUP_PAUSES = 0.005, 4
# Who has accepted a connection is accused if no proof comes. A listener may be busy with many hosts, and a
# packet may be lost twice.
_MIN_PROOF_SECONDS = 3.0
_SHORT_MS = 250.0  # of a round trip that the time of a stage allows for anyway
_EXCHANGES = 4  # round trips of a dialogue, with TLS
_MAX_DATAGRAMS = 3  # how often a question is asked: a datagram may be lost


class Context(NamedTuple):
    """What all attempts of a sweep share."""

    engine: Engine
    timeout: float  # seconds
    key: bytes  # of the run, for the proof of our own listeners
    hello_start: bytes
    nonces: Iterator[bytes]  # a fresh one for each hello
    identify: bool  # whether services are asked who they are
    connect_plainly: Callable[[Target, int], None]  # one more attempt, without what saves packets
    scout: Callable[[Target, int], None]  # the same from new source ports, if the address is silent so far
    take_rivals: Callable[[Target, int], int]  # how many rivals a silent port may have, see scouts.py
    start_rival: Callable[["Rivals"], bool]  # whether it could
    lookups: "Lookups"
    late: Callable[["Attempt"], Optional["LateAnswers"]]  # if a silent attempt may wait on


class Attempt:
    """One socket that tries one port, through all its stages."""

    __slots__ = ("context", "sock", "target", "port", "started", "plain", "rtt_ms")

    def __init__(
        self,
        context: Context,
        sock: socket.SocketType,
        target: Target,
        port: int,
        started: float,
        plain: bool = False,
    ):
        self.context = context
        self.sock = sock
        self.target = target
        self.port = port
        self.started = started
        self.plain = plain  # without what saves packets
        self.rtt_ms = -1.0

    def change_to(self, stage: Stage, seconds: float, in_background: bool = False) -> None:
        """Give the socket to the next stage, for so many seconds."""
        self.context.engine.change(self.sock.fileno(), stage, seconds, in_background)

    def record(self, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Keep what the attempt came to."""
        self.target.record(self.port, outcome, rtt_ms)

    def finish(self, outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Keep what the attempt came to, and end it."""
        self.target.record(self.port, outcome, rtt_ms)
        self.close()

    def note_silence(self) -> None:
        """Keep from which port nothing was heard, where something should answer that may be asked again."""
        if self.target.expects_proof(self.port) or self.port in self.target.datagrams:
            self.target.silent_from.setdefault(self.port, self.sock.getsockname()[1])

    def note_slow_answer(self, milliseconds: float) -> None:
        """Keep whether a late answer belongs to the first packet, so that none was lost."""
        info = tcp_info(self.sock)
        if info is not None and answers_first_syn(info.rtt_ms, milliseconds):
            self.rtt_ms = info.rtt_ms
            self.target.slow.add(self.port)

    @property
    def round_trip(self) -> float:
        """Seconds of the round trip, rounded up, 0 if it is short: the engine wants few different alarms."""
        return math.ceil(self.rtt_ms / 500) / 2 if self.rtt_ms > _SHORT_MS else 0.0

    def failure(self, number: int, seconds: float) -> Outcome:
        """Return what an error number of the socket means, or the ICMP error that the kernel has for it."""
        return outcomes.icmp_or_errno(
            sock=self.sock,
            number=number,
            seconds=seconds,
            protocol=self.target.protocol,
            destination=self.target.address,
        )

    def close(self) -> None:
        """End the attempt."""
        self.context.engine.remove(self.sock.fileno())
        self.sock.close()

    def reset(self) -> None:
        """End the attempt with RST."""
        self.context.engine.remove(self.sock.fileno())
        reset(self.sock)


class Rivals:
    """The attempts at one port of which the first that is answered counts."""

    __slots__ = ("attempts", "left", "first")

    def __init__(self, first: Attempt, left: int):
        self.first = first
        self.attempts = [first]
        self.left = left  # that may still start

    def settle(self, answered: Optional[Attempt] = None) -> None:
        """End all attempts but the one that was answered, if one was."""
        if answered is not None and answered is not self.first:
            self.first.note_silence()
            answered.target.is_alive = True
            answered.target.rivalled.add(answered.port)
        for attempt in self.attempts:
            if attempt is not answered:
                _give_way(attempt)


def _give_way(attempt: Attempt) -> None:
    """End an attempt that waits for its handshake.

    If that has just been finished, the service has a connection, and is not left without a word.
    """
    try:
        has_connected = attempt.target.protocol == "tcp" and bool(attempt.sock.getpeername())
    except OSError:
        has_connected = False
    if not has_connected:
        attempt.close()
        return
    attempt.target = attempt.target.twin()
    _look_who_is_there(attempt, go_on=_go_on_with_service)


class _Stage(Stage):
    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt):
        self._attempt = attempt

    @property
    def attempt(self) -> Attempt:
        """The attempt that is in this stage."""
        return self._attempt

    def close(self) -> None:
        """End the attempt in the middle of this stage."""
        self._attempt.close()


class Handshake(_Stage):
    """TCP: waits for SYN-ACK, RST or ICMP; with C(left), an alarm comes so many seconds before the end."""

    __slots__ = ("_left", "_rivals")

    def __init__(self, attempt: Attempt, left: float = 0.0, rivals: Optional[Rivals] = None):
        self._attempt = attempt
        self._left = left
        self._rivals = rivals

    def on_event(self, events: int) -> None:
        """Look at what became of the connection, and go on with it if there is one."""
        attempt = self._attempt
        milliseconds = (time.monotonic() - attempt.started) * 1000
        number = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & _FAILED else 0
        if number not in _ONCE_CONNECTED or not events & select.EPOLLOUT:
            self._fail(number, milliseconds)
            return
        attempt.rtt_ms = handshake_ms(attempt.sock, milliseconds)
        if attempt.rtt_ms >= LOSS_MS:
            attempt.note_slow_answer(milliseconds)
        if self._rivals is not None:
            self._rivals.settle(attempt)
        if attempt.target.may_join_itself and joins_itself(attempt.sock, attempt.port):
            attempt.finish(Outcome(CLOSED, REFUSED), milliseconds)
        elif attempt.target.expects_proof(attempt.port):
            # What came with the handshake is never signalled again (EPOLLET, epoll(7)).
            Proof(attempt).begin(is_readable=bool(events & select.EPOLLIN))
        else:
            _look_who_is_there(attempt, go_on=_go_on_with_service)

    def _fail(self, number: int, milliseconds: float) -> None:
        attempt = self._attempt
        outcome = attempt.failure(number, milliseconds / 1000)
        # An ICMP message that met the kernel inside connect() is queued without an error (sk_err_soft in
        # tcp_v6_err of Linux). Without a message either, nothing is known yet.
        if number or outcome.reason_ip:
            if self._rivals is not None:
                self._rivals.settle(attempt)
            attempt.finish(outcome, refusal_ms(attempt.sock, milliseconds))

    def on_alarm(self) -> None:
        """Record silence, or let others try."""
        attempt = self._attempt
        if self._rivals is not None and attempt is not self._rivals.first:
            return  # the first one ends them all
        if self._left:
            self._look_for_others()
            return
        if self._rivals is not None:
            self._rivals.attempts.remove(attempt)
            self._rivals.settle()
        attempt.note_silence()
        attempt.record(outcomes.timed_out("tcp"))
        late = attempt.context.late(attempt)
        if late is None:
            attempt.close()
        else:
            attempt.change_to(LateHandshake(attempt, late), late.seconds, in_background=True)

    def _look_for_others(self) -> None:
        """Let connections from other source ports begin, and wait on."""
        attempt = self._attempt
        if attempt.target.expects_proof(attempt.port):
            attempt.context.scout(attempt.target, attempt.port)
        if self._rivals is None:
            may_have = attempt.context.take_rivals(attempt.target, attempt.port)
            count = min(may_have, int(self._left / RIVAL_SECONDS))
            self._rivals = Rivals(attempt, left=count) if count else None
        if self._rivals is not None and self._rivals.left:
            self._rivals.left -= 1
            attempt.context.start_rival(self._rivals)
            self._left -= RIVAL_SECONDS
            attempt.context.engine.set_alarm(self, RIVAL_SECONDS)
            return
        attempt.context.engine.set_alarm(self, self._left)
        self._left = 0.0


class LateHandshake(_Stage):
    """TCP: counts as silent, and waits on for an answer that comes late (late.py)."""

    __slots__ = ("_late",)

    def __init__(self, attempt: Attempt, late: "LateAnswers"):
        super().__init__(attempt)
        self._late = late

    def on_event(self, events: int) -> None:
        """Take what came late, and leave whoever accepted."""
        attempt = self._attempt
        number = attempt.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if events & _FAILED else 0
        if number not in _ONCE_CONNECTED or not events & select.EPOLLOUT:
            self._fail(number)
            return
        self._late.leave(attempt)
        self._late.accept(attempt)
        if attempt.target.expects_proof(attempt.port):
            attempt.reset()
            return
        attempt.target = attempt.target.twin()
        _go_on_with_service(attempt)

    def _fail(self, number: int) -> None:
        attempt = self._attempt
        seconds = time.monotonic() - attempt.started
        outcome = attempt.failure(number, seconds)
        if number or outcome.reason_ip:
            self._late.leave(attempt)
            self._late.correct(attempt, outcome, seconds * 1000)
            attempt.close()

    def on_alarm(self) -> None:
        """Leave: it is silence."""
        self._late.give_up(self._attempt)
        self._attempt.close()


def _go_on_with_service(attempt: Attempt) -> None:
    """Ask a service that is not ours who it is, or leave it alone."""
    protocol = attempt.target.talks.get(attempt.port)
    if protocol is not None and (attempt.context.identify or protocol in NEVER_CUT_SHORT):
        Dialogue(attempt, protocol).begin()
    else:
        attempt.record(_CONNECTED, attempt.rtt_ms)
        Farewell(attempt, must_end=True).begin()


class Lookup(_Stage):
    """TCP: a connection to what is not our listener waits until it is known whether it leads back here.

    Whatever the service sends meanwhile is read by the next stage, which C(go_on) begins.
    """

    __slots__ = ("go_on",)

    def __init__(self, attempt: Attempt, go_on: Callable[[Attempt], None]):
        super().__init__(attempt)
        self.go_on = go_on

    def begin(self) -> None:
        """Wait for the next look, which is at the end of this round of events if it may be."""
        lookups = self._attempt.context.lookups
        self._attempt.change_to(self, lookups.seconds)
        lookups.waiting.append(self)

    def on_event(self, events: int) -> None:
        """Leave it to the next stage."""

    def on_alarm(self) -> None:
        """Look for all that wait, or wait on."""
        lookups = self._attempt.context.lookups
        if lookups.seconds:
            self._attempt.context.engine.set_alarm(self, lookups.seconds)
        else:
            lookups.look()


class Lookups:
    """Looks for many connections at a time whether they lead back to this host.

    To read the kernel's tables costs more than many connections, and it grows with what the host has of them.
    So after a look, none begins for four times as long as that one took.
    """

    def __init__(self) -> None:
        self.waiting: List[Lookup] = []
        self._not_before = 0.0

    @property
    def seconds(self) -> float:
        """How long a connection has to wait at first: one of two values, as the engine's alarms need it."""
        return _LOOKUP_SECONDS if time.monotonic() < self._not_before else 0.0

    def look(self) -> None:
        """Note which connections lead back, while both ends are in the tables, and go on with all."""
        from .led_back import ends_of, led_back

        begun = time.monotonic()
        waiting, self.waiting = self.waiting, []
        ends = [ends_of(lookup.attempt.sock) for lookup in waiting]
        back = led_back(some for some in ends if some)
        now = time.monotonic()
        self._not_before = now + _LOOKUP_PAUSES * (now - begun)
        for lookup, some in zip(waiting, ends):
            attempt = lookup.attempt
            if some in back:
                attempt.target.led_back.add(attempt.port)
            elif ends_of(attempt.sock) is None:
                attempt.target.doubtful.add(attempt.port)  # reset at once, by whoever it was
            lookup.go_on(attempt)


class Proof(_Stage):
    """TCP: sends our hello to where our own listener should be, and waits for the line that proves it.

    Mostly the line comes whole. Then it is only looked at, and stays in the kernel: closing with unread data
    sends RST (RFC 2525, section 2.17), as the farewell to a listener of ours needs it, without one more call.
    """

    __slots__ = ("_nonce", "_received")

    def __init__(self, attempt: Attempt):
        self._attempt = attempt
        self._nonce = next(attempt.context.nonces)
        self._received = b""

    def begin(self, is_readable: bool) -> None:
        """Send the hello."""
        attempt = self._attempt
        attempt.change_to(self, max(attempt.context.timeout, _MIN_PROOF_SECONDS))
        try:
            attempt.sock.send(proof.hello(attempt.context.hello_start, self._nonce))
        except OSError:
            self._hear_nothing(outcomes.PROOF_CUT_OFF)
            return
        if is_readable:
            self.on_event(select.EPOLLIN)

    def on_event(self, events: int) -> None:
        """Read until the line is whole, or cannot be ours any more."""
        sock = self._attempt.sock
        try:
            data = b"" if self._received else sock.recv(proof.MAX_BYTES, socket.MSG_PEEK)
            if data[-1:] == b"\n":
                self._received = data
                self._judge(end=Attempt.close)
                return
            data = sock.recv(proof.MAX_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._received += data
        if data and b"\n" not in self._received and len(self._received) < proof.MAX_BYTES:
            return
        if self._received:
            self._judge(end=Attempt.reset)
        else:
            self._hear_nothing(outcomes.PROOF_CUT_OFF)

    def _judge(self, end: Callable[[Attempt], None]) -> None:
        """Record what was received, and leave; C(end) leaves a listener that proved itself."""
        attempt = self._attempt
        outcome = _judged(attempt, self._nonce, self._received, SYN_ACK)
        attempt.record(outcome, attempt.rtt_ms)
        if outcome.answered_by:
            end(attempt)
        else:
            _look_who_is_there(attempt, go_on=_leave)

    def on_alarm(self) -> None:
        """Stop waiting."""
        self._hear_nothing(outcomes.PROOF_SILENT)

    def _hear_nothing(self, proof_code: str) -> None:
        attempt = self._attempt
        if attempt.plain:
            attempt.record(Outcome(OPEN, SYN_ACK, proof=proof_code))
            _look_who_is_there(attempt, go_on=Attempt.close)
        else:
            attempt.close()
            attempt.target.accepted.add(attempt.port)
            attempt.context.connect_plainly(attempt.target, attempt.port)


def _look_who_is_there(attempt: Attempt, go_on: Callable[[Attempt], None]) -> None:
    """Find out whether it is this host itself, where our listener did not prove itself; then go on."""
    if attempt.target.planned and not is_loopback(attempt.target.address):
        Lookup(attempt, go_on).begin()
    else:
        go_on(attempt)


def _leave(attempt: Attempt) -> None:
    """Leave whoever answered in the place of our listener."""
    Farewell(attempt, may_correct=False).begin()


def _judged(attempt: Attempt, nonce: bytes, received: bytes, reason: str) -> Outcome:
    """Return the outcome of an answer to our hello."""
    answer = proof.read_answer(attempt.context.key, nonce, received.split(b"\n")[0])
    if answer is not None:
        proof_code = outcomes.proof_at(answer.port, asked=attempt.port)
        return _proven(reason, proof_code, answer.host, _seen_as(attempt, answer.seen))
    if proof.is_notice(received):
        return Outcome(OPEN, reason, proof=outcomes.PROOF_OTHER_RUN)
    return Outcome(OPEN, reason, proof=outcomes.PROOF_OTHER if received else outcomes.PROOF_CUT_OFF)


@lru_cache(maxsize=256)
def _proven(reason: str, proof_code: str, host: str, seen_as: str) -> Outcome:
    """Return the outcome of a proof: one object for all ports of a host."""
    return Outcome(state=OPEN, reason=reason, proof=proof_code, answered_by=host, seen_as=seen_as)


def _seen_as(attempt: Attempt, seen: str) -> str:
    """Return the address that our listener saw, or nothing if it is the one that we sent from.

    The socket itself is asked only if the address is another one than before: not at every port.
    """
    if not seen or seen == attempt.target.sent_from:
        return ""
    try:
        own = str(attempt.sock.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""
    attempt.target.sent_from = attempt.target.sent_from or own
    return "" if seen == own else seen


class Dialogue(_Stage):
    """TCP: asks a service who it is, in its own protocol."""

    __slots__ = ("_patience", "_hurries", "_talk")

    def __init__(self, attempt: Attempt, protocol: str):
        super().__init__(attempt)
        self._patience = patience(protocol)
        self._hurries = self._patience <= patience("")
        from .._identify._wire import Talk

        self._talk = Talk(script(protocol), attempt.target.named)

    @property
    def _on_the_way(self) -> float:
        """How long the packets of a dialogue take beside the service."""
        return _EXCHANGES * self._attempt.round_trip

    def begin(self) -> None:
        """Say the first words, if it is our turn, and read what came with the handshake."""
        self._attempt.change_to(self, self._patience + self._on_the_way, in_background=not self._hurries)
        self._send()
        self.on_event(select.EPOLLIN)

    def on_event(self, events: int) -> None:
        """Read, and answer."""
        while self._talk.finding is None:
            try:
                data = self._attempt.sock.recv(16384)
            except BlockingIOError:
                return
            except OSError:
                self._talk.cut_off()
                self._send()
                return
            if data and proof.is_notice(data):
                self._end(_REPLACED)
                return
            if data and not self._hurries:
                # It has looked up our name, and has as much time left as everybody.
                self._hurries = True
                self._attempt.context.engine.set_alarm(self, patience("") + self._on_the_way)
            self._talk.feed(data)
            self._send()

    def on_alarm(self) -> None:
        """Conclude from what came so far."""
        self._talk.give_up()
        self._send()

    def _send(self) -> None:
        """Send what the talk has to say, and leave if it is over."""
        try:
            self._attempt.sock.sendall(self._talk.outgoing())
        except BlockingIOError:
            self._talk.feed(b"")
        except OSError:
            self._talk.note_reset()  # what it said before is still to be read, and then the end
        if self._talk.finding is not None:
            self._end(self._outcome(self._talk.finding))

    def _outcome(self, finding: Finding) -> Outcome:
        if self._attempt.context.identify:
            return Outcome(OPEN, SYN_ACK, finding=finding)
        # Nobody asked who answers. But where our end of the connection may do harm, that is said.
        return Outcome(OPEN, SYN_ACK, detail=finding.detail if finding.status == SILENT else "")

    def _end(self, outcome: Outcome) -> None:
        self._attempt.record(outcome, self._attempt.rtt_ms)
        Farewell(self._attempt).begin()


class Farewell(_Stage):
    """TCP: ends our side with FIN and reads what the server still says, bounded, so that it sees no reset.

    A listener that another run has left behind takes the service's place. It says so only to those who end
    their side, so it may be found out here: C(may_correct) lets that replace the outcome.

    The kernel of a healthy host acknowledges our FIN, whatever its service does. If nothing does, only the
    handshake came through: a device drops what follows it, or answered it for a server that it cannot reach.
    With C(must_end), that replaces the outcome. A FIN may be lost, so there is time for several, and the port
    is tried again later (C(Suspects)).
    """

    __slots__ = ("_read", "_may_correct", "_must_end", "_is_extended")

    def __init__(self, attempt: Attempt, may_correct: bool = True, must_end: bool = False):
        super().__init__(attempt)
        self._read = 0  # bytes
        self._may_correct = may_correct
        self._must_end = must_end
        self._is_extended = False

    def begin(self) -> None:
        """End our side."""
        attempt = self._attempt
        try:
            attempt.sock.shutdown(socket.SHUT_WR)
        except OSError:
            attempt.close()
            return
        attempt.change_to(self, min(_MAX_FAREWELL_SECONDS, attempt.context.timeout) + attempt.round_trip)
        self.on_event(select.EPOLLIN)

    def on_event(self, events: int) -> None:
        """Read to the end."""
        attempt = self._attempt
        try:
            while self._read < _MAX_FAREWELL_BYTES:
                data = attempt.sock.recv(4096)
                if not data:
                    break
                if self._may_correct and not self._read and proof.is_notice(data):
                    attempt.target.correct(attempt.port, _REPLACED)
                self._read += len(data)
        except BlockingIOError:
            return
        except OSError:
            pass  # it was reset: nothing is left to read
        attempt.close()

    def on_alarm(self) -> None:
        """Leave a server that does not end, and say so if it does not even acknowledge our end."""
        attempt = self._attempt
        if self._must_end and has_unacknowledged_end(attempt.sock):
            if not self._is_extended:
                self._is_extended = True
                attempt.context.engine.set_alarm(self, _MIN_PROOF_SECONDS)
                return
            attempt.target.correct(attempt.port, _UNFINISHED)
        attempt.close()


class Scout(_Stage):
    """TCP: only sees whether a connection from another source port comes about."""

    __slots__ = ()

    def on_event(self, events: int) -> None:
        """Note that the address is alive, and leave."""
        attempt = self._attempt
        if events & select.EPOLLOUT and not events & _FAILED:
            attempt.target.is_alive = True
        attempt.reset()

    def on_alarm(self) -> None:
        """Leave: silence proves nothing."""
        self._attempt.close()


class Datagrams(_Stage):
    """UDP: sends a question, again while no answer comes, and judges the first answer.

    Each question leaves from another source port, see scouts.py.
    """

    __slots__ = ("_nonce", "_rivals", "_sent", "_asked", "_late")

    def __init__(self, attempt: Attempt, rivals: Optional[Rivals] = None):
        super().__init__(attempt)
        self._rivals = rivals or Rivals(attempt, left=_MAX_DATAGRAMS - 1)
        self._asked = 0.0  # when the last question was sent
        expects_proof = attempt.target.expects_proof(attempt.port)
        self._nonce = next(attempt.context.nonces) if expects_proof else b""
        self._sent = 0
        self._late: Optional["LateAnswers"] = None  # once it counts as silent and waits on

    @property
    def seconds(self) -> float:
        """How long one question waits for its answer."""
        return self._attempt.context.timeout / _MAX_DATAGRAMS

    def ask(self) -> None:
        """Send the question."""
        from .._kernel.loopback import stays_here

        target, port = self._attempt.target, self._attempt.port
        self._sent += 1
        self._asked = time.monotonic()
        try:
            if self._attempt is not self._rivals.first or self._sent > 1 or not target.planned:
                self._attempt.sock.send(self._question())
            elif stays_here(self._attempt.sock, self._question()):
                target.led_back.add(port)
        except OSError as error:
            self._fail(error.errno or 0, is_sending=True)

    def _question(self) -> bytes:
        if self._nonce:
            return proof.hello(self._attempt.context.hello_start, self._nonce)
        datagram = self._attempt.target.datagrams.get(self._attempt.port)
        return datagram.question if datagram else b""

    def on_event(self, events: int) -> None:
        """Take the answer."""
        if not events & _ANSWERED:
            return
        attempt = self._attempt
        try:
            received = attempt.sock.recv(proof.MAX_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error.errno or 0)
            return
        if self._nonce:
            outcome = _judged(attempt, self._nonce, received, UDP_RESPONSE)
        else:
            outcome = Outcome(OPEN, UDP_RESPONSE, finding=self._finding(received))
        self._end(outcome, (time.monotonic() - attempt.started) * 1000)

    def _end(self, outcome: Outcome, rtt_ms: float) -> None:
        attempt = self._attempt
        if self._late is None:
            self._rivals.settle(attempt)
            attempt.finish(outcome, rtt_ms)
            return
        self._late.leave(attempt)
        if outcome.state == OPEN:
            outcome = outcome._replace(reason=LATE)
        self._late.correct(attempt, outcome, rtt_ms)
        attempt.close()

    def _wait_on(self) -> None:
        """Count as silent, and wait on for an answer that comes late, if one can be recognized."""
        attempt = self._attempt
        is_asked = bool(self._nonce) or attempt.port in attempt.target.datagrams
        self._late = attempt.context.late(attempt) if is_asked else None
        if self._late is None:
            attempt.close()
        else:
            attempt.change_to(self, self._late.seconds, in_background=True)

    def _finding(self, received: bytes) -> Optional[Finding]:
        attempt = self._attempt
        datagram = attempt.target.datagrams.get(attempt.port) if attempt.context.identify else None
        return datagram.judge(received).waited(time.monotonic() - self._asked) if datagram else None

    def _fail(self, number: int, is_sending: bool = False) -> None:
        attempt = self._attempt
        seconds = time.monotonic() - attempt.started
        outcome = attempt.failure(number, seconds)
        if is_sending and not outcome.reason_ip and number != errno.ECONNREFUSED:
            outcome = outcomes.local_failure(number)
        self._end(outcome, seconds * 1000)

    def on_alarm(self) -> None:
        """Ask again, or record silence."""
        attempt, rivals = self._attempt, self._rivals
        if self._late is not None:
            self._late.give_up(attempt)
            attempt.close()
            return
        if attempt is not rivals.first:
            return  # the first one ends them all
        if rivals.left:
            rivals.left -= 1
            attempt.context.engine.set_alarm(self, self.seconds)
            if not attempt.context.start_rival(rivals):
                self.ask()
            elif not rivals.left and self._nonce:
                # Of several links, more than one may be dead: our own listener may be asked more often.
                for unused in range(attempt.context.take_rivals(attempt.target, attempt.port)):
                    attempt.context.start_rival(rivals)
        else:
            rivals.attempts.remove(attempt)
            rivals.settle()
            attempt.note_silence()
            attempt.record(outcomes.timed_out("udp"))
            self._wait_on()
