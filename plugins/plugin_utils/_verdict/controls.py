# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Positive controls: who reached the ports that others must not reach, and who may."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._probe.outcome import CLOSED, LOCAL, OPEN
from ...module_utils._values.ports import Ports
from .case import Case
from .verdict import OK

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Result

# Who may use which ports of a destination at which addresses, by destination and protocol.
Entitled = dict[tuple[str, str], list[tuple[str, Ports, list[str]]]]


class Controls:
    """Who reached which ports because it may: silence means little if nobody gets through.

    Many ports of an external address are for nobody, so nobody can show that they work there. If another port
    works at that address, and the port itself on the private network, both together show it.

    Silence means as little if the source itself is cut off from the network, so also who exchanged any packet
    with another host is known.
    """

    def __init__(self, found: Iterable[Result | Case], hosts: Mapping[str, HostPlan]):
        """Make it from all results of flows that must work, and the cases of those that must not."""
        self._hosts = hosts
        self._alive: set[str] = set()
        self._reached: dict[tuple[str, str, str], dict[str, Ports]] = {}
        for one in found:
            if isinstance(one, Case):
                self._add_living(one.source, one.state, one.observed.get("reason_ip", ""))
                continue
            result = one
            self._add_living(result["source"], result["state"], result.get("reason_ip", ""))
            if result["expected"] == REACHABLE and result["verdict"] == OK and result["state"] == "open":
                self._alive.add(result["destination"])
                key = (result["destination"], result["address"], result["protocol"])
                by_source = self._reached.setdefault(key, {})
                by_source[result["source"]] = by_source.get(result["source"], Ports()) | Ports.parse(
                    result["ports"]
                )

    def _add_living(self, source: str, state: str, sender: str) -> None:
        if state in (OPEN, CLOSED) or sender not in ("", LOCAL):
            self._alive.add(source)

    def parts(self, case: Case) -> Iterator[Case]:
        """Yield the case, split by who reached its ports; the part that nobody reached has no control."""
        case = case._replace(is_source_mute=case.source not in self._alive)
        rest = Ports.parse(case.ports)
        for source, ports in self._reached.get((case.destination, case.address, case.protocol), {}).items():
            # A host that must not reach a port proves nothing of it, though another row may let it through.
            shared = rest & ports if source != case.source else Ports()
            if shared:
                yield case._replace(ports=str(shared), control=source)
                rest -= shared
        if rest and case.is_external and (case.destination, case.address, case.protocol) in self._reached:
            for address in self._hosts[case.destination]["addresses"]:
                private = self._reached.get((case.destination, address, case.protocol), {})
                for source, ports in private.items():
                    shared = rest & ports if source != case.source else Ports()
                    if shared:
                        yield case._replace(ports=str(shared), control=source, control_at=address)
                        rest -= shared
        if rest:
            yield case._replace(ports=str(rest))


def entitled_hosts(hosts: Mapping[str, HostPlan]) -> Entitled:
    """Return who may use which ports of a destination at which addresses, by destination and protocol."""
    found: Entitled = {}
    for name, host in hosts.items():
        for entry in host["probes"]:
            if entry["expected"] != REACHABLE:
                continue
            for destination, addresses in entry["destinations"].items():
                key = (destination, entry["protocol"])
                found.setdefault(key, []).append((name, Ports.parse(entry["ports"]), addresses))
    return found
