# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: plain text from plain data."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils import _report
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import Case, judge
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import NODES, mesh, result, verification

MARKUP = "\\`*_[]<>|#"
TEXTS = st.text(MARKUP + "n1-. ä漢🙂&~!\n\r\t\x1b\u200b\u2028\u202e\x00\"'", min_size=1, max_size=30)
ASIDE = {"service": "ftp_data", "protocol": "tcp", "ports": "20", "sources": NODES, "destinations": ["files"], "reason": "nothing to connect to"}


def cells(report, heading):
    """Return the rows of the table under a heading, as lists of cells."""
    part = report.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_json_is_read_back_with_its_schema():
    made = verification(mesh(n13="blocked"))
    assert json.loads(_report.to_json(made)) == {**made, "schema": 1}


def test_json_is_sorted_and_ends_with_a_newline():
    text = _report.to_json(verification([result("client", "n11")]))
    keys = list(json.loads(text, object_pairs_hook=lambda pairs: [key for key, _value in pairs]))
    assert keys == sorted(keys)
    assert text.endswith("}\n")


def test_json_of_equal_verifications_is_equal():
    made = verification(mesh())
    turned = dict(reversed(list(made.items())))
    assert _report.to_json(made) == _report.to_json(turned)


@given(TEXTS)
def test_json_keeps_every_text(text):
    assert json.loads(_report.to_json(verification([result("client", "n11", sentence=text)])))["results"][0]["sentence"] == text


def test_markdown_of_what_is_well():
    report = _report.to_markdown(verification(mesh()))
    assert report.startswith("# Network verification\n\n2026-11-23T05:00:49+00:00, release 8\n\n30 flows: 30 ok.\n")
    assert [line for line in report.splitlines() if line.startswith("## ")] == ["## Matrix", "## Flows"]
    assert cells(report, "Flows") == [["database\\_node ×6", "database\\_node ×6", "subconnection\\_in", "tcp 20000-21000", "reachable", "ok",
                                      "open (syn-ack)", "1.00"]]


def test_markdown_of_what_is_wrong_says_what_to_mend_first():
    report = _report.to_markdown(verification(mesh(n13="blocked"), untestable=[ASIDE]))
    assert [line for line in report.splitlines() if line.startswith("## ")] == ["## What to mend", "## Matrix", "## Flows", "## Not tested"]
    assert "- blocked: n11 to n13: blocked. (and 4 more flows of this kind)" in report
    assert "✗ 0/1" in report
    assert cells(report, "Not tested") == [["database\\_node ×6", "files", "ftp\\_data", "tcp 20", "nothing to connect to"]]


def test_grid_counts_flows_of_each_pair():
    report = _report.to_markdown(verification([result("client", "n11"), result("client", "n11", "blocked", "bucketfs", "2580"), result("admin", "n12")]))
    assert cells(report, "Matrix") == [["client", "✗ 1/2", ""], ["admin", "", "✓ 1/1"]]


def test_a_grid_too_wide_to_read_is_left_out():
    report = _report.to_markdown(verification([result("client", f"n{number}") for number in range(25)]))
    assert "## Matrix" not in report
    assert "25 flows: 25 ok" in report


def test_a_verification_of_nothing_is_a_report():
    report = _report.to_markdown(verification([]))
    assert "0 flows: none tested." in report
    assert "## Matrix" not in report


@pytest.mark.parametrize("character", MARKUP)
def test_markup_stays_text(character):
    report = _report.to_markdown(verification([result("client", "n11", "blocked", sentence=f"a{character}b")]))
    assert f"a\\{character}b" in report


@pytest.mark.parametrize("text", ["line\nbreak", "line\r\nbreak", "bell\a", "escape\x1b[31m", "zero\u200bwidth", "separator\u2028"], ids=ascii)
def test_what_breaks_lines_or_hides_is_taken_out(text):
    report = _report.to_markdown(verification([result("client", "n11", "blocked", sentence=text, service=text)]))
    assert all(character.isprintable() for line in report.split("\n") for character in line)
    assert [len(row) for row in cells(report, "Flows")] == [8]


@given(TEXTS)
def test_no_name_breaks_a_table(name):
    report = _report.to_markdown(verification([result(name, "n11"), result("client", name, service=name)]))
    for heading, width in (("Matrix", 3), ("Flows", 8)):
        rows = [line.replace("\\|", "") for line in report.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines() if line.startswith("|")]
        assert {row.count("|") for row in rows} == {width + 1}


HOSTILE = ["<script>alert(1)</script>", "[x](http://203.0.113.5)", "![x](y)", "**bold** _slanted_ `code`", "| a | b |\n|---|---|", "\x1b[2J\x1b]0;owned\x07",
           "\u202egpj.exe", "<!-- ", "# heading", "\\", "\\<b>", "&lt;b&gt;"]


def judged(words):
    """Return the result of a service that said these words, as far as a probe lets them through: every field at once."""
    identity = {"status": "other", "version": words, "looks_like": words, "detail": words,
                "tls": {"fingerprint": "AB" * 32, "subject": words, "issuer": words, "names": [words]}}
    seen = {"ports": "8563", "state": "open", "reason": "syn-ack", "identity": identity}
    verdict, sentence = judge(Case("client", "n11", "192.0.2.11", "sql_client", "tcp", "8563", "reachable", seen))
    assert (verdict, words in sentence) == ("wrong_service", True)
    # The verdict's own state and reason are those of an open port.
    return {**result("client", "n11"), "verdict": verdict, "sentence": sentence, "identity": identity}


@pytest.mark.parametrize("words", HOSTILE)
def test_what_a_server_says_stays_text_in_markdown(words):
    report = _report.to_markdown(verification([judged(words)]))
    part = report.split("## What to mend\n")[1].split("\n## ")[0]
    assert len(part.strip().splitlines()) == 1, "one line for one sentence"
    bare = re.sub(r"\\[\\`*_\[\]<>|#]", "", part)
    assert not set(bare) & set("`*_[]<>|#\\\x1b\x07\u202e"), bare
    assert [len(row) for row in cells(report, "Flows")] == [8]


@pytest.mark.parametrize("words", HOSTILE)
def test_what_a_server_says_is_kept_in_json(words):
    text = _report.to_json(verification([judged(words)]))
    assert json.loads(text)["results"][0]["identity"]["tls"]["names"] == [words]
    assert not set(text) & set("\x1b\x07"), "JSON escapes control characters (RFC 8259, section 7)"


@given(TEXTS)
def test_no_words_of_a_server_break_a_report(words):
    report = _report.to_markdown(verification([judged(words)]))
    part = report.split("## What to mend\n")[1].split("\n## ")[0]
    assert len(part.strip().splitlines()) == 1
    assert part.strip().isprintable()


@pytest.mark.parametrize(("name", "start"), [("json", "{"), ("markdown", "# ")])
def test_render(name, start):
    assert _report.render(verification(mesh()), name).startswith(start)


@pytest.mark.parametrize("name", ["pdf", "", "JSON"])
def test_unknown_format_is_named(name):
    assert_names(refusal(_report.render, verification([]), name), [repr(name), "json, markdown"])
