# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change request: what firewalls outside of our hosts must allow, in as few rows as possible.

It is made of what a run measured as blocked outside of our hosts, or of a whole plan before anything is
measured.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._plan.flows import REACHABLE
from ...module_utils._plan.ftp_modes import ACTIVE_NAME
from ...module_utils._plan.networks import Networks, networks_of, networks_of_report
from ...module_utils._plan.table import TABLE
from ...module_utils._values.addresses import parse_network
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .._report.summary import host_order
from .._text.format_registry import choose
from .._text.products import grouped
from .._verdict.causes import NO_RULE_HELPS
from .._verdict.peers import hosts_by_peer
from .._verdict.phrases import some_of
from .._verdict.trace_notes import short_words
from .._verdict.verdict import BLOCKED, BLOCKED_AT_DESTINATION, BLOCKED_ON_PATH, BLOCKED_ON_RETURN
from .formats import REQUEST_FORMATS, REQUEST_KIND
from .lines import Request, Row, collapse, family

if t.TYPE_CHECKING:
    from ...module_utils._shapes import (
        HostPlan,
        MeasuredPath,
        Plan,
        ProbeFlow,
        Result,
        Unmeasured,
        Verification,
    )

_PLANNED = "planned, not measured"
# There the server connects back to the node that is the source of the result.
_MAX_SENDERS = 3


class _Need(t.NamedTuple):
    """One address of one destination that one source must reach."""

    source: str
    destination: str
    address: str
    protocol: str
    ports: Ports  # empty: any
    service: str
    why: str
    resolved_by: str = ""  # the host that says that the destination's name has this address


class _Target(t.NamedTuple):
    name: str
    address: str


_Seen = Mapping[tuple[str, str], tuple[str, ...]]  # by source and destination


class _Site:
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
        return self._places.get(name, len(self._places)), _natural(name)


def render_request(request: Request, name: str) -> str:
    """Return the change request in one of the C(REQUEST_FORMATS)."""
    return choose(REQUEST_FORMATS, name, REQUEST_KIND).render(request)


def request_of_verification(verification: Verification, include_unlocated: bool = False) -> Request:
    """Return the change request for what was measured as blocked outside of our hosts.

    C(include_unlocated) also includes flows that are blocked at an unknown place.
    """
    addresses = verification.get("addresses", {})
    managed = set(addresses)
    for hosts in verification["peers"].values():
        managed.update(hosts)
    needed = [
        result
        for result in verification["results"]
        if result["expected"] == REACHABLE and result.get("cause", "") not in NO_RULE_HELPS
    ]
    chosen = [result for result in needed if _is_outside(result, managed)]
    unlocated = [result for result in needed if result["verdict"] == BLOCKED]
    notes: list[str] = []
    if include_unlocated:
        chosen += unlocated
    elif unlocated:
        notes.append(
            f"{len(unlocated)} more results are blocked at an unknown place and are left out: measure with "
            f"captures at both ends, or include them (include_unlocated)."
        )
    site = _Site(
        networks_of_report(verification), host_order(verification), _translated(verification.get("paths", ()))
    )
    needs: list[_Need] = []
    for result in chosen:
        needs += _needs_of(result, site)
    return Request(
        rows=_rows(needs, site, verification["created"]),
        measured=True,
        peers=verification["peers"],
        managed=site.ordered(managed),
        notes=tuple(notes),
    )


def _translated(paths: Iterable[MeasuredPath]) -> _Seen:
    found: dict[tuple[str, str], set[str]] = {}
    for path in paths:
        if path.get("seen_as"):
            found.setdefault((path["source"], path["destination"]), set()).update(path["seen_as"])
    return {ends: collapse(addresses) for ends, addresses in found.items()}


def _is_outside(result: Result, managed: set[str]) -> bool:
    if result["verdict"] == BLOCKED_AT_DESTINATION:
        # What a partner's own host rejects is not ours to open either.
        return result["destination"] not in managed
    return result["verdict"] in (BLOCKED_ON_PATH, BLOCKED_ON_RETURN)


def _needs_of(result: Result, site: _Site) -> Iterator[_Need]:
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
        yield _Need(
            source=source,
            destination=destination,
            address=target,
            protocol=result["protocol"],
            ports=_ports(result["ports"]),
            service=result["service"],
            why=why,
            resolved_by=resolved_by,
        )


def plan_of(value: t.Any, user: str) -> Plan:
    """Return a plan; errors name C(user)."""
    if not isinstance(value, Mapping) or "hosts" not in value:
        raise NetworkError(
            f"{user} needs what exasol_community.network.verdict or exasol_community.network.plan returns, "
            f"and this is neither"
        )
    return t.cast("Plan", value)


def request_of_plan(plan: Plan) -> Request:
    """Return the change request for a whole plan, before anything is measured."""
    networks = networks_of(plan["hosts"])
    needs = list(_probed(plan["hosts"]))
    notes: list[str] = []
    for entry in plan["untestable"]:
        if not TABLE.far_end_listens(entry["service"]):
            notes.append(
                f"{entry['service']} is left out, because nothing listens at its far end: {entry['reason']}."
            )
        else:
            needs += _unmeasured(entry, plan["hosts"], networks)
    site = _Site(networks, {name: place for place, name in enumerate(plan["hosts"])})
    return Request(
        rows=_rows(needs, site, _PLANNED),
        measured=False,
        peers=hosts_by_peer(plan["hosts"]),
        managed=site.ordered(plan["hosts"]),
        notes=tuple(dict.fromkeys(notes)),
    )


def _probed(hosts: Mapping[str, HostPlan]) -> Iterator[_Need]:
    for source, host in hosts.items():
        for entry in host["probes"]:
            if entry["expected"] == REACHABLE:
                for destination, addresses in entry["destinations"].items():
                    yield from _planned(entry, source, destination, addresses)


def _unmeasured(entry: Unmeasured, hosts: Mapping[str, HostPlan], networks: Networks) -> Iterator[_Need]:
    for destination in entry["destinations"]:
        for source in entry["sources"]:
            if source != destination and (source in hosts or destination in hosts):
                yield from _planned(entry, source, destination, networks.addresses(destination, source))


def _planned(
    entry: ProbeFlow | Unmeasured, source: str, destination: str, addresses: Iterable[str]
) -> Iterator[_Need]:
    for address in addresses:
        yield _Need(
            source=source,
            destination=destination,
            address=address,
            protocol=entry["protocol"],
            ports=_ports(entry["ports"]),
            service=entry["service"],
            why=_PLANNED,
        )


def _ports(value: str) -> Ports:
    return Ports() if value == "any" else Ports.parse(value)


class _Pair:
    """All that one source needs of one address over one protocol."""

    def __init__(self) -> None:
        self.ports: list[Ports] = []
        self.needs: list[_Need] = []

    def add(self, need: _Need) -> None:
        self.needs.append(need)
        self.ports.append(need.ports)

    def merged(self) -> Ports:
        return Ports.union(self.ports) if all(self.ports) else Ports()


_Pairs = dict[_Target, dict[str, _Pair]]  # by target and source


def _rows(needs: Iterable[_Need], site: _Site, evidence: str) -> tuple[Row, ...]:
    by_protocol: dict[str, _Pairs] = {}
    for need in needs:
        target = _Target(need.destination, need.address)
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


def _by_ports(pairs: _Pairs, site: _Site) -> dict[tuple[Ports, bool, tuple[str, ...]], _Pairs]:
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


def _needs_to(targets: Iterable[_Target], pairs: _Pairs) -> list[_Need]:
    needs: list[_Need] = []
    for target in targets:
        for pair in pairs[target].values():
            needs += pair.needs
    return needs


def _target_name(target: _Target) -> str:
    return target.name


def _row(
    protocol: str,
    ports: Ports,
    sources: frozenset[str],
    targets: Sequence[_Target],
    seen: Sequence[str],
    needs: Sequence[_Need],
    site: _Site,
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


def _reasons(needs: Sequence[_Need], site: _Site) -> Iterator[str]:
    yield f"needed for {', '.join(sorted({need.service for need in needs}))}"
    whys = sorted({need.why for need in needs})
    if whys != [_PLANNED]:
        yield some_of(whys, _MAX_SENDERS)
    # Whoever opens the addresses of a name must know who says that the name has them.
    for name in site.ordered(need.destination for need in needs if need.resolved_by):
        hosts = site.ordered(
            need.resolved_by for need in needs if need.destination == name and need.resolved_by
        )
        yield f"addresses of {name} as resolved by {some_of(hosts, _MAX_SENDERS)}"


def _translations(needs: Sequence[_Need], seen: Sequence[str], site: _Site) -> Iterator[str]:
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


def _natural(name: str) -> list[tuple[bool, int, str]]:
    parts = filter(None, re.split("([0-9]+)", name))
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]
