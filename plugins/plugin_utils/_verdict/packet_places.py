# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture shows: the verdict, what was seen on the wire and who acts, by how far packets came."""

from __future__ import annotations

from ...module_utils._probe.outcome import CLOSED, NO_RESPONSE
from . import causes, packet_stages
from .case import DESTINATION, Case
from .phrases import few_of
from .reasons import because
from .rejected import judge_rejected
from .verdict import (
    BLOCKED,
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
    Judgement,
)


def judge_stage(case: Case) -> Judgement:
    """Judge a case whose packets were captured, by how far they came."""
    if case.stage in NEVER_ARRIVED and case.reason != NO_RESPONSE:
        return _answered_by_another(case)
    if case.stage == packet_stages.DISGUISED:
        return _disguised(case)
    if case.stage == packet_stages.AT_DESTINATION and case.sender == DESTINATION:
        return judge_rejected(case)
    if case.stage == packet_stages.AT_DESTINATION and case.state == CLOSED:
        return _reset_by_destination(case)
    verdict, seen, act = PLACES[case.stage]
    words = {
        "source": case.source,
        "destination": case.destination,
        "where": case.where,
        "traffic": case.traffic,
    }
    is_between = case.stage in (packet_stages.ON_PATH, packet_stages.ON_RETURN)
    cause = causes.LOST_ON_PATH if is_between else causes.SILENCE
    cause = causes.RESET if case.state == CLOSED else cause
    return because(case, cause, verdict=verdict, sentence=f"{seen}: {act}.".format(**words))


def _answered_by_another(case: Case) -> Judgement:
    """Judge a refusal or an ICMP error in the name of the destination, which never got the packet."""
    is_refused = case.state == CLOSED and "reason_ip" not in case.observed
    seen = "is refused at" if is_refused else "is rejected at"
    how = "" if is_refused else f" ({case.reason})"
    what = "rejects with a reset" if is_refused else "rejects"
    return because(
        case,
        causes.FORGED_REFUSAL,
        verdict=BLOCKED_ON_PATH,
        sentence=(
            f"{case.source} {seen} {case.where}{how}, but not by {case.destination}, where no packet of it "
            f"arrived: a device in between {what} in its name, or the address leads to another host (a NAT "
            f"rule, a wrong DNS entry, a duplicate address); ask the network team where it leads, and to "
            f"allow {case.traffic}."
        ),
    )


def _reset_by_destination(case: Case) -> Judgement:
    return because(
        case,
        causes.RESET,
        verdict=BLOCKED_AT_DESTINATION,
        sentence=(
            f"packets from {case.source} to {case.where} arrived at {case.destination}, and {case.source} is "
            f"refused although our listener was up there: its own firewall rejects with a reset; allow "
            f"{case.traffic} on {case.destination} (role firewall)."
        ),
    )


def _disguised(case: Case) -> Judgement:
    """Judge a source of whose planned addresses nothing arrived, while an unplanned one asked for its ports.

    That may have been the source, or a client of a live service. So both are said, also of a rejection in the
    name of the destination, which a bridge can make.
    """
    strangers = few_of(case.strangers, _MAX_STRANGERS) or "an unplanned address"
    is_silent = case.reason == NO_RESPONSE
    start = "" if is_silent else f"{case.source} is rejected at {case.where} ({case.reason}), and "
    to = f"to {case.where} " if is_silent else ""
    does = "drops" if is_silent else "rejects"
    return because(
        case,
        causes.NAT_SOURCE,
        verdict=BLOCKED,
        sentence=(
            f"{start}no packet from {case.source} {to}arrived at {case.destination} from a planned "
            f"address, but {strangers} did connect there: if that was {case.source}, behind a NAT device or "
            f"on another interface, {case.destination} or a device in between {does} its packets, and rules "
            f"need that address; if not, a device in between {does} them, so allow {case.traffic} there."
        ),
        evidence=(f"capture at {case.destination}: {strangers} asked for the ports",),
    )


_MAX_STRANGERS = 3
# Nothing of the source came to the destination, so whatever answered was somebody else.
NEVER_ARRIVED = (packet_stages.ON_PATH, packet_stages.BEFORE_DESTINATION)
# By the stage that packets reached: the verdict, what was seen on the wire, and who acts.
PLACES = {
    packet_stages.AT_SOURCE: (
        BLOCKED_AT_SOURCE,
        "no packet to {where} leaves {source}",
        "allow outgoing {traffic} on {source} (role firewall)",
    ),
    packet_stages.ON_PATH: (
        BLOCKED_ON_PATH,
        "packets to {where} left {source}, but did not arrive at {destination}",
        (
            "a device in between drops them, or they went to another machine with that address; ask the "
            "network team to allow {traffic}, and whether that address is there twice"
        ),
    ),
    packet_stages.AT_DESTINATION: (
        BLOCKED_AT_DESTINATION,
        "packets from {source} to {where} arrived at {destination}, but no reply left it",
        (
            "its own firewall drops them; allow {traffic} on {destination} (role firewall). If its rules "
            "allow that already, look there for a limit for connections, and for a route back (ip rule)"
        ),
    ),
    packet_stages.ON_RETURN: (
        BLOCKED_ON_RETURN,
        "{destination} replied to {source} from {where}, but the reply did not arrive",
        (
            "a device in between drops it, or it takes another route; ask the network team to allow the "
            "replies to {traffic}"
        ),
    ),
    packet_stages.LEFT: (
        BLOCKED,
        "packets to {where} left {source}, but no reply came in",
        "the destination or a device in between drops them; allow {traffic} on {destination} and in between",
    ),
    packet_stages.BEFORE_DESTINATION: (
        BLOCKED,
        "no packet from {source} to {where} arrived at {destination}",
        (
            "{source} or a device in between drops them, or they went to another machine with that address; "
            "allow outgoing {traffic} on {source}, and allow it in between"
        ),
    ),
    packet_stages.BEHIND_DESTINATION: (
        BLOCKED,
        "{destination} replied to {source} from {where}, but the reply was lost",
        "a device in between or {source} drops it; allow the replies to {traffic}",
    ),
    packet_stages.RETURNED: (
        BLOCKED_ON_RETURN,
        "the reply of {where} arrived at {source}, whose own firewall drops it",
        "allow the replies of established connections on {source}",
    ),
}
# The stages that say where packets were lost, or that another address was used.
LOST = frozenset((*PLACES, packet_stages.DISGUISED))
