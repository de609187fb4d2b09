# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are this machine's own, as its kernel says over rtnetlink(7).

Two lists are needed, because neither has all. The addresses of the interfaces have those of a VRF, whose
routes only its own programs see. The routes have what no interface has: all of 127.0.0.0/8, and networks that
a route of type "local" makes the machine's own (ip-route(8)). What either of them has never leaves the
machine.

Binding to an address does not tell: a host with net.ipv4.ip_nonlocal_bind, as keepalived and haproxy want it,
may bind to any address, and every host to broadcast addresses. An address that cannot be bound is not the
machine's own, which is quickly asked. So C(is_own()) begins with that.
"""

import errno
import re
import socket
import struct
from functools import lru_cache
from typing import Callable, Container, FrozenSet, Iterator, Optional

from .._values.addresses import parse_address, stands_for
from .rtnetlink import (
    NLMSG_ERROR,
    RTM_GETADDR,
    RTM_GETROUTE,
    RTM_NEWADDR,
    RTM_NEWROUTE,
    RTMSG,
    Rtnetlink,
    attribute,
    attributes,
)
from .sockets import is_bindable

_IFA_ADDRESS, _IFA_LOCAL, _RTA_DST = 1, 2, 1
_RTN_LOCAL = 2
_IFA_F_DADFAILED, _IFA_F_TENTATIVE = 0x08, 0x40
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)


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
            return not binds_to_any(parsed.version) and is_bindable(str(parsed))
        return kind == _RTN_LOCAL


def is_own(address: str, own_addresses: Callable[[], Container[object]] = OwnAddresses) -> bool:
    """Tell whether an address is this machine's own, so that packets to it go no further.

    C(own_addresses) is called only if binding does not tell.
    """
    if not is_bindable(address):
        return False
    if binds_to_any(6 if ":" in address else 4) and address not in own_addresses():
        return False
    return not is_broadcast(address)


@lru_cache(maxsize=1024)  # a range of ports asks for each of them
def is_broadcast(address: str) -> bool:
    """Tell whether an address is the broadcast address of a network of this machine."""
    try:
        with open("/proc/net/fib_trie") as routes:
            return bool(re.search(rf"-- {re.escape(address)}\n.*BROADCAST", routes.read()))
    except OSError:
        return False  # denied, or a kernel without it


def unusable(address: str) -> str:
    """Return why this machine cannot use an IPv6 address that an interface has, or an empty text.

    The kernel asks whether another machine has it (RFC 4862, section 5.4), and until then nobody may bind to
    it.
    """
    parsed = parse_address(address)
    try:
        with open("/proc/net/if_inet6") as lines:
            flags = {fields[0]: int(fields[4], 16) for fields in map(str.split, lines)}
    except (OSError, ValueError, IndexError):
        return ""
    found = flags.get(parsed.packed.hex(), 0) if parsed is not None else 0
    if found & _IFA_F_DADFAILED:
        return (
            "another machine has the address too, as the kernel found out (dadfailed in ip -6 address); give "
            "one of them another address"
        )
    return (
        "the kernel is still looking for another machine with the address" if found & _IFA_F_TENTATIVE else ""
    )


def of_interfaces() -> FrozenSet[str]:
    """Return the addresses of all interfaces, none where the kernel does not say."""
    try:
        with Rtnetlink() as kernel:
            return frozenset(_listed(kernel))
    except (OSError, ValueError, struct.error):
        return frozenset()


def _type_of_route(version: int, packed: bytes) -> Optional[int]:
    """Return the type of the route to an address, 0 if there is no route, None if the kernel does not say."""
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    question = RTMSG.pack(family, 8 * len(packed), 0, 0, 0, 0, 0, 0, 0) + attribute(_RTA_DST, packed)
    try:
        with Rtnetlink() as kernel:
            kind, body = kernel.ask(RTM_GETROUTE, question)
        if kind == NLMSG_ERROR:
            return 0 if -struct.unpack_from("=i", body)[0] in _NO_ROUTE else None
        return RTMSG.unpack_from(body)[7] if kind == RTM_NEWROUTE else None
    except (OSError, struct.error):
        return None


def binds_to_any(version: int) -> bool:
    """Tell whether programs may bind to addresses of other machines (ip_nonlocal_bind in ip-sysctl)."""
    try:
        with open(f"/proc/sys/net/ipv{version}/ip_nonlocal_bind") as setting:
            return setting.read().strip() != "0"
    except FileNotFoundError:
        return False  # kernels without the setting do not permit it
    except OSError:
        return True  # denied, by SELinux for example: then nobody knows


def _listed(kernel: Rtnetlink) -> Iterator[str]:
    for kind, body in kernel.dump(RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
        if kind != RTM_NEWADDR:
            continue
        family = _IFADDRMSG.unpack_from(body)[0]
        found = attributes(body[_IFADDRMSG.size :])
        # On a point-to-point link IFA_ADDRESS is the address of the other end.
        value = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
        if value and family in (socket.AF_INET, socket.AF_INET6):
            yield socket.inet_ntop(family, value)


def is_loopback(address: str) -> bool:
    """Tell whether an address always leads back to the host that uses it."""
    parsed = parse_address(address)
    return parsed is not None and parsed.is_loopback
