# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: SSLRequest, and GSSENCRequest if it has no TLS (Frontend/Backend Protocol, "Message Formats").

Without TLS the answer is the single byte N, with which other words may begin as well. A server may then be
asked for the other kind of encryption, and answers with one byte again; one before release 12 answers with an
error. What says more than that has not waited for our question.

A server or a pooler that serves nobody answers with an error at once.
"""

import re
import ssl
from typing import Optional

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._tls import refused
from ._wire import ENDED_OR_MALFORMED, Waiting, Wire

_SSL_REQUEST = bytes.fromhex("0000000804D2162F")
_GSS_REQUEST = bytes.fromhex("0000000804D21630")
_MAX_ERROR_BYTES = 4096
_OLD_ERROR = re.compile(rb"[^\0]{1,1000}\n\0")  # of a server that cannot start a process for a connection


def talk(wire: Wire) -> Waiting:
    """Ask whether the server speaks TLS; if it does, see what it presents.

    It logs nothing of a client that leaves then.
    """
    wire.say(_SSL_REQUEST)
    answer = yield from wire.hear(1)
    if answer == b"N" and not wire.rest():
        return (yield from _without_tls(wire))
    if answer == b"E":
        return (yield from _refused(wire))
    if answer != b"S":
        return Finding(OTHER)
    try:
        yield from wire.start_tls()
    except ENDED_OR_MALFORMED as error:
        alerted = refused(wire, error) if isinstance(error, ssl.SSLError) else None
        return alerted or Finding(OTHER, detail="it agrees to TLS, but does not speak it")
    return Finding(IDENTIFIED)


def _without_tls(wire: Wire) -> Waiting:
    wire.say(_GSS_REQUEST)
    answer = yield from wire.hear(1)
    if answer == b"E":
        if (yield from _error(wire)) is None:
            return Finding(OTHER)
    elif answer not in (b"N", b"G") or wire.rest():
        return Finding(OTHER)
    return Finding(IDENTIFIED, detail="without TLS")


def _refused(wire: Wire) -> Waiting:
    """Return what an error shows that answers the first question."""
    error = yield from _error(wire)
    return Finding(OTHER) if error is None else Finding(REFUSING, detail=f"it answers with '{error}'")


def _error(wire: Wire) -> Waiting:
    """Return the message of an error, behind its first byte; None where it is none (ErrorResponse)."""
    head = yield from wire.hear(4)
    length = int.from_bytes(head, "big")
    if length > _MAX_ERROR_BYTES:
        return _message_of_old(head + (yield from wire.hear_until(b"\0", 1024)))
    if length <= 5:
        return None
    fields = (yield from wire.hear(length - 4)).split(b"\0")
    if fields[0][:1] != b"S":
        return None
    return clean(b"".join(field[1:] for field in fields if field[:1] == b"M"), 150)


def _message_of_old(words: bytes) -> Optional[str]:
    return clean(words[:-1].strip(), 150) if _OLD_ERROR.match(words) else None
