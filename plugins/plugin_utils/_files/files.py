# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files on the controller: reports are read, and files are written if their content changes.

Each file is replaced as a whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import stat
import typing as t
from collections.abc import Iterable
from pathlib import Path

from ...module_utils._values.errors import NetworkError
from .._report.report import verification_of
from .documents import Document

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Verification

# The umask of the user who runs Ansible takes its part away, as from every other file.
_DIRECTORY_MODE, _FILE_MODE = 0o755, 0o644


class Change(t.NamedTuple):
    """A file whose content has to change."""

    path: Path
    before: str | None  # None: there is no such file
    after: str


def read_report(path: Path) -> Verification:
    """Return the verification that a report in JSON holds."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise NetworkError(f"report {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:  # neither UTF-8 nor JSON
        raise NetworkError(
            f"report {str(path)!r} is not JSON: {error}; expected a report.json that the role report wrote"
        ) from error
    except RecursionError as error:
        raise NetworkError(
            f"report {str(path)!r} is nested too deeply: expected a report.json that the role report wrote"
        ) from error
    return verification_of(content, f"report {str(path)!r}")


def changes_of(directory: Path, documents: Iterable[Document]) -> list[Change]:
    """Return which files of a directory have to be written."""
    _check_directory(directory)
    found = (
        Change(directory / document.name, _content(directory / document.name), document.text)
        for document in documents
    )
    return [change for change in found if change.before != change.after]


def _content(path: Path) -> str | None:
    """Return what a file of ours holds; None if there is no such file.

    A symbolic link, a pipe and the like are not ours: they are replaced, and never read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            return file.read().decode("utf-8", "replace") if stat.S_ISREG(os.fstat(handle).st_mode) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            return None
        raise NetworkError(f"{str(path)!r} cannot be read: {error.strerror}") from error


def write(directory: Path, changes: Iterable[Change]) -> None:
    """Write files; a reader sees either the old content or the new one."""
    try:
        _make(directory)
        for change in changes:
            _replace(change.path, change.after)
    except OSError as error:
        raise NetworkError(
            f"{str(error.filename or directory)!r} cannot be written: {error.strerror}; choose another "
            f"directory"
        ) from error


def _make(directory: Path) -> None:
    """Make a directory and what is missing above it.

    With umask 0, C(Path.mkdir) would let everybody write to those above.
    """
    for folder in (*reversed(directory.parents), directory):
        with contextlib.suppress(FileExistsError):
            if not folder.exists():
                folder.mkdir(mode=_DIRECTORY_MODE)
    if not directory.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory))


def _check_directory(directory: Path) -> None:
    """Refuse a symbolic link of another user in a directory where everybody may write, such as /tmp.

    That user would choose where we write.
    """
    for folder in (*reversed(directory.absolute().parents), directory.absolute()):
        try:
            link, around = os.lstat(folder), os.stat(folder.parent)
        except OSError:
            # What does not exist yet is no link, and what we may not look at is refused when it is read.
            return
        if (
            stat.S_ISLNK(link.st_mode)
            and around.st_mode & stat.S_IWOTH
            and link.st_uid not in (os.getuid(), around.st_uid)
        ):
            raise NetworkError(
                f"{str(folder)!r} is a symbolic link of another user (uid {link.st_uid}) in a directory "
                f"where everybody may write: choose another directory"
            )


def _replace(path: Path, text: str) -> None:
    name = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
