# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A path of four hops: a client, three routers and a server, over IPv4 and IPv6.

The second hop may consist of two routers with equal routes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from .lines import filter_rules
from .namespaces import Namespace, join

VERSIONS = (4, 6)
CLIENT = {4: "10.78.0.2", 6: "fd78:0::2"}
SERVER = {4: "10.78.3.2", 6: "fd78:3::2"}
# What each hop reports from: its address on the side of the client.
HOPS = {4: ("10.78.0.1", "10.78.1.2", "10.78.2.2"), 6: ("fd78::1", "fd78:1::2", "fd78:2::2")}
TWIN = {4: "10.78.11.2", 6: "fd78:11::2"}  # the other router of the second hop
DISTANCE = 4


def _pair(network: int) -> tuple[list[str], list[str]]:
    """Return the addresses of both ends of a link, the one nearer to the client first."""
    return (
        [f"10.78.{network}.1/24", f"fd78:{network}::1/64"],
        [f"10.78.{network}.2/24", f"fd78:{network}::2/64"],
    )


class Hops:
    """The hosts of the path; with C(is_parallel), the second hop has two routers."""

    def __init__(self, is_parallel: bool = False, every_icmp_error: bool = True) -> None:
        labels = ["client", "r1", "r2", "r3", "server"]
        with contextlib.ExitStack() as stack:
            self.client, self.r1, self.r2, self.r3, self.server = (
                stack.enter_context(Namespace(label)) for label in labels
            )
            self.twin = stack.enter_context(Namespace("twin")) if is_parallel else None
            self._lay_cables()
            self._set_routes()
            for host in self.hosts if every_icmp_error else []:
                host.sysctl("ipv4/icmp_ratelimit", 0)
                host.sysctl("ipv6/icmp/ratelimit", 0)
                host.sysctl("ipv4/icmp_msgs_per_sec", 100000)
                host.sysctl("ipv4/icmp_msgs_burst", 100000)
            self._cleaning = stack.pop_all()

    def __enter__(self) -> Hops:
        return self

    def __exit__(self, *unused: object) -> None:
        self._cleaning.close()

    @property
    def routers(self) -> list[Namespace]:
        """The routers, in the order of the hops."""
        return [self.r1, self.r2, self.r3]

    @property
    def hosts(self) -> list[Namespace]:
        """Everybody."""
        return [self.client, *self.routers, self.server, *([self.twin] if self.twin else [])]

    def _lay_cables(self) -> None:
        first, second = _pair(0)
        join(self.r1, self.client, "l0", first, second)
        for network, (near, far) in enumerate(zip(self.routers, [*self.routers[1:], self.server]), 1):
            ends = _pair(network)
            join(near, far, f"l{network}", *ends)
        if self.twin:
            join(self.r1, self.twin, "l11", *_pair(11))
            join(self.twin, self.r3, "l12", *_pair(12))

    def _set_routes(self) -> None:
        for router in [*self.routers, *([self.twin] if self.twin else [])]:
            for version in VERSIONS:
                router.sysctl(f"ipv{version}/conf/all/forwarding", 1)
        for version in VERSIONS:
            networks = _networks(version)
            _default(self.client, version, HOPS[version][0])
            _default(self.server, version, _at(version, 3, 1))
            self._route(self.r1, version, networks[2:], HOPS[version][1], TWIN[version])
            self._route(self.r2, version, networks[3:], HOPS[version][2])
            self._route(self.r2, version, networks[:1], _at(version, 1, 1))
            self._route(self.r3, version, networks[:2], _at(version, 2, 1), _at(version, 12, 1))
            if self.twin:
                self._route(self.twin, version, networks[3:], _at(version, 12, 2))
                self._route(self.twin, version, networks[:1], _at(version, 11, 1))
        if self.twin:
            for router in (self.r1, self.r3):
                router.sysctl("ipv4/fib_multipath_hash_policy", 1)
                router.sysctl("ipv6/fib_multipath_hash_policy", 1)

    def _route(self, router: Namespace, version: int, networks: Sequence[str], *gateways: str) -> None:
        ways = gateways if self.twin else gateways[:1]
        for network in networks:
            hops = [word for way in ways for word in ("nexthop", "via", way)]
            router.ip(f"-{version}", "route", "add", network, *hops)

    def forget_filters(self) -> None:
        """Remove all nftables rules."""
        for host in self.hosts:
            host.nft_flush()


def _at(version: int, network: int, number: int) -> str:
    return f"10.78.{network}.{number}" if version == 4 else f"fd78:{network}::{number}"


def _networks(version: int) -> list[str]:
    return [f"10.78.{number}.0/24" if version == 4 else f"fd78:{number}::/64" for number in range(4)]


def _default(host: Namespace, version: int, gateway: str) -> None:
    host.ip(f"-{version}", "route", "add", "default", "via", gateway)


# Rules of a router against too many new connections, as devices have them.
def limited(rate: int) -> str:
    """Return nftables text that drops new connections above a rate a second."""
    return filter_rules("forward", f"tcp flags syn / syn,ack limit rate over {rate}/second drop")


def banning(rate: int) -> str:
    """Return nftables text that drops everything from who opens more connections a second, for a minute."""
    return f"""
flush ruleset
table inet fault {{
 set banned {{
  type ipv4_addr
  flags dynamic
  timeout 60s
 }}
 set seen {{
  type ipv4_addr
  flags dynamic
 }}
 chain fault {{
  type filter hook forward priority 0
  ip saddr @banned drop
  tcp flags syn / syn,ack jump count
 }}
 chain count {{
  add @seen {{ ip saddr limit rate over {rate}/second burst 30 packets }} add @banned {{ ip saddr }} drop
 }}
}}
"""
