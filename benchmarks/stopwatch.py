# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands measured: wall time, and the processor time of the command with all its children."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Lap(t.NamedTuple):
    """One run."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    extra: Mapping[str, t.Any] = {}


class Effort(t.NamedTuple):
    """How much patience there is."""

    rounds: int = 5
    quick: bool = False  # leave out the peers that take minutes


Contestant = Callable[[], Lap]


def command(arguments: Sequence[str], expected: Sequence[int] = (0,), **options: t.Any) -> tuple[Lap, str]:
    """Run a command; returns its lap and what it printed."""
    with tempfile.TemporaryFile("w+") as output:
        begun = time.monotonic()
        process = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, text=True, **options
        )
        status, usage = os.wait4(process.pid, 0)[1:]
        wall = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode not in expected:
        name = Path(arguments[0]).name
        raise RuntimeError(f"{name} ended with {process.returncode}\n{' '.join(arguments)}\n{text[-4000:]}")
    return Lap(wall, usage.ru_utime + usage.ru_stime, {"peak_kib": usage.ru_maxrss}), text


def interleave(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Lap]]:
    """Let everybody run in turn, so that what else the machine does meets all alike."""
    laps: dict[str, list[Lap]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            laps[name].append(contestant())
    return laps


def median(laps: Sequence[Lap]) -> Lap:
    """Return the median of each number, with the extras of the lap whose wall time is the median."""
    middle = sorted(laps, key=lambda lap: lap.wall)[len(laps) // 2]
    return Lap(
        statistics.median(lap.wall for lap in laps), statistics.median(lap.cpu for lap in laps), middle.extra
    )


def plain_environment() -> dict[str, str]:
    """Return this environment without Ansible's variables.

    It is also without those that let Python do its work twice: what is unbuffered reads a module, which comes
    through a pipe, byte by byte, and charges the longest module most.
    """
    twice = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANSIBLE_") and name not in twice
    }


def executable(folder: Path, name: str, lines: Sequence[str]) -> Path:
    """Write a shell script and return its path."""
    path = folder / name
    path.write_text("#!/bin/sh\n" + "".join(f"{line}\n" for line in lines))
    path.chmod(0o755)
    return path
