# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that reached itself proves nothing, unless the other host's own listener is there."""

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import reached_itself
from ansible_collections.exasol_community.network.plugins.module_utils._probe.observations import (
    observation,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports

VIP, NAME = "192.0.2.40", "files.example.com"
OPEN, CLOSED = Outcome("open", "syn-ack"), Outcome("closed", "conn-refused")
PROVEN, OTHERS = (
    OPEN._replace(proof="ours", answered_by="n12"),
    OPEN._replace(proof="ours", answered_by="n11"),
)
OWN = frozenset(["127.0.0.1", "192.0.2.11", VIP])


def target(address, outcomes, name="", planned=True, destination="n12"):
    """Return a target with these outcomes, port -> outcome."""
    made = Target(destination, address, "tcp")
    made.name, made.planned = name, planned
    made.add(Ports(outcomes))
    for port, outcome in outcomes.items():
        made.record(port, outcome)
    return made


def settled(*targets, own=OWN):
    """Return the states by address, port and reason."""
    return {
        (made.address, state["ports"]): (state["state"], state["reason"])
        for made in reached_itself.settle(targets, lambda: own)
        for state in observation(made)["states"]
    }


@pytest.mark.parametrize("seen", [OPEN, CLOSED, OTHERS], ids=["open", "refused", "own listener"])
def test_an_address_that_is_here_at_the_moment_proves_nothing(seen):
    assert settled(target(VIP, {1521: seen})) == {(VIP, "1521"): ("error", "own-address")}


@pytest.mark.parametrize(
    "made",
    [
        target("192.0.2.41", {1521: OPEN}),
        target(VIP, {1521: OPEN}, planned=False),
        target("127.0.0.12", {1521: OPEN}),
        target("::1", {1521: OPEN}),
        target(VIP, {1521: PROVEN}),
        target("127.0.0.1", {1521: PROVEN}, name=NAME),
    ],
    ids=[
        "another host's",
        "not of a plan",
        "loopback of a plan",
        "loopback of IPv6",
        "proven",
        "name, proven",
    ],
)
def test_what_is_meant_stays(made):
    assert settled(made) == {(made.address, "1521"): ("open", "syn-ack")}


def test_where_the_kernel_does_not_say_its_addresses_they_are_nobodys():
    assert settled(target(VIP, {1521: OPEN}), own=frozenset()) == {(VIP, "1521"): ("open", "syn-ack")}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.1.1", "::1"])
def test_a_name_that_leads_here_is_unresolved(address):
    assert settled(target(address, {22: OPEN}, name=NAME)) == {(NAME, "22"): ("unresolved", "name")}


def test_a_name_that_leads_here_too_is_told_once_beside_what_is_right():
    found = settled(
        target("127.0.0.1", {22: OPEN}, name=NAME),
        target("::1", {22: CLOSED}, name=NAME),
        target("192.0.2.99", {22: OPEN}, name=NAME),
    )
    assert found == {(NAME, "22"): ("unresolved", "name"), ("192.0.2.99", "22"): ("open", "syn-ack")}
    assert (
        len(
            reached_itself.settle(
                [target("127.0.0.1", {22: OPEN}, name=NAME), target("::1", {22: OPEN}, name=NAME)],
                lambda: OWN,
            )
        )
        == 1
    )


def test_ports_are_judged_each_for_itself():
    assert settled(target(VIP, {8563: PROVEN, 2580: OPEN, 2581: CLOSED})) == {
        (VIP, "8563"): ("open", "syn-ack"),
        (VIP, "2580-2581"): ("error", "own-address"),
    }


def test_one_address_is_one_observation():
    """What hosts return is refused as a whole if it speaks twice of an address."""
    (alone,) = reached_itself.settle([target(VIP, {8563: PROVEN, 2580: OPEN})], lambda: OWN)
    assert [state["state"] for state in observation(alone)["states"]] == ["open", "error"]
    assert observation(alone)["ports"] == "2580,8563"


HERE, THERE = ("error", "own-address"), ("open", "syn-ack")


@pytest.mark.parametrize(
    "seen, expected",
    [
        (OPEN, {"2580": THERE, "8563": HERE}),
        (OTHERS, {"2580": THERE, "8563": HERE}),
        (PROVEN, {"2580,8563": THERE}),
    ],
    ids=["open", "another host's listener", "proven"],
)
def test_a_connection_that_was_led_back_proves_nothing_of_its_port(seen, expected):
    made = target("192.0.2.99", {8563: seen, 2580: seen})
    made.led_back.add(8563)
    assert {ports: state for (unused, ports), state in settled(made).items()} == expected


def test_who_is_no_other_host_of_a_plan_may_be_led_back():
    made = target("192.0.2.99", {8563: OPEN}, planned=False)
    made.led_back.add(8563)
    assert settled(made) == {("192.0.2.99", "8563"): THERE}


def test_where_nothing_was_led_back_the_time_of_each_port_is_kept():
    made = target("192.0.2.99", {8563: OPEN})
    made.found[OPEN].rtt_ms.append(0.5)
    assert observation(reached_itself.settle([made], lambda: OWN)[0])["states"][0]["rtt_ms"]["median"] == 0.5
