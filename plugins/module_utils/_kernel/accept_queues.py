# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services do not accept their connections: those whose accept queue is full (sock_diag(7)).

The kernel completes handshakes for a service that is stopped or hangs, until its queue is full. Then it drops
what comes, which looks like a filter from outside. Anybody may ask for the length of these queues.
"""

import socket
import struct
from typing import TYPE_CHECKING, Dict, Iterator, List, Tuple

from .._values.ports import Ports
from .rtnetlink import Rtnetlink

if TYPE_CHECKING:
    from .._shapes import PortsAt

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_TCP_LISTEN = 10
_REQUEST = struct.Struct("=BBBBI48x")  # family, protocol, extensions, padding, states, socket
_ANSWER = struct.Struct("!4xH2x16s")  # the port and address of a socket, behind its family and state
_QUEUES = struct.Struct("=II")  # waiting for accept(), and how many may
_QUEUES_AT = 4 + 48 + 4  # behind family, socket and timer
_ROOM = _QUEUES_AT + _QUEUES.size
_MAX_QUEUES = 1024


def full_queues() -> "List[PortsAt]":
    """Return where services listen that do not accept; nothing if the kernel does not say."""
    found: Dict[str, List[int]] = {}
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            with Rtnetlink(_NETLINK_SOCK_DIAG) as kernel:
                for address, port in _full(kernel, family):
                    found.setdefault(address, []).append(port)
        except (OSError, ValueError, struct.error):
            continue
    return [
        {"address": address, "protocol": "tcp", "ports": str(Ports(ports))}
        for address, ports in sorted(found.items())[:_MAX_QUEUES]
    ]


def _full(kernel: Rtnetlink, family: int) -> Iterator[Tuple[str, int]]:
    request = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _TCP_LISTEN)
    for kind, body in kernel.dump(_SOCK_DIAG_BY_FAMILY, request):
        if kind != _SOCK_DIAG_BY_FAMILY or len(body) < _ROOM:
            continue
        port, packed = _ANSWER.unpack_from(body)
        waiting, most = _QUEUES.unpack_from(body, _QUEUES_AT)
        if waiting > most:  # as sk_acceptq_is_full() in include/net/sock.h
            yield socket.inet_ntop(family, packed[: 16 if family == socket.AF_INET6 else 4]), port
