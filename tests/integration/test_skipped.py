# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The line at the end of C(make test), made from what pytest really reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import skipped

TESTS = """
import pytest

def test_that_runs():
    pass

@pytest.mark.skip(reason="needs root, to make network namespaces")
def test_of_root():
    pass

@pytest.mark.parametrize("number", range(3))
def test_of_a_server(number):
    pytest.skip("needs sshd, nginx (Debian: nginx-light, openssh-server)")

def test_of_another():
    pytest.skip("needs nginx (Debian: nginx-light)")
"""


@pytest.mark.parametrize(
    "selection, line",
    [
        ("that_runs", "Skipped tests: 0."),
        ("of_root", "Skipped tests: 1, of which 1 for want of root."),
        (
            "of_a_server or of_another",
            "Skipped tests: 4; install for them Debian's packages nginx-light openssh-server.",
        ),
        (
            "test",
            (
                "Skipped tests: 5, of which 1 for want of root; install for them Debian's packages "
                "nginx-light "
                "openssh-server."
            ),
        ),
    ],
    ids=["none", "root alone", "packages alone", "both"],
)
def test_one_line_says_how_many_and_what_to_install(tmp_path: Path, selection: str, line: str) -> None:
    (tmp_path / "test_some.py").write_text(TESTS, encoding="utf-8")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            "/dev/null",
            "--rootdir",
            tmp_path,
            "-k",
            selection,
            "--junitxml",
            tmp_path / "some.xml",
            tmp_path,
        ],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert skipped.sentence(skipped.reasons(tmp_path)) == line


def test_a_folder_without_reports_is_no_failure(tmp_path: Path) -> None:
    assert skipped.sentence(skipped.reasons(tmp_path / "none")) == "Skipped tests: 0."


def test_the_tests_of_versions_are_found_without_what_runs_several_at_a_time() -> None:
    """Their environments hold pytest alone, and it refuses a hook that it does not know."""
    here = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-p", "no:xdist", "-m", "versions", "--collect-only", "-q"]
    done = subprocess.run(
        [*command, str(here / "test_examples.py")], capture_output=True, text=True, check=False, cwd=here
    )
    assert done.returncode == 0 and "test_the_chain_is_green" in done.stdout, done.stdout + done.stderr
