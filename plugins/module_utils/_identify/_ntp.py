# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP (RFC 5905, section 7.3): a client's packet is answered by a server's."""

import struct
import time
from typing import Optional

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import looks_like

_SERVER = 4
_EPOCH = 2208988800  # seconds from 1900, where NTP begins, to 1970
_ERA = 1 << 32  # seconds after which NTP's timestamps begin anew (RFC 5905, section 6), first in 2036
_TRANSMIT = 40  # offset of the server's transmit timestamp
_LENGTH = 48
_UNKNOWN_LEAP, _UNKNOWN_STRATUM = 3, 16
QUESTION = b"\x23" + bytes(_LENGTH - 1)  # leap 0, version 4, mode 3 (client); the rest may be zero
# Kiss-o'-death (RFC 5905, section 7.4): what a server says to a client that it does not serve.
_KISSES = {
    b"RATE": "it serves this host no time (RATE): too many questions come from its address",
    b"DENY": "it serves this host no time (DENY): its access list leaves this host out",
    b"RSTR": "it serves this host no time (RSTR): its access list leaves this host out",
}


def judge(answer: bytes) -> Finding:
    """Return what an answer shows."""
    if len(answer) < _LENGTH or answer[0] & 7 != _SERVER:
        return Finding(OTHER, looks_like=looks_like(answer))
    version, stratum = f"NTP version {answer[0] >> 3 & 7}", answer[1]
    if stratum == 0 and answer[12:16] in _KISSES:
        return Finding(REFUSING, version=version, detail=_KISSES[answer[12:16]])
    if answer[0] >> 6 == _UNKNOWN_LEAP or not 0 < stratum < _UNKNOWN_STRATUM:
        code = clean(answer[12:16].strip(b"\0")) if stratum == 0 else ""
        return Finding(
            REFUSING,
            version=version,
            detail="it is not synchronised, so clients do not take its time" + (f" ({code})" if code else ""),
        )
    return Finding(
        IDENTIFIED,
        version=version,
        detail=f"stratum {stratum}",
        clock_offset_s=_offset(answer, time.time()),
    )


def _offset(answer: bytes, now: float) -> Optional[float]:
    """Return the server's clock minus ours in seconds, to within the round trip; None if it tells no time."""
    seconds, fraction = map(int, struct.unpack_from(">2I", answer, _TRANSMIT))
    if not (seconds or fraction):
        return None
    # The difference is taken within an era, so it may be negative, and is right across the end of one.
    ours = now + _EPOCH
    difference = (seconds + fraction / _ERA - ours) % _ERA
    return round(difference - _ERA if difference > _ERA / 2 else difference, 3)
