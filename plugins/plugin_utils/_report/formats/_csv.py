# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV: one line for each result and each row that is not covered, for spreadsheets and databases."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..._text.tables import csv_table

NAME, SUFFIX = "csv", "csv"
_FIELDS = (
    "source",
    "destination",
    "address",
    "service",
    "protocol",
    "ports",
    "expected",
    "verdict",
    "state",
    "reason",
    "reason_ip",
)
_TIMES = ("min", "median", "max")


def render(verification: Mapping[str, t.Any]) -> str:
    """Return a line for each flow, or each part of its ports that differs, and each row that is not covered."""
    rows = [
        [
            verification["created"],
            *(result.get(field, "") for field in _FIELDS),
            *(result.get("rtt_ms", {}).get(which, "") for which in _TIMES),
            result["sentence"],
        ]
        for result in verification["results"]
    ]
    rows += [
        [
            verification["created"],
            *(
                {**entry, "verdict": "not_covered", "state": "", "reason": entry["cause"]}.get(field, "")
                for field in _FIELDS
            ),
            *("" for _which in _TIMES),
            f"{entry['service']} is not covered: {entry['reason']}.",
        ]
        for entry in verification.get("not_covered", ())
    ]
    return csv_table(("created", *_FIELDS, *(f"rtt_ms_{which}" for which in _TIMES), "sentence"), rows)
