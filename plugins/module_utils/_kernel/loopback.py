# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether packets of a socket stay on this very machine: then they cross the loopback device.

Addresses do not show it: a NAT rule at this host's output that leads packets to a program here gives the
replies the address that was asked for. Three facilities of Linux show the device:

- For datagrams that leave: their timestamps, which come with the device through the socket's error queue
  (SOF_TIMESTAMPING_OPT_CMSG in Documentation/networking/timestamping.rst, since Linux 3.19). One is made
  after all rules of the output, when a packet is handed to its device.
- For packets that arrive: a filter in classic BPF (SKF_AD_IFINDEX in Documentation/networking/filter.rst).
  Linux runs it for TCP in every state, before the packet has any effect on the socket. Some kernels, such as
  6.18.44, permit that for TCP only with CAP_NET_ADMIN.
- For all packets: the device's own counters, which anybody may read (proc_pid_net(5), /proc/net/dev). They
  count the packets of everybody.
"""

import re
import socket
import struct
from typing import Optional

from .bpf import accept_from, attach

_LOOPBACK = 1  # LOOPBACK_IFINDEX of net/flow.h: the first device of every network namespace
_COUNTERS = "/proc/net/dev"
_PACKETS = re.compile(r"^ *lo: *[0-9]+ +([0-9]+)", re.MULTILINE)
_MSG_ERRQUEUE = 0x2000
_SO_TIMESTAMPING = 37
_WHEN_HANDED_OVER = 1 << 8  # SOF_TIMESTAMPING_TX_SCHED of linux/net_tstamp.h
_REPORT, _WITH_DEVICE = 1 << 4, 1 << 10  # SOF_TIMESTAMPING_SOFTWARE, SOF_TIMESTAMPING_OPT_CMSG
_IP_PKTINFO, _IPV6_RECVPKTINFO, _IPV6_PKTINFO = 8, 49, 50
_INTERFACE_OF_IPV6 = 16  # its offset in struct in6_pktinfo, behind the address


def packets() -> Optional[int]:
    """Return how many packets have crossed the device so far, None where that is not known."""
    try:
        with open(_COUNTERS) as counters:
            found = _PACKETS.search(counters.read())
    except OSError:
        return None
    return int(found.group(1)) if found else None


def may_choose_what_to_receive() -> bool:
    """Tell whether C(receive_only_from_here) works for TCP."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            return receive_only_from_here(sock)
    except OSError:
        return False


def receive_only_from_here(sock: socket.SocketType) -> bool:
    """Let a socket receive nothing that comes from another machine; return whether it does."""
    try:
        attach(sock, accept_from(_LOOPBACK))
    except OSError:
        return False  # a sandbox without socket filters
    return True


def stays_here(sock: socket.SocketType, datagram: bytes) -> bool:
    """Send a datagram on a connected socket; return whether it is certain that it stays on this machine.

    What is handed to another device later, after a reply to ARP or NDP, has left no trace yet.
    Raise OSError if it cannot be sent.
    """
    is_watched = _watch(sock)
    sock.send(datagram)
    if not is_watched:
        return False
    try:
        ancillary = sock.recvmsg(len(datagram) + 256, 256, _MSG_ERRQUEUE)[1]
    except OSError:
        return False
    finally:
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, 0)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.IPPROTO_IP, _IP_PKTINFO):
            return bool(struct.unpack_from("=i", data)[0] == _LOOPBACK)
        if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_PKTINFO):
            return bool(struct.unpack_from("=i", data, _INTERFACE_OF_IPV6)[0] == _LOOPBACK)
    return False


def _watch(sock: socket.SocketType) -> bool:
    """Let the kernel report to which device it hands datagrams; return whether it does."""
    try:
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPING, _WHEN_HANDED_OVER | _REPORT | _WITH_DEVICE)
    except OSError:
        return False
    return True
