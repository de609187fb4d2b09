# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Source addresses, and the two ways to close a connection."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import sockets
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import (
    Sources,
    first_of,
    is_bindable,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    TIME_WAIT,
    Server,
    connections,
    family_of,
    some_address,
    wait_until,
)

pytestmark = pytest.mark.machines


def connected(server, sources=()):
    """Return a connection to a server, from a source address if one is given."""
    address = server.sock.getsockname()[0]
    sock = socket.socket(family_of(address))
    Sources(sources).bind(sock, family_of(address))
    sock.connect((address, server.port))
    return sock


@pytest.mark.parametrize(
    "address, local",
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        pytest.param("::1", True, marks=pytest.mark.ipv6),
        ("192.0.2.1", False),
        ("2001:db8::1", False),
    ],
)
def test_an_address_of_this_host_is_known(address, local):
    assert is_bindable(address) == local


def test_without_a_source_the_kernel_chooses():
    with Server("127.0.0.1") as server, connected(server) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    "address, sources, expected",
    [
        ("127.0.0.1", ["127.0.0.77"], "127.0.0.77"),
        pytest.param("127.0.0.1", ["::1", "127.0.0.78"], "127.0.0.78", marks=pytest.mark.ipv6),
        pytest.param("127.0.0.1", ["::1"], "127.0.0.1", marks=pytest.mark.ipv6),
        pytest.param("::1", ["127.0.0.77", "::1"], "::1", marks=pytest.mark.ipv6),
        pytest.param("::1", ["127.0.0.77"], "::1", marks=pytest.mark.ipv6),
    ],
)
def test_each_family_leaves_from_its_own_source(address, sources, expected):
    with Server(address) as server, connected(server, sources) as sock:
        assert sock.getsockname()[0] == expected
        wait_until(lambda: server.peers)
    assert server.peers == [expected]


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_a_source_costs_no_port_before_the_connection(address):
    with socket.socket(family_of(address)) as sock:
        Sources([address]).bind(sock, family_of(address))
        assert sock.getsockname()[:2] == (address, 0)


@pytest.mark.parametrize(
    "sources, fragments",
    [
        (["192.0.2.1"], ["192.0.2.1", "address of this host"]),
        (["2001:db8::1"], ["2001:db8::1", "address of this host"]),
        (["127.0.0.1", "2001:db8::1"], ["2001:db8::1", "address of this host"]),
        (["eth0"], ["'eth0'", "IPv4 or IPv6 address"]),
        ([""], ["''", "IPv4 or IPv6 address"]),
        (["127.0.0.0/8"], ["'127.0.0.0/8'", "IPv4 or IPv6 address"]),
        (["127.0.0.11", "127.0.0.12"], ["127.0.0.11 and 127.0.0.12", "one family", "once for each"]),
        (["127.0.0.11", "::1", "127.0.0.12"], ["127.0.0.11 and 127.0.0.12"]),
    ],
)
def test_source_that_cannot_be_used_is_named(sources, fragments):
    assert_names(refusal(Sources, sources), fragments)


@pytest.mark.parametrize(
    "sources",
    [
        [],
        ["127.0.0.11"],
        pytest.param(["127.0.0.11", "::1"], marks=pytest.mark.ipv6),
        ["127.0.0.11", " 127.0.0.11"],
    ],
    ids=repr,
)
def test_one_source_of_each_family_is_enough(sources):
    assert Sources(sources)


def test_a_family_that_this_host_lacks_is_named(monkeypatch):
    def without_ipv6(family, kind, *more):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, kind, *more)

    real = socket.socket
    monkeypatch.setattr(socket, "socket", without_ipv6)
    assert_names(refusal(Sources, ["::1"]), ["::1", "not supported"])


# At an address of their own: another test may have left TIME_WAIT at the same port of 127.0.0.1.


def test_reset_is_seen_as_reset_and_leaves_no_time_wait():
    address = some_address()
    with Server(address) as server:
        sockets.reset(connected(server))
        assert server.wait_for(1) == ["reset"]
    assert connections(address, [server.port], TIME_WAIT) == 0


def test_an_ordinary_close_is_seen_as_fin_and_leaves_time_wait():
    address = some_address()
    with Server(address) as server:
        connected(server).close()
        assert server.wait_for(1) == ["fin"]
        wait_until(lambda: connections(address, [server.port], TIME_WAIT) == 1)


@pytest.mark.parametrize("address", ["127.0.0.1", pytest.param("::1", marks=pytest.mark.ipv6)])
def test_handshake_is_timed_by_the_kernel(address):
    with Server(address) as server, connected(server) as sock:
        assert 0 < sockets.handshake_ms(sock, -5.0) < 10000


def test_without_a_handshake_the_own_measure_counts():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket() as idle:
        assert sockets.handshake_ms(datagrams, 7.5) == 7.5
        assert sockets.handshake_ms(idle, 7.5) == 7.5


@pytest.mark.parametrize(
    "family, expected", [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
)
def test_first_address_of_a_family(family, expected):
    assert first_of(family, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]) == expected
    assert first_of(family, []) is None


def test_source_that_is_no_address_is_named():
    assert_names(refusal(first_of, socket.AF_INET, ["eth0"]), ["'eth0'", "IPv4 or IPv6"])
