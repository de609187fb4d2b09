# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets of a listener and the runs that lease them.

Several runs may verify one host at the same time. Each takes a lease; a socket stays open as long as any lease wants it,
so no run ends the ports of another, and a port that somebody else uses is left alone.
"""

import errno
import socket
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Set

from . import _hello, _limits
from ._errors import ListenerError
from ._listens import WILDCARDS, Endpoint, describe

_BACKLOG = 1024
_DEFER_SECONDS = 5
_IP_PKTINFO, _IPV6_RECVPKTINFO = 8, 49
ROOM_FOR_CONNECTIONS = 64


class Lease(NamedTuple):
    """One run's right to listen until a deadline (seconds of the monotonic clock)."""

    key: bytes
    deadline: float
    wanted: Set[Endpoint]
    in_use: Set[Endpoint]
    denied: Set[Endpoint]
    absent: Set[Endpoint]  # of a family that the host does not have

    def report(self) -> Dict[str, Any]:
        """Return what became of the wanted ports as plain data."""
        return {"listening": describe(self.wanted - self.in_use - self.denied - self.absent), "in_use": describe(self.in_use), "denied": describe(self.denied)}


class Leases:
    """Opens a socket when the first lease wants it and closes it with the last."""

    def __init__(self, opened: Callable[[Endpoint, socket.socket], None], closing: Callable[[socket.socket], None]):
        self._opened = opened
        self._closing = closing
        self._leases = {}  # type: Dict[bytes, Lease]
        self._sockets = {}  # type: Dict[Endpoint, socket.socket]

    def __bool__(self):
        return bool(self._leases)

    def key_of(self, run: bytes, endpoint: Endpoint) -> bytes:
        """Return the key of a run that listens here, or an empty one."""
        lease = self._leases.get(run)
        return lease.key if lease and endpoint in lease.wanted else b""

    def next_deadline(self) -> float:
        """Return when the next lease ends."""
        return min(lease.deadline for lease in self._leases.values())

    def get(self, key: bytes) -> Optional[Lease]:
        """Return a run's lease, or None."""
        return self._leases.get(_hello.run_id(key))

    def take(self, key: bytes, wanted: Iterable[Endpoint], deadline: float) -> Lease:
        """Give a run its lease, or raise and leave everything as it was."""
        wanted = set(wanted)
        missing = sorted(wanted - set(self._sockets))
        _limits.check(len(missing) + ROOM_FOR_CONNECTIONS, _limits.raise_limit(), "listening on {0} more ports".format(len(missing)))
        fresh, in_use, denied = {}, set(), set()  # type: Dict[Endpoint, socket.socket], Set[Endpoint], Set[Endpoint]
        try:
            for endpoint in missing:
                self._open(endpoint, fresh, in_use, denied)
        except ListenerError:
            for sock in fresh.values():
                sock.close()
            raise
        for endpoint, sock in fresh.items():
            self._sockets[endpoint] = sock
            self._opened(endpoint, sock)
        lease = self._leases[_hello.run_id(key)] = Lease(key, deadline, wanted, in_use, denied, wanted - in_use - denied - set(self._sockets))
        self._close_unwanted()
        return lease

    @staticmethod
    def _open(endpoint: Endpoint, fresh: Dict[Endpoint, socket.socket], in_use: Set[Endpoint], denied: Set[Endpoint]) -> None:
        try:
            fresh[endpoint] = open_socket(endpoint)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                in_use.add(endpoint)
            elif error.errno in (errno.EACCES, errno.EPERM):
                denied.add(endpoint)
            elif endpoint.address in WILDCARDS and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
                pass  # the host has only the other family
            else:
                raise ListenerError(_explain(endpoint, error))

    def release(self, key: bytes) -> bool:
        """End a run's lease; tells whether there was one."""
        found = self._leases.pop(_hello.run_id(key), None)
        self._close_unwanted()
        return found is not None

    def expire(self, now: float) -> None:
        """End the leases whose deadline has come."""
        self._leases = {run: lease for run, lease in self._leases.items() if lease.deadline > now}
        self._close_unwanted()

    def _close_unwanted(self) -> None:
        wanted = set().union(*(lease.wanted for lease in self._leases.values()))  # type: Set[Endpoint]
        for endpoint in [endpoint for endpoint in self._sockets if endpoint not in wanted]:
            sock = self._sockets.pop(endpoint)
            self._closing(sock)
            sock.close()


def open_socket(endpoint: Endpoint) -> socket.socket:
    """Return a bound, non-blocking socket, listening if it is TCP."""
    sock = socket.socket(endpoint.family, endpoint.kind | socket.SOCK_NONBLOCK)
    try:
        if endpoint.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if endpoint.protocol == "tcp":
            # Only past a connection in TIME_WAIT: Linux still refuses a port that somebody listens on (socket(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((endpoint.address, endpoint.port))
        _prepare(endpoint, sock)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare(endpoint: Endpoint, sock: socket.socket) -> None:
    if endpoint.protocol == "tcp":
        # A hello follows each handshake at once: accepting with the hello costs one wake-up instead of two (tcp(7)).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _DEFER_SECONDS)
        sock.listen(_BACKLOG)
    elif endpoint.address == "0.0.0.0":
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    elif endpoint.address == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)


def _explain(endpoint: Endpoint, error: OSError) -> str:
    where = "{0} {1} port {2}".format(endpoint.address, endpoint.protocol, endpoint.port)
    if error.errno == errno.EADDRNOTAVAIL:
        return "cannot listen on {0}: the address is not one of this host's; set exasol_address to one that is".format(where)
    return "cannot listen on {0}: {1}".format(where, error.strerror)
