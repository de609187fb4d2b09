# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The note on open ports of which nobody knows who answers there."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.unverified import unverified


def result(service="sql_client", **more):
    """Return the result of a flow that is open."""
    return {"service": service, "verdict": "ok", "expected": "reachable", "state": "open", **more}


SYBASE = {"status": "unverifiable", "detail": "open, service not verified"}


@pytest.mark.parametrize(
    "one", [result(), result(identity=SYBASE)], ids=["nobody was asked", "nobody can be asked"]
)
def test_who_was_not_checked_is_named(one):
    (note,) = unverified([one, result("ftp", answered_by="n11")])
    assert "open ports of sql_client (1 result):" in note
    assert "exasol_verify_identify" in note


def test_one_note_is_enough_for_all():
    (note,) = unverified([result(), result("ftp"), result("ftp")])
    assert "open ports of ftp, sql_client (3 results):" in note


@pytest.mark.parametrize(
    "one",
    [
        result(answered_by="n11"),
        result(identity={"status": "identified"}),
        result(verdict="wrong_service", identity={"status": "silent"}),
        result(verdict="no_listener", state="closed"),
        result(expected="denied", verdict="exposed"),
        result(expected="denied", state="filtered"),
    ],
    ids=["our listener", "identified", "wrong", "closed", "exposed", "denied"],
)
def test_what_is_proven_or_not_ok_needs_no_note(one):
    assert unverified([one]) == []
