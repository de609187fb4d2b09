# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths that lose connection attempts.

Counted from what hosts return, and named if it is more than chance.
"""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.losses import (
    loss_notes,
    losses,
)

HOSTS = {"n1": {"probes": [{"destinations": {"n2": ["192.0.2.2"]}}]}, "n2": {"probes": []}}


def path(lost, tries, **more):
    """Return a path as a probe returns it."""
    return {"destination": "n2", "address": "192.0.2.2", "tries": tries, "lost": lost, **more}


@pytest.mark.parametrize(
    ("lost", "tries", "said"),
    [
        (1308, 16016, ["n1 -> n2: 1308 of 16016 connection attempts needed a retry (8 %)", "192.0.2.2"]),
        (3, 300, ["3 of 300", "(1 %)"]),
        (3, 3, ["(100 %)"]),
        (3, 301, []),
        (2, 2, []),
        (0, 1001, []),
        (9, 1001, []),
    ],
)
def test_a_loss_is_named_from_one_percent_on_with_a_few_lost(lost, tries, said):
    found = loss_notes(losses({"n1": {"paths": [path(lost, tries)]}}, HOSTS))
    assert len(found) == bool(said)
    assert all(fragment in found[0] for fragment in said)


@pytest.mark.parametrize(
    "result",
    [
        None,
        {},
        {"paths": None},
        {"paths": "x"},
        {"paths": [5]},
        {"paths": [path("9", 10)]},
        {"paths": [path(True, 10)]},
        {"paths": [path(11, 10)]},
        {"paths": [path(-1, 10)]},
        {"paths": [path(9, 10, destination="stranger")]},
        {"paths": [path(9, 10, destination=["n2"])]},
        {"paths": [path(9, 10, address="\x1b[2J")]},
        {"paths": [{"lost": 9, "tries": 10}]},
    ],
    ids=repr,
)
def test_what_a_host_should_not_return_is_left_out(result):
    good = {"n1": {"paths": [path(9, 10)]}}
    assert len(losses(good, HOSTS)) == 1, "the positive control"
    assert losses({"n1": result}, HOSTS) == []


def test_what_is_kept_is_plain():
    assert losses({"n1": {"paths": [path(9, 10, more="x")]}}, HOSTS) == [
        {"source": "n1", "destination": "n2", "address": "192.0.2.2", "tries": 10, "lost": 9}
    ]


def test_many_lossy_paths_are_some_notes_the_worst_first():
    paths = [{"source": f"n{number}", **path(number, 100)} for number in range(3, 60)]
    found = loss_notes(paths)
    assert len(found) == 11
    assert found[0].startswith("n59 -> n2: 59 of 100")
    assert found[-1].startswith("47 more paths")
