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
"""

from typing import Callable, Dict, Iterable, List, Set, Tuple

from .._kernel.own_addresses import is_loopback
from .._values.ports import Ports
from .outcome import CLOSED, OPEN, REFUSED
from .targets import Target

# A packet on the loopback device needs no time; this is for a machine that is very busy. Below the second
# after which a SYN is repeated.
SECONDS = 0.5

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
