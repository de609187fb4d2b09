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
import typing as t
from collections.abc import Sequence
from pathlib import Path

import confirming
import firewalls
import live
import page
import payload
import plays
import scale
import sets
import sweeps
from plot import growth_svg
from row import HEADINGS, Row, markdown
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
    "firewalld": firewalls.firewalld,
    "ufw": firewalls.ufw,
    "nftables-200": firewalls.many,
    **{
        f"unchanged-{host}": firewalls.unchanged(host)
        for host in ("nftables", "iptables", "ufw", "firewalld")
    },
}
GROWTH = "growth"
PAYLOAD = "payload-growth"
OTHERS = {
    "mesh": scale.mesh,
    "page": functools.partial(page.usable, 64, 0.3),
    "page-256": functools.partial(page.usable, 256, 1),
}
PAGES = {"page-1000": functools.partial(page.large, 1000, 1)}
NAMES = (*SWEEPS, *PLAYS, *OTHERS, *PAGES, *FIREWALLS, GROWTH, PAYLOAD)
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
        help="leave out the peers that take minutes (nmap on dropped ports, wait_for)",
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


class Measured(t.NamedTuple):
    """What was asked for."""

    rows: list[Row]
    grown: list[dict[str, t.Any]]  # of a plan, without Ansible
    sent: list[payload.Grown]


def measure(options: argparse.Namespace, folder: Path) -> Measured:
    """Return the rows and the growths that were asked for."""
    effort = Effort(options.rounds, options.quick)
    wanted = [name for name in NAMES if not options.names or name in options.names]
    with Lab() as lab:
        ansible = plays.Ansible(folder, lab)
        jobs: dict[str, t.Any] = {name: functools.partial(job, lab) for name, job in SWEEPS.items()}
        jobs.update({name: functools.partial(job, ansible) for name, job in PLAYS.items()})
        jobs.update(OTHERS)
        jobs.update({name: functools.partial(job, lab) for name, job in PAGES.items()})
        rows = _measured({name: job for name, job in jobs.items() if name in wanted}, effort)
        grown = scale.growth(lab, effort) if GROWTH in wanted else []
        sent = payload.growth(ansible, effort) if PAYLOAD in wanted else []
    rows += _firewalls([name for name in FIREWALLS if name in wanted], effort, folder / "firewalls")
    return Measured(rows, grown, sent)


def _measured(jobs: dict[str, t.Callable[[Effort], Row]], effort: Effort) -> list[Row]:
    rows = []
    for name, job in jobs.items():
        print(f"measuring {name}", file=sys.stderr, flush=True)
        row = job(effort)
        print(" | ".join(row.cells()), file=sys.stderr, flush=True)
        rows.append(row)
    return rows


def _firewalls(wanted: Sequence[str], effort: Effort, folder: Path) -> list[Row]:
    lacking = firewalls.missing() if wanted else ""
    if lacking:
        print(f"benchmarks of firewalls skipped: {lacking}", file=sys.stderr)
    if lacking or not wanted:
        return []
    with firewalls.running(folder) as site:
        return _measured({name: functools.partial(FIREWALLS[name], site) for name in wanted}, effort)


def document(measured: Measured) -> str:
    """Return the results as Markdown."""
    now = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    parts = [
        f"{now}, Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} processors."
    ]
    if measured.rows:
        parts.append(markdown(HEADINGS, [row.cells() for row in measured.rows]))
    if measured.grown:
        parts += [
            markdown(scale.GROWTH_HEADINGS, scale.growth_cells(measured.grown)),
            f"![Processor time by number of flows]({_PICTURE})",
        ]
    if measured.sent:
        parts.append(markdown(payload.HEADINGS, payload.cells(measured.sent)))
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
        measured = measure(options, Path(folder))
    text = document(measured)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "benchmarks.md").write_text(text)
    grown = measured.grown
    results = {
        "rows": [row.as_dict() for row in measured.rows],
        "growth": grown,
        "payload": [one._asdict() for one in measured.sent],
    }
    (options.output / "benchmarks.json").write_text(json.dumps(results, indent=1) + "\n")
    if options.document:
        kept = options.document.read_text().partition(_MARK)[0]
        options.document.write_text(f"{kept}{_MARK}\n\n{text}")
    for folder in {options.output, *([options.document.parent] if options.document else [])} if grown else ():
        (folder / _PICTURE).write_text(growth_svg(grown))
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
