# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that share the first pass of a large probe, so that it uses more than one processor.

1. I(When.) If there are many ports (C(LARGE) in probe.py), no limit of the rate, and more than one processor.
   A limited range of others (range_turns.py) stays with the probe's own process, as do datagrams. There are
   at most C(MOST_WORKERS) workers, and no more than half of the processors that the probe may use; of two or
   three processors they use two. Each gets as many ports of every host as the others.
2. I(What.) A worker does what costs processor time and concerns one port alone: it connects, takes refusals,
   and lets our own listeners prove themselves. Everything else it passes on, with the socket
   (SCM_RIGHTS in unix(7)): what is silent for a sixth of the timeout, because traces, scouts, rivals and late
   answers look at all ports of an address, and every connection to what is not our listener. The first of
   these begins after a third of the timeout, so the probe's own process decides as if it had opened all
   connections itself. It knows all that a worker has heard before it gets a socket: both come in one stream.
3. I(Limits.) All workers together have half of the sockets that may be open at a time, also counting those
   that they have passed on. A worker that has no more, or lacks something else that this host will have again
   later, gives up: the probe's own process tries what is left. So it does where most ports are silent, and
   where waiting takes all the time.
4. I(End.) A worker reports to the end, or it gave up, or its ports without an outcome are not measured
   (C(PROCESS_LOST)): if it was killed, or failed. Nothing is concluded from what it did not report. If the
   probe's own process ends, however that happens, the stream between them ends, and the worker with it.
"""

import array
import marshal
import os
import signal
import socket
import struct
import time
from typing import Any, Dict, Iterable, List, NamedTuple, NoReturn, Sequence, Set, Tuple

from .._kernel.sockets import Sources
from .._listener.process import MAX_FILES_AT_ONCE
from .outcome import ERROR, PROCESS_LOST, Outcome
from .range_turns import Turns, Work
from .stages import Attempt, Handshake
from .sweep import Pace, Sweep, all_ports, size_of_part
from .targets import Target

MOST_WORKERS = 4
_LEAST_SOCKETS = 256  # of each worker, with which it is of use
_MAX_READ_BYTES = 1 << 18
_DESCRIPTOR = array.array("i").itemsize
_ROOM_FOR_FILES = socket.CMSG_SPACE(253 * _DESCRIPTOR)
_HEAD = struct.Struct("=IH")  # of a report: its bytes, and how many files belong to it
_DONE, _GAVE_UP, _FAILED = "done", "gave_up", "failed"
# What is known of a target beside its outcomes: sets of ports, and texts.
_SETS = ("accepted", "led_back", "doubtful", "slow")
_TEXTS = ("own_address", "sent_from")


class How(NamedTuple):
    """How the workers probe."""

    pace: Pace
    sources: Sources
    key: bytes


def processors() -> int:
    """Return how many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return 1


def how_many(pace: Pace, available: int) -> int:
    """Return how many workers a large probe gets on so many processors, 0 for none."""
    count = min(MOST_WORKERS, available, max(2, available // 2))
    return count if count > 1 and not pace.rate and _sockets(pace, count) >= _LEAST_SOCKETS else 0


def shared(targets: Iterable[Target], pace: Pace) -> List[Target]:
    """Return the targets that workers may try."""
    return [
        target
        for target in targets
        if target.protocol == "tcp" and not (pace.range_rate and target.is_range_of_others)
    ]


def _sockets(pace: Pace, count: int) -> int:
    return pace.concurrency // (2 * count)


class _Worker:
    """A worker, as the probe's own process sees it."""

    def __init__(self, part: int, process: int, channel: socket.socket):
        self.part = part
        self.process = process
        self.channel = channel
        self.received = b""
        self.files: List[int] = []
        self.reported = 0  # ports
        self.passed_on: Set[Work] = set()
        self.end = ""
        self.why = ""


class Workers:
    """The workers of a probe."""

    def __init__(self, sweep: Sweep, targets: Sequence[Target], how: How, count: int):
        """Start so many workers, who report to a sweep; raises OSError if that fails."""
        self._sweep = sweep
        self._listed = list(targets)
        self.targets = frozenset(self._listed)
        self._count = count
        self._share = _sockets(how.pace, count)
        self._how = how._replace(pace=how.pace._replace(concurrency=self._share))
        self._workers: List[_Worker] = []  # that have not ended
        try:
            for part in range(count):
                self._start(part)
        except OSError:
            self.close()
            raise

    def _start(self, part: int) -> None:
        ours, theirs = socket.socketpair()
        try:
            process = os.fork()
        except OSError:
            ours.close()
            theirs.close()
            raise
        if not process:
            ours.close()
            for other in self._workers:
                other.channel.close()  # or nobody would see that our process has ended
            _serve(theirs, self._listed, all_ports(self._listed, part, self._count), self._how)
        theirs.close()
        worker = _Worker(part, process, ours)
        self._workers.append(worker)
        self._sweep.read_from(ours.fileno(), lambda: self._read(worker))

    @property
    def are_busy(self) -> bool:
        """Whether any worker has not ended."""
        return bool(self._workers)

    @property
    def sockets(self) -> int:
        """How many sockets the workers may have at a time."""
        return self._share * len(self._workers)

    def close(self) -> None:
        """End all workers at once."""
        for worker in list(self._workers):
            self._forget(worker)
            _kill(worker)

    def _forget(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._sweep.read_no_more_from(worker.channel.fileno())

    def _read(self, worker: _Worker) -> None:
        try:
            data, ancillary, flags, _peer = worker.channel.recvmsg(
                _MAX_READ_BYTES, _ROOM_FOR_FILES, socket.MSG_DONTWAIT
            )
        except BlockingIOError:
            return
        except OSError as error:
            data, ancillary, flags = b"", [], 0
            worker.why = worker.why or str(error.strerror)
        for level, kind, packed in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                files = array.array("i")
                files.frombytes(packed[: len(packed) - len(packed) % _DESCRIPTOR])
                worker.files += files
        worker.received += data
        # Without one of the files, the next ones would be taken for those of other ports.
        is_complete = not flags & socket.MSG_CTRUNC and self._take_reports(worker)
        if not is_complete:
            worker.end, worker.why = _FAILED, "this host has no open files left"
        if not data or not is_complete:
            self._leave(worker)

    def _take_reports(self, worker: _Worker) -> bool:
        """Take in all reports that came whole; returns whether they have the files that belong to them."""
        received = worker.received
        start = 0
        while len(received) - start >= _HEAD.size:
            size, files = _HEAD.unpack_from(received, start)
            if len(received) - start - _HEAD.size < size:
                break
            start += _HEAD.size
            if len(worker.files) < files:
                return False
            self._take(worker, marshal.loads(received[start : start + size]))
            start += size
        worker.received = received[start:]
        return True

    def _take(self, worker: _Worker, report: Dict[str, Any]) -> None:
        for number, outcome, ports, rtt_ms in report["found"]:
            of_ports, trips = array.array("H", ports), array.array("d", rtt_ms)
            self._listed[number].record_all(Outcome(*outcome), of_ports, trips)
            worker.reported += len(of_ports)
        for number, sets, texts in report["known"]:
            target = self._listed[number]
            for name, some in zip(_SETS, sets):
                getattr(target, name).update(some)
            for name, text in zip(_TEXTS, texts):
                setattr(target, name, getattr(target, name) or text)
        for number, port, started, plain in report["passed_on"]:
            self._take_over(worker, (self._listed[number], port), started, plain)
        worker.end, worker.why = report["end"], report["why"]

    def _take_over(self, worker: _Worker, work: Work, started: float, plain: bool) -> None:
        sock = socket.SocketType(work[0].family, int(socket.SOCK_STREAM), 0, worker.files.pop(0))
        worker.passed_on.add(work)
        self._sweep.take_over(sock, work, started, plain)

    def _leave(self, worker: _Worker) -> None:
        """Take in that a worker has ended, or end it."""
        self._forget(worker)
        status = _kill(worker) if worker.end == _FAILED else _end(worker)
        if worker.end == _GAVE_UP:
            self._sweep.add_work(self._unknown(worker))
            return
        known = worker.reported + len(worker.passed_on)
        if worker.end == _DONE and known == size_of_part(self._listed, worker.part, self._count):
            return
        lost = Outcome(
            ERROR,
            PROCESS_LOST,
            detail="a process of the probe ended before it had reported this port "
            f"({_reason(worker, status)}); measure again",
        )
        for target, port in self._unknown(worker):
            target.record(port, lost)

    def _unknown(self, worker: _Worker) -> List[Work]:
        """Return the ports of a worker of which nothing is known, not even that they are passed on."""
        known = {
            target: {port for group in target.found.values() for port in group.ports}
            for target in self._listed
        }
        return [
            (target, port)
            for target, port in all_ports(self._listed, worker.part, self._count)
            if port not in known[target] and (target, port) not in worker.passed_on
        ]


def _reason(worker: _Worker, status: int) -> str:
    if worker.why:
        return worker.why
    if os.WIFSIGNALED(status):
        return f"killed by signal {os.WTERMSIG(status)}"
    return f"exit status {os.WEXITSTATUS(status)}"


def _kill(worker: _Worker) -> int:
    try:
        os.kill(worker.process, signal.SIGKILL)
    except ProcessLookupError:
        pass
    return _end(worker)


def _end(worker: _Worker) -> int:
    """Close what belongs to a worker, and return its exit status."""
    worker.channel.close()
    for descriptor in worker.files:
        os.close(descriptor)
    worker.files = []
    try:
        return os.waitpid(worker.process, 0)[1]
    except ChildProcessError:
        return 0


def _serve(channel: socket.socket, targets: Sequence[Target], work: Iterable[Work], how: How) -> NoReturn:
    """Be a worker: this process never returns into the module's code."""
    status = 1
    try:
        part = _Part(channel, targets, how)
        try:
            part.try_all(work)
            status = 0
        except Exception as error:  # noqa: BLE001  # whatever it is, nothing is known of the other ports
            part.report(_FAILED, f"{type(error).__name__}: {error}")
    finally:
        os._exit(status)


class _Quick(Handshake):
    """TCP: waits for a quick answer, and passes on what does not come quickly or needs more than a proof."""

    __slots__ = ("_part",)

    def __init__(self, attempt: Attempt, part: "_Part"):
        super().__init__(attempt)
        self._part = part

    def _go_on(self, milliseconds: float, is_readable: bool) -> None:
        if self._attempt.target.expects_proof(self._attempt.port):
            super()._go_on(milliseconds, is_readable)
        else:
            self._part.pass_on(self._attempt)

    def on_alarm(self) -> None:
        """Pass it on."""
        self._part.pass_on(self._attempt)


class _Part(Sweep):
    """Tries a worker's part of the ports."""

    def __init__(self, channel: socket.socket, targets: Sequence[Target], how: How):
        super().__init__(how.pace, how.sources, how.key)
        self._channel = channel
        self._numbers = {target: number for number, target in enumerate(targets)}
        self._waiting_to_pass: List[Attempt] = []
        self._passed_on = 0
        self._gives_up = False
        self._engine.watch(channel.fileno(), _leave_at_once)  # readable is only its end

    @property
    def _room(self) -> int:
        return super()._room - self._passed_on

    @property
    def _quick_seconds(self) -> float:
        return super()._quick_seconds / 2

    def _handshake(self, attempt: Attempt) -> Handshake:
        return _Quick(attempt, self)

    def _postpones(self, target: Target, port: int) -> bool:
        self._gives_up = True
        return True

    def pass_on(self, attempt: Attempt) -> None:
        """Let the probe's own process go on with an attempt."""
        self._engine.pass_on(attempt.sock.fileno())
        self._passed_on += 1
        self._waiting_to_pass.append(attempt)

    def try_all(self, work: Iterable[Work]) -> None:
        """Try each port once."""
        turns = Turns(work, 0.0, time.monotonic())
        while not (turns.is_over or self._gives_up) or len(self._engine):
            if not self._gives_up:
                self._start_some(turns)
            is_free = not (turns.is_over or self._gives_up) and self._room > 0
            self._engine.wait(0.0 if is_free else self._engine.seconds_to_next_alarm())
            if self._waiting_to_pass:
                self.report()
            if self._room <= 0 and not len(self._engine):
                self._gives_up = True
        self.report(_DONE if turns.is_over and not self._gives_up else _GAVE_UP)

    def report(self, end: str = "", why: str = "") -> None:
        """Send what is new."""
        while len(self._waiting_to_pass) > MAX_FILES_AT_ONCE:
            self._send(MAX_FILES_AT_ONCE, "", "")
        self._send(len(self._waiting_to_pass), end, why)

    def _send(self, count: int, end: str, why: str) -> None:
        attempts, self._waiting_to_pass = self._waiting_to_pass[:count], self._waiting_to_pass[count:]
        found: List[Tuple[int, Tuple[Any, ...], bytes, bytes]] = []
        known: List[Tuple[int, List[List[int]], List[str]]] = []
        concerned = {attempt.target for attempt in attempts}
        for target, number in self._numbers.items():
            for outcome, group in target.found.items():
                found.append((number, tuple(outcome), group.ports.tobytes(), group.rtt_ms.tobytes()))
            if target.found or target in concerned or end:
                sets = [sorted(getattr(target, name)) for name in _SETS]
                known.append((number, sets, [getattr(target, name) for name in _TEXTS]))
            target.found = {}
        passed_on = [
            (self._numbers[attempt.target], attempt.port, attempt.started, attempt.plain)
            for attempt in attempts
        ]
        report = marshal.dumps(
            {"found": found, "known": known, "passed_on": passed_on, "end": end, "why": why}
        )
        self._send_all(_HEAD.pack(len(report), len(attempts)) + report, attempts)

    def _send_all(self, data: bytes, attempts: Sequence[Attempt]) -> None:
        files = array.array("i", [attempt.sock.fileno() for attempt in attempts])
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)] if attempts else []
        sent = self._channel.sendmsg([data], rights)
        for attempt in attempts:
            attempt.sock.close()
        self._channel.sendall(data[sent:])


def _leave_at_once() -> NoReturn:
    os._exit(1)
