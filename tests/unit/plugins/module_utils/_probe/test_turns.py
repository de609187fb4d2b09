# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of transfers, simulated: many hosts with locks, chance and clocks, and no network.

The simulation knows the truth: which hosts are in a transfer at each moment.
"""

import heapq
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.turns import (
    BUSY,
    BUSY_HERE,
    CUT,
    NO_ANSWER,
    OUT_OF_TIME,
    REASONS,
    Turns,
)

ASKING = 0.01  # seconds that it takes to learn that a destination is busy


class Site:
    """Hosts that make transfers with each other; an item is a destination and a direction."""

    def __init__(self, begins, seconds, transfer_seconds, seed, total=10000.0, dead=()):
        self.chance = random.Random(seed)
        self.seconds = transfer_seconds
        self.dead = set(dead)
        self.events, self.order = [], itertools.count()
        self.taken = set()  # hosts whose lock is taken
        self.measured = {host: set() for host in begins}
        self.turns = {}
        self.total = total
        self.most_at_once = self.now_running = 0
        for host, begin in begins.items():
            items = [(other, way) for other in begins if other != host for way in ("out", "in")]
            self.turns[host] = Turns(items, begun=begin, seconds=seconds, chance=self.chance)
            self.at(begin, self.step, host)

    def at(self, when, call, *arguments):
        """Call something at a time."""
        heapq.heappush(self.events, (when, next(self.order), call, arguments))

    def run(self):
        """Let it happen; returns when it ended."""
        now = 0.0
        while self.events:
            now, _order, call, arguments = heapq.heappop(self.events)
            assert now < self.total, "it never ends"
            call(now, *arguments)
        assert not self.taken, "a lock was left"
        return now

    def step(self, now, host):
        """Let a host do what it does next, as throughput.measure does."""
        turns = self.turns[host]
        if turns.is_over(now):
            return
        item = turns.next(now)
        if item is None:
            self.at(now + max(1e-9, turns.seconds_to_wait(now)), self.step, host)
        elif host in self.taken:
            turns.own_lock_is_taken(item, now)
            self.at(now, self.step, host)
        else:
            self.taken.add(host)
            self.at(now + ASKING, self.asked, host, item)

    def asked(self, now, host, item):
        """Give or refuse the lock of the destination."""
        other = item[0]
        if other in self.dead:
            self.taken.remove(host)
            self.turns[host].failed(item, NO_ANSWER, now)
            self.at(now, self.step, host)
        elif other in self.taken:
            self.taken.remove(host)
            self.turns[host].destination_is_busy(item, now)
            self.at(now, self.step, host)
        else:
            self.taken.add(other)
            self.now_running += 1
            self.most_at_once = max(self.most_at_once, self.now_running)
            self.at(now + self.chance.uniform(*self.seconds), self.ended, host, item)

    def ended(self, now, host, item):
        """End a transfer; both locks must be those of this one."""
        self.taken.remove(host)
        self.taken.remove(item[0])
        self.now_running -= 1
        assert item not in self.measured[host], "measured twice"
        self.measured[host].add(item)
        self.turns[host].done(item, now)
        self.at(now, self.step, host)


def everything(hosts, host):
    """Return what a host has to measure."""
    return {(other, way) for other in hosts if other != host for way in ("out", "in")}


# Hosts begin in any order, at the same moment or one after the other.
BEGINS = st.lists(st.sampled_from([0.0, 0.0, 0.5, 3.0, 40.0]), min_size=2, max_size=7)


@given(BEGINS, st.integers(0, 1 << 32), st.sampled_from([(2.0, 2.0), (0.1, 2.0), (0.01, 0.02)]))
def test_with_time_enough_all_pairs_are_measured_and_no_host_is_in_two_transfers(begins, seed, seconds):
    hosts = dict(enumerate(begins))
    site = Site(hosts, seconds=5000.0, transfer_seconds=seconds, seed=seed)
    site.run()  # taking a lock twice, or giving back that of others, would raise there
    for host in hosts:
        assert site.measured[host] == everything(hosts, host)
        assert site.turns[host].obstacles() == {}


@given(BEGINS, st.integers(0, 1 << 32), st.sampled_from([1.0, 5.0, 20.0]))
def test_without_time_enough_each_pair_is_measured_or_named(begins, seed, total):
    hosts = dict(enumerate(begins))
    site = Site(hosts, seconds=total, transfer_seconds=(1.0, 3.0), seed=seed)
    end = site.run()
    assert end <= max(begins) + total + 3.0 + ASKING, "the last transfer may run over, and nothing else"
    for host in hosts:
        left = site.turns[host].obstacles()
        assert set(left) | site.measured[host] == everything(hosts, host)
        assert not set(left) & site.measured[host]
        assert set(left.values()) <= set(REASONS)


@given(st.integers(3, 7), st.integers(0, 1 << 32))
def test_a_dead_destination_costs_the_others_nothing_but_itself(count, seed):
    hosts = dict.fromkeys(range(count), 0.0)
    site = Site(hosts, seconds=5000.0, transfer_seconds=(1.0, 2.0), seed=seed, dead=[0])
    site.run()
    for host in range(1, count):
        assert site.turns[host].obstacles() == {(0, "out"): NO_ANSWER, (0, "in"): NO_ANSWER}
        assert site.measured[host] == everything(hosts, host) - {(0, "out"), (0, "in")}


@pytest.mark.parametrize("seed", range(5))
def test_pairs_that_have_nothing_in_common_run_at_the_same_time(seed):
    site = Site(dict.fromkeys(range(8), 0.0), seconds=5000.0, transfer_seconds=(2.0, 2.0), seed=seed)
    took = site.run()
    one_by_one = 8 * 7 * 2 * 2.0
    assert site.most_at_once >= 3
    assert took < one_by_one / 2


def test_what_was_in_the_way_is_named():
    turns = Turns(["a", "b", "c", "d", "e"], begun=0.0, seconds=10.0, chance=random.Random(1))
    turns.destination_is_busy("a", 1.0)
    turns.own_lock_is_taken("b", 1.0)
    assert [turns.failed("c", CUT, float(number)) for number in range(3)] == [False, False, True]
    turns.destination_is_busy("d", 1.0)
    turns.done("d", 2.0)
    assert turns.obstacles() == {"a": BUSY, "b": BUSY_HERE, "c": CUT, "e": OUT_OF_TIME}
    assert not turns.is_over(9.9) and turns.is_over(10.0)


def test_nothing_to_do_is_over_at_once():
    assert Turns([], begun=0.0, seconds=10.0, chance=random.Random(1)).is_over(0.0)
