# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule set of nftables, as C(nft -j list ruleset) prints it (libnftables-json(5)), and our part of it."""

import ipaddress
import json
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .._values.addresses import Network
from .._values.ports import Ports
from .rule import ACCEPT, COMMENT_PREFIX, IN, OUT, REJECT, Rule, Rules, canonical, names_of
from .steps import FirewallError, output, run, which
from .xtables import FIREWALLD_CHAIN

if TYPE_CHECKING:
    from .._shapes import NftChain, NftDocument, NftExpression, NftItem, NftRule, NftTable

# Our objects: a chain for each direction in the tables of others, and one table of our own.
CHAINS = {IN: "exasol_network_in", OUT: "exasol_network_out"}
TABLE = "exasol_network"
# Just before the usual priority: what we reject is rejected whatever others accept later.
PRIORITY = -1
OBSERVED = "exasol_network_observed"  # a table that decides nothing: it only counts (observe.py)
HOOKS = {IN: "input", OUT: "output"}
FAMILIES = {4: "ip", 6: "ip6"}
VERSIONS: Dict[str, Tuple[int, ...]] = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
_IPTABLES_TABLES = ("filter", "mangle", "nat", "raw", "security")
_IPTABLES_BASES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_STOPS = ("drop", "reject")


class Place(NamedTuple):
    """A base chain of others, to whose table our chain belongs."""

    family: str
    table: str
    base: str
    direction: str

    @property
    def chain(self) -> str:
        """Our chain's name."""
        return CHAINS[self.direction]

    @property
    def in_table(self) -> str:
        """The table as nft writes it."""
        return f"{self.family} {self.table}"

    @property
    def base_in_table(self) -> str:
        """The base chain as nft writes it."""
        return f"{self.in_table} {self.base}"

    @property
    def chain_in_table(self) -> str:
        """Our chain as nft writes it."""
        return f"{self.in_table} {self.chain}"

    @property
    def versions(self) -> Sequence[int]:
        """The IP versions that the table sees."""
        return VERSIONS[self.family]


class Ruleset:
    """The host's rule set.

    C(readable) are the tables that iptables can list, as family and name; None if its nft variant is not
    installed.
    """

    def __init__(
        self, document: "NftDocument", readable: Optional[FrozenSet[Tuple[str, str]]] = None
    ) -> None:
        self._readable = readable
        # An observation decides nothing, so nothing that looks for a firewall here may see it.
        found = document.get("nftables", [])
        items = [item for item in found if not _is_observing(item)]
        self.has_observation = len(items) < len(found)
        tables = [item["table"] for item in items if "table" in item]
        self._disabled = {(table["family"], table["name"]) for table in tables if _is_disabled(table)}
        self.chains = [item["chain"] for item in items if "chain" in item]
        self._rules: "Dict[Tuple[str, str, str], List[NftRule]]" = {}
        for rule in (item["rule"] for item in items if "rule" in item):
            self._rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)

    def rules(self, family: str, table: str, chain: str) -> "List[NftRule]":
        """Return the rules of a chain in their order."""
        return self._rules.get((family, table, chain), [])

    def tables(self) -> List[Tuple[str, str]]:
        """Return the tables that hold chains, as family and name."""
        return sorted({(chain["family"], chain["table"]) for chain in self.chains})

    def is_disabled(self, family: str, table: str) -> bool:
        """Tell whether the base chains of a table see no packet, because somebody made it dormant."""
        return (family, table) in self._disabled

    def chains_of(self, family: str, table: str) -> "List[NftChain]":
        """Return the chains of a table."""
        return [chain for chain in self.chains if (chain["family"], chain["table"]) == (family, table)]

    def rules_of(self, family: str, table: str) -> "Dict[str, List[NftRule]]":
        """Return the rules of a table by chain."""
        return {key[2]: rules for key, rules in self._rules.items() if key[:2] == (family, table)}

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Tell whether there is such a chain."""
        return any(
            (known["family"], known["table"], known["name"]) == (family, table, chain)
            for known in self.chains
        )

    def holds_chains(self, names: Iterable[str]) -> bool:
        """Tell whether a table with a name of iptables' holds a chain of one of these names."""
        names = set(names)
        return any(
            chain["name"] in names and _is_named_by_iptables(chain["family"], chain["table"])
            for chain in self.chains
        )

    def base_chains(self) -> "List[NftChain]":
        """Return the base chains that filter what comes in or goes out."""
        return [
            chain
            for chain in self.chains
            if chain.get("hook") in HOOKS.values()
            and chain.get("type") == "filter"
            and chain["family"] in VERSIONS
        ]

    def owner(self, chain: "NftChain") -> str:
        """Return which firewall manages a chain: nftables, unless its table is firewalld's or iptables'."""
        family, table = chain["family"], chain["table"]
        if table.startswith("firewalld") or self.has_chain(family, table, FIREWALLD_CHAIN):
            return "firewalld"
        if self.is_read_by_iptables(family, table):
            return "nftables" if self.is_handmade(family, table) else "iptables"
        # iptables made this table, and somebody put rules into it that iptables cannot read.
        mixed = (
            _is_named_by_iptables(family, table)
            and chain["name"] in _IPTABLES_BASES
            and self._has_extensions(family, table)
        )
        return "iptables" if mixed else "nftables"

    def is_read_by_iptables(self, family: str, table: str) -> bool:
        """Tell whether iptables can list and change a table."""
        return (family, table) in (self._readable or ())

    def is_handmade(self, family: str, table: str) -> bool:
        """Tell whether a table that iptables could manage holds rules, none of which iptables made.

        iptables-nft gives each of its rules a counter.
        """
        words = [
            {statement(expression) for expression in rule.get("expr", [])}
            for rule in self._rules_in(family, table)
        ]
        return (
            bool(words)
            and not any({"counter", "xt"} & found for found in words)
            and not self._has_extensions(family, table)
        )

    def _has_extensions(self, family: str, table: str) -> bool:
        # nft can neither make nor restore an extension of iptables (xt), so only iptables can have made it.
        return any(
            "xt" in expression
            for rule in self._rules_in(family, table)
            for expression in rule.get("expr", [])
        )

    def _rules_in(self, family: str, table: str) -> "List[NftRule]":
        return [rule for rules in self.rules_of(family, table).values() for rule in rules]

    def bases(self) -> List[Place]:
        """Return every base chain of others that sees what comes in or goes out."""
        directions = {hook: direction for direction, hook in HOOKS.items()}
        return [
            Place(chain["family"], chain["table"], chain["name"], directions[chain["hook"]])
            for chain in self.chains
            if chain.get("hook") in directions and chain["family"] in VERSIONS and chain["table"] != TABLE
        ]

    def places(self) -> List[Place]:
        """Return the base chains in which nftables drops anything that comes in or goes out."""
        dropping = {
            (chain["family"], chain["table"], chain["name"])
            for chain in self.base_chains()
            if self.owner(chain) == "nftables" and self.drops_anything(chain)
        }
        return sorted(place for place in self.bases() if place[:3] in dropping)

    def drops_the_rest(self, chain: "NftChain") -> bool:
        """Tell whether a base chain drops everything it does not accept, by its policy or a rule."""
        rules = self.rules(chain["family"], chain["table"], chain["name"])
        return chain.get("policy") == "drop" or any(_drops_unconditionally(rule) for rule in rules)

    def drops_anything(self, chain: "NftChain") -> bool:
        """Tell whether a base chain drops or rejects anything."""
        return chain.get("policy") == "drop" or self._may_drop(
            chain["family"], chain["table"], chain["name"], set()
        )

    def _may_drop(self, family: str, table: str, chain: str, seen: Set[str]) -> bool:
        if chain in seen or chain in CHAINS.values():
            return False
        seen.add(chain)
        for rule in self.rules(family, table, chain):
            for expression in rule.get("expr", []):
                if statement(expression) in _STOPS:
                    return True
                target = (expression.get("jump") or expression.get("goto") or {}).get("target")
                if target and self._may_drop(family, table, target, seen):
                    return True
                if "vmap" in expression:
                    # A verdict map may hold any verdict, so our rules have to be evaluated before it.
                    return True
        return False

    def jumps(self, place: Place) -> List[Tuple[int, int]]:
        """Return position and handle of the jumps to our chain."""
        rules = self.rules(place.family, place.table, place.base)
        return [
            (position, rule["handle"])
            for position, rule in enumerate(rules)
            if any(
                (expression.get("jump") or {}).get("target") == place.chain
                for expression in rule.get("expr", [])
            )
        ]

    def leads(self, place: Place) -> List[int]:
        """Return the positions of those jumps to our chain that are for all packets."""
        rules = self.rules(place.family, place.table, place.base)
        return [
            position
            for position, unused in self.jumps(place)
            if {statement(one) for one in rules[position].get("expr", [])} <= {"jump", "counter"}
        ]

    def is_led_first(self, place: Place) -> bool:
        """Tell whether one jump, before all other rules, leads all packets to our chain."""
        return self.leads(place) == [0] and len(self.jumps(place)) == 1

    def ours_anywhere(self) -> List[Place]:
        """Return where chains of ours are, without their base chains."""
        directions = {name: direction for direction, name in CHAINS.items()}
        return [
            Place(chain["family"], chain["table"], base="", direction=directions[chain["name"]])
            for chain in self.chains
            if chain["name"] in directions and chain["table"] != TABLE
        ]

    def ours(self, place: Place) -> Rules:
        """Return the rules that stand in our chain, in canonical form."""
        rules = self.rules(place.family, place.table, place.chain)
        return canonical(
            parsed for rule in rules for parsed in parse_rule(rule, place.direction, place.versions[0])
        )

    def is_restricting(self) -> bool:
        """Tell whether our own table sees what comes in, as we made it to."""
        if self.is_disabled("inet", TABLE):
            return False
        chains = (chain for chain in self.chains_of("inet", TABLE) if chain["name"] == CHAINS[IN])
        # An old nft may print a word for the priority.
        return any(
            (chain.get("type"), chain.get("hook"), chain.get("policy")) == ("filter", HOOKS[IN], ACCEPT)
            and (chain.get("prio") == PRIORITY or not isinstance(chain.get("prio"), int))
            for chain in chains
        )

    def restrictions(self) -> Rules:
        """Return what our own table holds, in canonical form."""
        return canonical(
            parsed for rule in self.rules("inet", TABLE, CHAINS[IN]) for parsed in parse_rule(rule, IN)
        )


def _is_disabled(table: "NftTable") -> bool:
    flags = table.get("flags", [])
    # nft 1.0.6 prints something else in place of a flag. Ours has none, so any is not of our making.
    is_ours = (table["family"], table["name"]) == ("inet", TABLE)
    return bool(flags) if is_ours else "dormant" in ([flags] if isinstance(flags, str) else flags)


def _is_observing(item: "NftItem") -> bool:
    found = item.get("chain") or item.get("rule")
    return found is not None and found["table"] == OBSERVED


def statement(expression: "NftExpression") -> str:
    """Return the word of a statement.

    REJECT of iptables-nft is an extension of iptables, of which nft knows only the name.
    """
    return "reject" if (expression.get("xt") or {}).get("name") == "REJECT" else next(iter(expression), "")


def _drops_unconditionally(rule: "NftRule") -> bool:
    words = {statement(expression) for expression in rule.get("expr", [])}
    return bool(words & {"drop", "reject"}) and words <= {"drop", "reject", "counter", "log"}


def parse_rule(rule: "NftRule", direction: str, version: int = 4) -> Iterator[Rule]:
    """Yield the rule of ours that an entry of the rule set is, and nothing for any other entry.

    C(version) counts for a rule for every address in a table of one IP version, where the entry does not name
    it.
    """
    comment = rule.get("comment", "")
    if not comment.startswith(COMMENT_PREFIX):
        return
    networks: List[Network] = []
    ports = Ports()
    protocol, action = "any", ACCEPT
    for expression in rule["expr"]:
        match = expression.get("match")
        if match and "payload" in match["left"]:
            field = match["left"]["payload"]
            if field["field"] in ("saddr", "daddr"):
                version, networks = (4 if field["protocol"] == "ip" else 6), _networks(match["right"])
            elif field["field"] == "dport":
                protocol, ports = field["protocol"], _ports(match["right"])
        elif match and match["left"].get("meta", {}).get("key") == "nfproto":
            version = 4 if match["right"] == "ipv4" else 6
        action = REJECT if "reject" in expression else action
    yield Rule(
        action=action,
        direction=direction,
        version=version,
        protocol=protocol,
        ports=ports,
        networks=tuple(networks),
        services=names_of(comment[len(COMMENT_PREFIX) :]),
    )


def _elements(right: Any) -> List[Any]:
    return right["set"] if isinstance(right, dict) and "set" in right else [right]


def _networks(right: Any) -> List[Network]:
    found: List[Network] = []
    for element in _elements(right):
        if isinstance(element, dict) and "prefix" in element:
            prefix = element["prefix"]
            found.append(ipaddress.ip_network(f"{prefix['addr']}/{prefix['len']}"))
        elif isinstance(element, dict):
            first, last = (ipaddress.ip_address(end) for end in element["range"])
            found += ipaddress.summarize_address_range(first, last)  # both of one family
        else:
            found.append(ipaddress.ip_network(element))
    return found


def _ports(right: Any) -> Ports:
    return Ports.of_ranges(
        tuple(element["range"]) if isinstance(element, dict) else (element, element)
        for element in _elements(right)
    )


def document() -> "NftDocument":
    """Return what nft lists, without the elements of named sets if this nft can leave them out.

    There may be hundreds of thousands of them.
    """
    terse = run(("nft", "-j", "-t", "list", "ruleset")) if which("nft") else None
    found = _parsed(terse.stdout) if terse and not terse.returncode else None
    # nft 1.0.0 leaves out the elements of anonymous sets too, which are part of their rule.
    if found and not _lacks_elements(found):
        return found
    listed = output(("nft", "-j", "list", "ruleset"))
    found = _parsed(listed)
    if found is None:
        raise FirewallError(
            f"nft -j list ruleset printed no JSON but {listed[:60]!r}: install nftables with JSON support, "
            "0.9.3 or newer"
        )
    return found


def _parsed(listed: str) -> "Optional[NftDocument]":
    try:
        found: "NftDocument" = json.loads(listed)
    except ValueError:
        return None
    return found


def _lacks_elements(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("set", "") in ([], None) or any(_lacks_elements(inner) for inner in value.values())
    return isinstance(value, list) and any(_lacks_elements(inner) for inner in value)


def has_names_of_iptables(found: "NftDocument") -> bool:
    """Tell whether a listing holds a base chain in a table that is named as iptables names its own."""
    chains = [item["chain"] for item in found.get("nftables", []) if "chain" in item]
    return any("hook" in chain and _is_named_by_iptables(chain["family"], chain["table"]) for chain in chains)


def _is_named_by_iptables(family: str, table: str) -> bool:
    return family in FAMILIES.values() and table in _IPTABLES_TABLES
