# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a port that answered after the source had stopped waiting: the path is slow, and not filtered.

Little is known of such a port: whether full-size segments pass, who answers, all of that would take longer
than the run waits for. So it is C(untested), with the time to wait.

A connection of TCP is answered by the kernel of the destination, a datagram by the service itself. So a late
answer to a datagram may come from a slow service over a quick path.
"""

from __future__ import annotations

import math

from . import causes
from .case import BUSY, Case
from .causes import OWNER
from .reasons import because
from .verdict import UNTESTED, Judgement

_ENOUGH = 2  # times the longest round trip that was seen
_LONGEST = 300  # seconds that a probe may wait


def judge_late(case: Case) -> Judgement:
    """Judge a port whose answer came late, or one of which others at the same address answered late."""
    look = "whoever runs the network in between must look for the delay, which applications have, too"
    trips = case.observed.get("rtt_ms")
    if trips is None:
        return because(
            case,
            causes.LATE_ANSWERS,
            verdict=UNTESTED,
            sentence=(
                f"{case.source} gets no reply from {case.where} in time, which does not prove a filter: "
                f"other ports of {case.address} answered after the timeout. Set a longer "
                f"exasol_verify_timeout for {case.source}, and measure again; {look}."
            ),
        )
    seconds = trips["max"] / 1000.0
    evidence = f"the answer to the first packet took {seconds:.1f} s"
    answers = (
        f"{case.where} answers {case.source}, but only after {seconds:.1f} s, when {case.source} had stopped "
        f"waiting"
    )
    if case.protocol == "udp" and case.listener.kind == BUSY:
        return because(
            case,
            causes.NO_OWN_LISTENER,
            verdict=UNTESTED,
            sentence=f"{answers}, which does not show a slow path: {case.listener.why}; measure again.",
            evidence=(evidence,),
        )
    wait = min(_LONGEST, math.ceil(_ENOUGH * seconds))
    is_by_service = case.protocol == "udp" and not case.observed.get("answered_by")
    slow, who = "the path is slow", ""
    if is_by_service:
        slow, who = f"the path or {case.service} itself is slow", f"whoever runs {case.service} there, and "
    judged = because(
        case,
        causes.LATE_ANSWERS,
        verdict=UNTESTED,
        sentence=(
            f"{answers}: packets pass in both directions, and {slow}. It is unknown whether {case.service} "
            f"works there. Set exasol_verify_timeout: {wait} for {case.source}, and "
            f"measure again; {who}{look}."
        ),
        evidence=(evidence,),
    )
    return judged._replace(actor=(*judged.actor, OWNER)) if is_by_service else judged
