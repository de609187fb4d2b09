# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""iptables, nft or legacy variant.

A chain of ours for each direction and family, jumped to before anything else.

Each family changes in one C(iptables-restore --noflush), which is one transaction. The saved rules of
netfilter-persistent or iptables-services get our lines and lose them again; every other line stays as it is.
"""

import re
import shlex
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from . import nftables, xtables
from .listing import Listing
from .rule import ACCEPT, IN, OUT, REJECT, Rule, Rules, canonical
from .saved_file import sections
from .steps import FirewallError, Run, Shell, Step, Write, absolute, as_it_is, read, run, which

NAME = "iptables"
CHAINS = {IN: "EXASOL-IN", OUT: "EXASOL-OUT"}
_BASES = {IN: "INPUT", OUT: "OUTPUT"}
_COMMENT = "exasol_community.network"
# With IPTABLES_SAVE_COUNTER=yes, lines of saved rules begin with counters.
_COUNTERS = r"(\[\d+:\d+\] )?"
_OURS = re.compile(
    r"^:EXASOL-(IN|OUT) |^" + _COUNTERS + r"-(A EXASOL-(IN|OUT) |[AI] (INPUT|OUTPUT) .*-j EXASOL-(IN|OUT)$)"
)
_DELETE = "/{0}/d".format(_OURS.pattern.replace(r"\d", "[0-9]"))  # the same for sed -E
_ADDED = ["# Added by exasol_community.network\n", "*filter\n", "COMMIT\n"]
# Takes away the jumps that are there by then and puts the saved ones where they stood, counted from the head
# or from the end of the rules of others, whichever is nearer to the head: with fewer rules before it by then
# (fail2ban's, for example), a jump falls behind no more than it did.
_JUMPS = r"""
/^[*]/ { filter = /^[*]filter/ }
filter && /^-A (INPUT|OUTPUT) / { if (/ -j EXASOL-(IN|OUT)$/) print "-D" substr($0, 3); else count[$2]++ }
/^-I / { place = ++count[$2] - $4; if ($3 < place) place = $3; sub(/ [0-9]+ [0-9]+ /, " " (place < 1 ? 1 : place) " "); print }
"""
_REJECTIONS = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}


class Family(NamedTuple):
    """The commands of one IP version, and the files that are loaded at boot."""

    version: int
    save: str
    restore: str
    files: Tuple[str, str]  # netfilter-persistent, iptables-services


FAMILIES = (
    Family(4, "iptables-save", "iptables-restore", ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables")),
    Family(6, "ip6tables-save", "ip6tables-restore", ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables")),
)


def jump(direction: str) -> str:
    """Return the jump to our chain without the command before it."""
    return f"{_BASES[direction]} -m comment --comment {_COMMENT} -j {CHAINS[direction]}"


def chain_lines(rules: Sequence[Rule], direction: str, version: int) -> List[str]:
    """Return the lines of our chain."""
    own = [rule for rule in rules if rule.direction == direction and rule.version == version]
    if not own:
        return []
    chain = CHAINS[direction]
    lines = [f"-A {chain} -m conntrack --ctstate ESTABLISHED --ctdir REPLY -j ACCEPT"]
    lines += [line for rule in own if rule.action == ACCEPT for line in _lines(rule, chain, "ACCEPT")]
    refused = [
        line
        for rule in own
        if rule.action == REJECT
        for line in _lines(rule, chain, f"REJECT --reject-with {_REJECTIONS[version]}")
    ]
    if refused:
        # What we refuse is new connections from elsewhere: none of this host's own, none that stands already.
        # What we permit stands before: a host may have no rule of its own for standing connections.
        lines += [
            f"-A {chain} -i lo -j RETURN",
            f"-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        ]
    return lines + refused


def _lines(rule: Rule, chain: str, target: str) -> List[str]:
    matches = [" ".join(xtables.match(rule, network, ports)) for network, ports in xtables.pieces(rule)]
    return [
        '-A {0} {1} -m comment --comment "{2}{3}" -j {4}'.format(
            chain, match, xtables.PREFIX, ", ".join(rule.services), target
        )
        for match in matches
    ]


def parse(saved: str, version: int) -> Rules:
    """Return the rules that an iptables-save holds for us, in canonical form."""
    found = []
    for direction, chain in CHAINS.items():
        lines = [line for line in saved.splitlines() if line.startswith(f"-A {chain} ")]
        found += [xtables.parse_line(line, direction, version) for line in lines]
    return canonical(rule for rule in found if rule is not None)


def batch(saved: str, rules: Rules, version: int) -> str:
    """Return the input of iptables-restore that leads from the saved rules to ours, empty if nothing has to change."""
    parts = [_direction(saved, rules, version, direction) for direction in CHAINS]
    text = "".join(parts)
    return f"*filter\n{text}COMMIT\n" if text else ""


def _direction(saved: str, rules: Rules, version: int, direction: str) -> str:
    chain, wanted = CHAINS[direction], chain_lines(rules, direction, version)
    exists = f":{chain} " in saved
    # A line that somebody put into our chain is no rule of ours, so they are counted too.
    whole = sum(line.startswith(f"-A {chain} ") for line in saved.splitlines()) == len(wanted)
    in_base = [line for line in saved.splitlines() if line.startswith(f"-A {_BASES[direction]} ")]
    jumps = [position for position, line in enumerate(in_base) if line.endswith(f"-j {chain}")]
    own = tuple(rule for rule in rules if (rule.direction, rule.version) == (direction, version))
    held = tuple(rule for rule in parse(saved, version) if rule.direction == direction)
    # Each jump in its own words: one that somebody made by hand has no comment of ours, and -D has to match
    # all of a rule.
    gone = "".join("-D {0}\n".format(in_base[position][len("-A ") :]) for position in jumps)
    if not wanted:
        return gone + f"-F {chain}\n-X {chain}\n" if exists else ""
    text = "" if exists and held == own and whole else "\n".join([f":{chain} - [0:0]"] + wanted) + "\n"
    if jumps != [0]:
        text += gone + "-I {0}\n".format(jump(direction).replace(" ", " 1 ", 1))
    return text


def way_back(family: Family, saved: str) -> Shell:
    """Return the step that brings our chains and jumps back to what is saved, however far a change has come by then."""
    heads = "*filter\n" + "".join(f":{chain} - [0:0]\n" for chain in CHAINS.values())
    rest = "".join(_as_saved(saved, direction) for direction in CHAINS) + "COMMIT\n"
    held = "".join(_inserts(saved, direction) for direction in CHAINS)
    words = {
        "save": absolute(family.save),
        "restore": " ".join([absolute(family.restore), "--noflush"] + xtables.wait(family.restore)),
        "awk": absolute("awk"),
        "heads": shlex.quote(heads),
        "held": shlex.quote(held),
        "jumps": shlex.quote(_JUMPS),
        "rest": shlex.quote(rest),
    }
    return Shell(
        "saved=$({save}) || exit 1\n"
        "jumps=$(printf '%s\\n%s' \"$saved\" {held} | {awk} {jumps}) || exit 1\n"
        "printf '%s%s\\n%s' {heads} \"$jumps\" {rest} | {restore}".format(**words)
    )


def _inserts(saved: str, direction: str) -> str:
    base, ending = f"-A {_BASES[direction]} ", f"-j {CHAINS[direction]}"
    in_base = [line for line in saved.splitlines() if line.startswith(base)]
    behind = [
        sum(not line.endswith(ending) for line in in_base[position:]) for position in range(len(in_base))
    ]
    return "".join(
        f"-I {_BASES[direction]} {position + 1} {behind[position]} {line[len(base) :]}\n"
        for position, line in enumerate(in_base)
        if line.endswith(ending)
    )


def _as_saved(saved: str, direction: str) -> str:
    chain = CHAINS[direction]
    if f":{chain} " not in saved:
        return f"-X {chain}\n"
    return "".join(f"{line}\n" for line in saved.splitlines() if line.startswith(f"-A {chain} "))


def edit(text: Optional[str], rules: Rules, version: int, path: str = "the saved rules") -> Optional[str]:
    """Return a file of saved rules with exactly our lines in it, None if it held nothing else and we want nothing.

    Ours stand at the end of the last filter table, and the jumps are inserted there: no flush (-F, -X) or
    rule of others comes after them.
    """
    ours = {direction: chain_lines(rules, direction, version) for direction in CHAINS}
    if not any(ours.values()):
        lines = _foreign(text or "")
        return text if "".join(lines) == text else "".join(lines) or None
    if _holds(text or "", rules, version, path):
        return text
    lines = _foreign(text or "")
    if not any(section.table == "filter" for section in sections(lines, path)):
        lines += _ADDED
    end = [section.end for section in sections(lines, path) if section.table == "filter"][-1]
    heads = [f":{CHAINS[direction]} - [0:0]\n" for direction, own in ours.items() if own]
    bodies = [f"{line}\n" for own in ours.values() for line in own]
    jumps = [
        "-I {0}\n".format(jump(direction).replace(" ", " 1 ", 1)) for direction, own in ours.items() if own
    ]
    return "".join(lines[:end] + heads + bodies + jumps + lines[end:])


def _holds(text: str, rules: Rules, version: int, path: str) -> bool:
    """Tell whether a file that was saved by iptables-save since, in its words, holds our rules already."""
    lines = text.splitlines(True)
    filters = [section for section in sections(lines, path) if section.table == "filter"]
    saved = (
        [re.sub("^" + _COUNTERS, "", line) for line in lines[filters[0].start + 1 : filters[0].end]]
        if len(filters) == 1
        else ["?"]
    )
    plain = all(re.match(r":|-A |#|\n", line) for line in saved)
    return plain and batch("*filter\n{0}COMMIT\n".format("".join(saved)), rules, version) == ""


def tested(family: Family, path: str, before: Optional[str], content: Optional[str]) -> None:
    """Raise unless iptables-restore reads a file of saved rules as we would write it.

    Nothing is changed by that.
    """
    if content is None or content == before:
        return
    done = run((family.restore, "--test"), content)
    if not done.returncode:
        return
    said = (done.stderr or done.stdout).strip()[-500:]
    if before and run((family.restore, "--test"), before).returncode:
        raise FirewallError(
            f"{path} cannot be loaded as it is, {family.restore} --test says: {said}. Correct the file, or "
            f"remove it and save the rules anew"
        )
    raise FirewallError(
        f"{path} could not be loaded with our lines in it, {family.restore} --test says: {said}. Nothing was "
        f"changed"
    )


def file_back(before: Write, written: Optional[str]) -> Shell:
    """Return the step that brings a file of saved rules back.

    If others have changed it by then, it loses our lines alone.
    """
    left = "".join(line for line in (written or "").splitlines(True) if not _OURS.match(line)).rstrip("\n")
    words = {
        "sed": f"sed -E {shlex.quote(_DELETE)}",
        "path": shlex.quote(before.path),
        "left": shlex.quote(left),
        "before": before.shell(),
        "whole": shlex.quote("{0}.".format(before.content or "")),
    }
    # A file that is right already is not touched: it may be one that could not be written. The dot keeps the
    # newlines at its end.
    return Shell(
        "now=$(cat {path} 2>/dev/null; echo .)\n"
        "others=$(printf '%s' \"${{now%.}}\" | {sed} && echo .) || exit 1\n"
        'if [ "$now" = {whole} ]; then :\n'
        'elif [ "$(printf \'%s\' "${{others%.}}")" = {left} ]; then\n{before}\n'
        "elif [ -e {path} ]; then printf '%s' \"${{others%.}}\" | put {path} $(stat -L -c %a {path})\nfi".format(
            **words
        )
    )


def _foreign(text: str) -> List[str]:
    lines = [line for line in text.splitlines(True) if not _OURS.match(line)]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines[: -len(_ADDED)] if lines[-len(_ADDED) :] == _ADDED else lines


class Provider:
    """Reads and changes iptables."""

    name = NAME

    def __init__(self, listing: Optional[Listing] = None):
        self._listing = listing or Listing()
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
        self._persists = True  # whether rules of ours have to be loaded at boot

    def rules(self) -> Rules:
        """Return what our chains hold."""
        return canonical(rule for version, saved in self._saved.items() for rule in parse(saved, version))

    def wanted(self, rules: Rules) -> Rules:
        """Return which of the rules take effect here; raise where somebody is to be refused who cannot be."""
        if self._unfiltered() and any(rule.action == REJECT and rule.version == 6 for rule in rules):
            raise FirewallError(
                f"nobody can be refused over IPv6, because {self._unfiltered()} on this host: install it, "
                f"turn IPv6 off, or do without restrict"
            )
        return tuple(rule for rule in rules if rule.version in self._saved)

    def _unfiltered(self) -> str:
        command = FAMILIES[1].save
        return f"{command} is not installed" if xtables.has_ipv6() and not which(command) else ""

    def check(self) -> None:
        """Raise where iptables cannot see the table that our chains stand in.

        It would add to it at each run, and remove nothing.
        """
        if self._unreadable:
            raise FirewallError(xtables.MIXED.format(nftables.FAMILIES[self._unreadable[0]]))

    def _refuse_leftovers(self) -> None:
        if self._unreadable and (not which("nft") or self._listing.ruleset().holds_chains(CHAINS.values())):
            self.check()

    def steps(self, rules: Rules, persist: bool) -> Tuple[List[Step], List[Step]]:
        """Return the steps to these rules and the steps back."""
        self._refuse_leftovers()
        self._persists = persist and bool(rules)
        steps, back = [], []  # type: List[Step], List[Step]
        for family in self._families:
            saved = self._saved[family.version]
            text = batch(saved, rules, family.version)
            if text:
                steps.append(Run((family.restore, "--noflush", *xtables.wait(family.restore)), text))
                back.append(way_back(family, saved))
            path = _file(family)
            if persist and path:
                content = edit(read(path), rules, family.version, path)
                tested(family, path, read(path), content)
                self._persist(path, content, steps, back)
        return steps, back

    @staticmethod
    def _persist(path: str, content: Optional[str], steps: List[Step], back: List[Step]) -> None:
        before = as_it_is(path)
        if before.content != content:
            steps.append(Write(path, content, before.mode if before.content is not None else 0o640))
            back.append(file_back(before, content))

    def notes(self) -> List[str]:
        """Return what the user should know."""
        unfiltered = self._unfiltered()
        left_out = (
            [f"{unfiltered}: rules for IPv6 are left out, and nothing of iptables filters it"]
            if unfiltered
            else []
        )
        if not self._persists or any(_file(family) for family in self._families):
            return left_out
        return left_out + [
            (
                "nothing keeps the rules of iptables over a restart of this host: install "
                "netfilter-persistent (Debian, Ubuntu) or "
                "iptables-services (Red Hat)"
            )
        ]

    def filters_outgoing(self) -> bool:
        """Tell whether anything that goes out is dropped."""
        return any(
            re.search(r"^:OUTPUT (DROP|REJECT)|^-A OUTPUT .*-j (?!ACCEPT|EXASOL|LOG)", saved, re.MULTILINE)
            for saved in self._saved.values()
        )


def _file(family: Family) -> str:
    debian, redhat = family.files
    if which("netfilter-persistent"):
        return debian
    return redhat if read(redhat) is not None else ""
