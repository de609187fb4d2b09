# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other chains on the way of a packet: it has to pass all of them, and an accept of ours in one saves it from no drop in another.

Looked at is every base chain of nftables and of both variants of iptables that a packet meets between the interface and
the socket, at whatever hook, priority and type, other than those that the provider opens itself.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from . import _chains, _nft_chains, _nftables, _saved_chains, _xtables
from ._listing import Listing
from ._rule import ACCEPT, CONTROLLER, Rules
from ._steps import FirewallError, which

# Which chains a provider opens or, as firewalld, manages altogether; ufw writes iptables.
_OWNERS = {"firewalld": "firewalld", "ufw": "iptables", "iptables": "iptables", "nftables": "nftables"}
_OPENED = {"input": "filter", "output": "filter"}  # hook and type of the chains that providers open


class Barrier(NamedTuple):
    """A base chain that the provider does not open and that drops planned traffic."""

    owner: str
    place: str  # family, table and chain as nft writes them
    everything: bool  # whatever it does not permit itself, not only packets of some kind
    what: str = ""  # the first planned traffic that it drops


class _Group(NamedTuple):
    """The chains of one table, and the base chains among them that are looked at."""

    owner: str
    place: str
    chains: Dict[str, _chains.Chain]
    looked_at: Sequence[str]


def barriers(provider: str, rules: Rules, listing: Optional[Listing] = None) -> List[Barrier]:
    """Return the chains that drop what the rules open; the provider is empty where no firewall runs."""
    opened = [rule for rule in rules if rule.action == ACCEPT and CONTROLLER not in rule.services]
    if not opened:
        return []
    groups = list(_groups(provider, listing or Listing()))
    wanted = _chains.traffic(opened, links=sum(len(chain.links) for group in groups for chain in group.chains.values()))
    return [barrier for group in groups for barrier in _of_group(group, wanted)]


def _of_group(group: _Group, wanted: List[_chains.Traffic]) -> Iterator[Barrier]:
    bases = {name: chain if name in group.looked_at else chain._replace(hook="") for name, chain in group.chains.items()}
    for name, (everything, what) in sorted(_chains.chains_that_drop(bases, wanted).items()):
        yield Barrier(owner=group.owner, place="{0} {1}".format(group.place, name), everything=everything, what=what)


def _groups(provider: str, listing: Listing) -> Iterator[_Group]:
    found = _ruleset(provider, listing)
    if found is not None:
        yield from _of_nft(provider, found)
    for variant, version, text in listing.texts():
        yield from _of_text(provider, variant, version, text, found)


def _ruleset(provider: str, listing: Listing) -> "Optional[_nftables.Ruleset]":
    try:
        return listing.ruleset() if which("nft") else None
    except FirewallError:
        if provider == _nftables.NAME:
            raise
        return None  # an old nft without JSON: nobody can tell


def _of_nft(provider: str, found: "_nftables.Ruleset") -> Iterator[_Group]:
    for family, table in found.tables():
        if family not in ("ip", "ip6", "inet", "netdev") or table == _nftables.TABLE:
            continue
        chains = found.chains_of(family, table)
        owners = {chain["name"]: found.owner(chain) for chain in chains if "hook" in chain}
        if found.is_read_by_iptables(family, table) and "iptables" in owners.values():
            continue  # its text says more
        looked_at = [chain["name"] for chain in chains if "hook" in chain and not _is_opened(provider, owners[chain["name"]], chain)]
        owner = next((owners[name] for name in looked_at), "")
        if looked_at:
            yield _Group(owner=owner, place="{0} {1}".format(family, table), looked_at=looked_at,
                         chains=_nft_chains.chains(family, chains, found.rules_of(family, table)))


def _is_opened(provider: str, owner: str, chain: Dict[str, Any]) -> bool:
    if provider == "firewalld" and owner == "firewalld":
        return True
    return owner == _OWNERS.get(provider) and _OPENED.get(chain["hook"]) == chain.get("type") and chain["family"] != "netdev"


def _of_text(provider: str, variant: str, version: int, text: str, found: "Optional[_nftables.Ruleset]") -> Iterator[_Group]:
    owner = "firewalld" if _xtables.is_firewallds(text) else variant
    if provider == owner == "firewalld":
        return
    family = _nftables.FAMILIES[version]
    for table, chains in _saved_chains.tables(text, version):
        is_nfts = variant in ("iptables", "iptables-nft") and found is not None and found.is_handmade(family, table)
        opened = _OWNERS.get(provider) == variant and table == "filter"
        looked_at = [name for name, chain in chains.items() if chain.hook and not (opened and chain.hook in _OPENED)]
        if looked_at and not is_nfts:
            yield _Group(owner=owner, place="{0} {1}".format(family, table), chains=chains, looked_at=looked_at)


def refuses(found: "_nftables.Ruleset", chain: Dict[str, Any]) -> bool:
    """Tell whether a base chain stops whatever it does not permit itself: by its policy, or by a rule without a condition."""
    rules = found.rules(chain["family"], chain["table"], chain["name"])
    return chain.get("policy") == "drop" or any(_unconditional(rule) for rule in rules)


def _unconditional(rule: Dict[str, Any]) -> bool:
    words = {_nftables.statement(expression) for expression in rule.get("expr", [])}
    return bool(words & {"drop", "reject"}) and words <= {"drop", "reject", "counter", "log"}


def check(provider: str, found: List[Barrier]) -> None:
    """Raise where a chain that is not opened drops everything that it does not permit itself."""
    refusing = [barrier for barrier in found if barrier.everything]
    if not refusing:
        return
    first = refusing[0]
    places = " and ".join(barrier.place for barrier in refusing)
    if not provider:
        raise FirewallError("no firewall that can be opened runs on this host, but {0} drops {1} in its chain {2}, as everything that it does not permit "
                            "itself: permit the service ports there, or remove that chain".format(first.owner, first.what, places))
    if first.owner != _OWNERS.get(provider):
        where = "{0} beside it drops it, in its chain {1}, as everything that it does not permit itself".format(first.owner, places)
    else:
        where = "the chain {0} of the same firewall drops it, as everything that it does not permit itself".format(places)
    remedy = "permit the service ports there too" + ("" if first.owner == _OWNERS.get(provider) else ", or stop one of the two")
    raise FirewallError("{0} would permit {1}, but {2}: {3}".format(provider, first.what, where, remedy))


def notes(provider: str, found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that stop some packets."""
    text = "{0} drops packets of its own choice in its chain {1}: what {2} permits may still end there ({3})"
    return [text.format(barrier.owner, barrier.place, provider or "the plan", barrier.what) for barrier in found if not barrier.everything]
