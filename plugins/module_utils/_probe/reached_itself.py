# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that reached itself where the plan means another one: it proves nothing of any way between them.

That comes of a name that leads to a loopback address (a resolver that blocks the name so, or the host's own
/etc/hosts), and of an address that is this host's own: one that moves between hosts, such as that of
keepalived, while it is here, or one in a network that a route of type "local" keeps here. A rule at the
host's output may lead a connection back as well, to any address. Only the listener of the destination itself,
which proves who it is, shows that the plan means the same machine.
"""

from array import array
from typing import Callable, Collection, Container, Iterable, Iterator, List, Optional, Set, Tuple

from .._kernel.own_addresses import is_loopback
from .._values.ports import Ports
from .outcome import ERROR, OWN_ADDRESS, UNRESOLVED, Outcome
from .targets import PortGroup, Target

Own = Callable[[], Container[str]]
_LED_BACK = Outcome(
    ERROR,
    OWN_ADDRESS,
    detail="a rule of that host itself (DNAT, REDIRECT, eBPF) leads the connection to a program on it",
)
_REFUSED_HERE = Outcome(
    ERROR,
    OWN_ADDRESS,
    detail="a rule of that host itself refuses the connection (REJECT with a reset), or leads it to a port "
    "of its own on which nothing listens (DNAT, REDIRECT)",
)
_Key = Tuple[str, str, str, Ports]


def settle(targets: Collection[Target], own: Own) -> List[Target]:
    """Return the targets with what was reached on this host itself judged as such.

    C(own) gives the addresses of this host.
    """
    here: Container[str] = own() if any(target.planned for target in targets) else ()
    settled: List[Target] = []
    for target in targets:
        if target.planned and (is_loopback(target.address) or target.address in here):
            settled += _judged(target)
        else:
            if target.planned:
                _replaced(target, target.led_back, target.address, _LED_BACK)
                _replaced(target, target.refused_here - target.led_back, target.address, _REFUSED_HERE)
            settled.append(target)
    return _without_repetition(settled)


def _judged(target: Target) -> List[Target]:
    if is_loopback(target.address):
        if not target.name:
            return [target]  # the plan itself says so
        outcome = Outcome(
            UNRESOLVED, "name", detail=f"it resolves to {target.address}, which is that host itself"
        )
        address = target.name
    else:
        outcome = Outcome(
            ERROR, OWN_ADDRESS, detail=f"{target.address} is an address of that host itself at the moment"
        )
        address = target.address
    return _replaced(target, target.ports, address, outcome)


def _replaced(target: Target, suspects: Iterable[int], address: str, outcome: Outcome) -> List[Target]:
    """Return the target with another outcome for the suspected ports that are not proven.

    If the outcome belongs to another address, it is in a target of its own.
    """
    suspects = set(suspects)
    unproven: Set[int] = set()
    for seen, found in target.found.items():
        if not target.is_proven_by(seen.answered_by):
            unproven |= suspects.intersection(found.ports)
    if not unproven:
        return [target]
    target.found = dict(_left(target, unproven))
    # One address is one target: a result that spoke of it twice would be refused as a whole.
    judged = target if address == target.address else Target(target.destination, address, target.protocol)
    if judged is not target:
        judged.ports = Ports(unproven)
    for port in sorted(unproven):
        judged.record(port, outcome)
    return [target, judged] if judged is not target and target.found else [judged]


def _left(target: Target, judged: Set[int]) -> Iterator[Tuple[Outcome, PortGroup]]:
    for outcome, found in target.found.items():
        if judged.isdisjoint(found.ports):
            yield outcome, found
            continue
        rest = [port for port in found.ports if port not in judged]
        if rest:
            # Which time belongs to which port is not kept.
            yield outcome, PortGroup(array("H", rest), array("d"))


def _without_repetition(targets: List[Target]) -> List[Target]:
    """Return the targets, each name once: it may have a loopback address of each family."""
    seen: Set[Optional[_Key]] = set()
    kept = []
    for target in targets:
        key = _key(target)
        if key is None or key not in seen:
            kept.append(target)
        seen.add(key)
    return kept


def _key(target: Target) -> Optional[_Key]:
    outcomes = list(target.found)
    if len(outcomes) != 1 or outcomes[0].state != UNRESOLVED:
        return None
    return target.destination, target.address, target.protocol, target.ports
