# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP (RFC 5905, section 7.3): a client's packet is answered by a server's."""

from .._values.text import clean
from ._finding import IDENTIFIED, OTHER, REFUSING, Finding
from ._wire import looks_like

_SERVER = 4
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
    return Finding(IDENTIFIED, version=version, detail=f"stratum {stratum}")
