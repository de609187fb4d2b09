# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for the largest packet that passes."""

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.packet_sizes import (
    USUAL,
    Bounds,
    next_sizes,
)


@given(st.integers(575, 9000), st.integers(1, 9000), st.integers(1, 16))
def test_sizes_lie_between_and_differ(low, room, count):
    sizes = next_sizes(low, low + room, count)
    assert len(sizes) <= count and sizes == sorted(set(sizes))
    assert all(low < size < low + room for size in sizes)
    assert bool(sizes) == (room > 1)


@given(st.integers(577, 9000), st.data(), st.sampled_from([6, 12]))
def test_the_largest_size_that_passes_is_found_in_a_few_rounds(vanishes, data, count):
    largest = data.draw(st.integers(576, vanishes - 1))
    bounds = Bounds(576, vanishes)
    for unused in range(6):
        for size in bounds.next(count):
            bounds.note(size, size <= largest)
    assert (bounds.low, bounds.has_passed) == (largest, True)


@given(st.integers(600, 1500))
def test_where_nothing_passes_nothing_is_found(vanishes):
    bounds = Bounds(576, vanishes)
    for unused in range(6):
        for size in bounds.next(12):
            bounds.note(size, False)
    assert not bounds.has_passed


def test_a_size_that_was_lost_by_chance_does_not_bound():
    bounds = Bounds(576, 1500)
    bounds.note(900, False)
    bounds.note(1400, True)
    assert (bounds.low, bounds.high) == (1400, 1500)


def test_usual_sizes_are_in_order():
    assert sorted(set(USUAL)) == USUAL
