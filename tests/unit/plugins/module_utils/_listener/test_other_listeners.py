# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners of other runs, hosts and users on the same machine."""

import json
import os
import subprocess
import sys
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener import dialogue
from ansible_collections.exasol_community.network.tests.unit.helpers import run_python
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._listener.listeners import (
    NOBODY,
    entry,
    listens,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    ended,
    free_ports,
    listening,
    port_of,
    some_address,
    wait_until,
)

SQUATTER = """
import json, os, socket, sys, time
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
held = []
for name in sys.argv[2:]:
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].bind("\\0" + name)
    if not name.startswith("lock."):
        held[-1].listen(5)
print("held", flush=True)
while True:
    # Says that it is the listener of whoever asks, and that it holds every port.
    sock = held[-1].accept()[0]
    sock.recv(65536)
    claim = {"host": "x", "pid": 1, "age_s": 1, "quiet_s": 1, "left_s": 1, "abandoned": False}
    claim["listening"] = [{"address": "0.0.0.0", "protocol": "tcp", "ports": "1-65535"}]
    sock.sendall(json.dumps(claim).encode() + b"\\n")
"""


@pytest.fixture
def squatter(host):
    """Another user, who holds every name of a host's listener that can be told in advance."""
    stem = dialogue.stem_of(host.name)
    command = [
        sys.executable,
        "-c",
        SQUATTER,
        str(NOBODY),
        "lock." + stem,
        stem.rpartition("/")[0],
        stem + "0" * 24,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act for another user")
def test_another_user_cannot_keep_a_listener_from_starting(host, squatter):
    address = some_address()
    first, last = free_ports(address, 2)
    found = host.present(address, [first])
    assert (found["listening"], found["holders"], found["leftovers"]) == ([entry(address, first)], [], [])
    assert listens(address, first)
    assert host.present(address, [last], run="other")["pid"] == found["pid"], (
        "runs of one user still share their listener"
    )
    assert host.absent() is True


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act for another user")
def test_another_user_cannot_claim_the_port_of_a_service(host, squatter):
    with listening("127.0.0.1") as service:
        wanted = [entry("127.0.0.1", port_of(service))]
        found = _control.query(host.name, wanted)
    assert found["holders"] == [dict(wanted[0], by="service", at=["127.0.0.1"])]
    assert found["leftovers"] == []


def test_a_run_without_a_sign_ends_and_a_run_with_signs_does_not(host):
    address = some_address()
    quiet, busy = free_ports(address, 2)
    pid = host.present(address, [quiet], run="quiet", idle=1)["pid"]
    host.present(address, [busy], run="busy", idle=60)
    wait_until(lambda: not listens(address, quiet))
    assert listens(address, busy) and not ended(pid)


def test_a_query_ends_what_an_interrupted_run_has_left(host):
    address = some_address()
    (port,) = free_ports(address)
    pid = host.present(address, [port], run="interrupted", idle=14)["pid"]
    wanted = [entry(address, port)]
    early = _control.query(host.name, wanted)
    (left,) = early["leftovers"]
    assert (left["pid"], left["uid"], left["host"], left["ended"], left["ports"]) == (
        pid,
        os.getuid(),
        host.name,
        False,
        wanted,
    )
    assert early["holders"] == [dict(wanted[0], by="listener", at=[address])]
    assert listens(address, port), "it may belong to a run that goes on"
    wait_until(lambda: _control.query(host.name, wanted, dry=True)["leftovers"][0]["quiet_s"] >= 3)
    found = _control.query(host.name, wanted)
    assert (
        [one["ended"] for one in found["leftovers"]],
        found["in_use"],
        found["holders"],
        found["changed"],
    ) == ([True], [], [], True)
    with listening(address, port=port):
        pass  # a database that starts now gets its port
    wait_until(lambda: ended(pid))


def test_a_dry_query_ends_nothing(host):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port], idle=10)
    time.sleep(2.5)
    found = _control.query(host.name, [entry(address, port)], dry=True)
    assert ([one["ended"] for one in found["leftovers"]], found["changed"]) == ([False], False)
    assert listens(address, port)


def test_a_query_of_a_host_on_which_nobody_listens_finds_nothing(host):
    address = some_address()
    wanted = [entry(address, *free_ports(address))]
    found = _control.query(host.name, wanted)
    assert "127.0.0.1" in found.pop("addresses")
    assert found == {
        "listening": [],
        "in_use": [],
        "denied": [],
        "holders": [],
        "leftovers": [],
        "changed": False,
    }


ANOTHER_USERS = """
import json, os, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.release import absent
os.setgroups([])
os.setgid(int(sys.argv[5]))
os.setuid(int(sys.argv[5]))
host, token, address, port = sys.argv[1:5]
wanted = [{"address": address, "protocol": "tcp", "ports": port}]
present, absent = _control.present(host, token, wanted, 60), absent(host, token)
print(json.dumps([present, absent, _control.query(host, wanted)]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to act for another user")
def test_a_listener_of_another_user_is_known_and_left_alone(host):
    address = some_address()
    (port,) = free_ports(address)
    pid = host.present(address, [port], idle=10)["pid"]
    time.sleep(2.5)
    found, released, asked = json.loads(
        run_python(ANOTHER_USERS, host.name, host.token("other"), address, str(port), str(NOBODY))
    )
    host.pids.add(found["pid"])
    held = dict(entry(address, port), by="listener", at=[address])
    assert (found["listening"], found["holders"], asked["holders"]) == ([], [held], [held])
    for seen in (found, asked):
        (left,) = seen["leftovers"]
        assert (left["pid"], left["uid"], left["user"], left["ended"]) == (pid, 0, "root", False)
    assert released["changed"]


@pytest.mark.parametrize("same", [True, False], ids=["of this run", "of another run"])
def test_the_listener_of_another_host_of_this_run_is_known(host, other_host, same):
    if same:
        other_host.tokens["run"] = host.token("run")
    (port,) = free_ports("0.0.0.0")
    pid = other_host.present("0.0.0.0", [port])["pid"]
    found = host.present("0.0.0.0", [port])
    (left,) = found["leftovers"]
    assert (left["pid"], left["host"], left["same_run"], left["ended"]) == (pid, other_host.name, same, False)
    assert found["holders"] == [dict(entry("0.0.0.0", port), by="listener", at=["0.0.0.0"])]


def test_who_came_meanwhile_is_known(host, other_host, monkeypatch):
    """Both hosts of one machine start their listeners at the same moment."""
    other_host.tokens["run"] = host.token("run")
    (port,) = free_ports("0.0.0.0")
    spared = _control._spared

    def late(*arguments):
        other_host.present("0.0.0.0", [port])
        return spared(*arguments)

    monkeypatch.setattr(
        _control,
        "_spared",
        lambda *arguments: monkeypatch.setattr(_control, "_spared", spared) or late(*arguments),
    )
    found = host.present("0.0.0.0", [port])
    assert [(left["host"], left["same_run"]) for left in found["leftovers"]] == [(other_host.name, True)]
    assert [held["by"] for held in found["holders"]] == ["listener"]
