# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that are not ours: bare sockets that keep a record of what reached them."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator

from ..waiting import SECONDS
from .namespaces import Machine


def bound(
    machine: Machine, address: str, port: int, kind: int = socket.SOCK_STREAM, dual: bool = False
) -> socket.socket:
    """Return a bound socket of the network, listening if it is TCP.

    C(dual) lets an IPv6 one serve IPv4 too.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with machine.inside():
        sock = socket.socket(family, kind)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dual))
    if kind == socket.SOCK_STREAM:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if kind == socket.SOCK_STREAM:
        sock.listen(1024)
    return sock


@contextlib.contextmanager
def silent_ports(machine: Machine, address: str, ports: range) -> Iterator[None]:
    """Listen on TCP ports without ever accepting: the kernel alone completes the handshakes."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(bound(machine, address, port))
        yield


class Service:
    """A TCP or UDP service that greets, answers or is silent, and records its conversations.

    Its reply may depend on what it heard.
    """

    def __init__(
        self,
        machine: Machine,
        address: str,
        port: int,
        kind: int = socket.SOCK_STREAM,
        *,
        greeting: bytes = b"",
        reply: bytes | Callable[[bytes], bytes] = b"",
        dual: bool = False,
    ):
        self._sock = bound(machine, address, port, kind, dual)
        self._greeting = greeting
        self._reply = reply if callable(reply) else lambda unused_data: reply
        self.received: list[bytes] = []  # of each conversation that is over, or each datagram
        self.endings: list[str] = []  # "eof" or the name of the error
        self._ended = threading.Event()
        self._thread = threading.Thread(
            target=self._serve if kind == socket.SOCK_STREAM else self._answer, daemon=True
        )

    def __enter__(self) -> Service:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._ended.set()
        self._thread.join(SECONDS)
        self._sock.close()

    def _waiting(self) -> Iterator[None]:
        while not self._ended.is_set():
            if select.select([self._sock], [], [], 0.05)[0]:
                yield

    def _serve(self) -> None:
        for unused in self._waiting():
            sock = self._sock.accept()[0]
            with sock:
                sock.settimeout(10)
                self._converse(sock)

    def _converse(self, sock: socket.socket) -> None:
        received, ending = b"", "eof"
        try:
            sock.sendall(self._greeting)
            while data := sock.recv(4096):
                received += data
                sock.sendall(self._reply(data))
        except OSError as error:
            ending = type(error).__name__
        self.received.append(received)
        self.endings.append(ending)

    def _answer(self) -> None:
        for unused in self._waiting():
            data, peer = self._sock.recvfrom(4096)
            self.received.append(data)
            reply = self._reply(data)
            if not reply:
                continue
            with contextlib.suppress(OSError):  # a test's filter may forbid the answer
                self._sock.sendto(reply, peer)


def talk(machine: Machine, address: str, port: int, question: bytes = b"") -> bytes:
    """Return what a TCP service says to a plain client that asks and then ends its side."""
    with machine.inside():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    with sock:
        sock.settimeout(10)
        sock.connect((address, port))
        sock.sendall(question)
        sock.shutdown(socket.SHUT_WR)
        said = b""
        while data := sock.recv(4096):
            said += data
        return said
