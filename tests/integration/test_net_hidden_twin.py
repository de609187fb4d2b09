# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two machines with one address behind a router, which alone sees their link-layer addresses.

Neither end can know of the second one. So it must stand beside the filter or proxy that a sentence names.
"""

from __future__ import annotations

import contextlib
import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import filter_rules
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace, join
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

pytestmark = pytest.mark.usefixtures("need_namespaces")

PORT = 8563
CLIENT, SERVER, INSIDE = "10.77.1.2", "10.77.5.11", "10.77.5.1"
CAPTURED = pytest.mark.parametrize("capture", [False, True], ids=["without captures", "with captures"])
MUTE = "table arp mute { chain o { type filter hook output priority 0; policy drop; }; }"


class Site(t.NamedTuple):
    """A client and a router, and behind it a server and its twin on one switch."""

    client: Namespace
    router: Namespace
    server: Namespace
    twin: Namespace

    def hide_server(self) -> None:
        """Let the twin alone answer for the address, as the faster of both does."""
        self.server.nft(MUTE)
        link = self.router.ip("-brief", "link", "show", "inside").split()[2]
        self.server.ip("neighbour", "replace", INSIDE, "lladdr", link, "dev", "to-server", "nud", "permanent")
        self.twin.address(f"{SERVER}/24", device="to-twin")
        self.router.ip("neighbour", "flush", "dev", "inside")


@pytest.fixture
def site() -> Iterator[Site]:
    with contextlib.ExitStack() as stack:
        client, router, server, twin, switch = (
            stack.enter_context(Namespace(label))
            for label in ("client", "router", "server", "twin", "switch")
        )
        join(client, router, "near", [f"{CLIENT}/24"], ["10.77.1.1/24"])
        join(switch, router, "inside", [], [f"{INSIDE}/24"])
        join(switch, server, "to-server", [], [f"{SERVER}/24"])
        join(switch, twin, "to-twin", [], [])
        switch.ip("link", "add", "bridge", "type", "bridge")
        switch.ip("link", "set", "bridge", "up")
        for name in ("inside", "to-server", "to-twin"):
            switch.ip("link", "set", name, "master", "bridge")
        router.sysctl("ipv4/conf/all/forwarding", 1)
        client.ip("route", "add", "default", "via", "10.77.1.1")
        for host in (server, twin):
            host.ip("route", "add", "10.77.1.0/24", "via", INSIDE, *_on(host, twin))
        yield Site(client, router, server, twin)


def _on(host: Namespace, twin: Namespace) -> list[str]:
    """Return what a route needs where its device has no address yet."""
    return ["dev", "to-twin", "onlink"] if host is twin else []


SECOND = {
    "greets": "another host has that address too",
    "accepts": "another machine has 10.77.5.11 too",
    "refuses": "another host",
    "drops": "another machine with that address",
}
# Without captures, these say that it may be anything, and accuse nobody.
OPEN_TO_ALL = {"accepts": ["host:n11", "network"], "drops": ["unknown"]}


@CAPTURED
@pytest.mark.parametrize("fault", SECOND)
def test_a_twin_that_a_router_alone_sees(site: Site, fault: str, capture: bool) -> None:
    def judged() -> t.Any:
        return run_of(site.client, site.server, server=SERVER, client=CLIENT, capture=capture)

    assert judged().verdict == "ok"
    site.hide_server()
    with contextlib.ExitStack() as stack:
        if fault == "greets":
            stack.enter_context(Service(site.twin, SERVER, PORT, greeting=b"welcome\n"))
        elif fault == "accepts":
            with site.twin.inside():
                service = stack.enter_context(socket.create_server((SERVER, PORT)))
            assert service
        elif fault == "drops":
            site.twin.nft(filter_rules("input", f"tcp dport {PORT} drop"))
        found = judged()
    shown(found, f"a hidden second machine with the address {fault}", captured=capture)
    if fault in OPEN_TO_ALL and not capture:
        assert sorted(found.actor) == OPEN_TO_ALL[fault]
    else:
        assert SECOND[fault] in found.sentence
    assert found.actor != ("host:n11",), "the host itself did nothing wrong"
