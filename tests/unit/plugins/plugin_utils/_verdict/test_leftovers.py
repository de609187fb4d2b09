# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes on the listeners of other runs."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    LEFT,
    LOST,
    holding,
    observed,
    plan,
)


@pytest.mark.parametrize(
    ("entry", "fragments"),
    [
        (
            LEFT,
            [
                "On n2",
                "tcp 8563 of 192.0.2.2",
                "process 4711 of root",
                "190 s old",
                "for 185 s",
                "within 115 s",
                "kill 4711",
            ],
        ),
        ({**LEFT, "ended": True}, ["process 4711 of root", "It was ended"]),
        (
            {
                **LEFT,
                "user": "\x1b[2Jroot",
                "pid": "1; reboot",
                "ports": [{"address": "\x1b", "protocol": "x", "ports": "y"}],
            },
            ["process 0 of uid 0", "planned ports"],
        ),
    ],
    ids=["goes on", "ended", "hostile"],
)
def test_leftovers_are_named(entry, fragments):
    joining = Joining(plan(), observed(plan()), {}, queries={"n2": holding("listener", leftovers=[entry])})
    (note,) = joining.listening.notes()
    assert_names(note, fragments)
    assert note.isprintable() and "reboot" not in note


def test_a_host_that_could_not_look_for_leftovers_is_named():
    assert Joining(plan(), observed(plan()), {}, queries={"n2": LOST}).listening.notes() == [
        "n2 was not able to look for listeners of other runs: the host was unreachable."
    ]
