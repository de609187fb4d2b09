# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aerleon renders our policy for several vendors, and its own checker says which flows it permits."""

from __future__ import annotations

import functools
import typing as t

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
)
from ansible_collections.exasol_community.network.tests.consumers.conftest import Reader
from ansible_collections.exasol_community.network.tests.consumers.samples import blocked, plan, request_of

# Arista, Cisco IOS and IOS-XR, FortiGate, Juniper, Nokia SR Linux, Palo Alto.
VENDORS = ("atp", "acl", "xacl", "fgacl", "jcl", "srl_acl", "xml")
REQUESTS = {"plan": plan, "blocked": blocked}
ASK = """
import json, sys
from aerleon import api
from aerleon.lib import aclcheck, naming
asked = json.load(sys.stdin)
definitions = naming.Naming()
definitions.ParseDefinitionsObject(asked["definitions"], "")
policy = {"filename": "exasol", **asked["policy"]}
made = api.Generate([policy], definitions)

def permitted(source, destination, protocol, port):
    found = aclcheck.AclCheck.FromPolicyDict(policy, definitions, source, destination, "any", port, protocol)
    return bool(found.ActionMatch("accept"))

texts = {name: str(text) for name, text in made.items()}
print(json.dumps({"made": texts, "permitted": [permitted(*flow) for flow in asked["flows"]]}))
"""
Flow = tuple[str, str, str, int]


def edges(ports: str) -> list[int]:
    """Return the first and the last port of each range."""
    return sorted({int(number) for part in ports.split(",") for number in part.split("-")})


def wanted(made: dict[str, t.Any]) -> list[Flow]:
    """Return the flows that must be permitted, by their addresses, from the plan or the results."""
    if "results" in made:
        pairs = [
            (made["addresses"].get(one["source"]), [one["address"]], one["protocol"], one["ports"])
            for one in made["results"]
        ]
    else:
        hosts = made["hosts"]
        pairs = [
            (hosts[source]["addresses"], addresses, entry["protocol"], entry["ports"])
            for source, host in hosts.items()
            for entry in host["probes"]
            for addresses in entry["destinations"].values()
        ]
    return sorted(
        {
            (source, destination, protocol, port)
            for sources, destinations, protocol, ports in pairs
            for source in sources
            for destination in destinations
            for port in edges(ports)
            if destination[0].isdigit() and (":" in source) == (":" in destination)
        }
    )


def unwanted(flows: list[Flow]) -> list[Flow]:
    """Return flows beside them that nobody asked for: the next port, a stranger, another protocol."""
    asked = set(flows)
    candidates = {(source, destination, protocol, 22) for source, destination, protocol, _port in flows}
    candidates |= {
        ("203.0.113.9" if ":" not in source else "2001:db8:9::9", destination, protocol, port)
        for source, destination, protocol, port in flows
    }
    candidates |= {
        (source, destination, "udp" if protocol == "tcp" else "tcp", port)
        for source, destination, protocol, port in flows
        if port != 53
    }
    return sorted(candidates - asked)


@pytest.fixture(scope="module", params=REQUESTS)
def answered(request: pytest.FixtureRequest, reader: Reader) -> dict[str, t.Any]:
    """Return what Aerleon makes of a change request, and what its checker says."""
    made = REQUESTS[request.param]()
    right = wanted(made)
    flows = right + unwanted(right)
    render = functools.partial(render_request, request_of(made))
    policy, definitions = (yaml.safe_load(render(f"aerleon_{part}")) for part in ("policy", "definitions"))
    found = reader(ASK, {"policy": policy, "definitions": definitions, "flows": flows})
    return {**found, "right": right, "flows": flows}


def test_every_flow_is_permitted_and_nothing_else(answered: dict[str, t.Any]) -> None:
    permitted = [tuple(flow) for flow, said in zip(answered["flows"], answered["permitted"]) if said]
    assert permitted == answered["right"]
    assert len(answered["right"]) > 10


@pytest.mark.parametrize("suffix", VENDORS)
def test_vendors_rules_are_made(answered: dict[str, t.Any], suffix: str) -> None:
    (text,) = [text for name, text in answered["made"].items() if name.endswith("." + suffix)]
    assert "192.0.2.40" in text
    assert "1521" in text
