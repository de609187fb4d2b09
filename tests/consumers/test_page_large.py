# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a site whose matrix is too large to be there as a whole: what is in sight is there."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats import _html
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser
from ansible_collections.exasol_community.network.tests.consumers.samples import result, verification

pytestmark = pytest.mark.machines  # it looks for browsers

COUNT = 110
NAMES = [f"node{number:03}" for number in range(COUNT)]
PAIRS = list(itertools.permutations(range(COUNT), 2))
# Pairs without any order among them, so that no two hosts are equal.
FAULTY = set(random.Random(1).sample(PAIRS, 500))
CHOSEN = "return document.querySelector('.chosen')?.id ?? ''"
ELEMENTS = "return document.querySelectorAll('#matrix *').length"
# As many as fit into a window of 1280 x 900 pixels, with a few around them, if a cell has 25 pixels.
MOST_ELEMENTS = (1280 // 25 + 14) * (900 // 25 + 14)
CELLS = (
    "return [...document.querySelectorAll('#matrix td[id]')].map((cell) => "
    "[cell.id, cell.className.split(' ')[0]])"
)
SCROLLED_TO = "const frame = document.getElementById('frame'); frame.scrollTo(arguments[0], arguments[1])"
IN_SIGHT = (
    "const frame = document.getElementById('frame').getBoundingClientRect();"
    " const box = document.querySelector(arguments[0])?.getBoundingClientRect();"
    # Sizes on a phone are no whole numbers.
    " return Boolean(box) && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1"
    " && box.left >= frame.left - 1 && box.right <= frame.right + 1"
)
END = 10**6  # pixels


def made(count: int = COUNT) -> dict[str, Any]:
    """Return a verification of a mesh with faults here and there, and with a time of each path."""
    names = [f"node{number:03}" for number in range(count)]
    pairs = list(itertools.permutations(range(count), 2))
    results = [
        result(names[one], names[other], verdict="blocked" if (one, other) in FAULTY else "ok")
        for one, other in pairs
    ]
    paths = [
        {
            "source": names[one],
            "destination": names[other],
            "address": names[other],
            "tries": 10,
            "lost": 0,
            # Twice the usual one to a host with an odd number.
            "rtt_ms": {"min": 1.0, "median": 4.0 if other % 2 else 2.0, "p95": 5.0, "max": 5.0},
        }
        for one, other in pairs
    ]
    return verification(results, names, hosts=names, paths=paths)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report as a file."""
    return written(tmp_path_factory.mktemp("page"), made())


def written(folder: Path, verification: dict[str, Any]) -> Path:
    """Return the page of a verification."""
    file = folder / "report.html"
    file.write_text(render(verification, "html"), encoding="utf-8")
    return file


@pytest.fixture
def unfolded(browser: Browser, page: Path) -> Iterator[Browser]:
    """Return the browser with the flows of all hosts, each of which has its own row and column."""
    browser.emulate()
    browser.open(page)
    unfold(browser, COUNT)
    yield browser
    assert browser.said() == []


def unfold(browser: Browser, count: int) -> None:
    """Show everything, and unfold all hosts."""
    browser.until("return performance.getEntriesByName('ready').length", 1)
    browser.click("button[type=reset]")
    browser.until("return document.getElementById('verdict').value", "")
    browser.click("#fold")
    browser.until("return document.getElementById('matrix').getAttribute('aria-rowcount')", str(count + 1))


def wait_for_frame(browser: Browser) -> None:
    """Wait until the browser has drawn what it was told, and what the page did then."""
    browser.run(
        "window.drawn = 0; requestAnimationFrame(() => requestAnimationFrame(() => "
        "requestAnimationFrame(() => { window.drawn = 1 })))"
    )
    browser.until("return window.drawn", 1)


def scroll(browser: Browser, right: int, down: int) -> None:
    """Scroll the matrix to a place, in pixels."""
    browser.run(SCROLLED_TO, right, down)
    wait_for_frame(browser)


@pytest.mark.parametrize("count", [COUNT, 2 * COUNT])
def test_elements_do_not_grow_with_the_hosts(browser: Browser, tmp_path: Path, count: int) -> None:
    browser.emulate()
    browser.open(written(tmp_path, made(count)))
    unfold(browser, count)
    for right, down in ((0, 0), (END, 0), (1000, 1000), (END, END)):
        scroll(browser, right, down)
        assert 500 < browser.run(ELEMENTS) <= MOST_ELEMENTS
    # The control: there is room for all of them.
    size = browser.run(
        "const frame = document.getElementById('frame'); return [frame.scrollWidth, frame.scrollHeight]"
    )
    assert min(size) >= count * 25
    assert browser.run("return document.querySelectorAll('#matrix [aria-colindex]').length") > 500
    assert browser.said() == []


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
@pytest.mark.parametrize(
    ("right", "down", "row", "column"),
    [(0, 0, 2, 3), (END, 0, 2, COUNT + 1), (0, END, COUNT + 1, 2), (END, END, COUNT, COUNT + 1)],
    ids=["begin", "right", "bottom", "end"],
)
def test_cells_show_their_flows_wherever_one_scrolls(
    unfolded: Browser, width: int, right: int, down: int, row: int, column: int
) -> None:
    unfolded.emulate(width=width)
    wait_for_frame(unfolded)
    scroll(unfolded, right, down)
    assert unfolded.run(IN_SIGHT, f'tr[aria-rowindex="{row}"] td[aria-colindex="{column}"]')
    cells = unfolded.run(CELLS)
    assert len(cells) > 200
    for name, shown in cells:
        pair = tuple(map(int, name[1:].split("-")))
        assert shown == ("blocked" if pair in FAULTY else "ok"), name


@pytest.mark.parametrize("width", [1280, 390], ids=["desk", "phone"])
def test_every_host_has_its_row_and_its_column(unfolded: Browser, width: int) -> None:
    unfolded.emulate(width=width)
    wait_for_frame(unfolded)
    rows: dict[int, str] = {}
    columns: dict[int, str] = {}
    for place in range(0, 29 * COUNT, 25 * 7):
        scroll(unfolded, place, place)
        rows.update(unfolded.run(ROWS))
        columns.update(unfolded.run(COLUMNS))
    for found in (rows, columns):
        assert sorted(map(int, found)) == list(range(2, COUNT + 2))
        assert sorted(found.values()) == NAMES
    # Their cells are theirs.
    for name, index, title in unfolded.run(
        "return [...document.querySelectorAll('#matrix td[id]')].map((cell) => "
        "[cell.id, cell.ariaColIndex, cell.parentElement.cells[0].title])"
    ):
        one, other = map(int, name[1:].split("-"))
        assert (NAMES[one], NAMES[other]) == (title, columns[index])


ROWS = (
    "return Object.fromEntries([...document.querySelectorAll('#matrix tbody tr')].map((row) => "
    "[row.ariaRowIndex, row.cells[0].title]))"
)
COLUMNS = (
    "const heads = document.querySelectorAll('#matrix thead th'); return Object.fromEntries("
    "[...document.querySelectorAll('#matrix tbody tr:first-child td')].map((cell, index) => "
    "[cell.ariaColIndex, heads[index].title]))"
)


def test_headings_stay_in_sight(unfolded: Browser) -> None:
    unfolded.run("document.getElementById('frame').scrollIntoView()")
    scroll(unfolded, 1500, 1500)
    row, column = unfolded.run(
        "const cell = [...document.querySelectorAll('#matrix td[id]')].find((one) => { const box = "
        "one.getBoundingClientRect(); return document.elementFromPoint(box.x + 5, box.y + 5) === one });"
        " const head = cell.parentElement.cells[0].getBoundingClientRect();"
        " const frame = document.getElementById('frame').getBoundingClientRect();"
        " const top = document.querySelector('#matrix thead th').getBoundingClientRect().top;"
        " return [head.left - frame.left, top - frame.top]"
    )
    assert 0 <= row <= 3 and 0 <= column <= 3


def test_the_matrix_stays_where_it_is_while_rows_come_and_go(unfolded: Browser) -> None:
    """A cell moves by what was scrolled, and by nothing else."""
    where = "const box = document.getElementById('c60-58').getBoundingClientRect(); return [box.x, box.y]"
    unfolded.run("location.hash = '#c60-58'")
    unfolded.until(CHOSEN, "c60-58")
    before = unfolded.run(where)
    for _step in range(12):
        unfolded.run("document.getElementById('frame').scrollBy(20, 20)")
        wait_for_frame(unfolded)
    assert [one - other for one, other in zip(before, unfolded.run(where), strict=True)] == pytest.approx(
        [240, 240], abs=1
    )


def test_keys_walk_to_cells_that_are_not_there_yet(unfolded: Browser) -> None:
    where = (
        "const box = document.querySelector('.chosen'); "
        "return [+box?.parentElement.ariaRowIndex, +box?.ariaColIndex]"
    )
    unfolded.run("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    unfolded.press("Right", "End")
    assert unfolded.run(where) == [2, COUNT + 1]
    unfolded.press(*["Down"] * 60)
    assert unfolded.run(where) == [62, COUNT + 1]
    assert unfolded.run("return document.activeElement.id") == unfolded.run(CHOSEN)
    assert unfolded.run(IN_SIGHT, ".chosen")
    # They go on from a cell that is out of sight.
    scroll(unfolded, 0, 0)
    assert unfolded.run(CHOSEN) == ""
    unfolded.press("Up")
    assert unfolded.run(where) == [61, COUNT + 1] and unfolded.run(IN_SIGHT, ".chosen")
    chosen = unfolded.run(CHOSEN)
    unfolded.press("Enter")
    one, other = map(int, chosen[1:].split("-"))
    assert f"{NAMES[one]} → {NAMES[other]}" in unfolded.run(
        "return document.getElementById('detail').innerText"
    )
    scroll(unfolded, 0, 0)
    unfolded.press("Escape")
    assert unfolded.run("return document.activeElement.id") == chosen


def test_tab_reaches_it_wherever_it_is_scrolled_to(unfolded: Browser) -> None:
    for right, down in ((0, 0), (END, END)):
        scroll(unfolded, right, down)
        assert unfolded.run("return document.querySelectorAll('#matrix td[tabindex=\"0\"]').length") == 1


def test_a_link_leads_to_a_cell_that_is_not_there_yet(unfolded: Browser) -> None:
    unfolded.run(f"location.hash = '#c{COUNT - 2}-70'")
    unfolded.until(CHOSEN, f"c{COUNT - 2}-70")
    assert unfolded.run(IN_SIGHT, ".chosen")


def test_a_filter_leaves_few_rows_and_the_rest_comes_back(unfolded: Browser) -> None:
    scroll(unfolded, END, END)
    unfolded.type("#host", "node003")
    unfolded.until("return document.getElementById('matrix').getAttribute('aria-rowcount')", str(COUNT + 1))
    # Its own row has all columns, and its column all rows.
    assert unfolded.run("return document.querySelectorAll('#matrix td.ok, #matrix td.blocked').length") > 0
    unfolded.run(
        "const field = document.getElementById('verdict'); field.value = 'not ok'; "
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    wrong = [pair for pair in FAULTY if 3 in pair]
    wait_for_frame(unfolded)
    assert sorted(name for name, shown in unfolded.run(CELLS) if shown == "blocked") == sorted(
        f"c{one}-{other}" for one, other in wrong
    )
    unfolded.click("button[type=reset]")
    unfolded.until(
        "return document.getElementById('shown').textContent", f"{len(PAIRS)} of {len(PAIRS)} flows"
    )


def test_what_was_measured_of_paths_is_shown_of_what_is_in_sight(unfolded: Browser) -> None:
    unfolded.run(
        "const field = document.getElementById('measure'); field.value = 'rtt'; "
        "field.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    for place in ((0, 0), (END, END)):
        scroll(unfolded, *place)
        cells = unfolded.run(CELLS)
        assert len(cells) > 200
        # The median of both times is the larger one.
        assert {shown for _name, shown in cells} == {"heat0"}
        said = unfolded.run(
            "return [...document.querySelectorAll('#matrix td[id]')].map((cell) => [cell.id, cell.ariaLabel])"
        )
        for name, label in said:
            assert label.endswith(", 4 ms" if int(name.split("-")[1]) % 2 else ", 2 ms"), label


def test_a_group_is_unfolded_and_folded_by_its_heading(browser: Browser, page: Path) -> None:
    browser.emulate()
    browser.open(page)
    browser.click("button[type=reset]")
    browser.until("return document.getElementById('verdict').value", "")
    folded = browser.run("return document.querySelectorAll('#matrix tbody tr').length")
    browser.click("#fold")
    browser.until("return document.getElementById('matrix').getAttribute('aria-rowcount')", str(COUNT + 1))
    scroll(browser, 0, 0)
    button = browser.run("return document.querySelector('#matrix tbody .toggle').dataset.group")
    browser.run("document.querySelector('#matrix tbody .toggle').click()")
    assert browser.run("return document.activeElement.dataset.group") == button
    assert browser.run("return document.activeElement.getAttribute('aria-expanded')") == "false"
    browser.click("#fold")  # some hosts are folded, so it unfolds the rest
    browser.click("#fold")
    browser.until("return document.querySelectorAll('#matrix tbody tr').length", folded)
    assert browser.run("return document.getElementById('matrix').getAttribute('aria-rowcount')") is None


def test_paper_holds_all_of_it(unfolded: Browser) -> None:
    scroll(unfolded, 500, 500)
    unfolded.run("window.dispatchEvent(new Event('beforeprint'))")
    assert unfolded.run("return document.querySelectorAll('#matrix td[id]').length") == len(PAIRS)
    unfolded.run("window.dispatchEvent(new Event('afterprint'))")
    assert unfolded.run(ELEMENTS) <= MOST_ELEMENTS


NOTE = "return document.getElementById('part').offsetHeight > 0"


def test_paper_that_holds_all_has_no_note(unfolded: Browser) -> None:
    unfolded.emulate(media="print")
    unfolded.run("window.dispatchEvent(new Event('beforeprint'))")
    assert not unfolded.run(NOTE)


def test_paper_that_holds_a_part_says_so(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = _html._asset
    monkeypatch.setattr(
        _html, "_asset", lambda name: read(name).replace("MOST_PRINTED = 100000", "MOST_PRINTED = 6001")
    )
    browser.emulate()
    browser.open(written(tmp_path, made()))
    unfold(browser, COUNT)
    assert not browser.run(NOTE), "a screen can be scrolled"
    browser.run("window.dispatchEvent(new Event('beforeprint'))")
    browser.emulate(media="print")
    assert browser.run("return document.querySelectorAll('#matrix td[id]').length") < len(PAIRS)
    assert browser.run(NOTE)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1400, 1000)], ids=["phone", "desk"])
def test_axe_finds_nothing(unfolded: Browser, axe: str, width: int, height: int) -> None:
    unfolded.emulate(width=width, height=height)
    wait_for_frame(unfolded)
    scroll(unfolded, 300, 300)
    unfolded.run(axe)
    # Colours are those of a small matrix, and to look at those of thousands of cells takes half a minute.
    found = (
        "return axe.run('#frame', {rules: {'color-contrast': {enabled: false}}})"
        ".then((found) => found.violations.map((one) => one.id))"
    )
    assert unfolded.run(found) == []
    assert unfolded.run("return document.documentElement.scrollWidth <= innerWidth")
