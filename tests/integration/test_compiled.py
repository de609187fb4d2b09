# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests keep what is compiled of Ansible's archives, and nothing but their sources is run."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import inherited_environment

FOLDER = "EXANET_COMPILED"


class Archives:
    """Archives with a module of one function, as Ansible sends them, and a folder of what is compiled."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.kept = directory / "kept"
        self.kept.mkdir()

    def run(self, source: str, place: str) -> str:
        """Send the source in an archive at a place, import it there, and return what its function returns."""
        archive = self.directory / place / "payload.zip"
        archive.parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("package/__init__.py", "")
            file.writestr("package/module.py", source)
        script = (
            f"import sys; sys.path.insert(0, {str(archive)!r}); from package import module; print(module.f())"
        )
        done = subprocess.run(
            [sys.executable, "-c", script],
            env=inherited_environment() | {FOLDER: str(self.kept)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.stdout.strip()

    def file(self) -> Path:
        """Return what is kept of the module."""
        (found,) = self.kept.glob("package.module.py.*")
        return found


@pytest.fixture
def archives(tmp_path: Path) -> Archives:
    return Archives(tmp_path)


ONE, OTHER = "def f(): return 'one'\n", "def f(): return 'other'\n"
NAMES_ITS_FILE = "def f(): return f.__code__.co_filename\n"


def test_the_same_source_is_not_compiled_again(archives: Archives) -> None:
    archives.run(ONE, "first")
    of_one = archives.file().read_bytes()
    archives.run(OTHER, "second")
    # The control: the hash of one source before the code of another is what only a reader of both would run.
    archives.file().write_bytes(of_one[:8] + archives.file().read_bytes()[8:])
    assert archives.run(ONE, "third") == "other"


def test_a_changed_source_is_compiled(archives: Archives) -> None:
    assert [archives.run(source, "same place") for source in (ONE, OTHER, ONE)] == ["one", "other", "one"]


def test_a_traceback_names_the_archive_of_this_run(archives: Archives) -> None:
    found = [archives.run(NAMES_ITS_FILE, place) for place in ("first", "second")]
    assert found == [
        str(archives.directory / place / "payload.zip/package/module.py") for place in ("first", "second")
    ]


@pytest.mark.parametrize("content", [b"", b"short", b"12345678", b"12345678 and no code"])
def test_what_cannot_be_read_is_compiled(archives: Archives, content: bytes) -> None:
    archives.run(ONE, "first")
    start = archives.file().read_bytes()[:8]
    archives.file().write_bytes(content.replace(b"12345678", start))
    assert archives.run(ONE, "second") == "one"


def test_nothing_needs_the_folder(archives: Archives) -> None:
    shutil.rmtree(archives.kept)
    assert archives.run(ONE, "first") == "one"
