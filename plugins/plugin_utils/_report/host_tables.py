# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tables of all hosts' firewalls have in common: a bound, and the hosts of which nothing is known."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from .._text.tables import columns

Flow = t.TypeVar("Flow")

_MAX_LINES = 200
_MAX_NAMED = 20


def bounded(
    headings: tuple[str, ...], flows: Sequence[Flow], row: Callable[[Flow], tuple[str, ...]]
) -> Iterator[str]:
    """Yield the lines of a table, nothing without flows."""
    if flows:
        yield from columns([headings, *map(row, flows[:_MAX_LINES])])
    if len(flows) > _MAX_LINES:
        yield f"... and {len(flows) - _MAX_LINES:,} more lines: see the result of each host"


def hosts(number: int) -> str:
    """Return a number of hosts."""
    return f"{number} host{'' if number == 1 else 's'}"


def some_hosts(names: Collection[str]) -> str:
    """Return names of hosts, of many the first ones and how many more there are."""
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return f"{', '.join(sorted(names)[:_MAX_NAMED])}{more}"


def of_unknown(names: Iterable[str]) -> Iterator[str]:
    """Yield the line on hosts whose result says nothing."""
    unknown = list(names)
    if unknown:
        yield (
            f"Nothing is known of {some_hosts(unknown)}: they failed, were unreachable, or were not asked "
            "yet."
        )
