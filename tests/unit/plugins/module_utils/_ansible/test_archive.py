# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive as Ansible sends it, imported by a Python of its own that counts what it compiles."""

import json
import os
import subprocess
import sys
import zipfile

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._ansible import archive

PROGRAM = """
import importlib.util, json, sys

sys.path.insert(0, sys.argv[1])
import early
if sys.argv[2]:
    spec = importlib.util.spec_from_file_location("archive", sys.argv[2])
    spec.loader.exec_module(importlib.util.module_from_spec(spec))

import package.part
try:
    import package.missing
    missing = ""
except ImportError as error:
    missing = str(error)
names = ("package", "package.part")
print(json.dumps({
    "values": [package.VALUE, package.part.VALUE],
    "files": [sys.modules[name].__file__ for name in names],
    "paths": list(package.__path__),
    "code": package.part.where.__code__.co_filename,
    "compiled": len(early.SEEN),
    "missing": missing,
}))
"""
# Each compilation of PART warns of its invalid escape.
EARLY = """
import warnings

SEEN = []
warnings.simplefilter("always")
warnings.showwarning = lambda message, category, filename, *more: SEEN.append(filename)
"""
PART = "VALUE = 2\nODD = '\\d'\n\n\ndef where():\n    return VALUE\n"


@pytest.fixture
def sent(tmp_path):
    path = tmp_path / "sent.zip"
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("early.py", EARLY)
        package.writestr("package/__init__.py", "VALUE = 1\n")
        package.writestr("package/part.py", PART)
    return str(path)


def loaded(path, file=""):
    output = subprocess.check_output(
        [sys.executable, "-c", PROGRAM, path, file], env=dict(os.environ, PYTHONPATH="")
    )
    return json.loads(output.decode("ascii"))


def test_a_file_is_compiled_once_and_has_the_same_name(sent):
    plain, ours = loaded(sent), loaded(sent, archive.__file__)
    if sys.version_info < (3, 15):
        assert plain["compiled"] > 1, "the control: Python itself compiles it again for its name"
    assert ours["compiled"] == 1
    assert {**ours, "compiled": 0} == {**plain, "compiled": 0}
    assert ours["files"] == [os.path.join(sent, "package", name) for name in ("__init__.py", "part.py")]
    assert "package.missing" in ours["missing"]


def test_what_is_no_archive_is_left_to_others(tmp_path, sent):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("VALUE = 1\n")
    (tmp_path / "package" / "part.py").write_text(PART)
    (tmp_path / "early.py").write_text(EARLY)
    found = loaded(str(tmp_path), archive.__file__)
    assert (found["values"], found["paths"]) == ([1, 2], [str(tmp_path / "package")])
