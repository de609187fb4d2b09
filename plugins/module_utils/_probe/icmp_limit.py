# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence beside ICMP errors.

A kernel sends a host few of them, so silent ports are asked again, one at a time.

Linux sends six errors at once and then one a second to each host (icmp_ratelimit in ip-sysctl,
XRLIM_BURST_FACTOR; for routes error_burst and error_cost). A silent port that is rejected when it is asked
alone stands for the silent ones beside it; one that stays silent shows that they are dropped.

Where a next hop is searched for in vain (ARP, Neighbour Discovery), the host's own kernel sends the errors,
all when the search ends and no more than it may at a time (icmp_msgs_burst, 50). Packets that the sweep has
left come first, so a witness that joins a search under way may get none, and the next search ends too late
for it: it is asked once more.
"""

import time
from array import array
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from .outcome import HOST_UNREACH, LOCAL, Outcome, timed_out
from .targets import Found, Target

_TOKEN_SECONDS = 1.1  # in which a kernel has regained the right to one error
_SECONDS = 30.0  # at most, where one router answers for many hosts
_JOINED = (
    "{0} silent ports are counted to the rejected ones: ICMP errors are limited in number, and the lowest "
    "and the highest of these ports, "
    "asked again alone, were rejected too"
)

Ask = Callable[[List[Tuple[Target, int]]], None]


class _Case:
    """The silent ports of a target, the sender of the errors beside them, and the ports that witness."""

    def __init__(self, target: Target, sender: str, patience: int):
        ports = target.found[timed_out(target.protocol)].ports
        self.sender = sender
        self._target = target
        self._patience = patience  # how often a silent witness is asked again
        self._witnesses = sorted({min(ports), max(ports)})  # ranges are permitted and rejected as a whole
        self._asked = target.twin()
        self._said: Optional[Outcome] = None

    @property
    def is_pending(self) -> bool:
        """Whether a witness is left, and none has spoken against the others."""
        return bool(self._witnesses)

    def next_witness(self) -> Tuple[Target, int]:
        """Return the port to ask, with a target of its own for the outcome."""
        self._asked = self._target.twin()
        return self._asked, self._witnesses[0]

    def hear(self) -> None:
        """Take in what the witness came to."""
        outcome = next(
            iter(self._asked.found), None
        )  # none where a conversation still goes on, which is no rejection
        if outcome == timed_out(self._target.protocol) and self._patience:
            self._patience -= 1
            return
        del self._witnesses[0]
        if outcome is not None and outcome.reason_ip and self._said in (None, outcome):
            self._said = outcome
        else:
            self._said, self._witnesses = None, []

    def settle(self) -> None:
        """Count the silent ports to the rejected ones if every witness was rejected alike."""
        if self._said and not self._witnesses:
            _join(self._target, self._said)


def _join(target: Target, reject: Outcome) -> None:
    silent = target.found.pop(timed_out(target.protocol))
    rejected = target.found.pop(reject, Found(array("H"), array("d")))
    target.found[reject._replace(detail=_JOINED.format(len(silent.ports)))] = Found(
        rejected.ports + silent.ports, rejected.rtt_ms
    )


def _cases(groups: Sequence[Sequence[Target]]) -> Iterator[_Case]:
    senders = [_sender(group) for group in groups]
    if not any(senders):
        return
    patience = int(
        any(_is_search(outcome) for group in groups for target in group for outcome in target.found)
    )
    for group, sender in zip(groups, senders):
        for target in group:
            if timed_out(target.protocol) in target.found:
                # Of an address without an error, too: the kernel's limit is one for all that it answers for.
                yield _Case(target, sender or target.address, patience)


def _is_search(outcome: Outcome) -> bool:
    """Tell whether this host's own kernel searched for a next hop in vain."""
    return outcome.reason == HOST_UNREACH and outcome.reason_ip == LOCAL


def _sender(group: Iterable[Target]) -> str:
    """Return who sent most of the ICMP errors of an address, if any came."""
    senders: Counter = Counter()
    for target in group:
        for outcome, found in target.found.items():
            senders[outcome.reason_ip] += len(found.ports)
    del senders[""]
    return senders.most_common(1)[0][0] if senders else ""


def _one_a_sender(cases: Iterable[_Case]) -> List[_Case]:
    turn: Dict[str, _Case] = {}
    for case in cases:
        if case.is_pending:
            turn.setdefault(case.sender, case)
    return list(turn.values())


def settle(ask: Ask, groups: Sequence[Sequence[Target]], clock: Any = time) -> None:
    """Tell rejected ports whose errors were swallowed from dropped ones.

    C(groups) are the targets of each address.
    """
    cases = list(_cases(groups))
    turn, end = _one_a_sender(cases), clock.monotonic() + _SECONDS
    while turn and clock.monotonic() < end:
        clock.sleep(_TOKEN_SECONDS)
        ask([case.next_witness() for case in turn])
        for case in turn:
            case.hear()
        turn = _one_a_sender(cases)
    for case in cases:
        case.settle()
