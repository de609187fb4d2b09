# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each host must let in or out: rules with merged ports, one for each set of addresses.

Parties that play the same part in every bundle get the same ports, so the ports of a pair are worked out once
for each pair of parts and not once for each pair of hosts.

A rule without addresses opens nothing: it names service ports that nobody may use.
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


_Openings = List[Tuple[_Opening, List[str]]]  # with the addresses for which each is


def rules(
    found: Sequence[Bundle], hosts: Iterable[Party], incoming: Sequence[Bundle] = ()
) -> "Dict[str, List[HostRule]]":
    """Return the rules of each managed host, inbound before outbound, in a canonical order.

    C(incoming) are bundles from anybody to those who offer a service: with them, the rules have an entry for
    the service ports of each host that nobody may use.
    """
    offered: Dict[str, List[Bundle]] = {}
    for bundle in incoming:
        for party in bundle.destinations:
            offered.setdefault(party.name, []).append(bundle)
    return _Rules(found).of(hosts, offered)


def _unused(opened: Iterable[_Opening], offered: Iterable[Bundle]) -> List[_Opening]:
    """Return the ports of offered services that no rule opens."""
    used: Dict[str, Ports] = {}
    for opening in opened:
        used[opening.protocol] = used.get(opening.protocol, Ports()) | opening.ports
    unused = []
    for bundle in offered:
        ports = bundle.service.ports - used.get(bundle.service.protocol, Ports())
        if ports:
            unused.append(bundle._replace(service=bundle.service._replace(ports=ports)))
    return _merge_openings(unused)


def _order(opening: _Opening) -> Any:
    return opening.protocol, opening.ports.ranges, opening.services


class _Rules:
    def __init__(self, found: Sequence[Bundle]):
        self._bundles = found
        self._sources = _parts(bundle.sources for bundle in found)
        self._destinations = _parts(bundle.destinations for bundle in found)
        self._cache: Dict[Tuple[Any, ...], List[_Opening]] = {}

    def of(
        self, hosts: Iterable[Party], offered: Mapping[str, Sequence[Bundle]]
    ) -> "Dict[str, List[HostRule]]":
        sources, destinations = _group(self._sources), _group(self._destinations)
        found: "Dict[str, List[HostRule]]" = {}
        for host in hosts:
            inbound = self._side(host, "in", sources)
            unused: _Openings = [
                (opening, []) for opening in _unused(dict(inbound), offered.get(host.name, ()))
            ]
            outbound = self._side(host, "out", destinations)
            found[host.name] = [
                *(_rule("in", *opened) for opened in inbound + unused),
                *(_rule("out", *opened) for opened in outbound),
            ]
        return found

    def _side(self, host: Party, direction: str, others: Mapping[_Group, List[Party]]) -> _Openings:
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
        return [(opening, grouped[opening]) for opening in sorted(grouped, key=_order)]

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
