# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the kernel over rtnetlink(7), which need no privileges: addresses, routes, neighbours."""

import socket
import struct
from typing import Dict, Iterator, NamedTuple

# Numbers of the kernel, see rtnetlink(7) and netlink(7).
RTM_NEWLINK, RTM_GETLINK = 16, 18
RTM_NEWADDR, RTM_GETADDR = 20, 22
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTM_NEWNEIGH, RTM_GETNEIGH = 28, 30
NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP = 1, 0x300
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
# Family, lengths of destination and source, TOS, table, protocol, scope, type, flags.
RTMSG = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_TYPE_OF_ATTRIBUTE = 0x3FFF  # without the flags NLA_F_NESTED and NLA_F_NET_BYTEORDER
_SECONDS = 5.0


class Message(NamedTuple):
    """What the kernel answers."""

    kind: int
    body: bytes


class Rtnetlink:
    """A socket for questions; raises OSError, ValueError or struct.error if the kernel does not answer."""

    def __init__(self, protocol: int = 0) -> None:  # NETLINK_ROUTE
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)

    def __enter__(self) -> "Rtnetlink":
        return self

    def __exit__(self, *unused: object) -> None:
        self._sock.close()

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sock.settimeout(_SECONDS)
        self._sock.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)

    def ask(self, kind: int, body: bytes) -> Message:
        """Return the one answer to a question."""
        self._send(kind, 0, body)
        answer = self._sock.recv(1 << 16)
        length, answered = _HEADER.unpack_from(answer)[:2]
        return Message(answered, answer[_HEADER.size : length])

    def dump(self, kind: int, body: bytes) -> Iterator[Message]:
        """Yield all entries of a table of the kernel."""
        self._send(kind, _NLM_F_DUMP, body)
        while True:
            data = self._sock.recv(1 << 16)
            while data:
                length, answered = _HEADER.unpack_from(data)[:2]
                if answered == _NLMSG_DONE:
                    return
                if answered == NLMSG_ERROR or length < _HEADER.size:
                    raise ValueError("the kernel refuses to list a table")
                yield Message(answered, data[_HEADER.size : length])
                data = data[_aligned(length) :]


def attribute(kind: int, value: bytes) -> bytes:
    """Return an attribute of a question, with the padding that the next one needs."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + bytes(_aligned(length) - length)


def attributes(data: bytes) -> Dict[int, bytes]:
    """Return the attributes that follow the fixed part of an answer."""
    found: Dict[int, bytes] = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_OF_ATTRIBUTE] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return found


def _aligned(length: int) -> int:
    return (length + 3) & ~3
