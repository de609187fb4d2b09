# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rows of a change request, and what all its formats need of them.

Networks by family, names that any firewall accepts.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._values.addresses import parse_address, parse_network, sort_key
from .._report.summary import label

_WIDEST_LABEL = 120
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
    evidence: str  # when it was measured

    def by_family(self) -> Iterator[tuple[int, list[str], list[str]]]:
        """Return the networks of both ends for each version of IP that both have; names are in none."""
        for version in FAMILIES:
            ends = [
                [network for network in networks if family(network) == version]
                for networks in (self.source_networks, self.destination_networks)
            ]
            if all(ends):
                yield version, ends[0], ends[1]

    def names(self) -> list[str]:
        """Return what is no address: rules of most firewalls cannot name it."""
        return [
            network for network in (*self.source_networks, *self.destination_networks) if not family(network)
        ]

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

        What mends a fault must not replace the rules of the whole plan.
        """
        return "exasol-blocked" if self.measured else "exasol"

    def label(self, names: Sequence[str]) -> str:
        """Return a name for a set of hosts."""
        return label(names, self.peers, _WIDEST_LABEL)

    def left_out(self) -> list[str]:
        """Return what rules of addresses cannot say, and what was left out before."""
        names = dict.fromkeys(name for row in self.rows for name in row.names())
        return [*(f"{name} is left out: only its addresses can be in a rule." for name in names), *self.notes]


class Names:
    """Names of rules and groups: letters, digits and hyphens, each once."""

    def __init__(self, request: Request, longest: int):
        self._request, self._longest = request, longest
        self._taken: set[str] = set()

    def of(self, hosts: Sequence[str], *more: str) -> str:
        """Return a new name for what concerns a set of hosts."""
        same = [
            peer
            for peer, members in self._request.peers.items()
            if len(hosts) > 1 and set(members) == set(hosts)
        ]
        base = (
            min(same, key=lambda peer: (peer == "any_node", peer))
            if same
            else hosts[0] + (f"-and-{len(hosts) - 1}-more" if len(hosts) > 1 else "")
        )
        name = slug("-".join((self._request.prefix, base, *more)))[: self._longest].rstrip("-")
        free = next(found for found in self._numbered(name) if found not in self._taken)
        self._taken.add(free)
        return free

    def _numbered(self, name: str) -> Iterator[str]:
        yield name
        for number in range(2, len(self._taken) + 3):
            end = f"-{number}"
            yield name[: self._longest - len(end)] + end


def slug(text: str) -> str:
    """Return a text as lower-case letters, digits and hyphens."""
    return re.sub("[^a-z0-9]+", "-", text.lower()).strip("-") or "unnamed"


def plain(text: str, longest: int = 255) -> str:
    """Return a text with only those characters that descriptions of clouds and templates of Ansible leave alone."""
    return re.sub("[^A-Za-z0-9 ._:/()#,@+=-]", "", text.replace("×", "x"))[:longest]


def family(text: str) -> int:
    """Return the version of IP of an address or network, 0 for a name."""
    found = parse_address(text) or parse_network(text)
    return found.version if found else 0


def collapse(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the fewest networks that hold exactly these addresses, and the names among them."""
    every = set(addresses)
    found: list[str] = []
    for version in FAMILIES:
        networks: t.Any = (ipaddress.ip_network(address) for address in every if family(address) == version)
        found += (_short(network) for network in ipaddress.collapse_addresses(networks))
    return (*sorted(found, key=sort_key), *sorted(name for name in every if not family(name)))


def _short(network: t.Any) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def with_length(network: str) -> str:
    """Return a network with its prefix length, as clouds want single addresses too."""
    return str(ipaddress.ip_network(network))
