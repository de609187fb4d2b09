# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows of access: every source must reach every destination on the same ports."""

from __future__ import annotations

import ipaddress
import typing as t
from collections.abc import Iterable, Iterator

from ...module_utils._values.addresses import parse_address, parse_network, sort_key

FAMILIES = (4, 6)


class Row(t.NamedTuple):
    """Every source must reach every destination on all of these ports."""

    sources: tuple[str, ...]
    destinations: tuple[str, ...]
    source_networks: tuple[str, ...]
    destination_networks: tuple[str, ...]
    protocol: str
    ports: str  # "any" for all
    reason: str
    evidence: str  # when the need was measured

    def by_family(self) -> Iterator[tuple[int, list[str], list[str]]]:
        """Return the networks of both ends for each version of IP that both have; names are in none."""
        for version in FAMILIES:
            ends = [
                [network for network in networks if family(network) == version]
                for networks in (self.source_networks, self.destination_networks)
            ]
            if all(ends):
                yield version, ends[0], ends[1]

    def by_source(self) -> dict[int, list[str]]:
        """Return the networks of the sources for each version of IP that both ends have."""
        return {version: sources for version, sources, _destinations in self.by_family()}

    def by_destination(self) -> dict[int, list[str]]:
        """Return the networks of the destinations for each version of IP that both ends have."""
        return {version: destinations for version, _sources, destinations in self.by_family()}

    def has_addresses(self) -> bool:
        """Return whether both ends have addresses of one version of IP, so that rules can be made of it."""
        return any(True for _family in self.by_family())

    def names(self) -> list[str]:
        """Return the DNS names among the networks: rules of most firewalls cannot hold them."""
        return [name for name in (*self.source_networks, *self.destination_networks) if not family(name)]

    @property
    def port_list(self) -> list[str]:
        """The ports and ranges one by one, none for any."""
        return [] if self.ports == "any" else self.ports.split(",")


def family(text: str) -> int:
    """Return the version of IP of an address or network, 0 for a name."""
    found = parse_address(text) or parse_network(text)
    return found.version if found else 0


def collapse(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest networks that hold exactly these addresses, then the names among them."""
    every = set(addresses)
    found: list[str] = []
    for version in FAMILIES:
        networks: t.Any = [ipaddress.ip_network(address) for address in every if family(address) == version]
        found += map(_without_full_length, ipaddress.collapse_addresses(networks))
    names = [name for name in every if not family(name)]
    return (*sorted(found, key=sort_key), *sorted(names))


def _without_full_length(network: t.Any) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
