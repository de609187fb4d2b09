# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Observations: compressed states, and lost packets told from filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._probe import observations
from ansible_collections.exasol_community.network.plugins.module_utils._probe.observations import (
    Suspects,
    observation,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    PROOF_FAILURES,
    Outcome,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import (
    Ports,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of

OPEN, CLOSED = Outcome("open", "syn-ack"), Outcome("closed", "conn-refused")
SILENT, SILENT_UDP = Outcome("filtered", "no-response"), Outcome("open|filtered", "no-response")
REJECTED = Outcome("filtered", "admin-prohibited", "192.0.2.1")
MUTE = Outcome("open", "syn-ack", proof="silent")
CUT = Outcome("open", "syn-ack", proof="cut_off")
UNFINISHED = Outcome("open", "syn-ack", proof="unfinished")
STATES = [
    OPEN,
    CLOSED,
    SILENT,
    SILENT_UDP,
    REJECTED,
    Outcome("unreachable", "no-route"),
    Outcome("error", "EMFILE", detail="words"),
]


def target(outcomes, rtt_ms=-1.0, protocol="tcp"):
    """Return a target with these outcomes, port -> outcome."""
    made = Target("n11", "192.0.2.11", protocol)
    made.add(Ports(outcomes))
    for port, outcome in outcomes.items():
        made.record(port, outcome, rtt_ms if outcome in (OPEN, CLOSED) else -1.0)
    return made


def counted(**counts):
    """Return outcomes for consecutive ports: so many of each word."""
    words = {
        "open": OPEN,
        "closed": CLOSED,
        "silent": SILENT,
        "udp": SILENT_UDP,
        "rejected": REJECTED,
        "mute": MUTE,
        "cut": CUT,
        "unfinished": UNFINISHED,
    }
    outcomes = [words[word] for word in sorted(counts) for unused in range(counts[word])]
    return {1000 + index: outcome for index, outcome in enumerate(outcomes)}


def taken(suspects):
    """Return the ports that are to be tried again."""
    return sorted(port for made, port in suspects.take())


@pytest.mark.parametrize(
    "counts, again",
    [
        ({"open": 10, "silent": 1}, True),
        ({"closed": 10, "silent": 9}, True),
        ({"open": 10, "mute": 3}, True),
        ({"open": 10, "cut": 3}, True),
        ({"open": 10, "udp": 2}, True),
        ({"open": 10}, False),
        ({"silent": 10}, False),
        ({"open": 10, "silent": 10}, False),
        ({"open": 1, "silent": 1000}, False),
        ({"rejected": 10, "silent": 1}, False),
        ({"mute": 10, "silent": 1}, False),
        ({"mute": 10}, False),
        ({"mute": 1}, True),
        ({"mute": 4}, True),
        ({"mute": 5}, False),
        ({"cut": 1}, False),
    ],
)
def test_a_silent_minority_beside_answers_is_tried_again(counts, again):
    outcomes = counted(**counts)
    silent = sorted(port for port, outcome in outcomes.items() if outcome in (SILENT, SILENT_UDP, MUTE, CUT))
    made = target(outcomes)
    assert taken(Suspects([made])) == (silent if again else [])
    assert any(observations.is_silence(outcome) for outcome in made.found) is bool(silent and not again), (
        "what is tried again is not yet judged"
    )


def test_what_has_accepted_is_tried_again_and_its_first_packet_was_not_lost():
    made = target({**dict.fromkeys(range(1, 6), OPEN), 6: CUT, 7: SILENT, 8: MUTE, 9: UNFINISHED})
    suspects = Suspects([made])
    assert taken(suspects) == [6, 7, 8, 9]
    assert suspects.asked_again == {(made, 7)}


@pytest.mark.parametrize("rtt_ms, is_lost", [(1.0, False), (1050.0, True), (-1.0, False)])
def test_the_first_packet_to_a_mute_port_was_lost_if_it_accepted_late(rtt_ms, is_lost):
    made = target({**dict.fromkeys(range(1, 6), OPEN), 6: CUT})
    made.add(Ports([7, 8]))
    made.record(7, MUTE, rtt_ms)
    made.record(8, CUT, rtt_ms)
    suspects = Suspects([made])
    assert taken(suspects) == [6, 7, 8]
    assert suspects.asked_again == ({(made, 7)} if is_lost else set())


OURS, OTHERS = (Outcome("open", "syn-ack", proof="ours", answered_by=host) for host in ("n11", "n12"))
MOVED = OURS._replace(proof="other_port")
STRANGE = Outcome("open", "syn-ack", proof="other")


@pytest.mark.parametrize(
    "outcomes, again, expected",
    [
        ({1: OURS, 2: OURS, 3: OTHERS}, [2, 3], (2, 1)),
        ({1: OURS, 2: STRANGE, 3: MOVED}, [2, 3], (2, 1)),
        ({1: OTHERS, 2: OTHERS, 3: STRANGE}, [2, 3], (2, 1)),
        ({1: OURS, 2: CLOSED, 3: OPEN}, [2, 3], (3, 2)),
        ({1: STRANGE, 2: STRANGE, 3: CLOSED}, [2, 3], (3, 2)),
        ({1: OURS, 2: SILENT, 3: MUTE}, [2, 3], (1, 0)),
    ],
    ids=[
        "another-host",
        "a-stranger",
        "another-host-everywhere",
        "nobody-knows-who",
        "nobody-has-proven-itself",
        "never-answered",
    ],
)
def test_ports_that_lead_elsewhere_say_nothing_of_loss(outcomes, again, expected):
    made = target(outcomes)
    (path,) = observations.paths([made], {}, [(made, port) for port in again])
    assert (path["tries"], path["lost"]) == expected


@pytest.mark.parametrize("late_one, lost", [(OURS, 1), (OTHERS, 0), (STRANGE, 0)])
def test_answers_from_elsewhere_that_are_late_say_nothing_of_loss(late_one, lost):
    made = target({1: OURS, 2: OURS})
    made.add(Ports([3]))
    made.record(1, OURS, 1.0)
    made.record(3, late_one, 1050.0)
    late = observations.late_answers([made])
    assert observations.paths([made], late, [])[0]["lost"] == lost


def test_where_packets_are_lost_a_minority_may_have_answered():
    made = target(counted(open=1, silent=100), rtt_ms=1050.0)
    assert len(taken(Suspects([made]))) == 100


@pytest.mark.parametrize("counts", [{"unfinished": 1}, {"unfinished": 10, "open": 1}])
def test_what_did_not_acknowledge_its_end_is_tried_again_and_not_for_ever(counts):
    # A FIN may have been lost, and nobody is accused of that.
    rounds = []
    made = target(counted(**counts))
    suspects = Suspects([made])
    for unused in range(9):
        ports = taken(suspects)
        if not ports:
            break
        rounds.append(len(ports))
        for port in ports:
            made.record(port, UNFINISHED)
    assert rounds == [counts["unfinished"]] * 3


def test_where_only_scouts_got_through_silent_ports_are_tried_again_and_not_for_ever():
    made = target(counted(silent=2))
    assert taken(Suspects([made])) == []
    made.is_alive = True
    suspects, tries = Suspects([made]), 0
    while taken(suspects):
        tries += 1
        for port in (1000, 1001):
            made.record(port, SILENT)
    assert 1 < tries < 6


def test_ports_of_all_targets_of_an_address_are_weighed_together():
    one, other = target(counted(silent=1), protocol="udp"), target(counted(open=5))
    assert taken(Suspects([one, other])) == [1000]


def rounds(recovered, left, rtt_ms=1.0):
    """Return what a second round takes after the first one recovered some ports of C(recovered + left)."""
    made = target(counted(open=100, silent=recovered + left), rtt_ms)
    suspects = Suspects([made])
    again = taken(suspects)
    for port in again[:recovered]:
        made.record(port, OPEN, rtt_ms)
    for port in again[recovered:]:
        made.record(port, SILENT)
    return taken(suspects)


@pytest.mark.parametrize(
    "recovered, left, rtt_ms, again",
    [
        (5, 3, 1.0, True),
        (0, 3, 1.0, False),
        (0, 3, 1050.0, True),
        (0, 51, 1050.0, True),  # fifty that a filter drops, and one that lost its packets twice
        (0, 101, 1050.0, True),
        (1, 20, 1.0, True),
        (5, 0, 1.0, False),
    ],
)
def test_it_is_tried_on_while_packets_are_known_to_be_lost(recovered, left, rtt_ms, again):
    assert len(rounds(recovered, left, rtt_ms)) == (left if again else 0)


@pytest.mark.parametrize("rtt_ms, tries", [(1.0, 1), (1050.0, 3)])
def test_what_no_retry_finds_is_filtered(rtt_ms, tries):
    made = target(counted(open=100, silent=50), rtt_ms)
    suspects = Suspects([made])
    for unused in range(tries):
        again = taken(suspects)
        assert len(again) == 50
        for port in again:
            made.record(port, SILENT)
    assert taken(suspects) == []


def test_nothing_is_forgotten_when_trying_ends():
    made = target(counted(open=100, silent=3))
    suspects = Suspects([made])
    for port in taken(suspects):
        made.record(port, SILENT)
    assert taken(suspects) == []
    assert observation(made)["states"][1]["ports"] == "1100-1102"


def test_targets_are_grouped_by_address():
    one, other, far = (
        Target("a", "192.0.2.1", "tcp"),
        Target("b", "192.0.2.1", "udp"),
        Target("c", "192.0.2.2", "tcp"),
    )
    assert observations.by_address([one, far, other]) == [[one, other], [far]]


@given(st.dictionaries(st.integers(1, 65535), st.sampled_from(STATES), min_size=1, max_size=80))
def test_observation_holds_every_port_once(outcomes):
    found = observation(target(outcomes, 0.5))
    assert ports_of(found["ports"]) == set(outcomes)
    for state in found["states"]:
        same = {
            port
            for port, outcome in outcomes.items()
            if (outcome.state, outcome.reason) == (state["state"], state["reason"])
        }
        assert ports_of(state["ports"]) == same
    assert sum(len(ports_of(state["ports"])) for state in found["states"]) == len(outcomes)


def test_a_range_in_one_state_is_one_entry():
    found = observation(target(dict.fromkeys(range(20000, 21001), CLOSED)))
    assert found == {
        "destination": "n11",
        "address": "192.0.2.11",
        "protocol": "tcp",
        "ports": "20000-21000",
        "states": [{"ports": "20000-21000", "state": "closed", "reason": "conn-refused"}],
    }


def test_times_are_spread():
    made = Target("n11", "192.0.2.11", "tcp")
    made.add(Ports([1, 2, 3]))
    for port, rtt_ms in ((1, 3.00049), (2, 1.0), (3, 2.0)):
        made.record(port, OPEN, rtt_ms)
    assert observation(made)["states"][0]["rtt_ms"] == {"min": 1.0, "median": 2.0, "max": 3.0}


@pytest.mark.parametrize(
    "outcome, expected",
    [
        (OPEN, {}),
        (REJECTED, {"reason_ip": "192.0.2.1"}),
        (
            Outcome("open", "syn-ack", proof="ours", answered_by="n11"),
            {"proof": "ours", "answered_by": "n11"},
        ),
        (
            Outcome("open", "syn-ack", proof="other"),
            {"proof": "other", "answered_by": "", "detail": PROOF_FAILURES["other"]},
        ),
        (Outcome("unresolved", "name", detail="no such name"), {"detail": "no such name"}),
    ],
)
def test_what_is_known_travels_along(outcome, expected):
    (state,) = observation(target({5: outcome}))["states"]
    assert state == dict(expected, ports="5", state=outcome.state, reason=outcome.reason)


LOOKALIKES = [
    REJECTED,
    REJECTED._replace(reason_ip="192.0.2.2"),
    OPEN,
    OPEN._replace(proof="ours", answered_by="n11"),
    OPEN._replace(proof="other"),
]


def in_order(found):
    """Return the ports of the states of lookalikes, recorded in some order."""
    made = Target("n11", "192.0.2.11", "tcp")
    made.add(Ports(range(1, len(LOOKALIKES) + 1)))
    for index, outcome in found:
        made.record(1 + index, outcome)
    return [state["ports"] for state in observation(made)["states"]]


@given(st.permutations(list(enumerate(LOOKALIKES))))
def test_states_have_one_order_whatever_came_first(found):
    assert in_order(found) == in_order(enumerate(LOOKALIKES))


def test_summary_counts_ports():
    assert observations.summarize([target(counted(open=3, silent=1)), target(counted(open=1, mute=1))]) == {
        "open": 5,
        "filtered": 1,
    }
