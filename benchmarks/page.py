# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon the HTML report of a large cluster can be used."""

from __future__ import annotations

import statistics
import tempfile
import typing as t
from pathlib import Path

from row import Row
from stopwatch import Effort, Lap

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser, missing
from ansible_collections.exasol_community.network.tests.consumers.samples import cluster

# The page is usable when its script has run: it is the last thing in the document, so that is when the
# document is interactive.
LOADED = (
    "const times = performance.getEntriesByType('navigation')[0];"
    " return [times.domInteractive, times.loadEventEnd]"
)
FILTER = (
    "const field = document.getElementById('host'); const start = performance.now(); field.value = 'node07'; "
    "field.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; return "
    "performance.now() - start"
)


class Opened(t.NamedTuple):
    """A page of a report, as a browser saw it: milliseconds, one for each time it was opened."""

    results: int
    kib: float
    usable: list[float]
    loaded: list[float]
    filtered: list[float]


def opened(hosts: int, rounds: int) -> Opened:
    """Render the page of a cluster and open it again and again."""
    made = cluster(hosts)
    text = render(made, "html")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(text, encoding="utf-8")
        browser = Browser(Path(folder) / "profile")
        try:
            found = []
            for _round in range(rounds):
                browser.open(page)
                found.append((*browser.run(LOADED), browser.run(FILTER)))
        finally:
            browser.close()
    return Opened(len(made["results"]), len(text.encode()) / 1024, *map(list, zip(*found, strict=True)))


def usable(hosts: int, target: float, effort: Effort) -> Row:
    """The page of so many hosts: within how many seconds it can be used, and its size."""
    name, wanted = f"HTML page of {hosts} hosts", f"at most {target:g} s, 3 MiB"
    if missing():
        return Row(f"{name}: {missing()} is not installed", Lap(0, 0), wanted, None)
    page = opened(hosts, max(effort.rounds, 3))
    seconds = statistics.median(page.usable) / 1000
    filtered = statistics.median(page.filtered)
    work = (
        f"{name}, {page.results:,} results, {page.kib:.0f} KiB:"
        f" usable (a filter answers after {filtered:.0f} ms)"
    )
    return Row(work, Lap(seconds, 0), wanted, seconds <= target and page.kib <= 3 * 1024)
