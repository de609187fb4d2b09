# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change request seen from the hosts: those that need the same rules are one group."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from .._access.rows import Row
from .lines import Request


class HostGroup(t.NamedTuple):
    """Managed hosts with equal rules."""

    hosts: tuple[str, ...]
    incoming: tuple[Row, ...]
    outgoing: tuple[Row, ...]


def host_groups(request: Request) -> Iterator[HostGroup]:
    """Return the groups of managed hosts that have any rule."""
    groups: dict[tuple[tuple[int, ...], tuple[int, ...]], list[str]] = {}
    rows = [(index, row) for index, row in enumerate(request.rows) if row.has_addresses()]
    for host in request.managed:
        incoming = tuple(index for index, row in rows if host in row.destinations)
        outgoing = tuple(index for index, row in rows if host in row.sources)
        if incoming or outgoing:
            groups.setdefault((incoming, outgoing), []).append(host)
    for (incoming, outgoing), hosts in groups.items():
        yield HostGroup(
            hosts=tuple(hosts),
            incoming=tuple(request.rows[index] for index in incoming),
            outgoing=tuple(request.rows[index] for index in outgoing),
        )
