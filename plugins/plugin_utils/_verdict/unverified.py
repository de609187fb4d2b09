# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Open ports of which nobody knows who answers there: said once for a run, beside the flows themselves."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .verdict import OK


def unverified(results: Iterable[Mapping[str, t.Any]]) -> list[str]:
    """Return a note on the flows that are ok although neither our listener nor the service itself proved who answers."""
    found = [result["service"] for result in results if _is_unverified(result)]
    if not found:
        return []
    count = f"{len(found)} result{'s' if len(found) > 1 else ''}"
    where = f"open ports of {', '.join(sorted(set(found)))} ({count})"
    return [
        (
            f"It was not checked who answers on {where}: exasol_verify_identify is false, or no harmless "
            f"question to the service is known."
        )
    ]


def _is_unverified(result: Mapping[str, t.Any]) -> bool:
    is_open = (result["verdict"], result["expected"], result["state"]) == (OK, "reachable", "open")
    return (
        is_open
        and "answered_by" not in result
        and result.get("identity", {}).get("status") in (None, "silent", "unverifiable")
    )
