# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which silent attempts wait on for late answers, and what is made of these."""

import socket
import time

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.neighbours import FirstHop
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._kernel.tcp_info import (
    answers_first_syn,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe import late as late_module
from ansible_collections.exasol_community.network.plugins.module_utils._probe.late import (
    LATE_OTHERS,
    LateAnswers,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.observations import (
    late_answers,
    silent_addresses,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    LATE,
    Outcome,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

ADDRESS = "192.0.2.11"
SILENT = timed_out("tcp")
OPEN = Outcome("open", "syn-ack")
REJECTED = Outcome("filtered", "admin-prohibited", ADDRESS)
REJECTED_IN_BETWEEN = Outcome("filtered", "admin-prohibited", "192.0.2.1")
NO_NEIGHBOUR = Outcome("filtered", "host-unreach", "local")


class Attempt:
    """What of an attempt is used here."""

    def __init__(self, target, port):
        self.target, self.port = target, port
        self.started = time.monotonic()
        self.sock = socket.socket()
        self.is_closed = False

    def close(self):
        self.is_closed = True
        self.sock.close()


def target(ports="8563-8570", wanted=True):
    """Return a target whose ports ought to be reachable, or not."""
    made = Target("n11", ADDRESS, "tcp")
    made.add(Ports.parse(ports))
    made.wanted = made.ports if wanted else Ports()
    return made


def waiting(made, *ports, room=100, timeout=3.5):
    """Let attempts at ports wait on; returns which may, and what decides."""
    late = LateAnswers([[made]], timeout=timeout, room=room, sources=Sources(()))
    attempts = [Attempt(made, port) for port in ports]
    for port in ports:
        made.record(port, SILENT)
    return late, [attempt for attempt in attempts if late.take(attempt)]


@pytest.mark.parametrize(
    "outcome, rtt_ms, expected",
    [
        pytest.param(None, -1.0, 1, id="nothing known"),
        pytest.param(OPEN, 12.0, 0, id="answered quickly"),
        pytest.param(OPEN, 3400.0, 1, id="answered just in time"),
        pytest.param(REJECTED, 12.0, 0, id="rejected by itself"),
        pytest.param(REJECTED_IN_BETWEEN, 12.0, 1, id="rejected in between"),
        pytest.param(NO_NEIGHBOUR, -1.0, 0, id="no ARP reply"),
        pytest.param(SILENT, -1.0, 1, id="silent"),
    ],
)
def test_only_where_nothing_came_quickly(outcome, rtt_ms, expected):
    made = target()
    if outcome is not None:
        made.record(8563, outcome, rtt_ms)
    assert len(waiting(made, 8564)[1]) == expected


def test_what_need_not_be_waited_for_ends_with_the_pass():
    for change in ("quick", "alive", "denied"):
        made = target(wanted=change != "denied")
        late, (attempt,) = waiting(made, 8563)
        if change == "quick":
            made.record(8564, OPEN, 12.0)
        made.is_alive = change == "alive"
        late.end_pointless()
        assert attempt.is_closed, change
        assert not late.is_waiting, change


BEHIND_A_GATEWAY = FirstHop(gateway="192.0.2.1")
ON_A_LINK = FirstHop(link_address="02:00:00:00:00:0b")
ON_A_LINK_AND_SILENT = FirstHop()


@pytest.mark.parametrize(
    "hop, timeout, expected",
    [
        pytest.param(BEHIND_A_GATEWAY, 3.5, True, id="behind a gateway"),
        pytest.param(ON_A_LINK, 3.5, False, id="replied to ARP within three seconds"),
        pytest.param(ON_A_LINK, 2.0, True, id="perhaps later than the timeout"),
        pytest.param(ON_A_LINK_AND_SILENT, 3.5, True, id="no link-layer address"),
    ],
)
def test_a_neighbour_that_replied_in_time_is_not_slow(monkeypatch, hop, timeout, expected):
    known = {}
    monkeypatch.setattr(late_module, "first_hops", lambda *_asked: known)
    late, (attempt,) = waiting(target(), 8563, timeout=timeout)  # nothing is known at the first silence
    known[ADDRESS] = hop
    late.end_pointless()
    assert late.is_waiting is expected
    assert attempt.is_closed is not expected
    # What is known at the first silence takes no socket to wait with.
    assert bool(waiting(target(), 8563, timeout=timeout)[1]) is expected


def test_this_host_itself_is_not_slow():
    made = target()
    made.own_address = ADDRESS
    assert waiting(made, 8563, timeout=2.0)[1] == []


@pytest.mark.parametrize("is_other_wanted", [True, False], ids=["beside a wanted one", "alone"])
def test_what_should_not_be_reached_is_waited_for_beside_what_should(is_other_wanted):
    denied, other = target(wanted=False), Target("n12", "192.0.2.12", "tcp")
    other.add(Ports([8563]))
    other.wanted = other.ports if is_other_wanted else Ports()
    late = LateAnswers([[denied], [other]], timeout=3.5, room=9, sources=Sources(()))
    attempts = [Attempt(denied, 8563), Attempt(other, 8563)]
    for attempt in attempts:
        attempt.target.record(8563, SILENT)
        assert late.take(attempt)
    late.end_pointless()
    assert [attempt.is_closed for attempt in attempts] == [not is_other_wanted] * 2


def test_a_late_refusal_does_not_make_its_address_quick():
    made = target()
    late, (refused, other) = waiting(made, 8563, 8564)
    late.leave(refused)
    late.correct(refused, Outcome("closed", "conn-refused"), 3600.0)
    late.end_pointless()
    assert not other.is_closed
    made.record(8565, SILENT)
    assert late.take(Attempt(made, 8565))
    assert late_answers([made]) == {made: 0}


def test_an_address_of_which_nothing_is_known_is_waited_for():
    late, (attempt,) = waiting(target(), 8563)
    late.end_pointless()
    assert not attempt.is_closed
    assert late.is_waiting
    late.leave(attempt)
    assert not late.is_waiting


def test_ports_without_room_prove_nothing_where_others_were_late():
    made = target()
    late, attempts = waiting(made, 8563, 8564, 8565, room=2)
    assert [attempt.port for attempt in attempts] == [8563, 8564]
    late.correct(attempts[0], Outcome("open", LATE), 3600.0)
    late.conclude()
    found = {outcome: list(group.ports) for outcome, group in made.found.items()}
    assert found == {Outcome("open", LATE): [8563], SILENT: [8564], LATE_OTHERS: [8565]}


@pytest.mark.parametrize(
    "rtt_ms, expected",
    [
        pytest.param(3600.0, SILENT, id="two packets would have been answered"),
        pytest.param(6900.0, LATE_OTHERS, id="a single lost packet looks the same"),
    ],
)
@pytest.mark.parametrize(
    "answer", [Outcome("open", LATE), Outcome("closed", "conn-refused")], ids=["accepted", "refused"]
)
def test_silence_counts_only_if_a_repeated_packet_would_have_been_answered(answer, rtt_ms, expected):
    made = target()
    late, (answered, silent) = waiting(made, 8563, 8564)
    late.leave(answered)
    late.correct(answered, answer, rtt_ms)
    late.give_up(silent)
    late.conclude()
    assert {outcome: list(group.ports) for outcome, group in made.found.items()} == {
        answer: [8563],
        expected: [8564],
    }


def test_a_silent_datagram_beside_late_answers_may_have_been_lost():
    answered, silent = target("53"), Target("n11", ADDRESS, "udp")
    silent.add(Ports([53]))
    late = LateAnswers([[answered, silent]], timeout=3.5, room=9, sources=Sources(()))
    one, other = Attempt(answered, 53), Attempt(silent, 53)
    answered.record(53, SILENT)
    silent.record(53, timed_out("udp"))
    assert late.take(one)
    assert late.take(other)
    late.leave(one)
    late.correct(one, Outcome("open", LATE), 3600.0)
    late.give_up(other)
    late.conclude()
    assert list(silent.found) == [LATE_OTHERS]


def test_without_late_answers_ports_without_room_are_silent():
    made = target()
    late, _attempts = waiting(made, 8563, 8564, room=1)
    late.conclude()
    assert list(made.found) == [SILENT]


def test_a_late_answer_is_neither_silence_nor_a_lost_packet():
    made = target("8563")
    late, (attempt,) = waiting(made, 8563)
    late.correct(attempt, Outcome("open", LATE), 3600.0)
    assert late_answers([made]) == {made: 0}
    assert silent_addresses([made]) == {}


@pytest.mark.parametrize(
    "rtt_ms, waited_ms, expected",
    [
        pytest.param(0.0, 1200.0, False, id="unknown"),
        pytest.param(3.0, 1003.0, False, id="second SYN"),
        pytest.param(1300.0, 1300.5, True, id="slow path"),
        pytest.param(1300.0, 2300.0, False, id="slow path, second SYN"),
        pytest.param(600.0, 1600.0, False, id="satellite, second SYN"),
    ],
)
def test_whether_the_first_syn_was_answered(rtt_ms, waited_ms, expected):
    assert answers_first_syn(rtt_ms, waited_ms) is expected


@pytest.mark.parametrize("is_slow, lost", [(False, 1), (True, 0)], ids=["lost", "slow"])
def test_slow_answers_are_not_counted_as_lost(is_slow, lost):
    made = target()
    made.record(8563, OPEN, 1300.0)
    if is_slow:
        made.slow.add(8563)
    assert late_answers([made]) == {made: lost}


@pytest.mark.parametrize(
    "refused_ms, lost",
    [pytest.param(1302.0, 0, id="as slow as the others"), pytest.param(2302.0, 1, id="to the second SYN")],
)
def test_refusals_on_a_slow_path_are_not_counted_as_lost(refused_ms, lost):
    made = target()
    made.record(8563, OPEN, 1300.0)
    made.slow.add(8563)
    made.record(8564, Outcome("closed", "conn-refused"), refused_ms)
    assert late_answers([made]) == {made: lost}


def test_beside_a_quick_answer_a_late_one_is_a_lost_packet():
    made = target()
    made.record(8563, OPEN, 1001.0)
    made.record(8564, OPEN, 0.3)
    made.slow.add(8563)  # its SYN-ACK was lost and came again after a second
    assert late_answers([made]) == {made: 1}
