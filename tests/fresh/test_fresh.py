# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""README's two commands on machines that have only Python, git and make.

Each machine is a container of its own, with a network of its own: the tests there use its loopback, and pip
and apt reach the registries through the engine's NAT. How pip and apt reach them on this machine is carried
over, nothing else.

What asks the machine runs on each of them: both commands, units, modules on loopback, consumers, and the
documentation's build. What takes long and asks less is divided, so that both together take at most 8 minutes
on two processors: each part of make test and each file of tests runs on one of them at least, but for a few
tests of many cases.
"""

from __future__ import annotations

import os
import re
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
# Playbooks whose many cases differ by data, and ask nothing of the machine that their neighbours do not.
_MANY_CASES = (
    "test_site_coverage.py::test_a_part_of_the_hosts_is_green_and_says_what_it_left_out",
    "test_site_strategies.py::test_plays_in_which_hosts_run_together",
    "test_site_untrusted.py::test_a_password_that_occurs_in_a_result_destroys_nothing",
    "test_site_whole.py::test_what_differs_between_hosts_is_refused_whoever_is_first",
    "test_site_whole.py::test_what_is_the_same_or_each_hosts_own_is_taken",
)
_SECONDS = 1500  # against what hangs
_LINES = 250


class FreshMachine(t.NamedTuple):
    """A machine and the way in which somebody works on it."""

    release: str
    user: str
    folder: str
    options: tuple[str, ...] = ()  # of the engine
    before: str = ""  # a shell's words in front of a command
    terminal: bool = False
    without: tuple[str, ...] = ()  # parts of make test that are left to the other machine
    ignored: tuple[str, ...] = ()  # files of tests/integration that are left to the other machine

    def command(self, target: str) -> str:
        """Return a shell's words that make a target as this machine does it."""
        options = " ".join(
            [
                *(f"--ignore-glob=*/{name}" for name in self.ignored),
                *(f"--deselect=tests/integration/{test}" for test in _MANY_CASES),
            ]
        )
        chosen = (
            f"export WITHOUT='{' '.join(self.without)}' PYTEST_ADDOPTS='{options}'; "
            if target == "test"
            else ""
        )
        return f"{chosen}{self.before}make {target}"

    def __str__(self) -> str:
        return f"{self.release}, {self.user}, {self.folder}"


MACHINES = [
    # A script's background: no terminal, SIGINT ignored, and neither PWD nor a locale nor a home.
    FreshMachine(
        "bookworm",
        "ordinary",
        "/tmp",
        before="trap '' INT; exec env -u PWD -u HOME -u LANG -u LC_ALL ",
        without=("sanity",),
        ignored=(
            "test_site_coverage.py",
            "test_site_delegation.py",
            "test_site_input.py",
            "test_site_untrusted.py",
            "test_site_whole.py",
        ),
    ),
    # A terminal, no IPv6, and a path with a blank. (Without /dev/shm Ansible itself does not start.)
    FreshMachine(
        "trixie",
        "root",
        "/root/a path",
        options=("--sysctl=net.ipv6.conf.all.disable_ipv6=1",),
        terminal=True,
        before="exec ",
        without=("lint",),
        ignored=(
            "test_artefact.py",
            "test_net_standins.py",
            "test_site.py",
            "test_site_killed.py",
            "test_site_report.py",
            "test_site_runner.py",
            "test_site_strategies.py",
        ),
    ),
]


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return the container engine, or skip and say what is missing."""
    if os.geteuid():
        pytest.skip("needs root: containers with a network of their own")
    try:
        return find()
    except EngineError as error:
        pytest.skip(f"needs a container engine: {error} (Debian: podman, runc, netavark, mmdebstrap)")


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
    name = f"exanet-fresh-{os.getpid()}-{wanted.release}"
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
    for target, words in (("site", "72 flows: 72 ok"), ("test", "Skipped tests: ")):
        code, output = machine.do(f"cd '{folder}' && {machine.machine.command(target)}")
        assert code == 0, output
        assert words in output, output
    assert machine.do(f"cd '{folder}' && git status --porcelain") == (0, ""), (
        "make test left files in the tree"
    )


def test_what_one_machine_leaves_out_the_other_does() -> None:
    one, other = MACHINES
    assert not {*one.without} & {*other.without}
    assert not {*one.ignored} & {*other.ignored}
    parts = re.search(r"^PARTS := (.*)$", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert parts
    assert {*one.without, *other.without} <= {*parts[1].split()}
    names = {path.name for path in (CHECKOUT / "tests" / "integration").glob("test_*.py")}
    assert {*one.ignored, *other.ignored} <= names, "a misspelt name would leave nothing out"
    for test in _MANY_CASES:
        file, name = test.split("::")
        assert f"\ndef {name}(" in (CHECKOUT / "tests" / "integration" / file).read_text(encoding="utf-8")
