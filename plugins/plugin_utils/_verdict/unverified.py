# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open ports at which it is unknown who answers: one note for a run, beside the results themselves."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from ...module_utils._identify._finding import UNVERIFIABLE
from ...module_utils._plan.expected import REACHABLE
from .verdict import OK

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result


def unverified(results: Iterable[Result]) -> list[str]:
    """Return a note on flows that are ok although nobody proved who answers: no listener, no service."""
    found = [result["service"] for result in results if _is_unverified(result)]
    if not found:
        return []
    count = f"{len(found)} result{'s' if len(found) > 1 else ''}"
    where = f"open ports of {', '.join(sorted(set(found)))} ({count})"
    why = "exasol_verify_identify is false, or no harmless question to the service is known"
    return [f"It was not checked who answers on {where}: {why}."]


def _is_unverified(result: Result) -> bool:
    is_open = (result["verdict"], result["expected"], result["state"]) == (OK, REACHABLE, "open")
    has_proof = "answered_by" in result or _is_identified(result)
    return is_open and not has_proof


def _is_identified(result: Result) -> bool:
    return "identity" in result and result["identity"]["status"] != UNVERIFIABLE
