# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FTP's data connections in both modes, with a real vsftpd behind real filters."""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.ftp_session import Login
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._values.ports import Ports
from ansible_collections.exasol_community.network.tests.labs.namespaces import servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import (
    SERVER,
    Line,
    filter_rules,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.servers import Hall

ADDRESS = SERVER[4]
PLAIN, IMPLICIT, BROKEN = 21, 990, 2121
PASSIVE_PORTS = {PLAIN: "50000-50009", IMPLICIT: "50010-50019", BROKEN: "50020-50029"}
ALL = ["EPSV", "PASV", "EPRT", "PORT"]


def passive_range(port: int) -> dict[str, str]:
    """Return vsftpd's settings for the ports that it announces."""
    first, last = PASSIVE_PORTS[port].split("-")
    return {"pasv_min_port": first, "pasv_max_port": last}


@pytest.fixture(scope="module")
def _servers(whole_line: Line) -> Iterator[None]:
    if servers.missing("vsftpd", "openssl"):
        pytest.skip(servers.missing("vsftpd", "openssl"))
    with Hall(whole_line.server, ADDRESS) as hall:
        hall.ftp(PLAIN, ssl_enable="YES", **passive_range(PLAIN))
        hall.ftp(IMPLICIT, implicit=True, **passive_range(IMPLICIT))
        hall.ftp(BROKEN, pasv_address="192.0.2.77", **passive_range(BROKEN))
        yield


def session(line: Line, port: int = PLAIN, service: str = "ftp", **login: t.Any) -> dict[str, t.Any]:
    """Probe a server and return its session."""
    with line.client.inside():
        result = run_probe(
            collect(
                [], [{"address": ADDRESS, "protocol": "tcp", "ports": str(port), "service": service}], {}
            ),
            Settings(Pace(2.0), (), "", False, Login(timeout=3.0, **login)),
        )
    (found,) = result["ftp_sessions"]
    return found


def outcomes(found: dict[str, t.Any]) -> dict[str, tuple[str, str]]:
    """Return state and reason by command."""
    return {data["command"]: (data["state"], data["reason"]) for data in found["data"]}


def between(ports: str, port: int) -> bool:
    first, last = (int(end) for end in ports.split("-"))
    return first <= port <= last


@pytest.mark.usefixtures("_servers")
@pytest.mark.parametrize(
    ("port", "service", "tls"),
    [(PLAIN, "ftp", False), (PLAIN, "ftp", True), (IMPLICIT, "ftps", False)],
    ids=["plain", "explicit TLS", "implicit TLS"],
)
def test_every_way_opens(line: Line, port: int, service: str, tls: bool) -> None:
    found = session(line, port, service, tls=tls, verify=False)
    assert found["login"] == "ok"
    assert outcomes(found) == dict.fromkeys(ALL, ("open", "syn-ack"))
    assert {data["transfer"] for data in found["data"]} == {"done"}
    assert not [data for data in found["data"] if "detail" in data]
    assert all(
        between(PASSIVE_PORTS[port], data["port"]) for data in found["data"] if data["mode"] == "passive"
    )


@pytest.mark.usefixtures("_servers")
@pytest.mark.parametrize(
    ("where", "hook", "rule", "blocked"),
    [
        ("router", "forward", "ip daddr 10.77.2.11 tcp dport 50000-50009 drop", ["EPSV", "PASV"]),
        ("server", "input", "tcp dport 50000-50009 drop", ["EPSV", "PASV"]),
        # Each with ports of its own: the server goes on trying what was dropped.
        ("client", "input", "tcp dport 40000-40009 drop", ["EPRT", "PORT"]),
        ("router", "forward", "ip daddr 10.77.1.2 tcp dport 41000-41009 drop", ["EPRT", "PORT"]),
    ],
    ids=["passive on the path", "passive at the server", "active at the client", "active on the path"],
)
def test_a_filtered_data_port_is_named(
    line: Line, where: str, hook: str, rule: str, blocked: list[str]
) -> None:
    active = "41000-41009" if where == "router" else "40000-40009"
    login = {"active_ports": Ports.parse(active)}
    found = session(line, **login)
    assert set(outcomes(found).values()) == {("open", "syn-ack")}, str(found)
    getattr(line, where).nft(filter_rules(hook, rule))
    found = session(line, **login)
    assert outcomes(found) == {
        command: ("filtered", "no-response") if command in blocked else ("open", "syn-ack") for command in ALL
    }
    ports = "50000-50009" if "EPSV" in blocked else active
    assert all(between(ports, data["port"]) for data in found["data"] if data["command"] in blocked)


@pytest.mark.usefixtures("_servers")
def test_a_rejected_data_port_is_told_from_a_dropped_one(line: Line) -> None:
    line.server.nft(filter_rules("input", "tcp dport 50000-50009 reject with tcp reset"))
    assert outcomes(session(line, mode="passive")) == {
        "EPSV": ("closed", "conn-refused"),
        "PASV": ("closed", "conn-refused"),
    }


@pytest.mark.usefixtures("_servers")
@pytest.mark.parametrize(("mode", "commands"), [("passive", ALL[:2]), ("active", ALL[2:]), ("both", ALL)])
def test_only_the_wished_mode_is_tried(line: Line, mode: str, commands: list[str]) -> None:
    assert list(outcomes(session(line, mode=mode))) == commands


@pytest.mark.usefixtures("_servers")
def test_an_address_that_nat_does_not_translate_is_recognised(line: Line) -> None:
    found = {data["command"]: data for data in session(line, BROKEN, mode="passive")["data"]}
    assert (found["PASV"]["state"], found["PASV"]["announced"]) == ("open", "192.0.2.77")
    assert "announced" not in found["EPSV"]


@pytest.mark.usefixtures("_servers")
@pytest.mark.parametrize(
    ("port", "service", "tls"),
    [(PLAIN, "ftp", True), (IMPLICIT, "ftps", False)],
    ids=["explicit TLS", "implicit TLS"],
)
def test_a_server_that_nobody_verified_is_sent_no_password(
    line: Line, port: int, service: str, tls: bool
) -> None:
    found = session(line, port, service, tls=tls, user="somebody", password="a secret of somebody")
    assert (found["login"], found["data"]) == ("unverified", [])
    assert "certificate" in found["detail"]


@pytest.mark.usefixtures("_servers")
def test_a_refused_login_is_told_without_the_password(line: Line) -> None:
    found = session(line, user="somebody", password="a secret of somebody")
    assert (found["login"], found["data"]) == ("failed", [])
    assert found["detail"].startswith("530")
    assert "secret" not in str(found)


def test_without_the_wish_nobody_logs_in(line: Line) -> None:
    with line.client.inside():
        result = run_probe(
            collect([], [{"address": ADDRESS, "protocol": "tcp", "ports": "21", "service": "ftp"}], {}),
            Settings(Pace(1.0)),
        )
    assert "ftp_sessions" not in result
