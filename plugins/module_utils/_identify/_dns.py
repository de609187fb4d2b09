# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS (RFC 1035), over TCP and UDP: a question for the name servers of the root."""

import os
import struct

from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import Waiting, Wire, looks_like

NAMES = ("dns_tcp",)
_QUESTION = bytes.fromhex("000000010000000000000000020001")  # one question: root, NS, IN; recursion not desired
_RESPONSE = 0x8000


def question() -> bytes:
    """Return a question with an identifier that cannot be guessed."""
    return os.urandom(2) + _QUESTION


def talk(wire: Wire) -> Waiting:
    """Ask, with the length in front (RFC 7766, section 8)."""
    asked = question()
    wire.say(struct.pack(">H", len(asked)) + asked)
    length = struct.unpack(">H", (yield from wire.hear(2)))[0]
    if length < 12:
        return Finding(OTHER)
    found = judge(asked, (yield from wire.hear(12)))
    return found if found.status == IDENTIFIED else Finding(OTHER)  # what it looks like begins before the length


def judge(asked: bytes, answer: bytes) -> Finding:
    """Return what the head of an answer shows: it must be a response to this very question."""
    if len(answer) < 12 or answer[:2] != asked[:2] or not struct.unpack_from(">H", answer, 2)[0] & _RESPONSE:
        return Finding(OTHER, looks_like=looks_like(answer))
    code = answer[3] & 0x0F
    return Finding(IDENTIFIED, detail="" if code == 0 else "it answers with code {0}".format(code))
