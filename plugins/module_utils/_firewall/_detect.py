# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which firewall a host runs: the running one is respected, two at once are refused."""

import re
from typing import Any, Callable, Dict, List

from . import _nftables
from ._foreign import refuses
from ._steps import FirewallError, run, which
from ._xtables import filter_table, is_firewallds, other_variant, saved_by

_COMMANDS = {"firewalld": "firewall-cmd", "ufw": "ufw", "nftables": "nft", "iptables": "iptables-save"}
_ORDER = tuple(_COMMANDS)
# Chains of others in INPUT and OUTPUT that do not make iptables the host's firewall.
_GUESTS = re.compile(r"-j (ufw6?-|EXASOL|DOCKER|LIBVIRT|CNI|NETAVARK|f2b-|(ACCEPT|RETURN|LOG|NFLOG|MARK|CONNMARK)( |$))|^((?! -[jg] ).)*$")
# What firewall-cmd --state asks, asked without starting its Python (firewalld.dbus(5), busctl(1)).
_FIREWALLD_STATE = ("busctl", "--system", "--auto-start=no", "get-property", "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1",
                    "org.fedoraproject.FirewallD1", "state")
_QUOTED = re.compile(r'"(\\.|[^"\\])*"')


def installed(name: str) -> bool:
    """Tell whether the provider's command is there."""
    return bool(which(_COMMANDS[name]))


def _firewalld_runs() -> bool:
    if which("busctl") and run(_FIREWALLD_STATE).stdout.strip() == 's "RUNNING"':
        return True
    return run(("firewall-cmd", "--state")).stdout.strip() == "running"


def _ufw_runs() -> bool:
    return "Status: active" in run(("ufw", "status")).stdout


def _iptables_runs() -> bool:
    return any(filters(filter_table(run((command,)).stdout)) for command in ("iptables-save", "ip6tables-save") if which(command))


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


def _other_variant_runs() -> str:
    variant = other_variant()
    return variant if variant and any(filters(saved) for saved in saved_by(variant)) else ""


def _nftables_runs() -> bool:
    return bool(_nftables_chains())


def _nftables_beside(others: List[str]) -> bool:
    # Beside another firewall a table is a guest (fail2ban's, for example), unless it stops what it does not permit itself.
    try:
        chains = _nftables_chains()
    except FirewallError:
        if others:
            return False  # an old nft without JSON, where it is not what filters
        raise
    return any(refuses(_nftables.ruleset(), chain) for chain in chains) if others else bool(chains)


def _nftables_chains() -> List[Dict[str, Any]]:
    found = _nftables.ruleset()
    return [chain for chain in found.base_chains() if chain["table"] != _nftables.TABLE and found.owner(chain["family"], chain["table"]) == "nftables"]


_RUNS = {"firewalld": _firewalld_runs, "ufw": _ufw_runs, "nftables": _nftables_runs, "iptables": _iptables_runs}  # type: Dict[str, Callable[[], bool]]


def choose(wish: str) -> str:
    """Return the provider to use, nothing if no firewall runs; raise where that is not clear."""
    if wish != "auto":
        if not installed(wish):
            raise FirewallError("provider {0} is chosen, but its command {1} is not installed on this host".format(wish, _COMMANDS[wish]))
        # nftables and iptables have no service that could be stopped.
        return wish if wish in ("nftables", "iptables") or _RUNS[wish]() else ""
    others = [name for name in _ORDER if name != "nftables" and installed(name) and _RUNS[name]()]
    variant = _other_variant_runs()
    if variant and not others:
        raise FirewallError("{0} filters on this host, but its command iptables is the other variant: make {0} the one with update-alternatives, or choose "
                            "another firewall with provider".format(variant))
    others += [variant] if variant else []
    running = others + ["nftables"] if installed("nftables") and _nftables_beside(others) else others
    if len(running) > 1:
        raise FirewallError("{0} run at the same time on this host: stop one of them, or choose one with provider".format(" and ".join(running)))
    return running[0] if running else ""


def published_by_docker() -> List[int]:
    """Return the ports that Docker publishes: they pass before the rules for what comes in."""
    if not which("iptables-save"):
        return []
    saved = run(("iptables-save",)).stdout
    return sorted({int(port) for port in re.findall(r"-A DOCKER .*--dport (\d+) .*-j DNAT", saved)})


def provider(name: str) -> Any:
    """Return the provider of this name, with the host's present state read."""
    from . import _firewalld, _iptables, _ufw

    return {"firewalld": _firewalld, "ufw": _ufw, "nftables": _nftables, "iptables": _iptables}[name].Provider()
