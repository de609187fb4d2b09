# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns: every port has one, ranges of others have theirs slowly, and nobody else waits for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.range_turns import (
    RANGE_RATE,
    TOTAL_RATE,
    Turns,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Targets


def target(address="192.0.2.11", ports="20000-20199", **more):
    """Return the target of a plan's flow."""
    targets = Targets()
    flow = {"service": "", "protocol": "tcp", "ports": ports, "destinations": {"n11": [address]}, **more}
    targets.add_flows([flow])
    (made,) = targets
    return made


def work_of(*targets):
    return [(made, port) for made in targets for port in made.ports]


def played(turns, step=0.001, room=32, seconds=600.0):
    """Hand out all turns on a made-up clock; returns when each port had its turn."""
    times, now = {}, 0.0
    while not turns.is_over:
        assert now < seconds
        for made, port in turns.take(room, now):
            assert (made.address, port) not in times
            times[made.address, port] = now
        now += max(step, turns.seconds_to_next(now))
    return times


def most_within(times, seconds):
    """Return the greatest number of turns within so many seconds."""
    ordered = sorted(times)
    return max(sum(begun <= one < begun + seconds for one in ordered) for begun in ordered)


@pytest.mark.parametrize(
    ("made", "is_slow"),
    [
        (target(), True),
        (target(ports="20000-20099"), True),
        (target(ports="20000-20098"), False),
        (target(own_cluster=True), False),
        (target("127.0.0.1"), False),
        (target("::1"), False),
        (target("n11.example.com"), True),
        (target().at("192.0.2.12"), True),
        (target().twin(), True),
        (target(own_cluster=True).at("192.0.2.12"), False),
    ],
    ids=[
        "range",
        "just a range",
        "too few",
        "own cluster",
        "loopback",
        "loopback of IPv6",
        "name",
        "address of a name",
        "twin",
        "own cluster, address of a name",
    ],
)
def test_ranges_of_others_are_slow_and_nothing_else(made, is_slow):
    assert made.is_range_of_others is is_slow
    times = played(Turns(work_of(made), RANGE_RATE, 0.0))
    assert len(times) == len(made.ports)
    assert (max(times.values()) > 0.4) is is_slow


def test_a_range_keeps_to_its_rate_and_is_not_slower():
    times = played(Turns(work_of(target()), RANGE_RATE, 0.0))
    assert most_within(times.values(), 0.1) <= 0.1 * RANGE_RATE + 3
    assert max(times.values()) < 1.1
    assert most_within(times.values(), 0.005) < 10, "what Juniper takes for a scan"


def test_many_ranges_keep_to_the_rate_of_all():
    targets = [target(f"192.0.2.{number}", "1-100") for number in range(1, 51)]
    times = played(Turns(work_of(*targets), RANGE_RATE, 0.0))
    assert most_within(times.values(), 0.1) <= 0.1 * TOTAL_RATE + 3
    assert max(times.values()) < 5.5
    assert most_within(times.values(), 0.005) < 10


def test_a_host_that_was_late_does_not_catch_up_at_once():
    turns = Turns(work_of(target()), RANGE_RATE, 0.0)
    assert len(list(turns.take(32, 0.0))) == 0, "the first look only reads them"
    assert len(list(turns.take(32, 0.9))) <= 3


def test_nobody_waits_for_the_ranges_of_others():
    slow, fast = target(), target("192.0.2.12", own_cluster=True)
    times = played(Turns(work_of(slow, fast), RANGE_RATE, 0.0))
    assert max(times[fast.address, port] for port in fast.ports) < 0.05
    assert max(times[slow.address, port] for port in slow.ports) > 0.9


def test_without_a_rate_for_ranges_all_start_at_once():
    times = played(Turns(work_of(target()), 0.0, 0.0))
    assert max(times.values()) < 0.05


@given(
    counts=st.lists(st.integers(1, 140), max_size=5),
    room=st.integers(1, 40),
    step=st.floats(0.001, 0.7),
)
def test_every_port_has_one_turn(counts, room, step):
    targets = [target(f"192.0.2.{number}", f"1-{count}") for number, count in enumerate(counts, 1)]
    times = played(Turns(work_of(*targets), RANGE_RATE, 0.0), step=step, room=room)
    assert set(times) == {(made.address, port) for made in targets for port in made.ports}
