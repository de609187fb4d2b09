# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups for amazon.aws.ec2_security_group: one for each set of hosts with equal rules."""

from __future__ import annotations

import typing as t

from ..host_rules import HostGroup, host_groups
from ..lines import Names, Request, Row, plain, with_length
from ..playbook import playbook
from ..yaml import Template

NAME, SUFFIX = "aws", "yml"
_LONGEST_NAME = 255
_HINTS = (
    "Set exasol_aws_vpc_id. Attach each group to the interfaces of the hosts that its task names.",
    (
        "A group has room for 60 rules in each direction by default, one for each network: raise the quota "
        "where "
        "more are needed."
    ),
)


def render(request: Request) -> str:
    """Return a playbook with a task for each group."""
    names = Names(request, _LONGEST_NAME)
    tasks = [
        {
            "name": f"Security group of {plain(request.label(group.hosts))}",
            "amazon.aws.ec2_security_group": _group(group, names),
        }
        for group in host_groups(request)
    ]
    return playbook("Security groups for an Exasol database", request, tasks, _HINTS)


def _group(group: HostGroup, names: Names) -> dict[str, t.Any]:
    return {
        "name": names.of(group.hosts),
        "description": plain(f"Exasol: {', '.join(group.hosts)}"),
        "vpc_id": Template("{{ exasol_aws_vpc_id }}"),
        "rules": [rule for row in group.incoming for rule in _rule(row, 0)],
        # An empty list takes away the rule that permits everything, which a new group has.
        "rules_egress": [rule for row in group.outgoing for rule in _rule(row, 1)],
    }


def _rule(row: Row, end: int) -> list[dict[str, t.Any]]:
    networks = {
        version: [with_length(network) for network in ends[end]] for version, *ends in row.by_family()
    }
    if not networks:
        return []
    rule: dict[str, t.Any] = {"proto": "all" if row.protocol == "any" else row.protocol}
    if row.port_list:
        rule["ports"] = row.port_list
    for version, option in ((4, "cidr_ip"), (6, "cidr_ipv6")):
        if version in networks:
            rule[option] = networks[version]
    return [{**rule, "rule_desc": plain(row.reason)}]
