# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses that this host has now, from the kernel's own list (rtnetlink(7)).

Binding to an address does not tell: a host with net.ipv4.ip_nonlocal_bind, as keepalived and haproxy want it, may bind
to any address.
"""

import socket
import struct
from typing import FrozenSet, Iterator, Optional

from ._addresses import parse_address

_GET_ADDRESSES, _ADDRESS, _DONE, _ERROR = 22, 20, 3, 2  # RTM_GETADDR, RTM_NEWADDR, NLMSG_DONE, NLMSG_ERROR
_REQUEST_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_SECONDS = 2.0


def own_addresses() -> Optional[FrozenSet[str]]:
    """Return the addresses of all interfaces, None where the kernel does not say."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
            sock.settimeout(_SECONDS)
            sock.send(_HEADER.pack(_HEADER.size + _IFADDRMSG.size, _GET_ADDRESSES, _REQUEST_ALL, 1, 0) + _IFADDRMSG.pack(0, 0, 0, 0, 0))
            return frozenset(_dumped(sock))
    except (OSError, ValueError, struct.error):
        return None


def _dumped(sock: socket.socket) -> Iterator[str]:
    while True:
        data = sock.recv(1 << 16)
        while data:
            length, kind = _HEADER.unpack_from(data)[:2]
            if kind == _DONE:
                return
            if kind == _ERROR or length < _HEADER.size:
                raise ValueError("the kernel refuses to list its addresses")
            if kind == _ADDRESS:
                yield from _addresses(data[_HEADER.size:length])
            data = data[_aligned(length):]


def _addresses(message: bytes) -> Iterator[str]:
    family = _IFADDRMSG.unpack_from(message)[0]
    found = {}
    attributes = message[_IFADDRMSG.size:]
    while len(attributes) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(attributes)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = attributes[_ATTRIBUTE.size:length]
        attributes = attributes[_aligned(length):]
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
