# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Exasol database: WebSocket inside TLS, and the first step of a login, which asks for the server's key.

Source: https://github.com/exasol/websocket-api (login: the server answers the protocol version with its
public key, or an exception with a text and an SQL code; user name and password would follow, and never do
here).
"""

import base64
import hashlib
import json
import os
import re
import struct
from typing import Dict

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._http import authority, headers
from ._wire import MAX_BYTES, Waiting, Wire, looks_like

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
_NORMAL = struct.pack(">H", 1000)
_MAX_FRAMES = 10


def talk(wire: Wire) -> Waiting:
    """Shake hands, upgrade, ask for the key, say goodbye."""
    yield from wire.start_tls()
    key = base64.b64encode(os.urandom(16))
    wire.say(
        b"GET / HTTP/1.1\r\nHost: "
        + authority(wire.host)
        + b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
        + key
        + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    status = yield from wire.hear_until(b"\n", 1024)
    fields: Dict[bytes, bytes] = {}
    yield from headers(wire, fields)
    if not status.startswith(b"HTTP/1.1 101") or fields.get(b"sec-websocket-accept") != _accept(key):
        return Finding(
            OTHER, looks_like=looks_like(status), detail="it does not speak WebSocket, as the database does"
        )
    wire.say(frame(_TEXT, json.dumps({"command": "login", "protocolVersion": 3}).encode("ascii")))
    answer = yield from message(wire)
    wire.say(frame(_CLOSE, _NORMAL))
    return judge(answer)


def judge(answer: bytes) -> Finding:
    """Return what the answer to the first step of the login shows."""
    document = json.loads(answer.decode("utf-8"))
    if isinstance(document, dict) and document.get("status") == "ok":
        data = document.get("responseData")
        if isinstance(data, dict) and "publicKeyPem" in data:
            return Finding(IDENTIFIED)
    if isinstance(document, dict) and document.get("status") == "error":
        said = _exception(document.get("exception"))
        if said:
            return Finding(REFUSING, detail=f"it answers the first step of a login with '{said}'")
    return Finding(
        OTHER, looks_like="WebSocket", detail="its answer to the first step of a login is not the database's"
    )


def _exception(exception: object) -> str:
    """Return the text of an exception and its SQL code, or nothing if it is none of the database."""
    if not isinstance(exception, dict):
        return ""
    text, code = exception.get("text"), exception.get("sqlCode")
    if not (isinstance(text, str) and isinstance(code, str) and re.match(r"[0-9A-Z]{5}$", code)):
        return ""
    return clean(f"{text[:120]} ({code})")


def _accept(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + _GUID).digest())


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a masked frame of less than 126 bytes (RFC 6455, section 5.2)."""
    mask = os.urandom(4)
    return (
        bytes((0x80 | opcode, 0x80 | len(payload)))
        + mask
        + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    )


def message(wire: Wire) -> Waiting:
    """Return the next text message; raises ValueError for what is too long or none."""
    parts = b""
    for unused in range(_MAX_FRAMES):
        first, second = yield from wire.hear(2)
        payload = yield from wire.hear((yield from _length(wire, second & 0x7F)))
        if first & 0x0F == _CLOSE:
            raise ValueError("it closes the WebSocket")
        if first & 0x0F in (_PING, _PONG):
            continue
        parts += payload
        if first & 0x80:
            return parts
    raise ValueError(f"a message in more than {_MAX_FRAMES} frames")


def _length(wire: Wire, short: int) -> Waiting:
    if short < 126:
        return short
    length = int.from_bytes((yield from wire.hear(2 if short == 126 else 8)), "big")
    if length > MAX_BYTES:
        raise ValueError(f"a frame of {length} bytes")
    return length
