# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests keep what is made of the sources of a collection, and nothing but these sources is run."""

from __future__ import annotations

import importlib.util
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


def _play(directory: Path, message: str, condition: str) -> str:
    """Return what a task says whose message and whose condition are these."""
    playbook = directory / "play.yml"
    task = {"ansible.builtin.debug": {"msg": message}, "when": condition}
    playbook.write_text(
        json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": [task]}]), encoding="utf-8"
    )
    done = subprocess.run(
        [executable(), "-i", "localhost,", "-c", "local", str(playbook)],
        cwd=directory,
        env=inherited_environment()
        | {
            FOLDER: str(directory / "kept"),
            "ANSIBLE_COLLECTIONS_PATH": str(directory),
            "ANSIBLE_HOME": str(directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r'"msg": "?(.*?)"?$', done.stdout, re.MULTILINE)
    return found[1] if found else "skipped"


def _templates(directory: Path) -> set[Path]:
    return {*(directory / "kept").glob("template-*")}


def _give_the_code_of(one: Path, other: Path) -> None:
    """Put the code that is kept in one file behind the hash of another."""
    other.write_bytes(other.read_bytes()[:32] + one.read_bytes()[32:])


@pytest.fixture
def keeps_templates() -> None:
    if not importlib.util.find_spec("ansible._internal._templating"):
        pytest.skip("needs ansible-core 2.19, which compiles its templates at one place")


@pytest.mark.usefixtures("keeps_templates")
@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        pytest.param(("{{ 1 + 1 }}", "true"), ("{{ 2 + 3 }}", "true"), ("2", "5"), id="template"),
        pytest.param(("said", "1 > 2"), ("said", "2 > 1"), ("skipped", "said"), id="condition"),
    ],
)
def test_templates_are_kept(
    tmp_path: Path, one: tuple[str, str], other: tuple[str, str], said: tuple[str, str]
) -> None:
    (tmp_path / "kept").mkdir()
    _play(tmp_path, "{{ 9 }}", "true")
    before = _templates(tmp_path)
    assert _play(tmp_path, *one) == said[0]
    of_one = _templates(tmp_path) - before
    assert _play(tmp_path, *other) == said[1]
    of_other = _templates(tmp_path) - before - of_one
    assert _play(tmp_path, *one) == said[0], "the other is not taken for it"
    assert _templates(tmp_path) == before | of_one | of_other, "nothing was compiled again"
    # The control: the code of the other behind the hash of the one is what only a reader of both would run.
    for mine in of_one:
        for others in of_other:
            _give_the_code_of(others, mine)
    assert _play(tmp_path, *one) == said[1]


WITH_CONTEXT = """
from jinja2 import pass_context

class FilterModule:
    def filters(self):
        return {"say": pass_context(lambda context, value: "with context")}
"""


@pytest.mark.usefixtures("keeps_templates")
def test_a_filter_that_wants_to_be_called_otherwise_is_no_longer_called_as_before(tmp_path: Path) -> None:
    collection = Collection(tmp_path)
    collection.write("plugin_utils", "util.py", ONE)
    for text, said in ((FILTER, "one"), (WITH_CONTEXT, "with context"), (FILTER, "one")):
        collection.write("filter", "say.py", text)
        assert _play(tmp_path, "{{ 1 | one.two.say }}", "true") == said


@pytest.mark.usefixtures("keeps_templates")
@pytest.mark.parametrize("content", [b"", b"short", b"and no code"])
def test_a_template_that_cannot_be_read_is_compiled(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "kept").mkdir()
    assert _play(tmp_path, "{{ 1 + 1 }}", "2 > 1") == "2"
    kept = _templates(tmp_path)
    assert len(kept) >= 2
    for file in kept:
        file.write_bytes(file.read_bytes()[:32] + content if content != b"short" else content)
    assert _play(tmp_path, "{{ 1 + 1 }}", "2 > 1") == "2"


@pytest.mark.usefixtures("keeps_templates")
@pytest.mark.parametrize(("message", "condition"), [("{{ 1 + }}", "true"), ("said", "1 +")])
def test_a_template_with_an_error_fails_each_time(tmp_path: Path, message: str, condition: str) -> None:
    (tmp_path / "kept").mkdir()
    for _time in range(2):
        with pytest.raises(AssertionError, match="Syntax error"):
            _play(tmp_path, message, condition)


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
