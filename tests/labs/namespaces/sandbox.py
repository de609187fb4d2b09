# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory in which a user follows a document, and the machines and partners of its examples."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import socket
import subprocess
import sys
import typing as t
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers

from ..waiting import SECONDS
from . import standins
from .documents import Block, blocks
from .galaxy import Galaxy
from .namespaces import Namespace, join, with_hosts
from .playbooks import CHECKOUT, executable, inherited_environment
from .services import Service
from .standins import Certificate, StandIn

NETWORK = "exasol_community.network"
GUIDE = CHECKOUT / "docs" / "guide.md"

# The documentation's own networks (RFC 5737), which exist in the namespaces alone.
PARTNERS = [f"192.0.2.{number}" for number in (40, 53, 54, 60)]
HOSTS = [f"192.0.2.{number}" for number in (11, 12, 13, 21, 22)] + [
    f"203.0.113.{number}" for number in (11, 12)
]
NAMES = {"ldap.example.com": "192.0.2.60"}
# Each module has its host's own state, so that hosts do not wait for the lock of the one machine that they
# are, and nothing is left of them there.
PYTHON = f"""#!/bin/sh
exec unshare --mount sh -c '
    mount -t tmpfs none /run && mount -t tmpfs none /var/lib && exec "$0" "$@"
' '{sys.executable}' "$@"
"""


# Leads to a host of the examples, which is a namespace of its own.
CONNECTION = """
DOCUMENTATION = (
    "{name: machines, short_description: to the namespaces of the examples, "
    "description: [is local but for the network], options: {}}"
)

from pathlib import Path
from ansible.plugins.connection.local import Connection as Local

class Connection(Local):
    transport = "machines"

    def exec_command(self, cmd, in_data=None, sudoable=True):
        handle = Path(__file__).with_name(str(self._play_context.remote_addr))
        where = f"nsenter --net={handle.read_text()} " if handle.exists() else ""
        return super().exec_command(where + cmd, in_data=in_data, sudoable=sudoable)
"""


class Expected(t.NamedTuple):
    """How a block ends, what it prints, which files it writes, and what else is to be looked at."""

    code: int = 0
    output: str = ""
    files: tuple[str, ...] = ()
    look: Callable[[Path], None] = lambda directory: None


REPORTS = ("report/report.json", "report/report.md", "report/report.html")
GREEN = Expected(0, " ok; ", REPORTS)
MANIFEST = f"home/.ansible/collections/ansible_collections/{NETWORK.replace('.', '/')}/MANIFEST.json"
INSTALL = f"ansible-galaxy collection install {NETWORK}"
INSTALLED = Expected(0, "was installed successfully", (MANIFEST,))


def kind_of(block: Block) -> str:
    """Return what a YAML block is."""
    content = yaml.safe_load(block.text)
    if isinstance(content, list):
        return "playbook"
    if set(content) == {"all"}:
        return "inventory"
    if "plugin" in content:
        return "plugin"
    return "variables" if all(name.startswith("exasol_") for name in content) else ",".join(content)


def inventories(document: Path) -> list[Block]:
    """Return the inventories of a document."""
    return [block for block in blocks(document) if block.language == "yaml" and kind_of(block) == "inventory"]


def _connections(plugins: Path, machines: Mapping[str, Namespace]) -> Path:
    """Return the directory of a connection plugin that leads to each host by its address for Ansible."""
    plugins.mkdir()
    (plugins / "machines.py").write_text(CONNECTION, encoding="utf-8")
    for address, machine in machines.items():
        for known in (address, address.replace("192.0.2.", "198.51.100.")):
            (plugins / known).write_text(f"/run/netns/{machine.name}", encoding="utf-8")
    return plugins


class Sandbox:
    """A directory for a document.

    Ansible runs beside the partners of its examples, and each host is a namespace of its own.
    """

    def __init__(self, namespace: Namespace, machines: Mapping[str, Namespace], directory: Path, galaxy: str):
        self.directory = directory
        self._namespace = namespace
        self._hosts = directory / "hosts"
        self._hosts.write_text(
            "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in NAMES.items()),
            encoding="ascii",
        )
        python = directory / "python"
        python.write_text(PYTHON, encoding="utf-8")
        python.chmod(0o755)
        self._environment = inherited_environment() | {
            "HOME": str(directory / "home"),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "80",
            "ANSIBLE_GALAXY_SERVER": galaxy,
            # Every host of the examples is a namespace here, so nobody has to log in.
            "ANSIBLE_TRANSPORT": "machines",
            "ANSIBLE_CONNECTION_PLUGINS": str(_connections(directory / "machines", machines)),
            "ANSIBLE_PYTHON_INTERPRETER": str(python),
            "ANSIBLE_PIPELINING": "1",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, script: str, expected: Expected, directory: Path | None = None) -> str:
        """Run a script as a user would paste it, see that it ends as expected, and return what it printed."""
        place = directory or self.directory
        needs_us = NETWORK in script or "c4.yml" in script  # a file that names our inventory plugin
        if needs_us and expected != INSTALLED and not (self.directory / MANIFEST).exists():
            self.run(INSTALL, INSTALLED)
        for file in expected.files:
            if file not in script:
                (place / file).unlink(missing_ok=True)
        with self._namespace.inside():
            done = subprocess.run(
                with_hosts(self._hosts, ["bash", "-ec", script]),
                cwd=place,
                env=self._environment | {"PWD": str(place)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=5 * SECONDS,
                check=False,
            )
        assert done.returncode == expected.code, done.stdout
        assert expected.output in done.stdout, done.stdout
        for file in expected.files:
            assert (place / file).is_file(), f"{file} was not written:\n{done.stdout}"
        expected.look(place)
        return done.stdout

    def write(self, name: str, text: str) -> str:
        """Write a file of the document and return its name."""
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return name

    @functools.cached_property
    def clone(self) -> Path:
        """A copy of the checkout, with the tools that are installed already."""
        copy = self.directory / "clone"
        for name in subprocess.run(
            ["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True, check=True
        ).stdout.splitlines():
            if (CHECKOUT / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(CHECKOUT / name, copy / name)  # with its time, or make would install again
        (copy / ".venv").symlink_to(Path(sys.executable).parent.parent)
        return copy


@contextlib.contextmanager
def partners(namespace: Namespace, certificate: Certificate) -> Iterator[None]:
    """Let the partners of the examples answer, as their protocols ask for it.

    What keeps silent costs its time-out in each run that identifies.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(StandIn(namespace, "192.0.2.40", 1521, standins.oracle(answers.TNS_ACCEPT)))
        stack.enter_context(
            StandIn(
                namespace,
                NAMES["ldap.example.com"],
                636,
                standins.inside_tls(certificate, answers.bind_response(0)),
            )
        )
        for address in ("192.0.2.53", "192.0.2.54"):
            stack.enter_context(Service(namespace, address, 123, socket.SOCK_DGRAM, reply=answers.ntp_answer))
        yield


def machine(core: Namespace, number: int, address: str) -> Namespace:
    """Return a host of the examples, which reaches all others through the namespace in the middle."""
    host = Namespace(f"host{number}")
    join(core, host, f"host{number}", [f"10.66.{number}.1/30"], [f"10.66.{number}.2/30", f"{address}/32"])
    host.ip("route", "add", "default", "via", f"10.66.{number}.1", "src", address)
    core.ip("route", "add", f"{address}/32", "via", f"10.66.{number}.2")
    return host


@contextlib.contextmanager
def sandboxes(
    new_directory: Callable[[str], Path], certificate: Certificate
) -> Iterator[Callable[[Path], Sandbox]]:
    """Return the sandbox of a document, with its partners and a Galaxy that has the collection."""
    artefact = new_directory("artefact")
    subprocess.run(
        [executable("ansible-galaxy"), "collection", "build", "--output-path", artefact, CHECKOUT],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with contextlib.ExitStack() as stack:
        namespace = stack.enter_context(Namespace("documents"))
        namespace.address(*(f"{address}/32" for address in PARTNERS))
        namespace.sysctl("ipv4/ip_forward", 1)
        machines = {
            address: stack.enter_context(machine(namespace, number, address))
            for number, address in enumerate(HOSTS, 1)
        }

        @functools.cache
        def sandbox(document: Path) -> Sandbox:
            made = Sandbox(namespace, machines, new_directory(document.stem), galaxy.url)
            for block in inventories(document) or inventories(GUIDE)[:1]:
                made.write(
                    "clusters.yml" if "exasol_cluster" in block.text else "inventory/hosts.yml", block.text
                )
            for block in blocks(document):
                if block.language == "text" and block.text.startswith("CCC_"):
                    made.write("production/config", block.text)
                if block.language == "yaml" and kind_of(block) == "plugin":
                    made.write("production.c4.yml", block.text)
            return made

        with Galaxy(namespace, next(artefact.glob("*.tar.gz"))) as galaxy, partners(namespace, certificate):
            yield sandbox
