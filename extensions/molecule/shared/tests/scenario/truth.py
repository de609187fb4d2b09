# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The truth of a scenario, as its vars.yml has it.

Who must reach which port, and what each fault must be called.

Nothing of the collection is read or imported here.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t
from pathlib import Path

import yaml

# The collection's names that the truth and the tests speak of.
CHECK_DENIED = "exasol_check_denied"
DENIED = "denied"  # what a report expects of a flow that must not pass
REACHABLE = "reachable"
OK = "ok"

ALL_PORTS = frozenset(range(65536))
ANYBODY = "anybody"  # whoever may use the port
LEFT = "left"  # the group of hosts that have left the inventory of the collection


class Attempt(t.NamedTuple):
    """One host that connects to one port of another."""

    source: str
    destination: str
    port: int

    def __str__(self) -> str:
        return f"{self.source}-{self.destination}-{self.port}"


class Pair(t.NamedTuple):
    """Two hosts between which something is to be measured."""

    source: str
    destination: str

    def __str__(self) -> str:
        return f"{self.source}-{self.destination}"


class Client(t.NamedTuple):
    """A real client on a host."""

    source: str
    name: str

    def __str__(self) -> str:
        return f"{self.source}-{self.name.replace(' ', '_')}"


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something that a scenario breaks.

    On which host, between whom, what a bare socket meets there, what the report must call it.
    """

    at: str = ""
    source: str = ""  # a host or a group; of everybody if empty
    destination: str = ""
    service: str = ""
    port: str = ""
    answers: tuple[str, ...] = ()
    clients: str = ""  # how the names of the real clients end that it stops
    verdict: str = ""
    captured: str = ""  # the verdict of a run that captures packets
    filters: bool = False  # whether it stands in the table that all faults share
    table: str = ""  # its own table of nftables
    packets: int = 1  # that it must have stopped at least
    sampled: bool = False  # a server chooses some of its ports, and the report has no other

    def __str__(self) -> str:
        return "-".join(
            word for word in (self.source, self.destination, self.service, self.port, self.verdict) if word
        )

    @property
    def ports(self) -> frozenset[int]:
        """The ports that it is about."""
        return parse_ports(self.port) if self.port else ALL_PORTS

    def concerns(self, pair: tuple[str, str], service: str, groups: dict[str, list[str]]) -> bool:
        """Tell whether it is about a service between two hosts."""
        ends = zip((self.source, self.destination), pair)
        return all(is_one_of(host, end, groups) for end, host in ends) and self.service in ("", service)


def parse_ports(text: t.Any) -> frozenset[int]:
    """Return every port of a text such as 53,20000-21000."""
    found: set[int] = set()
    for part in str(text).split(","):
        first, _dash, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def is_one_of(host: str, end: str, groups: dict[str, list[str]]) -> bool:
    """Tell whether an end, which is a host, a group or empty for everybody, has a host."""
    return end in ("", host) or host in groups.get(end, ())


class Truth:
    """What must be the case in one scenario."""

    def __init__(self, scenario: Path, inventory: Path):
        shared = _read(scenario.parent / "shared" / "vars.yml")
        self.values = {**shared, **_read(scenario / "vars.yml")}
        content = _read(inventory)["all"]
        self.hosts: dict[str, dict[str, t.Any]] = content["hosts"]
        self.groups = {name: list(group["hosts"]) for name, group in content.get("children", {}).items()}
        self.ports: dict[str, list[int]] = self.values["lab_ports"]
        self.faults = [_fault(values) for values in self.values["lab_faults"]]
        self.closed = [_fault(values) for values in self.values["lab_closed"]]
        self.impostors = [_fault(values) for values in self.values["lab_impostors"]]
        self.identities: dict[str, list[str]] = self.values["lab_identities"]
        self.checks_denied = bool(self.values.get(CHECK_DENIED))

    def addresses(self, host: str, source: str = "") -> list[str]:
        """Return the addresses of a host, as another one uses them.

        Who is outside of the private network of the nodes uses the external ones, if the host has any.
        """
        values = self.hosts[host]
        own: list[str] = values["exasol_address"]
        external: list[str] = values.get("exasol_external_address", own)
        return external if source and not self._is_inside(source) else own

    def every_address(self, host: str) -> list[str]:
        """Return all addresses of a host."""
        return [*self.addresses(host), *self.hosts[host].get("exasol_external_address", ())]

    def _is_inside(self, host: str) -> bool:
        return host in self.members("exasol_nodes") or bool(self.hosts[host].get("lab_inside"))

    def members(self, group: str) -> list[str]:
        """Return the hosts of a group, none if the lab has no such group."""
        return self.groups.get(group, [])

    def firewall(self, host: str) -> str:
        """Return which firewall a node has, empty if none."""
        return str(self.values.get("lab_firewall") or self.hosts[host].get("lab_firewall", ""))

    def attempts(self, between: tuple[str, str] | None = None, opened: bool | None = None) -> list[Attempt]:
        """Return the connections that are tried between two groups, or all.

        Of these what passes, what does not, or both.
        """
        found = []
        for entry in self.values["lab_traffic"]:
            if between in (None, (entry["from"], entry["to"])):
                ports = [port for port in self.ports[entry["to"]] if opened in (None, port in entry["open"])]
                found += [Attempt(*pair, port) for pair in self._pairs_of(entry) for port in ports]
        return found

    def targets(self, source: str) -> list[tuple[str, list[int]]]:
        """Return the addresses that a host connects to, each with its ports."""
        ports: dict[str, list[int]] = {}
        for attempt in self.attempts():
            if attempt.source == source:
                ports.setdefault(attempt.destination, []).append(attempt.port)
        return [(address, some) for host, some in ports.items() for address in self.addresses(host, source)]

    def sources(self) -> list[str]:
        """Return the hosts that connect to somebody."""
        return sorted({attempt.source for attempt in self.attempts()})

    def may_reach(self, host: str, port: int) -> set[str]:
        """Return the hosts that may reach a port of a host."""
        return {attempt.source for attempt in self.attempts(opened=True) if attempt[1:] == (host, port)}

    def answers(self, attempt: Attempt) -> tuple[str, ...]:
        """Return the possible results of a bare socket behind a fault, or none without a fault."""
        for fault in self.faults:
            anybody = fault.source == ANYBODY and attempt.source in self.may_reach(
                attempt.destination, attempt.port
            )
            here = anybody or is_one_of(attempt.source, fault.source, self.groups)
            there = is_one_of(attempt.destination, fault.destination, self.groups)
            if fault.answers and here and there and attempt.port in fault.ports:
                return fault.answers
        return ()

    def pairs(self, denied: bool) -> list[Pair]:
        """Return the pairs of hosts that a report must have, with and without open ports between them."""
        found = []
        for entry in self.values["lab_traffic"]:
            if bool(entry["open"]) != denied and entry["from"] != LEFT:
                found += self._pairs_of(entry)
        return found

    def named_faults(self, stage: str) -> list[Fault]:
        """Return what a report must call by name at a stage."""
        faults = {
            "broken": self.faults,
            "captured": self.faults,
            "closed": self.closed,
            "identified": self.impostors,
        }
        named = faults.get(stage, [])
        if stage == "captured":
            named = [dataclasses.replace(fault, verdict=fault.captured) for fault in named]
        return [fault for fault in named if fault.verdict]

    def clients(self, names: t.Iterable[str], stopped: bool | None = None) -> list[Client]:
        """Return the real clients of the nodes; of these whom a fault stops, whom none stops, or both."""
        if "lab_clients" not in self.values:
            return []
        everybody = [Client(*one) for one in itertools.product(self.members("exasol_nodes"), names)]
        return [client for client in everybody if stopped in (None, self._is_stopped(client))]

    def _is_stopped(self, client: Client) -> bool:
        return any(
            fault.clients
            and client.name.endswith(fault.clients)
            and is_one_of(client.source, fault.source, self.groups)
            for fault in self.faults
        )

    def _pairs_of(self, entry: dict[str, t.Any]) -> list[Pair]:
        everybody = itertools.product(self.members(entry["from"]), self.members(entry["to"]))
        return [Pair(*pair) for pair in everybody if pair[0] != pair[1]]


def _fault(values: dict[str, t.Any]) -> Fault:
    known = {"at", "service", "clients", "verdict", "captured", "table", "packets", "sampled"}
    ours = {"from", "to", "port", "answers", "how"}
    for_playbooks = {"reply", "break", "mend"}
    unknown = set(values) - known - ours - for_playbooks
    if unknown:
        raise ValueError(
            f"A fault of this scenario has keys that nothing reads: {', '.join(sorted(unknown))}"
        )
    return Fault(
        source=values.get("from", ""),
        destination=values.get("to", ""),
        port=str(values.get("port", "")),
        answers=tuple(values.get("answers", ())),
        filters="how" in values,
        **{key: values[key] for key in known & set(values)},
    )


def _read(path: Path) -> dict[str, t.Any]:
    return yaml.safe_load(path.read_text()) or {}
