# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host has to know of a plan: its own part, and of the listeners those that it probes.

The plan and the listeners of a site grow with the square of its hosts if each host gets all of them. And a
host that is not trusted need not learn where others listen.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._listener.endpoints import WILDCARDS
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.ports import Ports

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, PortsAt, ProbeFlow

_Asked = dict[tuple[str, str], tuple[set[str], set[str]]]  # (destination, protocol) -> addresses, ports


def own_addresses(host: HostPlan) -> list[str]:
    """Return all addresses of a host, also external ones."""
    return [*host["addresses"], *host["external"]]


def remotes_of(host: HostPlan) -> list[str]:
    """Return the addresses of those who connect to a host, each once."""
    incoming = (rule["addresses"] for rule in host["rules"] if rule["direction"] == "in")
    return list(dict.fromkeys(address for addresses in incoming for address in addresses))


def listening_for(
    flows: Sequence[ProbeFlow], listening: Mapping[str, Sequence[PortsAt]]
) -> dict[str, list[PortsAt]]:
    """Return where the listeners answer that a probe of these flows may meet, at the ports that it probes.

    A DNS name of a connection string (C(member)) may lead to any host of the plan, so a probe of one needs
    the listeners of all hosts, at the ports of such names. The probe has one target for all flows to a name,
    so these are also the ports of other flows to a host that the inventory calls so.
    """
    asked: _Asked = {}
    members: set[tuple[str, str]] = set()
    for flow in flows:
        for name, addresses in flow["destinations"].items():
            places, ports = asked.setdefault((name, flow["protocol"]), (set(), set()))
            places.update(addresses)
            ports.add(flow["ports"])
            if flow.get("member"):
                members.add((name, flow["protocol"]))
    of_members: dict[str, set[str]] = {}
    for name, protocol in members:
        of_members.setdefault(protocol, set()).update(asked[name, protocol][1])
    found: dict[str, list[PortsAt]] = {}
    for name in listening if of_members else dict.fromkeys(name for name, _protocol in asked):
        entries = [
            entry
            for one in listening.get(name, ())
            for entry in _needed(one, asked.get((name, one["protocol"])), of_members.get(one["protocol"]))
        ]
        if entries:
            found[name] = entries
    return found


def _needed(
    entry: PortsAt, asked: tuple[set[str], set[str]] | None, of_members: set[str] | None
) -> Iterable[PortsAt]:
    """Yield the part of an entry that a probe may meet, if there is any."""
    wanted: set[str] = set(of_members or ())
    address = entry["address"]
    if asked and (address in WILDCARDS or address in map(_canonical, asked[0])):
        wanted |= asked[1]
    ports = _shared(entry["ports"], frozenset(wanted)) if wanted else ""
    if ports:
        yield {"address": address, "protocol": entry["protocol"], "ports": ports}


@functools.lru_cache(maxsize=4096)
def _canonical(address: str) -> str:
    return str(parse_address(address) or address)


@functools.lru_cache(maxsize=4096)
def _shared(ports: str, wanted: frozenset[str]) -> str:
    """Return those of some ports that are wanted."""
    return str(Ports.parse(ports) & Ports.union(map(Ports.parse, wanted)))
