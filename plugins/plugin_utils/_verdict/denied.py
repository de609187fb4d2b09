# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a flow that must not work: only a positive control shows that a filter stops it."""

from __future__ import annotations

from ...module_utils._listener.occupants import LISTENER, SERVICE
from ...module_utils._probe.outcome import NOTHING_THROUGH, OTHER_RUN, PROOF_OTHER_PORT
from . import causes, packet_stages
from .case import SIBLING, Case
from .reasons import because
from .verdict import EXPOSED, NO_LISTENER, OK, UNRESOLVED, UNTESTED, Judgement

_MAX_NAMES = 3  # of hosts in a sentence


def judge_denied(case: Case, judged: Judgement) -> Judgement:
    """Judge a flow that must not work, from what was seen of it as if it had to."""
    verdict = judged.verdict
    if case.state == "open":
        return _exposed(case) if _may_be_the_destination(case) else _answered_elsewhere(case, judged)
    if case.ended and verdict != UNTESTED:
        return because(
            case,
            causes.DESTINATION_LOST,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} does not reach {case.where} ({case.reason}), which does not prove a filter: "
                f"{case.destination} was restarted or became unreachable during the run."
            ),
        )
    # If our own listener was missing, a refusal may mean no more than that, whoever reached it before.
    is_refused = case.state == "closed" and verdict in (NO_LISTENER, UNTESTED)
    if verdict in (UNRESOLVED, UNTESTED) and not is_refused:
        return judged
    if case.is_source_mute and judged.cause == causes.NO_ARP_REPLY.code:
        return because(
            case,
            causes.NO_ARP_REPLY,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} does not reach {case.where}, which does not prove a filter: {case.source} "
                f"gets no ARP or NDP reply for {case.kernels.next_hop or case.address}, and nothing in this "
                f"run shows that it reaches any other host; look at the network of {case.source}, and "
                f"measure again."
            ),
        )
    if case.control and verdict != UNTESTED:
        place = f" at {case.control_at}" if case.control_at else ""
        return Judgement(
            OK, f"{case.source} does not reach {case.where}, as expected; {case.control} does{place}."
        )
    if is_refused:
        return because(
            case,
            causes.NOTHING_LISTENS,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} is refused at {case.where}, but nothing listens there, so it is unknown "
                f"whether a filter would stop it."
            ),
        )
    if case.state == "closed" and case.holder == SERVICE:
        return because(
            case,
            causes.NOTHING_LISTENS,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} is refused at {case.where}, where a service listened when the run began, so "
                f"it is unknown whether a filter refuses or the service has ended."
            ),
        )
    return because(
        case,
        causes.NO_CONTROL,
        verdict=UNTESTED,
        sentence=(
            f"{case.source} does not reach {case.where} ({case.reason}), but {_without_control(case)}, or "
            f"exclude the row (exasol_exclude)."
        ),
    )


def _may_be_the_destination(case: Case) -> bool:
    """Tell whether nothing shows that somebody else accepted the connection or answered the datagram.

    Where our listener waits it would have proven itself. Addresses of private networks exist several times,
    and proxies accept connections for hosts that they never reach.
    """
    proven = case.observed.get("answered_by")
    if proven is None or case.reason == OTHER_RUN or case.holder in (LISTENER, SIBLING):
        return True  # a listener of ours on that machine, whoever's it is, was reached there
    proof = case.observed.get("proof")
    if proven == case.destination:
        return proof != PROOF_OTHER_PORT
    return not proven and proof in NOTHING_THROUGH and case.stage in packet_stages.WENT_THROUGH


def _exposed(case: Case) -> Judgement:
    if not case.is_private:
        sentence = (
            f"{case.source} reaches {case.where}, which the port table does not allow: close it on "
            f"{case.destination} (role firewall, restrict)."
        )
    else:
        is_proven = case.observed.get("answered_by") == case.destination
        unless = "" if is_proven else f", unless another host has that address in a network of {case.source}"
        sentence = (
            f"{case.source} reaches {case.where}, an address of the private network, which only the "
            f"nodes of its cluster may reach{unless}: whoever runs that network must separate it from "
            f"{case.source}."
        )
    return because(case, causes.OPEN_THOUGH_DENIED, verdict=EXPOSED, sentence=sentence)


def _answered_elsewhere(case: Case, judged: Judgement) -> Judgement:
    """Return why an answer does not show that the destination is reached, nor that it is not."""
    if judged.verdict == UNTESTED or judged.cause == causes.DUPLICATE_ADDRESS.code:
        return judged._replace(verdict=UNTESTED)
    opened = f"{case.source} connects to {case.where}"
    unknown = f"so it is unknown whether {case.source} would reach {case.destination}"
    proven = case.observed.get("answered_by")
    if judged.cause == causes.OTHER_PORT.code:
        cause = causes.OTHER_PORT
        why = (
            f"{opened}, but the connection arrives at another port of {case.destination}, {unknown} at this "
            f"one: look at the NAT rule, port forwarding or load balancer that leads there."
        )
    elif proven:
        cause = causes.OTHER_HOST
        why = (
            f"{opened}, but {proven} answers, {unknown}: the address, a load balancer or a NAT rule leads to "
            f"another host; check exasol_address of both hosts and the rules between them."
        )
    elif case.observed.get("proof") in NOTHING_THROUGH:
        cause = causes.HALF_OPEN
        why = (
            f"{opened}, but nothing shows that {case.destination} itself accepts, {unknown}: a proxy or a "
            f"SYN proxy accepts for it, another host has that address too, or a filter drops what follows "
            f"the handshake. Captures at both ends (exasol_verify_capture) decide."
        )
    else:
        cause = causes.OTHER_ANSWER
        why = (
            f"{opened}, but something other than our listener answers "
            f"({case.observed.get('detail', 'no proof')}), {unknown}: a load balancer or a proxy is in "
            f"between, or another host has that address too; whoever runs it must say where it leads."
        )
    return because(case, cause, verdict=UNTESTED, sentence=why)


def _without_control(case: Case) -> str:
    """Return why nothing shows that a denied port works for those who may use it, and what to do about it."""
    alike = "a filter, a missing route and a host that is down look the same"
    if case.is_private and not case.entitled:
        return (
            f"no other node of its cluster tried it, so none can show that it works at all, and {alike}: let "
            f"nodes use every port of each other (row cluster_internal)"
        )
    if not case.entitled:
        return (
            f"no managed host may use it, so none can show that it works at all, and {alike}: let a managed "
            f"host play a peer that may use {case.service} (a second node of its cluster may use every port)"
        )
    names = ", ".join(case.entitled[:_MAX_NAMES]) + (" ..." if len(case.entitled) > _MAX_NAMES else "")
    if not case.is_any_present:
        return (
            f"the hosts that may use it ({names}) are outside of this run (--limit, exasol_hosts), so "
            f"{alike}: include one of them in the run"
        )
    return (
        f"no host that may use it ({names}) reached it in this run, so {alike}: look at the results of these "
        f"hosts"
    )
