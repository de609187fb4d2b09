# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Write generated files, or check that nobody edited them."""

from __future__ import annotations

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def between(text: str, begin: str, end: str, body: str) -> str:
    """Return the text with this body between the lines begin and end, each of which it must have once."""
    lines = text.splitlines(keepends=True)
    found = [line.strip() for line in lines]
    if found.count(begin) != 1 or found.count(end) != 1 or found.index(begin) > found.index(end):
        raise SystemExit(f"expected one line {begin!r} before one line {end!r}")
    return "".join([*lines[: found.index(begin) + 1], body, *lines[found.index(end) :]])


def write_or_check(files: dict[pathlib.Path, str], source: str, arguments: list[str]) -> int:
    """Write the files; with --check, report those that differ from their source and return 1."""
    if arguments not in ([], ["--check"]):
        raise SystemExit(f"unknown arguments {' '.join(arguments)}: expected nothing or --check")
    different = [
        path for path, text in files.items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in different:
        if arguments:
            print(f"{path.relative_to(ROOT)} differs from {source}: run make docs", file=sys.stderr)
        else:
            path.write_text(files[path], encoding="utf-8")
    return 1 if arguments and different else 0
