# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a capture shows: the verdict, what was seen on the wire and who acts, by how far packets came."""

from __future__ import annotations

from . import causes, packet_stages
from .case import Case
from .reasons import because
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
    verdict, seen, act = PLACES[case.stage]
    words = {
        "source": case.source,
        "destination": case.destination,
        "where": case.where,
        "traffic": case.traffic,
    }
    is_between = case.stage in (packet_stages.ON_PATH, packet_stages.ON_RETURN)
    cause = causes.LOST_ON_PATH if is_between else causes.SILENCE
    cause = causes.RESET if case.state == "closed" else cause
    return because(case, cause, verdict=verdict, sentence=f"{seen}: {act}.".format(**words))


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
        "a device in between drops them; ask the network team to allow {traffic}",
    ),
    packet_stages.AT_DESTINATION: (
        BLOCKED_AT_DESTINATION,
        "packets from {source} to {where} arrived at {destination}, but no reply left it",
        (
            "its own firewall drops them; allow {traffic} on {destination} (role firewall), unless only a "
            "route back is missing"
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
            "{source} or a device in between drops them; allow outgoing {traffic} on {source}, and allow it "
            "in between"
        ),
    ),
    packet_stages.DISGUISED: (
        BLOCKED,
        (
            "no packet from {source} to {where} arrived at {destination} from a planned address, but an "
            "unplanned address did connect there"
        ),
        (
            "if that was {source}, behind a NAT device or on another interface, {destination} or a device in "
            "between drops its packets, and rules need that address; if not, a device in between drops them, "
            "so allow {traffic} there"
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
