# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables in Markdown and CSV that no text from the network can break."""

from __future__ import annotations

import csv
import io
import typing as t
from collections.abc import Iterable, Iterator, Sequence

_ESCAPES = str.maketrans(
    {character: "\\" + character for character in "\\`*_[]<>|#"} | {"\n": " ", "\r": " "}
)
_GAP = 2  # characters between columns
PART = 1 << 16  # characters of a text that is made part by part
# A spreadsheet takes a text that begins so for a formula (OWASP, "CSV Injection").
FORMULA = tuple("=+-@\t\r")


def visible(text: str, keep: str = "") -> str:
    """Return a text whose control characters are escaped, except those in C(keep).

    Then no terminal obeys them, and nothing is hidden or reversed. These are all characters of Unicode's
    categories "other" and "separator" except the blank: C0 and C1, marks of direction, zero-width characters.
    """
    if text.isprintable():
        return str(text)
    return "".join(
        character if character.isprintable() or character in keep else _escaped(ord(character))
        for character in text
    )


def _escaped(number: int) -> str:
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def printable(text: t.Any) -> str:
    """Return a text as one line, without characters that hide or reverse text."""
    line = str(text).replace("\n", " ").replace("\r", " ")
    return line if line.isprintable() else "".join(one for one in line if one.isprintable())


def escape(text: str) -> str:
    """Return a text with all markup of Markdown escaped: answers from a network must stay text."""
    return "".join(character for character in text.translate(_ESCAPES) if character.isprintable())


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    texts = [headings, ["---"] * len(headings), *([escape(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in texts)


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield each row as a line for a terminal, with its cells under those of the first row."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width + _GAP) for cell, width in zip(row, widths, strict=True))
        yield "".join(cells).rstrip()


def csv_table(headings: Sequence[str], rows: Iterable[Sequence[t.Any]]) -> str:
    """Return a table as in RFC 4180, except that lines end with LF."""
    return "".join(csv_parts(headings, (list(map(csv_cell, row)) for row in rows)))


def csv_parts(headings: Sequence[str], rows: Iterable[Sequence[t.Any]]) -> Iterator[str]:
    """Yield the same part by part, of rows whose texts are cells already."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(headings)
    for row in rows:
        writer.writerow(row)
        if stream.tell() > PART:
            yield stream.getvalue()
            stream.seek(0)
            stream.truncate()
    yield stream.getvalue()


def csv_cell(value: t.Any) -> t.Any:
    """Return a value as a cell: a text that a spreadsheet would take for a formula is quoted."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    return "'" + text if text.startswith(FORMULA) else text


def csv_quoted(cell: t.Any) -> str:
    """Return a cell as it stands in a line: as C(csv.writer) writes it, if it has no line feed."""
    text = str(cell)
    return '"{}"'.format(text.replace('"', '""')) if "," in text or '"' in text else text


def csv_line(cells: Iterable[t.Any]) -> str:
    """Return a line of cells that have no line feed."""
    return ",".join(map(csv_quoted, cells)) + "\n"


def in_parts(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts one behind the other, as few large ones."""
    waiting: list[str] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size > PART:
            yield "".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield "".join(waiting)
