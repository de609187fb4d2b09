# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""nftables: a chain of ours in every table that drops anything, called before anything else there.

A packet has to pass every base chain of a hook: accepting it in a table of our own would not stop another
table from dropping it (nft(8), "accept"). So our chain stands in the table of others, and the first rule of
their base chain jumps to it. Rejections have to accept nothing, and stand in a table of our own.
"""

import os
import re
import shlex
from typing import Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Type

from . import drift
from .chains import BaseChain
from .listing import Listing
from .places import PLACES
from .provider import Change, Provider, change_files
from .rule import ACCEPT, COMMENT_PREFIX, IN, OUT, REJECT, Rule, Rules, canonical, network_text
from .ruleset import CHAINS, FAMILIES, HOOKS, PRIORITY, TABLE, VERSIONS, Place
from .steps import (
    FirewallError,
    Run,
    Shell,
    Step,
    Write,
    absolute,
    lines_of,
    output,
    read,
    run,
    systemd_runs,
    which,
)

_COMMENT = "exasol_community.network"
# The awk program that puts our jumps back to their places in a base chain. It reads the rules from before the
# change, and then the chain as nft lists it at the rollback, with handles.
_JUMPS = (
    PLACES
    + r"""
function plain(text) {
  sub(/^[ \t]+/, "", text)
  sub(/ # handle [0-9]+$/, "", text)
  gsub(/packets [0-9]+ bytes [0-9]+/, "", text)
  gsub(/ used [0-9]+ [a-z]+/, "", text)
  return text
}
/^was/ {
  was[++old] = plain(substr($0, 4))
  raw[old] = substr($0, 4)
  if (raw[old] ~ /[ \t]jump CHAIN( comment "[^"]*")?$/) ours[old] = 1
  next
}
/^\t\t.* # handle [0-9]+$/ {
  line[++last] = plain($0)
  handle[last] = $NF
  if ($0 ~ /[ \t]jump CHAIN( comment "[^"]*")? # handle [0-9]+$/) own[last] = 1
}
END {
  places()
  for (n = 1; n <= old; n++) if (ours[n]) {
    for (m = at[n]; m && m <= last && own[m]; m++) ;
    if (!m) print "insert rule WHERE" raw[n]
    else if (m > last) print "add rule WHERE" raw[n]
    else print "insert rule WHERE position " handle[m] raw[n]
  }
}
"""
)
_ADDED_TO_TABLE = 2  # rules: those for loopback and for established connections
FOLDER = "/etc/exasol_community.network"
_DROP_IN = "/etc/systemd/system/nftables.service.d/exasol_community.network.conf"


def render_rule(rule: Rule, versions: Sequence[int] = VERSIONS["inet"]) -> str:
    """Return a rule in nft's language, for a table that sees these IP versions."""
    parts = []
    if rule.networks:
        field = {IN: "saddr", OUT: "daddr"}[rule.direction]
        networks = ", ".join(network_text(network) for network in rule.networks)
        parts.append(f"{FAMILIES[rule.version]} {field} {{ {networks} }}")
    elif len(versions) > 1:
        parts.append(f"meta nfproto ipv{rule.version}")
    if rule.ports:
        ports = ", ".join(str(item) for item in rule.ports.ranges)
        parts.append(f"{rule.protocol} dport {{ {ports} }}")
    verdict = "accept" if rule.action == ACCEPT else "reject with icmpx type admin-prohibited"
    services = ", ".join(rule.services)
    parts.append(f'counter {verdict} comment "{COMMENT_PREFIX}{services}"')
    return " ".join(parts)


def render_chain(place: Place, rules: Iterable[Rule]) -> str:
    """Return the commands that make our chain in a table of others hold exactly these rules."""
    name = place.chain_in_table
    lines = [
        f"add chain {name}",
        f"flush chain {name}",
        f"add rule {name} ct state established ct direction reply accept",
    ]
    lines += [f"add rule {name} {render_rule(rule, place.versions)}" for rule in _rules_in(place, rules)]
    return "\n".join(lines) + "\n"


def render_jump(place: Place) -> str:
    """Return the command that puts the jump to our chain at the head of the base chain."""
    return f'insert rule {place.base_in_table} jump {place.chain} comment "{_COMMENT}"\n'


def render_restrictions(rules: Iterable[Rule]) -> str:
    """Return the commands that make our own table hold exactly these rules."""
    lines = [
        f"add table inet {TABLE}",
        f"delete table inet {TABLE}",
        f"table inet {TABLE} {{",
        f"chain {CHAINS[IN]} {{",
        f"type filter hook {HOOKS[IN]} priority {PRIORITY}; policy {ACCEPT};",
        "iif lo accept",
        "ct state established,related accept",
    ]
    return "\n".join(lines + [render_rule(rule) for rule in rules] + ["}", "}"]) + "\n"


class _OurChain(NamedTuple):
    """Our chain in one table of others: what it holds now, and what it has to hold."""

    place: Place  # where it is: any of the bases, which have its table and direction
    bases: Sequence[Place]  # the base chains of the table that jump to it, or have to
    exists: bool
    held: Rules
    intact: bool  # whether it holds as many rules as wanted, so that none was added by hand
    wanted: Rules


class Nftables(Provider):
    """The tables of nftables that no other firewall manages."""

    name = "nftables"
    command = "nft"
    owns_tables = "nftables"
    has_service = False
    our_chains = r"exasol_network_(in|out)\Z"
    flushes_others = True  # nftables.conf begins with "flush ruleset"

    @classmethod
    def is_running(cls, listing: Listing, beside: Sequence[Type[Provider]] = ()) -> bool:
        """Tell whether a table of no other firewall filters; beside others, whether it drops the rest."""
        try:
            ruleset = listing.ruleset()
        except FirewallError:
            if beside:
                return False  # an old nft without JSON, on a host where something else filters
            raise
        chains = [
            chain
            for chain in ruleset.base_chains()
            if chain["table"] != TABLE and ruleset.owner(chain) == cls.owns_tables
        ]
        # Beside another firewall a table is a guest (fail2ban's, for example) unless it drops whatever it
        # does not accept.
        return any(ruleset.drops_the_rest(chain) for chain in chains) if beside else bool(chains)

    def __init__(self, listing: Optional[Listing] = None) -> None:
        super().__init__(listing)
        self._ruleset = self._listing.ruleset()
        self._places = self._ruleset.places()

    def rules(self) -> Rules:
        """Return what our chains hold everywhere, and the rejections of our table."""
        in_our_table = self._ruleset.restrictions() if self._ruleset.is_restricting() else ()
        held = [(place, set(self._ruleset.ours(place))) for place in self._places]
        # Where no table drops what comes in, only our own table holds what it must not reject.
        anywhere: Set[Rule] = {rule for rule in in_our_table if rule.action == ACCEPT}
        for unused, some in held:
            anywhere |= some
        everywhere = {
            rule
            for rule in anywhere
            if all(rule in others for place, others in held if _concerns(rule, place))
        }
        return canonical(everywhere | {rule for rule in in_our_table if rule.action == REJECT})

    def wanted(self, rules: Rules) -> Rules:
        """Return the rules that take effect here: nothing has to be opened where nothing is dropped."""
        restricted = any(rule.action == REJECT for rule in rules)
        return tuple(
            rule
            for rule in rules
            if rule.action == REJECT
            or (restricted and rule.direction == IN)
            or any(_concerns(rule, place) for place in self._places)
        )

    def change_to(self, rules: Rules, persist: bool) -> Change:
        """Return one batch for all tables, which is one transaction, and the files that load it at boot."""
        commands: List[str] = []
        change = Change(steps=[], undo=[], notes=self._notes() if persist and rules else [])
        for bases in self._bases_of_chains():
            chain = self._our_chain(bases, rules)
            commands += self._chain_commands(chain)
            if chain.wanted or chain.exists:
                change.undo.append(self._undo_chain(chain))
        self._change_table(rules, commands, change.undo)
        if commands:
            change.steps.append(Run(("nft", "-f", "-"), "".join(commands)))
        if persist:
            change_files(
                change,
                writes=self._files(rules),
                folders=(FOLDER, os.path.dirname(_DROP_IN)),
                stays=bool(rules),
                has_systemd=systemd_runs(),
            )
        return change

    def _bases_of_chains(self) -> List[List[Place]]:
        """Return the base chains that jump to our chain, or have to, in a list for each chain of ours."""
        without_base = {place.chain_in_table: place for place in self._ruleset.ours_anywhere()}
        grouped: Dict[str, List[Place]] = {name: [] for name in without_base}
        jumping = {place for place in self._ruleset.bases() if self._ruleset.jumps(place)}
        for place in sorted(set(self._places) | jumping):
            grouped.setdefault(place.chain_in_table, []).append(place)
        return [found or [without_base[name]] for name, found in sorted(grouped.items())]

    def _our_chain(self, bases: Sequence[Place], rules: Rules) -> _OurChain:
        place = bases[0]
        needed = any(base in self._places for base in bases)
        wanted = _rules_in(place, rules) if needed else ()
        present = self._ruleset.rules(place.family, place.table, place.chain)
        return _OurChain(
            place=place,
            bases=bases,
            exists=self._ruleset.has_chain(place.family, place.table, place.chain),
            held=self._ruleset.ours(place),
            intact=len(present) == len(wanted) + 1,  # the one for replies
            wanted=wanted,
        )

    def _chain_commands(self, chain: _OurChain) -> Iterator[str]:
        if chain.wanted and (chain.held != chain.wanted or not chain.intact):
            yield render_chain(chain.place, chain.wanted)
        for base in chain.bases:
            yield from self._jump_commands(base, bool(chain.wanted) and base in self._places)
        if chain.exists and not chain.wanted:
            name = chain.place.chain_in_table
            yield f"flush chain {name}\ndelete chain {name}\n"

    def _jump_commands(self, base: Place, needed: bool) -> Iterator[str]:
        """Yield what makes one jump at the head of the base chain, or none at all."""
        jumps = self._ruleset.jumps(base)
        if self._ruleset.is_led_first(base) if needed else not jumps:
            return
        for unused, handle in jumps:
            yield f"delete rule {base.base_in_table} handle {handle}\n"
        if needed:
            yield render_jump(base)

    def _undo_chain(self, chain: _OurChain) -> Step:
        jumped = {base: self._around(base) for base in chain.bases if self._ruleset.jumps(base)}
        restores = self._restores(chain) if chain.exists else None
        return _undo_step(chain.place, chain.bases, restores, jumped)

    def _around(self, base: Place) -> str:
        """Return what nft lists of a base chain, nothing if our jump is the first of its rules."""
        if self._ruleset.is_led_first(base):
            return ""
        return _listed(f"chain {base.base_in_table}")

    def _restores(self, chain: _OurChain) -> str:
        """Return the commands that make our chain what it is now, with what somebody put there by hand."""
        place = chain.place
        ours = render_chain(place, chain.held)
        present = self._ruleset.rules(place.family, place.table, place.chain)
        if len(present) == ours.count("add rule "):
            return ours
        name = place.chain_in_table
        listed = _listed(f"chain {name}")
        return f"add chain {name}\nflush chain {name}\n{listed}" if listed else ours

    def _change_table(self, rules: Rules, commands: List[str], undo: List[Step]) -> None:
        wanted = _rules_of_table(rules)
        held, exists = self._ruleset.restrictions(), self._ruleset.has_chain("inet", TABLE, CHAINS[IN])
        present = self._ruleset.rules("inet", TABLE, CHAINS[IN])
        intact = len(present) == len(wanted) + _ADDED_TO_TABLE and self._ruleset.is_restricting()
        if wanted and (held != wanted or not intact):
            commands.append(render_restrictions(wanted))
        elif not wanted and exists:
            commands.append(f"delete table inet {TABLE}\n")
        if wanted or exists:
            text = remove = f"add table inet {TABLE}\ndelete table inet {TABLE}\n"
            if exists:
                is_ours = len(present) == len(held) + _ADDED_TO_TABLE and self._ruleset.is_restricting()
                listed = "" if is_ours else _listed(f"table inet {TABLE}")
                text = remove + listed if listed else render_restrictions(held)
            undo.append(Run(("nft", "-f", "-"), text, what=f"restoring our nftables table inet {TABLE}"))

    def _files(self, rules: Rules) -> Iterator[Write]:
        """Yield the files that load our rules at boot, as they have to be."""
        files: Dict[str, str] = {}
        for place in self._places:
            wanted = _rules_in(place, rules)
            if wanted:
                name = "-".join((place.family, place.table, place.base)).replace("/", "_")
                files[f"{FOLDER}/nftables-{name}.nft"] = render_chain(place, wanted) + render_jump(place)
        in_our_table = _rules_of_table(rules)
        if in_our_table:
            files[f"{FOLDER}/nftables-{TABLE}.nft"] = render_restrictions(in_our_table)
        for path in _known_files() - set(files):
            yield Write(path, None)
        for path, content in sorted(files.items()):
            yield Write(path, content)
        yield Write(_DROP_IN, _drop_in(sorted(files)))

    @staticmethod
    def _notes() -> List[str]:
        """Return what prevents our rules from being loaded at boot."""
        if not systemd_runs():
            note = "systemd does not run on this host, so our rules are not loaded when the host boots: "
            return [f"{note}make its start scripts load {FOLDER}/*.nft after the host's own rules"]
        if run(("systemctl", "is-enabled", "nftables.service")).returncode:
            note = "nftables.service is not enabled, so neither the host's rules nor ours are loaded at boot"
            return [f"{note}: run systemctl enable nftables"]
        return []

    def answers(self, chain: str, family: str, rules: Rules) -> bool:
        """Tell whether our chain stays in the tables of a family."""
        return any(
            rule.action == ACCEPT
            and rule.version in VERSIONS.get(family, ())
            and CHAINS[rule.direction] == chain
            for rule in rules
        )

    def own_files(self) -> List[str]:
        """Return the files that load our rules at boot."""
        return sorted(_known_files())

    def foreign_changes(self) -> List[drift.ForeignChange]:
        """Return what others did to our chains, compared with the files that load them at boot."""
        found = [change for path in sorted(_known_files()) for change in self._lost_of(path)]
        for place in sorted(place for place in self._ruleset.bases() if self._has_ours(place)):
            jumps, where = self._ruleset.jumps(place), f"chain {place.base_in_table}"
            if jumps or place in self._places:
                found += drift.of_jumps(where, place.chain, jumps, self._ruleset.leads(place))
        if self._ruleset.has_chain("inet", TABLE, CHAINS[IN]) and not self._ruleset.is_restricting():
            why = "it is disabled (dormant), or its chain has another hook, priority or policy"
            found.append(drift.changed(f"table inet {TABLE}", why))
        for place in self._ruleset.ours_anywhere():
            present = self._ruleset.rules(place.family, place.table, place.chain)
            strange = len(present) - 1 - len(self._ruleset.ours(place))
            if strange:
                found.append(drift.changed_by(f"chain {place.chain_in_table}", strange))
        return found

    def _has_ours(self, place: Place) -> bool:
        return self._ruleset.has_chain(place.family, place.table, place.chain)

    def _lost_of(self, path: str) -> Iterator[drift.ForeignChange]:
        """Yield that what a file loads at boot is not there."""
        for family, table, chain in re.findall(
            r"^(?:add chain|table) (inet|ip6?) (\S+) (exasol_network_(?:in|out)|{)$",
            read(path) or "",
            re.MULTILINE,
        ):
            name = CHAINS[IN] if chain == "{" else chain
            if not self._ruleset.has_chain(family, table, name):
                yield drift.chain_gone(f"table {family} {table}", path)

    def nothing_to_open(self) -> str:
        """Return why none of the planned rules is needed."""
        if self._places:
            return "nftables drops none of the planned traffic: there is nothing to open"
        return "nftables drops nothing that comes in or goes out: there is nothing to open"

    def filters_outgoing(self) -> bool:
        """Tell whether a base chain drops anything that goes out."""
        return any(place.direction == OUT for place in self._places)

    @classmethod
    def accepts_replies_by(cls, chain: BaseChain) -> str:
        """Return the command that lets a base chain accept the packets of established connections."""
        return f"nft insert rule {chain} ct state established accept"


def _rules_in(place: Place, rules: Iterable[Rule]) -> Rules:
    return tuple(rule for rule in rules if rule.action == ACCEPT and _concerns(rule, place))


def _rules_of_table(rules: Rules) -> Rules:
    """Return what our own table has to hold: rejections, and before them whatever they must not hit."""
    if not any(rule.action == REJECT for rule in rules):
        return ()
    return tuple(rule for rule in rules if rule.direction == IN)


def _concerns(rule: Rule, place: Place) -> bool:
    return rule.direction == place.direction and rule.version in place.versions


def _listed(what: str) -> str:
    """Return what nft lists of a chain or table, which it reads too; nothing if that has gone meanwhile."""
    try:
        return output(("nft", "list", *what.split(" ")))
    except FirewallError:
        return ""


def _undo_step(
    place: Place, bases: Sequence[Place], restores: Optional[str], jumped: Mapping[Place, str]
) -> Step:
    # The handles of our jumps are not known in advance. So the script looks them up, and removes the jumps in
    # the same transaction that restores what was there. If a table or base chain has gone meanwhile, our part
    # of it went along.
    nft, name = absolute("nft"), place.chain_in_table
    gone = f"add chain {name}\nflush chain {name}\ndelete chain {name}\n"
    before = gone if restores is None else restores
    table = shlex.quote(f"table {place.in_table}")
    lines = [
        f"tables=$({nft} list tables) || exit 1",
        f'case "\n$tables\n" in *"\n"{table}"\n"*) ;; *) exit 0;; esac',
        "gone= back=",
    ]
    for base in bases:
        lines += _finds_jumps(nft, base, jumped.get(base)) if base.base else []
    lines.append(f'printf \'%s\\n%s%s\' "$gone" {shlex.quote(before)} "$back" | {nft} -f -')
    what = f"restoring our chain in the nftables table {place.in_table}"
    return Shell("\n".join(lines), what=what, tool=f"{nft} -f -", needs=(nft, "sed", absolute("awk")))


def _finds_jumps(nft: str, base: Place, around: Optional[str]) -> List[str]:
    """Return what looks for our jumps; C(around) is the chain with those to restore, empty for the head."""
    where = base.base_in_table
    # Only as a rule's own verdict, which its comment alone follows: comments and log prefixes of others may
    # have the same words in them.
    ending = f'[\t ]jump {base.chain}\\( comment "[^"]*"\\)\\{{0,1\\}} # handle \\([0-9]*\\)$'
    jumps = shlex.quote(f"s|.*{ending}|delete rule {where} handle \\2|p")
    back = ":" if around is None else f"back=$back{shlex.quote(render_jump(base))}"
    if around:
        listed = [line for line in lines_of(around) if re.match(r"\t\t(?!type |comment )", line)]
        rules = "".join(f"was{line}\n" for line in listed)
        program = _JUMPS.replace("CHAIN", base.chain).replace("WHERE", where)
        awk, data = absolute("awk"), f"printf '%s%s\\n' {shlex.quote(rules)} \"$found\""
        back = f"more=$({data} | {awk} {shlex.quote(program)}) || exit 1\n    back=$back$more'\n'"
    return [
        f"if found=$({nft} -a list chain {where} 2>&1); then",
        "    " + back,
        f"    found=$(printf '%s\\n' \"$found\" | sed -n {jumps}) || exit 1",
        "    gone=$gone$found'\n'",
        "else case $found in",
        "    *'No such file or directory'*) ;;",
        "    *) printf '%s\\n' \"$found\" >&2; exit 1;;",
        "esac; fi",
    ]


def _known_files() -> Set[str]:
    known = read(_DROP_IN) or ""
    return {line.split(" ")[-1] for line in lines_of(known) if line.startswith("ExecStartPost=")}


def _drop_in(paths: Sequence[str]) -> Optional[str]:
    if not paths:
        return None
    nft = which("nft")
    # A command for each file, whose failure systemd ignores: one table that cannot be loaded must not prevent
    # the others.
    lines = ["# Made by exasol_community.network", "[Service]"]
    lines += [f"ExecStartPost=-{nft} -f {path}" for path in paths]
    lines += [f"ExecReload=-{nft} -f {path}" for path in paths]
    return "\n".join(lines) + "\n"
