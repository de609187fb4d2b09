# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Markdown, for a ticket: what the network team, those who search, and our own administrators must do."""

from __future__ import annotations

from collections.abc import Sequence

from ..._access.rows import Row
from ..._text.sets import address_ranges, some_names
from ..._text.tables import escape, markdown_table
from ..lines import OUTSIDE, OWN, PLANNED_ROWS, UNLOCATED, Request, Section

NAME, SUFFIX = "markdown", "md"
_HEADINGS = ("from", "to", "ports", "why")
_MAX_NAMES = 40
# The heading of each section, what it asks for, and what is said if there is nothing to ask for.
_SECTIONS = {
    OUTSIDE: (
        "Blocked outside of our hosts",
        (
            "These connections were measured as blocked between our hosts, or at a partner. Please permit "
            "them, and the replies to them."
        ),
        "No connection was found to be blocked outside of our hosts.",
    ),
    UNLOCATED: (
        "Place not found: please check",
        (
            "These connections are blocked, but it is not known where: at our own hosts, or in between. "
            "Please check whether your firewalls permit them; nothing shows that they do not."
        ),
        "No connection is blocked at a place that was not found.",
    ),
    OWN: (
        "Our own hosts",
        (
            "The hosts' own firewalls block these connections. The administrators of the hosts must permit "
            "them (role firewall); the network team has nothing to do."
        ),
        "No connection was found to be blocked by the hosts themselves.",
    ),
    PLANNED_ROWS: (
        "Planned connections",
        (
            "These connections are planned; nothing was measured yet. Please permit them, and the replies to "
            "them."
        ),
        "No connection is planned.",
    ),
}


def render(request: Request) -> str:
    """Return a table for each section, with one row for each set of equal needs."""
    parts = ["# Change request"]
    facts = request.head.facts()
    if facts:
        parts.append("\n".join(f"- {name}: {escape(value)}" for name, value in facts))
    for section in request.sections:
        parts += _section(section)
    if request.notes:
        parts += ["## Notes", "\n".join(f"- {escape(note)}" for note in request.notes)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> list[str]:
    heading, asks, nothing = _SECTIONS[section.code]
    if not section.rows:
        return [f"## {heading}", nothing]
    evidence = dict.fromkeys(row.evidence for row in section.rows if section.code != PLANNED_ROWS)
    measured = [f"Measured {escape(one)}." for one in evidence]
    return [
        f"## {heading}",
        asks,
        *measured,
        markdown_table(_HEADINGS, [_row(row) for row in section.rows]),
    ]


def _row(row: Row) -> tuple[str, ...]:
    return (
        _end(row.sources, row.source_networks),
        _end(row.destinations, row.destination_networks),
        "any" if row.protocol == "any" else f"{row.protocol} {row.ports.replace(',', ', ')}",
        row.reason,
    )


def _end(names: Sequence[str], networks: Sequence[str]) -> str:
    """Return the hosts of one end, and their addresses unless these are their names."""
    if set(names) == set(networks):
        return ", ".join(address_ranges(networks))
    return f"{some_names(names, _MAX_NAMES)} ({', '.join(address_ranges(networks))})"
