# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-ins for servers that cannot be installed here, and servers that mean harm.

Real sockets, words from public documentation.

A stand-in understands what it is asked as the protocol's documentation says, and answers nothing else. It is
not the product.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
import typing as t
from collections.abc import Callable, Iterator

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    TlsServer,
    database,
    once,
)

from ..waiting import SECONDS
from .namespaces import Machine
from .services import bound

Words = Callable[[bytes], bytes]  # from what was just heard to what is answered
Certificate = tuple[str, str]
MARKUP = "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>|\u202e[x](http://203.0.113.5)\x00".encode()


class StandIn:
    """One TCP server; C(make) makes the words of each connection, C(pace) sends them in its own time."""

    def __init__(
        self,
        machine: Machine,
        address: str,
        port: int,
        make: Callable[[], Words],
        pace: Callable[[bytes], Iterator[bytes]] = lambda data: iter([data]),
    ):
        self.port = port
        self.words: list[Words] = []  # of each connection
        self.received: list[bytes] = []  # of each connection that is over
        self.endings: list[str] = []  # "eof" or the name of the error
        self._make, self._pace = make, pace
        self._sock = bound(machine, address, port)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> StandIn:
        self._threads[0].start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(SECONDS)
        self._sock.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            if select.select([self._sock], [], [], 0.05)[0]:
                self.words.append(self._make())
                thread = threading.Thread(
                    target=self._serve, args=(self._sock.accept()[0], self.words[-1]), daemon=True
                )
                self._threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket, words: Words) -> None:
        received, ending = [b""], "eof"
        sock.settimeout(2 * SECONDS)  # longer than a probe waits for anybody
        with sock:
            try:
                self._say(sock, words(b""))
                while data := sock.recv(65536):
                    received.append(data)
                    self._say(sock, words(data))
            except OSError as error:
                ending = type(error).__name__
        self.received.append(b"".join(received))
        self.endings.append(ending)

    def _say(self, sock: socket.socket, data: bytes) -> None:
        for piece in self._pace(data):
            if self._over.is_set():
                return
            sock.sendall(piece)


def at_once(data: bytes) -> Callable[[], Words]:
    """Return what says its words before it is asked, and no more."""

    def make() -> Words:
        left = [data]
        return lambda heard: left.pop() if left else b""

    return make


def asked(length: Callable[[bytes], int], answer: Callable[[bytes], bytes]) -> Callable[[], Words]:
    """Return what answers once a question is complete.

    C(length) tells from its head how long it is, 0 if more of it is needed.
    """

    def make() -> Words:
        heard: list[bytes] = []
        done: list[bool] = []

        def words(data: bytes) -> bytes:
            heard.append(data)
            question = b"".join(heard)
            if done or not length(question) or len(question) < length(question):
                return b""
            done.append(True)
            return answer(question[: length(question)])

        return words

    return make


def _two_bytes(at: int) -> Callable[[bytes], int]:
    return lambda question: struct.unpack_from(">H", question, at)[0] if len(question) >= at + 2 else 0


def oracle(answer: bytes) -> Callable[[], Words]:
    """Stand in for Oracle's listener: packets of TNS begin with their length.

    A connect packet names where its data are.
    """

    def reply(question: bytes) -> bytes:
        length, offset = struct.unpack_from(">HH", question.ljust(28), 24)
        return (
            answer
            if question[4] == 1 and question[offset : offset + length] == b"(CONNECT_DATA=(COMMAND=ping))"
            else b""
        )

    return asked(_two_bytes(0), reply)


def sql_server(*version: int) -> Callable[[], Words]:
    """Stand in for SQL Server.

    PRELOGIN is packet type 18 (MS-TDS, section 2.2.3.1), whose options end with 255.
    """
    return asked(
        _two_bytes(2),
        lambda question: (
            answers.prelogin_response(*version)
            if question[:2] == b"\x12\x01" and b"\xff" in question[8:]
            else b""
        ),
    )


def db2(release: str) -> Callable[[], Words]:
    """Stand in for Db2: EXCSAT is code point 1041 in a request DSS (DRDA, Vol. 3)."""

    def reply(question: bytes) -> bytes:
        size, code = struct.unpack_from(">HH", question.ljust(10), 6)
        return (
            answers.excsatrd(release)
            if question[2:4] == b"\xd0\x01" and (size, code) == (len(question) - 6, 0x1041)
            else b""
        )

    return asked(_two_bytes(0), reply)


def hanging_up(words: bytes = b"") -> Callable[[], Words]:
    """Return what says its words, then hangs up as soon as it is told anything."""

    def make() -> Words:
        left = [words]

        def say(heard: bytes) -> bytes:
            if left:
                return left.pop()
            raise ConnectionAbortedError("hung up")

        return say

    return make


def sybase() -> Words:
    """Stand in for Sybase ASE, which waits for a login."""
    return lambda heard: b""


class InsideTls:
    """Words inside TLS."""

    def __init__(self, certificate: Certificate, answer: t.Any = None, greeting: bytes = b""):
        self.server = TlsServer(certificate, answer, greeting)

    def __call__(self, heard: bytes) -> bytes:
        return self.server.feed(heard) if heard else b""


def exasol(certificate: Certificate, *frames: bytes) -> Callable[[], Words]:
    """Stand in for the database: TLS, WebSocket, and frames for the first step of a login."""
    return lambda: InsideTls(certificate, database(*(frames or (answers.frame(answers.LOGIN_ANSWER),))))


def inside_tls(certificate: Certificate, answer: bytes) -> Callable[[], Words]:
    """Stand in for what answers once inside TLS: a directory, a proxy that speaks HTTPS."""
    return lambda: InsideTls(certificate, once(answer))


def endlessly(data: bytes) -> Iterator[bytes]:
    """Send words again and again, until nobody takes them."""
    while data:
        yield data


def megabytes(data: bytes) -> Iterator[bytes]:
    """Send words until they are some megabytes."""
    for unused in range(5_000_000 // len(data) if data else 0):
        yield data


def dripping(data: bytes) -> Iterator[bytes]:
    """Send one byte a second."""
    for byte in data:
        yield bytes((byte,))
        time.sleep(1)
