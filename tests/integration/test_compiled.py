# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests keep what is made of the sources of a collection, and nothing but these sources is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    executable,
    inherited_environment,
)

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


MODULE = """
from ansible.module_utils.basic import AnsibleModule
from ..module_utils.util import f

def main():
    module = AnsibleModule({"filter": {}})
    module.exit_json(said=[f(), module.params["filter"]])

if __name__ == "__main__":
    main()
"""
FILTER = """
from ..plugin_utils.util import f

class FilterModule:
    def filters(self):
        return {"say": lambda unused: f()}
"""


class Collection:
    """A collection of a module and of a filter, each with a utility, as Ansible uses them."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.kept = directory / "kept"
        self.kept.mkdir()

    def write(self, kind: str, name: str, text: str) -> None:
        """Write a file of the collection."""
        file = self.directory / "ansible_collections" / "one" / "two" / "plugins" / kind / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, source: str) -> list[str]:
        """Return what the utilities of the module and of the filter return, which have this source."""
        self.write("modules", "say.py", MODULE)
        self.write("module_utils", "util.py", source)
        self.write("plugin_utils", "util.py", source)
        self.write("filter", "say.py", FILTER)
        done = subprocess.run(
            [executable("ansible"), "localhost", "-m", "one.two.say", "-a", "filter={{ 1 | one.two.say }}"],
            cwd=self.directory,
            env=inherited_environment()
            | {
                FOLDER: str(self.kept),
                "ANSIBLE_COLLECTIONS_PATH": str(self.directory),
                "ANSIBLE_HOME": str(self.directory / "home"),
                "LC_ALL": "C.UTF-8",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r'"said": (\[.*?\])', done.stdout, re.DOTALL)
        assert found, done.stdout + done.stderr
        said: list[str] = json.loads(found[1])
        return said

    def hashed(self) -> dict[Path, bytes]:
        """Return the kept files that a change of the sources changes, with the hashes in front of them."""
        lengths = {"*.modules.say-*": 32, "*.plugin_utils.util.py.*": 8}
        return {
            file: file.read_bytes()[:length]
            for pattern, length in lengths.items()
            for file in self.kept.glob(pattern)
        }


def test_what_ansible_makes_of_a_collection_is_kept_for_the_same_sources(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    assert collection.run(ONE) == ["one", "one"]
    of_one = collection.hashed()
    assert len(of_one) == 2, of_one
    assert collection.run(OTHER) == ["other", "other"]
    # The control: what was made of the other source, with the hashes of the one.
    for file, its_hash in of_one.items():
        file.write_bytes(its_hash + file.read_bytes()[len(its_hash) :])
    assert collection.run(ONE) == ["other", "other"]
