# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's two commands on machines that have only Python, git and make.

Each machine is a container of its own, with a network of its own: the tests there use its loopback, and pip
and apt reach the registries through the engine's NAT. How pip and apt reach them on this machine is carried
over, nothing else.

Four machines run at the same time: Debian 12 and 13, an ordinary user and root, a clone in /tmp and one in a
path with a blank. Each runs both commands, and installs for itself what they need. make test leaves out there
what another machine runs:

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

firewall and molecule-ci are skipped on each of them, because there is no container engine.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers import images
from ansible_collections.exasol_community.network.tests.labs.containers.engine import (
    Engine,
    EngineError,
    find,
)

CHECKOUT = Path(__file__).resolve().parents[2]
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
_PACKAGES = " (Debian: podman, runc, netavark, mmdebstrap)"
_SECONDS = 2400  # against what hangs; other tests in containers may run beside it
_LINES = 250
# Seconds of a processor, roughly, so that the machines end at about the same time.
_WORK = {"lint": 40, "docs-site": 10, "sanity": 80, "consumers": 10}
_ONCE = ("sanity", "consumers")  # parts that run on one machine, as an ordinary user
# What a file of tests has if root may see something else in it than an ordinary user.
_DIFFERS_BETWEEN_USERS = re.compile(
    r"uid\b|chmod|chown|unshare|Permission|EPERM|EACCES|\broot\b|subprocess|run_python|import socket"
)
_WORK_OF_A_KIBIBYTE = {"tests/integration": 0.6, "tests/unit": 0.05}


class FreshMachine(t.NamedTuple):
    """A machine and the way in which somebody works on it."""

    release: str
    user: str
    folder: str
    options: tuple[str, ...] = ()  # of the engine
    unset: tuple[str, ...] = ()  # variables of the environment
    background: bool = False  # as in a script: there SIGINT is ignored
    terminal: bool = False
    without: tuple[str, ...] = ()  # parts of make test that are left to another machine

    def command(self, target: str) -> str:
        """Return a shell's words that make a target as this machine does it."""
        words = " ".join(["env", *(f"-u {name}" for name in self.unset), "make", target])
        chosen = ""
        if target == "test":
            ignored = " ".join(f"--ignore={file}" for file in self.ignored())
            less = f"EXANET_EXAMPLES=10 PIP_NO_COMPILE=1 WITHOUT='{self.left_out()}'"
            chosen = f"export {less} PYTEST_ADDOPTS='{ignored}'; "
        return f"{chosen}nohup {words} & wait $!" if self.background else f"{chosen}exec {words}"

    def left_out(self) -> str:
        """Return the parts of make test that are left out: those of other machines."""
        return " ".join(self.without)

    def ignored(self) -> list[str]:
        """Return the files of tests that are left to other machines."""
        return [file for file, machines in _who_runs_what().items() if self not in machines]

    def __str__(self) -> str:
        return f"{self.release}, {self.user}, {self.folder}"


@functools.cache
def _who_runs_what() -> dict[str, list[FreshMachine]]:
    """Return the machines of each file of tests: whoever would be ready first takes the next largest."""
    work = {
        machine: sum(seconds for part, seconds in _WORK.items() if part not in machine.without)
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


_NO_IPV6 = ("--sysctl=net.ipv6.conf.all.disable_ipv6=1",)
_NO_LOCALE = ("LANG", "LC_ALL")
# Without /dev/shm Ansible itself does not start, so all of them have it.
MACHINES = [
    FreshMachine(
        "bookworm",
        "ordinary",
        "/tmp",
        unset=("PWD", "HOME", *_NO_LOCALE),
        background=True,
        without=("sanity", "consumers"),
    ),
    FreshMachine(
        "trixie",
        "root",
        "/root/a path",
        options=_NO_IPV6,
        terminal=True,
        without=("sanity", "consumers"),
    ),
    FreshMachine(
        "bookworm",
        "root",
        "/tmp",
        unset=("PWD", "HOME", *_NO_LOCALE),
        background=True,
        without=("lint", "docs-check", "docs-site", "sanity", "consumers"),
    ),
    FreshMachine(
        "trixie",
        "ordinary",
        "/home/ordinary/a path",
        options=_NO_IPV6,
        terminal=True,
        without=("lint", "docs-check", "docs-site"),
    ),
]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return the container engine, or skip and say what is missing."""
    absent = "" if shutil.which("podman") or shutil.which("docker") else _PACKAGES
    if os.geteuid():
        pytest.skip(f"needs root: containers with a network of their own{absent}")
    try:
        return find()
    except EngineError as error:
        pytest.skip(f"needs a container engine: {error}{_PACKAGES}")


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle (a repository as one file) of the checkout, including uncommitted changes."""
    folder = tmp_path_factory.mktemp("source")
    work = {"GIT_INDEX_FILE": str(folder / "index")}
    _git("add", "--all", **work)
    who = ["-c", "user.name=fresh", "-c", "user.email=fresh@example.com"]
    commit = _git(*who, "commit-tree", "-m", "As it is", _git("write-tree", **work))
    bare = folder / "bare"
    _git("clone", "--quiet", "--bare", "--shared", str(CHECKOUT), str(bare))
    _git("update-ref", "refs/heads/main", commit, GIT_DIR=str(bare))
    _git("symbolic-ref", "HEAD", "refs/heads/main", GIT_DIR=str(bare))
    bundle = folder / "source.bundle"
    _git("bundle", "create", "--quiet", str(bundle), "HEAD", "main", GIT_DIR=str(bare))
    return bundle


def _git(*words: str, **variables: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=CHECKOUT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(params=MACHINES, ids=str)
def machine(request: pytest.FixtureRequest, engine: Engine, source: Path) -> Iterator[Started]:
    """Start a fresh machine, and remove it with all that was done there."""
    wanted: FreshMachine = request.param
    try:
        image = images.ensure_fresh(engine, wanted.release)
    except images.ImageError as error:
        pytest.skip(f"needs an image: {error} (Debian: mmdebstrap)")
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
        yield Started(engine, name, wanted)
    finally:
        engine.run("rm", "--force", "--time=0", name) if engine.name == "podman" else engine.run(
            "rm", "--force", name
        )


def _registries() -> list[str]:
    """Return the engine's options with which pip and apt reach the registries there as they do here."""
    variables = {name: value for name, value in os.environ.items() if _OF_REGISTRIES.fullmatch(name)}
    paths = [path for value in variables.values() for path in value.split() if path.startswith("/")]
    shared = dict.fromkeys(path for path in [*paths, *_CONFIGURATIONS] if Path(path).exists())
    return [
        *(f"--env={name}={value}" for name, value in variables.items()),
        *(f"--volume={path}:{path}:ro" for path in shared),
    ]


class Started(t.NamedTuple):
    """A fresh machine that runs."""

    engine: Engine
    name: str
    machine: FreshMachine

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
        told = [line for line in output.splitlines() if not line.startswith("SKIPPED ")]
        return call.returncode, "\n".join(told[-_LINES:])


def test_both_commands_end_green(machine: Started) -> None:
    folder = f"{machine.machine.folder}/clone"
    clone = f"mkdir -p '{machine.machine.folder}' && git clone --quiet /source.bundle '{folder}'"
    code, output = machine.do(clone)
    assert code == 0, output
    assert machine.do(f"[ ! -e '{folder}/.venv' ] && ! command -v ip nft podman sshd nmap ansible") == (
        0,
        "",
    ), "the control: nothing is there"
    left_out = f"Left out: {machine.machine.left_out()}."
    for target, expected in (("site", ["72 flows: 72 ok"]), ("test", [left_out, "Skipped tests: "])):
        code, output = machine.do(f"cd '{folder}' && {machine.machine.command(target)}")
        assert code == 0, output
        for words in expected:
            assert words in output, output
    assert machine.do(f"cd '{folder}' && git status --porcelain") == (0, ""), (
        "make test left files in the tree"
    )


def test_what_a_machine_leaves_out_another_does() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^PARTS := (.*)$", makefile, re.MULTILINE)
    assert found
    parts = {*found[1].split()}
    assert len(parts) > 5
    for machine in MACHINES:
        assert {*machine.without} < parts, "a misspelt name would leave nothing out"
    for part in parts:
        done_by = [machine for machine in MACHINES if part not in machine.without]
        if part in _ONCE:
            assert [machine.user for machine in done_by] == ["ordinary"], part
            continue
        assert {machine.release for machine in done_by} == {"bookworm", "trixie"}, part
        assert {machine.user for machine in done_by} == {"ordinary", "root"}, part
    for part in ("units", "integration", "containers"):
        assert not any(part in machine.without for machine in MACHINES)


@pytest.mark.parametrize("folder", ["tests/unit", "tests/integration"])
def test_every_file_of_tests_runs(folder: str) -> None:
    files = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / folder).rglob("test_*.py")}
    done_by = {file: [one for one in MACHINES if file not in one.ignored()] for file in files}
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
    assert {one.user for one in MACHINES if file not in one.ignored()} == users


def test_most_unit_tests_run_on_one_machine() -> None:
    machines = [
        [one for one in MACHINES if file not in one.ignored()]
        for file in _who_runs_what()
        if file.startswith("tests/unit")
    ]
    assert sum(len(found) == 1 for found in machines) > len(machines) / 2
