# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about whole playbooks, compared with Ansible's own modules on the same hosts and connection."""

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

from row import Row, compared
from stopwatch import Contestant, Effort, Lap, command, executable, interleave, median, plain_environment
from sweeps import work

from ansible_collections.exasol_community.network.tests.labs.cables import SOURCE, TARGET, Lab, inside
from ansible_collections.exasol_community.network.tests.labs.reports import verification_in

ROOT = Path(__file__).resolve().parent.parent
PLAYS = ROOT / "benchmarks" / "playbooks"
WITHOUT_PATHS = ROOT / "benchmarks" / "without_paths"
_WAITED_FOR = 100  # ports, a task each; all of them would take minutes
_MEASURING_COSTS = 1.1  # of the processor time without it
FOREIGN = (
    "ftp_server",
    "ftps_server",
    "sftp_server",
    "http_server",
    "https_server",
    "ldap_server",
    "ldaps_server",
    "dns_server",
    "ntp_server",
    "oracle",
    "sql_server",
    "mysql",
    "db2",
    "postgresql",
    "sybase_ase",
    "install_host",
)
_OPTIONAL = ["bucketfs_https", "client_subconnection", "install_ssh"]


class Ansible:
    """Runs playbooks of this checkout from a folder of its own."""

    def __init__(self, folder: Path, lab: Lab):
        self.folder, self.lab = folder, lab
        collection = folder / "collections" / "ansible_collections" / "exasol_community" / "network"
        collection.parent.mkdir(parents=True)
        collection.symlink_to(ROOT)
        self._environment = dict(
            plain_environment(),
            ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
            ANSIBLE_COLLECTIONS_PATH=str(folder / "collections"),
            ANSIBLE_LOCAL_TEMP=str(folder / "local"),
            LC_ALL="C.UTF-8",
        )

    def play(self, playbook: Path, inventory: Path, **variables: t.Any) -> Contestant:
        """Return a contestant that runs a playbook."""
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        arguments = [program, "-i", str(inventory), str(playbook), "-e", json.dumps(variables)]
        return lambda: command(arguments, cwd=self.folder, env=self._environment)[0]

    def simulated(self, playbook: Path, inventory: Path, tally: Path) -> Contestant:
        """Return a contestant that runs a playbook on simulated hosts; what they would get is in a tally."""
        program = str(ROOT / "benchmarks" / "simulated_hosts.py")
        arguments = [sys.executable, program, str(tally), "-i", str(inventory), str(playbook)]
        return lambda: command(arguments, cwd=self.folder, env=self._environment)[0]

    def write(self, name: str, inventory: dict[str, t.Any]) -> Path:
        """Write an inventory (JSON is YAML too)."""
        path = self.folder / name
        path.write_text(json.dumps(inventory))
        return path

    def pair(self, measures_paths: bool = True) -> Path:
        """Return the inventory of two hosts, each in a namespace.

        One probes, the other plays everybody that the first one needs. Without paths, its Python loads
        without_paths/sitecustomize.py, which leaves out what the probe measures of paths.
        """
        label = "" if measures_paths else "-without-paths"
        environment = [] if measures_paths else ["env", f"PYTHONPATH={WITHOUT_PATHS}"]
        hosts = {}
        for name, namespace, address in (
            ("source", self.lab.source, SOURCE),
            ("target", self.lab.target, TARGET),
        ):
            python = executable(
                self.folder,
                f"python-{name}{label}",
                [f'exec {" ".join([*environment, *inside(namespace, [sys.executable])])} "$@"'],
            )
            hosts[name] = {
                "exasol_address": address,
                "ansible_connection": "local",
                "ansible_python_interpreter": str(python),
            }
        peers = {
            "client": ["source"],
            "database_node": ["source", "target"],
            **{peer: ["target"] for peer in FOREIGN},
        }
        return self.write(f"pair{label}.yml", {"all": {"hosts": hosts, "vars": {"exasol_peers": peers}}})


def everything(ansible: Ansible, effort: Effort) -> Row:
    """The 18 rows of release kb against one host."""
    pair = ansible.pair()
    verify = ansible.play(
        ROOT / "playbooks" / "verify.yml",
        pair,
        exasol_release="kb",
        exasol_report_directory=str(ansible.folder / "report"),
    )
    laps = interleave({"ours": verify, "3 x ping": ansible.play(PLAYS / "pings.yml", pair)}, effort.rounds)
    slow = None if effort.quick else _wait_for(ansible, pair)
    row = compared(
        "the 18 rows of release kb against one host, whole playbook",
        laps,
        "3 x ping",
        2.0,
        wait_for=slow._asdict() if slow else None,
    )
    if not slow:
        return row
    count, several = slow.extra["ports"], slow.extra["waited_for"]
    aside = f"wait_for over {several} of the same {count:,} ports, once: {slow.wall:.0f} s"
    return row._replace(peer_name=f"3 x ping; {aside}")


def paths(ansible: Ansible, effort: Effort) -> Row:
    """The same playbook with what it measures of paths, and without."""

    def verify(measures_paths: bool) -> Contestant:
        label = "with" if measures_paths else "without"
        folder = ansible.folder / f"report-{label}-paths"
        play = ansible.play(
            ROOT / "playbooks" / "verify.yml",
            ansible.pair(measures_paths),
            exasol_release="kb",
            exasol_report_directory=str(folder),
        )

        def once() -> Lap:
            lap = play()
            found = verification_in(folder / "report.json")["paths"]
            if any("rtt_ms" in path for path in found) != measures_paths:
                raise RuntimeError(f"expected paths {label} round trips, found {found}")
            return lap

        return once

    laps = interleave({"ours": verify(True), "without": verify(False)}, effort.rounds)
    ours, without = median(laps["ours"]), median(laps["without"])
    return Row(
        "the same playbook with what it measures of paths",
        ours,
        f"at most {_MEASURING_COSTS - 1:.0%} more CPU",
        ours.cpu <= _MEASURING_COSTS * without.cpu,
        without,
        "without",
        {"cpu_ratio": ours.cpu / without.cpu},
    )


def _wait_for(ansible: Ansible, pair: Path) -> Lap:
    ports = work(ansible.lab.source, "ports", release="kb")
    listens = [{"address": TARGET, "protocol": "tcp", "ports": ",".join(map(str, ports))}]
    work(ansible.lab.target, "listen", host="target", endpoints=listens)
    try:
        some = ports[:_WAITED_FOR]
        lap = ansible.play(PLAYS / "wait_for.yml", pair, bench_address=TARGET, bench_ports=some)()
    finally:
        work(ansible.lab.target, "stop", host="target")
    return lap._replace(extra={"ports": len(ports), "waited_for": len(some)})


def crowd(count: int) -> dict[str, t.Any]:
    """Return groups, addresses and peers of many hosts.

    Half of them nodes, a quarter clients, the others partner systems in turn.
    """
    names = [f"host{number:04d}" for number in range(count)]
    nodes, clients, partners = (
        names[: count // 2],
        names[count // 2 : count * 3 // 4],
        names[count * 3 // 4 :],
    )
    peers: dict[str, list[str]] = {
        peer: [partners[index % len(partners)]] for index, peer in enumerate((*FOREIGN, "admin_network"))
    }
    for index, name in enumerate(partners):
        peer = FOREIGN[index % len(FOREIGN)]
        peers[peer] = list(dict.fromkeys([*peers[peer], name]))
    # RFC 2544: a network for benchmarks. Nothing is sent to it, planning is arithmetic.
    addresses = {name: f"198.18.{index // 250}.{index % 250 + 1}" for index, name in enumerate(names)}
    return {
        "groups": {"all": names, "exasol_nodes": nodes, "exasol_clients": clients},
        "addresses": addresses,
        "peers": peers,
    }


def crowd_inventory(ansible: Ansible, count: int, **variables: str) -> Path:
    """Write the inventory of many hosts."""
    some = crowd(count)
    hosts = {name: {"exasol_address": address} for name, address in some["addresses"].items()}
    groups = {
        name: {"hosts": dict.fromkeys(members)} for name, members in some["groups"].items() if name != "all"
    }
    return ansible.write(
        f"crowd-{count}.yml",
        {"all": {"hosts": hosts, "vars": {"exasol_peers": some["peers"], **variables}, "children": groups}},
    )


def planning(ansible: Ansible, effort: Effort) -> Row:
    """A plan for 200 hosts, all rows of release 8."""
    return _planning(ansible, 200, effort.rounds)


def planning_many(ansible: Ansible, effort: Effort) -> Row:
    """A plan for 1000 hosts, all rows of release 8."""
    return _planning(ansible, 1000, 1 if effort.quick else min(effort.rounds, 3))


def _planning(ansible: Ansible, count: int, rounds: int) -> Row:
    inventory = crowd_inventory(ansible, count)
    play = ansible.play(PLAYS / "plan.yml", inventory, bench_include=_OPTIONAL)
    laps = interleave({"ours": play, "debug": ansible.play(PLAYS / "no_op.yml", inventory)}, rounds)
    return compared(f"plan for {count} hosts, all rows of release 8", laps, "debug", 3.0)
