# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which refused ports are tried again, how often, and what is said of those that were served then."""

import itertools

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import refused_at_first
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

RESET = Outcome("closed", "conn-refused")
REJECTED = Outcome("filtered", "admin-prohibited", "192.0.2.1")
OWN = Outcome("filtered", "admin-prohibited", "local")
SILENT = Outcome("filtered", "no-response")
SERVED = Outcome("open", "syn-ack")
PROVEN = Outcome("open", "syn-ack", proof="ours", answered_by="n11")
MUTE = Outcome("open", "syn-ack", proof="silent")


def target(outcome=RESET, ports="8563", ours="8563-9000", address="192.0.2.11", **more):
    """Return a target of a plan whose ports came to an outcome."""
    made = Target("n11", address, "tcp")
    made.add(Ports.parse(ports))
    made.wanted, made.ours, made.planned = made.ports, made.ports & Ports.parse(ours), True
    for name, value in more.items():
        setattr(made, name, value)
    for port in made.ports:
        made.record(port, outcome, 0.2)
    return made


class Asked:
    """Answers tries with outcomes, in turn or by the port."""

    def __init__(self, *outcomes, by_port=None):
        self.rounds = []  # the ports of each
        self.seconds = []
        self._outcomes = itertools.cycle(outcomes)
        self._by_port = by_port or {}

    def __call__(self, work, seconds=0.0, unused_rate=0.0):
        self.rounds.append([port for unused, port in work])
        self.seconds.append(seconds)
        for twin, port in work:
            twin.record(port, self._by_port.get(port) or next(self._outcomes), 0.3)


def found(made):
    """Return the outcomes of a target."""
    return {outcome: sorted(group.ports) for outcome, group in made.found.items()}


def samples(made):
    """Return what is reported of a target."""
    refused_at_first.report([made])
    return made.samples


@pytest.mark.parametrize("first", [RESET, REJECTED], ids=["reset", "rejected"])
def test_a_port_of_ours_is_tried_from_sixteen_source_ports_at_once(first):
    made, asked = target(first), Asked(PROVEN, first)
    refused_at_first.find_served(asked, [made])
    assert [len(ports) for ports in asked.rounds] == [16]
    assert found(made) == {PROVEN: [8563]}
    assert samples(made) == [
        {
            "ports": "8563",
            "tried": 1,
            "failed_always": 0,
            "refused_at_first": True,
            "strays": [{"how": "refused", "ports": "8563", "connections": 9}],
        }
    ]


@pytest.mark.parametrize("first", [RESET, REJECTED], ids=["reset", "rejected"])
@pytest.mark.parametrize(
    "again", [RESET, REJECTED, SILENT, MUTE], ids=["reset", "rejected", "silent", "mute"]
)
def test_a_port_of_ours_that_is_never_served_stays_as_it_is(first, again):
    made, asked = target(first), Asked(again)
    refused_at_first.find_served(asked, [made])
    assert (found(made), samples(made), len(asked.rounds)) == ({first: [8563]}, [], 1)


@pytest.mark.parametrize(
    "outcomes, rounds, refusals",
    [
        ([SERVED], 1, 1),
        ([RESET, SERVED], 2, 2),
        ([RESET, RESET, SERVED], 3, 3),
        ([RESET], 3, 0),
        ([SILENT], 1, 0),
        ([MUTE], 1, 0),
    ],
)
def test_a_port_of_others_is_tried_one_after_the_other_until_it_is_served(outcomes, rounds, refusals):
    made, asked = target(ours="1"), Asked(*outcomes)
    refused_at_first.find_served(asked, [made])
    assert asked.rounds == rounds * [[8563]]
    strays = [stray["connections"] for one in samples(made) for stray in one["strays"]]
    assert strays == ([refusals] if refusals else [])
    assert found(made) == {SERVED if refusals else RESET: [8563]}


def test_only_the_ends_of_many_ports_of_others_are_tried_unless_one_is_served():
    asked = Asked(RESET)
    refused_at_first.find_served(asked, [target(ours="1", ports="20000-20099")])
    assert asked.rounds == 3 * [[20000, 20099]]
    made, asked = target(ours="1", ports="20000-20099"), Asked(SERVED)
    refused_at_first.find_served(asked, [made])
    assert asked.rounds == [[20000, 20099], list(range(20001, 20016))]
    assert Ports(found(made)[RESET]) == Ports.parse("20016-20098")


def test_every_port_of_ours_is_tried_once_one_was_served():
    filtered = {8570: RESET}
    made, asked = target(ports="8563-8602"), Asked(PROVEN, RESET, RESET, by_port=filtered)
    refused_at_first.find_served(asked, [made])
    assert found(made)[RESET] == [8570], "a filter refuses always"
    assert len(found(made)[PROVEN]) == 39
    assert asked.rounds[-1] == [8570] and len(asked.rounds) == 1 + 20
    assert "8570" not in samples(made)[0]["ports"]


@pytest.mark.parametrize(
    "made",
    [
        target(OWN),
        target(SILENT),
        target(SERVED),
        target(planned=False),
        target(wanted=Ports()),
        target(address="127.0.0.1"),
        target(Outcome("filtered", "host-unreach")),
    ],
    ids=["own", "silent", "open", "not of a plan", "denied", "loopback", "no neighbour"],
)
def test_nothing_else_is_tried_again(made):
    asked = Asked(SERVED)
    before = found(made)
    refused_at_first.find_served(asked, [made])
    assert (asked.rounds, found(made), samples(made)) == ([], before, [])


@pytest.mark.parametrize("rate, tries", [(0.0, 160), (10.0, 50), (1.0, 5)])
def test_a_limited_rate_tries_few(rate, tries):
    asked = Asked(RESET)
    every = [target(address=f"192.0.2.{number}") for number in range(10)]
    refused_at_first.find_served(asked, every, rate)
    assert sum(map(len, asked.rounds)) == tries


def test_a_slow_refusal_is_waited_for():
    made = target()
    made.found[RESET].rtt_ms[0] = 600.0
    asked = Asked(RESET)
    refused_at_first.find_served(asked, [made])
    assert asked.seconds == [pytest.approx(2.1)]


def test_it_is_bounded(monkeypatch):
    times = itertools.count(0, 1)
    monkeypatch.setattr(refused_at_first.time, "monotonic", lambda: next(times))
    asked = Asked(PROVEN, by_port={8570: SILENT})
    refused_at_first.find_served(asked, [target(ports="8563-8570")])
    assert len(asked.rounds) < 8


@pytest.mark.parametrize(
    "outcome, how", [(RESET, "refused_here"), (SERVED, "refused_here"), (SILENT, "refused")]
)
def test_a_refusal_that_deaf_sockets_hear_is_of_this_machine(outcome, how):
    made = target(refused_at_first={8563: ["refused", "refused"], 8564: ["no_neighbour"]})
    asked = Asked(outcome)
    refused_at_first.find_own(asked, [made])
    assert sorted(asked.rounds[0]) == 8 * [8563] + 8 * [8564]
    assert made.refused_at_first == {8563: [how, how], 8564: ["no_neighbour"]}


@pytest.mark.parametrize("is_own, how", [(True, "refused_here"), (False, "refused")])
def test_counters_show_it_too(is_own, how):
    made = target(refused_at_first={8563: ["refused"]})
    counting = type("Counting", (), {"refuses_some": lambda *unused: is_own})()
    refused_at_first.count_own(counting, [made], 0.0)
    assert made.refused_at_first == {8563: [how]}
