# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are this machine's own, as its kernel says over rtnetlink(7).

Two lists are needed, because neither has all. The addresses of the interfaces have those of a VRF, whose
routes only its own programs see. The routes have what no interface has: all of 127.0.0.0/8, and networks that
a route of type "local" makes the machine's own (ip-route(8)). What either of them has never leaves the
machine.

Binding to an address does not tell: a host with net.ipv4.ip_nonlocal_bind, as keepalived and haproxy want it,
may bind to any address.
"""

import errno
import socket
import struct
from typing import FrozenSet, Iterator, Optional

from .._values.addresses import parse_address, stands_for
from .sockets import is_local

# Numbers of the kernel, see rtnetlink(7) and netlink(7).
_RTM_NEWADDR, _RTM_GETADDR, _RTM_NEWROUTE, _RTM_GETROUTE = 20, 22, 24, 26
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_REQUEST, _NLM_F_DUMP = 1, 0x300
_IFA_ADDRESS, _IFA_LOCAL, _RTA_DST = 1, 2, 1
_RTN_LOCAL = 2
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_RTMSG = struct.Struct(
    "=BBBBBBBBI"
)  # family, lengths of destination and source, TOS, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)
_SECONDS = 5.0


class OwnAddresses:
    """The addresses that are this machine's own.

    The interfaces are read once, the routes for each question.
    """

    def __init__(self) -> None:
        self._listed = of_interfaces()

    def __contains__(self, address: object) -> bool:
        parsed = parse_address(str(address))
        if parsed is None or stands_for(parsed):
            return False
        if str(parsed) in self._listed:
            return True
        kind = _type_of_route(parsed.version, parsed.packed)
        if kind is None:
            return not _binds_to_any(parsed.version) and is_local(str(parsed))
        return kind == _RTN_LOCAL


def of_interfaces() -> FrozenSet[str]:
    """Return the addresses of all interfaces, none where the kernel does not say."""
    return own_addresses() or frozenset()


def own_addresses() -> Optional[FrozenSet[str]]:
    """Return the addresses of all interfaces, None where the kernel does not say."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:  # NETLINK_ROUTE
            _send(sock, _RTM_GETADDR, _NLM_F_DUMP, _IFADDRMSG.pack(0, 0, 0, 0, 0))
            return frozenset(_dumped(sock))
    except (OSError, ValueError, struct.error):
        return None


def _send(sock: socket.socket, kind: int, flags: int, body: bytes) -> None:
    sock.settimeout(_SECONDS)
    sock.send(_HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)


def _type_of_route(version: int, packed: bytes) -> Optional[int]:
    """Return the type of the route to an address, 0 if there is no route, None if the kernel does not say."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    body = (
        _RTMSG.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0)
        + _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _RTA_DST)
        + packed
    )
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            _send(sock, _RTM_GETROUTE, 0, body)
            answer = sock.recv(65536)
        kind = _HEADER.unpack_from(answer)[1]
        if kind == _NLMSG_ERROR:
            return 0 if -struct.unpack_from("=i", answer, _HEADER.size)[0] in _NO_ROUTE else None
        return _RTMSG.unpack_from(answer, _HEADER.size)[7] if kind == _RTM_NEWROUTE else None
    except (OSError, struct.error):
        return None


def _binds_to_any(version: int) -> bool:
    """Tell whether programs may bind to addresses of other machines (ip_nonlocal_bind in ip-sysctl)."""
    try:
        with open(f"/proc/sys/net/ipv{version}/ip_nonlocal_bind") as setting:
            return setting.read().strip() != "0"
    except OSError:
        return False  # kernels without the setting do not permit it


def _dumped(sock: socket.socket) -> Iterator[str]:
    while True:
        data = sock.recv(1 << 16)
        while data:
            length, kind = _HEADER.unpack_from(data)[:2]
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR or length < _HEADER.size:
                raise ValueError("the kernel refuses to list its addresses")
            if kind == _RTM_NEWADDR:
                yield from _addresses(data[_HEADER.size : length])
            data = data[_aligned(length) :]


def _addresses(message: bytes) -> Iterator[str]:
    family = _IFADDRMSG.unpack_from(message)[0]
    found = {}
    attributes = message[_IFADDRMSG.size :]
    while len(attributes) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(attributes)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = attributes[_ATTRIBUTE.size : length]
        attributes = attributes[_aligned(length) :]
    # On a point-to-point link IFA_ADDRESS is the address of the other end.
    value = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
    if value and family in (socket.AF_INET, socket.AF_INET6):
        yield socket.inet_ntop(family, value)


def _aligned(length: int) -> int:
    return (length + 3) & ~3


def is_loopback(address: str) -> bool:
    """Tell whether an address always leads back to the host that uses it."""
    parsed = parse_address(address)
    return parsed is not None and parsed.is_loopback
