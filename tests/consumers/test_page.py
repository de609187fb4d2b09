# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser, without a network: pointer, keys, filters, phone, paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser, missing
from ansible_collections.exasol_community.network.tests.consumers.samples import MARKUP, cluster

CHOSEN = "return document.querySelector('.chosen')?.id ?? ''"
DETAIL = "return document.getElementById('detail').innerText"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser, or skip."""
    if missing():
        pytest.skip(f"needs {missing()} (Debian: chromium, chromium-driver)")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=[3, 64], ids=["3 hosts", "64 hosts"])
def count(request: pytest.FixtureRequest) -> int:
    """Return how many nodes there are."""
    return request.param


@pytest.fixture(scope="module")
def page(count: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the report as a file."""
    file = tmp_path_factory.mktemp("page") / "report.html"
    file.write_text(render(cluster(count), "html"), encoding="utf-8")
    assert file.stat().st_size <= 3 * 1024 * 1024
    return file


@pytest.fixture
def opened(browser: Browser, page: Path) -> Iterator[Browser]:
    """Return the browser with the page loaded.

    Whatever a test does, the page complains of nothing and loads nothing.
    """
    browser.emulate()
    browser.open(page)
    yield browser
    assert browser.said() == []
    assert browser.run("return document.title") == "Network verification, 2026-11-23T05:00:49+00:00"
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def shown(browser: Browser) -> int:
    """Return how many cells are visible and hold a flow."""
    return browser.run(
        "return [...document.querySelectorAll('#matrix td[id]:not(.off)')].filter((cell) => "
        "cell.offsetWidth).length"
    )


def test_every_pair_has_a_cell(opened: Browser, count: int) -> None:
    assert shown(opened) == count * (count - 1) + count
    assert opened.run("return document.querySelectorAll('td.blocked').length") == count - 1


def test_a_click_shows_sentence_and_numbers(opened: Browser) -> None:
    opened.click("#c0-1")
    said = opened.run(DETAIL)
    assert "node00 and node01: blocked." in said
    assert "filtered (no-response)" in said
    # What is shown of a cell may cover others.
    opened.run("document.getElementById('c1-0').scrollIntoView({block: 'center'})")
    opened.click("#c1-0")
    assert "0.125 / 0.25 / 0.5" in opened.run(DETAIL)


def test_markup_of_a_name_is_text(opened: Browser, count: int) -> None:
    opened.click(f"#c{count}-0")
    assert f"{MARKUP} and node00: no_listener." in opened.run(DETAIL)
    assert opened.run("return document.querySelectorAll('img').length") == 0


def test_keys_walk_from_cell_to_cell(opened: Browser, count: int) -> None:
    opened.run("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    opened.press("Down")  # over the cell of a host with itself
    assert opened.run(CHOSEN) == "c2-1"
    opened.press("Left")
    assert opened.run(CHOSEN) == "c2-0"
    opened.press("End", "Home", "Up")
    assert opened.run(CHOSEN) == "c1-0"
    opened.press("Enter")
    assert opened.run("return document.activeElement.id") == "detail"
    opened.press("Escape")
    assert opened.run("return document.activeElement.id") == "c1-0"


@pytest.mark.parametrize(("width", "height"), [(1280, 700), (390, 700)], ids=["desk", "phone"])
def test_what_is_shown_of_a_cell_never_covers_it(
    opened: Browser, count: int, width: int, height: int
) -> None:
    opened.emulate(width=width, height=height)
    opened.run("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    for key in ("Down",) * (count - 2) + ("Right",) * 9 + ("Up",) * 5:
        opened.press(key)
        assert opened.run(
            "const box = document.activeElement.getBoundingClientRect(); "
            "return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest('td') "
            "=== document.activeElement"
        ), key
    covered = opened.run(
        "const box = document.getElementById('detail').getBoundingClientRect(); return box.top < innerHeight "
        "&& box.bottom > 0"
    )
    assert covered, "the control: what covers is in sight"


def test_tab_reaches_the_matrix_once(opened: Browser) -> None:
    reached = []
    for _press in range(20):
        opened.press("Tab")
        reached.append(opened.run("return document.activeElement.id"))
    assert [name for name in reached if name in ("host", "service", "verdict")] == [
        "host",
        "service",
        "verdict",
    ]
    assert len([name for name in reached if name.startswith("c")]) == 1


def test_a_cell_is_named_for_those_who_do_not_see_it(opened: Browser) -> None:
    opened.click("#c0-1")
    label, text = opened.run("return [document.activeElement.ariaLabel, document.activeElement.textContent]")
    assert label == f"{text} node00 to node01: blocked"
    opened.until("return document.querySelectorAll('#matrix td[id]:not([aria-label])').length", 0)
    assert opened.run("return document.getElementById('detail').getAttribute('aria-live')") == "polite"


IN_SIGHT = (
    "return [...document.querySelectorAll(arguments[0])].map((element) => { const box = "
    "element.getBoundingClientRect(); return box.height > 0 && box.top >= 0 && box.bottom <= innerHeight && "
    "box.left >= 0 && box.right <= innerWidth })"
)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1400, 1000)], ids=["phone", "desk"])
def test_the_first_screen_says_what_is_wrong_between_whom_and_who_must_act(
    opened: Browser, page: Path, width: int, height: int
) -> None:
    opened.emulate(width=width, height=height)
    opened.open(page)
    first = "#act li.act:first-child"
    heading = opened.run(f"return document.querySelector('{first} h3').innerText")
    assert "blocked" in heading and "network team" in heading
    assert "node01" in opened.run(f"return document.querySelector('{first} .ends').innerText")
    for part in ("h3", "h3 .badge", ".ends", ".todo li"):
        assert opened.run(IN_SIGHT, f"{first} {part}") == [True], part


def test_a_ticket_is_copied_as_plain_text(opened: Browser) -> None:
    opened.run(
        "window.copied = []; navigator.clipboard.writeText = (text) => { window.copied.push(text); "
        "return Promise.resolve() }"
    )
    opened.click("#act .copy")
    opened.until("return window.copied.length", 1)
    ticket = opened.run("return window.copied[0]")
    assert ticket.startswith("Exasol network verification") and "Please:\n- permit tcp 20000-21000" in ticket
    opened.until("return document.querySelector('#act .copy').textContent", "Copied")
    assert opened.run("return document.activeElement.className") == "copy"


def test_a_ticket_is_copied_where_a_browser_forbids_the_clipboard(opened: Browser) -> None:
    opened.run(
        "window.copied = []; navigator.clipboard.writeText = () => Promise.reject(new Error('no')); "
        "document.execCommand = (command) => { window.copied.push(document.activeElement.value) }"
    )
    opened.click("#act .copy")
    opened.until("return window.copied.length", 1)
    assert opened.run("return window.copied[0]").startswith("Exasol network verification")
    assert opened.run("return document.querySelectorAll('textarea').length") == 0


def test_flows_are_counted_as_in_the_heading(opened: Browser, count: int) -> None:
    flows = count * (count - 1) + count + 1
    assert opened.run("return document.getElementById('shown').textContent") == f"{flows} of {flows} flows"
    assert f"{flows} flows:" in opened.run("return document.querySelector('header').innerText")


def test_a_link_has_a_way_back(opened: Browser) -> None:
    opened.click("#act .ends")
    opened.until(CHOSEN, "c0-1")
    opened.click("#detail button")
    assert opened.run("return document.activeElement.closest('#act') !== null")
    # Who came by a cell has nothing to go back to.
    opened.run("document.getElementById('c1-0').scrollIntoView({block: 'center'})")
    opened.click("#c1-0")
    assert opened.run("return document.querySelectorAll('#detail button').length") == 0


def test_every_target_is_large_enough_for_a_finger(opened: Browser) -> None:
    small = opened.run(
        "return [...document.querySelectorAll('#matrix td[id], button, input, select, summary')].filter("
        "(element) => element.offsetHeight && (element.offsetWidth < 24 || element.offsetHeight < 24)).length"
    )
    assert small == 0  # WCAG 2.2, 2.5.8


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1400, 1000)], ids=["phone", "desk"])
def test_axe_finds_nothing(opened: Browser, page: Path, axe: str, width: int, height: int) -> None:
    opened.emulate(width=width, height=height)
    opened.open(page)
    opened.run(axe)
    found = "return axe.run(document).then((found) => found.violations.map((one) => one.id))"
    assert opened.run(found) == []
    opened.click("#act .ends")
    opened.until("return document.getElementById('detail').hidden", False)
    assert opened.run(found) == []
    # The control: a button without a name.
    opened.run("document.body.append(document.createElement('button'))")
    assert "button-name" in opened.run(found)


def test_filter_by_host(opened: Browser, count: int) -> None:
    opened.type("#host", "NODE02")
    assert shown(opened) == 2 * (count - 1) + 1
    assert opened.run("return document.getElementById('shown').textContent").startswith(
        f"{2 * (count - 1) + 1} of "
    )


def test_filter_by_service(opened: Browser) -> None:
    opened.run(
        "const field = document.getElementById('service'); field.value = 'bucketfs'; field.dispatchEvent(new "
        "Event('input', {bubbles: true}))"
    )
    assert shown(opened) == 1
    assert (
        opened.run(
            "return [...document.querySelectorAll('#groups li')].filter((item) => !item.hidden).length"
        )
        == 1
    )


def test_filter_by_verdict_and_back(opened: Browser, count: int) -> None:
    before = shown(opened)
    opened.run(
        "const field = document.getElementById('verdict'); field.value = 'not ok'; field.dispatchEvent(new "
        "Event('input', {bubbles: true}))"
    )
    assert shown(opened) == count - 1 + 1
    opened.click("#c0-1")
    opened.press("Down")
    assert opened.run(CHOSEN) == "c2-1"
    opened.click("button[type=reset]")
    opened.until("return document.querySelectorAll('#matrix .off').length", 0)
    assert shown(opened) == before


def test_an_address_leads_to_a_cell(opened: Browser, page: Path) -> None:
    opened.open(page, "#c0-1")
    assert opened.run(CHOSEN) == "c0-1"
    assert opened.run(
        "const box = document.getElementById('c0-1').getBoundingClientRect(); return box.top >= 0 && "
        "box.bottom <= innerHeight"
    )


def test_a_group_leads_to_its_cell(opened: Browser) -> None:
    opened.click("#groups li[data-verdict=blocked] a")
    opened.until(CHOSEN, "c0-1")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_from_what_is_behind_them(opened: Browser, page: Path, scheme: str) -> None:
    opened.emulate(scheme=scheme)
    opened.open(page)
    assert opened.run("return matchMedia('(prefers-color-scheme: dark)').matches") == (scheme == "dark")
    pairs = opened.run(
        "return [...document.querySelectorAll('#c0-1, #c1-0, .badge, .hint, .ends, h1')].map((element) => "
        "{ let under = element; "
        "while (getComputedStyle(under).backgroundColor === 'rgba(0, 0, 0, 0)') under = under.parentElement; "
        "return [getComputedStyle(element).color, getComputedStyle(under).backgroundColor] })"
    )
    assert min(contrast(*pair) for pair in pairs) >= 4.5  # WCAG 2.2, 1.4.3


def contrast(*colours: str) -> float:
    """Return the contrast ratio of two colours as CSS writes them (WCAG 2.2, relative luminance)."""
    parts = [[int(part) / 255 for part in colour[4:-1].split(",")] for colour in colours]
    lights = sorted(
        sum(
            weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
            for weight, part in zip((0.2126, 0.7152, 0.0722), rgb)
        )
        for rgb in parts
    )
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_a_phone_needs_no_sideways_scrolling_of_the_page(opened: Browser, page: Path) -> None:
    opened.emulate(width=390, height=844)
    opened.open(page, "#c0-1")
    assert opened.run("return document.documentElement.scrollWidth <= innerWidth")
    assert opened.run(
        "const box = document.getElementById('detail').getBoundingClientRect(); return box.top < innerHeight "
        "&& box.right <= innerWidth"
    )
    assert opened.run("return document.getElementById('c0-1').offsetWidth") >= 24  # WCAG 2.2, 2.5.8


def test_paper_holds_the_whole_matrix(opened: Browser, page: Path) -> None:
    opened.emulate(media="print", scheme="dark", width=1050, height=740)
    opened.open(page)
    assert opened.run("return document.getElementById('matrix').getBoundingClientRect().right <= innerWidth")
    assert opened.run("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not opened.run("return document.getElementById('filters').offsetHeight")
    assert opened.pages() <= 3
