# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for paths: what is accepted, and what is refused by name."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import (
    NO_LIMITS,
    Limits,
    read_limits,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal


@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({}, NO_LIMITS),
        ({"rtt_ms": None}, NO_LIMITS),
        ({"rtt_ms": 1, "loss_percent": "0.5"}, Limits(rtt_ms=1.0, loss_percent=0.5)),
        ({"clock_s": 0, "segment": 8960}, Limits(clock_s=0.0, segment=8960.0)),
    ],
)
def test_what_a_site_may_set(given, limits):
    assert read_limits(given) == limits


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"rtt": 1}, ["'rtt'", "rtt_ms", "loss_percent", "clock_s", "segment"]),
        ({"rtt_ms": -1}, ["rtt_ms -1", "0 to 60000 milliseconds"]),
        ({"rtt_ms": "fast"}, ["rtt_ms 'fast'"]),
        ({"rtt_ms": True}, ["rtt_ms True"]),
        ({"rtt_ms": float("nan")}, ["rtt_ms nan"]),
        ({"rtt_ms": [1]}, ["rtt_ms [1]"]),
        ({"loss_percent": 100.1}, ["loss_percent 100.1", "0 to 100 per cent"]),
        ({"segment": 100}, ["segment 100", "536 to 65535 bytes"]),
        ({"clock_s": 86401}, ["clock_s 86401", "seconds"]),
    ],
)
def test_what_is_refused(given, names):
    assert_names(refusal(read_limits, given), [*names, "exasol_verify_limits"])
