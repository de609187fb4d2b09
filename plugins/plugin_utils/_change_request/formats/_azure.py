# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules for azure.azcollection.azure_rm_securitygroup: for each row, one into and one out of a subnet."""

from __future__ import annotations

from ....module_utils._values.errors import NetworkError
from ..._access.rows import Row
from ..lines import Names, Request, plain
from ..playbook import playbook
from ..yaml import Template

NAME, SUFFIX = "azure", "yml"
_MAX_NAME, _MAX_DESCRIPTION = 80, 140
_ENDS = {"Inbound": "in", "Outbound": "out"}
_FIRST_PRIORITY, _LAST_PRIORITY = 1000, 4096
_HINTS = (
    (
        "Set exasol_azure_resource_group and exasol_azure_security_group. Other rules of the group stay; "
        "their priorities must differ from these."
    ),
)


def render(request: Request) -> str:
    """Return a playbook with one task; in Azure, a rule is for one version of IP."""
    names = Names(request, _MAX_NAME)
    rules = [rule for direction in _ENDS for rule in _rules(request, names, direction)]
    options = {
        "resource_group": Template("{{ exasol_azure_resource_group }}"),
        "name": Template("{{ exasol_azure_security_group }}"),
        "rules": rules,
    }
    tasks: list[dict[str, object]] = (
        [
            {
                "name": "Rules of the network security group",
                "azure.azcollection.azure_rm_securitygroup": options,
            }
        ]
        if rules
        else []
    )
    return playbook("Network security group for an Exasol database", request, tasks, _HINTS)


def _rules(request: Request, names: Names, direction: str) -> list[dict[str, object]]:
    managed = set(request.managed)
    rules: list[dict[str, object]] = []
    for row in request.rows:
        hosts = row.destinations if direction == "Inbound" else row.sources
        if managed.isdisjoint(hosts):
            continue
        for version, sources, destinations in row.by_family():
            name = names.of(hosts, _ENDS[direction], f"ipv{version}")
            rules.append(_rule(name, row, direction, sources, destinations))
    if len(rules) > _LAST_PRIORITY - _FIRST_PRIORITY + 1:
        raise NetworkError(
            f"the change request has {len(rules)} rules, and a network security group has room for "
            f"{_LAST_PRIORITY - _FIRST_PRIORITY + 1} in each direction: render a smaller plan"
        )
    return [{**rule, "priority": _FIRST_PRIORITY + index} for index, rule in enumerate(rules)]


def _rule(
    name: str, row: Row, direction: str, sources: list[str], destinations: list[str]
) -> dict[str, object]:
    return {
        "name": name,
        "description": plain(row.reason, _MAX_DESCRIPTION),
        "protocol": "*" if row.protocol == "any" else row.protocol.capitalize(),
        "source_address_prefix": sources,
        "destination_address_prefix": destinations,
        "destination_port_range": row.port_list or "*",
        "access": "Allow",
        "direction": direction,
    }
