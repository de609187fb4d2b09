# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three hosts in a row: a client, a router, and a server with several addresses, over IPv4 and IPv6."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from .namespaces import Namespace, join

CLIENT = {4: "10.77.1.2", 6: "fd77:1::2"}
ROUTER = {4: "10.77.1.1", 6: "fd77:1::1"}  # the side that the client sees
FAR_ROUTER = {4: "10.77.2.1", 6: "fd77:2::1"}  # the side that the server sees
SERVER = {4: "10.77.2.11", 6: "fd77:2::11"}
SERVERS = {
    4: [f"10.77.2.{number}" for number in range(11, 16)],
    6: [f"fd77:2::{number}" for number in range(11, 16)],
}
NOBODY_NEAR = {4: "10.77.1.99", 6: "fd77:1::99"}  # in the client's network
NOBODY_FAR = {4: "10.77.2.99", 6: "fd77:2::99"}  # in the server's network


class Line:
    """The hosts of the row; their kernels send every ICMP error, or only as many as by default."""

    def __init__(self, every_icmp_error: bool = True) -> None:
        with contextlib.ExitStack() as stack:
            self.client, self.router, self.server = (
                stack.enter_context(Namespace(label)) for label in ("client", "router", "server")
            )
            self._lay_cables()
            if every_icmp_error:
                self._send_every_icmp_error()
            self._cleaning = stack.pop_all()

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *unused: object) -> None:
        self._cleaning.close()

    def add_second_link(self) -> None:
        """Join router and server a second time; no kernel filters reverse paths from then on."""
        join(self.router, self.server, "other", ["10.77.3.1/24"], ["10.77.3.11/24"])
        for host in (self.client, self.router, self.server):
            for scope in ("all", "default", "near", "far", "other"):
                with contextlib.suppress(OSError):
                    host.sysctl(f"ipv4/conf/{scope}/rp_filter", 0)

    def _lay_cables(self) -> None:
        join(
            self.client,
            self.router,
            "near",
            ["10.77.1.2/24", "fd77:1::2/64"],
            ["10.77.1.1/24", "fd77:1::1/64"],
        )
        join(
            self.router,
            self.server,
            "far",
            ["10.77.2.1/24", "fd77:2::1/64"],
            [f"{address}/24" for address in SERVERS[4]],
        )
        self.server.address(*(f"{address}/64" for address in SERVERS[6]), device="far")
        for version in (4, 6):
            self.router.sysctl(f"ipv{version}/conf/all/forwarding", 1)
            self.client.ip(f"-{version}", "route", "add", "default", "via", ROUTER[version])
            self.server.ip(f"-{version}", "route", "add", "default", "via", FAR_ROUTER[version])

    def _send_every_icmp_error(self) -> None:
        for host in (self.client, self.router, self.server):
            host.sysctl("ipv4/icmp_ratelimit", 0)
            host.sysctl("ipv6/icmp/ratelimit", 0)
            # Beside the limit for each peer there is one for all of them.
            host.sysctl("ipv4/icmp_msgs_per_sec", 100000)
            host.sysctl("ipv4/icmp_msgs_burst", 100000)

    def forget_filters(self) -> None:
        """Remove all nftables rules."""
        for host in (self.client, self.router, self.server):
            host.nft_flush()


def filter_rules(hook: str, *rules: str) -> str:
    """Return nftables text with rules at a hook, for IPv4 and IPv6, in place of what was there."""
    return (
        f"flush ruleset\ntable inet fault {{\n chain fault {{\n  type filter hook {hook} priority 0\n  "
        + "\n  ".join(rules)
        + "\n }\n}\n"
    )


def by_source_port(
    hook: str, these: str, source: str, rule: str = "drop", *, dead: Sequence[int] = (3,), of: int = 4
) -> str:
    """Return nftables text by which a rule hits some source ports for good, beside what is there.

    Of so many source ports in turn, as new ones come, those that are dead: one of four links by default.
    Rules that look at the number of a port would now and then hit none of a dozen. C(these) matches what
    begins a connection, C(source) is the name of its source port.
    """
    numbers = ", ".join(map(str, dead))
    choice = f"{these} numgen inc mod {of} {{ {numbers} }} add @dead {{ {source} }} {rule}" if dead else ""
    kind = "route" if hook == "output" else "filter"
    return f"""
table inet link {{
 set dead {{ type inet_service; size 65535; flags dynamic; }}
 set alive {{ type inet_service; size 65535; flags dynamic; }}
 chain link {{
  type {kind} hook {hook} priority -10
  {these} {source} @alive accept
  {these} {source} @dead {rule}
  {choice}
  {these} add @alive {{ {source} }}
 }}
}}
"""
