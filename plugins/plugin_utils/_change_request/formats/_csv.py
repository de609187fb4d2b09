# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV, for the forms and scripts of a network team: the section says where the connections are blocked."""

from __future__ import annotations

from ..._text.tables import csv_table
from ..lines import Request

NAME, SUFFIX = "csv", "csv"
_HEADINGS = (
    "section",
    "sources",
    "source_networks",
    "destinations",
    "destination_networks",
    "protocol",
    "ports",
    "reason",
    "evidence",
)


def render(request: Request) -> str:
    """Return a line for each row, sets with blanks between their members."""
    rows = [
        (
            section.code,
            " ".join(row.sources),
            " ".join(row.source_networks),
            " ".join(row.destinations),
            " ".join(row.destination_networks),
            row.protocol,
            row.ports,
            row.reason,
            row.evidence,
        )
        for section in request.sections
        for row in section.rows
    ]
    return csv_table(_HEADINGS, rows)
