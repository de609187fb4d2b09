# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a port from which nothing came back, or an error of a host or router."""

from __future__ import annotations

from ...module_utils._probe.outcome import (
    HOST_UNREACH,
    NET_UNREACH,
    NO_RESPONSE,
    RATE_LIMITED,
    SHUT_OUT,
    TIME_EXCEEDED,
)
from . import causes
from .case import BUSY, DESTINATION, SOURCE, TRANSLATED, Case
from .phrases import allowing, or_nat
from .reasons import because
from .rejected import judge_rejected
from .verdict import (
    BLOCKED,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    NO_ROUTE,
    UNRESOLVED,
    UNTESTED,
    Judgement,
)


def judge_filtered(case: Case) -> Judgement:
    """Judge a port from which no reply came, or that a filter rejects."""
    sender, is_silent = case.sender, case.reason == NO_RESPONSE
    if is_silent and case.ended:
        why = f"{case.destination} was restarted or became unreachable during the run"
        why = case.listener.why if case.listener.was_missing else why
        return because(
            case,
            causes.DESTINATION_LOST,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} gets no reply from {case.where}, which does not prove a filter: {why}."
            ),
        )
    if case.reason == HOST_UNREACH and sender in ("", SOURCE):
        return because(
            case,
            causes.NO_ARP_REPLY,
            verdict=NO_ROUTE,
            sentence=(
                f"{case.source} gets no ARP or NDP reply for {case.address} or its next hop: the host is "
                f"down, or its address or network is wrong."
            ),
        )
    if case.reason == TIME_EXCEEDED:
        return _judge_too_many_hops(case)
    if sender == SOURCE:
        return because(
            case,
            causes.ICMP_REJECTED,
            verdict=BLOCKED_AT_SOURCE,
            sentence=(
                f"{case.source} itself rejects {case.where} ({case.reason}): allow outgoing {case.traffic} "
                f"on {case.source} (role firewall)."
            ),
        )
    if sender in (DESTINATION, TRANSLATED):
        return judge_rejected(case)
    if sender and case.reason == HOST_UNREACH:
        return because(
            case,
            causes.NO_ARP_REPLY,
            verdict=NO_ROUTE,
            sentence=(
                f"router {sender} reports to {case.source} that it cannot reach {case.where} "
                f"({case.reason}): the host is down, or the router rejects; ask who runs {sender}."
            ),
        )
    if sender:
        return because(
            case,
            causes.ICMP_REJECTED,
            verdict=BLOCKED_ON_PATH,
            sentence=(
                f"{sender}, between {case.source} and {case.destination}, rejects {case.where} "
                f"({case.reason}): ask who runs {sender} to allow {case.traffic}."
            ),
        )
    seen, does = ("gets no reply from", "drops") if is_silent else ("is rejected at", "rejects")
    return because(
        case,
        causes.SILENCE if is_silent else causes.ICMP_REJECTED,
        verdict=BLOCKED,
        sentence=(
            f"{case.source} {seen} {case.where} ({case.reason}): a filter on the path or at either end "
            f"{does} it{or_nat(case)}; {allowing(case)} and in between."
        ),
    )


def _judge_too_many_hops(case: Case) -> Judgement:
    """Judge packets that passed as many routers as they may: no filter stops them, so no rule helps."""
    destination = case.destination
    senders = {"": "a router", SOURCE: case.source, DESTINATION: destination, TRANSLATED: destination}
    who = senders.get(case.sender, f"router {case.sender}")
    return because(
        case,
        causes.TOO_MANY_HOPS,
        verdict=NO_ROUTE,
        sentence=(
            f"{who} reports to {case.source} that packets to {case.where} have passed as many routers as "
            f"they may ({case.reason}): they go in a circle between routers that lead them to each other, so "
            f"the network team must correct a route to {case.address}; or {case.source} sends them with too "
            f"small a number (net.ipv4.ip_default_ttl, a rule that sets the TTL)."
        ),
    )


def judge_unreachable(case: Case) -> Judgement:
    """Judge an address to which somebody has no route."""
    sender = case.sender
    if sender in (DESTINATION, TRANSLATED):
        return judge_rejected(case)
    if sender not in ("", SOURCE):
        return because(
            case,
            causes.NO_WAY,
            verdict=NO_ROUTE,
            sentence=(
                f"router {sender} reports to {case.source} that it has no route to {case.address} "
                f"({case.reason}): ask who runs {sender}."
            ),
        )
    if not sender and case.reason == NET_UNREACH:
        # Its own kernel would have refused at once (C(no-route)), and old ones do not say who sent an error.
        return because(
            case,
            causes.NO_WAY,
            verdict=NO_ROUTE,
            sentence=(
                f"{case.source} received an error that {case.address} has no route ({case.reason}), and its "
                f"kernel does not say from whom: {case.source} or a router on the path lacks the route; look "
                f"at the routes of both, or correct the address of {case.destination}."
            ),
        )
    return because(
        case,
        causes.NO_WAY,
        verdict=NO_ROUTE,
        sentence=(
            f"{case.source} has no route to {case.address} ({case.reason}): add a route, or correct the "
            f"address of {case.destination}."
        ),
    )


def judge_unresolved(case: Case) -> Judgement:
    """Judge a name without an address."""
    return because(
        case,
        causes.NAME_UNRESOLVED,
        verdict=UNRESOLVED,
        sentence=(
            f"{case.source} cannot resolve {case.address} ({case.observed.get('detail', 'no answer')}): fix "
            f"the DNS servers or the search domain of {case.source}, or use an IP address instead."
        ),
    )


def judge_silent(case: Case) -> Judgement:
    """Judge a UDP port from which no reply came."""
    if case.listener.was_up:
        return because(
            case,
            causes.SILENCE,
            verdict=BLOCKED,
            sentence=(
                f"{case.source} gets no reply from our listener at {case.where}: a filter on the path or at "
                f"either end drops it{or_nat(case)}; {allowing(case)} and in between."
            ),
        )
    if case.listener.kind == BUSY:
        return because(
            case,
            causes.NO_OWN_LISTENER,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} gets no reply from {case.where}, which does not prove a filter: "
                f"{case.listener.why}; measure again."
            ),
        )
    return because(
        case,
        causes.UDP_SILENCE,
        verdict=UNTESTED,
        sentence=(
            f"{case.source} gets no reply from {case.where}: with UDP, a filter and a service that does not "
            f"answer look the same."
        ),
    )


# Why a port was left alone although it might be asked.
_UNASKED = {RATE_LIMITED: causes.RATE_LIMITED, SHUT_OUT: causes.SOURCE_BANNED}


def judge_error(case: Case) -> Judgement:
    """Judge a port that the source was not able to test."""
    detail = case.observed.get("detail")
    why = f"{case.reason}, {detail}" if detail else case.reason
    return because(
        case,
        _UNASKED.get(case.reason, causes.NOT_MEASURED),
        verdict=UNTESTED,
        sentence=f"{case.source} could not test {case.where}: {why}.",
    )
