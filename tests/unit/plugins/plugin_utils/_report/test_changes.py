# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two verifications, and only that."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.changes import (
    KINDS,
    changes,
    render_changes,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    TEXTS,
    mesh,
    result,
    verification,
)

OLD = "2026-11-22T05:00:49+00:00"


def compared(before, after):
    return changes(verification(after), verification(before, created=OLD)).as_dict()


def ends(entries):
    return [(entry["source"], entry["destination"], entry["before"], entry["after"]) for entry in entries]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("ok", "blocked", "broke"),
        ("ok", "untested", "broke"),
        ("blocked", "ok", "fixed"),
        ("untested", "ok", "fixed"),
        ("blocked", "no_listener", "changed"),
        ("ok", "ok", None),
        ("blocked", "blocked", None),
    ],
)
def test_kinds(before, after, kind):
    found = compared([result("client", "n11", before)], [result("client", "n11", after)])
    assert {name: ends(found[name]) for name in KINDS if found[name]} == (
        {kind: [("client", "n11", before, after)]} if kind else {}
    )


def test_new_flows_are_named_if_they_are_wrong():
    found = compared([], [result("client", "n11"), result("client", "n12", "blocked")])
    assert ends(found["appeared"]) == [("client", "n12", "not measured", "blocked")]


def test_flows_that_are_gone_are_named():
    assert ends(compared([result("client", "n11")], [])["gone"]) == [("client", "n11", "ok", "not measured")]


def test_other_ports_of_a_wrong_flow_are_a_change():
    before = [result("client", "n11", "blocked", ports="20000"), result("client", "n11", ports="20001-21000")]
    after = [
        result("client", "n11", "blocked", ports="20000-20001"),
        result("client", "n11", ports="20002-21000"),
    ]
    assert [entry["ports"] for entry in compared(before, after)["changed"]] == ["20000-20001"]
    assert not compared(before, before)["changed"]


def test_what_is_expected_tells_flows_apart():
    found = compared([result("client", "n11", expected="denied")], [result("client", "n11")])
    assert len(found["gone"]) == 1
    assert not found["broke"]


def test_when_both_were_made_is_said():
    found = compared([], [])
    assert (found["before"], found["after"]) == (OLD, "2026-11-23T05:00:49+00:00")


def test_64_nodes_with_one_rule_that_broke_are_few_lines():
    many = [f"node{number:02}" for number in range(64)]
    made = [
        verification(mesh(many, **verdicts), peers={"database_node": many})
        for verdicts in ({"node07": "blocked"}, {"node09": "blocked"})
    ]
    text = render_changes(*made, "text")
    assert text.splitlines()[0] == "Since 2026-11-23T05:00:49+00:00: 63 broke, 63 fixed"
    assert len(text.splitlines()) == 3
    assert len(render_changes(*made, "markdown").splitlines()) < 20


def test_text_says_who_acts():
    text = render_changes(verification(mesh(n13="blocked")), verification(mesh(), created=OLD), "text")
    assert (
        text.splitlines()[1]
        == "broke: n11, n12, n14, n15, n16 -> n13 subconnection_in tcp 20000-21000: ok -> blocked. "
        "For example: n11 to n13: blocked."
    )


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_nothing_changed_is_said(name):
    assert "othing changed" in render_changes(verification(mesh()), verification(mesh()), name)


@given(TEXTS)
def test_no_name_breaks_a_table(name):
    text = render_changes(
        verification([result(name, "n11", "blocked", sentence=name)]),
        verification([result(name, "n11")]),
        "markdown",
    )
    (row,) = [
        line.replace("\\|", "") for line in text.splitlines() if line.startswith("| ") and "blocked" in line
    ]
    assert row.count("|") == 8


@given(
    st.dictionaries(st.sampled_from(NODES), st.sampled_from(["ok", "blocked", "untested"])),
    st.dictionaries(st.sampled_from(NODES), st.just("blocked")),
)
def test_there_and_back_are_opposites(one, other):
    assert set(one.values()) | set(other.values()) <= set(VERDICTS)
    made = [
        [result("client", node, verdict) for node, verdict in verdicts.items()] for verdicts in (one, other)
    ]
    there, back = compared(*made), compared(*reversed(made))
    assert {(entry["source"], entry["destination"]) for entry in there["broke"]} == {
        (entry["source"], entry["destination"]) for entry in back["fixed"]
    }
    assert len(there["changed"]) == len(back["changed"])


def test_json_is_the_data():
    made = verification(mesh(n13="blocked")), verification(mesh(n12="blocked"))
    assert json.loads(render_changes(*made, "json")) == changes(*made).as_dict()


def test_unknown_format_is_named():
    assert_names(
        refusal(render_changes, verification([]), verification([]), "pdf"),
        ["'pdf'", "data, text, json, markdown"],
    )
