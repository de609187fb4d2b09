# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what travels between the parts: plan, observations, results.

They are declarations for readers and type checkers. Import them under C(TYPE_CHECKING) only: Python 3.6 and 3.7 of
managed nodes have no TypedDict. Ports are text here, such as C(20000-21000), because everything that travels is JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Dict, List, TypedDict

    # The plan (_plan/plan.py).

    class ProbeFlow(TypedDict):
        """The flows of one service that start at one host."""

        service: str
        protocol: str
        ports: str
        expected: str  # "reachable" or "denied"
        destinations: Dict[str, List[str]]  # name -> addresses

    class Endpoint(TypedDict):
        """Where a host listens for the probes of others."""

        address: str
        protocol: str
        ports: str

    class HostRule(TypedDict):
        """What a host's firewall must let in or out; without addresses, ports that nobody may use."""

        direction: str  # "in" or "out"
        protocol: str
        ports: str  # "any" with protocol "any"
        addresses: List[str]
        services: List[str]

    class HostPlan(TypedDict):
        """What one managed host has to do."""

        peers: List[str]
        addresses: List[str]
        probes: List[ProbeFlow]
        endpoints: List[Endpoint]
        rules: List[HostRule]

    class Untestable(TypedDict):
        """Flows that no probe can measure: every source with every destination."""

        service: str
        protocol: str
        ports: str
        sources: List[str]
        destinations: List[str]
        reason: str

    class NotCovered(TypedDict):
        """A row of the port table without a flow in the plan."""

        service: str
        protocol: str
        ports: str
        need: str
        cause: str  # a code of _plan/coverage.py
        peers: List[str]
        reason: str

    class Plan(TypedDict):
        """What make_plan returns."""

        release: str
        unassigned: List[str]
        untestable: List[Untestable]
        not_covered: List[NotCovered]
        notes: List[str]
        hosts: Dict[str, HostPlan]

    class PlannedRun(Plan):
        """A plan as the action returns it, with the name of its run."""

        flows: int
        run: str

    # What hosts return (modules listener and probe).

    # What is concluded from both (action verdict).
