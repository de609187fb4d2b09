# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services by source, and the bars of ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.page.services import (
    service_table,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    NODES,
    PEERS,
    mesh,
    result,
)

ORDER = {name: place for place, name in enumerate([*NODES, "client"])}


def table(results):
    return service_table(results, PEERS, ORDER)


def cell(found, service, source):
    """Return what a source sees of a service."""
    (column,) = [number for number, head in enumerate(found.heads) if source in head.names]
    (row,) = [row for row in found.rows if row.service == service]
    return row.cells[column]


def test_sources_that_see_the_same_are_one_column():
    found = table([*mesh(), result("client", "n11", "blocked")])
    assert [head.label for head in found.heads] == ["database_node ×6", "client"]
    assert [(row.service, row.what, row.is_ok) for row in found.rows] == [
        ("sql_client", "tcp 8563", False),
        ("subconnection_in", "tcp 20000-21000", True),
    ]
    assert cell(found, "sql_client", "n11") is None
    assert cell(found, "sql_client", "client").look.word == "blocked"


def test_a_bar_has_the_parts_of_a_range():
    found = table(
        [
            result("n11", "n12", "ok", "in", "20000-20499"),
            result("n11", "n12", "blocked", "in", "20500-20999"),
        ]
    )
    seen = cell(found, "in", "n11")
    assert [(part.look.word, part.ports, part.start, part.width) for part in seen.parts] == [
        ("ok", "20000-20499", 0.0, 50.0),
        ("blocked", "20500-20999", 50.0, 50.0),
    ]
    assert seen.said == "20000-20499 ok, 20500-20999 blocked"
    assert seen.look.word == "blocked"


def test_a_port_is_as_its_worst_destination_shows_it():
    found = table(
        [
            result("n11", "n12", "ok", "in", "20000-20099"),
            result("n11", "n13", "blocked", "in", "20010-20019"),
            result("n11", "n13", "ok", "in", "20000-20009,20020-20099"),
        ]
    )
    parts = [(part.ports, part.is_open) for part in cell(found, "in", "n11").parts]
    assert parts == [("20000-20009", True), ("20010-20019", False), ("20020-20099", True)]


def test_a_denied_service_is_a_row_of_its_own():
    found = table([result("n11", "n12"), result("client", "n12", expected="denied")])
    assert [row.service for row in found.rows] == ["not sql_client", "sql_client"]


@pytest.mark.parametrize("ports", ["", "any", "8563"])
def test_what_is_no_range_has_no_bar(ports):
    assert cell(table([result("n11", "n12", "blocked", "x", ports)]), "x", "n11").parts == []


@given(
    st.lists(
        st.tuples(st.integers(1, 60), st.integers(0, 20), st.sampled_from(["ok", "blocked", "untested"])),
        min_size=1,
        max_size=8,
    )
)
def test_bars_show_each_port_once_and_never_better_than_it_is(ranges):
    severity = ["ok", "untested", "blocked"]
    worst: dict[int, str] = {}
    for first, more, verdict in ranges:
        for port in range(first, first + more + 1):
            worst[port] = max(worst.get(port, "ok"), verdict, key=severity.index)
    found = table(
        [result("n11", "n12", verdict, "in", f"{first}-{first + more}") for first, more, verdict in ranges]
    )
    parts = cell(found, "in", "n11").parts
    if len(worst) == 1:
        assert parts == []
        return
    shown = {}
    for part in parts:
        first, _, last = part.ports.partition("-")
        for port in range(int(first), int(last or first) + 1):
            assert port not in shown
            shown[port] = part.look.word
    assert shown == worst
    assert abs(sum(part.width for part in parts) - 100) < 0.1
    assert all(
        abs(part.start - sum(one.width for one in parts[:place])) < 0.1 for place, part in enumerate(parts)
    )


def test_many_sources_that_all_differ_are_few_columns():
    results = [
        result(f"s{number}", "n12", "ok", "in", f"{20000 + number}-{20100 + number}") for number in range(90)
    ]
    results.append(result("s50", "n12", "blocked", "in", "22000"))
    found = table(results)
    assert len(found.heads) <= 40
    (mixed,) = [head for head in found.heads if head.is_mixed]
    assert "s50" not in mixed.names
