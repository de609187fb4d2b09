# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is said while idle connections are waited for."""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

_MINUTE = 60.0


class Step(t.NamedTuple):
    """A moment of the wait, in seconds since its begin."""

    at: float
    left: float
    over: tuple[int, ...]  # durations
    still: tuple[int, ...]


def steps(seconds: float, durations: Sequence[int]) -> list[Step]:
    """Return the moments at which something is said: each minute, and at the end of each duration.

    The wait may be shorter than the longest duration, if an earlier run began with it.
    """
    if seconds <= 0:
        return []
    longest = max(durations)
    ends = {one: max(0.0, seconds - (longest - one)) for one in durations}
    times = {_MINUTE * number for number in range(int(seconds // _MINUTE) + 1)}
    times |= {end for end in ends.values() if end < seconds} | {seconds}
    return [
        Step(
            at=at,
            left=seconds - at,
            over=tuple(one for one in sorted(durations) if ends[one] <= at),
            still=tuple(one for one in sorted(durations) if ends[one] > at),
        )
        for at in sorted(times)
    ]


def progress(step: Step) -> str:
    """Return a line about a moment of the wait."""
    over = f"idle for {', '.join(map(str, step.over))} s so far" if step.over else "just begun"
    if not step.still:
        return f"Idle connections: {over}, all durations are over."
    minutes, seconds = divmod(round(step.left), 60)
    return f"Idle connections: {over}, {minutes}:{seconds:02d} minutes to go (up to {step.still[-1]} s)."
