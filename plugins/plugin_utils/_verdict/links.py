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
from collections.abc import Iterator, Mapping

from ...module_utils._plan.address_rules import SOURCE
from ...module_utils._plan.networks import Networks, networks_of

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Path

_MAX_SHOWN = 3
_MAX_NOTES = 10


class _Hop(t.NamedTuple):
    """The first hop from a node to a private address of another node of its cluster."""

    source: str
    destination: str
    address: str
    gateway: str
    link_address: str


def link_notes(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> list[str]:
    """Return what the first hops between nodes of a cluster show."""
    by_cluster: dict[str, list[_Hop]] = {}
    for hop in _between_nodes(observed, hosts):
        by_cluster.setdefault(hosts[hop.source].get("cluster", ""), []).append(hop)
    notes: list[str] = []
    for cluster, hops in sorted(by_cluster.items()):
        notes += _routed(cluster, [hop for hop in hops if hop.gateway])
        notes += _claimed([hop for hop in hops if hop.link_address])
    return notes


def _between_nodes(observed: Mapping[str, t.Any], hosts: Mapping[str, HostPlan]) -> Iterator[_Hop]:
    networks = networks_of(hosts)
    for source in sorted(observed.keys() & hosts.keys()):
        result = observed[source] or {}
        paths: list[Path] = result.get("paths", [])
        # Which addresses a host may speak of is checked for its observations.
        asked = {(entry["destination"], entry["address"]) for entry in result.get("observations", ())}
        for path in paths:
            destination, address = path["destination"], path["address"]
            if (destination, address) in asked and _is_private(networks, hosts, source, destination, address):
                yield _Hop(
                    source=source,
                    destination=destination,
                    address=address,
                    gateway=path.get("gateway", ""),
                    link_address=path.get("link_address", ""),
                )


def _is_private(
    networks: Networks, hosts: Mapping[str, HostPlan], source: str, destination: str, address: str
) -> bool:
    if destination not in hosts or not networks.are_together(source, destination):
        return False
    return address not in hosts[destination].get("external", ())


def _routed(cluster: str, hops: list[_Hop]) -> list[str]:
    if not hops:
        return []
    first = hops[0]
    between = f"of cluster {cluster!r}" if cluster else "of the cluster"
    more = f" So do {len(hops) - 1} more paths between nodes {between}." if len(hops) > 1 else ""
    return [
        (
            f"{first.source} reaches {first.destination} ({first.address}) through the gateway "
            f"{first.gateway}: Exasol expects the nodes' private network to be one layer 2 segment "
            f"({SOURCE}).{more} Nothing fails because of it here; if that gateway is not meant to be there, "
            f"check prefix lengths and routes of the nodes."
        )
    ]


def _claimed(hops: list[_Hop]) -> list[str]:
    """Return the addresses for which several link-layer addresses reply, as different nodes see them."""
    seen: dict[tuple[str, str], dict[str, list[str]]] = {}
    for hop in hops:
        by_link = seen.setdefault((hop.destination, hop.address), {})
        by_link.setdefault(hop.link_address, []).append(hop.source)
    several = {place: by_link for place, by_link in sorted(seen.items()) if len(by_link) > 1}
    notes = [_of_two(*place, by_link) for place, by_link in list(several.items())[:_MAX_NOTES]]
    if len(several) > _MAX_NOTES:
        notes.append(
            f"{len(several) - _MAX_NOTES} more addresses of nodes have several link-layer addresses."
        )
    return notes


def _of_two(destination: str, address: str, by_link: Mapping[str, list[str]]) -> str:
    claims = [f"{link} ({_named(sources)})" for link, sources in sorted(by_link.items())]
    more = f" and {len(claims) - _MAX_SHOWN} more" if len(claims) > _MAX_SHOWN else ""
    shown = " and ".join(claims[:_MAX_SHOWN]) + more
    return (
        f"nodes see different link-layer addresses for {address} of {destination}: {shown}. Another host may "
        f"use that address too, {destination} may have a bond that answers with several (balance-alb), or a "
        f"device in between answers for it (proxy ARP): compare them with 'ip link' on {destination}."
    )


def _named(sources: list[str]) -> str:
    shown = ", ".join(sources[:_MAX_SHOWN])
    return f"{shown} and {len(sources) - _MAX_SHOWN} more" if len(sources) > _MAX_SHOWN else shown
