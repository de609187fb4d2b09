# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of a host's addresses others use: those on the private network of its cluster, or the external ones.

Two database nodes of one cluster use their C(addresses), whatever row of the table they use. All others use
the C(external) addresses of a host, if it has any. The same is true of the addresses that a host comes from.
"""

from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from .flows import NODE, Party

if TYPE_CHECKING:
    from .._shapes import HostPlan, Verification


class Networks:
    """The addresses of all managed hosts, as another host sees them.

    Whoever is not managed has its name as its only address.
    """

    def __init__(self, parties: Iterable[Party]):
        self._parties = {party.name: party for party in parties}
        # Most sites have one network, and then no pair of hosts has to be looked at.
        self._has_external = any(party.external for party in self._parties.values())

    def _party(self, name: str) -> Party:
        return self._parties.get(name) or Party(name, (name,))

    def addresses(self, name: str, other: str) -> Sequence[str]:
        """Return the addresses at which another host reaches this one, and sees it come from."""
        party = self._party(name)
        return party.reached_from(self._party(other)) if self._has_external else party.addresses

    def own_addresses(self, name: str) -> Sequence[str]:
        """Return the addresses of a host on the private network of its cluster, or its only ones."""
        return self._party(name).addresses

    def uses_external(self, name: str, other: str) -> bool:
        """Tell whether another host reaches this one at external addresses, and sees it come from there."""
        if not self._has_external:
            return False
        return bool(self._party(name).external) and not self.are_together(name, other)

    def are_together(self, one: str, other: str) -> bool:
        """Tell whether two hosts are nodes of one cluster."""
        return self._party(one).is_together_with(self._party(other))


def networks_of(hosts: "Mapping[str, HostPlan]") -> Networks:
    """Return the networks of the hosts of a plan."""
    return Networks(
        Party(
            name,
            addresses=tuple(host["addresses"]),
            external=tuple(host.get("external", ())),
            cluster=host.get("cluster", ""),
            is_node=NODE in host["peers"],
        )
        for name, host in hosts.items()
    )


def networks_of_report(verification: "Verification") -> Networks:
    """Return the networks of the hosts of a verification; an older one knows one network only."""
    external = verification.get("external", {})
    clusters = verification.get("clusters", {})
    nodes = set(verification["peers"].get(NODE, ()))
    return Networks(
        Party(
            name,
            addresses=tuple(addresses),
            external=tuple(external.get(name, ())),
            cluster=clusters.get(name, ""),
            is_node=name in nodes,
        )
        for name, addresses in verification.get("addresses", {}).items()
    )
