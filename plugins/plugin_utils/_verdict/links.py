# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the nodes of a cluster share one link, as the first hops between them show. Notes, never failures.

Exasol's documentation wants the private network between the nodes of a cluster to be one layer 2 segment. A
route that has a gateway shows that two nodes are not on the same link. If nodes on one link see different
link-layer addresses for the same address, several devices reply for it.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ...module_utils._plan.address_rules import SOURCE
from ...module_utils._plan.flows import NODE
from . import causes
from .phrases import some_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Path

_MAX_SHOWN = 3
_MAX_NOTES = 10
_Place = tuple[str, str]  # a node and its address


class _Gateway(t.NamedTuple):
    """The first path of a cluster that has a gateway."""

    source: str
    destination: str
    address: str
    gateway: str


class _Seen:
    """What the first hops between the nodes of one cluster showed."""

    def __init__(self) -> None:
        self.first: _Gateway | None = None
        self.routed = 0  # paths with a gateway
        self.links: dict[_Place, dict[str, list[str]]] = {}  # link-layer address -> who sees it

    def add(self, source: str, place: _Place, path: Path) -> None:
        """Keep the first hop of a path."""
        gateway, link = path.get("gateway"), path.get("link_address")
        if gateway:
            self.routed += 1
            self.first = self.first or _Gateway(source, *place, gateway=gateway)
        elif link:
            self.links.setdefault(place, {}).setdefault(link, []).append(source)


def link_notes(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> list[str]:
    """Return what the first hops between nodes of a cluster show."""
    clusters = {name: host.get("cluster", "") for name, host in hosts.items() if NODE in host["peers"]}
    by_cluster: dict[str, _Seen] = {}
    for source in sorted(observed.keys() & clusters.keys()):
        cluster = clusters[source]
        seen = by_cluster.setdefault(cluster, _Seen())
        result = observed[source] or {}
        for path in result.get("paths", ()):
            place = (path["destination"], path["address"])
            if clusters.get(place[0]) == cluster and not _is_external(hosts, place):
                seen.add(source, place, path)
    notes: list[str] = []
    for cluster, seen in sorted(by_cluster.items()):
        notes += _routed(cluster, seen)
        notes += _claimed(seen)
    return notes


def _is_external(hosts: Mapping[str, HostPlan], place: _Place) -> bool:
    return place[1] in hosts[place[0]].get("external", ())


def _routed(cluster: str, seen: _Seen) -> list[str]:
    first = seen.first
    if first is None:
        return []
    between = f"of cluster {cluster!r}" if cluster else "of the cluster"
    others = {1: "", 2: f" So does one more path between nodes {between}."}
    more = others.get(seen.routed, f" So do {seen.routed - 1} more paths between nodes {between}.")
    return [
        causes.note(
            causes.GATEWAY_IN_CLUSTER,
            f"{first.source} reaches {first.destination} ({first.address}) through the gateway "
            f"{first.gateway}: Exasol expects the nodes' private network to be one layer 2 segment "
            f"({SOURCE}).{more} Nothing fails because of it here; if that gateway is not meant to be there, "
            f"check prefix lengths and routes of the nodes.",
            f"the route of {first.source} to {first.address} has the gateway {first.gateway}",
            source=first.source,
            address=first.address,
        )
    ]


def _claimed(seen: _Seen) -> list[str]:
    """Return the addresses for which several link-layer addresses reply, as different nodes see them."""
    several = {place: by_link for place, by_link in sorted(seen.links.items()) if len(by_link) > 1}
    notes = [_of_two(*place, by_link) for place, by_link in list(several.items())[:_MAX_NOTES]]
    if len(several) > _MAX_NOTES:
        notes.append(
            f"{len(several) - _MAX_NOTES} more addresses of nodes have several link-layer addresses."
        )
    return notes


def _of_two(destination: str, address: str, by_link: Mapping[str, list[str]]) -> str:
    claims = [f"{link} ({some_of(sources, _MAX_SHOWN)})" for link, sources in sorted(by_link.items())]
    shown = some_of(claims, _MAX_SHOWN, joint=" and ")
    return causes.note(
        causes.DUPLICATE_ADDRESS,
        f"nodes see different link-layer addresses for {address} of {destination}: {shown}. Another host may "
        f"use that address too, {destination} may have a bond that answers with several (balance-alb), or a "
        f"device in between answers for it (proxy ARP): compare them with 'ip link' on {destination}.",
        *claims,
        observer=next(iter(by_link.values()))[0],
        twin_address=address,
    )
