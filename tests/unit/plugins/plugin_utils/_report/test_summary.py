# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A verification in a few lines that fit a terminal."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report import summary as _summary
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.summary import (
    clip,
    counts,
    label,
    lines,
    sentences,
    table,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    NODES,
    PEERS,
    mesh,
    result,
)

NAMES = st.text("n1-.ä漢🙂", min_size=1, max_size=60)
RESULTS = st.lists(
    st.fixed_dictionaries(
        {
            "source": NAMES,
            "destination": NAMES,
            "address": NAMES,
            "service": st.sampled_from(["sql_client", "client_subconnection"]),
            "protocol": st.just("tcp"),
            "ports": st.sampled_from(["8563", "20000-21000", "20000-20385,20387-20500,20502-21000"]),
            "expected": st.sampled_from(["reachable", "denied"]),
            "verdict": st.sampled_from(VERDICTS),
            "state": st.just("x"),
            "reason": st.just("x"),
            "sentence": st.just("x."),
            "rtt_ms": st.fixed_dictionaries({"median": st.floats(0, 300000)}),
        }
    ),
    max_size=12,
)


def ends(found):
    """Return the ends of lines as sets."""
    return [(set(line.sources), set(line.destinations)) for line in found]


def test_a_mesh_is_one_line():
    assert ends(lines(mesh())) == [(set(NODES), set(NODES))]


def test_a_mesh_of_two_is_one_line():
    assert ends(lines(mesh(["n1", "n2"]))) == [({"n1", "n2"}, {"n1", "n2"})]


def test_one_direction_is_not_taken_for_a_mesh():
    assert ends(lines([result("n1", "n2")])) == [({"n1"}, {"n2"})]


def test_order_of_results_does_not_matter():
    shuffled = [
        *mesh(),
        *(
            result(node, "oracle", service="subconnection_in", ports="20000-21000")
            for node in reversed(NODES)
        ),
    ]
    random.Random(5).shuffle(shuffled)
    assert ends(lines(shuffled)) == [(set(NODES), {*NODES, "oracle"})]


def test_one_broken_host_is_one_line_more():
    found = lines(mesh(n13="blocked"))
    assert len(found) <= 3
    assert (found[-1].first["verdict"], set(found[-1].sources), found[-1].destinations) == (
        "blocked",
        set(NODES) - {"n13"},
        ("n13",),
    )


def test_one_broken_flow_is_few_lines():
    results = [
        result("n11", "n12", "blocked", "subconnection_in", "20000-21000")
        if (one["source"], one["destination"]) == ("n11", "n12")
        else one
        for one in mesh()
    ]
    found = lines(results)
    assert len(found) <= 4
    assert ends(found)[-1] == ({"n11"}, {"n12"})


MANY = [f"node{number:02}" for number in range(64)]


@pytest.mark.parametrize(
    "broken",
    [
        lambda source, destination: destination == "node07",
        lambda source, destination: source == "node07",
        lambda source, destination: (source, destination) == ("node07", "node09"),
        lambda source, destination: "node07" in (source, destination),
        lambda source, destination: source < "node32" <= destination,
        lambda source, destination: (source < "node32") != (destination < "node32"),
        lambda source, destination: True,
    ],
    ids=[
        "into a node",
        "out of a node",
        "one flow",
        "both ways of a node",
        "half to half, one way",
        "half to half",
        "everything",
    ],
)
def test_64_nodes_with_one_broken_rule_are_few_lines(broken):
    results = [
        {**one, "verdict": "blocked"} if broken(one["source"], one["destination"]) else one
        for one in mesh(MANY)
    ]
    found = table(results, {"database_node": MANY}, 80)
    assert len(found) <= 5
    assert len(sentences(results)) <= 2
    for line in lines(results):
        pairs = {
            (source, destination)
            for source in line.sources
            for destination in line.destinations
            if source != destination
        }
        assert pairs == {(one["source"], one["destination"]) for one in line.results}


def test_every_result_is_in_exactly_one_line():
    results = [
        *mesh(n13="blocked"),
        *(result("client", node, "no_listener" if node == "n11" else "ok") for node in NODES),
    ]
    held = [one for line in lines(results) for one in line.results]
    assert sorted(map(str, held)) == sorted(map(str, results))


def test_several_addresses_of_a_destination_are_one_line():
    assert ends(lines([result("client", "n11"), result("client", "n11", address="2001:db8::11")])) == [
        ({"client"}, {"n11"})
    ]


@pytest.mark.parametrize("field", ["service", "protocol", "ports", "expected", "reason"])
def test_what_differs_is_not_joined(field):
    assert len(lines([result("client", "n11"), result("client", "n12", **{field: "other"})])) == 2


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        ({"status": "other", "looks_like": "SSH"}, {"status": "other", "looks_like": "HTTP"}, 2),
        ({"status": "refusing", "detail": "1129"}, {"status": "refusing", "detail": "1130"}, 2),
        ({"status": "refusing", "detail": "1129"}, {"status": "refusing", "detail": "1129"}, 1),
        ({"status": "identified", "detail": "a"}, {"status": "identified", "detail": "b"}, 1),
    ],
    ids=["strangers", "other reasons", "one reason", "known"],
)
def test_who_answers_is_joined_where_the_sentence_would_be_the_same(one, other, count):
    assert (
        len(lines([dict(result("n1", "n3"), identity=one), dict(result("n2", "n3"), identity=other)]))
        == count
    )


def test_what_needs_action_stands_last():
    results = [
        result("client", "n11", "untested"),
        result("client", "n12", "blocked"),
        result("client", "n13"),
        result("client", "n14", "no_listener"),
    ]
    assert [line.first["verdict"] for line in lines(results)] == ["ok", "untested", "no_listener", "blocked"]


@pytest.mark.parametrize(
    ("names", "width", "expected"),
    [
        (["client"], 80, "client"),
        (NODES, 80, "database_node ×6"),
        (list(reversed(NODES)), 80, "database_node ×6"),
        (NODES, 8, "databas…"),
        (["n11", "n12"], 80, "n11, n12"),
        (["n11", "n12", "n13"], 11, "n11, n12 +1"),
        (["n11", "n12", "n13"], 10, "n11 +2"),
        (["a-very-long-name", "n12"], 10, "a-very-lo…"),
        ([], 10, ""),
    ],
)
def test_label_of_a_set_of_hosts(names, width, expected):
    assert label(names, PEERS, width) == expected


@given(st.lists(NAMES, max_size=12), st.integers(1, 80))
def test_label_keeps_to_its_width(names, width):
    assert len(label(names, {}, width)) <= width


@given(NAMES, st.integers(1, 40))
def test_clip_marks_what_is_missing(text, width):
    clipped = clip(text, width)
    assert len(clipped) <= width
    assert clipped == text or clipped.endswith("…")


@given(RESULTS, st.integers(80, 160))
def test_table_is_never_wider_than_the_terminal(results, columns):
    found = table(results, {}, columns)
    assert max(map(len, found)) <= columns
    assert len(found) == 1 + len(lines(results))


def test_table_of_the_widest_words_fits_80_columns():
    results = [
        result(
            "client",
            "n11",
            "blocked_at_destination",
            "client_subconnection",
            "20000-20385,20387-21000",
            expected="denied",
            rtt_ms={"median": 300000.0},
        )
    ]
    assert [len(line) for line in table(results, {}, 80) if len(line) > 80] == []


def test_table_names_everything():
    found = table([*mesh(n13="blocked"), result("client", "n11")], PEERS, 100)
    assert found[0].split() == ["FROM", "TO", "SERVICE", "PORTS", "VERDICT", "MS"]
    assert found[-1].split()[-5:] == ["n13", "subconnection_in", "20000-21000", "blocked", "-"]
    assert ["client", "n11", "sql_client", "8563", "ok", "1.00"] in [line.split() for line in found]


def test_table_of_nothing_is_its_heading():
    assert len(table([], {}, 80)) == 1


def test_what_must_not_work_is_called_so():
    assert "not sql_client" in table([result("client", "n11", "exposed", expected="denied")], {}, 120)[1]


@pytest.mark.parametrize(
    ("medians", "expected"),
    [([], "-"), ([0.0123], "0.01"), ([1.0, 2.0, 3.0], "2.00"), ([12.345], "12.3"), ([123.45], "123")],
)
def test_milliseconds_are_the_median_of_medians(medians, expected):
    results = tuple(
        result("client", f"n{index}", rtt_ms={"median": median}) for index, median in enumerate(medians)
    )
    without = ({key: value for key, value in result("client", "n11").items() if key != "rtt_ms"},)
    assert _summary.Line(("client",), ("n11",), results or without).milliseconds() == expected


def test_sentences_are_about_what_is_wrong():
    found = sentences([*mesh(n13="blocked"), result("client", "n11", "no_listener"), result("client", "n12")])
    assert found == [
        "no_listener: client to n11: no_listener.",
        "blocked: n11 to n13: blocked. (and 4 more flows of this kind)",
    ]


def test_one_more_flow_is_in_the_singular():
    assert sentences([result("client", node, "blocked") for node in ("n11", "n12")]) == [
        "blocked: client to n11: blocked. (and 1 more flow of this kind)"
    ]


def test_sentence_and_next_command_are_of_the_same_result():
    def blocked(node, **more):
        return result(
            "client", node, "blocked", cause="silence", next_command=f"nft list ruleset  # on {node}", **more
        )

    # Of several results, one whose way was traced speaks for all.
    (told,) = sentences([blocked("n11"), blocked("n12", trace={"last_hop": 3})])
    assert told.startswith("blocked: client to n12: blocked. (and 1 more flow of this kind) [silence]")
    assert told.endswith(" Next: nft list ruleset  # on n12")
    (told,) = sentences([blocked("n11"), blocked("n12")])
    assert told.startswith("blocked: client to n11: blocked. (and 1 more flow of this kind) [silence]")
    assert told.endswith(" Next: nft list ruleset  # on n11")


def test_sentences_are_few():
    found = sentences([result("client", f"n{number}", "blocked", f"service{number}") for number in range(50)])
    assert len(found) == 21
    assert found[-1] == "... and 30 more groups of flows: see the report"


def test_nothing_wrong_needs_no_sentence():
    assert sentences(mesh()) == []


@pytest.mark.parametrize(
    ("summary", "untestable", "expected"),
    [
        ({"ok": 72}, 0, "72 flows: 72 ok"),
        ({"ok": 1}, 0, "1 flow: 1 ok"),
        ({"blocked": 1, "ok": 71}, 0, "72 flows: 71 ok, 1 blocked"),
        ({"ok": 2}, 1, "2 flows: 2 ok; 1 group of flows was not tested (see the report)"),
        ({"ok": 2}, 4, "2 flows: 2 ok; 4 groups of flows were not tested (see the report)"),
        ({}, 0, "0 flows: none tested"),
    ],
)
def test_counts(summary, untestable, expected):
    assert counts({"summary": summary, "untestable": [ASIDE] * untestable}) == expected
