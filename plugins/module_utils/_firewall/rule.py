# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firewall rules in canonical form: what a host lets in or out, the same for every provider.

Two lists of rules that permit the same are equal, so that comparing them says whether anything has to change.
"""

import ipaddress
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Set, Tuple

from .._values.addresses import Network, check_network, is_name, parse_address, parse_network
from .._values.errors import NetworkError
from .._values.ports import Ports

IN, OUT = "in", "out"
ACCEPT, REJECT = "accept", "reject"
CONTROLLER = "controller"
EVERYBODY: Tuple[Network, ...] = ()


class Rule(NamedTuple):
    """What to do with the packets of one direction, protocol and address family."""

    action: str
    direction: str
    version: int  # of the addresses: 4 or 6
    protocol: str  # "tcp", "udp", or "any"
    ports: Ports  # empty with protocol "any"
    networks: Tuple[Network, ...]  # sources of what comes in, destinations of what goes out; empty: everybody
    services: Tuple[str, ...]

    def __str__(self):
        what = f"{self.protocol} {self.ports}" if self.ports else "any protocol"
        networks = ", ".join(plain(network) for network in self.networks) or f"anybody (IPv{self.version})"
        ends = "{0} {1}".format("from" if self.direction == IN else "to", networks)
        return "{0} {1} {2} {3}  # {4}".format(
            self.action, self.direction, what, ends, ", ".join(self.services)
        )


Rules = Tuple[Rule, ...]
ALL: Dict[int, Network] = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}
_MORE = "..."
# What stands in comments, descriptions and scripts unquoted; RFC 6335's service names are a subset.
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_COMMENT = 96  # characters; nftables allows 128 in all (NFTNL_UDATA_COMMENT_MAXLEN)
Resolver = Callable[[str], Sequence[str]]


def plain(network: Network) -> str:
    """Return a network as text, one address without its prefix length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def lines(rules: Iterable[Rule]) -> str:
    """Return rules as text for a diff, a line for each."""
    return "".join(f"{rule}\n" for rule in rules)


def canonical(rules: Iterable[Rule]) -> Rules:
    """Return rules that permit the same, in canonical form.

    Rejections last, ports merged for each set of networks, no network twice.
    """
    found, before = _merged(rules), ()  # type: Rules, Rules
    while found != before:
        # Networks that became one may meet their like, and names that were shortened may have become the
        # same.
        found, before = _merged(found), found
    return found


def _merged(rules: Iterable[Rule]) -> Rules:
    ports, services = {}, {}  # type: Dict[Tuple[str, str, int, str], Dict[Network, Ports]], Dict[Tuple[str, str, int, str], Dict[Network, Set[str]]]
    for rule in rules:
        key = (rule.action, rule.direction, rule.version, rule.protocol)
        for network in rule.networks or (ALL[rule.version],):
            by_network = ports.setdefault(key, {})
            by_network[network] = by_network.get(network, Ports()) | rule.ports
            services.setdefault(key, {}).setdefault(network, set()).update(rule.services)
    found = [rule for key, by_network in ports.items() for rule in _grouped(key, by_network, services[key])]
    return ordered(found)


def ordered(rules: Iterable[Rule]) -> Rules:
    """Return rules in the one order that they are compared and rendered in."""
    return tuple(
        sorted(
            rules,
            key=lambda rule: (
                rule.action,
                rule.direction,
                rule.version,
                rule.protocol,
                rule.ports.ranges,
                _order(rule.networks),
                rule.services,
            ),
        )
    )


def collapsed(networks: Iterable[Network], version: int) -> Tuple[Network, ...]:
    """Return the same addresses in as few networks as possible; all addresses are everybody."""
    found = tuple(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]  # one family at a time
    return EVERYBODY if found == (ALL[version],) else found


def _order(networks: Sequence[Network]) -> List[Tuple[int, int]]:
    return [(int(network.network_address), network.prefixlen) for network in networks]


def _grouped(
    key: Tuple[str, str, int, str], ports: Mapping[Network, Ports], services: Mapping[Network, Set[str]]
) -> Iterable[Rule]:
    grouped: Dict[Tuple[Ports, Tuple[str, ...]], List[Network]] = {}
    for network, merged in ports.items():
        grouped.setdefault((merged, fitting(sorted(services[network]))), []).append(network)
    for (merged, names), networks in grouped.items():
        yield Rule(key[0], key[1], key[2], key[3], merged, collapsed(networks, key[2]), names)


def fitting(services: Sequence[str]) -> Tuple[str, ...]:
    """Return the names that fit a firewall's comment, with a mark at the end where some do not."""
    fit: List[str] = []
    names = [name for name in services if name != _MORE]
    for name in names:
        if len(", ".join(fit + [name, _MORE])) > _COMMENT:
            return tuple(fit) + (_MORE,)
        fit.append(name)
    return tuple(fit) + ((_MORE,) if len(names) < len(services) else ())


def names_of(comment: str) -> Tuple[str, ...]:
    """Return the names that a comment holds."""
    return tuple(name for name in comment.split(", ") if name)


def from_plan(entries: Iterable[Mapping[str, Any]], resolve: Resolver, allow_any: bool = False) -> Rules:
    """Return the rules of a plan's host; C(resolve) turns a DNS name into addresses.

    C(allow_any) lets rules be for every address.
    """
    rules = []
    for entry in entries:
        ports = Ports() if entry["protocol"] == "any" else Ports.parse(entry["ports"])
        networks = [network for address in entry["addresses"] for network in _networks(address, resolve)]
        for version in (4, 6):
            family = tuple(sorted(network for network in networks if network.version == version))
            if family:
                rules.append(
                    Rule(
                        ACCEPT,
                        entry["direction"],
                        version,
                        entry["protocol"],
                        ports,
                        family,
                        _services(entry["services"]),
                    )
                )
    found = canonical(rules)
    if not allow_any:
        _check_any(found)
    return found


def _check_any(rules: Iterable[Rule]) -> None:
    """Raise where rules are together for every address, if only on some ports."""
    alike: Dict[Tuple[str, int, str], List[Rule]] = {}
    for rule in rules:
        alike.setdefault((rule.direction, rule.version, rule.protocol), []).append(rule)
    for (direction, version, protocol), some in alike.items():
        networks = {network for rule in some for network in rule.networks or (ALL[version],)}
        if sum(network.num_addresses for network in networks) < ALL[version].num_addresses:
            continue
        for first in sorted({item.first for rule in some for item in rule.ports.ranges} or {0}):
            there = [rule for rule in some if not rule.ports or first in rule.ports]
            if (
                collapsed(
                    {network for rule in there for network in rule.networks or (ALL[version],)}, version
                )
                == EVERYBODY
            ):
                raise NetworkError(
                    "the rules permit {0} {1} to {2} every address of IPv{3} (services: {4}): name the "
                    "networks that need it, or set "
                    "allow_any (exasol_allow_any) to true".format(
                        protocol,
                        first or "",
                        "come in from" if direction == IN else "go out to",
                        version,
                        ", ".join(sorted({name for rule in there for name in rule.services})),
                    )
                )


def _services(names: Iterable[str]) -> Tuple[str, ...]:
    for name in names:
        if not _SERVICE.match(name):
            raise NetworkError(
                f"service name {name!r} cannot stand in a firewall's comment: expected letters, digits, and "
                f". _ + - between them"
            )
    return tuple(sorted(names))


def _networks(value: Any, resolve: Resolver) -> List[Network]:
    if not isinstance(value, str) or not value.strip():
        raise NetworkError(f"{value!r} is no address, network or DNS name: a firewall rule needs one")
    network = None if "%" in value else parse_network(value)
    if network is not None:
        check_network(value, network)
        return [network]
    # A zone (fe80::1%eth0) is the resolver's; firewalls match the address alone.
    address = None if "%" in value else parse_address(value)
    if address is None:
        return [ipaddress.ip_network(found.split("%")[0]) for found in _resolved(value, resolve)]
    if address.is_unspecified:
        raise NetworkError(
            f"{value!r} is no address of a host: expected one, or a network such as 192.0.2.0/24"
        )
    return [ipaddress.ip_network(str(address))]


def _resolved(name: str, resolve: Resolver) -> Sequence[str]:
    if not is_name(name):
        # inet_aton(3) reads 192.0.2 as 192.0.0.2, and so would the resolver.
        raise NetworkError(f"{name!r} is no address, network or DNS name: a firewall rule needs one")
    addresses = resolve(name)
    if not addresses:
        raise NetworkError(
            f"the name {name!r} does not resolve on this host: a firewall rule needs addresses; "
            "give the address instead, or mend the name"
        )
    return addresses


def nobodys(entries: Iterable[Mapping[str, Any]]) -> List[Tuple[str, Ports, Tuple[str, ...]]]:
    """Return protocol, ports and services of the entries without addresses: ports that nobody may use."""
    return [
        (entry["protocol"], Ports.parse(entry["ports"]), _services(entry["services"]))
        for entry in entries
        if not entry["addresses"] and entry["direction"] == IN and entry["protocol"] != "any"
    ]


def restriction(
    rules: Iterable[Rule], spared: Iterable[int], unused: Iterable[Tuple[str, Ports, Tuple[str, ...]]] = ()
) -> Rules:
    """Return the rules that refuse everybody else on the service ports that come in, never on the C(spared) ports.

    C(unused) are service ports that nobody may use.
    """
    wanted: Dict[str, Tuple[Ports, Set[str]]] = {}
    used = [
        (rule.protocol, rule.ports, rule.services)
        for rule in rules
        if rule.action == ACCEPT and rule.direction == IN and rule.ports and CONTROLLER not in rule.services
    ]
    for protocol, more, names in used + list(unused):
        ports, services = wanted.get(protocol, (Ports(), set()))
        wanted[protocol] = (ports | more, services | set(names))
    kept = Ports(spared)
    refused = {protocol: (ports - kept, services) for protocol, (ports, services) in wanted.items()}
    return canonical(
        Rule(REJECT, IN, version, protocol, ports, EVERYBODY, fitting(sorted(services)))
        for protocol, (ports, services) in refused.items()
        if ports
        for version in (4, 6)
    )


def controller(address: str, port: int) -> Rule:
    """Return the rule that keeps the running connection's way in open."""
    network = ipaddress.ip_network(address)
    return Rule(ACCEPT, IN, network.version, "tcp", Ports([port]), (network,), (CONTROLLER,))
