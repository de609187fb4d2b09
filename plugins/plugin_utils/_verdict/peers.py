# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of its hosts, by peer and by network."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan


def hosts_by_peer(hosts: Mapping[str, HostPlan]) -> dict[str, list[str]]:
    """Return the hosts of each peer, from the hosts of a plan."""
    members: dict[str, list[str]] = {}
    for name, host in hosts.items():
        for peer in host["peers"]:
            members.setdefault(peer, []).append(name)
    return members


def private_addresses(hosts: Mapping[str, HostPlan]) -> set[str]:
    """Return the addresses that only nodes of a host's own cluster use, as it has external ones too."""
    private: set[str] = set()
    for host in hosts.values():
        if host.get("external"):
            private |= {*host["addresses"]} - {*host["external"]}
    return private
