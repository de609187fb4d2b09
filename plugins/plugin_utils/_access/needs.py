# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What sources need of destinations, in as few rows as possible: nothing missing, and nothing more.

Equal needs are one row, as products of sets of hosts. A row has the addresses at which both ends see each
other, also those that a device on the path translates.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._plan.ftp_modes import ACTIVE_NAME
from ...module_utils._plan.networks import Networks
from ...module_utils._values.addresses import parse_network
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .._text.products import grouped
from .._text.sets import natural
from .._verdict.phrases import some_of
from .._verdict.records import Records
from .._verdict.trace_notes import short_words
from .rows import Row, collapse, family

if t.TYPE_CHECKING:
    from ...module_utils._shapes import MeasuredPath, Result

PLANNED = "planned, not measured"
_MAX_SENDERS = 3


class Need(t.NamedTuple):
    """One address of one destination that one source must reach."""

    source: str
    destination: str
    address: str
    protocol: str
    ports: Ports  # empty: any
    service: str
    why: str
    resolved_by: str = ""  # the host that says that the destination's name has this address


class Target(t.NamedTuple):
    name: str
    address: str


_Seen = Mapping[tuple[str, str], tuple[str, ...]]  # by source and destination


class Site:
    """The addresses of all hosts, and the order in which they are named.

    That is the order of the inventory, then that of the numbers in their names. C(seen) has the addresses as
    which destinations see sources, where a device on the path translates them.
    """

    def __init__(self, networks: Networks, places: Mapping[str, int], seen: _Seen | None = None):
        self.networks, self._places = networks, places
        self._seen = seen or {}

    def seen_as(self, source: str, destination: str) -> tuple[str, ...]:
        """Return the addresses as which a destination sees a source that has others."""
        return self._seen.get((source, destination), ())

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return names, each once, in order."""
        return tuple(sorted(set(names), key=self._key))

    def row_key(self, row: Row) -> t.Any:
        """Return what rows are ordered by."""
        return (
            [self._key(name) for name in row.destinations],
            [self._key(name) for name in row.sources],
            row.protocol,
            row.ports,
        )

    def _key(self, name: str) -> t.Any:
        return self._places.get(name, len(self._places)), natural(name)


def translated(paths: Iterable[MeasuredPath]) -> _Seen:
    found: dict[tuple[str, str], set[str]] = {}
    if isinstance(paths, Records):
        paths = paths.where(lambda common: bool(common.get("seen_as")))
    for path in paths:
        if path.get("seen_as"):
            found.setdefault((path["source"], path["destination"]), set()).update(path["seen_as"])
    return {ends: collapse(addresses) for ends, addresses in found.items()}


def needs_of(result: Result, site: Site) -> Iterator[Need]:
    why = f"measured {result['verdict']}"
    if result.get("reason_ip"):
        why += f" by {result['reason_ip']}"
    traced = short_words(result)
    if traced:
        why += f" ({traced})"
    source, destination, targets = result["source"], result["destination"], [result["address"]]
    for end in (source, destination, *targets):
        if parse_network(end):
            raise NetworkError(
                f"a result has the network {end!r} as an end: expected a host, an address or a DNS name; no "
                f"rule is made of it"
            )
    # A name has the addresses that the probing host resolved: whoever reads the request must know that.
    known = {*site.networks.addresses(destination, source), *site.networks.own_addresses(destination)}
    resolved_by = source if targets[0] not in known else ""
    if result["service"] == ACTIVE_NAME:
        targets, resolved_by = list(site.networks.addresses(source, destination)), ""
        source, destination = destination, source
    for target in targets:
        yield Need(
            source=source,
            destination=destination,
            address=target,
            protocol=result["protocol"],
            ports=ports_of(result["ports"]),
            service=result["service"],
            why=why,
            resolved_by=resolved_by,
        )


def ports_of(value: str) -> Ports:
    return Ports() if value == "any" else Ports.parse(value)


class _Pair:
    """All that one source needs of one address over one protocol."""

    def __init__(self) -> None:
        self.ports: list[Ports] = []
        self.needs: list[Need] = []

    def add(self, need: Need) -> None:
        self.needs.append(need)
        self.ports.append(need.ports)

    def merged(self) -> Ports:
        return Ports.union(self.ports) if all(self.ports) else Ports()


_Pairs = dict[Target, dict[str, _Pair]]  # by target and source


def rows_of(needs: Iterable[Need], site: Site, evidence: str) -> tuple[Row, ...]:
    by_protocol: dict[str, _Pairs] = {}
    for need in needs:
        target = Target(need.destination, need.address)
        pairs = by_protocol.setdefault(need.protocol, {}).setdefault(target, {})
        pairs.setdefault(need.source, _Pair()).add(need)
    rows: list[Row] = []
    for protocol, everything in by_protocol.items():
        for (ports, _is_external, seen), alike in _by_ports(everything, site).items():
            sources_of = {target: frozenset(pairs) for target, pairs in alike.items()}
            for sources, targets in grouped(sources_of, _target_name):
                rows.append(
                    _row(
                        protocol=protocol,
                        ports=ports,
                        sources=sources,
                        targets=targets,
                        seen=seen,
                        needs=_needs_to(targets, alike),
                        site=site,
                        evidence=evidence,
                    )
                )
    return tuple(sorted(rows, key=site.row_key))


def _by_ports(pairs: _Pairs, site: Site) -> dict[tuple[Ports, bool, tuple[str, ...]], _Pairs]:
    """Return the pairs by the ports that they need: only equal needs are one row.

    A source that comes from its external addresses to some, and from others to its cluster, has rows of both.
    So has one whose address is translated on the path to some.
    """
    found: dict[tuple[Ports, bool, tuple[str, ...]], _Pairs] = {}
    for target, by_source in pairs.items():
        for source, pair in by_source.items():
            key = (
                pair.merged(),
                site.networks.uses_external(source, target.name),
                site.seen_as(source, target.name),
            )
            found.setdefault(key, {}).setdefault(target, {})[source] = pair
    return found


def _needs_to(targets: Iterable[Target], pairs: _Pairs) -> list[Need]:
    needs: list[Need] = []
    for target in targets:
        for pair in pairs[target].values():
            needs += pair.needs
    return needs


def _target_name(target: Target) -> str:
    return target.name


def _row(
    protocol: str,
    ports: Ports,
    sources: frozenset[str],
    targets: Sequence[Target],
    seen: Sequence[str],
    needs: Sequence[Need],
    site: Site,
    evidence: str,
) -> Row:
    ends = [target.address for target in targets]
    # A device before the translation sees the one, a device behind it the other.
    starts = list(seen)
    for source in sources:
        # Which network it comes from is the same for all targets of a row.
        starts += site.networks.addresses(source, targets[0].name)
    return Row(
        sources=site.ordered(sources),
        destinations=site.ordered(target.name for target in targets),
        source_networks=collapse(address for address in starts if _fits(address, ends)),
        destination_networks=collapse(address for address in ends if _fits(address, starts)),
        protocol=protocol,
        ports=str(ports) or "any",
        reason="; ".join([*_reasons(needs, site), *_translations(needs, seen, site)]),
        evidence=evidence,
    )


def _reasons(needs: Sequence[Need], site: Site) -> Iterator[str]:
    yield f"needed for {', '.join(sorted({need.service for need in needs}))}"
    whys = sorted({need.why for need in needs})
    if whys != [PLANNED]:
        yield some_of(whys, _MAX_SENDERS)
    # Whoever opens the addresses of a name must know who says that the name has them.
    for name in site.ordered(need.destination for need in needs if need.resolved_by):
        hosts = site.ordered(
            need.resolved_by for need in needs if need.destination == name and need.resolved_by
        )
        yield f"addresses of {name} as resolved by {some_of(hosts, _MAX_SENDERS)}"


def _translations(needs: Sequence[Need], seen: Sequence[str], site: Site) -> Iterator[str]:
    if seen:
        sources = some_of(site.ordered(need.source for need in needs), _MAX_SENDERS)
        destinations = some_of(site.ordered(need.destination for need in needs), _MAX_SENDERS)
        yield (
            f"{destinations} received connections of {sources} from {some_of(seen, _MAX_SENDERS)}, "
            f"translated on the path (NAT): firewalls behind the translation must permit that, those before "
            f"it the others"
        )


def _fits(address: str, others: Iterable[str]) -> bool:
    # A name may have an address of either family.
    return not family(address) or any(family(other) in (family(address), 0) for other in others)
