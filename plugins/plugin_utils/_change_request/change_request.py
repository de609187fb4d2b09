# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change request: what firewalls outside of our hosts must let through, in as few rows as say it.

It is made of what a run measured as blocked outside of our hosts, or of a whole plan before anything is
measured.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._plan.ftp_modes import ACTIVE_NAME
from ...module_utils._plan.table import TABLE
from ...module_utils._values.addresses import parse_network
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .._report.summary import host_order
from .._text.format_registry import choose
from .._text.products import grouped
from .._verdict.verdict import AT_DESTINATION, BLOCKED, ON_PATH, ON_RETURN
from .formats import REQUEST_FORMATS
from .lines import Request, Row, collapse, family

_PLANNED = "planned, not measured"
_REACHABLE = "reachable"
# There the server connects back to the node that is the source of the result.
_MOST_SENDERS = 3
Data = Mapping[str, t.Any]


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


class _Site:
    """The addresses of all hosts, and the order in which they are named.

    That of the inventory, then that of numbers in names.
    """

    def __init__(self, addresses: Mapping[str, Sequence[str]], places: Mapping[str, int]):
        self._addresses, self._places = addresses, places

    def addresses(self, name: str) -> Sequence[str]:
        """Return a host's addresses; a partner is its own."""
        return self._addresses.get(name, [name])

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


def render_request(made: Data, name: str, include_unlocated: bool = False) -> str:
    """Return the change request of a verification or of a plan in one of the C(REQUEST_FORMATS)."""
    return choose(REQUEST_FORMATS, name).render(change_request(made, include_unlocated))


def change_request(made: Data, include_unlocated: bool = False) -> Request:
    """Return the change request of a verification or of a plan.

    C(include_unlocated) takes what is blocked nobody knows where, too.
    """
    if "results" in made:
        return _of_verification(made, include_unlocated)
    if "hosts" in made:
        return _of_plan(made)
    raise NetworkError(
        "a change request is made of what verdict or plan of exasol_community.network returned, and this is "
        "neither"
    )


def _of_verification(verification: Data, include_unlocated: bool) -> Request:
    addresses = verification.get("addresses", {})
    managed = set(addresses) | {host for hosts in verification["peers"].values() for host in hosts}
    unknown = [
        result
        for result in verification["results"]
        if result["verdict"] == BLOCKED and result["expected"] == _REACHABLE
    ]
    chosen = [
        result
        for result in verification["results"]
        if result["expected"] == _REACHABLE and _outside(result, managed)
    ]
    notes = []
    if unknown and include_unlocated:
        chosen += unknown
    elif unknown:
        notes.append(
            f"{len(unknown)} more results are blocked at a place that was not found, and are left out: "
            f"measure with captures at both ends, or "
            f"take them too (include_unlocated)."
        )
    site = _Site(addresses, host_order(verification))
    needs = (_turned(result, site) for result in chosen)
    rows = _rows([need for several in needs for need in several], site, verification["created"])
    return Request(rows, True, verification["peers"], site.ordered(managed), tuple(notes))


def _outside(result: Data, managed: set[str]) -> bool:
    # What a partner's own host rejects is not ours to open either.
    return result["verdict"] in (ON_PATH, ON_RETURN) or (
        result["verdict"] == AT_DESTINATION and result["destination"] not in managed
    )


def _turned(result: Data, site: _Site) -> list[_Need]:
    why = f"measured {result['verdict']}" + (f" by {result['reason_ip']}" if result.get("reason_ip") else "")
    source, destination, targets = result["source"], result["destination"], [result["address"]]
    for end in (source, destination, *targets):
        if parse_network(end):
            raise NetworkError(
                f"a result has the network {end!r} as an end: expected a host, an address or a DNS name; no "
                f"rule is made of it"
            )
    # A name has the addresses that the host which probed says it has: whoever reads the request must know
    # whose word that is.
    resolved_by = source if targets[0] not in site.addresses(destination) else ""
    if result["service"] == ACTIVE_NAME:
        source, destination, targets, resolved_by = destination, source, list(site.addresses(source)), ""
    return [
        _Need(
            source=source,
            destination=destination,
            address=target,
            protocol=result["protocol"],
            ports=_ports(result["ports"]),
            service=result["service"],
            why=why,
            resolved_by=resolved_by,
        )
        for target in targets
    ]


def _of_plan(plan: Data) -> Request:
    addresses = {name: host["addresses"] for name, host in plan["hosts"].items()}
    peers: dict[str, list[str]] = {}
    for name, host in plan["hosts"].items():
        for peer in host["peers"]:
            peers.setdefault(peer, []).append(name)
    aside = [entry for entry in plan["untestable"] if TABLE.far_end_listens(entry["service"])]
    needs = [need for entries in (_probed(plan["hosts"]), _unmeasured(aside, addresses)) for need in entries]
    notes = tuple(
        dict.fromkeys(
            f"{entry['service']} is left out, because nothing listens at its far end: {entry['reason']}."
            for entry in plan["untestable"]
            if not TABLE.far_end_listens(entry["service"])
        )
    )
    site = _Site(addresses, {name: place for place, name in enumerate(plan["hosts"])})
    return Request(_rows(needs, site, _PLANNED), False, peers, site.ordered(addresses), notes)


def _probed(hosts: Mapping[str, Data]) -> Iterator[_Need]:
    for source, host in hosts.items():
        for entry in host["probes"]:
            for destination, addresses in (
                entry["destinations"].items() if entry["expected"] == _REACHABLE else ()
            ):
                for address in addresses:
                    yield _Need(
                        source,
                        destination,
                        address,
                        entry["protocol"],
                        _ports(entry["ports"]),
                        entry["service"],
                        _PLANNED,
                    )


def _unmeasured(entries: Iterable[Data], addresses: Mapping[str, Sequence[str]]) -> Iterator[_Need]:
    for entry in entries:
        for destination in entry["destinations"]:
            for source in entry["sources"]:
                if source != destination and (source in addresses or destination in addresses):
                    for address in addresses.get(destination, [destination]):
                        yield _Need(
                            source,
                            destination,
                            address,
                            entry["protocol"],
                            _ports(entry["ports"]),
                            entry["service"],
                            _PLANNED,
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


def _rows(needs: Sequence[_Need], site: _Site, evidence: str) -> tuple[Row, ...]:
    pairs: dict[tuple[str, str, _Target], _Pair] = {}
    for need in needs:
        pairs.setdefault((need.protocol, need.source, _Target(need.destination, need.address)), _Pair()).add(
            need
        )
    alike: dict[tuple[str, Ports], dict[_Target, dict[str, _Pair]]] = {}
    for (protocol, source, target), pair in pairs.items():
        alike.setdefault((protocol, pair.merged()), {}).setdefault(target, {})[source] = pair
    rows = [
        _row(protocol, ports, sources, targets, by_target, site, evidence)
        for (protocol, ports), by_target in alike.items()
        for sources, targets in grouped(
            {target: frozenset(found) for target, found in by_target.items()}, _target_name
        )
    ]
    return tuple(sorted(rows, key=site.row_key))


def _target_name(target: _Target) -> str:
    return target.name


def _row(
    protocol: str,
    ports: Ports,
    sources: frozenset[str],
    targets: Sequence[_Target],
    by_target: Mapping[_Target, Mapping[str, _Pair]],
    site: _Site,
    evidence: str,
) -> Row:
    needs = [need for target in targets for pair in by_target[target].values() for need in pair.needs]
    ends = [target.address for target in targets]
    starts = [address for source in sources for address in site.addresses(source)]
    starts, ends = (
        [address for address in starts if _fits(address, ends)],
        [address for address in ends if _fits(address, starts)],
    )
    services = ", ".join(sorted({need.service for need in needs}))
    whys = sorted({need.why for need in needs})
    more = f" and {len(whys) - _MOST_SENDERS} more" if len(whys) > _MOST_SENDERS else ""
    measured = [] if whys == [_PLANNED] else [", ".join(whys[:_MOST_SENDERS]) + more]
    reason = "; ".join([f"needed for {services}", *measured, *_resolved(needs, site)])
    return Row(
        site.ordered(sources),
        site.ordered(target.name for target in targets),
        collapse(starts),
        collapse(ends),
        protocol,
        str(ports) or "any",
        reason,
        evidence,
    )


def _resolved(needs: Sequence[_Need], site: _Site) -> Iterator[str]:
    """Yield whose word it is that a name has these addresses."""
    for name in site.ordered(need.destination for need in needs if need.resolved_by):
        hosts = site.ordered(
            need.resolved_by for need in needs if need.destination == name and need.resolved_by
        )
        more = f" and {len(hosts) - _MOST_SENDERS} more" if len(hosts) > _MOST_SENDERS else ""
        yield f"addresses of {name} as resolved by {', '.join(hosts[:_MOST_SENDERS])}{more}"


def _fits(address: str, others: Iterable[str]) -> bool:
    # A name may have an address of either family.
    return not family(address) or any(family(other) in (family(address), 0) for other in others)


def _natural(name: str) -> list[tuple[bool, int, str]]:
    return [
        (not part.isdigit(), int(part) if part.isdigit() else 0, part)
        for part in re.split("([0-9]+)", name)
        if part
    ]
