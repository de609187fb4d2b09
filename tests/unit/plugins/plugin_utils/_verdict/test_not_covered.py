# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does not cover: the coverage_sentences about it, and the rows that only this run leaves out."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.not_covered import (
    coverage_sentences,
    not_covered,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    UNCOVERED,
    mesh,
    result,
    uncovered,
    verification,
)

NODES = [Party(f"n{number}", (f"192.0.2.{number}",), managed=True) for number in (11, 12)]
PLAN = make_plan(
    Wishes("kb"), {"database_node": NODES, "client": [Party("client", ("192.0.2.21",), managed=True)]}, []
)


@pytest.mark.parametrize(
    ("results", "outside"),
    [
        ([], {"sql_client", "subconnection_in"}),
        ([result("client", "n11")], {"subconnection_in"}),
        ([result("client", "n11", "untested")], {"subconnection_in"}),
        ([result("client", "n11"), *mesh(["n11", "n12"])], set()),
    ],
    ids=["nothing", "one row", "a row that was not measured is told as such", "all"],
)
def test_planned_rows_without_a_result_are_outside(results, outside):
    found = not_covered(PLAN, results)
    assert {entry["service"] for entry in found if entry["cause"] == "outside"} == outside
    assert [entry for entry in found if entry["cause"] != "outside"] == PLAN["not_covered"]


def test_what_must_not_work_is_no_row_of_its_own():
    plan = make_plan(
        Wishes("kb", check_denied=True),
        {"database_node": NODES[:1], "client": [Party("client", ("192.0.2.21",), managed=True)]},
        [],
    )
    assert [entry["service"] for entry in not_covered(plan, []) if entry["cause"] == "outside"] == [
        "sql_client"
    ]


@pytest.mark.parametrize(
    ("results", "entries", "fragments"),
    [
        (mesh(), [], []),
        (mesh(), UNCOVERED[1:], []),
        (
            mesh(),
            UNCOVERED,
            [
                [
                    "nobody plays oracle, so 1 row of release 8 has no flow",
                    "exasol_peers",
                    "exasol_absent_peers",
                ]
            ],
        ),
        (
            mesh(),
            [uncovered(), uncovered("ldap", peers=["ldap_server"])],
            [["nobody plays ldap_server, oracle, so 2 rows of release 8 have no flow"]],
        ),
        (mesh(), [uncovered(cause="empty")], [["named for oracle holds no host", "groups"]]),
        (
            mesh(),
            [uncovered(cause="outside", peers=[])],
            [["every flow of oracle has an end outside of this run", "--limit"]],
        ),
        (mesh(), [uncovered(), uncovered("db2", "empty")], [["nobody plays oracle"], ["named for db2"]]),
        ([], [], [["Nothing was measured"]]),
        ([], [uncovered(cause="outside", peers=[])], [["Nothing was measured", "--limit", "exasol_hosts"]]),
    ],
    ids=[
        "all covered",
        "as asked for",
        "one",
        "two in one sentence",
        "empty",
        "outside",
        "two causes",
        "nothing",
        "nothing within the limit",
    ],
)
def test_each_cause_that_somebody_should_look_at_is_one_sentence(results, entries, fragments):
    found = coverage_sentences(verification(results, not_covered=entries))
    assert len(found) == len(fragments)
    for text, wanted in zip(found, fragments):
        assert_names(text, wanted)


def test_reports_of_older_releases_have_no_such_rows():
    assert coverage_sentences(verification(mesh())) == []
