# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewalls of the nodes: what each consists of, and whom its rules let in, read from its own listing."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .truth import ALL_PORTS, parse_ports

if t.TYPE_CHECKING:
    from testinfra.host import Host

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Firewall(t.NamedTuple):
    """What a kind of firewall consists of on a host."""

    package: str
    service: str
    kept_in: tuple[
        str, ...
    ]  # the files from which it loads our rules when the host boots, one for each IP version where it has two
    word: str  # that this file must hold
    listing: t.Callable[[Host], t.Iterator[tuple[str, frozenset[int]]]]


class Rules(t.NamedTuple):
    """What our rules let in to a host."""

    entries: list[tuple[str, frozenset[int]]]  # networks, as the firewall writes them, and TCP ports

    def sources(self, port: int) -> set[Address]:
        """Return every address from which somebody is let in to a port."""
        found: set[Address] = set()
        for text, ports in self.entries:
            if port in ports:
                for network in _networks(text):
                    found.update(network)
        return found


def read_rules(host: Host, firewall: Firewall) -> Rules:
    """Read a host's rules."""
    return Rules(list(firewall.listing(host)))


def _networks(text: str) -> t.Iterator[Network]:
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if dash:
            yield from ipaddress.summarize_address_range(
                ipaddress.ip_address(first), ipaddress.ip_address(last)
            )
        else:
            yield ipaddress.ip_network(first)


def _nftables(host: Host) -> t.Iterator[tuple[str, frozenset[int]]]:
    listing = host.check_output("nft --stateless list ruleset")
    chain = re.search(r"chain exasol_network_in \{(.*?)\n\t\}", listing, re.DOTALL)
    assert chain, f"{host.backend.host} has no chain exasol_network_in:\n{listing}"
    for line in chain[1].splitlines():
        source = re.search(r"\bip6? saddr (?:\{ ([^}]*) \}|(\S+))", line)
        if source and " accept" in line and " udp " not in line:
            ports = re.search(r"\btcp dport (?:\{ ([^}]*) \}|(\S+))", line)
            yield source[1] or source[2], _ports(ports[1] or ports[2]) if ports else ALL_PORTS


def _iptables(chains: dict[int, str]) -> t.Callable[[Host], t.Iterator[tuple[str, frozenset[int]]]]:
    def listing(host: Host) -> t.Iterator[tuple[str, frozenset[int]]]:
        for version, chain in chains.items():
            # All chains, because ours is not there in a family for which nothing is planned.
            for rule in host.iptables.rules("filter", version=version):
                source = re.search(r" -s (\S+)", rule)
                if (
                    rule.startswith(f"-A {chain} ")
                    and source
                    and rule.endswith("-j ACCEPT")
                    and " -p udp " not in rule
                ):
                    ports = re.search(r" --dports? (\S+)", rule)
                    yield source[1], _ports(ports[1]) if ports else ALL_PORTS

    return listing


def _firewalld(host: Host) -> t.Iterator[tuple[str, frozenset[int]]]:
    for rule in host.check_output("firewall-cmd --policy=exasol-network-in --list-rich-rules").splitlines():
        source = re.search(r'source address="([^"]*)"', rule)
        if source and rule.rstrip().endswith("accept") and 'protocol="udp"' not in rule:
            ports = re.search(r' port="([^"]*)"', rule)
            yield source[1], _ports(ports[1]) if ports else ALL_PORTS


def _ports(text: str) -> frozenset[int]:
    return parse_ports(text.replace(":", "-"))


FIREWALLS = {
    "nftables": Firewall(
        package="nftables",
        service="nftables",
        kept_in=("/etc/exasol_community.network/nftables-inet-host-input.nft",),
        word="exasol_network_in",
        listing=_nftables,
    ),
    "iptables": Firewall(
        package="netfilter-persistent",
        service="netfilter-persistent",
        kept_in=("/etc/iptables/rules.v4", "/etc/iptables/rules.v6"),
        word="EXASOL-IN",
        listing=_iptables({4: "EXASOL-IN", 6: "EXASOL-IN"}),
    ),
    "ufw": Firewall(
        package="ufw",
        service="ufw",
        kept_in=("/etc/ufw/user.rules", "/etc/ufw/user6.rules"),
        word="ufw6*-user-input -s",
        listing=_iptables({4: "ufw-user-input", 6: "ufw6-user-input"}),
    ),
    "firewalld": Firewall(
        package="firewalld",
        service="firewalld",
        kept_in=("/etc/firewalld/policies/exasol-network-in.xml",),
        word="exasol_community.network",
        listing=_firewalld,
    ),
}
