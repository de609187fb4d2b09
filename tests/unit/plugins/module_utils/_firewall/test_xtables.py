# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and lines in iptables' words."""

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import xtables
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)

# Every other port, so that nothing is merged.
SINGLES = ",".join(str(port) for port in range(1, 41, 2))
RANGES = ",".join(f"{port}-{port + 1}" for port in range(1, 61, 3))


@pytest.mark.parametrize(
    "ports, sizes",
    [
        ("8563", [1]),
        ("20000-21000", [1]),
        (SINGLES, [15, 5]),
        (RANGES, [7, 7, 6]),
        ("1,3,5,7,9,11,13,15,17,19,21,23,25,27,29", [15]),
        ("1,3,5,7,9,11,13,15,17,19,21,23,25,27,29-30", [14, 1]),
        ("1,3,5,7,9,11,13,15,17,19,21,23,25,27-28", [14]),
    ],
    ids=["one", "range", "singles", "ranges", "fifteen", "range-does-not-fit", "range-fits"],
)
def test_a_range_takes_two_of_fifteen_places(ports, sizes):
    assert [len(group.ranges) for group in xtables.port_groups(Ports.parse(ports))] == sizes


def test_no_ports_are_one_group():
    assert xtables.port_groups(Ports()) == [Ports()]


@given(cases.PORTS)
@cases.EXAMPLES
def test_groups_hold_every_port_once_and_fit(ports):
    groups = xtables.port_groups(ports)
    assert [item for group in groups for item in group.ranges] == list(ports.ranges)
    assert all(sum(1 if item.first == item.last else 2 for item in group.ranges) <= 15 for group in groups)


@given(cases.PORTS)
@cases.EXAMPLES
def test_port_text_is_read_back(ports):
    assert xtables.parse_port_text(xtables.port_text(ports)) == ports


@pytest.mark.parametrize(
    "value, expected", [("22", "22"), ("20000:21000", "20000-21000"), ("22,80:90,443", "22,80-90,443")]
)
def test_port_text_is_iptables_own(value, expected):
    assert str(xtables.parse_port_text(value)) == expected


@pytest.mark.parametrize(
    "line, expected",
    [
        (
            '-A EXASOL-IN -s 192.0.2.1/32 -p tcp -m multiport --dports 22,80:90 -m comment --comment "exasol: a, b" -j ACCEPT',
            rule("in tcp 22,80-90", "192.0.2.1", "a,b"),
        ),
        (
            '-A EXASOL-IN -s 192.0.2.0/24 -m comment --comment "exasol: cluster_internal" -j ACCEPT',
            rule("in any", "192.0.2.0/24", "cluster_internal"),
        ),
        (
            '-A EXASOL-IN -p udp -m udp --dport 53 -m comment --comment "exasol: dns" -j ACCEPT',
            rule("in udp 53", "", "dns"),
        ),
        (
            '-A EXASOL-IN -p tcp -m multiport --dports 22 -m comment --comment "exasol: a" -j REJECT --reject-with icmp-admin-prohibited',
            rule("in tcp 22", "", "a", "reject"),
        ),
        ("-A EXASOL-IN -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT", None),
        ('-A EXASOL-IN -s 192.0.2.1/32 -m comment --comment "somebody else\'s" -j ACCEPT', None),
    ],
    ids=["ports", "any", "single-dport", "reject", "replies", "foreign"],
)
def test_lines_of_iptables_save_are_read(line, expected):
    assert xtables.parse_line(line, "in", 4) == expected


def test_a_line_without_names_is_read():
    found = xtables.parse_line(
        '-A EXASOL-IN -s 192.0.2.1/32 -m comment --comment "exasol: " -j ACCEPT', "in", 4
    )
    assert found.services == ()
