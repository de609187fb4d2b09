# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a listener proves to a probe which host and which run it belongs to.

The probe sends one line, the hello: the name of the run and a fresh nonce. The listener answers with its
host's name, the port at which the hello arrived, the address from which it came, its clock, and a keyed hash
(HMAC-SHA256, RFC 2104) of the nonce and all of these, with the run's token as key. The token itself is never
sent. A device in between may lead several ports to one, which only the listener can tell.

Everybody who does not name a run that the listener serves gets one fixed line, the notice, which says that
this is a listener and not a service.

A hello that asks for a measuring connection (measuring.py) has a keyed hash of its nonce in place of the
padding: only who knows the token may keep a connection open. A wish for a transfer of data (transfers.py) has
one of a nonce of the listener, so that who recorded it cannot use it again.
"""

import binascii
import hashlib
import hmac
import math
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Iterator, NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote

from .._values.addresses import parse_address
from .._values.errors import NetworkError

if TYPE_CHECKING:
    from hashlib import _Hash

_MAGIC = b"EXASOL-NETWORK-3"
MAX_BYTES = 1024  # bytes of a hello or an answer
_NONCE = 12
_MAC = 32  # characters
# One full-size segment has room for it at the smallest MTU of IPv4 (576, RFC 791).
_PADDING = b" " + b"." * 440 + b"\n"
# No key is needed for the notice: whoever forges it says only about himself that he is not a service. It is
# the same in all versions of the protocol, so that they know each other's listeners.
NOTICE = b"EXASOL-NETWORK-1 a listener that verifies the network, no service\n"


_BLOCK = 64  # bytes of a block of SHA-256
_INNER, _OUTER = bytes(byte ^ 0x36 for byte in range(256)), bytes(byte ^ 0x5C for byte in range(256))
_NONCES_AT_ONCE = 64


@lru_cache(maxsize=64)
def _halves(key: bytes) -> "Tuple[_Hash, _Hash]":
    """Return both hashes of HMAC (RFC 2104, section 2) after their first block, which holds only the key.

    A run needs as many as it has connections, of one key. To copy these costs a third of C(hmac.digest),
    which prepares the key, and with OpenSSL 3 looks up the hash by its name, for each.
    """
    block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
    return hashlib.sha256(block.translate(_INNER)), hashlib.sha256(block.translate(_OUTER))


def _digest(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256."""
    inner, outer = _halves(key)
    inner = inner.copy()
    inner.update(message)
    outer = outer.copy()
    outer.update(inner.digest())
    return outer.digest()


def check_token(token: str) -> bytes:
    """Return the token as key."""
    if len(token) < 16:
        raise NetworkError(f"the token has {len(token)} characters: expected at least 16 random characters")
    return token.encode("utf-8")


def run_id(key: bytes) -> bytes:
    """Return the public name of a run, which does not reveal its token."""
    return hashlib.sha256(b"run:" + key).hexdigest()[:16].encode("ascii")


def control_id(key: bytes, host: str) -> str:
    """Return a name for a control socket that only the run and its host's listener can know."""
    return hmac.new(key, b"control:" + host.encode("utf-8"), "sha256").hexdigest()[:24]


def new_nonce() -> bytes:
    """Return a nonce for one connection."""
    return binascii.hexlify(os.urandom(_NONCE))


def nonces() -> Iterator[bytes]:
    """Yield nonces for many connections of one process, drawn together, because each draw costs a call.

    A process that is forked must not go on with these, because both would yield the same.
    """
    while True:
        drawn = binascii.hexlify(os.urandom(_NONCE * _NONCES_AT_ONCE))
        for start in range(0, len(drawn), 2 * _NONCE):
            yield drawn[start : start + 2 * _NONCE]


def prefix(key: bytes) -> bytes:
    """Return what every hello of a run begins with."""
    return _MAGIC + b" " + run_id(key) + b" "


class Hello(NamedTuple):
    """What a hello says."""

    run: bytes
    nonce: bytes
    permit: bytes = b""  # the hash of one that asks for a measuring connection


class Answer(NamedTuple):
    """What a listener that proved itself says."""

    host: str
    port: int  # at which our hello arrived, 0 if the listener's word is no number
    seen: str  # the address from which our hello came, or empty if the listener's word is no address
    stamp: bytes  # its clock, see C(clock)


def hello(start: bytes, nonce: bytes) -> bytes:
    """Return the probe's line.

    It is padded, so that a datagram's answer is never longer than its question.
    """
    return start + nonce + _PADDING


def measuring_hello(key: bytes, nonce: bytes) -> bytes:
    """Return the line of a probe that asks for a measuring connection."""
    return prefix(key) + nonce + b" " + _permit(key, nonce) + b"\n"


def read_hello(line: bytes) -> Optional[Hello]:
    """Return what a hello says, or None if the line is not one."""
    parts = line.split(b" ")
    if len(parts) != 4 or parts[0] != _MAGIC or len(parts[2]) != 2 * _NONCE:
        return None
    return Hello(parts[1], parts[2], parts[3] if len(parts[3]) == _MAC else b"")


def may_measure(key: bytes, said: Hello) -> bool:
    """Tell whether a hello asks for a measuring connection, and comes from who knows the token."""
    return bool(said.permit) and hmac.compare_digest(said.permit, _permit(key, said.nonce))


def transfer_permit(key: bytes, challenge: bytes, wish: bytes) -> bytes:
    """Return the hash with which a probe asks for a transfer: of the listener's nonce, so it serves once."""
    return binascii.hexlify(_digest(key, b"transfer " + challenge + b" " + wish)[:16])


def may_transfer(key: bytes, challenge: bytes, wish: bytes, permit: bytes) -> bool:
    """Tell whether a wish for a transfer comes from who knows the token."""
    return bool(challenge) and hmac.compare_digest(permit, transfer_permit(key, challenge, wish))


def may_be_hello(data: bytes) -> bool:
    """Tell whether data can be the beginning of a hello."""
    return data[: len(_MAGIC)] == _MAGIC[: len(data)]


def is_answer(data: bytes) -> bool:
    """Tell whether data looks like a listener's line, to whichever hello it is the answer."""
    return data.startswith(_MAGIC + b" ")


def is_notice(data: bytes) -> bool:
    """Tell whether data is the notice: a listener answers, and does not serve our run."""
    return data.startswith(NOTICE)


def answer(key: bytes, host: str, nonce: bytes, port: int, seen: str, now: float) -> bytes:
    """Return the listener's line: who it is, where and from which address the hello came, and its clock."""
    said = b"%s %d %s %.6f" % (_encoded(host), port, _without_scope(seen), now)
    return b"%s %s %s\n" % (_MAGIC, _mac(key, nonce, said), said)


def read_answer(key: bytes, nonce: bytes, line: bytes) -> Optional[Answer]:
    """Return what the host that answered says, or None if the answer proves nothing."""
    parts = line.rstrip(b"\n").split(b" ", 2)
    if len(parts) != 3 or parts[0] != _MAGIC or not hmac.compare_digest(parts[1], _mac(key, nonce, parts[2])):
        return None
    words = parts[2].split(b" ")
    if len(words) != 4:
        return None
    port = int(words[1]) if words[1].isdigit() else 0
    return Answer(host=_decoded(words[0]), port=port, seen=_address(words[2]), stamp=words[3])


def clock(said: Answer) -> Optional[float]:
    """Return the clock of the listener's host, seconds since 1970, or None if it says no time."""
    try:
        seconds = float(said.stamp)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


@lru_cache(maxsize=64)
def _encoded(host: str) -> bytes:
    return quote(host, safe="")[:384].encode("ascii")


@lru_cache(maxsize=4096)
def _without_scope(seen: str) -> bytes:
    return seen.partition("%")[0].encode("ascii")


@lru_cache(maxsize=4096)
def _decoded(name: bytes) -> str:
    return unquote(name.decode("ascii", "replace"))


@lru_cache(maxsize=4096)
def _address(word: bytes) -> str:
    return str(parse_address(_decoded(word)) or "")


def _mac(key: bytes, nonce: bytes, said: bytes) -> bytes:
    return binascii.hexlify(_digest(key, nonce + b" " + said)[:16])


def _permit(key: bytes, nonce: bytes) -> bytes:
    return binascii.hexlify(_digest(key, b"measure " + nonce)[:16])
