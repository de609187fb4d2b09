# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Markdown that keeps its form whatever a network answers."""

from __future__ import annotations

import pytest
from hypothesis import assume, given

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._markdown import (
    render,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ASIDE,
    IDLE,
    MARKUP,
    TEXTS,
    THROUGHPUT,
    UNCOVERED,
    measured_path,
    mesh,
    result,
    verification,
)


def cells(report, heading):
    """Return the rows of the table under a heading, as lists of cells."""
    part = report.split(f"## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def test_what_is_well():
    report = render(verification(mesh()))
    assert report.startswith(
        "# Network verification\n\n2026-11-23T05:00:49+00:00, release 8\n\n30 flows: 30 ok.\n"
    )
    assert [line for line in report.splitlines() if line.startswith("## ")] == ["## Matrix", "## Flows"]
    assert cells(report, "Flows") == [
        [
            "database\\_node ×6",
            "database\\_node ×6",
            "subconnection\\_in",
            "tcp 20000-21000",
            "reachable",
            "ok",
            "",
            "open (syn-ack)",
            "1.00",
        ]
    ]


def test_what_is_wrong_says_what_to_fix_first():
    report = render(verification(mesh(n13="blocked"), untestable=[ASIDE]))
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        "## Who must act",
        "## What was seen",
        "## Matrix",
        "## Flows",
        "## Not tested",
    ]
    assert "### Not known: either host, or the network between them: 5 flows" in report
    assert "- find out who blocks it, and permit there tcp 20000-21000 from n11, n12, n14" in report
    assert "- blocked: each of n11, n12 and n\\[14:16\\] to n13: blocked." in report
    assert "✗ 0/1" in report
    assert cells(report, "Not tested") == [
        ["database\\_node ×6", "files", "ftp\\_data", "tcp 20", "nothing to connect to"]
    ]


def test_commands_can_be_copied_and_end_no_code():
    one = result("client", "n11", "blocked", next_command="echo ```\n# x  # on n11", cause="silence")
    report = render(verification([one]))
    assert "\n````shell\necho ``` # x  # on n11\n````\n" in report


def test_grid_counts_flows_of_each_pair():
    report = render(
        verification(
            [
                result("client", "n11"),
                result("client", "n11", "blocked", "bucketfs", "2580"),
                result("admin", "n12"),
            ]
        )
    )
    assert cells(report, "Matrix") == [["admin", "", "✓ 1/1"], ["client", "✗ 1/2", ""]]


def test_a_flow_whose_ports_differ_is_one_flow_of_the_grid():
    half = [
        result("client", "n11", ports="20000-20499"),
        result("client", "n11", "blocked", ports="20500-21000"),
    ]
    assert cells(render(verification(half)), "Matrix") == [["client", "✗ 0/1"]]


def test_the_site_stands_in_the_heading():
    assert render(verification([], site="Berlin [x]")).startswith("# Network verification, Berlin \\[x\\]\n")


def test_hosts_stand_in_the_order_of_the_inventory():
    report = render(
        verification(
            [result(node, "files") for node in ("n11", "n12", "n13")]
            + [result("client", node) for node in ("n12", "n11", "n13")],
            hosts=["n13", "n11", "n12", "client", "files"],
        )
    )
    assert "| from \\ to | n13 | n11 | n12 | files |\n" in report
    assert [row[0] for row in cells(report, "Matrix")] == ["n13", "n11", "n12", "client"]


def test_a_grid_too_wide_to_read_is_left_out():
    report = render(verification([result("client", f"n{number}") for number in range(25)]))
    assert "## Matrix" not in report
    assert "25 flows: 25 ok" in report


def test_what_is_not_covered_stands_at_the_end_with_its_reason():
    report = render(verification(mesh(), not_covered=UNCOVERED))
    assert [line for line in report.splitlines() if line.startswith("## ")] == [
        "## Matrix",
        "## Flows",
        "## Not covered",
    ]
    assert "Not covered: nobody plays oracle, so 1 row of release 8 has no flow" in report
    assert cells(report, "Not covered") == [
        ["oracle", "tcp 1521", "nobody plays oracle"],
        ["db2", "tcp 50000", "the site has no db2 (exasol\\_absent\\_peers)"],
        ["mysql", "tcp 3306", "it is excluded (exasol\\_exclude)"],
    ]


def test_what_was_asked_for_needs_no_sentence():
    report = render(verification(mesh(), not_covered=UNCOVERED[1:]))
    assert "Not covered:" not in report
    assert len(cells(report, "Not covered")) == 2


def test_a_verification_of_nothing_is_a_report():
    report = render(verification([]))
    assert "Nothing was measured" in report
    assert "0 flows: none tested." in report
    assert "## Matrix" not in report


@pytest.mark.parametrize("character", MARKUP)
def test_markup_stays_text(character):
    report = render(verification([result("client", "n11", "blocked", sentence=f"a{character}b")]))
    assert f"a\\{character}b" in report


@pytest.mark.parametrize(
    "text",
    ["line\nbreak", "line\r\nbreak", "bell\a", "escape\x1b[31m", "zero\u200bwidth", "separator\u2028"],
    ids=ascii,
)
def test_what_breaks_lines_or_hides_is_taken_out(text):
    report = render(verification([result("client", "n11", "blocked", sentence=text, service=text)]))
    assert all(character.isprintable() for line in report.split("\n") for character in line)
    assert [len(row) for row in cells(report, "Flows")] == [9]


@given(TEXTS)
def test_no_name_breaks_a_table(name):
    assume(name != "n11")  # one column less
    report = render(verification([result(name, "n11"), result("client", name, service=name)]))
    for heading, width in (("Matrix", 3), ("Flows", 9)):
        rows = [
            line.replace("\\|", "")
            for line in report.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
            if line.startswith("|")
        ]
        assert {row.count("|") for row in rows} == {width + 1}


def test_what_was_measured_of_paths_is_a_table():
    paths = [
        measured_path("n11", "n12", lost=3, idle=IDLE, throughput=THROUGHPUT),
        measured_path("n11", "n13", out=1348, seen_as=["198.51.100.7"], idle=[]),
        {"source": "n12", "destination": "n11", "address": "n11", "tries": 4, "lost": 0},
    ]
    assert cells(render(verification(mesh(), paths=paths)), "Paths") == [
        [
            "n11",
            "n12",
            "n12",
            "0.50",
            "1.00",
            "3 of 100",
            "1448",
            "1448",
            "-0.125",
            "",
            "60, cut at 350",
            "1170",
            "not measured",
        ],
        [
            "n11",
            "n13",
            "n13",
            "0.50",
            "1.00",
            "0 of 100",
            "1348 of 1448",
            "1448",
            "-0.125",
            "198.51.100.7",
            "not measured",
            "",
            "",
        ],
        ["n12", "n11", "n11", "", "", "0 of 4", "not measured", "not measured", "", "", "", "", ""],
    ]


def test_of_many_paths_the_worst_are_shown_first():
    nodes = [f"m{number}" for number in range(12)]
    paths = [measured_path(one, other) for one in nodes for other in nodes if one != other]
    paths[70] = measured_path("slow", "m1", rtt_ms={"min": 9.0, "median": 9.0, "p95": 9.0, "max": 9.0})
    paths[80] = measured_path("lossy", "m1", lost=1)
    paths[90] = measured_path("stalled", "m1", out=600)
    report = render(verification(mesh(), paths=paths))
    assert [row[0] for row in cells(report, "Paths")][:3] == ["stalled", "lossy", "slow"]
    assert len(cells(report, "Paths")) == 100
    assert "The worst 100 of 132 paths" in report
