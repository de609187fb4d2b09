# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are HTTP inside TLS: web interfaces, Administration API, ConfD, BucketFS.

A server may refuse a client in the words of TLS, which proves TLS (RFC 8446, section 6). Up to TLS 1.2 an
alert ends the handshake. With TLS 1.3 the client has finished it before the server looks at the client's
certificate, so the alert comes encrypted, while we ask (RFC 8446, section 4.4.2.4).

A server that is too old for the TLS library of this host has shown by its ServerHello that it speaks TLS.
"""

import re
import ssl
from typing import Optional

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, Finding
from ._http import ask
from ._wire import SILENCE, EndedError, Script, Waiting, Wire

# A record with one alert: version, length 2, warning or fatal (RFC 8446, sections 5.1 and 6).
_ALERT = re.compile(rb"\x15\x03[\x00-\x04]\x00\x02[\x01\x02]", re.DOTALL)
_HANDSHAKE, _SERVER_HELLO, _CERTIFICATE_REQUEST = 22, 2, 13
_REFUSALS = ("HANDSHAKE_FAILURE", "ACCESS_DENIED", "UNKNOWN_CA")
_REFUSED = "TLS, but the server refuses the handshake with an alert"
_NOTHING_INSIDE = "it speaks TLS, but sends nothing inside"
_HUNG_UP_INSIDE = (
    "it speaks TLS, but closes the connection before it answers: it is another service, or requires a client "
    "certificate"
)
_NOT_ACCEPTED = "TLS that the TLS library of this host does not accept ({0}); the service inside was not seen"
_WANTS_CERTIFICATE = "TLS that requires a client certificate; the service inside was not seen"


def refused(wire: Wire, error: OSError) -> Optional[Finding]:
    """Return what an alert shows with which the server ended TLS, or None if there was no alert."""
    reason = getattr(error, "reason", None) or ""
    heard = wire.heard[wire.before_tls :]
    if wire.tls is None and _ALERT.match(heard):
        return Finding(IDENTIFIED, detail=_REFUSED)
    # OpenSSL's names of alerts that came in, such as TLSV13_ALERT_CERTIFICATE_REQUIRED.
    if "_ALERT_" not in reason:
        return _not_accepted(wire, heard, reason)
    wants = "CERTIFICATE" in reason or _asks_for_certificate(heard)
    if wire.tls is not None and not wants and not reason.endswith(_REFUSALS):
        return None  # after the handshake other alerts say something of what we asked
    return Finding(IDENTIFIED, detail=_WANTS_CERTIFICATE if wants else _REFUSED)


def _not_accepted(wire: Wire, heard: bytes, reason: str) -> Optional[Finding]:
    if wire.tls is not None or not _begins_with_server_hello(heard):
        return None
    return Finding(IDENTIFIED, detail=_NOT_ACCEPTED.format(clean(reason.replace("_", " ").lower(), 80)))


def _begins_with_server_hello(heard: bytes) -> bool:
    """Tell whether a whole ServerHello came: 38 bytes at least, of a version of TLS (RFC 5246, 7.4.1.3)."""
    messages = _handshake_messages(heard)
    length = int.from_bytes(messages[1:4], "big")
    return messages[:1] == bytes((_SERVER_HELLO,)) and 38 <= length <= len(messages) - 4 and messages[4] == 3


def _asks_for_certificate(heard: bytes) -> bool:
    """Tell whether a handshake has a CertificateRequest, which is plain text up to TLS 1.2.

    See RFC 5246, sections 6.2.1 and 7.4.
    """
    messages = _handshake_messages(heard)
    position = 0
    while position + 4 <= len(messages):
        if messages[position] == _CERTIFICATE_REQUEST:
            return True
        position += 4 + int.from_bytes(messages[position + 1 : position + 4], "big")
    return False


def _handshake_messages(heard: bytes) -> bytes:
    messages, position = b"", 0
    while position + 5 <= len(heard) and heard[position] == _HANDSHAKE:
        length = int.from_bytes(heard[position + 3 : position + 5], "big")
        messages += heard[position + 5 : position + 5 + length]
        position += 5 + length
    return messages


def inside(wire: Wire, script: Script) -> Waiting:
    """Shake hands, then talk as inside of it."""
    try:
        yield from wire.start_tls()
        return (yield from script(wire))
    except ssl.SSLError as error:
        return refused(wire, error) or Finding(OTHER)
    except EndedError:
        if wire.tls is not None:
            return Finding(OTHER, detail=_NOTHING_INSIDE if wire.ending == SILENCE else _HUNG_UP_INSIDE)
        # GnuTLS hangs up without an alert where a certificate is missing.
        if wire.ending == SILENCE or not _asks_for_certificate(wire.heard[wire.before_tls :]):
            raise
        return Finding(IDENTIFIED, detail=_WANTS_CERTIFICATE)


def talk(wire: Wire) -> Waiting:
    """Shake hands, then ask for the head of a page (RFC 9110)."""
    return (yield from inside(wire, ask))
