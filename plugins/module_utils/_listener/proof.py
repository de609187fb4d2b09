# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a listener proves to a probe which host and which run it belongs to.

The probe sends one line, the hello: the name of the run and a fresh nonce. The listener answers with its
host's name and a keyed hash (HMAC-SHA256, RFC 2104) of nonce and name, with the run's token as key. The token
itself is never sent. Everybody who does not name a run that the listener serves gets one fixed line, the
notice, which says that this is a listener and not a service.
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
MAX_BYTES = 1024  # bytes of a hello or an answer
_NONCE = 12
_PADDING = b" " + b"." * 420 + b"\n"
# No key is needed for the notice: whoever forges it says only about himself that he is not a service.
NOTICE = _MAGIC + b" a listener that verifies the network, no service\n"


def _slow_digest(key: bytes, message: bytes, digest: str) -> bytes:
    return hmac.new(key, message, digest).digest()


_digest = getattr(hmac, "digest", _slow_digest)  # since Python 3.7, several times faster


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
    """Tell whether data is the notice: a listener answers, and does not serve our run."""
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
