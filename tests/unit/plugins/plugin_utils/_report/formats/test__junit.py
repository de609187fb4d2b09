# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit XML in the structure that Jenkins' plugin documents.

Another reader's opinion is in tests/consumers.
"""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._junit import render
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    IDLE,
    TEXTS,
    THROUGHPUT,
    UNCOVERED,
    measured_path,
    mesh,
    result,
    verification,
)

# Attributes and children of each element, and which attributes must be there.
STRUCTURE = {
    "testsuites": ({"name", "tests", "failures", "errors", "skipped", "time"}, {"testsuite"}, set()),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
        {"testcase"},
        {"name", "tests", "failures", "errors"},
    ),
    "testcase": (
        {"classname", "name", "time"},
        {"failure", "error", "skipped", "system-out"},
        {"classname", "name"},
    ),
    "system-out": (set(), set(), set()),
    "failure": ({"message", "type"}, set(), {"type"}),
    "error": ({"message", "type"}, set(), {"type"}),
    "skipped": ({"message"}, set(), set()),
}
EVERYTHING = verification(
    [
        *mesh(n13="blocked"),
        result("client", "n11", "untested"),
        result("client", "n12", "exposed", expected="denied"),
    ],
    untestable=[ASIDE],
)


def read(made):
    """Return the root of a document, after a look at each of its elements."""
    root = ElementTree.fromstring(render(made).encode())
    for element in root.iter():
        attributes, children, needed = STRUCTURE[element.tag]
        assert needed <= set(element.attrib) <= attributes, element.attrib
        assert {child.tag for child in element} <= children
    return root


def count(element, tag):
    return len(list(element.iter(tag)))


def test_counts_are_those_of_the_cases():
    root = read(EVERYTHING)
    for element in (root, *root.iter("testsuite")):
        found = [int(element.get(name)) for name in ("tests", "failures", "errors", "skipped")]
        assert found == [count(element, tag) for tag in ("testcase", "failure", "error", "skipped")]
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["38", "6", "1", "6"]


def test_a_suite_for_each_service():
    assert [suite.get("name") for suite in read(EVERYTHING).iter("testsuite")] == [
        "sql_client",
        "subconnection_in",
        "ftp_data",
    ]


def test_a_failure_says_who_acts():
    (failure,) = read(
        verification([result("client", "n11", "blocked", sentence="let in <tcp> & more")])
    ).iter("failure")
    assert failure.attrib == {"type": "blocked", "message": "let in <tcp> & more"}
    assert failure.text == "let in <tcp> & more Seen: tcp 8563 of n11 filtered (no-response)."


def test_not_tested_is_an_error_and_never_a_success():
    (case,) = read(verification([result("client", "n11", "untested")])).iter("testcase")
    assert [child.tag for child in case] == ["error"]


def test_cases_have_names_of_their_own():
    names = [case.get("name") for case in read(EVERYTHING).iter("testcase")]
    assert len(set(names)) == len(names)


PARTS = {
    "all ports": [result("n11", "n12", ports="20000-21000")],
    "some blocked": [
        result("n11", "n12", ports="20000-20099"),
        result("n11", "n12", "blocked", ports="20100-21000"),
    ],
    "some blocked, some untested": [
        result("n11", "n12", "untested", ports="20000-20099"),
        result("n11", "n12", "blocked", ports="20100-21000"),
    ],
    "another address": [result("n11", "n12", ports="20000-21000", address="192.0.2.99")],
    "two addresses": [
        result("n11", "n12", "blocked", ports="20000-21000"),
        result("n11", "n12", ports="20000-21000", address="192.0.2.99"),
    ],
    "untested": [result("n11", "n12", "untested", ports="20000-21000")],
}


@pytest.mark.parametrize("parts", PARTS.values(), ids=PARTS)
def test_a_flow_keeps_its_name_when_it_turns_red(parts):
    (case,) = read(verification(parts)).iter("testcase")
    assert (case.get("classname"), case.get("name")) == (
        "exasol_community.network.sql_client",
        "n11 -> n12 tcp",
    )
    wrong = {one["verdict"] for one in parts} - {"ok"}
    assert [child.get("type") for child in case] == (
        ["blocked"] if "blocked" in wrong else ["untested"] if wrong else []
    )
    said = "".join(child.text for child in case)
    assert all(one["ports"] in said for one in parts if one["verdict"] != "ok")


ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["n1", "n2", "n10"]),
        st.sampled_from(["n1", "n2", "n10"]),
        st.sampled_from(["sql_client", "paths"]),
        st.sampled_from(["ok", "blocked", "untested"]),
        st.sampled_from(["8563", "1-9"]),
    ),
    max_size=12,
)


@given(ENTRIES, ENTRIES)
def test_names_are_unique_and_the_same_whatever_the_verdicts(entries, aside):
    def made(verdict_of):
        return verification(
            [
                result(source, other, verdict_of(verdict), service, ports)
                for source, other, service, verdict, ports in entries
            ],
            untestable=[
                {**ASIDE, "service": service, "sources": [source], "destinations": [other]}
                for source, other, service, *_rest in aside
            ],
        )

    def names(verdict_of):
        return [(case.get("classname"), case.get("name")) for case in read(made(verdict_of)).iter("testcase")]

    as_measured = names(lambda verdict: verdict)
    assert len(set(as_measured)) == len(as_measured)
    assert as_measured == names(lambda _verdict: "ok")


def test_hosts_are_in_their_order():
    results = [result("n10", "n2"), result("n2", "n10"), result("n2", "n1")]
    names = [case.get("name") for case in read(verification(results)).iter("testcase")]
    assert names == ["n2 -> n1 tcp", "n2 -> n10 tcp", "n10 -> n2 tcp"]


def test_the_median_is_the_time():
    root = read(verification([result("client", "n11", rtt_ms={"min": 1, "median": 1500.0, "max": 2000})]))
    assert [float(element.get("time")) for element in root.iter()] == [1.5, 1.5, 1.5]


def test_nothing_is_an_error():
    # A CI server takes a document without a test for a good run.
    root = read(verification([]))
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["1", "0", "1", "0"]
    (error,) = root.iter("error")
    assert "Nothing was measured" in error.get("message")


def test_a_row_that_is_not_covered_is_skipped_with_its_reason():
    root = read(verification(mesh(), not_covered=UNCOVERED))
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["33", "0", "0", "3"]
    assert [skipped.get("message") for skipped in root.iter("skipped")] == [
        entry["reason"] for entry in UNCOVERED
    ]


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\ud800", "\ufffe", "\uffff"], ids=ascii)
def test_what_xml_cannot_hold_is_left_out(character):
    (case,) = read(verification([result(f"a{character}b", "n11")])).iter("testcase")
    assert case.get("name").startswith("ab -> ")


@given(TEXTS | st.text(max_size=10))
def test_every_text_is_read(text):
    (failure,) = read(verification([result(text, text, "blocked", service=text, sentence=text)])).iter(
        "failure"
    )
    assert all(character in text or character == " " for character in failure.get("message"))


def test_a_path_is_a_case_that_fails_if_data_does_not_pass():
    paths = [
        measured_path("n11", "n12"),
        measured_path("n11", "n13", out=1348),
        measured_path("n11", "n14", pattern="by_connection"),
        measured_path("n12", "n11", segments={}),
    ]
    root = read(verification(mesh(), paths=paths))
    cases = [case for case in root.iter("testcase") if case.get("classname", "").endswith(".paths")]
    assert [case.get("name") for case in cases] == [
        "n11 -> n12 (n12)",
        "n11 -> n13 (n13)",
        "n11 -> n14 (n14)",
        "n12 -> n11 (n11)",
    ]
    assert [child.get("type") for case in cases for child in case.iter("failure")] == ["stalled", "degraded"]
    assert "out 1348 bytes (stalled)" in cases[1].find("failure").get("message")
    assert "out 1448 bytes (passed)" in cases[0].findtext("system-out")
    assert "not measured" in cases[3].findtext("system-out")


def test_a_path_that_cuts_idle_connections_fails():
    paths = [measured_path("n11", "n12", idle=IDLE), measured_path("n12", "n11", idle=IDLE[:1])]
    text = render(verification([result("n11", "n12")], paths=paths))
    cut, kept = ElementTree.fromstring(text).findall("testsuite[@name='paths']/testcase")
    assert cut.find("failure").get("type") == "degraded"
    assert "idle for 350 s no longer works" in cut.find("failure").get("message")
    assert kept.find("failure") is None and "work after 60 idle seconds" in kept.find("system-out").text


def test_the_case_of_a_path_has_its_throughput():
    paths = [measured_path("n11", "n12", throughput=THROUGHPUT), measured_path("n12", "n11")]
    text = render(verification([result("n11", "n12")], paths=paths))
    measured, other = ElementTree.fromstring(text).findall("testsuite[@name='paths']/testcase")
    assert "out 1170 MB/s; in not measured" in measured.findtext("system-out")
    assert "MB/s" not in other.findtext("system-out")
