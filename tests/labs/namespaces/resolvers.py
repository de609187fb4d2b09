# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A slow or silent resolver, for servers that look up their clients before they send anything."""

from __future__ import annotations

import select
import socket
import struct
import threading
import time
from pathlib import Path

from ..waiting import SECONDS
from .namespaces import Machine

_PTR, ADDRESSES_OF_A_NAME = 12, 1


class Resolver:
    """Answers over UDP at port 53: every address has one name, which has one address.

    C(delay) in seconds before a name is said, None for never.
    """

    def __init__(
        self,
        machine: Machine,
        address: str,
        folder: Path,
        *,
        delay: float | None,
        name: str = "client.example.com",
        leads_to: str = "192.0.2.1",
        options: str = "",
    ):
        with machine.inside():
            self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((address, 53))
        self._delay, self._name, self._leads_to = delay, name, leads_to
        self.asked: list[int] = []  # the kinds of questions
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.conf = folder / "resolv.conf"
        self.conf.write_text(
            f"nameserver {address}\n" + (f"options {options}\n" if options else ""), encoding="ascii"
        )

    def __enter__(self) -> Resolver:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._over.set()
        self._thread.join(SECONDS)
        self._sock.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            if not select.select([self._sock], [], [], 0.05)[0]:
                continue
            question, peer = self._sock.recvfrom(4096)
            kind = struct.unpack_from(">H", question, question.index(b"\0", 12) + 1)[0]
            self.asked.append(kind)
            if kind != _PTR:
                self._sock.sendto(self._answer(question, kind), peer)
            elif self._delay is not None:
                threading.Thread(
                    target=self._answer_late, args=(question, peer, self._delay), daemon=True
                ).start()

    def _answer_late(self, question: bytes, peer: tuple[str, int], delay: float) -> None:
        time.sleep(delay)
        if not self._over.is_set():
            self._sock.sendto(self._answer(question, _PTR), peer)

    def _answer(self, question: bytes, kind: int) -> bytes:
        # RFC 1035, sections 4.1.1 to 4.1.3; 0xC00C points at the name in the question.
        end = question.index(b"\0", 12) + 5
        data = {_PTR: _encoded(self._name), ADDRESSES_OF_A_NAME: socket.inet_aton(self._leads_to)}.get(
            kind, b""
        )
        record = struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(data)) + data if data else b""
        return (
            question[:2] + struct.pack(">5H", 0x8180, 1, 1 if record else 0, 0, 0) + question[12:end] + record
        )


def _encoded(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode("ascii") for label in name.split(".")) + b"\0"
