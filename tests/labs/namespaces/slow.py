# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A router that passes packets on late, without netem, which many kernels lack.

A process reads the frames that the kernel would forward (packet(7)), waits, and sends them on; a rule keeps
the kernel from forwarding them too. Frames keep what a virtual cable says about checksums and sizes
(PACKET_VNET_HDR), because their senders leave both to the card. This file is that process, too: it imports
nothing of the tests when it runs.
"""

from __future__ import annotations

import collections
import contextlib
import json
import select
import socket
import struct
import subprocess
import sys
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

if t.TYPE_CHECKING:
    from .lines import Line

_SOL_PACKET, _PACKET_VNET_HDR, _PACKET_OUTGOING = 263, 15, 4
_EVERY_PROTOCOL = 3  # ETH_P_ALL
_VNET, _ETHERNET = 10, 14  # bytes of the headers before an IP packet
_IPV4, _IPV6 = b"\x08\x00", b"\x86\xdd"
_TABLE = "table inet slow {{\n chain c {{\n  type filter hook forward priority -300\n{0} }}\n}}\n"
_DROP = '  iifname "{0}" oifname "{1}" drop\n'


class _Direction(t.NamedTuple):
    """Frames that come in at one device, and how they leave at the other one."""

    into: socket.socket
    out: socket.socket
    head: bytes  # the link-layer addresses of both ends of the second cable
    seconds: float
    waiting: collections.deque[tuple[float, bytes]]


@contextlib.contextmanager
def slow(line: Line, there: float = 0.0, back: float = 0.0) -> Iterator[None]:
    """Let packets from the client wait so many seconds at the router, and packets to it."""
    ways = [("near", "far", line.server, there), ("far", "near", line.client, back)]
    wish = [
        (device, out, _link_address(line.router, out) + _link_address(machine, out), seconds)
        for device, out, machine, seconds in ways
        if seconds
    ]
    rules = "".join(_DROP.format(device, out) for device, out, _head, _seconds in wish)
    with line.router.inside():
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), json.dumps(wish)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            line.router.nft(_TABLE.format(rules))
            yield
        finally:
            line.router.nft("table inet slow\ndelete table inet slow\n")
            process.kill()


def _link_address(machine: t.Any, device: str) -> str:
    found = json.loads(machine.ip("-json", "link", "show", "dev", device))
    return str(found[0]["address"]).replace(":", "")


def _opened(device: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL))
    sock.setsockopt(_SOL_PACKET, _PACKET_VNET_HDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    sock.bind((device, _EVERY_PROTOCOL))
    sock.setblocking(False)
    return sock


def _passed_on(data: bytes, direction: _Direction) -> bytes | None:
    """Return a frame as a router sends it on, or None for one that is not to be passed on."""
    packet = bytearray(data)
    ip = _VNET + _ETHERNET
    kind = bytes(packet[ip - 2 : ip])
    own = bytes(packet[_VNET : _VNET + 6])
    if own[0] & 1 or kind not in (_IPV4, _IPV6):
        return None
    where = ip + (8 if kind == _IPV4 else 7)  # of the hop limit
    if packet[where] <= 1 or _is_for_the_router(packet[ip:], kind):
        return None
    packet[where] -= 1
    if kind == _IPV4:
        checksum = struct.unpack_from("!H", packet, ip + 10)[0] + 0x100
        struct.pack_into("!H", packet, ip + 10, (checksum & 0xFFFF) + (checksum >> 16))
    packet[_VNET : _VNET + 12] = direction.head
    return bytes(packet)


def _is_for_the_router(packet: bytes | bytearray, kind: bytes) -> bool:
    """Tell whether the destination is the router itself, which has the lowest address of each network."""
    destination = packet[16:20] if kind == _IPV4 else packet[24:40]
    return destination[-1] == 1 or (kind == _IPV6 and destination[:2] == b"\xfe\x80")


def _relay(wish: list[tuple[str, str, str, float]]) -> None:
    sockets = {device: _opened(device) for entry in wish for device in entry[:2]}
    directions = [
        _Direction(
            into=sockets[into],
            out=sockets[out],
            # The destination's address comes first in a frame.
            head=bytes.fromhex(head[12:] + head[:12]),
            seconds=seconds,
            waiting=collections.deque(),
        )
        for into, out, head, seconds in wish
    ]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        now = time.monotonic()
        due = [one.waiting[0][0] - now for one in directions if one.waiting]
        ready = select.select([one.into for one in directions], [], [], max(0.0, min(due, default=1.0)))[0]
        now = time.monotonic()
        for one in directions:
            while one.waiting and one.waiting[0][0] <= now:
                one.out.send(one.waiting.popleft()[1])
            if one.into in ready:
                _take(one, now)


def _take(direction: _Direction, now: float) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            data, sender = direction.into.recvfrom(1 << 17)
            frame = _passed_on(data, direction) if sender[2] != _PACKET_OUTGOING else None
            if frame is not None:
                direction.waiting.append((now + direction.seconds, frame))


if __name__ == "__main__":
    _relay(json.loads(sys.argv[1]))
