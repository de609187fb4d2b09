# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sockets of a listener and the runs that lease them.

Several runs may verify one host at the same time. Each takes a lease. A socket stays open as long as any
lease wants it, so no run ends the ports of another, and a port that somebody else uses is left alone.

Sockets are opened by the module, with its rights, and handed to the listener, which has none.

A lease ends at its deadline. If its run gives no sign for its idle time, its sockets are closed before that,
because a run that was interrupted must not keep a database from its ports. A sign is anything that comes
from the run: a hello on one of its ports, or a request. If the run goes on after all, it hears that its
listener stepped aside, so that it does not take that for the end of its host.
"""

import errno
import socket
import time
from typing import TYPE_CHECKING, Callable, Dict, Iterable, NamedTuple, Optional, Set

from .._kernel import open_files
from .._kernel.own_addresses import unusable
from .._values.errors import ListenerError
from . import proof
from .endpoints import WILDCARDS, Endpoint, describe

if TYPE_CHECKING:
    from .._shapes import Lease as LeaseReport

_BACKLOG = 1024
_DEFER_SECONDS = 5
_IP_PKTINFO, _IPV6_RECVPKTINFO = 8, 49
ROOM_FOR_CONNECTIONS = 64
_ABANDONED_AFTER = 0.2  # part of its idle time after which a run without a sign counts as interrupted


class Lease(NamedTuple):
    """One run's right to listen until a deadline (seconds of the monotonic clock)."""

    key: bytes
    deadline: float
    wanted: Set[Endpoint]
    in_use: Set[Endpoint]
    denied: Set[Endpoint]
    absent: Set[Endpoint]  # of a family that the host does not have
    idle: float = float("inf")  # seconds without a sign of the run after which it steps aside

    def report(self) -> "LeaseReport":
        """Return what became of the wanted ports as plain data."""
        return {
            "listening": describe(self.wanted - self.in_use - self.denied - self.absent),
            "in_use": describe(self.in_use),
            "denied": describe(self.denied),
        }


class Opened(NamedTuple):
    """What became of endpoints that were to be opened."""

    sockets: Dict[Endpoint, socket.socket]
    in_use: Set[Endpoint]
    denied: Set[Endpoint]
    absent: Set[Endpoint]

    def close(self) -> None:
        """Close the sockets in this process."""
        for sock in self.sockets.values():
            sock.close()


def open_all(wanted: Iterable[Endpoint], spared: Iterable[Endpoint] = ()) -> Opened:
    """Open endpoints, or raise and leave nothing open.

    C(spared) ones count as in use, although they are free.
    """
    opened = Opened({}, set(spared), set(), set())
    try:
        for endpoint in sorted(set(wanted) - opened.in_use):
            _open(endpoint, opened)
    except ListenerError:
        opened.close()
        raise
    return opened


def _open(endpoint: Endpoint, opened: Opened) -> None:
    try:
        opened.sockets[endpoint] = open_socket(endpoint)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            opened.in_use.add(endpoint)
        elif error.errno in (errno.EACCES, errno.EPERM):
            opened.denied.add(endpoint)
        elif endpoint.address in WILDCARDS and error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            opened.absent.add(endpoint)  # the host has only the other family
        else:
            raise ListenerError(_explain(endpoint, error))


class Leases:
    """Keeps a socket from the first lease that wants it to the last."""

    def __init__(
        self, opened: Callable[[Endpoint, socket.socket], None], closing: Callable[[socket.socket], None]
    ):
        self._opened = opened
        self._closing = closing
        self._leases: Dict[bytes, Lease] = {}
        self._signs: Dict[bytes, float] = {}  # when each run gave its last sign
        self._aside: Dict[bytes, float] = {}  # runs whose ports were closed, and when
        self._sockets: Dict[Endpoint, socket.socket] = {}

    def __bool__(self) -> bool:
        return bool(self._leases)

    def __len__(self) -> int:
        return len(self._leases)

    @property
    def endpoints(self) -> Set[Endpoint]:
        """What is open."""
        return set(self._sockets)

    def key_of(self, run: bytes, endpoint: Endpoint) -> bytes:
        """Return the key of a run that listens here, or an empty one. The question is a sign of the run."""
        lease = self._leases.get(run)
        if lease is None or endpoint not in lease.wanted or run in self._aside:
            return b""
        self._signs[run] = time.monotonic()
        return lease.key

    def key_of_run(self, run: bytes) -> bytes:
        """Return the key of a run that has a lease, also if its ports are closed, or an empty one."""
        lease = self._leases.get(run)
        return lease.key if lease is not None else b""

    def _end_of(self, run: bytes, lease: Lease) -> float:
        return lease.deadline if run in self._aside else min(lease.deadline, self._signs[run] + lease.idle)

    def next_deadline(self) -> float:
        """Return when the next lease ends or steps aside."""
        return min(self._end_of(run, lease) for run, lease in self._leases.items())

    def last_deadline(self) -> float:
        """Return when the last port is free, if no run gives a sign any more."""
        return max(
            [self._end_of(run, lease) for run, lease in self._leases.items() if run not in self._aside]
            or [0.0]
        )

    def last_sign(self) -> float:
        """Return when any run gave a sign."""
        return max(self._signs[run] for run in self._leases)

    def abandoned(self, now: float) -> Set[bytes]:
        """Return the runs that gave no sign for so long that they were probably interrupted."""
        return {
            run
            for run, lease in self._leases.items()
            if now - self._signs[run] > lease.idle * _ABANDONED_AFTER
        }

    def get(self, key: bytes) -> Optional[Lease]:
        """Return a run's lease, or None."""
        return self._leases.get(proof.run_id(key))

    def missing(self, wanted: Iterable[Endpoint]) -> Set[Endpoint]:
        """Return what has to be opened for a lease; raises if that is more than this process may open."""
        missing = set(wanted) - set(self._sockets)
        open_files.check(
            len(missing) + ROOM_FOR_CONNECTIONS,
            open_files.raise_limit(),
            f"listening on {len(missing)} more ports",
        )
        return missing

    def take(
        self,
        key: bytes,
        wanted: Iterable[Endpoint],
        deadline: float,
        opened: Optional[Opened] = None,
        idle: float = float("inf"),
    ) -> Lease:
        """Give a run its lease, with the sockets that were opened for it.

        An endpoint that is open by now is neither in use nor denied.
        """
        wanted, run = set(wanted), proof.run_id(key)
        opened = opened or Opened({}, set(), set(), set())
        for endpoint, sock in opened.sockets.items():
            if endpoint in self._sockets:
                sock.close()
            else:
                self._sockets[endpoint] = sock
                self._opened(endpoint, sock)
        here = set(self._sockets)
        lease = self._leases[run] = Lease(
            key=key,
            deadline=deadline,
            wanted=wanted,
            in_use=opened.in_use - here,
            denied=opened.denied - here,
            absent=opened.absent - here,
            idle=idle,
        )
        self._signs[run] = time.monotonic()
        self._aside.pop(run, None)
        self._close_unwanted()
        return lease

    def release(self, key: bytes) -> bool:
        """End a run's lease; returns whether there was one."""
        return bool(self.end({proof.run_id(key)}))

    def stepped_aside(self, key: bytes, waited: float = 0.0) -> bool:
        """Tell whether a run's ports were closed because it gave no sign.

        For the last C(waited) seconds it had no use for them.
        """
        since = self._aside.get(proof.run_id(key))
        return since is not None and (not waited or time.monotonic() - since > waited)

    def expire(self, now: float) -> Set[bytes]:
        """End the leases whose deadline has come, and return their runs.

        Close the ports of runs that give no sign.
        """
        due = {run for run, lease in self._leases.items() if self._end_of(run, lease) <= now}
        over = {run for run in due if self._leases[run].deadline <= now}
        self._aside.update(dict.fromkeys(due - over, now))
        return self.end(over)

    def end(self, runs: Set[bytes]) -> Set[bytes]:
        """End the leases of runs, and return those that had one."""
        found = {run for run in runs if self._leases.pop(run, None)}
        for run in found:
            del self._signs[run]
            self._aside.pop(run, None)
        self._close_unwanted()
        return found

    def _close_unwanted(self) -> None:
        wanted: Set[Endpoint] = set().union(
            *(lease.wanted for run, lease in self._leases.items() if run not in self._aside)
        )
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
            # Only past a connection in TIME_WAIT: Linux still refuses a port that somebody listens on
            # (socket(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((endpoint.address, endpoint.port))
        _prepare(endpoint, sock)
    except OSError:
        sock.close()
        raise
    return sock


def _prepare(endpoint: Endpoint, sock: socket.socket) -> None:
    if endpoint.protocol == "tcp":
        # A hello follows each handshake at once: accepting with the hello costs one wake-up instead of two
        # (tcp(7)).
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _DEFER_SECONDS)
        sock.listen(_BACKLOG)
    elif endpoint.address == "0.0.0.0":
        sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    elif endpoint.address == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)


def _explain(endpoint: Endpoint, error: OSError) -> str:
    where = f"{endpoint.address} {endpoint.protocol} port {endpoint.port}"
    if error.errno == errno.EADDRNOTAVAIL:
        lacking = "this host does not have the address; set exasol_address to one it has"
        return f"cannot listen on {where}: {unusable(endpoint.address) or lacking}"
    return f"cannot listen on {where}: {error.strerror}"
