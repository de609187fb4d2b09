# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a verification or of a plan: which there are, and what each of them holds."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from ...module_utils._values.errors import NetworkError
from .._change_request.change_request import render_request, request_of_plan, request_of_verification
from .._change_request.formats import REQUEST_FORMATS, REQUEST_KIND
from .._change_request.lines import Head, Request
from .._report.changes import render_changes
from .._report.formats import FORMATS, KIND
from .._report.own_template import OwnTemplate
from .._report.report import parts, render
from .._report.summary import with_records
from .._text.format_registry import choose

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Plan, Verification

_FOR_PEOPLE = "markdown"
_PAGE = "html"
_CHANGES = {"markdown": "changes.md", "json": "changes.json"}


class Document(t.NamedTuple):
    """A file to write: its text, or what makes a large text part by part, whenever it is needed."""

    name: str
    content: str | Callable[[], Iterator[str]]

    def parts(self) -> Iterator[str]:
        """Return the text part by part."""
        return iter([self.content]) if isinstance(self.content, str) else self.content()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.parts())


class Selection(t.NamedTuple):
    """Which files to write."""

    formats: Sequence[str] = ()
    requests: Sequence[str] = ()
    include_unlocated: bool = False
    head: Head = Head()
    template: OwnTemplate | None = None  # in place of the page's own


def documents_of_verification(
    verification: Verification, selection: Selection, earlier: Verification | None = None
) -> list[Document]:
    """Return reports and change requests of a verification, and what changed since an earlier one."""
    # Once for all formats.
    verification = with_records(verification)
    formats = dict.fromkeys((*selection.formats, *([_PAGE] if selection.template else [])))
    found = []
    for file, name in _report_files(formats).items():
        if name == _PAGE and selection.template:
            found.append(Document(file, selection.template.render(verification)))
        elif FORMATS[name].is_made_in_parts:
            found.append(Document(file, partial(parts, verification, name)))
        else:
            found.append(Document(file, render(verification, name)))
    if earlier is not None:
        for name, file in _CHANGES.items():
            found.append(Document(file, render_changes(verification, earlier, name)))
    request = request_of_verification(verification, selection.include_unlocated, selection.head)
    # The one for people is always there: whoever needs it at night must not have asked for it before.
    found += _requests(request, dict.fromkeys((_FOR_PEOPLE, *selection.requests)))
    return found


def _report_files(names: Iterable[str]) -> dict[str, str]:
    """Return the format of each file; refuse two formats that are one file, as one would be lost."""
    found: dict[str, str] = {}
    for name in names:
        file = f"report.{choose(FORMATS, name, KIND).suffix}"
        if found.setdefault(file, name) != name:
            raise NetworkError(
                f"the formats {found[file]!r} and {name!r} are both written to {file}: choose one of them"
            )
    return found


def documents_of_plan(plan: Plan, selection: Selection) -> list[Document]:
    """Return the change requests of a plan: before anything is measured, there is nothing else to report."""
    return list(_requests(request_of_plan(plan, selection.head), selection.requests))


def _requests(request: Request, names: Iterable[str]) -> Iterator[Document]:
    for name in names:
        yield Document(_request_file(name), render_request(request, name))


def _request_file(name: str) -> str:
    """Return the name of a file; formats that share a suffix are told apart by their names."""
    suffix = choose(REQUEST_FORMATS, name, REQUEST_KIND).suffix
    suffixes = Counter(known.suffix for known in REQUEST_FORMATS.values())
    return f"change_request.{suffix}" if suffixes[suffix] == 1 else f"change_request_{name}.{suffix}"
