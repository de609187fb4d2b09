# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP inside TLS from the first byte (implicit FTPS)."""

from . import _ftp
from ._tls import inside
from ._wire import Waiting, Wire


def talk(wire: Wire) -> Waiting:
    """Shake hands, then as FTP."""
    return (yield from inside(wire, _ftp.talk))
