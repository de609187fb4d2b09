# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page as text; what a browser makes of it is in tests/consumers."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import itertools
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._html import render
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    TEXTS,
    UNCOVERED,
    measured_path,
    mesh,
    result,
    uncovered,
    verification,
)

# Elements that load something, or lead elsewhere.
LOADING = {"link", "img", "iframe", "object", "embed", "audio", "video", "source", "base", "form[action]"}
OWN = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "h1",
    "h2",
    "h3",
    "details",
    "summary",
    "pre",
    "code",
    "p",
    "ul",
    "li",
    "b",
    "form",
    "label",
    "input",
    "select",
    "option",
    "button",
    "output",
    "main",
    "section",
    "div",
    "span",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "small",
    "a",
    "script",
    "br",
    "svg",
    "rect",
}


class Reader(html.parser.HTMLParser):
    """Collects the elements of a page and their texts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.texts, self._within = [], [], False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        self.texts.append("")
        self._within = True

    def handle_endtag(self, _tag):
        self._within = False

    def handle_data(self, data):
        if self._within:
            self.texts[-1] += data

    def all(self, tag):
        """Return attributes and text of the elements of one kind."""
        return [(attributes, text) for (name, attributes), text in zip(self.found, self.texts) if name == tag]


def data(reader):
    """Return what is embedded for the script."""
    return json.loads(
        next(
            text for attributes, text in reader.all("script") if attributes.get("type") == "application/json"
        )
    )


def pairs(found):
    """Return row, column and kinds of each pair with flows, as the script reads them."""
    for row, runs in enumerate(found["cells"]):
        numbers = [number for number, count in zip(runs[::2], runs[1::2]) for _ in range(count)]
        assert len(numbers) == len(found["columns"])
        for column, number in enumerate(numbers):
            if found["sets"][number]:
                yield row, column, found["sets"][number]


def sentences(found):
    """Return the sentences as the script puts them together."""
    for row, column, kinds in pairs(found):
        for kind in kinds:
            address = found["to"][column][found["kinds"]["address"][kind]]
            pattern = found["texts"][found["kinds"]["sentence"][kind]]
            own = (found["addresses"][row], found["external"][row])
            ends = (found["hosts"][found["rows"][row]], found["hosts"][found["columns"][column]])
            names = (address, *own, *ends)
            yield re.sub("[\ue000-\ue004]", lambda mark, names=names: names[ord(mark[0]) - 0xE000], pattern)


def matrix(page):
    """Return the part of the page that is the matrix."""
    return Reader(page[page.index('id="matrix"') : page.index("</table>")])


def test_cells_are_there_without_a_script():
    cells = [
        (attributes.get("id"), attributes.get("class"))
        for attributes, _text in matrix(render(verification(mesh(n13="blocked")))).all("td")
    ]
    assert len(cells) == 37
    assert cells.count((None, None)) == 6
    assert [name for name, kind in cells if kind == "blocked"] == [f"c{row}-2" for row in (0, 1, 3, 4, 5)]


def test_hosts_stand_in_the_order_of_the_inventory():
    reader = matrix(
        render(
            verification(
                [result(node, "files") for node in ("n11", "n12", "n13")]
                + [result("client", node) for node in ("n12", "n11", "n13")],
                hosts=["n13", "n11", "n12", "client", "files"],
            )
        )
    )
    heads = [(attributes["scope"], attributes["title"]) for attributes, _text in reader.all("th")]
    assert heads[:4] == [("col", name) for name in ("n13", "n11", "n12", "files")]
    assert heads[4:] == [("row", name) for name in ("n13", "n11", "n12", "client")]


def test_a_cell_shows_the_worst_of_its_flows():
    reader = matrix(
        render(
            verification([result("client", "n11"), result("client", "n11", "blocked", "bucketfs", "2580")])
        )
    )
    assert [attributes["class"] for attributes, _text in reader.all("td") if "id" in attributes] == [
        "blocked"
    ]
    assert [text for _attributes, text in reader.all("small")] == ["1/2"]


def test_a_flow_whose_ports_differ_is_one_flow():
    half = [
        result("client", "n11", ports="20000-20499"),
        result("client", "n11", "blocked", ports="20500-21000"),
    ]
    reader = matrix(render(verification([*half, result("client", "n11", service="bucketfs", ports="2580")])))
    assert [text for _attributes, text in reader.all("small")] == ["1/2"]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from(["ok", "blocked", "untested"])))
)
def test_the_cells_count_the_flows_of_the_heading(chosen):
    results = [
        result(f"n{host}", "files", verdict, f"service{number}", str(place + 1))
        for place, (host, number, verdict) in enumerate(chosen)
    ]
    shares = [text.split("/") for _attributes, text in matrix(render(verification(results))).all("small")]
    flows: dict[tuple[int, int], bool] = {}
    for host, number, verdict in chosen:
        flows[host, number] = flows.get((host, number), True) and verdict == "ok"
    assert sum(int(ok) for ok, _total in shares) == sum(flows.values())
    assert sum(int(total) for _ok, total in shares) == len(flows)


def test_the_site_stands_in_the_heading():
    assert "<h1>Network verification, Berlin</h1>" in render(verification(mesh(), site="Berlin"))
    assert "<h1>Network verification</h1>" in render(verification(mesh()))


def test_what_nothing_is_known_of_stands_above_the_matrix():
    nothing = Reader(render(verification([])))
    assert nothing.all("section")[0][0]["id"] == "calm"
    assert nothing.all("li")[0][1].startswith("Nothing was measured, so nothing is proven")
    page = render(verification(mesh(), not_covered=UNCOVERED))
    assert page.index("nobody plays") < page.index('id="matrix"')
    green = render(verification(mesh()))
    assert '<p id="calm">Every flow that was measured is ok.</p>' in green
    assert 'id="calm"' not in render(verification(mesh(n13="blocked")))


def test_no_name_hides_or_reverses_text():
    names = ["\u202en1", "n\x1b2", "n\n3"]
    results = [result(*pair) for pair in itertools.permutations(names, 2)]
    page = render(verification(results, addresses={name: [name] for name in names}))
    assert not re.search("[\u202e\x1b]", page)
    hosts = json.loads(page.split('type="application/json">')[1].split("</script>")[0])
    assert sorted(hosts["hosts"]) == ["\\u202en1", "n\\x0a3", "n\\x1b2"]
    assert [group["label"] for group in hosts["groups"]] == hosts["hosts"]


def test_wrong_groups_have_their_sentence_and_lead_to_a_cell():
    reader = Reader(render(verification(mesh(n13="blocked"))))
    sentence = "each of n11, n12 and n[14:16] to n13: blocked."
    assert [text for _attributes, text in reader.all("p") if text.startswith("each")] == [sentence]
    targets = {attributes["id"] for attributes, _text in reader.all("td") if "id" in attributes}
    assert {attributes["href"] for attributes, _text in reader.all("a")} <= {
        f"#{target}" for target in targets
    }


def test_who_must_act_stands_above_the_matrix_whenever_anything_is_wrong():
    page = render(verification(mesh(n13="blocked")))
    assert page.index('id="act"') < page.index('id="matrix"')
    assert 'id="act"' not in render(verification(mesh()))
    act = page.split('id="act"')[1].split("</section>")[0]
    for fragment in (
        "Not known: either host, or the network between them",
        "n11, n12 and n[14:16] → n13",
        "5 flows",
    ):
        assert fragment in act
    assert "find out who blocks it, and permit there tcp 20000-21000 from n11, n12" in act


def test_many_parties_are_folded_after_the_most_urgent():
    results = [
        result("client", f"m{number}", "blocked", f"s{number}", actor=[f"host:m{number}"])
        for number in range(10)
    ]
    page = render(verification(results))
    assert "<summary>2 more for milder faults</summary>" in page
    assert page.count("<li class=act>") == 10


def test_nothing_is_loaded_and_only_our_script_runs():
    page = render(verification(mesh(), untestable=[ASIDE]))
    reader = Reader(page)
    assert not LOADING & {tag for tag, _attributes in reader.found}
    assert not [
        attributes
        for _tag, attributes in reader.found
        if {"src", "srcset", "action", "style"} & set(attributes)
    ]
    assert "@import" not in page
    assert "url(" not in page
    (policy,) = [
        attributes["content"] for attributes, _text in reader.all("meta") if attributes.get("http-equiv")
    ]
    (script,) = [text for attributes, text in reader.all("script") if not attributes]
    assert policy.startswith("default-src 'none'; ")
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "</script><b>",
        "<!--",
        "${style}",
        "'&lt;",
    ],
)
def test_markup_of_names_and_sentences_stays_text(name):
    made = verification(
        [result(name, "n11", "blocked", sentence=name, service=name), result("n11", name)],
        release=name,
        notes=[name],
        untestable=[dict(ASIDE, sources=[name], reason=name)],
        peers={name: [name]},
    )
    reader = Reader(render(made))
    assert {tag for tag, _attributes in reader.found} <= OWN
    assert [text for _attributes, text in reader.all("script")][-1].startswith('"use strict"')
    assert name in data(reader)["hosts"]
    assert name in [text for _attributes, text in reader.all("p")]


@given(TEXTS)
def test_no_text_breaks_the_page(text):
    reader = Reader(
        render(
            verification(
                [result(text, "n11", "blocked", sentence=text, service=text), result("n11", text)],
                notes=[text],
            )
        )
    )
    assert {tag for tag, _attributes in reader.found} <= OWN
    assert sum(len(kinds) for _row, _column, kinds in pairs(data(reader))) == 2


@given(TEXTS, TEXTS, TEXTS)
def test_sentences_are_put_together_again(source, destination, sentence):
    said = f"{source}{sentence}{destination} (192.0.2.1), from 192.0.2.7 or 198.51.100.7"
    made = verification(
        [result(source, destination, sentence=said, address="192.0.2.1")], addresses={source: ["192.0.2.7"]}
    )
    made["external"] = {source: ["198.51.100.7"]}
    clean = "".join(
        character for character in said.replace("\n", " ").replace("\r", " ") if character.isprintable()
    )
    found = data(Reader(render(made)))
    if all(name.isprintable() for name in (source, destination)):
        assert list(sentences(found)) == [clean]


def test_64_hosts_are_at_most_3_mib():
    nodes = [f"node{number:02}.cluster.example.com" for number in range(64)]
    long = (
        "{0} gets no reply from tcp {2} of {1} (no-response): a filter on the path or at either end drops "
        "it; allow tcp {2} from {0} on {1} and in between."
    )
    results = [
        result(*pair, "blocked", service, ports, sentence=long.format(*pair, ports))
        for pair in itertools.permutations(nodes, 2)
        for service, ports in (("subconnection_in", "20000-21000"), ("other", "20000-20385,20387-21000"))
    ]
    times = [
        dict(one, rtt_ms={"min": index / 977, "median": index / 877, "max": index / 77})
        for index, one in enumerate(results)
    ]
    page = render(verification(times, peers={"database_node": nodes}))
    assert page.count("<td id=") == 1, "equal hosts are one"
    found = data(Reader(page))
    assert sum(len(kinds) for _row, _column, kinds in pairs(found)) == len(results)
    assert sorted(sentences(found)) == sorted(one["sentence"] for one in results)
    assert len(page.encode()) <= 256 * 1024


def test_256_hosts_with_all_paths_are_at_most_3_mib():
    nodes = [f"node{number:03}.cluster.example.com" for number in range(256)]
    results, paths = [], []
    for number, pair in enumerate(itertools.permutations(nodes, 2)):
        rtt = {"min": 0.05 + number % 977 / 9e4, "median": 0.1 + number % 877 / 9e3, "max": 1 + number % 77}
        verdict = "blocked" if number % 977 == 0 else "ok"
        results.append(result(*pair, verdict, "subconnection_in", "20000-21000", rtt_ms=rtt))
        paths.append(measured_path(*pair, rtt_ms={**rtt, "p95": 1.0}, clock_offset_s=number % 991 / 1e4))
    page = render(verification(results, peers={"database_node": nodes}, paths=paths))
    assert len(page.encode()) <= 3 * 1024 * 1024
    # Few cells are there at once, and the worst of what they stand for is never lost.
    cells = [attributes["class"] for attributes, _text in matrix(page).all("td") if "id" in attributes]
    assert "blocked" in cells and len(cells) <= 41 * 41


def test_a_domain_that_most_have_is_not_repeated():
    heads = [
        text
        for _attributes, text in matrix(render(verification(mesh(["a.example.com", "b.example.com"])))).all(
            "th"
        )
    ]
    assert heads == ["", "", "a", "b"]
    heads = [
        text
        for _attributes, text in matrix(
            render(verification(mesh(["a.example.com", "b.example.org", "192.0.2.1"])))
        ).all("th")
    ]
    assert heads[3:] == ["192.0.2.1", "a.example.com", "b.example.org"]
    heads = [
        text
        for _attributes, text in matrix(
            render(verification(mesh(["a.example.com", "b.example.com", "b.example.org"])))
        ).all("th")
    ]
    assert heads[3:] == ["a", "b", "b.example.org"]


def test_long_names_that_begin_alike_are_told_apart():
    names = [f"exasol-production-node-{number:02}" for number in (1, 2)] + ["n" * 20]
    heads = matrix(render(verification(mesh(names)))).all("th")
    assert [text for _attributes, text in heads[3:]] == [
        "exasol-p…ion-node-01",
        "exasol-p…ion-node-02",
        "n" * 20,
    ]
    assert [attributes["title"] for attributes, _text in heads[3:]] == names


def test_only_what_was_measured_has_a_time():
    blocked, ok = mesh(["a", "b"])
    ok = dict(ok, rtt_ms={"min": 1, "median": 2, "max": 3}, verdict="ok")
    blocked = {name: value for name, value in dict(blocked, verdict="blocked").items() if name != "rtt_ms"}
    spans = Reader(render(verification([blocked, ok]))).all("span")
    numbers = [text for attributes, text in spans if attributes.get("class") == "numbers"]
    assert numbers.pop(0) == "1 flow"
    assert [text.endswith(", 2.00 ms") for text in numbers] == [False, True]
    assert not [text for text in numbers if "- ms" in text]


def test_nothing_is_a_page():
    assert not list(pairs(data(Reader(render(verification([]))))))


def test_what_is_not_covered_is_listed_with_its_reason():
    page = render(verification(mesh(), not_covered=UNCOVERED))
    section = page.split('id="uncovered-title"')[1].split("</section>")[0]
    assert section.count("<li>") == 1 + 3
    for fragment in ("Not covered: nobody plays oracle", "tcp 50000", "it is excluded (exasol_exclude)"):
        assert fragment in section
    assert "<li>" not in render(verification(mesh())).split('id="uncovered-title"')[1].split("</section>")[0]


def test_a_reason_is_no_markup():
    page = render(
        verification(
            mesh(),
            not_covered=[uncovered(service="<img src=x>", reason="<script>alert(1)</script>", peers=["<b>"])],
        )
    )
    assert "<img" not in page and "<script>alert" not in page and "&lt;script&gt;alert" in page
