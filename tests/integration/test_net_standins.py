# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Identification of stand-ins for services that cannot be installed, and of hostile servers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import ssl
import time
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.labs.namespaces import standins
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.services import talk
from ansible_collections.exasol_community.network.tests.labs.namespaces.standins import (
    MARKUP,
    Certificate,
    InsideTls,
    StandIn,
)
from ansible_collections.exasol_community.network.tests.labs.waiting import SECONDS, until
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers

ADDRESS = "127.0.0.12"
Found = dict[str, t.Any]


def identities(machine: Machine, services: Mapping[str, int]) -> dict[str, Found]:
    """Probe services at their ports and return who answered."""
    targets = [
        {"address": ADDRESS, "protocol": "tcp", "ports": str(port), "service": service}
        for service, port in services.items()
    ]
    with machine.inside():
        (seen,) = run_probe(collect([], targets, {}), Settings(Pace(2.0), (), "", identify=True))[
            "observations"
        ]
    by_port = {
        number: state["identity"]
        for state in seen["states"]
        for first, last in Ports.parse(state["ports"]).ranges
        for number in range(first, last + 1)
    }
    return {service: by_port[port] for service, port in services.items()}


def identity(machine: Machine, service: str, standin: StandIn) -> Found:
    """Return who answered for one service, when the conversation is over."""
    found = identities(machine, {service: standin.port})[service]
    until(lambda: standin.endings, "the end of a conversation")
    return found


def assert_polite(standin: StandIn) -> None:
    """Assert what a server sees of an ordinary client: one connection, ended with FIN."""
    assert (len(standin.words), standin.endings) == (1, ["eof"])


def assert_harmless(found: t.Any) -> None:
    """Assert that whatever a server said can be shown."""
    for value in found.values() if isinstance(found, dict) else found if isinstance(found, list) else [found]:
        if isinstance(value, dict | list):
            assert_harmless(value)
        elif isinstance(value, str):
            assert value.isprintable() and len(value) <= 200


GOOD = [
    ("oracle", 1521, standins.oracle(answers.tns_refuse(318767104)), "19.0.0.0.0", "refuses"),
    ("oracle", 1521, standins.oracle(answers.tns_refuse(186647296)), "11.2.0.3.0", "refuses"),
    ("oracle", 1521, standins.oracle(answers.TNS_ACCEPT), None, "accepts"),
    ("oracle", 1521, standins.oracle(answers.TNS_RESEND), None, "asks to send again"),
    ("sql_server", 1433, standins.sql_server(16, 0, 4105), "16.0.4105", None),
    ("db2", 50000, standins.db2("SQL11055"), "SQL11055", None),
]


@pytest.mark.parametrize(
    ("service", "port", "make", "version", "detail"),
    GOOD,
    ids=[
        "Oracle refuses",
        "an old Oracle refuses",
        "Oracle accepts",
        "Oracle asks again",
        "SQL Server",
        "Db2",
    ],
)
def test_a_stand_in_is_told(
    machine: Machine, service: str, port: int, make: t.Any, version: str | None, detail: str | None
) -> None:
    with StandIn(machine, ADDRESS, port, make) as standin:
        found = identity(machine, service, standin)
        assert (found["status"], found.get("version")) == ("identified", version)
        assert (detail or "") in found.get("detail", "")
        assert_polite(standin)


@pytest.mark.parametrize(
    "make",
    [standins.oracle(answers.TNS_ACCEPT), standins.sql_server(16, 0, 4105), standins.db2("SQL11055")],
    ids=["Oracle", "SQL Server", "Db2"],
)
def test_a_stand_in_answers_nothing_but_its_protocol(machine: Machine, make: t.Any) -> None:
    for question in (b"hello", b"\x00\x10" * 8, b"\x00\x2c\x00\x2c" * 11):
        with StandIn(machine, ADDRESS, 10000, make):
            assert talk(machine, ADDRESS, 10000, question) == b""


# Exasol


def test_the_database_is_told_by_its_key(machine: Machine, certificate: Certificate) -> None:
    with StandIn(machine, ADDRESS, 8563, standins.exasol(certificate)) as standin:
        found = identity(machine, "sql_client", standin)
        assert_polite(standin)
        heard = t.cast(InsideTls, standin.words[0]).server
    der = ssl.PEM_cert_to_DER_cert(Path(certificate[0]).read_text(encoding="ascii"))
    assert (found["status"], found["tls"]["fingerprint"]) == (
        "identified",
        hashlib.sha256(der).hexdigest().upper(),
    )
    assert (found["tls"]["names"][0], found["tls"]["subject"]) == (
        "db.example.com",
        "O=Example, CN=db.example.com",
    )
    request, unused, frames = heard.heard.partition(b"\r\n\r\n")
    assert heard.goodbye, "TLS was closed, too"
    assert json.loads(unmasked(frames)) == {"command": "login", "protocolVersion": 3}
    assert b"authorization" not in request.lower() and b"user-agent" not in request.lower()


def unmasked(frames: bytes) -> bytes:
    """Return the payload of a client's first frame (RFC 6455, section 5.2)."""
    length, mask = frames[1] & 0x7F, frames[2:6]
    assert frames[1] & 0x80
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(frames[6 : 6 + length]))


@pytest.mark.parametrize(
    ("make", "detail"),
    [
        (
            lambda certificate: standins.exasol(certificate, answers.frame(b'{"hello": "world"}')),
            "first step of a login",
        ),
        (
            lambda certificate: standins.exasol(certificate, answers.frame(b'["status", "ok"]')),
            "first step of a login",
        ),
        (lambda certificate: standins.exasol(certificate, answers.frame(b"<html>" + MARKUP)), ""),
        (lambda certificate: standins.exasol(certificate, answers.HUGE_FRAME), "9223372036854775808 bytes"),
        (
            lambda certificate: standins.exasol(certificate, answers.frame(b"\x03\xe8", 8)),
            "closes the WebSocket",
        ),
        (
            lambda certificate: standins.inside_tls(
                certificate, b"HTTP/1.1 502 Bad Gateway\r\nServer: balancer\r\n\r\n<html>"
            ),
            "does not speak WebSocket",
        ),
        (
            lambda certificate: standins.inside_tls(
                certificate, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
            ),
            "does not speak WebSocket",
        ),
        (lambda certificate: standins.inside_tls(certificate, MARKUP * 10000), ""),
    ],
    ids=[
        "other JSON",
        "a list",
        "no JSON",
        "2^63 bytes",
        "close",
        "proxy",
        "careless proxy",
        "endless header",
    ],
)
def test_what_stands_before_the_database_is_not_the_database(
    machine: Machine, certificate: Certificate, make: t.Any, detail: str
) -> None:
    with StandIn(machine, ADDRESS, 8563, make(certificate)) as standin:
        found = identity(machine, "sql_client", standin)
        assert found["status"] == "other"
        assert detail in found["detail"]
        assert "fingerprint" in found["tls"]
        assert_harmless(found)
        assert len(standin.words) == 1
        assert b"user" not in t.cast(InsideTls, standin.words[0]).server.heard


def test_a_balancer_without_a_server_is_silent(machine: Machine) -> None:
    with StandIn(machine, ADDRESS, 8563, standins.hanging_up()) as standin:
        found = identity(machine, "sql_client", standin)
    assert found["status"] == "silent"
    assert "closes the connection" in found["looks_like"]


# servers that mean harm

HOSTILE = [
    ("sftp", b"SSH-"),
    ("sftp", b"hello\r\n"),
    ("ftp", b"220-x\r\n"),
    ("ftp", b"220 x\r\n"),
    ("http", b"HTTP/1.1 200 OK\r\nA: b\r\n"),
    ("ldap", b"0\x84\x00\x00\x3f\xff"),
    ("oracle", b"\x1f\xff\x00\x00\x04\x00"),
    ("sql_server", b"\x04\x01\x0f\xff"),
    ("mysql", b"\xff\x0f\x00\x00\x0a8.0"),
    ("db2", b"\x1f\xff\xd0\x02"),
    ("postgresql", b"S"),
    ("sybase_ase", b"x"),
    ("dns_tcp", b"\x00\xff"),
    ("sql_client", b"\x16\x03\x03\x40\x00"),
    ("https", b"\x16\x03\x03\x00\x01"),
]


@pytest.mark.parametrize("pace", [standins.endlessly, standins.megabytes])
def test_who_talks_without_end_is_not_listened_to(machine: Machine, pace: t.Any) -> None:
    with contextlib.ExitStack() as stack:
        for number, (service, words) in enumerate(HOSTILE):
            standin = stack.enter_context(
                StandIn(machine, ADDRESS, 10000 + number, standins.at_once(words * 3000), pace)
            )
            found = identity(machine, service, standin)
            assert found["status"] in ("identified", "other"), service
            assert_harmless(found)
            assert len(standin.words) == 1, service


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("sftp", b"SSH-2.0-" + MARKUP + b"\r\n"),
        ("sftp", MARKUP + b"\r\n"),
        ("ftp", b"220 " + MARKUP + b"\r\n"),
        ("ftp", b"220-" + MARKUP + b"\r\n220 x\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nServer: " + MARKUP + b"\r\n\r\n"),
        ("mysql", answers.greeting(MARKUP[:-1])),
        ("mysql", answers.mysql_error(9, MARKUP)),
        ("oracle", answers.tns(4, MARKUP)),
        ("db2", answers.ddm(0x1443, (0x115A, MARKUP))),
        ("sybase_ase", MARKUP),
        ("postgresql", MARKUP),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_no_escape_reaches_a_terminal(machine: Machine, service: str, words: bytes) -> None:
    with StandIn(machine, ADDRESS, 10000, standins.hanging_up(words)) as standin:
        found = identities(machine, {service: standin.port})[service]
        assert found["status"] in ("identified", "other")
        assert_harmless(found)
        assert not set(json.dumps(found, ensure_ascii=False)) & set("\x1b\x07\x00\u202e")


def test_who_drips_does_not_hold_the_probe(machine: Machine, certificate: Certificate) -> None:
    dripped = {
        "sftp": b"SSH-2.0-" + b"x" * 500,
        "ftp": b"220-" * 100,
        "mysql": answers.greeting(b"8.0.36" * 20),
        "sql_client": b"\x16\x03\x03\x02\x00" * 100,
        "https": b"HTTP" * 100,
        "db2": answers.excsatrd(),
        "ldap": answers.bind_response(0, b"x" * 90),
        "sybase_ase": b"-" * 100,
    }
    with contextlib.ExitStack() as stack:
        ports = {service: 10000 + number for number, service in enumerate(dripped)}
        opened = [
            stack.enter_context(
                StandIn(machine, ADDRESS, ports[service], standins.at_once(words), standins.dripping)
            )
            for service, words in dripped.items()
        ]
        begun = time.monotonic()
        found = identities(machine, ports)
        assert time.monotonic() - begun < SECONDS
        assert {service: one["status"] for service, one in found.items()} == dict.fromkeys(dripped, "other")
        for one in found.values():
            assert_harmless(one)
        assert {len(standin.words) for standin in opened} == {1}


def test_who_says_nothing_does_not_hold_the_probe(machine: Machine) -> None:
    # Those who may look up our name first are waited for longer: a minute.
    services = (
        "sftp",
        "ftp",
        "http",
        "https",
        "ldap",
        "ldaps",
        "oracle",
        "sql_server",
        "mysql",
        "db2",
        "postgresql",
        "dns_tcp",
        "sql_client",
    )
    with contextlib.ExitStack() as stack:
        ports = {service: 10000 + number for number, service in enumerate((*services, "sybase_ase"))}
        opened = [
            stack.enter_context(StandIn(machine, ADDRESS, port, standins.sybase)) for port in ports.values()
        ]
        found = identities(machine, ports)
        for standin in opened:
            until(lambda standin=standin: standin.endings, "the end of a conversation")
            assert_polite(standin)
    assert {service: one["status"] for service, one in found.items()} == {
        **dict.fromkeys(services, "silent"),
        "sybase_ase": "unverifiable",
    }
    assert {service for service, one in found.items() if one.get("detail")} == {"sybase_ase", "mysql"}
    assert "open, service not verified" in found["sybase_ase"]["detail"]
