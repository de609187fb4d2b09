# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The addresses of this host, compared with what the kernel prints elsewhere."""

import socket

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils import _own_addresses


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
    found = _own_addresses.own_addresses()
    assert "127.0.0.1" in found
    assert found == printed()


def test_a_kernel_that_does_not_say_is_told_from_one_without_addresses(monkeypatch):
    def refuse(*unused):
        raise PermissionError(1, "Operation not permitted")
    monkeypatch.setattr(_own_addresses.socket, "socket", refuse)
    assert _own_addresses.own_addresses() is None


@pytest.mark.parametrize("address, expected", [
    ("127.0.0.1", True), ("127.255.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("128.0.0.1", False), ("::2", False), ("0.0.0.0", False),
    ("files.example.com", False),
])
def test_loopback_addresses(address, expected):
    assert _own_addresses.is_loopback(address) == expected
