# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stands in fences of a Markdown file."""

from __future__ import annotations

import re
import textwrap
import typing as t
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*) *$")


class Block(t.NamedTuple):
    """A fenced block, without the indentation of the list that it stands in."""

    file: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file.name}:{self.line}"


def blocks(file: Path) -> list[Block]:
    """Return the fenced blocks of a file in their order."""
    found: list[Block] = []
    opened: tuple[int, str] | None = None
    lines: list[str] = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        fence = _FENCE.match(line)
        if fence and opened is None:
            opened, lines = (number, fence["language"]), []
        elif fence and opened is not None and not fence["language"]:
            found.append(Block(file, *opened, textwrap.dedent("\n".join(lines)) + "\n"))
            opened = None
        elif opened is not None:
            lines.append(line)
    assert opened is None, f"{file}:{opened}: a fence is not closed"
    return found


def commands(block: Block) -> list[str]:
    """Return the commands of a console block, one a line."""
    return [line for line in block.text.splitlines() if line]
