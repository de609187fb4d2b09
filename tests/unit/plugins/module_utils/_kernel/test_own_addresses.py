# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of this machine, compared with what the kernel prints elsewhere."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import own_addresses
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.own_addresses import (
    OwnAddresses,
)

pytestmark = pytest.mark.machines


def printed():
    """Return the addresses of /proc/net/fib_trie and /proc/net/if_inet6."""
    found, last = set(), ""
    with open("/proc/net/fib_trie") as table:
        for line in table:
            if "|-- " in line:
                last = line.split()[-1]
            elif "/32 host LOCAL" in line:
                found.add(last)
    try:
        with open("/proc/net/if_inet6") as table:
            found |= {socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])) for line in table}
    except FileNotFoundError:
        pass  # a kernel without IPv6
    return found


def test_all_addresses_are_found():
    found = own_addresses.of_interfaces()
    assert "127.0.0.1" in found
    assert found == printed()


def test_a_kernel_that_does_not_say_is_told_from_one_without_addresses(monkeypatch):
    def refuse(*unused):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(own_addresses.socket, "socket", refuse)
    assert own_addresses.of_interfaces() == frozenset()


CASES = [
    ("127.0.0.1", True),
    ("127.9.9.9", True),
    ("192.0.2.1", False),
    ("198.51.100.7", False),
    ("2001:db8::1", False),
    ("255.255.255.255", False),
    ("0.0.0.0", False),
    ("::", False),
    ("224.0.0.1", False),
    ("", False),
    ("no address", False),
]


@pytest.mark.parametrize("address, own", CASES)
def test_own_addresses_are_told_by_the_routes(address, own):
    assert (address in OwnAddresses()) is own


@pytest.mark.parametrize("address, own", CASES)
def test_where_the_kernel_does_not_say_an_address_that_can_be_bound_is_own(monkeypatch, address, own):
    monkeypatch.setattr(own_addresses, "_type_of_route", lambda *unused: None)
    assert (address in OwnAddresses()) is own


def test_each_list_has_what_the_other_lacks(monkeypatch):
    """An address of a VRF is on an interface, and a route of type local is on none."""
    monkeypatch.setattr(own_addresses, "of_interfaces", lambda: frozenset(["192.0.2.1", "2001:db8::1"]))
    own = OwnAddresses()
    assert [
        address in own
        for address in ("192.0.2.1", "2001:DB8:0::1", "::ffff:192.0.2.1", "127.7.7.7", "198.51.100.7")
    ] == [True, True, True, True, False]


def test_that_an_address_can_be_bound_proves_nothing(monkeypatch):
    """With ip_nonlocal_bind every address can be."""
    monkeypatch.setattr(own_addresses, "is_bindable", lambda address: True)
    assert "192.0.2.1" not in OwnAddresses()


@pytest.mark.parametrize("binds_to_any, own", [(False, [True, False]), (True, [False, False])])
def test_a_kernel_that_refuses_is_not_believed(monkeypatch, binds_to_any, own):
    def refuse(*unused):
        raise OSError("Protocol not supported")

    monkeypatch.setattr(own_addresses.socket, "socket", refuse)
    monkeypatch.setattr(own_addresses, "is_bindable", lambda address: address == "192.0.2.5")
    monkeypatch.setattr(own_addresses, "binds_to_any", lambda version: binds_to_any)
    assert [address in OwnAddresses() for address in ("192.0.2.5", "192.0.2.6")] == own


@pytest.mark.parametrize(
    "address, own",
    [("127.0.0.1", True), ("127.255.255.255", False), ("192.0.2.1", False), ("2001:db8::1", False)],
    ids=["own", "broadcast", "another", "another-ipv6"],
)
@pytest.mark.parametrize("binds_to_any", [False, True], ids=["usual", "ip_nonlocal_bind"])
def test_an_address_that_can_be_bound_need_not_be_own(monkeypatch, address, own, binds_to_any):
    """Keepalived and haproxy let any address be bound."""
    if binds_to_any:
        monkeypatch.setattr(own_addresses, "is_bindable", lambda unused: True)
    monkeypatch.setattr(own_addresses, "binds_to_any", lambda version: binds_to_any)
    assert own_addresses.is_own(address) is own
    assert own_addresses.is_bindable("127.255.255.255"), "the control: the kernel lets a broadcast be bound"


@pytest.mark.parametrize(
    "address, expected",
    [
        ("127.0.0.1", True),
        ("127.255.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("0.0.0.0", False),
        ("files.example.com", False),
    ],
)
def test_loopback_addresses(address, expected):
    assert own_addresses.is_loopback(address) == expected
