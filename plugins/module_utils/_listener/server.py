# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The listener: one process for all ports of a host, which answers the hello of the runs that it serves.

How it lives:

1. I(Start.) The module forks it with one control socket, for the run that started it. It holds no port yet,
   and waits C(_GRACE_SECONDS) for the first lease. If none comes, it ends.
2. I(Leases.) A run asks for a lease: ports, a deadline (C(ttl)) and an idle time. The module opens the ports
   with its own rights and hands the sockets over, because the listener has no rights (see leases.py). Other
   runs of the same user may take leases too; each has a control socket of its own. A port stays open as long
   as any lease wants it.
3. I(Service.) Each TCP connection to a port is read once. A hello of a run with a lease for this port is
   answered with a proof (proof.py). Anybody else hears that this is a listener and no service, so that a
   check of a running database does not take one that an interrupted run has left behind for the database.
   Then the connection is closed, unless its hello asks for a measuring connection and shows that it knows the
   token: that one stays open for a few seconds, or as an idle connection as long as its run has a lease
   (measuring.py), also if the run has closed its ports by then. If it asks for a transfer of data that
   measures throughput, a thread serves it (transfers.py), one in all at a time. Datagrams get an answer only
   if they are a hello.
4. I(End of a lease.) Whatever comes first: its run releases it; its deadline comes; or its run gives no sign
   for its idle time. In the last case only the ports are closed: the lease remains, so that the run hears of
   it if it goes on after all.
5. I(End.) With the last lease the process ends, and with it every socket. If idle connections are left when
   a run releases its lease, it goes on without ports until they are over, at most C(_LINGER_SECONDS).
   Nothing is left on disk.

Each run controls it through a Unix socket in Linux's abstract namespace (unix(7)): the name lives in the same
network namespace as the ports, vanishes with the process, and nobody can guess it without the run's token.
A request is one line of JSON, with file descriptors beside it; see C(_OPERATIONS). Only root and the user who
started the listener may ask for more than C(who).
"""

import array
import errno
import heapq
import json
import os
import select
import socket
import time
from collections import OrderedDict
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Union,
)

from .._kernel import open_files, watch
from .._kernel.capture import Capture
from .._values.errors import ListenerError, NetworkError
from . import proof
from .endpoints import Endpoint, describe, endpoints, ports_of
from .leases import Leases, Opened
from .measuring import CUT, ENDED, HEARD, QUIET, UNKNOWN, Measuring
from .measuring import MAX_SECONDS as _MEASURING_SECONDS
from .process import MAX_REQUEST_BYTES, peer_uid
from .transfers import Transfers, read_wish

if TYPE_CHECKING:
    from .._shapes import Capture as CaptureReport
    from .._shapes import FirstReading

_GRACE_SECONDS = 10.0  # for the first lease to come
_CONNECTION_SECONDS = 15.0
_CONTROL_SECONDS = 5.0
# Between two looks at deadlines, of which none is shorter. After a request, the next look is at once.
_LOOK_SECONDS = 1.0
_STALL_SECONDS = 1.0  # so late an answer may be missed
_MAX_CONNECTIONS = 4096
# Measuring connections at a time. Each may hold one segment in the kernel: 9 kB, on loopback 64 kB.
_MAX_MEASURING = 2048
_MAX_IDLE = 16384  # idle connections at a time
_LINGER_SECONDS = 75.0  # in which the other end of one that failed may still ask why
_MAX_ENDED = 65536  # idle connections of which is known how they ended
_MAX_REQUESTS = 64
# Bytes read at once: what is left unread would turn our FIN into a reset, and the notice would be lost.
_MAX_READ_BYTES = 16384
_NOW = int(socket.MSG_DONTWAIT)
_NOW_WITH_END = int(socket.MSG_DONTWAIT | socket.MSG_MORE)  # answer and FIN leave as one segment
_DESCRIPTOR = array.array("i").itemsize
_ROOM_FOR_FILES = socket.CMSG_SPACE(253 * _DESCRIPTOR)
# What malformed data may raise while it is read.
_MALFORMED = (AttributeError, KeyError, TypeError, ValueError)


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
    __slots__ = ("endpoint", "remote")

    def __init__(
        self, sock: socket.SocketType, deadline: float, endpoint: Endpoint, received: bytes, remote: str
    ):
        super().__init__(sock, deadline)
        self.endpoint = endpoint
        self.received = received
        self.remote = remote  # the address from which it comes


class _MeasuringConnection(_Waiting):
    __slots__ = ("measuring", "run", "nonce")

    def __init__(self, sock: socket.SocketType, deadline: float, hello: proof.Hello, measuring: Measuring):
        super().__init__(sock, deadline)
        self.measuring = measuring
        self.run = hello.run
        self.nonce = hello.nonce


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
        self._measuring: OrderedDict[int, _Waiting] = OrderedDict()
        # Idle connections by run and nonce, when which of them is to speak, and how the last ones ended.
        self._idle: Dict[Tuple[bytes, bytes], _MeasuringConnection] = {}
        # Half of the open files stay for ports and other connections.
        self._max_idle = min(_MAX_IDLE, open_files.raise_limit() // 2)
        self._lingers_until = 0.0
        self._speeches: List[Tuple[float, Tuple[bytes, bytes]]] = []
        self._ended: OrderedDict[Tuple[bytes, bytes], bytes] = OrderedDict()
        self._leases = Leases(self._on_opened, self._on_closing)
        self._transfers = Transfers()
        self._captures: Dict[bytes, Capture] = {}  # by the key of the run that asked for it
        self._before: "Dict[bytes, FirstReading]" = {}  # by the key of the run: before its lease
        self._capture_problems: Dict[bytes, str] = {}  # of runs that asked for one in vain
        self._stalls: Dict[bytes, float] = {}  # for how long this process did not run, if that was long
        self._begun = time.monotonic()
        self._end_without_lease = self._begun + _GRACE_SECONDS
        self._look = 0.0
        self._watch(control, self._on_control, control)

    def serve(self) -> None:
        """Run until no lease is left.

        On a busy machine this may come late to what waits. So what came before a deadline is heard first.
        """
        now = time.monotonic()
        while True:
            seconds = max(0.0, self._look - now)
            for descriptor, unused in self._poll.poll(seconds):
                handler, argument = self._handlers.get(descriptor, (None, None))
                if handler:
                    handler(argument)
            if now >= self._look and not self._look_after(now):
                break
            begun, now = now, time.monotonic()
            if now - begun - seconds >= _STALL_SECONDS:
                self._note_stall(now - begun - seconds)

    def _note_stall(self, seconds: float) -> None:
        """Keep that nothing was answered for so long: what a probe missed meanwhile, nobody has dropped."""
        for key in self._before:
            self._stalls[key] = max(seconds, self._stalls.get(key, 0.0))

    def _look_after(self, now: float) -> bool:
        """End what is past its deadline; returns whether anything is left to serve.

        This is not done for each connection: the next time is kept in C(_look).
        """
        if self._leases and self._leases.next_deadline() <= now:
            self._leave(self._leases.expire(now))
        self._drop_silent(now)
        self._speak(now)
        if self._leases:
            deadline = self._leases.next_deadline()
        elif self._idle:
            deadline = max(self._end_without_lease, self._lingers_until)
        else:
            deadline = self._end_without_lease
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
            descriptor, remote = listening._accept()  # type: ignore[attr-defined]
        except OSError as error:
            self._make_room(error)
            return
        sock = socket.SocketType(endpoint.family, socket.SOCK_STREAM, 0, descriptor)
        left = self._hear(sock, endpoint, b"", remote[0])
        if left is None:
            sock.close()
        elif isinstance(left, proof.Hello):
            self._measure(sock, remote[0], left)
        else:
            deadline = time.monotonic() + _CONNECTION_SECONDS
            self._wait_for(_Connection(sock, deadline, endpoint, left, remote[0]))

    def _make_room(self, error: OSError) -> None:
        # Without a descriptor left, the waiting connection would keep us awake, and out, until others end by
        # themselves.
        held = self._connections or self._measuring
        if error.errno in (errno.EMFILE, errno.ENFILE) and held:
            self._close(next(iter(held.values())))

    def _wait_for(self, connection: _Connection) -> None:
        if len(self._connections) >= _MAX_CONNECTIONS:
            self._close(next(iter(self._connections.values())))
        self._connections[connection.sock.fileno()] = connection
        self._watch(connection.sock, self._on_readable, connection)

    def _on_readable(self, connection: _Connection) -> None:
        left = self._hear(connection.sock, connection.endpoint, connection.received, connection.remote)
        if left is None:
            self._close(connection)
        elif isinstance(left, proof.Hello):
            self._poll.unregister(self._forget(connection))
            self._measure(connection.sock, connection.remote, left)
        else:
            connection.received = left

    def _measure(self, sock: socket.SocketType, remote: str, hello: proof.Hello) -> None:
        """Keep a connection for its probe to measure the path."""
        measuring = Measuring(sock, remote, lambda nonce: self._fate_of((hello.run, nonce)))
        deadline = time.monotonic() + _MEASURING_SECONDS
        connection = _MeasuringConnection(sock, deadline, hello, measuring)
        self._measuring[sock.fileno()] = connection
        self._watch(sock, self._on_measuring, connection)

    def _on_measuring(self, connection: _MeasuringConnection) -> None:
        measuring = connection.measuring
        waited = measuring.waits_to_send
        if not (measuring.serve() and self._may_stay(connection)):
            self._close(connection, CUT)
        elif measuring.wish:
            self._transfer(connection)
        elif measuring.waits_to_send != waited:
            events = select.EPOLLIN | (select.EPOLLOUT if measuring.waits_to_send else 0)
            self._poll.modify(connection.sock.fileno(), events)

    def _transfer(self, connection: _MeasuringConnection) -> None:
        """Hand a connection over to the transfer that it asks for, if that comes from who knows the token."""
        self._poll.unregister(self._forget(connection))
        key = self._leases.key_of_run(connection.run)
        measuring = connection.measuring
        wish = read_wish(key, measuring.challenge, measuring.wish) if key else None
        if wish is None:
            connection.sock.close()
        else:
            self._transfers.start(connection.sock, connection.run, wish)

    def _may_stay(self, connection: _MeasuringConnection) -> bool:
        """Move a connection that is to be idle to the others; returns whether there was room."""
        hold, name = connection.measuring.hold, (connection.run, connection.nonce)
        if hold is None or name in self._idle:
            return True
        if len(self._idle) >= self._max_idle:
            return False
        self._measuring.pop(connection.sock.fileno(), None)
        self._idle[name] = connection
        if hold:
            heapq.heappush(self._speeches, (time.monotonic() + hold, name))
        return True

    def _speak(self, now: float) -> None:
        """Send a line over each idle connection that has been idle for long enough."""
        while self._speeches and self._speeches[0][0] <= now:
            connection = self._idle.get(heapq.heappop(self._speeches)[1])
            if connection is not None and not connection.measuring.speak():
                self._close(connection, CUT)

    def _fate_of(self, name: Tuple[bytes, bytes]) -> bytes:
        connection = self._idle.get(name)
        if connection is not None:
            return HEARD if connection.measuring.was_heard else QUIET
        return self._ended.get(name, UNKNOWN)

    def _hear(
        self, sock: socket.SocketType, endpoint: Endpoint, received: bytes, remote: str
    ) -> Union[bytes, proof.Hello, None]:
        """Take in what came and answer a whole hello.

        Returns what to wait with for more, the hello if it asks for a measuring connection, or None when the
        connection is to be closed.

        The probe answers our FIN with RST, so that neither end keeps TIME_WAIT.
        """
        try:
            data = sock.recv(_MAX_READ_BYTES, _NOW)
        except BlockingIOError:
            return received
        except OSError:
            return None
        received += data
        if (
            data
            and b"\n" not in received
            and len(received) <= proof.MAX_BYTES
            and proof.may_be_hello(received)
        ):
            return received
        try:
            # Who says nothing, or something else, is no run of ours, and must not take us for a service.
            answer, measuring = self._answer(received, endpoint, remote)
            sock.send(answer or proof.NOTICE, _NOW if measuring else _NOW_WITH_END)
        except OSError:
            return None  # the probe is gone; so is the connection
        return measuring

    def _answer(
        self, received: bytes, endpoint: Endpoint, remote: str
    ) -> Tuple[bytes, Optional[proof.Hello]]:
        """Return the answer to a hello of ours, and the hello if it asks for a measuring connection."""
        line, newline, unused = received.partition(b"\n")
        hello = proof.read_hello(line) if newline and len(received) <= proof.MAX_BYTES else None
        key = self._leases.key_of(hello.run, endpoint) if hello else b""
        if not hello or not key:
            return b"", None
        is_to_measure = proof.may_measure(key, hello) and len(self._measuring) < _MAX_MEASURING
        answer = proof.answer(
            key,
            host=self._host,
            nonce=hello.nonce,
            port=endpoint.port,
            seen=remote,
            now=time.time(),
        )
        return answer, hello if is_to_measure else None

    def _on_datagram(self, argument: Tuple[Endpoint, socket.socket]) -> None:
        endpoint, sock = argument
        try:
            data, ancillary, flags, peer = sock.recvmsg(proof.MAX_BYTES, 128)
            answer = self._answer(data, endpoint, peer[0])[0]
            # Or a forged source could be sent more than its forger sends.
            if answer and len(answer) <= len(data):
                # A wildcard socket answers from the address that was asked: the probe accepts no other.
                sock.sendmsg([answer], [_from_same_address(*item) for item in ancillary], 0, peer)
        except OSError:
            return

    def _forget(self, waiting: _Waiting) -> int:
        descriptor = waiting.sock.fileno()
        self._handlers.pop(descriptor, None)
        self._connections.pop(descriptor, None)
        self._requests.pop(descriptor, None)
        self._measuring.pop(descriptor, None)
        return descriptor

    def _close(self, waiting: _Waiting, how: bytes = ENDED) -> None:
        self._forget(waiting)
        if isinstance(waiting, _MeasuringConnection):
            name = (waiting.run, waiting.nonce)
            if self._idle.pop(name, None):
                self._ended[name] = how
                while len(self._ended) > _MAX_ENDED:
                    self._ended.popitem(last=False)
        if isinstance(waiting, _Request):
            waiting.drop_files()
        waiting.sock.close()

    def _drop_silent(self, now: float) -> None:
        for waiting in (self._connections, self._requests, self._measuring):
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
        if len(self._requests) >= _MAX_REQUESTS:
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
        elif not data or len(request.received) > MAX_REQUEST_BYTES:
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
            operation = _operation(wish)
            if not (request.permitted or operation.is_for_everybody):
                return {"error": f"the listener belongs to the user with uid {self._owner}"}
            if request.refused:
                return {"error": request.refused}
            arguments = operation.read(wish)
        except NetworkError as error:
            self._end_if_idle()
            return {"error": str(error)}
        except _MALFORMED as error:
            # Another version of this collection may be asking.
            return {"error": f"the listener does not understand the request: {error}"}
        if operation.takes_files:
            arguments["files"] = request.files
        try:
            return operation.perform(self, **arguments)
        except NetworkError as error:
            self._end_if_idle()
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001  # a defect of ours must not end the leases of other runs
            return {"error": f"the listener failed: {type(error).__name__}: {error}"}

    def _end_if_idle(self) -> None:
        if not self._leases:
            self._end_without_lease = 0.0

    def _leave(self, runs: Set[bytes], lingers: bool = False) -> None:
        """Forget what belonged to runs whose leases have ended; their idle connections may linger."""
        for run in runs:
            control = self._controls.pop(run, None)
            if control is not None:
                self._on_closing(control)
                control.close()
        if lingers:
            self._lingers_until = time.monotonic() + _LINGER_SECONDS
        else:
            for name in [name for name in self._idle if name[0] in runs]:
                self._close(self._idle[name])
        self._transfers.end(runs)
        self._drop_captures()
        self._end_if_idle()

    def _attend(self, key: bytes, files: List[int]) -> Dict[str, Any]:
        """Let another run of the same user control us, too; its own socket comes with the request."""
        run = proof.run_id(key)
        if run in self._controls:
            return {}
        _check_files(files, 1)
        control = self._controls[run] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, files.pop(0))
        self._watch(control, self._on_control, control)
        return {}

    def _lease(
        self,
        key: bytes,
        asked: Set[Endpoint],
        ttl: float,
        idle: float,
        files: List[int],
        capture: bool = False,
        opened: Optional["_HandOver"] = None,
    ) -> Dict[str, Any]:
        """Give a run its lease, or say what the module has to open for us first."""
        opened = opened or _HandOver()
        needs_capture = key not in self._captures and key not in self._capture_problems
        brings_capture = needs_capture and opened.capture_problem == ""
        _check_files(files, len(opened.sockets) + brings_capture)
        given = opened.take(files)
        missing = (
            self._leases.missing(asked) - set(given.sockets) - given.in_use - given.denied - given.absent
        )
        wants_capture = capture and needs_capture and opened.capture_problem is None
        if missing or wants_capture:
            given.close()
            return {"missing": describe(missing), "capture": wants_capture}
        if brings_capture:
            self._start_capture(key, asked, files.pop(0))
        elif needs_capture and opened.capture_problem:
            # The ports are listened on nevertheless; whoever asked for a capture hears of it at the end.
            self._capture_problems[key] = opened.capture_problem
        if key not in self._before:
            self._before[key] = watch.begin()
        before = self._leases.get(key)
        lease = self._leases.take(key, asked, time.monotonic() + ttl, given, idle)
        return dict(lease.report(), changed=before is None or before.wanted != asked, **self._self())

    def _self(self) -> Dict[str, Any]:
        return {"pid": os.getpid(), "note": self._note}

    def _start_capture(self, key: bytes, wanted: Iterable[Endpoint], descriptor: int) -> None:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0, descriptor)
        capture = self._captures[key] = Capture(ports_of(wanted), sock)
        self._watch(capture.sock, Capture.read, capture)

    def _drop_captures(self) -> None:
        for key in [*self._captures, *self._capture_problems]:
            if self._leases.get(key) is None:
                self._end_capture(key)
        self._before = {
            key: value for key, value in self._before.items() if self._leases.get(key) is not None
        }
        self._stalls = {key: value for key, value in self._stalls.items() if key in self._before}

    def _end_capture(self, key: bytes) -> Optional["CaptureReport"]:
        """Return what a run's capture saw, or None if the run asked for none."""
        problem = self._capture_problems.pop(key, "")
        if problem:
            return {"problem": problem}
        capture = self._captures.pop(key, None)
        if capture is None:
            return None
        report = capture.report()
        self._on_closing(capture.sock)
        capture.close()
        return report

    def _show(self, key: bytes) -> Dict[str, Any]:
        """Say what a run has."""
        lease = self._leases.get(key)
        if lease is None:
            return {"changed": False}
        return dict(lease.report(), wanted=describe(lease.wanted), changed=True, **self._self())

    def _release(self, key: bytes, waited: float = 0.0) -> Dict[str, Any]:
        """End a run's lease, which had no use for its ports in the last seconds."""
        answer: Dict[str, Any] = {}
        report = self._end_capture(key)
        if report is not None:
            answer["capture"] = report
        if key in self._before:
            answer["before"] = self._before.pop(key)
        if key in self._stalls:
            answer["stalled_s"] = round(self._stalls.pop(key), 1)
        if self._leases.stepped_aside(key, waited):
            answer["stepped_aside"] = True
        answer["changed"] = self._leases.release(key)
        self._leave({proof.run_id(key)}, lingers=True)
        return answer

    def _who(self) -> Dict[str, Any]:
        """Say what any user of the host may know: whose listener this is, its ports, and the last sign."""
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

    def _clear(self) -> Dict[str, Any]:
        """End the leases of runs that gave no sign for a while."""
        ended = self._leases.end(self._leases.abandoned(time.monotonic()))
        self._leave(ended)
        return {"changed": bool(ended)}


class _HandOver(NamedTuple):
    """What a module opened for us; the files come in the order of C(sockets), that of the capture last."""

    sockets: Tuple[Endpoint, ...] = ()
    in_use: Tuple[Endpoint, ...] = ()
    denied: Tuple[Endpoint, ...] = ()
    absent: Tuple[Endpoint, ...] = ()
    capture_problem: Optional[str] = None  # empty if the socket of a capture comes, None if nobody tried

    def take(self, files: List[int]) -> Opened:
        """Make sockets of the files, which belong to them from now on."""
        sockets: Dict[Endpoint, socket.socket] = {}
        for endpoint in self.sockets:
            sock = socket.socket(endpoint.family, endpoint.kind, 0, files.pop(0))
            sock.setblocking(False)
            sockets[endpoint] = sock
        return Opened(sockets, set(self.in_use), set(self.denied), set(self.absent))


def _read_hand_over(opened: Mapping[str, Any]) -> _HandOver:
    return _HandOver(
        sockets=tuple(endpoints(opened["sockets"])),
        in_use=tuple(endpoints(opened["in_use"])),
        denied=tuple(endpoints(opened["denied"])),
        absent=tuple(endpoints(opened["absent"])),
        capture_problem=str(opened["capture"]) if "capture" in opened else None,
    )


def _check_files(files: List[int], needed: int) -> None:
    if len(files) < needed:
        raise ListenerError(f"the request brings {len(files)} open files: expected {needed}")


_Reader = Callable[[Any], Any]


class _Operation(NamedTuple):
    """What a request may ask for, and how each of its fields is read."""

    perform: Callable[..., Dict[str, Any]]
    required: Mapping[str, _Reader] = {}
    optional: Mapping[str, _Reader] = {}
    takes_files: bool = False
    is_for_everybody: bool = False

    def read(self, wish: Mapping[str, Any]) -> Dict[str, Any]:
        """Return the arguments for C(perform); raises for what is missing, unknown or malformed."""
        fields = dict(self.required, **self.optional)
        unknown = sorted(set(wish) - set(fields) - {"operation", "files"})
        if unknown:
            raise ValueError(f"unknown field {unknown[0]!r}")
        missing = sorted(set(self.required) - set(wish))
        if missing:
            raise ValueError(f"field {missing[0]!r} is missing")
        arguments = {name: fields[name](value) for name, value in wish.items() if name in fields}
        if "token" in arguments:
            arguments["key"] = arguments.pop("token")
        return arguments


_OPERATIONS = {
    "attend": _Operation(Listener._attend, {"token": proof.check_token}, takes_files=True),
    "lease": _Operation(
        Listener._lease,
        required={
            "token": proof.check_token,
            "asked": lambda asked: set(endpoints(asked)),
            "ttl": float,
            "idle": float,
        },
        optional={"capture": bool, "opened": _read_hand_over},
        takes_files=True,
    ),
    "show": _Operation(Listener._show, {"token": proof.check_token}),
    "release": _Operation(Listener._release, {"token": proof.check_token}, {"waited": float}),
    "clear": _Operation(Listener._clear),
    "who": _Operation(Listener._who, is_for_everybody=True),
}


def _operation(wish: Mapping[str, Any]) -> _Operation:
    name = wish["operation"]
    if name not in _OPERATIONS:
        raise ValueError(f"unknown operation {name!r}")
    return _OPERATIONS[name]


def _files_with(line: bytes) -> int:
    """Return how many files a request says that it brings."""
    try:
        return min(int(json.loads(line.decode("ascii")).get("files", 0)), MAX_REQUEST_BYTES)
    except (AttributeError, TypeError, ValueError):
        return 0  # no request; it is refused as a whole


def _from_same_address(level: int, kind: int, data: bytes) -> Tuple[int, int, bytes]:
    # struct in_pktinfo: index, source to use, destination seen; struct in6_pktinfo: address, index. Index 0:
    # routes decide.
    if level == socket.IPPROTO_IP:
        return level, kind, bytes(4) + data[4:]
    return level, kind, data[:16] + bytes(4)
