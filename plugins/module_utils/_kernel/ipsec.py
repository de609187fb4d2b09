# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the kernel encrypts what this host sends.

Then a packet socket sees ESP or AH where a connection leaves or arrives.
"""

import socket
import struct

# linux/netlink.h and linux/xfrm.h
_NETLINK_XFRM = 6
_GET_POLICIES, _POLICY = 0x15, 0x13
_REQUEST_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_HEADER = "=IHHII"  # length, type, flags, sequence, port
_SECONDS = 1.0


def has_policies() -> bool:
    """Tell whether the kernel has IPsec policies.

    If the kernel does not answer, without root or without IPsec, there are none.
    """
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_XFRM) as sock:
            sock.settimeout(_SECONDS)
            sock.send(struct.pack(_HEADER, struct.calcsize(_HEADER), _GET_POLICIES, _REQUEST_ALL, 1, 0))
            return bool(struct.unpack_from(_HEADER, sock.recv(65536))[1] == _POLICY)
    except (OSError, struct.error):
        return False
