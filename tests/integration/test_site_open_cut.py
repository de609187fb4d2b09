# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook C(open) on a database in use: whose connections it would refuse, and what it does then.

Who passes is asked with bare sockets.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace, run
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    OWN_STATE,
    Done,
    play,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.two_networks import (
    CLIENT,
    PUBLIC,
    TwoNetworks,
)

STRANGER = "10.95.0.99"  # beside the client, and in no plan
SQL, OTHER = 8563, 9999
OPEN = """
table inet baseline {
 chain input {
  type filter hook input priority 0; policy drop;
  iif lo accept
  ct state established,related accept
  tcp dport { 8563, 9999 } accept
 }
}
"""
FIREWALL = {
    "exasol_release": "7.1",
    "exasol_firewall_enabled": True,
    "exasol_firewall_provider": "nftables",
    "exasol_firewall_persist": False,
}


class Site:
    """A node with a service on two ports, and connections to it that stay open."""

    def __init__(self, site: TwoNetworks, directory: Path, stack: contextlib.ExitStack):
        self._site, self._directory, self._stack = site, directory, stack
        self.node: Namespace = site.nodes["n1"]
        self._servers = {}
        with self.node.inside():
            for port in (SQL, OTHER):
                self._servers[port] = stack.enter_context(socket.create_server(("", port)))

    def connection(self, origin: str, port: int) -> tuple[socket.socket, socket.socket]:
        """Open a connection; return both ends."""
        with self._site.client.inside():
            client = socket.create_connection((PUBLIC["n1"], port), 5, (origin, 0))
        self._stack.enter_context(client)
        server = self._stack.enter_context(self._servers[port].accept()[0])
        server.settimeout(5)
        return client, server

    def passes(self, origin: str, port: int = SQL) -> bool:
        """Tell whether a new connection comes about."""
        with self._site.client.inside(), socket.socket() as sock:
            sock.settimeout(0.7)
            sock.bind((origin, 0))
            try:
                sock.connect((PUBLIC["n1"], port))
            except OSError:
                return False
        self._servers[port].accept()[0].close()
        return True

    def open(self, *arguments: str, **variables: object) -> Done:
        """Run the playbook on the node."""
        inventory = self._site.inventory(self._directory, **FIREWALL)
        # The playbook runs in the namespace of the node, whose firewall is then that of the controller.
        inventory["all"]["children"]["exasol_nodes"]["hosts"]["n1"].pop("ansible_python_interpreter")
        return play(
            self.node,
            self._directory,
            "--limit",
            "n1",
            *arguments,
            inventory=inventory,
            playbook="playbooks/open.yml",
            before=OWN_STATE,
            variables={f"exasol_firewall_{name}": value for name, value in variables.items()},
        )

    def ruleset(self) -> str:
        """Return the packet filter, as the kernel has it."""
        with self.node.inside():
            return run("nft", "list", "ruleset")


@contextlib.contextmanager
def site_in_use(directory: Path) -> Iterator[Site]:
    with TwoNetworks() as networks, contextlib.ExitStack() as stack:
        networks.client.address(f"{STRANGER}/24", device="client")
        site = Site(networks, directory, stack)
        site.node.nft(OPEN)
        yield site


def still_there(ends: tuple[socket.socket, socket.socket]) -> bool:
    client, server = ends
    client.sendall(b"still there?")
    return server.recv(100) == b"still there?"


def test_a_restriction_of_a_database_in_use(need_namespaces: None, tmp_path: Path) -> None:
    with site_in_use(tmp_path) as site:
        strangers = [site.connection(STRANGER, SQL) for _ in range(3)]
        clients = site.connection(CLIENT, SQL)
        elsewhere = site.connection(STRANGER, OTHER)
        before = site.ruleset()

        checked = site.open("--check", "--diff", restrict=True)
        assert checked.code == 0, checked.output
        said = " ".join(checked.output.split())
        assert f"n1 {STRANGER} in tcp {SQL} " in said, checked.output
        assert "The changes of 1 host would refuse 3 live connections." in said
        assert f"-live connection in tcp {SQL} from {STRANGER}: 3" in checked.output
        assert f"live connection in tcp {SQL} from {CLIENT}" not in checked.output
        assert site.ruleset() == before

        stopped = site.open(restrict=True)
        assert stopped.code != 0, stopped.output
        assert f"in tcp {SQL} from {STRANGER}" in stopped.output
        assert "3 live connections" in stopped.output and "exasol_firewall_cut" in stopped.output
        assert f"from {CLIENT}" not in stopped.output and str(OTHER) not in stopped.output
        assert site.ruleset() == before
        assert site.passes(STRANGER) and site.passes(CLIENT)

        accepted = site.open(restrict=True, cut=True)
        assert accepted.code == 0, accepted.output
        assert any(STRANGER in warning for warning in accepted.warnings), accepted.output
        assert "Open connections continue" in " ".join(accepted.output.split())
        assert site.passes(CLIENT) and not site.passes(STRANGER) and site.passes(STRANGER, OTHER)
        assert all(still_there(ends) for ends in (*strangers, clients, elsewhere))

        again = site.open(restrict=True)
        assert again.code == 0 and STRANGER not in again.output, again.output


def test_absent_names_who_loses_the_database(need_namespaces: None, tmp_path: Path) -> None:
    with site_in_use(tmp_path) as site:
        site.node.nft_flush()
        site.node.nft(OPEN.replace("8563, ", ""))
        assert not site.passes(CLIENT)
        assert site.open().code == 0
        assert site.passes(CLIENT)
        client, elsewhere = site.connection(CLIENT, SQL), site.connection(STRANGER, OTHER)
        before = site.ruleset()

        checked = site.open("--check", state="absent")
        assert checked.code == 0, checked.output
        assert f"n1 {CLIENT} in tcp {SQL} " in " ".join(checked.output.split()), checked.output
        assert STRANGER not in checked.output
        assert site.ruleset() == before

        removed = site.open(state="absent")
        assert removed.code == 0, removed.output
        assert any(CLIENT in warning for warning in removed.warnings), removed.output
        assert not site.passes(CLIENT) and site.passes(STRANGER, OTHER)
        assert still_there(client) and still_there(elsewhere)
