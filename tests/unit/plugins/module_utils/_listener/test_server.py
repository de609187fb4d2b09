# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A listener as those meet it who connect.

It proves itself to the runs that it serves and is silent to all others.
"""

import json
import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import (
    dialogue,
    proof,
    server,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, run_python
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    TIME_WAIT,
    ask,
    connections,
    free_ports,
    free_range,
    listening,
    port_of,
    some_address,
    wait_until,
)

NONCE = b"a" * 24
DATAGRAM = socket.SOCK_DGRAM


def key_of(host, run_name="run"):
    """Return the key of a run."""
    return proof.check_token(host.token(run_name))


def hello(host, run_name="run"):
    """Return the hello of a run."""
    return proof.hello(proof.prefix(key_of(host, run_name)), NONCE)


def probed(host, found, run_name="run", name="target", timeout=5.0):
    """Probe what a listener says it listens on; returns the states of the observations."""
    targets = collect(
        [
            {
                "service": "x",
                "protocol": listen["protocol"],
                "ports": listen["ports"],
                "destinations": {name: [listen["address"]]},
            }
            for listen in found["listening"]
        ],
        [],
        {name: found["listening"]},
    )
    return [
        state
        for observation in run(targets, Settings(Pace(timeout), token=host.token(run_name)))["observations"]
        for state in observation["states"]
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.88", pytest.param("::1", marks=pytest.mark.ipv6)])
@pytest.mark.parametrize(
    "protocol, kind, reason", [("tcp", socket.SOCK_STREAM, "syn-ack"), ("udp", DATAGRAM, "udp-response")]
)
def test_a_listener_proves_itself(host, address, protocol, kind, reason):
    ports = free_ports(address, 3, kind)
    states = probed(host, host.present(address, ports, protocol))
    assert [(state["state"], state["reason"], state["answered_by"]) for state in states] == [
        ("open", reason, host.name)
    ]


@pytest.mark.parametrize("asked", ["127.0.0.1", "127.0.0.66", pytest.param("::1", marks=pytest.mark.ipv6)])
@pytest.mark.parametrize("protocol, kind", [("tcp", socket.SOCK_STREAM), ("udp", DATAGRAM)])
def test_a_name_is_listened_for_at_every_address(host, asked, protocol, kind):
    (port,) = free_ports("0.0.0.0", kind=kind)
    found = host.present("some.host.example.com", [port], protocol)
    assert [listen["address"] for listen in found["listening"]] == ["0.0.0.0", "::"]
    (state,) = probed(host, {"listening": [{"address": asked, "protocol": protocol, "ports": str(port)}]})
    assert state["answered_by"] == host.name


def test_a_thousand_ports_are_one_process_and_one_state(host):
    address = some_address()
    first = free_range(address, 1001)
    found = host.present(address, [f"{first}-{first + 1000}"])
    (state,) = probed(host, found)
    assert (state["answered_by"], state["ports"]) == (host.name, f"{first}-{first + 1000}")


def test_neither_end_keeps_time_wait(host):
    address = some_address()
    ports = free_ports(address, 20)
    assert probed(host, host.present(address, ports))[0]["answered_by"] == host.name
    assert connections(address, ports, TIME_WAIT) == 0


def test_a_listener_that_is_gone_is_closed(host):
    address = some_address()
    found = host.present(address, free_ports(address))
    assert probed(host, found)[0]["state"] == "open"
    host.absent()
    assert [(state["state"], "answered_by" in state) for state in probed(host, found)] == [("closed", False)]


def test_another_hosts_listener_is_named(host, other_host):
    address = some_address()
    other_host.tokens["run"] = host.token("run")
    found = other_host.present(address, free_ports(address))
    (state,) = probed(host, found)
    assert (state["state"], state["answered_by"]) == ("open", other_host.name)
    assert other_host.name != host.name


@pytest.mark.parametrize(
    "name", ["n 11", "\u30ce\u30fc\u30c9", "a%20b", "x" * 253], ids=["space", "katakana", "percent", "long"]
)
def test_any_name_travels(host, name):
    host.name = name + host.name[-8:] if len(name) < 253 else name
    address = some_address()
    assert probed(host, host.present(address, free_ports(address)))[0]["answered_by"] == host.name


def test_another_runs_token_proves_nothing(host):
    address = some_address()
    found = host.present(address, free_ports(address))
    (state,) = probed(host, found, run_name="stranger")
    assert (state["state"], state["answered_by"], state["proof"]) == ("open", "", "other_run")


@pytest.mark.parametrize("protocol, kind", [("tcp", socket.SOCK_STREAM), ("udp", DATAGRAM)])
@pytest.mark.parametrize(
    "question",
    [
        lambda host: hello(host, "stranger"),
        lambda host: b"GET / HTTP/1.0\r\n\r\n",
        lambda host: b"\n",
        lambda host: hello(host).replace(b"NETWORK-3", b"NETWORK-2"),
        lambda host: proof.hello(proof.prefix(key_of(host)), NONCE[:-1]),
    ],
    ids=["unknown run", "http", "empty line", "other version", "short nonce"],
)
def test_strangers_hear_no_more_than_what_it_is(host, protocol, kind, question):
    address = some_address()
    (port,) = free_ports(address, kind=kind)
    host.present(address, [port], protocol)
    assert host.name.encode("ascii") in ask(address, port, hello(host), kind), "the positive control"
    heard = ask(address, port, question(host), kind, seconds=0.3 if kind == DATAGRAM else 10)
    assert heard == (None if kind == DATAGRAM else proof.NOTICE)


@pytest.mark.parametrize(
    "question",
    [b"", b"EXASOL", b"\x16\x03\x01" + b"h" * 1800, b"x" * 10240],
    ids=["nothing", "half a hello", "TLS", "long"],
)
def test_whoever_ends_his_side_hears_that_it_is_no_service(host, question):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    with socket.create_connection((address, port), timeout=10) as sock:
        sock.sendall(question)
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(4096) == proof.NOTICE
        assert sock.recv(4096) == b""


def test_a_probe_without_the_token_knows_a_listener(host):
    address = some_address()
    first = free_range(address, 50)
    found = host.present(address, [f"{first}-{first + 49}"])
    ports = found["listening"][0]["ports"]
    with listening(address) as service:
        targets = collect(
            [],
            [
                {"address": address, "protocol": "tcp", "ports": ports},
                {"address": address, "protocol": "tcp", "ports": port_of(service)},
            ],
            {},
        )
        states = run(targets, Settings(Pace(1.0)))["observations"][0]["states"]
        assert {(state["ports"], state["state"], state["reason"]) for state in states} == {
            (ports, "open", "other-run"),
            (str(port_of(service)), "open", "syn-ack"),
        }


@pytest.mark.parametrize("service", ["ssh", "sql_client", "bucketfs", "ldap", "oracle"])
@pytest.mark.parametrize("identify", [False, True])
def test_a_probe_that_identifies_knows_a_listener(host, service, identify):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    targets = collect([], [{"address": address, "protocol": "tcp", "ports": port, "service": service}], {})
    (state,) = run(targets, Settings(Pace(1.0), identify=identify))["observations"][0]["states"]
    assert (state["state"], state["reason"], state.get("identity")) == ("open", "other-run", None)


def test_a_run_is_answered_on_its_own_ports_only(host):
    address = some_address()
    mine, theirs = free_ports(address, 2)
    host.present(address, [mine])
    host.present(address, [theirs], run="other")
    assert proof.read_answer(key_of(host), NONCE, ask(address, mine, hello(host))).host == host.name
    assert ask(address, theirs, hello(host)) == proof.NOTICE


def test_a_long_line_ends_its_own_connection_only(host):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    assert ask(address, port, b"x" * 10240) == proof.NOTICE
    assert ask(address, port, hello(host)), "the listener still answers others"


def test_a_hello_in_pieces_is_answered(host):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    with socket.create_connection((address, port), timeout=10) as sock:
        for piece in (hello(host)[:10], hello(host)[10:400], hello(host)[400:]):
            sock.sendall(piece)
            assert ask(address, port, hello(host)), "others are answered meanwhile"
        assert proof.read_answer(key_of(host), NONCE, sock.recv(4096)).host == host.name


def test_a_hello_without_an_end_keeps_nobody_waiting(host):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    with socket.create_connection((address, port), timeout=10) as idle:
        idle.sendall(hello(host).rstrip(b"\n"))
        assert ask(address, port, hello(host))
        assert host.absent(), "and the lease can be ended"


@pytest.mark.parametrize("padding", [0, 1, 40, 420])
def test_a_datagrams_answer_is_never_longer_than_its_question(host, padding):
    # Or whoever forges a source could let us send more to it than he sends himself.
    address = some_address()
    host.name = "long" + "x" * 150 + host.name[-8:]
    (port,) = free_ports(address, kind=DATAGRAM)
    host.present(address, [port], "udp")
    question = proof.prefix(key_of(host)) + NONCE + b" " + b"." * padding + b"\n"
    answer = ask(address, port, question, DATAGRAM, seconds=10 if padding == 420 else 0.3)
    assert len(answer or b"") <= len(question)
    assert padding < 420 or proof.read_answer(key_of(host), NONCE, answer).host == host.name


def test_a_datagram_of_any_length_hurts_nobody(host):
    address = some_address()
    (port,) = free_ports(address, kind=DATAGRAM)
    host.present(address, [port], "udp")
    for length in (0, 1, 10240):
        assert ask(address, port, b"x" * length, DATAGRAM, seconds=0.1) is None
    assert ask(address, port, hello(host), DATAGRAM)


CROWDED = """
import json, resource, socket, sys, time
from ansible_collections.exasol_community.network.plugins.module_utils._listener import control as _control
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof as _hello
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[5]), int(sys.argv[5])))
host, token, address, port = sys.argv[1:4] + [int(sys.argv[4])]
result = _control.present(host, token, [{"address": address, "protocol": "tcp", "ports": str(port)}], 60)
print(json.dumps(result))
"""


def test_idle_connections_do_not_shut_others_out(host):
    address = some_address()
    (port,) = free_ports(address)
    host.pids.add(
        json.loads(run_python(CROWDED, host.name, host.token("run"), address, str(port), "160"))["pid"]
    )
    idle = [socket.create_connection((address, port), timeout=10) for unused in range(200)]
    try:
        for sock in idle:
            sock.sendall(b"no end")
        assert ask(address, port, hello(host), seconds=5)
        assert host.absent()
    finally:
        for sock in idle:
            sock.close()


def control(host, line):
    """Say a line to the control socket of a listener and return its answer."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(dialogue.control_name(host.name, host.token("run")))
        sock.sendall(line + b"\n")
        return sock.recv(65536)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[]",
        b"5",
        b"{}",
        b'{"operation": "nonsense"}',
        b'{"operation": "lease"}',
        b'{"operation": "show", "token": 5}',
        b'{"operation": "show", "token": "short"}',
        b'{"operation": "show", "token": "0123456789abcdef", "more": 1}',
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_a_request_that_makes_no_sense_ends_nobodys_lease(host, line):
    # A newer or older version of this collection may talk to the listener that another run has started.
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    control(host, line)
    assert ask(address, port, hello(host)), "the lease still holds"


def in_process(monkeypatch, **methods):
    """Return a listener in this process, and how to send it a request.

    C(methods) stand in for those that perform an operation.
    """
    control, visitor = socket.socketpair(socket.AF_UNIX)
    listener = server.Listener("n11", control)
    for name, method in methods.items():
        monkeypatch.setitem(server._OPERATIONS, name, server._OPERATIONS[name]._replace(perform=method))
    request = server._Request(visitor, 0.0, permitted=True)
    return listener, lambda wish: listener._obey(request, json.dumps(wish).encode("ascii"))


@pytest.mark.parametrize("error", [TypeError("ours"), KeyError("ours"), AttributeError("ours")], ids=repr)
def test_a_defect_of_ours_is_not_taken_for_a_request_that_makes_no_sense(monkeypatch, error):
    def defective(listener, key):
        raise error

    listener, send = in_process(monkeypatch, show=defective)
    answer = send({"operation": "show", "token": "0123456789abcdef"})["error"]
    assert_names(answer, ["the listener failed", type(error).__name__, "ours"])


@pytest.mark.parametrize(
    "wish, fragments",
    [
        ({"operation": "explode"}, ["does not understand", "'explode'"]),
        ({"operation": "show"}, ["does not understand", "'token' is missing"]),
        ({"operation": "clear", "force": True}, ["does not understand", "unknown field 'force'"]),
        ({"operation": "attend", "token": "0123456789abcdef"}, ["0 open files", "expected 1"]),
    ],
    ids=["operation", "missing", "unknown", "files"],
)
def test_what_is_wrong_with_a_request_is_said(monkeypatch, wish, fragments):
    listener, send = in_process(monkeypatch)
    assert_names(send(wish)["error"], fragments)


def test_each_run_hears_of_its_own_capture(monkeypatch):
    listener, send = in_process(monkeypatch)
    tokens = {name: f"the token of run {name}" for name in ("one", "two", "three")}
    nothing = {"sockets": [], "in_use": [], "denied": [], "absent": []}
    for name, token in tokens.items():
        send(
            {
                "operation": "lease",
                "token": token,
                "asked": [],
                "ttl": 60,
                "idle": 60,
                "capture": name != "three",
                "opened": dict(nothing, capture=f"problem {name}") if name != "three" else nothing,
            }
        )
    released = {name: send({"operation": "release", "token": token}) for name, token in tokens.items()}
    assert [bool(answer.pop("before")["counters"]) for answer in released.values()] == [True] * 3
    assert released == {
        "one": {"changed": True, "capture": {"problem": "problem one"}},
        "two": {"changed": True, "capture": {"problem": "problem two"}},
        "three": {"changed": True},
    }


def test_a_visitor_of_the_control_socket_who_says_nothing_is_left(host):
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(dialogue.control_name(host.name, host.token("run")))
    assert ask(address, port, hello(host))


def test_the_listener_leaves_a_bare_socket_alone(host):
    with listening("127.0.0.1") as service:
        (free,) = free_ports("127.0.0.1")
        found = host.present("127.0.0.1", [free, port_of(service)])
        assert found["in_use"] == [
            {"address": "127.0.0.1", "protocol": "tcp", "ports": str(port_of(service))}
        ]
        with socket.create_connection(service.getsockname(), timeout=10) as client:
            served = service.accept()[0]
            served.sendall(b"still here")
            assert client.recv(100) == b"still here"
            served.close()
    wait_until(lambda: host.absent() is True)
