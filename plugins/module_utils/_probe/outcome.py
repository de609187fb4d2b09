# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The outcome of one attempt: nmap's states and reasons (https://nmap.org/book/man-port-scanning-basics.html).

A firewall's reject and a closed port have the same errno, ECONNREFUSED. The ICMP message behind it makes the
difference, and it has a sender. Linux gives it out through the socket's error queue (IP_RECVERR and
MSG_ERRQUEUE in ip(7); for connecting TCP sockets since Linux 4.17). Without a message, the errno and the
time decide.
"""

import errno
import ipaddress
import socket
import struct
from typing import NamedTuple, Optional, Tuple

from .._identify._finding import Finding
from .._kernel.own_addresses import is_broadcast

# States.
OPEN, CLOSED, FILTERED, UNREACHABLE = "open", "closed", "filtered", "unreachable"
UNRESOLVED, OPEN_FILTERED, ERROR = "unresolved", "open|filtered", "error"
STATES = (OPEN, CLOSED, FILTERED, UNREACHABLE, UNRESOLVED, OPEN_FILTERED, ERROR)

# Reasons.
SYN_ACK, UDP_RESPONSE, REFUSED, NO_RESPONSE = "syn-ack", "udp-response", "conn-refused", "no-response"
PROHIBITED, PORT_UNREACH, HOST_UNREACH = "admin-prohibited", "port-unreach", "host-unreach"
NET_UNREACH, NO_ROUTE = "net-unreach", "no-route"
TIME_EXCEEDED, PARAM_PROBLEM = "time-exceeded", "param-problem"
OTHER_RUN = "other-run"  # a listener of another run answered
OWN_ADDRESS = "own-address"  # the host reached itself
LATE = "late-answer"  # the answer to the first packet came after the timeout, see late.py
BROADCAST = "broadcast-address"  # of a network of the probing host, so no host has it
RATE_LIMITED, SHUT_OUT = "rate-limited", "shut-out"  # for connections by their number (rate_limit.py)

# What became of the challenge to our own listener; empty if there was none.
PROOF_OURS = "ours"
PROOF_OTHER_PORT = "other_port"  # a listener of this run, at another port of its host than the one we asked
PROOF_SILENT = "silent"  # connected, and no answer
PROOF_CUT_OFF = "cut_off"  # connected, and the connection ended without an answer
# A service of others that is not asked who it is: not even the end of the connection was acknowledged.
PROOF_UNFINISHED = "unfinished"
PROOF_OTHER = "other"  # something else answered
PROOF_OTHER_RUN = "other_run"
PROOF_LATE = "late"  # connected after the timeout, and left without the challenge
PROOF_FAILURES = {
    PROOF_OTHER_PORT: "connected, but our listener answered at another port",
    PROOF_SILENT: "connected, but no answer to the challenge of our listener",
    PROOF_CUT_OFF: "connected, but cut off without an answer to the challenge of our listener",
    PROOF_UNFINISHED: "connected, but not even the end of the connection was acknowledged",
    PROOF_OTHER: "connected, but something other than our listener answered",
    PROOF_OTHER_RUN: "connected, but a listener of another run answered",
    PROOF_LATE: "connected, but only after the timeout",
}
# Connected, and nothing came through the connection.
NOTHING_THROUGH = (PROOF_SILENT, PROOF_CUT_OFF, PROOF_UNFINISHED)
PROOFS = (PROOF_OURS,) + tuple(PROOF_FAILURES)

LOCAL = "local"  # the sender of an error that the probing host's own kernel reported

_IS_BROADCAST = (
    "it is the broadcast address of a network of that host: correct the address, or the prefix length there"
)
MSG_ERRQUEUE = 0x2000
_MAX_MESSAGES = 4  # in a socket's error queue
_IP_RECVERR, _IPV6_RECVERR = 11, 25
_ORIGIN_ICMP, _ORIGIN_ICMP6 = 2, 3
# Without a reply to ARP or NDP, a connection fails after three requests, about 3 s. A reject comes at once.
NEIGHBOUR_SECONDS = 2.5

# ICMP type 3 (RFC 792, RFC 1812 section 5.2.7.1) and ICMPv6 type 1 (RFC 4443 section 3.1) by code.
_ICMP = {
    0: (UNREACHABLE, NET_UNREACH),
    1: (FILTERED, HOST_UNREACH),
    2: (FILTERED, "proto-unreach"),
    3: (FILTERED, PORT_UNREACH),
    5: (UNREACHABLE, NET_UNREACH),
    6: (UNREACHABLE, NET_UNREACH),
    7: (FILTERED, HOST_UNREACH),
    8: (FILTERED, HOST_UNREACH),
    9: (FILTERED, PROHIBITED),
    10: (FILTERED, PROHIBITED),
    11: (UNREACHABLE, NET_UNREACH),
    12: (FILTERED, HOST_UNREACH),
    13: (FILTERED, PROHIBITED),
    14: (FILTERED, PROHIBITED),
    15: (FILTERED, PROHIBITED),
}
_ICMP6 = {
    0: (UNREACHABLE, NO_ROUTE),
    1: (FILTERED, PROHIBITED),
    2: (UNREACHABLE, NO_ROUTE),
    3: (FILTERED, HOST_UNREACH),
    4: (FILTERED, PORT_UNREACH),
    5: (FILTERED, PROHIBITED),
    6: (FILTERED, PROHIBITED),
}


class Outcome(NamedTuple):
    """The state of a port and how it is known."""

    state: str
    reason: str
    reason_ip: str = ""  # who sent the ICMP message, if one came
    proof: str = ""  # what became of the challenge to our listener: one of PROOFS, or empty
    answered_by: str = ""  # the host whose listener proved itself
    detail: str = ""
    finding: Optional[Finding] = None  # which service answered, if it was asked
    seen_as: str = ""  # the address from which our listener saw us, if it is not the one that we sent from


class Icmp(NamedTuple):
    """An ICMP message from the error queue."""

    version: int
    kind: int
    code: int
    sender: str


def receive_errors(sock: socket.SocketType, family: int, wanted: bool = True) -> None:
    """Ask for the ICMP messages behind a socket's errors, or drop them, and let none end a connection."""
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, wanted)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, wanted)


def read_icmp(sock: socket.SocketType) -> Optional[Icmp]:
    """Return the ICMP message behind a socket's error, or None."""
    for unused in range(_MAX_MESSAGES):
        try:
            ancillary = sock.recvmsg(256, 256, MSG_ERRQUEUE)[1]
        except OSError:
            return None
        for level, kind, data in ancillary:
            if (level, kind) in ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR)):
                icmp = parse_extended_error(data)
                if icmp:
                    return icmp  # otherwise a timestamp (loopback.py)
    return None


def parse_extended_error(data: bytes) -> Optional[Icmp]:
    """Read a C(struct sock_extended_err) and the sender's address behind it (linux/errqueue.h)."""
    if len(data) < 24:
        return None
    origin, kind, code = struct.unpack_from("=BBB", data, 4)
    family = struct.unpack_from("=H", data, 16)[0]
    if origin == _ORIGIN_ICMP and family == socket.AF_INET:
        return Icmp(4, kind, code, str(ipaddress.IPv4Address(data[20:24])))
    if origin == _ORIGIN_ICMP6 and family == socket.AF_INET6 and len(data) >= 40:
        return Icmp(6, kind, code, str(ipaddress.IPv6Address(data[24:40])))
    return None


def from_icmp(icmp: Icmp, protocol: str, destination: str) -> Outcome:
    """Return the outcome that an ICMP message stands for."""
    codes, unreachable, time_exceeded = (_ICMP, 3, 11) if icmp.version == 4 else (_ICMP6, 1, 3)
    if icmp.kind == unreachable:
        state, reason = codes.get(icmp.code, (FILTERED, HOST_UNREACH))
    elif icmp.kind == time_exceeded:
        state, reason = FILTERED, TIME_EXCEEDED
    else:
        state, reason = FILTERED, PARAM_PROBLEM
    if reason == PORT_UNREACH and protocol == "udp" and icmp.sender == destination:
        # For UDP this is what a host itself says of a port without a listener (RFC 1122, section 4.1.3.1).
        state = CLOSED
    return Outcome(state, reason, icmp.sender)


def from_errno(number: int, seconds: float, protocol: str) -> Outcome:
    """Return the outcome of an attempt that failed after C(seconds), without an ICMP message."""
    if number == errno.ECONNREFUSED:
        return _REFUSED[protocol]
    if number == errno.ETIMEDOUT:
        return Outcome(FILTERED, NO_RESPONSE)
    if number in (errno.EHOSTUNREACH, errno.EHOSTDOWN):
        return Outcome(FILTERED, HOST_UNREACH if seconds >= NEIGHBOUR_SECONDS else PROHIBITED)
    if number == errno.ENETUNREACH:
        return Outcome(UNREACHABLE, NET_UNREACH)
    if number == errno.EACCES:
        return Outcome(FILTERED, PROHIBITED)
    return local_failure(number)


def local_failure(number: int, address: str = "") -> Outcome:
    """Return the outcome of a call that the probing host's own kernel refused before anything left.

    With C(address), a broadcast address is told from a missing route and from a filter.
    """
    if number in (errno.ENETUNREACH, errno.EACCES) and address and is_broadcast(address):
        return Outcome(ERROR, BROADCAST, detail=_IS_BROADCAST)
    if number in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL):
        # No route, an "unreachable" route, a "blackhole" route: ip-route(8).
        return Outcome(UNREACHABLE, NO_ROUTE)
    if number in (errno.EPERM, errno.EACCES):
        # A filter on output, or a "prohibit" route.
        return Outcome(FILTERED, PROHIBITED, LOCAL)
    return Outcome(ERROR, errno.errorcode.get(number, str(number)), detail=_explain(number))


def _explain(number: int) -> str:
    known = {
        errno.EADDRNOTAVAIL: "the source address does not belong to this host, or no ephemeral port is left",
        errno.EAFNOSUPPORT: "this host has no support for the address family",
        errno.EMFILE: "the limit of open files is reached: raise it (ulimit -n) or lower the concurrency",
        errno.ENFILE: "the system's limit of open files is reached",
        errno.EAGAIN: "no ephemeral port is left (net.ipv4.ip_local_port_range)",
        errno.ENOBUFS: "the kernel has no buffers left: lower the concurrency or the rate",
    }
    return known.get(number, "")


# Most failures of a sweep, so that they share one object.
_REFUSED = {"tcp": Outcome(CLOSED, REFUSED), "udp": Outcome(CLOSED, PORT_UNREACH)}


def icmp_or_errno(
    sock: socket.SocketType, number: int, seconds: float, protocol: str, destination: str
) -> Outcome:
    """Return the outcome of a failed attempt: from its ICMP message if one came, else from errno and time."""
    icmp = read_icmp(sock)
    if not icmp:
        return from_errno(number, seconds, protocol)
    outcome = from_icmp(icmp, protocol, destination)
    return (
        outcome._replace(reason_ip=LOCAL)
        if icmp.sender != destination and icmp.sender == _own_address(sock)
        else outcome
    )


def _own_address(sock: socket.SocketType) -> str:
    try:
        return str(sock.getsockname()[0])
    except OSError:
        return ""


def timed_out(protocol: str) -> Outcome:
    """Return the outcome of silence; with UDP, a service that does not answer looks like that too."""
    return Outcome(FILTERED if protocol == "tcp" else OPEN_FILTERED, NO_RESPONSE)


def proof_at(answered: int, asked: int) -> str:
    """Return the code for a listener of this run that proved itself: whether at the port that was asked."""
    return PROOF_OURS if answered == asked else PROOF_OTHER_PORT


def rank(outcome: Outcome) -> Tuple[int, str, str, str, str, str, str, str]:
    """Return the key to sort outcomes by: the order of STATES, then everything else."""
    return (
        STATES.index(outcome.state),
        outcome.reason,
        outcome.reason_ip,
        outcome.proof,
        outcome.answered_by,
        outcome.detail,
        str(outcome.finding or ""),
        outcome.seen_as,
    )
