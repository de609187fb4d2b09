# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a port that answered after the source had stopped waiting: the path is slow, and not filtered.

Little is known of such a port: whether full-size segments pass, who answers, all of that would take longer
than the run waits for. So it is C(untested), with the time to wait.
"""

from __future__ import annotations

import math

from . import causes
from .case import Case
from .reasons import because
from .verdict import UNTESTED, Judgement

_ENOUGH = 2  # times the longest round trip that was seen


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
    enough = math.ceil(_ENOUGH * seconds)
    return because(
        case,
        causes.LATE_ANSWERS,
        verdict=UNTESTED,
        sentence=(
            f"{case.where} answers {case.source}, but only after {seconds:.1f} s, when {case.source} had "
            f"stopped waiting: packets pass in both directions, and the path is slow. It is unknown whether "
            f"{case.service} works there. Set exasol_verify_timeout: {enough} for {case.source}, and measure "
            f"again; {look}."
        ),
        evidence=(f"the answer to the first packet took {seconds:.1f} s",),
    )
