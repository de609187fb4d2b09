# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP inside TLS from the first byte (implicit FTPS)."""

import ssl

from . import _ftp
from ._finding import OTHER, Finding
from ._tls import refused
from ._wire import Waiting, Wire

NAMES = ("ftps",)


def talk(wire: Wire) -> Waiting:
    """Shake hands, then as FTP."""
    try:
        yield from wire.start_tls()
        return (yield from _ftp.talk(wire))
    except ssl.SSLError as error:
        return refused(wire, error) or Finding(OTHER)
