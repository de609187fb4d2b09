# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP, and BucketFS, which speaks it."""

import re

from ._finding import IDENTIFIED, OTHER, Finding, clean
from ._wire import Waiting, Wire, looks_like

NAMES = ("http", "exaoperation_http", "bucketfs")


def talk(wire: Wire) -> Waiting:
    """Ask for the head of a page."""
    return (yield from ask(wire))


def ask(wire: Wire) -> Waiting:
    """Send HEAD and read the status line and the fields."""
    wire.say(b"HEAD / HTTP/1.1\r\nHost: " + authority(wire.host) + b"\r\nConnection: close\r\nUser-Agent: exasol_community.network\r\n\r\n")
    status = yield from wire.hear_until(b"\n", 1024)
    if not re.match(rb"HTTP/1\.[01] [0-9]{3}", status):
        return Finding(OTHER, looks_like=looks_like(status))
    fields = yield from headers(wire)
    if status[9:12] == b"400" and wire.tls is None:
        return Finding(OTHER, looks_like="HTTP that rejects an ordinary request (status 400), as a port of HTTPS does")
    return Finding(IDENTIFIED, version=clean(fields.get(b"server", b"")), detail="HTTP status {0}".format(status[9:12].decode("ascii")))


def headers(wire: Wire) -> Waiting:
    """Return the fields of a response, names in lower case."""
    fields = {}
    for unused in range(100):
        line = (yield from wire.hear_until(b"\n")).strip()
        if not line:
            break
        name, unused_colon, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip()
    return fields


def authority(host: str) -> bytes:
    """Return a host as it stands in a request (RFC 3986, section 3.2.2)."""
    return (host if ":" not in host else "[" + host + "]").encode("ascii", "replace")
