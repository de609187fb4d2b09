# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host must let in or out: rules with merged ports, one for each set of addresses.

Parties that play the same part in every bundle get the same ports, so the ports of a pair are worked out once
for each pair of parts and not once for each pair of hosts.

An entry without addresses opens nothing: it names service ports that nobody may use.
"""

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Sequence, Tuple

from .._values.addresses import sort_key
from .._values.ports import Ports
from .flows import Bundle, Party

if TYPE_CHECKING:
    from .._shapes import HostRule

Part = Tuple[int, ...]
# Parties with the same part, cluster, release, and either all or none of them with external addresses.
_Group = Tuple[Part, str, str, bool]


class _Opening(NamedTuple):
    protocol: str
    ports: Ports
    services: Tuple[str, ...]


def rules(found: Sequence[Bundle], hosts: Iterable[Party]) -> "Dict[str, List[HostRule]]":
    """Return the rules of each managed host, inbound before outbound, in a canonical order."""
    return _Rules(found).of(hosts)


def nobodys(incoming: Sequence[Bundle], ruled: "Mapping[str, List[HostRule]]") -> "Dict[str, List[HostRule]]":
    """Return the rules with an entry for the service ports of each host that nobody may use."""
    offered: Dict[str, List[Bundle]] = {}
    for bundle in incoming:
        for party in bundle.destinations:
            offered.setdefault(party.name, []).append(bundle)
    return {name: _with_nobodys(entries, offered.get(name, ())) for name, entries in ruled.items()}


def _with_nobodys(entries: "List[HostRule]", offered: Iterable[Bundle]) -> "List[HostRule]":
    inbound = [entry for entry in entries if entry["direction"] == "in"]
    unused = []
    for bundle in offered:
        used = [
            Ports.parse(entry["ports"]) for entry in inbound if entry["protocol"] == bundle.service.protocol
        ]
        ports = bundle.service.ports - Ports.union(used)
        if ports:
            unused.append(bundle._replace(service=bundle.service._replace(ports=ports)))
    outbound = [entry for entry in entries if entry["direction"] == "out"]
    return inbound + [_rule("in", opening, []) for opening in _merge_openings(unused)] + outbound


def _order(opening: _Opening) -> Any:
    return opening.protocol, opening.ports.ranges, opening.services


class _Rules:
    def __init__(self, found: Sequence[Bundle]):
        self._bundles = found
        self._sources = _parts(bundle.sources for bundle in found)
        self._destinations = _parts(bundle.destinations for bundle in found)
        self._cache: Dict[Tuple[Any, ...], List[_Opening]] = {}

    def of(self, hosts: Iterable[Party]) -> "Dict[str, List[HostRule]]":
        by_part = {"in": _group(self._sources), "out": _group(self._destinations)}
        return {
            host.name: self._side(host, "in", by_part["in"]) + self._side(host, "out", by_part["out"])
            for host in hosts
        }

    def _side(self, host: Party, direction: str, others: Mapping[_Group, List[Party]]) -> "List[HostRule]":
        own = (self._destinations if direction == "in" else self._sources).get(host, ())
        grouped: Dict[_Opening, List[str]] = {}
        for (part, cluster, release, is_external), parties in others.items():
            inbound = direction == "in"
            pair = (part, own) if inbound else (own, part)
            releases = (release, host.release) if inbound else (host.release, release)
            ends = [party for party in parties if party.name != host.name]
            if is_external:
                addresses = _of_external(direction, host, ends)
            else:
                addresses = [address for party in ends for address in party.addresses]
            if not addresses:
                continue
            for opening in self._openings(direction, pair, cluster == host.cluster, releases):
                grouped.setdefault(opening, []).extend(addresses)
        return [_rule(direction, opening, grouped[opening]) for opening in sorted(grouped, key=_order)]

    def _openings(
        self, direction: str, pair: Tuple[Part, Part], same_cluster: bool, releases: Tuple[str, str]
    ) -> List[_Opening]:
        key = (direction, pair, same_cluster, releases)
        if key not in self._cache:
            shared = set(pair[0]) & set(pair[1])
            bundles = [bundle for index, bundle in enumerate(self._bundles) if index in shared]
            self._cache[key] = _merge_openings(
                bundle for bundle in bundles if _opens(bundle, direction, same_cluster, releases)
            )
        return self._cache[key]


def _opens(bundle: Bundle, direction: str, same_cluster: bool, releases: Tuple[str, str]) -> bool:
    return bundle.spans(same_cluster, *releases) and (direction == "out" or bundle.service.far_end_listens)


def _of_external(direction: str, host: Party, parties: Iterable[Party]) -> List[str]:
    """Return the addresses of parties that have external ones, as a host sees or reaches them."""
    found: List[str] = []
    for party in parties:
        found += party.seen_at(host) if direction == "in" else party.reached_from(host)
    return found


def _parts(sides: Iterable[Sequence[Party]]) -> Dict[Party, Part]:
    parts: Dict[Party, Part] = {}
    for index, parties in enumerate(sides):
        for party in parties:
            parts[party] = parts.get(party, ()) + (index,)
    return parts


def _group(parts: Mapping[Party, Part]) -> Dict[_Group, List[Party]]:
    grouped: Dict[_Group, List[Party]] = {}
    for party, part in parts.items():
        group = (part, party.cluster, party.release, bool(party.external))
        grouped.setdefault(group, []).append(party)
    return grouped


def _merge_openings(bundles: Iterable[Bundle]) -> List[_Opening]:
    ports: Dict[str, Ports] = {}
    services: Dict[str, List[str]] = {}
    for bundle in bundles:
        protocol = bundle.service.protocol
        ports[protocol] = ports.get(protocol, Ports()) | bundle.service.ports
        services.setdefault(protocol, []).extend(bundle.names)
    return [
        _Opening(protocol, ports[protocol], tuple(sorted(set(services[protocol]))))
        for protocol in sorted(ports)
    ]


def _rule(direction: str, opening: _Opening, addresses: List[str]) -> "HostRule":
    return {
        "direction": direction,
        "protocol": opening.protocol,
        "ports": str(opening.ports) or "any",
        "addresses": sorted(set(addresses), key=sort_key),
        "services": list(opening.services),
    }
