# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The live connections of a host, as its kernel lists them.

- TCP: established sockets of /proc/net/tcp and tcp6 (Documentation/networking/proc_net_tcp.rst), and those of
  which one side has nothing more to send, as long as a process here has them: it may still read or send.
  What is forwarded to containers has no socket here, and no rule of ours concerns it.
- UDP: connected sockets, and what the kernel tracks (/proc/net/nf_conntrack, on kernels that have this file).
  A service of UDP has one socket for all, so only the tracked flows name its clients.

Who began a connection decides which rule it needs. The side that listens did not. Where nobody listens any
more, the ports tell: clients get theirs from net.ipv4.ip_local_port_range. If they do not tell either, both
directions are possible, and both are looked at.
"""

import re
import socket
import struct
import sys
from collections import Counter
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from .chains import is_local
from .permits import Kind
from .rule import IN, OUT
from .steps import FirewallError

_ESTABLISHED, _LISTEN, _UNCONNECTED = "01", "0A", "07"  # include/net/tcp_states.h; UDP has the last for all
# This side has nothing more to send, FIN_WAIT1 and FIN_WAIT2; the other side has not, CLOSE_WAIT.
_HALF_CLOSED = ("04", "05", "08")
_IN_USE = {"tcp": (_ESTABLISHED, *_HALF_CLOSED), "udp": (_ESTABLISHED,)}
_INODE = 5  # the place of the inode after the state
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


# How many connections each remote address has. A connection may have been begun by either side: then its kind
# is one of two.
Live = Dict[Tuple[Kind, ...], Dict[int, int]]
_Place = Tuple[int, int, int]  # IP version, address (0 for all), port
_Remotes = List[Tuple[int, int]]  # addresses and ports


class Ends(NamedTuple):
    """Both ends of one way of a tracked connection."""

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
        own = {place[:2] for place in ends}
        beginnings = _Beginnings(protocol, waiting, ephemeral)
        for place, remotes in ends.items():
            version = place[0]
            first, last = _LOOPBACK[version]
            leaving = [  # by another interface than loopback
                one
                for one in remotes
                if one[1] and not first <= one[0] <= last and (version, one[0]) not in own
            ]
            beginnings.count(found, place, leaving)
        if protocol == "udp":
            known = _Known(
                waiting={(one[0], one[2]) for one in waiting},
                ends={place[1:] + remote for place, remotes in ends.items() for remote in remotes},
            )
            _add_tracked(found, read, known, is_own)
    return found


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


def _of_protocol(protocol: str, read: Reader) -> Tuple[Set[_Place], Dict[_Place, _Remotes]]:
    """Return where sockets wait for anybody, and the remote ends of those that are connected."""
    waiting: Set[_Place] = set()
    ends: Dict[_Place, _Remotes] = {}
    idle = {"tcp": _LISTEN, "udp": _UNCONNECTED}[protocol]
    for name in (protocol, protocol + "6"):
        for state, place, remotes in sockets(read(f"/proc/net/{name}"), (idle, *_IN_USE[protocol])):
            if state != idle:
                ends.setdefault(place, []).extend(remotes)
            else:
                waiting.add(place)
    return waiting, ends


def sockets(
    lines: Lines, states: Tuple[str, ...], order: str = sys.byteorder
) -> Iterator[Tuple[str, _Place, _Remotes]]:
    """Yield state, local end and all remote ends of the sockets in these states.

    A busy service has thousands of lines with the same local end. So only remote ends are read line by line,
    and translated all at once.
    """
    remotes_of: Dict[Tuple[str, str], List[str]] = {}
    for line in lines:
        fields = line.split(None, 4)
        if len(fields) == 5 and fields[3] in states:
            if fields[3] in _HALF_CLOSED and fields[4].split(None, _INODE + 1)[_INODE] == "0":
                continue  # its process has closed it, and the kernel waits for the end
            key = (fields[3], fields[1])
            if key in remotes_of:
                remotes_of[key].append(fields[2])
            else:
                remotes_of[key] = [fields[2]]
    for (state, local), remotes in remotes_of.items():
        version, (number,) = _addresses([local], order)
        unused, numbers = _addresses(remotes, order)
        yield state, (version, number, _port(local)), list(zip(numbers, map(_port, remotes)))


def _port(end: str) -> int:
    return int(end[-4:], 16)


def _addresses(ends: List[str], order: str) -> Tuple[int, List[int]]:
    """Return the IP version and the numbers of the addresses of some ends; all have the same version.

    Addresses are words of 32 bits, each written as the number that the machine reads in them.
    """
    # On a little-endian machine the bytes of each word are printed backwards.
    packed = bytes.fromhex("".join([end[:-5] for end in ends]))
    words = struct.unpack(f"{'<' if order == 'little' else '>'}{len(packed) // 4}I", packed)
    if len(words) == len(ends):
        return 4, list(words)
    numbers = [
        first << 96 | second << 64 | third << 32 | last
        for first, second, third, last in zip(words[::4], words[1::4], words[2::4], words[3::4])
    ]
    if numbers[0] >> 32 == _MAPPED:
        return 4, list(words[3::4])  # IPv4 on a socket of IPv6: what a packet filter sees is IPv4
    return 6, numbers


class _Beginnings:
    """Who began connections of a protocol. Busy hosts have many with the same end here."""

    def __init__(self, protocol: str, waiting: Set[_Place], ephemeral: Tuple[int, int]) -> None:
        self._protocol = protocol
        self._waiting = waiting
        self._ephemeral = ephemeral

    def count(self, found: Live, place: _Place, remotes: _Remotes) -> None:
        """Count the connections of a local end."""
        by_kinds: Dict[Tuple[Kind, ...], List[int]] = {}
        service = self._service_at(*place)
        if service is not None:
            by_kinds[(service,)] = [address for address, unused in remotes]
        else:
            for address, port in remotes:
                by_kinds.setdefault(self._kinds(place, port), []).append(address)
        for kinds, addresses in by_kinds.items():
            counts = found.setdefault(kinds, {})
            for address, connections in Counter(addresses).items():
                counts[address] = counts.get(address, 0) + connections

    def _kinds(self, place: _Place, remote_port: int) -> Tuple[Kind, ...]:
        """Return the kind that a connection is, or two if either side may have begun it."""
        version, unused, local_port = place
        came = Kind(IN, version, self._protocol, local_port)
        went = Kind(OUT, version, self._protocol, remote_port)
        here, there = (self._is_of_client(port) for port in (local_port, remote_port))
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
        kind = Kind(IN if comes else OUT, version, "udp", reply.local_port)
        _add(found, kind, first.local if comes else reply.local)


def lists_tracked(read: Reader) -> bool:
    """Tell whether the kernel tracks and lists anything: otherwise senders of datagrams leave no trace."""
    return any(True for unused in read(_TRACKED))


def tracked_flows(read: Reader, kinds: Iterable[Kind]) -> Optional[Live]:
    """Return how many connections of these kinds the kernel tracks, None if it tracks some and lists none.

    It begins to track with the first rule that asks for the state of a connection. Whoever began a connection
    before that may seem to be the other side, so each connection counts as all flows that it could be.
    """
    lines = list(read(_TRACKED))
    if not lines and any(line.strip() != "0" for line in read(_TRACKED_COUNT)):
        return None
    found: Live = {}
    by_protocol: Dict[str, List[Kind]] = {}
    for kind in kinds:
        by_protocol.setdefault(kind.protocol, []).append(kind)
    for protocol, some in by_protocol.items():
        # A busy host tracks thousands, so addresses stay text until it is known which of them matter.
        texts: Dict[Kind, List[str]] = {kind: [] for kind in some}
        wanted = {(kind.direction, kind.version, str(kind.port)): texts[kind] for kind in some}
        for version, ends, is_replied in _ways(lines, protocol):
            client, server, client_port, server_port, answering, unused, answering_port = ends[:7]
            if not is_replied:
                continue
            for place, remote in (
                ((IN, version, answering_port), client),
                ((IN, version, client_port), answering),
                ((OUT, version, server_port), server),
                ((OUT, version, client_port), client),
            ):
                if place in wanted:
                    wanted[place].append(remote)
        for kind, remotes in texts.items():
            counts = Counter(remotes)
            found[(kind,)] = {_number(kind.version, text): counts[text] for text in counts}
    return found


def _add(found: Live, kind: Kind, remote: int) -> None:
    counts = found.setdefault((kind,), {})
    counts[remote] = counts.get(remote, 0) + 1


_WAY = r"src=(\S+) dst=(\S+) sport=([0-9]+) dport=([0-9]+) "
_WAYS = re.compile(f"(ipv[46]) [^=]*? {_WAY}.*?{_WAY}")


def tracked(lines: Lines, protocol: str) -> Iterator[Tuple[int, Ends, Ends, bool]]:
    """Yield IP version and both ways of each tracked connection, and whether it was answered.

    C(local) of a way is where it comes from: the first packet, and the reply to it.
    """
    for version, ends, is_replied in _ways(lines, protocol):
        try:
            first, reply = (_way(version, ends[start : start + 4]) for start in (0, 4))
        except OSError:
            continue  # no address
        yield version, first, reply, is_replied


def _ways(lines: Lines, protocol: str) -> Iterator[Tuple[int, Tuple[str, ...], bool]]:
    """Yield IP version, the addresses and ports of both ways, and whether it was answered."""
    mark = f" {protocol} "
    for line in lines:
        ways = _WAYS.match(line) if mark in line else None
        if ways is not None:  # else it is of another protocol, or was cut off
            family, *ends = ways.groups()
            yield _VERSIONS[family], tuple(ends), "[UNREPLIED]" not in line


def _way(version: int, words: Sequence[str]) -> Ends:
    source, destination, source_port, destination_port = words
    return Ends(
        version=version,
        local=_number(version, source),
        local_port=int(source_port),
        remote=_number(version, destination),
        remote_port=int(destination_port),
    )


def _number(version: int, text: str) -> int:
    family = socket.AF_INET if version == 4 else socket.AF_INET6
    return int.from_bytes(socket.inet_pton(family, text), "big")
