# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that deny files of /proc, sockets and processes, as SELinux does for a confined domain.

Measurements do without what they cannot read. What cannot be done without it says what was denied.
"""

import builtins
import errno
import os
import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import (
    capture,
    counters,
    loopback,
    machine,
    open_files,
    own_addresses,
    privileges,
)
from ansible_collections.exasol_community.network.plugins.module_utils._listener import (
    dialogue,
    occupants,
    process,
    start,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe import led_back
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

pytestmark = pytest.mark.machines

DENIED = pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM], ids=["EACCES", "EPERM"])


def denying(number, original, concerns=lambda *arguments: True):
    """Return a function that is denied where it concerns something."""

    def call(*arguments, **named):
        if concerns(*arguments):
            raise OSError(number, os.strerror(number))
        return original(*arguments, **named)

    return call


def of_the_kernel(path, *unused):
    """Tell whether a path is one of the kernel's own files."""
    return isinstance(path, str) and path.startswith(("/proc", "/sys"))


@pytest.fixture
def waiting():
    """A socket that waits for connections, and the port of it."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen(1)
        yield sock.getsockname()[1]


READERS = [
    ("counters", counters.read_counters, {}),
    ("levels", counters.read_levels, {}),
    ("loopback", loopback.packets, None),
    ("identity", machine.identity, ""),
    ("connections", lambda: list(led_back._rows()), []),
    ("descriptors", process._descriptors, range(process._MAX_INHERITED)),
]


@DENIED
@pytest.mark.parametrize("read, without", [row[1:] for row in READERS], ids=[row[0] for row in READERS])
def test_measurements_do_without_files_that_cannot_be_read(monkeypatch, waiting, number, read, without):
    assert read() != without, "the control: here it can be read"
    monkeypatch.setattr(builtins, "open", denying(number, open, of_the_kernel))
    monkeypatch.setattr(os, "listdir", denying(number, os.listdir, of_the_kernel))
    monkeypatch.setattr(os, "readlink", denying(number, os.readlink, of_the_kernel))
    assert read() == without


@DENIED
def test_tables_of_sockets_that_cannot_be_read_hold_nobody(monkeypatch, waiting, number):
    assert [row.port for row in occupants._waiting("tcp", {waiting})] == [waiting], "the control"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("\0exasol-test-denied-" + str(os.getpid()))
        sock.listen(1)
        assert len(dialogue.control_names("exasol-test-denied-" + str(os.getpid()))) == 1, "the control"
        monkeypatch.setattr(builtins, "open", denying(number, open, of_the_kernel))
        assert dialogue.control_names("exasol-test-denied-") == []
    assert list(occupants._waiting("tcp", {waiting})) == []


@DENIED
@pytest.mark.parametrize("version", [4, 6])
def test_binding_proves_nothing_where_the_setting_cannot_be_read(monkeypatch, number, version):
    """Without it, a host with ip_nonlocal_bind would take the addresses of others for its own."""
    monkeypatch.setattr(own_addresses, "open", denying(number, open, of_the_kernel), raising=False)
    assert own_addresses.binds_to_any(version)
    monkeypatch.setattr(own_addresses, "open", denying(errno.ENOENT, open, of_the_kernel), raising=False)
    assert not own_addresses.binds_to_any(version), "the control: a kernel without the setting"


@DENIED
@pytest.mark.parametrize("name", ["setgroups", "setgid", "setuid"])
def test_a_listener_that_may_not_become_another_user_says_so(monkeypatch, number, name):
    called = []
    monkeypatch.setattr(privileges.os, "geteuid", lambda: 0)
    monkeypatch.setattr(privileges, "_is_powerless", lambda: False)
    for one in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(privileges.os, one, called.append)
    assert privileges.give_up_root() == "" and len(called) == 3, "the control"
    monkeypatch.setattr(privileges.os, name, denying(number, None))
    assert_names(privileges.give_up_root(), ["stays root", os.strerror(number)])


@DENIED
def test_limit_that_may_not_be_raised_stays(monkeypatch, number):
    monkeypatch.setattr(open_files.resource, "getrlimit", lambda kind: (100, 5000))
    monkeypatch.setattr(open_files, "_open_files", lambda: 0)
    monkeypatch.setattr(open_files.resource, "setrlimit", lambda kind, limits: None)
    assert open_files.raise_limit() > 4000, "the control"
    monkeypatch.setattr(open_files.resource, "setrlimit", denying(number, None))
    assert open_files.raise_limit() < 100


@DENIED
def test_capture_that_is_denied_is_named(monkeypatch, number):
    monkeypatch.setattr(capture.socket, "socket", denying(number, socket.socket))
    assert_names(refusal(capture.open_socket, {"tcp": Ports([8563])}), ["capture", os.strerror(number)])


TOKEN = "0123456789abcdef" * 2


@DENIED
@pytest.mark.parametrize("call", ["socket", "bind", "listen", "fork"])
def test_listener_that_cannot_be_started_says_what_was_denied_and_leaves_nothing_open(
    monkeypatch, number, call
):
    class Socket(socket.socket):
        def bind(self, *arguments):
            return denied("bind", super().bind)(*arguments)

        def listen(self, *arguments):
            return denied("listen", super().listen)(*arguments)

    def denied(name, original):
        return denying(number, original) if name == call else original

    before = sorted(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(start, "ask_listener", lambda *unused, **named: None)
    monkeypatch.setattr(start, "control_names", lambda stem: [])
    monkeypatch.setattr(start.socket, "socket", denied("socket", Socket))
    monkeypatch.setattr(process.os, "fork", denied("fork", os.fork))
    assert_names(refusal(start.start_or_join, "n11", TOKEN), [os.strerror(number)])
    assert sorted(os.listdir("/proc/self/fd")) == before
