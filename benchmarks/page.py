# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure how soon the HTML report of a large cluster can be used: python benchmarks/page.py [HOSTS] [ROUNDS]."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(_CHECKOUT / "tests" / "consumers"), str(_CHECKOUT / ".collections")]

from browser import Browser, missing  # noqa: E402  # found by the line above
from samples import cluster  # noqa: E402

from ansible_collections.exasol_community.network.plugins.plugin_utils._report import render  # noqa: E402

# The page is usable when its script has run: it is the last thing in the document, so that is when the document is interactive.
LOADED = "const times = performance.getEntriesByType('navigation')[0]; return [times.domInteractive, times.loadEventEnd]"
FILTER = ("const field = document.getElementById('host'); const start = performance.now(); field.value = 'node07'; "
          "field.dispatchEvent(new Event('input', {bubbles: true})); document.body.offsetHeight; return performance.now() - start")


def main(hosts: int = 64, rounds: int = 9) -> None:
    if missing():
        sys.exit(f"{missing()} not found: apt-get install chromium chromium-driver")
    made = cluster(hosts)
    start = time.perf_counter()
    text = render(made, "html")
    rendered = time.perf_counter() - start
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
    print(f"{hosts} hosts, {len(made['results'])} results: {len(text.encode()) / 1024:.0f} KiB, rendered in {rendered:.2f} s")
    for name, values in zip(("usable", "loaded", "filtered"), zip(*found)):
        print(f"{name} after {statistics.median(values):.0f} ms (median of {rounds}; {min(values):.0f} to {max(values):.0f})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
