# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules in the words of iptables, which ufw writes too.

One line for each network and each group of ports that fits a match.
"""

import ipaddress
import os
import re
import shlex
from typing import Dict, Iterator, List, Optional, Tuple

from .._values.ports import PortRange, Ports
from .rule import ACCEPT, IN, OUT, REJECT, Rule, names_of
from .steps import read, run, which

# iptables-extensions(8), multiport: up to 15 ports, and a range counts as two.
_SLOTS = 15
PREFIX = "exasol: "
FIREWALLD_CHAIN = "INPUT_ZONES"
SAVE = {4: "iptables-save", 6: "ip6tables-save"}
MIXED = (
    "the table {0} filter holds rules that iptables cannot read, because nft made them: remove them or move "
    "them to a table of another name, or, if "
    "nft made the whole table, choose nftables with provider"
)
_LOCK_SECONDS = 20
_LEGACY_TABLES = ("/proc/net/ip_tables_names", "/proc/net/ip6_tables_names")


def filter_table(saved: str) -> str:
    """Return the filter table of an iptables-save of all tables.

    To ask for it by name would load it where it is not (legacy variant).
    """
    start = saved.find("*filter\n")
    return "" if start < 0 else saved[start : saved.index("COMMIT\n", start)] + "COMMIT\n"


def tables(saved: str) -> List[str]:
    """Return the tables of an iptables-save.

    One that holds what iptables cannot read is named in a comment alone.
    """
    return [line[1:].strip() for line in saved.splitlines() if line.startswith("*")]


def unreadable(saved: str) -> List[str]:
    """Return the tables that iptables-nft found and could not read, because somebody else made them or put rules into them."""
    return re.findall(r"^# Table `(\w+)' is incompatible", saved, re.MULTILINE)


def has_ipv6() -> bool:
    """Tell whether the kernel has IPv6 at all.

    With ipv6.disable=1, ip6tables fails and there is nothing to filter.
    """
    return os.path.exists("/proc/net/if_inet6")


def wait(restore: str) -> List[str]:
    """Return the words with which this command waits for the lock of iptables, none where it does not know them (before 1.6.2).

    Without them the legacy variant fails at once where another program changes rules (iptables-restore(8)).
    """
    if not which(restore) and "/" not in restore:
        return []
    help_text = run((restore, "--help"))
    return [f"--wait={_LOCK_SECONDS}"] if "--wait" in help_text.stdout + help_text.stderr else []


def other_variant() -> str:
    """Return the variant of iptables that the host's command is not, C(iptables-legacy) or C(iptables-nft), or nothing where there is but one."""
    if not all(which(name) for name in ("iptables", "iptables-nft-save", "iptables-legacy-save")):
        return ""
    if "legacy" in run(("iptables", "--version")).stdout:
        return "iptables-nft"
    # Most hosts have both variants, and tables in one of them alone.
    return "iptables-legacy" if any("filter" in (read(path) or "").split() for path in _LEGACY_TABLES) else ""


def save_commands(variant: str) -> Dict[int, str]:
    """Return the commands that list what a variant holds, by IP version."""
    return {
        version: command.replace("tables-", "tables-{0}-".format(variant[len("iptables-") :]))
        for version, command in SAVE.items()
    }


def nft_save_commands() -> Dict[int, str]:
    """Return the commands that list what the nft variant of iptables holds, none where it is not installed."""
    if which("iptables") and "nf_tables" in run(("iptables", "--version")).stdout:
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
            room = _SLOTS
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
    """Yield a network (None for everybody) and the ports of each line that the rule needs."""
    for network in rule.networks or (None,):
        for ports in port_groups(rule.ports):
            yield (None if network is None else str(network)), ports


def match(rule: Rule, network: Optional[str], ports: Ports) -> List[str]:
    """Return the words of one line that say which packets are meant."""
    words = [] if network is None else [{IN: "-s", OUT: "-d"}[rule.direction], network]
    if rule.protocol != "any":
        words += ["-p", rule.protocol]
    return words + (["-m", "multiport", "--dports", port_text(ports)] if ports else [])


def parse_line(line: str, direction: str, version: int) -> Optional[Rule]:
    """Read a line of iptables-save that is ours, or return None.

    It holds one network and one group of ports.
    """
    words = shlex.split(line)
    options = {word: words[index + 1] for index, word in enumerate(words[:-1]) if re.match(r"--?[a-z]", word)}
    comment = options.get("--comment", "")
    if not comment.startswith(PREFIX):
        return None
    network = options.get({IN: "-s", OUT: "-d"}[direction])
    ports = options.get("--dports") or options.get("--dport")
    return Rule(
        REJECT if options.get("-j") == "REJECT" else ACCEPT,
        direction,
        version,
        options.get("-p", "any"),
        parse_port_text(ports) if ports else Ports(),
        (ipaddress.ip_network(network),) if network else (),
        names_of(comment[len(PREFIX) :]),
    )
