# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that are measured where Ansible logs in, although they have other addresses: said once."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.login_addresses import (
    login_notes,
)

LOGIN, SERVICE = "192.0.2.11", "198.51.100.11"


def host(*addresses, is_login=True):
    return {"addresses": list(addresses), **({"is_login_address": True} if is_login else {})}


CASES = {
    "another network": (host(LOGIN), [LOGIN, SERVICE], True),
    "one address": (host(LOGIN), [LOGIN], False),
    "loopback and the link alone": (host(LOGIN), [LOGIN, "127.0.0.1", "169.254.3.4", "::1"], False),
    "the other family": (host(LOGIN), [LOGIN, "2001:db8::11"], False),
    "exasol_address is set": (host(LOGIN, is_login=False), [LOGIN, SERVICE], False),
    "a machine that is measured on itself": (host("127.0.0.11"), ["127.0.0.11", SERVICE], False),
    "a name": (host("n11.example.com"), [LOGIN, SERVICE], False),
    "an address of a NAT device": (host("203.0.113.9"), [LOGIN, SERVICE], False),
    "a host that lists nothing": (host(LOGIN), [], False),
}


@pytest.mark.parametrize("what", CASES)
def test_a_host_with_another_network_is_named(what):
    planned, listed, is_named = CASES[what]
    notes = login_notes({"n11": planned}, {"n11": {"addresses": listed}})
    assert len(notes) == int(is_named)
    if is_named:
        assert f"n11: {SERVICE}" in notes[0]
        assert "set exasol_address" in notes[0]


def test_many_hosts_are_one_note():
    hosts = {f"n{number}": host(f"192.0.2.{number}") for number in range(11, 21)}
    seen = {name: {"addresses": [*one["addresses"], SERVICE]} for name, one in hosts.items()}
    (note,) = login_notes(hosts, seen)
    assert note.startswith("n11, n12, n13 and 7 more are measured")
