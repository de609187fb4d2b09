# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP (RFC 959) and FTP inside TLS from the first byte (implicit FTPS): the greeting, then QUIT."""

import re

from ._finding import IDENTIFIED, OTHER, Finding, clean
from ._wire import EndedError, Waiting, Wire

NAMES = ("ftp",)
_GREETINGS = (b"220", b"120", b"421")
_MOST_LINES = 50


def talk(wire: Wire) -> Waiting:
    """Wait for the greeting and leave."""
    greeting = yield from reply(wire)
    if greeting[:3] not in _GREETINGS or b"smtp" in greeting.lower():
        return Finding(OTHER)
    wire.say(b"QUIT\r\n")
    try:
        yield from reply(wire)
    except EndedError:
        pass  # some servers hang up without a word
    detail = "it answers, but offers no service now" if greeting[:3] != b"220" else ""
    return Finding(IDENTIFIED, version=clean(greeting[4:]), detail=detail)


def reply(wire: Wire) -> Waiting:
    """Return a reply's first line; a reply of several lines ends with its code and a space (RFC 959, section 4.2)."""
    first = yield from wire.hear_until(b"\n", 1024)
    if not re.match(rb"[1-5][0-9]{2}[ -]", first):
        raise ValueError("no reply of FTP")
    line = first
    for unused in range(_MOST_LINES):
        if line[:4] == first[:3] + b" ":
            return first.strip()
        line = yield from wire.hear_until(b"\n", 1024)
    raise ValueError("a reply of more than {0} lines".format(_MOST_LINES))
