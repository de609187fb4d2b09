# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets as a capture reads them, and the kernel's filter, run here by an interpreter of classic BPF."""

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.bpf import program
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.capture import Packet, parse
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

SYN, RST, ACK, FIN = 0x02, 0x04, 0x10, 0x01
ENDS = {4: ("192.0.2.21", "192.0.2.11"), 6: ("2001:db8::21", "2001:db8::11")}
TCP, UDP, ICMP = 6, 17, 1
KEPT = 96


def packet(
    version=4,
    protocol=TCP,
    source_port=40000,
    destination_port=8563,
    flags=SYN,
    options=0,
    fragment=0,
    sequence=0,
):
    """Return an IP packet: RFC 791, RFC 8200, RFC 9293, RFC 768."""
    head = struct.pack(">HH", source_port, destination_port)
    content = head + (
        struct.pack(">IIBBHHH", sequence, 0, 5 << 4, flags, 1000, 0, 0)
        if protocol == TCP
        else struct.pack(">HH", 8, 0)
    )
    source, destination = ENDS[version]
    if version == 6:
        return (
            struct.pack(">IHBB", 6 << 28, len(content), protocol, 64)
            + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, destination)
            + content
        )
    start = struct.pack(">BBHHHBBH", 4 << 4 | 5 + options, 0, 20 + len(content), 1, fragment, 64, protocol, 0)
    return start + socket.inet_aton(source) + socket.inet_aton(destination) + bytes(4 * options) + content


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("outgoing", [True, False])
def test_a_packet_is_read(version, outgoing):
    assert parse(packet(version, sequence=7), outgoing) == Packet(
        outgoing, ENDS[version][0], ENDS[version][1], "tcp", 40000, 8563, SYN, 7
    )
    assert parse(packet(version, UDP), outgoing) == Packet(
        outgoing, ENDS[version][0], ENDS[version][1], "udp", 40000, 8563, 0
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x45",
        packet()[:22],
        packet(6)[:41],
        packet(protocol=ICMP),
        packet(fragment=100),
        b"\x00" * 60,
        b"\xff" * 60,
    ],
    ids=["nothing", "a byte", "half a header", "half of IPv6", "ICMP", "fragment", "zeros", "ones"],
)
def test_what_is_none_of_ours_is_left(data):
    assert parse(data, True) is None


@given(st.binary(max_size=120), st.booleans())
def test_no_bytes_break_it(data, outgoing):
    found = parse(data, outgoing)
    assert found is None or found.protocol in ("tcp", "udp")


# Next header, and the header itself without its first byte (RFC 8200, section 4; RFC 4302).
HOP, ROUTING, DESTINATION = (0, b"\x00" + bytes(6)), (43, b"\x02" + bytes(22)), (60, b"\x01" + bytes(14))
FIRST, LATER, AUTHENTICATION = (
    (44, b"\x00\x00\x01" + bytes(4)),
    (44, b"\x00\x01\x01" + bytes(4)),
    (51, b"\x04" + bytes(22)),
)


def extended(*extensions, **wish):
    """Return a packet of IPv6 with extension headers."""
    plain = packet(6, **wish)
    numbers = [number for number, rest in extensions] + [plain[6]]
    chain = b"".join(bytes((following,)) + rest for (number, rest), following in zip(extensions, numbers[1:]))
    return (
        plain[:4]
        + struct.pack(">HB", len(chain) + len(plain) - 40, numbers[0])
        + plain[7:40]
        + chain
        + plain[40:]
    )


CHAINS = [
    [HOP],
    [ROUTING],
    [DESTINATION],
    [FIRST],
    [AUTHENTICATION],
    [HOP, DESTINATION, ROUTING, FIRST, AUTHENTICATION],
]


@pytest.mark.parametrize(
    "chain",
    CHAINS,
    ids=["hop-by-hop", "routing", "destination options", "first fragment", "authentication", "all"],
)
def test_extension_headers_hide_nothing(chain):
    assert parse(extended(*chain, sequence=7), True) == parse(packet(6, sequence=7), True)
    assert parse(extended(*chain, protocol=UDP), True) == parse(packet(6, UDP), True)
    assert accepted(FILTER, extended(*chain)) == KEPT


def test_extension_headers_without_ports_are_left():
    assert parse(extended(LATER), True) is None
    assert parse(extended(HOP, protocol=ICMP), True) is None
    assert parse(extended(HOP, ROUTING)[:60], True) is None


@pytest.mark.parametrize(
    "flags, sequence, asks, answers",
    [
        (SYN, 1, True, False),
        (SYN | ACK, 1, False, True),
        (RST | ACK, 0, False, True),
        (ACK, 0, False, False),
        (FIN | ACK, 1, False, False),
        (0, 0, False, False),
        # Resets of connections that stand (RFC 9293, 3.5.2): of somebody else, on the same port.
        (RST, 0, False, False),
        (RST, 1, False, False),
        (RST | ACK, 1, False, False),
        (SYN | RST, 0, False, False),
        (SYN | RST | ACK, 1, False, False),
    ],
)
def test_what_asks_and_what_answers(flags, sequence, asks, answers):
    found = parse(packet(flags=flags, sequence=sequence), True)
    assert (found.asks, found.answers) == (asks, answers)


def accepted(instructions, data):
    """Run classic BPF (Linux, Documentation/networking/filter.rst) and return how many bytes it keeps.

    A load outside of the packet keeps none.
    """
    accumulator = index = counter = 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("HBBI", instructions, counter * 8)
        counter += 1
        sizes = {0x30: (1, 0), 0x28: (2, 0), 0x50: (1, index), 0x48: (2, index)}
        tests = {
            0x15: accumulator == operand,
            0x25: accumulator > operand,
            0x35: accumulator >= operand,
            0x45: bool(accumulator & operand),
        }
        if code in sizes:
            size, base = sizes[code]
            piece = data[base + operand : base + operand + size]
            if len(piece) < size:
                return 0
            accumulator = int.from_bytes(piece, "big")
        elif code == 0xB1:
            index = 4 * (data[operand] & 15)
        elif code == 0x01:
            index = operand
        elif code == 0x74:
            accumulator >>= operand
        elif code == 0x05:
            counter += operand
        elif code in tests:
            counter += if_true if tests[code] else if_false
        else:
            assert code == 0x06
            return operand


TCP_PORTS, UDP_PORTS = "22,8563,20000-21000", "53,123"
FILTER = program(Ports.parse(TCP_PORTS), Ports.parse(UDP_PORTS), KEPT)


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize(
    "wish, kept",
    [
        ({}, True),
        ({"flags": SYN | ACK, "source_port": 8563, "destination_port": 40000}, True),
        ({"flags": RST, "source_port": 20500}, True),
        ({"flags": ACK}, False),
        ({"flags": FIN | ACK}, False),
        ({"destination_port": 8564}, False),
        ({"destination_port": 19999}, False),
        ({"destination_port": 21000}, True),
        ({"destination_port": 21001}, False),
        ({"destination_port": 53}, False),
        ({"protocol": UDP, "destination_port": 53}, True),
        ({"protocol": UDP, "source_port": 123}, True),
        ({"protocol": UDP, "destination_port": 8563}, False),
        ({"protocol": ICMP}, False),
    ],
)
def test_the_filter_keeps_what_counts(version, wish, kept):
    assert accepted(FILTER, packet(version, **wish)) == (KEPT if kept else 0)


def test_the_filter_knows_options_and_fragments():
    assert accepted(FILTER, packet(options=3)) == KEPT
    assert accepted(FILTER, packet(fragment=1)) == 0
    assert accepted(FILTER, packet(fragment=0x4000)) == KEPT, "do not fragment is no offset"


@given(st.binary(max_size=100))
def test_the_filter_ends_for_all_bytes(data):
    assert accepted(FILTER, data) in (0, KEPT)


@given(st.lists(st.integers(1, 65535), min_size=1, max_size=60, unique=True), st.integers(1, 65535))
def test_the_filter_holds_any_ports(ports, port):
    instructions = program(Ports.parse(",".join(map(str, ports))), Ports(), KEPT)
    assert bool(accepted(instructions, packet(destination_port=port, source_port=port))) == (port in ports)


def test_too_many_ranges_are_told_apart_outside_of_the_kernel():
    many = Ports.parse(",".join(str(port) for port in range(1, 4001, 2)))
    assert accepted(program(many, Ports(), KEPT), packet(destination_port=2)) == KEPT
