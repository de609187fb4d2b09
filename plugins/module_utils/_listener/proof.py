# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a listener proves to a probe that it is the very host and run that the probe means.

The probe sends one line with the run and a fresh nonce. The listener answers with its host's name and a keyed
hash (HMAC-SHA256, RFC 2104) of nonce and name under the run's token. The token itself never crosses the
network. Whoever does not name a run that the listener serves hears one fixed line, which says that it is a
listener and no service.
"""

import binascii
import hashlib
import hmac
import os
from functools import lru_cache
from typing import Optional, Tuple
from urllib.parse import quote, unquote

from .._values.errors import NetworkError

_MAGIC = b"EXASOL-NETWORK-1"
LONGEST = 1024  # bytes of a hello or an answer
_NONCE = 12
_PADDING = b" " + b"." * 420 + b"\n"
# What a listener says to whoever does not talk to one of its runs, so that nobody takes it for a service: no
# key is needed for that, because whoever forges it only says of himself that he is no service.
NOTICE = _MAGIC + b" a listener that verifies the network, no service\n"


def _slow_digest(key: bytes, message: bytes, digest: str) -> bytes:
    return hmac.new(key, message, digest).digest()


_digest = getattr(hmac, "digest", _slow_digest)  # since Python 3.7, several times faster


def check_token(token: str) -> bytes:
    """Return the token as key."""
    if len(token) < 16:
        raise NetworkError(f"the token has {len(token)} characters: expected at least 16, random ones")
    return token.encode("utf-8")


def run_id(key: bytes) -> bytes:
    """Return the public name of a run, from which its token cannot be told."""
    return hashlib.sha256(b"run:" + key).hexdigest()[:16].encode("ascii")


def control_id(key: bytes, host: str) -> str:
    """Return what a run and its host's listener alone can know, for the name of the socket between them."""
    return hmac.new(key, b"control:" + host.encode("utf-8"), "sha256").hexdigest()[:24]


def new_nonce() -> bytes:
    """Return a nonce for one connection."""
    return binascii.hexlify(os.urandom(_NONCE))


def prefix(key: bytes) -> bytes:
    """Return what every hello of a run begins with."""
    return _MAGIC + b" " + run_id(key) + b" "


def hello(start: bytes, nonce: bytes) -> bytes:
    """Return the probe's line.

    It is padded, so that a datagram's answer is never longer than its question.
    """
    return start + nonce + _PADDING


def read_hello(line: bytes) -> Optional[Tuple[bytes, bytes]]:
    """Return run and nonce of a hello, or None if the line is not one."""
    parts = line.split(b" ")
    if len(parts) != 4 or parts[0] != _MAGIC or len(parts[2]) != 2 * _NONCE:
        return None
    return parts[1], parts[2]


def may_be_hello(data: bytes) -> bool:
    """Tell whether data can be the beginning of a hello."""
    return data[: len(_MAGIC)] == _MAGIC[: len(data)]


def is_notice(data: bytes) -> bool:
    """Tell whether a listener says that it is one, and serves another run or none."""
    return data.startswith(NOTICE)


def answer(key: bytes, host: str, nonce: bytes) -> bytes:
    """Return the listener's line."""
    name = _encoded(host)
    return b" ".join((_MAGIC, _mac(key, nonce, name), name)) + b"\n"


def read_answer(key: bytes, nonce: bytes, line: bytes) -> Optional[str]:
    """Return the name of the host that answered, or None if the answer proves nothing."""
    parts = line.rstrip(b"\n").split(b" ")
    if len(parts) != 3 or parts[0] != _MAGIC or not hmac.compare_digest(parts[1], _mac(key, nonce, parts[2])):
        return None
    return _decoded(parts[2])


@lru_cache(maxsize=64)
def _encoded(host: str) -> bytes:
    return quote(host, safe="")[:384].encode("ascii")


@lru_cache(maxsize=4096)
def _decoded(name: bytes) -> str:
    return unquote(name.decode("ascii", "replace"))


def _mac(key: bytes, nonce: bytes, name: bytes) -> bytes:
    return binascii.hexlify(_digest(key, nonce + b" " + name, "sha256")[:16])
