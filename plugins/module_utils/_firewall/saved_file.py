# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of saved rules, read as iptables-restore reads it.

Outside of a table there are blank lines, comments, and C(*NAME), which begins one: whatever follows the name
is ignored, and a table that is there already is flushed, so that of two sections of one table the last is
what counts. Within a table a line is C(:CHAIN POLICY), a command, a comment, or C(COMMIT) alone, which ends
it (iptables-restore(8); iptables/xtables-restore.c).
"""

import re
from typing import List, NamedTuple

from .steps import FirewallError

# iptables-restore reads lines into a buffer of this size, and takes what is beyond it for another line.
_LONGEST = 10240


class Section(NamedTuple):
    """A table in the file: the index of its first line, and of its C(COMMIT)."""

    table: str
    start: int
    end: int


def sections(lines: List[str], path: str) -> List[Section]:
    """Return the tables of a file in their order.

    What iptables-restore would not read, or not as it stands, is an error.
    """
    found, table, start = [], "", 0  # type: List[Section], str, int
    for index, line in enumerate(lines):
        _check(line, index, path)
        text = line.rstrip("\n")
        if not text or text.startswith("#"):
            continue
        if table and text == "COMMIT":
            found.append(Section(table, start, index))
            table = ""
        elif not table:
            table, start = _table(text, index, path), index
    if table:
        raise FirewallError(
            f"{path}: the table {table} that begins in line {start + 1} has no COMMIT, so iptables-restore "
            f"does not load the file: add the line "
            "COMMIT"
        )
    return found


def _check(line: str, index: int, path: str) -> None:
    if "\r" in line or "\0" in line:
        raise FirewallError(
            f"{path}, line {index + 1}: it holds a carriage return or NUL, which iptables-restore takes for "
            f"part of a word: expected lines that "
            "end with a newline alone"
        )
    if len(line.encode("utf-8", "surrogateescape")) >= _LONGEST:
        raise FirewallError(
            f"{path}, line {index + 1}: it has {len(line)} bytes, and iptables-restore reads no more than "
            f"{_LONGEST - 1} as one line: split the rule"
        )


def _table(text: str, index: int, path: str) -> str:
    found = re.match(r"\*[ \t]*([^ \t]+)", text)
    if not found:
        raise FirewallError(
            f"{path}, line {index + 1}: {text[:60]!r} stands outside of a table, so iptables-restore does "
            f"not load the file: expected *TABLE, a comment, or "
            "nothing"
        )
    return found.group(1)
