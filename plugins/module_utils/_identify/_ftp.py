# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP (RFC 959) and FTP inside TLS from the first byte (implicit FTPS): the greeting, then QUIT.

Mail servers (SMTP, submission, LMTP) greet with the same numbers. Most name their protocol, and those that do
not give themselves away: by the codes of RFC 3463 behind the number, or by how they say goodbye (RFC 5321,
section 4.2.3).
"""

import re

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import EndedError, Waiting, Wire

_READY = b"220"
_NOT_NOW = (b"120", b"421", b"530")  # 530 is what ProFTPD says at its limits
_MAIL = re.compile(
    rb"(?i).*\b(e?smtp|lmtp)\b|(221[ -]2|421[ -]4|530[ -]5)\.[0-9]{1,3}\.[0-9]|[24]21[ -]\S+\.\S+ (service "
    rb")?(closing|not available)"
)
_MAX_LINE_BYTES = 8192


def is_mail(line: bytes) -> bool:
    """Tell whether a greeting or a goodbye is a mail server's."""
    return _MAIL.match(line) is not None


def talk(wire: Wire) -> Waiting:
    """Wait for the greeting and leave."""
    greeting = yield from reply(wire)
    if is_mail(greeting):
        return Finding(OTHER, looks_like="SMTP")
    said = clean(greeting[4:])
    if greeting[:3] in _NOT_NOW:
        return Finding(REFUSING, detail=f"its greeting is '{clean(greeting, 150)}'")
    if greeting[:3] != _READY:
        return Finding(OTHER)
    wire.say(b"QUIT\r\n")
    try:
        if is_mail((yield from reply(wire))):
            return Finding(OTHER, looks_like="SMTP")
    except EndedError:
        pass  # some servers hang up without a word
    return Finding(IDENTIFIED, version=said)


def reply(wire: Wire) -> Waiting:
    """Return a reply's first line.

    A reply of several lines ends with its code and a space (RFC 959, section 4.2).
    """
    first = yield from wire.hear_until(b"\n", 1024)
    if not re.match(rb"[1-5][0-9]{2}[ -]", first):
        raise ValueError("no reply of FTP")
    line = first
    while line[:4] != first[:3] + b" ":
        line = yield from wire.hear_until(b"\n", _MAX_LINE_BYTES)
    return first.strip()
