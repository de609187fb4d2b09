# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live connections: the kernel's tables, who began a connection, and what is none of our business."""

import contextlib
import ipaddress
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import live
from ansible_collections.exasol_community.network.plugins.module_utils._firewall.permits import Kind
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

HOST, CLIENT, HOST6, CLIENT6 = "192.0.2.11", "198.51.100.99", "2001:db8::11", "2001:db8:5::99"
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ESTABLISHED, TIME_WAIT, LISTEN, UNCONNECTED = "01", "06", "0A", "07"


def digits(address, order="little"):
    """Return an address as Linux prints it: the words of memory as numbers of this machine."""
    packed = ipaddress.ip_address(address).packed
    words = struct.unpack({"little": "<", "big": ">"}[order] + f"{len(packed) // 4}I", packed)
    return "".join(f"{word:08X}" for word in words)


def line(local, remote, state=ESTABLISHED, order="little", width=None):
    """Return a socket's line; C(width) 6 writes IPv4 as a socket of IPv6 has it."""
    ends = []
    for address, port in (local, remote):
        mapped = width == 6 and ":" not in address
        ends.append(f"{digits(f'::ffff:{address}' if mapped else address, order)}:{port:04X}")
    return f"   0: {ends[0]} {ends[1]} {state} 00000000:00000000 00:00000000 00000000  1000        0 4711 1\n"


def reader(**tables):
    """Return what reads these tables, and nothing of all others."""

    def read(path):
        return tables.get(path.rpartition("/")[2], [])

    return read


def number(text):
    return int(ipaddress.ip_address(text))


def kind(direction, remote, port, protocol="tcp"):
    return Kind(direction, ipaddress.ip_address(remote).version, protocol, port)


def live_of(*flows, connections=1):
    """Return connections of one remote address, each of one of these flows."""
    return {tuple(kind(*one) for one in flows): {number(flows[0][1]): connections}}


@pytest.mark.parametrize(
    "text, order, expected",
    [
        ("0B0200C0:2173 636433C6:C001", "little", (HOST, 8563, CLIENT, 49153)),
        ("C000020B:2173 C6336463:C001", "big", (HOST, 8563, CLIENT, 49153)),
        (
            "B80D0120000000000000000011000000:0016 B80D0120000005000000000099000000:C001",
            "little",
            (HOST6, 22, CLIENT6, 49153),
        ),
        (
            "20010DB8000000000000000000000011:0016 20010DB8000500000000000000000099:C001",
            "big",
            (HOST6, 22, CLIENT6, 49153),
        ),
        (
            "0000000000000000FFFF00000B0200C0:2173 0000000000000000FFFF0000636433C6:C001",
            "little",
            (HOST, 8563, CLIENT, 49153),
        ),
        (
            "00000000000000000000FFFFC000020B:2173 00000000000000000000FFFFC6336463:C001",
            "big",
            (HOST, 8563, CLIENT, 49153),
        ),
    ],
    ids=["ipv4", "ipv4-big-endian", "ipv6", "ipv6-big-endian", "mapped", "mapped-big-endian"],
)
def test_addresses_of_the_kernel(text, order, expected):
    lines = [HEAD, f"  12: {text} 01 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 20\n"]
    local, local_port, remote, remote_port = expected
    place = (ipaddress.ip_address(local).version, number(local), local_port)
    assert list(live.sockets(lines, ("01",), order)) == [("01", place, [(number(remote), remote_port)])]


@given(
    addresses=st.sampled_from([4, 6]).flatmap(
        lambda version: st.tuples(st.ip_addresses(v=version), st.ip_addresses(v=version))
    ),
    ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)),
    order=st.sampled_from(["little", "big"]),
)
def test_every_socket_is_read_back(addresses, ports, order):
    local, remote = addresses
    if getattr(local, "ipv4_mapped", None) or getattr(remote, "ipv4_mapped", None):
        return
    ((state, place, remotes),) = live.sockets(
        [line((str(local), ports[0]), (str(remote), ports[1]), order=order)], ("01",), order
    )
    assert place == (local.version, int(local), ports[0])
    assert remotes == [(int(remote), ports[1])]


@pytest.mark.parametrize(
    "family, address, seen",
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1"),
    ],
    ids=["ipv4", "ipv6", "mapped"],
)
def test_real_sockets_are_found_in_the_kernels_tables(family, address, seen):
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(contextlib.closing(socket.socket(family)))
            server.bind((address, 0))
        except OSError as error:
            pytest.skip(f"no IPv6 on loopback here: {error}")
        server.listen(1)
        client = stack.enter_context(contextlib.closing(socket.socket(family)))
        client.connect(server.getsockname()[:2])
        here, there = client.getsockname()[1], server.getsockname()[1]
        found = []
        for name in ("tcp", "tcp6"):
            for unused, place, remotes in live.sockets(live.of_host(f"/proc/net/{name}"), ("01",)):
                if place == (ipaddress.ip_address(seen).version, number(seen), here):
                    found += remotes
        assert found == [(number(seen), there)]


@pytest.mark.parametrize("state", ["01", "04", "05", "08"])
def test_who_is_connected_counts_as_long_as_a_process_has_the_socket(state):
    one = line((HOST, 8563), (CLIENT, 50000), state)
    waiting = line((HOST, 8563), ("0.0.0.0", 0), LISTEN)
    assert live.live(reader(tcp=[HEAD, waiting, one])) == live_of(("in", CLIENT, 8563))
    if state != ESTABLISHED:
        assert live.live(reader(tcp=[HEAD, waiting, one.replace(" 4711 ", " 0 ")])) == {}


@pytest.mark.parametrize("closing", ["client", "server"])
def test_a_connection_of_which_one_half_is_closed_is_in_use_until_the_other_is(closing):
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(socket.socket()))
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        client = stack.enter_context(contextlib.closing(socket.socket()))
        client.connect(server.getsockname())
        accepted = stack.enter_context(contextlib.closing(server.accept()[0]))
        port = server.getsockname()[1]

        def in_use():
            unused, ends = live._of_protocol("tcp", live.of_host)
            return ends.get((4, number("127.0.0.1"), port)) == [
                (number("127.0.0.1"), client.getsockname()[1])
            ]

        {"client": client, "server": accepted}[closing].shutdown(socket.SHUT_WR)
        assert in_use()
        accepted.close()
        assert not in_use()


@pytest.mark.parametrize(
    "waiting, local_port, remote_port, expected",
    [
        ([(HOST, 8563)], 8563, 50000, [("in", 8563)]),
        ([("0.0.0.0", 8563)], 8563, 50000, [("in", 8563)]),
        ([("::", 8563)], 8563, 50000, [("in", 8563)]),
        ([("0.0.0.0", 40000)], 40000, 20, [("in", 40000)]),
        ([("192.0.2.12", 40000)], 40000, 1521, [("out", 1521)]),
        ([], 20500, 50000, [("in", 20500)]),
        ([], 50000, 1521, [("out", 1521)]),
        ([], 50000, 50001, [("in", 50000), ("out", 50001)]),
        ([], 900, 2049, [("in", 900), ("out", 2049)]),
    ],
    ids=[
        "a service at this address",
        "a service at all addresses",
        "a service of both families",
        "a service at a port of clients",
        "a service at another address",
        "nobody listens any more",
        "a client",
        "both ports are those of clients",
        "both ports are those of services",
    ],
)
def test_who_began_a_connection(waiting, local_port, remote_port, expected):
    lines = [line(end, ("0.0.0.0" if ":" not in end[0] else "::", 0), LISTEN) for end in waiting]
    read = reader(
        tcp=[HEAD, *(one for one in lines if len(one.split()[1]) < 20)]
        + [line((HOST, local_port), (CLIENT, remote_port))],
        tcp6=[HEAD, *(one for one in lines if len(one.split()[1]) > 20)],
    )
    assert live.live(read) == live_of(*((way, CLIENT, port) for way, port in expected))


def test_the_hosts_own_range_of_client_ports_counts():
    tables = {"tcp": [line((HOST, 20500), (CLIENT, 1521))], "ip_local_port_range": ["15000\t25000\n"]}
    assert live.live(reader(**tables)) == live_of(("out", CLIENT, 1521))


def test_connections_are_counted_and_others_left_out():
    listening = line((HOST, 8563), ("0.0.0.0", 0), LISTEN)
    read = reader(
        tcp=[
            HEAD,
            listening,
            line((HOST, 8563), (CLIENT, 50000)),
            line((HOST, 8563), (CLIENT, 50001)),
            line((HOST, 8563), (CLIENT, 50002), TIME_WAIT),
            line(("127.0.0.1", 8563), ("127.0.0.1", 50003)),
            line((HOST, 8563), ("192.0.2.12", 50004)),  # the host's other address
            line(("192.0.2.12", 50004), (HOST, 8563)),
        ],
        tcp6=[
            line(("::", 8563), ("::", 0), LISTEN),
            line((HOST, 8563), (CLIENT, 50005), width=6),
            line((HOST6, 8563), (CLIENT6, 50000)),
            line(("::1", 8563), ("::1", 50000)),
        ],
    )
    assert live.live(read) == {
        **live_of(("in", CLIENT, 8563), connections=3),
        **live_of(("in", CLIENT6, 8563)),
    }


def track(first, reply, marks="[ASSURED] ", protocol="udp", version=4):
    """Return a line of nf_conntrack: first and reply are (source, destination, their ports)."""
    ways = [
        f"src={source} dst={destination} sport={sport} dport={dport} packets=3 bytes=180"
        for source, destination, sport, dport in (first, reply)
    ]
    numbers = {"udp": "17 29", "tcp": "6 431999 ESTABLISHED"}[protocol]
    where = {4: "ipv4     2", 6: "ipv6     10"}[version]
    unreplied = "[UNREPLIED] " if "UNREPLIED" in marks else ""
    return (
        f"{where} {protocol}      {numbers} {ways[0]} {unreplied}{ways[1]} "
        f"{marks.replace('[UNREPLIED] ', '')}mark=0 zone=0 use=2\n"
    )


@pytest.mark.parametrize(
    "entry, expected",
    [
        (track((CLIENT, HOST, 50000, 123), (HOST, CLIENT, 123, 50000)), ("in", CLIENT, 123)),
        (track((HOST, CLIENT, 50000, 53), (CLIENT, HOST, 53, 50000), marks=""), ("out", CLIENT, 53)),
        (
            track((CLIENT6, HOST6, 50000, 123), (HOST6, CLIENT6, 123, 50000), version=6),
            ("in", CLIENT6, 123),
        ),
        # The filter for what comes in sees the port behind a redirection.
        (track((CLIENT, HOST, 50000, 123), (HOST, CLIENT, 1123, 50000)), ("in", CLIENT, 1123)),
        # And the address behind one of this host's own destination.
        (track((HOST, "203.0.113.1", 50000, 53), (CLIENT, HOST, 53, 50000)), ("out", CLIENT, 53)),
        # Docker's: neither end is this host's behind the translation.
        (track((CLIENT, HOST, 50000, 123), ("172.17.0.2", CLIENT, 123, 50000)), None),
        (track((CLIENT, "172.17.0.2", 50000, 123), ("172.17.0.2", CLIENT, 123, 50000)), None),
        (track((HOST, HOST, 50000, 123), (HOST, HOST, 123, 50000)), None),
        (track((CLIENT, HOST, 50000, 123), (HOST, CLIENT, 123, 50000), marks="[UNREPLIED] "), None),
        (track((CLIENT, HOST, 50000, 22), (HOST, CLIENT, 22, 50000), protocol="tcp"), None),
        ("ipv4     2 udp      17 29 src=192.0.2.11 dst=198.51\n", None),
    ],
    ids=[
        "in",
        "out",
        "ipv6",
        "a redirected port",
        "a translated destination",
        "published by docker",
        "forwarded",
        "to itself",
        "never answered",
        "tcp has sockets",
        "a line that was cut off",
    ],
)
def test_tracked_datagrams(entry, expected):
    own = {number(HOST), number(HOST6)}
    found = live.live(reader(nf_conntrack=[entry]), lambda address, version: address in own)
    assert found == (live_of((*expected, "udp")) if expected else {})


@pytest.mark.parametrize(
    "waiting, entry, expected",
    [
        (
            ("0.0.0.0", 514),
            track((CLIENT, HOST, 50000, 514), (HOST, CLIENT, 514, 50000), "[UNREPLIED] "),
            "in",
        ),
        (("::", 514), track((CLIENT, HOST, 50000, 514), (HOST, CLIENT, 514, 50000), "[UNREPLIED] "), "in"),
        (
            ("0.0.0.0", 50000),
            track((HOST, CLIENT, 50000, 514), (CLIENT, HOST, 514, 50000), "[UNREPLIED] "),
            "out",
        ),
        (
            ("0.0.0.0", 515),
            track((CLIENT, HOST, 50000, 514), (HOST, CLIENT, 514, 50000), "[UNREPLIED] "),
            None,
        ),
    ],
    ids=["a collector of logs", "one of both versions", "a sender of logs", "nobody takes them"],
)
def test_datagrams_that_nobody_answers_count_if_a_socket_takes_or_sends_them(waiting, entry, expected):
    read = reader(udp=[line(waiting, ("0.0.0.0", 0), UNCONNECTED)], nf_conntrack=[entry])
    if waiting[0] == "::":
        read = reader(udp6=[line(waiting, ("::", 0), UNCONNECTED)], nf_conntrack=[entry])
    found = live.live(read, lambda address, version: address == number(HOST))
    assert found == (live_of((expected, CLIENT, 514, "udp")) if expected else {})


def count(found):
    """Return how many connections to the database are tracked."""
    return found.get((kind("in", CLIENT, 8563),), {}).get(number(CLIENT), 0)


TRACKED_SQL = track((CLIENT, HOST, 50000, 8563), (HOST, CLIENT, 8563, 50000), protocol="tcp")
PICKED_UP = track((HOST, CLIENT, 8563, 50000), (CLIENT, HOST, 50000, 8563), protocol="tcp")


@pytest.mark.parametrize(
    "tables, expected",
    [
        ({"nf_conntrack": [TRACKED_SQL]}, 1),
        ({"nf_conntrack": [PICKED_UP]}, 1),
        ({"nf_conntrack": [TRACKED_SQL, PICKED_UP]}, 2),
        ({"nf_conntrack": []}, 0),
        ({"nf_conntrack_count": ["0\n"]}, 0),
        ({"nf_conntrack_count": ["7\n"]}, None),
    ],
    ids=["tracked", "seen from its reply on", "both", "none", "none, and not listed", "some, and not listed"],
)
def test_which_connections_are_tracked(tables, expected):
    wanted = [kind("in", CLIENT, 8563), kind("in", CLIENT, 8563, "udp"), kind("in", CLIENT6, 8563)]
    found = live.tracked_flows(reader(**tables), wanted)
    assert (None if found is None else count(found)) == expected


@pytest.mark.parametrize("lines, expected", [([TRACKED_SQL], True), ([], False)], ids=["some", "nothing"])
def test_whether_anything_is_tracked(lines, expected):
    assert live.lists_tracked(reader(nf_conntrack=lines)) is expected


def test_a_connected_socket_and_its_tracked_flow_are_one():
    read = reader(
        udp=[line((HOST, 50000), (CLIENT, 53)), line((HOST, 123), ("0.0.0.0", 0), UNCONNECTED)],
        nf_conntrack=[
            track((HOST, CLIENT, 50000, 53), (CLIENT, HOST, 53, 50000)),
            track((CLIENT, HOST, 123, 123), (HOST, CLIENT, 123, 123)),
        ],
    )
    found = live.live(read, lambda address, version: address == number(HOST))
    assert found == {**live_of(("out", CLIENT, 53, "udp")), **live_of(("in", CLIENT, 123, "udp"))}


def test_a_table_that_is_missing_is_empty_but_the_main_one_has_to_be_there(tmp_path):
    assert list(live.of_host(str(tmp_path / "tcp6"))) == []
    assert_names(refusal(live.of_host, str(tmp_path / "tcp")), ["tcp", "missing", "exasol_firewall_cut"])
