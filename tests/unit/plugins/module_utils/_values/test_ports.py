# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports against naive sets of integers."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import (
    PortRange,
    Ports,
    parse_range,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import (
    assert_names,
    port_set,
    ports_of,
    refusal,
)

# Few distinct ports, so that ranges overlap, touch and nest; the edges of the port space are among them.
NUMBERS = st.one_of(st.integers(1, 40), st.integers(65500, 65535), st.integers(1, 65535))


@st.composite
def port_ranges(draw):
    """A range, most of them short."""
    first = draw(NUMBERS)
    return PortRange(first, min(65535, first + draw(st.integers(0, 30))))


RANGES = st.lists(port_ranges(), max_size=12)


@pytest.mark.parametrize(
    "value, expected",
    [
        (8563, (8563, 8563)),
        ("8563", (8563, 8563)),
        (" 8563 ", (8563, 8563)),
        ("20000-21000", (20000, 21000)),
        ("1-65535", (1, 65535)),
        ("7-7", (7, 7)),
        (1, (1, 1)),
        (65535, (65535, 65535)),
    ],
)
def test_range_is_read(value, expected):
    assert parse_range(value) == expected


@pytest.mark.parametrize(
    "value, fragments",
    [
        (0, ["0", "1 to 65535"]),
        ("0", ["port 0", "1 to 65535"]),
        (65536, ["65536", "1 to 65535"]),
        ("8563-65536", ["65536", "'8563-65536'", "1 to 65535"]),
        ("0-10", ["port 0", "'0-10'"]),
        (-1, ["-1", "1 to 65535"]),
        ("21000-20000", ["'21000-20000'", "backwards", "20000-21000"]),
        ("x", ["'x'", "not a port", "1 to 65535", "20000-21000"]),
        ("", ["''", "not a port"]),
        (" ", ["' '", "not a port"]),
        (True, ["True", "not a port"]),
        (False, ["False", "not a port"]),
        (None, ["None", "not a port"]),
        (8563.0, ["8563.0", "not a port"]),
        ("20000:21000", ["'20000:21000'", "20000-21000"]),
        ("1-2-3", ["'1-2-3'", "not a port"]),
        ("20000-", ["'20000-'", "not a port"]),
        ("8563/tcp", ["'8563/tcp'", "not a port"]),
        ("99999999", ["'99999999'", "not a port"]),
        ("\u0663", ["not a port"]),
    ],
    ids=repr,
)
def test_what_is_no_range_is_named(value, fragments):
    assert_names(refusal(parse_range, value), fragments)


@pytest.mark.parametrize(
    "value, expected",
    [
        (8563, "8563"),
        ("8563", "8563"),
        ("8563,22, 20000-21000", "22,8563,20000-21000"),
        ([8563, "22"], "22,8563"),
        (["20000-21000", 20002, "20003-21001"], "20000-21001"),
        (Ports([5, 6]), "5-6"),
        ((5, "6-7"), "5-7"),
        (iter([7, 5]), "5,7"),
        ("1,2,3", "1-3"),
        ("5,5,5", "5"),
    ],
)
def test_ports_are_read_and_merged(value, expected):
    assert str(Ports.parse(value)) == expected


@pytest.mark.parametrize(
    "value, fragments",
    [
        ("", ["''", "not a port"]),
        ([], ["no port is given", "8563"]),
        ("8563,", ["''", "not a port"]),
        ("8563,x", ["'x'", "not a port"]),
        ([8563, 0], ["port 0", "1 to 65535"]),
        (True, ["True", "not a port"]),
        ([True], ["True", "not a port"]),
        ([[8563]], ["[8563]", "not a port"]),
        (None, ["None"]),
        (8563.5, ["8563.5"]),
        (b"8563", ["8563", "not a port"]),
        ({8563: "sql"}, ["{8563: 'sql'}", "not a port"]),
        ("0o17", ["'0o17'", "not a port"]),
        ("1e3", ["'1e3'", "not a port"]),
    ],
    ids=repr,
)
def test_what_is_no_list_of_ports_is_named(value, fragments):
    assert_names(refusal(Ports.parse, value), fragments)


def assert_holds(ports, numbers):
    """Assert that ports are exactly these numbers, in canonical form: sorted, disjoint and not adjacent."""
    assert isinstance(ports, Ports)
    assert port_set(ports.ranges) == numbers
    assert all(item.first <= item.last for item in ports.ranges)
    assert all(left.last + 1 < right.first for left, right in zip(ports.ranges, ports.ranges[1:]))


@given(RANGES)
def test_ranges_are_joined_to_exactly_their_ports(ranges):
    assert_holds(Ports.of_ranges(ranges), port_set(ranges))


@given(RANGES)
def test_equal_sets_are_equal_ports(ranges):
    ports = Ports.of_ranges(ranges)
    same = Ports.of_ranges([PortRange(number, number) for number in port_set(ranges)])
    assert ports == same == Ports.of_ranges(reversed(ranges))
    assert hash(ports) == hash(same)
    assert str(ports) == str(same)


@given(RANGES, RANGES)
def test_ports_are_equal_where_their_sets_are(ranges, others):
    same = port_set(ranges) == port_set(others)
    assert (Ports.of_ranges(ranges) == Ports.of_ranges(others)) is same
    assert (Ports.of_ranges(ranges) != Ports.of_ranges(others)) is not same


@given(RANGES, RANGES)
def test_operators_are_those_of_sets(ranges, others):
    ports, more = Ports.of_ranges(ranges), Ports.of_ranges(others)
    assert_holds(ports | more, port_set(ranges) | port_set(others))
    assert_holds(ports & more, port_set(ranges) & port_set(others))
    assert_holds(ports - more, port_set(ranges) - port_set(others))
    assert (port_set(ports.ranges), port_set(more.ranges)) == (port_set(ranges), port_set(others))


@given(st.lists(RANGES, max_size=5))
def test_union_is_that_of_all(several):
    assert_holds(
        Ports.union(Ports.of_ranges(ranges) for ranges in several), set().union(*map(port_set, several))
    )


@given(st.lists(NUMBERS, max_size=60))
def test_numbers_become_ports(numbers):
    assert_holds(Ports(numbers), set(numbers))


@given(RANGES)
def test_text_is_read_back_as_the_same_ports(ranges):
    ports = Ports.of_ranges(ranges)
    assert ports_of(str(ports)) == port_set(ranges)
    if ranges:
        assert Ports.parse(str(ports)) == ports


@given(st.lists(port_ranges(), min_size=1, max_size=12))
def test_text_and_list_mean_the_same(ranges):
    assert Ports.parse(",".join(str(item) for item in ranges)) == Ports.parse([str(item) for item in ranges])


@given(RANGES)
def test_ports_are_a_collection_of_numbers(ranges):
    ports = Ports.of_ranges(ranges)
    assert list(ports) == sorted(port_set(ranges))
    assert len(ports) == len(port_set(ranges))
    assert bool(ports) is bool(ranges)
    assert Ports(ports) == copy.deepcopy(ports) == ports


@given(RANGES, NUMBERS)
def test_a_port_is_in_ports_where_it_is_in_the_set(ranges, number):
    numbers = port_set(ranges)
    # Beside any number, those on both sides of every edge.
    edges = {edge + step for item in ranges for edge in item for step in (-1, 0, 1)}
    ports = Ports.of_ranges(ranges)
    assert {port for port in edges | {number} if port in ports} == numbers & (edges | {number})


def test_ports_are_equal_to_nothing_else():
    assert Ports([22]) != "22"
    assert Ports() != ()


def test_representation_is_how_to_make_them():
    assert (repr(Ports([23, 22])), repr(Ports())) == ("Ports.parse('22-23')", "Ports()")


def test_a_range_prints_as_users_write_it():
    assert (str(PortRange(22, 22)), str(PortRange(20000, 21000))) == ("22", "20000-21000")
