# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From an inventory to parties: who plays which peer, and under which addresses."""

from __future__ import annotations

import difflib
import itertools
import re
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence

from ...module_utils._plan.flows import Party
from ...module_utils._values.addresses import (
    Network,
    check_network,
    dotted_range,
    expand,
    explain_mistake,
    host_alone,
    is_name,
    numbers_hint,
    parse_address,
    parse_network,
    single,
    stands_for,
)
from ...module_utils._values.errors import NetworkError, closest

_JDBC = "jdbc:exa:"
# A port or a fingerprint after a host, or what JDBC puts before the hosts.
_PORT = re.compile(r":[0-9]+(?:/[0-9A-Za-z]*)?\Z")
_CONNECTION = re.compile(
    r"(?i)\A\s*jdbc:exa:|\A[^:]*(?:\[[^]]*\][^:]*)?:[0-9]+(?:/[0-9A-Za-z]*)?\s*(?:[,;]|\Z)|/[0-9A-F]{64}\b"
)
_ALIKE = 0.9  # exasol_client and exasol_ndoes are, exa_nodes is not
_ADDRESS, _EXTERNAL = "exasol_address", "exasol_external_address"
_KINDS = {_ADDRESS: "", _EXTERNAL: "external "}  # in sentences
DEFAULT_GROUPS = {
    "database_node": "exasol_nodes",
    "client": "exasol_clients",
    "admin_network": "exasol_admins",
}


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

    @property
    def hosts(self) -> Iterable[str]:
        """The names of all hosts."""
        return self._hosts

    def is_host(self, name: str) -> bool:
        """Tell whether the inventory has a host of this name."""
        return name in self._hosts

    def party(self, name: str) -> Party:
        """Return an inventory host as a party."""
        if name not in self._parties:
            variables = self._variables(name)
            self._parties[name] = Party(
                name=name,
                addresses=_host_addresses(name, variables),
                managed=True,
                cluster=_cluster(name, variables),
                external=_external_addresses(name, variables),
                is_login_address=variables.get("exasol_address") is None,
            )
        return self._parties[name]


def _cluster(name: str, variables: Variables) -> str:
    value = variables.get("exasol_cluster")
    if value is None or value == "":
        return ""
    # A number is a name too, 0 as well as 1; a boolean is a mistake (no, off and on are booleans in YAML).
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
        raise NetworkError(
            f"host {name!r} has the cluster {value!r}: set exasol_cluster to a name, in quotes if YAML would "
            f"read it as something else"
        )
    return str(value).strip()


def _host_addresses(name: str, variables: Variables) -> tuple[str, ...]:
    value = variables.get("exasol_address", variables.get("ansible_host", name))
    if value is None or value == "" or (isinstance(value, Sequence) and not value):
        raise NetworkError(
            f"host {name!r} has no address: set exasol_address to an IP address or a DNS name, or to a list "
            f"of them"
        )
    return _addresses(name, value, _ADDRESS)


def _external_addresses(name: str, variables: Variables) -> tuple[str, ...]:
    value = variables.get(_EXTERNAL)
    if value is None or value == "" or (isinstance(value, Sequence) and not value):
        return ()  # one network for everybody
    return _addresses(name, value, _EXTERNAL)


def _addresses(name: str, value: t.Any, variable: str) -> tuple[str, ...]:
    values = value.split(",") if isinstance(value, str) else value
    kind = _KINDS[variable]
    if not isinstance(values, Sequence) or isinstance(values, bytes):
        raise NetworkError(
            f"host {name!r} has the {kind}address {value!r}: set {variable} to an IP address or a DNS name, "
            f"or to a list of them"
        )
    for part in values:
        if not isinstance(part, str) or not part.strip():
            raise NetworkError(
                f"host {name!r} has {part!r} among its {kind}addresses, {value!r}: expected IP addresses and "
                f"DNS names only; correct {variable}"
            )
    return tuple(dict.fromkeys(_literal(name, part.strip(), variable) for part in values))


def _literal(name: str, text: str, variable: str) -> str:
    kind = _KINDS[variable]
    address = parse_address(text.strip("[]"))
    if address is not None and stands_for(address):
        raise NetworkError(
            f"host {name!r} has the {kind}address {address}, which stands for {stands_for(address)}: set "
            f"{variable} to one of its own"
        )
    if address is None and not is_name(text):
        raise NetworkError(
            f"host {name!r} has the {kind}address {text!r}, which is {explain_mistake(text)}: set {variable}"
        )
    return str(address or text.lower())


class Topology:
    """Resolves what a user writes for a peer.

    That is a group, host, address, network, DNS name, or range of a connection string.
    """

    def __init__(self, inventory: Inventory):
        self._inventory = inventory
        self._by_address: dict[str, Party] = {}

    def members(self, peers: Mapping[str, t.Any]) -> dict[str, list[Party]]:
        """Return the parties of each peer; an address of an inventory host is that host."""
        resolved = {peer: self._resolve(peer, _entries(peer, value)) for peer, value in peers.items()}
        everybody = itertools.chain.from_iterable(resolved.values())
        self._index({party for party in everybody if party.managed})
        return {
            peer: list(dict.fromkeys(self._known(party) for party in parties))
            for peer, parties in resolved.items()
        }

    def _resolve(self, peer: str, entries: Iterable[str]) -> list[Party]:
        parties: list[Party] = []
        for entry in entries:
            if entry in self._inventory.groups:
                parties += [self._inventory.party(host) for host in self._inventory.groups[entry]]
            elif self._inventory.is_host(entry):
                parties.append(self._inventory.party(entry))
            else:
                parties += [
                    self._foreign(peer, entry, part)
                    for text in entry.split(",")
                    for part in expand(text.strip())
                ]
        return parties

    def _foreign(self, peer: str, entry: str, text: str) -> Party:
        if self._inventory.is_host(text):
            return self._inventory.party(text)
        network = parse_network(text)
        address = parse_address(text.strip("[]"))
        if network is not None:
            self._check_network(peer, text, network)
            address = single(network)
        if address is not None:
            if stands_for(address):
                raise NetworkError(
                    f"{entry!r}, given for peer {peer!r}, stands for {stands_for(address)}: expected the "
                    f"address of one host, or a network"
                )
            return Party(str(address), (str(address),))
        if network is not None:
            return Party(str(network), (str(network),), network=True)
        if "." in text and is_name(text):
            return Party(text.lower(), (text.lower(),))
        raise NetworkError(
            f"{entry!r}, given for peer {peer!r}, is "
            f"{_mistake(entry, text, [*self._inventory.groups, *self._inventory.hosts])}"
        )

    @staticmethod
    def _check_network(peer: str, text: str, network: Network) -> None:
        try:
            check_network(text, network)
        except NetworkError as error:
            raise NetworkError(f"a network of peer {peer!r} cannot be used: {error}") from None

    def _index(self, managed: Iterable[Party]) -> None:
        for party in sorted(managed):
            for address in party.addresses + party.external:
                other = self._by_address.setdefault(address, party)
                if other.name != party.name:
                    raise NetworkError(
                        f"hosts {other.name!r} and {party.name!r} have the same address {address}: set "
                        f"{_variables_of(address, party, other)} for each; an address that moves between "
                        "hosts belongs to neither, name it in exasol_peers"
                    )

    def _known(self, party: Party) -> Party:
        return party if party.managed else self._by_address.get(party.name, party)


def _variables_of(address: str, *parties: Party) -> str:
    """Return which variables give these hosts an address."""
    found = {_EXTERNAL if address in party.external else _ADDRESS for party in parties}
    return " and ".join(sorted(found))


def _entries(peer: str, value: t.Any) -> list[str]:
    values = [value] if isinstance(value, str) else value
    if (
        not isinstance(values, Sequence)
        or isinstance(values, bytes)
        or not all(isinstance(entry, str) for entry in values)
    ):
        raise NetworkError(
            f"peer {peer!r} is given {value!r}: expected a list of groups, hosts, addresses, networks or "
            f"names"
        )
    return [str(entry) for entry in values]


def _mistake(entry: str, text: str, known: Iterable[str]) -> str:
    if _CONNECTION.search(entry) or _CONNECTION.search(text):
        return (
            f"a part of a connection string: write the hosts alone ({_hosts_alone(entry)!r}), and set the "
            "port in overrides"
        )
    if "/" in text:
        host = host_alone(text)
        return "no network: expected an address and a prefix length, such as 192.0.2.0/24" + (
            f", or the host alone, {host!r}" if host else ""
        )
    if dotted_range(text):
        return f"no range: write {dotted_range(text)!r}"
    if not text.isascii() or "%" in text:
        return explain_mistake(text)
    return (
        "neither a group nor a host of the inventory, nor an address, network or full DNS name (with its "
        f"domain){numbers_hint(text)}{closest(text, known)}"
    )


def _hosts_alone(entry: str) -> str:
    """Return the hosts of a connection string as they may be written here, every one of them."""
    hosts = entry.split(";")[0]
    if hosts.lower().startswith(_JDBC):
        hosts = hosts[len(_JDBC) :]
    parts = [part.strip() for part in hosts.split(",")]
    # An IPv6 address without brackets has no port, though it may look so.
    return ",".join(
        part if parse_address(part) else _PORT.sub("", part).split("/")[0] for part in parts if part
    )


def default_peers(groups: Iterable[str], extra: Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Return the peers of the default groups that exist, and those of the variable C(exasol_peers)."""
    if extra is not None and not isinstance(extra, Mapping):
        raise NetworkError(
            f"exasol_peers is {extra!r}: expected a dictionary from peers to groups, hosts, addresses, "
            f"networks or names"
        )
    names = set(groups)
    peers: dict[str, t.Any] = {peer: [group] for peer, group in DEFAULT_GROUPS.items() if group in names}
    for peer, value in (extra or {}).items():
        peers[peer] = peers.get(peer, []) + _entries(peer, value)
    return peers


def misspelt_groups(groups: Iterable[str], peers: Mapping[str, t.Any]) -> list[str]:
    """Return a sentence for each group that is probably meant to be a default group that does not exist."""
    names = [name for name in groups if name not in ("all", "ungrouped")]
    used = {entry for value in peers.values() for entry in value}
    notes = []
    for peer, group in DEFAULT_GROUPS.items():
        meant = (
            []
            if group in names
            else difflib.get_close_matches(
                group, [name for name in names if name not in used], n=1, cutoff=_ALIKE
            )
        )
        notes += [
            f"the group {name!r} plays no peer: the group of peer {peer!r} is named {group!r}; rename it, or "
            f"name it in exasol_peers."
            for name in meant
        ]
    return notes
