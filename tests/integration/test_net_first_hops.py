# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first hop of each path, compared with what ip(8) prints: a link-layer address, or a gateway."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.neighbours import (
    FirstHop,
    first_hops,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    NOBODY_FAR,
    NOBODY_NEAR,
    ROUTER,
    SERVER,
    Line,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import target

VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])
PORT = 9  # nothing listens there, so the host refuses: that is an answer too


def paths(machine: Namespace, *addresses: str, sources: tuple[str, ...] = ()) -> dict[str, t.Any]:
    """Return the paths of a probe by their addresses."""
    targets = collect([], [target(address, PORT) for address in addresses], {})
    with machine.inside():
        return {path["address"]: path for path in run(targets, Settings(Pace(timeout=1.0), sources))["paths"]}


def link_address(machine: Namespace, device: str) -> str:
    """Return the link-layer address of a device, as ip(8) prints it."""
    return str(json.loads(machine.ip("-j", "link", "show", device))[0]["address"])


@VERSIONS
def test_a_neighbour_has_its_own_link_address(line: Line, version: int) -> None:
    path = paths(line.client, ROUTER[version])[ROUTER[version]]
    assert path["link_address"] == link_address(line.router, "near")
    assert "gateway" not in path


@VERSIONS
def test_what_is_behind_a_router_has_a_gateway(line: Line, version: int) -> None:
    path = paths(line.client, SERVER[version])[SERVER[version]]
    assert path["gateway"] == ROUTER[version]
    assert "link_address" not in path


def test_the_host_itself_has_neither(line: Line) -> None:
    found = paths(line.client, CLIENT[4], CLIENT[6], "127.0.0.1")
    assert found
    assert not any({"gateway", "link_address"} & path.keys() for path in found.values())


@VERSIONS
def test_who_does_not_reply_has_no_link_address(line: Line, version: int) -> None:
    """The kernel has an entry for it, which is incomplete or failed."""
    paths(line.client, NOBODY_NEAR[version])
    with line.client.inside():
        found = first_hops([NOBODY_NEAR[version], NOBODY_FAR[version], ROUTER[version]], {})
    assert found[NOBODY_NEAR[version]] == FirstHop()
    assert found[NOBODY_FAR[version]] == FirstHop(gateway=ROUTER[version])


@VERSIONS
def test_a_route_for_the_source_address_counts(line: Line, version: int) -> None:
    """Policy routing: what leaves from another address of the client goes through the router, even nearby."""
    other = {4: "10.77.1.3", 6: "fd77:1::3"}[version]
    line.client.address(f"{other}/{24 if version == 4 else 64}", device="near")
    rule = (f"-{version}", "rule")
    line.client.ip(f"-{version}", "route", "add", "default", "via", ROUTER[version], "table", "77")
    line.client.ip(*rule, "add", "from", other, "lookup", "77", "priority", "77")
    family = {4: 2, 6: 10}[version]
    near = NOBODY_NEAR[version]
    try:
        with line.client.inside():
            assert first_hops([near], {family: CLIENT[version]})[near].gateway == ""
            assert first_hops([near], {family: other})[near].gateway == ROUTER[version]
    finally:
        line.client.ip(*rule, "del", "priority", "77")


@VERSIONS
def test_an_entry_that_an_administrator_made_is_no_reply(line: Line, version: int) -> None:
    made = ("neigh", "replace", NOBODY_NEAR[version], "lladdr", "02:00:00:00:00:02", "dev", "near")
    for state, seen in (("reachable", "02:00:00:00:00:02"), ("permanent", "")):
        line.client.ip(*made, "nud", state)
        with line.client.inside():
            assert first_hops([NOBODY_NEAR[version]], {})[NOBODY_NEAR[version]].link_address == seen
    line.client.ip("neigh", "del", NOBODY_NEAR[version], "dev", "near")


@pytest.mark.parametrize("address", ["files.example.com", "", "127.0.0.1", "::1", "203.0.113.9"])
def test_what_has_no_route_has_no_first_hop(namespace: Namespace, address: str) -> None:
    with namespace.inside():
        assert first_hops([address], {}) == {}
