# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a probe behaves towards services that are not ours.

No byte that nobody asked for, no reset, no hanging.
"""

from __future__ import annotations

import socket
import struct
import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import (
    RefusedError,
    elsewhere,
    listener,
    probe,
    probe_flows,
    states,
    states_of,
    target,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service, bound
from ansible_collections.exasol_community.network.tests.labs.waiting import until

ADDRESS = "127.0.0.12"
OPEN = [("8563", "open", "syn-ack", "")]


def over(service: Service, count: int = 1) -> Service:
    """Wait until a service's conversations are over."""
    until(lambda: len(service.endings) >= count, "the end of a conversation")
    return service


@pytest.mark.parametrize(
    "greeting", [b"", b"220 ready\r\n", b"x" * 20000], ids=["silent", "greeting", "long greeting"]
)
def test_a_service_sees_an_orderly_end_and_nothing_else(machine: Machine, greeting: bytes) -> None:
    with Service(machine, ADDRESS, 8563, greeting=greeting) as service:
        assert states_of(machine, ADDRESS, 8563) == OPEN
        assert (over(service).received, service.endings) == ([b""], ["eof"])


def test_one_connection_for_each_service(machine: Machine) -> None:
    with Service(machine, ADDRESS, 3306, greeting=b"greeting") as service:
        twice = [target(ADDRESS, "3306"), target(ADDRESS, "3300-3310")]
        assert [found[:2] for found in states(probe(machine, twice))] == [
            ("3306", "open"),
            ("3300-3305,3307-3310", "closed"),
        ]
        over(service)
        assert len(service.endings) == 1


def test_a_service_that_does_not_close_does_not_hold_the_probe(machine: Machine) -> None:
    with bound(machine, ADDRESS, 8563) as sock:
        assert states_of(machine, ADDRESS, 8563, timeout=0.5) == OPEN
        peer = sock.accept()[0]
        with peer:
            peer.settimeout(10)
            assert peer.recv(10) == b""


def test_a_service_that_talks_without_end_does_not_hold_the_probe(machine: Machine) -> None:
    with Service(machine, ADDRESS, 8563, greeting=b"x" * 50_000_000):
        assert states_of(machine, ADDRESS, 8563, timeout=0.5) == OPEN


def test_a_service_that_resets_is_open(machine: Machine) -> None:
    with bound(machine, ADDRESS, 8563) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert states_of(machine, ADDRESS, 8563, timeout=0.5) == OPEN
        sock.accept()[0].close()  # accepted sockets inherit the option: this is a reset
        assert states_of(machine, ADDRESS, 8563, timeout=0.5) == OPEN


def test_a_full_queue_is_no_open_port(namespace: Namespace) -> None:
    # A service that hangs: its queue is full, and the kernel drops further handshakes.
    with namespace.inside(), socket.socket() as sock:
        sock.bind((ADDRESS, 8563))
        sock.listen(0)
        with socket.create_connection((ADDRESS, 8563)):
            assert states_of(namespace, ADDRESS, 8563) == [("8563", "filtered", "no-response", "")]


def test_datagrams_ask_what_the_service_understands(machine: Machine) -> None:
    asked: dict[str, list[bytes]] = {}
    for name, port in (("ntp", 10123), ("dns_udp", 10053), ("other", 10999)):
        with Service(machine, ADDRESS, port, socket.SOCK_DGRAM, reply=b"answer") as service:
            flow = {
                "service": name,
                "protocol": "udp",
                "ports": str(port),
                "destinations": {"directory": [ADDRESS]},
            }
            assert states(probe_flows(machine, [flow])) == [(str(port), "open", "udp-response", "")]
            asked[name] = service.received
    assert [(len(datagram), datagram[0] & 7) for datagram in asked["ntp"]] == [(48, 3)]
    assert [(datagram[2:6], datagram[-4:]) for datagram in asked["dns_udp"]] == [(b"\1\0\0\1", b"\0\x0c\0\1")]
    assert asked["other"] == [b""]


def test_a_silent_udp_service_is_not_called_open(machine: Machine) -> None:
    with Service(machine, ADDRESS, 10123, socket.SOCK_DGRAM) as service:
        assert states_of(machine, ADDRESS, 10123, "udp") == [("10123", "open|filtered", "no-response", "")]
        assert len(service.received) == 3


def test_a_name_is_probed_at_each_of_its_addresses(namespace: Namespace, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.12 n12.example\n::1 n12.example\n", encoding="ascii")
    with bound(namespace, ADDRESS, 8563):
        seen = elsewhere(namespace, "probe", hosts=hosts, targets=[target("n12.example", 8563)], listening={})
    assert {entry["address"]: entry["states"][0]["state"] for entry in seen} == {
        ADDRESS: "open",
        "::1": "closed",
    }
    assert {entry["destination"] for entry in seen} == {"n12.example"}


def test_a_name_that_does_not_resolve(namespace: Namespace, tmp_path: Path) -> None:
    name = "n12.invalid"
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n", encoding="ascii")
    with bound(namespace, ADDRESS, 8563):
        seen = elsewhere(
            namespace,
            "probe",
            hosts=hosts,
            targets=[target(name, "8563,20000-21000"), target(ADDRESS, 8563)],
            listening={},
        )
    assert {entry["address"]: [state["state"] for state in entry["states"]] for entry in seen} == {
        ADDRESS: ["open"],
        name: ["unresolved"],
    }
    assert seen[-1]["states"][0]["ports"] == "8563,20000-21000"


def test_our_hello_is_not_sent_to_the_service_at_the_other_address_of_a_name(
    namespace: Namespace, tmp_path: Path
) -> None:
    # The port is somebody else's over IPv4; over IPv6 our listener holds it.
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.12 n12.example\n::1 n12.example\n", encoding="ascii")
    with (
        Service(namespace, "0.0.0.0", 8563) as service,
        listener(namespace, "n12", target("n12.example", 8563)) as result,
    ):
        assert result["in_use"] == [{"address": "0.0.0.0", "protocol": "tcp", "ports": "8563"}]
        assert result["listening"] == [{"address": "::", "protocol": "tcp", "ports": "8563"}]
        listening = {"n12.example": result["listening"]}
        seen = elsewhere(
            namespace, "probe", hosts=hosts, targets=[target("n12.example", 8563)], listening=listening
        )
        assert over(service).received == [b""]
    assert {entry["address"]: entry["states"][0].get("answered_by") for entry in seen} == {
        ADDRESS: None,
        "::1": "n12",
    }


def test_a_source_address(namespace: Namespace) -> None:
    with bound(namespace, ADDRESS, 8563) as sock:
        assert states_of(namespace, ADDRESS, 8563, sources=["127.0.0.99", "::1"]) == OPEN
        peer, name = sock.accept()
        peer.close()
        assert name[0] == "127.0.0.99"


def test_a_source_address_of_another_host_is_refused(namespace: Namespace) -> None:
    with pytest.raises(ValueError, match=r"source address 192\.0\.2\.1 cannot be used"):
        states_of(namespace, ADDRESS, 8563, sources=["192.0.2.1"])


def test_few_sockets_are_enough(namespace: Namespace, tmp_path: Path) -> None:
    found: t.Any = elsewhere(
        namespace,
        "probe",
        before=["prlimit", "--nofile=80:80"],
        targets=[target(ADDRESS, "20000-21000")],
        listening={},
    )
    assert states(found) == [("20000-21000", "closed", "conn-refused", "")]


def test_too_few_sockets_are_refused(namespace: Namespace) -> None:
    with pytest.raises(
        RefusedError, match=r"a probe needs 8 sockets, but the limit of open files leaves \d+"
    ):
        elsewhere(
            namespace,
            "probe",
            before=["prlimit", "--nofile=30:30"],
            targets=[target(ADDRESS, "20000-21000")],
            listening={},
        )


def test_few_ephemeral_ports_are_enough(namespace: Namespace) -> None:
    # Each UDP socket takes one of them, whatever its destination.
    namespace.sysctl("ipv4/ip_local_port_range", "40000 40009")
    namespace.nft(
        "table inet t { chain c { type filter hook input priority 0; udp dport 20100-20119 drop; }; }"
    )
    found = states_of(namespace, ADDRESS, "20000-20119", "udp", timeout=0.3)
    assert [state[:3] for state in found] == [
        ("20000-20099", "closed", "port-unreach"),
        ("20100-20119", "open|filtered", "no-response"),
    ]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_that_meets_itself_is_no_open_port(namespace: Namespace, address: str) -> None:
    # Among ports that the kernel also takes sources from, a connection to the own address may be given its
    # own port as source (RFC 9293, section 3.5).
    assert states_of(namespace, address, "32768-60999") == [("32768-60999", "closed", "conn-refused", "")]
