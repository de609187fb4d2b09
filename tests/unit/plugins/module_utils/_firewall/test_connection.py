# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the connection comes from that no change may cut."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import (
    connection as _connection,
)
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.connection import (
    Connection,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    refusal,
    run_python,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases


@pytest.mark.parametrize(
    "value, expected",
    [
        ("203.0.113.77 51234 192.0.2.11 22", Connection("203.0.113.77", 22, "192.0.2.11")),
        ("203.0.113.77 51234 192.0.2.11 2222", Connection("203.0.113.77", 2222, "192.0.2.11")),
        ("2001:db8::77 51234 2001:db8::11 22", Connection("2001:db8::77", 22, "2001:db8::11")),
        ("2001:DB8:0::77 51234 2001:db8::11 22", Connection("2001:db8::77", 22, "2001:db8::11")),
        ("::ffff:203.0.113.77 51234 ::ffff:192.0.2.11 22", Connection("203.0.113.77", 22, "192.0.2.11")),
        ("fe80::1%eth0 51234 fe80::2%eth0 22", Connection("fe80::1", 22, "fe80::2")),
        ("", None),
        ("203.0.113.77", None),
        ("203.0.113.77 51234 192.0.2.11", None),
        ("203.0.113.77 51234 192.0.2.11 22 23", None),
        ("203.0.113.77 51234 192.0.2.11 ssh", None),
        ("203.0.113.77 51234 192.0.2.11 -22", None),
        # What sshd writes where it does not speak over a socket.
        ("UNKNOWN 65535 UNKNOWN 65535", None),
        ("controller.example 51234 192.0.2.11 22", None),
        ("203.0.113.0/24 51234 192.0.2.11 22", None),
    ],
    ids=str,
)
def test_variable_of_ssh_is_read(value, expected):
    assert _connection.parse(value) == expected


@pytest.mark.parametrize("port", ["0", "65536", "99999999", "\u00b2", "\u0662\u0662"])
def test_a_port_that_is_none_is_no_connection(port):
    assert _connection.parse("203.0.113.77 51234 192.0.2.11 " + port) is None


@given(st.text("0123456789abcdef:.%/ UNKOW\u0663", max_size=60))
@cases.EXAMPLES
def test_garbage_is_no_connection(value):
    assert _connection.parse(value) is None


def test_variable_of_this_process_comes_first(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.77 1 192.0.2.11 22")
    assert _connection.find() == Connection("203.0.113.77", 22, "192.0.2.11")


def test_without_a_variable_the_processes_above_are_asked(monkeypatch):
    # sudo drops the variable; the shell above it still has it.
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    asked = {10: "", 7: "garbage", 5: "203.0.113.77 1 192.0.2.11 22"}
    monkeypatch.setattr(_connection.os, "getppid", lambda: 10)
    monkeypatch.setattr(_connection, "_environment", asked.__getitem__)
    monkeypatch.setattr(_connection, "_parent", {10: 7, 7: 5, 5: 1}.__getitem__)
    assert _connection.find() == Connection("203.0.113.77", 22, "192.0.2.11")


def test_the_search_ends_with_the_first_process(monkeypatch):
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(_connection.os, "getppid", lambda: 10)
    monkeypatch.setattr(_connection, "_environment", lambda process: "")
    monkeypatch.setattr(_connection, "_parent", {10: 1}.__getitem__)
    assert _connection.find() is None


needs_proc = pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="there is no /proc")


@needs_proc
def test_a_real_process_above_is_asked(monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "203.0.113.77 1 192.0.2.11 2222")
    code = (
        "import os, subprocess, sys\n"
        f"code = 'from {_connection.__name__} import find; print(find())'\n"
        "environment = {name: value for name, value in os.environ.items() if name != 'SSH_CONNECTION'}\n"
        "sys.stdout.write(subprocess.check_output([sys.executable, '-c', code], env=environment, "
        "universal_newlines=True))\n"
    )
    assert run_python(code) == "Connection(address='203.0.113.77', port=2222, local='192.0.2.11')"


@needs_proc
def test_the_environment_of_a_process_is_read():
    process = subprocess.Popen(
        ["sh", "-c", "echo ready; read forever"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "SSH_CONNECTION": "a b c d"},
    )
    try:
        assert process.stdout.readline() == b"ready\n"
        assert _connection._environment(process.pid) == "a b c d"
        assert _connection._parent(process.pid) == os.getpid()
    finally:
        process.kill()
        process.communicate()


@needs_proc
def test_parents_are_read_from_proc():
    assert _connection._parent(os.getpid()) == os.getppid()


def test_a_process_that_is_gone_has_neither(monkeypatch):
    # Beyond the greatest number that a process can have (PID_MAX_LIMIT, proc(5)).
    gone = 2**22 + 1
    assert (_connection._environment(gone), _connection._parent(gone)) == ("", 0)


# Machinectl and run0

MARK, OTHER_MARK = "BECOME-SUCCESS-" + "a" * 32, "BECOME-SUCCESS-" + "b" * 32
SHELL = "/bin/sh -c echo {0} ; /usr/bin/python3 /home/u/.ansible/tmp/x/AnsiballZ_firewall.py"
FROM, ELSEWHERE = "203.0.113.77 1 192.0.2.11 2222", "203.0.113.78 1 192.0.2.11 22"


class Processes:
    """Stands in for /proc: process -> parent, name, command line, SSH_CONNECTION."""

    def __init__(self, monkeypatch, table):
        monkeypatch.delenv("SSH_CONNECTION", raising=False)
        monkeypatch.setattr(_connection.os, "getpid", lambda: 10)
        monkeypatch.setattr(_connection.os, "getppid", lambda: table[10][0])
        monkeypatch.setattr(_connection, "_processes", lambda: iter(set(table) - {10}))
        monkeypatch.setattr(_connection, "_parent", lambda process: table.get(process, (0,))[0])
        monkeypatch.setattr(_connection, "_command", lambda process: table[process][2])
        monkeypatch.setattr(_connection, "_text", lambda path: table[int(path.split("/")[2])][1] + "\n")
        monkeypatch.setattr(
            _connection, "_environment", lambda process: table.get(process, (0, "", "", ""))[3]
        )


OURS = {10: (9, "python3", "python3", ""), 9: (1, "sh", SHELL.format(MARK), "")}


def client(name="machinectl", mark=MARK, connection=FROM, parent=1):
    return (
        parent,
        name,
        "{0} -q shell root@ {1}".format(name, SHELL.format(mark).replace("/x/", "/" + mark[-1] + "/")),
        connection,
    )


@pytest.mark.parametrize(
    "others, expected",
    [
        ({20: client()}, Connection("203.0.113.77", 2222, "192.0.2.11")),
        ({20: client("run0")}, Connection("203.0.113.77", 2222, "192.0.2.11")),
        # The session's shell has the variable where the client does not.
        (
            {20: client(connection="", parent=21), 21: (1, "sh", "sh", FROM)},
            Connection("203.0.113.77", 2222, "192.0.2.11"),
        ),
        (
            {20: client(), 30: client(mark=OTHER_MARK, connection=ELSEWHERE)},
            Connection("203.0.113.77", 2222, "192.0.2.11"),
        ),
        (
            {20: client(), 30: client(name="sleep", connection=ELSEWHERE)},
            Connection("203.0.113.77", 2222, "192.0.2.11"),
        ),
        ({20: client(connection="")}, None),
        ({30: client(mark=OTHER_MARK, connection=ELSEWHERE)}, None),
        ({}, None),
    ],
    ids=[
        "machinectl",
        "run0",
        "above-the-client",
        "beside-another-run",
        "other-program",
        "on-the-console",
        "only-another-run",
        "nobody-waits",
    ],
)
def test_the_client_that_waits_for_our_command_is_asked(monkeypatch, others, expected):
    Processes(monkeypatch, {**OURS, **others})
    assert _connection.find() == expected


@pytest.mark.parametrize("second", [ELSEWHERE, ""], ids=["another-address", "no-address"])
def test_two_that_say_they_wait_for_us_are_refused(monkeypatch, second):
    Processes(monkeypatch, {**OURS, 20: client(), 30: client(connection=second)})
    assert_names(
        refusal(_connection.find),
        ["cannot tell", "203.0.113.77 to port 2222", "machinectl", "become_method sudo"],
    )


def test_somebody_who_calls_himself_a_client_is_not_asked_for_an_ordinary_command(monkeypatch):
    # A local connection: the first process is no command of Ansible's, and everybody can read our mark in the
    # list of processes.
    Processes(
        monkeypatch,
        {
            10: (9, "python3", "python3", ""),
            9: (8, "sh", SHELL.format(MARK), ""),
            8: (1, "tmux", "tmux", ""),
            20: client(),
        },
    )
    assert _connection.find() is None


@needs_proc
def test_a_real_client_is_seen_in_proc(tmp_path):
    """A process that is named as a client, with the mark in its command line."""
    fake = tmp_path / "machinectl"
    os.symlink(shutil.which("sh"), str(fake))
    waiting = subprocess.Popen(
        [str(fake), "-c", "echo ready; read forever # " + MARK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "SSH_CONNECTION": FROM},
    )
    try:
        assert waiting.stdout.readline() == b"ready\n"
        assert waiting.pid in set(_connection._processes())
        assert _connection._text(f"/proc/{waiting.pid}/comm") == "machinectl\n"
        assert MARK in _connection._command(waiting.pid)
        assert _connection.parse(_connection._environment(waiting.pid)) == Connection(
            "203.0.113.77", 2222, "192.0.2.11"
        )
    finally:
        waiting.kill()
        waiting.communicate()
