# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP (RFC 5905, section 7.3): a client's packet is answered by a server's.

An answer repeats the time at which the question was sent. Clients take no other, so the question has a number
by chance there, which tells nothing of this host's clock.
"""

import os
import struct
import time
from typing import Optional

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import looks_like

_SERVER = 4
_EPOCH = 2208988800  # seconds from 1900, where NTP begins, to 1970
_ERA = 1 << 32  # seconds after which NTP's timestamps begin anew (RFC 5905, section 6), first in 2036
_LENGTH = 48
_UNKNOWN_LEAP, _UNKNOWN_STRATUM = 3, 16
_HEAD = b"\x23" + bytes(39)  # leap 0, version 4, mode 3 (client); the rest may be zero
_ORIGIN, _TRANSMIT = slice(24, 32), slice(40, 48)
_SHORT = 65536.0  # seconds are in 16 bits, and fractions of them as well
_MAX_DISTANCE = 16.0  # seconds; MAXDISP of RFC 5905, section 7.2
_KISSES = {
    b"RATE": "it serves this host no time (RATE): too many questions come from its address",
    b"DENY": "it serves this host no time (DENY): its access list leaves this host out",
    b"RSTR": "it serves this host no time (RSTR): its access list leaves this host out",
}


def question() -> bytes:
    """Return a question with a time of sending that cannot be guessed."""
    return _HEAD + os.urandom(8)


def judge(asked: bytes, answer: bytes) -> Finding:
    """Return what an answer shows: it must be a server's, to this very question."""
    if len(answer) < _LENGTH or answer[0] & 7 != _SERVER:
        return Finding(OTHER, looks_like=looks_like(answer))
    version, stratum = f"NTP version {answer[0] >> 3 & 7}", answer[1]
    if answer[_ORIGIN] != asked[_TRANSMIT]:
        return Finding(OTHER, looks_like="NTP that answers another question, which clients do not accept")
    if stratum == 0 and answer[12:16] in _KISSES:
        return Finding(REFUSING, version=version, detail=_KISSES[answer[12:16]])
    if answer[0] >> 6 == _UNKNOWN_LEAP or not 0 < stratum < _UNKNOWN_STRATUM:
        code = clean(answer[12:16].strip(b"\0")) if stratum == 0 else ""
        return Finding(
            REFUSING,
            version=version,
            detail="it is not synchronised, so clients do not take its time" + (f" ({code})" if code else ""),
        )
    # Section 7.3: a server that lost its own source long ago still calls itself synchronised.
    delay, dispersion = (part / _SHORT for part in struct.unpack_from(">II", answer, 4))
    if delay / 2 + dispersion >= _MAX_DISTANCE:
        return Finding(
            REFUSING,
            version=version,
            detail=(
                f"its time may be wrong by {delay / 2 + dispersion:.0f} s by its own account, so clients do "
                f"not take it: its own source is out of reach"
            ),
        )
    return Finding(
        IDENTIFIED,
        version=version,
        detail=f"stratum {stratum}",
        clock_offset_s=_offset(answer, time.time()),
    )


def _offset(answer: bytes, now: float) -> Optional[float]:
    """Return the server's clock minus ours in seconds, to within the round trip; None if it tells no time."""
    seconds, fraction = map(int, struct.unpack(">2I", answer[_TRANSMIT]))
    if not (seconds or fraction):
        return None
    # The difference is taken within an era, so it may be negative, and is right across the end of one.
    ours = now + _EPOCH
    difference = (seconds + fraction / _ERA - ours) % _ERA
    return round(difference - _ERA if difference > _ERA / 2 else difference, 3)
