# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Captures which connections left a host, arrived at it and were answered, outside of its packet filter.

What a packet socket sees (packet(7)): what leaves, after the output filter; what arrives, before the input
filter. So "nothing left" means that the host's own filter or routing stopped it, and "it arrived" holds even
if the host's filter drops it then. What it does not see: packets that XDP or the network card takes before
the kernel, other network namespaces, and the inside of IPsec packets (see ipsec.py: the capture is unusable
then).

What is kept: no packets, but for each pair of addresses, protocol and kind one set of ports (8 KiB). The
kinds are "asked" and "answered", each "in" or "out". Two tests decide:

1. C(Packet.asks): does it begin a connection? For TCP, a SYN without ACK.
2. C(Packet.answers): does it accept or refuse one? For TCP, SYN-ACK, or RST where no connection was.

For UDP, the port makes the difference: a datagram to a service's port asks, one from it answers.

A packet counts for a port of a service only. The classic BPF filter of bpf.py lets the kernel drop everything
else, so that a busy host does not have to wake us for each packet.

What the host only forwards, for guests behind its bridge or as a router, leaves it too, and must not count as
its own. It has a source address that the host does not have, and from which packets came in. The second
condition is needed because the host may also do NAT for itself, and then its own packets leave with an
address that it does not have.
"""

import socket
import struct
from typing import TYPE_CHECKING, Dict, Iterator, NamedTuple, Optional, Set, Tuple

from .._values.errors import NetworkError
from .._values.ports import Ports
from .bpf import EXTENSIONS, attach, program
from .ipsec import has_policies
from .own_addresses import is_own

if TYPE_CHECKING:
    from .._shapes import Capture as CaptureReport
    from .._shapes import CaptureEntry

_ETH_P_ALL = 0x0003
_SO_RCVBUFFORCE = 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_HOST, _OUTGOING = 0, 4
_LOOPBACK = 772  # ARPHRD_LOOPBACK of linux/if_arp.h
_ENCRYPTED = "the host has IPsec policies, and its connections may be hidden in encrypted packets"
_BUFFER_BYTES = 16 << 20
_MAX_PAIRS = 2048
_MAX_BYTES = 256  # of a packet; more than the headers of IP and TCP, for extension headers
_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_TCP, _UDP = 6, 17
_FRAGMENT, _AUTHENTICATION = 44, 51
_PROTOCOLS = {_TCP: "tcp", _UDP: "udp"}


class Packet(NamedTuple):
    """The fields of a packet that matter here."""

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
        """Whether it begins a connection; a datagram may."""
        return self.protocol == "udp" or self.flags & (_SYN | _ACK | _RST) == _SYN

    @property
    def answers(self) -> bool:
        """Whether it accepts or refuses a connection; a datagram may."""
        return self.protocol == "udp" or self.refuses or self.flags & (_SYN | _ACK | _RST) == _SYN | _ACK

    @property
    def refuses(self) -> bool:
        """Whether it refuses a connection: the sequence number of such a reset is 0 (RFC 9293, 3.5.2)."""
        return self.flags & (_RST | _ACK) == _RST | _ACK and not self.sequence


class _PortSet:
    """A set of ports that never takes more than 8 KiB."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray(8192)

    def add(self, port: int) -> None:
        self._bits[port >> 3] |= 1 << (port & 7)

    def __contains__(self, port: int) -> bool:
        return bool(self._bits[port >> 3] >> (port & 7) & 1)

    def __iter__(self) -> Iterator[int]:
        for index, byte in enumerate(self._bits):
            if not byte:
                continue
            for port in range(index * 8, index * 8 + 8):
                if port in self:
                    yield port


def open_socket(ports: Dict[str, Ports]) -> socket.socket:
    """Return a packet socket with a filter for these ports. To open it needs root, to read it does not."""
    try:
        sock = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(_ETH_P_ALL)
        )
    except OSError as error:
        raise NetworkError(f"cannot capture: {error.strerror}; it needs root (become)")
    attach(sock, program(ports.get("tcp", Ports()), ports.get("udp", Ports()), _MAX_BYTES))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)
    except OSError:
        pass  # the root of a container may not; packets that are lost then are reported
    _lost(sock)  # before the filter was there, on a host that is busy with other ports
    return sock


def _lost(sock: socket.socket) -> int:
    """Return how many packets did not fit into the buffer since this was asked last (packet(7))."""
    lost: int = struct.unpack("II", sock.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))[1]
    return lost


def without_encrypted(report: "CaptureReport") -> "CaptureReport":
    """Return a capture's report, unusable if the host has IPsec policies, which only root can see."""
    if "seen" in report and has_policies():
        return {"seen": report["seen"], "complete": False, "problem": _ENCRYPTED}
    return report


Key = Tuple[str, str, str, str]  # own address, address of the other end, protocol, kind


class Capture:
    """A packet socket, and what it saw of the ports of services."""

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
        """Read all packets that have come."""
        while True:
            try:
                data, address = self.sock.recvfrom(_MAX_BYTES)
            except BlockingIOError:
                return
            except OSError:
                self._complete = False  # an interface went down
                return
            packet = parse(data, address[2] == _OUTGOING)
            if packet is not None:
                self._note(packet, to_us=address[2] == _HOST, looped=address[3] == _LOOPBACK)

    def _note(self, packet: Packet, to_us: bool, looped: bool) -> None:
        if not packet.outgoing and not looped and len(self._arrived) < _MAX_PAIRS:
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
            if len(self._seen) >= _MAX_PAIRS:
                self._complete = False
                return
            found = self._seen[key] = _PortSet()
        found.add(port)

    def asked(self) -> Set[str]:
        """Return the addresses to which a connection or datagram left."""
        self.read()
        return {other for (unused, other, protocol, kind) in self._seen if kind == "asked_out"}

    def report(self) -> "CaptureReport":
        """Return what was seen: for each pair of addresses, the ports asked and answered, out and in."""
        self.read()
        if _lost(self.sock):
            self._complete = False
        own_addresses = {key[0] for key in self._seen}
        forwarded = {address for address in own_addresses & self._arrived if not is_own(address)}
        entries: Dict[Tuple[str, str, str], "CaptureEntry"] = {}
        for (own, remote, protocol, kind), ports in sorted(self._seen.items(), key=lambda item: item[0]):
            if own in forwarded:
                continue
            entry = entries.setdefault(
                (own, remote, protocol), {"address": own, "remote": remote, "protocol": protocol}
            )
            entry[kind] = str(Ports(ports))  # type: ignore[literal-required]  # one of four names
        return without_encrypted({"seen": list(entries.values()), "complete": self._complete})

    def close(self) -> None:
        """Stop capturing."""
        self.sock.close()


def parse(data: bytes, outgoing: bool) -> Optional[Packet]:
    """Return the fields of an IP packet, or None if it is neither TCP nor UDP, or not the first fragment."""
    try:
        version = data[0] >> 4
        if version == 4:
            protocol, start = data[9], (data[0] & 15) * 4
            family, ends = socket.AF_INET, (data[12:16], data[16:20])
            if struct.unpack_from(">H", data, 6)[0] & 0x1FFF:
                return None
        elif version == 6:
            protocol, start = _behind_extensions(data)
            family, ends = socket.AF_INET6, (data[8:24], data[24:40])
        else:
            return None
        if protocol not in _PROTOCOLS:
            return None
        source_port, destination_port = struct.unpack_from(">HH", data, start)
        sequence, flags = 0, 0
        if protocol == _TCP:
            sequence, flags = struct.unpack_from(">I", data, start + 4)[0], data[start + 13]
        return Packet(
            outgoing=outgoing,
            source=socket.inet_ntop(family, ends[0]),
            destination=socket.inet_ntop(family, ends[1]),
            protocol=_PROTOCOLS[protocol],
            source_port=source_port,
            destination_port=destination_port,
            flags=flags,
            sequence=sequence,
        )
    except (IndexError, ValueError, struct.error):
        return None


def _behind_extensions(data: bytes) -> Tuple[int, int]:
    """Return the protocol behind the extension headers of IPv6 and where it begins.

    The protocol is -1 if the packet is not the first fragment.
    """
    protocol, start = data[6], 40
    while protocol in EXTENSIONS:
        if protocol == _FRAGMENT:
            if struct.unpack_from(">H", data, start + 2)[0] & 0xFFF8:
                return -1, start
            length = 8
        elif protocol == _AUTHENTICATION:
            length = (data[start + 1] + 2) * 4  # RFC 4302, section 2.2
        else:
            length = (data[start + 1] + 1) * 8  # RFC 8200, section 4.2
        protocol, start = data[start], start + length
    return protocol, start
