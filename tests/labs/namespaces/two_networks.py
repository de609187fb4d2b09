# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster as Exasol documents it: a private network between the nodes, and a public one for all others.

There are two clusters, each with a switch for its private network that nothing else is connected to. On the
public side each node has a cable to a router, which lets no node speak to another one of its cluster. A node
has its public address itself, or the router has it for the node (1:1 NAT).
"""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from .namespaces import Namespace, join
from .playbooks import cluster, host

PRIVATE = {"n1": "10.92.0.11", "n2": "10.92.0.12", "b1": "10.93.0.31", "b2": "10.93.0.32"}
PUBLIC = {"n1": "10.94.1.11", "n2": "10.94.2.12", "b1": "10.94.3.31", "b2": "10.94.4.32"}
PUBLIC6 = {"n1": "fd94:1::11", "n2": "fd94:2::12", "b1": "fd94:3::31", "b2": "fd94:4::32"}
CLIENT, CLIENT6 = "10.95.0.21", "fd95::21"
_GATEWAY = {"n1": "10.94.1.1", "n2": "10.94.2.1", "b1": "10.94.3.1", "b2": "10.94.4.1"}
_GATEWAY6 = {"n1": "fd94:1::1", "n2": "fd94:2::1", "b1": "fd94:3::1", "b2": "fd94:4::1"}
# The port table, as a firewall of the public network has it: what clients and the other cluster need.
TABLE = (
    "ct state established,related accept",
    'iifname "client" tcp dport { 8563, 2580 } accept',
    'iifname != "client" oifname != "client" tcp dport { 8563, 20000-21000 } accept',
    'oifname != "client" drop',
)
# Nodes of one cluster do not reach each other on the public side, and nobody reaches a private address there.
_APART = """
table inet apart {{
 chain forward {{
  type filter hook forward priority 0
  iifname {{ "n1", "n2" }} oifname {{ "n1", "n2" }} drop
  iifname {{ "b1", "b2" }} oifname {{ "b1", "b2" }} drop
  {separate}
 }}
}}
"""


class TwoNetworks:
    """The namespaces: the nodes, a client, the router, and the switches of the private networks."""

    def __init__(self, nat: bool = False):
        self.nat = nat
        with contextlib.ExitStack() as stack:
            self.nodes = {name: stack.enter_context(Namespace(name)) for name in PRIVATE}
            self.client, self.router = (
                stack.enter_context(Namespace(label)) for label in ("client", "router")
            )
            self._switches = {name: stack.enter_context(Namespace(f"switch{name}")) for name in ("n", "b")}
            self._connect_private()
            self._connect_public()
            self.filter_on_router()
            self._cleaning = stack.pop_all()

    def __enter__(self) -> TwoNetworks:
        return self

    def __exit__(self, *unused: object) -> None:
        self._cleaning.close()

    def _connect_private(self) -> None:
        for switch in self._switches.values():
            switch.ip("link", "add", "br0", "type", "bridge")
            switch.ip("link", "set", "br0", "up")
        for name, node in self.nodes.items():
            switch = self._switches[name[0]]
            join(switch, node, f"private{name}", [], [f"{PRIVATE[name]}/24"])
            switch.ip("link", "set", f"private{name}", "master", "br0")

    def _connect_public(self) -> None:
        for version in (4, 6):
            self.router.sysctl(f"ipv{version}/conf/all/forwarding", 1)
        join(
            self.client,
            self.router,
            "client",
            [f"{CLIENT}/24", f"{CLIENT6}/64"],
            ["10.95.0.1/24", "fd95::1/64"],
        )
        self.client.ip("route", "add", "default", "via", "10.95.0.1")
        self.client.ip("-6", "route", "add", "default", "via", "fd95::1")
        for name, node in self.nodes.items():
            own = [] if self.nat else [f"{PUBLIC[name]}/24", f"{PUBLIC6[name]}/64"]
            join(self.router, node, name, [f"{_GATEWAY[name]}/24", f"{_GATEWAY6[name]}/64"], own)
            if self.nat:
                self.router.ip("route", "add", f"{PRIVATE[name]}/32", "dev", name)
                node.ip("route", "add", _GATEWAY[name], "dev", name, "scope", "link")
            node.ip("route", "add", "default", "via", _GATEWAY[name])
            if not self.nat:
                node.ip("-6", "route", "add", "default", "via", _GATEWAY6[name])

    def filter_on_router(self, *rules: str, separate: bool = True) -> None:
        """Let the router translate and separate as it should, and also obey these rules of its forwarding."""
        # What a private address was asked for itself is not what NAT leads to it.
        private = "ct original ip daddr { 10.92.0.0/24, 10.93.0.0/24 } drop" if separate else ""
        text = _APART.format(separate="\n  ".join([private, *rules]))
        if self.nat:
            there = ", ".join(f"{PUBLIC[name]} : {PRIVATE[name]}" for name in PRIVATE)
            back = ", ".join(f"{PRIVATE[name]} : {PUBLIC[name]}" for name in PRIVATE)
            text += f"""
table ip nat {{
 chain prerouting {{
  type nat hook prerouting priority dstnat
  dnat to ip daddr map {{ {there} }}
 }}
 chain postrouting {{
  type nat hook postrouting priority srcnat
  snat to ip saddr map {{ {back} }}
 }}
}}
"""
        self.router.nft(f"flush ruleset\n{text}")

    def inventory(
        self, folder: Path, external: t.Mapping[str, t.Any] | None = None, **variables: t.Any
    ) -> dict[str, t.Any]:
        """Return the inventory; C(external) is what the inventory says of the public side."""
        nodes = {}
        for name, node in self.nodes.items():
            nodes[name] = {
                **host(node, folder, PRIVATE[name]),
                "exasol_cluster": name[0],
                "exasol_external_address": (external or PUBLIC)[name],
            }
        client = host(self.client, folder, CLIENT)
        client["exasol_address"] = [CLIENT, CLIENT6]
        common = {"exasol_verify_source_address": [], "exasol_verify_timeout": 1.2, **variables}
        return cluster(nodes, {"client": client}, **common)
