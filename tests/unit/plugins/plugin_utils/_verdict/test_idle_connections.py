# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Idle connections: how they come to their paths, and which paths are named as not tried."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.idle_connections import (
    idle_notes,
    longest_lived,
    shortest_cut,
    with_idle,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import (
    NO_LIMITS,
    Limits,
)

LIVED = {"seconds": 60, "source_first": "lived", "destination_first": "lived"}


def entry(address, **more):
    """Return a path to n12."""
    return {"destination": "n12", "address": address, "tries": 1, "lost": 0, **more}


def checks(*both):
    """Return the checks of 60, 120, 180 ... seconds."""
    return [
        {"seconds": 60 * number, "source_first": one, "destination_first": other}
        for number, (one, other) in enumerate(both, 1)
    ]


def test_each_path_gets_what_its_source_found():
    observed = {
        "n11": {"paths": [entry("192.0.2.12"), entry("192.0.2.13")]},
        "n13": {"paths": [entry("192.0.2.12")]},
        "n14": None,
    }
    held = [{"destination": "n12", "address": "192.0.2.12", "checks": [LIVED]}]
    stopped = {"n11": {"idle_connections": held}, "n13": {"failed": True}, "n15": None}
    found = with_idle(observed, stopped, ["n11", "n12", "n13"])
    assert found["n11"]["paths"] == [entry("192.0.2.12", idle=[LIVED]), entry("192.0.2.13")]
    assert found["n13"]["paths"] == [entry("192.0.2.12")]
    assert found["n14"] is None and set(found) == set(observed)


@pytest.mark.parametrize(
    ("answered", "counts"),
    [
        pytest.param("n12", True, id="by the destination"),
        pytest.param("n13", False, id="by another host alone"),
    ],
)
def test_connections_to_another_host_say_nothing_of_a_path(answered, counts):
    seen = {
        "destination": "n12",
        "address": "192.0.2.12",
        "protocol": "tcp",
        "states": [{"ports": "2", "state": "open", "answered_by": answered}],
    }
    held = [{"destination": "n12", "address": "192.0.2.12", "checks": [LIVED]}]
    found = with_idle(
        {"n11": {"paths": [entry("192.0.2.12")], "observations": [seen]}},
        {"n11": {"idle_connections": held}},
        ["n11", "n12", "n13"],
    )
    assert ("idle" in found["n11"]["paths"][0]) is counts


@pytest.mark.parametrize(
    ("both", "lived", "cut"),
    [
        ([("lived", "lived"), ("lived", "lived")], 120, None),
        ([("lived", "lived"), ("lived", "silence")], 60, 120),
        ([("silence", "lived"), ("lived", "lived")], None, 60),
        ([("lived", "lived"), ("waiting", "lived")], 60, None),
        ([("no_answer", "no_answer")], None, None),
        ([], None, None),
    ],
)
def test_the_longest_that_lived_is_shorter_than_the_first_that_was_cut(both, lived, cut):
    path = entry("192.0.2.12", idle=checks(*both))
    assert (longest_lived(path), shortest_cut(path)) == (lived, cut)


@pytest.mark.parametrize(
    ("paths", "limits", "count"),
    [
        ([entry("192.0.2.12")], Limits(idle=(60,)), "1 of 1 paths"),
        ([entry("192.0.2.12"), entry("192.0.2.13", idle=[LIVED])], Limits(idle=(60,)), "1 of 2 paths"),
        ([], Limits(idle=(60,)), "0 of 0 paths"),
        ([entry("192.0.2.12", idle=[LIVED])], Limits(idle=(60,)), ""),
        ([entry("192.0.2.12")], NO_LIMITS, ""),
    ],
)
def test_paths_that_were_not_tried_are_a_note(paths, limits, count):
    notes = idle_notes(paths, limits)
    assert len(notes) == bool(count)
    assert not count or count in notes[0]
