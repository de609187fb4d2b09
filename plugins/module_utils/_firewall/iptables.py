# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables, in its nft or legacy variant: a chain of ours for each direction, called before anything else.

Each family changes in one C(iptables-restore --noflush), which is one transaction. The rules that
netfilter-persistent or iptables-services load at boot get our lines, and lose them when our rules are
removed; no other line changes.
"""

import re
import shlex
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Type

from . import drift, ruleset, xtables
from .chains import BaseChain
from .listing import Listing
from .places import PLACES
from .provider import Change, Provider, several_run
from .rule import ACCEPT, COMMENT_PREFIX, IN, OUT, REJECT, Rule, Rules, canonical
from .saved_file import missing_chain, sections
from .steps import (
    FirewallError,
    Run,
    Shell,
    Write,
    absolute,
    as_it_is,
    lines_of,
    read,
    run,
    systemd_runs,
    which,
)

CHAINS = {IN: "EXASOL-IN", OUT: "EXASOL-OUT"}
_BASES = {IN: "INPUT", OUT: "OUTPUT"}
_COMMENT = "exasol_community.network"
# Before each rule, in files that were saved with IPTABLES_SAVE_COUNTER=yes.
_COUNTERS = r"(\[\d+:\d+\] )?"
_OURS = re.compile(
    r"^:EXASOL-(IN|OUT) |^" + _COUNTERS + r"-(A EXASOL-(IN|OUT) |[AI] (INPUT|OUTPUT) .*-j EXASOL-(IN|OUT)$)"
)
_SELECT = "/" + _OURS.pattern.replace(r"\d", "[0-9]") + "/"  # the same for sed -E and awk
_ADDED = ["# Added by exasol_community.network\n", "*filter\n", "COMMIT\n"]
# The awk program of the undo step. It reads the rules of the base chains from before the change, and then
# what is saved at the rollback. It removes the jumps that are there by then, and puts the earlier ones back.
_JUMPS = (
    PLACES
    + r"""
/^was / { $0 = substr($0, 5); earlier_rule[$2, ++earlier_count[$2]] = $0; next }
/^[*]/ { filter = /^[*]filter/ }
{ sub(/^\[[0-9]+:[0-9]+\] /, "") }
filter && /^-A (INPUT|OUTPUT) / { rule_now[$2, ++count_now[$2]] = $0 }
END { jumps("INPUT"); jumps("OUTPUT") }
function jumps(chain,    n, m, place, added) {
  split("", was); split("", ours); split("", line); split("", own); split("", at)
  old = earlier_count[chain] + 0
  last = count_now[chain] + 0
  for (n = 1; n <= old; n++) {
    was[n] = earlier_rule[chain, n]
    if (was[n] ~ / -j EXASOL-(IN|OUT)$/) ours[n] = 1
  }
  for (n = 1; n <= last; n++) {
    line[n] = rule_now[chain, n]
    if (line[n] ~ / -j EXASOL-(IN|OUT)$/) { own[n] = 1; print "-D" substr(line[n], 3) }
  }
  places()
  for (n = 1; n <= old; n++) if (ours[n]) {
    place = ++added
    for (m = 1; m < at[n]; m++) if (!own[m]) place++
    print "-I " chain " " place substr(was[n], length(chain) + 4)
  }
}
"""
)
# The awk program that does what edit() does, on a saved file as it is at the rollback.
_EDIT = r"""
own { ours = ours $0 "\n"; next }
OURS { next }
{ line[++last] = $0 }
/^[*]/ && !table { table = $0 }
/^COMMIT$/ && table { if (table ~ /^[*][ \t]*filter([ \t]|$)/) end = last; table = "" }
END {
  for (n = 1; n <= last; n++) { if (n == end) printf "%s", ours; print line[n] }
  if (ours && !end) printf "# Added by exasol_community.network\n*filter\n%sCOMMIT\n", ours
}
""".replace("OURS", _SELECT)
_DEFAULTS = "/etc/default/netfilter-persistent"
_REJECTIONS = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


class Family(NamedTuple):
    """The commands for one IP version, and the files that are loaded at boot."""

    version: int
    save: str
    restore: str
    files: Tuple[str, str]  # netfilter-persistent, iptables-services
    unit: str  # of iptables-services, which has one for each version


FAMILIES = (
    Family(
        version=4,
        save="iptables-save",
        restore="iptables-restore",
        files=("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
        unit="iptables.service",
    ),
    Family(
        version=6,
        save="ip6tables-save",
        restore="ip6tables-restore",
        files=("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"),
        unit="ip6tables.service",
    ),
)
_DEBIAN_UNIT = "netfilter-persistent.service"


def jump(direction: str) -> str:
    """Return the rule that jumps to our chain, without the command before it."""
    return f"{_BASES[direction]} -m comment --comment {_COMMENT} -j {CHAINS[direction]}"


def chain_lines(rules: Sequence[Rule], direction: str, version: int) -> List[str]:
    """Return the lines of our chain."""
    own = [rule for rule in rules if rule.direction == direction and rule.version == version]
    if not own:
        return []
    chain = CHAINS[direction]
    lines = [f"-A {chain} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT"]
    for rule in own:
        if rule.action == ACCEPT:
            lines += _lines(rule, chain, "ACCEPT")
    rejections = [rule for rule in own if rule.action == REJECT]
    if rejections:
        # Only new connections of others are rejected. Those that are established or from the host itself go
        # on to the host's own rules, which need not have one for them.
        lines += [
            f"-A {chain} -i lo -j RETURN",
            f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        ]
    for rule in rejections:
        lines += _lines(rule, chain, f"REJECT --reject-with {_REJECTIONS[version]}")
    return lines


def _lines(rule: Rule, chain: str, target: str) -> List[str]:
    comment = COMMENT_PREFIX + ", ".join(rule.services)
    lines = []
    for network, ports in xtables.pieces(rule):
        condition = " ".join(xtables.match(rule, network, ports))
        lines.append(f'-A {chain} {condition} -m comment --comment "{comment}" -j {target}')
    return lines


def parse(saved: str, version: int) -> Rules:
    """Return our rules in what iptables-save prints, in canonical form."""
    found = []
    for direction, chain in CHAINS.items():
        lines = [line for line in lines_of(saved) if line.startswith(f"-A {chain} ")]
        found += [xtables.parse_line(line, direction, version) for line in lines]
    return canonical(rule for rule in found if rule is not None)


def batch(saved: str, rules: Rules, version: int) -> str:
    """Return the input of iptables-restore to get from the saved rules to ours, empty if they are equal."""
    parts = [_direction(saved, rules, version, direction) for direction in CHAINS]
    text = "".join(parts)
    return f"*filter\n{text}COMMIT\n" if text else ""


def _direction(saved: str, rules: Rules, version: int, direction: str) -> str:
    chain, wanted = CHAINS[direction], chain_lines(rules, direction, version)
    exists = f":{chain} " in saved
    # Somebody may have put a rule into our chain by hand, so its rules are counted too.
    intact = sum(line.startswith(f"-A {chain} ") for line in lines_of(saved)) == len(wanted)
    in_base = [line for line in lines_of(saved) if line.startswith(f"-A {_BASES[direction]} ")]
    jumps = [position for position, line in enumerate(in_base) if line.endswith(f"-j {chain}")]
    own = tuple(rule for rule in rules if (rule.direction, rule.version) == (direction, version))
    held = tuple(rule for rule in parse(saved, version) if rule.direction == direction)
    # Each jump as it was saved: one that was made by hand has no comment of ours, and -D must match the whole
    # rule.
    gone = "".join(f"-D {in_base[position][len('-A ') :]}\n" for position in jumps)
    if not wanted:
        return gone + f"-F {chain}\n-X {chain}\n" if exists else ""
    text = "" if exists and held == own and intact else "\n".join([f":{chain} - [0:0]"] + wanted) + "\n"
    if jumps != [0] or not _leads_all(in_base[0], direction):
        text += gone + _insertion(direction)
    return text


def _leads_all(line: str, direction: str) -> bool:
    """Tell whether a rule leads all packets of its base chain to our chain, not those of one interface."""
    comment = r'( -m comment --comment (\S+|"(\\.|[^"\\])*"))?'
    return bool(re.match(f"-A {_BASES[direction]}{comment} -j {CHAINS[direction]}$", line))


def _foreign_changes(
    saved: str, version: int, direction: str, kept: Tuple[str, str]
) -> Iterator[drift.ForeignChange]:
    """Yield what others did to one chain of ours; C(kept) is the file loaded at boot, and its text."""
    chain, (path, text) = CHAINS[direction], kept
    where = f"chain {_BASES[direction]} of IPv{version}"
    if f":{chain} " not in saved:
        if f":{chain} " in text:
            yield drift.chain_gone(where, path)
        return
    lines = lines_of(saved)
    in_base = [line for line in lines if line.startswith(f"-A {_BASES[direction]} ")]
    jumps = [line for line in in_base if line.endswith(f"-j {chain}")]
    leads = [position for position, line in enumerate(in_base) if _leads_all(line, direction)]
    yield from drift.of_jumps(where, chain, jumps, leads, first=in_base[0] if in_base else "")
    present = [line for line in lines if line.startswith(f"-A {chain} ")]
    strange = len(present) - len(chain_lines(parse(saved, version), direction, version))
    if strange:
        yield drift.changed_by(f"chain {chain} of IPv{version}", strange)


def _insertion(direction: str) -> str:
    """Return the command that puts our jump before the first rule."""
    base, condition = jump(direction).split(" ", 1)
    return f"-I {base} 1 {condition}\n"


def undo_step(family: Family, saved: str) -> Shell:
    """Return the step that restores our chains and jumps as saved, however far a change has come by then."""
    heads = "*filter\n" + "".join(f":{chain} - [0:0]\n" for chain in CHAINS.values())
    rest = "".join(_as_saved(saved, direction) for direction in CHAINS) + "COMMIT\n"
    was = "".join(f"was {line}\n" for line in lines_of(saved) if re.match("-A (INPUT|OUTPUT) ", line))
    save, awk, restore = absolute(family.save), absolute("awk"), absolute(family.restore)
    load = " ".join([restore, "--noflush"] + xtables.wait_option(family.restore))
    text = (
        f"saved=$({save}) || exit 1\n"
        f"jumps=$(printf '%s%s\\n' {shlex.quote(was)} \"$saved\" | {awk} {shlex.quote(_JUMPS)}) || exit 1\n"
        f"printf '%s%s\\n%s' {shlex.quote(heads)} \"$jumps\" {shlex.quote(rest)} | {load}"
    )
    return Shell(
        text,
        what=f"restoring our chains of iptables for IPv{family.version}",
        tool=load,
        needs=(save, awk, restore),
    )


def _as_saved(saved: str, direction: str) -> str:
    chain = CHAINS[direction]
    if f":{chain} " not in saved:
        return f"-X {chain}\n"
    return "".join(f"{line}\n" for line in lines_of(saved) if line.startswith(f"-A {chain} "))


def edit(text: Optional[str], rules: Rules, version: int, path: str = "the saved rules") -> Optional[str]:
    """Return a file of saved rules with exactly our lines in it, None if the file is not needed.

    Our lines come at the end of the last filter table, and insert the jumps there: no other rule, and no
    flush (-F, -X), comes after them.
    """
    ours = {direction: chain_lines(rules, direction, version) for direction in CHAINS}
    if not any(ours.values()):
        lines = _without_ours(text or "")
        return text if "".join(lines) == text else "".join(lines) or None
    if _holds(text or "", rules, version, path):
        return text
    lines = _without_ours(text or "")
    if not any(section.table == "filter" for section in sections(lines, path)):
        lines += _ADDED
    end = [section.end for section in sections(lines, path) if section.table == "filter"][-1]
    heads = [f":{CHAINS[direction]} - [0:0]\n" for direction, own in ours.items() if own]
    bodies = [f"{line}\n" for own in ours.values() for line in own]
    jumps = [_insertion(direction) for direction, own in ours.items() if own]
    return "".join(lines[:end] + heads + bodies + jumps + lines[end:])


def _holds(text: str, rules: Rules, version: int, path: str) -> bool:
    """Tell whether the file holds our rules already, saved by somebody else with iptables-save."""
    lines = lines_of(text, ends=True)
    filters = [section for section in sections(lines, path) if section.table == "filter"]
    if len(filters) != 1:
        return False
    own = [re.sub("^" + _COUNTERS, "", line) for line in lines[filters[0].start + 1 : filters[0].end]]
    if not all(re.match(r":|-A |#|\n", line) for line in own):
        return False
    return batch(f"*filter\n{''.join(own)}COMMIT\n", rules, version) == ""


def check_loads(family: Family, path: str, before: Optional[str], content: Optional[str]) -> None:
    """Raise unless iptables-restore can load a file of saved rules as we would write it; changes nothing."""
    if content is None or content == before:
        return
    wrong = _wrong_with(family, path, content)
    if not wrong:
        return
    if before and _wrong_with(family, path, before):
        raise FirewallError(
            f"{path} cannot be loaded as it is: {wrong}. Repair the file, or remove it and save the rules "
            "again"
        )
    raise FirewallError(f"{path} could not be loaded with our rules in it: {wrong}. Nothing was changed")


def _wrong_with(family: Family, path: str, content: str) -> str:
    done = run((family.restore, "--test"), content)
    if done.returncode:
        return f"{family.restore} --test says: {(done.stderr or done.stdout).strip()[-500:]}"
    # Without a flush, a rule may name chains that are not in the file.
    keeps = re.search(r"^IPTABLES_RESTORE_NOFLUSH=.?yes", read(_DEFAULTS) or "", re.MULTILINE)
    return "" if keeps else missing_chain(lines_of(content, ends=True), path)


def undo_file(before: Write, written: Optional[str]) -> Shell:
    """Return the step that restores a file of saved rules.

    If others have changed it by then, only our lines become what they were.
    """
    lines = lines_of(written or "", ends=True)
    left = "".join(line for line in lines if not _OURS.match(line)).rstrip("\n")
    path, sed = shlex.quote(before.path), f"sed -E {shlex.quote(_SELECT + 'd')}"
    awk, ours = absolute("awk"), shlex.quote(_lines_of_ours(before.content or ""))
    was = shlex.quote(_rules_before(before.content or ""))
    # A file that is right already is not touched: it may be one that cannot be written. The dot keeps the
    # newlines at its end.
    text = (
        f"now=$(cat {path} 2>/dev/null; echo .)\n"
        f"others=$(printf '%s' \"${{now%.}}\" | {sed} && echo .) || exit 1\n"
        f'if [ "$now" = {shlex.quote((before.content or "") + ".")} ]; then :\n'
        f'elif [ "$(printf \'%s\' "${{others%.}}")" = {shlex.quote(left)} ]; then\n{before.shell()}\n'
        f"elif [ -e {path} ]; then\n"
        f"jumps=$(printf '%s' {was} | {awk} {shlex.quote(_JUMPS)} - {path}) || exit 1\n"
        "jumps=$(printf '%s\\n' \"$jumps\" | sed -n 's/^-I .*/&/p'; echo .)\n"
        f"new=$(printf '%s%s' {ours} \"${{jumps%.}}\" | {awk} {shlex.quote(_EDIT)} own=1 - own= {path} && "
        "echo .) || exit 1\n"
        f"printf '%s' \"${{new%.}}\" | put {path} $(stat -L -c %a {path})\nfi"
    )
    return Shell(
        text,
        what="restoring the rules that are loaded when the host boots",
        tool=f"writing {before.path}",
        needs=(awk, "sed", "stat"),
    )


def _rules_before(text: str) -> str:
    """Return the rules of the filter table's base chains as the awk program of the undo step reads them."""
    table, found = "", []
    for line in lines_of(text):
        table = line.split(" ")[0] if line.startswith("*") else table
        rule = re.sub("^" + _COUNTERS, "", line)
        if table == "*filter" and re.match("-A (INPUT|OUTPUT) ", rule):
            found.append(f"was {rule}\n")
    return "".join(found)


def _lines_of_ours(text: str) -> str:
    """Return our lines of a file of saved rules, as they can stand at the end of any filter table.

    Without the jumps that stand among rules of others: their places depend on what else is there by then.
    """
    own = [re.sub("^" + _COUNTERS, "", line) for line in lines_of(text, ends=True) if _OURS.match(line)]
    heads = [line for line in own if line.startswith(":")]
    rules = [line for line in own if line.startswith("-A EXASOL-")]
    jumps = [line for line in own if line.startswith("-I ")]
    return "".join(heads + rules + jumps)


def _without_ours(text: str) -> List[str]:
    lines = [line for line in lines_of(text, ends=True) if not _OURS.match(line)]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines[: -len(_ADDED)] if lines[-len(_ADDED) :] == _ADDED else lines


def _other_variant_that_filters(listing: Listing) -> str:
    variant = listing.other_variant()
    commands = xtables.save_commands(variant).values() if variant else ()
    for command in commands:
        if xtables.filters(xtables.filter_table(listing.saved_if_any(command))):
            return variant
    return ""


class Iptables(Provider):
    """The filter tables of iptables."""

    name = "iptables"
    command = "iptables-save"
    owns_tables = "iptables"
    has_service = False
    our_chains = r"EXASOL-(IN|OUT)\Z"

    @classmethod
    def unit(cls) -> str:
        """Return systemd's unit that loads the rules of iptables at boot."""
        return _DEBIAN_UNIT if which("netfilter-persistent") else FAMILIES[0].unit

    @classmethod
    def is_running(cls, listing: Listing, beside: Sequence[Type[Provider]] = ()) -> bool:
        """Tell whether a filter table drops anything that none of the firewalls beside it made.

        Raise if the rules are in the variant that the command iptables is not.
        """
        filters = cls._filters(listing, beside)
        variant = _other_variant_that_filters(listing)
        if not variant:
            return filters
        running = [firewall.name for firewall in beside] + ([cls.name] if filters else [])
        if running:
            raise several_run(running + [variant])
        raise FirewallError(
            f"the active rules are in {variant}, but the command iptables is the other variant: "
            f"select {variant} with update-alternatives, or choose another firewall with provider"
        )

    @classmethod
    def _filters(cls, listing: Listing, beside: Sequence[Type[Provider]]) -> bool:
        for version, command in xtables.SAVE.items():
            text = xtables.filter_table(listing.saved_if_any(command))
            if not xtables.filters(text) or not listing.iptables_reads(version, "filter"):
                continue
            # Asked only now: firewalld takes a second to list its direct rules.
            for firewall in beside:
                text = firewall.without_its_rules(text, version)
            if xtables.filters(text):
                return True
        return False

    def __init__(self, listing: Optional[Listing] = None) -> None:
        super().__init__(listing)
        self._families = [
            family
            for family in FAMILIES
            if which(family.save) and (family.version == 4 or xtables.has_ipv6())
        ]
        texts = {family.version: self._listing.saved(family.save) for family in self._families}
        self._saved: Dict[int, str] = {version: xtables.filter_table(text) for version, text in texts.items()}
        self._unreadable = [
            version for version, text in texts.items() if "filter" in xtables.unreadable(text)
        ]

    def rules(self) -> Rules:
        """Return what our chains hold."""
        return canonical(rule for version, saved in self._saved.items() for rule in parse(saved, version))

    def wanted(self, rules: Rules) -> Rules:
        """Return the rules of the IP versions that iptables filters here; raise if it cannot reject IPv6."""
        unfiltered = self._unfiltered()
        if unfiltered and any(rule.action == REJECT and rule.version == 6 for rule in rules):
            raise FirewallError(
                f"restrict cannot reject anything over IPv6, because {unfiltered} on this host: install it, "
                "turn IPv6 off, or set restrict to false"
            )
        return tuple(rule for rule in rules if rule.version in self._saved)

    @staticmethod
    def _unfiltered() -> str:
        """Return why IPv6 is not filtered although the host has it."""
        command = FAMILIES[1].save
        return f"{command} is not installed" if xtables.has_ipv6() and not which(command) else ""

    def check(self) -> None:
        """Raise if iptables cannot read the table to which our chains belong.

        It would add our rules again in each run, and remove none.
        """
        if self._unreadable:
            raise FirewallError(xtables.MIXED.format(ruleset.FAMILIES[self._unreadable[0]]))

    def _refuse_leftovers(self) -> None:
        if self._unreadable and (not which("nft") or self._listing.ruleset().holds_chains(CHAINS.values())):
            self.check()

    def change_to(self, rules: Rules, persist: bool) -> Change:
        """Return one batch for each IP version, and the files that are loaded at boot."""
        self._refuse_leftovers()
        change = Change(steps=[], undo=[], notes=self._notes(rules if persist else ()))
        for family in self._families:
            saved = self._saved[family.version]
            text = batch(saved, rules, family.version)
            if text:
                command = (family.restore, "--noflush", *xtables.wait_option(family.restore))
                change.steps.append(Run(command, text))
                change.undo.append(undo_step(family, saved))
            path = _file(family)
            if persist and path:
                content = edit(read(path), rules, family.version, path)
                check_loads(family, path, read(path), content)
                self._change_file(path, content, change)
        return change

    @staticmethod
    def _change_file(path: str, content: Optional[str], change: Change) -> None:
        before = as_it_is(path)
        if before.content != content:
            change.steps.append(Write(path, content, before.mode if before.content is not None else 0o640))
            change.undo.append(undo_file(before, content))

    def _notes(self, kept: Rules) -> List[str]:
        notes = []
        unfiltered = self._unfiltered()
        if unfiltered:
            notes.append(f"{unfiltered}: rules for IPv6 are left out, and iptables does not filter IPv6")
        versions = {rule.version for rule in kept}
        return notes + _lost_at_boot([family for family in self._families if family.version in versions])

    def answers(self, chain: str, family: str, rules: Rules) -> bool:
        """Tell whether our chain stays for an IP version."""
        return any(
            ruleset.FAMILIES[rule.version] == family and CHAINS[rule.direction] == chain for rule in rules
        )

    def foreign_changes(self) -> List[drift.ForeignChange]:
        """Return what others did to our chains, compared with the rules that are loaded at boot."""
        found: List[drift.ForeignChange] = []
        for family in self._families:
            saved, path = self._saved[family.version], _file(family)
            kept = read(path) or "" if path else ""
            for direction in CHAINS:
                found += _foreign_changes(saved, family.version, direction, (path, kept))
        return found

    def filters_outgoing(self) -> bool:
        """Tell whether the chain OUTPUT drops anything."""
        return any(
            re.search(r"^:OUTPUT (DROP|REJECT)|^-A OUTPUT .*-j (?!ACCEPT|EXASOL|LOG)", saved, re.MULTILINE)
            for saved in self._saved.values()
        )

    @classmethod
    def accepts_replies_by(cls, chain: BaseChain) -> str:
        """Return the command that lets a base chain accept the packets of established connections."""
        command = "ip6tables" if chain.family == "ip6" else "iptables"
        return f"{command} -I {chain.name} -m conntrack --ctstate ESTABLISHED -j ACCEPT"


def _file(family: Family) -> str:
    """Return the file that the host loads at boot, nothing if it loads none."""
    debian, redhat = family.files
    if which("netfilter-persistent"):
        return debian
    return redhat if read(redhat) is not None else ""


def _lost_at_boot(families: Sequence[Family]) -> List[str]:
    """Return why rules of these versions will not be there when the host has booted."""
    without_file = [family for family in families if not _file(family)]
    if not any(_file(family) for family in FAMILIES):
        return [_NOTHING_LOADS] if without_file else []
    notes = [_NO_FILE.format(family.version, family.unit, family.files[1]) for family in without_file]
    if systemd_runs():
        units = sorted({_unit(family) for family in families if family not in without_file})
        off = [unit for unit in units if run(("systemctl", "is-enabled", unit)).returncode]
        notes += [_NOT_ENABLED.format(unit, unit[: -len(".service")]) for unit in off]
    return notes


_NOTHING_LOADS = (
    "the rules of iptables will be lost when this host boots: install netfilter-persistent (Debian, Ubuntu) "
    "or iptables-services (Red Hat)"
)
_NO_FILE = (
    "the rules for IPv{0} will be lost when this host boots, because {1} loads {2}, which does not exist: "
    "create it (package iptables-services) and run this task again"
)
_NOT_ENABLED = (
    "{0} is not enabled, so neither the host's rules nor ours are loaded at boot: run systemctl enable {1}"
)


def _unit(family: Family) -> str:
    """Return the unit that loads the file of one version."""
    return _DEBIAN_UNIT if which("netfilter-persistent") else family.unit
