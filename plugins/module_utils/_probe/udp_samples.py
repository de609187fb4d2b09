# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks UDP ports that have answered from more source ports: after the sweep, while paths are measured.

A device that spreads datagrams over several links, routes or servers chooses by addresses and ports. If one
of these is dead, some source ports fail always, and all others are answered at once. The sweep takes the
first answer, whichever source port it came to, so it hides that. How samples of TCP find it says paths.py.

A listener of ours may be asked as often as we like (C(OurSamples)):

1. I(Samples.) Together with the first questions of the sweep, sixteen source ports ask at all proven ports of
   an address, and never fewer than eight more.
2. I(Silence.) A source port without an answer, one of the sweep too, asks again, seven times. At the first
   silence, all others ask as well, and sixteen more. Each question is lost by itself, so chances.py tells
   loss from source ports that fail always.
3. I(Control.) At the end, those that are silent ask four times more, beside some that were answered. If none
   of these is answered again, nothing passes any more: that is an interruption.
4. I(Strays.) A question may come to the listener of another host, to something else, be refused by an ICMP
   error, or not be sent by this host: none of that is loss. At the first one, sixteen more source ports ask.

Services of others are asked in their own protocol (C(TheirSamples)), one question at a time and at most five
in a second: if Microsoft's DNS server limits its answers, it gives as many. A server may stop answering
whenever it likes, so its silence alone proves nothing. What it answers does:

1. I(Samples.) DNS servers are asked from five more source ports, which is less than a login costs them. Time
   servers are not, because a second question within two seconds may count against this host.
2. I(Silence.) The first source port that is silent, that of the first question of the sweep too, asks twice
   more. If it stays silent, it is I(compared) with one that was answered: both ask ten times, in random
   order. Loss, limits, and pauses of a server meet both alike, because they do not know the order. So if one
   gets all answers and the other one none, the probability that chance did it is one in 180,000, and one in
   17,000 if one question was lost. More loss than that leaves it open.
3. I(Answers.) Each answer to one of the samples is judged as that to the sweep's question was. One that does
   not serve this host, or is of another service, is asked for once more, from the same source port. Nothing
   more is asked behind two of them: some hosts ban those whom they refuse. That of a time server is not
   judged, because it may only say that it was asked too soon.
4. I(Refused at first.) A DNS server that did not serve this host is asked from three more source ports, until
   one is served: another server behind a load balancer may do so. Ports that refused, by RST or ICMP, are
   tried again before (refused_at_first.py).

A service whose protocol is not known, or that has not proven to speak it, is never asked again, because
nobody knows what a question does.
"""

import errno
import random
import select
import socket
import time
from itertools import islice
from typing import TYPE_CHECKING, Dict, Generator, Iterator, List, Optional, Sequence, Set, Tuple

from .._identify._finding import IDENTIFIED, OTHER, REFUSING, Finding
from .._listener import proof
from .._values.ports import Ports
from .chances import MAX_CHANCE, chance_of_connections, chance_of_size
from .outcome import (
    ERROR,
    LATE,
    OPEN,
    Outcome,
    icmp_or_errno,
    local_failure,
    receive_errors,
)
from .path_connections import (
    MAX_SECONDS,
    SAMPLES,
    Measured,
    Run,
    Try,
    how_refused,
    in_turn,
    rounded,
    strays_of,
)
from .path_words import (
    BY_CONNECTION,
    NOT_SERVED,
    REFUSED_HERE,
    TO_OTHER_HOST,
    TO_OTHER_SERVICE,
    TO_STRANGER,
)
from .proven import Proven, proven_targets
from .targets import Target

if TYPE_CHECKING:
    from .._shapes import Samples

_DATAGRAM = int(socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
_ANSWER_SECONDS = 0.25  # and two round trips, for which an answer is waited
_MIN_SAMPLES, _LEAST_SAMPLES = 8, 4  # the latter if only few sockets may be in use
_AT_A_TIME = 4  # until one is silent
_BEFORE_CONTROL, _CONTROL = 8, 4  # questions of a source port
_CONTROLS = 4  # source ports that were answered
_MAX_SILENT = 64  # source ports of the sweep that ask again
# Of services of others:
_THEIR_SAMPLES = 5
_PAUSE_SECONDS = 0.2  # between two questions
_THEIR_QUESTIONS = 3  # of a source port, after which it is silent
_COMPARED = 10  # questions of each of both
_MAX_CHANCE_OF_ORDER = 1e-4  # beside a source port that was silent three times before
_MAX_SEARCH = 6  # source ports for one that is answered
_MAX_PORTS = 4  # of an address
_TURNED_DOWN = 2  # answers that do not serve, behind which nothing more is asked
_MAX_TURNED_DOWN = 3  # source ports more, if the sweep's own question was not served
_STRAYING = {REFUSING: NOT_SERVED, OTHER: TO_OTHER_SERVICE}


def samples_of(run: Run, targets: Sequence[Target]) -> "List[UdpSamples]":
    """Return what is to be asked at the UDP ports that have answered."""
    asked: List["UdpSamples"] = []
    hosts = proven_targets(targets, "udp")
    for target in targets:
        if target.protocol != "udp":
            continue
        proven = hosts.get((target.destination, target.address))
        if proven and run.key:
            asked.append(OurSamples(run, target, proven))
        theirs = islice(_of_others(target), _MAX_PORTS)
        asked += [TheirSamples(run, target, port, finding) for port, finding in theirs]
    return asked


def _of_others(target: Target) -> Iterator[Tuple[int, Finding]]:
    """Yield the ports at which the expected service of others has answered, and may be asked again."""
    for outcome, group in target.found.items():
        finding = outcome.finding
        if finding is None or finding.status not in (IDENTIFIED, REFUSING):
            continue
        if not _is_open(outcome) or outcome.proof:
            continue
        is_served = finding.status == IDENTIFIED
        for port in group.ports:
            datagram = target.datagrams.get(port) if port in target.wanted else None
            if datagram is not None and (is_served or datagram.may_repeat):
                yield port, finding


def _is_open(outcome: Outcome) -> bool:
    return outcome.state == OPEN and outcome.reason != LATE


class Question(Try):
    """Asks one port from one source port, as often as need be."""

    __slots__ = ("samples", "port", "source_port", "nonce", "sent", "most", "answers", "refusals", "_sock")

    def __init__(self, samples: "UdpSamples", port: int, source_port: int = 0):
        self.samples = samples
        self.port = port
        self.source_port = source_port
        self.nonce = proof.new_nonce()
        self.sent = 1 if source_port else 0  # the first time by the sweep
        self.most = _BEFORE_CONTROL  # questions for now, of a listener of ours
        self.answers = 0
        self.refusals: List[str] = []  # by whom, as strays
        self._sock: Optional[socket.SocketType] = None

    @property
    def is_open(self) -> bool:
        """Whether it can ask again."""
        return self._sock is not None

    def start(self) -> None:
        """Ask for the first time."""
        samples, target = self.samples, self.samples.target
        try:
            sock = socket.SocketType(target.family, _DATAGRAM)
        except OSError:
            samples.take_failure(self)
            return
        try:
            receive_errors(sock, target.family)
            if self.source_port:
                sock.bind((target.own_address, self.source_port))
            else:
                samples.run.sources.bind(sock, target.family)
            sock.connect((target.address, self.port))
        except OSError:
            sock.close()
            samples.take_failure(self)
            return
        self._sock = sock
        samples.run.engine.add(sock.fileno(), self, samples.seconds, time.monotonic())
        self._send()

    def ask_again(self) -> None:
        """Ask once more, and wait as long as the first time."""
        self.wait(self.samples.seconds)
        self._send()

    def wait(self, seconds: float) -> None:
        """Wait so long from now on."""
        self.samples.run.engine.set_alarm(self, seconds)

    def _send(self) -> None:
        self.sent += 1
        if self._sock is not None:
            try:
                self._sock.send(self.samples.words(self))
            except OSError as error:
                self._take_error(error.errno or 0, is_sending=True)

    def on_event(self, events: int) -> None:
        """Take in all that has come."""
        if not events & (select.EPOLLIN | select.EPOLLERR):
            return
        while self._sock is not None:
            try:
                received = self._sock.recv(proof.MAX_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                self._take_error(error.errno or 0)
            else:
                self.answers += 1
                self.samples.take_answer(self, received)

    def _take_error(self, number: int, is_sending: bool = False) -> None:
        how = self._how_refused(number, is_sending)
        if how:
            self.refusals.append(how)
            self.samples.take_refusal(self, how)

    def _how_refused(self, number: int, is_sending: bool) -> str:
        """Return who refused, as a word of a stray, or nothing if nobody did.

        What was not sent was refused by a rule or a route of this host, unless an ICMP error was waiting.
        """
        if self._sock is None:
            return ""
        outcome = icmp_or_errno(
            sock=self._sock,
            number=number,
            seconds=0.0,
            protocol="udp",
            destination=self.samples.target.address,
        )
        if is_sending and not outcome.reason_ip and number != errno.ECONNREFUSED:
            return REFUSED_HERE if local_failure(number).state != ERROR else ""
        return how_refused(outcome, number)

    def on_alarm(self) -> None:
        """Take in that no answer has come."""
        self.samples.take_silence(self)

    def close(self) -> None:
        """End it."""
        if self._sock is not None:
            self.samples.run.engine.remove(self._sock.fileno())
            self._sock.close()
            self._sock = None


class UdpSamples(Measured):
    """What source ports find that ask ports of one address."""

    _at_a_time = 1

    def __init__(self, run: Run, target: Target, ports: Sequence[int]):
        self.run = run
        self.target = target
        self._ports = list(ports)
        self._strays: Dict[Tuple[str, str], List[int]] = {}  # ports, by how and by whom
        self._said: List[str] = []  # in answers that strayed
        self._tried = self._failed = 0
        self._is_pattern = False
        self._shortest = min(_round_trips(target), default=0.0)  # ms

    @property
    def round_trip(self) -> float:
        """Seconds of the shortest round trip of the sweep."""
        return min(self._shortest / 1000.0, self.run.longest_round_trip)

    @property
    def seconds(self) -> float:
        """How long an answer is waited for; longer if this host may ask only so often."""
        return max(rounded(_ANSWER_SECONDS + 2 * self.round_trip), self._in_turn_seconds)

    @property
    def _in_turn_seconds(self) -> float:
        """How long it takes at least until each that may ask at the same time has asked."""
        return rounded(self._at_a_time / self.run.rate) if self.run.rate else 0.0

    def words(self, question: Question) -> bytes:
        """Return what to ask."""
        raise NotImplementedError

    def take_answer(self, question: Question, received: bytes) -> None:
        """Take in what has come."""
        raise NotImplementedError

    def take_refusal(self, question: Question, how: str) -> None:
        """Take in an ICMP error, or that the own kernel did not send."""
        raise NotImplementedError

    def take_silence(self, question: Question) -> None:
        """Take in that nothing has come in time."""
        raise NotImplementedError

    def take_failure(self, question: Question) -> None:
        """Take in that this host was not able to ask."""
        raise NotImplementedError

    def conclude(self) -> None:
        """Write down what was found."""
        if not self._tried:
            return
        found: "Samples" = {
            "ports": str(Ports(self._ports)),
            "tried": self._tried,
            "failed_always": self._failed,
        }
        if self._is_pattern:
            found["pattern"] = BY_CONNECTION
        if self._strays:
            found["strays"] = strays_of(self._strays)
        if self._said:
            found["said"] = self._said
        self.target.samples.append(found)


def _round_trips(target: Target) -> Iterator[float]:
    for outcome, group in target.found.items():
        if _is_open(outcome) and group.rtt_ms:
            yield min(group.rtt_ms)


class OurSamples(UdpSamples):
    """Asks a listener of ours."""

    def __init__(self, run: Run, target: Target, proven: Proven):
        super().__init__(run, target, sorted(set(proven.ports)))
        self._expected = {target.destination, proven.host}
        self._at_a_time = _AT_A_TIME
        self._in_turn = in_turn(self._ports)
        self._hello = proof.prefix(run.key)
        # Silent ones keep their sockets, so all together must not be more than there are.
        at_most = max(_LEAST_SAMPLES, run.concurrency // 2)
        self._waiting = min(run.samples, at_most, max(_MIN_SAMPLES, SAMPLES - len(self._ports)))
        # So few as a limit of the rate leaves at first cannot tell a dead link from loss.
        self._more = min(SAMPLES, at_most, max(run.samples, int(run.rate)))
        self._running: Set[Question] = set()
        self._had_silence = self._had_stray = False
        self._lost = 0  # questions of source ports that were answered in the end
        self._silent: List[Question] = []  # that were never answered
        self._controls: List[Question] = []
        self._is_controlled = self._still_passes = False

    @property
    def longer_seconds(self) -> float:
        """How much longer than others it may take: from the first silence on, all ask so often."""
        longest = (1 + _BEFORE_CONTROL + _CONTROL) * self.seconds
        return max(super().longer_seconds, longest - MAX_SECONDS)

    def words(self, question: Question) -> bytes:
        """Return a hello."""
        return proof.hello(self._hello, question.nonce)

    def begin(self) -> None:
        """Let the first source ports ask."""
        ports = set(self._ports)
        silent = [item for item in sorted(self.target.silent_from.items()) if item[0] in ports]
        # What the sweep asked counts: those that were answered, and those that ask again now.
        self._tried = len(ports) - len(silent)
        if silent:
            self._note_silence()
        for port, source_port in islice(silent, min(_MAX_SILENT, max(1, self.run.concurrency // 4))):
            self._start(port, source_port)
        self._go_on()

    def _start(self, port: int, source_port: int = 0) -> None:
        question = Question(self, port, source_port)
        self._running.add(question)
        self.run.start(question)

    def _go_on(self) -> None:
        while self._waiting and len(self._running) < self._at_a_time:
            self._waiting -= 1
            self._start(next(self._in_turn))
        if self._running:
            return
        if self._silent and not self._is_controlled:
            self._is_controlled = True
            for question in self._controls:
                question.nonce = proof.new_nonce()  # a late answer to an older question is no control
            asking = (*self._silent, *self._controls)
            self._running.update(asking)
            for question in asking:
                question.most = question.sent + _CONTROL
                question.ask_again()
        else:
            for question in (*self._silent, *self._controls):
                question.close()

    def _note_silence(self) -> None:
        if not self._had_silence:
            self._had_silence = True
            self._at_a_time = min(self.run.samples, self._more) + self._more
            self._waiting += self._more

    def _note_stray(self, question: Question, how: str, host: str = "") -> None:
        self._strays.setdefault((how, host), []).append(question.port)
        if not self._had_stray:
            self._had_stray = True
            self._waiting += self._more
        self._forget(question)
        self._end(question)

    def take_answer(self, question: Question, received: bytes) -> None:
        """Take in who answered."""
        answer = proof.read_answer(self.run.key, question.nonce, received.split(b"\n")[0])
        if answer is None:
            # The kernel may have given the source port of an older question again, whose answer comes late.
            if not proof.is_answer(received):
                self._note_stray(question, TO_STRANGER)
        elif answer.host not in self._expected:
            self._note_stray(question, TO_OTHER_HOST, answer.host)
        elif question in self._controls:
            self._still_passes = self._is_controlled
            if self._is_controlled:
                self._end(question)
        else:
            self._forget(question)
            self._tried += 1
            self._lost += question.sent - 1
            if len(self._controls) < _CONTROLS and not self._is_controlled:
                self._controls.append(question)
                self._running.discard(question)
                self._go_on()
            else:
                self._end(question)

    def _forget(self, question: Question) -> None:
        """Count a source port no longer as silent."""
        if question in self._silent:
            self._silent.remove(question)

    def take_refusal(self, question: Question, how: str) -> None:
        """Take in that a question came to nobody who serves."""
        self._note_stray(question, how)

    def take_silence(self, question: Question) -> None:
        """Ask again, or leave it at that until the control."""
        if question not in self._running:
            return  # one that was answered, and waits for the control
        if question.sent < question.most:
            self._note_silence()
            question.ask_again()
        elif self._is_controlled:
            question.close()
            self._running.discard(question)
        else:
            self._silent.append(question)
            self._running.discard(question)
        self._go_on()

    def take_failure(self, question: Question) -> None:
        """Count nothing."""
        self._end(question)

    def _end(self, question: Question) -> None:
        question.close()
        self._running.discard(question)
        self._go_on()

    def conclude(self) -> None:
        """Write down what was found, if it is more than the sweep has."""
        self._failed = len(self._silent)
        self._tried += self._failed
        chance = chance_of_connections(
            tried=self._tried,
            failed=self._failed,
            syns=min((question.sent for question in self._silent), default=0),
            lost=self._lost,
        )
        self._is_pattern = self._still_passes and chance < MAX_CHANCE
        super().conclude()


# Yields the source port that asks next, and is sent whether it got an answer: None if it was unable to ask.
_Course = Generator[Question, Optional[bool], Optional[bool]]


class TheirSamples(UdpSamples):
    """Asks one port of a service of others, one question at a time."""

    def __init__(self, run: Run, target: Target, port: int, finding: Finding):
        super().__init__(run, target, [port])
        self._datagram = target.datagrams[port]
        self._finding = finding  # of the answer to the sweep
        self._silent_from = target.silent_from.get(port, 0)  # the source port of the sweep's first question
        self._asking: Optional[Question] = None
        self._is_answered = self._is_served = False  # by the last answer
        self._questions: List[Question] = []
        self._course = self._steps() if finding.status == IDENTIFIED else self._steps_to_one_that_serves()

    @property
    def longer_seconds(self) -> float:
        """How much longer than others it may take: as if the last source port were the one that is silent."""
        answered, silent = self._pause + self.round_trip, self.seconds
        samples = (1 + _THEIR_SAMPLES) * answered + _THEIR_QUESTIONS * silent
        longest = samples + _MAX_SEARCH * silent + _COMPARED * (answered + silent)
        return max(super().longer_seconds, longest - MAX_SECONDS)

    @property
    def _pause(self) -> float:
        """Seconds between an answer and the next question."""
        return max(_PAUSE_SECONDS, self._in_turn_seconds)

    def words(self, question: Question) -> bytes:
        """Return a question of the service's protocol."""
        return self._datagram.question

    def begin(self) -> None:
        """Let the first source port ask."""
        self._go_on(None)

    def _new(self, source_port: int = 0) -> Question:
        question = Question(self, self._ports[0], source_port)
        self._questions.append(question)
        return question

    def _steps(self) -> _Course:
        """Ask from several source ports, until one is silent for good."""
        count = _THEIR_SAMPLES if self._datagram.may_repeat else 0
        silent_first = [self._new(self._silent_from)] if self._silent_from else []
        if silent_first or count:
            self._tried = 1  # that of the sweep that was answered
        answered: Optional[Question] = None
        for question in (*silent_first, *(self._new() for unused in range(count))):
            heard = yield from self._asked(question, _THEIR_QUESTIONS)
            if heard and not self._is_served and not self._has_turned_down:
                heard = (yield question) and self._is_served
            elif heard is False:
                is_loss = yield from self._compared(question, answered)
                if not is_loss:
                    return None
            if self._has_turned_down:
                return None
            if heard:
                answered = answered or question
            self._tried += bool(heard)
        return None

    def _steps_to_one_that_serves(self) -> _Course:
        """Ask from more source ports, until one is served."""
        self._note_turned_down(self._finding)
        for unused in range(_MAX_TURNED_DOWN):
            heard = yield self._new()
            if heard and self._is_served:
                self._tried += 1
                return None
        return None

    @property
    def _has_turned_down(self) -> bool:
        """Whether so many answers did not serve that it was no accident."""
        return sum(len(self._strays.get((how, ""), ())) for how in _STRAYING.values()) >= _TURNED_DOWN

    def _note_turned_down(self, finding: Finding) -> None:
        how = _STRAYING[finding.status]
        self._strays.setdefault((how, ""), []).extend(self._ports)
        said = finding.looks_like or finding.detail
        if said and said not in self._said:
            self._said.append(said)

    def _asked(self, question: Question, times: int) -> _Course:
        """Ask so many times at most; returns whether it was answered."""
        heard: Optional[bool] = False
        while question.sent < times and heard is False:
            heard = yield question
        return heard

    def _compared(self, silent: Question, answered: Optional[Question]) -> _Course:
        """Compare a silent source port with one that is answered; returns whether it was loss."""
        for unused in range(_MAX_SEARCH):
            if answered is None:
                question = self._new()
                answered = question if (yield question) else None
        if answered is None:
            return False
        order = _COMPARED * [silent, answered]
        random.SystemRandom().shuffle(order)
        missed = 0
        for question in order:
            heard = yield question
            missed += question is answered and not heard
            if silent.answers:
                return True
            if chance_of_size(_COMPARED, _COMPARED, _COMPARED - missed) > _MAX_CHANCE_OF_ORDER:
                return False
        self._tried += 1
        self._failed += 1
        if len(silent.refusals) > 1:
            self._strays[(silent.refusals[-1], "")] = len(silent.refusals) * self._ports
        else:
            self._is_pattern = True
        return False

    def _go_on(self, heard: Optional[bool]) -> None:
        """Let the next source port ask."""
        try:
            question = self._course.send(heard)
        except StopIteration:
            self._asking = None
            for question in self._questions:
                question.close()
            return
        self._asking, self._is_answered = question, False
        if question.is_open:
            question.ask_again()
        else:
            self.run.start(question)

    def take_answer(self, question: Question, received: bytes) -> None:
        """Take in how a source port was answered, and pause."""
        if question is self._asking and not self._is_answered:
            self._is_answered = self._is_served = True
            question.wait(self._pause)
            if self._datagram.may_repeat:
                finding = self._datagram.judge(received)
                self._is_served = finding.status not in _STRAYING
                if not self._is_served:
                    self._note_turned_down(finding)

    def take_refusal(self, question: Question, how: str) -> None:
        """Leave it at that: the next question waits as long as without an answer."""

    def take_silence(self, question: Question) -> None:
        """Go on: nothing has come in time, or the pause is over."""
        if question is self._asking:
            self._go_on(self._is_answered)

    def take_failure(self, question: Question) -> None:
        """Go on without it."""
        if question is self._asking:
            self._go_on(None)
