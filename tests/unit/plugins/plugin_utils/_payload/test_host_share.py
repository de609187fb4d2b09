# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host has to know.

The oracle is the probe itself: with the part it expects the same proofs as with all listeners.
"""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import collect
from ansible_collections.exasol_community.network.plugins.plugin_utils._payload.host_share import (
    listening_for,
    own_addresses,
    remotes_of,
)


def flow(destinations, ports="8563", protocol="tcp", **more):
    """Return a flow of a plan."""
    return {
        "service": "",
        "protocol": protocol,
        "ports": ports,
        "expected": "reachable",
        "destinations": destinations,
        **more,
    }


def at(address, ports, protocol="tcp"):
    """Return where a listener listens."""
    return {"address": address, "protocol": protocol, "ports": ports}


LISTENING = {
    "n11": [at("192.0.2.11", "22,8563,20000-21000"), at("192.0.2.11", "53", "udp"), at("10.0.0.11", "8563")],
    "n12": [at("0.0.0.0", "8563-8570"), at("::", "8563")],
    "n13": [at("2001:db8::13", "8563")],
    "n14": [at("192.0.2.14", "8563")],
}
CASES = {
    "only the ports that are probed": (
        [flow({"n11": ["192.0.2.11"]}, "8563"), flow({"n11": ["192.0.2.11"]}, "20500-22000")],
        {"n11": [at("192.0.2.11", "8563,20500-21000")]},
    ),
    "only the addresses that are probed": (
        [flow({"n11": ["10.0.0.11"]})],
        {"n11": [at("10.0.0.11", "8563")]},
    ),
    "only the protocol that is probed": (
        [flow({"n11": ["192.0.2.11"]}, "1-65535", "udp")],
        {"n11": [at("192.0.2.11", "53", "udp")]},
    ),
    "all addresses of a host": (
        [flow({"n12": ["n12.example.com"]}, "8563,8566")],
        {"n12": [at("0.0.0.0", "8563,8566"), at("::", "8563")]},
    ),
    "an address in another form": (
        [flow({"n13": ["2001:DB8:0::13"]})],
        {"n13": [at("2001:db8::13", "8563")]},
    ),
    "no listener": ([flow({"files": ["192.0.2.31"]}, "21")], {}),
    "no port of it": ([flow({"n14": ["192.0.2.14"]}, "21")], {}),
    "a flow that must be denied": (
        [flow({"n14": ["192.0.2.14"]}, expected="denied")],
        {"n14": [at("192.0.2.14", "8563")]},
    ),
    "a name of a connection string": (
        [flow({"db.example.com": ["db.example.com"]}, "8563", member=True)],
        {
            "n11": [at("192.0.2.11", "8563"), at("10.0.0.11", "8563")],
            "n12": [at("0.0.0.0", "8563"), at("::", "8563")],
            "n13": [at("2001:db8::13", "8563")],
            "n14": [at("192.0.2.14", "8563")],
        },
    ),
    "a name of a connection string that is a host's too": (
        [
            flow({"db.example.com": ["db.example.com"]}, "8564", member=True),
            flow({"db.example.com": ["db.example.com"]}, "8563"),
            flow({"n11": ["192.0.2.11"]}, "22"),
        ],
        {
            "n11": [at("192.0.2.11", "22,8563"), at("10.0.0.11", "8563")],
            "n12": [at("0.0.0.0", "8563-8564"), at("::", "8563")],
            "n13": [at("2001:db8::13", "8563")],
            "n14": [at("192.0.2.14", "8563")],
        },
    ),
}


@pytest.mark.parametrize(("flows", "expected"), CASES.values(), ids=CASES)
def test_a_host_gets_the_listeners_that_it_may_meet(flows, expected):
    assert listening_for(flows, LISTENING) == expected


@pytest.mark.parametrize("flows", [flows for flows, _expected in CASES.values()], ids=CASES)
def test_a_probe_expects_the_same_proofs(flows):
    def expected_proofs(listening):
        targets = collect(flows, [], listening)
        found = {"db.example.com": ["192.0.2.14", "10.0.0.11"], "n12.example.com": ["192.0.2.12"]}
        every = []
        for target in targets:
            every += (
                [target.at(one) for one in found[target.address]] if target.address in found else [target]
            )
        targets.claim_for_members(every)
        return [(one.destination, one.address, one.protocol, str(one.ours)) for one in every]

    assert expected_proofs(listening_for(flows, LISTENING)) == expected_proofs(LISTENING)


def test_the_probe_would_see_a_listener_that_is_missing():
    flows = [flow({"n11": ["192.0.2.11"]})]
    assert [str(one.ours) for one in collect(flows, [], LISTENING)] == ["8563"]
    assert [str(one.ours) for one in collect(flows, [], {})] == [""]


def test_who_connects_is_named_once():
    rules = [
        {"direction": "in", "addresses": ["192.0.2.21", "192.0.2.22"]},
        {"direction": "out", "addresses": ["192.0.2.31"]},
        {"direction": "in", "addresses": ["192.0.2.22", "192.0.2.23"]},
    ]
    assert remotes_of({"rules": rules}) == ["192.0.2.21", "192.0.2.22", "192.0.2.23"]


def test_own_addresses_are_internal_and_external_ones():
    assert own_addresses({"addresses": ["10.0.0.1"], "external": ["192.0.2.1"]}) == ["10.0.0.1", "192.0.2.1"]
