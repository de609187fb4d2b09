# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: SSLRequest, and GSSENCRequest if it has no TLS (Frontend/Backend Protocol, "Message Formats").

Without TLS the answer is the single byte N, with which other words may begin as well. A server may then be
asked for the other kind of encryption, and answers with one byte again; one before release 12 answers with an
error.
"""

import ssl

from ._finding import IDENTIFIED, OTHER, Finding
from ._tls import refused
from ._wire import ENDED_OR_MALFORMED, Waiting, Wire

_SSL_REQUEST = bytes.fromhex("0000000804D2162F")
_GSS_REQUEST = bytes.fromhex("0000000804D21630")
_MAX_ERROR_BYTES = 4096


def talk(wire: Wire) -> Waiting:
    """Ask whether the server speaks TLS; if it does, see what it presents.

    It logs nothing of a client that leaves then.
    """
    wire.say(_SSL_REQUEST)
    answer = yield from wire.hear(1)
    if answer == b"N":
        return (yield from _without_tls(wire))
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
        length = int.from_bytes((yield from wire.hear(4)), "big")
        if not 5 < length <= _MAX_ERROR_BYTES or (yield from wire.hear(length - 4))[:1] != b"S":
            return Finding(OTHER)
    elif answer not in (b"N", b"G"):
        return Finding(OTHER)
    return Finding(IDENTIFIED, detail="without TLS")
