#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fail if the floor of the coverage in pyproject.toml is lower than it was; say if it can rise.

coverage_floor.py [COMMIT], by default the commit before. C(coverage report) has compared the floor with what
was measured; its total is asked for again here.
"""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parents[1]
# A host without root or without some tools runs fewer tests: only a rise by more than this is due to tests.
_MARGIN = 4.0  # percent


def floor(pyproject: str) -> float:
    """Return the floor in the text of a pyproject.toml, in percent; 0 if it has none."""
    report = tomllib.loads(pyproject).get("tool", {}).get("coverage", {}).get("report", {})
    return float(report.get("fail_under", 0))


def verdict(before: float, now: float, measured: float) -> tuple[int, str]:
    """Return how the process ends, and its line, empty if there is nothing to say."""
    if now < before:
        return 1, f"fail_under in pyproject.toml has fallen from {before:g} to {now:g} %: write tests instead"
    possible = math.floor(measured - _MARGIN)
    if possible > now:
        return (
            0,
            f"{measured:g} % are covered: fail_under in pyproject.toml can rise from {now:g} to {possible} %",
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
    commit = arguments[0] if arguments else "HEAD^"
    now = floor((root / "pyproject.toml").read_text(encoding="utf-8"))
    code, line = verdict(before=floor(_at(commit, root)), now=now, measured=_measured(root))
    if line:
        print(line)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
