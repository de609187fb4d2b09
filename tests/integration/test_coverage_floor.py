# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The floor of the coverage: it may rise, and never fall."""

from __future__ import annotations

import subprocess

import coverage_floor
import pytest

FLOOR = "[tool.coverage.report]\nfail_under = {0}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("[tool.ruff]\n", 0), (FLOOR.format(80), 80), (FLOOR.format(80.5), 80.5)],
    ids=["nothing", "another tool", "whole", "part"],
)
def test_floor_is_read(text, expected):
    assert coverage_floor.floor(text) == expected


@pytest.mark.parametrize(
    ("before", "now", "measured", "code", "fragment"),
    [
        (80, 80, 82, 0, ""),
        (0, 80, 82, 0, ""),
        (80, 81, 82, 0, ""),
        (80, 79.9, 99, 1, "has fallen from 80 to 79.9 %"),
        (80, 80, 85, 0, "can rise from 80 to 81 %"),
        (80, 80, 84.9, 0, ""),
    ],
    ids=["same", "first", "risen", "fallen", "can rise", "little room"],
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


def test_the_first_commit_and_a_folder_without_git_have_none_before(checkout, tmp_path_factory):
    assert coverage_floor.main([], checkout) == 0, "there is nothing before the first commit"
    plain = tmp_path_factory.mktemp("plain")
    (plain / "pyproject.toml").write_text(FLOOR.format(1))
    assert coverage_floor.main([], plain) == 0
