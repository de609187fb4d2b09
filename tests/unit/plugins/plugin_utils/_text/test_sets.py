# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets in few words; what they mean is asked of Ansible and of ipaddress."""

from __future__ import annotations

import ipaddress

import pytest
from ansible.plugins.inventory import detect_range, expand_hostname_range
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._text.sets import (
    address_ranges,
    listed,
    names_in_short,
    natural,
    some_names,
)

NAMES = st.lists(
    st.one_of(
        st.integers(0, 40).map("n{}".format),
        st.integers(0, 40).map("n{:02}".format),
        st.integers(0, 12).map("db{}.example.com".format),
        st.text("n019.-a[:]", min_size=1, max_size=5),
        st.integers(0, 9).map("192.0.2.{}".format),
    ),
    unique=True,
)


def meant(short):
    """Return the names that Ansible takes a pattern for."""
    is_literal = not short.count("[") == short.count("]") == short.count(":") == 1
    return [short] if is_literal or not detect_range(short) else expand_hostname_range(short)


@given(NAMES.map(lambda names: [name for name in names if not set("[:]") & set(name)]))
def test_names_mean_exactly_the_hosts(names):
    assert [name for short in names_in_short(names) for name in meant(short)] == names


@given(NAMES)
def test_what_is_special_to_ansible_stays_as_it_is(names):
    kept = [name for name in names if set("[:]") & set(name)]
    assert [short for short in names_in_short(names) if short in kept] == kept


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["n11", "n12", "n13"], ["n[11:13]"]),
        (["n9", "n10", "n11"], ["n[9:11]"]),
        (["n08", "n09", "n10"], ["n[08:10]"]),
        (["n99", "n100", "n101"], ["n[99:101]"]),
        (["n11", "n12"], ["n11", "n12"]),
        (["n11", "n13", "client"], ["n11", "n13", "client"]),
        (["a1.b.c", "a2.b.c", "a3.b.c", "a5.b.c"], ["a[1:3].b.c", "a5.b.c"]),
        (["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    ],
    ids=str,
)
def test_names_in_few_words(names, expected):
    assert names_in_short(names) == expected


@given(st.sets(st.sampled_from([f"192.0.2.{last}" for last in range(12)] + ["192.0.1.255", "2001:db8::1"])))
def test_ranges_hold_exactly_the_addresses(addresses):
    held = set()
    for text in address_ranges(addresses):
        first, dash, last = text.partition("-")
        last = last if "." in last or ":" in last else f"{first.rpartition('.')[0]}.{last}"
        low, high = ipaddress.ip_address(first), ipaddress.ip_address(last if dash else first)
        held |= {str(type(low)(number)) for number in range(int(low), int(high) + 1)}
    assert held == addresses


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["127.0.0.13", "127.0.0.11", "127.0.0.12"], ["127.0.0.11-13"]),
        (["192.0.2.255", "192.0.3.0"], ["192.0.2.255-192.0.3.0"]),
        (["2001:db8::2", "2001:db8::1"], ["2001:db8::1-2001:db8::2"]),
        (["198.51.100.0/24", "192.0.2.1", "ldap"], ["192.0.2.1", "198.51.100.0/24", "ldap"]),
        (["192.0.2.11", "192.0.2.12/30", "192.0.2.16"], ["192.0.2.11-16"]),
        (["192.0.2.12/30"], ["192.0.2.12-15"]),
        (["192.0.2.0/28", "198.51.100.0/28", "192.0.2.16"], ["192.0.2.0-16", "198.51.100.0/28"]),
        (["fe80::1", "fe80::2/128", "10.0.0.0/31"], ["10.0.0.0-1", "fe80::1-fe80::2"]),
    ],
    ids=str,
)
def test_addresses_in_few_words(addresses, expected):
    assert address_ranges(addresses) == expected


def test_many_names_are_counted():
    found = some_names([f"host{'x' * number}" for number in range(30)], 3)
    assert found == "host, hostx and more, 30 hosts in all"


@pytest.mark.parametrize(
    ("texts", "expected"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_a_list(texts, expected):
    assert listed(texts) == expected


def test_numbers_count_as_numbers():
    assert sorted(["n10", "n2", "a", "n1"], key=natural) == ["a", "n1", "n2", "n10"]
