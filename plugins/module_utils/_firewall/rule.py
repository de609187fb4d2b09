# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firewall rules in canonical form, the same for every provider.

Two lists of rules that permit the same traffic are equal in this form. So whether a host has to change is a
comparison.
"""

import ipaddress
import re
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Sequence,
    Set,
    Tuple,
)

from .._values.addresses import Network, check_network, is_name, parse_address, parse_network
from .._values.errors import NetworkError
from .._values.ports import Ports

if TYPE_CHECKING:
    from .._shapes import HostRule

IN, OUT = "in", "out"
ACCEPT, REJECT = "accept", "reject"
CONTROLLER = "controller"
EVERYBODY: Tuple[Network, ...] = ()
COMMENT_PREFIX = "exasol: "  # of the comment by which a rule is recognized as ours


class Rule(NamedTuple):
    """What to do with the packets of one direction, protocol and address family."""

    action: str
    direction: str
    version: int  # of the addresses: 4 or 6
    protocol: str  # "tcp", "udp", or "any"
    ports: Ports  # empty with protocol "any"
    networks: Tuple[Network, ...]  # the sources of "in", the destinations of "out"; empty: every address
    services: Tuple[str, ...]

    def __str__(self) -> str:
        what = f"{self.protocol} {self.ports}".strip() if self.ports else "any protocol"
        preposition = "from" if self.direction == IN else "to"
        networks = ", ".join(network_text(network) for network in self.networks)
        ends = networks or f"anybody (IPv{self.version})"
        services = ", ".join(self.services)
        return f"{self.action} {self.direction} {what} {preposition} {ends}  # {services}"


Rules = Tuple[Rule, ...]
ALL: Dict[int, Network] = {4: ipaddress.ip_network("0.0.0.0/0"), 6: ipaddress.ip_network("::/0")}
SHORTENED = "..."  # stands for the names that did not fit
# What comments, descriptions and scripts can hold without quotes; it includes the service names of RFC 6335.
_SERVICE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
MAX_COMMENT = 96  # characters for the names; nftables allows 128 in all (NFTNL_UDATA_COMMENT_MAXLEN)
Resolver = Callable[[str], Sequence[str]]


def network_text(network: Network) -> str:
    """Return a network as text; a single address has no prefix length."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def lines(rules: Iterable[Rule]) -> str:
    """Return the rules as text for a diff, one a line."""
    return "".join(f"{rule}\n" for rule in rules)


def canonical(rules: Iterable[Rule]) -> Rules:
    """Return the canonical form of rules, which permits the same.

    Accepted traffic comes before rejected traffic, ports are merged for each set of networks, and no network
    is there twice.
    """
    found = _merged(rules)
    before: Rules = ()
    while found != before:
        # Networks that were merged may now equal those of another rule, and so may names that were shortened.
        found, before = _merged(found), found
    return found


_Kind = Tuple[str, str, int, str]  # action, direction, version and protocol


def _merged(rules: Iterable[Rule]) -> Rules:
    ports: Dict[_Kind, Dict[Network, Ports]] = {}
    services: Dict[_Kind, Dict[Network, Set[str]]] = {}
    for rule in rules:
        key = (rule.action, rule.direction, rule.version, rule.protocol)
        for network in networks_of(rule):
            by_network = ports.setdefault(key, {})
            by_network[network] = by_network.get(network, Ports()) | rule.ports
            services.setdefault(key, {}).setdefault(network, set()).update(rule.services)
    found = [rule for key, by_network in ports.items() for rule in _grouped(key, by_network, services[key])]
    return sort_rules(found)


def sort_rules(rules: Iterable[Rule]) -> Rules:
    """Return the rules in the order in which they are compared and rendered."""

    def key(rule: Rule) -> Tuple[Any, ...]:
        networks = [(int(network.network_address), network.prefixlen) for network in rule.networks]
        kind = (rule.action, rule.direction, rule.version, rule.protocol)
        return (*kind, rule.ports.ranges, networks, rule.services)

    return tuple(sorted(rules, key=key))


def collapse(networks: Iterable[Network], version: int) -> Tuple[Network, ...]:
    """Return the same addresses in as few networks as possible, and EVERYBODY for all addresses."""
    found = tuple(ipaddress.collapse_addresses(networks))  # type: ignore[type-var]  # all of one version
    return EVERYBODY if found == (ALL[version],) else found


def _grouped(
    kind: _Kind, ports: Mapping[Network, Ports], services: Mapping[Network, Set[str]]
) -> Iterable[Rule]:
    grouped: Dict[Tuple[Ports, Tuple[str, ...]], List[Network]] = {}
    for network, merged in ports.items():
        grouped.setdefault((merged, fit_names(services[network])), []).append(network)
    action, direction, version, protocol = kind
    for (merged, names), networks in grouped.items():
        yield Rule(
            action=action,
            direction=direction,
            version=version,
            protocol=protocol,
            ports=merged,
            networks=collapse(networks, version),
            services=names,
        )


def fit_names(services: Iterable[str]) -> Tuple[str, ...]:
    """Return as many names as a comment can hold, with a mark at the end if some are missing."""
    known = sorted(services)
    names = [name for name in known if name != SHORTENED]
    fit: List[str] = []
    for name in names:
        if len(", ".join(fit + [name, SHORTENED])) > MAX_COMMENT:
            return tuple(fit) + (SHORTENED,)
        fit.append(name)
    return tuple(fit) + ((SHORTENED,) if len(names) < len(known) else ())


def names_of(comment: str) -> Tuple[str, ...]:
    """Return the names of services in a comment."""
    return tuple(name for name in comment.split(", ") if name)


def from_plan(entries: "Iterable[HostRule]", resolve: Resolver, allow_any: bool = False) -> Rules:
    """Return the rules that a plan has for a host; C(resolve) turns a DNS name into addresses.

    Rules for every address are refused unless C(allow_any).
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
                        action=ACCEPT,
                        direction=entry["direction"],
                        version=version,
                        protocol=entry["protocol"],
                        ports=ports,
                        networks=family,
                        services=_services(entry["services"]),
                    )
                )
    found = canonical(rules)
    if not allow_any:
        _check_any(found)
    return found


def _check_any(rules: Iterable[Rule]) -> None:
    """Raise if some rules are together for every address, if only on some ports."""
    by_kind: Dict[_Kind, List[Rule]] = {}
    for rule in rules:
        by_kind.setdefault((rule.action, rule.direction, rule.version, rule.protocol), []).append(rule)
    for (unused, direction, version, protocol), alike in by_kind.items():
        networks = {network for rule in alike for network in networks_of(rule)}
        if sum(network.num_addresses for network in networks) < ALL[version].num_addresses:
            continue
        # At the first port of some rule the most rules apply.
        for port in sorted({item.first for rule in alike for item in rule.ports.ranges} or {0}):
            applying = [rule for rule in alike if _applies(rule, port)]
            together = {network for rule in applying for network in networks_of(rule)}
            if collapse(together, version) == EVERYBODY:
                what = f"{protocol} {port}" if port else protocol
                way = "come in from" if direction == IN else "go out to"
                services = ", ".join(sorted({name for rule in applying for name in rule.services}))
                raise NetworkError(
                    f"the rules let {what} {way} every address of IPv{version} (services: {services}): name "
                    "the networks that need it, or set allow_any (exasol_allow_any) to true"
                )


def networks_of(rule: Rule) -> Tuple[Network, ...]:
    """Return the networks that a rule is about."""
    return rule.networks or (ALL[rule.version],)


def _applies(rule: Rule, port: int) -> bool:
    return not rule.ports or port in rule.ports


def _services(names: Iterable[str]) -> Tuple[str, ...]:
    for name in names:
        if not _SERVICE.match(name):
            raise NetworkError(f"invalid service name {name!r}: use letters, digits and . _ + -")
    return tuple(sorted(names))


def _networks(value: Any, resolve: Resolver) -> List[Network]:
    if not isinstance(value, str) or not value.strip():
        raise NetworkError(f"{value!r} is not an address, network or DNS name: a firewall rule needs one")
    network = None if "%" in value else parse_network(value)
    if network is not None:
        check_network(value, network)
        return [network]
    # Only the resolver understands a zone (fe80::1%eth0); firewalls match the address without it.
    address = None if "%" in value else parse_address(value)
    if address is None:
        return [ipaddress.ip_network(found.split("%")[0]) for found in _resolved(value, resolve)]
    if address.is_unspecified:
        raise NetworkError(
            f"{value!r} is not the address of a host: use one, or a network such as 192.0.2.0/24"
        )
    return [ipaddress.ip_network(str(address))]


def _resolved(name: str, resolve: Resolver) -> Sequence[str]:
    if not is_name(name):
        # inet_aton(3) reads 192.0.2 as 192.0.0.2, and so would the resolver.
        raise NetworkError(f"{name!r} is not an address, network or DNS name: a firewall rule needs one")
    addresses = resolve(name)
    if not addresses:
        raise NetworkError(
            f"{name!r} does not resolve on this host, and a firewall rule needs addresses: "
            "use an IP address, or fix name resolution"
        )
    return addresses


class UnusedPorts(NamedTuple):
    """Ports of services that nobody may use."""

    protocol: str
    ports: Ports
    services: Tuple[str, ...]


def unused_ports(entries: "Iterable[HostRule]") -> List[UnusedPorts]:
    """Return the ports of the plan's rules without addresses."""
    return [
        UnusedPorts(entry["protocol"], Ports.parse(entry["ports"]), _services(entry["services"]))
        for entry in entries
        if not entry["addresses"] and entry["direction"] == IN and entry["protocol"] != "any"
    ]


def restriction(rules: Iterable[Rule], spared: Iterable[int], unused: Iterable[UnusedPorts] = ()) -> Rules:
    """Return the rules that reject everybody whom the given rules do not accept on their ports.

    On C(unused) ports everybody is rejected, on C(spared) ports nobody.
    """
    used = [
        UnusedPorts(rule.protocol, rule.ports, rule.services)
        for rule in rules
        if rule.action == ACCEPT and rule.direction == IN and rule.ports and CONTROLLER not in rule.services
    ]
    wanted: Dict[str, Tuple[Ports, Set[str]]] = {}
    for protocol, more, names in used + list(unused):
        ports, services = wanted.get(protocol, (Ports(), set()))
        wanted[protocol] = (ports | more, services | set(names))
    kept = Ports(spared)
    refused = {protocol: (ports - kept, services) for protocol, (ports, services) in wanted.items()}
    return canonical(
        Rule(
            action=REJECT,
            direction=IN,
            version=version,
            protocol=protocol,
            ports=ports,
            networks=EVERYBODY,
            services=fit_names(services),
        )
        for protocol, (ports, services) in refused.items()
        for version in ((4, 6) if ports else ())
    )


def controller(address: str, port: int) -> Rule:
    """Return the rule that keeps the port of the running connection open for its remote address."""
    network = ipaddress.ip_network(address)
    return Rule(
        action=ACCEPT,
        direction=IN,
        version=network.version,
        protocol="tcp",
        ports=Ports([port]),
        networks=(network,),
        services=(CONTROLLER,),
    )
