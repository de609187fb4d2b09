# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is counted as covered, and the floors: they may rise, and never fall."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Otherwise the tests of versions could not be looked for with Python 3.10.
pytest.importorskip("tomllib", reason="needs Python 3.11 or newer")
import coverage_floor

from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    executable,
    inherited_environment,
)

FLOOR = "[tool.coverage.report]\nfail_under = {0}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("[tool.ruff]\n", 0), (FLOOR.format(80), 80), (FLOOR.format(80.5), 80.5)],
    ids=["nothing", "another tool", "whole", "part"],
)
def test_floor_is_read(text, expected):
    assert coverage_floor.floor(text) == expected


def test_the_floor_of_all_tests_is_another_one():
    text = FLOOR.format(80) + "[tool.coverage_floor]\nwhole = 85\n"
    assert coverage_floor.floor(text, coverage_floor.UNITS) == 80
    assert coverage_floor.floor(text, coverage_floor.WHOLE) == 85


@pytest.mark.parametrize(
    ("before", "now", "measured", "code", "fragment"),
    [
        (80, 80, 82, 0, ""),
        (0, 80, 82, 0, ""),
        (80, 81, 82, 0, ""),
        (80, 79.9, 99, 1, "has fallen from 80 to 79.9 %"),
        (80, 80, 85, 0, "from 80 to 81 %"),
        (80, 80, 84.9, 0, ""),
        (80, 80, 80, 0, ""),
        (80, 80, 79.9, 1, "79.9 % are covered, less than"),
    ],
    ids=["same", "first", "risen", "fallen", "can rise", "little room", "just reached", "not reached"],
)
def test_a_floor_that_falls_fails_and_room_above_it_is_reported(before, now, measured, code, fragment):
    ended, line = coverage_floor.verdict(before, now, measured)
    assert ended == code
    assert fragment in line
    assert bool(line) == bool(fragment)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a floor of 80 % in its only commit; 82 % are measured."""
    monkeypatch.setattr(coverage_floor, "_measured", lambda root: 82.0)
    (tmp_path / "pyproject.toml").write_text(FLOOR.format(80))
    identity = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")
    for command in (("init", "-q"), ("add", "pyproject.toml"), (*identity, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(("now", "code"), [(80, 0), (81, 0), (79, 1)], ids=["same", "risen", "fallen"])
def test_the_commit_before_has_the_floor_that_holds(checkout, capsys, now, code):
    (checkout / "pyproject.toml").write_text(FLOOR.format(now))
    assert coverage_floor.main(["HEAD"], checkout) == code
    assert bool(capsys.readouterr().out) == bool(code)
    assert coverage_floor.main(["--whole", "HEAD"], checkout) == 0, "of all tests there is no floor here"


def test_the_first_commit_and_a_folder_without_git_have_none_before(checkout, tmp_path_factory):
    assert coverage_floor.main([], checkout) == 0, "there is nothing before the first commit"
    plain = tmp_path_factory.mktemp("plain")
    (plain / "pyproject.toml").write_text(FLOOR.format(1))
    assert coverage_floor.main([], plain) == 0


# As tests do it: the one through a process of the test, the other through Ansible.
DIRECTLY = """
from ansible_collections.exasol_community.network.plugins.module_utils._values import ports
ports.Ports.parse("8563")
"""
BY_ANSIBLE = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"


def counted(folder: Path, script: str, *arguments: str) -> dict[str, set[int]]:
    """Return the lines of each file of plugins/ that coverage sees a script run, with all that it starts."""
    pytest.importorskip("coverage", reason="needs coverage, which make coverage-whole installs")
    environment = {
        name: value
        for name, value in inherited_environment().items()
        if not name.startswith("COVERAGE_")  # these tests may be measured themselves
    }
    environment["PYTHONPATH"] += os.pathsep + str(CHECKOUT / ".collections")
    environment["ANSIBLE_CONFIG"], environment["LC_ALL"] = str(CHECKOUT / "ansible.cfg"), "C.UTF-8"
    environment["ANSIBLE_HOME"] = environment["ANSIBLE_REMOTE_TMP"] = str(folder / "home")
    (folder / "script.py").write_text(script, encoding="utf-8")
    data, report = folder / "data", folder / "report.json"
    run = ["run", f"--data-file={data}", str(folder / "script.py"), *arguments]
    for command in (
        run,
        ["combine", "-q", f"--data-file={data}"],
        ["json", "-q", "--fail-under=0", f"--data-file={data}", f"-o{report}"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "coverage", *command],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "CoverageWarning" not in done.stderr
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return {name: set(found["executed_lines"]) for name, found in files.items()}


def line_of(file: str, text: str) -> int:
    """Return the number of the only line of a file with a text."""
    lines = (CHECKOUT / file).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return number


def test_what_a_process_runs_is_counted(tmp_path: Path) -> None:
    seen = counted(tmp_path, DIRECTLY)
    assert seen["plugins/module_utils/_values/ports.py"]
    assert not seen["plugins/action/plan.py"], "control: what nobody runs is listed, with nothing"


@pytest.mark.parametrize(
    ("module", "file", "line"),
    [
        # In a process of the controller, which ends without what Python does at its end.
        ("plan", "plugins/action/plan.py", "every = variables.get("),
        # In the archive that is sent to a host.
        ("port_info", "plugins/modules/port_info.py", "module.exit_json("),
    ],
)
def test_what_ansible_runs_is_counted(tmp_path: Path, module: str, file: str, line: str) -> None:
    ansible = executable("ansible")
    name = f"exasol_community.network.{module}"
    seen = counted(tmp_path, BY_ANSIBLE, ansible, "localhost", "-c", "local", "-m", name)
    assert line_of(file, line) in seen[file]
    assert {found for found in seen if seen[found] and not found.startswith("plugins/")} == set()
