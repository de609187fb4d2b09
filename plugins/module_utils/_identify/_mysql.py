# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL and MariaDB: the handshake is finished, because otherwise the server may refuse the whole host.

A server counts connections that end within the handshake, for each host, and refuses the host for good once
max_connect_errors is reached (MySQL Reference Manual, "Blocked host"). A login that is denied is a finished
handshake and is not counted; so a user is named who cannot exist, without a password. Layouts:
"Protocol::HandshakeV10" and "Protocol::HandshakeResponse41" of the MySQL Source Code Documentation.

Before it greets, a server looks up the client's name, and who leaves meanwhile is counted as well. A resolver
that does not answer makes that last long: with three of them, two tries and 5 seconds each (resolv.conf(5))
half a minute.
"""

import re
import struct

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, SILENT, Finding
from ._wire import ENDED_OR_MALFORMED, SILENCE, EndedError, Waiting, Wire

USER = b"exasol_network_port_probe"
_PROTOCOL_41, _SECURE_CONNECTION, _PLUGIN_AUTH = 0x200, 0x8000, 0x80000
_ERROR, _OK, _SWITCH, _MORE, _QUIT = 0xFF, 0x00, 0xFE, 0x01, b"\x01"
_MAX_LENGTH = 4096
_ROUNDS = 4
ERRORS = {
    1040: "it accepts no logins at the moment: it has too many connections (max_connections)",
    1041: "it accepts no logins at the moment: it is out of memory",
    1053: "it is shutting down",
    1129: (
        "it refuses this host, because too many handshakes from it were interrupted: an administrator must "
        "run FLUSH HOSTS"
    ),
    1130: "it refuses this host: no account allows logins from its address or name",
    1135: "it accepts no logins at the moment: it cannot create a thread",
}
_NUMBERS = range(1000, 20000)  # of errors; proxies have theirs beyond those of servers
UNGREETED = (
    "no greeting came; a MySQL that still looks up this host's name may count that against it "
    "(max_connect_errors): fix name resolution there, or leave "
    "the row out (exasol_exclude)"
)


def talk(wire: Wire) -> Waiting:
    """Read the greeting, let a login be denied, and leave."""
    try:
        number, greeting = yield from packet(wire)
    except EndedError:
        if wire.heard or wire.ending != SILENCE:
            raise
        return Finding(SILENT, looks_like=SILENCE, detail=UNGREETED)
    if greeting[:1] == bytes((_ERROR,)):
        return _refused(number, greeting)
    if greeting[:1] != b"\x0a":
        return Finding(OTHER)
    # MariaDB before 11 puts a version of MySQL before its own, for replication.
    found = Finding(
        IDENTIFIED, version=clean(re.sub(rb"^5\.5\.5-", b"", greeting[1 : greeting.index(b"\0", 1)]))
    )
    try:
        code = yield from _be_denied(wire, number)
    except ENDED_OR_MALFORMED:
        return found._replace(detail="it ends the handshake too early")
    return found._replace(status=REFUSING, detail=ERRORS[code]) if code in ERRORS else found


def _refused(number: int, greeting: bytes) -> Finding:
    """Return what an error in the place of a greeting shows, also that of a proxy without a server."""
    code = struct.unpack_from("<H", greeting, 1)[0]
    if code in ERRORS:
        return Finding(REFUSING, detail=ERRORS[code])
    if number or code not in _NUMBERS or not greeting[3:].decode("utf-8", "replace").isprintable():
        return Finding(OTHER)
    said = clean(greeting[3:], 120)
    return Finding(REFUSING, detail=f"its greeting is error {code}: '{said}'")


def _be_denied(wire: Wire, number: int) -> Waiting:
    send(
        wire,
        number + 1,
        struct.pack("<IIB23x", _PROTOCOL_41 | _SECURE_CONNECTION | _PLUGIN_AUTH, 1 << 24, 33)
        + USER
        + b"\0"
        + b"\0"
        + b"mysql_native_password\0",
    )
    for unused in range(_ROUNDS):
        number, answer = yield from packet(wire)
        if answer[:1] == bytes((_ERROR,)):
            return struct.unpack_from("<H", answer, 1)[0]
        if answer[:1] == bytes((_OK,)):
            send(wire, 0, _QUIT)
            return 0
        send(wire, number + 1, b"")
    return 0


def packet(wire: Wire) -> Waiting:
    """Return the number and the content of the next packet."""
    head = yield from wire.hear(4)
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= _MAX_LENGTH:
        raise ValueError(f"a packet of {length} bytes")
    return head[3], (yield from wire.hear(length))


def send(wire: Wire, number: int, content: bytes) -> None:
    """Send a packet."""
    wire.say(struct.pack("<I", len(content))[:3] + bytes((number & 255,)) + content)
