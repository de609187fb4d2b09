# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the role by ansible-playbook over SSH, as a user would run it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import inherited_environment

if t.TYPE_CHECKING:
    from ansible_collections.exasol_community.network.tests.labs.containers.lab import Lab

_HERE = Path(__file__).resolve().parents[2] / "firewall"
_ROOT = _HERE.parents[1]
_MODULE = "exasol_community.network.firewall"


class Answer(t.NamedTuple):
    """What the module came to on one host."""

    word: str  # "ok", "failed" or "unreachable"
    result: dict[str, t.Any]

    @property
    def changed(self) -> bool:
        """Whether it changed anything."""
        return bool(self.result.get("changed"))

    @property
    def message(self) -> str:
        """Its message and its warnings."""
        return "\n".join([str(self.result.get("msg", "")), *map(str, self.result.get("warnings", ()))])

    def cut(self, protocol: str = "tcp") -> list[tuple[str, str, int, int, str]]:
        """Direction, address, port, number and fate of the live connections that it names."""
        return [
            (
                flow["direction"],
                flow["remote"],
                flow["port"],
                flow["connections"],
                flow["open_connections"],
            )
            for flow in self.result["cut"]["flows"]
            if flow["protocol"] == protocol
        ]

    @property
    def diff(self) -> tuple[str, str]:
        """The rules before and after."""
        return self.result["diff"]["before"], self.result["diff"]["after"]


class Run:
    """One run of ansible-playbook that has been started."""

    def __init__(
        self,
        lab: Lab,
        hosts: t.Iterable[str],
        without: t.Container[str],
        variables: dict[str, dict[str, t.Any]],
        options: t.Iterable[str],
        environment: dict[str, str],
        common: dict[str, t.Any],
    ):
        self._record = lab.folder / f"record-{os.urandom(4).hex()}.jsonl"
        inventory = self._record.with_suffix(".yml")
        content = lab.inventory(without)
        content["all"]["vars"].update(common)
        for host, values in variables.items():
            content["all"]["hosts"][host].update(values)
        inventory.write_text(yaml.safe_dump(content, sort_keys=False))
        self._files = (self._record, inventory)
        command = [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "-i",
            str(inventory),
            "--limit",
            ",".join(hosts),
            *options,
            str(_HERE / "play.yml"),
        ]
        self._process = subprocess.Popen(
            command,
            env={**_environment(self._record), **environment},
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        """End the controller at once, with everything it started, as if its machine had lost power."""
        leader = self._process.pid
        for process in (leader, *_children(leader)):
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                os.killpg(process, signal.SIGKILL)
        self._process.wait()

    def answers(self) -> dict[str, Answer]:
        """Wait for the end and return the module's answer on each host."""
        output, _ = self._process.communicate(timeout=600)
        entries = (
            [json.loads(line) for line in self._record.read_text().splitlines()]
            if self._record.exists()
            else []
        )
        found = {
            entry["host"]: Answer(entry["word"], entry["result"])
            for entry in entries
            if entry["action"] == _MODULE or entry["word"] == "unreachable"
        }
        assert found, output
        for path in self._files:
            path.unlink(missing_ok=True)
        return found


def _environment(record: Path) -> dict[str, str]:
    return inherited_environment() | {
        "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / ".collections"),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CALLBACK_PLUGINS": str(_HERE / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "RECORD_FILE": str(record),
        "ANSIBLE_DEPRECATION_WARNINGS": "false",
    }


def _children(process: int) -> list[int]:
    """Return the processes that a process has started: workers of Ansible 2.19 lead sessions of their own."""
    try:
        listed = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    except FileNotFoundError:
        return []  # it has ended already
    return [int(number) for number in listed.split()]
