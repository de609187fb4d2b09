# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Port ranges against naive sets of integers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._values import ports as _ports
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import PortRange
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


def assert_canonical(ports):
    """Assert that ranges are sorted, disjoint and not adjacent."""
    assert isinstance(ports, tuple)
    assert all(item.first <= item.last for item in ports)
    assert all(left.last + 1 < right.first for left, right in zip(ports, ports[1:]))  # noqa: RUF007  # itertools.pairwise is new in Python 3.10


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
    assert _ports.parse_range(value) == expected


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
    assert_names(refusal(_ports.parse_range, value), fragments)


@pytest.mark.parametrize(
    "value, expected",
    [
        (8563, "8563"),
        ("8563", "8563"),
        ("8563,22, 20000-21000", "22,8563,20000-21000"),
        ([8563, "22"], "22,8563"),
        (["20000-21000", 20002, "20003-21001"], "20000-21001"),
        (PortRange(5, 6), "5-6"),
        ((PortRange(5, 6), 7), "5-7"),
        ("1,2,3", "1-3"),
        ("5,5,5", "5"),
    ],
)
def test_ports_are_read_and_merged(value, expected):
    assert _ports.text(_ports.parse_ports(value)) == expected


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
    assert_names(refusal(_ports.parse_ports, value), fragments)


@given(RANGES)
def test_merge_keeps_exactly_the_ports(ranges):
    merged = _ports.merge(ranges)
    assert port_set(merged) == port_set(ranges)
    assert_canonical(merged)


@given(RANGES)
def test_merge_has_one_form_for_one_set(ranges):
    pieces = [PortRange(number, number) for number in port_set(ranges)]
    assert _ports.merge(reversed(ranges)) == _ports.merge(ranges) == _ports.merge(pieces)


@given(RANGES, RANGES)
def test_subtract_is_the_difference_of_sets(ports, taken):
    rest = _ports.subtract(ports, taken)
    assert port_set(rest) == port_set(ports) - port_set(taken)
    assert_canonical(rest)


@given(RANGES, RANGES)
def test_intersect_is_the_intersection_of_sets(ports, others):
    shared = _ports.intersect(ports, others)
    assert port_set(shared) == port_set(ports) & port_set(others)
    assert_canonical(shared)


@given(st.lists(NUMBERS, max_size=60))
def test_compress_holds_exactly_the_numbers(numbers):
    compressed = _ports.compress(numbers)
    assert port_set(compressed) == set(numbers)
    assert_canonical(compressed)


@given(RANGES)
def test_text_is_read_back_as_the_same_ports(ranges):
    text = _ports.text(_ports.merge(ranges))
    assert ports_of(text) == port_set(ranges)
    if ranges:
        assert _ports.parse_ports(text) == _ports.merge(ranges)


@given(st.lists(port_ranges(), min_size=1, max_size=12))
def test_text_and_list_mean_the_same(ranges):
    assert _ports.parse_ports(",".join(str(item) for item in ranges)) == _ports.parse_ports(
        [str(item) for item in ranges]
    )


@given(RANGES)
def test_numbers_and_count_agree_with_the_set(ranges):
    merged = _ports.merge(ranges)
    assert list(_ports.numbers(merged)) == sorted(port_set(ranges))
    assert _ports.count(merged) == len(port_set(ranges))


def test_a_range_prints_as_users_write_it():
    assert (str(PortRange(22, 22)), str(PortRange(20000, 21000))) == ("22", "20000-21000")
