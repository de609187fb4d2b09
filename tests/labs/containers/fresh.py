# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that have only Python, git and make, and the ways in which somebody works on them.

Each is a container of its own, with a network of its own: the tests there use its loopback, and pip and apt
reach the registries through the engine's NAT. How pip and apt reach them on this machine is carried over,
nothing else.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import shlex
import subprocess
import sys
import typing as t
from collections.abc import Iterable, Iterator
from pathlib import Path

from . import images
from .engine import REMOVE, Engine

_OF_REGISTRIES = re.compile(
    r"PIP_.*|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|(?:https?|no)_proxy", re.IGNORECASE
)
_CONFIGURATIONS = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/apt/apt.conf.d/proxy.conf")
# The first process of a container inherits what lost its parent, and has to see it die; an engine's own
# --init is not installed everywhere.
_INIT = """
import os, time
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.1)
"""
# Not by useradd, which Debian 13 does not have everywhere.
_ADD_USER = """
echo ordinary:x:4000:4000::/home/ordinary:/bin/bash >> /etc/passwd
echo ordinary:x:4000: >> /etc/group
mkdir -m 755 /home/ordinary
chown 4000:4000 /home/ordinary
"""
# Of a container, as it sees itself, with version 2 of cgroups or version 1.
_PROCESSOR_TIME = """
cd /sys/fs/cgroup
sed -n 's/^usage_usec \\(.*\\)/\\1000/p' cpu.stat 2>&- || cat cpuacct/cpuacct.usage
"""
_SOURCE_OF_PIP = r"^{place}\.(index-url|extra-index-url|find-links)=(.*)$"
# Whether pip's index answers there, whatever it says.
_ASK_INDEX = """
import ssl, sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=30).close()
except urllib.error.HTTPError:
    pass
except urllib.error.URLError as error:
    isinstance(error.reason, ssl.SSLError) or sys.exit(str(error.reason))
"""
# What was skipped in make test, and why.
_REASONS = """
import pathlib, sys
sys.path.insert(0, "tools")
import skipped
print(*map(ascii, {*skipped.reasons(pathlib.Path(".cache/results"))}), sep="\\n")
"""
# Root's rights, packages, what another target of make installs, or what no package of this Debian gives:
# rights and IPv6, other versions.
_EXPLAINED = re.compile(
    r"needs root|\(Debian: [^)]+\)|which make [a-z-]+ installs|IPv6 on (the )?loopback|needs the right"
    r"|\bPython 3\.|needs OpenSSH 9\.8"
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal
_SECONDS = 2400  # against what hangs; other tests in containers may run beside it
_LINES = 250


class FreshMachine(t.NamedTuple):
    """A machine and the way in which somebody works on it."""

    release: str
    user: str
    folder: str
    options: tuple[str, ...] = ()  # of the engine
    unset: tuple[str, ...] = ()  # variables of the environment
    background: bool = False  # as in a script: there SIGINT is ignored
    terminal: bool = False

    def make(self, target: str, exported: dict[str, str]) -> str:
        """Return a shell's words that make a target as this machine does it."""
        words = " ".join(["env", *(f"-u {name}" for name in self.unset), "make", target])
        exports = "".join(f"export {name}={shlex.quote(value)}; " for name, value in exported.items())
        return f"{exports}nohup {words} & wait $!" if self.background else f"{exports}exec {words}"

    def __str__(self) -> str:
        return f"{self.release}, {self.user}, {self.folder}"


_NO_IPV6 = ("--sysctl=net.ipv6.conf.all.disable_ipv6=1",)
_BARE = ("PWD", "HOME", "LANG", "LC_ALL")
# Without /dev/shm Ansible itself does not start, so all of them have it.
MACHINES = (
    FreshMachine("bookworm", "ordinary", "/tmp", unset=_BARE, background=True),
    FreshMachine("trixie", "root", "/root/a path", options=_NO_IPV6, terminal=True),
    FreshMachine("bookworm", "root", "/tmp", unset=_BARE, background=True),
    FreshMachine("trixie", "ordinary", "/home/ordinary/a path", options=_NO_IPV6, terminal=True),
)


def unexplained(reasons: Iterable[str]) -> list[str]:
    """Return the reasons that name neither the packages nor the rights that a skipped test needs."""
    return [reason for reason in reasons if not _EXPLAINED.search(reason)]


class Started(t.NamedTuple):
    """A fresh machine that runs."""

    engine: Engine
    name: str
    machine: FreshMachine

    @property
    def clone(self) -> str:
        """The folder of the clone there."""
        return f"{self.machine.folder}/clone"

    def do(self, script: str) -> tuple[int, str]:
        """Run a script as the user of this machine; returns its exit code and the end of what it printed."""
        terminal = ["--tty"] if self.machine.terminal else []
        words = ["exec", *terminal, f"--user={self.machine.user}", self.name, "bash", "-c", script]
        call = self.engine.start(
            *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            output = call.communicate(timeout=_SECONDS)[0]
        except subprocess.TimeoutExpired:
            call.kill()
            output = call.communicate()[0]
            raise AssertionError(f"{script} hangs:\n{output[-5000:]}") from None
        lines = _COLOURS.sub("", output).splitlines()
        told = [line for line in lines if not line.startswith("SKIPPED ")]
        return call.returncode, "\n".join(told[-_LINES:])

    def make(self, target: str, **exported: str) -> tuple[int, str]:
        """Make a target in the clone; returns make's exit code and the end of what it printed."""
        return self.do(f"cd '{self.clone}' && {self.machine.make(target, exported)}")

    def without_index(self) -> str:
        """Return why pip's index cannot be reached from there, or nothing if it answers."""
        url = _sources_of_pip().get("index-url", "https://pypi.org/simple/")
        if url.startswith("file:"):
            return ""
        code, output = self.do(f"python3 -c {shlex.quote(_ASK_INDEX)} {shlex.quote(url)}")
        return output.strip() if code else ""

    def unexplained(self) -> list[str]:
        """Return why tests were skipped in make test, as far as that does not say what they need."""
        code, output = self.do(f"cd '{self.clone}' && python3 -c '{_REASONS}'")
        assert code == 0, output
        assert output, "some are skipped everywhere"
        return unexplained(output.splitlines())

    def processor_time(self) -> float:
        """Return the seconds of a processor that were needed there so far."""
        return int(self.engine.run("exec", self.name, "sh", "-c", _PROCESSOR_TIME)) / 1e9


@contextlib.contextmanager
def started(engine: Engine, wanted: FreshMachine, source: Path) -> Iterator[Started]:
    """Start a fresh machine with a clone of a bundle, and remove it with all that was done there.

    Raises ImageError if there is no image of it, and none can be made.
    """
    image = images.ensure_fresh(engine, wanted.release)
    name = f"exanet-fresh-{os.getpid()}-{wanted.release}-{wanted.user}"
    engine.run(
        "run",
        "--detach",
        "--name",
        name,
        *wanted.options,
        *_registries(),
        f"--volume={source}:/source.bundle:ro",
        image,
        "python3",
        "-c",
        _INIT,
    )
    try:
        engine.run("exec", name, "sh", "-ec", _ADD_USER)
        machine = Started(engine, name, wanted)
        code, output = machine.do(
            f"mkdir -p '{wanted.folder}' && git clone --quiet /source.bundle '{machine.clone}'"
        )
        assert code == 0, output
        yield machine
    finally:
        engine.run(*REMOVE[engine.name], name)


def _registries() -> list[str]:
    """Return the engine's options with which pip and apt reach the registries there as they do here."""
    variables = {name: value for name, value in os.environ.items() if _OF_REGISTRIES.fullmatch(name)}
    words = [*variables.values(), *_sources_of_pip().values()]
    paths = [path for word in words for path in word.replace("file://", "").split() if path.startswith("/")]
    shared = dict.fromkeys(path for path in [*paths, *_CONFIGURATIONS] if Path(path).exists())
    return [
        *(f"--env={name}={value}" for name, value in variables.items()),
        *(f"--volume={path}:{path}:ro" for path in shared),
    ]


@functools.cache
def _sources_of_pip() -> dict[str, str]:
    """Return where pip looks for packages, by option: its files say so, and variables more strongly."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, str] = {}
    for place in ("global", "install", ":env:"):
        for option, value in re.findall(_SOURCE_OF_PIP.format(place=place), listed, re.MULTILINE):
            found[option] = ast.literal_eval(value)
    return found
