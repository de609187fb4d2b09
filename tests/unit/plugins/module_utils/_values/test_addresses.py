# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, networks, names, and the ranges of connection strings."""

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values import addresses
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names, refusal

LETTERS = "abcxyz"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.168.6.11..14", ["192.168.6.11", "192.168.6.12", "192.168.6.13", "192.168.6.14"]),
        ("exasol01..04", ["exasol01", "exasol02", "exasol03", "exasol04"]),
        ("exasol8..11", ["exasol8", "exasol9", "exasol10", "exasol11"]),
        ("exasol08..11", ["exasol08", "exasol09", "exasol10", "exasol11"]),
        ("exasol1..2.example.com", ["exasol1.example.com", "exasol2.example.com"]),
        ("n5..5", ["n5"]),
        ("rack2-n1..2", ["rack2-n1", "rack2-n2"]),
        ("192.168.6.11..12:8563", ["192.168.6.11:8563", "192.168.6.12:8563"]),
        ("2001:db8::1..2", ["2001:db8::1", "2001:db8::2"]),
        ("exasol1", ["exasol1"]),
        ("192.0.2.1", ["192.0.2.1"]),
        ("", [""]),
    ],
)
def test_range_is_written_out(text, expected):
    assert addresses.expand(text) == expected


@pytest.mark.parametrize(
    "text, fragments",
    [
        ("a..b", ["'a..b'", "cannot be read", "192.168.6.11..14"]),
        ("exasol1..exasol3", ["'exasol1..exasol3'", "cannot be read", "exasol01..04"]),
        ("exasol..3", ["'exasol..3'", "cannot be read"]),
        ("exasol1..", ["'exasol1..'", "cannot be read"]),
        ("11..14", ["'11..14'", "no prefix", "192.168.6.11..14"]),
        ("192.168.6.14..11", ["'192.168.6.14..11'", "backwards", "14 is greater than 11"]),
        ("exasol04..01", ["'exasol04..01'", "backwards"]),
        ("exasol1..9999", ["'exasol1..9999'", "9999 hosts", "at most 4096"]),
    ],
)
def test_what_is_no_range_is_named(text, fragments):
    assert_names(refusal(addresses.expand, text), fragments)


def test_the_longest_range_is_still_written_out():
    assert len(addresses.expand("n1..4096")) == 4096


@given(
    st.text(LETTERS, min_size=1, max_size=5),
    st.integers(0, 300),
    st.integers(0, 50),
    st.integers(1, 5),
    st.sampled_from(["", ".example.com", ":8563", "-x"]),
)
def test_range_counts_up_and_keeps_the_padding(prefix, first, more, width, suffix):
    written = str(first).zfill(width)
    naive = [prefix + str(first + step).zfill(len(written)) + suffix for step in range(more + 1)]
    assert addresses.expand(prefix + written + ".." + str(first + more) + suffix) == naive


@given(st.text(LETTERS, min_size=1, max_size=5), st.integers(0, 300), st.integers(1, 300))
def test_range_never_runs_backwards(prefix, last, more):
    assert_names(
        refusal(addresses.expand, f"{prefix}{last + more}..{last}"),
        ["backwards", str(last + more), str(last)],
    )


@given(st.integers(0, 255), st.integers(0, 255))
def test_address_range_agrees_with_ipaddress(one, other):
    first, last = sorted((one, other))
    naive = [str(ipaddress.IPv4Address("192.0.2.0") + number) for number in range(first, last + 1)]
    assert addresses.expand(f"192.0.2.{first}..{last}") == naive


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("0.0.0.0", "0.0.0.0"),
        ("::", "::"),
        ("192.0.2.256", None),
        ("192.0.2", None),
        ("192.0.2.0/24", None),
        ("n11", None),
        ("", None),
        ("[2001:db8::1]", None),
        ("fe80::1%eth0", None),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:c000:201", "192.0.2.1"),
        ("::192.0.2.1", "::c000:201"),
    ],
)
def test_address(text, expected):
    found = addresses.parse_address(text)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.1", ""),
        ("127.0.0.1", ""),
        ("2001:db8::1", ""),
        ("192.0.2.255", ""),
        ("0.0.0.0", "all addresses"),
        ("::", "all addresses"),
        ("224.0.0.1", "multicast group"),
        ("ff02::1", "multicast group"),
        ("255.255.255.255", "every host on the link"),
        ("fe80::1", "another host on each link"),
        ("169.254.0.1", ""),
        ("fd00::1", ""),
    ],
)
def test_what_is_no_single_host_is_told(text, expected):
    found = addresses.stands_for(addresses.parse_address(text))
    assert expected in found and bool(found) == bool(expected)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("fe80::1%eth0", "with a zone"),
        ("b\u00fccher.example", "punycode form (xn--...)"),
        ("192.0.2.256", "neither an IP address nor a DNS name"),
        ("100%", "neither an IP address nor a DNS name"),
        ("192.0.2.256", "four numbers from 0 to 255 without leading zeros"),
        ("192.0.02.1", "four numbers from 0 to 255 without leading zeros"),
        ("192.0.2", "four numbers from 0 to 255"),
        ("192.0.2.11/24", "write '192.0.2.11'"),
        ("192.0.2.11:8563", "write '192.0.2.11'"),
        ("[2001:db8::1]:8563", "write '2001:db8::1'"),
        ("https://files.example.com/", "write 'files.example.com'"),
        ("ftp://user@files.example.com:21/in", "write 'files.example.com'"),
        ("files.example.com/", "write 'files.example.com'"),
    ],
)
def test_what_is_wrong_with_an_address_is_told(text, expected):
    assert expected in addresses.explain_mistake(text)


@pytest.mark.parametrize("text", ["", "192.0.2.0/24", "::/129", "a b", "http:///x", "[x]:1", "://", "100%"])
def test_where_no_host_is_meant_none_is_proposed(text):
    assert "write" not in addresses.explain_mistake(text)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.77/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("192.0.2.1", None),
        ("192.0.2.0/33", None),
        ("name/24", None),
    ],
)
def test_network(text, expected):
    found = addresses.parse_network(text)
    assert (None if found is None else str(found)) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("n11", True),
        ("ldap.example.com", True),
        ("ldap.example.com.", True),
        ("3com.example", True),
        ("a" * 63 + ".example", True),
        ("a" * 64 + ".example", False),
        (".".join(["a" * 60] * 5), False),
        ("-n11", False),
        ("n11-", False),
        ("n 11", False),
        ("db_node1.example", True),
        ("192.0.2.11-14", False),
        ("192.0.2.11-192.0.2.14", False),
        ("192.0.2.x-14", True),
        ("4-5.example", True),
        ("b\u00fccher.example", False),
        ("xn--bcher-kva.example", True),
        ("n11:8563", False),
        ("n11/x", False),
        ("a..b", False),
        ("192.0.2.256", False),
        ("", False),
        (".", False),
        ("n\n", False),
        ("\u0661\u0662", False),
    ],
)
def test_name(text, expected):
    assert addresses.is_name(text) is expected


def test_order_is_by_family_number_and_name():
    ordered = [
        "192.0.2.0/24",
        "192.0.2.2",
        "192.0.2.10",
        "2001:db8::2",
        "2001:db8::10",
        "a.example",
        "b.example",
    ]
    assert sorted(ordered, key=addresses.sort_key) == ordered


@given(
    st.lists(
        st.ip_addresses().filter(lambda address: not getattr(address, "ipv4_mapped", None)).map(str),
        max_size=10,
    )
)
def test_order_of_addresses_is_total(texts):
    ordered = sorted(texts, key=addresses.sort_key)
    naive = sorted(
        texts, key=lambda text: (ipaddress.ip_address(text).version, int(ipaddress.ip_address(text)))
    )
    assert ordered == naive


@pytest.mark.parametrize(
    "text, expected",
    [
        ("192.0.2.11-14", "192.0.2.11..14"),
        ("192.0.2.11-192.0.2.14", "192.0.2.11..14"),
        ("192.0.2.11-192.0.3.14", ""),
        ("192.0.2.11", ""),
        ("n11-14", ""),
        ("192.0.2.11..14", ""),
        ("", ""),
    ],
)
def test_a_range_with_a_dash_is_rewritten(text, expected):
    assert addresses.dotted_range(text) == expected


@pytest.mark.parametrize(
    "texts, expected",
    [
        ([], []),
        (["192.0.2.1", "n11"], []),
        (["0.0.0.0/0"], ["0.0.0.0/0"]),
        (["::/0", "0.0.0.0/0"], ["0.0.0.0/0", "::/0"]),
        (["0.0.0.0/1", "128.0.0.0/1"], ["0.0.0.0/0"]),
        (["0.0.0.0/1", "128.0.0.0/2"], []),
        (["0.0.0.0/1", "8000::/1"], []),
    ],
)
def test_everybody(texts, expected):
    assert [str(network) for network in addresses.everybody(texts)] == expected


@given(
    st.ip_addresses().filter(lambda one: not getattr(one, "ipv4_mapped", None) and not one.is_multicast),
    st.integers(0, 128),
)
def test_a_network_with_host_bits_is_refused_with_both_readings(address, length):
    length = min(length, address.max_prefixlen)
    text = f"{address}/{length}"
    network = ipaddress.ip_network(text, strict=False)
    if network.is_multicast or network.network_address != address:
        assert_names(
            refusal(addresses.check_network, text, network),
            [repr(text)] + ([] if network.network_address == address else [str(network)]),
        )
    else:
        addresses.check_network(text, network)


@pytest.mark.parametrize(
    "family, expected", [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")]
)
def test_first_address_of_a_family(family, expected):
    assert addresses.first_of(family, ["2001:db8::1", "192.0.2.1", "192.0.2.2"]) == expected
    assert addresses.first_of(family, []) is None


def test_source_that_is_no_address_is_named():
    assert_names(refusal(addresses.first_of, socket.AF_INET, ["eth0"]), ["'eth0'", "IPv4 or IPv6"])
