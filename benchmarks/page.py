# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How soon the HTML report of a large cluster can be used."""

from __future__ import annotations

import statistics
import tempfile
import time
import typing as t
from pathlib import Path

from plays import crowd
from row import Row
from stopwatch import Effort, Lap
from sweeps import work

from ansible_collections.exasol_community.network.plugins.plugin_utils._files.files import read_report
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser, missing
from ansible_collections.exasol_community.network.tests.consumers.samples import cluster
from ansible_collections.exasol_community.network.tests.labs.cables import Lab

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.plugins.module_utils._shapes import Verification

_MANY = 256  # hosts; above, a page may be larger
_PAUSE_S = 0.2
_LONGEST_PAUSE_MS = 100

# The page is usable when its script has run, which unpacks the data of a large site first.
LOADED = (
    "const times = performance.getEntriesByType('navigation')[0];"
    " return [performance.getEntriesByName('ready')[0].startTime, times.loadEventEnd]"
)
IS_READY = "return performance.getEntriesByName('ready').length > 0"
FILTER = (
    "const field = document.getElementById('host'); const start = performance.now(); field.value = '%s'; "
    "field.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; return "
    "performance.now() - start"
)
# What a reader does: types a name letter by letter, changes each choice, opens a cell, scrolls, and all that
# again with all hosts unfolded. The browser reports every task that keeps it busy for more than 50 ms.
WATCH = (
    "window.long = []; new PerformanceObserver((list) => window.long.push(...list.getEntries().map((one) => "
    "one.duration))).observe({type: 'longtask'})"
)
LONGEST = "return Math.max(0, ...window.long.splice(0))"
CHOOSE = (
    "const field = document.getElementById('%s'); field.value = '%s'; "
    "setTimeout(() => field.dispatchEvent(new Event('input', {bubbles: true})))"
)
CLICK = "const one = document.querySelector('%s'); if (one && !one.hidden) setTimeout(() => one.click())"
SCROLL = "window.scrollBy(0, 400); document.getElementById('frame').scrollBy(%d, %d)"
_FAR, _NEAR = 5000, 300  # pixels


class Opened(t.NamedTuple):
    """A page of a report, as a browser saw it: milliseconds, one for each time it was opened."""

    results: int
    kib: float
    usable: list[float]
    loaded: list[float]
    filtered: list[float]
    pauses: list[dict[str, float]]  # the longest of each thing that a reader does


def opened(made: Verification, name: str, rounds: int) -> Opened:
    """Render the page of a verification and open it again and again; C(name) is that of a host."""
    text = render(made, "html")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(text, encoding="utf-8")
        browser = Browser(Path(folder) / "profile")
        try:
            found = []
            for _round in range(rounds):
                browser.open(page)
                browser.until(IS_READY, True)
                found.append((*browser.run(LOADED), browser.run(FILTER % name), _pauses(browser, name)))
        finally:
            browser.close()
    return Opened(len(made["results"]), len(text.encode()) / 1024, *map(list, zip(*found, strict=True)))


def _pauses(browser: Browser, name: str) -> dict[str, float]:
    """Return the longest pause of each thing that a reader does with a page, in milliseconds."""
    browser.run(WATCH)
    found = dict.fromkeys(("typing", "choosing", "opening a cell", "scrolling", "unfolding"), 0.0)

    def done(what: str) -> None:
        time.sleep(_PAUSE_S)
        found[what] = max(found[what], browser.run(LONGEST))

    for is_unfolded in (False, True):
        for end in range(1, len(name) + 1):
            browser.run(CHOOSE % ("host", name[:end]))
            done("typing")
        for field, value in (("host", ""), ("verdict", "not ok"), ("verdict", ""), ("measure", "rtt")):
            if browser.run(f"return document.getElementById('{field}') !== null"):
                browser.run(CHOOSE % (field, value))
                done("choosing")
        browser.run(CLICK % "#matrix td[id]")
        done("opening a cell")
        for step in (*[_NEAR] * 15, *[_FAR] * 5):
            browser.run(SCROLL % (step, step))
            time.sleep(_PAUSE_S / 4)
        done("scrolling")
        browser.run("window.scrollTo(0, 0)")
        if not is_unfolded:
            browser.run(CLICK % "#fold")
            done("unfolding")
    browser.run(CLICK % "#fold")
    done("unfolding")
    return found


def large(count: int, target: float, lab: Lab, effort: Effort) -> Row:
    """The page of so many hosts of the table of growth, all of whose times differ."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "measured.json"
        work(lab.source, "verification", inventory=crowd(count), report=str(report))
        return _row(read_report(report), "host0007", count, target, effort)


def usable(hosts: int, target: float, effort: Effort) -> Row:
    """The page of so many hosts: within how many seconds it can be used, and its size."""
    return _row(cluster(hosts), "node07", hosts, target, effort)


def _row(made: Verification, host: str, hosts: int, target: float, effort: Effort) -> Row:
    most = 5 if hosts > _MANY else 3
    name, wanted = f"HTML page of {hosts} hosts", f"at most {target:g} s, {most} MiB, pauses of 100 ms"
    if missing():
        return Row(f"{name}: {missing()} is not installed", Lap(0, 0), wanted, None)
    page = opened(made, host, max(effort.rounds, 3))
    seconds = statistics.median(page.usable) / 1000
    filtered = statistics.median(page.filtered)
    pauses = {what: statistics.median(one[what] for one in page.pauses) for what in page.pauses[0]}
    longest = max(pauses.values())
    said = ", ".join(f"{what} {pause:.0f}" for what, pause in pauses.items() if pause) or "none"
    text = (
        f"{name}, {page.results:,} results, {page.kib:,.0f} KiB:"
        f" usable (a filter answers after {filtered:.0f} ms; pauses of more than 50 ms: {said})"
    )
    met = seconds <= target and page.kib <= most * 1024 and longest <= _LONGEST_PAUSE_MS
    return Row(text, Lap(seconds, 0), wanted, met)
