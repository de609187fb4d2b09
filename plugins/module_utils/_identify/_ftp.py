# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP (RFC 959) and FTP inside TLS from the first byte (implicit FTPS): the greeting, then QUIT.

Mail servers (SMTP, submission, LMTP) greet with the same numbers. Most name their protocol, and those that do
not give themselves away: by the codes of RFC 3463 behind the number, or by how they say goodbye (RFC 5321,
section 4.2.3), for which they name their host once more. A few other protocols have the numbers as well, and
name themselves in the greeting.
"""

import re

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import EndedError, Waiting, Wire

_READY = b"220"
# 530 is what ProFTPD says at its limits, and 500 when it has no server for the address. vsftpd says 500 OOPS
# when it cannot work with its settings.
_NOT_NOW = (b"120", b"421", b"500", b"530")
_MAIL = re.compile(
    rb"(?i).*\b(e?smtp|lmtp)\b|(221[ -]2|421[ -]4|5[0-9]{2}[ -]5)\.[0-9]{1,3}\.[0-9]"
    rb"|[24]21[ -]\S+\.\S+ (service )?(closing|not available)"
    rb"|221[ -](?!server |service |session |now |bye |goodbye )[a-z0-9-]+ closing connection$"
)
_OTHERS = re.compile(rb"VMware Authentication Daemon|\b(AMANDA|dictd|RMATE|SAFT|SLNP|SNPP|SVDRP)\b")
_OOPS = re.compile(rb"500 OOPS: [^\r\n]*")
_MAX_LINE_BYTES = 8192


def is_mail(line: bytes) -> bool:
    """Tell whether a greeting or a goodbye is a mail server's."""
    return _MAIL.match(line) is not None


def talk(wire: Wire) -> Waiting:
    """Wait for the greeting and leave."""
    try:
        greeting = yield from reply(wire)
    except EndedError:
        # vsftpd's last words may have no end of line.
        greeting = _last_words(wire)
    if is_mail(greeting):
        return Finding(OTHER, looks_like="SMTP")
    other = _OTHERS.search(greeting)
    if other:
        return Finding(OTHER, looks_like=clean(other.group()))
    said = clean(greeting[4:])
    if greeting[:3] in _NOT_NOW:
        return Finding(REFUSING, detail=f"its greeting is '{clean(greeting, 150)}'")
    if greeting[:3] != _READY:
        return Finding(OTHER)
    wire.say(b"QUIT\r\n")
    try:
        goodbye = yield from reply(wire)
    except EndedError:
        goodbye = b""  # some servers hang up without a word
    if is_mail(goodbye) or _names_its_host_twice(greeting, goodbye):
        return Finding(OTHER, looks_like="SMTP")
    return Finding(IDENTIFIED, version=said)


def _last_words(wire: Wire) -> bytes:
    found = _OOPS.match(wire.rest())
    if not found:
        raise EndedError()
    return found.group()


def _names_its_host_twice(greeting: bytes, goodbye: bytes) -> bool:
    """Tell whether both begin with the same name of a host, as mail servers do it, and neither is FTP's."""
    if b"ftp" in (greeting + goodbye).lower():
        return False
    host, again = (line[4:].split(b" ")[0].lower() for line in (greeting, goodbye))
    return host == again and re.match(rb"[a-z0-9-]+(\.[a-z0-9-]+)+$", host) is not None


def reply(wire: Wire) -> Waiting:
    """Return a reply's first line.

    A reply of several lines ends with its code and a space (RFC 959, section 4.2).
    """
    first = yield from wire.hear_until(b"\n", 1024)
    if not re.match(rb"[1-5][0-9]{2}([ -]|\r?\n)", first):
        raise ValueError("no reply of FTP")
    line = first
    # Clients take a code without any text for the end, too.
    while line[:3] != first[:3] or line[3:4] not in b" \r\n":
        line = yield from wire.hear_until(b"\n", _MAX_LINE_BYTES)
    return first.strip()
