# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Notes on paths on which new connections are limited: their flows were measured slowly, and are C(ok)."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from . import causes

if t.TYPE_CHECKING:
    from ...module_utils._shapes import MeasuredPath

_MAX_NOTES = 10


def rate_notes(paths: Iterable[MeasuredPath]) -> list[str]:
    """Return a note for each path with a limit, the lowest limits first."""
    limited = [path for path in paths if path.get("rate_limit", {}).get("passes")]
    worst = sorted(limited, key=lambda path: (path["rate_limit"]["passes"], path["source"]))
    notes = [_note(path) for path in worst[:_MAX_NOTES]]
    if len(worst) > _MAX_NOTES:
        notes.append(f"{len(worst) - _MAX_NOTES} more paths limit new connections: see the report.")
    return notes


def _note(path: MeasuredPath) -> str:
    limit = path["rate_limit"]
    drops = f"at {limit['drops']:g} a second" if limit["drops"] else "all at once"
    return causes.note(
        causes.RATE_LIMITED,
        f"{path['source']} -> {path['destination']}: new connections to {path['address']} are limited: "
        f"{limit['passes']:g} a second pass, and {drops} some are dropped. A device on the way or the host "
        f"itself does that, and no rule for these ports is missing; ask for a higher limit if applications "
        f"open many connections at once, and set exasol_verify_rate: {limit['passes'] / 2:g} for "
        f"{path['source']}.",
        f"{limit['passes']:g} new connections a second passed",
    )
