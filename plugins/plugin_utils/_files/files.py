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
    document: Document

    @property
    def before(self) -> str | None:
        """The text of the file; None if there is no such file."""
        file = _opened(self.path)
        if file is None:
            return None
        with file:
            return file.read().decode("utf-8", "replace")

    @property
    def after(self) -> str:
        """The text that the file will have."""
        return self.document.text


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
    found = (Change(directory / document.name, document) for document in documents)
    return [change for change in found if not _is_there(change)]


def _is_there(change: Change) -> bool:
    """Whether a file has the text that it will have; both are read only as far as they are equal."""
    file = _opened(change.path)
    if file is None:
        return False
    with file:
        for part in change.document.parts():
            data = part.encode("utf-8")
            if file.read(len(data)) != data:
                return False
        return not file.read(1)


def _opened(path: Path) -> t.BinaryIO | None:
    """Return a file of ours for reading; None if there is no such file.

    A symbolic link, a pipe and the like are not ours: they are replaced, and never read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            return None
        raise _unreadable(path, error) from error
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):
            return os.fdopen(handle, "rb")
        os.close(handle)
        return None
    except OSError as error:  # a directory
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> NetworkError:
    return NetworkError(f"{str(path)!r} cannot be read: {error.strerror}")


def write(directory: Path, changes: Iterable[Change]) -> None:
    """Write files; a reader sees either the old content or the new one.

    None is replaced before all are complete.
    """
    written: dict[Path, Path] = {}
    try:
        _make(directory)
        for change in changes:
            written[change.path] = _beside(change)
        for path, name in written.items():
            os.replace(name, path)
    except OSError as error:
        raise NetworkError(
            f"{str(error.filename or directory)!r} cannot be written: {error.strerror}; choose another "
            f"directory"
        ) from error
    finally:
        for name in written.values():
            with contextlib.suppress(OSError):
                os.unlink(name)


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


def _beside(change: Change) -> Path:
    """Write the text of a file to another one in its directory, and return the path of that."""
    name = change.path.with_name(f".{change.path.name}.{secrets.token_hex(8)}")
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            for part in change.document.parts():
                file.write(part.encode("utf-8"))
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    return name
