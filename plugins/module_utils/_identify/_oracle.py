# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Oracle's listener: a CONNECT packet of Transparent Network Substrate, a mere ping.

Oracle publishes no description of TNS; the layout is that of Wireshark's dissector
(https://gitlab.com/wireshark/wireshark/-/blob/master/epan/dissectors/packet-tns.c).
"""

import re
import struct

from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import Waiting, Wire

_COMMAND = b"(CONNECT_DATA=(COMMAND=ping))"
_DATA_OFFSET = 58
_CONNECT = 1
_ANSWERS = {2: "accepts", 4: "refuses", 5: "redirects", 11: "asks to send again"}
_MAX_LENGTH = 8192
# TNS errors ("Oracle Database Error Messages") by which a listener or a connection manager serves nobody.
_NO_ROOM = "it has no room for one more connection"
_BLOCKED = "its database lets no ordinary user in at the moment"
_REFUSALS = {
    12516: _NO_ROOM,
    12518: _NO_ROOM,
    12519: _NO_ROOM,
    12520: _NO_ROOM,
    12526: _BLOCKED,
    12527: _BLOCKED,
    12528: _BLOCKED,
    12529: "a rule of its filter rejects this host",
}


def connect_packet() -> bytes:
    """Return the packet: header, versions 314 and 300, sizes, where the data is, and the data."""
    body = struct.pack(
        ">HHHHHHHHHHIBB", 314, 300, 0, 2048, 32767, 0x4F98, 0, 1, len(_COMMAND), _DATA_OFFSET, 0, 0, 0
    )
    body = body.ljust(_DATA_OFFSET - 8, b"\0") + _COMMAND
    return struct.pack(">HHBBH", 8 + len(body), 0, _CONNECT, 0, 0) + body


def talk(wire: Wire) -> Waiting:
    """Connect, and read the answer."""
    wire.say(connect_packet())
    length, unused, kind, unused_flags, unused_sum = struct.unpack(">HHBBH", (yield from wire.hear(8)))
    if kind not in _ANSWERS or not 8 <= length <= _MAX_LENGTH:
        return Finding(OTHER)
    said = yield from wire.hear(length - 8)
    number, error = _number(rb"VSNNUM", said), _number(rb"ERR", said)
    known = version(number) if number else ""
    if error in _REFUSALS:
        return Finding(REFUSING, version=known, detail=f"TNS-{error}: {_REFUSALS[error]}")
    return Finding(IDENTIFIED, version=known, detail=f"the listener {_ANSWERS[kind]}")


def _number(name: bytes, said: bytes) -> int:
    found = re.search(rb"\(" + name + rb"=([0-9]{1,10})\)", said)
    return int(found.group(1)) if found else 0


def version(number: int) -> str:
    """Return Oracle's version number as words, whose widths in bits changed with release 18."""
    widths = (8, 8, 4, 8, 4) if number >> 24 >= 18 else (8, 4, 8, 4, 8)
    return ".".join(
        str(number >> 32 - sum(widths[: index + 1]) & (1 << width) - 1) for index, width in enumerate(widths)
    )
