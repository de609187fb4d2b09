# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener: one process for all ports of a host, which answers the hello of the runs that it serves.

Whoever else talks to it over TCP hears that it is a listener and no service, so that a check of a running
database does not take one that an interrupted run has left behind for the database.

Each run controls it through a Unix socket in Linux's abstract namespace (unix(7)): the name lives in the same
network namespace as the ports, vanishes with the process, and only those who know the run's token can tell it
before. The module opens that socket and all others with its own rights and hands them over, so that a
listener which root starts needs none.
"""

import array
import errno
import json
import os
import select
import socket
import struct
import time
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from .._kernel.capture import Capture
from .._values.errors import NetworkError
from .._values.ports import Ports
from . import proof
from .endpoints import Endpoint, describe, endpoints
from .leases import Leases, Opened

_GRACE_SECONDS = 10.0  # for the first lease to come
_CONNECTION_SECONDS = 15.0
_CONTROL_SECONDS = 5.0
_LOOK_SECONDS = (
    1.0  # between two looks at deadlines, of which none is shorter; a request is followed by a look at once
)
_MOST_CONNECTIONS = 4096
_MOST_REQUESTS = 64
# Bytes taken at once: what is left unread would turn our FIN into a reset, and nobody would hear the notice.
_MOST_HEARD = 16384
_NOW = int(socket.MSG_DONTWAIT)
_NOW_WITH_END = int(socket.MSG_DONTWAIT | socket.MSG_MORE)  # answer and FIN leave as one segment
LONGEST_REQUEST = 1 << 20  # bytes of a request or its answer
FILES_AT_ONCE = 200  # in one message; the kernel takes 253 (SCM_MAX_FD)
_DESCRIPTOR = array.array("i").itemsize
_ROOM_FOR_FILES = socket.CMSG_SPACE(253 * _DESCRIPTOR)
_FOR_EVERYBODY = ("who",)


class _Waiting:
    """A connection that has not said all yet."""

    __slots__ = ("sock", "received", "deadline")

    def __init__(self, sock: socket.SocketType, deadline: float):
        self.sock = sock
        self.received = b""
        self.deadline = deadline


class _Request(_Waiting):
    """A request on its way in, with the files that come with it."""

    __slots__ = ("files", "permitted", "refused")

    def __init__(self, sock: socket.SocketType, deadline: float, permitted: bool):
        super().__init__(sock, deadline)
        self.files: List[int] = []
        self.permitted = permitted
        self.refused = ""

    def drop_files(self) -> None:
        """Close the files that nobody took."""
        for descriptor in self.files:
            os.close(descriptor)
        self.files = []


class _Connection(_Waiting):
    __slots__ = ("endpoint",)

    def __init__(self, sock: socket.SocketType, deadline: float, endpoint: Endpoint, received: bytes):
        super().__init__(sock, deadline)
        self.endpoint = endpoint
        self.received = received


class Listener:
    """Serves the leases of one host until the last of them ends."""

    def __init__(
        self, host: str, control: socket.socket, run: bytes = b"", owner: Optional[int] = None, note: str = ""
    ):
        self._host = host
        self._owner = os.getuid() if owner is None else owner
        self._note = note
        self._controls = {run: control}  # by the run that may use it
        self._poll = select.epoll()
        self._handlers: Dict[int, Tuple[Callable[..., None], Any]] = {}
        self._connections: OrderedDict[int, _Waiting] = OrderedDict()
        self._requests: OrderedDict[int, _Waiting] = OrderedDict()
        self._leases = Leases(self._on_opened, self._on_closing)
        self._captures: Dict[bytes, Optional[Capture]] = {}
        self._capture_problem = ""
        self._begun = self._born = time.monotonic()
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
        """End what is past its deadline and tell whether anything is left to serve.

        Not each connection pays for that.
        """
        if self._leases and self._leases.next_deadline() <= now:
            self._leave(self._leases.expire(now))
        self._drop_idle(now)
        deadline = self._leases.next_deadline() if self._leases else self._born + _GRACE_SECONDS
        self._look = min(deadline, now + _LOOK_SECONDS)
        return now < deadline

    def _watch(self, sock: socket.SocketType, handler: Callable[..., None], argument: Any) -> None:
        self._handlers[sock.fileno()] = (handler, argument)
        self._poll.register(sock.fileno(), select.EPOLLIN)

    def _on_opened(self, endpoint: Endpoint, sock: socket.socket) -> None:
        self._watch(
            sock, self._on_accept if endpoint.protocol == "tcp" else self._on_datagram, (endpoint, sock)
        )

    def _on_closing(self, sock: socket.SocketType) -> None:
        if self._handlers.pop(sock.fileno(), None):
            # The module that opened it may hold it still, and then closing it here would not end its events
            # (epoll(7), question 6).
            self._poll.unregister(sock.fileno())

    def _on_accept(self, argument: Tuple[Endpoint, socket.socket]) -> None:
        endpoint, listening = argument
        try:
            # As accept() does, but with a plain socket object: it asks for no family and type, and goes in a
            # third of the time.
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
        # Without a descriptor left, the waiting connection would keep us awake, and out, until others end by
        # themselves.
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
        """Take in what came and answer a whole hello.

        Returns what to wait with for more, or None when the connection is to be closed.

        The probe answers our FIN with RST, so that neither end keeps TIME_WAIT.
        """
        try:
            data = sock.recv(_MOST_HEARD, _NOW)
        except BlockingIOError:
            return received
        except OSError:
            return None
        received += data
        if data and b"\n" not in received and len(received) <= proof.LONGEST and proof.may_be_hello(received):
            return received
        try:
            # Who says nothing, or something else, is no run of ours, and must not take us for a service.
            sock.send(self._answer(received, endpoint) or proof.NOTICE, _NOW_WITH_END)
        except OSError:
            pass  # the probe is gone; so is the connection
        return None

    def _answer(self, received: bytes, endpoint: Endpoint) -> bytes:
        line, newline, unused = received.partition(b"\n")
        hello = proof.read_hello(line) if newline and len(received) <= proof.LONGEST else None
        key = self._leases.key_of(hello[0], endpoint) if hello else b""
        return proof.answer(key, self._host, hello[1]) if hello and key else b""

    def _on_datagram(self, argument: Tuple[Endpoint, socket.socket]) -> None:
        endpoint, sock = argument
        try:
            data, ancillary, flags, peer = sock.recvmsg(proof.LONGEST, 128)
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
        if isinstance(waiting, _Request):
            waiting.drop_files()
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
        if len(self._requests) >= _MOST_REQUESTS:
            sock.close()
            return
        sock.setblocking(False)
        request = _Request(sock, time.monotonic() + _CONTROL_SECONDS, peer_uid(sock) in (self._owner, 0))
        self._requests[sock.fileno()] = request
        self._watch(sock, self._on_request, request)

    def _on_request(self, request: _Request) -> None:
        try:
            data, ancillary, flags = request.sock.recvmsg(65536, _ROOM_FOR_FILES)[:3]
        except BlockingIOError:
            return
        except OSError:
            data, ancillary, flags = b"", [], 0
        for level, kind, packed in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                files = array.array("i")
                files.frombytes(packed[: len(packed) - len(packed) % _DESCRIPTOR])
                request.files += files
        if not request.permitted:
            request.drop_files()
        if flags & socket.MSG_CTRUNC:
            request.refused = "the listener may not hold so many open files"
        request.received += data
        line, newline, unused = request.received.partition(b"\n")
        if newline and (request.refused or len(request.files) >= _files_with(line)):
            self._fulfil(request, line)
        elif not data or len(request.received) > LONGEST_REQUEST:
            self._close(request)

    def _fulfil(self, request: _Request, line: bytes) -> None:
        try:
            request.sock.settimeout(_CONTROL_SECONDS)
            request.sock.sendall(json.dumps(self._obey(request, line)).encode("ascii") + b"\n")
        except (OSError, ValueError):
            pass  # whoever asked is gone, or asked for nothing
        self._close(request)
        self._look = 0.0

    def _obey(self, request: _Request, line: bytes) -> Dict[str, Any]:
        wish = json.loads(line.decode("ascii"))
        try:
            operation = wish.pop("operation")
            if not request.permitted and operation not in _FOR_EVERYBODY:
                return {"error": f"the listener belongs to the user with uid {self._owner}"}
            if request.refused:
                return {"error": request.refused}
            if wish.pop("files", 0):
                wish["files"] = request.files
            return getattr(self, "_do_" + operation)(**wish)
        except NetworkError as error:
            self._end_if_idle()
            return {"error": str(error)}
        except (AttributeError, KeyError, TypeError, IndexError) as error:
            # Another version of this collection may be asking; the leases of others hold.
            return {"error": f"the listener does not understand the request: {error}"}

    def _end_if_idle(self) -> None:
        if not self._leases:
            self._born = -_GRACE_SECONDS

    def _leave(self, runs: Set[bytes]) -> None:
        """Forget what belonged to runs whose leases have ended."""
        for run in runs:
            control = self._controls.pop(run, None)
            if control is not None:
                self._on_closing(control)
                control.close()
        self._drop_captures()
        self._end_if_idle()

    def _do_attend(self, token: str, files: List[int]) -> Dict[str, Any]:
        """Let another run of the same user control us, too; its own socket comes with the request."""
        run = proof.run_id(proof.check_token(token))
        if run in self._controls:
            return {}
        control = self._controls[run] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, files.pop(0))
        self._watch(control, self._on_control, control)
        return {}

    def _do_lease(
        self,
        token: str,
        asked: List[Dict[str, Any]],
        ttl: float,
        idle: float,
        capture: bool = False,
        opened: Optional[Dict[str, Any]] = None,
        files: Optional[List[int]] = None,
    ) -> Dict[str, Any]:
        """Give a run its lease, or say what it has to open for us first."""
        key = proof.check_token(token)
        wanted, before = set(endpoints(asked)), self._leases.get(key)
        given = _taken(opened or {}, files or [])
        missing = (
            self._leases.missing(wanted) - set(given.sockets) - given.in_use - given.denied - given.absent
        )
        wants_capture = capture and key not in self._captures and "capture" not in (opened or {})
        if missing or wants_capture:
            given.close()
            return {"missing": describe(missing), "capture": wants_capture}
        if opened and "capture" in opened and key not in self._captures:
            self._capture(key, wanted, opened["capture"], files or [])
        lease = self._leases.take(key, wanted, time.monotonic() + ttl, given, idle)
        return dict(lease.report(), changed=before is None or before.wanted != wanted, **self._self())

    def _self(self) -> Dict[str, Any]:
        return {"pid": os.getpid(), "note": self._note}

    def _capture(self, key: bytes, wanted: Iterable[Endpoint], problem: str, files: List[int]) -> None:
        if problem:
            # The ports are listened on nevertheless; who asked for a capture is told at the end.
            self._captures[key], self._capture_problem = None, problem
            return
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0, files.pop(0))
        taken = self._captures[key] = Capture(ports_of(wanted), sock)
        self._watch(taken.sock, Capture.read, taken)

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
        self._on_closing(taken.sock)
        taken.close()
        return {"capture": report}

    def _do_show(self, token: str) -> Dict[str, Any]:
        lease = self._leases.get(proof.check_token(token))
        if lease is None:
            return {"changed": False}
        return dict(lease.report(), wanted=describe(lease.wanted), changed=True, **self._self())

    def _do_release(self, token: str) -> Dict[str, Any]:
        key = proof.check_token(token)
        captured = self._end_capture(key)
        if self._leases.stepped_aside(key):
            captured["stepped_aside"] = True
        released = self._leases.release(key)
        self._leave({proof.run_id(key)})
        return dict(captured, changed=released)

    def _do_who(self) -> Dict[str, Any]:
        """Say what any user of the host may know.

        Who asked, on which ports, and whether its runs still give a sign.
        """
        now = time.monotonic()
        times = {"age_s": now - self._begun, "quiet_s": 0.0, "left_s": 0.0}
        if self._leases:
            times.update(quiet_s=now - self._leases.last_sign(), left_s=self._leases.last_deadline() - now)
        return dict(
            {name: max(0, int(seconds)) for name, seconds in times.items()},
            host=self._host,
            pid=os.getpid(),
            uid=self._owner,
            listening=describe(self._leases.endpoints),
            abandoned=len(self._leases.abandoned(now)) == len(self._leases),
        )

    def _do_clear(self) -> Dict[str, Any]:
        """End the leases of runs that gave no sign for a while."""
        ended = self._leases.end(self._leases.abandoned(time.monotonic()))
        self._leave(ended)
        return {"changed": bool(ended)}


def _files_with(line: bytes) -> int:
    """Return how many files a request says that it brings."""
    try:
        return min(int(json.loads(line.decode("ascii")).get("files", 0)), LONGEST_REQUEST)
    except (AttributeError, TypeError, ValueError):
        return 0  # no request; it is refused as a whole


def _taken(opened: Dict[str, Any], files: List[int]) -> Opened:
    """Return what a module opened for us: its sockets come in the order of their endpoints."""
    sockets: Dict[Endpoint, socket.socket] = {}
    for endpoint in endpoints(opened.get("sockets", ())):
        sock = socket.socket(endpoint.family, endpoint.kind, 0, files.pop(0))
        sock.setblocking(False)
        sockets[endpoint] = sock
    in_use, denied, absent = (set(endpoints(opened.get(name, ()))) for name in ("in_use", "denied", "absent"))
    return Opened(sockets, in_use, denied, absent)


def ports_of(wanted: Iterable[Endpoint]) -> Dict[str, Ports]:
    """Return the ports of endpoints by protocol."""
    numbers: Dict[str, List[int]] = {}
    for endpoint in wanted:
        numbers.setdefault(endpoint.protocol, []).append(endpoint.port)
    return {protocol: Ports(ports) for protocol, ports in numbers.items()}


def peer_uid(sock: socket.socket) -> int:
    """Return the user who runs the other end of a Unix socket (SO_PEERCRED, unix(7))."""
    return struct.unpack("iii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]


def _from_same_address(level: int, kind: int, data: bytes) -> Tuple[int, int, bytes]:
    # struct in_pktinfo: index, source to use, destination seen; struct in6_pktinfo: address, index. Index 0:
    # routes decide.
    if level == socket.IPPROTO_IP:
        return level, kind, bytes(4) + data[4:]
    return level, kind, data[:16] + bytes(4)
