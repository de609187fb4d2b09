# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which connections left a host, arrived at it, were answered: seen on the wire's side of its own filters.

A packet socket (packet(7)) sees what leaves after the output filter and what arrives before the input filter.
Kept are not packets but, for each pair of addresses, the ports of which a packet of a kind was seen: 8 KiB at
most.

What the host only passes on, for guests behind its bridge or as a router, leaves it too. It is told by its
source, which is none of the host's addresses and came in from outside; an address alone that is not the
host's may be its own NAT.
"""

import ctypes
import socket
import struct
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Set, Tuple

from .._values.errors import NetworkError
from .._values.ports import Ports
from .bpf import EXTENSIONS, program
from .ipsec import has_policies
from .sockets import is_local

_ETH_P_ALL = 0x0003
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_HOST, _OUTGOING = 0, 4
_LOOPBACK = 772  # ARPHRD_LOOPBACK of linux/if_arp.h
_ENCRYPTED = "the host has IPsec policies, and its connections may be hidden in encrypted packets"
_BUFFER_BYTES = 16 << 20
_MOST_PAIRS = 2048
_HEAD = 256  # bytes of a packet that are looked at; with extension headers more than those of IP and TCP
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_TCP, _UDP = 6, 17
_FRAGMENT, _AUTHENTICATION = 44, 51
_PROTOCOLS = {_TCP: "tcp", _UDP: "udp"}


class Packet(NamedTuple):
    """What counts of a packet."""

    outgoing: bool
    source: str
    destination: str
    protocol: str
    source_port: int
    destination_port: int
    flags: int
    sequence: int = 0

    @property
    def asks(self) -> bool:
        """Whether it may begin a connection; a datagram's ports tell whether it asks or answers."""
        return self.protocol == "udp" or self.flags & (_SYN | _ACK | _RST) == _SYN

    @property
    def answers(self) -> bool:
        """Whether it may accept or refuse a connection."""
        return self.protocol == "udp" or self.refuses or self.flags & (_SYN | _ACK | _RST) == _SYN | _ACK

    @property
    def refuses(self) -> bool:
        """Whether it resets what has not begun.

        Such a reset begins at zero (RFC 9293, 3.5.2), that of a connection of others does not.
        """
        return self.flags & (_RST | _ACK) == _RST | _ACK and not self.sequence


class _PortSet:
    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(8192)

    def add(self, port: int) -> None:
        self._bits[port >> 3] |= 1 << (port & 7)

    def __contains__(self, port: int) -> bool:
        return bool(self._bits[port >> 3] >> (port & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        return (
            port
            for index, byte in enumerate(self._bits)
            if byte
            for port in range(index * 8, index * 8 + 8)
            if byte >> (port & 7) & 1
        )


def open_socket(ports: Dict[str, Ports]) -> socket.socket:
    """Return a packet socket that passes on what may belong to these ports.

    Needs root, which reading from it does not.
    """
    try:
        sock = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL)
        )
    except OSError as error:
        raise NetworkError(f"cannot capture: {error.strerror}; it needs root (become)")
    instructions = program(ports.get("tcp", Ports()), ports.get("udp", Ports()), _HEAD)
    code = ctypes.create_string_buffer(instructions, len(instructions))
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HP", len(instructions) // 8, ctypes.addressof(code)),
    )
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    except OSError:
        pass  # a container's root may not; what is lost is told
    return sock


def without_encrypted(report: Dict[str, Any]) -> Dict[str, Any]:
    """Return a capture's report, without what it tells if the host encrypts; only root is told that."""
    if "seen" in report and has_policies():
        return {"seen": report["seen"], "complete": False, "problem": _ENCRYPTED}
    return report


Key = Tuple[str, str, str, str]  # own address, address of the other end, protocol, kind


class Capture:
    """A packet socket, and what was seen of the ports of services; needs root."""

    def __init__(self, ports: Dict[str, Ports], sock: Optional[socket.socket] = None):
        self._wanted = {"tcp": _PortSet(), "udp": _PortSet()}
        for protocol, wanted in ports.items():
            for port in wanted:
                self._wanted[protocol].add(port)
        self._seen: Dict[Key, _PortSet] = {}
        self._arrived: Set[str] = set()  # addresses from which packets came in, for whomever
        self._complete = True
        self.sock = sock or open_socket(ports)

    def read(self) -> None:
        """Take in what has come."""
        while True:
            try:
                data, address = self.sock.recvfrom(_HEAD)
            except BlockingIOError:
                return
            except OSError:
                self._complete = False  # an interface went down
                return
            packet = parse(data, address[2] == _OUTGOING)
            if packet is not None:
                self._note(packet, to_us=address[2] == _HOST, looped=address[3] == _LOOPBACK)

    def _note(self, packet: Packet, to_us: bool, looped: bool) -> None:
        if not packet.outgoing and not looped and len(self._arrived) < _MOST_PAIRS:
            self._arrived.add(packet.source)
        if not packet.outgoing and not to_us:
            return
        wanted, way = self._wanted[packet.protocol], "out" if packet.outgoing else "in"
        if packet.destination_port in wanted and packet.asks:
            self._add(packet, "asked_" + way, packet.destination_port)
        if packet.source_port in wanted and packet.answers:
            self._add(packet, "answered_" + way, packet.source_port)

    def _add(self, packet: Packet, kind: str, port: int) -> None:
        ends = (packet.source, packet.destination) if packet.outgoing else (packet.destination, packet.source)
        key = ends + (packet.protocol, kind)
        found = self._seen.get(key)
        if found is None:
            if len(self._seen) >= _MOST_PAIRS:
                self._complete = False
                return
            found = self._seen[key] = _PortSet()
        found.add(port)

    def asked(self) -> Set[str]:
        """Return the addresses to which something left."""
        self.read()
        return {other for (unused, other, protocol, kind) in self._seen if kind == "asked_out"}

    def report(self) -> Dict[str, Any]:
        """Return what was seen as plain data.

        For each pair of addresses, the ports asked and answered, out and in.
        """
        self.read()
        lost = struct.unpack("II", self.sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
        self._complete = self._complete and not lost
        seen: List[Dict[str, str]] = []
        passed_on = {own for own in {key[0] for key in self._seen} & self._arrived if not is_local(own)}
        for (own, other, protocol, kind), ports in sorted(self._seen.items(), key=lambda item: item[0]):
            if own in passed_on:
                continue
            pair = {"address": own, "remote": other, "protocol": protocol}
            if not seen or any(seen[-1][name] != value for name, value in pair.items()):
                seen.append(pair)
            seen[-1][kind] = str(Ports(ports))
        return without_encrypted({"seen": seen, "complete": self._complete})

    def close(self) -> None:
        """Stop capturing."""
        self.sock.close()


def parse(data: bytes, outgoing: bool) -> Optional[Packet]:
    """Return what counts of an IP packet, None of what is neither TCP nor UDP."""
    try:
        version = data[0] >> 4
        if version == 4:
            protocol, start, family, ends = (
                data[9],
                (data[0] & 15) * 4,
                socket.AF_INET,
                (data[12:16], data[16:20]),
            )
        elif version == 6:
            (protocol, start), family, ends = (
                _behind_extensions(data),
                socket.AF_INET6,
                (data[8:24], data[24:40]),
            )
        else:
            return None
        if protocol not in _PROTOCOLS or (version == 4 and struct.unpack_from(">H", data, 6)[0] & 0x1FFF):
            return None
        source_port, destination_port = struct.unpack_from(">HH", data, start)
        sequence, flags = (
            (struct.unpack_from(">I", data, start + 4)[0], data[start + 13]) if protocol == _TCP else (0, 0)
        )
        source, destination = (socket.inet_ntop(family, end) for end in ends)
    except (IndexError, ValueError, struct.error):
        return None
    return Packet(
        outgoing, source, destination, _PROTOCOLS[protocol], source_port, destination_port, flags, sequence
    )


def _behind_extensions(data: bytes) -> Tuple[int, int]:
    """Return the protocol behind the extension headers of IPv6, none of a fragment that is not the first, and where it begins."""
    protocol, start = data[6], 40
    while protocol in EXTENSIONS:
        if protocol == _FRAGMENT and struct.unpack_from(">H", data, start + 2)[0] & 0xFFF8:
            return -1, start
        # In units of 8 bytes behind the first 8, of 4 bytes behind the first 8 in an authentication header
        # (RFC 4302, section 2.2).
        length = (
            8
            if protocol == _FRAGMENT
            else (data[start + 1] + 2) * 4
            if protocol == _AUTHENTICATION
            else (data[start + 1] + 1) * 8
        )
        protocol, start = data[start], start + length
    return protocol, start
