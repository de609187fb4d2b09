# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs with ansible-runner, as AWX and ansible-navigator start them, and needs of execution environments."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    PAIR,
    executable,
    inherited_environment,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import SECONDS

SECRET = "a-secret-of-this-test"
_FILES = {"exasol_ftp_user": "somebody", "exasol_ftp_password": SECRET, "exasol_report_formats": ["json"]}


class Job(t.NamedTuple):
    """A job that is over, and what ansible-runner keeps of it."""

    code: int
    artifacts: Path

    def read(self, name: str) -> str:
        """Return what a file of the job holds."""
        return (self.artifacts / name).read_text(encoding="utf-8")

    def events(self) -> list[dict[str, t.Any]]:
        """Return the events in their order."""
        found = [
            json.loads(file.read_text(encoding="utf-8"))
            for file in (self.artifacts / "job_events").glob("*.json")
        ]
        return sorted(found, key=lambda event: event["counter"])


def run(machine: Machine, folder: Path, playbook: str, **variables: t.Any) -> Job:
    """Let ansible-runner run a playbook of the collection in a private directory."""
    (folder / "project").mkdir()
    (folder / "inventory").mkdir()
    (folder / "env").mkdir()
    (folder / "inventory" / "hosts.json").write_text(json.dumps(PAIR), encoding="utf-8")
    extra = {**_FILES, "exasol_report_directory": str(folder / "report"), **variables}
    (folder / "env" / "extravars").write_text(json.dumps(extra), encoding="utf-8")
    surroundings = inherited_environment() | {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".collections"),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_HOME": str(folder / "home"),
        "PATH": f"{Path(executable()).parent}:{os.environ['PATH']}",
    }
    with machine.inside():
        done = subprocess.run(
            [executable("ansible-runner"), "run", str(folder), "--ident", "job", "-p", playbook],
            env=surroundings,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=3 * SECONDS,
            check=False,
        )
    assert (folder / "artifacts" / "job" / "rc").exists(), done.stdout + done.stderr
    return Job(done.returncode, folder / "artifacts" / "job")


def statistics(job: Job) -> dict[str, t.Any]:
    """Return what the job left with set_stats, which AWX shows as its artefacts."""
    (last,) = [event for event in job.events() if event["event"] == "playbook_on_stats"]
    return last["event_data"]["artifact_data"]["exasol_network"]


def test_a_green_job(machine: Machine, tmp_path: Path) -> None:
    job = run(machine, tmp_path, "exasol_community.network.site")
    assert (job.code, job.read("rc"), job.read("status")) == (0, "0", "successful"), job.read("stdout")
    assert (
        json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["summary"]
        == statistics(job)["summary"]
    )
    assert statistics(job)["not_ok"] == 0
    assert "flows" in job.read("stdout")


def test_a_red_job(machine: Machine, tmp_path: Path) -> None:
    """Nothing listens: the job fails, and its artefacts say how much is wrong."""
    job = run(machine, tmp_path, "exasol_community.network.verify", exasol_verify_listeners=False)
    assert (job.code, job.read("rc"), job.read("status")) == (2, "2", "failed"), job.read("stdout")
    assert statistics(job)["summary"] == {"no_listener": statistics(job)["not_ok"]}
    assert "start the service there" in job.read("stdout")


def test_no_secret_is_kept(machine: Machine, tmp_path: Path) -> None:
    job = run(machine, tmp_path, "exasol_community.network.verify")
    kept = "\n".join(
        file.read_text(encoding="utf-8", errors="replace")
        for file in job.artifacts.rglob("*")
        if file.is_file()
    )
    assert "exasol_community.network.listener" in kept, (
        "the control: the tasks that were given secrets are there"
    )
    assert SECRET not in kept
    assert set(re.findall(r'"token": "([^"]*)"', kept)) == set(), (
        "what a task was given is not part of what it returns"
    )


def introspected(collections: Path) -> dict[str, t.Any]:
    """Return what an execution environment needs for the collections of a folder, as ansible-builder says."""
    command = [executable("ansible-builder"), "introspect", str(collections)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    return yaml.safe_load(done.stdout)


def test_an_execution_environment_needs_nothing_more(tmp_path: Path) -> None:
    meta = tmp_path / "ansible_collections" / "exasol_community" / "network" / "meta"
    shutil.copytree(CHECKOUT / "meta", meta)
    shutil.copy(CHECKOUT / "galaxy.yml", meta.parent)  # without it the folder counts as no collection
    assert introspected(tmp_path) == {"python": [], "system": []}
    # The control: the file is what ansible-builder reads.
    file = meta / "execution-environment.yml"
    file.write_text(
        file.read_text(encoding="utf-8").replace("{}", "{python: requirements.txt}"), encoding="utf-8"
    )
    (meta.parent / "requirements.txt").write_text("netaddr\n", encoding="utf-8")
    assert [line.split()[0] for line in introspected(tmp_path)["python"]] == ["netaddr"]
