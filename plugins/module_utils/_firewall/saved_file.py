# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of saved rules, read as iptables-restore reads it.

- Outside of a table there are blank lines, comments, and C(*NAME), which begins a table. Anything after the
  name is ignored.
- A table that was there before is flushed. So of two sections for the same table only the last one counts.
- Within a table there are C(:CHAIN POLICY), commands, comments, and C(COMMIT) alone in a line, which ends the
  table (iptables-restore(8); iptables/xtables-restore.c).
- The nft variant notices only at the end, when the kernel refuses the whole table, that a rule is for a chain
  or jumps to a chain that does not exist. C(--test) does not notice it.
"""

import glob
import re
from typing import List, NamedTuple, Optional, Set

from .steps import FirewallError

MAX_LINE = 10240 - 1  # bytes; iptables-restore has a buffer for 10240 with the NUL, and splits a longer line


class Section(NamedTuple):
    """A table in the file: the index of its first line, and of its C(COMMIT)."""

    table: str
    start: int
    end: int


def sections(lines: List[str], path: str) -> List[Section]:
    """Return the tables of a file in their order; raise if iptables-restore would read it differently."""
    found: List[Section] = []
    table, start = "", 0
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
            f"{path}: no COMMIT line for the table {table} that begins in line {start + 1}, so "
            "iptables-restore cannot load the file: add the line COMMIT"
        )
    return found


def _check(line: str, index: int, path: str) -> None:
    if "\r" in line or "\0" in line:
        raise FirewallError(
            f"{path}, line {index + 1}: carriage return or NUL, which iptables-restore takes for part of a "
            "word: end the lines with a newline alone"
        )
    length = len(line.encode("utf-8", "surrogateescape"))
    if length > MAX_LINE:
        raise FirewallError(
            f"{path}, line {index + 1}: {length} bytes are too long, because iptables-restore reads at most "
            f"{MAX_LINE} as one line: split the rule"
        )


def _table(text: str, index: int, path: str) -> str:
    found = re.match(r"\*[ \t]*([^ \t]+)", text)
    if not found:
        raise FirewallError(
            f"{path}, line {index + 1}: {text[:60]!r} is outside of a table, so iptables-restore cannot load "
            "the file: expected *TABLE, a comment, or a blank line"
        )
    return found.group(1)


_BASES = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "raw": ("PREROUTING", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_VERDICTS = {"ACCEPT", "DROP", "RETURN", "QUEUE"}
_LIBRARIES = (
    "/usr/lib*/xtables",
    "/usr/lib/*/xtables",
    "/lib*/xtables",
    "/lib/*/xtables",
    "/usr/local/lib*/xtables",
)
_MADE = re.compile(r"[ \t]*(?::|(?:-N|--new-chain|--new)[ \t]+)([^ \t]+)")
_COMMAND = re.compile(r"[ \t]*(?:\[\d+:\d+\][ \t]*)?(?:-A|--append|-I|--insert)[ \t]+([^ \t]+)(.*)")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'[^\']*\'')
_TARGET = re.compile(r"[ \t](?:(-j|--jump)|-g|--goto)[ \t]+([^ \t]+)")


def missing_chain(lines: List[str], path: str) -> str:
    """Return the sentence on the first rule whose chain or target is missing, nothing if there is none."""
    for section in sections(lines, path):
        own = lines[section.start + 1 : section.end]
        made = (_MADE.match(line.rstrip("\n")) for line in own)
        chains = {found.group(1) for found in made if found} | set(_BASES.get(section.table, ()))
        for number, line in enumerate(own, section.start + 2):
            name = _missing(line.rstrip("\n"), chains) if section.table in _BASES else None
            if name:
                return f"{path}, line {number}: the table {section.table} has no chain {name}"
    return ""


def _missing(line: str, chains: Set[str]) -> Optional[str]:
    command = _COMMAND.match(line)
    if not command:
        return None
    if command.group(1) not in chains:
        return command.group(1)
    target = _TARGET.search(_QUOTED.sub('"', command.group(2)))
    if not target or target.group(2) in chains or '"' in target.group(2):
        return None
    jumps, name = target.groups()
    return None if jumps and (name in _VERDICTS or _is_extension(name)) else name


def _is_extension(name: str) -> bool:
    """Tell whether a target is an extension of iptables, or may be: where extensions are was not found."""
    folders = [folder for pattern in _LIBRARIES for folder in glob.glob(pattern)]
    return not folders or any(glob.glob(f"{folder}/lib*_{glob.escape(name)}.so") for folder in folders)
