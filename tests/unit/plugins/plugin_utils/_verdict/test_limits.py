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
        ({"throughput_mb_s": None}, NO_LIMITS),
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


@pytest.mark.parametrize(
    ("least", "throughput", "limits"),
    [
        (100, True, Limits(throughput_mb_s=100.0, throughput=True)),
        (80, {"megabytes_per_second": 100}, Limits(throughput_mb_s=80.0, throughput=True)),
        (5000, {"seconds": 5}, Limits(throughput_mb_s=5000.0, throughput=True)),
        (None, True, Limits(throughput=True)),
        (None, False, NO_LIMITS),
    ],
)
def test_throughput_has_a_limit_if_it_is_measured(least, throughput, limits):
    assert read_limits({"throughput_mb_s": least}, throughput=throughput) == limits


@pytest.mark.parametrize(
    ("least", "throughput", "names"),
    [
        (100, False, ["throughput_mb_s 100", "has no effect", "exasol_verify_throughput to true"]),
        (100, "no", ["throughput_mb_s 100", "has no effect"]),
        (
            100,
            {"megabytes_per_second": 100},
            ["throughput_mb_s 100", "at most 100 MB/s", "to at least 125", "at most 80"],
        ),
        (0, True, ["throughput_mb_s 0", "0.1 to 100000 MB/s"]),
        (100, {"seconds": 99}, ["seconds 99", "exasol_verify_throughput"]),
    ],
)
def test_a_limit_that_nothing_can_measure_is_refused(least, throughput, names):
    assert_names(refusal(lambda: read_limits({"throughput_mb_s": least}, throughput=throughput)), names)
