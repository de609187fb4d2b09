# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ufw: rules of ours before all others in its user rules, where the first match wins.

Ours have a comment by which they are recognized. ufw keeps each rule twice: as the iptables lines that it
loads, and as a tuple in a comment before them, from which C(ufw status) and later changes read it. We write
both as ufw does, under ufw's own lock, and load the file as ufw does: one iptables-restore for each IP
version.
"""

import binascii
import fcntl
import ipaddress
import re
import shlex
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple, Type

from .._values.ports import Ports
from . import drift, saved_chains, xtables
from .chains import Chain
from .listing import Listing
from .places import PLACES
from .provider import Change, Provider
from .rule import ACCEPT, COMMENT_PREFIX, IN, OUT, REJECT, Rule, Rules, canonical, names_of, network_text
from .steps import FirewallError, Run, Shell, Write, absolute, as_it_is, lines_of, open_lock, read

_LOCK = "/run/ufw.lock"
_BEGIN = "### RULES ###\n"
_CHAINS = {IN: "ufw{0}-user-input", OUT: "ufw{0}-user-output"}
_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_TUPLE = re.compile(
    r"### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (in|out)(?: comment=((?:[0-9a-f]{2})+))?$"
)

_LINE = re.compile(r"-A ufw6?-user-(input|output) ")
MAX_REPORTED = 5  # planned rules that a warning lists
# The tuple of one of our rules for awk, of which old ones cannot count repetitions.
_OURS = "^### tuple ### {0} (in|out) comment={1}([0-9a-f][0-9a-f])*$".format(
    " ".join(["[^ ]+"] * 6), binascii.hexlify(COMMENT_PREFIX.encode("ascii")).decode("ascii")
)
# The awk program that puts our rules back to where they were. It reads the file from before the change, and
# then the one at the rollback.
_EDIT = (
    PLACES
    + r"""
function find(line, last, own,    n) {
  for (n = 1; n <= last; n++) if (line[n] ~ /TUPLE/) {
    own[n] = 1
    if (line[n + 1] ~ /^-A ufw6?-user-(input|output) /) own[n + 1] = 1
    if (n > 1 && line[n - 1] == "") own[n - 1] = 1
  }
}
mark { was[++old] = $0; next }
{ line[++last] = $0 }
END {
  find(was, old, ours)
  find(line, last, own)
  places()
  for (n = 1; n <= old; n++) if (ours[n]) {
    if (!at[n]) exit 1
    back[at[n]] = back[at[n]] was[n] "\n"
  }
  for (n = 1; n <= last + 1; n++) {
    printf "%s", back[n]
    if (n <= last && !own[n]) print line[n]
  }
}""".replace("TUPLE", _OURS)
)


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
    return binascii.hexlify((COMMENT_PREFIX + ", ".join(rule.services)).encode("ascii")).decode("ascii")


def blocks(rule: Rule, infix: str) -> List[str]:
    """Return the tuples of a rule, each after a blank line and before its iptables line, as ufw writes it."""
    found = []
    for network, ports in xtables.pieces(rule):
        action = "allow" if rule.action == ACCEPT else "reject"
        here = _ANYWHERE[rule.version]
        remote = _address(network) or here
        ends = f"{here} any {remote}" if rule.direction == IN else f"{remote} any {here}"
        what = f"{action} {rule.protocol} {xtables.port_text(ports) or 'any'} {ends} {rule.direction}"
        chain = _CHAINS[rule.direction].format(infix)
        found.append(
            f"\n### tuple ### {what} comment={_comment(rule)}\n-A {chain} {_line(rule, network, ports)}\n"
        )
    return found


def _address(network: Optional[str]) -> str:
    return network_text(ipaddress.ip_network(network)) if network else ""


def _line(rule: Rule, network: Optional[str], ports: Ports) -> str:
    # Exactly as ufw writes it (UFWRule.format_rule), because ufw writes every line again when its user
    # changes a rule.
    rejection = "REJECT --reject-with tcp-reset" if rule.protocol == "tcp" else "REJECT"
    words = [] if rule.protocol == "any" else ["-p", rule.protocol]
    where = [{IN: "-s", OUT: "-d"}[rule.direction], _address(network)] if network else []
    single = ["--dport", xtables.port_text(ports)] if len(ports) == 1 else []
    if ports and not single:
        words += ["-m", "multiport", "--dports", xtables.port_text(ports)]
    words += single + where if rule.direction == IN else where + single
    return " ".join(words + ["-j", "ACCEPT" if rule.action == ACCEPT else rejection])


def parse(text: str, version: int) -> Rules:
    """Return our rules in a file of user rules, in canonical form."""
    return canonical(rule for rule, unused in _ours_in(text, version))


def _ours_in(text: str, version: int) -> Iterator[Tuple[Rule, str]]:
    """Yield the rule of each tuple of ours, and the iptables line behind it."""
    lines = lines_of(text)
    for line, behind in zip(lines, lines[1:] + [""]):
        rule = _parse_tuple(line, version)
        if rule is not None:
            yield rule, behind


def _parse_tuple(line: str, version: int) -> Optional[Rule]:
    found = _TUPLE.match(line)
    comment = binascii.unhexlify(found.group(8) or "").decode("utf-8", "replace") if found else ""
    if not found or not comment.startswith(COMMENT_PREFIX):
        return None
    action, protocol, ports, destination, unused, source, direction = found.groups()[:7]
    there = source if direction == IN else destination
    networks = () if there == _ANYWHERE[version] else (ipaddress.ip_network(there),)
    return Rule(
        action=ACCEPT if action == "allow" else REJECT,
        direction=direction,
        version=version,
        protocol=protocol,
        ports=Ports() if ports == "any" else xtables.parse_port_text(ports),
        networks=networks,
        services=names_of(comment[len(COMMENT_PREFIX) :]),
    )


def edit(text: str, rules: Rules, version: int, infix: str) -> str:
    """Return a file of user rules that begins with exactly our rules; everything else stays as it is."""
    if _BEGIN not in text:
        raise FirewallError(f"ufw's user rules have no line {_BEGIN.strip()!r}: install ufw 0.36 or newer")
    if "\nCOMMIT" not in text:
        # It could be loaded neither with our rules nor, to roll them back, without them.
        raise FirewallError(
            "ufw's user rules have no line 'COMMIT', so iptables-restore cannot load them: repair the file "
            "or run ufw reset. The firewall is as it was before"
        )
    head, rest = text.split(_BEGIN, 1)
    of_version = [rule for rule in rules if rule.version == version]
    own = "".join(block for rule in of_version for block in blocks(rule, infix))
    return head + _BEGIN + own + _without_ours(rest)


def undo_step(family: Family, before: Write, running: str = "") -> Shell:
    """Return the step that restores our rules as in a file, each at its place among those of others.

    What others change in the file meanwhile is kept. If they change nothing, the file becomes what it was, to
    the byte, and the kernel gets its chains as C(running) lists them: somebody may have added rules there by
    hand, or prepared some in the file that are not loaded yet.
    """
    path, awk, restore = shlex.quote(family.path), absolute("awk"), absolute(family.restore)
    load = " ".join(_restore(family, restore))
    content = before.content or ""
    chains = shlex.quote(running) if running else '"${was%.}"'
    # The dots keep the newlines at the end, which the shell would drop. awk ends each line with one. A file
    # that has gone, cannot be written or has no place for our rules must not keep the kernel as it is.
    text = (
        f"was={shlex.quote(content + '.')} new= failed=\n"
        f"if ! now=$(cat {path} && echo .); then failed=1\n"
        f"elif new=$(printf '%s' \"${{was%.}}\" | {awk} {shlex.quote(_EDIT)} mark=1 - mark= {path} && "
        "echo .)\n"
        "then\n"
        "    case $now in *'\n.') ;; *) new=${new%?.}. ;; esac\n"
        f'    [ "$now" = "$new" ] || {{ mode=$(stat -L -c %a {path}) && '
        f'printf \'%s\' "${{new%.}}" | put {path} "$mode"; }} || failed=1\n'
        f"else new= failed=1; echo 'no place for our rules in {family.path}' >&2\nfi\n"
        'if [ -z "$new" ] || [ "$new" = "$was" ]; then\n'
        f"    printf '%s' {chains} | {load} || {{ [ \"$new\" ] && printf '%s' \"${{new%.}}\" | {load}; }}\n"
        f"else printf '%s' \"${{new%.}}\" | {load}\n"
        'fi && [ -z "$failed" ]'
    )
    return Shell(
        text,
        what=f"restoring our rules of ufw for IPv{family.version}",
        tool=load,
        needs=(awk, restore, "stat"),
    )


def _running(text: str, saved: str) -> str:
    """Return what loads the chains of a file of user rules as iptables-save lists them, if there are any."""
    lines = lines_of(saved, ends=True)
    names = [name for name in re.findall(r"^:(ufw6?-\S+) ", text, re.MULTILINE) if f"\n:{name} " in saved]
    if not names:
        return ""
    rules = [line for line in lines if line.startswith("-A ") and line.split(" ", 2)[1] in names]
    return "".join(["*filter\n", *(f":{name} - [0:0]\n" for name in names), *rules, "COMMIT\n"])


def _restore(family: Family, command: str) -> List[str]:
    return [command, "-n"] + xtables.wait_option(family.restore)


def _without_ours(text: str) -> str:
    # One of our rules is a blank line, the tuple and one iptables line. The line after that may be somebody
    # else's, who wrote it without a tuple.
    lines = lines_of(text, ends=True)
    mine = {index for index, line in enumerate(lines) if _is_ours(line)}
    gone = set(mine)
    gone.update(index + 1 for index in mine if lines[index + 1 :] and _LINE.match(lines[index + 1]))
    gone.update(index - 1 for index in mine if lines[index - 1] == "\n")
    return "".join(line for index, line in enumerate(lines) if index not in gone)


def _meant(line: str) -> Tuple[str, ...]:
    """Return what a line says, whether ufw wrote it or iptables-save: they order and spell it differently."""
    words = xtables.without_quotes(line).split()
    options = {word: value for word, value in zip(words, words[1:] + [""]) if word.startswith("-")}
    network = options.pop("-s", "") or options.pop("-d", "")
    ports = options.pop("--dports", "") or options.pop("--dport", "")
    chain, protocol, target = (options.pop(name, "") for name in ("-A", "-p", "-j"))
    # Ours have no other condition, and none that excludes something.
    others = sorted({*options, *(["!"] if "!" in words else [])} - {"-m", "--reject-with"})
    try:
        network = str(ipaddress.ip_network(network)) if network else ""
    except ValueError:
        pass  # a mask with holes, such as /255.255.0.255, which ours do not have
    return (chain, protocol, ports, network, target, *others)


def _is_ours(line: str) -> bool:
    return line.startswith("### tuple ###") and any(
        _parse_tuple(line.rstrip("\n"), version) for version in (4, 6)
    )


class Ufw(Provider):
    """ufw's user rules; holds ufw's lock as long as the object exists."""

    name = "ufw"
    command = "ufw"
    owns_tables = "iptables"
    has_service = True
    our_chains = r"(?!)"  # none: our rules stand before those of others, in ufw's own chains

    @classmethod
    def is_running(cls, listing: Listing, beside: Sequence[Type[Provider]] = ()) -> bool:
        """Tell whether ufw is active: whether its chains are there, by which C(ufw status) tells it too.

        They are looked for in a listing that is read anyway, because ufw starts a Python for an answer
        (get_status in backend_iptables.py of ufw 0.36).
        """
        del beside
        for family in _families():
            saved = xtables.filter_table(listing.saved_if_any(xtables.SAVE[family.version]))
            names = (f"ufw{family.infix}-user-{end}" for end in ("input", "output", "forward"))
            if not all(f"\n:{name} " in saved for name in names):
                return False
        return True

    @classmethod
    def without_its_rules(cls, saved: str, version: int) -> str:
        """Return nothing for the table that ufw loads with IPV6=no; its other chains have names of ufw."""
        del version
        return "" if is_lock_of_ipv6(saved) else saved

    def __init__(self, listing: Optional[Listing] = None) -> None:
        super().__init__(listing)
        self._lock = open_lock(_LOCK)
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        self._families = _families()
        self._texts: Dict[int, str] = {family.version: _read(family.path) for family in self._families}

    def rules(self) -> Rules:
        """Return our rules in the user rules, without those that are not in force: their chain lost them."""
        return canonical(rule for family in self._families for rule in self._in_force(family))

    def _in_force(self, family: Family) -> Rules:
        saved = self._saved(family)
        held = {_meant(line) for line in lines_of(saved) if _LINE.match(line)}
        # Without its chain, ufw is not active there, and what it would load is what it has.
        listed = [way for way, chain in _CHAINS.items() if f":{chain.format(family.infix)} " in saved]
        ours = _ours_in(self._texts[family.version], family.version)
        return canonical(rule for rule, line in ours if rule.direction not in listed or _meant(line) in held)

    def _is_whole(self, family: Family) -> bool:
        """Tell whether all of our rules are in force."""
        return self._in_force(family) == parse(self._texts[family.version], family.version)

    def _saved(self, family: Family) -> str:
        return xtables.filter_table(self._listing.saved_if_any(xtables.SAVE[family.version]))

    def wanted(self, rules: Rules) -> Rules:
        """Return the rules of the IP versions that ufw manages here."""
        return tuple(rule for rule in rules if rule.version in self._texts)

    def change_to(self, rules: Rules, persist: bool) -> Change:
        """Return the new user rules and how to load them; ufw has no rules that do not persist."""
        change = Change(steps=[], undo=[], notes=[])
        for family in self._families:
            text = self._texts[family.version]
            content = edit(text, rules, family.version, family.infix)
            if content != text or not self._is_whole(family):
                before = as_it_is(family.path)
                if content != text:
                    change.steps.append(Write(family.path, content, before.mode))
                change.steps.append(Run(tuple(_restore(family, family.restore)), content))
                change.undo.append(undo_step(family, before, _running(text, self._saved(family))))
        return change

    def without_ours(self, chains: Dict[str, Chain], version: int) -> Dict[str, Chain]:
        """Return the chains with ufw's user rules as the file has them without ours."""
        return self._with(chains, version, ())

    def refusing(self, chains: Dict[str, Chain], version: int, rejections: Rules) -> Dict[str, Chain]:
        """Return the chains with our rejections alone in ufw's user rules: before.rules comes first."""
        return self._with(chains, version, rejections)

    def _with(self, chains: Dict[str, Chain], version: int, rules: Rules) -> Dict[str, Chain]:
        family = next((family for family in self._families if family.version == version), None)
        if family is None or not any(chain.format(family.infix) in chains for chain in _CHAINS.values()):
            return chains
        left = edit(self._texts[version], rules, version, family.infix)
        names = [name.format(family.infix) for name in _CHAINS.values()]
        found = dict(chains)
        for unused, of_file in saved_chains.tables(left, version):
            found.update({name: of_file[name] for name in names if name in of_file})
        return found

    def foreign_changes(self) -> List[drift.ForeignChange]:
        """Return what others did to our rules: in the file, and in the chains that ufw makes of it."""
        found = []
        for family in self._families:
            text = self._texts[family.version]
            tuples = [line for line in lines_of(text) if line.startswith("### tuple ###")]
            ours = [place for place, line in enumerate(tuples) if _parse_tuple(line, family.version)]
            if not ours:
                continue
            if ours[0]:
                found.append(drift.not_first(family.path, ours[0], tuples[0]))
            if not self._is_whole(family):
                found.append(drift.chain_gone(f"ufw's user chains of IPv{family.version}", family.path))
        return found

    def left_out(self, plan: Rules) -> List[str]:
        """Return that rules for IPv6 cannot be opened, if ufw drops all of IPv6."""
        dropped = [rule for rule in plan if rule.version == 6 and rule.action == ACCEPT]
        if 6 in self._texts or not dropped or not xtables.has_ipv6():
            return []
        what = "; ".join(str(rule) for rule in dropped[:MAX_REPORTED])
        more = "; ..." if len(dropped) > MAX_REPORTED else ""
        warning = (
            "ufw drops all IPv6 of this host but loopback (IPV6=no in /etc/default/ufw), so what is planned "
            "for IPv6 cannot be opened: set IPV6=yes there and run ufw reload, or use IPv4 addresses for "
            "these hosts: "
        )
        return [f"{warning}{what}{more}"]

    def filters_outgoing(self) -> bool:
        """Tell whether ufw's default or a user rule drops what goes out."""
        default = re.search(r'^DEFAULT_OUTPUT_POLICY="?(\w+)', read("/etc/default/ufw") or "", re.MULTILINE)
        denies = re.search(
            r"^### tuple ### (deny|reject) .* out(_| |$)", "\n".join(self._texts.values()), re.MULTILINE
        )
        return bool(denies) or bool(default and default.group(1) != "ACCEPT")


def _families() -> List[Family]:
    """Return the IP versions that ufw manages here."""
    return [family for family in FAMILIES if family.version == 4 or _has_ipv6()]


def is_lock_of_ipv6(saved: str) -> bool:
    """Tell whether a filter table drops all but loopback, as ufw-init-functions makes it with IPV6=no."""
    policies = re.findall(r"^:(INPUT|FORWARD|OUTPUT) DROP", saved, re.MULTILINE)
    rules: Set[str] = {line for line in lines_of(saved) if line.startswith("-A ") and "EXASOL" not in line}
    return len(policies) == 3 and rules <= {"-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT"}


def _has_ipv6() -> bool:
    return xtables.has_ipv6() and bool(
        re.search(r"^IPV6=\"?yes", read("/etc/default/ufw") or "", re.MULTILINE | re.IGNORECASE)
    )


def _read(path: str) -> str:
    text = read(path)
    if text is None:
        raise FirewallError(f"ufw's user rules {path} are missing: reinstall ufw, or run ufw reset")
    return text
