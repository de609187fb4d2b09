# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that tell whether one comes about: samples of the round trip, first tries, silent ports again.

Steps 1 to 4 of paths.py.
"""

import errno
import time
from typing import TYPE_CHECKING, Optional

from .._kernel.tcp_info import TcpInfo, tcp_info
from .._listener.measuring import PING
from .chances import answers_within, independent
from .outcome import OPEN, SYN_ACK, Outcome, proof_at
from .path_connections import ASKING, CONNECTING, MORE_TRIES, SILENCE_SECONDS, Connection
from .path_words import UNANSWERED
from .targets import Target

if TYPE_CHECKING:
    from .paths import MeasuredPath


_CONTROLLED_TRIES = 4  # the last ones of a silent connection, beside which controls are tried

# The other end repeats its answer 0.2, 0.6, 1.4 and 3 s after the first time (RFC 6298, with Linux' minimum);
# on a long path less often (chances.py).
_PATIENT_SECONDS = 2.25  # behind SILENCE_SECONDS
# But after losses, a kernel repeats once, and then only after many seconds: Linux keeps long round trips of
# an address, such as those of packets that were sent again, and waits three times as long (tcp_init_metrics()
# in net/ipv4/tcp_metrics.c). So both ends send something new, which shows their kernels at once what is
# missing (RACK, RFC 8985).
_REMINDER_SECONDS = 0.3


def answers_to(round_trip: float) -> int:
    """Return how often an answer would come while a sample waits, if none were lost; the round trip in s."""
    # Of the four round trips for which it waits longer, two are over with the first answer.
    return answers_within(SILENCE_SECONDS + _PATIENT_SECONDS + 2 * round_trip, round_trip)


class Sample(Connection):
    """Measures the round trip and the clock, and whether this very connection ever comes about."""

    __slots__ = (
        "_tries",
        "_lost",
        "_is_of_sweep",
        "_patience_ends",
        "_controlled_from",
    )

    def __init__(self, path: "MeasuredPath", port: int, source_port: int = 0, lost: int = 0):
        super().__init__(path, port, source_port)
        self._tries = 1 if source_port else 0
        self._lost = lost  # SYNs before this try
        self._is_of_sweep = bool(source_port)  # whether the first try was one of the sweep
        self._patience_ends = 0.0  # if it waits longer, and others start meanwhile
        self._controlled_from = 0.0  # since when a control must have come about, or nothing passes any more

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
        own = self.sock.getsockname()
        self.close()
        if not self._tries:
            self.path.note_answered(self.port, own[1])
        self._passed(self._lost + self._repeated(info))

    def _passed(self, lost: int) -> None:
        if not self._is_of_sweep:
            # Of what follows the handshake, the sweep does not count losses either.
            self.path.note_first_try(is_lost=self._lost > 0 or self.repeated_syns > 0)
            self.path.samples += 1
        if self._patience_ends:
            self.path.sample_is_back()
        self.path.sample_passed(lost)

    def on_end(self) -> None:
        """Not silence: it tells nothing about loss."""
        if self._patience_ends:
            self.path.sample_is_back()
        self.path.sample_is_void()

    def _ask(self) -> None:
        super()._ask()
        if self.state == ASKING and self._is_first_packet:
            self.path.run.engine.set_alarm(self, _REMINDER_SECONDS)

    @property
    def _is_first_packet(self) -> bool:
        """Whether the very first packet was answered, if any was."""
        return not self._tries and not self.repeated_syns

    def on_alarm(self) -> None:
        """Try again from the same source port."""
        if self.state != CONNECTING:
            # Whether our question was acknowledged does not matter: a proxy in front of a dead server need
            # not do that.
            if self._is_first_packet:
                if self._is_waited_for():
                    return
                if self.path.has_passed_since(self._controlled_from):
                    self.path.note_stray(UNANSWERED, self.port)
            self.close()
            self._passed(self._lost + 1)
            return
        own = self.sock.getsockname()
        self.close()
        self._lost += 1 if self._tries else 2
        self._tries += 1
        if self._tries > MORE_TRIES or not own[1]:
            if self.path.has_passed_since(self._controlled_from or self.started):
                self.path.sample_failed(self.port, independent(self._lost, tries=self._tries - 1))
                return
            if not self._is_of_sweep:
                self.path.note_first_try(is_lost=True)
            self.path.sample_is_void()
            return
        again = Sample(self.path, self.port, own[1], self._lost)
        again._tries, again._is_of_sweep = self._tries, self._is_of_sweep
        again._controlled_from = self._controlled_from
        self.path.sample_is_silent()
        if self._tries > MORE_TRIES - _CONTROLLED_TRIES:
            again._controlled_from = again._controlled_from or time.monotonic()
            self.path.control()
        self.path.run.start(again)

    def _is_waited_for(self) -> bool:
        """Remind the other end; returns whether there is time left for an answer."""
        now = time.monotonic()
        if not self._patience_ends and now >= self.started + self.path.silence_seconds:
            self._patience_ends = now + _PATIENT_SECONDS + 2 * self.path.round_trip
            self._controlled_from = now - self.path.again_seconds
            self.path.control()
            self.path.sample_waits()
        if self._patience_ends and now >= self._patience_ends:
            return False
        self.path.run.engine.set_alarm(self, _REMINDER_SECONDS)
        self.say(PING)
        return True


class Control(Connection):
    """Tells that connections still come about, while others are silent always.

    Some are tried from source ports that were answered before, because a limit may let no others through, and
    some from new ones, because a device may let none be used again so soon.
    """

    __slots__ = ()
    measures = False

    @property
    def is_needed(self) -> bool:
        """Whether a connection that waits to start shall start."""
        return True

    @property
    def seconds(self) -> float:
        """How long the connection may take."""
        return self.path.again_seconds

    def _ask(self) -> None:
        self.path.note_passed(self.started)
        self.close()

    def on_alarm(self) -> None:
        """Leave: it may be one of those that fail always."""
        self.close()


class FirstTry(Connection):
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


class OwnReset(Connection):
    """Hears nothing from another machine, so whatever refuses it is this one (refused_here.py)."""

    __slots__ = ()
    measures = False

    @property
    def is_needed(self) -> bool:
        """Whether nothing has shown yet that this host resets connections."""
        return not self.path.resets_itself

    @property
    def seconds(self) -> float:
        """How long the connection may take; what stays on this machine needs no time."""
        return self.path.again_seconds

    def prepare(self) -> None:
        """Let the socket be deaf."""
        from .._kernel.loopback import receive_only_from_here

        if not receive_only_from_here(self.sock):
            raise OSError(errno.ENOPROTOOPT, "no socket filters")

    def on_reset(self) -> None:
        """Take in that the reset came from here."""
        self.path.resets_itself = True

    def _ask(self) -> None:
        self.close()  # a rule of this host leads it back

    def _repeated(self, info: Optional[TcpInfo]) -> int:
        return 0  # none is lost, it does not hear the answers

    def on_alarm(self) -> None:
        """Leave: so many are tried that a rule for some connections would have met one."""
        self.close()


class Rescue(Connection):
    """Tries a silent port again, from new source ports, until it answers."""

    __slots__ = ("_target", "_tries")
    measures = False
    takes_others = True

    def __init__(self, path: "MeasuredPath", target: Target, port: int, tries: int):
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
            if self.answer.host in self.path.expected:
                self.path.note_first_try(is_lost=True)
        self.close()

    def on_alarm(self) -> None:
        """Try again, or leave it."""
        self.close()
        if self._tries > 1:
            self.path.run.start(Rescue(self.path, self._target, self.port, self._tries - 1))
