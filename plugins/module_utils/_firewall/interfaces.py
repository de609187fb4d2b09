# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""By which interface a connection of this host comes and goes: rules of others may ask for it.

The kernel keeps that of no connection. A host with one interface leaves no doubt. With several, the route for
the replies tells where they leave (RTM_GETROUTE of rtnetlink(7)), and the address at which the connection
arrived tells by which interface it should have come. Only if both agree is the interface known: a host takes
what arrives for its addresses by other interfaces too, unless rp_filter forbids that.
"""

import fcntl
import ipaddress
import socket
import struct
from typing import Set

from .._kernel import rtnetlink

_GET_FLAGS, _IS_UP, _IS_LOOPBACK = 0x8913, 0x1, 0x8  # SIOCGIFFLAGS, IFF_UP, IFF_LOOPBACK (netdevice(7))
_IFA_LOCAL_OR_ADDRESS = (2, 1)  # linux/if_addr.h; IPv6 has the second alone
_IFADDRMSG = struct.Struct("=BBBBI")  # family, length of the prefix, flags, scope, interface
_RTA_DST, _RTA_SRC, _RTA_OIF = 1, 2, 4  # linux/rtnetlink.h
_RTN_UNICAST = 1


def only() -> str:
    """Return the one interface of the host beside loopback, empty if there are several."""
    running = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for unused, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _GET_FLAGS, struct.pack("16sH14x", name.encode("ascii"), 0))
            except (OSError, UnicodeError):
                return ""  # it has gone meanwhile, or nobody can name it
            (flags,) = struct.unpack_from("16xH", answer)
            if flags & _IS_UP and not flags & _IS_LOOPBACK:
                running.append(name)
    return running[0] if len(running) == 1 else ""


def of_connection(remote: str, local: str) -> str:
    """Return the interface by which a connection comes and goes, empty if nobody can tell."""
    try:
        ends = [ipaddress.ip_address(end).packed for end in (remote, local)]
        with rtnetlink.Rtnetlink() as kernel:
            number = _leaves_by(kernel, *ends)
        with rtnetlink.Rtnetlink() as kernel:  # what is left of a list must not be taken for an answer
            is_there = number in _interfaces_with(kernel, ends[1])
        return socket.if_indextoname(number) if is_there else ""
    except (OSError, ValueError, struct.error):
        return ""


def _family(packed: bytes) -> int:
    return socket.AF_INET if len(packed) == 4 else socket.AF_INET6


def _leaves_by(kernel: rtnetlink.Rtnetlink, remote: bytes, local: bytes) -> int:
    """Return the number of the interface by which packets of a connection leave, 0 for none."""
    bits = 8 * len(remote)
    question = rtnetlink.RTMSG.pack(_family(remote), bits, bits, 0, 0, 0, 0, 0, 0)
    question += rtnetlink.attribute(_RTA_DST, remote) + rtnetlink.attribute(_RTA_SRC, local)
    kind, body = kernel.ask(rtnetlink.RTM_GETROUTE, question)
    if kind != rtnetlink.RTM_NEWROUTE or rtnetlink.RTMSG.unpack_from(body)[7] != _RTN_UNICAST:
        return 0
    found = rtnetlink.attributes(body[rtnetlink.RTMSG.size :])
    return int(struct.unpack("=I", found[_RTA_OIF])[0]) if _RTA_OIF in found else 0


def _interfaces_with(kernel: rtnetlink.Rtnetlink, local: bytes) -> Set[int]:
    """Return the numbers of the interfaces that have an address."""
    numbers: Set[int] = set()
    family = _family(local)
    for kind, body in kernel.dump(rtnetlink.RTM_GETADDR, _IFADDRMSG.pack(family, 0, 0, 0, 0)):
        if kind == rtnetlink.RTM_NEWADDR:
            facts = rtnetlink.attributes(body[_IFADDRMSG.size :])
            if local == next((facts[one] for one in _IFA_LOCAL_OR_ADDRESS if one in facts), b""):
                numbers.add(_IFADDRMSG.unpack_from(body)[4])
    return numbers
