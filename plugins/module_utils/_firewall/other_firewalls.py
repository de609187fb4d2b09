# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other chains on the way of a packet.

It has to pass all of them, and an accept of ours in one saves it from no drop in another.

Looked at is every base chain of nftables and of both variants of iptables that a packet meets between the
interface and the socket, at whatever hook, priority and type, other than those that the provider opens
itself.
"""

from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

from . import chains as _chains
from . import iptables, nft_chains, nftables, saved_chains, xtables
from .listing import Listing
from .rule import ACCEPT, CONTROLLER, IN, OUT, Rule, Rules
from .steps import FirewallError, which

# Which chains a provider opens or, as firewalld, manages altogether; ufw writes iptables.
_OWNERS = {"firewalld": "firewalld", "ufw": "iptables", "iptables": "iptables", "nftables": "nftables"}
_OPENED = {"input": "filter", "output": "filter"}  # hook and type of the chains that providers open


class Barrier(NamedTuple):
    """A base chain that drops planned traffic."""

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
    groups = list(_groups(provider, listing or Listing(), others=True))
    wanted = _chains.traffic(
        opened, links=sum(len(chain.links) for group in groups for chain in group.chains.values())
    )
    return [barrier for group in groups for barrier in _of_group(group, wanted)]


def _of_group(group: _Group, wanted: List[_chains.Traffic]) -> Iterator[Barrier]:
    bases = {
        name: chain if name in group.looked_at else chain._replace(hook="")
        for name, chain in group.chains.items()
    }
    # A policy is for the packets that come to the chain: those of the other IP version never do.
    seen = [piece for piece in wanted if group.place.split()[0] != nftables.FAMILIES[10 - piece.version]]
    for name, (everything, what) in sorted(_chains.chains_that_drop(bases, seen).items()):
        yield Barrier(owner=group.owner, place=f"{group.place} {name}", everything=everything, what=what)


def unanswered(provider: str, plan: Rules, after: Rules, listing: Optional[Listing] = None) -> List[Barrier]:
    """Return the chains that the provider opens and that drop the answers to planned traffic.

    Where rules of ours stand in a chain, the first of them accepts answers. Where none is needed, the host's
    own rules have to. firewalld and ufw bring such rules along.
    """
    permitted = {(rule.direction, rule.version) for rule in after if rule.action == ACCEPT}
    # Large rule sets take their time, and on most hosts every chain that matters holds rules of ours.
    plan = tuple(rule for rule in plan if ({IN: OUT, OUT: IN}[rule.direction], rule.version) not in permitted)
    if provider not in (nftables.NAME, iptables.NAME) or not plan:
        return []
    groups = [_without_ours(group, after) for group in _groups(provider, listing or Listing(), others=False)]
    wanted = _chains.traffic(
        plan, links=sum(len(chain.links) for group in groups for chain in group.chains.values())
    )
    answers = [piece for piece in wanted if piece.reply]
    return [barrier for group in groups for barrier in _of_group(group, answers) if barrier.everything]


def _without_ours(group: _Group, after: Rules) -> _Group:
    """Return a group without the base chains in which our rules will stand, and with nothing in our chains.

    They may go.
    """
    hooks = {nftables.HOOKS[rule.direction] for rule in after if _stands_in(rule, group)}
    ours = (*nftables.CHAINS.values(), *iptables.CHAINS.values())
    chains = {
        name: chain._replace(links=()) if name in ours else chain for name, chain in group.chains.items()
    }
    return group._replace(
        chains=chains, looked_at=[name for name in group.looked_at if chains[name].hook not in hooks]
    )


def _stands_in(rule: Rule, group: _Group) -> bool:
    # nftables' refusals stand in a table of our own.
    in_family = group.place.split()[0] in (nftables.FAMILIES[rule.version], "inet")
    return in_family and (rule.action == ACCEPT or group.owner == iptables.NAME)


def _groups(provider: str, listing: Listing, others: bool) -> Iterator[_Group]:
    """Yield the groups whose base chains the provider does not open, or those whose base chains it opens."""
    found = _ruleset(provider, listing)
    if found is not None:
        yield from _of_nft(provider, found, others)
    for variant, version, text in listing.texts():
        yield from _of_text(provider, variant, version, text, found, others)


def _ruleset(provider: str, listing: Listing) -> "Optional[nftables.Ruleset]":
    try:
        return listing.ruleset() if which("nft") else None
    except FirewallError:
        if provider == nftables.NAME:
            raise
        return None  # an old nft without JSON: nobody can tell


def _of_nft(provider: str, found: "nftables.Ruleset", others: bool) -> Iterator[_Group]:
    for family, table in found.tables():
        if family not in ("ip", "ip6", "inet", "netdev") or table == nftables.TABLE:
            continue
        chains = found.chains_of(family, table)
        owners = {chain["name"]: found.owner(chain) for chain in chains if "hook" in chain}
        if found.is_read_by_iptables(family, table) and "iptables" in owners.values():
            continue  # its text says more
        looked_at = [
            chain["name"]
            for chain in chains
            if "hook" in chain and _is_opened(provider, owners[chain["name"]], chain) != others
        ]
        owner = next((owners[name] for name in looked_at), "")
        if looked_at:
            yield _Group(
                owner=owner,
                place=f"{family} {table}",
                looked_at=looked_at,
                chains=nft_chains.chains(family, chains, found.rules_of(family, table)),
            )


def _is_opened(provider: str, owner: str, chain: Dict[str, Any]) -> bool:
    if provider == "firewalld" and owner == "firewalld":
        return True
    return (
        owner == _OWNERS.get(provider)
        and _OPENED.get(chain["hook"]) == chain.get("type")
        and chain["family"] != "netdev"
    )


def _of_text(
    provider: str, variant: str, version: int, text: str, found: "Optional[nftables.Ruleset]", others: bool
) -> Iterator[_Group]:
    owner = "firewalld" if xtables.is_firewallds(text) else variant
    if provider == owner == "firewalld":
        return
    family = nftables.FAMILIES[version]
    for table, chains in saved_chains.tables(text, version):
        is_nfts = (
            variant in ("iptables", "iptables-nft") and found is not None and found.is_handmade(family, table)
        )
        opened = _OWNERS.get(provider) == variant and table == "filter"
        looked_at = [
            name
            for name, chain in chains.items()
            if chain.hook and (opened and chain.hook in _OPENED) != others
        ]
        if looked_at and not is_nfts:
            yield _Group(owner=owner, place=f"{family} {table}", chains=chains, looked_at=looked_at)


def refuses(found: "nftables.Ruleset", chain: Dict[str, Any]) -> bool:
    """Tell whether a base chain stops whatever it does not permit itself.

    By its policy, or by a rule without a condition.
    """
    rules = found.rules(chain["family"], chain["table"], chain["name"])
    return chain.get("policy") == "drop" or any(_unconditional(rule) for rule in rules)


def _unconditional(rule: Dict[str, Any]) -> bool:
    words = {nftables.statement(expression) for expression in rule.get("expr", [])}
    return bool(words & {"drop", "reject"}) and words <= {"drop", "reject", "counter", "log"}


def check(provider: str, found: List[Barrier]) -> None:
    """Raise where a chain that is not opened drops everything that it does not permit itself."""
    refusing = [barrier for barrier in found if barrier.everything]
    if not refusing:
        return
    first = refusing[0]
    places = " and ".join(barrier.place for barrier in refusing)
    if not provider:
        raise FirewallError(
            f"no firewall that can be opened runs on this host, but {first.owner} drops {first.what} in its "
            f"chain {places}, as everything that it does not permit "
            "itself: permit the service ports there, or remove that chain"
        )
    if first.owner != _OWNERS.get(provider):
        where = f"{first.owner} beside it drops it, in its chain {places}, as everything that it does not permit itself"
    else:
        where = (
            f"the chain {places} of the same firewall drops it, as everything that it does not permit itself"
        )
    remedy = "permit the service ports there too" + (
        "" if first.owner == _OWNERS.get(provider) else ", or stop one of the two"
    )
    raise FirewallError(f"{provider} would permit {first.what}, but {where}: {remedy}")


def notes(provider: str, found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that stop some packets."""
    text = "{0} drops packets of its own choice in its chain {1}: what {2} permits may still end there ({3})"
    return [
        text.format(barrier.owner, barrier.place, provider or "the plan", barrier.what)
        for barrier in found
        if not barrier.everything
    ]


_REMEDIES = {
    nftables.NAME: "nft insert rule {0} ct state established accept",
    iptables.NAME: "{1} -I {0} -m conntrack --ctstate ESTABLISHED -j ACCEPT",
}


def notes_of_answers(provider: str, found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that drop the answers to planned traffic."""
    text = (
        "{0} accepts no established connections in its chain {1}, so the answers to planned traffic are "
        "dropped there ({2}): run '{3}', "
        "and add the same rule to the rules that the host loads at boot"
    )
    return [
        text.format(provider, barrier.place, barrier.what, _remedy(provider, barrier)) for barrier in found
    ]


def _remedy(provider: str, barrier: Barrier) -> str:
    family, unused, chain = barrier.place.split()
    where = barrier.place if provider == nftables.NAME else chain
    return _REMEDIES[provider].format(where, "ip6tables" if family == "ip6" else "iptables")
