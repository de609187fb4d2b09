# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the first hop to an address looks: a gateway, or the link-layer address of a neighbour on the link.

The kernel decides on the route (RTM_GETROUTE of rtnetlink(7)), and remembers who replied to ARP or NDP
(RTM_GETNEIGH). Neither question needs privileges or sends a packet, so both are asked after the probe, which
has made the kernel look for its neighbours.

No more is known of an address that is the machine's own, or if the kernel does not say.
"""

import socket
import struct
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from .._values.addresses import parse_address
from .rtnetlink import (
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    RTMSG,
    Rtnetlink,
    attribute,
    attributes,
)

# linux/rtnetlink.h and linux/neighbour.h
_RTA_DST, _RTA_SRC, _RTA_OIF, _RTA_GATEWAY, _RTA_VIA = 1, 2, 4, 5, 18
_RTN_UNICAST = 1
_NDA_DST, _NDA_LLADDR = 1, 2
NDMSG = struct.Struct("=BBHiHBB")  # family, padding, padding, interface, state, flags, type
# Reachable, stale, delay, probe: somebody replied. An entry that an administrator made is no reply.
_REPLIED = 0x02 | 0x04 | 0x08 | 0x10
_MAX_LINK_BYTES = 20  # of InfiniBand; six of Ethernet

_Links = Dict[Tuple[int, bytes], str]  # by the number of the interface and the address


class FirstHop(NamedTuple):
    """The first hop to an address; empty texts if it is not known."""

    gateway: str = ""  # the next hop, if the address is not on a link of this machine
    link_address: str = ""  # from which the address itself, on a link of this machine, replied


def first_hops(addresses: Iterable[str], source: Dict[int, Optional[str]]) -> Dict[str, FirstHop]:
    """Return the first hop to each address; C(source) has the address to leave from, by family, if any."""
    found: Dict[str, FirstHop] = {}
    links: Dict[int, _Links] = {}
    try:
        with Rtnetlink() as kernel:
            for text in dict.fromkeys(addresses):
                address = parse_address(text)
                if address is None or address.is_loopback:
                    continue
                family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
                route = _route(kernel, family, address.packed, source.get(family))
                if route is None:
                    continue
                gateway, interface = route
                if gateway:
                    found[text] = FirstHop(gateway=gateway)
                    continue
                if family not in links:
                    links[family] = _neighbours(family)
                found[text] = FirstHop(link_address=links[family].get((interface, address.packed), ""))
    except (OSError, ValueError, struct.error):
        pass
    return found


def _route(kernel: Rtnetlink, family: int, packed: bytes, source: Optional[str]) -> Optional[Tuple[str, int]]:
    """Return the gateway, empty if there is none, and the interface on the way to an address of others."""
    origin = socket.inet_pton(family, source) if source else b""
    question = RTMSG.pack(family, 8 * len(packed), 8 * len(origin), 0, 0, 0, 0, 0, 0)
    question += attribute(_RTA_DST, packed)
    if origin:
        question += attribute(_RTA_SRC, origin)
    kind, body = kernel.ask(RTM_GETROUTE, question)
    if kind != RTM_NEWROUTE or RTMSG.unpack_from(body)[7] != _RTN_UNICAST:
        return None
    found = attributes(body[RTMSG.size :])
    interface = struct.unpack("=I", found[_RTA_OIF])[0] if _RTA_OIF in found else 0
    return gateway_of(family, found), interface


def gateway_of(family: int, found: Dict[int, bytes]) -> str:
    """Return the gateway among the attributes of a route, empty if there is none."""
    if _RTA_GATEWAY in found:
        return socket.inet_ntop(family, found[_RTA_GATEWAY])
    if _RTA_VIA in found:  # a next hop of the other family (RFC 5549)
        via = struct.unpack_from("=H", found[_RTA_VIA])[0]
        return socket.inet_ntop(via, found[_RTA_VIA][2:])
    return ""


def _neighbours(family: int) -> _Links:
    found: _Links = {}
    # A dump has a socket of its own: what is left of it must not be taken for the answer to the next route.
    with Rtnetlink() as kernel:
        for kind, body in kernel.dump(RTM_GETNEIGH, NDMSG.pack(family, 0, 0, 0, 0, 0, 0)):
            if kind != RTM_NEWNEIGH:
                continue
            _family, _pad, _padding, interface, state, _flags, _type = NDMSG.unpack_from(body)
            facts = attributes(body[NDMSG.size :])
            link = facts.get(_NDA_LLADDR, b"")
            if state & _REPLIED and _NDA_DST in facts and any(link) and len(link) <= _MAX_LINK_BYTES:
                found[interface, facts[_NDA_DST]] = _written(link)
    return found


def _written(link: bytes) -> str:
    octets: List[str] = [f"{octet:02x}" for octet in link]
    return ":".join(octets)
