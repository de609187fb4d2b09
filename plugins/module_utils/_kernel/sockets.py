# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets as the probe needs them: bound to a source address without using up ports, timed, closed by RST."""

import socket
import struct
from typing import Dict, Iterable, Optional

from .._values.addresses import first_of
from .._values.errors import NetworkError

_IP_BIND_ADDRESS_NO_PORT = 24  # see Sources.bind
_RESET = struct.pack("ii", 1, 0)
_TCP_INFO_BYTES = 104
_TCP_INFO_TOTAL_RETRANS = 100  # its offset (linux/tcp.h)
# Of the same: tcpi_rtt in microseconds, and tcpi_total_retrans.
_RTT_AND_REPEATED = struct.Struct("=68xI28xI")
_REPEATED_MS = 900.0  # the kernel repeats a SYN after a second (RFC 6298, section 2.1)


def reset(sock: socket.SocketType) -> None:
    """Close with RST, which leaves no TIME_WAIT; only for connections to our own listeners."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


def handshake_ms(sock: socket.SocketType, fallback: float) -> float:
    """Return the kernel's own measure of the round trip in milliseconds, or the fallback."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        micros, repeated = _RTT_AND_REPEATED.unpack_from(info)
    except (OSError, struct.error):
        return fallback
    # The kernel's measure begins at the SYN that was answered: it would hide the lost ones before.
    return micros / 1000.0 if micros and not repeated else fallback


def refusal_ms(sock: socket.SocketType, milliseconds: float) -> float:
    """Return how long a refusal took, -1 if that is not known.

    If it seems to come after the time at which the kernel repeats a SYN, and the kernel repeated none, then
    it had come before, and this process was late.
    """
    if milliseconds < _REPEATED_MS:
        return milliseconds
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        repeated = struct.unpack_from("=I", info, _TCP_INFO_TOTAL_RETRANS)[0]
    except (OSError, struct.error):
        return milliseconds
    return milliseconds if repeated else -1.0


def joins_itself(sock: socket.SocketType, port: int) -> bool:
    """Tell whether a socket that connects to C(port) has connected to itself.

    That happens if the kernel chooses the very port as the ephemeral one (simultaneous open, RFC 9293, 3.5).
    """
    try:
        own = sock.getsockname()
        return bool(own[1] == port and own == sock.getpeername())
    except OSError:
        return False


def own_address(sock: socket.SocketType) -> str:
    """Return the address of this host that a socket has, without a scope; empty if it has none."""
    try:
        return str(sock.getsockname()[0]).partition("%")[0]
    except OSError:
        return ""


def is_bindable(address: str) -> bool:
    """Tell whether a socket can be bound to an address; own_addresses.py says what that means."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True


class Sources:
    """The addresses that probes leave from, at most one of each family. Without one, the kernel chooses."""

    def __init__(self, addresses: Iterable[str]) -> None:
        addresses = list(addresses)
        self._by_family: Dict[int, Optional[str]] = {
            family: first_of(family, addresses) for family in (socket.AF_INET, socket.AF_INET6)
        }
        for family, address in self._by_family.items():
            if address:
                self._check(family, address)
                self._check_alone(family, addresses)

    @staticmethod
    def _check_alone(family: int, addresses: Iterable[str]) -> None:
        others = [other.strip() for other in addresses if first_of(family, [other])]
        if len(set(others)) > 1:
            raise NetworkError(
                "source addresses {0} are of one family: expected at most one of IPv4 and one of IPv6; run "
                "the probe once for each of them".format(" and ".join(others))
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

    def by_family(self) -> Dict[int, Optional[str]]:
        """Return the address of each family, None where the kernel chooses."""
        return dict(self._by_family)

    def bind(self, sock: socket.SocketType, family: int) -> None:
        """Bind a socket to its family's source address, if there is one.

        A plain bind() to port 0 takes an ephemeral port at once, before the kernel knows the destination. It
        must then be one that no other socket of this address has, so about 28000 probes use up all of them
        (ip_local_port_range), and so do connections in TIME_WAIT. With IP_BIND_ADDRESS_NO_PORT (ip(7)) only
        the address is bound. The kernel chooses the port in connect(), where it has to be unique only
        together with the destination's address and port, and every destination may have all of them.
        """
        address = self._by_family[family]
        if not address:
            return
        try:
            sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        except OSError:
            pass  # before Linux 4.2; costs an ephemeral port for each connection
        sock.bind((address, 0))
