# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the collection beside its peers: python benchmarks/run.py [--quick] [--rounds N] [name ...]."""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import os
import platform
import signal
import sys
import tempfile
import traceback
import typing as t
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import confirming
import firewall_rows
import firewalls
import live
import page
import payload
import plays
import scale
import sets
import sweep_growth
import sweeps
from plot import growth_svg
from row import HEADINGS, Failure, Row, markdown
from stopwatch import Effort

from ansible_collections.exasol_community.network.tests.labs.cables import Lab, missing

SWEEPS = {
    "dropped": sweeps.dropped,
    "closed": sweeps.closed,
    "open": sweeps.opened,
    "many": sweeps.many,
    "proofs": sweeps.proofs,
    "black-holes": sweeps.black_holes,
    "throughput": sweeps.carried,
    "named-set": sets.named_set,
    "live-connections": live.live_connections,
}
PLAYS = {
    "verify": plays.everything,
    "paths": plays.paths,
    "confirmed": confirming.confirmed,
    "plan": plays.planning,
    "plan-1000": plays.planning_many,
    "site": scale.controller("all green"),
    "site-broken": scale.controller("one rule missing"),
    "site-dark": scale.controller("nothing passes"),
    "payload": payload.carried,
}
FIREWALLS = {
    "firewalld": firewall_rows.opened("firewalld"),
    "ufw": firewall_rows.opened("ufw"),
    "iptables": firewall_rows.opened("iptables"),
    "nftables": firewall_rows.opened("nftables", at_most=None),
    "nftables-200": firewall_rows.many,
    **{
        f"unchanged-{host}": firewall_rows.unchanged(host)
        for host in ("nftables", "iptables", "ufw", "firewalld")
    },
}
OTHERS = {
    "mesh": scale.mesh,
    "page": functools.partial(page.usable, 64, 0.3),
    "page-256": functools.partial(page.usable, 256, 1),
}
PAGES = {"page-1000": functools.partial(page.large, 1000, 1)}


class Table(t.NamedTuple):
    """A work of several sizes, whose results are a table of its own."""

    measure: Callable[[t.Any, Effort], list[t.Any]]  # its first argument is the place where it is done
    headings: Sequence[str]
    cells: Callable[[list[t.Any]], list[tuple[str, ...]]]
    plain: Callable[[list[t.Any]], list[t.Any]]  # what goes into benchmarks.json


GROWTH = "growth"
IN_NAMESPACES = {
    "sweeps-growth": Table(
        sweep_growth.growth, sweep_growth.HEADINGS, sweep_growth.cells, sweep_growth.plain
    ),
    GROWTH: Table(scale.growth, scale.GROWTH_HEADINGS, scale.growth_cells, list),
}
WITH_ANSIBLE = {
    "payload-growth": Table(
        payload.growth, payload.HEADINGS, payload.cells, lambda sent: [one._asdict() for one in sent]
    )
}
IN_CONTAINERS = {
    "firewalls-growth": Table(
        firewall_rows.growth,
        firewall_rows.HEADINGS,
        firewall_rows.cells,
        lambda grown: [one._asdict() for one in grown],
    )
}
TABLES: Mapping[str, Table] = {**IN_CONTAINERS, **IN_NAMESPACES, **WITH_ANSIBLE}
NAMES = (*SWEEPS, *PLAYS, *OTHERS, *PAGES, *FIREWALLS, *TABLES)
_MARK = "<!-- results -->"
_PICTURE = "growth.svg"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="name", help=f"what to measure, by default everything: {', '.join(NAMES)}"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each contestant runs; the median counts"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="leave out what takes minutes (nmap on dropped ports, wait_for, the largest sizes)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("report"), help="the folder for benchmarks.json and benchmarks.md"
    )
    parser.add_argument(
        "--document",
        type=Path,
        help=f"a file whose text after {_MARK} the results replace, such as docs/benchmarks.md",
    )
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"{unknown[0]!r} is no benchmark: expected one of {', '.join(NAMES)}")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds} is too small: expected at least 1")
    return options


Job = Callable[[Effort], t.Any]  # returns a row, or what a table is made of


class Results:
    """What was measured so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.rows: list[Row | Failure] = []
        self.grown: dict[str, list[t.Any]] = {}  # by the names of tables
        self._effort = Effort(options.rounds, options.quick)
        self._names = options.names or NAMES

    @property
    def has_failed(self) -> bool:
        """Whether a contestant failed, or did something else than it should."""
        return any(isinstance(row, Failure) for row in self.rows)

    def wanted(self, jobs: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return those of some jobs that were asked for."""
        return {name: job for name, job in jobs.items() if name in self._names}

    def measure(self, jobs: Mapping[str, Job]) -> None:
        """Do those of some jobs that were asked for; one that fails does not end the others."""
        for name, job in self.wanted(jobs).items():
            print(f"measuring {name}", file=sys.stderr, flush=True)
            try:
                found = job(self._effort)
            except Exception as error:  # noqa: BLE001 - whatever it was, the table and the exit code say so
                traceback.print_exc()
                found = Failure(name, str(error))
            if name in TABLES and not isinstance(found, Failure):
                self.grown[name] = found
                continue
            print(" | ".join(found.cells()), file=sys.stderr, flush=True)
            self.rows.append(found)


def measure(options: argparse.Namespace, folder: Path) -> Results:
    """Return the rows and the tables that were asked for."""
    results = Results(options)
    with Lab() as lab:
        ansible = plays.Ansible(folder, lab)
        results.measure(_at(lab, SWEEPS))
        results.measure(_at(ansible, PLAYS))
        results.measure(OTHERS)
        results.measure(_at(lab, PAGES))
        results.measure(_at(lab, _measures(IN_NAMESPACES)))
        results.measure(_at(ansible, _measures(WITH_ANSIBLE)))
    _measure_firewalls(results, folder / "firewalls")
    return results


def _measures(tables: Mapping[str, Table]) -> dict[str, Callable[[t.Any, Effort], list[t.Any]]]:
    return {name: table.measure for name, table in tables.items()}


def _at(place: t.Any, jobs: Mapping[str, Callable[[t.Any, Effort], t.Any]]) -> dict[str, Job]:
    return {name: functools.partial(job, place) for name, job in jobs.items()}


def _measure_firewalls(results: Results, folder: Path) -> None:
    jobs: dict[str, t.Any] = {**FIREWALLS, **_measures(IN_CONTAINERS)}
    lacking = firewalls.missing() if results.wanted(jobs) else ""
    if lacking:
        print(f"benchmarks of firewalls skipped: {lacking}", file=sys.stderr)
    if lacking or not results.wanted(jobs):
        return
    with firewalls.running(folder) as site:
        results.measure(_at(site, jobs))


def document(results: Results) -> str:
    """Return the results as Markdown."""
    now = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    parts = [
        f"{now}, Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} processors."
    ]
    if results.rows:
        parts.append(markdown(HEADINGS, [row.cells() for row in results.rows]))
    for name, table in TABLES.items():
        if name in results.grown:
            parts.append(markdown(table.headings, table.cells(results.grown[name])))
        if name == GROWTH and name in results.grown:
            parts.append(f"![Processor time by number of flows]({_PICTURE})")
    return "\n\n".join(parts) + "\n"


def main() -> int:
    options = arguments()
    lacking = missing()
    if lacking:
        print(f"benchmarks skipped: {lacking}")
        return 0
    # A terminated run removes its namespaces as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="exabench-") as folder:
        results = measure(options, Path(folder))
    text = document(results)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "benchmarks.md").write_text(text)
    (options.output / "benchmarks.json").write_text(json.dumps(_plain(results), indent=1) + "\n")
    if options.document:
        kept = options.document.read_text().partition(_MARK)[0]
        options.document.write_text(f"{kept}{_MARK}\n\n{text}")
    if GROWTH in results.grown:
        for place in {options.output, *([options.document.parent] if options.document else [])}:
            (place / _PICTURE).write_text(growth_svg(results.grown[GROWTH]))
    print(text, end="")
    return int(results.has_failed)


def _plain(results: Results) -> dict[str, t.Any]:
    tables = {name: TABLES[name].plain(grown) for name, grown in results.grown.items()}
    return {"rows": [row.as_dict() for row in results.rows], **tables}


if __name__ == "__main__":
    sys.exit(main())
