# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chains of others that a packet passes as well: accepting it in one does not stop another from dropping it.

Every base chain of nftables and of both variants of iptables between the interface and the socket is looked
at, at whatever hook, priority and type, except those that the chosen firewall opens itself.
"""

from typing import TYPE_CHECKING, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Type

from . import chains as _chains
from . import nft_chains, saved_chains, xtables
from .iptables import CHAINS as IPTABLES_CHAINS
from .listing import Listing
from .provider import Provider
from .rule import ACCEPT, CONTROLLER, IN, OUT, Rule, Rules
from .ruleset import CHAINS, FAMILIES, HOOKS, TABLE, Ruleset
from .steps import FirewallError, which

if TYPE_CHECKING:
    from .._shapes import NftChain

Chosen = Optional[Type[Provider]]  # the firewall to change, None if none runs

# Hook and type of the chains that a firewall opens. Apart from these, firewalld manages whole tables.
_OPENED = {"input": "filter", "output": "filter"}


class Barrier(NamedTuple):
    """A base chain that drops planned traffic."""

    owner: str
    chain: _chains.BaseChain
    everything: bool  # that it does not accept, not only packets of some kind
    what: str = ""  # the first planned traffic that it drops


class _Group(NamedTuple):
    """The chains of one table, and the names of the base chains to look at."""

    owner: str
    family: str
    table: str
    chains: Dict[str, _chains.Chain]
    looked_at: Sequence[str]


def barriers(firewall: Chosen, rules: Rules, listing: Optional[Listing] = None) -> List[Barrier]:
    """Return the chains that drop what the rules open."""
    opened = [rule for rule in rules if rule.action == ACCEPT and CONTROLLER not in rule.services]
    if not opened:
        return []
    groups = list(_groups(firewall, listing or Listing(), others=True))
    wanted = _chains.traffic(
        opened, links=sum(len(chain.links) for group in groups for chain in group.chains.values())
    )
    return [barrier for group in groups for barrier in _of_group(group, wanted)]


def _of_group(group: _Group, wanted: List[_chains.Traffic]) -> Iterator[Barrier]:
    bases = _looked_at(group)
    # Packets of the other IP version never reach a chain, so its policy does not drop them.
    seen = [piece for piece in wanted if group.family != FAMILIES[10 - piece.version]]
    for name, (everything, what) in sorted(_chains.chains_that_drop(bases, seen).items()):
        chain = _chains.BaseChain(group.family, group.table, name)
        yield Barrier(owner=group.owner, chain=chain, everything=everything, what=what)


def all_chains(firewall: Chosen, listing: Listing) -> Iterator[Tuple[str, Dict[str, _chains.Chain]]]:
    """Yield family and chains of each table that filters, whoever it belongs to.

    Base chains that are not to be looked at have no hook.
    """
    for others in (False, True):
        for group in _groups(firewall, listing, others):
            yield group.family, _looked_at(group)
    if _owner(firewall) == "firewalld":
        yield from _of_legacy_firewalld(_ruleset(firewall, listing), listing)


def is_hidden(firewall: Chosen, tables: Sequence[Tuple[str, Dict[str, _chains.Chain]]]) -> bool:
    """Tell whether nobody lists the chains of the firewall: firewalld needs no command nft on the host."""
    names = (name for unused, chains in tables for name in chains)
    return _owner(firewall) == "firewalld" and not any(xtables.FIREWALLD_CHAIN in name for name in names)


def _of_legacy_firewalld(
    found: Optional[Ruleset], listing: Listing
) -> Iterator[Tuple[str, Dict[str, _chains.Chain]]]:
    """Yield the tables that firewalld made with the legacy variant of iptables, which nft does not list."""
    for unused, version, text in listing.texts():
        if not xtables.is_firewallds(text):
            continue
        for table, chains in saved_chains.tables(text, version):
            if found is None or not found.is_read_by_iptables(FAMILIES[version], table):
                yield FAMILIES[version], chains


def _looked_at(group: _Group) -> Dict[str, _chains.Chain]:
    return {
        name: chain if name in group.looked_at else chain._replace(hook="")
        for name, chain in group.chains.items()
    }


def unanswered(
    firewall: Chosen, plan: Rules, after: Rules, listing: Optional[Listing] = None
) -> List[Barrier]:
    """Return the chains that the provider opens and that drop the replies to planned traffic.

    Where a chain holds rules of ours, the first of them accepts replies. In all other chains the host's own
    rules have to. A firewall with a service has such rules already.
    """
    permitted = {(rule.direction, rule.version) for rule in after if rule.action == ACCEPT}
    # Large rule sets take their time, and on most hosts every chain that matters holds rules of ours.
    reply = {IN: OUT, OUT: IN}
    plan = tuple(rule for rule in plan if (reply[rule.direction], rule.version) not in permitted)
    if firewall is None or firewall.has_service or not plan:
        return []
    groups = [_without_ours(group, after) for group in _groups(firewall, listing or Listing(), others=False)]
    wanted = _chains.traffic(
        plan, links=sum(len(chain.links) for group in groups for chain in group.chains.values())
    )
    answers = [piece for piece in wanted if piece.reply]
    found: List[Barrier] = []
    for group in groups:
        found += (barrier for barrier in _of_group(group, answers) if barrier.everything)
    return found


def _without_ours(group: _Group, after: Rules) -> _Group:
    """Return a group without the base chains that will jump to our rules, and with our own chains empty.

    The change may remove what they hold now.
    """
    hooks = {HOOKS[rule.direction] for rule in after if _stands_in(rule, group)}
    ours = (*CHAINS.values(), *IPTABLES_CHAINS.values())
    chains = {
        name: chain._replace(links=()) if name in ours else chain for name, chain in group.chains.items()
    }
    return group._replace(
        chains=chains, looked_at=[name for name in group.looked_at if chains[name].hook not in hooks]
    )


def _stands_in(rule: Rule, group: _Group) -> bool:
    # With nftables, rejections are in a table of our own.
    in_family = group.family in (FAMILIES[rule.version], "inet")
    return in_family and (rule.action == ACCEPT or group.owner == "iptables")


def _groups(firewall: Chosen, listing: Listing, others: bool) -> Iterator[_Group]:
    """Yield the groups whose base chains the provider does not open, or those whose base chains it opens."""
    found = _ruleset(firewall, listing)
    if found is not None:
        yield from _of_nft(firewall, found, others)
    for variant, version, text in listing.texts():
        yield from _of_text(firewall, variant, version, text, found, others)


def _ruleset(firewall: Chosen, listing: Listing) -> Optional[Ruleset]:
    try:
        return listing.ruleset() if which("nft") else None
    except FirewallError:
        if _owner(firewall) == "nftables":
            raise
        return None  # an old nft without JSON: only the texts of iptables can be read


def _of_nft(firewall: Chosen, found: Ruleset, others: bool) -> Iterator[_Group]:
    for family, table in found.tables():
        if family not in ("ip", "ip6", "inet", "netdev") or table == TABLE:
            continue
        if found.is_disabled(family, table):
            continue
        chains = found.chains_of(family, table)
        owners = {chain["name"]: found.owner(chain) for chain in chains if "hook" in chain}
        if found.is_read_by_iptables(family, table) and "iptables" in owners.values():
            continue  # looked at as the text of iptables, which says more
        looked_at = [
            chain["name"]
            for chain in chains
            if "hook" in chain and _is_opened(firewall, owners[chain["name"]], chain) != others
        ]
        owner = next((owners[name] for name in looked_at), "")
        if looked_at:
            yield _Group(
                owner=owner,
                family=family,
                table=table,
                looked_at=looked_at,
                chains=nft_chains.chains(family, chains, found.rules_of(family, table)),
            )


def _is_opened(firewall: Chosen, owner: str, chain: "NftChain") -> bool:
    if _owner(firewall) == owner == "firewalld":
        return True
    return (
        owner == _owner(firewall)
        and _OPENED.get(chain["hook"]) == chain.get("type")
        and chain["family"] != "netdev"
    )


def _of_text(
    firewall: Chosen, variant: str, version: int, text: str, found: Optional[Ruleset], others: bool
) -> Iterator[_Group]:
    owner = "firewalld" if xtables.is_firewallds(text) else variant
    if _owner(firewall) == owner == "firewalld":
        return
    family = FAMILIES[version]
    for table, chains in saved_chains.tables(text, version):
        is_nfts = (
            variant in ("iptables", "iptables-nft") and found is not None and found.is_handmade(family, table)
        )
        opened = _owner(firewall) == variant and table == "filter"
        looked_at = [
            name
            for name, chain in chains.items()
            if chain.hook and (opened and chain.hook in _OPENED) != others
        ]
        if looked_at and not is_nfts:
            yield _Group(owner=owner, family=family, table=table, chains=chains, looked_at=looked_at)


def _owner(firewall: Chosen) -> str:
    return firewall.owns_tables if firewall else ""


def check(firewall: Chosen, found: List[Barrier]) -> None:
    """Raise if a chain that the provider does not open drops everything it does not accept."""
    dropping = [barrier for barrier in found if barrier.everything]
    if not dropping:
        return
    owner, what = dropping[0].owner, dropping[0].what
    places = " and ".join(str(barrier.chain) for barrier in dropping)
    drops = f"{places} drops everything it does not accept"
    if firewall is None:
        raise FirewallError(
            f"no firewall that can be changed runs on this host, but {owner} is active and its chain "
            f"{drops}, such as {what}: open the ports there, or remove that chain"
        )
    if owner == _owner(firewall):
        raise FirewallError(
            f"{firewall.name} would accept {what}, but its own chain {drops}: open the ports there too"
        )
    raise FirewallError(
        f"{firewall.name} would accept {what}, but {owner} is active as well and its chain {drops}: "
        f"disable one of them, or open the ports in {owner} too"
    )


def notes(firewall: Chosen, found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that drop some packets."""
    warnings = []
    for barrier in found:
        if barrier.everything:
            continue
        if firewall and barrier.owner == firewall.name:
            warnings.append(
                f"{firewall.name} itself drops some packets in chain {barrier.chain}: traffic that it "
                f"accepts elsewhere may still be dropped ({barrier.what})"
            )
            continue
        beside = f"alongside {firewall.name}" if firewall else "on this host"
        accepted = f"traffic that {firewall.name} accepts" if firewall else "planned traffic"
        warnings.append(
            f"{barrier.owner} is active {beside} and drops some packets in chain {barrier.chain}: "
            f"{accepted} may still be dropped ({barrier.what})"
        )
    return warnings


def notes_on_replies(firewall: Type[Provider], found: List[Barrier]) -> List[str]:
    """Return what the user should know of chains that drop the replies to planned traffic."""
    return [
        f"{firewall.name} does not accept established connections in chain {barrier.chain}, so the replies "
        f"to planned traffic are dropped there ({barrier.what}): run "
        f"'{firewall.accepts_replies_by(barrier.chain)}', and add the same rule to the rules "
        "that the host loads at boot"
        for barrier in found
    ]
