# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nodes whose C(exasol_address) lists the addresses of two networks, as what was measured shows.

A list requires each of its addresses of everybody: the private one of clients, and the public one of the
nodes of the cluster. In Exasol's documented architecture neither has to work, so a healthy cluster looks
blocked, and rules would be asked for that no one needs.

The evidence is that of one node: the others of its cluster reach it at one address and never at another one,
and all others just the other way round. Then what does not work is untested, and nobody is accused: the
inventory has to say which address is for whom. What works at the addresses that count stays what it is, and
so does every fault there.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._plan.networks import networks_of
from . import causes
from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
    NO_ROUTE,
    OK,
    UNTESTED,
)

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Result

_LOST = frozenset(
    (
        BLOCKED,
        BLOCKED_AT_SOURCE,
        BLOCKED_ON_PATH,
        BLOCKED_AT_DESTINATION,
        BLOCKED_ON_RETURN,
        NO_ROUTE,
    )
)
_MAX_SHOWN = 3
_Sides = dict[bool, dict[str, set[str]]]  # verdicts by whether the source is in the cluster, and by address


class Mixed(t.NamedTuple):
    """The addresses of a node that belong to two networks."""

    private: tuple[str, ...]  # that the nodes of its cluster alone reach
    public: tuple[str, ...]  # that all others alone reach


class Settled(t.NamedTuple):
    """The results, and what has to be said of them."""

    results: list[Result]
    notes: list[str]


def settle(results: list[Result], hosts: Mapping[str, HostPlan]) -> Settled:
    """Return the results without accusations that come of two networks in one list."""
    candidates = {
        name for name, host in hosts.items() if not host.get("external") and len(host["addresses"]) > 1
    }
    if not candidates:
        return Settled(results, [])
    networks = networks_of(hosts)
    sides: dict[str, _Sides] = {}
    for result in results:
        if result["destination"] in candidates and result["expected"] == REACHABLE:
            is_inside = networks.are_together(result["source"], result["destination"])
            by_address = sides.setdefault(result["destination"], {True: {}, False: {}})[is_inside]
            by_address.setdefault(result["address"], set()).add(result["verdict"])
    mixed = {name: found for name, some in sides.items() if (found := _mixed(some)) is not None}
    if not mixed:
        return Settled(results, [])
    settled: list[Result] = []
    for result in results:
        node = mixed.get(result["destination"])
        if node is not None and result["expected"] == REACHABLE and result["verdict"] in _LOST:
            is_inside = networks.are_together(result["source"], result["destination"])
            if result["address"] in (node.public if is_inside else node.private):
                settled.append(_without_accusation(result, node))
                continue
        settled.append(result)
    return Settled(settled, [_note(mixed)])


def _mixed(sides: _Sides) -> Mixed | None:
    """Return which addresses are for whom, None without evidence from both sides."""
    inside, outside = sides[True], sides[False]
    private = [address for address in inside if _works(inside, address) and _never_works(outside, address)]
    public = [address for address in outside if _works(outside, address) and _never_works(inside, address)]
    return Mixed(tuple(sorted(private)), tuple(sorted(public))) if private and public else None


def _works(side: Mapping[str, set[str]], address: str) -> bool:
    return OK in side.get(address, ())


def _never_works(side: Mapping[str, set[str]], address: str) -> bool:
    """Tell whether an address was tried from a side and nothing got through there."""
    verdicts = side.get(address, set())
    return bool(verdicts) and verdicts <= _LOST


def _without_accusation(result: Result, node: Mixed) -> Result:
    destination = result["destination"]
    private, public = _listed(node.private), _listed(node.public)
    sentence = (
        f"{result['source']} does not reach {result['protocol']} {result['ports']} of {destination} "
        f"({result['address']}): the nodes of its cluster reach {destination} at {private} only, and all "
        f"others at {public} only, so exasol_address of {destination} has two networks; set its "
        f"exasol_external_address to {public}, leave {private} in exasol_address, and measure again."
    )
    evidence = [
        f"nodes of the cluster of {destination} reach it at {private} only",
        f"all others reach {destination} at {public} only",
    ]
    return t.cast(
        "Result",
        {
            **result,
            "verdict": UNTESTED,
            "sentence": sentence,
            "cause": causes.TWO_NETWORKS.code,
            "evidence": [*result.get("evidence", ()), *evidence],
            "next_command": "",
            "actor": list(causes.TWO_NETWORKS.actors),
        },
    )


def _note(mixed: Mapping[str, Mixed]) -> str:
    shown = [
        f"{name}: exasol_address {_listed(node.private)}, exasol_external_address {_listed(node.public)}"
        for name, node in sorted(mixed.items())[:_MAX_SHOWN]
    ]
    more = f", and {len(mixed) - _MAX_SHOWN} more" if len(mixed) > _MAX_SHOWN else ""
    return causes.note(
        causes.TWO_NETWORKS,
        f"exasol_address has two networks; use exasol_external_address: the nodes of a cluster reach each "
        f"other at one of these addresses only, and all others reach them at the other one only. Set for "
        f"{'; '.join(shown)}{more}.",
    )


def _listed(addresses: Iterable[str]) -> str:
    return ", ".join(addresses)
