# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changed between two reports, as text for terminals, tickets and programs."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ...module_utils._values.errors import NetworkError
from .._text.tables import escape, markdown_table
from .comparison import KINDS, Changes, changes, groups, to_text
from .formats._json import dumped
from .summary import Order, Peers, host_order

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Verification


def to_markdown(found: Changes, peers: Peers, order: Order) -> str:
    """Return the changes as Markdown."""
    parts = ["# Changes", f"From {escape(str(found.before))} to {escape(str(found.after))}."]
    headings = ("from", "to", "service", "before", "after", "flows", "sentence")
    for kind, flows in found.flows.items():
        if not flows:
            continue
        rows = [
            (
                group.sources,
                group.destinations,
                group.what,
                group.before,
                group.after,
                str(group.flows),
                group.said,
            )
            for group in groups(flows, peers, order)
        ]
        parts += [f"## {KINDS[kind]}", markdown_table(headings, rows)]
    if not any(found.flows.values()):
        parts.append("Nothing changed.")
    return "\n\n".join(parts) + "\n"


def to_json(found: Changes, _peers: Peers, _order: Order) -> str:
    """Return the changes as JSON with sorted keys."""
    return dumped(found.as_dict())


FORMATS: dict[str, Callable[[Changes, Peers, Order], str]] = {
    "text": to_text,
    "json": to_json,
    "markdown": to_markdown,
}
DATA = "data"


def render_changes(after: Verification, before: Verification, name: str) -> str:
    """Return the changes in one of the C(FORMATS)."""
    if name not in FORMATS:
        raise NetworkError(
            f"format {name!r} of changes is not known: expected one of {', '.join((DATA, *FORMATS))}"
        )
    # Hosts that only the older report names come last.
    names = dict.fromkeys((*_in_order(after), *_in_order(before)))
    order = {host: place for place, host in enumerate(names)}
    return FORMATS[name](changes(after, before), {**before["peers"], **after["peers"]}, order)


def _in_order(verification: Verification) -> list[str]:
    order = host_order(verification)
    return sorted(order, key=order.__getitem__)
