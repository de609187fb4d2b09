# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on limits for new connections."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.rate_notes import rate_notes
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names


def path(source="n11", passes=16.0, drops=32.0):
    """Return a path with a limit."""
    return {
        "source": source,
        "destination": "b1",
        "address": "203.0.113.31",
        "tries": 9,
        "lost": 0,
        "rate_limit": {"passes": passes, "drops": drops},
    }


@pytest.mark.parametrize(
    ("drops", "words"),
    [(32.0, "at 32 a second some are dropped"), (0.0, "all at once some are dropped")],
    ids=["a-rate-that-drops", "only-all-at-once"],
)
def test_a_limit_has_its_rates_and_the_option_to_set(drops, words):
    (note,) = rate_notes([path(drops=drops)])
    assert_names(note, ["n11 -> b1", "203.0.113.31", "16 a second pass", words, "exasol_verify_rate: 8"])


def test_paths_without_a_limit_have_no_note():
    unlimited = {**path()}
    del unlimited["rate_limit"]
    assert rate_notes([unlimited]) == []


def test_of_many_the_lowest_limits_are_named():
    notes = rate_notes([path(f"n{number}", passes=float(number)) for number in range(30, 0, -1)])
    assert len(notes) == 11
    assert notes[0].startswith("n1 ->")
    assert notes[-1] == "20 more paths limit new connections: see the report."
