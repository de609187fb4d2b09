# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this machine could answer others: its routes to them, and whether the next hop replies.

A packet that came in is not answered if there is no route to its sender, or if the gateway of that route does
not reply to ARP or NDP. If the route leaves by another interface than the one that has the address in
question, a strict reverse path filter drops what comes in there (RFC 3704). From outside, all of that looks
like a filter.

Only what is unusual is returned: on a machine that is well, that is nothing. No question sends a packet: what
is known of next hops is what the kernel itself has found out, and what is older than the measurement does not
count.
"""

import errno
import socket
import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from .._values.addresses import parse_address
from .neighbours import NDMSG, gateway_of
from .rtnetlink import (
    NLMSG_ERROR,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_NEWNEIGH,
    RTM_NEWROUTE,
    RTMSG,
    Rtnetlink,
    attribute,
    attributes,
)

if TYPE_CHECKING:
    from .._shapes import Way

NO_ROUTE = "no_route"
NO_REPLY = "no_reply"  # the next hop, or the address itself on a link of the machine, does not reply
OTHER_INTERFACE = "other_interface"  # the route leaves by another interface than that of the own address
PROBLEMS = (NO_ROUTE, NO_REPLY, OTHER_INTERFACE)
MAX_REMOTES = 8192

_RTA_DST, _RTA_SRC, _RTA_OIF = 1, 2, 4
_RTA_IP_PROTO, _RTA_DPORT = 27, 29
_PROTOCOLS = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_RTN_UNICAST = 1
_NDA_DST, _NDA_CACHEINFO = 1, 3
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_IFLA_ADDRESS, _IFLA_IFNAME = 1, 3
_IFADDRMSG = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, interface
_IFINFOMSG = struct.Struct("=BBHiII")  # family, padding, type, index, flags, change
_CACHEINFO = struct.Struct("=IIII")  # confirmed, used, updated: ticks ago; references
_TICKS = 100.0  # a second, USER_HZ
_NO_REPLY = 0x01 | 0x20  # NUD_INCOMPLETE, NUD_FAILED
# Nothing comes in over these: loopback, and interfaces without ARP such as dummies.
_NO_LINK = 0x08 | 0x80  # IFF_LOOPBACK, IFF_NOARP
_NO_ROUTE_ERRORS = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EINVAL)

_Place = Tuple[int, bytes]  # the number of an interface and an address


class Service(NamedTuple):
    """A port of a remote that was asked."""

    protocol: str
    port: int


NO_PORTS: Mapping[str, Service] = MappingProxyType({})


class Links(NamedTuple):
    """The interfaces of this machine."""

    names: Dict[int, str]
    link_addresses: FrozenSet[str]
    receiving: FrozenSet[int]  # over which packets of others come in
    interfaces: Dict[bytes, Set[int]]  # by address


def read_links() -> Links:
    """Return the interfaces of this machine, none if the kernel does not say."""
    names: Dict[int, str] = {}
    link_addresses: Set[str] = set()
    receiving: Set[int] = set()
    interfaces: Dict[bytes, Set[int]] = {}
    try:
        with Rtnetlink() as kernel:
            for kind, body in kernel.dump(RTM_GETLINK, _IFINFOMSG.pack(0, 0, 0, 0, 0, 0)):
                if kind == RTM_NEWLINK:
                    index, flags = _IFINFOMSG.unpack_from(body)[3:5]
                    found = attributes(body[_IFINFOMSG.size :])
                    names[index] = found.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("ascii", "replace")
                    link = found.get(_IFLA_ADDRESS, b"")
                    if any(link):
                        link_addresses.add(":".join(f"{octet:02x}" for octet in link))
                    if not flags & _NO_LINK:
                        receiving.add(index)
        with Rtnetlink() as kernel:
            for kind, body in kernel.dump(RTM_GETADDR, _IFADDRMSG.pack(0, 0, 0, 0, 0)):
                if kind == RTM_NEWADDR:
                    index = _IFADDRMSG.unpack_from(body)[4]
                    found = attributes(body[_IFADDRMSG.size :])
                    own = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS) or b""
                    interfaces.setdefault(own, set()).add(index)
    except (OSError, ValueError, struct.error):
        pass
    return Links(names, frozenset(link_addresses), frozenset(receiving), interfaces)


def unusual_ways(
    remotes: Iterable[str],
    own: Iterable[str],
    seconds: float,
    links: Optional[Links] = None,
    ports: Mapping[str, Service] = NO_PORTS,
) -> "List[Way]":
    """Return the ways to other addresses that do not work, or leave by an unexpected interface.

    Rules of policy routing may choose by protocol and port (ip-rule(8)). So if C(ports) has one for a remote,
    the way to that is asked for if the one to its address is well. Kernels before Linux 4.17 ignore the port.

    C(own) are the addresses at which this machine is asked, and from which it answers; without any, the
    kernel chooses. What the kernel found out about next hops earlier than C(seconds) ago does not count.
    """
    links = links or read_links()
    found: "List[Way]" = []
    mute: Dict[int, Set[_Place]] = {}
    try:
        with Rtnetlink() as kernel:
            for text in list(dict.fromkeys(remotes))[:MAX_REMOTES]:
                remote = parse_address(text)
                if remote is None or remote.is_loopback or remote.packed in links.interfaces:
                    continue
                family = socket.AF_INET6 if remote.version == 6 else socket.AF_INET
                if family not in mute:
                    mute[family] = _mute_neighbours(family, seconds)
                for origin in _origins(own, remote.version, links):
                    way = _way(kernel, family, remote.packed, origin, links, mute[family])
                    if way is None and text in ports:
                        way = _way(kernel, family, remote.packed, origin, links, mute[family], ports[text])
                        if way is not None:
                            way["by_rule"] = True
                    if way is not None:
                        way["remote"] = text
                        found.append(way)
    except (OSError, ValueError, struct.error):
        pass
    return found


def _origins(own: Iterable[str], version: int, links: Links) -> List[bytes]:
    parsed = [parse_address(text) for text in own]
    mine = [one.packed for one in parsed if one is not None and one.version == version]
    mine = [packed for packed in mine if packed in links.interfaces]
    return list(dict.fromkeys(mine)) or ([] if parsed else [b""])


def _way(
    kernel: Rtnetlink,
    family: int,
    remote: bytes,
    origin: bytes,
    links: Links,
    mute: Set[_Place],
    service: Optional[Service] = None,
) -> "Optional[Way]":
    """Return what is unusual of the way to an address, or None."""
    way: "Way" = {"remote": "", "problem": NO_ROUTE}
    if origin:
        way["at"] = socket.inet_ntop(family, origin)
    question = RTMSG.pack(family, 8 * len(remote), 8 * len(origin), 0, 0, 0, 0, 0, 0)
    question += attribute(_RTA_DST, remote)
    if origin:
        question += attribute(_RTA_SRC, origin)
    if service is not None:
        question += attribute(_RTA_IP_PROTO, struct.pack("=B", _PROTOCOLS[service.protocol]))
        question += attribute(_RTA_DPORT, struct.pack(">H", service.port))
    kind, body = kernel.ask(RTM_GETROUTE, question)
    if kind == NLMSG_ERROR:
        return way if -struct.unpack_from("=i", body)[0] in _NO_ROUTE_ERRORS else None
    if kind != RTM_NEWROUTE or RTMSG.unpack_from(body)[7] != _RTN_UNICAST:
        return None
    found = attributes(body[RTMSG.size :])
    interface = struct.unpack("=I", found[_RTA_OIF])[0] if _RTA_OIF in found else 0
    gateway = gateway_of(family, found)
    way["interface"] = links.names.get(interface, "")
    if gateway:
        way["gateway"] = gateway
    parsed = parse_address(gateway) if gateway else None
    next_hop = parsed.packed if parsed is not None else remote
    if (interface, next_hop) in mute:
        way["problem"] = NO_REPLY
        return way
    at = links.interfaces.get(origin, set()) & links.receiving
    if at and interface not in at:
        way["problem"] = OTHER_INTERFACE
        return way
    return None


def _mute_neighbours(family: int, seconds: float) -> Set[_Place]:
    """Return the neighbours that did not reply when the kernel asked for them lately."""
    found: Set[_Place] = set()
    with Rtnetlink() as kernel:
        for kind, body in kernel.dump(RTM_GETNEIGH, NDMSG.pack(family, 0, 0, 0, 0, 0, 0)):
            if kind != RTM_NEWNEIGH:
                continue
            interface, state = NDMSG.unpack_from(body)[3:5]
            facts = attributes(body[NDMSG.size :])
            if not state & _NO_REPLY or _NDA_DST not in facts or _NDA_CACHEINFO not in facts:
                continue
            updated = _CACHEINFO.unpack_from(facts[_NDA_CACHEINFO])[2]
            if updated / _TICKS <= seconds:
                found.add((interface, facts[_NDA_DST]))
    return found
