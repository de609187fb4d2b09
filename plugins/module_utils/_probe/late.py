# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that come after the timeout: a slow path looks like a filter to those who do not wait for it.

1. An attempt that is silent until the timeout counts as silent, and its socket waits on, for as long again.
   Its first packet is on its way already, so no other connection is opened; the kernel may repeat the SYN.
2. At the end of the pass, an address is waited for only if nothing has come from it in less than half of the
   timeout: what answered so quickly is not slow. Nor is one on a link of this host that replied to ARP or
   NDP, for which the kernel waits three seconds. What should not be reached is silent anyway, so it is waited
   for only as long as something else. So only an address behind a gateway, of which nothing is known, costs
   more time: one timeout at most.
3. An answer that belongs to the first packet is I(late): the path is slower than the timeout, and no filter.
   The kernel knows the round trip by its timestamps (RFC 7323). If that is shorter than the timeout, earlier
   packets were lost: the address is alive, and its silent ports are tried again (observations.py).
4. A refusal or an ICMP error that comes late is what it would have been in time. It shows no more than an
   answer that anything of the address is quick.
5. Ports that were silent twice as long are silent. But where others answered late, a silent port proves
   nothing if there were no sockets left to wait with, or if the reply to a repeated packet would have come
   even later: then a single lost packet looks the same. A socket for datagrams sends one only.

Whoever accepted late is left as others are: our own listener with RST, a service with FIN, or with the end of
its handshake where an unfinished one would count against this host.
"""

import socket
import time
from typing import TYPE_CHECKING, Dict, Iterable, List, Optional, Sequence, Set

from .._kernel.neighbours import first_hops
from .._kernel.sockets import Sources
from .._kernel.tcp_info import tcp_info
from .observations import is_answer
from .outcome import (
    CLOSED,
    ERROR,
    HOST_UNREACH,
    LATE,
    LOCAL,
    OPEN,
    PROOF_LATE,
    Outcome,
    timed_out,
)
from .range_turns import Work
from .targets import Target

if TYPE_CHECKING:
    from .stages import Attempt

_QUICK = 0.5  # of the timeout
_ARP_SECONDS = 3.0  # after which the kernel takes no reply to ARP or NDP any more (three requests)
_REPEATED_MS = 1000.0  # after which the kernel repeats a SYN (RFC 6298, section 2.1)
LATE_OTHERS = Outcome(
    ERROR,
    LATE,
    detail="other ports of the address answered after the timeout, and this one was not waited for long "
    "enough",
)


class LateAnswers:
    """Which silent attempts wait on, and what becomes of them."""

    def __init__(self, groups: Iterable[Sequence[Target]], timeout: float, room: int, sources: Sources):
        self.seconds = timeout
        self._sources = sources
        self._groups = {group[0].address: group for group in groups}
        self._room = room  # sockets that may wait on
        self._quick: Set[str] = set()  # addresses from which something came quickly
        self._near: Optional[Set[str]] = None  # neighbours, as far as they were known at the first silence
        self._waiting: Dict[str, List["Attempt"]] = {}  # by address
        self._late: Dict[str, float] = {}  # the longest time of a late answer in ms, by address
        self._left_out: Dict[str, List[Work]] = {}  # that had no room to wait on, by address
        self._in_vain: Dict[str, List[Work]] = {}  # that waited on and heard nothing, by address

    def take(self, attempt: "Attempt") -> bool:
        """Return whether an attempt may wait on, and count it."""
        address = attempt.target.address
        if self._near is None:
            unknown = [some for some in self._groups if not self._is_quick(some)]
            self._near = set(unknown).difference(self._not_near(unknown))
        if self._is_quick(address) or address in self._near:
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
        unknown = [address for address, some in self._waiting.items() if some and not self._is_known(address)]
        unknown = self._not_near(unknown)
        if not any(map(self._is_wanted, unknown)):
            unknown = []
        for address in set(self._waiting).difference(unknown):
            for attempt in list(self._waiting[address]):
                self.leave(attempt)
                attempt.close()

    def _is_known(self, address: str) -> bool:
        return any(target.is_alive for target in self._groups[address]) or self._is_quick(address)

    def _not_near(self, addresses: List[str]) -> List[str]:
        """Return the addresses that are neither this host's nor on a link where they replied in time."""
        others = [
            address
            for address in addresses
            if not any(target.own_address == address for target in self._groups[address])
        ]
        if self.seconds < _ARP_SECONDS or not others:
            return others
        hops = first_hops(others, self._sources.by_family())
        return [address for address in others if address not in hops or not hops[address].link_address]

    def _is_wanted(self, address: str) -> bool:
        return any(attempt.port in attempt.target.wanted for attempt in self._waiting[address])

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
        attempt.rtt_ms = (time.monotonic() - attempt.started) * 1000 if rtt_ms is None else rtt_ms
        self.correct(attempt, Outcome(OPEN, LATE, proof=proof), attempt.rtt_ms)

    def correct(self, attempt: "Attempt", outcome: Outcome, rtt_ms: float) -> None:
        """Replace silence by what came late, so many milliseconds after the first packet."""
        target = attempt.target
        target.correct(attempt.port, outcome, rtt_ms)
        if outcome.state == CLOSED:
            target.slow.add(attempt.port)  # a late refusal is no sign of a lost packet
        if outcome.reason == LATE or is_answer(outcome):
            self._late[target.address] = max(rtt_ms, self._late.get(target.address, 0.0))

    def give_up(self, attempt: "Attempt") -> None:
        """Take note that an attempt has waited on in vain."""
        self.leave(attempt)
        self._in_vain.setdefault(attempt.target.address, []).append((attempt.target, attempt.port))

    def conclude(self) -> None:
        """Say of silent ports whose silence proves nothing that it does not, if others were late."""
        for address, longest in self._late.items():
            is_late_to_repeat = longest + _REPEATED_MS > 2 * self.seconds * 1000
            undecided = self._left_out.get(address, []) + [
                (target, port)
                for target, port in self._in_vain.get(address, [])
                if is_late_to_repeat or target.protocol == "udp"
            ]
            for target, port in undecided:
                silence = target.found.get(timed_out(target.protocol))
                if silence is not None and port in silence.ports:
                    target.correct(port, LATE_OTHERS)


def _round_trip_ms(sock: socket.SocketType) -> Optional[float]:
    info = tcp_info(sock)
    return info.rtt_ms if info is not None and info.rtt_ms else None
