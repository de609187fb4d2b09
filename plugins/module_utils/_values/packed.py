# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as one compressed text.

Ansible sends the arguments of a module as JSON, uncompressed and with each task. What a host of a large site
has to do repeats the same words for each destination, and shrinks to a tenth. Ansible copies each result
several times, value by value, and keeps it in the memory of which each of its processes begins as a copy.
"""

import binascii
import json
import zlib
from typing import Any, Dict, Mapping, Sequence, Union

from .errors import NetworkError

READABLE = 4096  # bytes of JSON; so little is sent as it is, and can be read with -vvv
# What a packed result still says itself: which one it is, and what is asked before anybody opens it.
APART = ("changed", "id", "run", "machine", "summary", "elapsed_s", "idle_left_s")
_DAMAGED = "packed is damaged: expected base64 of zlib-compressed JSON, a dictionary"


def pack(values: Mapping[str, Any]) -> str:
    """Return values as text: base64 (RFC 4648) of zlib-compressed JSON (RFC 1950)."""
    return pack_text(_json(values))


def pack_text(text: str) -> str:
    """Return JSON in the same form."""
    return binascii.b2a_base64(zlib.compress(text.encode()), newline=False).decode()


def pack_large(values: Mapping[str, Any]) -> Union[Dict[str, Any], str]:
    """Return values as they are, or, if they are large, as text."""
    text = _json(values)
    return dict(values) if len(text) <= READABLE else pack_text(text)


def shrunk(values: Mapping[str, Any], apart: Sequence[str] = ()) -> Dict[str, Any]:
    """Return values as they are, or, if they are large, those of these names and all others packed."""
    inside = {name: value for name, value in values.items() if name not in apart}
    text = _json(inside)
    if len(text) <= READABLE:
        return dict(values)
    return dict({name: values[name] for name in apart if name in values}, packed=pack_text(text))


def unpack(text: str, most: int = 0) -> Dict[str, Any]:
    """Return the values of a text.

    Raises if it is damaged, or has more than so many bytes of JSON; 0 means no limit.
    """
    try:
        reader = zlib.decompressobj()
        found = reader.decompress(binascii.a2b_base64(text), most)
        if reader.unconsumed_tail:
            raise NetworkError(f"packed has more than {most} bytes")
        if not reader.eof:
            raise NetworkError(f"{_DAMAGED} (its end is missing)")
        values = json.loads(found.decode())
    except (ValueError, zlib.error, RecursionError, MemoryError) as error:
        raise NetworkError(f"{_DAMAGED} ({str(error) or type(error).__name__})")
    if not isinstance(values, dict):
        raise NetworkError(f"{_DAMAGED}, not {type(values).__name__}")
    return values


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))
