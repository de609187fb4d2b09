# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a wait for idle connections."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._text.durations import progress, steps


def test_each_minute_and_each_end_of_a_duration_is_said():
    said = [progress(step) for step in steps(125.0, [60, 90, 120])]
    assert said == [
        "Idle connections: just begun, 2:05 minutes to go (up to 120 s).",
        "Idle connections: just begun, 1:05 minutes to go (up to 120 s).",
        "Idle connections: idle for 60 s so far, 1:00 minutes to go (up to 120 s).",
        "Idle connections: idle for 60, 90 s so far, 0:30 minutes to go (up to 120 s).",
        "Idle connections: idle for 60, 90 s so far, 0:05 minutes to go (up to 120 s).",
        "Idle connections: idle for 60, 90, 120 s so far, all durations are over.",
    ]


def test_what_an_earlier_run_has_waited_for_is_over_from_the_begin():
    first = steps(40.0, [60, 350])[0]
    assert (first.at, first.over, first.still) == (0.0, (60,), (350,))


def test_without_connections_there_is_nothing_to_wait_for():
    assert steps(0.0, [60]) == []


@given(st.floats(0.1, 20000), st.lists(st.integers(1, 12600), min_size=1, max_size=16))
def test_a_wait_ends_when_it_must_and_never_goes_back(seconds, durations):
    found = steps(seconds, durations)
    times = [step.at for step in found]
    assert times == sorted(set(times)) and times[-1] == seconds
    assert not found[-1].still and max(later - one for one, later in zip(times, times[1:] + times[-1:])) <= 60
