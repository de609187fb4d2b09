# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries ports again that refused their first connection or question, because others may be served.

A load balancer with a dead server refuses some connections, and so does a limit or a device on one of several
routes. If that meets the first connection to a port, nothing else would be known of it, and the host would
be said to have no service there, or a firewall that rejects.

1. The suspects are the ports of a plan that must work and that another machine refused, by RST or ICMP.
2. Where a listener of ours should answer, sixteen more source ports try them, all at once. Services of others
   get one more connection at a time, three at most, and only to the lowest and the highest of their ports.
3. Where one of these is served, all suspects of that address are tried until they are: each of them may have
   met the dead server alone.
4. What was served replaces the refusal, and how often the port refused is reported beside it.
5. This machine itself may have refused some of them. Sockets that hear nothing from another machine, or the
   counters of the loopback device, show that (refused_here.py).

A filter refuses every time, which costs few round trips. Where ICMP errors are limited, it costs C(SECONDS):
a port of others that is silent once is left as it is, and all ends after C(_MAX_SECONDS).
"""

import errno
import time
from itertools import islice
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .._kernel.own_addresses import is_loopback
from .._values.ports import Ports
from .observations import is_answer
from .outcome import CLOSED, FILTERED, LOCAL, OPEN, UNREACHABLE, Outcome
from .path_connections import SAMPLES, how_refused, in_turn, strays_of
from .path_words import REFUSED_HERE, REFUSED_ONE
from .refused_here import Counting
from .targets import Target

if TYPE_CHECKING:
    from .._shapes import Samples

SECONDS = 0.9  # and two round trips, for which an answer is waited; Linux repeats a SYN after one second
_TRIES_OF_OTHERS = 3  # of a port
_MAX_ROUNDS = 20  # of ports of ours, once one was served
_MAX_PORTS_OF_OTHERS = 16
_MAX_SECONDS = 6.0
_MAX_TRIES_SECONDS = 5.0  # of a limited rate

Work = Tuple[Target, int]
Ask = Callable[[List[Work], float, float], None]  # ports, seconds, connections a second
DeafAsk = Callable[[List[Work]], None]


def _is_refused(outcome: Outcome) -> bool:
    return outcome.state == CLOSED or (outcome.state in (FILTERED, UNREACHABLE) and bool(outcome.reason_ip))


def suspects(target: Target) -> Iterator[Tuple[int, Outcome]]:
    """Yield the ports of a target that must work and that another machine refused."""
    if target.planned and not is_loopback(target.address):
        for outcome, group in target.found.items():
            if _is_refused(outcome) and outcome.reason_ip != LOCAL:
                for port in group.ports:
                    if port in target.wanted:
                        yield port, outcome


class _Served(NamedTuple):
    """What a port that had refused came to at another try."""

    outcome: Outcome
    twin: Target


class _Refused:
    """The ports of one target that were refused, either those of ours or those of others."""

    def __init__(self, target: Target, ports: Sequence[int], first: Dict[int, Outcome], is_ours: bool):
        self.target = target
        self.is_ours = is_ours
        self._ports = ports
        self._refusals = {port: [_how(first[port])] for port in ports}
        self._served: Dict[int, _Served] = {}
        self._silent: Set[int] = set()  # ports of others that were silent at another try

    def first_tries(self, number: int) -> List[int]:
        """Return the ports to try at first, in the first round (0) or a later one."""
        if self.is_ours:
            return [] if number else list(islice(in_turn(self._ports), SAMPLES))
        return self.left(sorted({self._ports[0], self._ports[-1]}))

    @property
    def are_some_served(self) -> bool:
        """Whether any of the ports was served."""
        return bool(self._served)

    @property
    def rounds(self) -> int:
        """How often a port is tried."""
        return _MAX_ROUNDS if self.is_ours else _TRIES_OF_OTHERS

    def left(self, ports: Iterable[int] = ()) -> List[int]:
        """Return those of some ports, or of all, that refuse still."""
        wanted = list(ports) or self._ports[: None if self.is_ours else _MAX_PORTS_OF_OTHERS]
        return [port for port in wanted if port not in self._served and port not in self._silent]

    def note(self, port: int, twin: Target) -> None:
        """Take in what a try came to."""
        for outcome in twin.found:
            if _is_refused(outcome):
                self._refusals[port].append(_how(outcome))
            elif outcome.state == OPEN and is_answer(outcome):
                self._served.setdefault(port, _Served(outcome, twin))
            elif not self.is_ours:
                self._silent.add(port)

    def conclude(self) -> None:
        """Replace the refusals of what was served."""
        target = self.target
        for port, (outcome, twin) in sorted(self._served.items()):
            target.correct(port, outcome, min(twin.found[outcome].rtt_ms, default=-1.0))
            target.refused_at_first[port] = self._refusals[port]
            target.led_back |= twin.led_back
            target.sent_from = target.sent_from or twin.sent_from


def _how(outcome: Outcome) -> str:
    return how_refused(outcome, errno.ECONNREFUSED)


class _Tries:
    """Tries ports again; of a limited rate, only so many."""

    def __init__(self, ask: Ask, seconds: float, rate: float):
        self._ask, self._seconds, self._rate = ask, seconds, rate
        self._left = int(rate * _MAX_TRIES_SECONDS) if rate else -1
        self._end = time.monotonic() + _MAX_SECONDS + (_MAX_TRIES_SECONDS if rate else 0.0)

    def of(self, work: List[Tuple[_Refused, int]]) -> None:
        """Try each port once, from a new source port."""
        if time.monotonic() > self._end:
            return
        some = work if self._left < 0 else work[: self._left]
        self._left -= len(some) if self._left > 0 else 0
        twins = [(one, port, one.target.twin()) for one, port in some]
        if twins:
            self._ask([(twin, port) for unused, port, twin in twins], self._seconds, self._rate)
        for one, port, twin in twins:
            one.note(port, twin)


def find_served(ask: Ask, targets: Iterable[Target], rate: float = 0.0) -> None:
    """Try ports again that were refused, and correct the outcomes of those that are served.

    C(rate) connections a second may start, 0 for no limit.
    """
    every: List[_Refused] = []
    longest_ms = 0.0
    for target in targets:
        first = dict(suspects(target))
        longest_ms = max([longest_ms, *(_slowest(target, outcome) for outcome in set(first.values()))])
        for is_ours in (True, False):
            ports = sorted(port for port in first if target.expects_proof(port) == is_ours)
            if ports:
                every.append(_Refused(target, ports, first, is_ours))
    tries = _Tries(ask, SECONDS + 2 * round(longest_ms / 1000, 1), rate)
    for number in range(_TRIES_OF_OTHERS):
        tries.of([(one, port) for one in every for port in one.first_tries(number)])
    shared = [one for one in every if one.are_some_served]
    for number in range(_MAX_ROUNDS):
        tries.of([(one, port) for one in shared if number < one.rounds for port in one.left()])
    for one in shared:
        one.conclude()


def _slowest(target: Target, outcome: Outcome) -> float:
    """Return the milliseconds of the slowest refusal that needed no repeated SYN, 0 if there is none."""
    return max((rtt_ms for rtt_ms in target.found[outcome].rtt_ms if rtt_ms < SECONDS * 1000), default=0.0)


def find_own(ask: DeafAsk, targets: Iterable[Target]) -> None:
    """Note which of the refusals came from this machine; C(ask) tries ports on sockets deaf to all others."""
    streams = [target for target in targets if target.protocol == "tcp"]
    twins = [(target, Target(target.destination, target.address, "tcp")) for target in streams * SAMPLES]
    ports = {target: in_turn(sorted(target.refused_at_first)) for target in streams}
    if twins:
        ask([(twin, next(ports[target])) for target, twin in twins])
    for target, twin in twins:
        if any(outcome.state in (OPEN, CLOSED) for outcome in twin.found):
            _note_own(target)


def count_own(counting: Counting, targets: Iterable[Target], rate: float) -> None:
    """Note the same by the counters of the loopback device; C(rate) as above."""
    for target in targets:
        if target.protocol == "tcp" and counting.refuses_some(
            target.twin(), sorted(target.refused_at_first), rate
        ):
            _note_own(target)


def _note_own(target: Target) -> None:
    for hows in target.refused_at_first.values():
        hows[:] = [REFUSED_HERE if how == REFUSED_ONE else how for how in hows]


def report(targets: Iterable[Target]) -> None:
    """Add what was found to the samples of each target."""
    for target in targets:
        if target.refused_at_first:
            strays: Dict[Tuple[str, str], List[int]] = {}
            for port, hows in target.refused_at_first.items():
                for how in hows:
                    strays.setdefault((how, ""), []).append(port)
            found: "Samples" = {
                "ports": str(Ports(target.refused_at_first)),
                "tried": len(target.refused_at_first),
                "failed_always": 0,
                "refused_at_first": True,
                "strays": strays_of(strays),
            }
            target.samples.append(found)
