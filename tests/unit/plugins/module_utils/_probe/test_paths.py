# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a busy machine must not change of a measured path."""

import errno
import select
import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import loopback
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.plugins.module_utils._probe import (
    outcome,
    path_connections,
    refused_here,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.paths import MeasuredPath
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace

KEY = b"a token of the tests"


class Clock:
    """A clock of whose readings one takes long: the process has to wait just then."""

    def __init__(self, long_one, seconds):
        self._now = 1000.0
        self._left = long_one
        self._seconds = seconds

    def _read(self):
        self._left -= 1
        self._now += self._seconds if self._left == 0 else 0.0001
        return self._now

    def monotonic(self):
        return self._read()

    def time(self):
        return 1700000000.0 + self._read()


class Path:
    """Keeps the clock that a connection found, as a path does."""

    def __init__(self):
        self.run = type("Run", (), {"key": KEY})
        self.expected = {"n11"}
        self._clock = None

    note_clock = MeasuredPath.note_clock
    clock = property(lambda self: self._clock)


class Connection(path_connections.Connection):
    """Is asked and answered without a socket."""

    def say(self, words):
        self.said = words


@pytest.mark.parametrize("long_one", range(1, 6))
def test_a_process_that_has_to_wait_makes_the_error_of_a_clock_greater(monkeypatch, long_one):
    clock = Clock(long_one, 3.0)
    monkeypatch.setattr(path_connections, "time", clock)
    path = Path()
    connection = Connection(path, 8563)
    connection._asked = clock.monotonic()
    stamp = b"%.6f" % clock.time()
    answer = proof.Answer(host="n11", port=8563, seen="192.0.2.1", stamp=stamp)
    monkeypatch.setattr(path_connections.proof, "read_answer", lambda *unused: answer)
    assert proof.clock(answer) is not None
    connection._hear(b"the answer\n")
    error, offset = path.clock
    assert abs(offset) <= error + 0.001, "it is one clock"
    assert error < 2.0


class Balanced(Path):
    """Keeps who else answered, as a path does."""

    def __init__(self):
        super().__init__()
        self.strays = []
        self.address, self.family = "192.0.2.11", socket.AF_INET

    def note_reset(self, port):
        self.strays.append(("reset", port))

    def note_stray(self, *stray):
        self.strays.append(stray)


@pytest.mark.parametrize("takes_others", [False, True])
@pytest.mark.parametrize("host", ["n11", "n12"])
def test_a_connection_to_another_host_measures_nothing(monkeypatch, host, takes_others):
    monkeypatch.setattr(Connection, "takes_others", takes_others)
    ended = []
    monkeypatch.setattr(Connection, "close", lambda self: setattr(self, "state", path_connections.OVER))
    monkeypatch.setattr(Connection, "on_end", lambda unused: ended.append(True))
    answer = proof.Answer(host=host, port=8563, seen="192.0.2.1", stamp=b"1700000000.000000")
    monkeypatch.setattr(path_connections.proof, "read_answer", lambda *unused: answer)
    path = Balanced()
    connection = Connection(path, 8563)
    connection._hear(b"the answer\n")
    assert (path.clock is not None) is (host == "n11"), "that of another host is not asked for"
    assert (connection.state == path_connections.ANSWERED, not ended) == (host == "n11" or takes_others,) * 2
    assert path.strays == ([] if host == "n11" else [("other_host", 8563, "n12")])


class Ending:
    """A socket whose connection fails with a number and an ICMP message, and has nothing to read."""

    def __init__(self, number, icmp=None):
        self._number = number
        self.icmp = icmp

    def getsockname(self):
        return OWN, 40000

    def getsockopt(self, *unused):
        return self._number

    def recv(self, unused_bytes):
        if self._number:
            raise OSError(self._number, "it was ended")
        return b""


@pytest.fixture
def asked(monkeypatch):
    """Return a function that makes a connection in a state, with a socket that ends."""
    monkeypatch.setattr(Connection, "close", lambda self: setattr(self, "state", path_connections.OVER))

    monkeypatch.setattr(outcome, "read_icmp", lambda sock: sock.icmp)

    def make(state, number, source_port=0, icmp=None):
        connection = Connection(Balanced(), 8563, source_port)
        connection.state, connection.sock = state, Ending(number, icmp)
        return connection

    return make


@pytest.mark.parametrize(
    "number, how",
    [
        (errno.ECONNREFUSED, "reset"),
        (errno.EHOSTUNREACH, "refused"),
        (errno.ENETUNREACH, "refused"),
        (errno.EACCES, "refused"),
        (errno.ECONNRESET, "cut_off"),
        (errno.EPIPE, "cut_off"),
        (errno.ETIMEDOUT, ""),
        (errno.ENOBUFS, ""),
    ],
    ids=lambda value: errno.errorcode.get(value, value),
)
def test_what_ends_a_handshake_is_no_connection_to_the_listener(asked, number, how):
    connection = asked(path_connections.CONNECTING, number)
    connection.on_event(select.EPOLLERR | select.EPOLLHUP | select.EPOLLIN | select.EPOLLOUT)
    assert connection.state == path_connections.OVER
    assert connection.path.strays == ([(how, 8563)] if how else [])


OWN, ROUTER = "192.0.2.21", "192.0.2.1"
HOST, PROHIBITED, PORT = 1, 13, 3  # codes of ICMP type 3


@pytest.mark.parametrize(
    "number", [errno.EHOSTUNREACH, errno.ECONNREFUSED, 0], ids=["late", "port", "at-once"]
)
@pytest.mark.parametrize(
    "sender, code, how",
    [
        (OWN, PROHIBITED, "refused_here"),
        (OWN, PORT, "refused_here"),
        (OWN, HOST, "no_neighbour"),
        (ROUTER, PROHIBITED, "refused"),
        (ROUTER, HOST, "refused"),
        ("192.0.2.11", PORT, "refused"),
    ],
)
def test_an_icmp_error_of_this_host_is_no_refusal_of_another(asked, number, sender, code, how):
    icmp = outcome.Icmp(version=4, kind=3, code=code, sender=sender)
    connection = asked(path_connections.CONNECTING, number, icmp=icmp)
    connection.on_event(select.EPOLLERR)
    assert connection.state == path_connections.OVER
    assert connection.path.strays == [(how, 8563)]


def test_an_error_without_number_and_message_is_waited_for(asked):
    connection = asked(path_connections.CONNECTING, 0)
    connection.on_event(select.EPOLLERR)
    assert connection.state == path_connections.CONNECTING and not connection.path.strays


@pytest.mark.parametrize(
    "number, how",
    [
        (errno.ENETUNREACH, "refused_here"),
        (errno.EHOSTUNREACH, "refused_here"),
        (errno.EINVAL, "refused_here"),
        (errno.EACCES, "refused_here"),
        (errno.EPERM, "refused_here"),
        (errno.ECONNREFUSED, "refused"),
        (errno.EADDRNOTAVAIL, ""),
        (errno.EAGAIN, ""),
    ],
    ids=lambda value: errno.errorcode.get(value, value),
)
def test_what_the_kernel_does_not_even_begin_is_refused_here(monkeypatch, number, how):
    class Refusing(socket.socket):
        def connect_ex(self, unused_place):
            return number

    monkeypatch.setattr(path_connections.socket, "SocketType", Refusing)
    path = Balanced()
    path.has_begun = lambda: None
    path.silence_seconds = 1.0
    path.run.sources = Sources(())
    connection = Connection(path, 8563)
    connection.start()
    assert connection.state == path_connections.OVER
    assert path.strays == ([(how, 8563)] if how else [])


@pytest.mark.parametrize("number", [0, errno.ECONNRESET], ids=["FIN", "RST"])
@pytest.mark.parametrize(
    "state, source_port, is_cut",
    [
        (path_connections.ASKING, 0, True),
        (path_connections.ASKING, 40000, False),
        (path_connections.ANSWERED, 0, False),
    ],
    ids=["before its answer", "another try from its source port", "after its answer"],
)
def test_who_ends_a_connection_before_the_answer_is_no_listener(asked, number, state, source_port, is_cut):
    connection = asked(state, number, source_port)
    connection.on_event(select.EPOLLIN)
    assert connection.state == path_connections.OVER
    assert connection.path.strays == ([("cut_off", 8563)] if is_cut else [])


class Made:
    """A clock, and an engine that takes longer than it was told, or gets an event earlier."""

    def __init__(self, asked, takes):
        self.now, self._asked, self._takes = 1000.0, asked, list(takes)

    def __len__(self):
        return len(self._takes)

    def seconds_to_next_alarm(self):
        return self._asked

    def wait(self, unused_seconds):
        self.now += self._takes.pop(0)

    def end_all(self):
        pass

    def close(self):
        pass

    def monotonic(self):
        return self.now


@pytest.mark.parametrize(
    ("takes", "late"),
    [
        ([0.3, 0.3], 0.0),
        ([0.1, 0.0, 0.2], 0.0),
        ([0.7, 0.1, 1.3], 1.4),
        ([30.0], path_connections._MAX_LATE_SECONDS),
    ],
    ids=["in time", "events come before", "late twice", "no more than that"],
)
def test_what_this_host_is_late_does_not_shorten_the_search(monkeypatch, takes, late):
    made = Made(0.3, takes)
    monkeypatch.setattr(path_connections, "time", made)
    monkeypatch.setattr(path_connections, "Engine", lambda: made)
    run = path_connections.Run(Pace(), Sources(()), KEY)
    path = type("Path", (), {"_begun": made.now, "run": run, "round_trip": 0.0})()
    before = MeasuredPath._last_start.fget(path)
    run.all([])
    assert MeasuredPath._last_start.fget(path) - before == pytest.approx(late)


@pytest.mark.parametrize(
    ("strays", "failed", "unexplained"),
    [
        ({}, [1, 1, 2], 3),
        ({("refused", ""): [1]}, [1, 1, 2], 1),
        ({("cut_off", ""): [2, 2]}, [1, 1, 2], 2),
        ({("refused", ""): [1], ("cut_off", ""): [2]}, [1, 1, 2], 0),
        ({("other_host", "n12"): [1, 2]}, [1, 1, 2], 3),
        ({("refused_here", ""): [1, 2]}, [1, 1, 2], 3),
    ],
)
def test_a_server_that_is_off_refuses_some_connections_and_is_silent_for_others(strays, failed, unexplained):
    path = type("Path", (), {"_strays": strays, "_failed": failed})()
    assert MeasuredPath._count_unexplained(path) == unexplained


@pytest.mark.parametrize("seconds, examined", [(10.0, 3), (-1.0, 0)], ids=["in time", "no time left"])
def test_what_resets_connections_is_not_looked_for_forever(monkeypatch, seconds, examined):
    """Without socket filters, the paths take turns."""
    monkeypatch.setattr(loopback, "may_choose_what_to_receive", lambda: False)
    monkeypatch.setattr(path_connections, "_MAX_EXAMINING_SECONDS", seconds)
    asked = []
    monkeypatch.setattr(refused_here.Counting, "refuses_some", lambda *arguments: asked.append(arguments))
    path = Balanced()
    path.resets, path.twin = [8563], lambda: None
    run = path_connections.Run(Pace(1.0, rate=50.0), Sources(()), KEY)
    run.examine([path] * 3)
    run.engine.close()
    assert [rate for *unused, rate in asked] == examined * [50.0]
