# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How probable it is that loss looks like a black hole or a dead link."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.chances import (
    MAX_CHANCE,
    chance_of_connections,
    chance_of_size,
)


def choices(several, some):
    """Return the binomial coefficient; math.comb is there since Python 3.8 only."""
    return math.factorial(several) // (math.factorial(some) * math.factorial(several - some))


@given(st.integers(0, 30), st.integers(0, 60), st.data())
def test_the_chance_of_sizes_is_a_quotient_of_binomial_coefficients(vanished, tries, data):
    passed = data.draw(st.integers(0, tries))
    expected = choices(tries, passed) / choices(vanished + tries, passed)
    assert chance_of_size(vanished, tries, passed) == pytest.approx(expected)


@given(st.integers(2, 1100), st.data())
def test_a_chance_is_one_and_more_loss_elsewhere_makes_it_greater(tried, data):
    failed = data.draw(st.integers(0, tried))
    syns, lost = data.draw(st.integers(1, 8)), data.draw(st.integers(0, 30))
    chance = chance_of_connections(tried, failed, syns, lost)
    assert 0 <= chance <= 1
    assert chance_of_connections(tried, failed, syns, lost + 1) >= chance * (1 - 1e-9)
    assert chance_of_connections(tried, failed, syns + 1, lost) <= chance * (1 + 1e-9)


@pytest.mark.parametrize(
    "tried, failed, syns, lost, established",
    [
        pytest.param(16, 4, 7, 0, True, id="one of four"),
        pytest.param(16, 2, 7, 0, True, id="one of eight"),
        pytest.param(32, 1, 7, 0, True, id="one of many samples"),
        pytest.param(1001, 250, 6, 0, True, id="one of four of a whole range"),
        pytest.param(1001, 250, 6, 15, True, id="beside a little loss"),
        pytest.param(16, 1, 7, 0, False, id="one alone may be chance"),
        pytest.param(16, 0, 7, 0, False, id="nothing failed"),
        pytest.param(16, 16, 7, 0, False, id="everything failed"),
        pytest.param(32, 1, 7, 14, False, id="loss everywhere"),
    ],
)
def test_when_a_pattern_is_established(tried, failed, syns, lost, established):
    assert (chance_of_connections(tried, failed, syns, lost) < MAX_CHANCE) is established


@pytest.mark.parametrize(
    "vanished, tries, passed, established",
    [
        pytest.param(16, 40, 40, True, id="a clean path"),
        pytest.param(24, 103, 66, True, id="20 percent loss each way"),
        pytest.param(24, 40, 0, False, id="everything is lost"),
        pytest.param(2, 100, 100, False, id="hardly tried"),
        pytest.param(16, 80, 40, False, id="half is lost"),
    ],
)
def test_when_loss_is_ruled_out(vanished, tries, passed, established):
    assert (chance_of_size(vanished, tries, passed) < MAX_CHANCE) is established
