# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP (RFC 4511): an anonymous bind, which asks for nothing, and an unbind.

A server that ends the connection by itself may say why, in a message to which there was no question: the
notice of disconnection (section 4.4.1).
"""

from typing import List

from ._certificate import Element, elements, first
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import Waiting, Wire

_BIND = bytes.fromhex("300C020101600702010304008000")
_UNBIND = bytes.fromhex("30050201024200")
_BIND_RESPONSE, _EXTENDED_RESPONSE, _ENUMERATED, _INTEGER, _RESPONSE_NAME = 0x61, 0x78, 0x0A, 0x02, 0x8A
_NOTICE_OF_DISCONNECTION = b"1.3.6.1.4.1.1466.20036"
_REFUSALS = {51: "it is too busy", 52: "it is shutting down, or reaches no server behind it"}  # appendix A.2
_MAX_LENGTH = 16384


def talk(wire: Wire) -> Waiting:
    """Bind as nobody and leave; any result proves LDAP, but some say that it serves nobody."""
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
    if _is_notice_of_disconnection(parts):
        code = _result_code(parts[1])
        reason = _REFUSALS.get(code, f"result code {code}")
        return Finding(REFUSING, detail=f"it ends the connection with a notice of disconnection: {reason}")
    if len(parts) < 2 or parts[0] != (_INTEGER, b"\x01") or parts[1].tag != _BIND_RESPONSE:
        return Finding(OTHER, looks_like="something that speaks ASN.1, but no LDAP")
    code = _result_code(parts[1])
    if code in _REFUSALS:
        return Finding(
            REFUSING, detail=f"it answers the anonymous bind with result code {code}: {_REFUSALS[code]}"
        )
    return Finding(
        IDENTIFIED, detail="" if code == 0 else f"it answers the anonymous bind with result code {code}"
    )


def _result_code(message: Element) -> int:
    result = first(message.content)
    if result.tag != _ENUMERATED or not 1 <= len(result.content) <= 4:
        raise ValueError("no result code")
    return int.from_bytes(result.content, "big")


def _is_notice_of_disconnection(parts: List[Element]) -> bool:
    if len(parts) < 2 or parts[0] != (_INTEGER, b"\x00") or parts[1].tag != _EXTENDED_RESPONSE:
        return False
    return (_RESPONSE_NAME, _NOTICE_OF_DISCONNECTION) in list(elements(parts[1].content))
