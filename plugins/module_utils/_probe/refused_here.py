# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds connections that this very machine refused in the name of another host.

A rule at this host's output rejects with a reset, or leads the connection to a port of this host on which
nothing listens. The reset has the other host's address then, and is no evidence about it.

1. The suspects are the refused ports of hosts of a plan, and those whose connection was reset before anybody
   could look where it leads (led_back.py).
2. The lowest and the highest of each range of suspects are tried again, on sockets that receive nothing from
   another machine (loopback.py). Whatever comes of that but silence comes from here. Rules are for ranges as
   a whole, so a large range costs no more than two packets.
3. If that found anything of a range, its other ports are tried in the same way.

Where the kernel does not permit such sockets, each try is one of several, and the counters of the loopback
device are read before and after it (C(Counting)). If one try leaves them as they are, the answer came from
elsewhere, for certain. If every try moves them, and they rest in between, it came from here. Where they never
rest, it is not known.
"""

import errno
import itertools
import socket
import time
from typing import Callable, Dict, Iterable, List, Optional, Set, Tuple

from .._kernel.loopback import packets
from .._kernel.own_addresses import is_loopback
from .._kernel.sockets import Sources, reset
from .._values.ports import Ports
from .outcome import CLOSED, OPEN, REFUSED, SYN_ACK, Outcome
from .targets import Target

# A packet on the loopback device needs no time; this is for a machine that is very busy. Below the second
# after which a SYN is repeated.
SECONDS = 0.5

_TRIES = 8
_REST_SECONDS = 0.002
_MAX_COUNTING_SECONDS = 10.0  # for each of the two rounds
_MAX_SOME_TRIES, _MAX_SOME_SECONDS = 64, 2.0

Ask = Callable[[List[Tuple[Target, int]]], None]


def find(ask: Ask, targets: Iterable[Target]) -> None:
    """Note at the targets what this machine refused itself, or led to a program here."""
    suspects = dict(_suspects(targets))
    ends: Dict[Target, Ports] = {}
    for target, ports in suspects.items():
        ends[target] = Ports(port for item in ports.ranges for port in (item.first, item.last))
    found = _asked(ask, ends)
    rest: Dict[Target, Ports] = {}
    for target, here in found.items():
        ranges = [item for item in suspects[target].ranges if item.first in here or item.last in here]
        rest[target] = Ports(port for item in ranges for port in range(item.first + 1, item.last))
    _asked(ask, rest)


def _suspects(targets: Iterable[Target]) -> Iterable[Tuple[Target, Ports]]:
    for target in targets:
        if not target.planned or target.protocol != "tcp" or is_loopback(target.address):
            continue
        ports: Set[int] = set(target.doubtful)
        for outcome, group in target.found.items():
            if (outcome.state, outcome.reason) == (CLOSED, REFUSED):
                ports.update(group.ports)
        if ports:
            yield target, Ports(ports)


def _asked(ask: Ask, wanted: Dict[Target, Ports]) -> Dict[Target, Set[int]]:
    """Try ports and note those that are here; return them."""
    twins = {target: Target(target.destination, target.address, "tcp") for target in wanted}
    work: List[Tuple[Target, int]] = []
    for target, ports in wanted.items():
        work += [(twins[target], port) for port in ports]
    if work:
        ask(work)
    here: Dict[Target, Set[int]] = {}
    for target, twin in twins.items():
        for outcome, group in twin.found.items():
            if outcome.state == OPEN:
                target.led_back.update(group.ports)
            elif (outcome.state, outcome.reason) == (CLOSED, REFUSED):
                target.refused_here.update(group.ports)
            else:
                continue
            here.setdefault(target, set()).update(group.ports)
    return here


class Counting:
    """Tries ports one after the other, and records what comes from here, by the counters of the device."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._tries = _TRIES
        self._end = 0.0

    def ask(self, work: Iterable[Tuple[Target, int]]) -> None:
        """Try the ports; what comes from elsewhere, and what is not known, is not recorded.

        If the time is over in the second round, the other ports of its ranges count as refused here: they are
        not measured then, and nobody is accused.
        """
        self._end = time.monotonic() + _MAX_COUNTING_SECONDS
        for target, port in work:
            outcome = None if self._is_over() else self._from_here(target, port)
            if outcome is None and self._tries == 1 and self._is_over():
                # An end of its range was refused here, so it is not known whether the other host refuses it.
                outcome = Outcome(CLOSED, REFUSED)
            if outcome is not None:
                target.record(port, outcome)
        self._tries = 1  # of the other ports of a range, one end of which is here for certain

    def _is_over(self) -> bool:
        return time.monotonic() > self._end

    def refuses_some(self, target: Target, ports: Iterable[int], rate: float = 0.0) -> bool:
        """Tell whether this host refuses some connections to ports, though not all of them.

        Each refusal from here moves the counters, so one that leaves them as they are is of somebody else.
        Packets of others may move them just then as well: on a device that is in use at times, one refusal
        in four from elsewhere looks like one from here. So it takes several. C(rate) connections a second may
        start, 0 for no limit.
        """
        self._end = time.monotonic() + _MAX_SOME_SECONDS
        found = 0
        if rate and rate * _MAX_SOME_SECONDS < _TRIES:
            return False  # so few connections may start that it would not be known
        for port in itertools.islice(itertools.cycle(ports), _MAX_SOME_TRIES):
            if self._is_over() or found == _TRIES:
                break
            if rate:
                time.sleep(1 / rate)
            outcome, is_here = self._once(target, port)
            if outcome is not None and outcome.state == CLOSED:
                if is_here is False:
                    return False
                found += is_here is True
        return found == _TRIES

    def _from_here(self, target: Target, port: int) -> Optional[Outcome]:
        outcome: Optional[Outcome] = None
        for unused in range(self._tries):
            outcome, is_here = self._once(target, port)
            if not is_here:
                return None
        return outcome

    def _once(self, target: Target, port: int) -> Tuple[Optional[Outcome], Optional[bool]]:
        """Return the outcome of one try, and whether it comes from here, None if that is not known."""
        begun, before = time.monotonic(), packets()
        outcome = self._tried(target, port)
        after, ended = packets(), time.monotonic()
        if outcome is None or before is None or self._is_over():
            return outcome, None
        if after == before:
            return outcome, False
        time.sleep(_REST_SECONDS)
        resting = packets()
        time.sleep(max(ended - begun, _REST_SECONDS))
        return outcome, True if packets() == resting else None

    def _tried(self, target: Target, port: int) -> Optional[Outcome]:
        with socket.socket(target.family, socket.SOCK_STREAM) as sock:
            try:
                sock.settimeout(SECONDS)
                self._sources.bind(sock, target.family)
                number = sock.connect_ex((target.address, port))
            except OSError:
                return None
            if number in (0, errno.ECONNRESET):
                reset(sock)  # as it does to us
                return Outcome(OPEN, SYN_ACK)
            return Outcome(CLOSED, REFUSED) if number == errno.ECONNREFUSED else None
