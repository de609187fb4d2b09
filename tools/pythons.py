#!/usr/bin/env python
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find the Python interpreters of this machine that really run.

A version manager puts shims on PATH that answer for the versions it was told to use and fail for all others.

C(pythons.py 3.6) prints the path of that version, or ends with 1; C(pythons.py) prints the folders of all as
a PATH, then the rest of PATH without shims.
"""

from __future__ import annotations

import functools
import os
import pathlib
import shutil
import subprocess
import sys

VERSIONS = [f"3.{minor}" for minor in range(6, 16)]


def said(*command: str) -> str:
    """Return what a command printed, nothing if it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@functools.cache
def folders() -> list[pathlib.Path]:
    """Return the folders where interpreters may lie."""
    managed = (
        sorted(pathlib.Path(said("pyenv", "root"), "versions").glob("*/bin")) if shutil.which("pyenv") else []
    )
    return [*map(pathlib.Path, os.get_exec_path()), *managed]


def find(version: str) -> pathlib.Path | None:
    """Return the first interpreter of a version that runs, as itself and not as a shim."""
    for folder in folders():
        candidate = folder / f"python{version}"
        if os.access(candidate, os.X_OK) and folder != pathlib.Path(sys.prefix, "bin"):
            real = said(str(candidate), "-c", "import sys; print(sys.executable)")
            if real:
                return pathlib.Path(real)
    return None


def search_path() -> str:
    """Return a PATH on which each interpreter is a real one."""
    found = [str(python.parent) for python in map(find, VERSIONS) if python]
    rest = [folder for folder in os.get_exec_path() if pathlib.Path(folder).name != "shims"]
    return os.pathsep.join(dict.fromkeys([*found, *rest]))


def main() -> int:
    """Answer the command line."""
    if len(sys.argv) == 1:
        print(search_path())
        return 0
    python = find(sys.argv[1])
    if python:
        print(python)
    return 0 if python else 1


if __name__ == "__main__":
    sys.exit(main())
