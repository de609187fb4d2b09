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
    answers_within,
    chance_of_connections,
    chance_of_silence,
    chance_of_size,
    explains_silence,
    independent,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.path_samples import answers_to


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
    "samples, silent, tries, lost, explained",
    [
        pytest.param(16, 8, 16, 0, False, id="one of two servers"),
        pytest.param(16, 8, 16, 2, False, id="beside a little loss"),
        pytest.param(24, 6, 64, 22, False, id="one of four beside 20 percent loss each way"),
        pytest.param(8, 3, 1009, 0, False, id="three beside a whole range"),
        pytest.param(8, 5, 1009, 246, False, id="of a range with each second connection tried again"),
        pytest.param(24, 10, 1025, 528, False, id="of a range, beside 20 percent loss each way"),
        pytest.param(24, 3, 1016, 366, True, id="three beside a range at 20 percent loss each way"),
        pytest.param(16, 3, 16, 1, False, id="three of sixteen beside one that was lost"),
        pytest.param(16, 5, 16, 4, False, id="five of sixteen beside four that were lost"),
        pytest.param(24, 3, 64, 40, True, id="where most are lost"),
        pytest.param(16, 0, 16, 0, True, id="all are answered"),
        pytest.param(16, 8, 16, 12, True, id="more than came about"),
    ],
)
def test_when_loss_leaves_no_connection_unanswered(samples, silent, tries, lost, explained):
    assert explains_silence(samples, silent, tries, lost, answers=4) is explained


def test_a_long_path_repeats_an_answer_less_often():
    assert [answers_within(3.5, 0.0002), answers_within(3.7, 0.1), answers_within(4.5, 0.5)] == [5, 4, 2]
    assert not explains_silence(24, 4, 64, 20, answers=4)
    assert explains_silence(24, 4, 64, 20, answers=2)


class Connections:
    """Connections to a Linux host over a path that loses packets, of which some are led to a dead server."""

    def __init__(self, away, back, round_trip, dead, seed):
        self.away, self.back, self.round_trip, self.dead = away, back, round_trip, dead
        self._random = random.Random(seed)

    def _passes(self, loss):
        return self._random.random() >= loss

    def is_lost(self):
        """Return whether one gets no SYN-ACK at once."""
        return not (self._passes(self.away) and self._passes(self.back))

    def is_silent(self):
        """Return whether one that got its SYN-ACK gets no answer while a sample waits."""
        end = 3.5 + 4 * self.round_trip
        if not self._passes(self.dead):
            return True
        asked = next((at for at in self._repeated(self.round_trip, end) if self._passes(self.away)), None)
        if asked is None:
            return True
        there = asked + self.round_trip / 2
        return not any(self._passes(self.back) for unused in self._repeated(there, end - self.round_trip / 2))

    def _repeated(self, at, end):
        wait = self.round_trip + max(2 * self.round_trip, 0.2)
        while at <= end:
            yield at
            at, wait = at + wait, 2 * wait

    def is_explained(self, others):
        """Return whether loss explains what a measurement of a path sees, beside others that are tried."""
        samples = max(8, 16 - others)
        lost, silent = sum(self.is_lost() for unused in range(others)), 0
        count = 0
        while count < samples:
            count += 1
            if self.is_lost():
                lost += 1
            elif self.is_silent():
                samples += 0 if silent else 16
                silent += 1
        return silent < 3 or explains_silence(
            samples, silent, others + samples, lost, answers=answers_to(self.round_trip)
        )


@pytest.mark.parametrize("others", [1, 100, 1001])
@pytest.mark.parametrize("round_trip", [0.0, 0.1, 0.3, 0.7])
@pytest.mark.parametrize("away, back", [(0.0, 0.4), (0.2, 0.2), (0.4, 0.0), (0.1, 0.6)])
def test_loss_alone_is_not_taken_for_a_dead_server(others, round_trip, away, back):
    loss = Connections(away, back, round_trip, dead=0.0, seed=7)
    assert sum(loss.is_explained(others) for unused in range(40)) >= 39


@pytest.mark.parametrize("others", [1, 100, 1001])
@pytest.mark.parametrize(
    "dead, away, back", [(0.5, 0.2, 0.2), (0.5, 0.0, 0.4), (0.5, 0.0, 0.0), (0.25, 0.0, 0.0)]
)
def test_a_dead_server_is_found_beside_loss(others, dead, away, back):
    balanced = Connections(away, back, 0.001, dead, seed=7)
    assert sum(not balanced.is_explained(others) for unused in range(40)) >= 30


def test_the_chance_of_silence_is_at_least_the_sum_of_its_terms_and_at_most_three_times_as_much():
    for samples, silent, tries, lost in ((16, 3, 16, 1), (24, 2, 32, 5), (32, 3, 64, 20), (24, 5, 200, 60)):
        exact = max(
            choices(samples, silent)
            * ((1 - rate) * rate**4) ** silent
            * sum(
                choices(tries - silent, index) * rate**index * (1 - rate) ** (tries - silent - index)
                for index in range(lost + 1)
            )
            for rate in (step / 200 for step in range(1, 200))
        )
        chance = chance_of_silence(samples, silent, tries, lost, answers=4)
        assert exact * (1 - 1e-6) <= chance <= 3 * exact


def test_the_chance_of_silence_of_many_tries_takes_no_time():
    assert explains_silence(24, 3, 2**32, 2**31, answers=4)
    assert not explains_silence(24, 12, 2**32, 3, answers=4)


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
