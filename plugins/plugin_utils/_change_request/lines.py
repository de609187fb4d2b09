# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines of a change request, and what all its formats need: networks by family, names of rules."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.addresses import parse_address, parse_network, sort_key
from .._report.summary import exact_peer, label

_MAX_LABEL_WIDTH = 120
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


class Request(t.NamedTuple):
    """All rows, and what there is to know of them."""

    rows: tuple[Row, ...]
    measured: bool
    peers: Mapping[str, Sequence[str]]
    managed: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """What the names of rules begin with.

        Rules for a fault need names other than those of the plan, which they must not replace.
        """
        return "exasol-blocked" if self.measured else "exasol"

    def label(self, names: Sequence[str]) -> str:
        """Return a name for a set of hosts."""
        return label(names, self.peers, _MAX_LABEL_WIDTH)

    def left_out(self) -> list[str]:
        """Return what rules of addresses cannot name, and what was left out before."""
        names = dict.fromkeys(name for row in self.rows for name in row.names())
        notes = [f"{name} is left out: a rule needs its addresses." for name in names]
        return [*notes, *self.notes]


class Names:
    """Names of rules and groups: letters, digits and hyphens, each once."""

    def __init__(self, request: Request, max_length: int):
        self._request, self._max_length = request, max_length
        self._taken: set[str] = set()

    def of(self, hosts: Sequence[str], *more: str) -> str:
        """Return a new name for what concerns a set of hosts."""
        more_hosts = f"-and-{len(hosts) - 1}-more" if len(hosts) > 1 else ""
        base = exact_peer(hosts, self._request.peers) or hosts[0] + more_hosts
        name = slug("-".join((self._request.prefix, base, *more)))[: self._max_length].rstrip("-")
        free = next(found for found in self._numbered(name) if found not in self._taken)
        self._taken.add(free)
        return free

    def _numbered(self, name: str) -> Iterator[str]:
        yield name
        for number in range(2, len(self._taken) + 3):
            end = f"-{number}"
            yield name[: self._max_length - len(end)] + end


def slug(text: str) -> str:
    """Return a text as lower-case letters, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def plain(text: str, max_length: int = 255) -> str:
    """Return a text with only those characters that clouds and Ansible's templates accept in descriptions."""
    return re.sub("[^A-Za-z0-9 ._:/()#,@+=-]", "", text.replace("×", "x"))[:max_length]


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


def with_length(network: str) -> str:
    """Return a network with its prefix length, which clouds want of a single address too."""
    return str(ipaddress.ip_network(network))
