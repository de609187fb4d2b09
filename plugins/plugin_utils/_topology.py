# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an inventory to parties: who plays which peer, and under which addresses."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..module_utils._addresses import complaint, expand, is_name, parse_address, parse_network, stands_for
from ..module_utils._errors import NetworkError
from ..module_utils._flows import Party

DEFAULT_GROUPS = {"database_node": "exasol_nodes", "client": "exasol_clients", "admin_network": "exasol_admins"}


class Variables(t.Protocol):
    """What is asked of a host's variables."""

    def get(self, name: str, default: t.Any = None) -> t.Any:
        """Return the value of a variable, or the default."""


class Inventory:
    """The groups and hosts of an inventory, each host's variables read once and only when needed."""

    def __init__(self, groups: Mapping[str, Sequence[str]], variables: Callable[[str], Variables]):
        self.groups = groups
        self._variables = variables
        self._parties: dict[str, Party] = {}
        self._hosts = dict.fromkeys(groups.get("all", ()))

    def is_host(self, name: str) -> bool:
        """Tell whether the inventory has a host of this name."""
        return name in self._hosts

    def party(self, name: str) -> Party:
        """Return an inventory host as a party."""
        if name not in self._parties:
            variables = self._variables(name)
            self._parties[name] = Party(name, _host_addresses(name, variables), managed=True, cluster=str(variables.get("exasol_cluster") or ""))
        return self._parties[name]


def _host_addresses(name: str, variables: Variables) -> tuple[str, ...]:
    value = variables.get("exasol_address", variables.get("ansible_host", name))
    values = value.split(",") if isinstance(value, str) else [] if value is None else value
    if not isinstance(values, Sequence):
        raise NetworkError(f"host {name!r} has the address {value!r}: set exasol_address to an IP address or a DNS name, or to a list of them")
    texts = [text for text in (str(part).strip() for part in values) if text]
    if not texts:
        raise NetworkError(f"host {name!r} has no address: set exasol_address to an IP address or a DNS name, or to a list of them")
    return tuple(dict.fromkeys(_literal(name, text) for text in texts))


def _literal(name: str, text: str) -> str:
    address = parse_address(text.strip("[]"))
    if address is not None and stands_for(address):
        raise NetworkError(f"host {name!r} has the address {address}, which stands for {stands_for(address)}: set exasol_address to one of its own")
    if address is None and not is_name(text):
        raise NetworkError(f"host {name!r} has the address {text!r}, which is {complaint(text)}: set exasol_address")
    return str(address or text.lower())


class Topology:
    """Resolves what a user writes for a peer: groups, hosts, addresses, networks, DNS names, connection-string ranges."""

    def __init__(self, inventory: Inventory):
        self._inventory = inventory
        self._by_address: dict[str, Party] = {}

    def members(self, peers: Mapping[str, t.Any]) -> dict[str, list[Party]]:
        """Return the parties of each peer; an address of an inventory host is that host."""
        resolved = {peer: self._resolve(peer, _entries(peer, value)) for peer, value in peers.items()}
        self._index({party for parties in resolved.values() for party in parties if party.managed})
        return {peer: list(dict.fromkeys(self._known(party) for party in parties)) for peer, parties in resolved.items()}

    def _resolve(self, peer: str, entries: Iterable[str]) -> list[Party]:
        parties: list[Party] = []
        for entry in entries:
            if entry in self._inventory.groups:
                parties += [self._inventory.party(host) for host in self._inventory.groups[entry]]
            elif self._inventory.is_host(entry):
                parties.append(self._inventory.party(entry))
            else:
                parties += [self._foreign(peer, entry, part) for text in entry.split(",") for part in expand(text.strip())]
        return parties

    def _foreign(self, peer: str, entry: str, text: str) -> Party:
        if self._inventory.is_host(text):
            return self._inventory.party(text)
        address, network = parse_address(text.strip("[]")), parse_network(text)
        if address is not None:
            if stands_for(address):
                raise NetworkError(f"{entry!r}, given for peer {peer!r}, stands for {stands_for(address)}: expected the address of one host, or a network")
            return Party(str(address), (str(address),))
        if network is not None:
            return Party(str(network), (str(network),), network=True)
        if "." in text and is_name(text):
            return Party(text.lower(), (text.lower(),))
        raise NetworkError(f"{entry!r}, given for peer {peer!r}, is {_mistake(text)}")

    def _index(self, managed: Iterable[Party]) -> None:
        for party in sorted(managed):
            for address in party.addresses:
                other = self._by_address.setdefault(address, party)
                if other.name != party.name:
                    raise NetworkError(f"hosts {other.name!r} and {party.name!r} have the same address {address}: set exasol_address for each")

    def _known(self, party: Party) -> Party:
        return party if party.managed else self._by_address.get(party.name, party)


def _entries(peer: str, value: t.Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(entry, str) for entry in values):
        raise NetworkError(f"peer {peer!r} is given {value!r}: expected a list of groups, hosts, addresses, networks or names")
    return [str(entry) for entry in values]


def _mistake(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if colon and (port.isdigit() or "/" in text) and parse_address(text.split("/")[0]) is None:
        return f"a part of a connection string: write the host alone ({host.split('/')[0]!r}), and set the port in overrides"
    if "/" in text:
        return "no network: expected an address and a prefix length, such as 192.0.2.0/24"
    if not text.isascii() or "%" in text:
        return complaint(text)
    return "neither a group nor a host of the inventory, nor an address, network or full DNS name (with its domain)"


def default_peers(groups: Iterable[str], extra: Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Return the peers of the default groups that exist, and those of the variable C(exasol_peers) beside them."""
    if extra is not None and not isinstance(extra, Mapping):
        raise NetworkError(f"exasol_peers is {extra!r}: expected a dictionary from peers to groups, hosts, addresses, networks or names")
    names = set(groups)
    peers: dict[str, t.Any] = {peer: [group] for peer, group in DEFAULT_GROUPS.items() if group in names}
    for peer, value in (extra or {}).items():
        peers[peer] = peers.get(peer, []) + _entries(peer, value)
    return peers
