# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Silence beside ICMP errors.

Told from dropping by asking silent ports again, alone and with a pause for the kernel that sends the errors.
"""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import icmp_limit
from ansible_collections.exasol_community.network.plugins.module_utils._probe.observations import (
    by_address,
    observation,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import (
    Outcome,
    timed_out,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.unit.helpers import ports_of

ROUTER = "192.0.2.1"
REJECTED = Outcome("filtered", "admin-prohibited", ROUTER)
OPEN = Outcome("open", "syn-ack")


def target(outcomes, address="192.0.2.11", protocol="tcp"):
    """Return a target with these outcomes, port -> outcome."""
    made = Target("n11", address, protocol)
    made.add(Ports(outcomes))
    for port, outcome in outcomes.items():
        made.record(port, outcome)
    return made


def limited(address="192.0.2.11", protocol="tcp", rejected=(1, 2), silent=(3, 4, 5, 9), reject=REJECTED):
    """Return a target of which some ports were rejected and others stayed silent."""
    return target(
        dict([(port, reject) for port in rejected] + [(port, timed_out(protocol)) for port in silent]),
        address,
        protocol,
    )


class Network:
    """Answers those who ask again; what is not told here stays silent."""

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.rounds = []
        self.pauses = []

    def monotonic(self):
        """Return a time that only pauses move."""
        return sum(self.pauses)

    def sleep(self, seconds):
        """Let time pass."""
        self.pauses.append(seconds)

    def ask(self, work):
        """Record an outcome for each port."""
        self.rounds.append([(made.address, port) for made, port in work])
        for made, port in work:
            made.record(port, self.answers.get((made.address, port), timed_out(made.protocol)))

    def settle(self, *targets):
        """Let the code under test settle the targets."""
        icmp_limit.find_rejected(self.ask, by_address(targets), self)
        return {
            target: [
                (state["state"], state.get("reason_ip"), ports_of(state["ports"]))
                for state in observation(target)["states"]
            ]
            for target in targets
        }


def rejecting(*ports, **options):
    """Return answers: these ports are rejected when they are asked."""
    return {(options.get("address", "192.0.2.11"), port): options.get("reject", REJECTED) for port in ports}


def merged(*answers):
    """Return all answers together."""
    return {key: outcome for some in answers for key, outcome in some.items()}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_silent_ports_are_rejected_ones_if_they_are_rejected_alone(protocol):
    network, made = Network(rejecting(3, 9)), limited(protocol=protocol)
    assert network.settle(made)[made] == [("filtered", ROUTER, {1, 2, 3, 4, 5, 9})]
    assert network.rounds == [[("192.0.2.11", 3)], [("192.0.2.11", 9)]]
    assert min(network.pauses) > 1.0, "a kernel regains the right to one error in a second"
    assert "4 silent ports" in observation(made)["states"][0]["detail"]


@pytest.mark.parametrize(
    "answers",
    [
        {},
        rejecting(3),
        rejecting(9),
        {("192.0.2.11", 3): OPEN, ("192.0.2.11", 9): OPEN},
        merged(rejecting(3), rejecting(9, reject=REJECTED._replace(reason_ip="192.0.2.2"))),
        merged(rejecting(3), rejecting(9, reject=REJECTED._replace(reason="port-unreach"))),
    ],
    ids=["both silent", "last silent", "first silent", "open by now", "another sender", "another reason"],
)
def test_silent_ports_stay_silent_if_their_witnesses_are_not_rejected_alike(answers):
    network, made = Network(answers), limited()
    assert network.settle(made)[made] == [("filtered", ROUTER, {1, 2}), ("filtered", None, {3, 4, 5, 9})]


def test_one_silent_port_is_asked_once():
    network, made = Network(rejecting(3)), limited(silent=(3,))
    assert network.settle(made)[made] == [("filtered", ROUTER, {1, 2, 3})]
    assert len(network.rounds) == 1


def test_errors_of_one_protocol_make_the_silence_of_the_other_suspect():
    network = Network(rejecting(53))
    tcp, udp = target({53: timed_out("tcp")}), target({53: REJECTED}, protocol="udp")
    assert network.settle(tcp, udp)[tcp] == [("filtered", ROUTER, {53})]


def test_errors_for_one_host_make_the_silence_of_another_suspect():
    network = Network(rejecting(3, 9, address="192.0.2.12"))
    seen, unseen = target({1: REJECTED}), target({port: timed_out("tcp") for port in (3, 5, 9)}, "192.0.2.12")
    assert network.settle(seen, unseen)[unseen] == [("filtered", ROUTER, {3, 5, 9})]


def test_closed_datagram_ports_are_joined_as_closed():
    closed = Outcome("closed", "port-unreach", "192.0.2.11")
    network, made = Network(rejecting(3, 9, reject=closed)), limited(protocol="udp", reject=closed)
    assert network.settle(made)[made] == [("closed", "192.0.2.11", {1, 2, 3, 4, 5, 9})]


@pytest.mark.parametrize(
    "made",
    [
        target(dict.fromkeys(range(9), REJECTED)),
        target({port: timed_out("tcp") for port in range(9)}),
        target({1: OPEN, 2: timed_out("tcp")}),
    ],
    ids=["all rejected", "all silent", "silence beside an open port"],
)
def test_nobody_is_asked_without_both(made):
    network = Network()
    network.settle(made)
    assert (network.rounds, network.pauses) == ([], [])


def test_answers_stay_answers():
    made = target({1: OPEN, 2: Outcome("closed", "conn-refused"), 3: REJECTED, 4: timed_out("tcp")})
    assert [ports for state, who, ports in Network(rejecting(4)).settle(made)[made]] == [{1}, {2}, {3, 4}]


def test_a_sender_is_made_to_answer_once_a_pause_and_senders_do_not_wait_for_each_other():
    addresses = ["192.0.2.11", "192.0.2.12", "192.0.2.13"]
    others = REJECTED._replace(reason_ip="192.0.2.2")
    targets = [limited(address) for address in addresses[:2]] + [limited(addresses[2], reject=others)]
    answers = {}
    for address, reject in zip(addresses, [REJECTED, REJECTED, others]):
        answers.update(rejecting(3, 9, address=address, reject=reject))
    network = Network(answers)
    found = network.settle(*targets)
    assert [len(states) for states in found.values()] == [1, 1, 1]
    assert sorted(map(len, network.rounds)) == [1, 1, 2, 2]
    assert len(network.pauses) == 4


SEARCHED = Outcome("filtered", "host-unreach", "local")


def silent_first(network, *keys):
    """Let these ports be silent when they are asked for the first time, whatever they answer later."""
    heard, answers = set(), network.answers

    def ask(work):
        first = {(made.address, port) for made, port in work} & set(keys) - heard
        network.answers = {key: outcome for key, outcome in answers.items() if key not in first}
        heard.update(first)
        Network.ask(network, work)

    network.ask = ask
    return network


@pytest.mark.parametrize(
    ("missed", "states"), [((), 1), ((3,), 1), ((9,), 1), ((3, 9), 2)], ids=["none", "first", "last", "both"]
)
def test_one_missed_error_of_a_search_for_the_next_hop_is_forgiven(missed, states):
    made = limited(reject=SEARCHED)
    network = silent_first(
        Network(rejecting(3, 9, reject=SEARCHED)), *[("192.0.2.11", port) for port in missed]
    )
    assert len(network.settle(made)[made]) == states


@pytest.mark.parametrize(
    "milliseconds", [3100.0, 1.0], ids=["asked when the search began", "asked just before it ended"]
)
def test_one_missed_error_of_a_routers_search_is_forgiven(milliseconds):
    reject = SEARCHED._replace(reason_ip=ROUTER)
    made = target({3: timed_out("tcp"), 9: timed_out("tcp")})
    made.add(Ports([1]))
    made.record(1, reject, milliseconds)
    network = silent_first(Network(rejecting(3, 9, reject=reject)), ("192.0.2.11", 3))
    assert network.settle(made)[made] == [("filtered", ROUTER, {1, 3, 9})]


def test_what_stays_silent_beside_an_error_of_a_router_is_dropped():
    reject = SEARCHED._replace(reason_ip=ROUTER)
    network, made = Network(), limited(reject=reject)
    assert len(network.settle(made)[made]) == 2
    assert network.rounds == [[("192.0.2.11", 3)]] * 2


def test_a_missed_error_is_forgiven_to_an_address_beside_the_one_that_was_searched_for():
    seen, unseen = limited(reject=SEARCHED), target({port: timed_out("tcp") for port in (3, 9)}, "192.0.2.12")
    network = Network(
        merged(rejecting(3, 9, reject=SEARCHED), rejecting(3, 9, address="192.0.2.12", reject=SEARCHED))
    )
    assert network.settle(seen, unseen)[unseen] == [("filtered", "local", {3, 9})]
    seen, unseen = limited(reject=SEARCHED), target({port: timed_out("tcp") for port in (3, 9)}, "192.0.2.12")
    assert silent_first(network, ("192.0.2.12", 3)).settle(seen, unseen)[unseen] == [
        ("filtered", "local", {3, 9})
    ]


@pytest.mark.parametrize("reject", [REJECTED, REJECTED._replace(reason_ip="local")])
def test_who_rejects_each_packet_is_not_waited_for_twice(reject):
    network, made = Network(), limited(reject=reject)
    assert len(network.settle(made)[made]) == 2
    assert network.rounds == [[("192.0.2.11", 3)]]


def test_a_router_that_rejects_for_many_hosts_is_not_asked_for_ever():
    targets = [limited(f"198.51.100.{number}") for number in range(1, 64)]
    network = Network(
        {(f"198.51.100.{number}", port): REJECTED for number in range(1, 64) for port in (3, 9)}
    )
    settled = [len(states) for states in network.settle(*targets).values()]
    assert 30 < sum(network.pauses) < 32
    assert settled.count(1) == len(network.rounds) // 2
    assert settled.count(2) == 63 - len(network.rounds) // 2, "what was not asked again stays what it was"
