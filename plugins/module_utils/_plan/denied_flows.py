# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that must not work: incoming services, from managed hosts that the port table does not allow.

Services that nobody may use count too: rows whose source nobody plays, and optional rows not included.
"""

from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._values.addresses import parse_address, parse_network
from .._values.ports import Ports
from .expected import DENIED, RANGE, REACHABLE
from .flows import Asked, Bundle, Members, Party, Probe, Probes, asked_ports
from .table_rows import NODE_PEERS, Service

# Whoever manages a host needs SSH: an optional row that nobody asked for does not make it a port of Exasol's.
_SSH = Ports([22])


def closed(
    table: Iterable[Service], chosen: Sequence[Service], exclude: Iterable[str], members: Members
) -> List[Bundle]:
    """Return the incoming services that somebody offers and nobody may use, as bundles without sources."""
    names = {service.name for service in chosen}
    left_alone = set(exclude)
    found = []
    for service in table:
        destinations = _offering(service, members.get(service.destination, ()))
        incoming = service.direction == "incoming" and not service.unprobed
        if not incoming or not destinations or service.name in left_alone:
            continue
        if service.name in names and members.get(service.source):
            continue
        ports = service.ports if service.name in names else service.ports - _SSH
        if ports:
            bundle = Bundle(
                service=service._replace(ports=ports),
                names=(service.name,),
                sources=(),
                destinations=destinations,
            )
            found.append(bundle)
    return found


def _offering(service: Service, destinations: Sequence[Party]) -> Sequence[Party]:
    """Return those destinations whose release has the service at all."""
    if service.offered is None or service.destination not in NODE_PEERS:
        return destinations
    return [party for party in destinations if party.release in service.offered]


class _Side:
    """Who stands on one side of a bundle.

    Its parties, and every host with an address in one of their networks.
    """

    def __init__(self, parties: Sequence[Party]):
        self.names = {party.name for party in parties}
        networks = [parse_network(party.name) for party in parties if party.network]
        self._networks = [network for network in networks if network is not None]

    def __contains__(self, party: Party) -> bool:
        if party.name in self.names:
            return True
        every = party.addresses + party.external
        addresses = [parse_address(address) for address in every] if self._networks else []
        return any(
            address is not None and address in network for address in addresses for network in self._networks
        )


class Forbidden:
    """Answers which ports one host must not reach on another; C(unused) are the bundles of C(closed)."""

    def __init__(self, bundles: Sequence[Bundle], unused: Sequence[Bundle] = ()):
        self._sides = [(bundle, _Side(bundle.sources), _Side(bundle.destinations)) for bundle in bundles]
        self.incoming = [
            bundle._replace(destinations=_offering(bundle.service, bundle.destinations))
            for bundle in bundles
            if bundle.service.direction == "incoming" and not bundle.service.unprobed
        ]
        self.incoming += unused
        self._required = [
            (bundle, {party.name for party in bundle.destinations})
            for bundle in self.incoming
            if bundle.service.need == "required"
        ]
        # On the private network of a node that is alone, no other node could show that anything works.
        private: Set[Party] = set()
        for bundle in self.incoming:
            private |= {party for party in bundle.destinations if party.managed and _private(party)}
        several = _clusters_of_several(self.incoming) if private else set()
        self._private = {party.name: _private(party) for party in private if party.cluster in several}
        self.alone = sorted(party.name for party in private if party.cluster not in several)
        self._nodes: Set[str] = set()
        for bundle in list(bundles) + list(unused):
            self._nodes |= (
                {party.name for party in bundle.sources} if bundle.service.source in NODE_PEERS else set()
            )
            self._nodes |= (
                {party.name for party in bundle.destinations}
                if bundle.service.destination in NODE_PEERS
                else set()
            )

    def ports(self, bundle: Bundle, source: Party, destination: Party) -> Ports:
        """Return the service's ports less everything that any service allows between these two."""
        if (
            not destination.managed
            or source.name == destination.name
            or self._same_cluster(source, destination)
        ):
            return Ports()
        ports = bundle.service.ports
        for other, sources, destinations in self._sides:
            if (
                other.service.protocol == bundle.service.protocol
                and source in sources
                and destination in destinations
                and other.service.applies_to(source.release, destination.release)
            ):
                ports -= other.service.ports
        return ports if bundle.sources else self._untold(bundle, destination, ports)

    def _untold(self, bundle: Bundle, destination: Party, ports: Ports) -> Ports:
        """Return the ports less those that a required row forbids anyway, so that nothing is said twice."""
        if bundle.service.need == "required":
            return ports
        for other, names in self._required:
            if other.service.protocol == bundle.service.protocol and destination.name in names:
                ports -= other.service.ports
        return ports

    def _same_cluster(self, source: Party, destination: Party) -> bool:
        # Nodes of one cluster must not be filtered from each other, whatever the release's table says.
        return (
            source.name in self._nodes
            and destination.name in self._nodes
            and source.cluster == destination.cluster
        )

    def probes(self, hosts: Sequence[Party]) -> Dict[str, List[Probe]]:
        """Return the probes of each host that must not get through."""
        result = {
            host.name: [entry for bundle in self.incoming for entry in self._entries(bundle, host)]
            for host in hosts
        }
        if self._private:
            for host in hosts:
                result[host.name] += self._of_private(host)
        return {name: entries for name, entries in result.items() if entries}

    def _entries(self, bundle: Bundle, source: Party) -> List[Probe]:
        by_ports: Dict[Ports, Dict[str, Tuple[str, ...]]] = {}
        for destination in bundle.destinations:
            ports = self.ports(bundle, source, destination)
            if ports:
                by_ports.setdefault(ports, {})[destination.name] = destination.reached_from(source)
        return [
            Probe(service=bundle.service, ports=ports, expected=DENIED, destinations=destinations)
            for ports, destinations in by_ports.items()
        ]

    def _of_private(self, source: Party) -> Iterator[Probe]:
        """Yield what a host outside of a cluster must not reach on the private network of its nodes.

        That is every service that a node offers, whoever may use it at the external address.
        """
        told: Dict[Tuple[str, str], Ports] = {}
        for bundle in self.incoming:
            by_ports: Dict[Ports, Dict[str, Tuple[str, ...]]] = {}
            for destination in bundle.destinations:
                private = self._private.get(destination.name, ())
                if not private or destination.name == source.name or self._same_cluster(source, destination):
                    continue
                key = (destination.name, bundle.service.protocol)
                ports = bundle.service.ports - told.get(key, Ports())
                if ports:
                    told[key] = told.get(key, Ports()) | ports
                    by_ports.setdefault(ports, {})[destination.name] = private
            for ports, destinations in by_ports.items():
                yield Probe(service=bundle.service, ports=ports, expected=DENIED, destinations=destinations)

    def controls(
        self,
        planned: Probes,
        forbidden: Probes,
        hosts: Sequence[Party],
    ) -> Dict[str, List[Probe]]:
        """Return probes by which a node proves its neighbour's ports, where no planned flow does.

        That nothing came through from one host means little where nobody gets through. Nodes of one cluster
        may use every port of each other (the row for any protocol), whatever else nobody may use.
        """
        nodes, joined = self._unfiltered(hosts)
        proven, told = asked_ports(planned), asked_ports(forbidden)
        result: Dict[str, List[Probe]] = {}
        for bundle in self.incoming:
            for destination in bundle.destinations:
                key = (destination.name, bundle.service.protocol, destination.addresses)
                asked = _without_control(destination, bundle.service.protocol, told, proven)
                ports = (bundle.service.ports & asked) - proven.get(key, Ports())
                neighbour = (
                    _other(nodes.get(destination.cluster, ()), destination)
                    if ports and destination.name in joined
                    else None
                )
                if neighbour is not None:
                    proven[key] = proven.get(key, Ports()) | ports
                    probe = Probe(
                        service=bundle.service,
                        ports=ports,
                        expected=REACHABLE,
                        destinations={destination.name: destination.addresses},
                        is_own_cluster=len(ports) >= RANGE and destination.is_together_with(neighbour),
                    )
                    result.setdefault(neighbour.name, []).append(probe)
        return result

    def _unfiltered(self, hosts: Sequence[Party]) -> Tuple[Dict[str, List[Party]], Set[str]]:
        """Return the nodes that may use any protocol, by cluster, and the names of those whom they reach.

        Nodes of this run come first.
        """
        present = {host.name for host in hosts}
        nodes: Dict[str, List[Party]] = {}
        joined: Set[str] = set()
        for bundle, _sources, destinations in self._sides:
            if bundle.service.protocol != "any":
                continue
            joined |= destinations.names
            managed = [party for party in bundle.sources if party.managed]
            for party in sorted(managed, key=lambda party: party.name not in present):
                nodes.setdefault(party.cluster, []).append(party)
        return nodes, joined


def _clusters_of_several(incoming: Iterable[Bundle]) -> Set[str]:
    """Return the clusters that have at least two managed nodes."""
    names: Dict[str, Set[str]] = {}
    for bundle in incoming:
        for party in bundle.destinations:
            if party.managed and party.is_node:
                names.setdefault(party.cluster, set()).add(party.name)
    return {cluster for cluster, several in names.items() if len(several) > 1}


def _private(node: Party) -> Tuple[str, ...]:
    """Return the addresses of a node that only its own cluster reaches.

    A name is none of them: from outside, it may lead to the external address.
    """
    if not (node.external and node.is_node):
        return ()
    return tuple(
        address for address in node.addresses if address not in node.external and parse_address(address)
    )


def _without_control(
    destination: Party, protocol: str, told: Mapping[Asked, Ports], proven: Mapping[Asked, Ports]
) -> Ports:
    """Return the forbidden ports of which a neighbour has to show that they work.

    Nobody inside of the cluster uses external addresses. That a port works behind one of these is shown on
    the private network, unless somebody outside may use it.
    """
    private = {destination.addresses, _private(destination)}
    inside = Ports.union(told.get((destination.name, protocol, some), Ports()) for some in private)
    if not destination.external:
        return inside
    key = (destination.name, protocol, destination.external)
    return inside | (told.get(key, Ports()) - proven.get(key, Ports()))


def _other(parties: Iterable[Party], node: Party) -> Optional[Party]:
    return next((party for party in parties if party.name != node.name), None)
