# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: SSLRequest (Frontend/Backend Protocol, "SSL Session Encryption")."""

from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import ENDED_OR_MALFORMED, Waiting, Wire

NAMES = ("postgresql",)
_SSL_REQUEST = bytes.fromhex("0000000804D2162F")


def talk(wire: Wire) -> Waiting:
    """Ask whether the server speaks TLS; if it does, see what it presents. It logs nothing of a client that leaves then."""
    wire.say(_SSL_REQUEST)
    answer = yield from wire.hear(1)
    if answer == b"N":
        return Finding(IDENTIFIED, detail="without TLS")
    if answer != b"S":
        return Finding(OTHER)
    try:
        yield from wire.start_tls()
    except ENDED_OR_MALFORMED:
        return Finding(OTHER, detail="it agrees to TLS, but does not speak it")
    return Finding(IDENTIFIED)
