# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that are HTTP inside TLS: web interfaces, Administration API, ConfD, BucketFS."""

from ._finding import IDENTIFIED, OTHER, Finding
from ._http import ask
from ._wire import EndedError, Waiting, Wire

NAMES = ("https", "exaoperation", "bucketfs_https", "admin_api", "exasol_admin", "confd")
_ALERT = b"\x15\x03"


def alerted(wire: Wire) -> bool:
    """Tell whether the server refused the handshake in the words of TLS (RFC 8446, section 6), which proves TLS."""
    return wire.heard.startswith(_ALERT)


def talk(wire: Wire) -> Waiting:
    """Shake hands, then ask for the head of a page (RFC 9110)."""
    try:
        yield from wire.start_tls()
    except OSError:  # ssl.SSLError
        if alerted(wire):
            return Finding(IDENTIFIED, detail="TLS, but the server refuses the handshake with an alert")
        return Finding(OTHER)
    try:
        return (yield from ask(wire))
    except EndedError:
        return Finding(IDENTIFIED, detail="TLS; it answers no HTTP request")
