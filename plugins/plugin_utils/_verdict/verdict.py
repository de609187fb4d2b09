# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verdicts: their codes, their order and their severity. What leads to them is in C(judge.py)."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

OK, NO_LISTENER, WRONG_HOST, WRONG_SERVICE = "ok", "no_listener", "wrong_host", "wrong_service"
STALLED = "stalled"  # connections open, but full-size segments do not pass
DEGRADED = "degraded"  # a limit of the site is exceeded, or some connections always fail
BLOCKED_AT_SOURCE, BLOCKED_ON_PATH = "blocked_at_source", "blocked_on_path"
BLOCKED_AT_DESTINATION, BLOCKED_ON_RETURN = "blocked_at_destination", "blocked_on_return"
BLOCKED = "blocked"  # the place is unknown
NO_ROUTE, UNRESOLVED, EXPOSED, UNTESTED = "no_route", "unresolved", "exposed", "untested"

# The order in which counts and tables show the verdicts.
VERDICTS = (
    OK,
    NO_LISTENER,
    WRONG_HOST,
    WRONG_SERVICE,
    STALLED,
    DEGRADED,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
    BLOCKED,
    NO_ROUTE,
    UNRESOLVED,
    EXPOSED,
    UNTESTED,
)
# Which verdict stands for several, such as those of a flow whose ports differ: the most severe one. That is
# not the order of display: what was not measured is milder than any fault, and must never hide one.
_BY_SEVERITY = (
    OK,
    UNTESTED,
    DEGRADED,
    NO_LISTENER,
    WRONG_SERVICE,
    WRONG_HOST,
    STALLED,
    UNRESOLVED,
    NO_ROUTE,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
    BLOCKED,
    EXPOSED,
)
SEVERITY: Mapping[str, int] = {verdict: rank for rank, verdict in enumerate(_BY_SEVERITY)}


class Judgement(t.NamedTuple):
    """What is said of a flow; only C(ok) has no cause."""

    verdict: str
    sentence: str  # what was seen and who acts
    cause: str = ""  # the code of an entry of causes.py
    evidence: tuple[str, ...] = ()  # what was seen, one fact each
    next_command: str = ""
    actor: tuple[str, ...] = ()  # who must act, as codes of actors.py


def worst(verdicts: Iterable[str]) -> str:
    """Return the most severe of some verdicts."""
    return max(verdicts, key=SEVERITY.__getitem__)
