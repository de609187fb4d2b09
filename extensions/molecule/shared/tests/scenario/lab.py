# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a scenario, through testinfra, and the programs of ours that run on them."""

from __future__ import annotations

import base64
import contextlib
import json
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import testinfra

from .truth import Attempt, Truth

if t.TYPE_CHECKING:
    from testinfra.host import Host

_PROGRAMS = Path(__file__).resolve().parents[2]
OPEN, SILENT = "open", "silent"
# The kernel repeats an unanswered SYN after one second and after three: a lost one does not count as blocked.
SECONDS = 3.5
SECONDS_OF_NOTHING = 1.5  # where everything is closed, and was shown to be open before
T = t.TypeVar("T")


class Lab:
    """The hosts, by name; what is asked of several hosts is asked at the same time."""

    def __init__(self, truth: Truth, inventory: Path):
        self.truth = truth
        names = testinfra.get_hosts(["ansible://all"], ansible_inventory=str(inventory))
        self._hosts = {host.backend.host: host for host in names}

    def __getitem__(self, name: str) -> Host:
        return self._hosts[name]

    def each(self, names: t.Iterable[str], function: t.Callable[[str], T]) -> dict[str, T]:
        """Return what a function returns for each of some hosts."""
        names = list(names)
        with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
            return dict(zip(names, pool.map(function, names), strict=True))

    def bring(self, name: str, program: str) -> str:
        """Copy a program of ours to a host; return how it is called there."""
        content = base64.b64encode((_PROGRAMS / program).read_bytes()).decode()
        self[name].check_output("echo %s | base64 -d > %s", content, f"/run/{program}")
        return f"python3 /run/{program}"


class Sockets:
    """Bare sockets on the hosts of a lab."""

    def __init__(self, lab: Lab):
        self._lab = lab
        self._call = ""
        self._truth = lab.truth
        self._owners = {
            address: host for host in self._truth.hosts for address in self._truth.every_address(host)
        }

    def bring(self) -> None:
        """Copy the program to every host."""
        for call in self._lab.each(
            self._truth.hosts, lambda name: self._lab.bring(name, "sockets.py")
        ).values():
            self._call = call

    def listen(self, groups: t.Container[str] = ()) -> None:
        """Start the stand-ins, everywhere or on the hosts of some groups; those that run already stay."""
        servers = self._servers(groups)
        start = (
            "systemctl --quiet is-active stand-ins"
            f" || systemd-run --unit=stand-ins --service-type=notify --quiet {self._call} listen"
        )
        self._lab.each(
            servers, lambda name: self._lab[name].check_output(f"{start} {' '.join(map(str, servers[name]))}")
        )

    def stop(self, groups: t.Container[str] = ()) -> None:
        """Stop the stand-ins."""
        self._lab.each(self._servers(groups), lambda name: self._lab[name].run("systemctl stop stand-ins"))

    def _servers(self, groups: t.Container[str]) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for group, ports in self._truth.ports.items():
            if not groups or group in groups:
                found.update(dict.fromkeys(self._truth.members(group), ports))
        return found

    def ask(self, seconds: float = SECONDS) -> dict[Attempt, dict[str, str]]:
        """Try everything that the truth speaks of; return the answer of each address."""
        targets = {source: self._truth.targets(source) for source in self._truth.sources()}
        found: dict[Attempt, dict[str, str]] = {}
        for answers in self._lab.each(
            targets, lambda source: self._ask(source, targets[source], seconds)
        ).values():
            for attempt, address, answer in answers:
                found.setdefault(attempt, {})[address] = answer
        return found

    def ask_alone(self, attempt: Attempt) -> dict[str, str]:
        """Try one port once more, while nothing else is tried."""
        addresses = self._truth.addresses(attempt.destination, attempt.source)
        targets = [(address, [attempt.port]) for address in addresses]
        return {address: answer for _attempt, address, answer in self._ask(attempt.source, targets, SECONDS)}

    def _ask(
        self, source: str, targets: list[tuple[str, list[int]]], seconds: float
    ) -> list[tuple[Attempt, str, str]]:
        output = self._lab[source].check_output(f"{self._call} ask {seconds} %s", json.dumps(targets))
        return [self._read(source, *answer) for answer in json.loads(output)]

    def _read(self, source: str, address: str, port: int, answer: str) -> tuple[Attempt, str, str]:
        destination = self._owners[address]
        if answer == f"greeted by {destination}":
            answer = OPEN
        return Attempt(source, destination, port), address, answer

    @contextlib.contextmanager
    def others(self) -> t.Iterator[dict[str, bool]]:
        """Let other programs use the same ports, between the same hosts too.

        Yields whether they did so to the end, by host.
        """
        truth = self._truth
        start = f"systemd-run --quiet --collect --unit=others {self._call} disturb %s"
        self._lab.each(
            truth.sources(), lambda name: self._lab[name].check_output(start, json.dumps(truth.targets(name)))
        )
        lasted: dict[str, bool] = {}
        yield lasted
        lasted.update(
            self._lab.each(
                truth.sources(), lambda name: self._lab[name].run("systemctl is-active others").succeeded
            )
        )
        self._lab.each(truth.sources(), lambda name: self._lab[name].run("systemctl stop others"))


def ask_clients(lab: Lab, server: str, seconds: float) -> dict[tuple[str, str], dict[str, str]]:
    """Let the real clients of each node speak with a server.

    Return the complaint about each address by node and client.

    One node after the other: a login costs the server a good deal.
    """
    found: dict[tuple[str, str], dict[str, str]] = {}
    for node in lab.truth.members("exasol_nodes"):
        call = f"{lab.bring(node, 'clients.py')} {seconds} {' '.join(lab.truth.addresses(server))}"
        for client, address, complaint in json.loads(lab[node].check_output(call)):
            found.setdefault((node, client), {})[address] = complaint
    return found
