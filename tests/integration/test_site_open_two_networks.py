# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook C(open) on a node with a private and a public network: who passes on each, and who does not.

That is asked with bare sockets.
"""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Namespace,
    run,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    OWN_STATE,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import (
    CLIENT,
    INSIDE,
    PRIVATE,
    PUBLIC,
    TwoNetworks,
)

SQL, BUCKETFS, SUBCONNECTION, OTHER = 8563, 2580, 20386, 9999
PORTS = {SQL, BUCKETFS, SUBCONNECTION, OTHER}
STRANGER = "10.95.0.99"  # beside the client
CLOSED = """
table inet baseline {
 chain input {
  type filter hook input priority 0; policy drop;
  iif lo accept
  ct state established,related accept
  meta l4proto { icmp, ipv6-icmp } accept
 }
}
"""
FIREWALL = {
    "exasol_release": "7.1",
    "exasol_firewall_enabled": True,
    "exasol_firewall_provider": "nftables",
    "exasol_firewall_persist": False,
}
# Who connects from where: the host, its source address, and the node's address that it uses.
SOURCES = {
    "n2 on the private network": ("n2", PRIVATE["n2"], PRIVATE["n1"]),
    "a stranger on the private network": ("client", INSIDE, PRIVATE["n1"]),
    "client on the public network": ("client", CLIENT, PUBLIC["n1"]),
    "a stranger on the public network": ("client", STRANGER, PUBLIC["n1"]),
    "b1 on the public network": ("b1", "", PUBLIC["n1"]),
}
EVERYTHING = dict.fromkeys(SOURCES, PORTS)
NOTHING: dict[str, set[int]] = {source: set() for source in SOURCES}
OPENED = {
    "n2 on the private network": PORTS,
    "a stranger on the private network": set(),
    "client on the public network": {SQL, BUCKETFS},
    "a stranger on the public network": set(),
    "b1 on the public network": {SQL, SUBCONNECTION},
}


@contextlib.contextmanager
def listening(node: Namespace) -> Iterator[None]:
    """Let something listen on each port."""
    with contextlib.ExitStack() as stack:
        with node.inside():
            for port in PORTS:
                stack.enter_context(socket.create_server(("", port)))
        yield


def passes(source: Namespace, origin: str, address: str, port: int) -> bool:
    """Tell whether a bare connection comes about."""
    with source.inside(), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.7)
        sock.bind((origin, 0))
        try:
            sock.connect((address, port))
        except TimeoutError:
            return False
    return True


def reached(site: TwoNetworks) -> dict[str, set[int]]:
    """Return the ports of n1 that each source reaches."""
    machines = {**site.nodes, "client": site.client}
    return {
        name: {port for port in PORTS if passes(machines[host], origin, address, port)}
        for name, (host, origin, address) in SOURCES.items()
    }


@pytest.mark.parametrize("nat", [False, True], ids=["owned", "nat"])
def test_only_the_planned_sources_pass_on_each_network(
    need_namespaces: None, tmp_path: Path, nat: bool
) -> None:
    with TwoNetworks(nat) as site, site.client_inside(), listening(site.nodes["n1"]):
        site.client.address(f"{STRANGER}/24", device="client")
        assert reached(site) == EVERYTHING
        n1 = site.nodes["n1"]
        n1.nft(CLOSED)
        assert reached(site) == NOTHING
        inventory = site.inventory(tmp_path, **FIREWALL)
        # The playbook runs in the namespace of the node, whose firewall is then that of the controller.
        inventory["all"]["children"]["exasol_nodes"]["hosts"]["n1"].pop("ansible_python_interpreter")
        done = play(
            n1,
            tmp_path,
            "--limit",
            "n1",
            inventory=inventory,
            playbook="playbooks/open.yml",
            before=OWN_STATE,
        )
        assert done.code == 0, done.output
        assert reached(site) == OPENED
        with n1.inside():
            rules = json.dumps(json.loads(run("nft", "-j", "list", "ruleset")))
    # What no packet of this lab shows: addresses of n1 itself and of the other cluster's private network.
    assert PRIVATE["n2"] in rules and PUBLIC["n2"] not in rules
    assert all(address in rules for address in (CLIENT, PUBLIC["b1"], PUBLIC["b2"]))
    assert INSIDE not in rules and STRANGER not in rules
