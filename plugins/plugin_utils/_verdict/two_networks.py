# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which of a host's addresses count: those of the private network, or the external ones, NAT in front."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._values.addresses import parse_address
from .task_results import planned_addresses_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, ProbeFlow, TaskResult


def all_addresses(host: HostPlan) -> list[str]:
    """Return the addresses of a host in both networks."""
    external = host.get("external", ())
    return [*host["addresses"], *external] if external else host["addresses"]


def addresses_of_source(host: HostPlan, result: TaskResult) -> Iterator[str]:
    """Yield the addresses from which errors are the source's own: a NAT device may have the external ones."""
    yield from host["addresses"]
    if host.get("external"):
        own = set(planned_addresses_of(result))
        yield from (address for address in host["external"] if address in own)


def addresses_of_two_networks(
    probes: Iterable[ProbeFlow], external: Mapping[str, frozenset[str]]
) -> dict[str, set[str]]:
    """Return the addresses of destinations of which a source was asked for both networks."""
    found: dict[str, set[str]] = {}
    if not external:
        return found
    kinds: dict[str, set[tuple[str, ...]]] = {}
    for entry in probes:
        for destination, addresses in entry["destinations"].items():
            if destination in external:
                kinds.setdefault(destination, set()).add(tuple(addresses))
    for destination, several in kinds.items():
        if len(several) > 1:
            found[destination] = {address for addresses in several for address in addresses}
    return found


def is_asked(address: str, planned: list[str], known: set[str]) -> bool:
    """Tell whether a flow was to use an address, or has a name that leads there."""
    if address in planned:
        return True
    return address not in known and not all(parse_address(one) for one in planned)
