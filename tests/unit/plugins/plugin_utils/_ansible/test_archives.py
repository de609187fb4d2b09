# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of modules are kept for the next run, and never used for other sources."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._ansible import archives

MODULE = "exasol_community.network.probe"
START = "ansible_collections.exasol_community.network.plugins.modules.probe-"
NAME = f"{START}ZIP_DEFLATED-none"


class Controller:
    """A collection and Ansible's own files, and a folder for each run."""

    def __init__(self, monkeypatch, folder):
        self.monkeypatch, self.folder, self.runs = monkeypatch, folder, 0
        self.plugins, self.others = folder / "network" / "plugins", folder / "ansible"
        for path, text in (
            ("plugins/modules/probe.py", "probe"),
            ("plugins/module_utils/_probe/sweep.py", "sweep"),
            ("meta/runtime.yml", "requires_ansible: '>=2.16'"),
        ):
            self.write(folder / "network" / path, text)
        self.write(self.others / "basic.py", "basic")
        monkeypatch.setattr(archives, "_PLUGINS", self.plugins)
        monkeypatch.setattr(archives.sys, "dont_write_bytecode", False)
        monkeypatch.setattr(archives.loader, "module_utils_loader", self)
        self.kept = self.plugins / "modules" / "__pycache__"

    @staticmethod
    def write(path, text):
        """Write a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def _get_paths(self, subdirs):
        assert subdirs is False
        return [str(self.others)]

    def begin(self):
        """Begin a run of Ansible: its folder for archives does not exist yet."""
        self.runs += 1
        local = self.folder / f"run-{self.runs}"
        local.mkdir()
        self.monkeypatch.setattr(archives.constants, "DEFAULT_LOCAL_TMP", str(local))
        return local / "ansiballz_cache"

    def run(self, made="made", name=NAME):
        """Run the module as Ansible does; returns the archive that it finds, or nothing if it makes one."""
        folder = self.begin()
        with archives.kept(MODULE):
            if (folder / name).exists():
                return (folder / name).read_text()
            self.write(folder / name, made)
            self.write(folder / f"{name}.lock", "")
        return ""


@pytest.fixture
def controller(monkeypatch, tmp_path):
    """A controller that has run nothing yet."""
    return Controller(monkeypatch, tmp_path)


def test_the_next_run_has_the_archive_byte_by_byte(controller):
    assert controller.run("made first") == ""
    assert controller.run("not needed") == "made first"
    assert os.listdir(controller.kept) == [NAME]


CHANGES = {
    "module": lambda one: one.write(one.plugins / "modules" / "probe.py", "Probe"),
    "file": lambda one: one.write(one.plugins / "module_utils" / "_probe" / "sweep.py", "Sweep"),
    "new-file": lambda one: one.write(one.plugins / "module_utils" / "_probe" / "new.py", ""),
    "file-gone": lambda one: (one.plugins / "module_utils" / "_probe" / "sweep.py").unlink(),
    "redirection": lambda one: one.write(one.plugins.parent / "meta" / "runtime.yml", "plugin_routing: {}"),
    "file-of-ansible": lambda one: one.write(one.others / "basic.py", "basic 2"),
    "touched-file-of-ansible": lambda one: os.utime(one.others / "basic.py", (1, 1)),
    "file-of-the-user": lambda one: one.write(one.others / "own.py", ""),
    "another-ansible": lambda one: one.monkeypatch.setattr(archives.release, "__version__", "2.99.0"),
    "another-python": lambda one: one.monkeypatch.setattr(archives.sys, "version", "3.99"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_archive_of_other_sources_is_not_used_and_replaced(controller, change):
    controller.run("old")
    assert controller.run() == "old"
    change(controller)
    assert controller.run("new") == ""
    assert controller.run() == "new"


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "changed": lambda content: content[:-1] + b"X",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_archive_is_not_used(controller, damage):
    controller.run()
    path = controller.kept / NAME
    path.write_bytes(damage(path.read_bytes()))
    assert controller.run("again") == ""
    assert controller.run() == "again"


@pytest.mark.parametrize(
    "ending", ["ZIP_DEFLATED-debugpy", "ZIP_DEFLATED-none-part", "ZIP_DEFLATED-none.lock"]
)
def test_what_was_made_to_debug_and_what_is_not_finished_is_not_kept(controller, ending):
    assert controller.run(name=START + ending) == ""
    assert controller.run(name=START + ending) == ""
    assert not controller.kept.exists()


@pytest.mark.parametrize("name", [f"{START}ZIP_DEFLATED", f"{START}ZIP_STORED-none"])
def test_each_compression_has_its_own(controller, name):
    controller.run()
    assert controller.run("other", name=name) == ""
    assert (controller.run(name=name), controller.run()) == ("other", "made")


def test_an_archive_of_this_run_is_left_alone(controller):
    controller.run("old")
    folder = controller.begin()
    controller.write(folder / NAME, "of another host")
    with archives.kept(MODULE):
        assert (folder / NAME).read_text() == "of another host"
    assert controller.run() == "old"


def test_a_module_that_failed_leaves_its_archive(controller):
    folder = controller.begin()

    def run():
        with archives.kept(MODULE):
            controller.write(folder / NAME, "made")
            raise ValueError("unreachable")

    with pytest.raises(ValueError, match="unreachable"):
        run()
    assert controller.run() == "made"


def test_nothing_is_kept_where_python_keeps_nothing(controller):
    controller.monkeypatch.setattr(archives.sys, "dont_write_bytecode", True)
    assert (controller.run(), controller.run()) == ("", "")
    assert not controller.kept.exists()


def test_a_release_that_does_not_say_where_it_looks_makes_its_own(controller):
    controller.run()
    controller.monkeypatch.setattr(archives.loader, "module_utils_loader", object())
    assert controller.run() == ""


def test_a_place_that_cannot_be_written_is_no_error(controller):
    controller.kept.write_text("a file in its place")
    assert (controller.run(), controller.run()) == ("", "")


PLAY = [
    {
        "name": "Probe nothing",
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"name": "Probe nothing", MODULE: {"targets": []}}],
    }
]


def test_ansible_makes_an_archive_once(tmp_path):
    """In Ansible's own words: it says of each file that it puts into an archive."""
    play = tmp_path / "play.yml"
    play.write_text(json.dumps(PLAY))
    said = []
    for unused in range(2):
        variables = {
            **os.environ,
            "PYTHONPYCACHEPREFIX": str(tmp_path),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        }
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-vvvvv", "-i", "localhost,", str(play)],
            env={**variables, "ANSIBLE_PYTHON_INTERPRETER": sys.executable},
            capture_output=True,
            text=True,
            check=True,
        )
        said.append("Including module_utils file" in done.stdout)
    assert said == [True, False]
