# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Security groups for amazon.aws.ec2_security_group: one for each set of hosts with equal rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._access.rows import Row
from ..host_rules import HostGroup, host_groups
from ..lines import Names, Request, plain, with_length
from ..playbook import playbook
from ..yaml import Template

NAME, SUFFIX = "aws", "yml"
_MAX_NAME = 255
_HINTS = (
    "Set exasol_aws_vpc_id. Attach each group to the interfaces of the hosts that its task names.",
    (
        "By default, a group has room for 60 rules in each direction, one for each network: raise the quota "
        "if you need more."
    ),
)


def render(request: Request) -> str:
    """Return a playbook with a task for each group."""
    names = Names(request, _MAX_NAME)
    tasks: list[dict[str, object]] = [
        {
            "name": f"Security group of {plain(request.label(group.hosts))}",
            "amazon.aws.ec2_security_group": _group(group, names),
        }
        for group in host_groups(request)
    ]
    return playbook("Security groups for an Exasol database", request, tasks, _HINTS)


def _group(group: HostGroup, names: Names) -> dict[str, object]:
    incoming = [_rule(row, row.by_source()) for row in group.incoming]
    outgoing = [_rule(row, row.by_destination()) for row in group.outgoing]
    return {
        "name": names.of(group.hosts),
        "description": plain(f"Exasol: {', '.join(group.hosts)}"),
        "vpc_id": Template("{{ exasol_aws_vpc_id }}"),
        "rules": incoming,
        # An empty list removes the rule of a new group that allows everything.
        "rules_egress": outgoing,
    }


def _rule(row: Row, far_networks: Mapping[int, Sequence[str]]) -> dict[str, object]:
    rule: dict[str, object] = {"proto": "all" if row.protocol == "any" else row.protocol}
    if row.port_list:
        rule["ports"] = row.port_list
    for version, option in ((4, "cidr_ip"), (6, "cidr_ipv6")):
        if version in far_networks:
            rule[option] = [with_length(network) for network in far_networks[version]]
    return {**rule, "rule_desc": plain(row.reason)}
