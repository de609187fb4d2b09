# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the way to a port was heard: connections whose packets may pass only so many hops.

A router that takes the last hop from a packet drops it and reports that to the sender (ICMP time exceeded,
RFC 792 and RFC 4443). A socket gets that report through its error queue (IP_RECVERR in ip(7)), which needs no
privileges. So connections with the hop limits 1, 2, 3 ... hear one router after the other.

1. I(When.) The sweep waits for its silent ports anyway. After C(LOOK_SECONDS) this looks which ports are
   still silent, and traces beside it, on sockets of its own. What is rejected or refused is traced at the end
   of the pass, which takes a few round trips. So a trace adds next to nothing to the time of the probe, and
   nothing at all is sent if every port is open.
2. I(What.) Of each address the lowest and the highest silent port, because filters drop ranges as a whole,
   and one port that is rejected or refused. Beside them an open port of the same address, if there is one:
   it shows which hops exist and how far away the address is. Of many addresses only C(_MAX_ADDRESSES) are
   traced: routers send few ICMP messages a second, so more traces at a time would hear less.
3. I(How far.) A silent port is tried C(_WINDOW) hops beyond the last one that was heard, all at once. So not
   more than so many connections can be half open at a destination whose replies are lost. An open port is
   tried one hop after the other, so that it gets one connection, which is closed as politely as those of the
   sweep.
4. I(Loss and limits.) The kernel repeats each SYN after a second; a limited router may report that one.

Equal routes (ECMP): each connection has a source port of its own, so connections with different hop limits
may take different ways. A hop then has several reporters.

A Linux router looks at the hop limit before its forward filter. So the last device heard may well be the one
that drops, and so may the next one. What that means is said on the controller (C(trace_notes.py)).
"""

import contextlib
import errno
import select
import socket
import time
from typing import (
    TYPE_CHECKING,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .._identify._registry import NEVER_CUT_SHORT
from .._kernel.neighbours import first_hops
from .._kernel.own_addresses import is_loopback
from .._kernel.sockets import Sources, joins_itself, reset
from .outcome import (
    CLOSED,
    LOCAL,
    NO_RESPONSE,
    OPEN,
    PROOF_OURS,
    REFUSED,
    Icmp,
    Outcome,
    read_icmp,
    receive_errors,
)
from .targets import Target
from .trace_words import (
    END_ANSWERED,
    END_REFUSED,
    END_REJECTED,
    MAX_HOPS,
    REFERENCE,
    REFUSED_PORT,
    REJECTED,
    SILENT,
)

if TYPE_CHECKING:
    from .._shapes import Trace

LOOK_SECONDS = 1.25  # the second SYN has left after one second, so a single lost packet starts no trace
_LOOK_AGAIN_SECONDS = 0.5
_MAX_ADDRESSES = 8
_MAX_SOCKETS = 256
_WINDOW = 5  # hops beyond the last one that was heard
_SECONDS = 2.2  # of a trace of a silent port: two SYNs, and time for the answer to the second
_SHORT_SECONDS = 0.8  # of one that gets a reply, and of any if the probe is impatient
_STEP_SECONDS = 0.25  # after which the reference goes on to the next hop
_TIME_EXCEEDED = {4: 11, 6: 3}
_IP_TTL, _IPV6_UNICAST_HOPS = socket.IP_TTL, socket.IPV6_UNICAST_HOPS
_TCP_SYNCNT = 7  # tcp(7)
_MAX_FAREWELL_BYTES = 65536

Waiting = Callable[[float], Iterable[Tuple[Target, int]]]


class End(NamedTuple):
    """The reply to a packet that had enough hops."""

    hop: int  # the lowest hop limit that got it
    how: str  # one of ENDS
    by: str = ""  # who sent the ICMP error


class Way:
    """One port that is traced, and what was heard of the way to it."""

    def __init__(self, target: Target, port: int, kind: str, until: float):
        self.target = target
        self.port = port
        self.kind = kind
        self.until = until
        self.heard: Dict[int, List[str]] = {}  # who reported, by hop
        self.end: Optional[End] = None
        self.tried = 0
        self.waiting: Dict[int, float] = {}  # since when, by hop
        self.is_broken = False  # this host itself cannot go on
        self.replied_at: Optional[float] = None
        self.reference: Optional["Way"] = None

    def hear(self, hop: int, sender: str) -> None:
        """Take in that a device reported that a packet had too few hops."""
        self.waiting.pop(hop, None)
        known = self.heard.setdefault(hop, [])
        if sender not in known:
            known.append(sender)

    def reply(self, end: End, now: float) -> None:
        """Take in that a packet had enough hops."""
        self.waiting.pop(end.hop, None)
        if self.end is None or end.hop < self.end.hop:
            self.end, self.replied_at = end, now

    def due(self, now: float) -> Optional[int]:
        """Return the next hop limit to try, or None if there is none at the moment."""
        hop = self.tried + 1
        if self.is_broken or hop > MAX_HOPS or (self.end is not None and hop >= self.end.hop):
            return None
        if self.kind == REFERENCE:
            since = self.waiting.get(self.tried)
            return hop if since is None or now >= since + _STEP_SECONDS else None
        known = max(self.heard) if self.heard else 0
        if self.reference is not None and self.reference.end is not None:
            known = max(known, self.reference.end.hop - _WINDOW)
        return hop if hop <= known + _WINDOW else None

    def is_over(self, now: float) -> bool:
        """Tell whether nothing more can be heard, or the time is over."""
        if now >= self.until or self.is_broken:
            return True
        if self.end is None or self.replied_at is None:
            return False
        if now >= self.replied_at + _STEP_SECONDS:
            return True
        left = [since for hop, since in self.waiting.items() if hop < self.end.hop]
        return self.due(now) is None and not left

    def as_dict(self, destination: str, kind: str) -> "Trace":
        """Return what was heard as plain data."""
        found: "Trace" = {
            "destination": destination,
            "address": self.target.address,
            "protocol": self.target.protocol,
            "port": self.port,
            "kind": kind,
            "tried": self.tried,
            "hops": [{"hop": hop, "by": sorted(self.heard[hop])} for hop in sorted(self.heard)],
        }
        if self.end is not None:
            found["end"] = {"hop": self.end.hop, "how": self.end.how}
            if self.end.by:
                found["end"]["by"] = self.end.by
        return found


class _Try(NamedTuple):
    way: Way
    hop: int
    sock: socket.SocketType


class Tracer:
    """Traces beside a sweep, on sockets of its own."""

    def __init__(self, sources: Sources, timeout: float, concurrency: int, is_on: bool = True):
        self._sources = sources
        self._is_on = is_on
        self._look_seconds = min(LOOK_SECONDS, timeout / 2)
        self._seconds = min(_SECONDS, max(_SHORT_SECONDS, timeout - self._look_seconds))
        self._max_sockets = min(_MAX_SOCKETS, max(8, concurrency // 4))
        self._poll = select.epoll()
        self._tries: Dict[int, _Try] = {}  # by file descriptor
        self._leaving: Dict[int, socket.SocketType] = {}
        self._ways: List[Way] = []
        self._addresses: Dict[str, bool] = {}  # whether they are traced
        self._targets: Sequence[Target] = ()
        self._next_look = 0.0

    def close(self) -> None:
        """Give up whatever is under way."""
        for some in list(self._tries.values()):
            some.sock.close()
        for sock in self._leaving.values():
            sock.close()
        self._tries, self._leaving = {}, {}
        self._poll.close()

    def fileno(self) -> int:
        """Return a descriptor that is readable if this has something to read."""
        return self._poll.fileno()

    def begin(self, targets: Sequence[Target]) -> None:
        """Take note that the sweep of some targets begins."""
        self._targets = targets
        self._next_look = time.monotonic() + self._look_seconds if self._is_on else float("inf")

    def seconds_to_next(self, now: float) -> float:
        """Return when C(tick) wants to be called again."""
        return max(0.0, min(self._next_look, now + _STEP_SECONDS if self._tries else float("inf")) - now)

    def tick(self, now: float, waiting: Waiting) -> None:
        """Look which ports are silent, and go on with what is under way.

        C(waiting) returns the ports that have waited so many seconds.
        """
        if self._tries:
            self.read()
        if now >= self._next_look:
            self._next_look = now + _LOOK_AGAIN_SECONDS
            if sum(self._addresses.values()) < _MAX_ADDRESSES:
                # Those that began a little later than the first: the highest port of a range is traced, too.
                self._look(waiting(self._look_seconds / 2), now)

    def _look(self, waiting: Iterable[Tuple[Target, int]], now: float) -> None:
        silent: Dict[Target, List[int]] = {}
        for target, port in waiting:
            # A silent UDP port is a fault only where our listener should have answered.
            is_fault = port in target.wanted and (target.protocol == "tcp" or target.expects_proof(port))
            if is_fault and self._may_trace(target):
                silent.setdefault(target, []).append(port)
        self._admit(silent)
        for target, ports in silent.items():
            if self._addresses.get(target.address) and not self._is_traced(target, SILENT):
                for port in sorted({min(ports), max(ports)}):
                    self._add(target, port, SILENT, now + self._seconds)
        if silent:
            self._add_references(dict(_references(self._targets)), now + self._seconds)
        self._go_on(now)

    def _is_traced(self, target: Target, kind: str) -> bool:
        return any(
            (way.target.address, way.target.protocol, way.kind) == (target.address, target.protocol, kind)
            for way in self._ways
        )

    def _has(self, target: Target, port: int) -> bool:
        traced = (target.address, target.protocol, port)
        return any(traced == (way.target.address, way.target.protocol, way.port) for way in self._ways)

    def _may_trace(self, target: Target) -> bool:
        return self._addresses.get(target.address, True) and not is_loopback(target.address)

    def _admit(self, targets: Iterable[Target]) -> None:
        """Decide which new addresses are traced: not those that replied on a link of this host."""
        new = list(
            dict.fromkeys(target.address for target in targets if target.address not in self._addresses)
        )
        hops = first_hops(new, self._sources.by_family()) if new else {}
        for address in new:
            if address not in hops or hops[address].link_address:
                self._addresses[address] = False
            elif sum(self._addresses.values()) < _MAX_ADDRESSES:
                self._addresses[address] = True

    def _add(self, target: Target, port: int, kind: str, until: float) -> Way:
        way = Way(target, port, kind, until)
        self._ways.append(way)
        return way

    def take_outcomes(self) -> None:
        """Trace what was rejected or refused, and open ports beside it and beside what is silent."""
        if not self._is_on:
            return
        now = time.monotonic()
        open_ports = dict(_references(self._targets))
        chosen: List[Tuple[Target, int, str]] = []
        for target in self._targets:
            if self._may_trace(target):
                chosen += _replied(target, target.address in open_ports)
        self._admit(target for target, unused_port, unused_kind in chosen)
        for target, port, kind in chosen:
            # A port whose reply came late is traced already, as one that seemed to be silent.
            is_known = self._is_traced(target, kind) or self._has(target, port)
            if self._addresses.get(target.address) and not is_known:
                self._add(target, port, kind, now + _SHORT_SECONDS)
        self._add_references(open_ports, now + _SHORT_SECONDS)
        self._go_on(now)

    def _add_references(self, open_ports: Dict[str, Tuple[Target, int]], until: float) -> None:
        known = {way.target.address: way for way in self._ways if way.kind == REFERENCE}
        for way in [way for way in self._ways if way.kind != REFERENCE]:
            address = way.target.address
            if address in open_ports and address not in known:
                target, port = open_ports[address]
                known[address] = self._add(target, port, REFERENCE, until)
            way.reference = known.get(address)

    @property
    def alive(self) -> Set[str]:
        """The addresses of which an open port was traced and answered again."""
        return {way.target.address for way in self._ways if way.kind == REFERENCE and way.end is not None}

    def finish(self) -> None:
        """Wait until everything that is under way is over."""
        while True:
            now = time.monotonic()
            self.read()
            if all(way.is_over(now) for way in self._ways):
                break
            self._poll.poll(0.02)
        for some in list(self._tries.values()):
            self._drop(some)
        for sock in self._leaving.values():
            sock.close()
        self._leaving = {}

    def _go_on(self, now: float) -> None:
        for way in self._ways:
            if way.is_over(now):
                for some in [some for some in self._tries.values() if some.way is way]:
                    self._drop(some)
                continue
            hop = way.due(now)
            while hop is not None and len(self._tries) < self._max_sockets:
                self._send(way, hop, now)
                hop = way.due(now)

    def _send(self, way: Way, hop: int, now: float) -> None:
        way.tried = hop
        target = way.target
        is_tcp = target.protocol == "tcp"
        kind = int((socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM) | socket.SOCK_NONBLOCK)
        sock = None
        try:
            sock = socket.SocketType(target.family, kind)
            receive_errors(sock, target.family)
            if target.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_UNICAST_HOPS, hop)
            else:
                sock.setsockopt(socket.IPPROTO_IP, _IP_TTL, hop)
            if is_tcp:
                sock.setsockopt(socket.IPPROTO_TCP, _TCP_SYNCNT, 1)
            self._sources.bind(sock, target.family)
            number = sock.connect_ex((target.address, way.port))
            if not is_tcp and not number:
                sock.send(b"")
        except OSError as error:
            number = error.errno or errno.EIO
        if sock is None or number not in (0, errno.EINPROGRESS):
            way.is_broken = True
            if sock is not None:
                sock.close()
            return
        way.waiting[hop] = now
        self._tries[sock.fileno()] = _Try(way, hop, sock)
        self._poll.register(sock.fileno(), (select.EPOLLOUT if is_tcp else 0) | select.EPOLLIN)

    def _drop(self, some: _Try) -> None:
        del self._tries[some.sock.fileno()]
        some.sock.close()

    def read(self) -> None:
        """Read what came, and then go on: what came late because this machine is busy has come in time."""
        now = time.monotonic()
        for descriptor, unused_events in self._poll.poll(0):
            if descriptor in self._tries:
                self._take(self._tries[descriptor])
            elif descriptor in self._leaving:
                self._read_rest(descriptor)
        self._go_on(now)

    def _take(self, some: _Try) -> None:
        way, hop, sock = some
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        icmp = read_icmp(sock)
        if icmp is not None:
            _take_icmp(way, hop, icmp)
        elif number == errno.ECONNREFUSED:
            way.reply(End(hop, END_REFUSED), time.monotonic())
        elif not number and not joins_itself(sock, way.port):
            way.reply(End(hop, END_ANSWERED), time.monotonic())
            if way.target.protocol == "tcp":
                self._leave(some)
                return
        self._drop(some)

    def _leave(self, some: _Try) -> None:
        """End a connection: to our own listener with RST, to anybody else with FIN."""
        way, _hop, sock = some
        descriptor = sock.fileno()
        del self._tries[descriptor]
        if way.target.expects_proof(way.port):
            reset(sock)
            return
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            sock.close()
            return
        self._poll.modify(descriptor, select.EPOLLIN)
        self._leaving[descriptor] = sock

    def _read_rest(self, descriptor: int) -> None:
        sock = self._leaving[descriptor]
        with contextlib.suppress(BlockingIOError):
            try:
                if sock.recv(_MAX_FAREWELL_BYTES):
                    return
            except BlockingIOError:
                return
            except OSError:
                pass
        del self._leaving[descriptor]
        sock.close()

    def report(self, targets: Iterable[Target]) -> List["Trace"]:
        """Return what was heard, as far as the ports are still what they were traced for."""
        by_key: Dict[Tuple[str, str], List[Target]] = {}
        for target in targets:
            by_key.setdefault((target.address, target.protocol), []).append(target)
        found: List["Trace"] = []
        for way in self._ways:
            for target in by_key.get((way.target.address, way.target.protocol), []):
                kind = _kind_of(target, way.port)
                if kind and (kind == REFERENCE) == (way.kind == REFERENCE):
                    found.append(way.as_dict(target.destination, kind))
        worth = {(entry["destination"], entry["address"]) for entry in found if entry["kind"] != REFERENCE}
        return [entry for entry in found if (entry["destination"], entry["address"]) in worth]


def _take_icmp(way: Way, hop: int, icmp: Icmp) -> None:
    if icmp.kind == _TIME_EXCEEDED[icmp.version]:
        way.hear(hop, icmp.sender)
    else:
        way.reply(End(hop, END_REJECTED, icmp.sender), time.monotonic())


def kind_of(outcome: Outcome) -> str:
    """Return what a port with such an outcome is traced as, or nothing."""
    if outcome.state == OPEN:
        return REFERENCE
    if outcome.reason == NO_RESPONSE:
        return SILENT
    if outcome.state == CLOSED and outcome.reason == REFUSED:
        return REFUSED_PORT
    return REJECTED if outcome.reason_ip and outcome.reason_ip != LOCAL else ""


def _kind_of(target: Target, port: int) -> str:
    for outcome, group in target.found.items():
        if port in group.ports:
            return kind_of(outcome)
    return ""


def _replied(target: Target, has_reference: bool) -> Iterator[Tuple[Target, int, str]]:
    """Yield one port for each kind of rejection of a TCP target.

    A closed port is of interest only if it can be compared, or if our listener should have answered there.
    """
    if target.protocol != "tcp":
        return
    for outcome, group in target.found.items():
        kind = kind_of(outcome)
        ports = [port for port in group.ports if port in target.wanted]
        if kind == REFUSED_PORT and not has_reference:
            ports = [port for port in ports if target.expects_proof(port)]
        if kind in (REJECTED, REFUSED_PORT) and ports:
            yield target, min(ports), kind


def _references(targets: Iterable[Target]) -> Iterator[Tuple[str, Tuple[Target, int]]]:
    """Yield open TCP ports by address, those of our own listeners last: the last one counts."""
    own: List[Tuple[str, Tuple[Target, int]]] = []
    for target in targets:
        if target.protocol != "tcp":
            continue
        for outcome, group in target.found.items():
            if outcome.proof == PROOF_OURS:
                own.append((target.address, (target, min(group.ports))))
            elif outcome.state == OPEN and not outcome.proof:
                ports = [port for port in group.ports if target.talks.get(port) not in NEVER_CUT_SHORT]
                if ports:
                    yield target.address, (target, min(ports))
    yield from own
