# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's two commands on four machines that have only Python, git and make, in short: make fresh.

The machines are those of test_whole.py, and each installs for itself what the commands need. make site is
whole there. Of make test, each machine runs:

- two or three of the parts that run tests. All files of these tests are collected, which fails where one of
  them imports or looks for what is not there;
- of the tests, those with the marker "machines" alone: their result can depend on the machine (files,
  processes, users, locale, PWD, HOME, tools that are not installed);
- the line at the end that counts the skipped tests.

Each part runs on two machines, which differ in Debian and in user, and in the way of working on it. Style,
types, documentation and sanity are left out: what they say depends on no machine, but for what they install,
and test_whole.py (make fresh-whole), which runs everything, shows that.

Where there is no container engine, all of it is skipped, so a fresh machine makes none itself.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers.fresh import (
    MACHINES,
    Started,
    unexplained,
)

pytestmark = pytest.mark.machines

CHECKOUT = Path(__file__).resolve().parents[2]
# The parts of make test that a machine runs.
RUN = dict(
    zip(
        MACHINES,
        (
            ("units", "containers"),
            ("units", "containers"),
            ("integration", "consumers"),
            ("integration", "consumers"),
        ),
        strict=True,
    )
)
WITH_TESTS = {"units", "integration", "containers", "consumers"}
# One process: another would import all files once more.
CHOSEN = "-m machines --numprocesses=0"
# As the tests of real servers once looked for sshd.
WITHOUT_ASKING = """
import subprocess

subprocess.run(["sshd", "-V"], check=False)


def test_of_sshd():
    pass
"""


def _parts() -> set[str]:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^PARTS := (.*)$", makefile, re.MULTILINE)
    assert found
    return {*found[1].split()}


def _test(machine: Started, *parts: str) -> tuple[int, str]:
    left_out = " ".join(sorted(_parts() - {*parts}))
    return machine.make("test", WITHOUT=left_out, ARGS=CHOSEN, EXANET_EXAMPLES="10", PIP_NO_COMPILE="1")


def test_both_commands_end_green_and_what_is_broken_is_red(machine: Started) -> None:
    code, output = machine.make("site")
    assert code == 0, output
    assert "72 flows: 72 ok" in output, output
    code, output = _test(machine, *RUN[machine.machine])
    assert code == 0, output
    assert "Skipped tests: " in output, output
    assert machine.unexplained() == []
    assert re.search(r"[1-9][0-9]* passed", output), output
    assert machine.do(f"cd '{machine.clone}' && git status --porcelain") == (0, ""), (
        "make test left files in the tree"
    )

    # The control. consumers has the fewest files to collect.
    broken = "tests/consumers/test_without_asking.py"
    assert machine.do(f"cd '{machine.clone}' && echo '{WITHOUT_ASKING}' > {broken}")[0] == 0
    code, output = _test(machine, "consumers")
    assert code == 2, output
    assert f"ERROR {broken}" in output, output
    assert "FileNotFoundError" in output, output


def test_each_part_with_tests_runs_on_two_machines_that_differ() -> None:
    assert _parts() > WITH_TESTS, "a misspelt name would leave nothing out"
    for part in WITH_TESTS:
        done_by = [machine for machine in MACHINES if part in RUN[machine]]
        assert {machine.release for machine in done_by} == {"bookworm", "trixie"}, part
        assert {machine.user for machine in done_by} == {"ordinary", "root"}, part
        assert {machine.background for machine in done_by} == {True, False}, part


@pytest.mark.parametrize(
    "reason",
    [
        "needs root, to make network namespaces",
        "needs sshd, nginx (Debian: nginx-light, openssh-server)",
        "needs IPv6 on the loopback interface",
        "needs coverage, which make coverage-whole installs",
        "ansible-core 2.21.5 serves no host with Python 3.6",
    ],
)
def test_a_reason_that_says_what_is_needed_is_enough(reason: str) -> None:
    assert unexplained([reason]) == []


@pytest.mark.parametrize(
    "reason", ["needs busybox", "jq is not installed", "needs what make installs", "only root can do that"]
)
def test_a_reason_that_names_no_package_and_no_right_is_not(reason: str) -> None:
    assert unexplained([reason, "needs jq (Debian: jq)"]) == [reason]
