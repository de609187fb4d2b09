# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds rejected ports that look silent, because kernels limit how many ICMP errors they send.

The problem: Linux sends a host six errors at once and then one a second (icmp_ratelimit in ip-sysctl,
XRLIM_BURST_FACTOR; for routes error_burst and error_cost). Of 1000 rejected ports that are tried at the same
time, a few have an error and all others look dropped.

The algorithm:

1. A case is a target with silent ports, if any address of the sweep had ICMP errors.
2. Its witnesses are the lowest and the highest of these ports, because a firewall rejects or drops ranges as
   a whole.
3. One witness for each sender of errors is tried at a time, C(_TOKEN_SECONDS) apart, so that the sender may
   send an error again.
4. If all witnesses of a case were rejected alike, all its silent ports count as rejected. If one of them
   stays silent or answers, they are dropped.
5. After C(_MAX_SECONDS) the cases that are left stay as they are.

An exception: if no reply to ARP or NDP comes, the kernel of this host or of a router sends the errors, all of
them when its search for the next hop ends, and no more than its limits permit. Packets that the sweep has
left come first. So a witness that joins a search under way may get no error, and the next search ends too
late for it. That is why a silent witness is then tried once more.
"""

import time
from array import array
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from .outcome import HOST_UNREACH, Outcome, timed_out
from .targets import PortGroup, Target

_TOKEN_SECONDS = 1.1  # in which a kernel has regained the right to one error
_MAX_SECONDS = 30.0  # if one router answers for many hosts
_JOINED = (
    "{0} silent ports count as rejected: kernels limit the number of ICMP errors, and the lowest and the "
    "highest of these ports, tried again alone, were rejected too"
)

Ask = Callable[[List[Tuple[Target, int]]], None]


class _Case:
    """The silent ports of a target, who sends errors beside them, and which of the ports are tried alone."""

    def __init__(self, target: Target, sender: str, retries: int):
        ports = target.found[timed_out(target.protocol)].ports
        self.sender = sender
        self._target = target
        self._retries = retries  # how often a silent witness is tried again
        self._witnesses = sorted({min(ports), max(ports)})  # ranges are permitted and rejected as a whole
        self._twin = target.twin()
        self._reject: Optional[Outcome] = None

    @property
    def is_pending(self) -> bool:
        """Whether a witness is left to be tried."""
        return bool(self._witnesses)

    def next_witness(self) -> Tuple[Target, int]:
        """Return the port to try, with a target of its own for the outcome."""
        self._twin = self._target.twin()
        return self._twin, self._witnesses[0]

    def take_outcome(self) -> None:
        """Take in the outcome of the witness, which is missing if a conversation goes on: no rejection."""
        outcome = next(iter(self._twin.found), None)
        if outcome == timed_out(self._target.protocol) and self._retries:
            self._retries -= 1
            return
        del self._witnesses[0]
        if outcome is not None and outcome.reason_ip and self._reject in (None, outcome):
            self._reject = outcome
        else:
            self._reject, self._witnesses = None, []

    def conclude(self) -> None:
        """Count the silent ports as rejected if every witness was rejected alike."""
        if self._reject and not self._witnesses:
            _join(self._target, self._reject)


def _join(target: Target, reject: Outcome) -> None:
    silent = target.found.pop(timed_out(target.protocol))
    rejected = target.found.pop(reject, PortGroup(array("H"), array("d")))
    target.found[reject._replace(detail=_JOINED.format(len(silent.ports)))] = PortGroup(
        rejected.ports + silent.ports, rejected.rtt_ms
    )


def _cases(groups: Sequence[Sequence[Target]]) -> Iterator[_Case]:
    senders = [_sender(group) for group in groups]
    if not any(senders):
        return
    retries = 1 if any(_has_failed_search(group) for group in groups) else 0
    for group, sender in zip(groups, senders):
        for target in group:
            if timed_out(target.protocol) in target.found:
                # Of addresses without an error too: a router has one limit for all the hosts behind it.
                yield _Case(target, sender or target.address, retries)


def _has_failed_search(group: Iterable[Target]) -> bool:
    """Tell whether a kernel, of this host or of a router, may have searched for a next hop in vain.

    A router that rejects by a rule says the same. Time does not tell them apart: the kernel that searches
    keeps the newest packets only, and of a slow sweep these left just before it gave up.
    """
    return any(outcome.reason == HOST_UNREACH for target in group for outcome in target.found)


def _sender(group: Iterable[Target]) -> str:
    """Return who sent most of the ICMP errors for an address, if any came."""
    senders: "Counter[str]" = Counter()
    for target in group:
        for outcome, alike in target.found.items():
            senders[outcome.reason_ip] += len(alike.ports)
    del senders[""]
    return senders.most_common(1)[0][0] if senders else ""


def _one_of_each_sender(cases: Iterable[_Case]) -> List[_Case]:
    turn: Dict[str, _Case] = {}
    for case in cases:
        if case.is_pending:
            turn.setdefault(case.sender, case)
    return list(turn.values())


def find_rejected(ask: Ask, groups: Sequence[Sequence[Target]], clock: Any = time) -> None:
    """Find rejected ports among the silent ones, and correct their outcomes.

    C(groups) are the targets of each address.
    """
    cases = list(_cases(groups))
    turn, end = _one_of_each_sender(cases), clock.monotonic() + _MAX_SECONDS
    while turn and clock.monotonic() < end:
        clock.sleep(_TOKEN_SECONDS)
        ask([case.next_witness() for case in turn])
        for case in turn:
            case.take_outcome()
        turn = _one_of_each_sender(cases)
    for case in cases:
        case.conclude()
