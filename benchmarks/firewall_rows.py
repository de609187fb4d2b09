# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about role firewall, beside what people use today to open the same on the same hosts."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable
from pathlib import Path

from firewalls import PLAYS, SYSTEM_ROLE, Rule, Site
from row import Row, compared, ratio, seconds
from stopwatch import Contestant, Effort, Lap, interleave, median

# Who is let in, by their number; twenty are a small cluster, its clients and administrators.
_GROUPS = {
    1: {"exasol_nodes": 0, "exasol_clients": 1},
    20: {"exasol_nodes": 4, "exasol_admins": 4, "exasol_clients": 12},
    200: {"exasol_nodes": 60, "exasol_admins": 20, "exasol_clients": 120},
}
_USUAL, _MANY = 20, 200
_MOST_TASKS, _MOST_TASKS_AGAIN = 300, 100  # more take minutes
HEADINGS = (
    "firewall, sources",
    "role firewall",
    "its second run",
    "peer",
    "peer, first run (ratio)",
    "peer, second run (ratio)",
)


class Peer(t.NamedTuple):
    """How people open the same without us."""

    name: str
    playbook: str
    items: Callable[[Rule], list[t.Any]]  # what it takes for a rule
    is_loop: bool = False  # a task for each of them
    needs: Path | None = None  # what must be there


def _rich_rules(rule: Rule) -> list[str]:
    """Return a rule as firewalld takes it: one port or range each."""
    family = f'rule family="ipv4" source address="{rule["source"]}"'
    ports = [
        f' port port="{ports}" protocol="{rule["protocol"]}"'
        for ports in filter(None, rule["ports"].split(","))
    ]
    return [f"{family}{port} accept" for port in ports or [""]]


PEERS = {
    "nftables": (Peer("a template of nftables.conf", "template_nftables.yml", lambda rule: [rule]),),
    "iptables": (
        Peer("loop of ansible.builtin.iptables", "loop_iptables.yml", lambda rule: [rule], is_loop=True),
    ),
    "ufw": (Peer("loop of community.general.ufw", "loop_ufw.yml", lambda rule: [rule], is_loop=True),),
    "firewalld": (
        Peer("loop of ansible.posix.firewalld", "loop_firewalld.yml", _rich_rules, is_loop=True),
        Peer(
            "module of linux-system-roles.firewall", "system_role_module.yml", _rich_rules, needs=SYSTEM_ROLE
        ),
    ),
}


class _Case:
    """A host and whom it lets in."""

    def __init__(self, site: Site, host: str, sources: int) -> None:
        self._site, self._host = site, host
        self._inventory = site.inventory(host, _GROUPS[sources])
        self.reset()
        self._rules = site.rules(self._inventory)

    def reset(self) -> None:
        """Bring the host to its baseline."""
        self._site.reset(self._host)

    def items(self, peer: Peer) -> list[t.Any]:
        """Return what a peer takes for all rules."""
        return [item for rule in self._rules for item in peer.items(rule)]

    def ours(self) -> Contestant:
        """Return the role as a contestant, on the host as it is."""
        return self._checked("role firewall", self._site.role(self._inventory))

    def theirs(self, peer: Peer) -> Contestant:
        """Return a peer as a contestant, on the host as it is."""
        play = self._site.play(PLAYS / peer.playbook, self._inventory, bench_rules=self.items(peer))
        return self._checked(peer.name, play)

    def pings(self) -> Contestant:
        """Return two tasks that do nothing."""
        return self._site.play(PLAYS / "ping_pair.yml", self._inventory)

    def first(self, contestant: Contestant) -> Contestant:
        """Return a contestant that finds the host at its baseline, and must change it."""

        def once() -> Lap:
            self.reset()
            lap = contestant()
            if not lap.extra["changed"]:
                raise RuntimeError(f"expected changes of {self._host}, found none")
            return lap

        return once

    def second(self, contestant: Contestant) -> Contestant:
        """Return a contestant that must find nothing to change."""

        def once() -> Lap:
            lap = contestant()
            if lap.extra["changed"]:
                raise RuntimeError(f"expected no change of {self._host}, found {lap.extra['changed']}")
            return lap

        return once

    def _checked(self, name: str, contestant: Contestant) -> Contestant:
        def once() -> Lap:
            try:
                lap = contestant()
            except RuntimeError as error:
                raise RuntimeError(f"{name}: {error}") from error
            self._site.check(name, self._host, self._rules)
            return lap

        return once


def opened(host: str, at_most: float | None = 1 / 3) -> Callable[[Site, Effort], Row]:
    """Return the row of all rows of release 8 for 20 sources on a host, beside the first of its peers."""

    def row(site: Site, effort: Effort) -> Row:
        case = _Case(site, host, _USUAL)
        laps = interleave({"ours": case.first(case.ours())}, effort.rounds)
        names = {}
        for peer in PEERS[host]:
            rules = f"{len(case.items(peer))} rules{', once' if peer.is_loop else ''}"
            names[peer.name] = f"{peer.name}, {rules}"
            if _is_there(peer):
                theirs = {names[peer.name]: case.first(case.theirs(peer))}
                laps.update(interleave(theirs, 1 if peer.is_loop else effort.rounds))
        usual, *others = names.values()
        name = f"role firewall on {host}: all rows of release 8, {_USUAL} sources"
        found = compared(name, laps, usual, at_most or 1)
        found = found._replace(others={other: found.others.get(other) for other in others})
        return found if at_most else found._replace(target="-", met=None)

    return row


def unchanged(host: str) -> Callable[[Site, Effort], Row]:
    """Return the row of a second run, which changes nothing, on a host."""

    def row(site: Site, effort: Effort) -> Row:
        case = _Case(site, host, _USUAL)
        ours = case.ours()
        case.first(ours)()
        laps = interleave({"ours": case.second(ours), "2 x ping": case.second(case.pings())}, effort.rounds)
        return compared(f"role firewall on {host}, second run: nothing changes", laps, "2 x ping", 1.2)

    return row


def many(site: Site, effort: Effort) -> Row:
    """All rows of release 8 for 200 sources on nftables: the task on the host."""
    host = "nftables"
    inventory = site.inventory(host, _GROUPS[_MANY])
    role = site.role(inventory, "--diff", prepare=lambda: site.reset(host))

    def once() -> Lap:
        lap, entry = site.recorded(role)
        return lap._replace(
            wall=entry["seconds"], extra={"run": lap.wall, "confirmed": entry["result"]["confirmed"]}
        )

    ours = median([once() for _ in range(effort.rounds)])
    name = (
        f"the task of role firewall on {host}: all rows of release 8, {_MANY} sources, rendered, applied and "
        f"confirmed "
        f"(with the plan and Ansible's start {ours.extra['run']:.1f} s)"
    )
    return Row(name, ours, "at most 3 s", ours.wall <= 3)


class Grown(t.NamedTuple):
    """A firewall that lets in so many, by us and by a peer, without the laps that would take minutes."""

    host: str
    sources: int
    ours: tuple[Lap, Lap]  # the first and the second run
    peer: str
    theirs: tuple[Lap | None, Lap | None]


def growth(site: Site, effort: Effort) -> list[Grown]:
    """Return what a first and a second run cost for ever more sources, each run once."""
    return [
        grown
        for host in PEERS
        for sources in (_GROUPS if not effort.quick else (1, _USUAL))
        for grown in _grown(_Case(site, host, sources), host, sources)
    ]


def _grown(case: _Case, host: str, sources: int) -> list[Grown]:
    role = case.ours()
    ours = case.first(role)(), case.second(role)()
    grown = []
    for peer in filter(_is_there, PEERS[host]):
        theirs = case.theirs(peer)
        tasks = len(case.items(peer)) if peer.is_loop else 1
        first = case.first(theirs)() if tasks <= _MOST_TASKS else None
        second = case.second(theirs)() if tasks <= _MOST_TASKS_AGAIN else None
        grown.append(
            Grown(host, sources, ours, f"{peer.name}, {len(case.items(peer)):,} rules", (first, second))
        )
    return grown


def cells(grown: Iterable[Grown]) -> list[tuple[str, ...]]:
    """Return the growth as rows of a table."""
    return [
        (
            f"{one.host}, {one.sources}",
            *(seconds(lap.wall) for lap in one.ours),
            one.peer,
            *(
                f"{seconds(theirs.wall)} ({ratio(ours, theirs)})" if theirs else "-"
                for ours, theirs in zip(one.ours, one.theirs, strict=True)
            ),
        )
        for one in grown
    ]


def _is_there(peer: Peer) -> bool:
    return peer.needs is None or peer.needs.exists()
