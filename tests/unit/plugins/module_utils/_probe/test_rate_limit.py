# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for new connections, bans, filters and loss in a made-up network with a clock of its own."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    Outcome,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.rate_limit import (
    MAX_CHANCE,
    chance_of_more,
    find_bans,
    find_limits,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

OPEN = Outcome("open", "syn-ack")
SILENT = timed_out("tcp")
ADDRESS = "203.0.113.11"


class Network:
    """Passes SYNs by a token bucket, loses some, filters ports, and bans; time passes only here.

    Of all connections, the share C(dead) takes a link that is dead.
    """

    def __init__(
        self, rate=0.0, burst=5.0, loss=0.0, filtered=(), bans_after=0, dead=0.0, seed=1, round_trip=0.001
    ):
        self.rate, self.burst, self.loss, self.filtered = rate, burst, loss, frozenset(filtered)
        self.bans_after, self.dead, self.round_trip = bans_after, dead, round_trip
        self.now, self.tokens, self.seen = 0.0, burst, 0
        self.chance = random.Random(seed)
        self.asked = []  # ports and rate of each pass

    def monotonic(self):
        return self.now

    def passes(self, port, at):
        """Tell whether a SYN gets an answer."""
        self.seen += 1
        if self.rate:
            self.tokens = min(self.burst, self.tokens + (at - self.now) * self.rate)
        self.now = at
        if self.bans_after and self.seen > self.bans_after:
            return False
        if self.rate:
            if self.tokens < 1:
                return False
            self.tokens -= 1
        return port not in self.filtered and self.chance.random() >= self.loss

    def sweep(self, work, rate=0.0, tries=(0.0, 1.0, 3.0), seconds=20.0):
        """Ask ports with repeated SYNs, and wait for each so many seconds."""
        begun = self.now
        self.asked.append((sorted(port for _target, port in work), rate))
        left = [
            (begun + (index / rate if rate else 0.0), self.chance.random() < self.dead, *one)
            for index, one in enumerate(work)
        ]
        for later in tries:
            still = []
            for start, is_dead, target, port in left:
                is_in_time = later + self.round_trip < seconds
                if self.passes(port, start + later) and not is_dead and is_in_time:
                    target.record(port, OPEN, (later + self.round_trip) * 1000)
                else:
                    still.append((start, is_dead, target, port))
            left = still
        for _start, _is_dead, target, port in left:
            target.record(port, SILENT)

    def ask(self, work, rate):
        """Ask ports as find_limits wants it: with one SYN each."""
        self.sweep(work, rate, tries=(0.0,))
        self.now += 0.9

    def ask_for_a_ban(self, work, seconds):
        """Ask ports as find_bans wants it."""
        self.sweep(work, seconds=seconds)


def swept(network, ports, ours=()):
    """Return the target of a first pass."""
    target = Target("n11", ADDRESS, "tcp")
    target.add(Ports(ports))
    target.ours = Ports(ours)
    network.sweep([(target, port) for port in ports])
    network.now += 0.5
    network.asked.clear()
    return target


def states(target):
    """Return the ports by state and reason."""
    return {
        (outcome.state, outcome.reason): set(group.ports)
        for outcome, group in target.found.items()
        if group.ports
    }


RANGE = range(20000, 21001)


@pytest.mark.parametrize("rate", [10, 20, 50, 100])
def test_a_limit_is_found_and_every_port_that_the_time_allows_is_measured(rate):
    network = Network(rate=rate)
    target = swept(network, RANGE)
    assert len(states(target)["filtered", "no-response"]) > 700  # control: as a filter would look
    found = find_limits(network.ask, [[target]], clock=network)
    assert found[ADDRESS].passes <= rate * 1.05
    assert not found[ADDRESS].drops or found[ADDRESS].drops > rate * 0.95
    after = states(target)
    assert ("filtered", "no-response") not in after
    assert set().union(*after.values()) == set(RANGE)
    if rate > 10:
        assert after == {("open", "syn-ack"): set(RANGE)}
    else:
        assert set(after) == {("open", "syn-ack"), ("error", "rate-limited")}


def test_ports_that_are_filtered_behind_a_limit_stay_filtered():
    filtered = range(20100, 20200)
    network = Network(rate=20, filtered=filtered)
    target = swept(network, range(20000, 20400))
    found = find_limits(network.ask, [[target]], clock=network)
    assert ADDRESS in found
    assert states(target) == {
        ("open", "syn-ack"): set(range(20000, 20400)) - set(filtered),
        ("filtered", "no-response"): set(filtered),
    }


NOT_LIMITED = {
    "healthy": ({}, range(20000, 20300)),
    "a-filter-for-a-range": ({"filtered": range(20010, 20300)}, range(20000, 20300)),
    "a-filter-and-little-loss": ({"filtered": range(20100, 20300), "loss": 0.05}, range(20000, 20300)),
    "much-loss": ({"loss": 0.36}, RANGE),
    "very-much-loss": ({"loss": 0.64}, RANGE),
    "few-silent-ports": ({"filtered": range(20000, 20009), "loss": 0.1}, range(20000, 20030)),
    "a-limit-that-nobody-meets": ({"rate": 100000, "burst": 5000}, RANGE),
}


@pytest.mark.parametrize("name", NOT_LIMITED)
@pytest.mark.parametrize("seed", range(5))
def test_what_looks_alike_is_no_limit(name, seed):
    faults, ports = NOT_LIMITED[name]
    network = Network(seed=seed, **faults)
    target = swept(network, ports)
    assert find_limits(network.ask, [[target]], clock=network) == {}
    assert set().union(*states(target).values()) == set(ports)


REJECTED = Outcome("filtered", "admin-prohibited", "203.0.113.1")


class Rejecting(Network):
    """Rejects all ports but two with ICMP errors, of which it sends six at once and then one a second."""

    def sweep(self, work, rate=0.0, tries=(0.0,)):
        begun, errors = self.now, 6.0
        for index, (target, port) in enumerate(work):
            at = begun + (index / rate if rate else 0.0)
            errors = min(6.0, errors + at - self.now)
            self.now = at
            if port < 20002:
                target.record(port, OPEN, 1001.0)
            elif errors >= 1:
                errors -= 1
                target.record(port, REJECTED)
            else:
                target.record(port, SILENT)


def test_more_errors_by_icmp_if_asked_slowly_are_no_limit():
    network = Rejecting()
    target = swept(network, RANGE)
    before = states(target)
    assert len(before["open", "syn-ack"]) == 2 and len(before["filtered", "admin-prohibited"]) == 6
    assert find_limits(network.ask, [[target]], clock=network) == {}
    assert len(states(target)["filtered", "admin-prohibited"]) > 6, "control: slowly, more were rejected"
    assert set().union(*states(target).values()) == set(RANGE)


@pytest.mark.parametrize("name", ["healthy", "a-filter-for-a-range"])
def test_without_a_sign_of_a_limit_nothing_is_asked_again(name):
    faults, ports = NOT_LIMITED[name]
    network = Network(**faults)
    target = swept(network, ports)
    find_limits(network.ask, [[target]], clock=network)
    assert network.asked == []


def test_the_rate_of_a_user_is_never_exceeded():
    network = Network(rate=2, burst=2)
    target = swept(network, range(20000, 20060))
    find_limits(network.ask, [[target]], fastest=3.0, clock=network)
    assert max(rate for _ports, rate in network.asked) <= 3.0


@settings(max_examples=60, deadline=None)
@given(loss=st.floats(0, 0.7), seed=st.integers(0, 10**6))
def test_mere_loss_is_never_a_limit(loss, seed):
    network = Network(loss=loss, seed=seed)
    target = swept(network, range(20000, 20200))
    assert find_limits(network.ask, [[target]], clock=network) == {}


@given(passed=st.integers(0, 16), share=st.floats(0.01, 0.99))
def test_the_chance_is_that_of_the_binomial_distribution(passed, share):
    """The sum of both tails is one, and more successes are less probable."""
    chance = chance_of_more(passed, 16, share)
    assert 0 <= chance <= 1
    assert chance >= chance_of_more(passed + 1, 16, share) if passed < 16 else True
    mirrored = chance_of_more(16 - passed + 1, 16, 1 - share) if passed else 0.0
    assert chance + mirrored == pytest.approx(1.0)


def test_known_chances():
    assert chance_of_more(1, 1, 0.25) == pytest.approx(0.25)
    assert chance_of_more(16, 16, 0.5) == pytest.approx(0.5**16)
    assert chance_of_more(0, 16, 0.01) == 1.0
    assert chance_of_more(8, 16, 0.02) < MAX_CHANCE < chance_of_more(4, 16, 0.3)


@pytest.mark.parametrize(
    "ours, connections",
    [pytest.param((), [3, 5], id="services"), pytest.param(range(20000, 20300), [3, 17], id="listeners")],
)
def test_a_ban_is_found_and_nothing_more_is_asked(ours, connections):
    network = Network(bans_after=40)
    target = swept(network, range(20000, 20300), ours)
    assert len(states(target)["open", "syn-ack"]) == 40
    assert find_bans(network.ask_for_a_ban, [[target]]) == {ADDRESS}
    assert states(target) == {
        ("open", "syn-ack"): set(range(20000, 20040)),
        ("error", "shut-out"): set(range(20040, 20300)),
    }
    assert [len(ports) for ports, _rate in network.asked] == connections
    assert find_limits(network.ask, [[target]], clock=network) == {}
    assert len(network.asked) == 2


def test_a_ban_that_began_before_our_listeners_were_heard_is_found():
    network = Network(bans_after=1)
    target = Target("n11", ADDRESS, "tcp")
    ports = range(20000, 20100)
    target.add(Ports(ports))
    for port in ports[:30]:
        target.record(port, Outcome("open", "syn-ack", proof="silent"))
    for port in ports[30:]:
        target.record(port, SILENT)
    network.seen = 2
    assert find_bans(network.ask_for_a_ban, [[target]]) == {ADDRESS}
    assert states(target) == {("error", "shut-out"): set(ports)}


def test_ports_that_accepted_once_and_are_silent_now_show_a_ban():
    network = Network(bans_after=1)
    target = swept(network, range(20000, 20100))
    target.correct(20000, SILENT)
    network.now += 1
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()  # control: it looks like a filter
    target.accepted = {20000, 20001}
    assert find_bans(network.ask_for_a_ban, [[target]]) == {ADDRESS}


def test_a_port_that_accepts_again_shows_that_there_is_no_ban():
    network = Network(filtered=range(20030, 20100))
    target = Target("n11", ADDRESS, "tcp")
    ports = range(20000, 20100)
    target.add(Ports(ports))
    for port in ports:
        target.record(port, SILENT if port >= 20030 else Outcome("open", "syn-ack", proof="silent"))
    before = states(target)
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()
    assert states(target) == before


NOT_BANNED = {
    "a-filter-for-a-range": ({"filtered": range(20010, 20300)}, range(20000, 20300)),
    "a-filter-for-everything": ({"filtered": range(20000, 20300)}, range(20000, 20300)),
    "a-limit": ({"rate": 20}, range(20000, 20300)),
    "much-loss": ({"loss": 0.36}, RANGE),
    "few-silent-ports": ({"bans_after": 25}, range(20000, 20030)),
    "a-filter-on-a-slow-path": ({"filtered": range(20010, 20300), "round_trip": 5.0}, range(20000, 20300)),
}


@pytest.mark.parametrize("name", NOT_BANNED)
def test_what_looks_alike_is_no_ban(name):
    faults, ports = NOT_BANNED[name]
    network = Network(**faults)
    target = swept(network, ports)
    before = states(target)
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()
    assert states(target) == before


def test_a_ban_on_a_slow_path_is_found():
    network = Network(bans_after=40, round_trip=5.0)
    target = swept(network, range(20000, 20300))
    assert find_bans(network.ask_for_a_ban, [[target]]) == {ADDRESS}


@pytest.mark.parametrize("proof", ["", "late"], ids=["service", "our listener"])
def test_ports_that_answered_late_are_not_asked_for_a_ban(proof):
    """They would not answer in time, and so look shut out."""
    network = Network(filtered=range(20010, 20300), round_trip=5.0)
    target = Target("n11", ADDRESS, "tcp")
    ports = range(20000, 20300)
    target.add(Ports(ports))
    for port in ports:
        target.record(port, SILENT if port >= 20010 else Outcome("open", "late-answer", proof=proof), 5000.0)
    before = states(target)
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()
    assert states(target) == before
    assert network.asked == []


LOOKS_BANNED = {
    "one-of-two-links-dead": {"dead": 0.5},
    "one-of-four-links-dead": {"dead": 0.25},
    "very-much-loss": {"loss": 0.64},
}


@pytest.mark.parametrize("name", LOOKS_BANNED)
def test_three_silent_connections_are_no_ban(name):
    """Each fault silences the first three connections in some of the runs, and never all of them."""
    asked = []
    for seed in range(300):
        network = Network(seed=seed, **LOOKS_BANNED[name])
        target = swept(network, range(20000, 20100), ours=range(20000, 20100))
        before = states(target)
        assert find_bans(network.ask_for_a_ban, [[target]]) == set()
        assert states(target) == before
        asked.append(tuple(len(ports) for ports, _rate in network.asked))
    assert any(counts[:2] == (3, 17) for counts in asked)  # control: the first three were silent
    assert (3,) in asked


def test_a_service_that_counts_interrupted_handshakes_is_not_asked_twice():
    network = Network(bans_after=1)
    target = Target("my", ADDRESS, "tcp")
    target.add(Ports([3306]), "mysql")
    target.add(Ports(range(20000, 20100)))
    network.sweep([(target, port) for port in target.ports])
    network.asked.clear()
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()
    assert network.asked == []


CHOKES = {
    "ten a minute": ({"rate": 10 / 60, "burst": 100.0}, True),
    "one a second": ({"rate": 1.0, "burst": 100.0}, True),
    "a filter": ({"filtered": range(20010, 20300)}, False),
    "a filter beside a dead link": ({"filtered": range(20010, 20300), "dead": 0.5}, False),
    "a filter on a path that loses half": ({"filtered": range(20100, 20300), "loss": 0.5}, False),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("faults", "is_choke"), CHOKES.values(), ids=CHOKES)
def test_a_limit_that_hardly_passes_anything_after_a_burst_is_no_filter(faults, is_choke, seed):
    network = Network(seed=seed, **faults)
    target = swept(network, range(20000, 20300), range(20000, 20300))
    assert len(states(target)["filtered", "no-response"]) > 100  # control: it looks like a filter
    assert find_bans(network.ask_for_a_ban, [[target]]) == set()
    assert (("error", "rate-limited") in states(target)) == is_choke
    assert (("filtered", "no-response") in states(target)) != is_choke


def test_services_of_others_are_not_asked_so_often():
    network = Network(rate=1.0, burst=100.0)
    target = swept(network, range(20000, 20300))
    find_bans(network.ask_for_a_ban, [[target]])
    assert sum(len(ports) for ports, _rate in network.asked) <= 8
    assert ("error", "rate-limited") not in states(target)
