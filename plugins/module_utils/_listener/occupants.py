# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port of this host.

A service, at which addresses, one of our own listeners, or a mere connection.

The kernel lists first all listening TCP sockets and then all connections
(Documentation/networking/proc_net_tcp.rst), so the listening ones of a busy host are read without its
connections.
"""

import socket
import struct
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from .._values.addresses import parse_address
from .._values.ports import Ports
from .endpoints import WILDCARDS, Endpoint

if TYPE_CHECKING:
    from .._shapes import Holder as HolderReport

SERVICE, CONNECTION, LISTENER, UNKNOWN = "service", "connection", "listener", "unknown"

_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_TABLES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}


class Holder(NamedTuple):
    """What holds a port, and the addresses at which it waits for connections."""

    by: str
    at: Tuple[str, ...] = ()


class Row(NamedTuple):
    """One socket of the kernel's tables."""

    address: str
    port: int
    state: str
    uid: int
    connected: bool


Claim = Tuple[int, Endpoint]  # user and endpoint of a listener of ours
Key = Tuple[str, int]  # protocol and port


class Occupants:
    """The sockets of others, and of our own listeners, on the wanted ports.

    C(claims) says what our listeners hold, and is asked only if it matters.
    """

    def __init__(self, wanted: Iterable[Endpoint], claims: Callable[[], Set[Claim]]):
        self._ports: Dict[str, Set[int]] = {}
        for endpoint in wanted:
            self._ports.setdefault(endpoint.protocol, set()).add(endpoint.port)
        self._others: Dict[Key, List[str]] = {}
        self._ours: Dict[Key, List[str]] = {}
        self._connected: Optional[Dict[Key, List[str]]] = None
        # Most hosts have nobody on the wanted ports, and then nothing has to be looked up for each of them.
        rows = [
            (protocol, row) for protocol, ports in self._ports.items() for row in _waiting(protocol, ports)
        ]
        claimed = claims() if rows else set()
        self.confirmed = {
            (row.uid, Endpoint(row.address, protocol, row.port)) for protocol, row in rows
        } & claimed  # by the kernel
        for protocol, row in rows:
            ours = (row.uid, Endpoint(row.address, protocol, row.port)) in self.confirmed
            (self._ours if ours else self._others).setdefault((protocol, row.port), []).append(row.address)

    @property
    def is_anybody_there(self) -> bool:
        """Whether anybody waits on any of the wanted ports, at any address."""
        return bool(self._others or self._ours)

    def holder(self, endpoint: Endpoint, refused: bool) -> Optional[Holder]:
        """Return what holds a port; C(refused) tells that the kernel did not let us have the endpoint.

        A service that waits at other addresses of the host only is one that does not wait where it is
        expected.
        """
        key = (endpoint.protocol, endpoint.port)
        others = self._others.get(key, [])
        here = self._in_the_way(others, endpoint, refused)
        if here:
            # A service at [::] that keeps us from an IPv4 address serves both families (IPV6_V6ONLY in
            # ipv6(7)).
            both = list(WILDCARDS) if "::" in here and endpoint.family == socket.AF_INET else []
            return Holder(SERVICE, tuple(sorted(set(here + both))))
        if not refused:
            return Holder(SERVICE, tuple(sorted(set(others)))) if others else None
        ours = self._in_the_way(self._ours.get(key, []), endpoint, refused)
        if ours:
            return Holder(LISTENER, tuple(sorted(set(ours))))
        connected = self._in_the_way(self._connections().get(key, []), endpoint, refused)
        return Holder(CONNECTION if connected else UNKNOWN)

    @staticmethod
    def _in_the_way(held: List[str], endpoint: Endpoint, refused: bool) -> List[str]:
        here = [address for address in held if covers(address, endpoint.address)]
        if here or not refused:
            return here
        return [address for address in held if _may_cover(address, endpoint.address)]

    def _connections(self) -> Dict[Key, List[str]]:
        """Return the addresses of connections by port.

        A long list on a busy host, so it is read once and only if a port is held by nobody who waits.
        """
        if self._connected is None:
            self._connected = {}
            for protocol, ports in self._ports.items():
                for row in _rows(protocol, ports):
                    if row.connected:
                        self._connected.setdefault((protocol, row.port), []).append(row.address)
        return self._connected

    def is_waited_at(self, endpoint: Endpoint) -> bool:
        """Tell whether anybody waits at an endpoint, as far as the tables say.

        A socket at [::] counts for both families.
        """
        key = (endpoint.protocol, endpoint.port)
        found = self._others.get(key, []) + self._ours.get(key, [])
        return any(covers(address, endpoint.address) or address == "::" for address in found)


def covers(held: str, address: str) -> bool:
    """Tell whether a socket at one address answers at another one."""
    return held == address or held == WILDCARDS[":" in address]


def _may_cover(held: str, address: str) -> bool:
    """Tell whether a socket at one address may be why another one cannot be had."""
    return held == "::" or (address in WILDCARDS and (":" in held) == (":" in address))


def _waiting(protocol: str, ports: Set[int]) -> Iterator[Row]:
    """Yield the sockets that wait for whoever comes."""
    for row in _rows(protocol, ports, only_waiting=True):
        if protocol == "udp" and row.connected:
            continue
        yield row


def _rows(protocol: str, ports: Set[int], only_waiting: bool = False) -> Iterator[Row]:
    for name in _TABLES[protocol]:
        try:
            with open("/proc/net/" + name) as table:
                next(table, "")
                for line in table:
                    fields = line.split(None, 8)
                    if only_waiting and protocol == "tcp" and fields[3] != _LISTEN:
                        break
                    port = int(fields[1][-4:], 16)
                    if port in ports:
                        yield Row(
                            _address(fields[1][:-5]),
                            port,
                            fields[3],
                            int(fields[7]),
                            not fields[2].endswith(":0000"),
                        )
        except (OSError, ValueError, IndexError):
            continue  # a container without /proc, a kernel without IPv6


def _address(digits: str) -> str:
    """Return the address of words of 32 bits in the machine's own byte order."""
    words = [int(digits[start : start + 8], 16) for start in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    address = socket.inet_ntop(socket.AF_INET6 if len(words) > 1 else socket.AF_INET, packed)
    return str(parse_address(address) or address)


def describe_holders(found: Dict[Endpoint, Holder]) -> List["HolderReport"]:
    """Return holders as plain data: one entry for all ports of an address that are held alike."""
    grouped: Dict[Tuple[str, str, Holder], List[int]] = {}
    for endpoint, holder in found.items():
        grouped.setdefault((endpoint.address, endpoint.protocol, holder), []).append(endpoint.port)
    return [
        {
            "address": address,
            "protocol": protocol,
            "ports": str(Ports(ports)),
            "by": holder.by,
            "at": list(holder.at),
        }
        for (address, protocol, holder), ports in sorted(grouped.items())
    ]
