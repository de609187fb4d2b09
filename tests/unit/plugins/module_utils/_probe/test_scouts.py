# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections from new source ports a silent address gets."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    Outcome,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.scouts import (
    RIVALS,
    RIVALS_OF_ADDRESS,
    TRIES,
    Scouts,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

ADDRESS = "192.0.2.11"


def target(ports, ours=True, protocol="tcp"):
    """Return a target; with C(ours) our listener is expected at all its ports."""
    made = Target("n11", ADDRESS, protocol)
    made.add(Ports.parse(ports))
    made.ours = made.ports if ours else Ports()
    return made


def taken(made, *others):
    """Return the scouts of each port, all of them silent one after the other."""
    scouts = Scouts([[made, *others]])
    return [scouts.take(made) for unused in made.ports]


@pytest.mark.parametrize(
    "ports, expected",
    [
        pytest.param("8563", [TRIES - 1], id="one port"),
        pytest.param("8563-8564", [6, 4], id="two ports"),
        pytest.param("8563-8573", [1] + 10 * [0], id="one fewer than enough"),
        pytest.param("8563-8574", 12 * [0], id="enough"),
        pytest.param("20000-21000", 1001 * [0], id="many"),
    ],
)
def test_together_with_its_ports_an_address_is_tried_often_enough(ports, expected):
    assert taken(target(ports)) == expected


def test_services_of_others_get_none():
    assert taken(target("8563", ours=False)) == [0]


@pytest.mark.parametrize(
    "outcome, expected",
    [
        pytest.param(Outcome("open", "syn-ack"), 0, id="open"),
        pytest.param(Outcome("closed", "conn-refused"), 0, id="closed"),
        pytest.param(timed_out("tcp"), TRIES - 2, id="silent"),
    ],
)
def test_an_address_that_answers_gets_none(outcome, expected):
    made, other = target("8563"), target("1521", ours=False)
    other.record(1521, outcome)
    assert taken(made, other) == [expected]


def test_an_address_that_a_scout_has_reached_gets_no_more():
    made = target("8563-8564")
    scouts = Scouts([[made]])
    assert scouts.take(made) > 0
    made.is_alive = True
    assert scouts.take(made) == 0


def test_an_answer_of_a_datagram_says_nothing_of_streams():
    made, other = target("8563"), target("53", ours=False, protocol="udp")
    other.record(53, Outcome("open", "udp-response"))
    assert taken(made, other) == [TRIES - 1]


def rivals(made, *others):
    """Return the rivals of each port, all of them silent one after the other."""
    scouts = Scouts([[made, *others]])
    return [scouts.take_rivals(made, port) for port in made.ports]


@pytest.mark.parametrize(
    "ports, expected",
    [
        pytest.param("8563", [RIVALS], id="one port"),
        pytest.param("8563-8564", 2 * [RIVALS], id="two ports"),
        pytest.param("20000-20005", 4 * [RIVALS] + 2 * [0], id="too many ports"),
    ],
)
def test_silent_ports_of_others_have_rivals(ports, expected):
    assert 4 * RIVALS == RIVALS_OF_ADDRESS
    assert rivals(target(ports, ours=False)) == expected


@pytest.mark.parametrize(
    "outcome, expected",
    [
        pytest.param(Outcome("open", "syn-ack"), RIVALS, id="open"),
        pytest.param(Outcome("closed", "conn-refused"), RIVALS, id="closed"),
        pytest.param(timed_out("tcp"), 0, id="silent, so that it has scouts"),
    ],
)
def test_a_silent_port_of_ours_has_rivals_where_the_address_answers(outcome, expected):
    made, other = target("8563"), target("1521", ours=False)
    other.record(1521, outcome)
    assert rivals(made, other) == [expected]


@pytest.mark.parametrize("outcome", [None, Outcome("open", "syn-ack")], ids=["silent", "alive"])
def test_datagrams_have_rivals_of_their_own(outcome):
    made, other = target("53", protocol="udp"), target("8563-8572", ours=False)
    if outcome:
        other.record(8563, outcome)
    scouts = Scouts([[made, other]])
    assert sum(scouts.take_rivals(other, port) for port in other.ports) == RIVALS_OF_ADDRESS
    assert scouts.take_rivals(made, 53) == RIVALS


def test_without_scouts_there_are_no_rivals():
    assert Scouts(()).take_rivals(target("8563", ours=False), 8563) == 0
