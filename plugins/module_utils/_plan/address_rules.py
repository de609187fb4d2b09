# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Exasol's documentation asks of the addresses of nodes, as notes: a running cluster may do without.

"The nodes must be assigned consecutive and evenly spaced static IPv4 addresses in the same subnet"
(C(SOURCE)). The prefix length of a subnet is not known here, so only addresses that no usual subnet holds
together are said to be in different ones. Names, and addresses of loopback, say nothing.

If clusters load from each other and one of them is below 8.32.0, the distance between the private and the
external address must be the same for all nodes on both sides.
"""

import ipaddress
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence

from .._values.addresses import parse_address
from .flows import Party
from .releases import Release

SOURCE = "https://docs.exasol.com/administration/on-premise/architecture/network_planning.htm"
DISTANCE_UNTIL = "8.32.0"
_LARGEST_SUBNET = 16  # as a prefix length
_MAX_SHOWN = 6


class _Node(NamedTuple):
    address: int
    name: str
    external: Optional[int]

    def __str__(self) -> str:
        return f"{ipaddress.IPv4Address(self.address)} ({self.name})"


def address_notes(nodes: Iterable[Party]) -> List[str]:
    """Return a sentence for each rule of the documentation that the nodes of a cluster do not keep."""
    clusters: Dict[str, List[Party]] = {}
    for node in nodes:
        if node.managed:
            clusters.setdefault(node.cluster, []).append(node)
    has_older = any(
        Release.parse(party.release).is_below(DISTANCE_UNTIL)
        for parties in clusters.values()
        for party in parties
    )
    notes: List[str] = []
    for cluster, parties in sorted(clusters.items()):
        known = [_node(party) for party in parties]
        several = sorted(node for node in known if node is not None)
        whose = f"of cluster {cluster!r}" if cluster else "of the cluster"
        notes += _placement(whose, several)
        if has_older and len(clusters) > 1:
            notes += _distances(whose, several)
    return notes


def _node(party: Party) -> Optional[_Node]:
    address = _ipv4(party.addresses)
    if address is None:
        return None
    return _Node(address=address, name=party.name, external=_ipv4(getattr(party, "external", ())))


def _ipv4(addresses: Sequence[str]) -> Optional[int]:
    for text in addresses:
        address = parse_address(text)
        if address is not None and address.version == 4 and not address.is_loopback:
            return int(address)
    return None


def _placement(whose: str, nodes: Sequence[_Node]) -> List[str]:
    if len(nodes) < 2:
        return []
    asks = (
        "Exasol's documentation asks for consecutive and evenly spaced IPv4 addresses in one subnet on the "
        f"private network ({SOURCE}); nothing fails because of it here."
    )
    if (nodes[0].address ^ nodes[-1].address) >> (32 - _LARGEST_SUBNET):
        return [f"the nodes {whose} are not in one subnet: {_shown([nodes[0], nodes[-1]])}. {asks}"]
    steps = {after.address - before.address for before, after in zip(nodes, nodes[1:])}
    if len(steps) > 1:
        return [f"the nodes {whose} are not evenly spaced: {_shown(nodes)}. {asks}"]
    return []


def _distances(whose: str, nodes: Sequence[_Node]) -> List[str]:
    by_distance: Dict[int, _Node] = {}
    for node in nodes:
        if node.external is not None:
            by_distance.setdefault(node.external - node.address, node)
    if len(by_distance) < 2:
        return []
    some = " and ".join(
        f"{node} with {ipaddress.IPv4Address(node.external or 0)}" for node in list(by_distance.values())[:2]
    )
    return [
        (
            f"private and external addresses {whose} are not equally far apart: {some}. Clusters that load "
            f"from each other need the same distance for all nodes, if one of them is below {DISTANCE_UNTIL} "
            f"({SOURCE})."
        )
    ]


def _shown(nodes: Sequence[_Node]) -> str:
    more = f" and {len(nodes) - _MAX_SHOWN} more" if len(nodes) > _MAX_SHOWN else ""
    return ", ".join(str(node) for node in nodes[:_MAX_SHOWN]) + more
