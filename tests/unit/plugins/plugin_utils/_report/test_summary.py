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
    counts,
    host_order,
    label,
    lines,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    NODES,
    PEERS,
    mesh,
    result,
)

NAMES = st.text("n1-.ä漢🙂", min_size=1, max_size=60)


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
    assert len(lines(results)) <= 4
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


def test_addresses_are_joined_only_if_every_source_asked_each_of_them():
    results = [result("n1", "n3"), result("n2", "n3"), result("n1", "n3", address="2001:db8::3")]
    assert sorted((line.sources, {one["address"] for one in line.results}) for line in lines(results)) == [
        (("n1",), {"2001:db8::3"}),
        (("n1", "n2"), {"n3"}),
    ]


def test_hosts_are_in_the_inventorys_order_and_partners_in_that_of_their_numbers():
    results = [result("n10", "p10"), result("n9", "p9"), result("n9", "p100")]
    assert list(host_order({"results": results, "hosts": ["n10", "n9"]})) == [
        "n10",
        "n9",
        "p9",
        "p10",
        "p100",
    ]
    assert list(host_order({"results": results})) == ["n9", "n10", "p9", "p10", "p100"]


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
        (NODES, 8, "dat…e ×6"),
        (["n11", "n12"], 80, "n11, n12"),
        (["n11", "n12", "n13"], 11, "n11, n12 +1"),
        (["n11", "n12", "n13"], 10, "n11 +2"),
        (["a-very-long-name", "n12"], 10, "a-ve…me +1"),
        ([], 10, ""),
    ],
)
def test_label_of_a_set_of_hosts(names, width, expected):
    assert label(names, PEERS, width) == expected


@given(st.lists(NAMES, max_size=12), st.integers(1, 80))
def test_label_keeps_to_its_width(names, width):
    assert len(label(names, {}, width)) <= width


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


@pytest.mark.parametrize(
    ("summary", "untestable", "expected"),
    [
        ({"ok": 72}, 0, "72 flows: 72 ok"),
        ({"ok": 1}, 0, "1 flow: 1 ok"),
        ({"blocked": 1, "ok": 71}, 0, "72 flows: 71 ok, 1 blocked"),
        ({"ok": 2}, 1, "2 flows: 2 ok; 1 group of flows was not tested"),
        ({"ok": 2}, 4, "2 flows: 2 ok; 4 groups of flows were not tested"),
        ({}, 0, "0 flows: none tested"),
    ],
)
def test_counts(summary, untestable, expected):
    assert counts({"summary": summary, "untestable": [ASIDE] * untestable}) == expected
