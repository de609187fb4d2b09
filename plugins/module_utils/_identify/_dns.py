# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS (RFC 1035), over TCP and UDP: a question for the name of 127.0.0.1.

Every resolver answers it by itself (RFC 6303, section 4.2), so one without a way to the Internet does, too,
and at once. Recursion is desired, as of a resolver: some refuse a question without it, and the answer says
whether it is offered.
"""

import os
import struct

from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import Waiting, Wire, looks_like

_HEAD = struct.pack(">5H", 0x0100, 1, 0, 0, 0)  # recursion desired, one question
_QUESTION = b"\x011\x010\x010\x03127\x07in-addr\x04arpa\0" + struct.pack(">2H", 12, 1)  # PTR, IN
_RESPONSE, _RECURSION_AVAILABLE, _CODE = 0x8000, 0x0080, 0x000F
_NO_ERROR, _FAILED, _NO_SUCH_NAME, _REFUSED = 0, 2, 3, 5
_ANSWERED = (_NO_ERROR, _NO_SUCH_NAME)
_NO_RECURSION = (
    "it resolves no names for this host: its access list does not have this host, or it serves only its own "
    "zones"
)
_REFUSALS = {
    _FAILED: "it fails to resolve names (code SERVFAIL): the servers that it asks itself do not answer",
    _REFUSED: (
        "it refuses the question (code REFUSED): its access list does not have this host, or it serves only "
        "its own zones"
    ),
}


def question() -> bytes:
    """Return a question with an identifier that cannot be guessed."""
    return os.urandom(2) + _HEAD + _QUESTION


def talk(wire: Wire) -> Waiting:
    """Ask, with the length in front (RFC 7766, section 8)."""
    asked = question()
    wire.say(struct.pack(">H", len(asked)) + asked)
    length = struct.unpack(">H", (yield from wire.hear(2)))[0]
    if length < 12:
        return Finding(OTHER)
    found = judge(asked, (yield from wire.hear(12)))
    return found if found.status != OTHER else Finding(OTHER)  # what it looks like begins before the length


def judge(asked: bytes, answer: bytes) -> Finding:
    """Return what the head of an answer shows: it must be a response to this very question."""
    flags = struct.unpack_from(">H", answer, 2)[0] if len(answer) >= 12 else 0
    if answer[:2] != asked[:2] or not flags & _RESPONSE:
        return Finding(OTHER, looks_like=looks_like(answer))
    code = flags & _CODE
    if code not in _ANSWERED:
        other = f"it does not answer an ordinary question (code {code}): it resolves no names for this host"
        return Finding(REFUSING, detail=_REFUSALS.get(code, other))
    if not flags & _RECURSION_AVAILABLE:
        return Finding(REFUSING, detail=_NO_RECURSION)
    return Finding(IDENTIFIED)
