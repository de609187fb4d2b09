# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which refusals are examined, and at what cost. tests/integration/test_net_led_back.py has the rules."""

import random

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._probe import refused_here
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    Outcome,
    local_failure,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

REFUSED, OPEN = Outcome("closed", "conn-refused"), Outcome("open", "syn-ack")
SILENT = timed_out("tcp")


def target(outcome=REFUSED, ports="8563", address="192.0.2.12", protocol="tcp", planned=True):
    """Return a target all of whose ports had this outcome."""
    made = Target("n12", address, protocol)
    made.planned = planned
    made.add(Ports.parse(ports))
    for port in made.ports:
        made.record(port, outcome)
    return made


class Deaf:
    """What a socket hears that hears this machine alone: an outcome for each port, silence for all others."""

    def __init__(self, heard=None):
        self.heard = heard or {}
        self.asked = []

    def ask(self, work):
        """Record the outcomes."""
        self.asked.append([port for made, port in work])
        for made, port in work:
            made.record(port, self.heard.get(port, SILENT))


def found(made, heard=None):
    """Return what is noted: refused here, led back; and which ports were asked."""
    deaf = Deaf(heard)
    refused_here.find(deaf.ask, [made])
    return sorted(made.refused_here), sorted(made.led_back), deaf.asked


@pytest.mark.parametrize(
    ("is_second_round", "seconds", "noted"),
    [(True, 0.0, [[1]]), (False, 0.0, []), (True, 10.0, []), (False, 10.0, [])],
)
def test_without_time_the_rest_of_a_range_counts_as_refused_here(
    monkeypatch, is_second_round, seconds, noted
):
    monkeypatch.setattr(refused_here, "_MAX_COUNTING_SECONDS", seconds - 0.001)
    monkeypatch.setattr(refused_here, "packets", lambda: 7)  # nothing that is here moves
    counting = refused_here.Counting(Sources([]))
    if is_second_round:
        counting.ask([])
    # A port of loopback is refused without a packet to anybody else.
    twin = Target("n12", "127.0.0.1", "tcp")
    counting.ask([(twin, 1)])
    assert [list(group.ports) for group in twin.found.values()] == noted


@pytest.mark.parametrize(
    "made",
    [
        target(OPEN),
        target(SILENT),
        target(Outcome("filtered", "admin-prohibited", "192.0.2.1")),
        target(planned=False),
        target(address="127.0.0.12"),
        target(address="::1"),
        target(Outcome("closed", "port-unreach"), protocol="udp"),
    ],
    ids=["open", "silent", "ICMP", "not of a plan", "loopback", "loopback of IPv6", "UDP"],
)
def test_what_is_no_refusal_of_another_host_costs_nothing(made):
    assert found(made, {8563: REFUSED}) == ([], [], [])


@pytest.mark.parametrize(
    "heard, here, back",
    [
        (REFUSED, [8563], []),
        (OPEN, [], [8563]),
        (SILENT, [], []),
        (local_failure(92), [], []),
    ],
    ids=["refused-here", "open-here", "silence-refused elsewhere", "no socket filters-not known"],
)
def test_what_a_deaf_socket_hears_is_from_here(heard, here, back):
    assert found(target(), {8563: heard}) == (here, back, [[8563]])


def test_the_ends_of_a_range_stand_for_it():
    made = target(ports="2580,20000-21000")
    assert found(made) == ([], [], [[2580, 20000, 21000]])


@pytest.mark.parametrize("end", [20000, 21000])
def test_every_port_of_a_range_is_asked_if_one_of_its_ends_is_here(end):
    made = target(ports="2580,20000-21000")
    here = [port for port in range(20000, 21001) if abs(port - end) < 300]
    assert found(made, dict.fromkeys(here, REFUSED)) == (
        here,
        [],
        [[2580, 20000, 21000], list(range(20001, 21000))],
    )


def test_a_connection_that_ended_at_once_is_examined_too():
    made = target(OPEN)
    made.doubtful.add(8563)
    assert found(made, {8563: OPEN}) == ([], [8563], [[8563]])


class Machine:
    """A machine whose loopback device has counters: what each try moves, and what moves in between."""

    def __init__(self, monkeypatch, moves, rests=True, known=True, heard=REFUSED):
        self.count, self.moves, self.rests, self.known, self.heard = 0, list(moves), rests, known, heard
        self.tries = 0
        monkeypatch.setattr(refused_here, "packets", lambda: self.count if known else None)
        monkeypatch.setattr(refused_here.Counting, "_tried", self.tried)
        monkeypatch.setattr(refused_here.time, "sleep", self.sleep)

    def tried(self, target, port):
        """Answer a connection."""
        self.tries += 1
        self.count += self.moves.pop(0)
        return self.heard.pop(0) if isinstance(self.heard, list) else self.heard

    def sleep(self, seconds):
        """Let time pass, in which others may use the device."""
        self.count += 0 if self.rests else 1


@pytest.mark.parametrize(
    "options, here, tries",
    [
        ({"moves": [2] * 8}, [8563], 8),
        ({"moves": [1] * 8}, [8563], 8),
        ({"moves": [0]}, [], 1),
        ({"moves": [2] * 7 + [0]}, [], 8),
        ({"moves": [2] * 8, "rests": False}, [], 1),
        ({"moves": [2] * 8, "known": False}, [], 1),
        ({"moves": [2] * 8, "heard": None}, [], 1),
    ],
    ids=[
        "every try moves them-here",
        "one packet each-here",
        "untouched-elsewhere",
        "untouched once-elsewhere",
        "never at rest-not known",
        "no counters-not known",
        "silence-not known",
    ],
)
def test_counters_of_the_device_show_what_comes_from_here(monkeypatch, options, here, tries):
    machine = Machine(monkeypatch, **options)
    made = target()
    refused_here.find(refused_here.Counting(Sources(())).ask, [made])
    assert (sorted(made.refused_here), machine.tries) == (here, tries)


def test_the_other_ports_of_a_range_are_counted_once(monkeypatch):
    machine = Machine(monkeypatch, [2] * 100)
    made = target(ports="20000-20009")
    refused_here.find(refused_here.Counting(Sources(())).ask, [made])
    assert (sorted(made.refused_here), machine.tries) == (list(range(20000, 20010)), 2 * 8 + 8)


def test_counting_ends_in_time(monkeypatch):
    machine = Machine(monkeypatch, [2] * 100)
    monkeypatch.setattr(refused_here, "_MAX_COUNTING_SECONDS", 0.0)
    made = target(ports="2580,8563")
    refused_here.find(refused_here.Counting(Sources(())).ask, [made])
    assert sorted(made.refused_here) == []
    assert machine.tries <= 2


@pytest.mark.parametrize(
    "options, expected, tries",
    [
        ({"moves": [0, 0, 2] * 22, "heard": [OPEN, OPEN, REFUSED] * 22}, True, 24),
        ({"moves": [0, 0, 2] * 7 + [0] * 43, "heard": [OPEN, OPEN, REFUSED] * 7 + [OPEN] * 43}, False, 64),
        ({"moves": [2, 2, 2, 0], "heard": [REFUSED] * 4}, False, 4),
        ({"moves": [0]}, False, 1),
        ({"moves": [2] * 64, "heard": OPEN}, False, 64),
        ({"moves": [2] * 64, "heard": None}, False, 64),
        ({"moves": [2] * 64, "rests": False}, False, 64),
        ({"moves": [2] * 64, "known": False}, False, 64),
    ],
    ids=[
        "some",
        "seven may be chance",
        "packets of others",
        "elsewhere",
        "led back",
        "silence",
        "never at rest",
        "no counters",
    ],
)
def test_a_rule_of_this_host_for_some_connections_is_found(monkeypatch, options, expected, tries):
    machine = Machine(monkeypatch, **options)
    counting = refused_here.Counting(Sources(()))
    assert counting.refuses_some(target(), [8563, 8563]) is expected
    assert machine.tries == tries


def test_packets_of_others_are_not_taken_for_a_rule_of_this_host(monkeypatch):
    """Another machine refuses every second connection, and the device is in use now and then."""
    chance = random.Random(7)
    machine = Machine(monkeypatch, [])

    def tried(self, unused_target, unused_port):
        machine.count += chance.random() < 0.5
        return REFUSED if chance.random() < 0.5 else OPEN

    monkeypatch.setattr(refused_here.Counting, "_tried", tried)
    monkeypatch.setattr(refused_here.time, "sleep", lambda seconds: moving(machine, chance))
    found = [refused_here.Counting(Sources(())).refuses_some(target(), [8563]) for unused in range(200)]
    assert sum(found) <= 2


def moving(machine, chance):
    """Let time pass, in which others use the device half of the time."""
    machine.count += chance.random() < 0.5


@pytest.mark.parametrize("rate, tries", [(100.0, 24), (3.0, 0)])
def test_what_refuses_some_is_looked_for_no_faster_than_allowed(monkeypatch, rate, tries):
    machine = Machine(monkeypatch, [0, 0, 2] * 22, heard=[OPEN, OPEN, REFUSED] * 22)
    slept = []
    monkeypatch.setattr(refused_here.time, "sleep", slept.append)
    found = refused_here.Counting(Sources(())).refuses_some(target(), [8563], rate)
    assert (found, machine.tries, slept.count(1 / rate)) == (bool(tries), tries, tries)


def test_what_refuses_some_is_looked_for_in_time(monkeypatch):
    machine = Machine(monkeypatch, [2] * 64)
    monkeypatch.setattr(refused_here, "_MAX_SOME_SECONDS", 0.0)
    assert refused_here.Counting(Sources(())).refuses_some(target(), [8563]) is False
    assert machine.tries <= 1
