# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts on which role firewall and its competitors run: containers, over SSH.

Everybody runs from one environment that holds the PyPI package C(ansible). Whom a host lets in are addresses
that nothing is sent to.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from packages import CACHE, ROOT, environment
from stopwatch import Contestant, Lap, command, plain_environment

from ansible_collections.exasol_community.network.tests.labs.containers.engine import EngineError
from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab
from ansible_collections.exasol_community.network.tests.labs.firewalls import baselines

PLAYS = ROOT / "benchmarks" / "playbooks"
ROLE = PLAYS / "firewall.yml"
# ansible-galaxy role install linux-system-roles.firewall -p .cache/bench/roles
SYSTEM_ROLE = CACHE / "roles" / "linux-system-roles.firewall"
_PACKAGE = "ansible ~= 12.3"
_OPTIONAL = ["bucketfs_https", "client_subconnection", "install_ssh"]
_RULE = re.compile(
    r"accept in (?:(?P<protocol>tcp|udp) (?P<ports>\S+)|any protocol) from (?P<sources>[^#]+)  # "
    r"(?P<services>.*)"
)
_CHANGED = re.compile(r"\bchanged=(\d+)")
# What the kernel holds, in the words of both tools: each writes rules of the other as well as it can.
_LOADED = "nft list ruleset; iptables-save 2>/dev/null || true"
_PRIVILEGED = 1024  # smaller numbers stand for much else in a listing


class Rule(t.TypedDict):
    """Whom a host lets in, and where."""

    source: str
    ports: str  # numbers and ranges with commas; empty: all
    protocol: str


class Site:
    """The lab of the benchmarks and the environment that plays on it."""

    def __init__(self, folder: Path):
        self.lab = Lab(Path(__file__).with_name("firewalls.yml"), keep_compiled=False)
        self._folder, self._program = folder, environment("ansible", _PACKAGE)
        collection = folder / "collections" / "ansible_collections" / "exasol_community" / "network"
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ROOT)
        self._environment = dict(
            plain_environment(),
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"),
            LC_ALL="C.UTF-8",
            ANSIBLE_LOCAL_TEMP=str(folder / "local"),
            ANSIBLE_LIBRARY=str(SYSTEM_ROLE / "library"),
            ANSIBLE_MODULE_UTILS=str(SYSTEM_ROLE / "module_utils"),
            ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "tests" / "firewall" / "callbacks"),
        )

    def reset(self, host: str) -> None:
        """Bring a host to its baseline, a foreign firewall that lets in next to nothing."""
        self.lab.execute(host, baselines.baseline(host))

    def inventory(self, host: str, groups: dict[str, int]) -> Path:
        """Write the inventory of one host and of those that it lets in."""
        content = self.lab.inventory(without=set(self.lab.hosts) - {host})
        # RFC 2544: a network for benchmarks; every other address, so that no two are one network.
        addresses = (
            f"198.18.{number // 100}.{number % 100 * 2 + 1}" for number in range(sum(groups.values()))
        )
        members = {
            group: {f"{group}-{number}": {"exasol_address": next(addresses)} for number in range(count)}
            for group, count in groups.items()
        }
        members["exasol_nodes"][host] = {}
        content["all"]["children"] = {
            **{group: {"hosts": hosts} for group, hosts in members.items()},
            "target": {"hosts": {host: {}}},
        }
        path = self._folder / f"{host}-{sum(groups.values())}.json"
        path.write_text(json.dumps(content))
        return path

    def play(
        self,
        playbook: Path,
        inventory: Path,
        *options: str,
        prepare: t.Callable[[], None] | None = None,
        **variables: t.Any,
    ) -> Contestant:
        """Return a contestant that runs a playbook; what prepares a lap is not measured.

        Its laps say how many tasks changed something.
        """
        arguments = [
            str(self._program / "ansible-playbook"),
            "-i",
            str(inventory),
            *options,
            str(playbook),
            "-e",
            json.dumps(variables),
        ]

        def once() -> Lap:
            if prepare:
                prepare()
            lap, text = command(arguments, cwd=self._folder, env=self._environment)
            return lap._replace(extra={**lap.extra, "changed": sum(map(int, _CHANGED.findall(text)))})

        return once

    def role(self, inventory: Path, *options: str, prepare: t.Callable[[], None] | None = None) -> Contestant:
        """Return role firewall with all rows of release 8 as a contestant."""
        return self.play(ROLE, inventory, *options, prepare=prepare, exasol_include=_OPTIONAL)

    def check(self, name: str, host: str, rules: t.Iterable[Rule]) -> None:
        """Raise C(RuntimeError) unless the kernel of a host knows all addresses and ports of these rules."""
        loaded = set(re.findall(r"[0-9.]+", self.lab.execute(host, _LOADED)))
        wanted = {rule["source"] for rule in rules} | {
            port for rule in rules for port in re.findall("[0-9]+", rule["ports"]) if int(port) > _PRIVILEGED
        }
        if not wanted <= loaded:
            lacking = ", ".join(sorted(wanted - loaded)[:10])
            raise RuntimeError(f"{name} opened too little on {host}: {lacking} appear in no rule")

    def recorded(self, contestant: Contestant) -> tuple[Lap, dict[str, t.Any]]:
        """Let a contestant run; returns its lap, and what became of the task that changes the firewall."""
        record = self._folder / "record.jsonl"
        self._environment.update(ANSIBLE_CALLBACKS_ENABLED="record", RECORD_FILE=str(record))
        try:
            lap = contestant()
            entries = [json.loads(line) for line in record.read_text().splitlines()]
        finally:
            del self._environment["ANSIBLE_CALLBACKS_ENABLED"]
            record.unlink(missing_ok=True)
        return lap, next(entry for entry in entries if "diff" in entry["result"])

    def rules(self, inventory: Path) -> list[Rule]:
        """Return what the role would open, a source and a text of ports each, as its check mode tells."""
        entry = self.recorded(self.role(inventory, "--check", "--diff"))[1]
        found = [_RULE.match(line) for line in entry["result"]["diff"]["after"].splitlines()]
        return [
            Rule(source=source, ports=match["ports"] or "", protocol=match["protocol"] or "any")
            for match in found
            if match
            for source in match["sources"].split(", ")
            if match["services"] != "controller"
        ]


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Bring the lab up, and remove it in the end."""
    site = Site(folder)
    try:
        site.lab.up()
        yield site
    finally:
        site.lab.down()


def missing() -> str:
    """Return why there can be no lab, or nothing."""
    try:
        Lab(Path(__file__).with_name("firewalls.yml"))
    except EngineError as error:
        return str(error)
    return ""
