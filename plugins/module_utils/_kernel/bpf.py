# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters in classic BPF, for sockets: see Documentation/networking/filter.rst of Linux.

One is for packets that begin or refuse a connection. The program starts at the IP header, where cooked packet
sockets start. It accepts TCP with SYN or RST, and UDP, from or to the given ports. It accepts everything with
extension headers of IPv6, which is rare, because classic BPF cannot walk through them.
"""

import ctypes
import socket
import struct
from typing import Iterable, List, NamedTuple

from .._values.ports import Ports

# Class, size, mode and source of linux/bpf_common.h.
_LD_BYTE_ABSOLUTE, _LD_HALF_ABSOLUTE, _LD_WORD_ABSOLUTE = 0x30, 0x28, 0x20
_LD_BYTE_INDIRECT, _LD_HALF_INDIRECT = 0x50, 0x48
_LDX_HEADER_LENGTH, _LDX_IMMEDIATE = 0xB1, 0x01
_SHIFT_RIGHT, _JUMP, _RETURN = 0x74, 0x05, 0x06
_JUMP_EQUAL, _JUMP_GREATER, _JUMP_AT_LEAST, _JUMP_BITS = 0x15, 0x25, 0x35, 0x45
_TCP, _UDP = 6, 17
_SYN_OR_RST = 0x06
_FRAGMENT_OFFSET = 0x1FFF
_IPV6_HEADER = 40
# Hop-by-hop, routing, fragment, authentication and destination options (RFC 8200, section 4.1; RFC 4302).
EXTENSIONS = (0, 43, 44, 51, 60)
_DEVICE = 0xFFFFF000 + 8  # SKF_AD_OFF + SKF_AD_IFINDEX of linux/filter.h
_WHOLE = 0xFFFFFFFF
_SO_ATTACH_FILTER = 26
_MAX_INSTRUCTIONS = 4096  # BPF_MAXINSNS


class Instruction(NamedTuple):
    """What to do, its operand, and how far to jump if a test is true or false."""

    code: int
    operand: int = 0
    if_true: int = 0
    if_false: int = 0


def attach(sock: socket.SocketType, instructions: bytes) -> None:
    """Let a filter decide what a socket receives."""
    code = ctypes.create_string_buffer(instructions, len(instructions))
    sock.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("HP", len(instructions) // 8, ctypes.addressof(code)),
    )


def accept_from(device: int) -> bytes:
    """Return the instructions of a filter for what arrives on a device, by its index."""
    return _packed(
        [
            Instruction(_LD_WORD_ABSOLUTE, _DEVICE),
            Instruction(_JUMP_EQUAL, device, 1, 0),
            Instruction(_RETURN),
            Instruction(_RETURN, _WHOLE),
        ]
    )


def program(tcp: Ports, udp: Ports, length: int) -> bytes:
    """Return the filter's instructions; C(length) bytes of a packet are kept."""
    no_fragment = [
        Instruction(_LD_HALF_ABSOLUTE, 6),
        Instruction(_JUMP_BITS, _FRAGMENT_OFFSET, 0, 1),
        Instruction(_RETURN),
    ]
    extended: List[Instruction] = []
    for number in EXTENSIONS:
        extended += [Instruction(_JUMP_EQUAL, number, 0, 1), Instruction(_RETURN, length)]
    version4 = _family(9, no_fragment + [Instruction(_LDX_HEADER_LENGTH)], tcp, udp, length) + [
        Instruction(_RETURN)
    ]
    version6 = (
        _family(6, [Instruction(_LDX_IMMEDIATE, _IPV6_HEADER)], tcp, udp, length)
        + extended
        + [Instruction(_RETURN)]
    )
    whole = (
        [Instruction(_LD_BYTE_ABSOLUTE, 0), Instruction(_SHIFT_RIGHT, 4)]
        + _case(4, version4)
        + _case(6, version6)
        + [Instruction(_RETURN)]
    )
    if len(whole) > _MAX_INSTRUCTIONS:
        # Too many ranges for a filter: the process looks at every packet.
        whole = [Instruction(_RETURN, length)]
    return _packed(whole)


def _packed(instructions: Iterable[Instruction]) -> bytes:
    rows = [(one.code, one.if_true, one.if_false, one.operand) for one in instructions]
    return b"".join(struct.pack("HBBI", *row) for row in rows)


def _case(value: int, block: List[Instruction]) -> List[Instruction]:
    """Return the block, entered only with this value in the accumulator; a block ends by itself."""
    return [Instruction(_JUMP_EQUAL, value, 1, 0), Instruction(_JUMP, len(block))] + block


def _family(
    protocol_at: int, before: List[Instruction], tcp: Ports, udp: Ports, length: int
) -> List[Instruction]:
    flags = [
        Instruction(_LD_BYTE_INDIRECT, 13),
        Instruction(_JUMP_BITS, _SYN_OR_RST, 1, 0),
        Instruction(_RETURN),
    ]
    cases = _case(_TCP, before + flags + _ports(tcp, length)) + _case(_UDP, before + _ports(udp, length))
    return [Instruction(_LD_BYTE_ABSOLUTE, protocol_at)] + cases


def _ports(ports: Ports, length: int) -> List[Instruction]:
    found: List[Instruction] = []
    for offset in (0, 2):
        found.append(Instruction(_LD_HALF_INDIRECT, offset))
        for item in ports.ranges:
            found += [
                Instruction(_JUMP_AT_LEAST, item.first, 0, 2),
                Instruction(_JUMP_GREATER, item.last, 1, 0),
                Instruction(_RETURN, length),
            ]
    return found + [Instruction(_RETURN)]
