# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a limit for new connections from a filter, and a ban of the whole source from both.

The problem: many devices pass only so many new connections a second, or take a source that opens many for a
port scan and drop everything from it for a while. Of 1001 ports that are tried at the same time, a few answer
and all others look filtered, although applications work.

I(A limit) makes a pattern over time, not over ports:

1. An address is suspected if many ports are silent and some answered only to a repeated SYN, which a filter
   does not do.
2. Some of its silent ports, spread over all of them, are asked again slowly. Loss and filters do not depend
   on the speed. Under mere loss, as many first SYNs would be answered as in the first pass. If so many
   more are that chance explains it with a probability below C(MAX_CHANCE), it is a limit.
3. The rate is doubled until ports are dropped again. So the greatest rate that passed and the least one that
   did not are known.
4. All other silent ports are asked at the rate that passed, or slower if that is too fast in the long run,
   for at most C(_MAX_SECONDS). What is not asked
   again in that time was not measured, and is not filtered.

I(A ban) makes everything silent after its beginning. So wherever many ports are silent, some ports that
answered before are asked again, unless a trace has just heard one of them (trace.py). If none of them answers
to three SYNs, they are asked from more source ports, because heavy loss and a dead link of a bundle silence
three connections too. If none of those answers either, no silent port of that address proves anything, and
the address is left alone from then on. If a few answer, some more are asked: a limit that passes only a few
connections a minute after the first ones looks like that, and again no silent port proves anything.

Both cost nothing if no port is silent.
"""

import itertools
import math
import time
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set, Tuple

from .._identify._registry import NEVER_CUT_SHORT
from .observations import is_answer, is_silence
from .outcome import ERROR, LATE, OPEN, PROOF_OURS, RATE_LIMITED, SHUT_OUT, Outcome
from .targets import Target

MAX_CHANCE = 1e-6
FIRST_SYN_SECONDS = 0.9  # the kernel repeats a SYN after one second
BAN_SECONDS = 3.3  # in which three SYNs are sent; the answer to the last one takes a round trip more
_LATE_MS = 900.0
_MIN_SILENT = 10
_MIN_LATE = 2
_SAMPLE = 16
_WORTH_ANOTHER = 0.01  # above that chance, another sample would hardly decide
_SLOW = 4.0  # connections a second
_FASTEST = 1000.0
_STEP_SECONDS = 1.5
_MAX_REFERENCES = 3
# Three connections are silent once in 64 times if one of four links is dead; all of these once in a million
# times even if it is one of two, or if half of all connections are lost.
_CONNECTIONS_OF_A_BAN = 20
_CONNECTIONS_TO_SERVICES = 8  # of others: each may have to answer for what it accepted
# If one of two links is dead, or half of all connections are lost, so few of so many are answered once in two
# hundred thousand times.
_CONNECTIONS_OF_A_CHOKE, _ANSWERS_OF_A_CHOKE = 40, 6
_FAILING = 0.9  # of the share that passed slowly
_SLOWER = 0.75
_MAX_REPETITIONS = 2
_MAX_SECONDS = 120.0

Work = Tuple[Target, int]
Ask = Callable[[List[Work], float], None]  # ports, and connections a second
AskPatiently = Callable[[List[Work], float], None]  # ports, and seconds to wait for each
Groups = Sequence[Sequence[Target]]


class Limit(NamedTuple):
    """How many new connections a second passed, and how many did not; 0 if only all at once did not."""

    passes: float
    drops: float


def chance_of_more(passed: int, tried: int, share: float) -> float:
    """Return how probable it is that at least C(passed) of C(tried) pass, if each does with a probability."""
    if passed <= 0 or share >= 1:
        return 1.0
    total = 0.0
    for count in range(passed, tried + 1):
        logarithm = (
            math.lgamma(tried + 1) - math.lgamma(count + 1) - math.lgamma(tried - count + 1)
        ) + count * math.log(share)
        total += math.exp(logarithm + (tried - count) * math.log(1 - share))
    return min(1.0, total)


def _is_early(rtt_ms: Iterable[float]) -> int:
    return sum(milliseconds < _LATE_MS for milliseconds in rtt_ms)


class _Group:
    """The targets of one address, as the first pass left them."""

    def __init__(self, targets: Sequence[Target]):
        self.targets = [target for target in targets if target.protocol == "tcp"]
        self.early = self.late = 0
        for target in self.targets:
            for outcome, group in target.found.items():
                if is_answer(outcome):
                    early = _is_early(group.rtt_ms)
                    self.early += early
                    self.late += len(group.rtt_ms) - early
        self.silent = [work for target in self.targets for work in _silent(target)]

    @property
    def round_trip_ms(self) -> float:
        """The shortest time that an answer took: a path may be slower than three SYNs are apart."""
        trips = [
            milliseconds
            for target in self.targets
            for outcome, group in target.found.items()
            if is_answer(outcome)
            for milliseconds in group.rtt_ms
        ]
        return min(trips, default=0.0)

    @property
    def share(self) -> float:
        """The share of first SYNs that were answered, with some more to be careful."""
        return (self.early + 3.0) / (self.early + self.late + len(self.silent) + 3.0)

    @property
    def is_suspected(self) -> bool:
        """Whether a limit may be why ports are silent."""
        return len(self.silent) >= _MIN_SILENT and self.late >= _MIN_LATE

    @property
    def connections_of_a_ban(self) -> int:
        """How many connections must be silent before it is a ban."""
        return _CONNECTIONS_OF_A_BAN if self.are_ours else _CONNECTIONS_TO_SERVICES

    @property
    def are_ours(self) -> bool:
        """Whether only our listeners have to answer for the connections that are made again."""
        return all(target.expects_proof(port) for target, port in self.references())

    def references(self) -> List[Work]:
        """Return some ports that answered and may be asked twice without harm, our own listeners first.

        Last come those that only accepted a connection: a ban may have begun before our listener was heard.
        """
        ranked: List[Tuple[int, Target, int]] = []
        for target in self.targets:
            for outcome, group in target.found.items():
                rank = _rank(outcome)
                if rank:
                    ports = [port for port in group.ports if target.talks.get(port) not in NEVER_CUT_SHORT]
                    ranked += [(rank, target, port) for port in sorted(ports)[:_MAX_REFERENCES]]
            ranked += [(4, target, port) for port in sorted(target.accepted)[:_MAX_REFERENCES]]
        ranked.sort(key=lambda entry: (entry[0], entry[2]))
        return [(target, port) for _rank, target, port in ranked[:_MAX_REFERENCES]]


def _rank(outcome: Outcome) -> int:
    """Return how well a port with such an outcome shows later that its host answers; 0 for not at all."""
    if outcome.reason == LATE:
        return 0  # it would not answer in time now either
    if outcome.proof == PROOF_OURS:
        return 1
    if is_answer(outcome):
        return 2 if outcome.state == OPEN else 3
    return 4 if outcome.state == OPEN else 0


def _silent(target: Target) -> Iterator[Work]:
    for outcome, group in target.found.items():
        # Not what accepted a connection and then said nothing.
        if is_silence(outcome) and not outcome.proof:
            for port in group.ports:
                yield target, port


def _is_silent(twin: Target) -> bool:
    return all(is_silence(outcome) and not outcome.proof for outcome in twin.found)


def _accepted_only(target: Target) -> Iterator[Work]:
    for outcome, group in target.found.items():
        if is_silence(outcome) and outcome.proof:
            for port in group.ports:
                yield target, port


def _forget(work: Iterable[Work], with_accepted: bool = False) -> None:
    for target, port in work:
        for outcome, group in list(target.found.items()):
            is_meant = is_silence(outcome) and (with_accepted or not outcome.proof)
            if is_meant and port in group.ports:
                group.ports.remove(port)
                if not group.ports:
                    del target.found[outcome]


def _answered(work: Iterable[Work]) -> int:
    """Return how many ports the host itself answered.

    A rejection by ICMP proves no limit for new connections: of these errors alone, more come if they are
    asked for slowly (icmp_limit.py).
    """
    count = 0
    answered: Dict[Target, Set[int]] = {}
    for target, port in work:
        if target not in answered:
            answered[target] = {
                some for outcome, group in target.found.items() if _rank(outcome) for some in group.ports
            }
        count += port in answered[target]
    return count


def _spread(work: Sequence[Work], count: int) -> List[Work]:
    """Return so many ports, evenly spread."""
    if count >= len(work):
        return list(work)
    return [work[index * len(work) // count] for index in range(count)]


class _Search:
    """Looks for the rate that one address is passed at."""

    def __init__(self, ask: Ask, group: _Group, end: float, clock: Any, fastest: float):
        self._ask, self._group, self._end, self._clock = ask, group, end, clock
        self._fastest = fastest
        self._left = list(group.silent)
        self._share = 1.0  # of the ports that pass if they are asked slowly
        self.passes = min(_SLOW, fastest)
        self.drops = 0.0

    def _try(self, count: int, rate: float) -> Tuple[int, int]:
        """Ask so many of the ports that are left at a rate; returns how many answered, of how many."""
        some = _spread(self._left, count)
        chosen = set(some)
        self._left = [work for work in self._left if work not in chosen]
        _forget(some)
        self._ask(some, rate)
        return _answered(some), len(some)

    def find(self) -> bool:
        """Find out whether there is a limit, and the rate that passes."""
        passed, tried = self._try(_SAMPLE, self.passes)
        if MAX_CHANCE < chance_of_more(passed, tried, self._group.share) < _WORTH_ANOTHER:
            more, others = self._try(_SAMPLE, self.passes)
            passed, tried = passed + more, tried + others
        if chance_of_more(passed, tried, self._group.share) > MAX_CHANCE:
            return False
        self._share = passed / tried
        while self._left and not self.drops and self._clock.monotonic() < self._end:
            rate = min(2 * self.passes, self._fastest)
            if rate == self.passes:
                break
            if self._is_too_fast(*self._try(max(_SAMPLE, int(rate * _STEP_SECONDS)), rate)):
                self.drops = rate
            else:
                self.passes = rate
        return True

    def _is_too_fast(self, passed: int, tried: int) -> bool:
        return passed < _FAILING * self._share * tried

    def ask_the_rest(self) -> None:
        """Ask what is left, and what was dropped on the way, at the rate that passes.

        A device may pass more for a while (burst), so the rate is lowered if it turns out to be too fast.
        Those that stay silent are asked again: their only SYN may have been lost, or dropped by the limit.
        If the time is over before, nothing is known of any of them.
        """
        self._left = self._silent_now()
        while self._left and self._has_time():
            count = max(_SAMPLE, int(self.passes * 2 * _STEP_SECONDS))
            if self._is_too_fast(*self._try(count, self.passes)):
                self.drops = self.passes
                self.passes *= _SLOWER
        for unused in range(_MAX_REPETITIONS):
            if self._left:
                break  # the time is over
            self._left = self._silent_now()
            while self._left and self._has_time():
                self._try(max(_SAMPLE, int(self.passes)), self.passes * _SLOWER)
        else:
            return
        self._give_up(self._silent_now())

    def _silent_now(self) -> List[Work]:
        return [work for target in self._group.targets for work in _silent(target)]

    def _has_time(self) -> bool:
        return bool(self._clock.monotonic() < self._end)

    def _give_up(self, left: List[Work]) -> None:
        unmeasured = Outcome(
            ERROR,
            RATE_LIMITED,
            detail=f"new connections faster than {self.passes:.3g} a second are dropped, and the time for "
            f"slower ones was over; set exasol_verify_rate to {self.passes / 2:.2g}",
        )
        _forget(left)
        for target, port in left:
            target.record(port, unmeasured)


def find_limits(
    ask: Ask, groups: Groups, fastest: float = 0.0, range_rate: float = 0.0, clock: Any = time
) -> Dict[str, Limit]:
    """Find the addresses to which new connections are limited, and measure their silent ports slowly.

    C(fastest) and C(range_rate) are the rates of the first pass, 0 for none. Returns the limits by address.
    """
    found: Dict[str, Limit] = {}
    end = clock.monotonic() + _MAX_SECONDS
    for targets in groups:
        group = _Group(targets)
        if not group.is_suspected or clock.monotonic() >= end:
            continue
        rates = [fastest or _FASTEST]
        if range_rate and any(target.is_range_of_others for target in targets):
            rates.append(range_rate)
        search = _Search(ask, group, end, clock, min(rates))
        if search.find():
            search.ask_the_rest()
            found[group.targets[0].address] = Limit(round(search.passes, 1), round(search.drops, 1))
    return found


class _Answers(NamedTuple):
    """How many connections to the references of a group were answered, and how many of them at once."""

    group: _Group
    every: int
    early: int


def find_bans(ask: AskPatiently, groups: Groups) -> Set[str]:
    """Find the addresses that answered at first and then no more, and judge their silent ports.

    Returns the addresses.
    """
    everybody = map(_Group, groups)
    suspected = [group for group in everybody if len(group.silent) >= _MIN_SILENT and group.references()]
    first = _answers(ask, suspected, lambda group: len(group.references()))
    silent = [one.group for one in first if not one.every]
    more = _answers(ask, silent, lambda group: group.connections_of_a_ban - len(group.references()))
    banned = [one.group for one in more if not one.every]
    for group in banned:
        _record_ban(group)
    doubtful = [one.group for one in first if one.every and one.early < len(one.group.references())]
    doubtful += [one.group for one in more if one.every]
    _find_choked(ask, [group for group in doubtful if group.are_ours])
    return {group.targets[0].address for group in banned}


def _find_choked(ask: AskPatiently, groups: Sequence[_Group]) -> None:
    """Find the addresses that answered at first, and then hardly any connection to the same ports."""
    for group, count, _early in _answers(ask, groups, lambda _group: _CONNECTIONS_OF_A_CHOKE):
        if count <= _ANSWERS_OF_A_CHOKE:
            _record_choke(group, count)


def _answers(ask: AskPatiently, groups: Sequence[_Group], count: Callable[[_Group], int]) -> List[_Answers]:
    """Connect so many times to the references of each group; returns how many of these were answered.

    The outcomes go to twins, so that those of the first pass stay.
    """
    asked: List[Tuple[_Group, List[Work]]] = []
    for group in groups:
        references = itertools.islice(itertools.cycle(group.references()), count(group))
        asked.append((group, [(target.twin(), port) for target, port in references]))
    work = [one for _group, twins in asked for one in twins]
    if work:
        ask(work, BAN_SECONDS + max(group.round_trip_ms for group in groups) / 1000)
    found = []
    for group, twins in asked:
        answered = [twin for twin, _port in twins if not _is_silent(twin)]
        early = sum(_answered_at_once(twin, group.round_trip_ms) for twin in answered)
        found.append(_Answers(group, len(answered), early))
    return found


def _answered_at_once(twin: Target, round_trip_ms: float) -> bool:
    trips = [milliseconds for found in twin.found.values() for milliseconds in found.rtt_ms]
    return min(trips, default=0.0) < round_trip_ms + _LATE_MS


def _record_choke(group: _Group, count: int) -> None:
    ports = ", ".join(str(port) for port in sorted({port for _target, port in group.references()}))
    limited = Outcome(
        ERROR,
        RATE_LIMITED,
        detail=f"tcp {ports} answered at first, and then only {count} of {_CONNECTIONS_OF_A_CHOKE} more "
        f"connections: new connections are limited after the first ones, to less than {_SLOW:g} a second; "
        f"wait, set exasol_verify_rate lower than that (such as 0.1), and measure again",
    )
    _record(group, limited)


def _record(group: _Group, lost: Outcome) -> None:
    """Write down that silence proves nothing of a group's ports."""
    silent = list(group.silent)
    for target in group.targets:
        silent += _accepted_only(target)
    _forget(silent, with_accepted=True)
    for target, some in silent:
        target.record(some, lost)


def _record_ban(group: _Group) -> None:
    port = group.references()[0][1]
    lost = Outcome(
        ERROR,
        SHUT_OUT,
        detail=f"some ports answered at first, and then not even tcp {port} did again: a device on the "
        f"way or the host itself may have taken the probe for a port scan and shut this host out for a "
        f"while, or the host went down; wait, set exasol_verify_rate (such as 10), and measure again",
    )
    _record(group, lost)
