# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers that measure throughput: their words, their bounds, and who gets a byte of a listener."""

import contextlib
import os
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.machine import identity
from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof, transfers
from ansible_collections.exasol_community.network.plugins.module_utils._listener.transfers import (
    Bounds,
    Count,
    Wish,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    free_ports,
    some_address,
    wait_until,
)

KEY, CHALLENGE = b"a key of 16 bytes", b"c" * 24
WISH = Wish("in", Bounds(1.0, 1000000, 50000000), "8e2c1fd6a05b7730")


@given(
    st.sampled_from(["out", "in"]),
    st.integers(1, 20000),
    st.integers(1, 10**12),
    st.integers(1, 10**13),
    st.sampled_from(["", "8e2c1fd6a05b7730"]),
)
def test_a_wish_is_read_as_it_was_written_within_the_limits_of_the_listener(way, millis, size, rate, machine):
    line = transfers.wish_line(KEY, CHALLENGE, Wish(way, Bounds(millis / 1000.0, size, rate), machine))
    assert line.endswith(b"\n") and len(line) <= 160
    found = transfers.read_wish(KEY, CHALLENGE, line.rstrip(b"\n"))
    assert (found.way, found.machine) == (way, machine or "-")
    assert abs(found.bounds.seconds - min(millis / 1000.0, 10.0)) < 0.002
    assert found.bounds.size == min(size, 10**10)
    assert found.bounds.rate == min(rate, 10**11)


def signed(words, key=KEY, challenge=CHALLENGE):
    """Return a line with a permit for these words."""
    return b"T " + words + b" " + proof.transfer_permit(key, challenge, words)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(signed(b"in 1000 1000000 1000000 -", key=b"another key of 16"), id="another token"),
        pytest.param(signed(b"in 1000 1000000 1000000 -", challenge=b"d" * 24), id="another connection"),
        pytest.param(signed(b"in 1000 1000000 1000000 -")[:-1], id="a permit that is cut off"),
        pytest.param(b"T in 1000 1000000 1000000 -", id="no permit"),
        pytest.param(signed(b"in 1000 1000000 -"), id="a word is missing"),
        pytest.param(signed(b"in 1000 1000000 1000000 - -"), id="a word too many"),
        pytest.param(signed(b"in -1000 1000000 1000000 -"), id="negative"),
        pytest.param(signed(b"in 0 1000000 1000000 -"), id="no time"),
        pytest.param(signed(b"in 1000 0 1000000 -"), id="no bytes"),
        pytest.param(signed(b"in 1000 1000000 0 -"), id="no rate"),
        pytest.param(signed(b"up 1000 1000000 1000000 -"), id="no direction"),
        pytest.param(signed(b"\xff 1 1 1 -"), id="no text"),
        pytest.param(b"T", id="nothing"),
    ],
)
def test_a_wish_without_permit_or_sense_is_none(line):
    assert transfers.read_wish(KEY, CHALLENGE, line) is None
    assert transfers.read_wish(KEY, CHALLENGE, signed(b"in 1000 1000000 1000000 -")), "the control"


def test_without_a_challenge_no_permit_counts():
    assert transfers.read_wish(KEY, b"", signed(b"in 1000 1000000 1000000 -", challenge=b"")) is None


@pytest.mark.parametrize(
    ("line", "count"),
    [
        (b"1000 1500 1500000", Count(1000, 1500, 1.5)),
        (b"0 0 0", None),
        (b"1000 1500", None),
        (b"1000 1500 -3", None),
        (b"1e3 1500 3", None),
        (b"", None),
    ],
)
def test_what_a_receiver_counted_is_read(line, count):
    assert transfers.read_count(line) == count
    if count:
        assert transfers.count_line(count) == line + b"\n"
    assert transfers.count_line(None) == b"0 0 0\n"


def test_one_process_of_a_machine_has_the_lock():
    lock = taken()
    with lock:
        assert transfers.take_lock() is None
    taken().close()


def taken():
    """Return the lock, which another test of this machine may have for a moment."""
    found = []

    def try_it():
        found.append(transfers.take_lock())
        return found[-1] is not None

    wait_until(try_it)
    return found[-1]


@contextlib.contextmanager
def joined():
    """Yield both ends of a connection of TCP."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        one = socket.create_connection(server.getsockname())
        other = server.accept()[0]
    with one, other:
        yield one, other


def send(sock, bounds):
    """Send until the other end has enough."""
    with contextlib.suppress(OSError):
        transfers.send(sock, bounds)


def moved(bounds, sending=None):
    """Send and receive with these bounds; returns what was counted, and how long it took."""
    with joined() as (one, other):
        thread = threading.Thread(target=send, args=(one, sending or bounds))
        begun = time.monotonic()
        thread.start()
        count = transfers.receive(other, bounds)
        took = time.monotonic() - begun
        other.close()
        thread.join()
    return count, took


@pytest.mark.parametrize("has_file", [True, False], ids=["file in memory", "without one"])
def test_the_bytes_end_a_transfer(monkeypatch, has_file):
    if not has_file:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    count, _took = moved(Bounds(9.0, 20000000, transfers.MAX_RATE))
    assert 1000000 < count.size <= 20000000
    assert count.rate == pytest.approx(count.size / count.seconds, rel=0.001)


def test_the_time_ends_a_transfer_and_the_rate_is_kept():
    count, took = moved(Bounds(1.0, transfers.MAX_BYTES, 4000000))
    assert count.seconds <= took
    assert 0 < count.size <= 4000000 * took + (1 << 17), "a slow machine may be slower, and none is faster"


def test_a_sender_that_ends_before_is_no_measurement():
    count, _took = moved(
        Bounds(5.0, 20000000, transfers.MAX_RATE), sending=Bounds(5.0, 5000000, transfers.MAX_RATE)
    )
    assert count is None


class Clock:
    """A clock that only moves on where somebody waits."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        """Return the time."""
        return self.now


class Stream:
    """A connection over which bytes come at certain times."""

    def __init__(self, clock, arrivals, asleep=(0.0, 0.0)):
        self._clock, self._timeout = clock, 0.0
        self._arrivals = [(100.0 + when, size) for when, size in arrivals]
        # When the receiving process gets no processor, and for how long.
        self._asleep_at, self._asleep_for = 100.0 + asleep[0], asleep[1]

    def settimeout(self, seconds):
        """Wait for so long."""
        self._timeout = seconds

    def recv_into(self, _room, most, _flags):
        """Return how many bytes are there, or come in time."""
        if self._asleep_for and self._clock.now >= self._asleep_at:
            self._clock.now, self._asleep_for = self._clock.now + self._asleep_for, 0.0
        end = self._clock.now + self._timeout
        if not self._arrivals or self._arrivals[0][0] > end:
            self._clock.now = end
            raise socket.timeout if self._timeout else BlockingIOError
        when, size = self._arrivals.pop(0)
        assert size <= most
        self._clock.now = max(self._clock.now, when)
        return size


STEP = 0.005  # seconds


def flow(*parts):
    """Return when how many bytes come; each part has an end, in seconds, and MB/s."""
    arrivals, begin = [], 0.0
    for end, megabytes in parts:
        steps = round((end - begin) / STEP)
        if megabytes:
            arrivals += [(begin + number * STEP, int(megabytes * 1000000 * STEP)) for number in range(steps)]
        begin = end
    return arrivals


MOST = 10**9  # bytes


@pytest.mark.parametrize(
    ("arrivals", "size", "megabytes"),
    [
        pytest.param(flow((3.0, 50)), MOST, 50, id="steady"),
        pytest.param(flow((0.2, 1), (3.0, 50)), MOST, 50, id="slow at first"),
        pytest.param(flow((0.1, 200), (3.0, 5)), MOST, 5, id="a burst at first"),
        pytest.param(flow((1.0, 50), (1.4, 0), (3.0, 50)), MOST, 37, id="a pause in the middle"),
        pytest.param(flow((1.7, 50)), MOST, 40, id="the kernel has to send again at the end"),
        pytest.param(flow((3.0, 199)), 10**8, 199, id="the bytes end it when it begins to count"),
        pytest.param(flow((0.01, 1), (3.0, 100)), 10**7, 100, id="few bytes"),
        pytest.param(flow((1.2, 50)), MOST, None, id="it stops in the middle"),
        pytest.param(flow((0.1, 200)), MOST, None, id="it stops soon"),
        pytest.param(flow((0.1, 50), (1.9, 0), (2.0, 50)), MOST, 3.3, id="it stops and goes on at the end"),
        pytest.param([], MOST, None, id="nothing comes"),
        pytest.param([*flow((1.0, 50)), (1.0, 0)], MOST, None, id="it ends before"),
    ],
)
def test_what_counts_is_what_a_path_carries_from_then_on(monkeypatch, arrivals, size, megabytes):
    clock = Clock()
    monkeypatch.setattr(transfers, "time", clock)
    count = transfers.receive(Stream(clock, arrivals), Bounds(2.0, size, transfers.MAX_RATE))
    if megabytes is None:
        assert count is None
    else:
        assert count.rate == pytest.approx(megabytes * 1000000, rel=0.06)
    assert clock.now <= 100.0 + 2.0 + 2.0 + STEP


@pytest.mark.parametrize("asleep", [(1.2, 0.7), (1.2, 1.7), (0.3, 0.8)], ids=str)
def test_a_receiver_that_gets_no_processor_is_no_path_that_stops(monkeypatch, asleep):
    clock = Clock()
    monkeypatch.setattr(transfers, "time", clock)
    stream = Stream(clock, flow((4.0, 20)), asleep)
    assert transfers.receive(stream, Bounds(2.0, MOST, transfers.MAX_RATE)) is not None


@given(
    st.integers(1 << 20, 1 << 27),
    st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), min_size=1, max_size=300),
)
def test_no_pause_makes_a_sender_faster_than_its_rate(rate, moments):
    clock = Clock()
    sent = [(clock.now, 0)]

    class Sink:
        """Takes everything, unless it is blocked."""

        is_blocked = False

        def send(self, data):
            """Take data."""
            if self.is_blocked:
                raise BlockingIOError
            sent.append((clock.now, sent[-1][1] + len(data)))
            return len(data)

    chunk = 1 << 16
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfers, "time", clock)
        sink = Sink()
        sender = transfers._Sender(sink, Bounds(10.0, 1 << 40, rate), None, chunk)
        for seconds, is_blocked in moments:
            sink.is_blocked = is_blocked
            clock.now += seconds
            for _try in range(40):
                if sender.seconds_ahead() > 0:
                    break
                sender.send()
    for number, (begin, before) in enumerate(sent):
        end, total = sent[min(len(sent) - 1, number + 200)]
        assert total - before <= rate * (end - begin + 0.25) + 2 * chunk


def test_a_listener_that_gets_no_thread_goes_on_without_transfers(monkeypatch):
    several = transfers.Transfers()
    wish = WISH._replace(way="in", machine="another machine")

    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        taken().close()
        one, other = socket.socketpair()
        several.start(other, b"run", wish)
        with one:
            assert one.recv(100) in (b"", b"busy\n")

    def is_served():
        one, other = socket.socketpair()
        several.start(other, b"run", wish)
        with one:
            return one.recv(3) == b"go\n"

    wait_until(is_served)


def test_silence_is_no_measurement():
    with joined() as (_one, other):
        assert transfers.receive(other, Bounds(0.1, 1000, 1000)) is None


class Asker:
    """Connects to a listener and asks for transfers word by word."""

    def __init__(self, host, address, port):
        self.key = proof.check_token(host.token("run"))
        self.sock = socket.create_connection((address, port), timeout=10)
        nonce = proof.new_nonce()
        self.sock.sendall(proof.measuring_hello(self.key, nonce))
        assert proof.read_answer(self.key, nonce, self.line()) is not None

    def line(self):
        """Return one line, or what came before the end."""
        line = b""
        with contextlib.suppress(ConnectionResetError):
            while not line.endswith(b"\n"):
                data = self.sock.recv(1)
                if not data:
                    break
                line += data
        return line

    def challenge(self):
        """Ask for a nonce."""
        self.sock.sendall(b"t\n")
        return self.line().rstrip(b"\n")

    def all(self):
        """Return how many bytes come until the end."""
        count = 0
        with contextlib.suppress(ConnectionResetError):
            while True:
                data = self.sock.recv(1 << 20)
                if not data:
                    break
                count += len(data)
        return count


@pytest.fixture
def asker(host):
    """Return how to connect to a listener."""
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    opened = []

    def connect():
        opened.append(Asker(host, address, port))
        return opened[-1]

    yield connect
    for one in opened:
        one.sock.close()


@pytest.fixture
def lock():
    """Hold the lock of this machine, as a probe does."""
    with taken() as held:
        yield held


def test_a_listener_sends_what_was_asked_for_and_no_more(asker, lock):
    one = asker()
    challenge = one.challenge()
    one.sock.sendall(
        transfers.wish_line(one.key, challenge, Wish("in", Bounds(5.0, 3000000, 10**9), identity()))
    )
    assert one.line() == b"go\n"
    assert one.all() == 3000000


def test_a_listener_takes_data_and_says_what_it_counted(asker, lock):
    one = asker()
    challenge = one.challenge()
    one.sock.sendall(
        transfers.wish_line(one.key, challenge, Wish("out", Bounds(5.0, 3000000, 10**9), identity()))
    )
    assert one.line() == b"go\n"
    one.sock.sendall(bytes(3000000))
    count = transfers.read_count(one.line().rstrip(b"\n"))
    assert 0 < count.size <= 3000000


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda one, challenge: (b"another key of 16", challenge), id="another token"),
        pytest.param(lambda one, challenge: (one.key, b"d" * 24), id="another nonce"),
    ],
)
def test_who_does_not_know_the_token_gets_no_byte(asker, lock, wrong):
    one = asker()
    key, challenge = wrong(one, one.challenge())
    one.sock.sendall(transfers.wish_line(key, challenge, WISH))
    assert one.line() == b"" and one.all() == 0


def test_a_wish_that_was_recorded_is_of_no_use(asker, lock):
    first = asker()
    line = transfers.wish_line(first.key, first.challenge(), WISH._replace(machine=identity()))
    first.sock.sendall(line)
    assert first.line() == b"go\n", "the control"
    first.sock.close()
    second = asker()
    second.challenge()
    second.sock.sendall(line)
    assert second.line() == b""


@pytest.mark.parametrize(
    "words",
    [
        b"T in 1000 1000 1000 - x\n",
        b"t\nt\n",
        b"h0\nt\n",
        b"t\nh0\n",
        b"t\nsomething\n",
        b"t\nT" + b"x" * 200,
    ],
    ids=["no nonce", "two nonces", "idle before", "idle after", "another word", "a word without an end"],
)
def test_words_without_sense_end_the_connection(asker, words):
    one = asker()
    one.sock.sendall(words)
    wait_until(lambda: one.all() < 100)


def test_a_machine_that_is_in_another_transfer_is_busy(asker, lock):
    # Somebody else holds the lock of this machine: the probe says that it runs elsewhere.
    one = asker()
    one.sock.sendall(transfers.wish_line(one.key, one.challenge(), WISH._replace(machine="another")))
    assert one.line() == b"busy\n" and one.all() == 0


def test_a_listener_serves_one_transfer_at_a_time_and_others_meanwhile(host, asker, lock):
    wish = Wish("in", Bounds(9.0, 10**10, 1000000), identity())
    one, two = asker(), asker()
    one.sock.sendall(transfers.wish_line(one.key, one.challenge(), wish))
    assert one.line() == b"go\n"
    two.sock.sendall(transfers.wish_line(two.key, two.challenge(), wish))
    assert two.line() == b"busy\n"
    one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    one.sock.close()

    def is_free():
        again = asker()
        again.sock.sendall(transfers.wish_line(again.key, again.challenge(), wish))
        return again.line() == b"go\n"

    wait_until(is_free)


def test_the_end_of_a_lease_ends_its_transfer(host, asker, lock):
    one = asker()
    wish = Wish("in", Bounds(9.0, 10**10, 1000000), identity())
    one.sock.sendall(transfers.wish_line(one.key, one.challenge(), wish))
    assert one.line() == b"go\n"
    host.absent()
    assert one.all() < 9000000, "it ends before its own time is over"
