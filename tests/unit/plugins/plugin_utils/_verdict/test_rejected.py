# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ICMP errors in the name of the destination: who is named, by what is known of who sent them."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    UP,
    Kernels,
    Listener,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.kernel_facts import (
    KernelFacts,
)

from .test_judge import DESTINATION, case

REJECTED = case("filtered", "admin-prohibited", reason_ip=DESTINATION)
DATAGRAM = case("closed", "port-unreach", listener=Listener(UP), reason_ip=DESTINATION)._replace(
    protocol="udp"
)
BOTH = ["host:n11", "network"]
JUDGED = {
    "nothing is known": (Kernels(), "", "blocked", "icmp_rejected", BOTH),
    "it sent none": (
        Kernels(errors_received=1, errors_sent=0),
        "",
        "blocked_on_path",
        "forged_refusal",
        ["network"],
    ),
    "it sent as many": (
        Kernels(errors_received=3, errors_sent=3),
        "",
        "blocked_at_destination",
        "icmp_rejected",
        ["host:n11"],
    ),
    "it sent fewer": (Kernels(errors_received=3, errors_sent=2), "", "blocked", "icmp_rejected", BOTH),
    "it sent fewer than these ports": (
        Kernels(errors_received=0, errors_sent=0),
        "",
        "blocked_on_path",
        "forged_refusal",
        ["network"],
    ),
    # A capture sees the packet itself, so it counts more than a counter.
    "the packet arrived": (
        Kernels(errors_received=3, errors_sent=0),
        packet_stages.AT_DESTINATION,
        "blocked_at_destination",
        "icmp_rejected",
        ["host:n11"],
    ),
    "the packet did not arrive": (
        Kernels(errors_received=3, errors_sent=9),
        packet_stages.ON_PATH,
        "blocked_on_path",
        "forged_refusal",
        ["network"],
    ),
}


@pytest.mark.parametrize("seen", [REJECTED, DATAGRAM], ids=["tcp", "udp"])
@pytest.mark.parametrize(("kernels", "stage", "verdict", "cause", "actor"), JUDGED.values(), ids=JUDGED)
def test_who_rejects_in_the_name_of_the_destination(seen, kernels, stage, verdict, cause, actor):
    judged = judge(seen._replace(kernels=kernels, stage=stage))
    assert (judged.verdict, judged.cause, list(judged.actor)) == (verdict, cause, actor), judged
    assert "with a reset" not in judged.sentence
    if actor == BOTH:
        assert judged.sentence.index("its own firewall") < judged.sentence.index("a device in between")
        assert judged.next_command == "tcpdump -ni any 'icmp or icmp6'  # on n11"


def states(ports, sender=DESTINATION):
    return [{"ports": ports, "state": "filtered", "reason": "admin-prohibited", "reason_ip": sender}]


def observed(*several):
    """Return what sources observed of a node: address and states, for each source."""
    return {
        f"client{number}": {
            "observations": [
                {"destination": "n11", "address": address, "protocol": "tcp", "ports": "1-9", "states": found}
            ],
            "paths": [],
            "kernel": {},
        }
        for number, (address, found) in enumerate(several)
    }


@pytest.mark.parametrize(
    ("kernel", "address", "sent"),
    [
        ({"unchanged": ["OutDestUnreachs"]}, DESTINATION, 0),
        ({"unchanged": ["Icmp6OutDestUnreachs"]}, DESTINATION, None),
        ({"unchanged": ["OutDestUnreachs"]}, "2001:db8::11", None),
        ({"unchanged": ["Icmp6OutDestUnreachs"]}, "2001:db8::11", 0),
        ({"grown": {"OutDestUnreachs": 7}}, DESTINATION, 7),
        ({"grown": {}}, DESTINATION, None),
    ],
)
def test_a_counter_counts_for_its_own_version_of_ip_alone(kernel, address, sent):
    made = KernelFacts(observed((address, states("1"))), {"n11": {"kernel": {"levels": {}, **kernel}}})
    found = made.of("client0", ("192.0.2.21",), "n11", address=address, ports="1")
    assert found.errors_sent == sent


def test_errors_of_all_sources_count_and_those_of_routers_do_not():
    made = KernelFacts(
        observed(
            (DESTINATION, states("1-4")),
            (DESTINATION, states("2,7")),
            (DESTINATION, states("1-9", sender="192.0.2.1")),
            ("2001:db8::11", states("1", sender="2001:db8::11")),
        ),
        {"n11": {"kernel": {"grown": {"OutDestUnreachs": 6}}}},
    )
    found = made.of("client0", ("192.0.2.21",), "n11", address=DESTINATION, ports="1-4")
    assert (found.errors_received, found.errors_sent) == (6, 6)
