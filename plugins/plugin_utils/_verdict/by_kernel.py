# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on silence that the kernels of both ends explain.

What is certain comes first. At the destination:

1. It has no route to the source, or the next hop of that route is mute: C(no_route_back).
2. Its route to the source leaves by another interface than the one that has the address, and its reverse path
   filter dropped at least one packet for each silent port: C(reverse_path_filter).
3. The service does not accept its connections: C(accept_queue_full).
4. Its table of connections is full: C(conntrack_full).

None of this is asked if captures show that the packets never arrived there, or that the reply left. 1 and 2
are true of all ports, so they are not asked either if anything came back from the address.

At the source: its next hop is mute (C(no_arp_reply)); then nothing left it, and what the destination knows
explains nothing. Or its reverse path filter dropped packets. That may have been the replies, so without a
capture the sentence names both candidates.
"""

from __future__ import annotations

from ...module_utils._kernel.ways import NO_REPLY, NO_ROUTE, OTHER_INTERFACE
from ...module_utils._probe.outcome import CLOSED, NO_RESPONSE
from ...module_utils._values.ports import Ports
from . import causes, packet_stages
from .case import NO_KERNELS, Case, Twin, is_link_cut
from .phrases import allowing
from .reasons import because
from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
    UNTESTED,
    WRONG_HOST,
    WRONG_SERVICE,
    Judgement,
)
from .verdict import NO_ROUTE as NO_ROUTE_VERDICT

_NEVER_ARRIVED = (packet_stages.AT_SOURCE, packet_stages.ON_PATH, packet_stages.BEFORE_DESTINATION)
_REPLY_LEFT = (packet_stages.ON_RETURN, packet_stages.RETURNED, packet_stages.BEHIND_DESTINATION)
_NOT_BACK = (*_NEVER_ARRIVED, packet_stages.LEFT, packet_stages.ON_RETURN, packet_stages.AT_DESTINATION)
_MAY_BE_MISLED = ("", packet_stages.LEFT, packet_stages.BEHIND_DESTINATION, packet_stages.ON_RETURN)
# Who sees no link-layer address itself has a better explanation in these.
_EXPLAINED_OTHERWISE = {
    cause.code
    for cause in (
        causes.ACCEPT_QUEUE_FULL,
        causes.CONNTRACK_FULL,
        causes.ICMP_REJECTED,
        causes.NO_ARP_REPLY,
        causes.NO_ROUTE_BACK,
        causes.NO_WAY,
        causes.REVERSE_PATH_FILTER,
    )
}
_TRIES = 2  # of a silent port: a reply to the first SYN, and one to the repeated one


def judge_by_kernel(case: Case) -> Judgement | None:
    """Return the verdict on a silent port if the kernels explain it, else None."""
    if case.kernels == NO_KERNELS or case.ended:
        return None
    if case.has_no_neighbour and case.kernels.next_hop:
        return _mute_next_hop(case)
    is_silent = case.reason == NO_RESPONSE and (case.state == "filtered" or case.listener.was_up)
    if not is_silent:
        return None
    if _is_next_hop_mute(case):
        return _mute_next_hop(case)  # nothing left the source, so nothing at the destination explains silence
    if case.stage not in (*_NEVER_ARRIVED, *_REPLY_LEFT):
        judged = _at_destination(case)
        if judged is not None:
            return judged
    return _between(case) or _at_source(case)


def _at_destination(case: Case) -> Judgement | None:
    kernels = case.kernels
    if kernels.way_back in (NO_ROUTE, NO_REPLY) and not kernels.has_answered:
        return _no_route_back(case)
    if (
        kernels.way_back == OTHER_INTERFACE
        and not kernels.has_answered
        and kernels.filtered_there >= _count(case)
    ):
        return because(
            case,
            causes.REVERSE_PATH_FILTER,
            verdict=BLOCKED_AT_DESTINATION,
            sentence=(
                f"{case.destination} drops {case.traffic} by its reverse path filter, not by its firewall: "
                f"its route to {_origin(case)} leaves by {kernels.way_back_interface}, which does not have "
                f"{case.address}; correct that route of {case.destination}, or set rp_filter of the "
                f"interface with {case.address} to 2 (loose)."
            ),
            evidence=(
                f"IPReversePathFilter of {case.destination} grew by {kernels.filtered_there}",
                f"{case.destination} routes {_origin(case)} by {kernels.way_back_interface}",
            ),
        )
    if kernels.is_queue_full and case.protocol == "tcp":
        between = "" if case.stage == packet_stages.AT_DESTINATION else " and in between"
        return because(
            case,
            causes.ACCEPT_QUEUE_FULL,
            verdict=WRONG_SERVICE,
            sentence=(
                f"{case.source} gets no reply from {case.where}, because {case.service} does not accept its "
                f"connections and its queue is full: the process is stopped, hangs or is overloaded; whoever "
                f"runs {case.service} on {case.destination} must act. If that does not help, a filter drops "
                f"them too: {allowing(case)}{between}."
            ),
            evidence=(f"the accept queue of {case.protocol} {case.ports} on {case.destination} is full",),
        )
    if kernels.conntrack:
        return because(
            case,
            causes.CONNTRACK_FULL,
            verdict=BLOCKED_AT_DESTINATION,
            sentence=(
                f"{case.source} gets no reply from {case.where}: the table of connections of "
                f"{case.destination} is full ({kernels.conntrack}), so its kernel drops new ones; raise "
                f"net.netfilter.nf_conntrack_max there, or end what fills the table. If that does not help, "
                f"a filter drops them too: {allowing(case)}."
            ),
            evidence=(f"conntrack of {case.destination}: {kernels.conntrack}",),
        )
    return None


def _no_route_back(case: Case) -> Judgement:
    kernels = case.kernels
    if kernels.way_back == NO_ROUTE:
        why = f"{case.destination} has no route to {_origin(case)}"
        act = f"add a route to {_origin(case)} on {case.destination}"
    elif kernels.way_back_gateway:
        why = (
            f"{case.destination} answers {_origin(case)} through the gateway {kernels.way_back_gateway}, "
            f"which does not reply to ARP or NDP"
        )
        act = f"repair that gateway, or correct the route of {case.destination}"
    else:
        why = (
            f"{case.destination} takes {_origin(case)} for an address on its own link "
            f"({kernels.way_back_interface}), where nothing replies to ARP or NDP for it"
        )
        act = f"correct the prefix length or the routes of {case.destination}"
    return because(
        case,
        causes.NO_ROUTE_BACK,
        verdict=NO_ROUTE_VERDICT,
        sentence=f"{case.source} gets no reply from {case.where}, because no reply can leave: {why}; {act}.",
        evidence=(why,),
    )


def _between(case: Case) -> Judgement | None:
    """Judge a reply that left by another interface and did not arrive."""
    if case.stage != packet_stages.ON_RETURN or case.kernels.way_back != OTHER_INTERFACE:
        return None
    interface = case.kernels.way_back_interface
    return because(
        case,
        causes.ASYMMETRIC_ROUTE,
        verdict=BLOCKED_ON_RETURN,
        sentence=(
            f"{case.destination} replied to {case.source} from {case.where} by {interface}, which does not "
            f"have {case.address}, and the reply did not arrive: a device on that way drops replies to "
            f"connections that it did not see begin, or permits nothing; correct the route of "
            f"{case.destination} to {_origin(case)}, or ask the network team to permit that way."
        ),
        evidence=(f"{case.destination} routes {_origin(case)} by {interface}",),
    )


def _is_next_hop_mute(case: Case) -> bool:
    kernels = case.kernels
    return bool(kernels.next_hop) and not kernels.has_answered and case.stage in ("", packet_stages.AT_SOURCE)


def _mute_next_hop(case: Case) -> Judgement:
    next_hop = case.kernels.next_hop
    evidence = [f"{case.source} has no link-layer address of {next_hop}"]
    if case.kernels.is_next_hop_by_rule:
        sentence = (
            f"{case.source} gets no ARP or NDP reply from {next_hop}, to which a rule of its policy routing "
            f"leads {case.where} alone, not the whole address: correct that rule or its route on "
            f"{case.source} (ip rule; ip route show table all)."
        )
    elif next_hop != case.address:
        sentence = (
            f"{case.source} gets no ARP or NDP reply from {next_hop}, its next hop to {case.where}: that "
            f"host is down, or an address, a prefix length or a route of {case.source} is wrong."
        )
    elif is_link_cut(case):
        evidence.append(f"{case.destination} has no link-layer address of {_origin(case)} either")
        sentence = (
            f"{case.source} gets no ARP or NDP reply for {case.address}, and {case.destination} gets none "
            f"for {_origin(case)} either: the link between them is cut (a cable, a port of a switch, a "
            f"VLAN), or an address or a prefix length of one of them is wrong. Who also loses other hosts on "
            f"that link is the first to look at."
        )
    else:
        sentence = (
            f"{case.source} gets no ARP or NDP reply for {case.address}: the host is down, or its address or "
            f"network is wrong, or {case.source} lacks a route to it through a router."
        )
    return because(
        case,
        causes.NO_ARP_REPLY,
        verdict=NO_ROUTE_VERDICT,
        sentence=sentence,
        evidence=tuple(evidence),
    )


def _at_source(case: Case) -> Judgement | None:
    kernels = case.kernels
    if kernels.filtered_here < _TRIES * _count(case) or kernels.has_answered or case.stage in _NOT_BACK:
        return None
    evidence = (f"IPReversePathFilter of {case.source} grew by {kernels.filtered_here}",)
    if case.stage == packet_stages.RETURNED:
        return because(
            case,
            causes.REVERSE_PATH_FILTER,
            verdict=BLOCKED_ON_RETURN,
            sentence=(
                f"the reply of {case.where} arrived at {case.source}, whose reverse path filter drops it: it "
                f"came in on another interface than the one by which {case.source} reaches {case.address}; "
                f"correct the route of {case.source}, or set rp_filter of that interface to 2 (loose)."
            ),
            evidence=evidence,
        )
    return because(
        case,
        causes.REVERSE_PATH_FILTER,
        verdict=BLOCKED,
        sentence=(
            f"{case.source} gets no reply from {case.where} ({case.reason}), and its own reverse path filter "
            f"dropped {kernels.filtered_here} packets meanwhile: probably the replies, which then come in on "
            f"another interface than the one by which {case.source} reaches {case.address}; or else a filter "
            f"on the path or at either end drops it: {allowing(case)} and in between. "
            f"Measure with exasol_verify_capture to decide."
        ),
        evidence=evidence,
    )


def judge_duplicate(case: Case, judged: Judgement) -> Judgement:
    """Judge what went wrong where a foreign link-layer address answers for the address of the destination.

    It is that of another machine, or of a device that answers for the destination (proxy ARP). Only if it
    belongs to another host of the plan, it is the former for certain.
    """
    kernels = case.kernels
    if judged.verdict == UNTESTED or case.stage in (*_REPLY_LEFT, packet_stages.AT_DESTINATION):
        return judged
    if kernels.link_seen_by and judged.cause in _EXPLAINED_OTHERWISE:
        return judged  # what others see on that link may not be what this packet met
    owner = f"an address of {kernels.link_owner}" if kernels.link_owner else f"none of {case.destination}"
    where = f", as {kernels.link_seen_by} sees it" if kernels.link_seen_by else ""
    seen = (
        f"the link-layer address {kernels.foreign_link} answers for {case.address}{where}, which is {owner}"
    )
    if case.reason == NO_RESPONSE:
        verdict, what = BLOCKED, "gets no reply from"
    else:
        what = "is refused at" if case.state == CLOSED else "connects to"
        verdict = judged.verdict if judged.verdict in (BLOCKED, WRONG_HOST) else UNTESTED
        verdict = WRONG_HOST if kernels.link_owner else verdict
    return because(
        case,
        causes.DUPLICATE_ADDRESS,
        verdict=verdict,
        sentence=(
            f"{case.source} {what} {case.where}, but {seen}: another machine has the address of "
            f"{case.destination} too; look for it by that link-layer address. Or a device in between answers "
            f"for {case.destination} (proxy ARP): then {case.service} on {case.destination} and the filters "
            f"up to there are next."
        ),
        evidence=(seen,),
    )


def judge_source_twin(case: Case, twin: Twin) -> Judgement | None:
    """Judge silence where a foreign link-layer address answers for the address of the source.

    Replies go there. A capture that saw them come back, or that saw nothing to reply to, rules that out.
    """
    if case.reason != NO_RESPONSE or case.stage not in _MAY_BE_MISLED or case.kernels.has_answered:
        return None
    owner = f"an address of {twin.owner}" if twin.owner else f"none of {case.source}"
    seen = f"the link-layer address {twin.link} answers for {twin.address}, as {twin.seen_by} sees it"
    return because(
        case,
        causes.DUPLICATE_ADDRESS,
        verdict=BLOCKED_ON_RETURN if case.stage == packet_stages.ON_RETURN else BLOCKED,
        sentence=(
            f"{case.source} gets no reply from {case.where}, but {seen}, which is {owner}: another machine "
            f"has the address of {case.source} too and gets the replies; look for it by that link-layer "
            f"address. Or a device in between answers for {case.source} (proxy ARP): then a filter on the "
            f"path or at either end drops it; {allowing(case)} and in between."
        ),
        evidence=(seen,),
    )


def _origin(case: Case) -> str:
    is_ipv6 = ":" in case.address
    alike = [address for address in case.source_addresses if (":" in address) == is_ipv6]
    return ", ".join(alike) or case.source


def _count(case: Case) -> int:
    return max(1, len(Ports.parse(case.ports)))
