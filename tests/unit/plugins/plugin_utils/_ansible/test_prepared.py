# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of tasks inherit from an Ansible that has loaded an action, in a Python of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import gc, json, os, sys

if sys.argv[1]:
    __import__(sys.argv[1], fromlist=["ActionModule"])
else:
    import ansible.plugins.action
core = [name for name in sys.modules if name.startswith("ansible.plugins.") and "core" in name]
loaded = {name.split(".")[2] for name in core}
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, str(gc.get_freeze_count()).encode())
    os._exit(0)
os.wait()
print(json.dumps([sorted(loaded), int(os.read(reading, 99)), gc.get_freeze_count()]))
"""
ACTION = "ansible_collections.exasol_community.network.plugins.action."


def after(name: str) -> tuple[list[str], int, int]:
    """Return which plugins of templates are loaded, and how many objects child and parent leave alone.

    Python 3.12 and newer leave a few alone from the start.
    """
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, name], env=paths, capture_output=True, text=True, check=True
    )
    loaded, child, parent = json.loads(done.stdout)
    return loaded, child, parent


@pytest.mark.parametrize("action", ["plan", "listener", "probe", "verdict", "judged"])
def test_with_an_action_processes_begin_prepared(action):
    loaded, child, parent = after(ACTION + action)
    assert loaded == ["filter", "test"]
    assert child > parent + 10_000, "Ansible itself goes on as ever"


def test_without_one_they_do_not():
    loaded, child, parent = after("")
    assert loaded == [] and child == parent
