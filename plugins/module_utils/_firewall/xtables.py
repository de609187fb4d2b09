# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The language of iptables, which ufw writes too, and what the variants of iptables list.

A rule becomes one line for each of its networks and each group of ports that fits one match.
"""

import ipaddress
import os
import re
import shlex
from typing import Dict, Iterator, List, Optional, Tuple

from .._values.ports import PortRange, Ports
from .rule import ACCEPT, COMMENT_PREFIX, IN, OUT, REJECT, Rule, names_of
from .steps import lines_of, read, run, which

MAX_SLOTS = 15  # of one multiport match, where a range counts as two ports (iptables-extensions(8))
FIREWALLD_CHAIN = "INPUT_ZONES"
SAVE = {4: "iptables-save", 6: "ip6tables-save"}
MIXED = (
    "the table {0} filter holds rules that iptables cannot read, because they were made with nft: remove "
    "them, move them to a table of another name, or, if nft made the whole table, choose nftables with "
    "provider"
)
_LOCK_SECONDS = 20
_LEGACY_TABLES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")
# Rules of INPUT and OUTPUT that do not make iptables the host's firewall: those of others, and those that
# drop nothing.
_HARMLESS = re.compile(
    r"-j (ufw6?-|EXASOL|DOCKER|LIBVIRT|CNI|NETAVARK|f2b-|(ACCEPT|RETURN|LOG|NFLOG|MARK|CONNMARK)( |$))"
    r"|^((?! -[jg] ).)*$"
)
_QUOTED = re.compile(r'"(\\.|[^"\\])*"')


def may_drop(line: str) -> bool:
    """Tell whether a rule may drop packets, and belongs to nobody whose chains are known by their names."""
    return not _HARMLESS.search(without_quotes(line))


def without_quotes(line: str) -> str:
    """Return a line without comments and the like, which may hold any words."""
    return _QUOTED.sub("", line)


def filters(saved: str) -> bool:
    """Tell whether a filter table drops what comes in or goes out, other than by chains of other programs."""
    if is_firewallds(saved):
        return False
    for line in lines_of(saved):
        if re.match(r":(INPUT|OUTPUT) (DROP|REJECT)", line):
            return "-j ufw-" not in saved and "-j ufw6-" not in saved
        if re.match(r"-A (INPUT|OUTPUT) ", line) and may_drop(line):
            return True
    return False


def filter_table(saved: str) -> str:
    """Return the filter table from what iptables-save prints of all tables."""
    start = saved.find("*filter\n")
    return "" if start < 0 else saved[start : saved.index("COMMIT\n", start)] + "COMMIT\n"


def tables(saved: str) -> List[str]:
    """Return the names of the tables that iptables-save prints.

    A table that iptables cannot read is not among them: only a comment names it.
    """
    return [line[1:].strip() for line in lines_of(saved) if line.startswith("*")]


def unreadable(saved: str) -> List[str]:
    """Return the tables that iptables-nft cannot read, because of rules that another program made."""
    return re.findall(r"^# Table `(\w+)' is incompatible", saved, re.MULTILINE)


def has_ipv6() -> bool:
    """Tell whether the kernel has IPv6 at all.

    With ipv6.disable=1, ip6tables fails and there is nothing to filter.
    """
    return os.path.exists("/proc/net/if_inet6")


def wait_option(restore: str) -> List[str]:
    """Return the option to wait for the lock of iptables, nothing if the command has none (before 1.6.2).

    Without it the legacy variant fails at once while another program changes rules (iptables-restore(8)).
    """
    if not which(restore) and "/" not in restore:
        return []
    help_text = run((restore, "--help"))
    return [f"--wait={_LOCK_SECONDS}"] if "--wait" in help_text.stdout + help_text.stderr else []


def version_of_command() -> str:
    """Return what C(iptables --version) prints, which names its variant; nothing if it is not installed."""
    return run(("iptables", "--version")).stdout if which("iptables") else ""


def other_variant(version: str) -> str:
    """Return the variant that the command iptables is not, C(iptables-legacy) or C(iptables-nft).

    Nothing if there is only one variant, or the other one has no filter table. C(version) is what
    C(version_of_command()) returned.
    """
    if not all(which(name) for name in ("iptables", "iptables-nft-save", "iptables-legacy-save")):
        return ""
    if "legacy" in version:
        return "iptables-nft"
    # Most hosts have both variants, but tables in only one of them.
    return "iptables-legacy" if any("filter" in (read(path) or "").split() for path in _LEGACY_TABLES) else ""


def save_commands(variant: str) -> Dict[int, str]:
    """Return the commands that list what a variant holds, by IP version."""
    kind = variant[len("iptables-") :]
    return {version: command.replace("tables-", f"tables-{kind}-") for version, command in SAVE.items()}


def nft_save_commands(version: str) -> Dict[int, str]:
    """Return the commands that list the nft variant of iptables, nothing if it is not installed."""
    if "nf_tables" in version:
        return SAVE
    return save_commands("iptables-nft") if which("iptables-nft-save") else {}


def is_firewallds(saved: str) -> bool:
    """Tell whether a filter table is firewalld's, with FirewallBackend=iptables (firewalld.conf(5))."""
    return FIREWALLD_CHAIN in saved


def port_groups(ports: Ports) -> List[Ports]:
    """Return the ports in groups that fit one multiport match."""
    groups: List[List[PortRange]] = []
    room = 0
    for item in ports.ranges:
        need = 1 if item.first == item.last else 2
        if need > room:
            groups.append([])
            room = MAX_SLOTS
        groups[-1].append(item)
        room -= need
    return [Ports.of_ranges(group) for group in groups] or [Ports()]


def port_text(ports: Ports) -> str:
    """Return ports as iptables and ufw write them."""
    return str(ports).replace("-", ":")


def parse_port_text(value: str) -> Ports:
    """Read ports as iptables and ufw write them."""
    ends = (item.partition(":") for item in value.split(","))
    return Ports.of_ranges((int(first), int(last or first)) for first, _colon, last in ends)


def pieces(rule: Rule) -> Iterator[Tuple[Optional[str], Ports]]:
    """Yield network and ports of each line that the rule needs; the network is None for every address."""
    for network in rule.networks or (None,):
        for ports in port_groups(rule.ports):
            yield (None if network is None else str(network)), ports


def match(rule: Rule, network: Optional[str], ports: Ports) -> List[str]:
    """Return the conditions of one line."""
    words = [] if network is None else [{IN: "-s", OUT: "-d"}[rule.direction], network]
    if rule.protocol != "any":
        words += ["-p", rule.protocol]
    return words + (["-m", "multiport", "--dports", port_text(ports)] if ports else [])


def parse_line(line: str, direction: str, version: int) -> Optional[Rule]:
    """Return the rule in a line of iptables-save, None if the line is not ours."""
    words = shlex.split(line)
    options = {word: words[index + 1] for index, word in enumerate(words[:-1]) if re.match(r"--?[a-z]", word)}
    comment = options.get("--comment", "")
    if not comment.startswith(COMMENT_PREFIX):
        return None
    network = options.get({IN: "-s", OUT: "-d"}[direction])
    ports = options.get("--dports") or options.get("--dport")
    return Rule(
        action=REJECT if options.get("-j") == "REJECT" else ACCEPT,
        direction=direction,
        version=version,
        protocol=options.get("-p", "any"),
        ports=parse_port_text(ports) if ports else Ports(),
        networks=(ipaddress.ip_network(network),) if network else (),
        services=names_of(comment[len(COMMENT_PREFIX) :]),
    )
