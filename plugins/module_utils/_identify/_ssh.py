# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH, SFTP and the cluster shell (RFC 4253, section 4.2): both ends say who they are."""

import re

from ._finding import IDENTIFIED, OTHER, Finding, clean
from ._wire import Waiting, Wire

NAMES = ("sftp", "os_ssh", "install_ssh", "cos_ssh")
_MOST_LINES = 20


def talk(wire: Wire) -> Waiting:
    """Introduce ourselves and wait for the server's line, which others may precede."""
    wire.say(b"SSH-2.0-exasol_community.network\r\n")
    for unused in range(_MOST_LINES):
        line = yield from wire.hear_until(b"\n", 1024)
        found = re.match(rb"SSH-(?:2\.0|1\.99)-(.*)", line.rstrip())
        if found:
            return Finding(IDENTIFIED, version=clean(found.group(1)))
        if line.startswith((b"220", b"HTTP/")):
            break
    return Finding(OTHER)
