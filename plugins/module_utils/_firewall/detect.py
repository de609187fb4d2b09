# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which firewall a host runs: the running one is respected, two at once are refused."""

import re
from typing import Any, Callable, Dict, List, Optional

from . import nftables
from .listing import Listing
from .other_firewalls import refuses
from .steps import FirewallError, run, which
from .xtables import MIXED, SAVE, filter_table, is_firewallds, other_variant, save_commands, unreadable

_COMMANDS = {"firewalld": "firewall-cmd", "ufw": "ufw", "nftables": "nft", "iptables": "iptables-save"}
_ORDER = tuple(_COMMANDS)
# Chains of others in INPUT and OUTPUT that do not make iptables the host's firewall.
_GUESTS = re.compile(
    r"-j (ufw6?-|EXASOL|DOCKER|LIBVIRT|CNI|NETAVARK|f2b-|(ACCEPT|RETURN|LOG|NFLOG|MARK|CONNMARK)( |$))|^((?! "
    r"-[jg] ).)*$"
)
# What firewall-cmd --state asks, asked without starting its Python (firewalld.dbus(5), busctl(1)).
_FIREWALLD_STATE = (
    "busctl",
    "--system",
    "--auto-start=no",
    "get-property",
    "org.fedoraproject.FirewallD1",
    "/org/fedoraproject/FirewallD1",
    "org.fedoraproject.FirewallD1",
    "state",
)
_QUOTED = re.compile(r'"(\\.|[^"\\])*"')


def installed(name: str) -> bool:
    """Tell whether the provider's command is there."""
    return bool(which(_COMMANDS[name]))


def _firewalld_runs(_listing: Listing) -> bool:
    if which("busctl") and run(_FIREWALLD_STATE).stdout.strip() == 's "RUNNING"':
        return True
    return run(("firewall-cmd", "--state")).stdout.strip() == "running"


def _ufw_runs(_listing: Listing) -> bool:
    return "Status: active" in run(("ufw", "status")).stdout


def _iptables_runs(listing: Listing) -> bool:
    texts = {version: filter_table(listing.saved_if_any(command)) for version, command in SAVE.items()}
    return any(filters(text) and listing.iptables_reads(version, "filter") for version, text in texts.items())


def filters(saved: str) -> bool:
    """Tell whether an C(iptables-save) filters what comes in or goes out, other than through the chains of guests and of firewalld."""
    if is_firewallds(saved):
        return False
    for line in saved.splitlines():
        if re.match(r":(INPUT|OUTPUT) (DROP|REJECT)", line):
            return "-j ufw-" not in saved and "-j ufw6-" not in saved
        if re.match(r"-A (INPUT|OUTPUT) ", line) and not _GUESTS.search(_QUOTED.sub("", line)):
            return True
    return False


def _other_variant_runs(listing: Listing) -> str:
    variant = other_variant()
    commands = save_commands(variant).values() if variant else ()
    return (
        variant if any(filters(filter_table(listing.saved_if_any(command))) for command in commands) else ""
    )


def _nftables_runs(listing: Listing) -> bool:
    return bool(_nftables_chains(listing))


def _nftables_beside(others: List[str], listing: Listing) -> bool:
    # Beside another firewall a table is a guest (fail2ban's, for example), unless it stops what it does not
    # permit itself.
    try:
        chains = _nftables_chains(listing)
    except FirewallError:
        if others:
            return False  # an old nft without JSON, where it is not what filters
        raise
    return any(refuses(listing.ruleset(), chain) for chain in chains) if others else bool(chains)


def _nftables_chains(listing: Listing) -> List[Dict[str, Any]]:
    found = listing.ruleset()
    return [
        chain
        for chain in found.base_chains()
        if chain["table"] != nftables.TABLE and found.owner(chain) == "nftables"
    ]


def _is_owned(name: str, others: List[str], listing: Listing) -> bool:
    """Tell whether what iptables seems to filter was made by another firewall that runs."""
    if name != "iptables":
        return False
    found = {version: filter_table(listing.saved_if_any(command)) for version, command in SAVE.items()}
    if "ufw" in others:
        found = {version: "" if is_ufws_lock(text) else text for version, text in found.items()}
    if "firewalld" in others:
        found = {version: without_direct(text, version) for version, text in found.items()}
    return not any(
        filters(text) and listing.iptables_reads(version, "filter") for version, text in found.items()
    )


def is_ufws_lock(saved: str) -> bool:
    """Tell whether a filter table of IPv6 is what ufw loads with IPV6=no.

    All is dropped but loopback (ufw-init-functions).
    """
    policies = re.findall(r"^:(INPUT|FORWARD|OUTPUT) DROP", saved, re.MULTILINE)
    rules = {line for line in saved.splitlines() if line.startswith("-A ") and "EXASOL" not in line}
    return len(policies) == 3 and rules <= {"-A INPUT -i lo -j ACCEPT", "-A OUTPUT -o lo -j ACCEPT"}


def without_direct(saved: str, version: int) -> str:
    """Return a filter table without as many rules of INPUT and OUTPUT as firewalld has direct ones there (firewalld.direct(5)).

    They go to iptables also where firewalld itself uses nftables; iptables writes them in its own words, so
    they are counted.
    """
    direct = (
        run(("firewall-cmd", "--direct", "--get-all-rules")).stdout
        + run(("firewall-cmd", "--direct", "--get-all-passthroughs")).stdout
    )
    lines = saved.splitlines(True)
    for base in ("INPUT", "OUTPUT"):
        known = re.findall(
            r"^ipv{0} (?:filter {1} |.*-[AI] {1} )".format({4: "4", 6: "6"}[version], base),
            direct,
            re.MULTILINE,
        )
        filtering = [
            line
            for line in lines
            if line.startswith(f"-A {base} ") and not _GUESTS.search(_QUOTED.sub("", line))
        ]
        lines = [line for line in lines if line not in filtering] if len(filtering) <= len(known) else lines
    return "".join(lines)


_RUNS: Dict[str, Callable[[Listing], bool]] = {
    "firewalld": _firewalld_runs,
    "ufw": _ufw_runs,
    "nftables": _nftables_runs,
    "iptables": _iptables_runs,
}


def choose(wish: str, listing: Optional[Listing] = None) -> str:
    """Return the provider to use, nothing if no firewall runs; raise where that is not clear."""
    listing = listing or Listing()
    if wish != "auto":
        if not installed(wish):
            raise FirewallError(
                f"provider {wish} is chosen, but its command {_COMMANDS[wish]} is not installed on this host"
            )
        # nftables and iptables have no service that could be stopped.
        return wish if wish in ("nftables", "iptables") or _RUNS[wish](listing) else ""
    others = [name for name in _ORDER if name != "nftables" and installed(name) and _RUNS[name](listing)]
    others = [name for name in others if not _is_owned(name, others, listing)] if len(others) > 1 else others
    variant = _other_variant_runs(listing)
    if variant and not others:
        raise FirewallError(
            f"{variant} filters on this host, but its command iptables is the other variant: make {variant} "
            f"the one with update-alternatives, or choose "
            "another firewall with provider"
        )
    others += [variant] if variant else []
    running = others + ["nftables"] if installed("nftables") and _nftables_beside(others, listing) else others
    if len(running) > 1:
        raise FirewallError(
            "{0} run at the same time on this host: stop one of them, or choose one with provider".format(
                " and ".join(running)
            )
        )
    if not running:
        _refuse_mixed(listing)
    return running[0] if running else ""


def _refuse_mixed(listing: Listing) -> None:
    """Raise where iptables made the table that filters, and cannot read it any more because of what somebody put into it with nft."""
    for version, command in SAVE.items():
        if "filter" not in unreadable(listing.saved_if_any(command)):
            continue
        family = nftables.FAMILIES[version]
        chains = listing.ruleset().chains_of(family, "filter") if which("nft") else []
        if not chains or any(
            listing.ruleset().owner(chain) == "iptables" for chain in chains if "hook" in chain
        ):
            raise FirewallError(MIXED.format(family))


def published_by_docker() -> List[int]:
    """Return the ports that Docker publishes: they pass before the rules for what comes in."""
    if not which("iptables-save"):
        return []
    saved = run(("iptables-save",)).stdout
    return sorted({int(port) for port in re.findall(r"-A DOCKER .*--dport (\d+) .*-j DNAT", saved)})


def provider(name: str, listing: Optional[Listing] = None) -> Any:
    """Return the provider of this name, with the host's present state read."""
    from . import firewalld, iptables, ufw

    listing = listing or Listing()
    if name == "nftables":
        return nftables.Provider(listing.ruleset())
    return (
        iptables.Provider(listing)
        if name == "iptables"
        else {"firewalld": firewalld, "ufw": ufw}[name].Provider()
    )
