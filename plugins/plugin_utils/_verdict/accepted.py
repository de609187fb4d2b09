# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a port that accepted the connection, or answered a datagram: by who answers there."""

from __future__ import annotations

import typing as t

from ...module_utils._identify._finding import IDENTIFIED, OTHER, REFUSING, SILENT, UNVERIFIABLE
from ...module_utils._listener.occupants import LISTENER
from ...module_utils._probe.outcome import (
    NOTHING_THROUGH,
    OTHER_RUN,
    PROOF_CUT_OFF,
    PROOF_OTHER_PORT,
    PROOF_UNFINISHED,
)
from . import causes, packet_stages
from .case import ELSEWHERE, SIBLING, Case
from .packet_places import NEVER_ARRIVED
from .phrases import listens_elsewhere, one_machine
from .reasons import because
from .strays import judge_turned_down
from .verdict import NO_LISTENER, OK, STALLED, UNTESTED, WRONG_HOST, WRONG_SERVICE, Judgement

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Identity


def judge_accepted(case: Case) -> Judgement:
    """Judge a port that accepted a connection, or that answered a datagram."""
    proven = case.observed.get("answered_by")
    if case.holder == SIBLING and proven != case.destination:
        return because(
            case,
            causes.ONE_MACHINE,
            verdict=UNTESTED,
            sentence=f"{case.source} reaches {case.where}, but {one_machine(case)}.",
        )
    if case.reason == OTHER_RUN or (case.holder == LISTENER and not proven):
        return because(
            case,
            causes.OTHER_RUN,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} reaches {case.where}, but a listener of another run answers there instead of "
                f"{case.service}: if that run is over, wait until its listener closes its ports (usually "
                f"5 minutes), and measure again."
            ),
        )
    if proven == case.destination and case.holder == ELSEWHERE:
        return because(
            case,
            causes.LISTENS_ELSEWHERE,
            verdict=NO_LISTENER,
            sentence=(
                f"{case.source} reaches {case.where}, but only our listener answers there: "
                f"{listens_elsewhere(case)}."
            ),
        )
    if proven is None:
        return _served(case)
    if proven == case.destination and case.observed.get("proof") == PROOF_OTHER_PORT:
        return _judge_other_port(case)
    if proven == case.destination:
        return Judgement(OK, f"{case.source} reaches {case.where}.")
    if proven:
        return because(
            case,
            causes.OTHER_HOST,
            verdict=WRONG_HOST,
            sentence=(
                f"{case.source} connects to {case.where}, but {proven} answers: the address, a load balancer "
                f"or a NAT rule leads to another host; check exasol_address of both hosts and the rules "
                f"between them."
            ),
        )
    if case.observed.get("proof") in NOTHING_THROUGH:
        return _not_accepting(case) if case.kernels.is_queue_full else _half_open(case)
    return because(
        case,
        causes.OTHER_ANSWER,
        verdict=WRONG_HOST,
        sentence=(
            f"{case.source} connects to {case.where}, but something other than our listener answers "
            f"({case.observed.get('detail', 'no proof')}): a load balancer or a proxy is in between, or "
            f"another host has that address too; whoever runs it must let the connection through to "
            f"{case.destination}, or give up the address."
        ),
    )


def _judge_other_port(case: Case) -> Judgement:
    """Judge a port whose connections arrive at another port of the same host."""
    if case.behind:
        # There it may be meant: a device that has the address may give several hosts a port each.
        return because(
            case,
            causes.OTHER_PORT,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} connects to {case.where}, but the connection arrives at another port of "
                f"{case.destination}: the device that translates the address translates the port too, so it "
                f"is unknown whether {case.service} answers there; whoever runs that device must say where "
                f"the port leads, or keep it."
            ),
        )
    return because(
        case,
        causes.OTHER_PORT,
        verdict=WRONG_SERVICE,
        sentence=(
            f"{case.source} connects to {case.where}, but the connection arrives at another port of "
            f"{case.destination}: a NAT rule, a port forwarding or a load balancer leads there, where "
            f"another service listens; correct it, or the port in overrides ({case.service})."
        ),
    )


def _half_open(case: Case) -> Judgement:
    """Judge a port that accepted, where our listener or a service waits, and from which nothing else came."""
    afters = {
        PROOF_CUT_OFF: "the connection ends",
        PROOF_UNFINISHED: "nothing comes through it, and not even its end is acknowledged",
    }
    after = afters.get(case.observed["proof"], "nothing comes through it")
    opened = f"{case.source} connects to {case.where}, and then {after}"
    proxy = (
        f"a proxy, a load balancer or a SYN proxy accepts for {case.destination} and does not reach it: "
        f"whoever runs it must look at what is behind it"
    )
    filtered = (
        f"a filter in between or on {case.destination} drops what follows the handshake, such as one that "
        f"saw only one direction of it (asymmetric routes, 'ct state invalid drop')"
    )
    if case.stage in NEVER_ARRIVED:
        return because(
            case,
            causes.HALF_OPEN,
            verdict=WRONG_HOST,
            sentence=(
                f"{opened}; no packet of it arrived at {case.destination}: {proxy}. Or another machine has "
                f"{case.address} too: the network team sees which link-layer addresses answer for it."
            ),
        )
    if case.listener.was_missing:
        return because(
            case,
            causes.NO_OWN_LISTENER,
            verdict=UNTESTED,
            sentence=f"{opened}, which does not prove a filter: {case.listener.why}; measure again.",
        )
    if case.stage in packet_stages.WENT_THROUGH:
        return because(
            case,
            causes.HALF_OPEN,
            verdict=STALLED,
            sentence=(
                f"{opened}, although the handshake was with {case.destination} itself: {filtered}; ask the "
                f"network team to route both directions alike, and look at the rules of {case.destination}."
            ),
        )
    return because(
        case,
        causes.HALF_OPEN,
        verdict=STALLED,
        sentence=(f"{opened}: {filtered}; or {proxy}. Captures at both ends (exasol_verify_capture) decide."),
    )


def _served(case: Case) -> Judgement:
    """Judge an open port at which our listener was not expected, by who answers there."""
    identity: Identity | None = case.observed.get("identity")
    if identity is None:
        detail = case.observed.get("detail")
        said = f"open, service not verified; {detail}" if detail else "open, service not verified"
        return Judgement(OK, f"{case.source} reaches {case.where} ({said}).")
    status, detail = identity.get("status"), identity.get("detail", "")
    if status in (IDENTIFIED, UNVERIFIABLE):
        return Judgement(OK, f"{case.source} reaches {case.where} ({_described(identity)}).")
    if status == OTHER:
        seen = "; ".join(filter(None, (identity.get("looks_like"), detail))) or "something else"
        return because(
            case,
            causes.OTHER_SERVICE,
            verdict=WRONG_SERVICE,
            sentence=(
                f"{case.source} reaches {case.where}, but {case.service} does not answer there ({seen}): "
                f"another service, a load balancer or a proxy uses the port; correct the port in overrides "
                f"({case.service}), or what is in front of {case.destination}."
            ),
        )
    if status == REFUSING:
        return judge_turned_down(case) or because(
            case,
            causes.SERVICE_REFUSES,
            verdict=WRONG_SERVICE,
            sentence=(
                f"{case.source} reaches {case.where}, but {case.service} does not serve {case.source} "
                f"({_described(identity)}): the network is open, and whoever runs {case.service} on "
                f"{case.destination} must act."
            ),
        )
    if status == SILENT and case.kernels.is_queue_full:
        return _not_accepting(case)
    if status == SILENT:
        more = f" ({detail})" if detail else ""
        return because(
            case,
            causes.HALF_OPEN,
            verdict=WRONG_SERVICE,
            sentence=(
                f"{case.source} connects to {case.where}, but "
                f"{identity.get('looks_like', 'something that sends nothing')} is there: {case.service} "
                f"hangs, or a load balancer or a proxy without a server behind it accepts, or a filter drops "
                f"what follows the handshake; look at {case.service} on {case.destination}{more}."
            ),
        )
    return because(
        case,
        causes.UNIDENTIFIED,
        verdict=UNTESTED,
        sentence=f"{case.source} connects to {case.where}, but it is unknown who answers there.",
    )


def _not_accepting(case: Case) -> Judgement:
    return because(
        case,
        causes.ACCEPT_QUEUE_FULL,
        verdict=WRONG_SERVICE,
        sentence=(
            f"{case.source} connects to {case.where}, but {case.service} does not accept its connections "
            f"and its queue is full: the process is stopped, hangs or is overloaded; the network is "
            f"open, and whoever runs {case.service} on {case.destination} must act."
        ),
        evidence=(f"the accept queue of {case.protocol} {case.ports} on {case.destination} is full",),
    )


def _described(identity: Identity) -> str:
    return ", ".join(filter(None, (identity.get("version"), identity.get("detail")))) or identity["status"]
