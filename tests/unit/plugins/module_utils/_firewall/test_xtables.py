# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports and lines in iptables' words."""

import pytest
from hypothesis import given

from ansible_collections.exasol_community.network.plugins.module_utils._firewall import steps, xtables
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall import cases
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.cases import (
    rule,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.commands import (
    Commands,
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
        (
            '-A EXASOL-IN -p tcp -m multiport --dports 22 -m comment --comment "exasol: a" -j REJECT',
            rule("in tcp 22", "", "a", "reject"),
        ),
        (
            '-A EXASOL-IN -p tcp -m tcp --syn -s 192.0.2.1/32 -m comment --comment "exasol: a" --dport 22 -j ACCEPT',
            rule("in tcp 22", "192.0.2.1", "a"),
        ),
        ("-A EXASOL-IN -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT", None),
        ('-A EXASOL-IN -s 192.0.2.1/32 -m comment --comment "somebody else\'s" -j ACCEPT', None),
    ],
    ids=["ports", "any", "single-dport", "reject", "default-reject", "option-alone", "replies", "foreign"],
)
def test_lines_of_iptables_save_are_read(line, expected):
    assert xtables.parse_line(line, "in", 4) == expected


def test_a_line_without_names_is_read():
    found = xtables.parse_line(
        '-A EXASOL-IN -s 192.0.2.1/32 -m comment --comment "exasol: " -j ACCEPT', "in", 4
    )
    assert found.services == ()


# What the variants of iptables print

FILTER = "*filter\n:INPUT DROP [3:180]\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n"
NAT = "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"


@pytest.mark.parametrize(
    "saved, expected",
    [
        ("", ""),
        (NAT, ""),
        (FILTER, FILTER),
        ("#" + FILTER, FILTER),
        ("# x\n" + FILTER, FILTER),
        (NAT + FILTER, FILTER),
        (FILTER + NAT, FILTER),
        (NAT + FILTER + NAT.replace("nat", "raw") + "# Completed\n", FILTER),
    ],
    ids=["nothing", "another", "alone", "behind-one-character", "comment", "last", "first", "between"],
)
def test_filter_table_is_taken_as_a_whole(saved, expected):
    assert xtables.filter_table(saved) == expected


def test_tables_are_those_with_a_heading():
    assert xtables.tables(NAT + FILTER) == ["nat", "filter"]
    assert xtables.tables("# Table `raw' is incompatible, use 'nft' tool.\n") == []


@pytest.mark.parametrize(
    "restore, answers, expected",
    [
        ("iptables-restore", {"iptables-restore --help": "  [ --wait=<seconds> ]"}, ["--wait=20"]),
        ("iptables-restore", {"iptables-restore --help": "  [ --noflush ]"}, []),
        ("iptables-restore", {}, []),
        ("/usr/sbin/iptables-restore", {"/usr/sbin/iptables-restore --help": "--wait"}, ["--wait=20"]),
        ("/usr/sbin/iptables-restore", {"/usr/sbin/iptables-restore --help": "--test"}, []),
    ],
    ids=["waits", "too-old", "not-installed", "path", "path-too-old"],
)
def test_a_command_waits_for_the_lock_if_it_can(monkeypatch, restore, answers, expected):
    Commands(monkeypatch, answers)
    assert xtables.wait_option(restore) == expected


@pytest.mark.parametrize("stdout, stderr", [("", "--wait"), ("--wait", ""), ("-", "-wait"), ("-w", "ait")])
def test_help_may_be_printed_as_an_error(monkeypatch, stdout, stderr):
    monkeypatch.setattr(xtables, "which", lambda name: name)
    monkeypatch.setattr(xtables, "run", lambda command: steps.Done(1, stdout, stderr))
    assert bool(xtables.wait_option("iptables-restore")) == ("--wait" in stdout + stderr)


def test_each_version_has_its_command():
    assert xtables.SAVE == {4: "iptables-save", 6: "ip6tables-save"}
    assert xtables.save_commands("iptables-legacy") == {4: "iptables-legacy-save", 6: "ip6tables-legacy-save"}
    assert xtables.save_commands("iptables-nft") == {4: "iptables-nft-save", 6: "ip6tables-nft-save"}


NF, LEGACY = "iptables v1.8.9 (nf_tables)", "iptables v1.8.9 (legacy)"
BOTH = {"iptables-nft-save": "", "iptables-legacy-save": ""}


@pytest.mark.parametrize(
    "answers, legacy_tables, other, of_nft",
    [
        ({}, "filter", "", {}),
        ({"iptables --version": NF}, "filter", "", "iptables-save"),
        ({"iptables --version": LEGACY}, "filter", "", {}),
        (dict(BOTH, **{"iptables --version": LEGACY}), "filter", "iptables-nft", "iptables-nft-save"),
        (dict(BOTH, **{"iptables --version": NF}), "filter", "iptables-legacy", "iptables-save"),
        (dict(BOTH, **{"iptables --version": NF}), "nat filter raw", "iptables-legacy", "iptables-save"),
        (dict(BOTH, **{"iptables --version": NF}), "nat", "", "iptables-save"),
        (dict(BOTH, **{"iptables --version": NF}), None, "", "iptables-save"),
        (dict(BOTH), "filter", "", "iptables-nft-save"),
        ({"iptables --version": NF, "iptables-nft-save": ""}, "filter", "", "iptables-save"),
    ],
    ids=[
        "nothing",
        "nft-alone",
        "legacy-alone",
        "legacy-of-both",
        "nft-of-both",
        "several-tables",
        "legacy-does-not-filter",
        "legacy-not-loaded",
        "no-command",
        "one-variant",
    ],
)
def test_variant_that_the_command_is_not(monkeypatch, answers, legacy_tables, other, of_nft):
    Commands(monkeypatch, answers)
    monkeypatch.setattr(xtables, "read", lambda path: legacy_tables)
    version = xtables.version_of_command()
    assert xtables.other_variant(version) == other
    assert xtables.nft_save_commands(version).get(4, {}) == of_nft


@pytest.mark.parametrize("table", xtables._LEGACY_TABLES)
def test_a_legacy_table_of_either_version_counts(monkeypatch, table):
    Commands(monkeypatch, dict(BOTH, **{"iptables --version": NF}))
    monkeypatch.setattr(xtables, "read", lambda path: "filter\n" if path == table else None)
    assert xtables.other_variant(xtables.version_of_command()) == "iptables-legacy"
