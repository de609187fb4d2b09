# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a busy machine must not change of a measured path."""

import errno
import select

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.plugins.module_utils._probe import path_connections
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
    """A socket whose connection fails with a number, and has nothing to read."""

    def __init__(self, number):
        self._number = number

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

    def make(state, number, source_port=0):
        connection = Connection(Balanced(), 8563, source_port)
        connection.state, connection.sock = state, Ending(number)
        return connection

    return make


@pytest.mark.parametrize(
    "number, how",
    [
        (errno.ECONNREFUSED, "refused"),
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
