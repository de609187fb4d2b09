# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets as the probe needs them.

Bound to a source without spending a port on it, and closed politely or at once.
"""

import socket
import struct
from typing import Dict, Optional

from .._values.addresses import first_of
from .._values.errors import NetworkError

_IP_BIND_ADDRESS_NO_PORT = 24  # ip(7): the port is chosen at connect, so that many destinations may share it
_RESET = struct.pack("ii", 1, 0)
_TCP_INFO_BYTES = 104
_TCP_INFO_RTT = 68  # offset of tcpi_rtt, microseconds (linux/tcp.h)
_TCP_INFO_TOTAL_RETRANS = 100


def reset(sock: socket.SocketType) -> None:
    """Close with RST, which leaves no TIME_WAIT; only for peers that are our own."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


def handshake_ms(sock: socket.SocketType, fallback: float) -> float:
    """Return the kernel's own measure of the round trip in milliseconds, or the fallback."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        micros = struct.unpack_from("=I", info, _TCP_INFO_RTT)[0]
        repeated = struct.unpack_from("=I", info, _TCP_INFO_TOTAL_RETRANS)[0]
    except (OSError, struct.error):
        return fallback
    # The kernel's measure begins at the SYN that was answered: it would hide the lost ones before.
    return micros / 1000.0 if micros and not repeated else fallback


def joins_itself(sock: socket.SocketType, port: int) -> bool:
    """Tell whether a socket connected to C(port) is its own peer, as a simultaneous open within the ephemeral ports of this host makes it (RFC 9293, 3.5)."""
    try:
        own = sock.getsockname()
        return own[1] == port and own == sock.getpeername()
    except OSError:
        return False


def is_local(address: str) -> bool:
    """Tell whether an address is one of this host's: only such can be bound."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


class Sources:
    """The addresses that probes leave from.

    At most one a family, none given means that the kernel chooses.
    """

    def __init__(self, addresses):
        addresses = list(addresses)
        self._by_family: Dict[int, Optional[str]] = {
            family: first_of(family, addresses) for family in (socket.AF_INET, socket.AF_INET6)
        }
        for family, address in self._by_family.items():
            if address:
                self._check(family, address)
                self._check_alone(family, addresses)

    @staticmethod
    def _check_alone(family: int, addresses) -> None:
        others = [other.strip() for other in addresses if first_of(family, [other])]
        if len(set(others)) > 1:
            raise NetworkError(
                "source addresses {0} are of one family: expected at most one of IPv4 and one of IPv6, since "
                "a probe leaves from one; "
                "run once for each of them".format(" and ".join(others))
            )

    @staticmethod
    def _check(family: int, address: str) -> None:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.bind((address, 0))
        except OSError as error:
            raise NetworkError(
                f"source address {address} cannot be used: {error.strerror}; expected an address of this host"
            )

    def bind(self, sock: socket.SocketType, family: int) -> None:
        """Bind a socket to its family's source address, if there is one."""
        address = self._by_family[family]
        if not address:
            return
        try:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        except OSError:
            pass  # before Linux 4.2; costs an ephemeral port for each connection
        sock.bind((address, 0))
