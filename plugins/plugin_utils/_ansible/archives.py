# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the archives that Ansible makes of our modules for the next run.

Ansible sends a module as an archive of all files that it imports. To find them, it parses each of them in
every run, which costs the controller more than all else that it does for the task. It keeps the archive for
the other hosts of the run, in a folder that it removes at the end (C(ansiballz_cache) in
ansible/executor/module_common.py).

So the archive of an earlier run is put into that folder before Ansible looks there, if it was made of the
same sources by the same Ansible and Python. What is kept is a file of Ansible's, byte by byte: a release that
names it differently or needs it no more makes its own, as ever. It lies where Python keeps what it compiles
of the module, under the same conditions: whoever may write there may change our code as well.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import ansible
from ansible import constants, release
from ansible.plugins import loader

_PLUGINS = Path(__file__).resolve().parents[2]
_PACKAGE = __name__.rsplit(".", 3)[0]  # ansible_collections.NAMESPACE.NAME.plugins
# How Ansible ends the name of an archive: the compression, and from 2.19 on what was added to debug it.
_PLAIN = re.compile(r"ZIP_[A-Z0-9]+(-none)?\Z")
_DIGEST = hashlib.sha256


@contextmanager
def kept(module: str) -> Iterator[None]:
    """Let Ansible run a module of ours with the archive of an earlier run; keep one that it makes."""
    path = _PLUGINS / "modules" / f"{module.rpartition('.')[2]}.py"
    folder, start = Path(constants.DEFAULT_LOCAL_TMP, "ansiballz_cache"), f"{_PACKAGE}.modules.{path.stem}-"
    # What this run has, it made for another host or task.
    sources = b"" if sys.dont_write_bytecode or _archives(folder, start) else _sources(path)
    if not sources:
        yield
        return
    place = Path(importlib.util.cache_from_source(str(path))).parent
    for archive in _archives(place, start):
        _give(archive, folder, sources)
    given = {archive.name for archive in _archives(folder, start)}
    try:
        yield
    finally:
        for archive in _archives(folder, start):
            if archive.name not in given:
                with suppress(OSError):
                    content = archive.read_bytes()
                    _write(place / archive.name, _seal(sources, content) + content)


def _archives(folder: Path, start: str) -> list[Path]:
    """Return the finished archives of a module, none of a folder that cannot be read."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    return [folder / name for name in names if name.startswith(start) and _PLAIN.match(name[len(start) :])]


def _give(archive: Path, folder: Path, sources: bytes) -> None:
    """Put an archive into a folder, if it is whole and was made of these sources."""
    with suppress(OSError):
        kept_file = archive.read_bytes()
        size = len(_seal(b"", b""))
        seal, content = kept_file[:size], kept_file[size:]
        if seal == _seal(sources, content):
            _write(folder / archive.name, content)


def _seal(sources: bytes, content: bytes) -> bytes:
    """Return what stands before an archive that is kept."""
    return _DIGEST(sources + content).digest()


def _write(path: Path, content: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".archive-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise


def _sources(module: Path) -> bytes:
    """Return a digest of everything that an archive of a module is made of, and of who makes it.

    Nothing if nobody can tell, as where a release of Ansible does not say any more where it looks for files.
    Of files that are not ours, size and time of the last change have to do. Users may have some that modules
    get in place of Ansible's (DEFAULT_MODULE_UTILS_PATH).
    """
    found = _DIGEST(repr((release.__version__, os.path.dirname(ansible.__file__), sys.version)).encode())
    try:
        ours = _files(str(_PLUGINS / "module_utils"))
        for path in (str(module), str(_PLUGINS.parent / "meta" / "runtime.yml"), *ours):
            with open(path, "rb") as stream:
                found.update(f"{path} {_DIGEST(stream.read()).hexdigest()}\n".encode())
        for folder in loader.module_utils_loader._get_paths(subdirs=False):
            for path in _files(folder):
                status = os.stat(path)
                found.update(f"{path} {status.st_size} {status.st_mtime_ns}\n".encode())
    except (OSError, AttributeError):
        return b""
    return found.digest()


def _files(folder: str) -> list[str]:
    """Return the paths of all files of Python in a folder, in their order."""
    found = []
    for place, unused, names in os.walk(folder):
        found += [os.path.join(place, name) for name in names if name.endswith(".py")]
    return sorted(found)
