# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records give back what they were given, in its order, and keep what is alike once."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.counts import summarize
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.records import (
    MARKS,
    Records,
    texts_of,
    wrong,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    ADDRESSES,
    NAMES,
    RESULTS,
    mesh,
    result,
)


@given(RESULTS)
def test_they_are_what_they_were_in_their_order(given_results):
    records = Records(ADDRESSES, {}, given_results)
    assert list(records) == given_results
    assert [records[number] for number in range(len(records))] == given_results
    assert len(records) == len(given_results)


@given(RESULTS)
def test_they_are_counted_as_lists_are(given_results):
    assert summarize(Records(ADDRESSES, {}, given_results)) == summarize(given_results)


@given(RESULTS)
def test_those_that_are_not_ok_are_chosen(given_results):
    records = Records(ADDRESSES, {}, given_results)
    assert list(wrong(records)) == [one for one in given_results if one["verdict"] != "ok"]


@given(RESULTS)
def test_pairs_are_the_records_in_an_order(given_results):
    records = Records(ADDRESSES, {}, given_results)
    order = {name: number for number, name in enumerate(reversed(NAMES))}
    found = [records.record(kind, row) for pair in records.pairs(order) for kind, row in pair.members]
    assert found == sorted(given_results, key=lambda one: (order[one["source"]], order[one["destination"]]))
    assert len(list(records.pairs(order))) == len(
        {(one["source"], one["destination"]) for one in given_results}
    )


def test_what_is_alike_is_kept_once():
    assert len(Records({}, {}, mesh()).kinds) == 1
    assert len(Records({}, {}, mesh(n13="blocked")).kinds) == 2


def test_a_name_within_another_one_is_told_apart():
    several = [
        result("n1", "n11", sentence="n1 reaches n11."),
        result("n11", "n1", sentence="n11 reaches n1."),
    ]
    records = Records({}, {}, several)
    assert len(records.kinds) == 1 and list(records) == several


def test_marks_in_a_text_are_removed():
    (found,) = Records({}, {}, [result("n1", "n2", sentence=f"a{MARKS}b n1")])
    assert found["sentence"] == "ab n1"


@pytest.mark.parametrize(
    "column",
    [array("d", [0.5, -0.0, 0.0, 0.5]), array("d", [0.25, 1.0]), array("q", [3, 3, 0]), [1, 1.0, True]],
    ids=["both zeros", "floats", "whole numbers", "equal numbers of several types"],
)
def test_numbers_are_written_as_each_of_them_is(column):
    assert list(texts_of(column)) == [str(number) for number in column]
