# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of listeners, and how they are asked."""

import contextlib
import hashlib
import os
import select
import signal
import socket
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import dialogue
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._listener.listeners import (
    NOBODY,
    listens,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    free_ports,
    some_address,
)


def test_whoever_lets_nobody_in_is_not_waited_for(host):
    stem = dialogue.stem_of(host.name)
    with contextlib.ExitStack() as stack:
        for number in range(40):
            full = stack.enter_context(socket.socket(socket.AF_UNIX))
            full.bind(f"\0{stem}{number:024x}")
            full.listen(0)
            for unused in range(2):
                waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
        address = some_address()
        (port,) = free_ports(address)
        host.present(address, [port])  # or it would hang for twenty minutes
        assert listens(address, port)


@contextlib.contextmanager
def forked(holds):
    """Call a function in a process of its own, which says by a pipe what it does; returns the pipe."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            holds(lambda word: os.write(writer, word))
        finally:
            os._exit(0)
    os.close(writer)
    try:
        yield reader
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)


def test_a_lease_of_the_same_user_is_waited_for_however_long_it_takes(host):
    def holds(say):
        with dialogue.lock(host.name):
            say(b"held")
            time.sleep(dialogue._MAX_LOCK_SECONDS + 0.5)
            say(b"done")

    with forked(holds) as pipe:
        assert os.read(pipe, 4) == b"held"
        with dialogue.lock(host.name):
            os.set_blocking(pipe, False)
            assert os.read(pipe, 4) == b"done"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act for another user")
@pytest.mark.parametrize("says_who", [True, False], ids=["who says so", "who lets nobody in"])
def test_another_user_cannot_keep_a_lease_waiting(host, says_who):
    name = "\0lock." + dialogue.stem_of(host.name)

    def holds(say):
        os.setgroups([])
        os.setuid(NOBODY)
        with socket.socket(socket.AF_UNIX) as taken:
            taken.bind(name)
            if says_who:
                taken.listen(1)
            say(b"held")
            time.sleep(60)

    with forked(holds) as pipe:
        assert os.read(pipe, 4) == b"held"
        with dialogue.lock(host.name):
            assert select.select([pipe], [], [], 0)[0] == [], "it goes on, and nobody waits"


def test_the_name_of_the_control_socket_cannot_be_told_without_the_token():
    names = {
        dialogue.control_name(name, token)
        for name in ("n1", "n2", "N1", "\u30ce", "n1 ")
        for token in ("x" * 16, "y" * 16)
    }
    assert len(names) == 10
    assert all(
        name.startswith(b"\0") and len(name) < 108 and str(os.getuid()).encode("ascii") in name
        for name in names
    )
    known = (
        hashlib.sha256(b"n1").hexdigest()
        + hashlib.sha256(b"x" * 16).hexdigest()
        + hashlib.sha256(b"run:" + b"x" * 16).hexdigest()
    )
    secret = dialogue.control_name("n1", "x" * 16).rpartition(b"/")[2].decode("ascii")
    assert len(secret) == 24 and secret not in known
