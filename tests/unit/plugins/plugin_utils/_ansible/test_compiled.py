# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A collection that Ansible's own loader imports in Pythons of their own, which count what they compile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._ansible import compiled

PLUGINS = "ansible_collections.exasol_community.network.plugins"
# Each compilation of a file warns of its invalid escape.
SOURCE = "VALUE = {0}\nODD = '\\d'\n\n\ndef where():\n    return VALUE\n"
PROGRAM = f"""
import importlib, json, sys, warnings

seen = []
warnings.simplefilter("always")
warnings.showwarning = lambda message, category, filename, *more: seen.append(filename)
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
_AnsibleCollectionFinder(paths=[sys.argv[1]])._install()
if sys.argv[2] == "kept":
    import {PLUGINS}.plugin_utils._ansible.compiled
found = importlib.import_module("{PLUGINS}." + sys.argv[3])
compilations = sum("part.py" in name for name in seen)
print(json.dumps([found.VALUE, found.where.__code__.co_filename, found.__file__, compilations]))
"""


@pytest.fixture
def collection(tmp_path):
    """Return a folder of a collection that has the file under test and some others."""
    plugins = tmp_path / PLUGINS.replace(".", "/")
    for folder in ("plugin_utils/_ansible", "module_utils", "action"):
        (plugins / folder).mkdir(parents=True)
    for folder in ("plugin_utils", "plugin_utils/_ansible"):
        (plugins / folder / "__init__.py").touch()
    shutil.copy(compiled.__file__, plugins / "plugin_utils" / "_ansible")
    for folder in ("plugin_utils", "module_utils", "action"):
        (plugins / folder / "part.py").write_text(SOURCE.format(1))
    return plugins


def load(collection: Path, name: str, kept: bool = True, **environment: str) -> tuple[int, int]:
    """Import a file; return its value, and how often it was compiled."""
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(collection.parents[3]), "kept" if kept else "", name],
        env={**plain, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    value, code, file, compilations = json.loads(done.stdout)
    assert code == file == str(collection / (name.replace(".", "/") + ".py"))
    return value, compilations


@pytest.mark.parametrize("name", ["plugin_utils.part", "module_utils.part"])
def test_a_shared_file_is_compiled_in_the_first_run_only(collection, name):
    assert [load(collection, name) for _run in range(2)] == [(1, 1), (1, 0)]


@pytest.mark.parametrize("name", ["plugin_utils.part", "module_utils.part"])
def test_without_it_ansible_compiles_in_each_run(collection, name):
    assert [load(collection, name, kept=False) for _run in range(2)] == [(1, 1), (1, 1)]


def test_what_ansible_itself_loads_is_left_to_it(collection):
    assert [load(collection, "action.part") for _run in range(2)] == [(1, 1), (1, 1)]


def test_a_changed_file_is_compiled_again(collection):
    load(collection, "plugin_utils.part")
    path = collection / "plugin_utils" / "part.py"
    path.write_text(SOURCE.format(22))
    assert load(collection, "plugin_utils.part") == (22, 1)


def test_where_nothing_can_be_kept_files_are_still_found(collection):
    (collection / "plugin_utils" / "__pycache__").write_text("no folder")
    assert [load(collection, "plugin_utils.part") for _run in range(2)] == [(1, 1), (1, 1)]
    (collection / "module_utils" / "part.py").write_text(SOURCE.format(3))
    unwanted = {"PYTHONDONTWRITEBYTECODE": "1"}
    assert [load(collection, "module_utils.part", **unwanted) for _run in range(2)] == [(3, 1), (3, 1)]


def test_a_missing_file_is_an_error_of_ansible(collection):
    with pytest.raises(AssertionError, match="ModuleNotFoundError"):
        load(collection, "plugin_utils.missing")
