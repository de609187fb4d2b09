# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fits a terminal: no line is longer, and nothing that differs looks alike."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.summary import lines
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.terminal import (
    closing,
    opening,
    table,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    PEERS,
    mesh,
    result,
    uncovered,
    verification,
)

NAMES = st.one_of(
    st.text("n1-.ä漢", min_size=1, max_size=60),
    st.integers(0, 30).map("exasol-production-node-{}.cluster.example.com".format),
    st.sampled_from(["database_node_one", "database_node_two", "a.x", "a.y", "b.x", "a"]),
)
RESULTS = st.lists(
    st.fixed_dictionaries(
        {
            "source": NAMES,
            "destination": NAMES,
            "address": NAMES,
            "service": st.sampled_from(["sql_client", "client_subconnection", "client_subconnections"]),
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


def cut(line, heading):
    """Return the cells of a line, by the places of the headings."""
    starts = [match.start() for match in re.finditer(r"\S+", heading)]
    return [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None])]


@given(RESULTS, st.integers(60, 200))
def test_no_line_is_longer_and_no_two_labels_are_alike(results, columns):
    found = table(results, {}, columns)
    assert max(len(shown.text) for shown in found) <= columns
    expected = lines(results)
    assert len(found) == 1 + len(expected)
    heading = found[0].text
    meant = {}
    for shown, line in zip(found[1:], expected):
        assert shown.verdict == line.first["verdict"]
        source, destination, service, ports, verdict = cut(shown.text, heading)[:5]
        assert verdict.split()[0] == line.first["verdict"], "it is never shortened"
        said = f"{line.first['expected']} {line.first['service']}"
        for place, text, means in (
            ("from", source, line.sources),
            ("to", destination, line.destinations),
            ("service", service, said),
            ("ports", ports, line.first["ports"]),
        ):
            assert text
            assert meant.setdefault((place, text), means) == means


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
    assert [shown for shown in table(results, {}, 80) if len(shown.text) > 80] == []


def test_table_names_everything():
    found = [shown.text for shown in table([*mesh(n13="blocked"), result("client", "n11")], PEERS, 100)]
    assert found[0].split() == ["FROM", "TO", "SERVICE", "PORTS", "VERDICT", "MS"]
    assert found[-1].split()[-5:] == ["n13", "subconnection_in", "20000-21000", "blocked", "-"]
    assert ["client", "n11", "sql_client", "8563", "ok", "1.00"] in [line.split() for line in found]


def test_table_of_nothing_is_its_heading():
    assert len(table([], {}, 80)) == 1


def test_what_must_not_work_is_called_so():
    assert "not sql_client" in table([result("client", "n11", "exposed", expected="denied")], {}, 120)[1].text


def test_a_domain_that_most_have_is_left_out_unless_names_become_alike():
    shown = table(mesh(["a.example.com", "b.example.com"]), {}, 80)
    assert "a, b" in shown[1].text and "example" not in shown[1].text
    shown = table([*mesh(["a.example.com", "b.example.com"]), result("a", "b.example.com")], {}, 120)
    assert "a.example.com" in shown[1].text


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_two_long_names_that_begin_alike_are_told_apart(columns):
    names = ["exasol-production-database-node-berlin-01", "exasol-production-database-node-berlin-02"]
    texts = [
        shown.text.split()[0]
        for shown in table([result(name, "n11", "blocked", name) for name in names], {}, columns)
    ]
    assert len(set(texts[1:])) == 2


def test_a_terminal_opens_with_who_must_act():
    made = verification(
        [
            result(
                "client",
                "n11",
                "blocked",
                actor=["network"],
                evidence=["it was silent"],
                cause="silence",
                next_command="nft list ruleset  # on n11",
            ),
            result("client", "n12", "no_listener", actor=["service owner"], cause="nothing_listens"),
        ]
    )
    assert [shown.text for shown in opening(made)] == [
        "blocked, 1 flow: the network team",
        "  permit tcp 8563 from client to n11",
        "  evidence: it was silent",
        "  next: nft list ruleset  # on n11",
        "",
        "no_listener, 1 flow: whoever runs the service",
        "  start sql_client on tcp 8563 of n12, or correct its port in exasol_overrides",
        "",
    ]
    assert opening(verification(mesh())) == []


def test_only_the_mildest_parties_are_left_out():
    results = [
        {
            **result("client", f"m{number}", service=f"s{number}"),
            "verdict": verdict,
            "actor": [f"host:m{number}"],
        }
        for number, verdict in enumerate(VERDICTS)
    ]
    texts = [shown.text for shown in opening(verification(results))]
    assert texts[0].startswith("exposed, 1 flow")
    assert texts[-2] == "9 more parties must act for milder faults."


@pytest.mark.parametrize(
    ("made", "worst", "verdict"),
    [
        (verification(mesh()), "Every flow that was measured is ok.", "ok"),
        (
            verification([*mesh(n13="blocked"), result("client", "n11", "untested")]),
            "blocked: each of n11, n12 and n[14:16] to n13: blocked.",
            "blocked",
        ),
        (verification([], not_covered=[uncovered()]), "Nothing was measured", "untested"),
    ],
    ids=["ok", "blocked", "nothing"],
)
def test_the_last_three_lines(made, worst, verdict):
    counted, said, file = closing(made, "/srv/report/report.html")
    assert "flow" in counted.text and counted.verdict == said.verdict == verdict
    assert said.text.startswith(worst)
    assert file.text == "/srv/report/report.html"
