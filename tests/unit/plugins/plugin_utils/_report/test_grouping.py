# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of report.json: they are exactly the results, few if results are alike, and refused if they lie."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import (
    render,
    verification_of,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ADDRESSES,
    NAMES,
    NODES,
    RESULTS,
    measured_path,
    mesh,
    result,
    verification,
)

FLOWS = 'include "flows"; flows'
MEMBERS = ("sources", "places", "pairs", "turn")
GUIDE = Path(__file__).parents[5] / "docs" / "guide.md"


def keys(records):
    """Return records as texts in an order of their own; 1 and 1.0 are the same number."""
    plain = (json.loads(json.dumps(one), parse_int=float) for one in records)
    return sorted(json.dumps(one, sort_keys=True) for one in plain)


def grouped(made):
    """Return a report as a reader of the file gets it."""
    return json.loads(render(made, "json"))


def expanded(report):
    """Return the flows of a report as its schema describes them; nothing here is the reader's."""
    for group in sorted(report["flow_groups"], key=lambda one: one.get("turn", 0)):
        pairs = group.get("pairs") or [
            (source, place)
            for place in group["places"]
            for source in group["sources"]
            if report["names"][source] != report["places"][place]["destination"]
        ]
        for number, (source, place) in enumerate(pairs):
            name = report["names"][source]
            ends = {"source": name, **report["places"][place]}
            words = {
                **ends,
                "source_address": ", ".join(report.get("addresses", {}).get(name, [])),
                "source_external": "",
                "brace": "{",
            }
            flow = {key: value for key, value in group.items() if key not in MEMBERS}
            for field in ("sentence", "next_command", "answered_by", "reason_ip"):
                if field in flow:
                    flow[field] = in_words(flow[field], words)
            for field in ("evidence", "actor"):
                if field in flow:
                    flow[field] = [in_words(text, words) for text in flow[field]]
            if "rtt_ms" in flow:
                flow["rtt_ms"] = {
                    part: numbers[number] if len(numbers) > 1 else numbers[0]
                    for part, numbers in flow["rtt_ms"].items()
                }
            yield {**ends, **flow}


def in_words(text, words):
    """Return a text with words in braces replaced, from left to right."""
    found = ""
    while text:
        before, brace, text = text.partition("{")
        found += before
        if brace:
            word, _end, text = text.partition("}")
            found += words[word]
    return found


@given(RESULTS)
def test_they_are_exactly_the_results(given_results):
    made = verification(given_results, addresses=ADDRESSES)
    report = grouped(made)
    assert keys(expanded(report)) == keys(given_results)
    assert keys(verification_of(report, "it")["results"]) == keys(given_results)


@given(RESULTS)
def test_read_and_written_again_they_are_the_same(given_results):
    text = render(verification(given_results, addresses=ADDRESSES), "json")
    assert render(json.loads(text), "json") == text


PATHS = st.lists(
    st.builds(
        measured_path,
        st.sampled_from(NAMES),
        st.sampled_from(["n1", "n2"]),
        tries=st.integers(0, 3),
        rtt_ms=st.sampled_from(
            [{"min": 1.0, "median": 2.0, "max": 3.0}, {"min": 1, "median": 2.5, "max": 3}]
        ),
        clock_offset_s=st.floats(-1, 1),
    ),
    max_size=12,
)


@given(PATHS)
def test_paths_are_exactly_the_paths(paths):
    report = grouped(verification(mesh(), paths=paths))
    assert keys(verification_of(report, "it")["paths"]) == keys(json.loads(json.dumps(paths)))


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="needs jq (Debian: jq)")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the recipe of the guide, as its readers keep it."""
    (recipe,) = re.findall("```text\n(def flows:.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "flows.jq").write_text(recipe)
    (tmp_path / "report").mkdir()
    return tmp_path


def jq(folder, made, *arguments):
    """Return what jq prints of a report, in lines."""
    (folder / "report" / "report.json").write_text(render(made, "json"))
    done = subprocess.run(["jq", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


def with_jq(folder, made):
    """Return the flows of a report as the recipe makes them."""
    return list(map(json.loads, jq(folder, made, "-L", ".", "-c", FLOWS, "report/report.json")))


@needs_jq
def test_the_recipe_of_the_guide_makes_the_same_flows_with_jq(folder):
    several = [
        *mesh(n13="blocked"),
        result("client", "n11", sentence="{source} is {no} word"),
        result(
            "n11",
            "n11",
            "blocked",
            evidence=["n11 at 192.0.2.11"],
            actor=["host:n11"],
            next_command="x  # on n11",
        ),
        *(
            result("client", node, service="confd", rtt_ms={"min": 1.5, "median": number + 1.5, "max": 99.5})
            for number, node in enumerate(NODES)
        ),
    ]
    made = verification(several, addresses={"n11": ["192.0.2.11"]})
    assert keys(with_jq(folder, made)) == keys(several)


@needs_jq
def test_the_recipe_keeps_the_order_of_the_flows_of_a_pair(folder):
    several = [
        *(result("n11", "n12", service=service) for service in ("confd", "bucketfs")),
        *(result("n11", "n13", service=service) for service in ("bucketfs", "confd")),
        result("n12", "n13", "blocked", service="confd"),
        result("n12", "n13", service="bucketfs"),
    ]
    found = with_jq(folder, verification(several))
    for source, destination in (("n11", "n12"), ("n11", "n13"), ("n12", "n13")):
        services = [
            [one["service"] for one in flows if (one["source"], one["destination"]) == (source, destination)]
            for flows in (found, several)
        ]
        assert services[0] == services[1]


@needs_jq
def test_the_commands_of_the_guide_work(folder):
    """As they stand there, each in its line."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    wrong, counts = (shlex.split(line) for line in lines if line.startswith("jq -L ."))
    made = verification([*mesh(n13="blocked"), result("client", "n11", service="confd")])
    sentences = [one["sentence"] for one in made["results"] if one["verdict"] != "ok"]
    assert len(sentences) == 5 and sorted(jq(folder, made, *wrong[1:])) == sorted(sentences)
    assert json.loads("".join(jq(folder, made, *counts[1:]))) == {
        "confd": {"ok": 1},
        "subconnection_in": {"ok": 25, "blocked": 5},
    }


def test_a_mesh_is_one_group_and_a_fault_one_more():
    assert len(grouped(verification(mesh()))["flow_groups"]) == 1
    assert len(grouped(verification(mesh(n13="blocked")))["flow_groups"]) == 2


def test_equal_numbers_stand_there_once_and_others_each():
    several = [
        result(source, destination, rtt_ms={"min": 1.0, "median": float(number), "max": 99.0})
        for number, (source, destination) in enumerate(itertools.permutations(NODES, 2))
    ]
    (group,) = grouped(verification(several))["flow_groups"]
    assert (group["rtt_ms"]["min"], group["rtt_ms"]["max"]) == ([1.0], [99.0])
    assert sorted(group["rtt_ms"]["median"]) == [float(number) for number in range(30)]


def test_a_host_that_probes_itself_and_what_is_there_twice_are_kept():
    twice = [result("n11", "n12"), result("n11", "n12"), result("n11", "n11")]
    (first, *more) = grouped(verification(twice))["flow_groups"]
    assert keys(expanded(grouped(verification(twice)))) == keys(twice)
    assert [one["pairs"] for one in (first, *more) if "pairs" in one] == [[[0, 1]], [[0, 0]]]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("sources", [99], ["flow_groups[0]", "none of the 6 names"]),
        ("places", [99], ["flow_groups[0]", "none of the 6 places"]),
        ("pairs", [[0, 99]], ["flow_groups[0]", "none of the 6 places"]),
        ("rtt_ms", {"min": [1.0, 2.0], "median": [1.0], "max": [1.0]}, ["2 numbers of rtt_ms", "30 members"]),
        ("sources", [0] * 10_000, ["members of all"]),
        ("sources", [-1], ["flow_groups[0].sources[0]", "at least 0"]),
        ("service", None, ["flow_groups[0].service"]),
    ],
)
def test_what_does_not_match_is_refused(field, value, words):
    report = grouped(verification(mesh()))
    verification_of(report, "the control")
    report["flow_groups"][0][field] = value
    if len(value or ()) > 1000:
        report["flow_groups"][0]["places"] = [0] * 10_000
    assert_names(refusal(verification_of, report, "it"), ["it is no report", *words])


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="none"),
        pytest.param({"sources": [0]}, id="no places"),
        pytest.param({"places": [0]}, id="no sources"),
        pytest.param({"sources": [0], "places": [0]}, id="a host with itself"),
    ],
)
def test_a_group_without_members_is_refused(members):
    """Its verdict would be lost without a word."""
    report = grouped(verification(mesh(n13="blocked")))
    (blocked,) = (group for group in report["flow_groups"] if group["verdict"] == "blocked")
    for field in ("sources", "places", "pairs"):
        blocked.pop(field, None)
    blocked.update(members)
    assert_names(refusal(verification_of, report, "it"), ["it is no report", "flow_groups[", "no members"])


def full(size):
    """Return the report of so many hosts, each of which reaches all."""
    flows = [result(f"h{one}", f"h{other}") for one in range(size) for other in range(size)]
    return render(verification(flows), "json")


def test_a_report_grows_with_the_hosts_and_not_with_their_flows():
    assert len(full(40)) < 5 * len(full(10))
