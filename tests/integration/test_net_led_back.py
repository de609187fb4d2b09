# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that a local route or a NAT rule of the host leads back to it, and others that leave it."""

from __future__ import annotations

import contextlib
import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    ROUTER,
    SERVER,
    SERVERS,
    Line,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    TOKEN,
    listener,
    probe_flows,
    states,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

SQL, BUCKETFS, ELSEWHERE = 8563, 2580, 9999
ITSELF = ("error", "own-address")
OPEN = ("open", "syn-ack")
VERSIONS = pytest.mark.parametrize("version", [4, 6], ids=["IPv4", "IPv6"])


def flow(address: str, ports: str) -> dict[str, t.Any]:
    """Return a flow to the node, as a plan has it."""
    return {"service": "sql_client", "protocol": "tcp", "ports": ports, "destinations": {"n12": [address]}}


def seen(line: Line, address: str, ports: str = str(SQL)) -> dict[str, tuple[str, str]]:
    """Return state and reason by ports, as the client sees them."""
    return {
        ports: (state, reason)
        for ports, state, reason, unused in states(probe_flows(line.client, [flow(address, ports)]))
    }


@contextlib.contextmanager
def services(machine: Namespace, address: str, *ports: int, greeting: bytes = b"") -> Iterator[None]:
    """Let services listen that keep silent or greet and wait."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            stack.enter_context(Service(machine, address, port, greeting=greeting))
        yield


def nat(rule: str) -> str:
    """Return a NAT rule at the output of a host."""
    return f"table inet lead {{ chain out {{ type nat hook output priority -100; {rule}; }}; }}"


def ip(version: int) -> str:
    """Return nftables' word for an IP version."""
    return {4: "ip", 6: "ip6"}[version]


@VERSIONS
def test_a_local_route_keeps_the_connection_here(line: Line, version: int) -> None:
    address = SERVERS[version][1]
    route = ("local", f"{address}/{32 if version == 4 else 128}", "dev", "lo")
    with (
        services(line.server, address, SQL),
        services(line.client, "::", SQL),
        Service(line.client, "0.0.0.0", SQL),
    ):
        assert seen(line, address) == {str(SQL): OPEN}, "the control: it is the node that answers"
        line.client.ip(f"-{version}", "route", "add", *route)
        try:
            assert seen(line, address) == {str(SQL): ITSELF}
        finally:
            line.client.ip(f"-{version}", "route", "del", *route)


@VERSIONS
def test_a_redirect_leads_a_connection_back_and_no_other(line: Line, version: int) -> None:
    address = SERVER[version]
    with (
        services(line.server, address, SQL, BUCKETFS),
        services(line.client, {4: "0.0.0.0", 6: "::"}[version], ELSEWHERE),
    ):
        assert seen(line, address, f"{BUCKETFS},{SQL}") == {f"{BUCKETFS},{SQL}": OPEN}, (
            "the control: nothing leads back yet"
        )
        line.client.nft(nat(f"{ip(version)} daddr {address} tcp dport {SQL} redirect to :{ELSEWHERE}"))
        assert seen(line, address, f"{BUCKETFS},{SQL}") == {str(SQL): ITSELF, str(BUCKETFS): OPEN}


def test_a_socket_for_both_families_serves_a_connection_that_is_led_back(line: Line) -> None:
    line.client.nft(nat(f"ip daddr {SERVER[4]} tcp dport {SQL} redirect to :{ELSEWHERE}"))
    with Service(line.client, "::", ELSEWHERE, dual=True, greeting=b"a proxy\n"):
        assert seen(line, SERVER[4]) == {str(SQL): ITSELF}


@VERSIONS
def test_a_rule_that_leads_to_another_host_does_not_lead_back(line: Line, version: int) -> None:
    line.client.nft(
        nat(f"{ip(version)} daddr {SERVER[version]} tcp dport {SQL} dnat {ip(version)} to {ROUTER[version]}")
    )
    with services(line.router, ROUTER[version], SQL):
        assert seen(line, SERVER[version]) == {str(SQL): OPEN}


def test_connections_of_the_host_to_itself_are_not_taken_for_the_probes(line: Line) -> None:
    """A local port serves many destinations, so another connection of the host may have the same one."""
    line.client.sysctl("ipv4/ip_local_port_range", "40000 40001")  # the same ports for everybody
    try:
        with (
            services(line.server, SERVER[4], SQL),
            Service(line.client, CLIENT[4], ELSEWHERE),
            line.client.inside(),
            contextlib.ExitStack() as stack,
        ):
            for unused in range(2):
                sock = stack.enter_context(socket.socket())
                sock.connect((CLIENT[4], ELSEWHERE))
            assert seen(line, SERVER[4]) == {str(SQL): OPEN}
    finally:
        line.client.sysctl("ipv4/ip_local_port_range", "32768 60999")


@VERSIONS
def test_the_proof_of_our_listener_names_the_host_that_answers(line: Line, version: int) -> None:
    """Where the source listens, too, and is led back to itself, it is not the node that proves itself."""
    address, own = SERVER[version], CLIENT[version]
    with (
        listener(line.server, "n12", target(address, SQL)) as node,
        listener(line.client, "client", target(own, SQL)),
    ):
        listening = {"n12": node["listening"]}
        assert answered(line, address, listening) == "n12", "the control"
        line.client.nft(nat(f"{ip(version)} daddr {address} tcp dport {SQL} dnat {ip(version)} to {own}"))
        assert answered(line, address, listening) == "client"


def answered(line: Line, address: str, listening: dict[str, t.Any]) -> str | None:
    """Return who proved to be there, None where that is not asked."""
    with line.client.inside():
        (observation,) = run(
            collect([flow(address, str(SQL))], [], listening), Settings(Pace(timeout=1.0), token=TOKEN)
        )["observations"]
    (state,) = observation["states"]
    return state.get("answered_by")
