# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of ansible-playbook as a user starts them, watched while they go on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..reports import verification_in
from ..waiting import SECONDS, until
from . import oracles
from .namespaces import Machine, Namespace, with_hosts

CHECKOUT = Path(__file__).resolve().parents[3]
LOOPBACK = CHECKOUT / "inventory" / "loopback.yml"
ROLE = "exasol_community.network.verify"
LISTEN, COLLECT, PROBE = (
    f"TASK [{ROLE} : {task}]"
    for task in ("Start listeners on ports without a service", "Collect which listeners run", "Probe")
)
Result = dict[str, t.Any]
# In front of a run: it has a host's own /run and /var/lib. So there is no systemd to give timers to, the lock
# of a host's firewall is its own, and nothing of its state is left on this machine.
OWN_STATE = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && exec "$0" "$@"',
)
_RETURNED = "returned.json"
_COMPILED = CHECKOUT / ".cache" / "compiled"
_HARMLESS = (
    "nftables.service is not enabled",  # said by our module, and true of the machine that runs the tests
    "/ansible/_protomatter' does not have a MANIFEST.json file",  # a collection inside ansible-core itself
)


def executable(name: str = "ansible-playbook") -> str:
    """Return the tool beside this Python, or the one on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is neither beside {sys.executable} nor on PATH"
    return found


def warnings_in(output: str) -> list[str]:
    """Return the first lines of Ansible's warnings and deprecations, except known harmless ones."""
    found = re.findall(r"^\[(?:DEPRECATION )?WARNING\].*", output, re.MULTILINE)
    return [line for line in found if not any(known in line for known in _HARMLESS)]


class Done(t.NamedTuple):
    """A run that is over."""

    code: int
    output: str
    directory: Path

    @property
    def said(self) -> str:
        """The output without its line breaks: sentences are broken to fit the terminal."""
        return " ".join(self.output.split())

    @property
    def report(self) -> dict[str, t.Any]:
        """The report that the run wrote, with flows and paths one by one."""
        return verification_in(self.directory / "report" / "report.json")

    @property
    def warnings(self) -> list[str]:
        """The warnings in the output that nobody knows."""
        return warnings_in(self.output)

    @property
    def wrote_report(self) -> bool:
        """Whether the run wrote anything."""
        return (self.directory / "report").exists()

    def results(self, **wanted: t.Any) -> list[Result]:
        """Return the results with these values."""
        return [
            result
            for result in self.report["results"]
            if all(result[field] == value for field, value in wanted.items())
        ]

    def the_result(self, **wanted: t.Any) -> Result:
        """Return the only result with these values."""
        found = self.results(**wanted)
        assert len(found) == 1, (wanted, found)
        return found[0]

    def verdicts(self, **wanted: t.Any) -> set[str]:
        """Return the verdicts of the results with these values."""
        return {result["verdict"] for result in self.results(**wanted)}

    def names(self, result: Result) -> bool:
        """Tell whether the output names a result of the report.

        Its verdict, and the sentence that says who acts.
        """
        return f"{result['verdict']}: {result['sentence']}" in self.said


class Run:
    """A run that goes on; leaving its context kills what is left of it."""

    def __init__(
        self,
        machine: Machine,
        directory: Path,
        *arguments: str,
        inventory: Path | Mapping[str, t.Any] = LOOPBACK,
        playbook: str = "site.yml",
        variables: Mapping[str, t.Any] | None = None,
        before: Sequence[str] = (),
        hosts: Path | None = None,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ):
        self.directory = directory
        self.lines: list[str] = []
        self._news = threading.Condition()
        directory.mkdir(exist_ok=True)
        of_checkout = CHECKOUT / playbook
        started = str(of_checkout) if of_checkout.is_file() else playbook
        # Unbuffered, so that what it says is read at once. A variable of the environment would do that to the
        # modules too, which then read what comes through a pipe byte by byte.
        python = Path(executable()).with_name("python3")
        command = [
            *before,
            str(python),
            "-u",
            executable(),
            "-i",
            str(_written(inventory, directory)),
            *_extra(variables),
            started,
            *arguments,
        ]
        with machine.inside():
            self._process = subprocess.Popen(
                with_hosts(hosts, command) if hosts else command,
                cwd=cwd or directory,
                env=environment or _environment(directory),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                preexec_fn=_hear_interrupts,  # noqa: PLW1509  # it takes no lock
            )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(SECONDS)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            with self._news:
                self.lines.append(line)
                self._news.notify_all()

    @property
    def output(self) -> str:
        """What the run has printed so far."""
        return "".join(self.lines)

    def wait_for(self, text: str, seconds: float = SECONDS) -> None:
        """Wait until the run prints a text."""
        with self._news:
            seen = self._news.wait_for(
                lambda: text in self.output or self._process.poll() is not None, seconds
            )
        assert seen and text in self.output, f"{text!r} was waited for in vain:\n{self.output}"

    def send(self, number: int) -> None:
        """Send a signal to ansible-playbook alone."""
        os.kill(self.pid, number)

    def interrupt(self, number: int) -> None:
        """Send a signal until the run ends, as a user does.

        Python ignores an exception in some places (callbacks of fork and of weak references), and with it
        Ansible's KeyboardInterrupt.
        """
        while self._process.poll() is None:
            self.send(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)

    @contextlib.contextmanager
    def suspended(self) -> t.Iterator[None]:
        """Stop ansible-playbook for a moment, so that it starts no further task."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)

    def finish(self, seconds: float = 6 * SECONDS) -> Done:
        """Wait for the end."""
        code = self._process.wait(seconds)
        self._reader.join(SECONDS)
        return Done(code, self.output, self.directory)


def play(machine: Machine, directory: Path, *arguments: str, **options: t.Any) -> Done:
    """Run a playbook, C(site.yml) if none is given, to its end."""
    with Run(machine, directory, *arguments, **options) as run:
        return run.finish()


def playbook_of(directory: Path, hosts: str, tasks: Mapping[str, Mapping[str, t.Any]]) -> str:
    """Return a playbook that runs tasks, whether they fail or not.

    Each registers what it returns under its name, for C(returned).
    """
    named = [dict(task, name=name, register=name, ignore_errors=True) for name, task in tasks.items()]
    everywhere = [
        f"'{name}': ansible_play_hosts_all | map('extract', hostvars, '{name}') | list" for name in tasks
    ]
    content = "{{ {'hosts': ansible_play_hosts_all, " + ", ".join(everywhere) + "} | to_json }}"
    keep = {
        "name": "Keep",
        "run_once": True,
        "ansible.builtin.copy": {"content": content, "dest": str(directory / _RETURNED)},
    }
    playbook = directory / "tasks.yml"
    playbook.write_text(
        json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": [*named, keep]}]), encoding="utf-8"
    )
    return str(playbook)


def returned(done: Done, host: str) -> dict[str, Result]:
    """Return what each task of C(playbook_of) returned on a host."""
    assert done.code == 0, done.output
    kept = json.loads((done.directory / _RETURNED).read_text(encoding="utf-8"))
    number = kept.pop("hosts").index(host)
    return {name: results[number] for name, results in kept.items()}


def do(
    machine: Machine, directory: Path, host: str, tasks: Sequence[Mapping[str, t.Any]], **options: t.Any
) -> tuple[list[Result], Done]:
    """Run tasks on one host, whether they fail or not, and return what each of them returned."""
    playbook = playbook_of(directory, host, {f"result_{number}": task for number, task in enumerate(tasks)})
    done = play(machine, directory, playbook=playbook, **options)
    return list(returned(done, host).values()), done


def _written(inventory: Path | Mapping[str, t.Any], directory: Path) -> Path:
    if isinstance(inventory, Path):
        return inventory
    path = directory / "inventory.yml"
    # JSON is YAML, and unlike YAML it is in the standard library.
    path.write_text(json.dumps(inventory, ensure_ascii=False), encoding="utf-8")
    return path


def _hear_interrupts() -> None:
    # A shell starts what runs in the background, and nohup everything, with this signal ignored; Ansible
    # would never hear it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _extra(variables: Mapping[str, t.Any] | None) -> list[str]:
    return ["-e", json.dumps(variables)] if variables else []


def compiling_once() -> dict[str, str]:
    """Return the variables that keep what is compiled for the next run."""
    _COMPILED.mkdir(parents=True, exist_ok=True)
    first = Path(__file__).parent / "compiled"
    others = os.environ.get("PYTHONPATH")
    return {
        "EXANET_COMPILED": str(_COMPILED),
        "PYTHONPATH": f"{first}{os.pathsep}{others}" if others else str(first),
    }


def inherited_environment() -> dict[str, str]:
    """Return this environment without Ansible's variables, and with those that keep what is compiled.

    It is also without those that let Python do its work twice: what is unbuffered reads a module, which
    comes through a pipe, byte by byte.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ANSIBLE_") and name not in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")
    }
    return inherited | compiling_once()


def _environment(directory: Path) -> dict[str, str]:
    """Return an environment with the checkout's ansible.cfg, which writes only to the test's directory."""
    return inherited_environment() | {
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(directory / "home"),
        "ANSIBLE_REMOTE_TMP": str(directory / "home" / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "80",
        "LC_ALL": "C.UTF-8",
    }


DROPS = (
    "table inet filter { chain input { type filter hook input priority 0; policy drop; iif lo accept; }; }"
)
LOCAL = {"ansible_connection": "local", "exasol_firewall_enabled": False}


def cluster(
    nodes: Mapping[str, t.Any], clients: Mapping[str, t.Any] | None = None, **variables: t.Any
) -> dict[str, t.Any]:
    """Return an inventory of local hosts, given by name and address or by name and variables."""
    groups = {"exasol_nodes": nodes, "exasol_clients": clients or {}}
    common = {
        **LOCAL,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "exasol_verify_source_address": "{{ exasol_address }}",
        "exasol_report_formats": ["json"],
    }
    return {
        "all": {
            "vars": common | variables,
            "children": {group: {"hosts": _hosts(hosts)} for group, hosts in groups.items() if hosts},
        }
    }


def host(machine: Namespace, folder: Path, address: str) -> dict[str, t.Any]:
    """Return the variables of a host that lives in a namespace: its Python is started there."""
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / f"python-{machine.label}"
    python.write_text(
        f'#!/bin/sh\nexec nsenter --net=/run/netns/{machine.name} {sys.executable} "$@"\n', encoding="utf-8"
    )
    python.chmod(0o755)
    return {"exasol_address": address, "ansible_python_interpreter": str(python)}


def _hosts(hosts: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        name: value if isinstance(value, Mapping) else {"exasol_address": value}
        for name, value in hosts.items()
    }


PAIR = cluster({"n12": "127.0.0.12"}, {"client": "127.0.0.21"})
TRIPLE = cluster({"n11": "127.0.0.11", "n12": "127.0.0.12"}, {"client": "127.0.0.21"})


def idle(machine: Machine) -> bool:
    """Tell whether no listener is left, or becomes so in a moment."""
    return until(lambda: oracles.nothing_left(machine), "the end of all listeners")
