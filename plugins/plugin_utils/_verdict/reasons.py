# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts a judgement together: verdict, cause and sentence, the evidence, and the next command."""

from __future__ import annotations

import shlex
import typing as t
from collections.abc import Iterator

from ...module_utils._kernel.ways import OTHER_INTERFACE
from ...module_utils._listener.occupants import SERVICE
from .actors import actors_of
from .case import DESTINATION, SOURCE, TRANSLATED, UP
from .verdict import Judgement

if t.TYPE_CHECKING:
    from .case import Case
    from .causes import Cause


def because(
    case: Case, cause: Cause, verdict: str, sentence: str, evidence: tuple[str, ...] = ()
) -> Judgement:
    """Return a judgement on a case; C(evidence) is what counts beside what the case itself shows."""
    return Judgement(
        verdict=verdict,
        sentence=sentence,
        cause=cause.code,
        evidence=_seen(case) + evidence,
        next_command=command_of(cause, case),
        actor=actors_of(case, cause, verdict),
    )


def command_of(cause: Cause, case: Case) -> str:
    """Return the next command to run for a case, with the host to run it on as a comment behind it."""
    return cause.command.format_map(_Words(case)) if cause.command else ""


class _Words(dict[str, str]):
    """What commands may name. They are made when they are asked for: most commands name two of them."""

    def __init__(self, case: Case):
        super().__init__()
        self._case = case

    def __missing__(self, name: str) -> str:
        return COMMAND_WORDS[name](self._case)


def is_filtering_here(case: Case) -> bool:
    """Tell whether it is the source whose reverse path filter is in question."""
    return case.kernels.way_back != OTHER_INTERFACE


def _first_port(ports: str) -> str:
    return ports.split(",")[0].split("-")[0]


def _address_of_source(case: Case) -> str:
    is_ipv6 = ":" in case.address
    alike = [address for address in case.source_addresses if (":" in address) == is_ipv6]
    return shlex.quote([*alike, *case.source_addresses, case.source][0])


def _rejecter(case: Case) -> str:
    names = {SOURCE: case.source, DESTINATION: case.destination, TRANSLATED: case.destination}
    return names.get(case.sender, case.sender) or "the device that rejects"


def _observer(case: Case) -> str:
    """Return who sees the link-layer address in question."""
    kernels = case.kernels
    if kernels.foreign_link or not kernels.source_twin:
        return kernels.link_seen_by or case.source
    return kernels.source_twin.seen_by


COMMAND_WORDS: dict[str, t.Callable[[Case], str]] = {
    "source": lambda case: case.source,
    "destination": lambda case: case.destination,
    "address": lambda case: shlex.quote(case.address),
    "port": lambda case: _first_port(case.ports),
    "endpoint": lambda case: shlex.quote(
        f"[{case.address}]:{_first_port(case.ports)}"
        if ":" in case.address
        else f"{case.address}:{_first_port(case.ports)}"
    ),
    "source_address": _address_of_source,
    "rejecter": _rejecter,
    "observer": _observer,
    "twin_address": lambda case: shlex.quote(
        case.address
        if case.kernels.foreign_link or not case.kernels.source_twin
        else case.kernels.source_twin.address
    ),
    "suspect": lambda case: case.source if case.stage in ("source", "returned") else case.destination,
    "filtering": lambda case: case.source if is_filtering_here(case) else case.destination,
}

_STAGES = {
    "source": "captures: no packet to the ports left {source}",
    "path": "captures: packets left {source} and did not arrive at {destination}",
    "destination": "captures: packets arrived at {destination}, and no reply left it",
    "return": "captures: {destination} replied, and the reply did not arrive at {source}",
    "returned": "capture: the reply arrived at {source}",
    "left": "capture: packets left {source}, and no reply came in",
    "before destination": "capture: no packet of {source} arrived at {destination}",
    "behind destination": "capture: {destination} replied",
    "disguised": "capture: an unplanned address asked for the ports at {destination}",
}


def _seen(case: Case) -> tuple[str, ...]:
    """Return what a case itself shows, one fact each; whose ports these are stands beside it."""
    observed = case.observed
    sender = f" from {observed['reason_ip']}" if "reason_ip" in observed else ""
    first = f"{case.state} ({case.reason}{sender})"
    has_more = case.stage or case.holder or case.listener.kind == UP or "detail" in observed
    return (first, *_more(case)) if has_more else (first,)


def _more(case: Case) -> Iterator[str]:
    detail = case.observed.get("detail")
    if detail:
        yield f"{case.source}: {detail}"
    if case.stage in _STAGES:
        yield _STAGES[case.stage].format(source=case.source, destination=case.destination)
    if case.listener.was_up:
        yield f"our listener waited on these ports of {case.destination}"
    elif case.holder == SERVICE:
        yield f"a service waited on these ports of {case.destination} when the run began"
