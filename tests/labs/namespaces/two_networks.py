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
import json
import typing as t
from collections.abc import Iterator
from pathlib import Path

from .namespaces import Namespace, join
from .playbooks import cluster, host

PRIVATE = {"n1": "10.92.0.11", "n2": "10.92.0.12", "b1": "10.93.0.31", "b2": "10.93.0.32"}
PRIVATE6 = {"n1": "fd92::11", "n2": "fd92::12", "b1": "fd93::31", "b2": "fd93::32"}
PUBLIC = {"n1": "10.94.1.11", "n2": "10.94.2.12", "b1": "10.94.3.31", "b2": "10.94.4.32"}
PUBLIC6 = {"n1": "fd94:1::11", "n2": "fd94:2::12", "b1": "fd94:3::31", "b2": "fd94:4::32"}
CLIENT, CLIENT6 = "10.95.0.21", "fd95::21"
INSIDE = "10.92.0.13"  # of the client, while it is on the private network of cluster n
_GATEWAY = {"n1": "10.94.1.1", "n2": "10.94.2.1", "b1": "10.94.3.1", "b2": "10.94.4.1"}
_GATEWAY6 = {"n1": "fd94:1::1", "n2": "fd94:2::1", "b1": "fd94:3::1", "b2": "fd94:4::1"}
# The port table, as a firewall of the public network has it: what clients and the other cluster need.
_BETWEEN_CLUSTERS = 'iifname != "client" oifname != "client" tcp dport {{ {ports} }} accept'
_TABLE = (
    "ct state established,related accept",
    'iifname "client" tcp dport { 8563, 2580 } accept',
    "meta l4proto ipv6-icmp accept",
)
_NOTHING_ELSE = 'oifname != "client" drop'
TABLE = (*_TABLE, _BETWEEN_CLUSTERS.format(ports="8563, 20000-21000"), _NOTHING_ELSE)
# From 8.32.0 on, clusters load from each other over the port of the database.
NEW_TABLE = (*_TABLE, _BETWEEN_CLUSTERS.format(ports="8563"), _NOTHING_ELSE)
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
            own = [f"{PRIVATE[name]}/24", f"{PRIVATE6[name]}/64"]
            join(switch, node, f"private{name}", [], own)
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

    def heal(self) -> None:
        """Remove all faults and filters."""
        for node in (*self.nodes.values(), self.client):
            node.nft_flush()
        self.filter_on_router()

    def pull_private_cable(self, name: str) -> None:
        """Cut a node off from the private network of its cluster, at the switch."""
        self._switches[name[0]].ip("link", "set", f"private{name}", "down")

    @contextlib.contextmanager
    def client_inside(self) -> Iterator[None]:
        """Let the client be on the private network of cluster n as well."""
        switch = self._switches["n"]
        join(switch, self.client, "inside", [], [f"{INSIDE}/24"])
        switch.ip("link", "set", "inside", "master", "br0")
        try:
            yield
        finally:
            switch.ip("link", "del", "inside")
            self.client.nft_flush()
            for name in ("n1", "n2"):
                self.nodes[name].ip("neigh", "flush", "to", INSIDE, "nud", "all")

    @contextlib.contextmanager
    def detour(self, source: Namespace, destination: str) -> Iterator[str]:
        """Let a host of cluster n use a gateway on its private network, and yield the gateway's address."""
        switch, gateway = self._switches["n"], "10.92.0.1"
        for path in ("all/forwarding", "all/rp_filter", "all/send_redirects", "br0/send_redirects"):
            switch.sysctl(f"ipv4/conf/{path}", int(path == "all/forwarding"))
        switch.address(f"{gateway}/24", device="br0")
        source.ip("route", "add", f"{destination}/32", "via", gateway)
        try:
            yield gateway
        finally:
            source.ip("route", "del", f"{destination}/32")
            switch.ip("address", "del", f"{gateway}/24", "dev", "br0")

    @contextlib.contextmanager
    def second_port(self, name: str) -> Iterator[str]:
        """Let a node of cluster n have one more cable to its switch, and yield its link-layer address."""
        switch, node = self._switches["n"], self.nodes[name]
        join(switch, node, "second", [], [])
        switch.ip("link", "set", "second", "master", "br0")
        node.ip("link", "set", "second", "arp", "off")  # else both ports reply, and either may be first
        for device in ("all", "second", f"private{name}"):
            node.sysctl(f"ipv4/conf/{device}/rp_filter", 0)
        try:
            yield link_address(node, "second")
        finally:
            switch.ip("link", "del", "second")

    def reply_to_client(self, name: str, port: str) -> None:
        """Let the client, while it is inside, take a link-layer address for that of a node of cluster n."""
        node = self.nodes[name]
        # Every packet of ARP from the node's other port would replace what the client knows.
        other = link_address(node, f"private{name}")
        self.client.nft(
            "table arp deaf { chain input { type filter hook input priority 0; "
            f"arp saddr ether {other} drop; }}; }}"
        )
        self.client.sysctl("ipv4/neigh/inside/base_reachable_time_ms", 3_600_000)
        known = ("lladdr", port, "dev", "inside", "nud", "reachable")
        self.client.ip("neigh", "replace", PRIVATE[name], *known)
        own = ("lladdr", link_address(self.client, "inside"), "dev", f"private{name}", "nud", "permanent")
        node.ip("neigh", "replace", INSIDE, *own)

    def filter_on_router(
        self, *rules: str, separate: bool = True, leads_to: t.Mapping[str, str] | None = None
    ) -> None:
        """Let the router translate and separate as it should, and also obey these rules of its forwarding.

        C(leads_to) has the nodes for whose public address its NAT has another node.
        """
        # What a private address was asked for itself is not what NAT leads to it.
        private = "ct original ip daddr { 10.92.0.0/24, 10.93.0.0/24 } drop" if separate else ""
        behind = {name: PRIVATE[(leads_to or {}).get(name, name)] for name in PRIVATE}
        text = _APART.format(separate="\n  ".join([private, *rules]))
        if self.nat:
            there = ", ".join(f"{PUBLIC[name]} : {behind[name]}" for name in PRIVATE)
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
        self,
        folder: Path,
        external: t.Mapping[str, t.Any] | None = None,
        private: t.Mapping[str, t.Any] | None = None,
        by_cluster: t.Mapping[str, t.Mapping[str, t.Any]] | None = None,
        **variables: t.Any,
    ) -> dict[str, t.Any]:
        """Return the inventory; C(external) is what the inventory says of the public side."""
        nodes = {}
        for name, node in self.nodes.items():
            nodes[name] = {
                **host(node, folder, (private or PRIVATE)[name]),
                "exasol_cluster": name[0],
                "exasol_external_address": (external or PUBLIC)[name],
                **(by_cluster or {}).get(name[0], {}),
            }
        client = host(self.client, folder, CLIENT)
        client["exasol_address"] = [CLIENT, CLIENT6]
        return cluster(nodes, {"client": client}, **{**_COMMON, **variables})

    def inventory_of_one_network(self, folder: Path, **variables: t.Any) -> dict[str, t.Any]:
        """Return an inventory of cluster n alone, whose client is on the private network as well."""
        nodes = {name: host(self.nodes[name], folder, PRIVATE[name]) for name in ("n1", "n2")}
        client = host(self.client, folder, INSIDE)
        return cluster(nodes, {"client": client}, **{**_COMMON, **variables})


_COMMON: dict[str, t.Any] = {"exasol_verify_source_address": [], "exasol_verify_timeout": 1.2}


def link_address(machine: Namespace, device: str) -> str:
    """Return the link-layer address of a device, as ip(8) prints it."""
    return str(json.loads(machine.ip("-j", "link", "show", device))[0]["address"])
