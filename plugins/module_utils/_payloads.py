# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams that make a UDP service answer: silence proves nothing, so the probe asks the harmless question of each protocol."""

import binascii
import os

# RFC 5905, section 7.3: leap 0, version 4, mode 3 (client); the rest may be zero.
_NTP = b"\x23" + bytes(47)


def _dns() -> bytes:
    # RFC 1035, section 4.1: one question for the name servers (NS, 2) of the root, class IN, recursion not desired.
    return os.urandom(2) + binascii.unhexlify("00000001000000000000" + "00" + "00020001")


def payload(service: str) -> bytes:
    """Return the datagram for a service by its name in the port table, an empty one where none is known."""
    if service == "ntp":
        return _NTP
    return _dns() if service == "dns_udp" else b""
