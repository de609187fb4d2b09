# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has learned by ICMP about the largest packet to an address.

A router that cannot forward a packet says so ("fragmentation needed", RFC 1191; "packet too big", RFC 8201).
The kernel keeps that with the route to this one address for ten minutes, and new connections begin with it.
rtnetlink(7) tells it apart from an MTU that somebody has configured: it belongs to a copy of the route
(RTM_F_CLONED), and for IPv4, where every answer is such a copy, it expires.
"""

import array
import fcntl
import socket
import struct
from typing import Dict, Iterator, NamedTuple, Tuple

_RTM_NEWROUTE, _RTM_GETROUTE, _NLM_F_REQUEST = 24, 26, 1
_RTA_DST, _RTA_OIF, _RTA_METRICS, _RTA_CACHEINFO = 1, 4, 8, 12
_RTAX_MTU = 2
_RTM_F_CLONED = 0x200
_EXPIRES = 8  # offset of rta_expires in struct rta_cacheinfo
_SIOCGIFMTU = 0x8921
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_RTMSG = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_SECONDS = 2.0


class LearnedMtu(NamedTuple):
    """The largest packet to an address as ICMP said, and that of the interface which leads there."""

    learned: int = 0  # 0 if nothing was learned
    interface: int = 0  # 0 if not known


def learned_mtu(address: str) -> LearnedMtu:
    """Return what was learned about the largest packet to an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        packed = socket.inet_pton(family, address.partition("%")[0])
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:  # NETLINK_ROUTE
            sock.settimeout(_SECONDS)
            sock.send(_question(family, packed))
            answer = sock.recv(65536)
        return _read(family, answer)
    except (OSError, struct.error):
        return LearnedMtu()


def _question(family: int, packed: bytes) -> bytes:
    body = _RTMSG.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _RTA_DST) + packed
    return _HEADER.pack(_HEADER.size + len(body), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0) + body


def _read(family: int, answer: bytes) -> LearnedMtu:
    if _HEADER.unpack_from(answer)[1] != _RTM_NEWROUTE:
        return LearnedMtu()
    flags = _RTMSG.unpack_from(answer, _HEADER.size)[8]
    found: Dict[int, bytes] = dict(_attributes(answer[_HEADER.size + _RTMSG.size :]))
    metrics = dict(_attributes(found.get(_RTA_METRICS, b"")))
    learned = _number(metrics.get(_RTAX_MTU, b""))
    if family == socket.AF_INET:
        is_learned = _number(found.get(_RTA_CACHEINFO, b"")[_EXPIRES:]) > 0
    else:
        is_learned = bool(flags & _RTM_F_CLONED)
    return LearnedMtu(learned if is_learned else 0, _mtu_of(_number(found.get(_RTA_OIF, b""))))


def _number(data: bytes) -> int:
    return int(struct.unpack_from("=i", data)[0]) if len(data) >= 4 else 0


def _attributes(data: bytes) -> Iterator[Tuple[int, bytes]]:
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _mtu_of(interface: int) -> int:
    try:
        name = socket.if_indextoname(interface).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            request = array.array("B", name.ljust(16, b"\0") + bytes(24))
            fcntl.ioctl(sock.fileno(), _SIOCGIFMTU, request)
        return int(struct.unpack_from("=i", request, 16)[0])
    except OSError:
        return 0
