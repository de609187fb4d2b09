# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Firewall rules for google.cloud.gcp_compute_firewall: one for each row, direction and version of IP."""

from __future__ import annotations

from ..._access.rows import Row
from ..host_rules import host_groups
from ..lines import Names, Request, plain, with_length
from ..playbook import playbook
from ..yaml import Template

NAME, SUFFIX = "gcp", "yml"
_MAX_NAME = 63
_HINTS = (
    (
        "Set exasol_gcp_project and exasol_gcp_network (selfLink). Give each host the network tag of its "
        "rules (target_tags)."
    ),
)
_Networks = tuple[int, list[str], list[str]]  # version of IP, sources, destinations


def render(request: Request) -> str:
    """Return a playbook with a task for each rule."""
    tags, names = Names(request, _MAX_NAME), Names(request, _MAX_NAME)
    tasks: list[dict[str, object]] = []
    for group in host_groups(request):
        tag = tags.of(group.hosts)
        hosts = request.label(group.hosts)
        for direction, rows in (("INGRESS", group.incoming), ("EGRESS", group.outgoing)):
            for row in rows:
                for networks in row.by_family():
                    name = names.of(group.hosts, direction.lower(), f"ipv{networks[0]}")
                    tasks.append(
                        {
                            "name": f"Firewall rule {name} of {plain(hosts)}",
                            "google.cloud.gcp_compute_firewall": _rule(
                                name=name, tag=tag, row=row, direction=direction, networks=networks
                            ),
                        }
                    )
    return playbook("Firewall rules for an Exasol database", request, tasks, _HINTS)


def _rule(name: str, tag: str, row: Row, direction: str, networks: _Networks) -> dict[str, object]:
    _version, sources, destinations = networks
    allowed: dict[str, object] = {"ip_protocol": "all" if row.protocol == "any" else row.protocol}
    if row.port_list:
        allowed["ports"] = row.port_list
    # The module accepts the far end alone; the near end are the hosts with the tag.
    is_incoming = direction == "INGRESS"
    option, far_end = ("source_ranges", sources) if is_incoming else ("destination_ranges", destinations)
    return {
        "name": name,
        "description": plain(row.reason),
        "project": Template("{{ exasol_gcp_project }}"),
        "auth_kind": Template("{{ exasol_gcp_auth_kind | default('application') }}"),
        "network": {"selfLink": Template("{{ exasol_gcp_network | default('global/networks/default') }}")},
        "direction": direction,
        option: [with_length(network) for network in far_end],
        "allowed": [allowed],
        "target_tags": [tag],
    }
