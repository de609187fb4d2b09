# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live connections of a host, as its kernel lists them.

- TCP: established sockets of /proc/net/tcp and tcp6 (Documentation/networking/proc_net_tcp.rst). What is
  forwarded to containers has no socket here, and no rule of ours concerns it.
- UDP: connected sockets, and what the kernel tracks (/proc/net/nf_conntrack, on kernels that have this file).
  A service of UDP has one socket for all, so only the tracked flows name its clients.

Who began a connection decides which rule it needs. The side that listens did not. Where nobody listens any
more, the ports tell: clients get theirs from net.ipv4.ip_local_port_range. If they do not tell either, both
directions are possible, and both are looked at.
"""

import fcntl
import socket
import struct
import sys
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from .chains import is_local
from .permits import Kind
from .rule import IN, OUT
from .steps import FirewallError

_ESTABLISHED, _LISTEN, _UNCONNECTED = "01", "0A", "07"  # include/net/tcp_states.h; UDP has the last for all
_GET_FLAGS, _IS_UP, _IS_LOOPBACK = 0x8913, 0x1, 0x8  # SIOCGIFFLAGS, IFF_UP, IFF_LOOPBACK (netdevice(7))
_PORTS = "/proc/sys/net/ipv4/ip_local_port_range"
_TRACKED = "/proc/net/nf_conntrack"
_TRACKED_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
_USUAL_PORTS = (32768, 60999)
_MAPPED = 0xFFFF  # the first 96 bits of ::ffff:192.0.2.1 (RFC 4291, section 2.5.5.2)
_LOOPBACK = {4: (127 << 24, (128 << 24) - 1), 6: (0, 1)}
_VERSIONS = {"ipv4": 4, "ipv6": 6}
Lines = Iterable[str]
Reader = Callable[[str], Lines]


class Flow(NamedTuple):
    """A flow that a connection is, seen from this host."""

    kind: Kind
    remote: int


# A connection may have been begun by either side. Each key is one flow, or two of which one is true.
Live = Dict[Tuple[Flow, ...], int]


class Ends(NamedTuple):
    """Both ends of a socket or a tracked connection."""

    version: int
    local: int
    local_port: int
    remote: int
    remote_port: int


def live(read: Reader, is_own: Callable[[int, int], bool] = is_local) -> Live:
    """Return how many connections of each flow are open."""
    found: Live = {}
    ephemeral = _ephemeral(read)
    for protocol in ("tcp", "udp"):
        waiting, ends = _of_protocol(protocol, read)
        own = {(one.version, one.local) for one in ends}
        beginnings = _Beginnings(protocol, waiting, ephemeral)
        for one in ends:
            if _leaves(one) and (one.version, one.remote) not in own:
                key = beginnings.of(one)
                found[key] = found.get(key, 0) + 1
        if protocol == "udp":
            known = _Known(waiting={(one[0], one[2]) for one in waiting}, ends={one[1:] for one in ends})
            _add_tracked(found, read, known, is_own)
    return found


def only_interface() -> str:
    """Return the one interface of the host beside loopback, empty if there are several."""
    running = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for unused, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(asking, _GET_FLAGS, struct.pack("16sH14x", name.encode("ascii"), 0))
            except (OSError, UnicodeError):
                return ""  # it has gone meanwhile, or nobody can name it
            (flags,) = struct.unpack_from("16xH", answer)
            if flags & _IS_UP and not flags & _IS_LOOPBACK:
                running.append(name)
    return running[0] if len(running) == 1 else ""


def of_host(path: str) -> Lines:
    """Return the lines of a table of the kernel; nothing of one that this kernel does not have."""
    try:
        with open(path, encoding="ascii", errors="replace") as table:
            return table.readlines()
    except FileNotFoundError:
        if path.endswith("/tcp"):
            raise FirewallError(_UNREADABLE.format(path, "it is missing"))
        return ()
    except OSError as error:
        raise FirewallError(_UNREADABLE.format(path, error.strerror))


_UNREADABLE = (
    "{0} cannot be read ({1}), so nobody knows whose connections the change would refuse: mount /proc, or "
    "set cut (exasol_firewall_cut) to true to change the firewall all the same"
)


def _ephemeral(read: Reader) -> Tuple[int, int]:
    for line in read(_PORTS):
        words = line.split()
        if len(words) == 2 and all(word.isdigit() for word in words):
            return int(words[0]), int(words[1])
    return _USUAL_PORTS


_Waiting = Set[Tuple[int, int, int]]  # IP version, address (0 for all), port


def _of_protocol(protocol: str, read: Reader) -> Tuple[_Waiting, List[Ends]]:
    waiting: _Waiting = set()
    ends: List[Ends] = []
    idle = {"tcp": _LISTEN, "udp": _UNCONNECTED}[protocol]
    for name in (protocol, protocol + "6"):
        for state, one in sockets(read(f"/proc/net/{name}"), (idle, _ESTABLISHED)):
            if state == _ESTABLISHED:
                ends.append(one)
            else:
                waiting.add(one[:3])
    return waiting, ends


def sockets(lines: Lines, states: Tuple[str, ...], order: str = sys.byteorder) -> Iterator[Tuple[str, Ends]]:
    """Yield state and ends of the sockets in these states.

    Addresses are words of 32 bits, each written as the number that the machine reads in them.
    """
    known: Dict[str, Tuple[int, int]] = {}
    for line in lines:
        fields = line.split(None, 4)
        if len(fields) < 5 or fields[3] not in states:
            continue
        local, local_port = fields[1].split(":")
        remote, remote_port = fields[2].split(":")
        if local not in known:
            known[local] = _address(local, order)
        version, number = known[local]
        yield (
            fields[3],
            Ends(
                version=version,
                local=number,
                local_port=int(local_port, 16),
                remote=_address(remote, order)[1],
                remote_port=int(remote_port, 16),
            ),
        )


def _address(digits: str, order: str) -> Tuple[int, int]:
    """Return IP version and number of an address."""
    # On a little-endian machine the bytes of each word are printed backwards.
    packed = bytes.fromhex(digits)
    if order == "little":
        packed = b"".join(packed[start : start + 4][::-1] for start in range(0, len(packed), 4))
    number = int.from_bytes(packed, "big")
    if len(packed) == 16 and number >> 32 == _MAPPED:
        return 4, number & 0xFFFFFFFF  # IPv4 on a socket of IPv6: what a packet filter sees is IPv4
    return (4 if len(packed) == 4 else 6), number


def _leaves(one: Ends) -> bool:
    """Tell whether the packets leave by another interface than loopback."""
    first, last = _LOOPBACK[one.version]
    return not first <= one.remote <= last and one.remote_port != 0


class _Beginnings:
    """Who began connections of a protocol. Busy hosts have many with the same end here."""

    def __init__(self, protocol: str, waiting: _Waiting, ephemeral: Tuple[int, int]) -> None:
        self._protocol = protocol
        self._waiting = waiting
        self._ephemeral = ephemeral
        self._known: Dict[Tuple[int, int, int], Optional[Kind]] = {}

    def of(self, one: Ends) -> Tuple[Flow, ...]:
        """Return the flow that a connection is, or two if either side may have begun it."""
        place = one[:3]
        if place not in self._known:
            self._known[place] = self._service_at(*place)
        service = self._known[place]
        if service is not None:
            return (Flow(service, one.remote),)
        came = Flow(Kind(IN, one.version, self._protocol, one.local_port), one.remote)
        went = Flow(Kind(OUT, one.version, self._protocol, one.remote_port), one.remote)
        here, there = (self._is_of_client(port) for port in (one.local_port, one.remote_port))
        if here == there:
            return came, went
        return (went,) if here else (came,)

    def _service_at(self, version: int, address: int, port: int) -> Optional[Kind]:
        # A socket at [::] serves IPv4 too (IPV6_V6ONLY in ipv6(7)).
        places = ((version, address, port), (version, 0, port), (6, 0, port))
        waits = any(place in self._waiting for place in places)
        return Kind(IN, version, self._protocol, port) if waits else None

    def _is_of_client(self, port: int) -> bool:
        return self._ephemeral[0] <= port <= self._ephemeral[1]


class _Known(NamedTuple):
    """The sockets of a protocol."""

    waiting: Set[Tuple[int, int]]  # IP version and port
    ends: Set[Tuple[int, ...]]  # local and remote address and port

    def has_waiting(self, version: int, port: int) -> bool:
        """Tell whether a socket takes datagrams of anybody; one of IPv6 may serve IPv4 too."""
        return (version, port) in self.waiting or (6, port) in self.waiting


def _add_tracked(
    found: Live,
    read: Reader,
    known: _Known,
    is_own: Callable[[int, int], bool],
) -> None:
    """Add what the kernel tracks of UDP, and no socket is connected to.

    Nobody answers the sender of logs or traps. The kernel keeps a datagram in mind only if no filter dropped
    it, so one that a socket here sends or takes counts without an answer.
    """
    own: Dict[Tuple[int, int], bool] = {}
    for version, first, reply, is_replied in tracked(read(_TRACKED), "udp"):
        for number in (first.local, reply.local):
            if (version, number) not in own:
                own[version, number] = is_own(number, version)
        # What a packet filter sees is the address after a translation of the destination, so it counts as
        # whose reply it is. Neither end is ours in what is forwarded.
        comes, goes = own[version, reply.local], own[version, first.local]
        if comes == goes:
            continue
        ends = (
            (reply.local, reply.local_port, first.local, first.local_port)
            if comes
            else (first.local, first.local_port, reply.local, reply.local_port)
        )
        if ends in known.ends or not (is_replied or known.has_waiting(version, ends[1])):
            continue
        flow = (
            Flow(Kind(IN, version, "udp", reply.local_port), first.local)
            if comes
            else Flow(Kind(OUT, version, "udp", reply.local_port), reply.local)
        )
        found[(flow,)] = found.get((flow,), 0) + 1


def lists_tracked(read: Reader) -> bool:
    """Tell whether the kernel tracks and lists anything: otherwise senders of datagrams leave no trace."""
    return any(True for unused in read(_TRACKED))


def tracked_flows(read: Reader, protocol: str) -> Optional[Live]:
    """Return how many connections of each flow the kernel tracks, None if it tracks some and lists none.

    It begins to track with the first rule that asks for the state of a connection. Whoever began a connection
    before that may seem to be the other side, so each connection counts as all flows that it could be.
    """
    lines = list(read(_TRACKED))
    if not lines and any(line.strip() != "0" for line in read(_TRACKED_COUNT)):
        return None
    found: Live = {}
    for version, first, reply, is_replied in tracked(lines, protocol):
        if not is_replied:
            continue
        for direction, port, remote in (
            (IN, reply.local_port, first.local),
            (IN, first.local_port, reply.local),
            (OUT, first.remote_port, first.remote),
            (OUT, first.local_port, first.local),
        ):
            key = (Flow(Kind(direction, version, protocol, port), remote),)
            found[key] = found.get(key, 0) + 1
    return found


def tracked(lines: Lines, protocol: str) -> Iterator[Tuple[int, Ends, Ends, bool]]:
    """Yield IP version and both ways of each tracked connection, and whether it was answered.

    C(local) of a way is where it comes from: the first packet, and the reply to it.
    """
    mark = f" {protocol} "
    for line in lines:
        if mark not in line:
            continue
        words = line.split()
        version = _VERSIONS.get(words[0])
        values: Dict[str, List[str]] = {}
        for word in words:
            name, sign, value = word.partition("=")
            if sign:
                values.setdefault(name, []).append(value)
        try:
            if version:
                first, reply = (_way(values, which, version) for which in (0, 1))
                yield version, first, reply, "[UNREPLIED]" not in line
        except (KeyError, IndexError, ValueError, OSError):
            continue  # a line that was cut off


def _way(values: Dict[str, List[str]], which: int, version: int) -> Ends:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    source, destination = (
        int.from_bytes(socket.inet_pton(family, values[name][which]), "big") for name in ("src", "dst")
    )
    return Ends(
        version=version,
        local=source,
        local_port=int(values["sport"][which]),
        remote=destination,
        remote_port=int(values["dport"][which]),
    )
