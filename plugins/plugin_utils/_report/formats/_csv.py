# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV: one line for each result and each row that is not covered, for spreadsheets and databases."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..._text.tables import csv_table

if t.TYPE_CHECKING:
    from ....module_utils._shapes import NotCovered, Result, Verification

NAME, SUFFIX = "csv", "csv"
_FLOW = ("source", "destination", "address", "service", "protocol", "ports", "expected")
_SEEN = ("verdict", "state", "reason", "reason_ip")
_TIMES = ("min", "median", "max")
_HEADINGS = ("created", *_FLOW, *_SEEN, *(f"rtt_ms_{which}" for which in _TIMES), "sentence")


def render(verification: Verification) -> str:
    """Return a line for each flow or differing part of its ports, and for each row that is not covered."""
    created = verification["created"]
    rows = [_measured(created, result) for result in verification["results"]]
    rows += [_uncovered(created, entry) for entry in verification.get("not_covered", ())]
    return csv_table(_HEADINGS, ([row.get(heading, "") for heading in _HEADINGS] for row in rows))


def _measured(created: str, result: Result) -> Mapping[str, object]:
    times = result["rtt_ms"].items() if "rtt_ms" in result else ()
    return {"created": created, **result, **{f"rtt_ms_{which}": value for which, value in times}}


def _uncovered(created: str, entry: NotCovered) -> Mapping[str, object]:
    return {
        "created": created,
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "verdict": "not_covered",
        "reason": entry["cause"],
        "sentence": f"{entry['service']} is not covered: {entry['reason']}.",
    }
