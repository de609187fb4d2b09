# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NTP (RFC 5905, section 7.3): a client's packet is answered by a server's."""

from ._finding import IDENTIFIED, OTHER, Finding
from ._wire import looks_like

_SERVER = 4
_LENGTH = 48
QUESTION = b"\x23" + bytes(_LENGTH - 1)  # leap 0, version 4, mode 3 (client); the rest may be zero


def judge(answer: bytes) -> Finding:
    """Return what an answer shows."""
    if len(answer) < _LENGTH or answer[0] & 7 != _SERVER:
        return Finding(OTHER, looks_like=looks_like(answer))
    stratum = answer[1]
    return Finding(IDENTIFIED, version="NTP version {0}".format(answer[0] >> 3 & 7),
                   detail="stratum {0}".format(stratum) if 0 < stratum < 16 else "it is not synchronised")
