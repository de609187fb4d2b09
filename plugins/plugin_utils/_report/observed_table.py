# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whom a restriction would have refused: one table of what all hosts have counted."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping

from ...module_utils._firewall.words import BEGINS, CHANGED, COUNTED, NO_ROOM, TOO_MANY, WIDER
from .._untrusted.host_results import FIREWALL, checked
from .host_tables import bounded, hosts, of_unknown, some_hosts

if t.TYPE_CHECKING:
    from ...module_utils._shapes import FirewallObserved, ObservedFlow

_HEADINGS = ("HOST", "REMOTE", "FLOW", "SERVICE", "CONNECTIONS", "SINCE")


def observed_table(results: Mapping[str, t.Any]) -> list[str]:
    """Return the lines of the table, from what each host's module returned; none if no host counts."""
    observed: dict[str, FirewallObserved] = {}
    unknown = []
    for host, result in results.items():
        if isinstance(result, Mapping) and result.get("skipped"):
            continue  # its firewall stays as it is
        found = checked(result, FIREWALL, host)
        if found.get("failed"):
            unknown.append(host)
        elif "observed" in found:
            observed[host] = found["observed"]
    if not any(isinstance(result, Mapping) and "observed" in result for result in results.values()):
        return []
    flows = [(host, flow, one["since"]) for host, one in observed.items() for flow in one["flows"]]
    return [*bounded(_HEADINGS, flows, lambda one: _row(*one)), *_summary(observed), *of_unknown(unknown)]


def _row(host: str, flow: ObservedFlow, since: str) -> tuple[str, ...]:
    return (
        host,
        flow["remote"],
        f"{flow['protocol']} {flow['port']}",
        ", ".join(flow["services"]) or "-",
        f"{flow['connections']:,}",
        since,
    )


def _summary(observed: Mapping[str, FirewallObserved]) -> Iterator[str]:
    # A host whose counting has just begun knows nothing yet.
    counting = {host: one for host, one in observed.items() if one["status"] == COUNTED}
    if counting:
        connections = sum(one["connections"] for one in counting.values())
        since = max(one["since"] for one in counting.values())
        others = (
            f"{connections:,} new connection{'' if connections == 1 else 's'}" if connections else "nobody"
        )
        longer = " or longer" if len({one["since"] for one in counting.values()}) > 1 else ""
        yield (f"A restriction of {hosts(len(counting))} would have refused {others} since {since}{longer}.")
    for host, one in counting.items():
        if {NO_ROOM, TOO_MANY} & {*one["gaps"]}:
            yield (
                f"The list of {host} is not complete: there are more remote addresses than it can hold. "
                f"{one['unnamed']:,} connections were counted without their address."
            )
        if CHANGED in one["gaps"]:
            yield f"The list of {host} is not complete: others changed the rules that count."
        if WIDER in one["gaps"]:
            yield f"The list of {host} is not complete: more would be refused now than was counted."
    new = [host for host, one in observed.items() if one["status"] == BEGINS]
    if new:
        yield f"Counting begins on {some_hosts(new)}: run again later to read who would have been refused."
