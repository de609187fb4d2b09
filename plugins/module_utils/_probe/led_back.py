# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the other end of a connection is on this very machine, although its address is not.

A NAT rule at this host's output (DNAT, REDIRECT), or a program of eBPF, may lead a connection back to a
program here. The socket keeps the address that was asked for, and no routing table knows of it. But the
kernel's tables have both ends: the other one has our address and port as its remote ones
(Documentation/networking/proc_net_tcp.rst).

The port of a connection to somewhere else may be the same, since a local port serves any number of
destinations. So the socket that has our end as its remote one counts only where no other connection of this
host is its other end.
"""

import re
import socket
import struct
from typing import Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")  # a socket of IPv6 may serve IPv4 as well
_ROW = re.compile(rb": ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) ([0-9A-F]{2}) ")
_TIME_WAIT = b"06"  # include/net/tcp_states.h; what is left of a connection that is over


class Ends(NamedTuple):
    """Both ends of a connection, as the kernel writes them into its tables."""

    own: bytes
    other: bytes


def ends_of(sock: socket.SocketType) -> Optional[Ends]:
    """Return the ends of a connected socket, None if it has lost its connection meanwhile."""
    try:
        own, other = sock.getsockname(), sock.getpeername()
    except OSError:
        return None
    return Ends(_written(own[0], own[1]), _written(other[0], other[1]))


def _written(address: str, port: int) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address.split("%")[0])
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return _plain("{0}:{1:04X}".format("".join(f"{word:08X}" for word in words), port).encode("ascii"))


_MAPPED = b"".join(
    b"%08X" % word for word in struct.unpack("=3I", socket.inet_pton(socket.AF_INET6, "::ffff:0.0.0.0")[:12])
)


def _plain(end: bytes) -> bytes:
    """Return an end without what makes an IPv4 address one of IPv6."""
    return end[len(_MAPPED) :] if end.startswith(_MAPPED) else end


def led_back(connections: Iterable[Ends]) -> FrozenSet[Ends]:
    """Return the connections whose other end is on this machine; all of them have to be open still."""
    found = frozenset(connections)
    for unused in range(2):  # the tables are not read at one moment, so a suspicion is looked at again
        if not found:
            break
        rows = list(_rows())
        own = {ends.own for ends in found}
        here: Dict[bytes, List[bytes]] = {}
        for row in rows:
            if row.other in own and row.state != _TIME_WAIT:
                here.setdefault(row.other, []).append(row.own)
        pairs = {(row.own, row.other) for row in rows} if here else set()
        found = frozenset(
            ends
            for ends in found
            if any(_is_other_end(local, ends, pairs) for local in here.get(ends.own, ()))
        )
    return found


def _is_other_end(local: bytes, ends: Ends, pairs: Set[Tuple[bytes, bytes]]) -> bool:
    return local == ends.other or (ends.own, local) not in pairs


class _Row(NamedTuple):
    """One connection of this network namespace."""

    own: bytes
    other: bytes
    state: bytes


def _rows() -> Iterator[_Row]:
    for name in _TABLES:
        try:
            with open(name, "rb") as table:
                text = table.read()
        except OSError:
            continue  # a container without /proc, a kernel without IPv6
        for own, other, state in _ROW.findall(text):
            yield _Row(_plain(own), _plain(other), state)
