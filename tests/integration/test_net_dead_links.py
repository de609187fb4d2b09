# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of others behind a bundle of links of which one is dead: no port is taken for filtered by chance.

A device chooses the link by the source port, so which connections fail is made by a set of source ports on
the router, and how many were tried is read from another one.
"""

from __future__ import annotations

import json
import socket
import subprocess
import typing as t

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.scouts import RIVALS
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import TOKEN, listener, target
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service, silent_ports
from ansible_collections.exasol_community.network.tests.labs.waiting import until

FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
DEAD = 3  # source ports, each of which fails for good


def rules(port: int, dead: int, protocol: str = "tcp") -> str:
    """Return nftables text that drops the first source ports to a port for good, and counts all."""
    begins = f"iifname near {protocol} dport {port}"
    return f"""
flush ruleset
table inet fault {{
 set dead {{ type inet_service; size {dead}; flags dynamic; }}
 set tried {{ type inet_service; size 1000; flags dynamic; }}
 chain fault {{
  type filter hook forward priority 0
  {begins} add @tried {{ {protocol} sport }}
  {begins} {protocol} sport @dead drop
  {begins} ct state new add @dead {{ {protocol} sport }} drop
 }}
}}
"""


def tried(line: Line) -> int:
    """Return from how many source ports the router saw connections."""
    with line.router.inside():
        done = subprocess.run(
            ["nft", "-j", "list", "set", "inet", "fault", "tried"], check=True, capture_output=True
        )
    (found,) = [entry["set"] for entry in json.loads(done.stdout)["nftables"] if "set" in entry]
    return len(found.get("elem", ()))


def probed(line: Line, version: int, ports: str, protocol: str = "tcp") -> t.Any:
    """Probe services of others; returns the result."""
    targets = collect([], [target(SERVER[version], ports, protocol)], {})
    with line.client.inside():
        return run_probe(targets, Settings(Pace(3.5)))


def states(result: t.Any) -> list[tuple[str, str]]:
    """Return ports and states of the only observation."""
    (seen,) = result["observations"]
    return [(state["ports"], state["state"]) for state in seen["states"]]


@FAMILIES
def test_a_service_behind_a_dead_link_is_reached_by_one_connection(line: Line, version: int) -> None:
    line.router.nft(rules(8563, DEAD))
    with Service(line.server, SERVER[version], 8563) as service:
        result = probed(line, version, "8563")
        assert states(result) == [("8563", "open")]
        (path,) = result["paths"]
        assert (path["tries"], path["lost"]) == (1, 1), "the first try counts as lost"
        until(lambda: service.endings, "the end of the conversation")
        assert (service.received, service.endings) == ([b""], ["eof"])
    assert tried(line) == DEAD + 1


@FAMILIES
def test_a_service_of_datagrams_behind_a_dead_link_is_reached(line: Line, version: int) -> None:
    line.router.nft(rules(514, 2, "udp"))
    with Service(line.server, SERVER[version], 514, socket.SOCK_DGRAM, reply=b"an answer") as service:
        assert states(probed(line, version, "514", "udp")) == [("514", "open")]
        assert len(service.received) == 1
    assert tried(line) == 3


def test_a_closed_port_of_datagrams_behind_a_dead_link_is_closed(line: Line) -> None:
    line.router.nft(rules(514, 2, "udp"))
    assert states(probed(line, 4, "514", "udp")) == [("514", "closed")]


def test_a_listener_of_ours_for_datagrams_behind_a_dead_link_is_reached(line: Line) -> None:
    line.router.nft(rules(514, 2, "udp"))
    address = SERVER[4]
    with listener(line.server, "n11", target(address, "514", "udp")) as found, line.client.inside():
        wanted = collect([], [target(address, "514", "udp")], {address: found["listening"]})
        result = run_probe(wanted, Settings(Pace(3.5), (), TOKEN))
    assert states(result) == [("514", "open")]
    (state,) = result["observations"][0]["states"]
    assert state["proof"] == "ours"


def test_a_filter_for_datagrams_stays_one(line: Line) -> None:
    line.router.nft(rules(514, 1000, "udp"))
    with Service(line.server, SERVER[4], 514, socket.SOCK_DGRAM, reply=b"an answer") as service:
        assert states(probed(line, 4, "514", "udp")) == [("514", "open|filtered")]
        assert service.received == []
    assert tried(line) == 3


def test_a_closed_port_behind_a_dead_link_is_closed(line: Line) -> None:
    line.router.nft(rules(8563, DEAD))
    assert states(probed(line, 4, "8563")) == [("8563", "closed")]


def test_a_silent_port_beside_those_that_answer_is_tried_as_well(line: Line) -> None:
    line.router.nft(rules(8563, DEAD))
    with silent_ports(line.server, SERVER[4], range(8563, 8565)):
        assert states(probed(line, 4, "8563-8564")) == [("8563-8564", "open")]


def test_a_port_of_ours_that_only_seems_filtered_is_not_taken_for_closed_off(line: Line) -> None:
    line.router.nft(rules(20001, DEAD))
    address = SERVER[4]
    with listener(line.server, "n11", target(address, "20000-20001")) as found, line.client.inside():
        result = run_probe(
            collect([], [target(address, "20000-20001")], {address: found["listening"]}),
            Settings(Pace(3.5), (), TOKEN),
        )
    assert states(result) == [("20000-20001", "open")]


@FAMILIES
def test_a_filter_stays_one_and_meets_few_connections(line: Line, version: int) -> None:
    line.router.nft(rules(8563, 1000))
    with silent_ports(line.server, SERVER[version], range(8563, 8564)):
        assert states(probed(line, version, "8563")) == [("8563", "filtered")]
    assert 1 < tried(line) <= RIVALS + 1


def test_a_refusal_of_a_repeated_packet_counts_as_loss(line: Line) -> None:
    first_is_lost = """
flush ruleset
table inet fault {
 set known { type inet_service; size 1000; flags dynamic; }
 chain fault {
  type filter hook forward priority 0
  iifname near tcp dport 8563 tcp sport != @known add @known { tcp sport } drop
 }
}
"""
    line.router.nft(first_is_lost)
    result = probed(line, 4, "8563-8564")
    assert states(result) == [("8563-8564", "closed")]
    (path,) = result["paths"]
    assert (path["tries"], path["lost"]) == (2, 1)
