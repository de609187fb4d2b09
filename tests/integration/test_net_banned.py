# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A source that a host has banned before the run: it never gets an answer there, and others do."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.silent_sources import (
    silent_source_notes,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

pytestmark = pytest.mark.usefixtures("need_namespaces")

CAUSES_SHOWN = {"silent_source"}
SQL, WEB = 8563, 8080
OTHER_CLIENT = "10.77.1.3"
CLIENTS = {"c1": CLIENT[4], "c2": OTHER_CLIENT}
NODES = {"n1": SERVERS[4][0], "n2": SERVERS[4][1]}
OWN_SERVICE = {
    "name": "web",
    "protocol": "tcp",
    "ports": str(WEB),
    "source": "client",
    "destination": "database_node",
    "description": "A service of the site.",
}


@pytest.fixture
def site(line: Line) -> Iterator[Line]:
    """Two nodes with two services each, and two clients; as addresses of one host each, which is enough."""
    line.client.address(f"{OTHER_CLIENT}/24", device="near")
    with contextlib.ExitStack() as stack:
        for address in NODES.values():
            for port in (SQL, WEB):
                stack.enter_context(Service(line.server, address, port, greeting=b"welcome\n"))
        yield line
    line.client.ip("address", "del", f"{OTHER_CLIENT}/24", "dev", "near")


def judged(line: Line) -> tuple[dict[tuple[str, str, str], str], list[str]]:
    """Return verdicts by source, destination and service, and the notes."""
    members = {
        "database_node": [Party(name, (address,), managed=True) for name, address in NODES.items()],
        "client": [Party(name, (address,), managed=True) for name, address in CLIENTS.items()],
    }
    plan = make_plan(Wishes(release="kb", services=[OWN_SERVICE]), members, [])
    observed = {}
    for name, address in CLIENTS.items():
        targets = collect(plan["hosts"][name]["probes"], [], {})
        with line.client.inside():
            observed[name] = run_probe(targets, Settings(Pace(timeout=1.5), sources=[address]))
    results = [one for one in Joining(plan, observed, {}).judge().results if one["source"] in CLIENTS]
    verdicts = {(one["source"], one["destination"], one["service"]): one["verdict"] for one in results}
    return verdicts, silent_source_notes(results)


def reaches(line: Line, own: str, address: str, port: int) -> bool:
    """Tell whether a bare socket connects from an own address."""
    with line.client.inside(), socket.socket() as sock:
        sock.settimeout(1)
        sock.bind((own, 0))
        return sock.connect_ex((address, port)) == 0


def test_a_ban_from_before_is_named_beside_a_rule(site: Line) -> None:
    verdicts, notes = judged(site)
    assert (len(verdicts), set(verdicts.values()), notes) == (8, {"ok"}, [])
    # As fail2ban bans: everything from the address, whatever the port.
    site.server.nft(filter_rules("input", f"ip saddr {CLIENT[4]} ip daddr {NODES['n1']} drop"))
    assert not reaches(site, CLIENT[4], NODES["n1"], WEB)
    assert reaches(site, OTHER_CLIENT, NODES["n1"], WEB)
    verdicts, notes = judged(site)
    assert {flow[:2] for flow, verdict in verdicts.items() if verdict != "ok"} == {("c1", "n1")}
    assert set(verdicts.values()) == {"ok", "blocked"}, "silence stays what it is"
    (note,) = notes
    assert all(words in note for words in ("c1", "n1", "c2", "ban", "lacks its address"))


@pytest.mark.parametrize(
    "rule",
    [
        f"ip saddr {CLIENT[4]} tcp dport {WEB} drop",
        f"tcp dport {{ {SQL}, {WEB} }} ip daddr {NODES['n1']} drop",
        f"ip saddr {CLIENT[4]} ip daddr {NODES['n1']} reject",
        f"ip saddr {CLIENT[4]} drop",
    ],
    ids=["one service is dropped", "everybody is dropped", "it is rejected", "all destinations drop it"],
)
def test_what_a_ban_does_not_look_like_is_no_ban(site: Line, rule: str) -> None:
    site.server.nft(filter_rules("input", rule))
    verdicts, notes = judged(site)
    assert set(verdicts.values()) > {"ok"}
    assert notes == []
