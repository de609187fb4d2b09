# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports whose first connection or question is refused, beside those that refuse every one.

A load balancer, or a rule, takes its turns, so that the first of a run always meets the one that refuses.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._kernel import loopback
from ansible_collections.exasol_community.network.tests.labs.namespaces.judging import run_of, shown
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    CLIENT,
    SERVER,
    SERVERS,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import Service

FAMILIES = pytest.mark.parametrize("version", [pytest.param(4, id="ipv4"), pytest.param(6, id="ipv6")])
PORT, PORTS = 10580, "10580-10619"


@pytest.fixture
def own_line(need_namespaces: None) -> Iterator[Line]:
    """Return a line of the test's own, whose client has rules."""
    with Line() as line:
        yield line


def service(protocol: str, ports: str | int = PORT) -> dict[str, t.Any]:
    """Return a service of the site's own that a client needs of a node."""
    return {
        "name": "own",
        "protocol": protocol,
        "ports": ports,
        "source": "client",
        "destination": "database_node",
        "description": "a service of this site",
    }


def balanced(protocol: str, version: int = 4, ports: str | int = PORT, of: int = 2) -> str:
    """Return rules by which every so many connections, from the first one on, meet another server."""
    family = {4: "ip", 6: "ip6"}[version]
    return (
        f"flush ruleset\ntable {family} balancer {{ chain c {{ type nat hook prerouting priority -100; "
        f"{family} daddr {SERVER[version]} {protocol} dport {ports} numgen inc mod {of} == 0 "
        f"dnat to {SERVERS[version][1]}; }}; }}\n"
    )


def judged(line: Line, protocol: str, version: int = 4, ports: str | int = PORT, **more: t.Any) -> t.Any:
    """Return what a run says of the service."""
    return run_of(
        line.client,
        line.server,
        server=SERVER[version],
        client=CLIENT[version],
        own_service=service(protocol, ports),
        **more,
    )


@FAMILIES
@pytest.mark.parametrize("of", [2, 8], ids=["one of two", "one of eight"])
@pytest.mark.parametrize(
    ("protocol", "how"), [("tcp", "refuses"), ("tcp", "rejects"), ("udp", "refuses"), ("udp", "rejects")]
)
def test_a_server_that_refuses_the_first_one_is_not_all_there_is(
    line: Line, version: int, protocol: str, how: str, of: int
) -> None:
    line.router.nft(balanced(protocol, version, of=of))
    if how == "rejects":
        family = {4: "ip", 6: "ip6"}[version]
        other = f"{family} daddr {SERVERS[version][1]} {protocol} dport {PORT}"
        line.server.nft(filter_rules("input", f"{other} reject with icmpx type admin-prohibited"))
    said = judged(line, protocol, version)
    sort = {"tcp": "connection", "udp": "datagram"}[protocol]
    shown(said, f"a load balancer leads some {sort}s to a " + _ROWS[protocol])
    assert f"of the first {sort}s and those that followed" in said.sentence
    assert set(said.actor) == {"network", "host:n11"}


_ROWS = {"tcp": "dead server", "udp": "server that refuses"}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_many_ports_that_refuse_at_first_are_one_result(line: Line, protocol: str) -> None:
    line.router.nft(balanced(protocol, ports=PORTS))
    said = judged(line, protocol, ports=PORTS)
    assert said[:2] == ("degraded", "answers_differ"), said


def test_a_filter_that_rejects_some_ports_beside_a_server_that_refuses_stays_one(line: Line) -> None:
    line.router.nft(balanced("tcp", ports="10580-10583"))
    line.server.nft(filter_rules("input", "tcp dport 10583 reject with tcp reset"))
    said = [judged(line, "tcp", ports=port) for port in (10581, 10583)]
    assert [one[:2] for one in said] == [("degraded", "answers_differ"), ("blocked", "reset")], said


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_what_refuses_always_is_judged_as_ever(line: Line, protocol: str) -> None:
    """The control."""
    line.router.nft("flush ruleset\n")
    assert judged(line, protocol)[:2] == ("ok", "")
    said = judged(line, protocol, has_listener=False)
    assert said[:2] == ("no_listener", "nothing_listens"), said
    line.server.nft(filter_rules("input", f"{protocol} dport {PORT} reject with icmpx type admin-prohibited"))
    assert judged(line, protocol)[:2] == ("blocked_at_destination", "icmp_rejected")


@pytest.mark.parametrize("identify", ["", "ssh"])
def test_a_service_of_others_gets_one_connection_that_it_takes(line: Line, identify: str) -> None:
    line.router.nft(balanced("tcp"))
    own = {**service("tcp"), **({"identify": identify} if identify else {})}
    with Service(line.server, SERVER[4], PORT, greeting=b"SSH-2.0-OpenSSH_9.2\r\n") as greeting:
        said = run_of(line.client, line.server, own_service=own, has_listener=False)
    assert said[:2] == ("degraded", "answers_differ"), said
    assert "of the first connections and those that followed, 1 were refused" in said.sentence, said
    assert len(greeting.received) == 1


def test_a_service_of_others_that_takes_the_first_connection_gets_no_other(line: Line) -> None:
    with Service(line.server, SERVER[4], PORT) as greeting:
        said = judged(line, "tcp", has_listener=False)
    assert said[:2] == ("ok", "") and len(greeting.received) == 1, said


@pytest.mark.parametrize("has_filters", [True, False], ids=["socket-filters", "counters"])
@pytest.mark.parametrize("whose", ["ours", "of others"])
@pytest.mark.parametrize(
    ("where", "cause"),
    [("the source", "rejected_at_source"), ("the destination", "answers_differ")],
)
def test_who_resets_the_first_connection_is_named(
    monkeypatch: pytest.MonkeyPatch, own_line: Line, where: str, cause: str, whose: str, has_filters: bool
) -> None:
    """A rule of one of both hosts rejects every third connection."""
    if not has_filters:
        monkeypatch.setattr(loopback, "may_choose_what_to_receive", lambda: False)
    machine, hook = {
        "the source": (own_line.client, "output"),
        "the destination": (own_line.server, "input"),
    }[where]
    syn = f"tcp dport {PORT} tcp flags & (syn|ack) == syn numgen inc mod 3 == 0"
    machine.nft(filter_rules(hook, f"{syn} reject with tcp reset"))
    with contextlib.ExitStack() as stack:
        if whose == "of others":
            stack.enter_context(Service(own_line.server, SERVER[4], PORT))
        said = judged(own_line, "tcp", has_listener=whose == "ours")
    assert said[:2] == ("degraded", cause), said
    assert (said.actor == ("host:client",)) == (where == "the source")
