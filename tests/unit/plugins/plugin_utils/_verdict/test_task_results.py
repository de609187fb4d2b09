# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task returned."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.task_results import failure


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"changed": False}, None),
        ({}, None),
        ({"skipped": True}, None),
        (None, "the host took no part in this run"),
        ({"failed": True, "msg": " broken\n"}, "broken"),
        ({"unreachable": True}, "the task failed"),
        ({"failed": True, "msg": " \n"}, "the task failed"),
        ({"failed": False, "msg": "fine"}, None),
    ],
)
def test_failure_of_a_task(result, expected):
    assert failure(result) == expected
