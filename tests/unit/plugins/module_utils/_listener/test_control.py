# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, sharing and ending a listener; its process is seen through /proc and bare sockets."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import ListenerError
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    refusal,
    run_python,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    bound,
    ended,
    family_of,
    free_ports,
    listening,
    port_of,
    some_address,
    wait_until,
)

NOBODY = 65534


def listens(address, port):
    """Tell whether somebody listens at a port."""
    with socket.socket(family_of(address)) as sock:
        return sock.connect_ex((address, port)) == 0


def runs(host):
    """Tell whether a host's listener can be asked."""
    with open("/proc/net/unix") as table:
        return hashlib.sha256(host.name.encode("utf-8")).hexdigest()[:24] in table.read()


def entry(address, *ports):
    """Return where a listener listens."""
    return {"address": address, "protocol": "tcp", "ports": ",".join(str(port) for port in ports)}


def test_present_starts_a_process_and_absent_ends_it(host):
    address = some_address()
    (port,) = free_ports(address)
    found = host.present(address, [port])
    assert (found["listening"], found["in_use"], found["denied"], found["changed"]) == (
        [entry(address, port)],
        [],
        [],
        True,
    )
    assert listens(address, port) and not ended(found["pid"])
    assert host.absent() is True
    wait_until(lambda: ended(found["pid"]))
    assert not listens(address, port)


def test_both_are_idempotent(host):
    address = some_address()
    first, last = free_ports(address, 2)
    assert host.present(address, [first])["changed"] is True
    again = host.present(address, [first])
    assert (again["changed"], again["listening"]) == (False, [entry(address, first)])
    assert host.present(address, [last])["changed"] is True
    assert (host.absent(), host.absent()) == (True, False)


def test_absent_without_a_listener_changes_nothing(host):
    assert host.absent() is False
    assert not runs(host)


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
        patched.setattr(_control.os, "listdir", no_proc)
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


def test_nothing_wanted_starts_nothing(host):
    assert host.listen([]) == {"listening": [], "in_use": [], "denied": [], "changed": False}
    assert not runs(host)


def test_dry_runs_start_and_end_nothing(host):
    address = some_address()
    (port,) = free_ports(address)
    expected = {"listening": [entry(address, port)], "in_use": [], "denied": []}
    assert host.present(address, [port], dry=True) == dict(expected, changed=True)
    assert not runs(host)
    assert host.absent(dry=True) is False
    pid = host.present(address, [port])["pid"]
    assert host.present(address, [port], dry=True) == dict(expected, changed=False, pid=pid)
    assert host.absent(dry=True) is True
    assert listens(address, port)


def test_ports_in_use_come_back_and_the_service_still_works(host):
    with listening("127.0.0.1") as service:
        (free,) = free_ports("127.0.0.1")
        found = host.present("127.0.0.1", [free, port_of(service)])
        assert (found["listening"], found["in_use"]) == (
            [entry("127.0.0.1", free)],
            [entry("127.0.0.1", port_of(service))],
        )
        assert host.absent() is True
        with socket.create_connection(service.getsockname(), timeout=10):
            service.accept()[0].close()


@pytest.mark.parametrize(
    "token, wanted, fragments",
    [
        ("short", [entry("127.0.0.1", 5)], ["5 characters", "at least 16"]),
        ("x" * 16, [entry("127.0.0.1", 0)], ["port 0", "1 to 65535"]),
        ("x" * 16, [entry("127.0.0.1", "6-5")], ["'6-5'", "backwards"]),
        ("x" * 16, [entry("192.0.2.0/24", 5)], ["'192.0.2.0/24'", "IP address of the host"]),
        ("x" * 16, [dict(entry("127.0.0.1", 5), protocol="sctp")], ["'sctp'", "tcp or udp"]),
    ],
)
def test_bad_input_is_named_and_starts_nothing(host, token, wanted, fragments):
    assert_names(refusal(_control.present, host.name, token, wanted, 60), fragments)
    assert not runs(host)


def test_an_address_of_another_host_is_named_and_nothing_is_left(host):
    (free,) = free_ports("127.0.0.1")
    with pytest.raises(ListenerError) as caught:
        host.listen([entry("127.0.0.1", free), entry("192.0.2.1", 18563)])
    assert_names(
        str(caught.value), ["192.0.2.1", "tcp port 18563", "does not have the address", "exasol_address"]
    )
    assert not listens("127.0.0.1", free)
    wait_until(lambda: not runs(host))


def test_a_run_that_cannot_be_served_harms_no_other(host):
    (free,) = free_ports("127.0.0.1")
    host.present("127.0.0.1", [free], run="other")
    with pytest.raises(ListenerError):
        host.listen([entry("192.0.2.1", 18563)])
    assert listens("127.0.0.1", free) and runs(host)


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


CROWD = """
import json, resource, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
host, token, address = sys.argv[1:4]
try:
    _control.present(host, token, [{"address": address, "protocol": "tcp", "ports": "20000-21000"}], 60)
except NetworkError as error:
    print(json.dumps([str(error), _control.request(host, operation="show", token=token)]))
"""


def test_more_sockets_than_the_limit_are_an_error_and_nothing_starts(host):
    error, running = json.loads(run_python(CROWD, host.name, host.token("run"), some_address()))
    assert_names(error, ["1001 ports", "1065 sockets", "limit of open files", "hard limit"])
    assert running is None
    assert not runs(host)


PRIVILEGED = """
import json, os, sys
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
if not os.getuid():
    os.setgroups([])
    os.setgid(int(sys.argv[5]))
    os.setuid(int(sys.argv[5]))
host, token, address, ports = sys.argv[1:5]
found = _control.present(host, token, [{"address": address, "protocol": "tcp", "ports": ports}], 60)
print(json.dumps([found, _control.absent(host, token)["changed"]]))
"""


def unprivileged_from():
    """Return the first port that needs no privilege."""
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start") as setting:
        return int(setting.read())


@pytest.mark.skipif(unprivileged_from() < 2, reason="every port is permitted to everybody here")
def test_a_privileged_port_is_denied_without_root_and_the_others_are_served(host):
    address = some_address()
    (free,) = free_ports(address)
    found, released = json.loads(
        run_python(PRIVILEGED, host.name, host.token("run"), address, f"1,{free}", str(NOBODY))
    )
    host.pids.add(found["pid"])
    assert (found["denied"], found["listening"], released) == (
        [entry(address, 1)],
        [entry(address, free)],
        True,
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
    stem = _control._stem(host.name)
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


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act for another user")
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


def test_whoever_lets_nobody_in_is_not_waited_for(host):
    stem = _control._stem(host.name)
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


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act for another user")
def test_another_user_cannot_claim_the_port_of_a_service(host, squatter):
    with listening("127.0.0.1") as service:
        wanted = [entry("127.0.0.1", port_of(service))]
        found = _control.query(host.name, wanted)
    assert found["holders"] == [dict(wanted[0], by="service", at=["127.0.0.1"])]
    assert found["leftovers"] == []


def test_the_name_of_the_control_socket_cannot_be_told_without_the_token():
    names = {
        _control.control_name(name, token)
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
    secret = _control.control_name("n1", "x" * 16).rpartition(b"/")[2].decode("ascii")
    assert len(secret) == 24 and secret not in known


def test_a_listener_that_never_stays_up_is_told(host, monkeypatch):
    monkeypatch.setattr(_control, "spawn", lambda name, control, run: None)
    assert_names(refusal(host.present, "127.0.0.1", free_ports("127.0.0.1")), [host.name, "ends at once"])


# Privileges


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


@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")
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


# What interrupted runs leave behind


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
    pid = host.present(address, [port], run="interrupted", idle=10)["pid"]
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
os.setgroups([])
os.setgid(int(sys.argv[5]))
os.setuid(int(sys.argv[5]))
host, token, address, port = sys.argv[1:5]
wanted = [{"address": address, "protocol": "tcp", "ports": port}]
present, absent = _control.present(host, token, wanted, 60), _control.absent(host, token)
print(json.dumps([present, absent, _control.query(host, wanted)]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act for another user")
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


# Who holds a port


def test_a_port_of_an_outgoing_connection_is_told(host):
    with listening("127.0.0.1") as server, bound("127.0.0.1") as outgoing, bound("127.0.0.1") as silent:
        outgoing.connect(server.getsockname())
        (free,) = free_ports("127.0.0.1")
        found = host.present("127.0.0.1", [port_of(outgoing), port_of(silent), free])
        assert {(held["ports"], held["by"], *held["at"]) for held in found["holders"]} == {
            (str(port_of(outgoing)), "connection"),
            (str(port_of(silent)), "unknown"),
        }
        assert found["listening"] == [entry("127.0.0.1", free)]


def test_a_service_at_another_address_is_told(host):
    (free,) = free_ports("0.0.0.0")
    address = some_address()
    with listening("127.0.0.1") as service:
        found = host.present(address, [port_of(service), free])
        assert found["holders"] == [dict(entry(address, port_of(service)), by="service", at=["127.0.0.1"])]
        assert len(found["listening"]) == 1 and found["in_use"] == [], (
            "hosts that share a loopback are told apart by their addresses"
        )


@pytest.mark.ipv6
def test_a_service_of_both_families_holds_the_port_of_each(host):
    with socket.socket(socket.AF_INET6) as service:
        service.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        service.bind(("::", 0))
        service.listen(1)
        for address in ("127.0.0.1", "::1"):
            found = host.present(address, [port_of(service)])
            assert (found["in_use"], found["holders"][0]["by"]) == (
                [entry(address, port_of(service))],
                "service",
            )
            assert {"127.0.0.1": "0.0.0.0", "::1": "::"}[address] in found["holders"][0]["at"]


def test_our_own_listener_at_another_address_holds_nothing(host, other_host):
    one, other = "127.0.0.31", "127.0.0.32"
    (port,) = free_ports("0.0.0.0")
    other_host.present(other, [port])
    found = host.present(one, [port])
    assert (found["holders"], found["leftovers"], found["listening"]) == ([], [], [entry(one, port)])


def test_a_listener_at_all_addresses_tells_which_they_are(host):
    (port,) = free_ports("0.0.0.0")
    found = host.listen([entry("some.host.example.com", port)])
    assert {"127.0.0.1"} <= set(found["addresses"])
    assert "addresses" not in host.present("127.0.0.1", free_ports("127.0.0.1"), run="other")
