# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that share a probe: they find what one finds, and what one of them did not report is unknown."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import probe, stages, workers
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.range_turns import RANGE_RATE
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import (
    Pace,
    all_ports,
    size_of_part,
)
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    Echo,
    Server,
    bound,
    connections,
    ended,
    free_range,
    full,
    listening,
    open_files,
    port_of,
    some_address,
    states_of,
    wait_until,
)

QUICK = Pace(timeout=1.0)
SYN_SENT = "02"  # linux/tcp_states.h, as /proc/net/tcp prints it
LOST = ("error", "process-lost")
REFUSED = ("closed", "conn-refused")


@pytest.fixture
def share(monkeypatch):
    """Let any probe have so many workers."""

    def set_count(count):
        monkeypatch.setattr(probe, "LARGE", 1)
        monkeypatch.setattr(stages, "_MIN_PROOF_SECONDS", 1.0)
        monkeypatch.setattr(workers, "how_many", lambda pace, available: count)

    return set_count


@pytest.fixture
def started(monkeypatch):
    """The processes of the workers that a probe starts."""
    found = []
    fork = os.fork

    def noted():
        process = fork()
        if process:
            found.append(process)
        return process

    monkeypatch.setattr(os, "fork", noted)
    return found


def plain(address, ports, protocol="tcp"):
    """Return a plain target."""
    return {"address": address, "protocol": protocol, "ports": str(Ports(ports))}


def probed(*targets, **settings):
    """Probe plain targets."""
    listens = settings.pop("listens", {})
    return run(collect([], targets, listens), Settings(**dict({"pace": QUICK}, **settings)))


@pytest.mark.parametrize(
    ("pace", "available", "count"),
    [
        pytest.param(Pace(), 1, 0, id="one-processor"),
        pytest.param(Pace(), 2, 2, id="two-are-both-used"),
        pytest.param(Pace(), 3, 2, id="three"),
        pytest.param(Pace(), 6, 3, id="half-of-six"),
        pytest.param(Pace(), 8, 4, id="half-of-eight"),
        pytest.param(Pace(), 128, 4, id="never-more-than-four"),
        pytest.param(Pace(rate=1000.0), 8, 0, id="with-a-rate"),
        pytest.param(Pace(range_rate=RANGE_RATE), 8, 4, id="with-a-rate-of-others"),
        pytest.param(Pace(concurrency=512), 8, 0, id="with-few-sockets"),
        pytest.param(Pace(concurrency=2048), 8, 4, id="with-enough-sockets"),
    ],
)
def test_how_many(pace, available, count):
    assert workers.how_many(pace, available) == count


def test_processors_are_those_that_the_process_may_use():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert workers.processors() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert workers.processors() == len(allowed)


def test_datagrams_and_limited_ranges_are_not_shared():
    targets = list(
        collect([], [plain("192.0.2.11", range(1000, 1200)), plain("192.0.2.11", [53], "udp")], {})
    )
    small = list(collect([], [plain("192.0.2.12", [8563])], {}))
    assert workers.shared(targets + small, Pace(range_rate=RANGE_RATE)) == small
    assert workers.shared(targets + small, Pace()) == [targets[0], *small]


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_parts_are_all_ports_and_alike(parts):
    targets = list(collect([], [plain("192.0.2.11", range(100, 111)), plain("192.0.2.12", [1, 2])], {}))
    targets += collect([], [plain(f"198.51.100.{number}", [8563]) for number in range(1, 41)], {})
    shares = [list(all_ports(targets, part, parts)) for part in range(parts)]
    assert sorted((work for some in shares for work in some), key=str) == sorted(all_ports(targets), key=str)
    assert max(map(len, shares)) - min(map(len, shares)) <= 2
    assert list(map(len, shares)) == [size_of_part(targets, part, parts) for part in range(parts)]


def test_a_small_probe_and_one_without_processors_have_no_workers(monkeypatch, started):
    with bound("127.0.0.1") as refusing:
        wish = plain("127.0.0.1", [port_of(refusing)])
        probed(wish)
        monkeypatch.setattr(probe, "LARGE", 1)
        monkeypatch.setattr(workers, "processors", lambda: 1)
        probed(wish)
        assert not started
        monkeypatch.setattr(workers, "processors", lambda: 2)
        probed(wish)
    assert len(started) == 2


class Mixture:
    """Ports of every kind at one address: proven, taken by others, open, closed, silent, and datagrams."""

    def __init__(self, address, host, stack):
        first = free_range(address, 60)
        host.present(address, range(first, first + 40))
        host.present(address, range(first + 40, first + 45), protocol="udp")
        other = stack.enter_context(Server(address, banner=b"another service\n"))
        banner = stack.enter_context(Server(address, banner=b"SSH-2.0-OpenSSH_9.2\r\n"))
        closing = stack.enter_context(Server(address, closes=True))
        silent = [port_of(stack.enter_context(full(address))) for unused in range(3)]
        echo = stack.enter_context(Echo(address, b"hello"))
        self.banner = banner
        ours = [*range(first, first + 55), other.port, closing.port, silent[0]]
        self.listens = {address: [plain(address, ours), plain(address, range(first + 40, first + 45), "udp")]}
        self.targets = [
            dict(plain(address, [*ours, *silent])),
            dict(plain(address, [banner.port]), service="ssh", identify="ssh"),
            plain(address, [*range(first + 40, first + 45), echo.port], "udp"),
        ]


def essence(result):
    """Return what a probe found, without times."""
    observations = result["observations"]
    for observation in observations:
        for state in observation["states"]:
            state.pop("rtt_ms", None)
            if "identity" in state:
                state["identity"].pop("waited_s", None)
    counts = [{name: path[name] for name in ("address", "tries", "lost")} for path in result["paths"]]
    return observations, counts, result["summary"], result["kernel"]["sent_from"]


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_workers_find_what_one_process_finds(share, started, host, address):
    with contextlib.ExitStack() as stack:
        mixture = Mixture(address if ":" in address else some_address(), host, stack)
        found = []
        for count in (0, 2, 3, 4):
            share(count)
            result = probed(
                *mixture.targets, listens=mixture.listens, token=host.token("run"), identify=True, trace=True
            )
            found.append(essence(result))
        endings = mixture.banner.wait_for(4)
    assert len(started) >= 2 + 3 + 4
    states = {(state["state"], state.get("proof", "")) for one in found[0][0] for state in one["states"]}
    expected = {("open", "ours"), ("open", "other"), ("open", "cut_off")}
    assert states >= expected | {("closed", ""), ("filtered", ""), ("open", "")}
    for several in found[1:]:
        for one, other in zip(found[0], several):
            assert one == other
    assert endings == ["fin"] * 4  # a service gets one connection, whoever opens it


def test_no_socket_and_no_process_is_left(share, started):
    address = some_address()
    share(3)
    with bound(address) as refusing, full(address) as silent:
        probed(plain(address, [port_of(refusing), port_of(silent)]))
        before = open_files()
        probed(plain(address, [port_of(refusing), port_of(silent)]))
        assert open_files() == before
    assert all(map(ended, started))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


class Background:
    """A probe in a thread."""

    def __init__(self, *targets, **settings):
        self._results = []
        self._thread = threading.Thread(target=lambda: self._results.append(probed(*targets, **settings)))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *unused):
        self._thread.join(30)

    @property
    def is_over(self):
        """Whether it has ended."""
        return not self._thread.is_alive()

    def result(self):
        """Return the state and reason of each port when it has ended."""
        self._thread.join(30)
        (found,) = self._results
        return states_of(found)


def parts_of(ports):
    """Return which ports of one address each of two workers has."""
    return [set(list(Ports(ports))[part::2]) for part in range(2)]


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "positive control"])
def test_what_a_killed_worker_did_not_report_is_unknown(share, started, killed):
    """Both workers wait for the proof of a mute service when one of them is killed."""
    share(2)
    address = some_address()
    first = free_range(address, 20)
    with contextlib.ExitStack() as stack:
        mute = [stack.enter_context(Server(address)) for unused in range(2)]
        ports = sorted(server.port for server in mute)
        wish = plain(address, [*range(first, first + 20), *ports])
        listens = {address: [plain(address, ports)]}
        with Background(wish, listens=listens, token="a token of the tests") as background:
            wait_until(lambda: all(server.peers for server in mute))
            if killed:
                os.kill(started[0], signal.SIGKILL)
            found = background.result()
    lost = parts_of([*range(first, first + 20), *ports])[0] if killed else set()
    for port in range(first, first + 20):
        assert found[(address, "tcp", port)] == (LOST if port in lost else REFUSED)
    for port in ports:
        assert found[(address, "tcp", port)] == (LOST if port in lost else ("open", "syn-ack"))


def test_what_a_worker_passed_on_before_it_was_killed_is_known(share, started):
    share(2)
    address = some_address()
    first = free_range(address, 20)
    with contextlib.ExitStack() as stack:
        silent = [port_of(stack.enter_context(full(address))) for unused in range(6)]
        mute = [stack.enter_context(Server(address)) for unused in range(2)]
        ports = sorted(server.port for server in mute)
        wish = plain(address, [*range(first, first + 20), *silent, *ports])
        parts = parts_of([*range(first, first + 20), *silent, *ports])
        listens = {address: [plain(address, ports)]}
        with Background(wish, listens=listens, token="a token of the tests") as background:
            wait_until(lambda: all(server.peers for server in mute))
            time.sleep(QUICK.timeout * 0.6)  # what is silent is passed on after a sixth
            number = int(ports[0] in parts[1])  # another one, without a mute service, may have ended
            os.kill(started[number], signal.SIGKILL)
            found = background.result()
    for port in range(first, first + 20):
        assert found[(address, "tcp", port)] == REFUSED
    for port in silent:
        assert found[(address, "tcp", port)] == ("filtered", "no-response")
    for port in ports:
        assert found[(address, "tcp", port)] == (LOST if port in parts[number] else ("open", "syn-ack"))


def test_why_a_port_is_unknown_is_said(share, monkeypatch, host):
    def fail(self, is_readable):
        raise RuntimeError("a fault of the tests")

    address = some_address()
    first = free_range(address, 4)
    host.present(address, range(first, first + 4))
    ask = {"listens": {address: [plain(address, range(first, first + 4))]}, "token": host.token("run")}
    share(2)
    whole = probed(plain(address, range(first, first + 4)), **ask)
    assert set(states_of(whole).values()) == {("open", "syn-ack")}
    monkeypatch.setattr(stages.Proof, "begin", fail)
    result = probed(plain(address, range(first, first + 4)), **ask)
    (state,) = result["observations"][0]["states"]
    assert (state["state"], state["reason"]) == LOST
    assert "RuntimeError: a fault of the tests" in state["detail"]
    monkeypatch.undo()
    share(2)
    monkeypatch.setattr(stages.Proof, "begin", lambda self, is_readable: os.kill(os.getpid(), signal.SIGKILL))
    result = probed(plain(address, range(first, first + 4)), **ask)
    (state,) = result["observations"][0]["states"]
    assert (state["state"], state["reason"]) == LOST
    assert "killed by signal 9" in state["detail"]


def test_a_worker_that_says_too_little_is_not_believed(share, monkeypatch):
    """Whatever the fault is: a port without an outcome never looks like one that was measured."""
    record = workers._Part.start

    def forget_one(self, target, port, plain=False):
        if port % 5:
            record(self, target, port, plain)

    address = some_address()
    first = free_range(address, 20)
    share(2)
    assert set(states_of(probed(plain(address, range(first, first + 20)))).values()) == {REFUSED}
    monkeypatch.setattr(workers._Part, "start", forget_one)
    found = states_of(probed(plain(address, range(first, first + 20))))
    assert {port: state for (_address, _protocol, port), state in found.items()} == {
        port: REFUSED if port % 5 else LOST for port in range(first, first + 20)
    }


def test_a_worker_without_sockets_gives_up_and_the_sum_of_sockets_holds(share, started):
    """Of twelve silent ports, each of two workers has no sockets left after two."""
    share(2)
    address = some_address()
    counts = [0]
    with contextlib.ExitStack() as stack:
        silent = [port_of(stack.enter_context(full(address))) for unused in range(12)]
        refusing = [port_of(stack.enter_context(bound(address))) for unused in range(8)]
        pace = QUICK._replace(concurrency=8)
        with Background(plain(address, silent + refusing), pace=pace) as background:
            while not background.is_over:
                # One connection has filled the queue of each, and another one still tries to.
                counts.append(connections(address, silent, SYN_SENT) - len(silent))
                time.sleep(0.01)
            found = background.result()
    for port in silent:
        assert found[(address, "tcp", port)] == ("filtered", "no-response")
    for port in refusing:
        assert found[(address, "tcp", port)] == REFUSED
    # While the table is read, sockets end and others begin: what is true is seen several times.
    assert 4 <= max(map(min, zip(counts, counts[1:], counts[2:], counts[3:]))) <= 8


@pytest.mark.parametrize("name", ["fork", "socketpair"])
def test_without_processes_the_probe_does_all_itself(share, monkeypatch, name):
    def fail():
        raise OSError(11, "Resource temporarily unavailable")

    share(2)
    monkeypatch.setattr(os if name == "fork" else socket, name, fail)
    with bound("127.0.0.1") as refusing, listening("127.0.0.1") as server:
        found = states_of(probed(plain("127.0.0.1", [port_of(refusing), port_of(server)])))
    assert sorted(found.values()) == [REFUSED, ("open", "syn-ack")]


PROGRAM = """
import sys
from {package}._probe import probe, workers
from {package}._probe.sweep import Pace

probe.LARGE = 1
workers.how_many = lambda pace, available: 3
wish = dict(address=sys.argv[1], protocol="tcp", ports=sys.argv[2])
probe.run(probe.collect([], [wish], {{sys.argv[1]: [wish]}}), probe.Settings(Pace(60.0), token="x" * 20))
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_workers_end_with_the_probe(name):
    package = re.sub(r"\._probe\.probe$", "", probe.__name__)
    address = some_address()
    with contextlib.ExitStack() as stack:
        mute = [stack.enter_context(Server(address)) for unused in range(3)]
        program = [sys.executable, "-c", PROGRAM.format(package=package), address]
        process = subprocess.Popen(
            [*program, ",".join(str(server.port) for server in mute)],
            stderr=subprocess.DEVNULL,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
        )
        try:
            wait_until(lambda: all(server.peers for server in mute))
            with open(f"/proc/{process.pid}/task/{process.pid}/children") as listed:
                children = [int(child) for child in listed.read().split()]
            assert len(children) == 3
            assert not any(map(ended, children))
            process.send_signal(getattr(signal, name))
            process.wait(10)
            wait_until(lambda: all(map(ended, children)))
        finally:
            process.kill()
            process.wait()
