# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that all labs of a checkout share, when several of them start at the same time in a fresh clone."""

from __future__ import annotations

import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.exasol_community.network.tests.labs.containers import engine, lab

needs_ssh_keygen = pytest.mark.skipif(
    not shutil.which("ssh-keygen"), reason="needs ssh-keygen (Debian: openssh-client)"
)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Put the files of labs into a new folder."""
    monkeypatch.setattr(engine, "CACHE", tmp_path / "lab")
    return engine.CACHE


@needs_ssh_keygen
def test_labs_that_ask_for_the_key_at_the_same_time_get_the_same_one(cache):
    start = threading.Barrier(6)

    def ask(_):
        start.wait()
        return lab._key().with_suffix(".pub").read_text()

    with ThreadPoolExecutor(
        start.parties
    ) as pool:  # a lock of a file is between threads as between processes
        keys = set(pool.map(ask, range(start.parties)))

    assert [key.split()[0] for key in keys] == ["ssh-ed25519"]
    assert {path.name for path in cache.iterdir()} == {"id_ed25519", "id_ed25519.pub", "id_ed25519.lock"}


@needs_ssh_keygen
def test_a_key_that_is_there_would_not_be_made_again(tmp_path):
    """What the test above guards against: without a lock, whoever comes second fails."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")]

    codes = [
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode
        for _ in range(2)
    ]

    assert codes == [0, 1]


def test_a_file_is_made_by_the_first_who_asks(cache):
    contents = iter(("first", "second"))

    paths = {engine.made_once("file", lambda path: path.write_text(next(contents))) for _ in range(2)}

    assert [path.read_text() for path in paths] == ["first"]
    assert next(contents) == "second"


def test_a_run_that_is_interrupted_leaves_no_part_of_a_file(cache):
    def stop(path):
        path.write_text("a part")
        path.with_suffix(".pub").write_text("a part")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.made_once("file", stop)

    assert [path.name for path in cache.iterdir()] == ["file.lock"]
    assert engine.made_once("file", lambda path: path.write_text("whole")).read_text() == "whole"
