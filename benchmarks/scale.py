# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows about large sites: every node with every other, and what a controller does with many hosts."""

from __future__ import annotations

import resource
import tempfile
import time
import typing as t
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from plays import FOREIGN, PLAYS, Ansible, crowd
from row import Row
from scanners import NMAP, Work, is_installed, scan
from simulation import BROKEN, EVERYTHING
from stopwatch import Effort, Lap, interleave, median
from sweeps import PORTS, targets, work

from ansible_collections.exasol_community.network.tests.labs.cables import Lab, Mesh
from ansible_collections.exasol_community.network.tests.labs.reports import verification_in

_NODES, _RANGE = 16, 1001
_SIZES = (4, 16, 64, 256, 1000)
_FAULTS = {"all green": "", "one rule missing": BROKEN, "nothing passes": EVERYTHING}
_GIB = 1024 * 1024  # KiB
GROWTH_HEADINGS = (
    "hosts",
    "flows",
    "plan, s of CPU",
    "verdicts, s of CPU",
    "six reports, s of CPU",
    "flows a second",
    "plan, KiB",
    "report.json, KiB",
    "page, KiB",
    "peak of six reports, MiB",
)


def mesh(effort: Effort) -> Row:
    """Every one of sixteen nodes with every other on 1001 ports, all at the same time."""
    with Mesh(_NODES) as lab, ExitStack() as stack:
        for name, address in lab.addresses.items():
            work(name, "listen", host=address, endpoints=targets([address]))
            stack.callback(work, name, "stop", host=address)
        contestants: dict[str, Callable[[], Lap]] = {"ours": lambda: _together(_swept, lab)}
        if is_installed(NMAP):
            contestants[NMAP] = lambda: _together(_scanned, lab)
        laps = interleave(contestants, 1 if effort.quick else min(effort.rounds, 3))
    ours, peer = median(laps["ours"]), median(laps[NMAP]) if NMAP in laps else None
    name = f"{_NODES} nodes full mesh, {_NODES * (_NODES - 1) * _RANGE:,} connections, each proven"
    return Row(
        name,
        ours,
        "at most 30 s",
        ours.wall <= 30,
        peer,
        f"{_NODES} x {NMAP}" if peer else f"{NMAP}: not installed",
    )


def _together(function: Callable[[Mesh, str], None], lab: Mesh) -> Lap:
    """Let all nodes work side by side; the processor time is that of the probing ends."""
    before, begun = _children(), time.monotonic()
    with ThreadPoolExecutor(_NODES) as pool:
        list(pool.map(lambda name: function(lab, name), lab.addresses))
    return Lap(time.monotonic() - begun, _children() - before)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _others(lab: Mesh, name: str) -> list[str]:
    return [address for other, address in lab.addresses.items() if other != name]


def _swept(lab: Mesh, name: str) -> None:
    done = work(name, "sweep", targets=targets(_others(lab, name)), proof=True)
    if done["summary"] != {"open": _RANGE * (_NODES - 1)} or not done["proven"]:
        raise RuntimeError(f"{lab.addresses[name]} found {done['summary']}, proven: {done['proven']}")


def _scanned(lab: Mesh, name: str) -> None:
    scan(name, NMAP, Work(_others(lab, name), PORTS, "open"))


def controller(label: str) -> Callable[[Ansible, Effort], Row]:
    """Return the row of 64 nodes and 10 clients on the controller.

    Plan, verdicts, six reports, with simulated observations.
    """

    def row(ansible: Ansible, effort: Effort) -> Row:
        play = ansible.play(
            PLAYS / "simulated.yml",
            _site(ansible, 64, 10),
            bench_fault=_FAULTS[label],
            exasol_report_directory=str(ansible.folder / "scale"),
        )
        ours = median([play() for _round in range(1 if effort.quick else min(effort.rounds, 3))])
        report = verification_in(ansible.folder / "scale" / "report.json")
        _check(report["summary"], label)
        peak = ours.extra["peak_kib"]
        name = (
            f"64 nodes, 10 clients on the controller, {label}: {len(report['results']):,} results, six "
            f"reports (peak {peak / 1024:.0f} MiB; "
            f"observations simulated)"
        )
        return Row(
            name,
            ours,
            "at most 60 s, 1 GiB",
            ours.wall <= 60 and peak <= _GIB,
            notes={"summary": report["summary"], "peak_kib": peak},
        )

    return row


def _check(summary: Mapping[str, int], label: str) -> None:
    """Raise if the verdicts are not those of the fault: something else would have been measured."""
    wrong = sum(summary.values()) - summary.get("ok", 0)
    found = {
        "all green": wrong == 0,
        "one rule missing": 0 < wrong < 100,
        "nothing passes": "ok" not in summary,
    }
    if not found[label] or "untested" in summary:
        raise RuntimeError(f"{label}: {summary}")


def _site(ansible: Ansible, nodes: int, clients: int) -> Path:
    """Write the inventory of a cluster with its clients and one partner for each service."""
    members = {
        "exasol_nodes": [f"node{number:02d}" for number in range(nodes)],
        "exasol_clients": [f"client{number:02d}" for number in range(clients)],
    }
    names = [name for group in members.values() for name in group]
    # RFC 2544: a network for benchmarks. Nothing is sent to it.
    hosts = {name: {"exasol_address": f"198.18.0.{number}"} for number, name in enumerate(names, 1)}
    peers = {peer: [f"198.19.0.{number}"] for number, peer in enumerate(FOREIGN, 1)}
    groups = {group: {"hosts": dict.fromkeys(several)} for group, several in members.items()}
    return ansible.write(
        f"site-{nodes}-{clients}.yml",
        {"all": {"hosts": hosts, "vars": {"exasol_peers": peers}, "children": groups}},
    )


def growth(lab: Lab, effort: Effort) -> list[dict[str, t.Any]]:
    """Return what plan, verdicts and reports cost without Ansible, for ever more hosts."""
    sizes = _SIZES[:-1] if effort.quick else _SIZES
    return [_grown(lab, count, effort.rounds if count < _SIZES[-2] else 1) for count in sizes]


def _grown(lab: Lab, count: int, rounds: int) -> dict[str, t.Any]:
    done: list[dict[str, t.Any]] = []
    for _round in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            report = f"{folder}/measured.json"
            judged = work(lab.source, "verification", inventory=crowd(count), report=report)
            done.append({**judged, **work(lab.source, "reports", report=report, folder=folder)})
    return dict(
        sorted(done, key=lambda one: one["plan_cpu"] + one["verdict_cpu"] + one["report_cpu"])[rounds // 2],
        hosts=count,
    )


def growth_cells(grown: Iterable[dict[str, t.Any]]) -> list[tuple[str, ...]]:
    """Return the growth as rows of a table."""
    return [
        (
            str(one["hosts"]),
            f"{one['flows']:,}",
            f"{one['plan_cpu']:.3f}",
            f"{one['verdict_cpu']:.3f}",
            f"{one['report_cpu']:.3f}",
            f"{one['flows'] / (one['plan_cpu'] + one['verdict_cpu'] + one['report_cpu']):,.0f}",
            f"{one['plan_bytes'] / 1024:,.0f}",
            f"{one['report_bytes'] / 1024:,.0f}",
            f"{one['page_bytes'] / 1024:,.0f}",
            f"{one['peak_kib'] / 1024:,.0f}",
        )
        for one in grown
    ]
