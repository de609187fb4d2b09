# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports that the destination answers for one connection, and somebody else for the next one.

That is a load balancer. The first connection to a port says nothing of it, so the connections that measure
the path count as well: each says who answered (module_utils C(_probe/paths.py)). The same is true of
datagrams from more source ports (C(_probe/udp_samples.py)), and of ports that refused the first connection
and took a later one (C(_probe/refused_at_first.py)).

1. Another host of the plan, or something that is no listener of this run, answered: C(wrong_host). Once is
   enough, because chance does not make such an answer.
2. Some were refused, cut off, or accepted and never answered: C(degraded). A load balancer with a dead server
   does that, and so does a device on one of several routes, or a limit for connections, so all are named.
   Loss also leaves connections unanswered; the probe reports none that loss may explain (module_utils
   C(_probe/chances.py)).
3. The source itself failed to reach the address with some, by its own rules or routes, or because nothing
   replied to its ARP or NDP: C(degraded) too, and none of those is named.
4. A service of others answered some questions as it should, and others say that it does not serve the source,
   or are of another service: C(wrong_service), as if the first answer had been one of these. Whoever runs the
   service is named.

Twice is enough, and once if it was the first connection: without a look at others, that one was all.

A listener that was stopped or gone refuses, cuts off and leaves unanswered too, and a service may have its
port since. Then only another host of the plan counts. One that was busy for a while leaves unanswered, and
does nothing else of this.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._probe.path_words import (
    CUT_OFF,
    NO_NEIGHBOUR,
    NOT_SERVED,
    REFUSED_HERE,
    REFUSED_ONE,
    TO_OTHER_HOST,
    TO_OTHER_SERVICE,
    TO_STRANGER,
    UNANSWERED,
)
from ...module_utils._values.ports import Ports
from . import causes
from .case import ASIDE, BUSY, ENDED, UNSEEN
from .reasons import because
from .verdict import DEGRADED, WRONG_HOST, WRONG_SERVICE, Judgement

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Stray
    from .case import Case

_MAY_BE_GONE = (ENDED, ASIDE, UNSEEN)
_OF_ANY_LISTENER = (TO_OTHER_HOST, REFUSED_HERE)  # count even if it may be gone
_MIN_REFUSED = 2  # or cut off
_MIN_UNANSWERED = 3  # a listener may be late for one
_SAID = {
    REFUSED_ONE: "were refused",
    CUT_OFF: "were accepted and ended without an answer",
    UNANSWERED: "were accepted and never answered",
}


def judge_strays(case: Case) -> Judgement | None:
    """Return the verdict on ports of which not every connection came to the destination, else None."""
    strays = _of_connections(case) if case.protocol == "tcp" else _of_samples(case)
    if not strays:
        return None
    wanted = Ports.parse(case.ports)
    here = [stray for stray in strays if wanted & Ports.parse(stray["ports"])]
    if case.listener.kind in _MAY_BE_GONE:
        here = [stray for stray in here if stray["how"] in _OF_ANY_LISTENER]
    elif case.listener.kind == BUSY:
        here = [stray for stray in here if stray["how"] != UNANSWERED]
    others = [stray for stray in here if stray["how"] in (TO_OTHER_HOST, TO_STRANGER)]
    if others:
        return _led_elsewhere(case, others)
    counts = {how: _count(stray for stray in here if stray["how"] == how) for how in _SAID}
    least = 1 if _was_refused_at_first(case) else _MIN_REFUSED
    if counts[REFUSED_ONE] + counts[CUT_OFF] >= least or counts[UNANSWERED] >= _MIN_UNANSWERED:
        return _not_always(case, counts)
    for how, judge in ((REFUSED_HERE, _rejected_here), (NO_NEIGHBOUR, _without_neighbour)):
        count = _count(stray for stray in here if stray["how"] == how)
        if count >= least:
            return judge(case, count)
    return judge_turned_down(case) if _count(_turned_down(case)) >= _MIN_REFUSED else None


def judge_turned_down(case: Case) -> Judgement | None:
    """Return the verdict on a service that serves only some of the questions, else None."""
    strays = _turned_down(case)
    if not strays:
        return None
    is_other = any(stray["how"] == TO_OTHER_SERVICE for stray in strays)
    said = dict.fromkeys(one for samples in case.samples for one in samples.get("said", ()))
    seen = f" ({'; '.join(said)})" if said else ""
    count = _count(strays)
    by_whom = "are of another service" if is_other else f"say that it does not serve {case.source}"
    balancer = ", or its load balancer," if is_other else ""
    judged = because(
        case,
        causes.OTHER_SERVICE if is_other else causes.SERVICE_REFUSES,
        verdict=WRONG_SERVICE,
        sentence=(
            f"{case.source} reaches {case.where}, and {case.service} answers there, but not every question: "
            f"{count} answers {by_whom}{seen}. One of several servers behind a load balancer does that, or "
            f"{case.service} answers only so many questions: whoever runs {case.service} on "
            f"{case.destination}{balancer} must act."
        ),
        evidence=(f"{count} answers {by_whom}, and others were as expected",),
    )
    return judged._replace(actor=(causes.OWNER, causes.NETWORK)) if is_other else judged


def _turned_down(case: Case) -> list[Stray]:
    """Return the answers that do not serve, of a service that has served others."""
    return [
        stray
        for samples in case.samples
        for stray in samples.get("strays", ())
        if samples["tried"] > samples["failed_always"] and stray["how"] in (NOT_SERVED, TO_OTHER_SERVICE)
    ]


def _was_refused_at_first(case: Case) -> bool:
    return any(samples.get("refused_at_first") for samples in case.samples)


def _of_connections(case: Case) -> list[Stray]:
    """Return the strays of a path to our listener, and those of ports that refused at first."""
    is_ours = case.observed.get("answered_by") == case.destination
    of_path = list(case.path.get("strays", ())) if case.path is not None and is_ours else []
    return of_path + _of_samples(case)


def _of_samples(case: Case) -> list[Stray]:
    if case.observed.get("answered_by") not in (None, case.destination):
        return []
    return [stray for samples in case.samples for stray in samples.get("strays", ())]


def _count(strays: Iterable[Stray]) -> int:
    return sum(stray["connections"] for stray in strays)


def _led_elsewhere(case: Case, others: list[Stray]) -> Judgement:
    hosts = dict.fromkeys(stray["answered_by"] for stray in others if stray.get("answered_by"))
    who = ", ".join(hosts) or "something other than our listener"
    ports = Ports.union(Ports.parse(stray["ports"]) for stray in others) & Ports.parse(case.ports)
    return because(
        case,
        causes.OTHER_HOST if hosts else causes.OTHER_ANSWER,
        verdict=WRONG_HOST,
        sentence=(
            f"{case.source} reaches {case.where}, and not every {_sort(case)} comes to {case.destination}: "
            f"{_count(others)} of those that followed were answered by {who}. A load balancer or a NAT rule "
            f"spreads them over several hosts: whoever runs it must lead all to {case.destination}, or "
            f"exasol_address must be an address of {case.destination} alone."
        ),
        evidence=(f"{who} answered {_count(others)} {_sort(case)}s to {case.protocol} {ports}",),
    )


def _not_always(case: Case, counts: Mapping[str, int]) -> Judgement:
    seen = " and ".join(f"{counts[how]} {what}" for how, what in _SAID.items() if counts[how])
    sort, first = _sort(case), _was_refused_at_first(case)
    of_which = f"of the first {sort}s and those that followed" if first else "of those that followed"
    return because(
        case,
        causes.ANSWERS_DIFFER,
        verdict=DEGRADED,
        sentence=(
            f"{case.source} reaches {case.where}, but not with every {sort}: {of_which}, "
            f"{seen}. A load balancer leads some of them to a server that does not serve, or a device on one "
            f"of several equal routes or a limit for connections, in between or on {case.destination}, "
            f"rejects them: whoever runs it must act."
        ),
        evidence=(f"of {'all' if first else 'further'} {sort}s, {seen}",),
    )


def _rejected_here(case: Case, count: int) -> Judgement:
    return because(
        case,
        causes.REJECTED_AT_SOURCE,
        verdict=DEGRADED,
        sentence=(
            f"{case.source} reaches {case.where}, but not with every {_sort(case)}: its own kernel rejected "
            f"{count} of those that followed. A limit for connections or another rule at the output of "
            f"{case.source}, or a route there, does that: allow outgoing {case.traffic} on {case.source}."
        ),
        evidence=(f"the kernel of {case.source} rejected {count} further {_sort(case)}s",),
    )


def _without_neighbour(case: Case, count: int) -> Judgement:
    return because(
        case,
        causes.NO_ARP_REPLY,
        verdict=DEGRADED,
        sentence=(
            f"{case.source} reaches {case.where}, but not with every {_sort(case)}: for {count} of those "
            f"that followed, {case.source} got no ARP or NDP reply for {case.address} or its next hop. One "
            f"of them was down for a while, or {case.source} leads some {_sort(case)}s to a next hop that is "
            f"down."
        ),
        evidence=(f"no ARP or NDP reply for {count} further {_sort(case)}s",),
    )


def _sort(case: Case) -> str:
    return "connection" if case.protocol == "tcp" else "datagram"
