# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who must act for a flow: the parties that its evidence leaves, as codes.

Each cause names them (C(Cause.actors)). Where the place of a filter decides, captures and senders of errors
name it; with more than two possible places, nobody is accused, and the actor is C(unknown).
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._probe.outcome import NET_UNREACH
from . import packet_stages
from .case import DESTINATION, SOURCE, TRANSLATED, Case, is_link_cut
from .causes import CAUSES, NETWORK, OWNER, UNKNOWN, Cause
from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
    STALLED,
    UNTESTED,
    WRONG_HOST,
)

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result

HOST = "host:"  # stands before the name of a host
_BLOCKED = (BLOCKED, BLOCKED_AT_SOURCE, BLOCKED_ON_PATH, BLOCKED_AT_DESTINATION, BLOCKED_ON_RETURN)


def host(name: str) -> str:
    """Return the code of a host as an actor."""
    return HOST + name


def actors_of(case: Case, cause: Cause, verdict: str) -> tuple[str, ...]:
    """Return who must act for a case; several if the evidence does not decide between them."""
    if len(cause.actors) == 1 and cause.actors[0] in _DECIDE:
        named = _DECIDE[cause.actors[0]](case, verdict)
    else:
        named = cause.actors
    return actors_at(named, case.source, case.destination)


def actors_at(named: tuple[str, ...], source: str, destination: str) -> tuple[str, ...]:
    """Return actors with the names of both ends in place of their roles."""
    ends = {SOURCE: host(source), DESTINATION: host(destination)}
    return tuple(dict.fromkeys(ends.get(one, one) for one in named)) or (UNKNOWN,)


def needs_rule(result: Result) -> bool:
    """Tell whether a flow must work, is blocked, and a rule of a firewall would make it work.

    A result of an older release may have no cause; then its verdict alone counts.
    """
    if result["expected"] != REACHABLE or result["verdict"] not in _BLOCKED:
        return False
    cause = CAUSES.get(result.get("cause", ""))
    return cause is None or cause.rule_helps


_BY_STAGE = {
    packet_stages.LEFT: (DESTINATION, NETWORK),
    packet_stages.BEFORE_DESTINATION: (SOURCE, NETWORK),
    packet_stages.BEHIND_DESTINATION: (SOURCE, NETWORK),
    packet_stages.DISGUISED: (DESTINATION, NETWORK),
    packet_stages.RETURNED: (SOURCE,),
}
_BY_VERDICT = {
    BLOCKED_AT_SOURCE: (SOURCE,),
    BLOCKED_ON_PATH: (NETWORK,),
    BLOCKED_AT_DESTINATION: (DESTINATION,),
    BLOCKED_ON_RETURN: (NETWORK,),
}


def _at_place(case: Case, verdict: str) -> tuple[str, ...]:
    """Return whose filter it is, from captures and the verdict."""
    if case.stage in _BY_STAGE:
        return _BY_STAGE[case.stage]
    if verdict == BLOCKED and case.state == "closed":
        # A reset: the destination's own firewall, or one in between in its name.
        return (DESTINATION, NETWORK)
    return _BY_VERDICT.get(verdict, (UNKNOWN,))


def _of_sender(case: Case, verdict: str) -> tuple[str, ...]:
    if case.sender == DESTINATION and verdict == BLOCKED:
        return (DESTINATION, NETWORK)  # or a device in between, in its name
    senders = {"": (), SOURCE: (SOURCE,), DESTINATION: (DESTINATION,), TRANSLATED: (DESTINATION, NETWORK)}
    return senders.get(case.sender, (NETWORK,)) or _at_place(case, verdict)


def _of_route(case: Case, _verdict: str) -> tuple[str, ...]:
    if not case.sender and case.reason == NET_UNREACH:
        return (SOURCE, NETWORK)  # an error of a router, if the kernel does not say of whom
    return (SOURCE,) if case.sender in ("", SOURCE) else (NETWORK,)


def _of_neighbour(case: Case, _verdict: str) -> tuple[str, ...]:
    """Return whose address does not reply to ARP or NDP, or who asks for it at the wrong place."""
    next_hop = case.kernels.next_hop
    if case.kernels.is_next_hop_by_rule:
        return (SOURCE,)
    if is_link_cut(case):
        return (UNKNOWN,)  # either end, or the network between them
    if next_hop and next_hop != case.address:
        return (SOURCE, NETWORK)
    return (DESTINATION, SOURCE) if case.sender in ("", SOURCE) else (DESTINATION, NETWORK)


def _of_filtering(_case: Case, verdict: str) -> tuple[str, ...]:
    if verdict == BLOCKED:
        return (UNKNOWN,)  # perhaps the filter of the source, or else any other
    return (SOURCE,) if verdict == BLOCKED_ON_RETURN else (DESTINATION,)


def _of_twin(case: Case, _verdict: str) -> tuple[str, ...]:
    owner = case.kernels.link_owner
    return (host(owner),) if owner else (NETWORK, DESTINATION)


def _of_silent_end(_case: Case, verdict: str) -> tuple[str, ...]:
    ends = {STALLED: (NETWORK, DESTINATION), UNTESTED: (NETWORK, DESTINATION), WRONG_HOST: (NETWORK,)}
    return ends.get(verdict, (OWNER, NETWORK))


_DECIDE: dict[str, Callable[[Case, str], tuple[str, ...]]] = {
    "place": _at_place,
    "sender": _of_sender,
    "router": _of_route,
    "neighbour": _of_neighbour,
    "filtering": _of_filtering,
    "twin": _of_twin,
    "silent end": _of_silent_end,
}
