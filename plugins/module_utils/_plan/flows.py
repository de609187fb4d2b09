# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows: who needs which service of whom, from the services and the parties that play each peer.

Flows are kept in bundles (one service, its sources, its destinations) and written out per host only, so that
the work grows with the flows that are asked for and not with hosts times hosts times rows.
"""

from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .._values.errors import NetworkError
from .._values.ports import Ports
from .expected import RANGE, REACHABLE
from .table_rows import Service

if TYPE_CHECKING:
    from .._shapes import Endpoint, ProbeFlow, Untestable

NODE = "database_node"
UNMANAGED = "the source is not a host of this inventory"
NETWORK = "the destination is a network, not a host"


class Party(NamedTuple):
    """One end of a flow: a host of the inventory, or an address, network or DNS name outside of it."""

    name: str
    addresses: Tuple[str, ...]
    managed: bool = False
    network: bool = False
    cluster: str = ""
    release: str = ""  # of a node
    external: Tuple[str, ...] = ()  # at which all others than the nodes of its cluster reach it
    is_node: bool = False  # of a cluster, whose nodes have a network of their own
    is_login_address: bool = False  # its address is where Ansible logs in, for want of another one

    def is_together_with(self, other: "Party") -> bool:
        """Tell whether both are nodes of one cluster."""
        return self.is_node and other.is_node and self.cluster == other.cluster

    def reached_from(self, source: "Party") -> Tuple[str, ...]:
        """Return the addresses at which another party reaches this one."""
        return self.external if self.external and not self.is_together_with(source) else self.addresses

    def seen_at(self, destination: "Party") -> Tuple[str, ...]:
        """Return the addresses from which another party may see this one come.

        A host with two networks may leave with the addresses of either, as its routes and NAT decide.
        """
        if not self.external or self.is_together_with(destination):
            return self.addresses
        return self.external + self.addresses


class Bundle(NamedTuple):
    """One service with everybody who may start it and everybody who offers it."""

    service: Service
    names: Tuple[str, ...]  # of both directions
    sources: Sequence[Party]
    destinations: Sequence[Party]

    def joins(self, source: Party, destination: Party) -> bool:
        """Tell whether these two, each on its side of the bundle, have a flow.

        Never with itself, never both foreign.
        """
        if source.name == destination.name or not (source.managed or destination.managed):
            return False
        return self.spans(source.cluster == destination.cluster, source.release, destination.release)

    def spans(self, same_cluster: bool, source: str, destination: str) -> bool:
        """Tell whether the service is for two parties of the same cluster or not, and of these releases."""
        if not self.service.applies_to(source, destination):
            return False
        if self.service.protocol == "any":
            return same_cluster
        return not (same_cluster and self.service.between_clusters)


Members = Mapping[str, Sequence[Party]]


def select(
    services: Iterable[Service], include: Iterable[str] = (), exclude: Iterable[str] = ()
) -> List[Service]:
    """Return the required services and the optional ones asked for by name, without the excluded ones."""
    include, exclude = set(include), set(exclude)
    both = sorted(include & exclude)
    if both:
        raise NetworkError(f"row {both[0]!r} is both included and excluded")
    return [
        # Who asks for a row by name wants it wherever there is one.
        service._replace(releases=service.offered) if service.name in include else service
        for service in services
        if service.name not in exclude and (service.need == "required" or service.name in include)
    ]


def with_any_node(members: Members) -> Dict[str, Tuple[Party, ...]]:
    """Return the members with C(any_node) complete: it holds every managed database node too."""
    complete = {peer: tuple(parties) for peer, parties in members.items()}
    nodes = dict.fromkeys(complete.get("any_node", ()))
    nodes.update(dict.fromkeys(party for party in complete.get(NODE, ()) if party.managed))
    complete["any_node"] = tuple(nodes)
    return complete


def bundles(services: Iterable[Service], members: Members) -> List[Bundle]:
    """Return one bundle a service; the two directions of one service are one bundle."""
    grouped: Dict[Any, List[Service]] = {}
    for service in services:
        grouped.setdefault(service.key, []).append(service)
    found = [
        Bundle(
            service=twins[0]._replace(releases=_any_of(twins)),
            names=tuple(twin.name for twin in twins),
            sources=members.get(twins[0].source, ()),
            destinations=members.get(twins[0].destination, ()),
        )
        for twins in grouped.values()
    ]
    return [bundle for bundle in found if bundle.sources and bundle.destinations]


def _any_of(twins: Sequence[Service]) -> Optional[FrozenSet[str]]:
    """Return the releases that need any of these rows, None for all."""
    needed: FrozenSet[str] = frozenset()
    for service in twins:
        if service.releases is None:
            return None
        needed |= service.releases
    return needed


def unassigned(services: Iterable[Service], members: Members) -> List[str]:
    """Return the peers of these services that nobody plays."""
    peers = {peer for service in services for peer in (service.source, service.destination)}
    return sorted(peer for peer in peers if not members.get(peer))


class Probe(NamedTuple):
    """The flows of one service that start at one host."""

    service: Service
    ports: Ports
    expected: str
    destinations: Dict[str, Tuple[str, ...]]  # name -> addresses
    is_member: bool = False  # the destinations are names of a connection string, which may lead to any node
    # Of a range: every destination is a node of the cluster of the source.
    is_own_cluster: bool = False

    def as_dict(self) -> "ProbeFlow":
        """Return the flows as plain data."""
        flow: "ProbeFlow" = {
            "service": self.service.name,
            "protocol": self.service.protocol,
            "ports": str(self.ports),
            "expected": self.expected,
            "destinations": {name: list(addresses) for name, addresses in self.destinations.items()},
        }
        # What a row of the port table speaks is known on every host.
        if self.service.is_own and self.service.talk:
            flow["identify"] = self.service.talk
        if self.is_member:
            flow["member"] = True
        if self.is_own_cluster:
            flow["own_cluster"] = True
        return flow


Probes = Mapping[str, Sequence[Probe]]  # by the host where they start


def probes(found: Sequence[Bundle]) -> Dict[str, List[Probe]]:
    """Return what each managed source probes."""
    result: Dict[str, List[Probe]] = {}
    for bundle in found:
        if bundle.service.unprobed:
            continue
        for source in bundle.sources:
            if not source.managed:
                continue
            destinations = {
                party.name: party.reached_from(source) if party.external else party.addresses
                for party in bundle.destinations
                if not party.network and bundle.joins(source, party)
            }
            if destinations:
                probe = Probe(
                    service=bundle.service,
                    ports=bundle.service.ports,
                    expected=REACHABLE,
                    destinations=destinations,
                )
                parts = _by_cluster(probe, source, bundle) if len(probe.ports) >= RANGE else [probe]
                result.setdefault(source.name, []).extend(parts)
    return result


def _by_cluster(probe: Probe, source: Party, bundle: Bundle) -> List[Probe]:
    """Return a probe in two parts: the nodes of the source's own cluster, and all others."""
    if not source.is_node:
        return [probe]
    own = {party.name for party in bundle.destinations if party.is_together_with(source)}
    inside = {name: where for name, where in probe.destinations.items() if name in own}
    outside = {name: where for name, where in probe.destinations.items() if name not in own}
    parts = [
        probe._replace(destinations=inside, is_own_cluster=True),
        probe._replace(destinations=outside),
    ]
    return [part for part in parts if part.destinations]


Asked = Tuple[str, str, Tuple[str, ...]]  # destination, protocol, addresses


def asked_ports(planned: Probes) -> Dict[Asked, Ports]:
    """Return the ports that any probe asks for, by destination, protocol and addresses."""
    asked: Dict[Asked, Set[Ports]] = {}
    for several in planned.values():
        for probe in several:
            protocol = probe.service.protocol
            for name, addresses in probe.destinations.items():
                asked.setdefault((name, protocol, addresses), set()).add(probe.ports)
    return {key: Ports.union(some) for key, some in asked.items()}


def untestable(found: Sequence[Bundle]) -> "List[Untestable]":
    """Return the flows that no probe of ours can measure.

    Every source with every destination of an entry, itself excepted.
    """
    result: List[Untestable] = []
    for bundle in found:
        for reason, sources, destinations in _of_releases(bundle, _unmeasured(bundle)):
            if any(bundle.joins(source, destination) for source in sources for destination in destinations):
                result.append(
                    {
                        "service": bundle.service.name,
                        "protocol": bundle.service.protocol,
                        "ports": bundle.service.ports_text,
                        "sources": [party.name for party in sources],
                        "destinations": [party.name for party in destinations],
                        "reason": reason,
                    }
                )
    return result


Unmeasured = List[Tuple[str, Sequence[Party], Sequence[Party]]]


def _of_releases(bundle: Bundle, entries: Unmeasured) -> Unmeasured:
    """Return the entries in parts, so that the row counts for every pair of each."""
    if bundle.service.releases is None:
        return entries
    parts: Unmeasured = []
    for reason, sources, destinations in entries:
        by_release: Dict[str, List[Party]] = {}
        for source in sources:
            by_release.setdefault(source.release, []).append(source)
        for release, some in by_release.items():
            reached = [party for party in destinations if bundle.service.applies_to(release, party.release)]
            parts.append((reason, some, reached))
    return parts


def _unmeasured(bundle: Bundle) -> Unmeasured:
    if bundle.service.unprobed:
        reason = bundle.service.unprobed
        if bundle.service.protocol != "any":
            return [(reason, bundle.sources, bundle.destinations)]
        return [
            (reason, _of_cluster(bundle.sources, cluster), _of_cluster(bundle.destinations, cluster))
            for cluster in dict.fromkeys(party.cluster for party in bundle.sources)
        ]
    ours = [party for party in bundle.sources if party.managed]
    others = [party for party in bundle.sources if not party.managed]
    return [
        (UNMANAGED, others, [party for party in bundle.destinations if party.managed]),
        (NETWORK, ours, [party for party in bundle.destinations if party.network]),
    ]


def _of_cluster(parties: Iterable[Party], cluster: str) -> List[Party]:
    return [party for party in parties if party.cluster == cluster]


def endpoints(planned: Probes, hosts: Iterable[Party]) -> "Dict[str, List[Endpoint]]":
    """Return where each managed destination of a probe listens."""
    wanted: Dict[str, Dict[str, Dict[str, Ports]]] = {}  # by name, protocol and address
    for (name, protocol, addresses), ports in sorted(asked_ports(planned).items(), key=lambda item: item[0]):
        by_address = wanted.setdefault(name, {}).setdefault(protocol, {})
        for address in addresses:
            by_address[address] = by_address[address] | ports if address in by_address else ports
    return {party.name: _endpoints(party, wanted[party.name]) for party in hosts if party.name in wanted}


def _endpoints(party: Party, wanted: Mapping[str, Mapping[str, Ports]]) -> "List[Endpoint]":
    found: List["Endpoint"] = []
    for protocol, by_address in wanted.items():
        for address in dict.fromkeys(party.addresses + party.external):
            if address not in by_address:
                continue
            entry: "Endpoint" = {"address": address, "protocol": protocol, "ports": str(by_address[address])}
            if address not in party.addresses:
                # The host need not own it: a NAT device may lead it to the others.
                entry["behind"] = list(party.addresses)
            found.append(entry)
    return found
