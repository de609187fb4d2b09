# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fresh machines, and the checkout that is cloned there; without an engine all of it is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers.engine import (
    Engine,
    EngineError,
    find,
)
from ansible_collections.exasol_community.network.tests.labs.containers.fresh import (
    MACHINES,
    Started,
    started,
)
from ansible_collections.exasol_community.network.tests.labs.containers.images import ImageError

_CHECKOUT = Path(__file__).resolve().parents[2]
_PACKAGES = " (Debian: podman, runc, netavark, mmdebstrap)"


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
    _git("clone", "--quiet", "--bare", "--shared", str(_CHECKOUT), str(bare))
    _git("update-ref", "refs/heads/main", commit, GIT_DIR=str(bare))
    _git("symbolic-ref", "HEAD", "refs/heads/main", GIT_DIR=str(bare))
    bundle = folder / "source.bundle"
    _git("bundle", "create", "--quiet", str(bundle), "HEAD", "main", GIT_DIR=str(bare))
    return bundle


def _git(*words: str, **variables: str) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=_CHECKOUT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(params=MACHINES, ids=str)
def machine(
    request: pytest.FixtureRequest,
    engine: Engine,
    source: Path,
    record_property: Callable[[str, object], None],
) -> Iterator[Started]:
    """Start a fresh machine; the seconds of a processor that it needed are written into the JUnit report."""
    try:
        with started(engine, request.param, source) as fresh:
            code, found = fresh.do(
                f"[ ! -e '{fresh.clone}/.venv' ] && ! command -v ip nft podman sshd nmap ansible"
            )
            assert (code, found) == (0, ""), "the control: nothing is there"
            unreachable = fresh.without_index()
            if unreachable:
                pytest.skip(f"needs pip's index, which containers cannot reach here: {unreachable}")
            yield fresh
            record_property("processor seconds", round(fresh.processor_time()))
    except ImageError as error:
        pytest.skip(f"needs an image: {error} (Debian: mmdebstrap)")
