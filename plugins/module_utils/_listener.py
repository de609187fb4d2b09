# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener: one process for all ports of a host, which answers the hello of the runs that it serves and nothing else.

It is controlled through a Unix socket in Linux's abstract namespace (unix(7)): the name lives in the same network
namespace as the ports, vanishes with the process, and can be held by one process only.
"""

import errno
import json
import os
import select
import socket
import struct
import time
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

from . import _hello
from ._capture import Capture
from ._errors import NetworkError
from ._leases import Leases
from ._listens import Endpoint, describe, endpoints
from ._ports import Ports, compress

_GRACE_SECONDS = 10.0  # for the first lease to come
_CONNECTION_SECONDS = 15.0
_CONTROL_SECONDS = 5.0
_LOOK_SECONDS = 1.0  # between two looks at deadlines, of which none is shorter; a request is followed by a look at once
_MOST_CONNECTIONS = 4096
_MOST_REQUESTS = 64
_NOW = int(socket.MSG_DONTWAIT)
_NOW_WITH_END = int(socket.MSG_DONTWAIT | socket.MSG_MORE)  # answer and FIN leave as one segment
LONGEST_REQUEST = 1 << 20  # bytes of a request or its answer


class _Waiting:
    """A connection that has not said all yet."""

    __slots__ = ("sock", "received", "deadline")

    def __init__(self, sock: socket.SocketType, deadline: float):
        self.sock = sock
        self.received = b""
        self.deadline = deadline


class _Connection(_Waiting):
    __slots__ = ("endpoint",)

    def __init__(self, sock: socket.SocketType, deadline: float, endpoint: Endpoint, received: bytes):
        super(_Connection, self).__init__(sock, deadline)
        self.endpoint = endpoint
        self.received = received


class Listener:
    """Serves the leases of one host until the last of them ends."""

    def __init__(self, host: str, control: socket.socket):
        self._host = host
        self._control = control
        self._poll = select.epoll()
        self._handlers = {}  # type: Dict[int, Tuple[Callable[..., None], Any]]
        self._connections = OrderedDict()  # type: OrderedDict[int, _Waiting]
        self._requests = OrderedDict()  # type: OrderedDict[int, _Waiting]
        self._leases = Leases(self._on_opened, self._on_closing)
        self._captures = {}  # type: Dict[bytes, Optional[Capture]]
        self._capture_problem = ""
        self._born = time.monotonic()
        self._look = 0.0
        self._watch(control, self._on_control, control)

    def serve(self) -> None:
        """Run until no lease is left."""
        now = time.monotonic()
        while now < self._look or self._look_after(now):
            for descriptor, unused in self._poll.poll(max(0.0, self._look - now)):
                handler, argument = self._handlers.get(descriptor, (None, None))
                if handler:
                    handler(argument)
            now = time.monotonic()

    def _look_after(self, now: float) -> bool:
        """End what is past its deadline and tell whether anything is left to serve; not each connection pays for that."""
        if self._leases and self._leases.next_deadline() <= now:
            self._leases.expire(now)
            self._drop_captures()
            self._end_if_idle()
        self._drop_idle(now)
        deadline = self._leases.next_deadline() if self._leases else self._born + _GRACE_SECONDS
        self._look = min(deadline, now + _LOOK_SECONDS)
        return now < deadline

    def _watch(self, sock: socket.SocketType, handler: Callable[..., None], argument: Any) -> None:
        self._handlers[sock.fileno()] = (handler, argument)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _on_opened(self, endpoint: Endpoint, sock: socket.socket) -> None:
        self._watch(sock, self._on_accept if endpoint.protocol == "tcp" else self._on_datagram, (endpoint, sock))

    def _on_closing(self, sock: socket.socket) -> None:
        self._handlers.pop(sock.fileno(), None)

    def _on_accept(self, argument: Tuple[Endpoint, socket.socket]) -> None:
        endpoint, listening = argument
        try:
            # As accept() does, but with a plain socket object: it asks for no family and type, and goes in a third of the time.
            descriptor = listening._accept()[0]  # type: ignore[attr-defined]
        except OSError as error:
            self._make_room(error)
            return
        sock = socket.SocketType(endpoint.family, socket.SOCK_STREAM, 0, descriptor)
        left = self._hear(sock, endpoint, b"")
        if left is None:
            sock.close()
        else:
            self._wait_for(_Connection(sock, time.monotonic() + _CONNECTION_SECONDS, endpoint, left))

    def _make_room(self, error: OSError) -> None:
        # Without a descriptor left, the waiting connection would keep us awake, and out, until others end by themselves.
        if error.errno in (errno.EMFILE, errno.ENFILE) and self._connections:
            self._close(next(iter(self._connections.values())))

    def _wait_for(self, connection: _Connection) -> None:
        if len(self._connections) >= _MOST_CONNECTIONS:
            self._close(next(iter(self._connections.values())))
        self._connections[connection.sock.fileno()] = connection
        self._watch(connection.sock, self._on_readable, connection)

    def _on_readable(self, connection: _Connection) -> None:
        left = self._hear(connection.sock, connection.endpoint, connection.received)
        if left is None:
            self._close(connection)
        else:
            connection.received = left

    def _hear(self, sock: socket.SocketType, endpoint: Endpoint, received: bytes) -> Optional[bytes]:
        """Take in what came and answer a whole hello; returns what to wait with for more, or None when the connection is to be closed.

        The probe answers our FIN with RST, so that neither end keeps TIME_WAIT.
        """
        try:
            data = sock.recv(_hello.LONGEST, _NOW)
        except BlockingIOError:
            return received
        except OSError:
            return None
        received += data
        if not data or len(received) > _hello.LONGEST:
            return None
        if b"\n" not in received:
            return received
        try:
            sock.send(self._answer(received, endpoint), _NOW_WITH_END)
        except OSError:
            pass  # the probe is gone; so is the connection
        return None

    def _answer(self, received: bytes, endpoint: Endpoint) -> bytes:
        hello = _hello.read_hello(received.split(b"\n")[0])
        key = self._leases.key_of(hello[0], endpoint) if hello else b""
        return _hello.answer(key, self._host, hello[1]) if hello and key else b""

    def _on_datagram(self, argument: Tuple[Endpoint, socket.socket]) -> None:
        endpoint, sock = argument
        try:
            data, ancillary, flags, peer = sock.recvmsg(_hello.LONGEST, 128)
            answer = self._answer(data, endpoint)
            # Or a forged source could be sent more than its forger sends.
            if answer and len(answer) <= len(data):
                # A wildcard socket answers from the address that was asked: the probe accepts no other.
                sock.sendmsg([answer], [_from_same_address(*item) for item in ancillary], 0, peer)
        except OSError:
            return

    def _close(self, waiting: _Waiting) -> None:
        descriptor = waiting.sock.fileno()
        self._handlers.pop(descriptor, None)
        self._connections.pop(descriptor, None)
        self._requests.pop(descriptor, None)
        waiting.sock.close()

    def _drop_idle(self, now: float) -> None:
        for waiting in (self._connections, self._requests):
            while waiting:
                oldest = next(iter(waiting.values()))
                if oldest.deadline > now:
                    break
                self._close(oldest)

    def _on_control(self, control: socket.socket) -> None:
        try:
            sock = control.accept()[0]
        except OSError as error:
            self._make_room(error)
            return
        if len(self._requests) >= _MOST_REQUESTS or peer_uid(sock) not in (os.getuid(), 0):
            sock.close()
            return
        sock.setblocking(False)
        request = _Waiting(sock, time.monotonic() + _CONTROL_SECONDS)
        self._requests[sock.fileno()] = request
        self._watch(sock, self._on_request, request)

    def _on_request(self, request: _Waiting) -> None:
        try:
            data = request.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        request.received += data
        if request.received.endswith(b"\n"):
            self._fulfil(request)
        elif not data or len(request.received) > LONGEST_REQUEST:
            self._close(request)

    def _fulfil(self, request: _Waiting) -> None:
        try:
            request.sock.settimeout(_CONTROL_SECONDS)
            request.sock.sendall(json.dumps(self._obey(request.received)).encode("ascii") + b"\n")
        except (OSError, ValueError):
            pass  # whoever asked is gone, or asked for nothing
        self._close(request)
        self._look = 0.0

    def _obey(self, line: bytes) -> Dict[str, Any]:
        request = json.loads(line.decode("ascii"))
        try:
            return getattr(self, "_do_" + request.pop("operation"))(**request)
        except NetworkError as error:
            self._end_if_idle()
            return {"error": str(error)}
        except (AttributeError, KeyError, TypeError) as error:
            # Another version of this collection may be asking; the leases of others hold.
            return {"error": "the listener does not understand the request: {0}".format(error)}

    def _end_if_idle(self) -> None:
        if not self._leases:
            self._born = -_GRACE_SECONDS

    def _do_lease(self, token: str, listens: List[Dict[str, Any]], ttl: float, capture: bool = False) -> Dict[str, Any]:
        key = _hello.check_token(token)
        wanted, before = set(endpoints(listens)), self._leases.get(key)
        if capture and key not in self._captures:
            self._capture(key, wanted)
        try:
            lease = self._leases.take(key, wanted, time.monotonic() + ttl)
        finally:
            self._drop_captures()
        return dict(lease.report(), changed=before is None or before.wanted != wanted, pid=os.getpid())

    def _capture(self, key: bytes, wanted: Iterable[Endpoint]) -> None:
        try:
            taken = self._captures[key] = Capture(_ports_of(wanted))
            self._watch(taken.sock, Capture.read, taken)
        except NetworkError as error:
            # The ports are listened on nevertheless; who asked for a capture is told at the end.
            self._captures[key], self._capture_problem = None, str(error)

    def _drop_captures(self) -> None:
        for key in [key for key in self._captures if self._leases.get(key) is None]:
            self._end_capture(key)

    def _end_capture(self, key: bytes) -> Dict[str, Any]:
        if key not in self._captures:
            return {}
        taken = self._captures.pop(key)
        if taken is None:
            return {"capture": {"problem": self._capture_problem}}
        report = taken.report()
        self._handlers.pop(taken.sock.fileno(), None)
        taken.close()
        return {"capture": report}

    def _do_show(self, token: str) -> Dict[str, Any]:
        lease = self._leases.get(_hello.check_token(token))
        return dict(lease.report(), wanted=describe(lease.wanted), changed=True, pid=os.getpid()) if lease else {"changed": False}

    def _do_release(self, token: str) -> Dict[str, Any]:
        key = _hello.check_token(token)
        captured = self._end_capture(key)
        released = self._leases.release(key)
        self._end_if_idle()
        return dict(captured, changed=released)


def _ports_of(wanted: Iterable[Endpoint]) -> Dict[str, Ports]:
    numbers = {}  # type: Dict[str, List[int]]
    for endpoint in wanted:
        numbers.setdefault(endpoint.protocol, []).append(endpoint.port)
    return {protocol: compress(ports) for protocol, ports in numbers.items()}


def peer_uid(sock: socket.socket) -> int:
    """Return the user who runs the other end of a Unix socket (SO_PEERCRED, unix(7))."""
    return struct.unpack("iii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]


def _from_same_address(level: int, kind: int, data: bytes) -> Tuple[int, int, bytes]:
    # struct in_pktinfo: index, source to use, destination seen; struct in6_pktinfo: address, index. Index 0: routes decide.
    if level == socket.IPPROTO_IP:
        return level, kind, bytes(4) + data[4:]
    return level, kind, data[:16] + bytes(4)
