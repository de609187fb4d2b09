# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which firewall a host runs: the running one is used as it is, and two at once are refused."""

import re
from typing import List, Optional, Type

from .listing import Listing
from .provider import Provider, several_run
from .providers import PROVIDERS, provider_class
from .ruleset import FAMILIES
from .steps import FirewallError, which
from .xtables import MIXED, SAVE, unreadable

AUTO = "auto"


def choose(choice: str, listing: Optional[Listing] = None) -> Optional[Type[Provider]]:
    """Return the firewall to change, None if none runs; raise if that is not clear."""
    listing = listing or Listing()
    if choice != AUTO:
        return _chosen(provider_class(choice), listing)
    running: List[Type[Provider]] = []
    for firewall in PROVIDERS:
        if firewall.is_installed() and firewall.is_running(listing, beside=tuple(running)):
            running.append(firewall)
    if len(running) > 1:
        raise several_run([firewall.name for firewall in running])
    if running:
        return running[0]
    _refuse_mixed(listing)
    return None


def _chosen(firewall: Type[Provider], listing: Listing) -> Optional[Type[Provider]]:
    if not firewall.is_installed():
        raise FirewallError(
            f"provider {firewall.name} is chosen, but its command {firewall.command} is not installed on "
            "this host: install it, or choose another provider"
        )
    return firewall if not firewall.has_service or firewall.is_running(listing) else None


def _refuse_mixed(listing: Listing) -> None:
    """Raise if iptables made a table that filters, but cannot read it because of rules made with nft."""
    for version, command in SAVE.items():
        if "filter" not in unreadable(listing.saved_if_any(command)):
            continue
        family = FAMILIES[version]
        chains = listing.ruleset().chains_of(family, "filter") if which("nft") else []
        if not chains or any(
            listing.ruleset().owner(chain) == "iptables" for chain in chains if "hook" in chain
        ):
            raise FirewallError(MIXED.format(family))


def published_by_docker(listing: Listing) -> List[int]:
    """Return the ports that Docker publishes: their packets never reach the rules for what comes in."""
    saved = listing.saved_if_any(SAVE[4])
    return sorted({int(port) for port in re.findall(r"-A DOCKER .*--dport (\d+) .*-j DNAT", saved)})
