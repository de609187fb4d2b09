# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make lab` tells a newcomer to type, typed: a cell turns red, and green again, and nothing is left."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers.engine import ROOT, EngineError, find
from ansible_collections.exasol_community.network.tests.labs.reports import flows_of

_SECONDS = 600


def _type(command: str, keys: str = "") -> subprocess.CompletedProcess:
    # Under script(1), since a line of the tour may want a terminal.
    return subprocess.run(
        ["script", "--quiet", "--return", "--command", command, "/dev/null"],
        input=keys,
        cwd=ROOT,
        timeout=_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tour():
    """The lines that `make lab` prints, by what they are said to do."""
    if os.geteuid() != 0 or not shutil.which("script"):
        pytest.skip("needs root, for containers that boot systemd, and the command script (Debian: bsdutils)")
    try:
        find()
    except EngineError as error:
        pytest.skip(f"needs a container engine: {error} (Debian: podman, runc, netavark, mmdebstrap)")
    try:
        brought = _type("make --no-print-directory lab")
        assert brought.returncode == 0, brought.stdout
        yield dict(
            re.findall(r"^(\w[^:]*(?:\([^)]*\))?): +(.*\S)", brought.stdout.replace("\r", ""), re.MULTILINE)
        )
    finally:
        _type("make --no-print-directory lab-down")


def _look(command: str, folder) -> dict[str, set[str]]:
    """Type a line that verifies, with a folder of ours for its report.

    Return which services have each verdict that is not ok.
    """
    done = _type(command.replace('ARGS="', f'ARGS="-e exasol_report_directory={folder} '))
    assert (folder / "report.html").exists(), done.stdout
    wrong: dict[str, set[str]] = {}
    for result in flows_of(folder / "report.json"):
        if result["verdict"] != "ok":
            wrong.setdefault(result["verdict"], set()).add(f"{result['source']} {result['service']}")
    assert done.returncode == (2 if wrong else 0), done.stdout
    return wrong


def test_each_line_does_what_it_says(tour, tmp_path) -> None:
    commands = dict(tour)
    assert len(commands) == 7
    looks = [name for name in commands if "make site" in commands[name]]
    change = {name: commands.pop(name) for name in ("Break something", "Mend it")}
    assert _look(commands.pop(looks[0]), tmp_path) == {}
    assert _type(change["Break something"]).returncode == 0
    assert _look(commands.pop(looks[1]), tmp_path) == {"blocked_on_path": {"client sql_client"}}
    assert _type(change["Mend it"]).returncode == 0
    assert _look(commands.pop(looks[2]), tmp_path) == {}
    assert "n11" in _type(commands.pop("Go into a host"), "hostname\nexit\n").stdout
    assert _type(commands.pop("Take everything away")).returncode == 0
    assert not commands
    engine, word = re.match(r"(\S+) exec (\S+)-router", change["Mend it"]).groups()
    for kind in (("ps", "--all"), ("network", "ls")):
        assert word not in _type(f"{engine} {' '.join(kind)}").stdout
