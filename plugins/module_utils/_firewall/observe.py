# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe before restricting: count whom the restriction would refuse, and refuse nobody.

One table of nftables does this beside every firewall, because neither iptables nor firewalld can count by
address in bounded memory.

- The table has one base chain, and no rule of it drops or rejects. C(accept) ends only this chain; every
  other base chain decides as before (nft(8), "accept").
- The chain comes after those that filter. So it counts what would be refused and is not refused today.
- First it lets pass what no restriction refuses: loopback, and packets of connections that are open. Only the
  first packet of a connection counts: the next ones belong to a connection that is confirmed already.
- Then come the planned sources, and last, for each protocol and IP version, a set that packets fill: a
  counter for each remote address and port. A full set takes no new element, and the rule ends there. So the
  rule after it sees only what had no room, and counts that.
- The time since when it counts stands in a comment. A script makes the table when the host boots, with the
  time of that moment, so the time is never older than the counters.
- Counters go on as long as nothing more would be refused than was counted. Otherwise all begin anew.
"""

import glob
import json
import os
import shlex
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type

from . import drift, observed
from .cut import address_text
from .nftables import render_rule
from .observation import DROP_IN, LIST, SCRIPT, UNITS
from .observed import CHAIN, MORE, SINCE, TIME, Counted, set_of
from .provider import Change, Provider, change_files
from .restrict import OBSERVE
from .rule import ACCEPT, COMMENT_PREFIX, IN, REJECT, Rule, Rules, canonical
from .ruleset import FAMILIES, OBSERVED
from .steps import (
    FirewallError,
    Run,
    Shell,
    Step,
    Write,
    absolute,
    output,
    read,
    run,
    systemd_runs,
    which,
)

ROOM = 1000  # addresses and ports in each set
# After the filters (0) and SELinux (50), before the translation of sources (100): see NF_IP_PRI_ in
# include/uapi/linux/netfilter_ipv4.h.
_PRIORITY = 90
_NAME = f"inet {OBSERVED}"
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_PLACES = tuple((protocol, version) for protocol in ("tcp", "udp") for version in (4, 6))
_NOW = "@NOW@"  # where a script puts the time at which it makes the table


def rules_of(restricted: Rules) -> Rules:
    """Return what an observation has to hold, from the rules that a restriction would hold.

    A restriction rejects everybody on a port who is not accepted before.
    """
    refused = [rule for rule in restricted if rule.action == REJECT]
    found = [rule._replace(action=OBSERVE) for rule in refused]
    for rule in restricted:
        if rule.action == ACCEPT and rule.direction == IN:
            found += _accepted_among(rule, refused)
    return canonical(found) if refused else ()


def _accepted_among(rule: Rule, refused: Sequence[Rule]) -> Iterator[Rule]:
    """Yield an accepting rule with the ports on which others are refused."""
    for other in refused:
        if other.version == rule.version and rule.protocol in ("any", other.protocol):
            ports = rule.ports & other.ports
            if ports or rule.protocol == "any":
                yield rule._replace(ports=ports)


def chain_rules(rules: Rules, since: str, more: Mapping[Tuple[str, int], int]) -> List[str]:
    """Return the rules of the chain; C(more) is what the last rule of each set has counted."""
    head = [  # RULES_AT_HEAD of observed.py is their number
        "iif lo accept",
        f'ct state established,related accept comment "{SINCE}{since}"',
        "ct state new ct status confirmed accept",
        # What is not tracked, or picked up in the middle, counts once: when it begins.
        "ct state != new tcp flags & (syn | ack) != syn accept",
    ]
    lines = head + [render_rule(rule) for rule in rules if rule.action == ACCEPT]
    for rule in rules:
        if rule.action == OBSERVE:
            lines += _counting(rule, more.get((rule.protocol, rule.version), 0))
    return lines


def _counting(rule: Rule, more: int) -> List[str]:
    ports = ", ".join(str(item) for item in rule.ports.ranges)
    what = f"meta nfproto ipv{rule.version} {rule.protocol} dport {{ {ports} }}"
    key = f"{FAMILIES[rule.version]} saddr . {rule.protocol} dport"
    services = COMMENT_PREFIX + ", ".join(rule.services)
    return [
        f'{what} update @{set_of(rule)} {{ {key} counter }} accept comment "{services}"',
        f'{what} counter packets {more} bytes 0 accept comment "{MORE}"',
    ]


def render_table(rules: Rules, since: str, counted: Optional[Counted] = None) -> str:
    """Return the commands that make the whole table, with the counters of one that was there before."""
    lines = [f"add table {_NAME}", f"delete table {_NAME}", f"table {_NAME} {{"]
    for protocol, version in _PLACES:
        key = f"type {_TYPES[version]} . inet_service"
        lines.append(f"set {protocol}{version} {{ {key}; size {ROOM}; flags dynamic; }}")
    lines += [f"chain {CHAIN} {{", f"type filter hook input priority {_PRIORITY}; policy accept;"]
    lines += chain_rules(rules, since, counted.more if counted else {})
    lines += ["}", "}"]
    elements: Dict[str, List[str]] = {}
    for (kind, remote), packets in sorted(counted.flows.items()) if counted else ():
        address = address_text(kind.version, remote)
        text = f"{address} . {kind.port} counter packets {packets} bytes 0"
        elements.setdefault(f"{kind.protocol}{kind.version}", []).append(text)
    for name, some in elements.items():
        lines.append(f"add element {_NAME} {name} {{ {', '.join(some)} }}")
    return "\n".join(lines) + "\n"


def render_chain(rules: Rules, counted: Counted) -> str:
    """Return the commands that give the chain other rules, and leave the counters as they are."""
    lines = [f"flush chain {_NAME} {CHAIN}"]
    lines += [f"add rule {_NAME} {CHAIN} {line}" for line in chain_rules(rules, counted.since, counted.more)]
    return "\n".join(lines) + "\n"


def script(rules: Rules, nft: str) -> str:
    """Return the script that makes the table, unless it is there, with the time of that moment."""
    return (
        "#!/bin/sh\n"
        "# Made by exasol_community.network: counts what exasol_firewall_restrict would refuse\n"
        f"{nft} list table {_NAME} >/dev/null 2>&1 && exit 0\n"
        f"sed \"s/{_NOW}/$(date -u +{TIME})/\" <<'END' | {nft} -f -\n"
        f"{render_table(rules, _NOW)}END\n"
    )


def _held() -> Counted:
    """Return what the kernel holds."""
    document = output(("nft", "-j", *LIST[2:]))
    try:
        found = json.loads(document)
    except ValueError:
        raise FirewallError(
            f"nft -j list table {_NAME} printed no JSON but {document[:60]!r}: install nftables with JSON "
            "support, 0.9.3 or newer"
        )
    # The text comes second: elements are added all the time and never removed, so it has as many at least.
    counted = observed.parse(found, output(LIST))
    return counted._replace(since=observed.not_before_boot(counted.since))


class Observation:
    """The observation on a host, as it is at the beginning of a run."""

    def __init__(self, is_there: bool) -> None:
        self.counted = _held() if is_there else None
        self._now = observed.now()

    def rules(self) -> Rules:
        """Return the rules that are held."""
        return self.counted.rules if self.counted else ()

    def change_to(self, wanted: Rules, firewall: Optional[Type[Provider]], persist: bool) -> Change:
        """Return the change to exactly these rules; without rules nothing is left."""
        change = Change(steps=[], undo=[], notes=[])
        if wanted and not which("nft"):
            raise FirewallError(
                "observe cannot count, because it needs nft beside every firewall, and nft is not installed: "
                "install the package nftables, or set restrict (exasol_firewall_restrict) to true or false"
            )
        self._change_table(wanted, change)
        if persist or not wanted:
            writes = list(_files(wanted, firewall))
            change_files(
                change,
                writes=writes,
                folders=sorted({os.path.dirname(write.path) for write in writes}),
                stays=bool(wanted),
                has_systemd=systemd_runs(),
            )
        if persist and wanted and firewall:
            change.notes.extend(_notes(firewall.unit()))
        return change

    def begins(self, wanted: Rules) -> Optional[str]:
        """Return when counting begins with a change to these rules, None if it goes on or ends."""
        goes_on = self.counted is not None and self._goes_on(self.counted, wanted)
        return self._now if wanted and not goes_on else None

    @staticmethod
    def _goes_on(counted: Counted, wanted: Rules) -> bool:
        return counted.is_intact and bool(counted.since) and observed.counts_no_more(counted.rules, wanted)

    def _change_table(self, wanted: Rules, change: Change) -> None:
        counted = self.counted
        if counted is None:
            if wanted:
                change.steps.append(_loads(render_table(wanted, self._now)))
                change.undo.append(Run(("nft", "-f", "-"), _GONE, what="removing the observation"))
            return
        if not wanted:
            change.steps.append(_loads(f"delete table {_NAME}\n"))
        elif not self._goes_on(counted, wanted):
            change.steps.append(_loads(render_table(wanted, self._now)))
        elif counted.rules != wanted:
            change.steps.append(_loads(render_chain(wanted, counted)))
        if change.steps:
            change.undo.append(_restore(counted))

    def foreign_changes(self) -> List[drift.ForeignChange]:
        """Return what others did to the table."""
        where = f"table {_NAME}"
        if self.counted is None:
            return [drift.chain_gone(where, SCRIPT)] if read(SCRIPT) is not None else []
        return [] if self.counted.is_intact else [drift.changed(where, "there are more, or fewer, than ours")]


_GONE = f"add table {_NAME}\ndelete table {_NAME}\n"


def _loads(text: str) -> Step:
    return Run(("nft", "-f", "-"), text, what="changing what is observed")


def _restore(counted: Counted) -> Step:
    """Return the step that makes the table again as it was, with its counters.

    A kernel that cannot be given counters (before 5.7) begins to count anew, and says so.
    """
    nft = absolute("nft")
    as_it_was = shlex.quote(render_table(counted.rules, counted.since, counted))
    anew = shlex.quote(render_table(counted.rules, _NOW))
    text = (
        f"printf '%s' {as_it_was} | {nft} -f - 2>/dev/null ||\n"
        f"printf '%s' {anew} | sed \"s/{_NOW}/$(date -u +{TIME})/\" | {nft} -f -"
    )
    return Shell(text, what="restoring the observation", tool=f"{nft} -f -", needs=(nft, "sed"))


def _files(wanted: Rules, firewall: Optional[Type[Provider]]) -> Iterator[Write]:
    """Yield the files that make the table at boot, as they have to be."""
    files: Dict[str, str] = {}
    if wanted and firewall:
        start = f"/bin/sh {SCRIPT}"
        lines = ["# Made by exasol_community.network", "[Service]", f"ExecStartPost=-{start}"]
        lines += [f"ExecReload=-{start}"] if firewall.flushes_others else []
        files[SCRIPT] = script(wanted, absolute("nft"))
        files[f"{UNITS}/{firewall.unit()}.d/{DROP_IN}"] = "\n".join(lines) + "\n"
    for path in sorted({SCRIPT, *glob.glob(f"{UNITS}/*.d/{DROP_IN}")} - set(files)):
        yield Write(path, None)
    for path, content in sorted(files.items()):
        yield Write(path, content)


def _notes(unit: str) -> List[str]:
    """Return why counting does not begin again when the host boots."""
    note = "so counting does not begin again when the host boots"
    if not systemd_runs():
        return [f"systemd does not run on this host, {note}: make its start scripts run sh {SCRIPT}"]
    if run(("systemctl", "is-enabled", unit)).returncode:
        return [f"{unit} is not enabled, {note}: run systemctl enable {unit}"]
    return []
