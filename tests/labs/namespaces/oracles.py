# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel says of sockets and processes: oracles that share no code with what they watch."""

from __future__ import annotations

import functools
import ipaddress
import os
import re
import typing as t
from collections.abc import Iterator
from pathlib import Path

from .namespaces import Machine

_CAP_SYS_PTRACE = 19  # linux/capability.h
_LISTEN = "0A"  # TCP_LISTEN, include/net/tcp_states.h
LISTENER = "exasol-listener"


class Sock(t.NamedTuple):
    """One TCP or UDP socket that is bound and waits for whoever comes."""

    protocol: str
    address: str
    port: int
    inode: int


def waiting_sockets(machine: Machine) -> list[Sock]:
    """Return the listening TCP sockets and the unconnected UDP sockets."""
    with machine.inside():
        return [sock for protocol in ("tcp", "tcp6", "udp", "udp6") for sock in _table(protocol)]


def _table(protocol: str) -> Iterator[Sock]:
    for line in Path("/proc/thread-self/net", protocol).read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        address, port = fields[1].split(":")
        if (fields[3] == _LISTEN) if protocol.startswith("tcp") else fields[2].endswith(":0000"):
            yield Sock(protocol[:3], _address(address), int(port, 16), int(fields[9]))


def _address(digits: str) -> str:
    # Words of 32 bits in the machine's own byte order.
    words = [bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def control_sockets(machine: Machine) -> list[str]:
    """Return the abstract names under which processes of the collection can be asked."""
    with machine.inside():
        text = Path("/proc/thread-self/net/unix").read_text(encoding="utf-8", errors="replace")
    return sorted({line.split()[-1] for line in text.splitlines() if "@exasol_community.network" in line})


def pids() -> list[int]:
    """Return all processes."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def comm(pid: int) -> str:
    """Return the short name of a process, nothing if it is gone."""
    try:
        return Path("/proc", str(pid), "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def command(pid: int) -> list[str]:
    """Return the command line of a process, nothing if it is gone."""
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def children(pid: int) -> list[int]:
    """Return the processes that the first thread of a process has started, nothing if it is gone."""
    try:
        text = Path("/proc", str(pid), "task", str(pid), "children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(number) for number in text.split()]


@functools.cache
def blind() -> str:
    """Return why the sockets of a listener cannot be seen here, or nothing.

    Root's listener gives root's user away.
    """
    rights = re.search(
        r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE
    )
    if os.geteuid() or (rights and int(rights[1], 16) >> _CAP_SYS_PTRACE & 1):
        return ""
    return (
        "needs the right (CAP_SYS_PTRACE) to see the sockets of another user's processes, which many "
        "containers do not have"
    )


def _inodes(pid: int) -> set[int]:
    found: set[int] = set()
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            link = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if link.startswith("socket:["):
            found.add(int(link[8:-1]))
    return found


def listener_at(machine: Machine, address: str, port: int) -> int:
    """Return the collection's listener that holds a TCP port, or 0."""
    inodes = {
        sock.inode
        for sock in waiting_sockets(machine)
        if (sock.protocol, sock.address, sock.port) == ("tcp", address, port)
    }
    candidates = [pid for pid in pids() if inodes and comm(pid) == LISTENER]
    return next((pid for pid in candidates if inodes & _inodes(pid)), 0)


def socket_count(pid: int) -> int:
    """Return how many sockets a process holds."""
    return len(_inodes(pid))


def listeners(machine: Machine) -> list[int]:
    """Return the collection's listeners that hold any port of this network."""
    inodes = {sock.inode for sock in waiting_sockets(machine)}
    return [pid for pid in pids() if comm(pid) == LISTENER and inodes & _inodes(pid)]


def nothing_left(machine: Machine) -> bool:
    """Tell whether no listener, no port of one and no way to ask one is left.

    Where C(blind), the last of them alone tells.
    """
    return not listeners(machine) and not control_sockets(machine)
