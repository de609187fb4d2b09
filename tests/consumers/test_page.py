# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report in a real browser, without a network: pointer, keys, filters, phone, paper."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.page import data
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import render
from ansible_collections.exasol_community.network.tests.consumers.browser import Browser
from ansible_collections.exasol_community.network.tests.consumers.samples import (
    MARKUP,
    cluster,
    result,
    verification,
)

pytestmark = pytest.mark.machines  # it looks for browsers

CHOSEN = "return document.querySelector('.chosen')?.id ?? ''"
DETAIL = "return document.getElementById('detail').innerText"


@pytest.fixture(scope="module", params=[3, 48], ids=["3 hosts", "48 hosts"])
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


@pytest.fixture
def whole(opened: Browser, count: int) -> Browser:
    """Return the browser with all flows of all hosts, which the page does not open on."""
    opened.click("button[type=reset]")
    opened.until("return document.getElementById('verdict').value", "")
    if opened.run("return !document.getElementById('fold').hidden"):
        opened.click("#fold")
    opened.until("return document.querySelectorAll('#matrix tbody tr').length", count + 1)
    return opened


def shown(browser: Browser) -> int:
    """Return how many cells are visible and hold a flow."""
    return browser.run(
        "return [...document.querySelectorAll('#matrix td[id]:not(.off)')].filter((cell) => "
        "cell.offsetWidth).length"
    )


@pytest.fixture
def packed(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a page whose data are packed, as those of a large site are."""
    monkeypatch.setattr(data, "_MOST_UNPACKED", 0)
    file = tmp_path / "packed.html"
    file.write_text(render(cluster(3), "html"), encoding="utf-8")
    assert " data-packed>" in file.read_text(encoding="utf-8")
    browser.emulate()
    return file


def test_a_packed_page_has_the_same_details(browser: Browser, page: Path, count: int, packed: Path) -> None:
    if count != 3:
        pytest.skip("one site is enough")
    found = []
    for file in (page, packed):
        browser.open(file)
        browser.until("return performance.getEntriesByName('ready').length", 1)
        browser.click("button[type=reset]")
        browser.until("return document.getElementById('verdict').value", "")
        browser.click("#c0-1")
        found.append((shown(browser), browser.run(DETAIL)))
    assert found[0] == found[1]
    assert "blocked" in found[1][1]
    assert browser.said() == []


def test_a_browser_that_cannot_unpack_says_so(browser: Browser, packed: Path) -> None:
    with browser.without("DecompressionStream"):
        browser.open(packed)
        text = browser.run("return document.body.innerText")
        assert "This browser cannot unpack the flows behind the cells" in text
        assert browser.run("return document.getElementById('filters').hidden")
        assert browser.run("return document.querySelectorAll('#matrix td.blocked').length") == 2
    assert browser.said() == []
    browser.open(packed)
    browser.until("return document.getElementById('filters').hidden", False)


def test_every_pair_has_a_cell(whole: Browser, count: int) -> None:
    assert shown(whole) == count * (count - 1) + count
    assert whole.run("return document.querySelectorAll('#matrix td.blocked').length") == count - 1


def test_a_click_shows_sentence_and_numbers(whole: Browser) -> None:
    whole.click("#c0-1")
    said = whole.run(DETAIL)
    assert "node00 and node01: blocked." in said
    assert "filtered (no-response)" in said
    # What is shown of a cell may cover others.
    whole.run("document.getElementById('c1-0').scrollIntoView({block: 'center'})")
    whole.click("#c1-0")
    assert "0.125 / 0.25 / 0.5" in whole.run(DETAIL)


def test_markup_of_a_name_is_text(opened: Browser, count: int) -> None:
    opened.click(f"#c{count}-0")
    assert f"{MARKUP} and node00: no_listener." in opened.run(DETAIL)
    assert opened.run("return document.querySelectorAll('img').length") == 0


def test_keys_walk_from_cell_to_cell(whole: Browser, count: int) -> None:
    whole.run("document.querySelector('#matrix td[tabindex=\"0\"]').focus()")
    whole.press("Down")  # over the cell of a host with itself
    assert whole.run(CHOSEN) == "c2-1"
    whole.press("Left")
    assert whole.run(CHOSEN) == "c2-0"
    whole.press("End", "Home", "Up")
    assert whole.run(CHOSEN) == "c1-0"
    whole.press("Enter")
    assert whole.run("return document.activeElement.id") == "detail"
    whole.press("Escape")
    assert whole.run("return document.activeElement.id") == "c1-0"


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


ROWS = "return [...document.querySelectorAll('#matrix tbody th')].map((head) => head.innerText)"


def test_the_page_opens_on_what_is_not_ok(opened: Browser, count: int) -> None:
    heads = {3: ["node00", "node02"], 48: ["node00", "+ database_node ×46"]}
    assert opened.run(ROWS)[:2] == heads[count] and len(opened.run(ROWS)) == 3
    assert shown(opened) == 3
    wrong = count - 1 + 1
    assert opened.run("return document.getElementById('shown').textContent").startswith(f"{wrong} of ")
    # What is hidden is no cell without a flow.
    assert opened.run("return document.querySelectorAll('#matrix td.off').length") > 0


def test_the_script_shows_the_cells_that_are_there_without_it(opened: Browser, page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    written = re.findall(r'<td id=(c\d+-\d+) class=(\w+) aria-label="(\S+) [^"]*">', text)
    opened.click("button[type=reset]")
    # The form is empty before the matrix is drawn again.
    opened.until("return document.querySelectorAll('#matrix td[id]').length", len(written))
    made = opened.run(
        "return [...document.querySelectorAll('#matrix td[id]')].map((cell) => [cell.id, cell.className, "
        "cell.getAttribute('aria-label').split(' ')[0]])"
    )
    assert len(written) > 3 and [tuple(cell) for cell in made] == written


def test_equal_hosts_unfold_and_fold(opened: Browser, count: int) -> None:
    if count <= 32:
        assert opened.run("return document.querySelectorAll('.toggle').length") == 0
        return
    opened.click("#matrix tbody .toggle")
    assert opened.run("return document.activeElement.textContent") == "− node02"
    assert len(opened.run(ROWS)) == count - 1 + 1
    assert shown(opened) == count - 1 + 1
    opened.click('#matrix tbody .toggle[aria-expanded="true"]')
    assert shown(opened) == 3
    opened.click("#c2-1")
    said = opened.run(DETAIL)
    assert "database_node ×46 → node01" in said and "46 pairs of hosts; for example node02 → node01" in said


def test_a_link_to_what_the_filters_hide_shows_all(opened: Browser, page: Path) -> None:
    opened.open(page, "#c0-2")
    assert opened.run("return document.getElementById('verdict').value") == ""
    assert "node00" in opened.run(DETAIL) and "ok" in opened.run(DETAIL)


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


def test_flows_are_counted_as_in_the_heading(whole: Browser, count: int) -> None:
    flows = count * (count - 1) + count + 1
    assert whole.run("return document.getElementById('shown').textContent") == f"{flows} of {flows} flows"
    assert f"{flows} flows:" in whole.run("return document.querySelector('header').innerText")


def test_a_link_has_a_way_back(whole: Browser) -> None:
    whole.click("#act .ends")
    whole.until(CHOSEN, "c0-1")
    whole.click("#detail button")
    assert whole.run("return document.activeElement.closest('#act') !== null")
    # Who came by a cell has nothing to go back to.
    whole.run("document.getElementById('c1-0').scrollIntoView({block: 'center'})")
    whole.click("#c1-0")
    assert whole.run("return document.querySelectorAll('#detail button').length") == 0


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
    # Also with hosts that are unfolded.
    opened.run("document.querySelector('#matrix .toggle')?.click()")
    assert opened.run(found) == []
    # The control: a button without a name.
    opened.run("document.body.append(document.createElement('button'))")
    assert "button-name" in opened.run(found)


def test_filter_by_host(whole: Browser, count: int) -> None:
    whole.type("#host", "NODE02")
    assert shown(whole) == 2 * (count - 1) + 1
    assert whole.run("return document.getElementById('shown').textContent").startswith(
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


def test_filter_by_verdict_and_back(whole: Browser, count: int) -> None:
    before = shown(whole)
    whole.run(
        "const field = document.getElementById('verdict'); field.value = 'not ok'; field.dispatchEvent(new "
        "Event('input', {bubbles: true}))"
    )
    assert shown(whole) == count - 1 + 1
    whole.click("#c0-1")
    whole.press("Down")
    assert whole.run(CHOSEN) == "c2-1"
    whole.click("button[type=reset]")
    whole.until("return document.querySelectorAll('#matrix .off').length", 0)
    assert shown(whole) == before


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


HALF = ("20000-20499", "20500-21000")
# Pairs without any order among them, so that no two hosts are equal.
FAULTY = set(random.Random(1).sample(list(itertools.permutations(range(48), 2)), 200))


@pytest.fixture
def site(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """Return the browser with a page of 48 nodes that all differ, and of a client that is half blocked."""
    nodes = [f"node{number:02}" for number in range(48)]
    results = [
        result(*pair, "subconnection_in", "20000-21000", "blocked" if numbers in FAULTY else "ok")
        for numbers, pair in zip(
            itertools.permutations(range(48), 2), itertools.permutations(nodes, 2), strict=True
        )
    ]
    results += [
        result("client", "node00", "parallel", HALF[0]),
        result("client", "node00", "parallel", HALF[1], "blocked"),
    ]
    # One host that is worse than the others.
    results += [result("client", node, "sql_client", "8563", "blocked") for node in nodes[1:]]
    file = tmp_path / "report.html"
    file.write_text(render(verification(results, nodes, hosts=[*nodes, "client"]), "html"), encoding="utf-8")
    browser.emulate()
    browser.open(file)
    yield browser
    assert browser.said() == []


def test_hosts_that_all_differ_are_few_rows_and_the_worst_is_one_of_its_own(site: Browser) -> None:
    heads = site.run(ROWS)
    assert len(heads) <= 41
    assert "client" in heads
    (mixed,) = [head for head in heads if "mixed" in head]
    assert mixed.startswith("+ database_node ×")
    site.click("button[type=reset]")
    site.click("#fold")
    site.until("return document.querySelectorAll('#matrix tbody tr').length", 49)
    # The client reaches no node.
    blocked = site.run("return document.querySelectorAll('#matrix td.blocked').length")
    assert blocked == len(FAULTY) + 48


PARTS = (
    "return [...document.querySelectorAll('#detail .range')].map((bar) => [bar.innerText.trim(), "
    "[...bar.querySelectorAll('rect')].map((part) => [part.getAttribute('class'), "
    "part.getBoundingClientRect().width])])"
)


def test_the_details_of_a_cell_show_which_part_of_a_range_is_open(site: Browser) -> None:
    site.run("location.hash = '#c48-0'")  # the client's
    site.until(CHOSEN, "c48-0")
    ((said, parts),) = site.run(PARTS)
    # The page opens on what is not ok, and the bar shows the rest too.
    assert said == "parallel tcp 20000-20499 ok, 20500-21000 blocked"
    assert [kind for kind, _width in parts] == ["ok", "blocked"]
    assert abs(parts[0][1] / parts[1][1] - 500 / 501) < 0.05
    # A single port has no bar.
    site.run("location.hash = '#c48-1'")
    site.until(CHOSEN, "c48-1")
    assert "8563" in site.run(DETAIL) and site.run(PARTS) == []


def test_a_bar_of_many_pairs_shows_the_worst_of_each_port(browser: Browser, tmp_path: Path) -> None:
    nodes = [f"node{number:02}" for number in range(40)]
    parts = (("20000-20009", "blocked"), ("20010", "untested"), ("20011-21000", "ok"))
    results = [
        result(*pair, "subconnection_in", ports, verdict, cause="silence")
        for pair in itertools.permutations(nodes, 2)
        for ports, verdict in parts
    ]
    file = tmp_path / "report.html"
    file.write_text(render(verification(results, nodes, hosts=nodes), "html"), encoding="utf-8")
    browser.emulate()
    browser.open(file, "#c0-1")
    ((said, bars),) = browser.run(PARTS)
    assert said == "subconnection_in tcp 20000-20009 blocked, 20010 untested, 20011-21000 ok"
    assert [kind for kind, _width in bars] == ["blocked", "untested", "ok"]
    # One flow of each of the pairs, none of which is ok.
    assert browser.run("return document.getElementById('c0-1').textContent") == f"✗0/{40 * 39}"
    assert browser.said() == []


def test_a_bar_shows_which_part_of_a_range_is_open(site: Browser) -> None:
    site.emulate(width=390, height=844)
    assert site.run("return document.documentElement.scrollWidth <= innerWidth")
    row = '#services tr[data-service="parallel"]'
    parts = site.run(
        f"return [...document.querySelectorAll('{row} rect')].map((part) => [part.getAttribute('class'), "
        "part.getBoundingClientRect().width])"
    )
    assert [kind for kind, _width in parts] == ["ok", "blocked"]
    assert abs(parts[0][1] / parts[1][1] - 500 / 501) < 0.05
    assert "20000-20499 ok, 20500-21000 blocked" in site.run(
        f"return document.querySelector('{row}').innerText"
    )


STRANGE = [
    "db node 1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:12",
    "\u202eevil",
    "a\nb\x1b[31mc",
    "עברית",
    MARKUP,
]
LONG = [
    f"a-very-long-name-of-a-node-in-the-second-data-centre-{number:03}.prod.example.com"
    for number in range(6)
]


def mesh(nodes: list[str], verdict: str, hosts: list[str] | None = None) -> dict[str, Any]:
    """Return a verification of a mesh whose first flow has a verdict."""
    results = [result(*pair, "subconnection_in", "20000-21000") for pair in itertools.permutations(nodes, 2)]
    if results:
        results[0] = result(nodes[0], nodes[1], "subconnection_in", "20000-21000", verdict, cause="silence")
    return verification(results, nodes, hosts=hosts or nodes)


UNTESTED = [result(*pair, verdict="untested") for pair in itertools.permutations(["n11", "n12", "n13"], 2)]
ODD_SITES = {
    "no result": mesh([], "ok"),
    "one host": verification([result("n11", "files")], ["n11"], hosts=["n11"]),
    "nothing tested": verification(UNTESTED, ["n11", "n12", "n13"]),
    "strange names": mesh(STRANGE, "blocked"),
    "long names": mesh(LONG, "blocked"),
    "32 hosts": mesh([f"n{number}" for number in range(32)], "blocked"),
    "33 hosts": mesh([f"n{number}" for number in range(33)], "blocked"),
}


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", ODD_SITES)
def test_odd_sites_are_shown_whole(browser: Browser, tmp_path: Path, axe: str, name: str, width: int) -> None:
    made = ODD_SITES[name]
    file = tmp_path / "report.html"
    file.write_text(render(made, "html"), encoding="utf-8")
    browser.emulate(width=width, height=844)
    browser.open(file)
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    browser.run(axe)
    assert (
        browser.run("return axe.run(document).then((found) => found.violations.map((one) => one.id))") == []
    )
    top = "#act li.act:first-child h3" if any(one["verdict"] != "ok" for one in made["results"]) else "#calm"
    assert browser.run(IN_SIGHT, top) == [True]
    browser.click("button[type=reset]")
    browser.until("return document.getElementById('verdict').value", "")
    hosts = 3 if name == "33 hosts" else len({one["source"] for one in made["results"]})
    browser.until("return document.querySelectorAll('#matrix tbody tr').length", hosts)
    assert len(set(browser.run(ROWS))) == hosts
    assert not re.search("[\u202e\x1b]", browser.run("return document.documentElement.textContent"))
    assert browser.said() == []


def test_the_button_that_folds_is_there_only_where_something_folds(browser: Browser, tmp_path: Path) -> None:
    nodes = [f"n{number}" for number in range(33)]
    file = tmp_path / "report.html"
    made = mesh(nodes, "ok")
    client = result("client", "n5", verdict="blocked")
    file.write_text(
        render(verification([*made["results"], client], nodes, hosts=[*nodes, "client"]), "html"),
        encoding="utf-8",
    )
    browser.emulate()
    browser.open(file)
    assert browser.run(ROWS) == ["client"]
    assert browser.run("return document.getElementById('fold').hidden")
    browser.click("button[type=reset]")
    browser.until("return document.getElementById('fold').hidden", False)
    assert browser.run("return document.getElementById('fold').textContent") == "Unfold all hosts"
