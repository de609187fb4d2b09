# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP inside TLS."""

from . import _ldap
from ._finding import IDENTIFIED, OTHER, Finding
from ._tls import alerted
from ._wire import Waiting, Wire

NAMES = ("ldaps",)


def talk(wire: Wire) -> Waiting:
    """Shake hands, then as LDAP."""
    try:
        yield from wire.start_tls()
    except OSError:  # ssl.SSLError
        if alerted(wire):
            return Finding(IDENTIFIED, detail="TLS, but the server refuses the handshake with an alert")
        return Finding(OTHER)
    return (yield from _ldap.talk(wire))
