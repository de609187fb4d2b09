# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel knows of a TCP connection: TCP_INFO (tcp(7), linux/tcp.h) and its queue (SIOCOUTQ)."""

import array
import fcntl
import socket
import struct
import termios
from typing import NamedTuple, Optional

_BYTES = 104  # up to tcpi_total_retrans, which Linux 2.6 has already
_OPTIONS = 5  # offset of tcpi_options
_FIN_WAIT1 = 4  # the state after our FIN, until it is acknowledged (include/net/tcp_states.h)
_NUMBERS = struct.Struct("=24I")  # behind the first eight bytes
_SND_MSS, _RCV_MSS, _RTT, _TOTAL_RETRANS = 2, 3, 15, 23
_HAS_TIMESTAMPS = 1  # TCPI_OPT_TIMESTAMPS
_NEXT_SYN_MS = 900.0  # the kernel repeats a SYN after a second (RFC 6298, section 2.1)
_TIMESTAMPS = 12  # bytes of the option in every segment (RFC 7323, appendix A)


class TcpInfo(NamedTuple):
    """What of TCP_INFO is used here."""

    send_mss: int  # bytes of data that the largest segment carries, without the options in each segment
    received_mss: int  # the largest segment that came
    rtt_ms: float
    repeated: int  # segments sent again, SYNs among them
    option_bytes: int  # in every segment


def tcp_info(sock: socket.SocketType) -> Optional[TcpInfo]:
    """Return the kernel's knowledge of a connection, None if it does not tell."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES)
        numbers = _NUMBERS.unpack_from(info, 8)
    except (OSError, struct.error):
        return None
    return TcpInfo(
        send_mss=numbers[_SND_MSS],
        received_mss=numbers[_RCV_MSS],
        rtt_ms=numbers[_RTT] / 1000.0,
        repeated=numbers[_TOTAL_RETRANS],
        option_bytes=_TIMESTAMPS if bytearray(info)[_OPTIONS] & _HAS_TIMESTAMPS else 0,
    )


def answers_first_syn(rtt_ms: float, waited_ms: float) -> bool:
    """Tell whether a handshake that took so long was the answer to its first SYN.

    Timestamps (RFC 7323) let the kernel measure the round trip of whichever SYN was answered. SYNs that it
    sent again meanwhile, after a second or more, were not needed if the path is slow. A SYN-ACK that was lost
    and sent again looks the same, so this counts only where nothing is answered sooner.
    """
    return rtt_ms > _NEXT_SYN_MS and rtt_ms > waited_ms - _NEXT_SYN_MS


def has_unacknowledged_end(sock: socket.SocketType) -> bool:
    """Tell whether the other end has not acknowledged that we ended our side."""
    try:
        return bytearray(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1))[0] == _FIN_WAIT1
    except (OSError, IndexError):
        return False


def unacknowledged(sock: socket.SocketType) -> int:
    """Return how many bytes the other end has not acknowledged, those not sent yet included (SIOCOUTQ)."""
    count = array.array("i", [0])
    fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)
    return count[0]
