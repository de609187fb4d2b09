# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about the role firewall, on containers over SSH, compared with loops of the usual modules.

Everybody runs from one environment that holds the PyPI package C(ansible). Whom a host lets in are addresses
that nothing is sent to.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from row import Row, compared
from stopwatch import Contestant, Effort, Lap, command, interleave, median, plain_environment

from ansible_collections.exasol_community.network.tests.labs.containers.engine import EngineError
from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab
from ansible_collections.exasol_community.network.tests.labs.firewalls import baselines

ROOT = Path(__file__).resolve().parent.parent
_PLAYS = ROOT / "benchmarks" / "playbooks"
_ROLE = _PLAYS / "firewall.yml"
_ENVIRONMENT = ROOT / ".cache" / "bench" / "ansible"
_PACKAGE = "ansible ~= 12.3"
_OPTIONAL = ["bucketfs_https", "client_subconnection", "install_ssh"]
# Who is let in, of twenty: a small cluster, its clients and administrators.
_GROUPS = {"exasol_nodes": 4, "exasol_admins": 4, "exasol_clients": 12}
_RULE = re.compile(
    r"accept in (?:(?P<protocol>tcp|udp) (?P<ports>\S+)|any protocol) from (?P<sources>[^#]+)  # "
    r"(?P<services>.*)"
)
_MANY = 200


class Site:
    """The lab of the benchmarks and the environment that plays on it."""

    def __init__(self, folder: Path):
        self.lab = Lab(Path(__file__).with_name("firewalls.yml"), keep_compiled=False)
        self._folder, self._bin = folder, _ENVIRONMENT / "bin"
        collection = folder / "collections" / "ansible_collections" / "exasol_community" / "network"
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ROOT)
        self._environment = dict(
            plain_environment(),
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"),
            LC_ALL="C.UTF-8",
            ANSIBLE_LOCAL_TEMP=str(folder / "local"),
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
        """Return a contestant that runs a playbook; what prepares a lap is not measured."""
        arguments = [
            str(self._bin / "ansible-playbook"),
            "-i",
            str(inventory),
            *options,
            str(playbook),
            "-e",
            json.dumps(variables),
        ]

        def once():
            if prepare:
                prepare()
            return command(arguments, cwd=self._folder, env=self._environment)[0]

        return once

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

    def rules(self, inventory: Path, **variables: t.Any) -> list[dict[str, str]]:
        """Return what the role would open, a source and a text of ports each, as its check mode tells."""
        text = self.recorded(self.play(_ROLE, inventory, "--check", "--diff", **variables))[1]["result"][
            "diff"
        ]["after"]
        found = [_RULE.match(line) for line in text.splitlines()]
        return [
            {"source": source, "ports": match["ports"] or "", "protocol": match["protocol"] or "any"}
            for match in found
            if match
            for source in match["sources"].split(", ")
            if match["services"] != "controller"
        ]


@contextmanager
def running(folder: Path) -> Iterator[Site]:
    """Bring the lab up, and remove it in the end."""
    if not (_ENVIRONMENT / "bin" / "ansible-playbook").exists():
        subprocess.run([str(ROOT / "tools" / "venv.sh"), sys.executable, str(_ENVIRONMENT)], check=True)
        subprocess.run(
            [str(_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "-q", _PACKAGE], check=True
        )
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


def firewalld(site: Site, effort: Effort) -> Row:
    """All rows of release 8 for 20 sources, on firewalld."""
    return _beside_a_loop(
        site,
        effort,
        "firewalld",
        "ansible.posix.firewalld",
        lambda rule: [{**rule, "ports": item} for item in rule["ports"].split(",")],
    )


def ufw(site: Site, effort: Effort) -> Row:
    """All rows of release 8 for 20 sources, on ufw; a task takes all ports of a source."""
    return _beside_a_loop(site, effort, "ufw", "community.general.ufw", lambda rule: [rule])


def _beside_a_loop(
    site: Site,
    effort: Effort,
    host: str,
    module: str,
    items: t.Callable[[dict[str, str]], list[dict[str, str]]],
) -> Row:
    inventory = site.inventory(host, _GROUPS)
    site.reset(host)
    rules = [item for rule in site.rules(inventory, exasol_include=_OPTIONAL) for item in items(rule)]
    ours = site.play(_ROLE, inventory, prepare=lambda: site.reset(host), exasol_include=_OPTIONAL)
    loop = site.play(
        _PLAYS / f"loop_{host}.yml", inventory, prepare=lambda: site.reset(host), bench_rules=rules
    )
    laps = {
        **interleave({"ours": ours}, effort.rounds),
        **interleave({module: loop}, 1 if effort.quick else min(effort.rounds, 3)),
    }
    row = compared(f"role firewall on {host}: all rows of release 8, 20 sources", laps, module, 1 / 3)
    return row._replace(peer_name=f"loop of {module}, {len(rules)} rules")


def unchanged(host: str) -> t.Callable[[Site, Effort], Row]:
    """Return the row of a second run, which changes nothing, on a host."""

    def row(site: Site, effort: Effort) -> Row:
        inventory = site.inventory(host, _GROUPS)
        site.reset(host)
        ours = site.play(_ROLE, inventory, exasol_include=_OPTIONAL)
        ours()
        laps = interleave(
            {"ours": ours, "2 x ping": site.play(_PLAYS / "ping_pair.yml", inventory)}, effort.rounds
        )
        return compared(f"role firewall on {host}, second run: nothing changes", laps, "2 x ping", 1.2)

    return row


def many(site: Site, effort: Effort) -> Row:
    """All rows of release 8 for 200 sources on nftables: the task on the host."""
    host, groups = "nftables", {"exasol_nodes": 60, "exasol_admins": 20, "exasol_clients": _MANY - 80}
    inventory = site.inventory(host, groups)
    role = site.play(_ROLE, inventory, "--diff", prepare=lambda: site.reset(host), exasol_include=_OPTIONAL)

    def once():
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
