# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller: read as reports, and written only where their content changes, each as a whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import typing as t
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..module_utils._errors import NetworkError
from ._documents import Document
from ._report import verification_of

_DIRECTORY_MODE, _FILE_MODE = 0o755, 0o644


class Change(t.NamedTuple):
    """A file whose content differs from what it is to be."""

    path: Path
    before: str | None  # None: there is no such file
    after: str


def read_report(path: Path) -> Mapping[str, t.Any]:
    """Return the verification that a report in JSON holds."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NetworkError(f"report {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:  # neither UTF-8 nor JSON
        raise NetworkError(f"report {str(path)!r} is no JSON: {error}; expected a report.json that the role report wrote") from error
    return verification_of(content, f"report {str(path)!r}")


def changes_of(directory: Path, documents: Iterable[Document]) -> list[Change]:
    """Return which files of a directory have to be written."""
    found = (Change(directory / document.name, _content(directory / document.name), document.text) for document in documents)
    return [change for change in found if change.before != change.after]


def _content(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NetworkError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def write(directory: Path, changes: Iterable[Change]) -> None:
    """Write files; whoever reads one meanwhile sees the old content or the new one."""
    try:
        directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        for change in changes:
            _replace(change.path, change.after)
    except OSError as error:
        raise NetworkError(f"{str(error.filename or directory)!r} cannot be written: {error.strerror}; choose another directory") from error


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        os.chmod(name, _FILE_MODE)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
