# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The listener as a process: what it leaves alone, who may use it, and that it always ends."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.own_addresses import (
    OwnAddresses,
    of_interfaces,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    NO_LOW_PORTS,
    Machine,
    Namespace,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import CHECKOUT
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    RefusedError,
    elsewhere,
    lease,
    listener,
    probe,
    probe_flows,
    release,
    states,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service, bound, talk
from ansible_collections.exasol_community.network.tests.labs.waiting import until

HOST = "n12"
ADDRESS = "127.0.0.12"
OTHER_TOKEN = "another run's token, as random as the first"
NOBODY = ["setpriv", "--reuid=65534", "--clear-groups"]


@pytest.fixture(autouse=True)
def _nothing_is_left(machine: Machine) -> t.Iterator[None]:
    yield
    until(lambda: oracles.nothing_left(machine), "the end of all listeners")


def ports(machine: Machine, protocol: str = "tcp", address: str = ADDRESS) -> list[int]:
    """Return the ports of an address on which somebody listens."""
    return sorted(
        sock.port
        for sock in oracles.waiting_sockets(machine)
        if (sock.protocol, sock.address) == (protocol, address)
    )


def answers(
    machine: Machine,
    where: dict[str, t.Any],
    address: str = ADDRESS,
    wanted: str | int = 8563,
    protocol: str = "tcp",
) -> list[str | None]:
    """Return who proves to be there."""
    (seen,) = probe(machine, [target(address, wanted, protocol)], {address: where["listening"]})
    return [state.get("answered_by") for state in seen["states"]]


@pytest.mark.usefixtures("sees_sockets")
@pytest.mark.ipv6
def test_one_process_for_all_ports(machine: Machine) -> None:
    listens = [
        target(address, "20000-21000", protocol)
        for address in (ADDRESS, "::1")
        for protocol in ("tcp", "udp")
    ]
    with listener(machine, HOST, *listens) as result:
        assert (result["changed"], result["in_use"], result["denied"]) == (True, [], [])
        for address in (ADDRESS, "::1"):
            for protocol in ("tcp", "udp"):
                assert ports(machine, protocol, address) == list(range(20000, 21001))
                assert answers(machine, result, address, "20000-21000", protocol) == [HOST]
        assert (
            oracles.listener_at(machine, ADDRESS, 20000)
            == oracles.listener_at(machine, "::1", 21000)
            == result["pid"]
        )
    assert not ports(machine)


def test_it_is_started_once(machine: Machine) -> None:
    with listener(machine, HOST, target(ADDRESS, 8563)) as first:
        again = lease(machine, HOST, target(ADDRESS, 8563))
        assert (again["changed"], again["pid"], again["listening"]) == (
            False,
            first["pid"],
            first["listening"],
        )
        wider = lease(machine, HOST, target(ADDRESS, "8563,2580"))
        assert (wider["changed"], wider["pid"]) == (True, first["pid"])
        assert ports(machine) == [2580, 8563]
        lease(machine, HOST, target(ADDRESS, 2580))
        assert ports(machine) == [2580]
    assert release(machine, HOST) is False


def test_check_mode_starts_nothing(machine: Machine) -> None:
    would = lease(machine, HOST, target(ADDRESS, 8563), dry=True)
    assert (would["changed"], would["listening"]) == (
        True,
        [{"address": ADDRESS, "protocol": "tcp", "ports": "8563"}],
    )
    assert oracles.nothing_left(machine)
    with listener(machine, HOST, target(ADDRESS, 8563)):
        assert lease(machine, HOST, target(ADDRESS, 8563), dry=True)["changed"] is False
        assert lease(machine, HOST, target(ADDRESS, 2580), dry=True)["changed"] is True
        assert elsewhere(machine, "absent", host=HOST, token=TOKEN, dry=True)["changed"] is True
        assert ports(machine) == [8563]


# Ports of others.


@pytest.mark.parametrize(
    ("address", "dual"),
    [(ADDRESS, False), ("0.0.0.0", False), ("::", True)],
    ids=["address", "all addresses", "both families"],
)
def test_a_port_of_somebody_else_is_left_alone(machine: Machine, address: str, dual: bool) -> None:
    with (
        Service(machine, address, 8563, greeting=b"mine\n", dual=dual),
        listener(machine, HOST, target(ADDRESS, "8563,8564")) as result,
    ):
        assert result["in_use"] == [{"address": ADDRESS, "protocol": "tcp", "ports": "8563"}]
        assert result["listening"] == [{"address": ADDRESS, "protocol": "tcp", "ports": "8564"}]
        assert talk(machine, ADDRESS, 8563) == b"mine\n"
        assert answers(machine, result, wanted="8563,8564") == [None, HOST]
    with Service(machine, ADDRESS, 8563, greeting=b"mine again\n"):
        assert talk(machine, ADDRESS, 8563) == b"mine again\n"


def test_a_udp_port_of_somebody_else_is_left_alone(machine: Machine) -> None:
    with (
        Service(machine, "0.0.0.0", 10123, socket.SOCK_DGRAM, reply=b"time"),
        listener(machine, HOST, target(ADDRESS, 10123, "udp")) as result,
    ):
        assert result["in_use"] == [{"address": ADDRESS, "protocol": "udp", "ports": "10123"}]
        assert result["listening"] == []


def test_an_address_of_another_host_is_refused_and_nothing_starts(namespace: Namespace) -> None:
    with pytest.raises(
        RefusedError,
        match=r"cannot listen on 192\.0\.2\.1 tcp port 8563: this host does not have the address",
    ):
        lease(namespace, HOST, target(ADDRESS, 8563), target("192.0.2.1", 8563))
    until(lambda: oracles.nothing_left(namespace), "the end of the listener")


def test_a_refusal_does_not_harm_another_run(namespace: Namespace) -> None:
    with listener(namespace, HOST, target(ADDRESS, 8563)) as ours:
        with pytest.raises(RefusedError, match="cannot listen"):
            lease(namespace, HOST, target(ADDRESS, "8563,2580"), target("192.0.2.1", 8563), token=OTHER_TOKEN)
        assert ports(namespace) == [8563]
        assert answers(namespace, ours) == [HOST]


def test_ports_that_need_root_are_named(namespace: Namespace) -> None:
    result = lease(namespace, HOST, target(ADDRESS, "22,8563"), before=NO_LOW_PORTS)
    assert result["denied"] == [{"address": ADDRESS, "protocol": "tcp", "ports": "22"}]
    assert result["listening"] == [{"address": ADDRESS, "protocol": "tcp", "ports": "8563"}]
    release(namespace, HOST)


def test_a_name_stands_for_all_addresses(namespace: Namespace) -> None:
    with listener(
        namespace, HOST, target("n12.example", 8563), target("n12.example", 10123, "udp")
    ) as result:
        listening = {HOST: result["listening"]}
        for address in (ADDRESS, "127.0.0.77", "::1"):
            seen = elsewhere(
                namespace,
                "probe",
                targets=[target(address, 8563), target(address, 10123, "udp")],
                listening={address: listening[HOST]},
            )
            assert [state["answered_by"] for entry in seen for state in entry["states"]] == [HOST, HOST]


def test_a_host_without_ipv6_listens_on_ipv4(namespace: Namespace) -> None:
    namespace.sysctl("ipv6/conf/all/disable_ipv6", 1)
    with listener(namespace, HOST, target("n12.example", 8563)) as result:
        assert answers(namespace, result) == [HOST]


def test_a_container_without_proc_and_with_nothing_to_write_to(namespace: Namespace) -> None:
    # /tmp keeps what is in it, because the checkout may be there.
    bare = """
mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && mount -t tmpfs -o ro none /proc || exit
[ ! -d /dev/shm ] || mount -t tmpfs -o ro none /dev/shm || exit
! touch /tmp/file 2>&- && exec "$@"
"""
    result = lease(
        namespace, HOST, target(ADDRESS, 8563), before=["unshare", "--mount", "sh", "-c", bare, "sh"]
    )
    assert answers(namespace, result) == [HOST]
    assert release(namespace, HOST)


def test_more_ports_than_files_may_be_open(machine: Machine) -> None:
    with pytest.raises(
        RefusedError,
        match=r"listening on 1001 ports needs 1065 sockets, but the limit of open files leaves \d+",
    ):
        lease(machine, HOST, target(ADDRESS, "20000-21000"), before=["prlimit", "--nofile=300:300"])
    assert oracles.nothing_left(machine)


# Several runs at once.


def test_no_run_ends_the_ports_of_another(machine: Machine) -> None:
    first = lease(machine, HOST, target(ADDRESS, "20000-20010"))
    second = lease(machine, HOST, target(ADDRESS, "20005-20015"), token=OTHER_TOKEN)
    assert first["pid"] == second["pid"]
    assert not second["in_use"]
    assert ports(machine) == list(range(20000, 20016))
    assert release(machine, HOST) is True
    assert ports(machine) == list(range(20005, 20016))
    assert release(machine, HOST, OTHER_TOKEN) is True


def test_each_run_ends_at_its_own_deadline(machine: Machine) -> None:
    lease(machine, HOST, target(ADDRESS, "8563"), ttl=1)
    lease(machine, HOST, target(ADDRESS, "2580"), token=OTHER_TOKEN)
    until(lambda: ports(machine) == [2580], "the end of the first lease")
    release(machine, HOST, OTHER_TOKEN)


def test_it_ends_by_itself_when_nobody_ends_it(machine: Machine) -> None:
    pid = lease(machine, HOST, target(ADDRESS, "8563"), ttl=1)["pid"]
    until(lambda: not oracles.comm(pid), "the listener's own end")
    assert not ports(machine)


def test_only_the_run_that_took_a_lease_ends_it(machine: Machine) -> None:
    with listener(machine, HOST, target(ADDRESS, 8563)) as result:
        assert release(machine, HOST, OTHER_TOKEN) is False
        assert release(machine, "n13") is False
        assert answers(machine, result) == [HOST]


def test_a_killed_listener_is_replaced(machine: Machine) -> None:
    with listener(machine, HOST, target(ADDRESS, 8563)) as first:
        os.kill(first["pid"], signal.SIGKILL)
        until(lambda: not ports(machine), "the end of the killed listener")
        second = lease(machine, HOST, target(ADDRESS, 8563))
        assert second["pid"] != first["pid"]
        assert answers(machine, second) == [HOST]


@pytest.mark.usefixtures("sees_sockets")
def test_many_runs_start_at_the_same_time(machine: Machine) -> None:
    script = (
        f"import sys; from {oracles.__package__} import probing, namespaces; "
        "probing.lease(namespaces.Machine(), 'n12', probing.target('127.0.0.12', '20000-20050'), "
        "token='token number %s, long enough' % sys.argv[1])"
    )
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / ".collections")}
    with machine.inside():
        runs = [
            subprocess.Popen([sys.executable, "-c", script, str(number)], env=environment)
            for number in range(6)
        ]
    assert [run.wait(60) for run in runs] == [0] * 6
    assert len(oracles.listeners(machine)) == 1
    for number in range(6):
        assert ports(machine)
        assert release(machine, HOST, f"token number {number}, long enough")
    until(lambda: not ports(machine), "the end of the last lease")


# Hostile clients.

NOTICE = b"EXASOL-NETWORK-1 a listener that verifies the network, no service\n"


def test_it_tells_strangers_no_more_than_what_it_is(machine: Machine) -> None:
    with listener(machine, HOST, target(ADDRESS, 8563)) as result:
        for question in (
            b"",
            b"\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"\x16\x03\x01" + bytes(200) + b"\n",
            b"EXASOL-NETWORK-1 \xff\xff - .\n",
            os.urandom(700),
        ):
            with contextlib.suppress(ConnectionError):
                assert talk(machine, ADDRESS, 8563, question) == NOTICE
        assert answers(machine, result) == [HOST]
    with listener(machine, HOST, target(ADDRESS, 8563)) as result:
        lease(machine, HOST, target(ADDRESS, 2580), token=OTHER_TOKEN)
        # The other run does not listen on this port, so our token alone opens it.
        (seen,) = probe(machine, [target(ADDRESS, "2580,8563")], {ADDRESS: [target(ADDRESS, "2580,8563")]})
        assert {state["ports"]: state["answered_by"] for state in seen["states"]} == {
            "8563": HOST,
            "2580": "",
        }
        release(machine, HOST, OTHER_TOKEN)


def test_connections_that_say_nothing_do_not_stop_it(machine: Machine) -> None:
    with (
        listener(machine, HOST, target(ADDRESS, "8563,2580")) as result,
        contextlib.ExitStack() as stack,
        machine.inside(),
    ):
        for number in range(300):
            sock = stack.enter_context(socket.create_connection((ADDRESS, 8563), timeout=10))
            if number % 2:
                sock.sendall(b"EXASOL")
        assert answers(machine, result, wanted="8563,2580") == [HOST]


def ask(machine: Machine, line: bytes) -> bytes:
    """Send one line to the listener's control socket and return what it says."""
    (name,) = oracles.control_sockets(machine)
    with machine.inside(), socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect("\0" + name[1:])
        sock.sendall(line)
        sock.shutdown(socket.SHUT_WR)
        return sock.recv(4096)


def test_what_another_version_may_ask_does_not_end_it(namespace: Namespace) -> None:
    lines = [
        b"",
        b"\n",
        b"no json\n",
        b"[]\n",
        b"null\n",
        b"{}\n",
        b"\xff\xfe\n",
        b'{"operation": "explode"}\n',
        b'{"operation": 1}\n',
        b'{"operation": "lease"}\n',
        b'{"operation": "release", "token": "a token of a newer version", "unknown": 1}\n',
        b'{"operation": "show", "token": "short"}\n',
        b'{"operation": "lease", "token": "0123456789abcdef", "ttl": 1, "asked": [{"address": 5}]}\n',
    ]
    with listener(namespace, HOST, target(ADDRESS, 8563)) as result:
        for line in lines:
            ask(namespace, line)
            assert answers(namespace, result) == [HOST], line
        assert oracles.listener_at(namespace, ADDRESS, 8563) == result["pid"]


def test_another_user_may_not_ask_it(namespace: Namespace) -> None:
    with listener(namespace, HOST, target(ADDRESS, 8563)) as result:
        (name,) = oracles.control_sockets(namespace)
        script = (
            "import socket, sys; sock = socket.socket(socket.AF_UNIX); sock.settimeout(10); "
            "sock.connect('\\0' + sys.argv[1]); "
            "sock.sendall(sys.argv[2].encode() + b'\\n'); print(sock.recv(4096))"
        )
        wish = f'{{"operation": "release", "token": "{TOKEN}"}}'
        with namespace.inside():
            done = subprocess.run(
                [*NOBODY, sys.executable, "-c", script, name[1:], wish],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        assert "release" not in done.stdout
        assert "changed" not in done.stdout
        assert answers(namespace, result) == [HOST]


def test_another_user_cannot_keep_it_from_starting(namespace: Namespace) -> None:
    with listener(namespace, HOST, target(ADDRESS, 8563)):
        (name,) = oracles.control_sockets(namespace)
    until(lambda: oracles.nothing_left(namespace), "the end of the listener")
    # The name that another run had, and all of it that can be told in advance.
    names = [
        name[1:],
        name[1:].rpartition("/")[0],
        name[1:].rpartition("/")[0] + "/",
        "lock." + name[1:].rpartition("/")[0] + "/",
    ]
    script = (
        "import socket, sys, time; held = [socket.socket(socket.AF_UNIX) for name in sys.argv[1:]]; "
        "[sock.bind('\\0' + name) or sock.listen() for sock, name in zip(held, sys.argv[1:])]; print('held', "
        "flush=True); time.sleep(60)"
    )
    with namespace.inside():
        squatter = subprocess.Popen(
            [*NOBODY, sys.executable, "-c", script, *names], stdout=subprocess.PIPE, text=True
        )
    with squatter:
        try:
            assert squatter.stdout and squatter.stdout.readline() == "held\n"
            result = lease(namespace, HOST, target(ADDRESS, 8563), token=OTHER_TOKEN)
            assert result["listening"] == [{"address": ADDRESS, "protocol": "tcp", "ports": "8563"}]
            assert result["leftovers"] == []
            assert release(namespace, HOST, OTHER_TOKEN) is True
        finally:
            squatter.kill()
    assert not ports(namespace)


def status(pid: int, field: str) -> list[str]:
    """Return the words of a field of a process's status."""
    lines = Path("/proc", str(pid), "status").read_text(encoding="ascii").splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(field + ":"))


def test_it_serves_strangers_without_the_rights_of_root(namespace: Namespace) -> None:
    with listener(namespace, HOST, target(ADDRESS, "22,8563")) as result:
        assert result["denied"] == []
        assert {*status(result["pid"], "Uid"), *status(result["pid"], "Gid")} == {"65534"}
        assert int(status(result["pid"], "CapEff")[0], 16) == 0
        wider = lease(namespace, HOST, target(ADDRESS, "23,8563"), token=OTHER_TOKEN)
        assert (wider["pid"], wider["listening"]) == (
            result["pid"],
            [{"address": ADDRESS, "protocol": "tcp", "ports": "23,8563"}],
        )
        assert answers(namespace, result, wanted="22,8563") == [HOST]
        release(namespace, HOST, OTHER_TOKEN)


def test_a_capture_is_read_without_the_rights_of_root(namespace: Namespace) -> None:
    result = lease(namespace, HOST, target(ADDRESS, 8563), capture=True)
    assert status(result["pid"], "Uid")[0] == "65534"
    assert answers(namespace, result) == [HOST]
    seen = elsewhere(namespace, "absent", host=HOST, token=TOKEN)["capture"]
    assert seen["complete"] is True
    assert {entry["asked_in"] for entry in seen["seen"] if "asked_in" in entry} == {"8563"}


# What holds a port.


def test_a_port_of_an_outgoing_connection_is_no_service(namespace: Namespace) -> None:
    namespace.address("192.0.2.11/32", "192.0.2.12/32")
    with bound(namespace, "192.0.2.12", 7000) as server, namespace.inside(), socket.socket() as outgoing:
        outgoing.bind(("192.0.2.11", 20005))
        outgoing.connect(server.getsockname())
        with listener(namespace, HOST, target("192.0.2.11", "20004-20006")) as result:
            assert result["holders"] == [
                {"address": "192.0.2.11", "protocol": "tcp", "ports": "20005", "by": "connection", "at": []}
            ]
            assert result["listening"] == [
                {"address": "192.0.2.11", "protocol": "tcp", "ports": "20004,20006"}
            ]


@pytest.mark.parametrize("at", ["127.0.0.1", "192.0.2.99", "::1"])
def test_a_service_on_another_address_is_found(namespace: Namespace, at: str) -> None:
    namespace.address("192.0.2.11/32", "192.0.2.99/32")
    with Service(namespace, at, 8563), listener(namespace, HOST, target("192.0.2.11", "8563,8564")) as result:
        assert result["holders"] == [
            {"address": "192.0.2.11", "protocol": "tcp", "ports": "8563", "by": "service", "at": [at]}
        ]
        # What listens for the host itself alone is not ours to prove; other addresses may be those of other
        # hosts of the plan.
        kept = "8563-8564" if at == "192.0.2.99" else "8564"
        assert result["listening"] == [{"address": "192.0.2.11", "protocol": "tcp", "ports": kept}]


def test_an_address_that_others_may_bind_without_having_it_is_not_the_hosts(namespace: Namespace) -> None:
    namespace.sysctl("ipv4/ip_nonlocal_bind", 1)  # as keepalived and haproxy want it
    flow = {"service": "x", "protocol": "tcp", "ports": "8563", "destinations": {"n13": ["192.0.2.13"]}}
    namespace.ip("route", "add", "unreachable", "192.0.2.13")
    assert [state[1] for state in states(probe_flows(namespace, [flow]))] == ["unreachable"]
    namespace.ip("route", "del", "unreachable", "192.0.2.13")
    namespace.address("192.0.2.13/32")
    with Service(namespace, "192.0.2.13", 8563):
        assert states(probe_flows(namespace, [flow])) == [("8563", "error", "own-address", "")]


def test_what_a_local_route_makes_the_machines_own_is_on_no_interface(namespace: Namespace) -> None:
    """A program may answer at such addresses (AnyIP, ip-route(8)), so it may be this machine."""
    namespace.ip("route", "add", "local", "192.0.2.0/28", "dev", "lo")
    namespace.address("192.0.2.40/32")
    with namespace.inside():
        assert [address in OwnAddresses() for address in ("192.0.2.13", "192.0.2.40", "192.0.2.33")] == [
            True,
            True,
            False,
        ]
        assert {"192.0.2.13", "192.0.2.40"} & of_interfaces() == {"192.0.2.40"}


def test_a_listener_at_a_name_serves_the_addresses_beside_it(namespace: Namespace) -> None:
    """Two sockets, one at all addresses and one at one of them, would be in each other's way."""
    namespace.address("192.0.2.11/32")
    with listener(namespace, HOST, target("192.0.2.11", 8563), target("localhost", 8563)) as result:
        assert (result["in_use"], result["holders"]) == ([], [])
        (seen,) = probe(namespace, [target("192.0.2.11", 8563)], {"192.0.2.11": result["listening"]})
        assert [state["answered_by"] for state in seen["states"]] == [HOST]


# What interrupted runs leave behind.


def test_a_run_that_gives_no_sign_frees_its_ports(machine: Machine) -> None:
    lease(machine, HOST, target(ADDRESS, 8563), idle=1)
    until(lambda: not ports(machine), "the listener to step aside")
    with Service(machine, ADDRESS, 8563, greeting=b"the database\n"):
        assert talk(machine, ADDRESS, 8563) == b"the database\n"
    told = elsewhere(machine, "absent", host=HOST, token=TOKEN)
    assert told.pop("kernel")["ways"] == []
    told.pop("stalled_s", None)  # on a busy machine
    assert told == {"changed": True, "stepped_aside": True}


@pytest.mark.machines  # root of a container sees no sockets of others
def test_a_listener_that_did_not_come_to_answer_says_so(machine: Machine) -> None:
    with listener(machine, HOST, target(ADDRESS, 8563)) as result:
        # Not from an oracle: in a container, root may not see it, and process 0 is the group of this one.
        os.kill(result["pid"], signal.SIGSTOP)
        time.sleep(2.5)
        os.kill(result["pid"], signal.SIGCONT)
        assert probe(machine, [target(ADDRESS, 8563)])[0]["states"][0]["state"] == "open"
        told = elsewhere(machine, "absent", host=HOST, token=TOKEN)
    assert 1 <= told["stalled_s"] < 60


def test_a_listener_that_root_left_behind_is_ended_by_a_query_of_root(namespace: Namespace) -> None:
    before = lease(namespace, HOST, target(ADDRESS, "8563,2580"), idle=10)
    until(
        lambda: (
            elsewhere(namespace, "query", host=HOST, endpoints=[target(ADDRESS, 8563)], dry=True)[
                "leftovers"
            ][0]["quiet_s"]
            >= 3
        ),
        "a while",
        10,
    )
    asked = elsewhere(namespace, "query", host=HOST, endpoints=[target(ADDRESS, 8563)])
    assert [(left["pid"], left["user"], left["ended"]) for left in asked["leftovers"]] == [
        (before["pid"], "root", True)
    ]
    assert not ports(namespace)
    again = elsewhere(namespace, "query", host=HOST, endpoints=[target(ADDRESS, 8563)])
    assert (again["leftovers"], again["holders"], again["in_use"]) == ([], [], [])


def test_a_control_connection_that_stalls_does_not_stop_the_answers(namespace: Namespace) -> None:
    # A module that was suspended between connecting and asking.
    with listener(namespace, HOST, target(ADDRESS, 8563)) as result:
        (name,) = oracles.control_sockets(namespace)
        held = oracles.socket_count(result["pid"])
        with namespace.inside(), socket.socket(socket.AF_UNIX) as stalled:
            stalled.connect("\0" + name[1:])
            stalled.send(b'{"operation"')
            until(lambda: oracles.socket_count(result["pid"]) > held, "the listener to accept")
            assert answers(namespace, result) == [HOST]
