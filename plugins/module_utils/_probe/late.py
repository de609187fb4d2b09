# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that come after the timeout: a slow path looks like a filter to those who do not wait for it.

1. An attempt that is silent until the timeout counts as silent, and its socket waits on, for as long again.
   Its first packet is on its way already, so no other connection is opened; the kernel may repeat the SYN.
2. At the end of the pass, an address is waited for only if a port of it that ought to be reachable is silent,
   and nothing has come from it in less than half of the timeout. What answered so quickly is not slow, and
   what should not be reachable is silent anyway. So only an address of which nothing is known costs more
   time: one timeout at most.
3. An answer that belongs to the first packet is I(late): the path is slower than the timeout, and no filter.
   The kernel knows the round trip by its timestamps (RFC 7323). If that is shorter than the timeout, earlier
   packets were lost: the address is alive, and its silent ports are tried again (observations.py).
4. A refusal or an ICMP error that comes late is what it would have been in time.
5. Ports that were silent twice as long are silent. Only if there were no sockets left to wait with, a silent
   port of an address that answers late proves nothing.

Whoever accepted late is left as others are: our own listener with RST, a service with FIN, or with the end of
its handshake where an unfinished one would count against this host.
"""

import select
import socket
import time
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from .._kernel.tcp_info import tcp_info
from .observations import is_answer
from .outcome import (
    ERROR,
    HOST_UNREACH,
    LATE,
    LOCAL,
    OPEN,
    PROOF_LATE,
    Outcome,
    timed_out,
)
from .targets import Target

if TYPE_CHECKING:
    from .stages import Attempt

_QUICK = 0.5  # of the timeout
_FAILED = select.EPOLLERR | select.EPOLLHUP
LATE_OTHERS = Outcome(
    ERROR,
    LATE,
    detail="other ports of the address answered after the timeout, and this one was not waited for so long",
)


class LateAnswers:
    """Which silent attempts wait on, and what becomes of them."""

    def __init__(self, groups: Iterable[Sequence[Target]], timeout: float, room: int):
        self.seconds = timeout
        self._groups = {group[0].address: group for group in groups}
        self._room = room  # sockets that may wait on
        self._quick: Set[str] = set()  # addresses from which something came quickly
        self._waiting: Dict[str, List["Attempt"]] = {}  # by address
        self._late: Set[str] = set()  # addresses that answered late
        self._left_out: Dict[str, List[Tuple[Target, int]]] = {}  # that had no room to wait on, by address

    def take(self, attempt: "Attempt") -> bool:
        """Return whether an attempt may wait on, and count it."""
        address = attempt.target.address
        if self._is_quick(address):
            return False
        if not self._room:
            self._left_out.setdefault(address, []).append((attempt.target, attempt.port))
            return False
        self._room -= 1
        self._waiting.setdefault(address, []).append(attempt)
        return True

    def _is_quick(self, address: str) -> bool:
        if address not in self._quick and any(map(self._has_been_quick, self._groups.get(address, ()))):
            self._quick.add(address)
        return address in self._quick

    def _has_been_quick(self, target: Target) -> bool:
        limit = self.seconds * 1000 * _QUICK
        for outcome, group in target.found.items():
            if (outcome.reason, outcome.reason_ip) == (HOST_UNREACH, LOCAL):
                return True  # nothing at the address or its next hop answered ARP or NDP
            has_come = is_answer(outcome) or outcome.reason_ip == target.address
            if has_come and (not group.rtt_ms or min(group.rtt_ms) < limit):
                return True
        return False

    def end_pointless(self) -> None:
        """End the attempts that need not wait on, now that the pass is over."""
        for address in list(self._waiting):
            is_wanted = any(attempt.port in attempt.target.wanted for attempt in self._waiting[address])
            is_alive = any(target.is_alive for target in self._groups[address])
            if is_alive or not is_wanted or self._is_quick(address):
                for attempt in list(self._waiting[address]):
                    self.leave(attempt)
                    attempt.close()

    @property
    def is_waiting(self) -> bool:
        """Whether any attempt waits on."""
        return any(self._waiting.values())

    def leave(self, attempt: "Attempt") -> None:
        """Take note that an attempt waits no longer."""
        self._waiting[attempt.target.address].remove(attempt)

    def accept(self, attempt: "Attempt") -> None:
        """Take in that a connection came about late."""
        rtt_ms = _round_trip_ms(attempt.sock)
        if rtt_ms is not None and rtt_ms < self.seconds * 1000:
            attempt.target.is_alive = True  # an answer to a later packet: the first ones were lost
            return
        proof = PROOF_LATE if attempt.target.expects_proof(attempt.port) else ""
        waited_ms = (time.monotonic() - attempt.started) * 1000
        self.correct(attempt, Outcome(OPEN, LATE, proof=proof), waited_ms if rtt_ms is None else rtt_ms)

    def correct(self, attempt: "Attempt", outcome: Outcome, rtt_ms: float = -1.0) -> None:
        """Replace silence by what came late."""
        attempt.target.correct(attempt.port, outcome, rtt_ms)
        if outcome.reason == LATE:
            self._late.add(attempt.target.address)

    def conclude(self) -> None:
        """Say of the silent ports that could not wait that silence proves nothing, if others were late."""
        for address in self._late & set(self._left_out):
            for target, port in self._left_out[address]:
                silence = target.found.get(timed_out(target.protocol))
                if silence is not None and port in silence.ports:
                    target.correct(port, LATE_OTHERS)


def _round_trip_ms(sock: socket.SocketType) -> Optional[float]:
    info = tcp_info(sock)
    return info.rtt_ms if info is not None and info.rtt_ms else None
