# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Endpoints of a listener."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener.endpoints import (
    Endpoint,
    describe,
    endpoints,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal


def listen(address="127.0.0.1", ports="8563", protocol="tcp"):
    """Return one entry as a plan holds it."""
    return {"address": address, "protocol": protocol, "ports": ports}


@pytest.mark.parametrize(
    "listens, expected",
    [
        ([], []),
        ([listen()], [("127.0.0.1", "tcp", 8563)]),
        ([listen(ports="5-6"), listen(ports="6-7")], [("127.0.0.1", "tcp", port) for port in (5, 6, 7)]),
        ([listen(protocol="udp")], [("127.0.0.1", "udp", 8563)]),
        ([listen("0:0:0:0:0:0:0:1")], [("::1", "tcp", 8563)]),
        ([listen("n11.example.com")], [("0.0.0.0", "tcp", 8563), ("::", "tcp", 8563)]),
        ([listen("n11"), listen("n12")], [("0.0.0.0", "tcp", 8563), ("::", "tcp", 8563)]),
        # The kernel refuses a socket at one address beside one at all addresses.
        (
            [listen("192.0.2.11"), listen("n11"), listen("2001:db8::11")],
            [("0.0.0.0", "tcp", 8563), ("::", "tcp", 8563)],
        ),
        (
            [listen("192.0.2.11"), listen("0.0.0.0"), listen("2001:db8::11")],
            [("0.0.0.0", "tcp", 8563), ("2001:db8::11", "tcp", 8563)],
        ),
        (
            [listen("192.0.2.11", "8563-8564"), listen("n11", "8563"), listen("192.0.2.11", "8563", "udp")],
            [
                ("0.0.0.0", "tcp", 8563),
                ("192.0.2.11", "tcp", 8564),
                ("192.0.2.11", "udp", 8563),
                ("::", "tcp", 8563),
            ],
        ),
    ],
    ids=repr,
)
def test_endpoints(listens, expected):
    assert [tuple(endpoint) for endpoint in endpoints(listens)] == expected


@pytest.mark.parametrize(
    "entry, fragments",
    [
        (listen(protocol="sctp"), ["'sctp'", "tcp or udp"]),
        (listen(protocol="any"), ["'any'", "tcp or udp"]),
        (listen(ports="0"), ["port 0", "1 to 65535"]),
        (listen(ports="6-5"), ["'6-5'", "backwards"]),
        (listen("192.0.2.0/24"), ["'192.0.2.0/24'", "IP address of the host"]),
        (listen("192.0.2.1:8563"), ["'192.0.2.1:8563'", "IP address of the host"]),
        (listen(""), ["''", "IP address of the host"]),
    ],
)
def test_what_cannot_be_listened_on_is_named(entry, fragments):
    assert_names(refusal(endpoints, [entry]), fragments)


@pytest.mark.parametrize(
    "address, protocol, family, kind",
    [
        ("127.0.0.1", "tcp", socket.AF_INET, socket.SOCK_STREAM),
        ("127.0.0.1", "udp", socket.AF_INET, socket.SOCK_DGRAM),
        ("::1", "tcp", socket.AF_INET6, socket.SOCK_STREAM),
        ("::", "udp", socket.AF_INET6, socket.SOCK_DGRAM),
    ],
)
def test_endpoint_knows_its_socket(address, protocol, family, kind):
    endpoint = Endpoint(address, protocol, 5)
    assert (endpoint.family, endpoint.kind) == (family, kind)


def test_description_is_compressed_and_sorted():
    found = [
        Endpoint("::1", "udp", 5),
        Endpoint("127.0.0.1", "tcp", 7),
        Endpoint("127.0.0.1", "tcp", 5),
        Endpoint("127.0.0.1", "tcp", 6),
    ]
    assert describe(found) == [listen(ports="5-7"), listen("::1", "5", "udp")]
    assert describe([]) == []


def test_description_is_read_back_as_the_same_endpoints():
    found = endpoints([listen(ports="20000-20010,8563"), listen("::1", "53", "udp")])
    assert endpoints(describe(found)) == found
