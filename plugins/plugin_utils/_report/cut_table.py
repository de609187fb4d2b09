# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would lose what: one table of the live connections that changes of firewalls would refuse."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._firewall.cut import CONTINUE, END
from .._text.tables import columns
from .._untrusted.host_results import FIREWALL, checked

if t.TYPE_CHECKING:
    from ...module_utils._shapes import CutFlow

_HEADINGS = ("HOST", "REMOTE", "FLOW", "SERVICE", "CONNECTIONS", "OPEN ONES")
_OPEN = {CONTINUE: "continue", END: "are cut"}
_MAX_LINES = 200
_MAX_NAMED = 20


def cut_table(results: Mapping[str, t.Any]) -> list[str]:
    """Return the lines of the table, from what each host's module returned."""
    flows: list[tuple[str, CutFlow]] = []
    unknown, connections = [], 0
    for host, result in results.items():
        found = _cut_of(host, result)
        if found is None:
            unknown.append(host)
            continue
        flows += [(host, flow) for flow in found.get("flows", ())]
        connections += found.get("connections", 0)
    lines = list(_table(flows)) if flows else []
    return [*lines, *_summary(len(results) - len(unknown), connections), *_of_unknown(unknown)]


def _cut_of(host: str, result: t.Any) -> Mapping[str, t.Any] | None:
    """Return what a host says of its connections, nothing if it says nothing that can be believed."""
    if isinstance(result, Mapping) and result.get("skipped"):
        return {}  # its firewall stays as it is
    found = checked(result, FIREWALL, host)
    return None if found.get("failed") else found.get("cut", {})


def _table(flows: Sequence[tuple[str, CutFlow]]) -> Iterator[str]:
    rows = [_HEADINGS, *(_row(host, flow) for host, flow in flows[:_MAX_LINES])]
    yield from columns(rows)
    if len(flows) > _MAX_LINES:
        yield f"... and {len(flows) - _MAX_LINES:,} more lines: see the result of each host"


def _row(host: str, flow: CutFlow) -> tuple[str, ...]:
    perhaps = "" if flow["certain"] else " (perhaps)"
    return (
        host,
        flow["remote"],
        f"{flow['direction']} {flow['protocol']} {flow['port']}",
        ", ".join(flow["services"]) or "-",
        f"{flow['connections']:,}{perhaps}",
        _OPEN.get(flow["open_connections"], "may be cut"),
    )


def _summary(hosts: int, connections: int) -> Iterator[str]:
    of_hosts = f"{hosts} host{'' if hosts == 1 else 's'}"
    if not hosts:
        return
    if connections:
        yield f"The changes of {of_hosts} would refuse {connections:,} live connections."
    else:
        yield f"The changes of {of_hosts} would refuse no live connection."


def _of_unknown(hosts: Iterable[str]) -> Iterator[str]:
    names = sorted(hosts)
    if names:
        more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
        yield (
            f"Nothing is known of {', '.join(names[:_MAX_NAMED])}{more}: they failed, were unreachable, or "
            "were not asked yet."
        )
