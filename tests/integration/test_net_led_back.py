# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections that a local route or a NAT rule of the host leads back to it, and others that leave it."""

from __future__ import annotations

import contextlib
import socket
import struct
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import loopback
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


def asked(line: Line, *flows: dict[str, t.Any]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return state, reason and sender by protocol and ports, as the client sees them."""
    return {
        (observation["protocol"], state["ports"]): (
            state["state"],
            state["reason"],
            *filter(None, [state.get("reason_ip")]),
        )
        for observation in probe_flows(line.client, list(flows))
        for state in observation["states"]
    }


def own_service(address: str, ports: str, protocol: str) -> dict[str, t.Any]:
    """Return a flow to a service of the site, of which no question is known."""
    return flow(address, ports) | {"service": "site", "protocol": protocol}


# Whatever leads datagrams back: to a loopback address, as local resolvers do it, or to the host's own one.
BACK = {
    "redirect": "{ip} daddr {address} {protocol} dport {ports} redirect to :" + str(ELSEWHERE),
    "dnat to loopback": "{ip} daddr {address} {protocol} dport {ports} dnat {ip} to {loopback}",
    "dnat to the host": "{ip} daddr {address} {protocol} dport {ports} dnat {ip} to {own}",
}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}


def back(how: str, version: int, protocol: str, ports: str) -> str:
    """Return a rule that leads packets for the server back to the client."""
    rule = BACK[how].format(
        ip=ip(version),
        address=SERVER[version],
        protocol=protocol,
        ports=ports,
        loopback=LOOPBACK[version],
        own=CLIENT[version],
    )
    return nat(rule)


class Empty(Service):
    """Answers every datagram by one without contents."""

    def _answer(self) -> None:
        for unused in self._waiting():
            self._sock.sendto(b"", self._sock.recvfrom(4096)[1])


@contextlib.contextmanager
def datagrams(machine: Namespace, address: str, *ports: int, reply: bytes = b"an answer") -> Iterator[None]:
    """Let services answer every datagram."""
    with contextlib.ExitStack() as stack:
        for port in ports:
            kind = Service if reply else Empty
            stack.enter_context(kind(machine, address, port, socket.SOCK_DGRAM, reply=reply))
        yield


ANSWERED = ("open", "udp-response")


@pytest.mark.parametrize("reply", [b"an answer", b""], ids=["answer", "empty answer"])
@pytest.mark.parametrize("how", BACK)
@VERSIONS
def test_datagrams_that_lead_back_prove_nothing(line: Line, version: int, how: str, reply: bytes) -> None:
    address = SERVER[version]
    flows = [own_service(address, "53,88", "udp")]
    here = {"redirect": LOOPBACK, "dnat to loopback": LOOPBACK, "dnat to the host": CLIENT}[how][version]
    with (
        datagrams(line.server, address, 53, 88, reply=reply),
        datagrams(line.client, here, 53, ELSEWHERE, reply=reply),
    ):
        assert asked(line, *flows) == {("udp", "53,88"): ANSWERED}, "the control: the node answers"
        line.client.nft(back(how, version, "udp", "53"))
        assert asked(line, *flows) == {("udp", "53"): ITSELF, ("udp", "88"): ANSWERED}


@VERSIONS
def test_datagrams_that_lead_to_another_host_do_not_lead_back(line: Line, version: int) -> None:
    rule = f"{ip(version)} daddr {SERVER[version]} udp dport 53 dnat {ip(version)} to {ROUTER[version]}"
    line.client.nft(nat(rule))
    with datagrams(line.router, ROUTER[version], 53):
        assert asked(line, own_service(SERVER[version], "53", "udp")) == {("udp", "53"): ANSWERED}


@VERSIONS
def test_our_listener_that_proves_itself_by_datagrams_is_believed(line: Line, version: int) -> None:
    address, own = SERVER[version], CLIENT[version]
    flows = [own_service(address, "53", "udp")]
    with (
        listener(line.server, "n12", target(address, 53, "udp")) as node,
        datagrams(line.client, own, 53),
    ):
        listening = {"n12": node["listening"]}
        assert proof_of(line, flows, listening) == ("open", "ours", "n12")
        line.client.nft(back("dnat to the host", version, "udp", "53"))
        assert proof_of(line, flows, listening) == ("error", None, None)


@pytest.fixture(params=["filters", "no filters"])
def filters(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the kernel permits filters on TCP sockets: some do so for root alone."""
    if request.param == "no filters":
        monkeypatch.setattr(loopback, "attach", refuse)


def refuse(*unused: object) -> None:
    """Refuse a filter as the kernel does."""
    raise PermissionError


@VERSIONS
@pytest.mark.parametrize("how", BACK)
@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.usefixtures("filters")
def test_a_refusal_by_this_host_itself_accuses_nobody(
    line: Line, version: int, how: str, protocol: str
) -> None:
    """Nothing listens where the rule leads, so this host refuses, with the address of the other one."""
    refused = {"tcp": ("closed", "conn-refused"), "udp": ("closed", "port-unreach", SERVER[version])}[
        protocol
    ]
    ports = "53,20000-20999" if protocol == "tcp" else "53,20000"
    flows = [own_service(SERVER[version], ports, protocol)]
    assert asked(line, *flows) == {(protocol, ports): refused}, "the control: the server refuses"
    line.client.nft(back(how, version, protocol, "20000-20999"))
    assert asked(line, *flows) == {
        (protocol, "53"): refused,
        (protocol, ports.partition(",")[2]): ITSELF,
    }


@VERSIONS
@pytest.mark.usefixtures("filters")
def test_a_reject_with_a_reset_at_the_output_of_this_host_accuses_nobody(line: Line, version: int) -> None:
    flows = [own_service(SERVER[version], f"{BUCKETFS},{SQL}", "tcp")]
    rule = f"tcp dport {SQL} reject with tcp reset"
    line.client.nft(f"table inet own {{ chain out {{ type filter hook output priority 0; {rule}; }}; }}")
    assert asked(line, *flows) == {
        ("tcp", str(BUCKETFS)): ("closed", "conn-refused"),
        ("tcp", str(SQL)): ITSELF,
    }


@VERSIONS
@pytest.mark.usefixtures("filters")
def test_a_reject_with_a_reset_at_another_host_is_not_ours(line: Line, version: int) -> None:
    line.router.nft(
        f"table inet far {{ chain pass {{ type filter hook forward priority 0; "
        f"tcp dport {SQL} reject with tcp reset; }}; }}"
    )
    assert seen(line, SERVER[version]) == {str(SQL): ("closed", "conn-refused")}


class Resetting(Service):
    """Resets every connection at once."""

    def _converse(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Closing(Service):
    """Ends every connection at once."""

    def _converse(self, sock: socket.socket) -> None:
        pass


class Deferring(Service):
    """Accepts a connection only when there is something to read, which never comes."""

    def __init__(self, machine: Namespace, address: str, port: int) -> None:
        super().__init__(machine, address, port)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)


class Busy(Service):
    """Never accepts anything: the kernel makes the connections alone."""

    def _serve(self) -> None:
        pass


PROGRAMS = pytest.mark.parametrize("program", [Resetting, Closing, Deferring, Busy])


@VERSIONS
@PROGRAMS
@pytest.mark.usefixtures("filters")
def test_programs_here_that_hardly_accept_are_found(line: Line, version: int, program: type[Service]) -> None:
    """Both ends may be gone when the kernel's tables are read."""
    with (
        program(line.server, SERVER[version], SQL),
        program(line.client, {4: "0.0.0.0", 6: "::"}[version], ELSEWHERE),
    ):
        assert seen(line, SERVER[version]) == {str(SQL): OPEN}, "the control"
        line.client.nft(back("redirect", version, "tcp", str(SQL)))
        assert seen(line, SERVER[version]) == {str(SQL): ITSELF}


@PROGRAMS
def test_programs_here_in_the_place_of_our_listener_accuse_nobody(line: Line, program: type[Service]) -> None:
    flows = [own_service(SERVER[4], str(SQL), "tcp")]
    with (
        listener(line.server, "n12", target(SERVER[4], SQL)) as node,
        program(line.client, "0.0.0.0", ELSEWHERE),
    ):
        listening = {"n12": node["listening"]}
        assert proof_of(line, flows, listening) == ("open", "ours", "n12")
        line.client.nft(back("redirect", 4, "tcp", str(SQL)))
        assert proof_of(line, flows, listening) == ("error", None, None)


@PROGRAMS
def test_programs_elsewhere_in_the_place_of_our_listener_are_not_here(
    line: Line, program: type[Service]
) -> None:
    listening = {"n12": [target(SERVER[4], SQL)]}
    with program(line.server, SERVER[4], SQL):
        state, proof, answered_by = proof_of(line, [own_service(SERVER[4], str(SQL), "tcp")], listening)
    assert (state, answered_by) == ("open", "")
    assert proof in ("silent", "cut_off")


@VERSIONS
def test_who_answers_here_in_the_place_of_our_listener_is_not_a_stranger_elsewhere(
    line: Line, version: int
) -> None:
    address = SERVER[version]
    flows = [own_service(address, str(SQL), "tcp")]
    with (
        listener(line.server, "n12", target(address, SQL)) as node,
        Service(line.client, {4: "0.0.0.0", 6: "::"}[version], ELSEWHERE, greeting=b"a proxy\n"),
    ):
        listening = {"n12": node["listening"]}
        assert proof_of(line, flows, listening) == ("open", "ours", "n12")
        line.client.nft(back("redirect", version, "tcp", str(SQL)))
        assert proof_of(line, flows, listening) == ("error", None, None)


def proof_of(
    line: Line, flows: list[dict[str, t.Any]], listening: dict[str, t.Any]
) -> tuple[str, str | None, str | None]:
    """Return the only state, what became of the proof, and who proved to be there."""
    settings = Settings(Pace(timeout=1.0), token=TOKEN)
    with line.client.inside():
        (observation,) = run(collect(flows, [], listening), settings)["observations"]
    (state,) = observation["states"]
    return state["state"], state.get("proof"), state.get("answered_by")
