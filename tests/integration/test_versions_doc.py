# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's table of versions holds what pytest reported as passed, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import versions_doc

TESTS = """
import pytest

@pytest.fixture(scope="session", autouse=True)
def say(record_testsuite_property):
    record_testsuite_property("ansible-core", "2.18.3")
    record_testsuite_property("python", "3.12.1")

def of(version, *marks):
    return pytest.param(version, marks=marks)

@pytest.mark.parametrize("version", [of("3.9"), of("3.10"), of("3.6", pytest.mark.skip(reason="not served"))])
def test_a(version, record_property):
    record_property("host python", version)
    assert version != WRONG

def test_b():
    pass
"""


def report(folder: Path, wrong: str = "", selection: str = "test") -> Path:
    """Return what pytest reports of a run in which one version fails."""
    (folder / "test_sample.py").write_text(f"WRONG = {wrong!r}\n{TESTS}", encoding="utf-8")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-c",
            "/dev/null",
            "--rootdir",
            folder,
            "-p",
            "no:cacheprovider",
            "-o",
            "junit_family=xunit1",
            "-k",
            selection,
            "--junitxml",
            folder / "report.xml",
            folder,
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return folder / "report.xml"


def test_what_passed_is_read(tmp_path: Path) -> None:
    run = versions_doc.read(report(tmp_path))
    assert run.pop("date", "").startswith("20")
    assert run == {"ansible-core": "2.18.3", "python": "3.12.1", "tests": 3, "hosts": ["3.9", "3.10"]}


@pytest.mark.parametrize(
    "options", [{"wrong": "3.9"}, {"selection": "test_b"}, {"selection": "nothing"}], ids=repr
)
def test_what_is_no_proof_is_refused(tmp_path: Path, options: dict[str, t.Any]) -> None:
    with pytest.raises(versions_doc.NotGreenError):
        versions_doc.read(report(tmp_path, **options))


def run_of(core: str, python: str, date: str, *hosts: str) -> dict[str, object]:
    return {"ansible-core": core, "python": python, "date": date, "tests": 1, "hosts": list(hosts)}


def test_a_newer_run_replaces_an_older_one_of_the_same_versions() -> None:
    kept = [run_of("2.16.1", "3.10.1", "2026-01-01", "3.6"), run_of("2.16.1", "3.11.1", "2026-01-01", "3.6")]
    newer = [run_of("2.21.0", "3.13.0", "2026-02-02", "3.9"), run_of("2.16.9", "3.10.2", "2026-02-02", "3.6")]
    assert versions_doc.merged(kept, newer) == [newer[1], kept[1], newer[0]]


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        (["3.12.1"], "3.12"),
        (["3.10", "3.9"], "3.9, 3.10"),
        (["3.11.7", "3.9", "3.10"], "3.9 to 3.11"),
        (["3.6", "3.9", "3.10"], "3.6, 3.9, 3.10"),
    ],
    ids=repr,
)
def test_versions_in_words(versions: list[str], words: str) -> None:
    assert versions_doc.span(versions) == words


def test_a_row_has_the_date_since_when_all_of_it_was_run() -> None:
    runs = [
        run_of("2.16.9", "3.10.2", "2026-02-02", "3.6", "3.7"),
        run_of("2.16.10", "3.11.1", "2026-03-03", "3.8"),
    ]
    assert versions_doc.row(runs) == ("2.16.9, 2.16.10", "3.10, 3.11", "3.6 to 3.8", "2026-02-02")
