# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counters of the kernel, read from files as kernels write them, and from what is missing or odd."""

import os

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.counters import (
    COUNTERS,
    ERRORS_SENT,
    LEVELS,
    grown,
    read_counters,
    read_levels,
    unchanged,
)

NETSTAT = """TcpExt: SyncookiesSent SyncookiesRecv ListenOverflows ListenDrops IPReversePathFilter
TcpExt: 3 4 5 6 7
IpExt: InNoRoutes InOctets
IpExt: 2 9999
"""
SNMP = """Ip: Forwarding DefaultTTL InDiscards OutNoRoutes
Ip: 1 64 8 9
Tcp: RtoAlgorithm MaxConn
Tcp: 1 -1
"""
SNMP6 = """Ip6InReceives                   \t12
Ip6InNoRoutes                   \t13
Ip6OutNoRoutes                  \t0
"""
CONNTRACK = """entries  searched found new drop early_drop insert_failed
00000000  00000000 00000000 00000000 0000000a 00000001 00000000
00000000  00000000 00000000 00000000 00000002 00000000 00000000
"""


def write(folder, **files):
    """Write files of /proc; "__" in a name is a folder."""
    for name, text in files.items():
        path = os.path.join(str(folder), *name.split("__"))
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        with open(path, "w") as file:
            file.write(text)
    return str(folder)


def test_what_kernels_write_is_read(tmp_path):
    proc = write(
        tmp_path, net__netstat=NETSTAT, net__snmp=SNMP, net__snmp6=SNMP6, net__stat__nf_conntrack=CONNTRACK
    )
    assert read_counters(proc) == {
        "SyncookiesSent": 3,
        "SyncookiesRecv": 4,
        "ListenOverflows": 5,
        "ListenDrops": 6,
        "IPReversePathFilter": 7,
        "InNoRoutes": 2,
        "InDiscards": 8,
        "OutNoRoutes": 9,
        "Ip6InNoRoutes": 13,
        "Ip6OutNoRoutes": 0,
        "ConntrackDrop": 12,
        "ConntrackEarlyDrop": 1,
        "ConntrackInsertFailed": 0,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "TcpExt:",
        "TcpExt: ListenDrops",
        "TcpExt: ListenDrops\nTcpExt: many\n",
        "\x00\xff\n\n\n",
        "a b\nc d\n",
    ],
)
def test_odd_files_are_no_counters(tmp_path, text):
    proc = write(tmp_path, net__netstat=text, net__snmp6=text, net__stat__nf_conntrack=text)
    assert read_counters(proc) == {}


def test_missing_files_are_no_counters(tmp_path):
    assert read_counters(str(tmp_path)) == {}
    assert read_levels(str(tmp_path)) == {}


def test_levels_are_read(tmp_path):
    proc = write(
        tmp_path,
        sys__net__netfilter__nf_conntrack_count="64\n",
        sys__net__netfilter__nf_conntrack_max="128\n",
        sys__net__ipv4__tcp_mem="10\t20\t30\n",
        net__sockstat="sockets: used 5\nTCP: inuse 1 orphan 0 tw 0 alloc 2 mem 7\n",
    )
    assert read_levels(proc) == {
        "conntrack_count": 64,
        "conntrack_max": 128,
        "tcp_pages": 7,
        "tcp_max_pages": 30,
    }


def test_only_what_grew_between_two_readings_counts():
    before = {"ListenDrops": 5, "InDiscards": 1, "OutDiscards": 9}
    assert grown(before, {"ListenDrops": 8, "InDiscards": 1, "OutDiscards": 3, "InNoRoutes": 4}) == {
        "ListenDrops": 3
    }


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({"OutDestUnreachs": 5}, {"OutDestUnreachs": 5}, ["OutDestUnreachs"]),
        ({"OutDestUnreachs": 5}, {"OutDestUnreachs": 6}, []),
        ({}, {"OutDestUnreachs": 5}, []),
        ({"OutDestUnreachs": 5}, {}, []),
        ({"ListenDrops": 5}, {"ListenDrops": 5}, []),
        ({"Icmp6OutDestUnreachs": 0}, {"Icmp6OutDestUnreachs": 0}, ["Icmp6OutDestUnreachs"]),
    ],
)
def test_what_did_not_grow_is_known_only_if_both_readings_have_it(before, after, found):
    assert unchanged(before, after) == found


def test_this_kernel_has_only_declared_counters():
    found = read_counters()
    assert {"ListenDrops", *ERRORS_SENT.values()} <= set(found)
    assert set(found) <= set(COUNTERS)
    assert set(read_levels()) <= set(LEVELS)
