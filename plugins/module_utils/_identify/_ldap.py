# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP (RFC 4511): an anonymous bind, which asks for nothing, and an unbind."""

from ._certificate import elements, first
from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import Waiting, Wire

_BIND = bytes.fromhex("300C020101600702010304008000")
_UNBIND = bytes.fromhex("30050201024200")
_BIND_RESPONSE, _ENUMERATED, _INTEGER = 0x61, 0x0A, 0x02
_MAX_LENGTH = 16384


def talk(wire: Wire) -> Waiting:
    """Bind as nobody and leave; any result proves LDAP."""
    wire.say(_BIND)
    head = yield from wire.hear(2)
    if head[0] != 0x30:
        return Finding(OTHER)
    length = yield from _length(wire, head[1])
    content = yield from wire.hear(length)
    wire.say(_UNBIND)
    return judge(content)


def _length(wire: Wire, short: int) -> Waiting:
    if short < 0x80:
        return short
    count = short & 0x7F
    if not 1 <= count <= 4:
        raise ValueError(f"a length of {count} bytes")
    length = int.from_bytes((yield from wire.hear(count)), "big")
    if length > _MAX_LENGTH:
        raise ValueError(f"a message of {length} bytes")
    return length


def judge(content: bytes) -> Finding:
    """Return what the content of an LDAP message shows."""
    parts = list(elements(content))
    if len(parts) < 2 or parts[0] != (_INTEGER, b"\x01") or parts[1].tag != _BIND_RESPONSE:
        return Finding(OTHER, looks_like="something that speaks ASN.1, but no LDAP")
    result = first(parts[1].content)
    if result.tag != _ENUMERATED or len(result.content) > 4:
        raise ValueError("no result code")
    code = int.from_bytes(result.content, "big")
    return Finding(
        IDENTIFIED, detail="" if code == 0 else f"it answers the anonymous bind with result code {code}"
    )
