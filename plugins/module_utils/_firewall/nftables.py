# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nftables: a chain of ours in every table whose base chain would drop, jumped to before anything else there.

A packet has to pass every base chain of a hook: an accept in a table of our own saves it from no drop in
another (nft(8), "accept"). So our chain stands in the foreign table, with one jump at the head of the foreign
base chain. Restrictions need no foreign table and stand in one of our own.
"""

import ipaddress
import json
import os
import shlex
from typing import Any, Dict, FrozenSet, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .._values.addresses import Network
from .._values.ports import Ports
from .rule import ACCEPT, IN, OUT, REJECT, Rule, Rules, canonical, names_of, plain
from .steps import (
    FirewallError,
    RemoveFolder,
    Run,
    Shell,
    Step,
    Write,
    absolute,
    as_it_is,
    output,
    read,
    run,
    systemd_runs,
    which,
)
from .xtables import FIREWALLD_CHAIN

NAME = "nftables"
CHAINS = {IN: "exasol_network_in", OUT: "exasol_network_out"}
HOOKS = {IN: "input", OUT: "output"}
TABLE = "exasol_network"
COMMENT = "exasol_community.network"
_VERSIONS = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
FAMILIES = {4: "ip", 6: "ip6"}
_IPTABLES_TABLES = ("filter", "mangle", "nat", "raw", "security")
_IPTABLES_BASES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
_FOLDER = "/etc/exasol_community.network"
_DROP_IN = "/etc/systemd/system/nftables.service.d/exasol_community.network.conf"
_STOPS = ("drop", "reject")


class Place(NamedTuple):
    """A foreign base chain in which our chain has to stand."""

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
    def versions(self) -> Sequence[int]:
        """The IP versions that the table sees."""
        return _VERSIONS[self.family]


class Ruleset:
    """The host's rule set, as C(nft -j list ruleset) tells it (libnftables-json(5)).

    C(readable) are the tables, as family and name, that iptables can list: None where its nft variant is not
    installed.
    """

    def __init__(self, document: Dict[str, Any], readable: Optional[FrozenSet[Tuple[str, str]]] = None):
        self._readable = readable
        items = document.get("nftables", [])
        self.chains = [item["chain"] for item in items if "chain" in item]
        self._rules: Dict[Tuple[str, str, str], List[Dict[str, Any]]] = {}
        for rule in (item["rule"] for item in items if "rule" in item):
            self._rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)

    def rules(self, family: str, table: str, chain: str) -> List[Dict[str, Any]]:
        """Return the rules of a chain in their order."""
        return self._rules.get((family, table, chain), [])

    def tables(self) -> List[Tuple[str, str]]:
        """Return the tables that hold chains, as family and name."""
        return sorted({(chain["family"], chain["table"]) for chain in self.chains})

    def chains_of(self, family: str, table: str) -> List[Dict[str, Any]]:
        """Return the chains of a table."""
        return [chain for chain in self.chains if (chain["family"], chain["table"]) == (family, table)]

    def rules_of(self, family: str, table: str) -> Dict[str, List[Dict[str, Any]]]:
        """Return the rules of a table by chain."""
        return {key[2]: rules for key, rules in self._rules.items() if key[:2] == (family, table)}

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Tell whether there is such a chain."""
        return any(
            (known["family"], known["table"], known["name"]) == (family, table, chain)
            for known in self.chains
        )

    def holds_chains(self, names: Iterable[str]) -> bool:
        """Tell whether there is a chain of one of these names in a table that is named as iptables names its own."""
        names = set(names)
        return any(
            chain["name"] in names and _is_named_by_iptables(chain["family"], chain["table"])
            for chain in self.chains
        )

    def base_chains(self) -> List[Dict[str, Any]]:
        """Return the base chains that filter what comes in or goes out."""
        return [
            chain
            for chain in self.chains
            if chain.get("hook") in HOOKS.values()
            and chain.get("type") == "filter"
            and chain["family"] in _VERSIONS
        ]

    def owner(self, chain: Dict[str, Any]) -> str:
        """Return which firewall manages a chain.

        Nftables unless its table is one of firewalld or of iptables.
        """
        family, table = chain["family"], chain["table"]
        if table.startswith("firewalld") or self.has_chain(family, table, FIREWALLD_CHAIN):
            return "firewalld"
        if self.is_read_by_iptables(family, table):
            return NAME if self.is_handmade(family, table) else "iptables"
        # iptables made this table, and somebody put rules into it that iptables cannot read.
        mixed = (
            _is_named_by_iptables(family, table)
            and chain["name"] in _IPTABLES_BASES
            and self._has_extensions(family, table)
        )
        return "iptables" if mixed else NAME

    def is_read_by_iptables(self, family: str, table: str) -> bool:
        """Tell whether iptables can list and change a table."""
        return (family, table) in (self._readable or ())

    def is_handmade(self, family: str, table: str) -> bool:
        """Tell whether a table that iptables could manage holds rules, none of which iptables wrote.

        It counts in each (iptables-nft).
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
        # nft can neither make nor restore an extension of iptables (xt), so nobody else than iptables made
        # it.
        return any(
            "xt" in expression
            for rule in self._rules_in(family, table)
            for expression in rule.get("expr", [])
        )

    def _rules_in(self, family: str, table: str) -> List[Dict[str, Any]]:
        return [rule for rules in self.rules_of(family, table).values() for rule in rules]

    def places(self) -> List[Place]:
        """Return the foreign base chains that would drop something of what comes in or goes out, without those of other firewalls."""
        return sorted(
            Place(chain["family"], chain["table"], chain["name"], direction)
            for chain in self.base_chains()
            for direction, hook in HOOKS.items()
            if chain["hook"] == hook
            and chain["table"] != TABLE
            and self.owner(chain) == NAME
            and self.stops(chain)
        )

    def stops(self, chain: Dict[str, Any]) -> bool:
        """Tell whether a base chain drops or rejects anything."""
        return chain.get("policy") == "drop" or self._stops(
            chain["family"], chain["table"], chain["name"], set()
        )

    def _stops(self, family: str, table: str, chain: str, seen: set) -> bool:
        if chain in seen or chain in CHAINS.values():
            return False
        seen.add(chain)
        for rule in self.rules(family, table, chain):
            for expression in rule.get("expr", []):
                if statement(expression) in _STOPS:
                    return True
                target = (expression.get("jump") or expression.get("goto") or {}).get("target")
                if target and self._stops(family, table, target, seen):
                    return True
                if "vmap" in expression:
                    # A verdict map may hold any verdict; to be sure is to stand before it.
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

    def ours_anywhere(self) -> List[Place]:
        """Return where chains of ours stand, without their base chains."""
        return [
            Place(chain["family"], chain["table"], "", direction)
            for chain in self.chains
            for direction, name in CHAINS.items()
            if chain["name"] == name and chain["table"] != TABLE
        ]

    def ours(self, place: Place) -> Rules:
        """Return the rules that stand in our chain, in canonical form."""
        rules = self.rules(place.family, place.table, place.chain)
        return canonical(
            parsed for rule in rules for parsed in parse_rule(rule, place.direction, place.versions[0])
        )

    def restrictions(self) -> Rules:
        """Return what our own table holds, in canonical form."""
        return canonical(
            parsed for rule in self.rules("inet", TABLE, CHAINS[IN]) for parsed in parse_rule(rule, IN)
        )


def statement(expression: Dict[str, Any]) -> str:
    """Return the statement's word.

    REJECT of iptables-nft is an extension, which nft knows by its name alone.
    """
    return "reject" if (expression.get("xt") or {}).get("name") == "REJECT" else next(iter(expression), "")


def parse_rule(rule: Dict[str, Any], direction: str, version: int = 4) -> Iterator[Rule]:
    """Yield our rule that an entry of the rule set stands for; nothing for replies and for what is not ours.

    It tells its version unless its table does.
    """
    comment = rule.get("comment", "")
    if not comment.startswith("exasol: "):
        return
    networks, ports, protocol, action = [], Ports(), "any", ACCEPT  # type: List[Network], Ports, str, str
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
        action, direction, version, protocol, ports, tuple(networks), names_of(comment[len("exasol: ") :])
    )


def _elements(right: Any) -> List[Any]:
    return right["set"] if isinstance(right, dict) and "set" in right else [right]


def _networks(right: Any) -> List[Network]:
    found: List[Network] = []
    for element in _elements(right):
        if isinstance(element, dict) and "prefix" in element:
            found.append(
                ipaddress.ip_network("{0}/{1}".format(element["prefix"]["addr"], element["prefix"]["len"]))
            )
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


def render_rule(rule: Rule, versions: Sequence[int] = (4, 6)) -> str:
    """Return a rule in nft's language, for a table that sees these IP versions."""
    family = {4: "ip", 6: "ip6"}[rule.version]
    parts = (
        ["meta nfproto {0}".format({4: "ipv4", 6: "ipv6"}[rule.version])]
        if not rule.networks and len(versions) > 1
        else []
    )
    if rule.networks:
        parts.append(
            "{0} {1} {{ {2} }}".format(
                family,
                {IN: "saddr", OUT: "daddr"}[rule.direction],
                ", ".join(plain(network) for network in rule.networks),
            )
        )
    if rule.ports:
        parts.append("{0} dport {{ {1} }}".format(rule.protocol, str(rule.ports).replace(",", ", ")))
    verdict = "counter accept" if rule.action == ACCEPT else "counter reject with icmpx type admin-prohibited"
    return '{0} comment "exasol: {1}"'.format(" ".join(parts + [verdict]), ", ".join(rule.services))


def render_chain(place: Place, rules: Iterable[Rule]) -> str:
    """Return the commands that make our chain in a foreign table hold exactly these rules."""
    own = [
        rule
        for rule in rules
        if rule.direction == place.direction and rule.version in place.versions and rule.action == ACCEPT
    ]
    name = f"{place.in_table} {place.chain}"
    body = ["ct state established ct direction reply accept"] + [
        render_rule(rule, place.versions) for rule in own
    ]
    return (
        "\n".join([f"add chain {name}", f"flush chain {name}"] + [f"add rule {name} {line}" for line in body])
        + "\n"
    )


def render_jump(place: Place) -> str:
    """Return the command that puts the jump to our chain at the head of the base chain."""
    return f'insert rule {place.in_table} {place.base} jump {place.chain} comment "{COMMENT}"\n'


def render_restrictions(rules: Iterable[Rule]) -> str:
    """Return the commands that make our own table hold exactly these rules."""
    lines = [
        f"add table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        f"chain {CHAINS[IN]} {{",
        # Just before the usual priority: what we refuse is refused whatever others accept later.
        "type filter hook input priority -1; policy accept;",
        "iif lo accept",
        "ct state established,related accept",
    ]
    return "\n".join(lines + [render_rule(rule) for rule in rules] + ["}", "}"]) + "\n"


class Provider:
    """Reads and changes nftables."""

    name = NAME

    def __init__(self, found: Optional[Ruleset] = None):
        self._ruleset = found or ruleset()
        self.places = self._ruleset.places()
        self._persists = True  # whether rules of ours have to be loaded at boot

    def rules(self) -> Rules:
        """Return what our chains hold everywhere, and the restrictions of our table."""
        restrictions = self._ruleset.restrictions()
        held = [set(self._ruleset.ours(place)) for place in self.places]
        everywhere = {
            rule
            for rules in held
            for rule in rules
            if all(rule in other for other, place in zip(held, self.places) if _concerns(rule, place))
        }
        return canonical(
            everywhere | {rule for rule in restrictions if rule.action == REJECT or not self.places}
        )

    def wanted(self, rules: Rules) -> Rules:
        """Return which of the rules take effect here: no opening where nothing is dropped."""
        restricted = any(rule.action == REJECT for rule in rules)
        return tuple(
            rule
            for rule in rules
            if rule.action == REJECT
            or (restricted and rule.direction == IN)
            or any(_concerns(rule, place) for place in self.places)
        )

    def check(self) -> None:
        """Our chain stands before the rules of every chain that it is in.

        What other chains drop is looked at for every provider.
        """

    def steps(self, rules: Rules, persist: bool) -> Tuple[List[Step], List[Step]]:
        """Return the steps to these rules and the steps back."""
        self._persists = persist and bool(rules)
        batch, back = [], []  # type: List[str], List[Step]
        for place in self._all_places():
            self._chain_steps(place, rules, batch, back)
        self._table_steps(rules, batch, back)
        steps: List[Step] = [Run(("nft", "-f", "-"), "".join(batch))] if batch else []
        for write in self._persistent(rules) if persist else ():
            undo = as_it_is(write.path)
            if undo.content != write.content:
                steps.append(write)
                back.append(undo)
        if any(isinstance(step, Write) for step in steps):
            self._after_files(rules, steps, back)
        return steps, back

    @staticmethod
    def _after_files(rules: Rules, steps: List[Step], back: List[Step]) -> None:
        folders = (_FOLDER, os.path.dirname(_DROP_IN))
        back += [RemoveFolder(folder) for folder in folders if not os.path.isdir(folder)]
        steps += [] if rules else [RemoveFolder(folder) for folder in folders]
        if systemd_runs():
            reload = Run(("systemctl", "daemon-reload"), what="letting systemd read its files anew")
            steps.append(reload)
            back.append(reload)

    def _all_places(self) -> List[List[Place]]:
        # The base chains of a table that do jump to our chain there, or should: one chain of ours serves them
        # all.
        grouped: Dict[Tuple[str, str], List[Place]] = {}
        for place in self._ruleset.ours_anywhere():
            grouped.setdefault((place.in_table, place.chain), [])
        bases = [
            Place(chain["family"], chain["table"], chain["name"], direction)
            for chain in self._ruleset.chains
            for direction, hook in HOOKS.items()
            if chain.get("hook") == hook and chain["family"] in _VERSIONS and chain["table"] != TABLE
        ]
        for place in sorted(set(self.places) | {base for base in bases if self._ruleset.jumps(base)}):
            grouped.setdefault((place.in_table, place.chain), []).append(place)
        orphans = {(place.in_table, place.chain): place for place in self._ruleset.ours_anywhere()}
        return [found or [orphans[key]] for key, found in sorted(grouped.items())]

    def _chain_steps(self, bases: List[Place], rules: Rules, batch: List[str], back: List[Step]) -> None:
        place = bases[0]
        wanted = (
            tuple(rule for rule in rules if rule.action == ACCEPT and _concerns(rule, place))
            if any(base in self.places for base in bases)
            else ()
        )
        exists, held = (
            self._ruleset.has_chain(place.family, place.table, place.chain),
            self._ruleset.ours(place),
        )
        # A rule that somebody put into our chain is none of ours, so they are counted too; one is for
        # replies.
        whole = len(self._ruleset.rules(place.family, place.table, place.chain)) == len(wanted) + 1
        if wanted and (held != wanted or not whole):
            batch.append(render_chain(place, wanted))
        for base in bases:
            jumps, needed = self._ruleset.jumps(base), bool(wanted) and base in self.places
            if [position for position, handle in jumps] != ([0] if needed else []):
                batch += [
                    f"delete rule {base.in_table} {base.base} handle {handle}\n" for position, handle in jumps
                ]
                batch += [render_jump(base)] if needed else []
        if not wanted and exists:
            batch.append(
                f"flush chain {place.in_table} {place.chain}\ndelete chain {place.in_table} {place.chain}\n"
            )
        if wanted or exists:
            back.append(
                _way_back(
                    bases, held if exists else None, [base for base in bases if self._ruleset.jumps(base)]
                )
            )

    def _table_steps(self, rules: Rules, batch: List[str], back: List[Step]) -> None:
        wanted = (
            tuple(rule for rule in rules if rule.direction == IN)
            if any(rule.action == REJECT for rule in rules)
            else ()
        )
        held, exists = self._ruleset.restrictions(), self._ruleset.has_chain("inet", TABLE, CHAINS[IN])
        whole = len(self._ruleset.rules("inet", TABLE, CHAINS[IN])) == len(wanted) + 2
        if wanted and (held != wanted or not whole):
            batch.append(render_restrictions(wanted))
        elif not wanted and exists:
            batch.append(f"delete table inet {TABLE}\n")
        if wanted or exists:
            remove = f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
            text = render_restrictions(held) if exists else remove
            back.append(Run(("nft", "-f", "-"), text, what=f"restoring our nftables table inet {TABLE}"))

    def _persistent(self, rules: Rules) -> Iterator[Write]:
        files: Dict[str, str] = {}
        for place in self.places:
            wanted = [rule for rule in rules if rule.action == ACCEPT and _concerns(rule, place)]
            if wanted:
                files["{0}/nftables-{1}.nft".format(_FOLDER, "-".join(place[:3]).replace("/", "_"))] = (
                    render_chain(place, wanted) + render_jump(place)
                )
        if any(rule.action == REJECT for rule in rules):
            files[f"{_FOLDER}/nftables-{TABLE}.nft"] = render_restrictions(
                rule for rule in rules if rule.direction == IN
            )
        for path in _known_files() - set(files):
            yield Write(path, None)
        for path, content in sorted(files.items()):
            yield Write(path, content)
        yield Write(_DROP_IN, _drop_in(sorted(files)))

    def notes(self) -> List[str]:
        """Return what the user should know.

        What keeps our rules from being loaded at boot, where there are such.
        """
        if not self._persists:
            return []
        if not systemd_runs():
            note = (
                "systemd does not run on this host, so nothing loads our rules when the host starts: "
                "let its start scripts load {0}/*.nft after the host's own rules"
            )
            return [note.format(_FOLDER)]
        if run(("systemctl", "is-enabled", "nftables.service")).returncode:
            return [
                (
                    "nftables.service is not enabled, so neither the host's rules nor ours are loaded when "
                    "it "
                    "boots: systemctl enable nftables"
                )
            ]
        return []

    def idle(self) -> str:
        """Return what to say where none of the planned rules takes effect."""
        if self.places:
            return "nftables filters nothing of what is planned: there is nothing to open"
        return "nftables filters nothing of what comes in or goes out: there is nothing to open"

    def filters_outgoing(self) -> bool:
        """Tell whether anything that goes out is dropped."""
        return any(place.direction == OUT for place in self.places)


def _concerns(rule: Rule, place: Place) -> bool:
    return rule.direction == place.direction and rule.version in place.versions


def ruleset() -> Ruleset:
    """Read the host's rule set."""
    return Ruleset(document())


def document() -> Dict[str, Any]:
    """Return what nft lists, without the elements of named sets where this nft can leave them out.

    They may be hundreds of thousands.
    """
    terse = run(("nft", "-j", "-t", "list", "ruleset")) if which("nft") else None
    if terse and not terse.returncode:
        try:
            found = json.loads(terse.stdout)
        except ValueError:
            found = None
        # nft 1.0.0 leaves out the elements of anonymous sets too, which are part of their rule.
        if found and not _lacks_elements(found):
            return found
    text = output(("nft", "-j", "list", "ruleset"))
    try:
        return json.loads(text)
    except ValueError as error:
        raise FirewallError(
            f"nft -j list ruleset gave no JSON ({error}): nftables with JSON support is needed (0.9.3 or "
            f"newer)"
        )


def _lacks_elements(value: Any) -> bool:
    if isinstance(value, dict):
        return value.get("set", "") in ([], None) or any(_lacks_elements(inner) for inner in value.values())
    return isinstance(value, list) and any(_lacks_elements(inner) for inner in value)


def has_names_of_iptables(found: Dict[str, Any]) -> bool:
    """Tell whether a listing holds a base chain in a table that is named as iptables names its own."""
    chains = [item["chain"] for item in found.get("nftables", []) if "chain" in item]
    return any("hook" in chain and _is_named_by_iptables(chain["family"], chain["table"]) for chain in chains)


def _is_named_by_iptables(family: str, table: str) -> bool:
    return family in FAMILIES.values() and table in _IPTABLES_TABLES


def _way_back(bases: Sequence[Place], held: Optional[Rules], jumped: Sequence[Place]) -> Step:
    # By then nobody knows the handles of our jumps: they are looked up and go in the same transaction that
    # brings back what was there. A table or a base chain that is gone by then took what was ours in it along.
    nft, name = absolute("nft"), f"{bases[0].in_table} {bases[0].chain}"
    gone = f"add chain {name}\nflush chain {name}\ndelete chain {name}\n"
    before = gone if held is None else render_chain(bases[0], held)
    lines = [
        f"tables=$({nft} list tables) || exit 1",
        'case "\n$tables\n" in *"\n"{0}"\n"*) ;; *) exit 0;; esac'.format(
            shlex.quote(f"table {bases[0].in_table}")
        ),
        "gone= back=",
    ]
    for base in bases:
        lines += _finds_jumps(nft, base, base in jumped) if base.base else []
    lines.append(f'printf \'%s\\n%s%s\' "$gone" {shlex.quote(before)} "$back" | {nft} -f -')
    what = f"restoring our chain in the nftables table {bases[0].in_table}"
    return Shell("\n".join(lines), what=what, tool=f"{nft} -f -", needs=(nft, "sed"))


def _finds_jumps(nft: str, base: Place, jumped: bool) -> List[str]:
    where = f"{base.in_table} {base.base}"
    jumps = shlex.quote(f"s|.*jump {base.chain} .*# handle \\([0-9]*\\)$|delete rule {where} handle \\1|p")
    back = f"back=$back{shlex.quote(render_jump(base))}" if jumped else ":"
    return [
        f"if found=$({nft} -a list chain {where} 2>&1); then",
        f"    found=$(printf '%s\\n' \"$found\" | sed -n {jumps}) || exit 1",
        "    gone=$gone$found'\n'",
        "    " + back,
        (
            "else case $found in *'No such file or directory'*) ;; *) printf '%s\\n' \"$found\" >&2; exit "
            "1;; "
            "esac; fi"
        ),
    ]


def _known_files() -> set:
    known = read(_DROP_IN) or ""
    return {line.split(" ")[-1] for line in known.splitlines() if line.startswith("ExecStartPost=")}


def _drop_in(paths: Sequence[str]) -> Optional[str]:
    if not paths:
        return None
    nft = which("nft")
    # Each file on its own and its failure ignored: a table that is not loaded at boot takes nothing else with
    # it.
    return (
        "\n".join(
            ["# Made by exasol_community.network", "[Service]"]
            + [f"ExecStartPost=-{nft} -f {path}" for path in paths]
            + [f"ExecReload=-{nft} -f {path}" for path in paths]
        )
        + "\n"
    )
