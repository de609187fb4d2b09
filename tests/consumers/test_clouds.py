# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks for three clouds, asked of the argument specifications of the modules themselves."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    render_request,
)
from ansible_collections.exasol_community.network.tests.consumers import specifications
from ansible_collections.exasol_community.network.tests.consumers.samples import blocked, plan, request_of

MODULES = {
    "aws": "amazon.aws.ec2_security_group",
    "azure": "azure.azcollection.azure_rm_securitygroup",
    "gcp": "google.cloud.gcp_compute_firewall",
}
REQUESTS = {"plan": plan, "blocked": blocked}


def tasks(cloud: str, made: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """Return the options of each task, with our variables set."""
    text = re.sub(
        r"\{\{ exasol_[a-z_]+(?: \| default\(''([^)]*)''\))? \}\}",
        lambda found: found[1] or "value",
        render_request(request_of(made), cloud),
    )
    assert "{{" not in text
    (play,) = yaml.safe_load(text)
    return [task[MODULES[cloud]] for task in play["tasks"]]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("cloud", MODULES)
def test_the_module_accepts_every_task(foreign: Path, cloud: str, name: str) -> None:
    asked = tasks(cloud, REQUESTS[name]())
    assert asked
    assert specifications.errors(foreign, MODULES[cloud], asked) == []


@pytest.mark.parametrize(
    ("cloud", "wrong"),
    [
        ("aws", {"rules": [{"proto": "tcp", "ports": ["22"], "from_port": 22, "cidr_ip": ["192.0.2.1/32"]}]}),
        ("azure", {"rules": [{"name": "x", "protocol": "tcp", "priority": 1000}]}),
        ("gcp", {"allowed": [{"ports": ["22"]}]}),
    ],
)
def test_the_module_refuses_what_is_wrong(foreign: Path, cloud: str, wrong: dict[str, t.Any]) -> None:
    # A positive control: the specification that was found does check.
    assert specifications.errors(foreign, MODULES[cloud], [{**tasks(cloud, plan())[0], **wrong}])


def networks(texts: t.Iterable[str]) -> set[tuple[int, int, int]]:
    """Return networks as numbers."""
    return {
        (found.version, int(found.network_address), found.prefixlen)
        for found in map(ipaddress.ip_network, texts)
    }


@pytest.mark.parametrize("name", REQUESTS)
def test_azure_has_each_row_with_both_ends(name: str) -> None:
    made = REQUESTS[name]()
    (options,) = tasks("azure", made)
    found = {
        (
            rule["direction"],
            rule["protocol"].lower(),
            ",".join(rule["destination_port_range"]),
            *(frozenset(networks(rule[f"{end}_address_prefix"])) for end in ("source", "destination")),
        )
        for rule in options["rules"]
    }
    rows = [(row, *pair) for row in request_of(made).rows for _version, *pair in row.by_family()]
    wanted = {
        (row.protocol, row.ports, frozenset(networks(sources)), frozenset(networks(destinations)))
        for row, sources, destinations in rows
    }
    assert {rule[1:] for rule in found} == wanted
    for direction in ("Inbound", "Outbound"):
        priorities = [rule["priority"] for rule in options["rules"] if rule["direction"] == direction]
        assert len(set(priorities)) == len(priorities)
    assert len({rule["name"] for rule in options["rules"]}) == len(options["rules"])


@pytest.mark.parametrize("name", REQUESTS)
def test_gcp_keeps_to_its_limits(name: str) -> None:
    asked = tasks("gcp", REQUESTS[name]())
    assert len({options["name"] for options in asked}) == len(asked)
    for options in asked:
        assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", options["name"])
        assert (
            len(
                {
                    network[0]
                    for network in networks(options.get("source_ranges") or options["destination_ranges"])
                }
            )
            == 1
        )
        assert ("source_ranges" in options) == (options["direction"] == "INGRESS")


@pytest.mark.parametrize("name", REQUESTS)
def test_aws_gives_a_new_group_no_way_out_but_ours(name: str) -> None:
    for options in tasks("aws", REQUESTS[name]()):
        assert "rules_egress" in options
        for rule in (*options["rules"], *options["rules_egress"]):
            assert re.fullmatch(r"[A-Za-z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}", rule["rule_desc"])
            assert rule["proto"] in ("tcp", "udp")
