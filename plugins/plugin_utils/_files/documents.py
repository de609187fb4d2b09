# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files that tell of a verification or of a plan: which there are, and what each of them holds."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .._change_request.change_request import render_request
from .._change_request.formats import REQUEST_FORMATS
from .._report.changes import render_changes
from .._report.formats import FORMATS
from .._report.report import render
from .._text.format_registry import choose

_CHANGES = {"markdown": "changes.md", "json": "changes.json"}
_TABLES = ("csv", "markdown")  # a suffix of their own tells them apart
Data = Mapping[str, t.Any]


class Document(t.NamedTuple):
    """A file that is to be."""

    name: str
    text: str


class Wishes(t.NamedTuple):
    """What somebody wants to have written."""

    formats: Sequence[str] = ()
    requests: Sequence[str] = ()
    include_unlocated: bool = False


def documents(made: Data, wishes: Wishes, earlier: Data | None = None) -> list[Document]:
    """Return the files of a verification, with what changed since an earlier one, or of a plan, of which there is nothing but a change request."""
    measured = _reports(made, wishes.formats, earlier) if "results" in made else ()
    return [
        *measured,
        *(
            Document(_request_file(name), render_request(made, name, wishes.include_unlocated))
            for name in wishes.requests
        ),
    ]


def _reports(verification: Data, formats: Sequence[str], earlier: Data | None) -> Iterator[Document]:
    for name in formats:
        yield Document(f"report.{choose(FORMATS, name).suffix}", render(verification, name))
    if earlier is not None:
        for name, file in _CHANGES.items():
            yield Document(file, render_changes(verification, earlier, name))


def _request_file(name: str) -> str:
    suffix = choose(REQUEST_FORMATS, name).suffix
    return f"change_request.{suffix}" if name in _TABLES else f"change_request_{name}.{suffix}"
