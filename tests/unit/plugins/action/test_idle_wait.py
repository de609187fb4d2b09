# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(idle_wait): it waits for as long as it was told."""

from __future__ import annotations

import time

from ansible_collections.exasol_community.network.plugins.action import idle_wait


def test_it_waits_and_says_how_long(act, monkeypatch):
    slept = []
    monkeypatch.setattr(idle_wait.time, "sleep", slept.append)
    found = act(idle_wait.ActionModule, {"seconds": 90.0, "durations": [60]}, {})
    assert 89 < max(slept) <= 90
    assert found["waited"] >= 0 and abs(found["begun"] - time.time()) < 60
