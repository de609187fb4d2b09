# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A SYN proxy on the way, Linux's own.

It ends each handshake itself, whether there is a server behind it or not.
"""

from __future__ import annotations

import socket
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._listener.proof import (
    hello,
    new_nonce,
    prefix,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.probing import listener, probe, target
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import StandIn, hanging_up

OURS = "20000-20049"
TOKEN = "a token of the integration tests"
# As the manual of nft shows it (nft(8), SYNPROXY statement).
_RULES = """table inet proxy {
 chain raw { type filter hook prerouting priority raw; policy accept
  iifname near meta l4proto tcp tcp flags & (fin|syn|rst|ack) == syn notrack
 }
 chain ends { type filter hook forward priority 0; policy accept
  iifname near meta l4proto tcp ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm
  meta l4proto tcp ct state invalid drop
 }
}
"""


@pytest.fixture
def proxied(whole_line: Line) -> Iterator[Line]:
    """The line with a SYN proxy on its router."""
    for setting, value in (
        ("netfilter/nf_conntrack_tcp_loose", 0),
        ("ipv4/tcp_syncookies", 1),
        ("ipv4/tcp_timestamps", 1),
    ):
        whole_line.router.sysctl(setting, value)
    try:
        whole_line.router.nft(_RULES)
    except RuntimeError as error:
        pytest.skip(f"needs a kernel with nft_synproxy: {error}")
    yield whole_line
    whole_line.forget_filters()


def answer_to(line: Line, address: str, port: int, words: bytes, together: bool) -> bytes:
    """Return what a bare client hears; C(together) lets the end of the handshake leave with its words."""
    with line.client.inside():
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    with sock:
        sock.settimeout(3)
        if together:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        sock.connect((address, port))
        sock.sendall(words)
        try:
            return sock.recv(1000)
        except TimeoutError:
            return b""


def asked(line: Line, address: str, services: dict[str, int]) -> dict[str, dict[str, t.Any]]:
    """Probe services and return who answered."""
    targets = [
        {"address": address, "protocol": "tcp", "ports": str(port), "service": service}
        for service, port in services.items()
    ]
    with line.client.inside():
        (seen,) = run_probe(collect([], targets, {}), Settings(Pace(2.0), (), "", True))["observations"]
    return {
        service: state
        for service, port in services.items()
        for state in seen["states"]
        if str(port) in state["ports"].split(",")
    }


@pytest.mark.parametrize("version", [4, 6])
def test_the_listener_behind_it_is_proven(proxied: Line, version: int) -> None:
    address = SERVER[version]
    with listener(proxied.server, "n11", target(address, OURS)) as result:
        key = TOKEN.encode()
        # The controls: who does not save the packet is heard, and who does is not, unless a repeated segment
        # comes at the right moment.
        assert answer_to(proxied, address, 20000, hello(prefix(key), new_nonce()), together=False) != b""
        assert any(
            not answer_to(proxied, address, 20000, hello(prefix(key), new_nonce()), together=True)
            for unused in range(10)
        )
        (seen,) = probe(proxied.client, [target(address, OURS)], {address: result["listening"]}, timeout=3.5)
    assert [(state["ports"], state["state"], state["answered_by"]) for state in seen["states"]] == [
        (OURS, "open", "n11")
    ]


@pytest.mark.parametrize("fault", ["closed", "dropped"])
def test_a_listener_that_is_not_there_is_not_proven(proxied: Line, fault: str) -> None:
    with listener(proxied.server, "n11", target(SERVER[4], OURS)) as result:
        listening = {SERVER[4]: result["listening"]}
        if fault == "dropped":
            proxied.server.nft(
                "table inet t { chain c { type filter hook input priority 0; tcp dport 20000-20049 drop; }; }"
            )
            (seen,) = probe(proxied.client, [target(SERVER[4], OURS)], listening)
    if fault == "closed":
        (seen,) = probe(proxied.client, [target(SERVER[4], OURS)], listening)
    assert {state["state"] for state in seen["states"]} == {"open"}, "the proxy accepts"
    assert {state["answered_by"] for state in seen["states"]} == {""}


def test_a_service_behind_it_is_identified(proxied: Line) -> None:
    with (
        Service(proxied.server, SERVER[4], 22, greeting=b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        StandIn(proxied.server, SERVER[4], 80, hanging_up(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")),
    ):
        found = asked(proxied, SERVER[4], {"sftp": 22, "http": 80})
    assert {service: state["identity"]["status"] for service, state in found.items()} == {
        "sftp": "identified",
        "http": "identified",
    }


def test_a_service_that_is_not_behind_it_is_not(proxied: Line) -> None:
    # 1521 is closed, 1433 dropped. 5000 is Sybase's, which nobody can ask: what resets it is no server
    # either.
    proxied.server.nft(
        "table inet t { chain c { type filter hook input priority 0; tcp dport 1433 drop; }; }"
    )
    found = asked(proxied, SERVER[4], {"oracle": 1521, "sql_server": 1433, "sybase_ase": 5000})
    assert {
        service: (state["state"], state["identity"]["status"]) for service, state in found.items()
    } == dict.fromkeys(found, ("open", "silent"))
    assert len(found) == 3
    assert "resets" in found["oracle"]["identity"]["looks_like"]
    assert "resets" in found["sybase_ase"]["identity"]["looks_like"]
    assert found["sql_server"]["identity"]["looks_like"] == "something that sends nothing"
