# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the HTML report shows of paths in place of verdicts, in a real browser."""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser
from ansible_collections.exasol_community.network.tests.consumers.samples import result, verification

pytestmark = pytest.mark.machines  # it looks for browsers

NODES = [f"node{number:02}" for number in range(5)]


def path(
    source: str, destination: str, size: int = 1448, state: str = "passed", **more: t.Any
) -> dict[str, t.Any]:
    """Return a path with the same segments in both directions."""
    segment = {"state": state, "size": size, "mss": 1448}
    return {
        "source": source,
        "destination": destination,
        "address": destination,
        "tries": 100,
        "lost": 0,
        "rtt_ms": {"min": 0.2, "median": 0.4, "p95": 0.5, "max": 0.6},
        "segments": {"out": segment, "in": segment},
        "clock_offset_s": 0.001,
        "clock_error_s": 0.0005,
        "throughput": carried(1170, 1180),
        **more,
    }


def carried(out: float, back: float) -> dict[str, t.Any]:
    """Return transfers of so many megabytes a second."""
    return {
        way: {"bytes_per_second": int(speed * 1e6), "bytes": int(speed * 1.5e6), "seconds": 1.5}
        for way, speed in (("out", out), ("in", back))
    }


FAULTS = {
    (0, 1): {"rtt_ms": {"min": 9.0, "median": 12.5, "p95": 13.0, "max": 14.0}},
    (0, 2): {"lost": 30},
    (0, 3): {"size": 1348, "state": "stalled"},
    (1, 0): {"clock_offset_s": -3600.5},
    (1, 2): {"size": 1400, "state": "reduced"},
    (2, 0): {"throughput": carried(1170, 11.7)},
    (2, 1): {"throughput": carried(800, 1170)},
}


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """Return the browser with a page of five nodes; nobody measured the paths to the last one."""
    pairs = list(itertools.permutations(range(len(NODES)), 2))
    paths = [
        path(NODES[one], NODES[other], **FAULTS.get((one, other), {})) for one, other in pairs if other != 4
    ]
    file = tmp_path / "report.html"
    results = [result(NODES[one], NODES[other]) for one, other in pairs]
    file.write_text(render(verification(results, NODES, paths=paths), "html"), encoding="utf-8")
    browser.emulate()
    browser.open(file)
    yield browser
    assert browser.said() == []


def choose(browser: Browser, measure: str) -> None:
    """Choose what the matrix shows."""
    browser.run(
        "const select = document.getElementById('measure'); select.value = arguments[0]; "
        "select.dispatchEvent(new Event('input', { bubbles: true }))",
        measure,
    )


def cell(browser: Browser, name: str) -> tuple[str, str]:
    """Return the look and the text of a cell."""
    look, text = browser.run(
        "const cell = document.getElementById(arguments[0]); return [cell.className, cell.innerText]", name
    )
    return look.replace(" chosen", ""), text.strip()


@pytest.mark.parametrize(
    ("measure", "fault", "look", "text", "healthy"),
    [
        ("rtt", "c0-1", "heat3", "12.5", "0.4"),
        ("loss", "c0-2", "heat3", "30", "0"),
        ("segment", "c0-3", "heat3", "1348!", "1448"),
        ("segment", "c1-2", "heat2", "1400", "1448"),
        ("clock", "c1-0", "heat3", "-3600.5", "0.001"),
        ("throughput", "c2-0", "heat3", "11.7", "1170"),
        ("throughput", "c2-1", "heat1", "800", "1170"),
    ],
)
def test_the_outlier_is_marked_and_the_others_are_not(
    opened: Browser, measure: str, fault: str, look: str, text: str, healthy: str
) -> None:
    choose(opened, measure)
    assert cell(opened, fault) == (look, text)
    assert cell(opened, "c2-3") == ("heat0", healthy)
    assert cell(opened, "c0-4") == ("unknown", ""), "not measured is no colour"
    assert opened.run("return document.getElementById('legend').hidden") is False


def test_verdicts_come_back(opened: Browser) -> None:
    before = cell(opened, "c0-1")
    choose(opened, "rtt")
    assert cell(opened, "c0-1") != before
    choose(opened, "")
    assert cell(opened, "c0-1") == before
    assert opened.run("return document.getElementById('legend').hidden") is True


def test_a_cell_says_its_value_to_those_who_do_not_see_it(opened: Browser) -> None:
    choose(opened, "segment")
    opened.click("#c0-3")
    assert "full-size segments vanish, 1348 bytes pass" in opened.run(
        "return document.getElementById('c0-3').getAttribute('aria-label')"
    )


def test_a_page_without_paths_offers_verdicts_alone(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(render(verification([result("node00", "node01")], NODES), "html"), encoding="utf-8")
    browser.open(file)
    assert browser.run("return document.getElementById('measure')") is None
    assert browser.said() == []
