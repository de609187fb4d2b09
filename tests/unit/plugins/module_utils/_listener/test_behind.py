# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that a NAT device has for a host: where its listener waits instead, and what it reports."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener import control
from ansible_collections.exasol_community.network.plugins.module_utils._listener.behind import Asked
from ansible_collections.exasol_community.network.plugins.module_utils._listener.endpoints import describe
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    free_ports,
    listening,
    some_address,
)

OUTSIDE = "203.0.113.5"  # of TEST-NET-3: no machine of these tests has it, and nothing is sent to it


def entry(address, ports="8563", behind=None):
    """Return one entry as a plan holds it."""
    found = {"address": address, "protocol": "tcp", "ports": ports}
    return dict(found, behind=behind) if behind else found


@pytest.mark.parametrize(
    ("asked", "own", "expected"),
    [
        ([entry("10.0.0.1")], [], [entry("10.0.0.1")]),
        ([entry(OUTSIDE, behind=["10.0.0.1"])], ["10.0.0.1"], [entry("10.0.0.1")]),
        ([entry(OUTSIDE, behind=["10.0.0.1"])], ["10.0.0.1", OUTSIDE], [entry(OUTSIDE)]),
        (
            [entry("10.0.0.1", "22"), entry(OUTSIDE, "8563", behind=["10.0.0.1"])],
            ["10.0.0.1"],
            [entry("10.0.0.1", "22,8563")],
        ),
        (
            [entry(OUTSIDE, behind=["10.0.0.1", "10.1.0.1", "2001:db8::1"])],
            [],
            [entry("10.0.0.1"), entry("10.1.0.1")],
        ),
        ([entry("2001:db8::5", behind=["10.0.0.1", "fd00::1"])], [], [entry("fd00::1")]),
        # NAT64 and the like: where nothing is of the same family, any address may be behind it.
        ([entry("2001:db8::5", behind=["10.0.0.1"])], [], [entry("10.0.0.1")]),
        ([entry(OUTSIDE, behind=["n1.example.com"])], [], [entry("0.0.0.0")]),
        ([entry("n1.example.com", behind=["10.0.0.1"])], [], [entry("0.0.0.0"), entry("::")]),
        (
            [entry("10.0.0.1", "22,8563"), entry("n1.example.com", "8563", behind=["10.0.0.1"])],
            [],
            [entry("0.0.0.0"), entry("10.0.0.1", "22"), entry("::")],
        ),
    ],
    ids=[
        "no-nat",
        "behind-nat",
        "owned",
        "both-networks",
        "several-of-its-family",
        "ipv6-outside",
        "other-family-only",
        "own-name-behind",
        "external-name",
        "external-name-covers-private-address",
    ],
)
def test_where_a_listener_waits(asked, own, expected):
    assert describe(Asked(asked, own).wanted) == expected


def result(**fields):
    """Return a result of a listener."""
    return {"listening": [], "in_use": [], "denied": [], "changed": True, **fields}


def test_what_is_reported_speaks_of_the_addresses_that_were_asked_for():
    asked = Asked(
        [entry("10.0.0.1", "20"), entry(OUTSIDE, "8563,443,2580", behind=["10.0.0.1"])], ["10.0.0.1"]
    )
    found = asked.as_asked(
        result(
            listening=[entry("10.0.0.1", "20,8563")],
            in_use=[entry("10.0.0.1", "2580")],
            denied=[entry("10.0.0.1", "443")],
        )
    )
    assert found["listening"] == [entry("10.0.0.1", "20"), entry(OUTSIDE, "8563")]
    assert found["in_use"] == [entry(OUTSIDE, "2580")]
    assert found["denied"] == [entry(OUTSIDE, "443")]


def test_a_listener_at_one_of_two_addresses_behind_nat_is_not_up():
    # Nobody knows to which of them the NAT device leads.
    asked = Asked([entry(OUTSIDE, behind=["10.0.0.1", "10.1.0.1"])], [])
    found = asked.as_asked(result(listening=[entry("10.0.0.1")], in_use=[entry("10.1.0.1")]))
    assert (found["listening"], found["in_use"]) == ([], [entry(OUTSIDE)])


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (["10.0.0.1"], ["10.0.0.1", OUTSIDE]),
        (["0.0.0.0"], ["0.0.0.0", OUTSIDE]),
        (["127.0.0.1"], ["127.0.0.1"]),
        (["10.9.9.9"], ["10.9.9.9"]),
    ],
    ids=["there", "everywhere", "loopback-only", "elsewhere"],
)
def test_a_service_behind_nat_counts_as_one_at_the_external_address(at, expected):
    asked = Asked([entry(OUTSIDE, behind=["10.0.0.1"])], [])
    held = dict(entry("10.0.0.1"), by="service", at=at)
    found = asked.as_asked(result(in_use=[entry("10.0.0.1")], holders=[held]))
    assert found["holders"] == [dict(entry(OUTSIDE), by="service", at=expected)]


def test_leftovers_are_reported_at_the_addresses_that_were_asked_for():
    asked = Asked([entry("10.0.0.1", "22"), entry(OUTSIDE, behind=["10.0.0.1"])], [])
    found = asked.as_asked(result(leftovers=[{"pid": 5, "ports": [entry("10.0.0.1", "22,8563")]}]))
    assert found["leftovers"] == [{"pid": 5, "ports": [entry("10.0.0.1", "22"), entry(OUTSIDE)]}]


def test_a_real_listener_waits_behind_the_address(host):
    address = some_address()
    first, second = free_ports(address, 2)
    with listening(address, port=second):
        found = host.listen([entry(OUTSIDE, f"{first},{second}", behind=[address])])
        asked = control.query(host.name, [entry(OUTSIDE, f"{second}", behind=[address])])
    assert found["listening"] == [entry(OUTSIDE, str(first))]
    assert found["in_use"] == [entry(OUTSIDE, str(second))] == asked["in_use"]
    held = dict(entry(OUTSIDE, str(second)), by="service", at=sorted([address, OUTSIDE]))
    assert found["holders"] == [held] == asked["holders"]


def test_a_second_lease_changes_nothing_behind_nat_either(host):
    address = some_address()
    wish = [entry(OUTSIDE, str(free_ports(address)[0]), behind=[address])]
    first, dry, second = host.listen(wish), host.listen(wish, dry=True), host.listen(wish)
    assert first["listening"] == dry["listening"] == second["listening"] == [entry(OUTSIDE, wish[0]["ports"])]
    assert (first["changed"], dry["changed"], second["changed"]) == (True, False, False)
