# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the page shows a verdict: a sign, and a class of its style; both tell verdicts apart."""

from __future__ import annotations

import typing as t

from ..._verdict.verdict import SEVERITY, VERDICTS

# The signs tell the verdicts apart without their colours too.
_SIGNS = {
    "ok": "✓",
    "no_listener": "○",
    "wrong_host": "≠",
    "wrong_service": "≠",
    "stalled": "◐",
    "degraded": "≈",
    "no_route": "↯",
    "unresolved": "?",
    "exposed": "!",
    "untested": "–",
}
_BLOCKED = "✗"
_KINDS = {
    "ok": "ok",
    "no_listener": "listener",
    "wrong_host": "wrong",
    "wrong_service": "wrong",
    "stalled": "stalled",
    "degraded": "degraded",
    "no_route": "route",
    "unresolved": "route",
    "exposed": "exposed",
    "untested": "untested",
}


class Look(t.NamedTuple):
    """A verdict as the page shows it."""

    word: str
    sign: str
    kind: str  # the class of its style


def look(verdict: str) -> Look:
    """Return how a verdict looks."""
    return Look(word=verdict, sign=_SIGNS.get(verdict, _BLOCKED), kind=_KINDS.get(verdict, "blocked"))


# The script takes the number of a verdict for its severity.
BY_SEVERITY = sorted(VERDICTS, key=SEVERITY.__getitem__)
NUMBERS = {verdict: number for number, verdict in enumerate(BY_SEVERITY)}
