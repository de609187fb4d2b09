# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A measuring connection, as those meet it who connect, and what it costs at most."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import proof
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    free_ports,
    some_address,
)

NONCE = b"a" * 24


@pytest.fixture
def connected(host):
    """Return how to connect with a key: a measuring hello, and the answer to it."""
    address = some_address()
    (port,) = free_ports(address)
    host.present(address, [port])
    opened = []

    def connect(key):
        sock = socket.create_connection((address, port), timeout=10)
        opened.append(sock)
        run = proof.prefix(proof.check_token(host.token("run")))
        sock.sendall(run + proof.measuring_hello(key, NONCE)[len(run) :])
        return sock, sock.recv(4096)

    yield connect
    for sock in opened:
        sock.close()


def read_all(sock):
    """Return everything until the end of a connection."""
    received = b""
    try:
        while True:
            data = sock.recv(65536)
            if not data:
                return received
            received += data
    except ConnectionResetError:
        return received


def test_a_segment_and_reports_come_on_request(host, connected):
    sock, answer = connected(proof.check_token(host.token("run")))
    assert proof.read_answer(proof.check_token(host.token("run")), NONCE, answer).host == host.name
    with sock.makefile("rb") as lines:
        sock.sendall(b"i" + b"." * 1000 + b"!?")
        size = int(lines.readline())
        assert size > 500
        assert lines.read(size) == b"." * size
        assert lines.readline() == b"\n", "the answer to a ping"
        mss, learned, interface = map(int, lines.readline().split())
        assert (mss >= size, learned, interface > size) == (True, 0, True)


def test_who_does_not_know_the_token_keeps_no_connection(connected):
    sock, answer = connected(b"another token of 16")
    assert answer and read_all(sock) == b""


def test_a_second_segment_is_not_sent(host, connected):
    sock, _answer = connected(proof.check_token(host.token("run")))
    sock.sendall(b"iiii")
    sock.sendall(b"ii!")
    with sock.makefile("rb") as lines:
        size = int(lines.readline())
        assert lines.read(size + 1) == b"." * size + b"\n", "what follows is the answer to the ping"


@pytest.mark.parametrize(
    "flood", [b"." * 5 * 65536, b"!" * 1025, b"?" * 1025], ids=["bytes", "pings", "reports"]
)
def test_a_connection_that_wants_too_much_is_ended(host, connected, flood):
    sock, _answer = connected(proof.check_token(host.token("run")))
    try:
        sock.sendall(flood)
    except (ConnectionResetError, BrokenPipeError):
        pass
    assert len(read_all(sock)) < 64 * 1024


def test_an_idle_connection_is_kept_and_speaks_once(host, connected):
    sock, _answer = connected(proof.check_token(host.token("run")))
    sock.sendall(b"h1\n")
    with sock.makefile("rb") as lines:
        assert lines.readline() == b"\n", "the listener agrees"
        assert lines.readline() == b"\n", "it speaks by itself"
        sock.sendall(b"!" + b"k" + NONCE + b"\n" + b"k" + b"b" * 24 + b"\n")
        assert [lines.readline() for unused in range(3)] == [b"\n", b"heard\n", b"unknown\n"]


@pytest.mark.parametrize(
    "words",
    [b"h\n", b"h99999\n", b"hx\n", b"h-1\n", b"h0\nh0\n", b"h0\nx\n", b"h0\nk" + b"a" * 200],
    ids=["no time", "too long", "no number", "negative", "twice", "another word", "a word without an end"],
)
def test_an_idle_connection_without_sense_is_ended(host, connected, words):
    sock, _answer = connected(proof.check_token(host.token("run")))
    sock.sendall(words)
    assert read_all(sock) in (b"", b"\n")
