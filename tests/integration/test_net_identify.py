# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who answers: told by real servers, without a trace in them that an ordinary client would not leave."""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from netlab import servers
from netlab.lines import SERVER, Line
from netlab.servers import Hall, Server

from ansible_collections.exasol_community.network.plugins.module_utils._probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._sweep import Pace

ADDRESS = SERVER[4]
NEEDED = ("sshd", "vsftpd", "nginx", "slapd", "mariadbd", "mariadb-install-db", "postgres", "initdb", "dnsmasq", "chronyd", "openssl")
PORTS = {"sftp": 22, "ftp": 21, "ftps": 990, "http": 80, "https": 443, "ldap": 389, "ldaps": 636, "mysql": 3306, "postgresql": 5432, "dns_tcp": 53}
VERSIONS = {"sftp": r"OpenSSH_\d", "ftp": "vsFTPd", "ftps": "vsFTPd", "http": r"nginx", "https": r"nginx", "mysql": r"^\d+\.\d+\.\d+-MariaDB"}
WITH_TLS = ("ftps", "https", "ldaps", "postgresql")


@pytest.fixture(scope="module")
def hall(whole_line: Line) -> Iterator[dict[str, Server]]:
    """Every server that Debian has."""
    if servers.missing(*NEEDED):
        pytest.skip(servers.missing(*NEEDED))
    with Hall(whole_line.server, ADDRESS) as own:
        yield {"ssh": own.ssh(), "ftp": own.ftp(), "ftps": own.ftp(990, implicit=True), "web": own.web(), "ldap": own.ldap(),
               "mysql": own.mysql(max_connect_errors=1, log_warnings=2), "postgresql": own.postgresql(), "dns": own.dns(), "ntp": own.ntp()}


def asked(line: Line, services: dict[str, int], protocol: str = "tcp", identify: bool = True) -> dict[int, dict[str, t.Any]]:
    """Probe services by the names that they are expected to have; returns each port's state."""
    targets = [{"address": ADDRESS, "protocol": protocol, "ports": str(port), "service": service} for service, port in services.items()]
    with line.client.inside():
        (seen,) = run_probe(collect([], targets, {}), Settings(Pace(2.0), (), "", identify))["observations"]
    return {int(port): state for state in seen["states"] for port in state["ports"].split(",")}


def test_every_server_is_told_by_its_own_words(line: Line, hall: dict[str, Server]) -> None:
    seen = asked(line, PORTS)
    assert {service: seen[port]["identity"]["status"] for service, port in PORTS.items()} == dict.fromkeys(PORTS, "identified")
    for service, version in VERSIONS.items():
        assert re.search(version, seen[PORTS[service]]["identity"]["version"]), service


def test_udp_servers_are_told_by_their_answers(line: Line, hall: dict[str, Server]) -> None:
    services = {"ntp": 123, "dns_udp": 53}
    assert {port: state["identity"]["status"] for port, state in asked(line, services, "udp").items()} == {123: "identified", 53: "identified"}
    swapped = asked(line, {"dns_udp": 123}, "udp")
    assert swapped[123]["state"] == "open|filtered"


@pytest.mark.parametrize(("expected", "actual"), [
    ("sql_client", "https"), ("sql_client", "sftp"), ("sql_client", "http"), ("https", "http"), ("https", "sftp"), ("http", "sftp"), ("http", "https"),
    ("sftp", "http"), ("sftp", "ftp"), ("ftp", "sftp"), ("ftps", "ftp"), ("ldap", "http"), ("ldap", "sftp"), ("ldaps", "https"),
    ("ldaps", "ldap"), ("oracle", "sftp"), ("sql_server", "http"), ("mysql", "sftp"), ("mysql", "ftp"), ("postgresql", "sftp"), ("db2", "sftp"),
    ("dns_tcp", "sftp"), ("sybase_ase", "sftp"), ("bucketfs", "https"), ("confd", "ldap"),
])
def test_another_service_is_no_proof(line: Line, hall: dict[str, Server], expected: str, actual: str) -> None:
    state = asked(line, {expected: PORTS[actual]})[PORTS[actual]]
    assert state["state"] == "open"
    assert state["identity"]["status"] in ("other", "silent")
    assert state["identity"]["looks_like"]


@pytest.mark.parametrize("service", WITH_TLS)
def test_a_certificate_is_shown_as_it_is(line: Line, hall: dict[str, Server], service: str) -> None:
    tls = asked(line, {service: PORTS[service]})[PORTS[service]]["identity"]["tls"]
    folder = hall[{"https": "web", "ldaps": "ldap"}.get(service, service)].log.parent
    der = ssl.PEM_cert_to_DER_cert((folder / "certificate.pem").read_text())
    assert tls["fingerprint"] == hashlib.sha256(der).hexdigest().upper()
    assert (tls["subject"], tls["issuer"]) == ("O=Example, CN=db.example.com", "O=Example, CN=db.example.com")
    assert tls["names"] == ["db.example.com", "*.example.com", "192.0.2.11"]
    assert tls["days_left"] in (99, 100)
    assert tls["protocol"] in ("TLSv1.2", "TLSv1.3")


# -- no harm -----------------------------------------------------------------------------------------------------------------------------------------

def ordinary_client(line: Line) -> subprocess.CompletedProcess[str]:
    """Let an ordinary client of MariaDB say something."""
    with line.client.inside():
        return subprocess.run(["mariadb", "--no-defaults", "-h", ADDRESS, "-uordinary", "-pordinary", "-e", "SELECT 'hello'"], capture_output=True, text=True,
                              timeout=60, check=False)


def cut_short(line: Line, port: int) -> None:
    """Connect and close, as a port scanner does."""
    with line.client.inside(), socket.create_connection((ADDRESS, port), 10) as sock:
        sock.recv(100)


def test_mysql_does_not_lock_the_probing_host_out(line: Line, hall: dict[str, Server]) -> None:
    for identify in (False, True):
        for unused in range(10):
            assert asked(line, {"mysql": 3306}, identify=identify)[3306]["state"] == "open"
    assert "hello" in ordinary_client(line).stdout
    # The control: what any port scanner does is enough for this server.
    for unused in range(3):
        cut_short(line, 3306)
    assert "is blocked because of many connection errors" in ordinary_client(line).stderr
    state = asked(line, {"mysql": 3306})[3306]
    assert "FLUSH HOSTS" in state["identity"]["detail"]
    # The administrator's way out.
    socket_path = hall["mysql"].log.parent / "socket"
    subprocess.run(["mariadb-admin", "--no-defaults", f"--socket={socket_path}", "-uroot", "flush-hosts"], check=True, timeout=60)
    assert "hello" in ordinary_client(line).stdout


def test_ssh_logs_a_polite_client(line: Line, hall: dict[str, Server]) -> None:
    before = len(hall["ssh"].said())
    asked(line, {"sftp": 22})
    told = [text for text in hall["ssh"].said()[before:] if "Connection from" not in text]
    assert len(told) <= 1
    assert not [text for text in told if re.search("(?i)error|bad|did not|invalid", text)], told


def test_ssh_without_room_is_ssh_nevertheless(line: Line, hall: dict[str, Server]) -> None:
    with Hall(line.server, ADDRESS) as own:
        own.ssh(port=2022, MaxStartups="1:100:1")
        with line.client.inside(), socket.create_connection((ADDRESS, 2022), 10) as sock:
            assert sock.recv(100).startswith(b"SSH-2.0-OpenSSH_")
            identity = asked(line, {"os_ssh": 2022})[2022]["identity"]
    assert (identity["status"], identity["version"]) == ("identified", "OpenSSH")
    assert "MaxStartups" in identity["detail"]


@pytest.mark.skipif(not servers.ssh_penalises(), reason="needs OpenSSH 9.8 or newer, which knows PerSourcePenalties: Debian 13 has it")
def test_ssh_that_penalises_lets_us_in_as_often_as_a_plain_connection(line: Line, hall: dict[str, Server]) -> None:
    # One second each, and more than fifteen at once are refused: 15 probes must pass, and what comes then is told in words.
    with Hall(line.server, ADDRESS) as own:
        own.ssh(port=2023, PerSourcePenalties="yes")
        identities = [asked(line, {"os_ssh": 2023})[2023]["identity"] for unused in range(30)]
    assert all(identity["version"].startswith("OpenSSH_") for identity in identities[:15])
    assert "PerSourcePenalties" in identities[-1]["detail"]
    assert {identity["status"] for identity in identities} == {"identified"}


def test_postgresql_logs_nothing(line: Line, hall: dict[str, Server]) -> None:
    before = hall["postgresql"].said()
    asked(line, {"postgresql": 5432})
    asked(line, {"postgresql": 5432}, identify=False)
    assert hall["postgresql"].said() == before
    with line.client.inside(), socket.create_connection((ADDRESS, 5432), 10) as sock:
        sock.sendall(b"x" * 100)
        sock.recv(100)
    assert hall["postgresql"].said() != before, "the control: what is no client is logged"


def test_vsftpd_logs_a_greeting_and_a_goodbye(line: Line, hall: dict[str, Server]) -> None:
    log = Path(hall["ftp"].log.parent, "protocol")
    before = log.read_text().splitlines()
    asked(line, {"ftp": 21})
    told = [text.split("] ")[-1] for text in log.read_text().splitlines()[len(before):]]
    assert [text for text in told if "QUIT" in text or "CONNECT" in text]
    assert not [text for text in told if re.search("USER|PASS|ERROR|FAIL", text)]
