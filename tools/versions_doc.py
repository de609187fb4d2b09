#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write the table of what was run on which versions into README.md, from nothing but what tests reported.

C(--collect REPORT...) takes the JUnit reports of noxfile.py's sessions into tests/versions.json first;
C(--check) fails if README says anything else.
"""

from __future__ import annotations

import json
import pathlib
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterable

import generated

README, KEPT = generated.ROOT / "README.md", generated.ROOT / "tests" / "versions.json"
BEGIN, END = "<!-- versions: written by tools/versions_doc.py -->", "<!-- versions: end -->"
HEAD = ("ansible-core", "Python of the controller", "Python of managed hosts", "run on")
Run = dict[str, object]


class NotGreenError(Exception):
    """A report that is no proof."""


def read(path: pathlib.Path) -> Run:
    """Return what a report says was run, and on what."""
    suite = next(ET.parse(path).getroot().iter("testsuite"))  # written by our own pytest a moment ago
    if int(suite.get("failures", "1")) or int(suite.get("errors", "1")):
        raise NotGreenError(f"{path.name} has failures: the table holds only what is green")
    on = {entry.get("name"): entry.get("value") for entry in suite.findall("properties/property")}
    passed = [case for case in suite.iter("testcase") if case.find("skipped") is None]
    hosts = {
        entry.get("value")
        for case in passed
        for entry in case.findall("properties/property")
        if entry.get("name") == "host python"
    }
    if not passed or not hosts:
        raise NotGreenError(f"{path.name} has no test of a managed host")
    return {
        "ansible-core": on["ansible-core"],
        "python": on["python"],
        "date": suite.get("timestamp", "")[:10],
        "tests": len(passed),
        "hosts": sorted(filter(None, hosts), key=numbers),
    }


def numbers(version: object) -> list[int]:
    """Return what versions are sorted by."""
    return [int(part) for part in str(version).split(".") if part.isdigit()]


def minor(version: object) -> str:
    """Return a version without its third number."""
    return ".".join(str(version).split(".")[:2])


def key(run: Run) -> tuple[str, str]:
    """Return what a newer run replaces."""
    return minor(run["ansible-core"]), minor(run["python"])


def merged(kept: Iterable[Run], newer: Iterable[Run]) -> list[Run]:
    """Return the newest run of each combination, in order."""
    runs = {key(run): run for run in [*kept, *newer]}
    return sorted(runs.values(), key=lambda run: (numbers(run["ansible-core"])[:2], numbers(run["python"])))


def span(versions: Iterable[object]) -> str:
    """Return versions in words, all of them."""
    found = sorted({minor(version) for version in versions}, key=numbers)
    first, last = numbers(found[0])[1], numbers(found[-1])[1]
    return (
        f"{found[0]} to {found[-1]}"
        if len(found) > 2 and last - first == len(found) - 1
        else ", ".join(found)
    )


def row(runs: list[Run]) -> tuple[str, ...]:
    """Return the row of one ansible-core.

    The date is the oldest one, so that all of the row has been run since then.
    """
    cores = sorted({str(run["ansible-core"]) for run in runs}, key=numbers)
    hosts = {version for run in runs for version in run["hosts"]}  # type: ignore[attr-defined]
    return (
        ", ".join(cores),
        span(run["python"] for run in runs),
        span(hosts),
        min(str(run["date"]) for run in runs),
    )


def table(runs: Iterable[Run]) -> str:
    """Return the table."""
    rows: dict[str, list[Run]] = {}
    for run in runs:
        rows.setdefault(minor(run["ansible-core"]), []).append(run)
    cells = [HEAD, ("---",) * len(HEAD), *map(row, rows.values())]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def main(arguments: list[str]) -> int:
    """Answer the command line."""
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else []
    if arguments[:1] == ["--collect"]:
        kept = merged(kept, map(read, map(pathlib.Path, arguments[1:])))
        KEPT.write_text("[\n" + ",\n".join(json.dumps(run) for run in kept) + "\n]\n", encoding="utf-8")
        arguments = []
    text = generated.between(README.read_text(encoding="utf-8"), BEGIN, END, f"\n{table(kept)}\n")
    return generated.write_or_check({README: text}, "tests/versions.json", arguments)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NotGreenError as error:
        sys.exit(str(error))
