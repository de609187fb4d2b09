# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of a listener: how it is started, what it keeps, and what ends it."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener import start
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal, run_python
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._listener.listeners import (
    NOBODY,
    entry,
    listens,
    unprivileged_from,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    ended,
    free_ports,
    some_address,
    wait_until,
)

pytestmark = pytest.mark.machines


def _held(path):
    try:
        return [os.readlink(path)]
    except FileNotFoundError:
        return []  # it was closed since it was listed


def files_of(pid):
    """Return what a process holds open."""
    try:
        return [held for name in os.listdir(f"/proc/{pid}/fd") for held in _held(f"/proc/{pid}/fd/{name}")]
    except PermissionError:
        # Root's listener gives root's user away.
        pytest.skip(
            "needs the right (CAP_SYS_PTRACE) to see the files of a process of another user, which many "
            "containers do not have"
        )


def test_the_process_is_a_child_of_nobody_and_holds_nothing_of_its_parent(host):
    address = some_address()
    with open(os.devnull) as held:
        pid = host.present(address, free_ports(address))["pid"]
        inherited = os.readlink(f"/proc/self/fd/{held.fileno()}")
    with open(f"/proc/{pid}/stat") as stat:
        parent, group, session = stat.read().rpartition(")")[2].split()[1:4]
    assert int(parent) != os.getpid() and session != str(os.getsid(0)) and group == session
    files = files_of(pid)
    assert files.count(inherited) <= 3, "standard streams alone lead to /dev/null"
    assert not [name for name in files if name.startswith("pipe:")], (
        "whoever reads our output must not wait for the listener"
    )
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_without_proc_it_holds_nothing_of_its_parent_either(host, monkeypatch):
    def no_proc(path):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    address = some_address()
    with open(os.devnull) as held, monkeypatch.context() as patched:
        patched.setattr(start.os, "listdir", no_proc)
        pid = host.present(address, free_ports(address))["pid"]
        inherited = os.readlink(f"/proc/self/fd/{held.fileno()}")
    files = files_of(pid)
    assert files.count(inherited) <= 3 and not [name for name in files if name.startswith("pipe:")]


def test_two_runs_share_the_process_and_neither_ends_the_others_ports(host):
    address = some_address()
    first, shared, last = free_ports(address, 3)
    one = host.present(address, [first, shared], run="one")
    other = host.present(address, [shared, last], run="other")
    assert one["pid"] == other["pid"]
    assert (other["listening"], other["in_use"]) == (
        [entry(address, *sorted([shared, last]))] if last != shared + 1 else other["listening"],
        [],
    )
    assert host.absent("one") is True
    assert [listens(address, port) for port in (first, shared, last)] == [False, True, True]
    assert host.absent("one") is False
    assert host.absent("other") is True
    wait_until(lambda: ended(one["pid"]))


def test_two_hosts_on_one_machine_have_a_process_each(host, other_host):
    address = some_address()
    first, last = free_ports(address, 2)
    assert host.present(address, [first])["pid"] != other_host.present(address, [first, last])["pid"]
    assert other_host.present(address, [first, last])["in_use"] == [entry(address, first)]
    host.absent()
    assert [listens(address, port) for port in (first, last)] == [False, True]


def test_two_starts_at_once_are_one_process(host):
    address = some_address()
    ports = free_ports(address, 8)
    pipes = []
    for index, port in enumerate(ports):
        token = host.token(f"run{index}")
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            try:
                found = _control.present(host.name, token, [entry(address, port)], 60)
                os.write(writer, str(found["pid"]).encode("ascii"))
            finally:
                os._exit(0)
        os.close(writer)
        pipes.append((child, reader))
    for child, reader in pipes:
        os.waitpid(child, 0)
        host.pids.add(int(os.read(reader, 100)))
        os.close(reader)
    assert len(host.pids) == 1
    assert all(listens(address, port) for port in ports)


LEAVE = """
import json, os, signal, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
host, token, address, port, ttl = sys.argv[1:6]
wanted = [{"address": address, "protocol": "tcp", "ports": port}]
print(json.dumps(_control.present(host, token, wanted, float(ttl))), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def left_behind(host, address, port, ttl):
    """Start a listener from a process that is killed at once."""
    found = json.loads(run_python(LEAVE, host.name, host.token("run"), address, str(port), str(ttl)))
    host.pids.add(found["pid"])
    return found


def test_the_deadline_ends_the_process_though_its_parent_is_dead(host):
    address = some_address()
    (port,) = free_ports(address)
    pid = left_behind(host, address, port, 1)["pid"]
    wait_until(lambda: ended(pid))
    assert not listens(address, port)


def test_until_its_deadline_it_outlives_its_parent(host):
    address = some_address()
    (port,) = free_ports(address)
    pid = left_behind(host, address, port, 60)["pid"]
    assert listens(address, port) and not ended(pid)
    assert host.absent() is True


def test_each_run_ends_at_its_own_deadline(host):
    address = some_address()
    first, last = free_ports(address, 2)
    host.present(address, [first], run="brief", ttl=1)
    pid = host.present(address, [last], run="long", ttl=60)["pid"]
    wait_until(lambda: not listens(address, first))
    assert listens(address, last) and not ended(pid)


def test_a_killed_listener_is_started_anew(host):
    address = some_address()
    (port,) = free_ports(address)
    pid = host.present(address, [port])["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ended(pid))
    again = host.present(address, [port])
    assert (again["changed"], again["listening"]) == (True, [entry(address, port)])
    assert again["pid"] != pid and listens(address, port)


def test_absent_after_a_kill_changes_nothing(host):
    address = some_address()
    pid = host.present(address, free_ports(address))["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: ended(pid))
    assert host.absent() is False


def test_a_listener_that_never_stays_up_is_told(host, monkeypatch):
    monkeypatch.setattr(start, "spawn", lambda name, control, run: None)
    assert_names(refusal(host.present, "127.0.0.1", free_ports("127.0.0.1")), [host.name, "ends at once"])


def status_of(pid, field):
    """Return the numbers of a field of a process's status."""
    with open(f"/proc/{pid}/status") as status:
        (line,) = [line for line in status if line.startswith(field + ":")]
    return line.split()[1:]


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give up")
@pytest.mark.skipif(unprivileged_from() < 2, reason="every port is permitted to everybody here")
def test_a_listener_that_root_starts_serves_low_ports_as_nobody(host):
    address = some_address()
    found = host.present(address, [1])
    assert (found["listening"], found["denied"], found.get("note")) == ([entry(address, 1)], [], None)
    assert set(status_of(found["pid"], "Uid") + status_of(found["pid"], "Gid")) == {str(NOBODY)}
    assert status_of(found["pid"], "Groups") == []
    assert int(status_of(found["pid"], "CapEff")[0], 16) == int(status_of(found["pid"], "CapPrm")[0], 16) == 0
    assert listens(address, 1)
    other = host.present(address, [2], run="other")
    assert (other["pid"], other["listening"]) == (found["pid"], [entry(address, 2)]), (
        "what the process may not open is handed to it"
    )
    assert host.absent() and host.absent("other")


KEEPS_ROOT = """
import json, os, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._kernel import privileges
def refuse(user):
    raise PermissionError(1, "Operation not permitted")
privileges.os.setuid = refuse
host, token, address, port = sys.argv[1:5]
print(json.dumps(_control.present(host, token, [{"address": address, "protocol": "tcp", "ports": port}], 60)))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to keep")
def test_a_listener_that_cannot_give_up_root_says_so(host):
    address = some_address()
    (port,) = free_ports(address)
    found = json.loads(run_python(KEEPS_ROOT, host.name, host.token("run"), address, str(port)))
    host.pids.add(found["pid"])
    assert_names(found["note"], ["stays root", str(NOBODY), "Operation not permitted"])
    assert listens(address, port)


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv (Debian: util-linux)"
)
def test_root_without_any_rights_has_none_to_give_up(host):
    script = (
        "import sys; from "
        "ansible_collections.exasol_community.network.plugins.module_utils._kernel.privileges import "
        "give_up_root; "
        "import os; print(repr(give_up_root()), os.getuid())"
    )
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    for rights, expected in (("-all", "'' 0"), ("-setuid", "65534: Operation not permitted")):
        done = subprocess.run(
            ["setpriv", "--bounding-set=" + rights, "--inh-caps=" + rights, sys.executable, "-c", script],
            env=environment,
            stdout=subprocess.PIPE,
            universal_newlines=True,
            check=True,
        )
        assert expected in done.stdout
