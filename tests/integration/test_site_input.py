# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Input that cannot be used: each is a clear failure that names the value, and nothing starts."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces import oracles
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import (
    Machine,
    Namespace,
    missing,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    LISTEN,
    LOCAL,
    PAIR,
    Result,
    cluster,
    do,
    idle,
    play,
)

CLIENT = {"client": "127.0.0.21"}
NETWORK = "exasol_community.network"
Case = tuple[dict[str, t.Any], str]

# The whole playbook.

PLAYBOOK: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "port": (
        PAIR,
        {"exasol_overrides": {"ftp": 0}},
        "override of 'ftp': port 0 in 0 is out of range: expected 1 to 65535",
    ),
    "release": (
        PAIR,
        {"exasol_release": "9"},
        "host 'n12', exasol_release: release '9' is not known: expected one of kb, 7.1, 8, or a full version",
    ),
    "service of the site": (
        PAIR,
        {
            "exasol_services": [
                {
                    "name": "kafka",
                    "protocol": "tcp",
                    "ports": 90920,
                    "source": "database_node",
                    "destination": "kafka_broker",
                    "description": "Kafka",
                }
            ]
        },
        "service 'kafka' of exasol_services: port 90920 in 90920 is out of range: expected 1 to 65535",
    ),
    "group": (
        PAIR,
        {"exasol_peers": {"oracle": ["databases_"]}},
        "'databases_', given for peer 'oracle', is neither a group nor a host of the inventory",
    ),
    "peers": (
        PAIR,
        {"exasol_peers": ["oracle"]},
        "argument 'exasol_peers' is of type list and we were unable to convert to dict",
    ),
    "no address": (cluster({"n12": ""}, CLIENT), {}, "host 'n12' has no address: set exasol_address"),
    "one address for two": (
        cluster({"n11": "127.0.0.12", "n12": "127.0.0.12"}),
        {},
        "hosts 'n11' and 'n12' have the same address 127.0.0.12",
    ),
    "host bits": (
        PAIR,
        {"exasol_peers": {"oracle": ["192.0.2.21/24"]}},
        (
            "'192.0.2.21/24' can be read in two ways: write 192.0.2.21 for that host alone, or 192.0.2.0/24 "
            "for "
            "the network"
        ),
    ),
    "the world": (
        PAIR,
        {"exasol_peers": {"client": ["0.0.0.0/1", "128.0.0.0/1"]}},
        "peer 'client' is given 0.0.0.0/1, 128.0.0.0/1",
    ),
    "absent peer": (PAIR, {"exasol_absent_peers": ["orcle"]}, "absent_peers names 'orcle', which is no peer"),
    "a null among addresses": (
        cluster({"n12": {"exasol_address": ["127.0.0.12", None]}}, CLIENT),
        {},
        "host 'n12' has None among its addresses",
    ),
    "cluster": (
        cluster({"n12": {"exasol_address": "127.0.0.12", "exasol_cluster": False}}, CLIENT),
        {},
        "host 'n12' has the cluster False",
    ),
    "ports without a mode": (
        PAIR,
        {"exasol_ftp_passive_ports": "50000-50099"},
        "ftp_passive_ports 50000-50099 has no effect without ftp_mode",
    ),
    "empty plan": (
        {"all": {"hosts": {"n12": dict(LOCAL, exasol_address="127.0.0.12")}}},
        {},
        "the plan is empty: no service has both a source and a destination",
    ),
}


@pytest.mark.parametrize(("inventory", "variables", "message"), PLAYBOOK.values(), ids=PLAYBOOK)
def test_the_playbook_refuses(
    machine: Machine, tmp_path: Path, inventory: dict[str, t.Any], variables: dict[str, t.Any], message: str
) -> None:
    done = play(machine, tmp_path, inventory=inventory, variables=variables)
    assert done.code == 2, done.output
    assert message in done.output.replace("\\'", "'"), done.output
    assert LISTEN not in done.output
    assert "Traceback" not in done.output
    assert not done.wrote_report
    assert oracles.nothing_left(machine)


# Every value, by the modules alone, in one run.

PEERS = {"database_node": ["n12"], "client": ["client"]}


def override(ports: t.Any, row: str = "ftp") -> dict[str, t.Any]:
    return {f"{NETWORK}.plan": {"peers": PEERS, "overrides": {row: ports}}}


def peer(*entries: t.Any, name: str = "oracle") -> dict[str, t.Any]:
    return {f"{NETWORK}.plan": {"peers": dict(PEERS, **{name: list(entries)})}}


def plan(**options: t.Any) -> dict[str, t.Any]:
    return {f"{NETWORK}.plan": dict({"peers": PEERS}, **options)}


def probe(**options: t.Any) -> dict[str, t.Any]:
    return {f"{NETWORK}.probe": dict({"targets": [{"address": "127.0.0.12", "ports": "8563"}]}, **options)}


def listen(**options: t.Any) -> dict[str, t.Any]:
    listens = [{"address": "127.0.0.12", "ports": "8563"}]
    return {
        f"{NETWORK}.listener": dict(
            {"host": "n12", "token": "0123456789abcdef", "endpoints": listens}, **options
        )
    }


def at(address: str, ports: t.Any = "8563") -> list[dict[str, t.Any]]:
    return [{"address": address, "ports": ports}]


def firewall(*addresses: t.Any, **options: t.Any) -> dict[str, t.Any]:
    rule = {
        "direction": "in",
        "protocol": "tcp",
        "ports": "8563",
        "addresses": list(addresses),
        "services": ["sql_client"],
    }
    return {
        f"{NETWORK}.firewall": dict({"rules": [rule], "provider": "nftables", "persist": False}, **options),
        "check_mode": True,
    }


MODULES: dict[str, Case] = {
    "port 0": (override(0), "override of 'ftp': port 0 in 0 is out of range: expected 1 to 65535"),
    "port 0 as text": (
        override("0"),
        "override of 'ftp': port 0 in '0' is out of range: expected 1 to 65535",
    ),
    "port 65536": (
        override(65536),
        "override of 'ftp': port 65536 in 65536 is out of range: expected 1 to 65535",
    ),
    "a negative port": (override(-1), "override of 'ftp': port -1 is not a port"),
    "a range that runs backwards": (
        override("21000-20000"),
        "override of 'ftp': port range '21000-20000' runs backwards: expected 20000-21000",
    ),
    "no port": (
        override("x"),
        (
            "override of 'ftp': port 'x' is not a port: expected a number from 1 to 65535 or a range such as "
            "20000-21000"
        ),
    ),
    "no ports": (override([]), "override of 'ftp': no port is given"),
    "empty text": (override(""), "override of 'ftp': port '' is not a port"),
    "a range without an end": (override("20000-"), "override of 'ftp': port '20000-' is not a port"),
    "none": (override(None), "override of 'ftp': "),
    "a dictionary": (override({"port": 21}), "override of 'ftp': "),
    "a fraction": (override(21.5), "override of 'ftp': port 21.5 is not a port"),
    "yes": (override(True), "override of 'ftp': port True is not a port"),
    "one of several": (override([21, "x"]), "override of 'ftp': port 'x' is not a port"),
    "unknown row": (
        override(21, "ftpx"),
        "an override names 'ftpx', but it is no row at all: expected one of sql_client",
    ),
    "row of another release": (
        override(443, "exaoperation"),
        "an override names 'exaoperation', but it is a row of another release",
    ),
    "row without ports": (
        override(443, "cluster_internal"),
        "an override names 'cluster_internal', which has no ports",
    ),
    "unknown release": (
        plan(release="9"),
        "release '9' is not known: expected one of kb, 7.1, 8, or a full version",
    ),
    "unknown row to include": (plan(include=["ftpx"]), "include names 'ftpx', but it is no row at all"),
    "unknown row to exclude": (plan(exclude=["ftpx"]), "exclude names 'ftpx', but it is no row at all"),
    "unknown peer": (
        peer("192.0.2.1", name="orakel"),
        "peer 'orakel' is not known: expected one of admin_network",
    ),
    "unknown group": (
        peer("databases_"),
        "'databases_', given for peer 'oracle', is neither a group nor a host of the inventory",
    ),
    "hosts that run backwards": (
        peer("192.0.2.14..11"),
        "host range '192.0.2.14..11' runs backwards: 14 is greater than 11",
    ),
    "hosts without numbers": (peer("a..b"), "host range 'a..b' cannot be read: expected prefixN..M"),
    "hosts without a prefix": (peer("11..14"), "host range '11..14' has no prefix before its first number"),
    "too many hosts": (
        peer("192.0.2.1..99999"),
        "host range '192.0.2.1..99999' stands for 99999 hosts: expected at most 4096",
    ),
    "hosts beyond an address": (
        peer("192.0.2.250..260"),
        "'192.0.2.250..260', given for peer 'oracle', is neither",
    ),
    "a range with a dash": (
        peer("192.0.2.31-34"),
        "'192.0.2.31-34', given for peer 'oracle', is no range: write '192.0.2.31..34'",
    ),
    "a connection string of several": (
        peer("192.0.2.31..34:1521"),
        "write the hosts alone ('192.0.2.31..34')",
    ),
    "a connection string of JDBC": (
        peer("jdbc:exa:192.0.2.31..34:8563;schema=x"),
        "write the hosts alone ('192.0.2.31..34')",
    ),
    "a misspelt peer": (
        peer("192.0.2.1", name="oracel"),
        "peer 'oracel' is not known: expected one of admin_network",
    ),
    "a null": (peer(None), "peer 'oracle' is given [None]"),
    "host bits": (peer("192.0.2.21/24"), "'192.0.2.21/24' can be read in two ways"),
    "every address": (peer("::/0"), "peer 'oracle' is given ::/0, which is every address of IPv6"),
    "two source addresses": (
        probe(source_address=["127.0.0.11", "127.0.0.12"]),
        "source addresses 127.0.0.11 and 127.0.0.12 are of one family",
    ),
    "an impatient probe": (
        probe(timeout=0.01),
        "timeout 0.01 is too short: expected at least 1 and at most 300",
    ),
    "firewall's host bits": (firewall("192.0.2.21/24"), "'192.0.2.21/24' can be read in two ways"),
    "firewall's null": (firewall(None), "None is not an address, network or DNS name"),
    "firewall's number": (firewall(5), "5 is not an address, network or DNS name"),
    "firewall's world": (
        firewall("0.0.0.0/1", "128.0.0.0/1"),
        "the rules let tcp 8563 come in from every address of IPv4",
    ),
    "firewall's seconds": (
        firewall("192.0.2.21", rollback_after="30.0"),
        "rollback_after is '30.0': use whole seconds",
    ),
    "a connection string": (
        peer("192.0.2.1:1521"),
        "a part of a connection string: write the hosts alone ('192.0.2.1')",
    ),
    "nobody's address": (
        peer("0.0.0.0"),
        "'0.0.0.0', given for peer 'oracle', stands for all addresses of a host",
    ),
    "a group's address": (
        peer("224.0.0.1"),
        "'224.0.0.1', given for peer 'oracle', stands for a multicast group",
    ),
    "an address with a zone": (
        peer("fe80::1%eth0"),
        "'fe80::1%eth0', given for peer 'oracle', is an address with a zone",
    ),
    "a name beyond ASCII": (
        peer("b\u00fccher.example"),
        "a name with non-ASCII characters: use its punycode form (xn--...)",
    ),
    "no network": (peer("192.0.2.0/33"), "is no network: expected an address and a prefix length"),
    "nobody": (
        plan(peers={"oracle": ["192.0.2.1"]}),
        "the plan is empty: no service has both a source and a destination",
    ),
    "timeout": (probe(timeout=0), "timeout 0 is too short: expected at least 1 and at most 300 seconds"),
    "rate": (probe(rate=-1), "rate -1 is out of range: expected connections a second, or 0 for no limit"),
    "concurrency": (probe(concurrency=0), "concurrency 0 is too small: expected at least 1 socket"),
    "source address": (
        probe(source_address=["127.0.0.300"]),
        "source address '127.0.0.300' is not an IPv4 or IPv6 address",
    ),
    "token": (probe(token="short"), "the token has 5 characters: expected at least 16 random characters"),
    "target port": (probe(targets=at("127.0.0.12", "8563-")), "port '8563-' is not a port"),
    "target port true": (probe(targets=at("127.0.0.12", True)), "port True is not a port"),
    "target ports nested": (probe(targets=at("127.0.0.12", [[8563]])), "port [8563] is not a port"),
    "target of everybody": (
        probe(targets=at("0.0.0.0")),
        "address 0.0.0.0 of destination '0.0.0.0' stands for all addresses of a host",
    ),
    "target": (
        probe(targets=at("127.0.0.300")),
        "address '127.0.0.300' of destination '127.0.0.300' is neither an IP address nor a DNS name",
    ),
    "a destination without address": (
        probe(targets=[], flows=[{"service": "ftp", "ports": "21", "destinations": {"files": []}}]),
        "destination 'files' of service 'ftp' has no address",
    ),
    "ttl": (listen(ttl=0), "ttl 0 is out of range: expected 1 to 14400 seconds"),
    "long ttl": (listen(ttl=14401), "ttl 14401 is out of range: expected 1 to 14400 seconds"),
    "host": (listen(host=""), "host is empty: expected the name with which the listener answers"),
    "listener's token": (
        listen(token="short"),
        "the token has 5 characters: expected at least 16 random characters",
    ),
    "listener's port": (
        listen(endpoints=at("127.0.0.12", "0")),
        "port 0 in '0' is out of range: expected 1 to 65535",
    ),
    "listener's address": (
        listen(endpoints=at("127.0.0.300")),
        "address '127.0.0.300' cannot be listened on: expected an IP address of the host",
    ),
    "listener's other address": (
        listen(endpoints=at("192.0.2.1")),
        "cannot listen on 192.0.2.1 tcp port 8563: this host does not have the address",
    ),
}


class Refusals(t.NamedTuple):
    """What the modules returned, and whether nothing was left of them."""

    results: dict[str, Result]
    idle: bool


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Refusals]:
    """Run every case once."""
    lab = Machine() if missing() else Namespace("input")
    try:
        results = do(
            lab,
            tmp_path_factory.mktemp("input"),
            "n12",
            [task for task, message in MODULES.values()],
            inventory=PAIR,
        )[0]
        yield Refusals(dict(zip(MODULES, results, strict=True)), idle(lab))
    finally:
        if isinstance(lab, Namespace):
            lab.remove()


@pytest.mark.parametrize(
    ("name", "message"), [(name, message) for name, (task, message) in MODULES.items()], ids=MODULES
)
def test_a_module_refuses(refusals: Refusals, name: str, message: str) -> None:
    result = refusals.results[name]
    assert result.get("failed"), result
    assert message in result["msg"]
    assert "Traceback" not in str(result)


def test_nothing_has_started(refusals: Refusals) -> None:
    assert refusals.idle
