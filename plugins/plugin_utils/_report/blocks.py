# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report opens with: one block for each party that must act, the most urgent first.

A block has what to do, for how many flows, what was seen, and the next commands. Hosts that must all do the
same with the same others are one block.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ...module_utils._plan.networks import networks_of_report
from .._access.needs import Site, needs_of, rows_of, translated
from .._access.rows import Row
from .._text.sets import address_ranges, listed, names_in_short, some_names
from .._verdict.actors import HOST, needs_rule
from .._verdict.causes import CAUSES, NAMES, NETWORK, OWNER, RUN, UNKNOWN
from .._verdict.counts import flow_verdicts
from .._verdict.records import wrong
from .._verdict.results import asked_addresses
from .._verdict.verdict import SEVERITY
from .spoken import Said, Speaker, commands
from .summary import Line, host_order, lines, ordered

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Result, Verification

_MAX_ENDS = 12  # of a rule that stand there one by one
_MAX_STEPS, _MAX_SEEN, _MAX_FACTS, _MAX_COMMANDS = 8, 3, 3, 3
_WHO = {
    NETWORK: "the network team",
    NAMES: "whoever runs name resolution (DNS, /etc/hosts)",
    OWNER: "whoever runs the service",
    RUN: "you, for this run (inventory, variables, measurement)",
    UNKNOWN: "not known: either host, or the network between them",
}
_DO, _ASK = "permit", "find out who blocks it, and permit there"


class Block(t.NamedTuple):
    """What one party must do, or two of which one must."""

    who: str
    verdict: str  # the most severe one
    flows: int
    worst: Said
    todo: tuple[str, ...]
    seen: tuple[str, ...]  # sentences, the most urgent first
    facts: tuple[str, ...]
    commands: tuple[str, ...]
    left_out: int  # further things to do, which stand in the list of flows


class _Parties(t.NamedTuple):
    """Who must act: one party, several hosts that all must, or two of which one must."""

    actors: tuple[str, ...]
    is_all: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether the evidence shows who must act."""
        return self.is_all or (len(self.actors) == 1 and self.actors[0] != UNKNOWN)

    @property
    def hosts(self) -> list[str]:
        """The names of the hosts among them."""
        return [actor[len(HOST) :] for actor in self.actors if actor.startswith(HOST)]


_Results = dict[_Parties, list["Result"]]


def blocks(verification: Verification) -> list[Block]:
    """Return the blocks of all parties that must act, the most urgent first."""
    by_actor: _Results = {}
    for result in wrong(verification["results"]):
        by_actor.setdefault(_Parties(tuple(result.get("actor") or (UNKNOWN,))), []).append(result)
    if not by_actor:
        return []
    maker = _Maker(verification)
    found = [maker.block(parties, results) for parties, results in _with_like_hosts(by_actor).items()]
    return sorted(found, key=lambda block: (-SEVERITY[block.verdict], -block.flows))


def _with_like_hosts(by_actor: _Results) -> _Results:
    """Return the results of each party, with hosts as one that have the same faults with the same others.

    In a mesh every host is missing from its own others only, so the others are also compared with itself.
    """
    alone = {
        parties.hosts[0]: results
        for parties, results in by_actor.items()
        if len(parties.actors) == len(parties.hosts) == 1
    }
    plain = {host: _signature(host, results, is_mesh=False) for host, results in alone.items()}
    meshed = {host: _signature(host, results, is_mesh=True) for host, results in alone.items()}
    counts, counts_in_mesh = Counter(plain.values()), Counter(meshed.values())
    merged: dict[object, list[str]] = {}
    for host in alone:
        is_mesh = counts_in_mesh[meshed[host]] > counts[plain[host]]
        merged.setdefault((is_mesh, meshed[host] if is_mesh else plain[host]), []).append(host)
    found = {
        parties: results
        for parties, results in by_actor.items()
        if not len(parties.actors) == len(parties.hosts) == 1
    }
    for hosts in merged.values():
        parties = _Parties(tuple(HOST + host for host in hosts), is_all=True)
        found[parties] = [result for host in hosts for result in alone[host]]
    return found


def _signature(name: str, results: Iterable[Result], is_mesh: bool) -> object:
    """Return what is wrong with a host that must act, and with whom."""
    others: dict[tuple[str, ...], set[str]] = {}
    for result in results:
        is_source = result["source"] == name
        kind = (
            "source" if is_source else "destination",
            "" if name in (result["source"], result["destination"]) else name,
            result["verdict"],
            result.get("cause", ""),
            result["service"],
            result["protocol"],
            result["ports"],
            result["expected"],
        )
        other = result["destination"] if is_source else result["source"]
        others.setdefault(kind, {name} if is_mesh else set()).add(other)
    return frozenset((kind, frozenset(names)) for kind, names in others.items())


class _Maker:
    """Makes the blocks of one verification."""

    def __init__(self, verification: Verification):
        self._order = host_order(verification)
        self._speaker = Speaker(verification)
        self._created = verification["created"]
        self._site = Site(
            networks_of_report(verification), self._order, translated(verification.get("paths", ()))
        )

    def block(self, parties: _Parties, results: list[Result]) -> Block:
        """Return the block of one party, from all results for which it must act."""
        found = lines(results, self._order)[::-1]
        said: list[Said] = []
        for line in found:
            said += self._speaker.said(line)
            if len(said) >= _MAX_SEEN:
                break
        todo = list(dict.fromkeys(self._todo(parties, results, found)))
        return Block(
            who=self._who(parties),
            verdict=found[0].first["verdict"],
            flows=len(flow_verdicts(results)),
            worst=said[0],
            todo=tuple(todo[:_MAX_STEPS]),
            seen=tuple(one.text for one in said[:_MAX_SEEN]),
            facts=tuple(self._speaker.facts(said[0].line, _MAX_FACTS)),
            commands=tuple(commands([result for line in found for result in line.results], _MAX_COMMANDS)),
            left_out=max(len(todo) - _MAX_STEPS, 0),
        )

    def _who(self, parties: _Parties) -> str:
        hosts = ordered(parties.hosts, self._order)
        if parties.is_all:
            return f"whoever runs {some_names(hosts)}"
        others = [_WHO[actor] for actor in parties.actors if not actor.startswith(HOST)]
        return " or ".join([*(f"whoever runs {host}" for host in hosts), *others])

    def _todo(self, parties: _Parties, results: Iterable[Result], wrong: Sequence[Line]) -> Iterator[str]:
        """Yield what to do: rules, and what no rule mends."""
        permit = _DO if parties.is_decided else _ASK
        needs = [need for result in filter(needs_rule, results) for need in needs_of(result, self._site)]
        for row in rows_of(needs, self._site, self._created):
            yield f"{permit} {traffic(row)}"
        for line in wrong:
            if not needs_rule(line.first):
                yield self._other(line)

    def _other(self, line: Line) -> str:
        first = line.first
        cause = CAUSES.get(first.get("cause", ""))
        if cause is None or not cause.todo:
            ends = f"from {some_names(line.sources)} to {some_names(line.destinations)}"
            return f"look at {first['service']} {ends}: {first['verdict']}"
        addresses = {one for result in line.results for one in asked_addresses(result)}
        return cause.todo.format(
            service=first["service"],
            ports=f"{first['protocol']} {first['ports']}",
            sources=some_names(line.sources),
            destinations=some_names(line.destinations),
            addresses=listed(address_ranges(addresses)),
        )


def traffic(row: Row) -> str:
    """Return what a rule must permit, on one line."""
    ports = "all ports" if row.protocol == "any" else f"{row.protocol} {row.ports.replace(',', ', ')}"
    return f"{ports} from {_ends(row.source_networks)} to {_ends(row.destination_networks)}"


def _ends(networks: Iterable[str]) -> str:
    """Return addresses as ranges, and also names, if there are many: of hosts whose addresses are unknown."""
    found = address_ranges(networks)
    return ", ".join(found if len(found) <= _MAX_ENDS else names_in_short(found))


def ticket(block: Block, verification: Verification) -> str:
    """Return a block as the plain text of a ticket."""
    flows = "1 connection is" if block.flows == 1 else f"{block.flows} connections are"
    site = f", {verification['site']}" if verification.get("site") else ""
    parts = [
        f"Exasol network verification{site}, measured {verification['created']}",
        f"For: {block.who}",
        f"{flows} not ok, the worst: {block.verdict}.",
        "",
        "Please:",
        *(f"- {one}" for one in block.todo),
        *([f"- and {block.left_out} more, see the list of flows"] if block.left_out else []),
        "",
        "Seen:",
        *(f"- {one}" for one in block.seen),
    ]
    if block.facts:
        parts += ["", "Evidence:", *(f"- {one}" for one in block.facts)]
    if block.commands:
        parts += ["", "To check:", *(f"  {one}" for one in block.commands)]
    return "\n".join(parts) + "\n"
