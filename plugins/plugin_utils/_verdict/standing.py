# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is known of ports at the destination's own end, and which of it counts for what a source saw."""

from __future__ import annotations

import typing as t

from ...module_utils._listener.occupants import LISTENER
from .case import (
    ASIDE,
    BUSY,
    DENIED,
    ELSEWHERE,
    ENDED,
    FAILED,
    NOBODY,
    OUTSIDE,
    SIBLING,
    STRANGE,
    UNSEEN,
    Listener,
)

# Why our listener did not answer (Listener.why).
_WHY = {
    FAILED: "the listener of {host} did not start: {problem}",
    DENIED: "{host} does not permit it without root (set become)",
    OUTSIDE: "{host} is outside of this run, so no listener was started there",
    ENDED: (
        "the listener of {host} ended too early: it was killed, the host was restarted, or its time "
        "(exasol_verify_listeners_ttl) was over"
    ),
    ASIDE: "the listener of {host} closed its ports too early: for too long, no probe of this run came",
    BUSY: (
        "the listener of {host} answered nothing for {problem} s, because {host} is too busy or the process "
        "was stopped"
    ),
    UNSEEN: (
        "it is unknown whether the listener of {host} was still there at the end of the run, because {host} "
        "could not be asked: {problem}"
    ),
    STRANGE: "exasol_address or its name led to {address}, which is none of the addresses of {host}",
}
# These are true of a whole host, and explain why nothing was heard after a connection was accepted.
_HALF_HEARD = (ENDED, ASIDE, UNSEEN, BUSY)
UNDECIDED = ("closed", "open|filtered")  # where nobody listens, these prove nothing of the network


class Standing(t.NamedTuple):
    """What is known of ports at the destination's own end; the fields are those of C(Case)."""

    listener: Listener = Listener()
    holder: str = NOBODY
    held_at: tuple[str, ...] = ()
    ended: bool = False


def missing(kind: str, host: str, problem: str = "", address: str = "") -> Listener:
    """Return that our listener did not answer, with the reason for a sentence."""
    return Listener(kind, _WHY[kind].format(host=host, problem=problem.rstrip("."), address=address))


def counting(standing: Standing, state: str) -> Standing:
    """Return what of a standing counts for a state: flows are split for nothing else."""
    if state == "closed":
        return standing
    if state == "open":
        listener = standing.listener if standing.listener.kind in _HALF_HEARD else Listener()
        is_known = standing.holder in (LISTENER, SIBLING, ELSEWHERE)
        holder, held_at = (standing.holder, standing.held_at) if is_known else (NOBODY, ())
        return Standing(listener=listener, holder=holder, held_at=held_at)
    if state in UNDECIDED or standing.ended:
        return Standing(listener=standing.listener, ended=standing.ended)
    return Standing()
