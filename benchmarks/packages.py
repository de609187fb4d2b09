# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Competitors from PyPI, in environments of their own that later runs find again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"


def environment(name: str, requirement: str) -> Path:
    """Return the folder of an environment's programs; it is made unless an earlier run has finished that."""
    folder = CACHE / name
    programs, is_complete = folder / "bin", folder / "complete"
    if not is_complete.exists():
        subprocess.run([str(ROOT / "tools" / "venv.sh"), sys.executable, str(folder)], check=True)
        subprocess.run([str(programs / "python"), "-m", "pip", "install", "-q", requirement], check=True)
        is_complete.touch()
    return programs
