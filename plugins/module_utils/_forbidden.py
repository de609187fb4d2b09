# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows that must not work: incoming services, from managed hosts that the port table does not allow."""

from typing import Any, Dict, List, Sequence

from ._addresses import parse_address, parse_network
from ._flows import BLOCKED, Bundle, Party, probe_entry
from ._ports import Ports, subtract

NODE_PEERS = ("any_node", "database_node")


class _Side:
    """Who stands on one side of a bundle: its parties, and every host with an address in one of their networks."""

    def __init__(self, parties: Sequence[Party]):
        self.names = {party.name for party in parties}
        networks = [parse_network(party.name) for party in parties if party.network]
        self._networks = [network for network in networks if network is not None]

    def __contains__(self, party: Party) -> bool:
        if party.name in self.names:
            return True
        addresses = [parse_address(address) for address in party.addresses] if self._networks else []
        return any(address is not None and address in network for address in addresses for network in self._networks)


class Forbidden:
    """Answers which ports of a service one host must not reach on another."""

    def __init__(self, bundles: Sequence[Bundle]):
        self._sides = [(bundle, _Side(bundle.sources), _Side(bundle.destinations)) for bundle in bundles]
        self._nodes = set()  # type: set
        for bundle, sources, destinations in self._sides:
            self._nodes |= sources.names if bundle.service.source in NODE_PEERS else set()
            self._nodes |= destinations.names if bundle.service.destination in NODE_PEERS else set()

    def ports(self, bundle: Bundle, source: Party, destination: Party) -> Ports:
        """Return the service's ports less everything that any service allows between these two."""
        if not destination.managed or source.name == destination.name or self._same_cluster(source, destination):
            return ()
        ports = bundle.service.ports
        for other, sources, destinations in self._sides:
            if other.service.protocol == bundle.service.protocol and source in sources and destination in destinations:
                ports = subtract(ports, other.service.ports)
        return ports

    def _same_cluster(self, source: Party, destination: Party) -> bool:
        # Nodes of one cluster must not be filtered from each other, whatever the release's table says.
        return source.name in self._nodes and destination.name in self._nodes and source.cluster == destination.cluster

    def probes(self, hosts: Sequence[Party]) -> Dict[str, List[Dict[str, Any]]]:
        """Return the probes of each host that must not get through."""
        incoming = [bundle for bundle, sources, destinations in self._sides
                    if bundle.service.direction == "incoming" and bundle.service.probe != "none"]
        result = {host.name: [entry for bundle in incoming for entry in self._entries(bundle, host)] for host in hosts}
        return {name: entries for name, entries in result.items() if entries}

    def _entries(self, bundle: Bundle, source: Party) -> List[Dict[str, Any]]:
        by_ports = {}  # type: Dict[Ports, Dict[str, List[str]]]
        for destination in bundle.destinations:
            ports = self.ports(bundle, source, destination)
            if ports:
                by_ports.setdefault(ports, {})[destination.name] = list(destination.addresses)
        return [probe_entry(bundle.service, ports, BLOCKED, destinations) for ports, destinations in by_ports.items()]
