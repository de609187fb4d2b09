# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH, SFTP and the cluster shell (RFC 4253, section 4.2): both ends say who they are.

OpenSSH has a line of its own for those whom it does not let in at the moment (drop_connection in sshd.c).
From 9.8 on that may be because a second of penalty was noted for each connection without a login
(PerSourcePenalties, sshd_config(5)).
"""

import re

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import SSH_REFUSALS, Waiting, Wire

_IDENT = b"exasol_community.network"
_MAX_LINES = 20
_WAIT = (
    "it accepts no logins at the moment: too many connections at once (MaxStartups), or too many from this "
    "address without a login (PerSourcePenalties)"
)


def talk(wire: Wire) -> Waiting:
    """Introduce ourselves and wait for the server's line, which others may precede."""
    wire.say(b"SSH-2.0-" + _IDENT + b"\r\n")
    for unused in range(_MAX_LINES):
        line = yield from wire.hear_until(b"\n", 1024)
        found = re.match(rb"SSH-(?:2\.0|1\.99)-(.*)", line.rstrip())
        if found and found.group(1).startswith(_IDENT):
            # An echo, or IMAP, which takes our first word for a tag and answers with it (RFC 9051, section
            # 2.2.1).
            return Finding(OTHER, looks_like="something that repeats our words")
        if found:
            return Finding(IDENTIFIED, version=clean(found.group(1)))
        if line.startswith(SSH_REFUSALS):
            return Finding(IDENTIFIED, version="OpenSSH", detail=_WAIT)
        if line.startswith((b"220", b"HTTP/", b"* OK")):
            break
    return Finding(OTHER)
