# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Db2: EXCSAT, by which two ends of DRDA exchange what they are (The Open Group, DRDA V5 Vol.

3: DDM Reference).
"""

import struct
from typing import Dict

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import Waiting, Wire

_EXCSAT = bytes.fromhex(
    "0032D0010001002C10410004115E0004116D0004115A001814041403000724070008240F0008144000081474000800041147"
)
_DDM, _EXCSATRD, _SYNTAX_ERROR, _CLASS, _RELEASE_LEVEL = 0xD0, 0x1443, 0x124C, 0x1147, 0x115A
# Replies by which it serves nobody: RSCLMTRM and AGNPRMRM of the DDM Reference.
_REFUSALS = {
    0x1233: "it has reached a limit of its resources",
    0x1232: "its agent ends because of a permanent error",
}
# Other databases speak DRDA, too: by the product code that their release level begins with, and their class.
_OTHERS = (("CSS", "derby", "Apache Derby"), ("IFX", "informix", "Informix"))
_MAX_LENGTH = 8192


def talk(wire: Wire) -> Waiting:
    """Exchange attributes and leave."""
    wire.say(_EXCSAT)
    length, magic, unused, unused_id = struct.unpack(">HBBH", (yield from wire.hear(6)))
    if magic != _DDM or not 10 <= length <= _MAX_LENGTH:
        return Finding(OTHER)
    content = yield from wire.hear(length - 6)
    code = struct.unpack_from(">H", content, 2)[0]
    if code in _REFUSALS:
        return Finding(REFUSING, detail=f"it answers with {code:04X}: {_REFUSALS[code]}")
    if code not in (_EXCSATRD, _SYNTAX_ERROR):
        return Finding(OTHER, looks_like="something that speaks DRDA, but no Db2")
    attributes = texts(content[4:])
    release, kind = attributes.get(_RELEASE_LEVEL, ""), attributes.get(_CLASS, "").lower()
    for product, word, name in _OTHERS:
        if release.startswith(product) or word in kind:
            return Finding(OTHER, looks_like=name)
    return Finding(IDENTIFIED, version=release)


def texts(parameters: bytes) -> Dict[int, str]:
    """Return the parameters by their code, as texts, which are EBCDIC or UTF-8."""
    found: Dict[int, str] = {}
    position = 0
    while position + 4 <= len(parameters):
        length, code = struct.unpack_from(">HH", parameters, position)
        if length < 4:
            break
        value = parameters[position + 4 : position + length]
        # Letters and digits of EBCDIC lie above ASCII.
        found[code] = clean(value.decode("cp500") if any(byte >= 0x80 for byte in value) else value)
        position += length
    return found
