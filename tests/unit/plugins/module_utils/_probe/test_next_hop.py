# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which silent targets are asked once more with patience, and what becomes of them.

Tests/integration has real next hops.
"""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.next_hop import find_silent
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    OPEN,
    SYN_ACK,
    Outcome,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

ADDRESS = "192.0.2.11"
DEAD, OPENED = Outcome("filtered", "host-unreach", "local"), Outcome(OPEN, SYN_ACK)
ROUTER, PROHIBITED = (
    Outcome("filtered", "host-unreach", "192.0.2.1"),
    Outcome("filtered", "admin-prohibited", "local"),
)


def silent(protocol="tcp", *more):
    """Return a target of two ports: the first is silent, the second has the given outcome, or is silent."""
    target = Target("n11", ADDRESS, protocol)
    target.add(Ports.parse("8563,8564"))
    target.record(8563, timed_out(protocol))
    target.record(8564, *more or (timed_out(protocol),))
    return target


def settled(group, answer, asked=()):
    """Settle one address; returns what was asked, and the outcomes of each target with their ports."""
    questions = []

    def ask(work):
        for target, port in work:
            questions.append((target.address, target.protocol, port))
            target.record(port, answer)

    find_silent(ask, [group], set(asked))
    return questions, [
        {outcome: list(found.ports) for outcome, found in target.found.items()} for target in group
    ]


def test_one_question_settles_all_targets_of_an_address():
    questions, outcomes = settled([silent(), silent("udp")], DEAD)
    assert questions == [(ADDRESS, "tcp", 8563)]
    assert outcomes == [{DEAD: [8563, 8564]}] * 2


@pytest.mark.parametrize(
    "answer",
    [timed_out("tcp"), OPENED, ROUTER, PROHIBITED],
    ids=["silence", "an answer", "a router", "a filter"],
)
def test_any_other_answer_changes_nothing(answer):
    questions, outcomes = settled([silent()], answer)
    assert questions
    assert outcomes == [{timed_out("tcp"): [8563, 8564]}]


def test_who_said_something_or_was_sent_something_is_not_asked():
    assert settled([silent("tcp", OPENED)], DEAD)[0] == []
    assert settled([silent(), silent("udp", PROHIBITED)], DEAD)[0] == []
    assert settled([silent()], DEAD, [ADDRESS])[0] == []
