# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Markdown, for a ticket to the network team."""

from __future__ import annotations

from ..._text.tables import escape, markdown_table
from ..lines import Request

NAME, SUFFIX = "markdown", "md"
_PLEASE = "Please allow them, and the replies to them."
_MEASURED = f"These connections were measured as blocked outside of our hosts. {_PLEASE}"
_PLANNED = f"These connections are planned; nothing was measured yet. {_PLEASE}"
_HEADINGS = ("from", "networks", "to", "networks", "protocol", "ports", "reason", "evidence")


def render(request: Request) -> str:
    """Return a table with one row for each set of equal needs."""
    parts = ["# Change request"]
    if request.rows:
        rows = [
            (
                request.label(row.sources),
                ", ".join(row.source_networks),
                request.label(row.destinations),
                ", ".join(row.destination_networks),
                row.protocol,
                row.ports.replace(",", ", "),
                row.reason,
                row.evidence,
            )
            for row in request.rows
        ]
        parts += [_MEASURED if request.measured else _PLANNED, markdown_table(_HEADINGS, rows)]
    else:
        parts.append(
            "No connection is known to be blocked outside of our hosts."
            if request.measured
            else "No connection is planned."
        )
    if request.notes:
        parts.append("\n".join(f"- {escape(note)}" for note in request.notes))
    return "\n\n".join(parts) + "\n"
