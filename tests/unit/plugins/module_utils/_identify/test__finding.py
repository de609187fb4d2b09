# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as plain data."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify._finding import (
    IDENTIFIED,
    Finding,
    TlsFacts,
)


def test_only_what_is_known_is_told():
    assert Finding("silent").as_dict() == {"status": "silent"}
    assert Finding("identified", "8.0", "", "x", TlsFacts()).as_dict() == {
        "status": "identified",
        "version": "8.0",
        "detail": "x",
        "tls": {},
    }
    facts = TlsFacts("TLSv1.3", "CN=a", "CN=b", ("a", "b"), "2030-01-01T00:00:00Z", 0, "AB")
    assert Finding("other", tls=facts).as_dict()["tls"] == {
        "protocol": "TLSv1.3",
        "subject": "CN=a",
        "issuer": "CN=b",
        "names": ["a", "b"],
        "not_after": "2030-01-01T00:00:00Z",
        "days_left": 0,
        "fingerprint": "AB",
    }


@pytest.mark.parametrize(
    "offset, seconds, expected",
    [
        pytest.param(3600.0, 0.02, 3600.0, id="an hour ahead"),
        pytest.param(-3600.0, 0.02, -3599.98, id="an hour behind"),
        pytest.param(-3.0, 3.1, 0.0, id="right, and read three seconds late"),
        pytest.param(-5.0, 3.0, -2.0, id="behind, and read three seconds late"),
        pytest.param(0.0, 3.0, 0.0, id="right when it was read"),
        pytest.param(None, 3.0, None, id="no clock"),
    ],
)
def test_an_answer_that_is_read_late_accuses_no_clock(offset, seconds, expected):
    found = Finding(IDENTIFIED, clock_offset_s=offset).waited(seconds)
    assert (found.status, found.clock_offset_s) == (IDENTIFIED, expected)
