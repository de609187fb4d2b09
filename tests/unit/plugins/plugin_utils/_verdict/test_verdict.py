# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The codes of the verdicts, and which of them is the worst."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import (
    SEVERITY,
    VERDICTS,
    worst,
)


def test_no_change_of_words_goes_unnoticed():
    assert VERDICTS == (
        "ok",
        "no_listener",
        "wrong_host",
        "wrong_service",
        "stalled",
        "degraded",
        "blocked_at_source",
        "blocked_on_path",
        "blocked_at_destination",
        "blocked_on_return",
        "blocked",
        "no_route",
        "unresolved",
        "exposed",
        "untested",
    )


def test_every_verdict_has_its_own_severity():
    assert sorted(SEVERITY) == sorted(VERDICTS)
    assert len(set(SEVERITY.values())) == len(VERDICTS)
    assert min(SEVERITY, key=SEVERITY.get) == "ok"
    assert worst(["ok", "untested", "blocked"]) == "blocked", "what was not measured hides no fault"
    assert worst(["ok", "untested"]) == "untested"
    assert worst(["degraded", "stalled", "untested"]) == "stalled"
    assert worst(["ok"]) == "ok"
