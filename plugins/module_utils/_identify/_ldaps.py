# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""LDAP inside TLS."""

import ssl

from . import _ldap
from ._finding import OTHER, Finding
from ._tls import refused
from ._wire import Waiting, Wire

NAMES = ("ldaps",)


def talk(wire: Wire) -> Waiting:
    """Shake hands, then as LDAP."""
    try:
        yield from wire.start_tls()
        return (yield from _ldap.talk(wire))
    except ssl.SSLError as error:
        return refused(wire, error) or Finding(OTHER)
