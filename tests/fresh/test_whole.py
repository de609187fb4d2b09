# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's two commands on four machines that have only Python, git and make: make fresh-whole.

Four machines run at the same time: Debian 12 and 13, an ordinary user and root, a clone in /tmp and one in a
path with a blank. Each runs both commands, and installs for itself what they need. The four together run all
that make test is without more packages, so make test leaves out there what another machine runs:

- lint, docs-check and docs-site run on two of them, which differ in Debian and in user.
- sanity and consumers run on one, as an ordinary user. ansible-test makes an environment for sanity itself,
  and consumers skips most tests without browsers. As root, both run in make test of the machine below.
- Every file of unit tests runs once. Those that touch what differs between users (files, processes, sockets)
  run once as an ordinary user and once as root. Property tests try a tenth of the examples, because those do
  not depend on the machine.
- Every file of integration tests runs once: without tools for network namespaces, root's tests are those of
  an ordinary user, and run one after the other, because all of them share one loopback.
- Only .venv's Python is there, so the unit tests of managed hosts run on no other.
- Of the test tools, what is used is compiled when it is first used. pip would compile all 64 MB of them on
  each machine. make site installs as it does everywhere.

firewall, molecule-ci and fresh are skipped on each of them, because there is no container engine.

This needs about twenty minutes of a processor, so it is no part of make test. There, test_fresh.py runs both
commands on the same machines, with those tests alone whose result can depend on the machine.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers.fresh import (
    MACHINES,
    FreshMachine,
    Started,
)

CHECKOUT = Path(__file__).resolve().parents[2]
# The parts of make test that are left to another machine.
LEFT_OUT = dict(
    zip(
        MACHINES,
        (
            ("sanity", "consumers"),
            ("sanity", "consumers"),
            ("lint", "docs-check", "docs-site", "sanity", "consumers"),
            ("lint", "docs-check", "docs-site"),
        ),
        strict=True,
    )
)
# Seconds of a processor, roughly, so that the machines end at about the same time.
_WORK = {"lint": 40, "docs-site": 10, "sanity": 80, "consumers": 10}
_ONCE = ("sanity", "consumers")  # parts that run on one machine, as an ordinary user
# What a file of tests has if root may see something else in it than an ordinary user.
_DIFFERS_BETWEEN_USERS = re.compile(
    r"uid\b|chmod|chown|unshare|Permission|EPERM|EACCES|\broot\b|subprocess|run_python|import socket"
)
_WORK_OF_A_KIBIBYTE = {"tests/integration": 0.6, "tests/unit": 0.05}


def _ignored(machine: FreshMachine) -> list[str]:
    """Return the files of tests that are left to other machines."""
    return [file for file, machines in _who_runs_what().items() if machine not in machines]


@functools.cache
def _who_runs_what() -> dict[str, list[FreshMachine]]:
    """Return the machines of each file of tests: whoever would be ready first takes the next largest."""
    work = {
        machine: sum(seconds for part, seconds in _WORK.items() if part not in LEFT_OUT[machine])
        for machine in MACHINES
    }
    of_users = [[machine for machine in MACHINES if machine.user == user] for user in ("ordinary", "root")]
    found: dict[str, list[FreshMachine]] = {}
    for folder in ("tests/integration", "tests/unit"):
        files = [(path.stat().st_size, path) for path in (CHECKOUT / folder).rglob("test_*.py")]
        for size, path in sorted(files, reverse=True):
            as_both = folder == "tests/unit" and _DIFFERS_BETWEEN_USERS.search(path.read_text("utf-8"))
            groups = of_users if as_both else [MACHINES]
            chosen = [min(group, key=lambda machine: work[machine]) for group in groups]
            found[str(path.relative_to(CHECKOUT))] = chosen
            for machine in chosen:
                work[machine] += size / 1024 * _WORK_OF_A_KIBIBYTE[folder]
    return found


def test_both_commands_end_green(machine: Started) -> None:
    code, output = machine.make("site")
    assert code == 0, output
    assert "72 flows: 72 ok" in output, output
    left_out = " ".join(LEFT_OUT[machine.machine])
    ignored = " ".join(f"--ignore={file}" for file in _ignored(machine.machine))
    code, output = machine.make(
        "test", WITHOUT=left_out, PYTEST_ADDOPTS=ignored, EXANET_EXAMPLES="10", PIP_NO_COMPILE="1"
    )
    assert code == 0, output
    assert f"Left out: {left_out}." in output, output
    assert "Skipped tests: " in output, output
    assert machine.unexplained() == []
    assert machine.do(f"cd '{machine.clone}' && git status --porcelain") == (0, ""), (
        "make test left files in the tree"
    )


def test_what_a_machine_leaves_out_another_does() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^PARTS := (.*)$", makefile, re.MULTILINE)
    assert found
    parts = {*found[1].split()}
    assert len(parts) > 5
    for machine in MACHINES:
        assert {*LEFT_OUT[machine]} < parts, "a misspelt name would leave nothing out"
    for part in parts:
        done_by = [machine for machine in MACHINES if part not in LEFT_OUT[machine]]
        if part in _ONCE:
            assert [machine.user for machine in done_by] == ["ordinary"], part
            continue
        assert {machine.release for machine in done_by} == {"bookworm", "trixie"}, part
        assert {machine.user for machine in done_by} == {"ordinary", "root"}, part
    for part in ("units", "integration", "containers"):
        assert not any(part in LEFT_OUT[machine] for machine in MACHINES)


@pytest.mark.parametrize("folder", ["tests/unit", "tests/integration"])
def test_every_file_of_tests_runs(folder: str) -> None:
    files = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / folder).rglob("test_*.py")}
    done_by = {file: [one for one in MACHINES if file not in _ignored(one)] for file in files}
    assert len(files) > 20
    assert all(machines for machines in done_by.values())
    assert all(len({one.user for one in machines}) == len(machines) for machines in done_by.values())
    assert {one for machines in done_by.values() for one in machines} == {*MACHINES}, "each runs some"


@pytest.mark.parametrize(
    ("file", "users"),
    [
        ("tests/unit/plugins/module_utils/_firewall/test_steps.py", {"ordinary", "root"}),
        ("tests/unit/plugins/module_utils/_firewall/test_apply.py", {"ordinary", "root"}),
        ("tests/unit/plugins/plugin_utils/_files/test_files.py", {"ordinary", "root"}),
        ("tests/unit/plugins/module_utils/_listener/test_start.py", {"ordinary", "root"}),
    ],
)
def test_what_differs_between_users_runs_as_both(file: str, users: set[str]) -> None:
    assert (CHECKOUT / file).exists()
    assert {one.user for one in MACHINES if file not in _ignored(one)} == users


def test_most_unit_tests_run_on_one_machine() -> None:
    machines = [
        [one for one in MACHINES if file not in _ignored(one)]
        for file in _who_runs_what()
        if file.startswith("tests/unit")
    ]
    assert sum(len(found) == 1 for found in machines) > len(machines) / 2
