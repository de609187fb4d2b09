# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other firewalls on the same host: a packet has to pass all of them, and an accept of ours in one saves it from no drop in another."""

from typing import Any, Dict, Iterator, List, NamedTuple, Set

from . import _nftables, _xtables
from ._rule import ACCEPT, IN, OUT, Rules
from ._steps import FirewallError, which

# Which tables a provider's rules stand in; ufw writes iptables.
_OWNERS = {"firewalld": "firewalld", "ufw": "iptables", "iptables": "iptables", "nftables": "nftables"}
_DIRECTIONS = {"input": IN, "output": OUT}


class Barrier(NamedTuple):
    """A base chain of another firewall that stops packets."""

    owner: str
    place: str  # family, table and chain as nft writes them
    everything: bool  # whatever it does not permit itself, not only packets of some kind


def barriers(provider: str, rules: Rules) -> List[Barrier]:
    """Return the chains of others that may stop what the rules let in or out."""
    directions = {rule.direction for rule in rules if rule.action == ACCEPT}
    others = list(_of_other_variant(directions)) if directions else []
    try:
        return others + (list(_barriers(_nftables.ruleset(), _OWNERS[provider], directions)) if which("nft") else [])
    except FirewallError:
        if provider == _nftables.NAME:
            raise
        return others  # an old nft without JSON: nobody can tell


def _of_other_variant(directions: Set[str]) -> Iterator[Barrier]:
    # The kernel asks both variants of iptables; nft sees nothing of the legacy one.
    variant = _xtables.other_variant()
    for saved in _xtables.saved_by(variant) if variant else ():
        for base, direction in (("INPUT", IN), ("OUTPUT", OUT)):
            something, everything = _xtables.stops(saved, base)
            if direction in directions and something:
                yield Barrier(variant, "filter {0}".format(base), everything)


def _barriers(found: "_nftables.Ruleset", own: str, directions: Set[str]) -> Iterator[Barrier]:
    for chain in found.base_chains():
        family, table, name = chain["family"], chain["table"], chain["name"]
        owner = found.owner(family, table)
        if _DIRECTIONS[chain["hook"]] in directions and owner != own and table != _nftables.TABLE and found.stops(chain):
            yield Barrier(owner, "{0} {1} {2}".format(family, table, name), refuses(found, chain))


def refuses(found: "_nftables.Ruleset", chain: Dict[str, Any]) -> bool:
    """Tell whether a base chain stops whatever it does not permit itself: by its policy, or by a rule without a condition."""
    rules = found.rules(chain["family"], chain["table"], chain["name"])
    return chain.get("policy") == "drop" or any(_unconditional(rule) for rule in rules)


def _unconditional(rule: Dict[str, Any]) -> bool:
    words = {_nftables.statement(expression) for expression in rule.get("expr", [])}
    return bool(words & {"drop", "reject"}) and words <= {"drop", "reject", "counter", "log"}


def check(provider: str, found: List[Barrier]) -> None:
    """Raise where another firewall stops everything that it does not permit itself."""
    refusing = [barrier for barrier in found if barrier.everything]
    if refusing:
        raise FirewallError("{0} would permit, but {1} beside it stops what it does not permit itself, in its chain {2}: stop one of the two, or permit the "
                            "service ports there too".format(provider, refusing[0].owner, " and ".join(barrier.place for barrier in refusing)))


def notes(provider: str, found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that stop some packets."""
    text = "{0} beside {1} stops packets of its own choice in its chain {2}: what {1} permits may still end there"
    return [text.format(barrier.owner, provider, barrier.place) for barrier in found if not barrier.everything]
