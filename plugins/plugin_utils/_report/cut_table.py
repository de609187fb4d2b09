# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who would lose what: one table of the live connections that changes of firewalls would refuse."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ...module_utils._firewall.words import CONTINUE, END
from .._untrusted.host_results import FIREWALL, checked
from .host_tables import bounded, hosts, of_unknown

if t.TYPE_CHECKING:
    from ...module_utils._shapes import CutFlow

_HEADINGS = ("HOST", "REMOTE", "FLOW", "SERVICE", "CONNECTIONS", "OPEN ONES")
_OPEN = {CONTINUE: "continue", END: "are cut"}


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
    return [
        *bounded(_HEADINGS, flows, lambda one: _row(*one)),
        *_summary(len(results) - len(unknown), connections),
        *of_unknown(unknown),
    ]


def _cut_of(host: str, result: t.Any) -> Mapping[str, t.Any] | None:
    """Return what a host says of its connections, nothing if it says nothing that can be believed."""
    if isinstance(result, Mapping) and result.get("skipped"):
        return {}  # its firewall stays as it is
    found = checked(result, FIREWALL, host)
    return None if found.get("failed") else found.get("cut", {})


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


def _summary(number: int, connections: int) -> Iterator[str]:
    of_hosts = hosts(number)
    if not number:
        return
    if connections:
        yield f"The changes of {of_hosts} would refuse {connections:,} live connections."
    else:
        yield f"The changes of {of_hosts} would refuse no live connection."
