#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fail if a floor of the coverage in pyproject.toml is lower than it was, or not reached; say if it can rise.

coverage_floor.py [--whole] [COMMIT], by default the commit before. There are two floors: of the unit tests,
C(fail_under) of C(coverage report), and with C(--whole) of unit and integration tests together.
"""

from __future__ import annotations

import math
import subprocess
import sys
import typing as t
from collections.abc import Sequence
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
# A host without root or without some tools runs fewer tests: only a rise by more than this is due to tests.
_MARGIN = 4.0  # percent


UNITS, WHOLE = ("coverage", "report", "fail_under"), ("coverage_floor", "whole")  # below [tool]


def floor(pyproject: str, place: Sequence[str] = UNITS) -> float:
    """Return a floor in the text of a pyproject.toml, in percent; 0 if it has none."""
    found: t.Any = tomllib.loads(pyproject).get("tool", {})
    for name in place:
        found = found.get(name, {})
    return float(found or 0)


def verdict(before: float, now: float, measured: float, name: str = UNITS[-1]) -> tuple[int, str]:
    """Return how the process ends, and its line, empty if there is nothing to say."""
    if now < before:
        return 1, f"{name} in pyproject.toml has fallen from {before:g} to {now:g} %: write tests instead"
    if measured < now:
        return 1, f"{measured:g} % are covered, less than {name} in pyproject.toml, {now:g} %: write tests"
    possible = math.floor(measured - _MARGIN)
    if possible > now:
        return (
            0,
            f"{measured:g} % are covered: {name} in pyproject.toml can rise from {now:g} to {possible} %",
        )
    return 0, ""


def _at(commit: str, root: Path) -> str:
    """Return pyproject.toml as a commit has it, empty if it has none, or there is no such commit."""
    done = subprocess.run(
        ["git", "show", f"{commit}:pyproject.toml"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else ""


def _measured(root: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "coverage", "report", "--format=total", "--fail-under=0"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(arguments: Sequence[str], root: Path = ROOT) -> int:
    """Run, and return how the process ends."""
    place = WHOLE if "--whole" in arguments else UNITS
    commit = next((one for one in arguments if one != "--whole"), "HEAD^")
    now = floor((root / "pyproject.toml").read_text(encoding="utf-8"), place)
    code, line = verdict(floor(_at(commit, root), place), now, _measured(root), place[-1])
    if line:
        print(line)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
