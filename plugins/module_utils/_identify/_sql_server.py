# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL Server: PRELOGIN of Tabular Data Stream (MS-TDS, section 2.2.6.5)."""

import struct

from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import Waiting, Wire

_PRELOGIN = bytes.fromhex(
    "1201002F0000010000001A00060100200001020021000103002200040400260001FF0900000000000100B80D000001"
)
_REPLY, _VERSION, _TERMINATOR = 4, 0, 255
_MAX_LENGTH = 4096


def talk(wire: Wire) -> Waiting:
    """Send PRELOGIN and read the server's version."""
    wire.say(_PRELOGIN)
    kind, unused_status, length = struct.unpack(">BBH", (yield from wire.hear(8))[:4])
    if kind != _REPLY or not 8 < length <= _MAX_LENGTH:
        return Finding(OTHER)
    return judge((yield from wire.hear(length - 8)))


def judge(options: bytes) -> Finding:
    """Return what the options of a PRELOGIN response show."""
    position = 0
    while options[position] != _TERMINATOR:
        token, offset, length = struct.unpack_from(">BHH", options, position)
        if token == _VERSION and length >= 6:
            return Finding(
                IDENTIFIED, version="{0}.{1}.{2}".format(*struct.unpack_from(">BBH", options, offset))
            )
        position += 5
    raise ValueError("no version among the options")
