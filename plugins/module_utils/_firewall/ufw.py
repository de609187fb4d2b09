# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ufw: rules of ours, told by their comment, above all others in its user rules, where the first match wins.

ufw keeps each rule as a tuple in a comment, from which C(ufw status) and later changes read it, and the
iptables lines below. We write both as ufw does, under ufw's own lock, and load the file as ufw does: one
iptables-restore a family.
"""

import binascii
import fcntl
import ipaddress
import re
import shlex
from typing import Dict, List, NamedTuple, Optional, Tuple

from .._values.ports import Ports
from . import xtables
from .rule import ACCEPT, IN, OUT, REJECT, Rule, Rules, canonical, names_of, plain
from .steps import FirewallError, Run, Shell, Step, Write, absolute, as_it_is, open_lock, read

NAME = "ufw"
_LOCK = "/run/ufw.lock"
_BEGIN = "### RULES ###\n"
_CHAINS = {IN: "ufw{0}-user-input", OUT: "ufw{0}-user-output"}
_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_TUPLE = re.compile(
    r"### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (in|out)(?: comment=((?:[0-9a-f]{2})+))?$"
)

_LINE = re.compile(r"-A ufw6?-user-(input|output) ")
# What edit() does, on the file as it is when the change is taken back: others may have changed it by then.
_EDIT = r"""
own { ours[++count] = $0; next }
{ line[++last] = $0 }
END {
  for (n = 1; n <= last; n++) if (line[n] ~ /^### tuple ### .* comment=PREFIX/) {
    gone[n] = 1
    if (line[n + 1] ~ /^-A ufw6?-user-(input|output) /) gone[n + 1] = 1
    if (line[n - 1] == "") gone[n - 1] = 1
  }
  for (n = 1; n <= last; n++) if (!gone[n]) { print line[n]; if (line[n] == "### RULES ###") for (m = 1; m <= count; m++) print ours[m] }
}""".replace("PREFIX", binascii.hexlify(xtables.PREFIX.encode("ascii")).decode("ascii"))


class Family(NamedTuple):
    """The user rules of one IP version."""

    version: int
    path: str
    restore: str
    infix: str


FAMILIES = (
    Family(4, "/etc/ufw/user.rules", "iptables-restore", ""),
    Family(6, "/etc/ufw/user6.rules", "ip6tables-restore", "6"),
)


def _comment(rule: Rule) -> str:
    return binascii.hexlify((xtables.PREFIX + ", ".join(rule.services)).encode("ascii")).decode("ascii")


def blocks(rule: Rule, infix: str) -> List[str]:
    """Return the tuples of a rule, each with its iptables line and the blank line that ufw writes after it."""
    found = []
    for network, ports in xtables.pieces(rule):
        words = {
            "action": "allow" if rule.action == ACCEPT else "reject",
            "protocol": rule.protocol,
            "ports": xtables.port_text(ports) or "any",
            "here": _ANYWHERE[rule.version],
            "there": _short(network) or _ANYWHERE[rule.version],
            "direction": rule.direction,
            "comment": _comment(rule),
        }
        ends = "{here} any {there}" if rule.direction == IN else "{there} any {here}"
        head = (
            "### tuple ### {action} {protocol} {ports} " + ends + " {direction} comment={comment}"
        ).format(**words)
        found.append(f"\n{head}\n-A {_CHAINS[rule.direction].format(infix)} {_line(rule, network, ports)}\n")
    return found


def _short(network: Optional[str]) -> str:
    return plain(ipaddress.ip_network(network)) if network else ""


def _line(rule: Rule, network: Optional[str], ports: Ports) -> str:
    # To the letter as ufw writes it (UFWRule.format_rule): ufw writes every line anew with each change by its
    # user.
    rejection = "REJECT --reject-with tcp-reset" if rule.protocol == "tcp" else "REJECT"
    words = [] if rule.protocol == "any" else ["-p", rule.protocol]
    where = [{IN: "-s", OUT: "-d"}[rule.direction], _short(network)] if network else []
    single = ["--dport", xtables.port_text(ports)] if len(ports) == 1 else []
    if ports and not single:
        words += ["-m", "multiport", "--dports", xtables.port_text(ports)]
    words += single + where if rule.direction == IN else where + single
    return " ".join(words + ["-j", "ACCEPT" if rule.action == ACCEPT else rejection])


def parse(text: str, version: int) -> Rules:
    """Return the rules of ours in a file of user rules, in canonical form."""
    return canonical(
        rule for rule in (_parse_tuple(line, version) for line in text.splitlines()) if rule is not None
    )


def _parse_tuple(line: str, version: int) -> Optional[Rule]:
    found = _TUPLE.match(line)
    comment = binascii.unhexlify(found.group(8) or "").decode("utf-8", "replace") if found else ""
    if not found or not comment.startswith(xtables.PREFIX):
        return None
    action, protocol, ports, destination, unused, source, direction = found.groups()[:7]
    there = source if direction == IN else destination
    networks = () if there == _ANYWHERE[version] else (ipaddress.ip_network(there),)
    return Rule(
        ACCEPT if action == "allow" else REJECT,
        direction,
        version,
        protocol,
        Ports() if ports == "any" else xtables.parse_port_text(ports),
        networks,
        names_of(comment[len(xtables.PREFIX) :]),
    )


def edit(text: str, rules: Rules, version: int, infix: str) -> str:
    """Return a file of user rules with exactly our rules at its head; everything else stays as it is."""
    if _BEGIN not in text:
        raise FirewallError(
            f"ufw's user rules have no line {_BEGIN.strip()!r}: ufw 0.36 or newer is expected"
        )
    if "\nCOMMIT" not in text:
        # It could be loaded neither with our rules nor, to roll them back, without them.
        raise FirewallError(
            "ufw's user rules have no line 'COMMIT', so iptables-restore cannot load them: repair the file "
            "or run ufw reset. "
            "The firewall is as it was before"
        )
    head, rest = text.split(_BEGIN, 1)
    own = "".join(block for rule in rules if rule.version == version for block in blocks(rule, infix))
    return head + _BEGIN + own + _without_ours(rest)


def way_back(family: Family, text: str, mode: int) -> Shell:
    """Return the step that brings our rules back to what they are in this text, and leaves what others change meanwhile."""
    ours = "".join(block for rule in parse(text, family.version) for block in blocks(rule, family.infix))
    words = {
        "ours": shlex.quote(ours),
        "edit": shlex.quote(_EDIT),
        "path": shlex.quote(family.path),
        "mode": format(mode, "o"),
        "awk": absolute("awk"),
        "restore": " ".join(_restore(family, absolute(family.restore))),
    }
    text = (
        "now=$(cat {path}; echo .)\n"
        "new=$(printf '%s' {ours} | {awk} {edit} own=1 - own= {path} && echo .) || exit 1\n"
        '[ "$now" = "$new" ] || printf \'%s\' "${{new%.}}" | put {path} {mode} || exit 1\n'
        "{restore} < {path}"
    ).format(**words)
    needs = (words["awk"], absolute(family.restore))
    return Shell(
        text,
        what=f"restoring our rules of ufw for IPv{family.version}",
        tool="{restore} < {path}".format(**words),
        needs=needs,
    )


def _restore(family: Family, command: str) -> List[str]:
    return [command, "-n"] + xtables.wait(family.restore)


def _without_ours(text: str) -> str:
    # Each of our tuples is a blank line, itself and one iptables line; the next may be a line of somebody
    # else's without a tuple.
    lines = text.splitlines(True)
    mine = {index for index, line in enumerate(lines) if _is_ours(line)}
    gone = set(mine)
    gone.update(index + 1 for index in mine if lines[index + 1 :] and _LINE.match(lines[index + 1]))
    gone.update(index - 1 for index in mine if lines[index - 1] == "\n")
    return "".join(line for index, line in enumerate(lines) if index not in gone)


def _is_ours(line: str) -> bool:
    return (
        any(_parse_tuple(line.rstrip("\n"), version) for version in (4, 6))
        if line.startswith("### tuple ###")
        else False
    )


class Provider:
    """Reads and changes ufw's user rules; holds ufw's lock as long as it lives."""

    name = NAME

    def __init__(self):
        self._lock = open_lock(_LOCK)  # held as long as this object
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        self._families = [family for family in FAMILIES if family.version == 4 or _has_ipv6()]
        self._texts: Dict[int, str] = {family.version: _read(family.path) for family in self._families}

    def rules(self) -> Rules:
        """Return our rules."""
        return canonical(rule for version, text in self._texts.items() for rule in parse(text, version))

    def wanted(self, rules: Rules) -> Rules:
        """Return which of the rules take effect here."""
        return tuple(rule for rule in rules if rule.version in self._texts)

    def check(self) -> None:
        """Our rules stand above all others."""

    def steps(self, rules: Rules, persist: bool) -> Tuple[List[Step], List[Step]]:
        """Return the steps to these rules and the steps back; ufw has no rules that do not persist."""
        steps, back = [], []  # type: List[Step], List[Step]
        for family in self._families:
            text = self._texts[family.version]
            content = edit(text, rules, family.version, family.infix)
            if content != text:
                mode = as_it_is(family.path).mode
                steps += [
                    Write(family.path, content, mode),
                    Run(tuple(_restore(family, family.restore)), content),
                ]
                back.append(way_back(family, text, mode))
        return steps, back

    def notes(self) -> List[str]:
        """Return what the user should know.

        What the rules themselves ask for and ufw cannot open is in left_out().
        """
        return []

    def left_out(self, rules: Rules) -> List[str]:
        """Return what the user should know of planned rules that take no effect here."""
        dropped = [rule for rule in rules if rule.version == 6 and rule.action == ACCEPT]
        if 6 in self._texts or not dropped or not xtables.has_ipv6():
            return []
        what = "; ".join(str(rule) for rule in dropped[:5]) + ("; ..." if len(dropped) > 5 else "")
        return [
            (
                "ufw drops all IPv6 of this host but loopback (IPV6=no in /etc/default/ufw), so what is "
                "planned "
                "for IPv6 cannot be opened: set IPV6=yes "
                f"there and run ufw reload, or plan these addresses for IPv4: {what}"
            )
        ]

    def filters_outgoing(self) -> bool:
        """Tell whether anything that goes out is dropped."""
        default = re.search(r'^DEFAULT_OUTPUT_POLICY="?(\w+)', read("/etc/default/ufw") or "", re.MULTILINE)
        denies = re.search(
            r"^### tuple ### (deny|reject) .* out(_| |$)", "\n".join(self._texts.values()), re.MULTILINE
        )
        return bool(denies) or bool(default and default.group(1) != "ACCEPT")


def _has_ipv6() -> bool:
    return xtables.has_ipv6() and bool(
        re.search(r"^IPV6=\"?yes", read("/etc/default/ufw") or "", re.MULTILINE | re.IGNORECASE)
    )


def _read(path: str) -> str:
    text = read(path)
    if text is None:
        raise FirewallError(f"ufw's user rules {path} are missing: reinstall or reset ufw")
    return text
