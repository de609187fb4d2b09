# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How probable it is that loss looks like a black hole or a dead link."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.chances import (
    MAX_CHANCE,
    chance_of_connections,
    chance_of_silence,
    chance_of_size,
    independent,
)

ESTABLISHED = 1e-3  # of silence, as the verdict has it


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


@pytest.mark.parametrize(
    "tries, silent, lost, established",
    [
        pytest.param(16, 8, 0, True, id="one of two servers"),
        pytest.param(16, 8, 2, True, id="beside a little loss"),
        pytest.param(64, 16, 22, True, id="one of four beside 20 percent loss each way"),
        pytest.param(1016, 3, 0, True, id="three of a whole range"),
        pytest.param(1016, 3, 366, False, id="three of a whole range at 20 percent loss each way"),
        pytest.param(16, 3, 1, True, id="three of sixteen beside one that was lost"),
        pytest.param(16, 5, 4, True, id="five of sixteen beside four that were lost"),
        pytest.param(16, 0, 0, False, id="all are answered"),
        pytest.param(16, 8, 12, False, id="more than came about"),
    ],
)
def test_when_loss_leaves_no_connection_unanswered(tries, silent, lost, established):
    assert (chance_of_silence(tries, silent, lost) < ESTABLISHED) is established


def _silent_and_lost(tries, away, back, dead, drawn):
    """Return how many connections stay without an answer, or without a SYN-ACK at first.

    A packet is lost on its way there or back; a share of the connections is led to a server that is dead.
    """
    silent = lost = 0
    for unused in range(tries):
        if drawn.random() < away or drawn.random() < back:
            lost += 1
        elif drawn.random() < dead or all(drawn.random() < back for unused in range(4)):
            silent += 1
    return silent, lost


def test_the_chance_of_silence_is_at_least_the_sum_of_its_terms_and_at_most_three_times_as_much():
    for tries, silent, lost in ((16, 3, 1), (32, 2, 5), (64, 3, 20), (200, 5, 60)):
        exact = max(
            choices(tries, silent)
            * ((1 - rate) * rate**4) ** silent
            * sum(
                choices(tries - silent, index)
                * rate**index
                * ((1 - rate) * (1 - rate**4)) ** (tries - silent - index)
                for index in range(lost + 1)
            )
            for rate in (step / 200 for step in range(1, 200))
        )
        assert exact * (1 - 1e-6) <= chance_of_silence(tries, silent, lost) <= 3 * exact


def test_the_chance_of_silence_of_many_tries_takes_no_time():
    assert chance_of_silence(2**32, 3, 2**31) > ESTABLISHED
    assert chance_of_silence(2**32, 2**31, 3) < ESTABLISHED


@pytest.mark.parametrize("tries", [16, 100, 1000])
@pytest.mark.parametrize("away, back", [(0.0, 0.4), (0.2, 0.2), (0.4, 0.0), (0.1, 0.6)])
def test_loss_alone_is_never_taken_for_a_dead_server_and_a_dead_server_is_found(tries, away, back):
    drawn = random.Random(7)
    for unused in range(20):
        silent, lost = _silent_and_lost(tries, away, back, dead=0.0, drawn=drawn)
        assert chance_of_silence(tries, silent, lost) > ESTABLISHED, (silent, lost)
    if tries > 16:
        silent, lost = _silent_and_lost(tries, away, back, dead=0.5, drawn=drawn)
        assert chance_of_silence(tries, silent, lost) < ESTABLISHED, (silent, lost)


class Lossy:
    """Connections over a path that loses packets, to a Linux host that keeps half a connection."""

    TRIES = 11

    def __init__(self, away, back, seed):
        self.away, self.back = away, back
        self._random = random.Random(seed)

    def _is_lost(self, share):
        return self._random.random() < share

    def connect(self):
        """Return whether one connection never comes about, and how many SYNs it lost."""
        has_half, lost = False, 0
        for unused in range(2):  # the SYN and its repetition have one sequence number
            if not self._is_lost(self.away):
                if not self._is_lost(self.back):
                    return False, lost
                has_half = True
            lost += 1
        for unused in range(self.TRIES):
            if not self._is_lost(self.away):
                if not has_half:
                    if not self._is_lost(self.back):
                        return False, lost
                    has_half = True
                elif not self._is_lost(self.back) and not self._is_lost(self.away):
                    has_half = False  # the ACK of the half was answered by RST
            lost += 1
        return True, lost

    def chance(self, connections=32):
        """Return the chance that is concluded from many connections."""
        found = [self.connect() for unused in range(connections)]
        failed = [lost for has_failed, lost in found if has_failed]
        syns = min((independent(lost, self.TRIES) for lost in failed), default=1)
        passed = sum(lost for has_failed, lost in found if not has_failed)
        return chance_of_connections(connections, len(failed), syns, passed)


@pytest.mark.parametrize("away, back", [(0.0, 0.2), (0.1, 0.1), (0.2, 0.2), (0.0, 0.3), (0.3, 0.0)])
def test_loss_alone_is_no_pattern_though_tries_depend_on_each_other(away, back):
    network = Lossy(away, back, seed=1)
    chances = [network.chance() for unused in range(1000)]
    assert min(chances) > MAX_CHANCE
    if (away, back) == (0.2, 0.2):
        assert min(chances) < 1, "control: some connections failed always"


def test_of_tries_from_one_port_every_second_counts():
    assert (independent(13, 11), independent(12, 11), independent(2, 0)) == (7, 6, 2)
