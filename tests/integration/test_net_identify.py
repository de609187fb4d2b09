# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who answers: told by real servers, without a trace in them that an ordinary client would not leave."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import Settings, collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import run as run_probe
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.tests.labs.namespaces import servers
from ansible_collections.exasol_community.network.tests.labs.namespaces.lines import CLIENT, SERVER, Line
from ansible_collections.exasol_community.network.tests.labs.namespaces.resolvers import (
    ADDRESSES_OF_A_NAME,
    Resolver,
)
from ansible_collections.exasol_community.network.tests.labs.namespaces.servers import Hall, Server
from ansible_collections.exasol_community.network.tests.labs.waiting import until

ADDRESS = SERVER[4]
NEEDED = (
    "sshd",
    "vsftpd",
    "nginx",
    "slapd",
    "mariadbd",
    "mariadb-install-db",
    "postgres",
    "initdb",
    "dnsmasq",
    "chronyd",
    "openssl",
)
PORTS = {
    "sftp": 22,
    "ftp": 21,
    "ftps": 990,
    "http": 80,
    "https": 443,
    "ldap": 389,
    "ldaps": 636,
    "mysql": 3306,
    "postgresql": 5432,
    "dns_tcp": 53,
}
VERSIONS = {
    "sftp": r"OpenSSH_\d",
    "ftp": "vsFTPd",
    "ftps": "vsFTPd",
    "http": r"nginx",
    "https": r"nginx",
    "mysql": r"^\d+\.\d+\.\d+-MariaDB",
}
WITH_TLS = ("ftps", "https", "ldaps", "postgresql")


@pytest.fixture(scope="module")
def hall(whole_line: Line) -> Iterator[dict[str, Server]]:
    """Every server that Debian has."""
    if servers.missing(*NEEDED):
        pytest.skip(servers.missing(*NEEDED))
    with Hall(whole_line.server, ADDRESS) as own:
        yield {
            "ssh": own.ssh(),
            "ftp": own.ftp(),
            "ftps": own.ftp(990, implicit=True),
            "web": own.web(),
            "ldap": own.ldap(),
            "mysql": own.mysql(max_connect_errors=1, log_warnings=2),
            "postgresql": own.postgresql(),
            "dns": own.dns(),
            "ntp": own.ntp(),
        }


def asked(
    line: Line, services: dict[str, int], protocol: str = "tcp", identify: bool = True, name: str = ""
) -> dict[int, dict[str, t.Any]]:
    """Probe services by the names that they are expected to have; returns each port's state.

    C(name) is what their host is called, if not by its address.
    """
    targets = [
        {"address": ADDRESS, "protocol": protocol, "ports": str(port), "service": service}
        for service, port in services.items()
    ]
    collected = collect([], targets, {})
    for target in collected:
        target.name = name
    with line.client.inside():
        (seen,) = run_probe(collected, Settings(Pace(2.0), (), "", identify))["observations"]
    return {int(port): state for state in seen["states"] for port in state["ports"].split(",")}


def test_every_server_is_told_by_its_own_words(line: Line, hall: dict[str, Server]) -> None:
    seen = asked(line, PORTS)
    assert {service: seen[port]["identity"]["status"] for service, port in PORTS.items()} == dict.fromkeys(
        PORTS, "identified"
    )
    for service, version in VERSIONS.items():
        assert re.search(version, seen[PORTS[service]]["identity"]["version"]), service


def test_udp_servers_are_told_by_their_answers(line: Line, hall: dict[str, Server]) -> None:
    services = {"ntp": 123, "dns_udp": 53}
    assert {port: state["identity"]["status"] for port, state in asked(line, services, "udp").items()} == {
        123: "identified",
        53: "identified",
    }
    swapped = asked(line, {"dns_udp": 123}, "udp")
    assert swapped[123]["state"] == "open|filtered"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("sql_client", "https"),
        ("sql_client", "sftp"),
        ("sql_client", "http"),
        ("https", "http"),
        ("https", "sftp"),
        ("http", "sftp"),
        ("http", "https"),
        ("sftp", "http"),
        ("sftp", "ftp"),
        ("ftp", "sftp"),
        ("ftps", "ftp"),
        ("ldap", "http"),
        ("ldap", "sftp"),
        ("ldaps", "https"),
        ("ldaps", "ldap"),
        ("oracle", "sftp"),
        ("sql_server", "http"),
        ("mysql", "sftp"),
        ("mysql", "ftp"),
        ("postgresql", "sftp"),
        ("db2", "sftp"),
        ("dns_tcp", "sftp"),
        ("sybase_ase", "sftp"),
        ("bucketfs", "https"),
        ("confd", "ldap"),
    ],
)
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


# No harm.


def ordinary_client(line: Line, port: int = 3306) -> subprocess.CompletedProcess[str]:
    """Let an ordinary client of MariaDB say something."""
    with line.client.inside():
        return subprocess.run(
            [
                "mariadb",
                "--no-defaults",
                "-h",
                ADDRESS,
                f"-P{port}",
                "-uordinary",
                "-pordinary",
                "-e",
                "SELECT 'hello'",
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


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
    subprocess.run(
        ["mariadb-admin", "--no-defaults", f"--socket={socket_path}", "-uroot", "flush-hosts"],
        check=True,
        timeout=60,
    )
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


@pytest.mark.skipif(
    not servers.ssh_penalises(),
    reason="needs OpenSSH 9.8 or newer, which knows PerSourcePenalties: Debian 13 has it",
)
def test_ssh_that_penalises_lets_us_in_as_often_as_a_plain_connection(
    line: Line, hall: dict[str, Server]
) -> None:
    # One second each, and more than fifteen at once are refused: 15 probes must pass, and what comes then is
    # told in words.
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
    told = [text.split("] ")[-1] for text in log.read_text().splitlines()[len(before) :]]
    assert [text for text in told if "QUIT" in text or "CONNECT" in text]
    assert not [text for text in told if re.search("USER|PASS|ERROR|FAIL", text)]


# Servers of other kinds, each where it is installed.


def needs(*names: str) -> t.Any:
    """Skip where a server is not installed."""
    return pytest.mark.skipif(bool(servers.missing(*names)), reason=servers.missing(*names))


@pytest.fixture
def own(line: Line) -> Iterator[Hall]:
    """A place for the servers of one test."""
    with Hall(line.server, ADDRESS) as hall:
        yield hall


def identities(
    line: Line, services: dict[str, int], protocol: str = "tcp", name: str = ""
) -> dict[str, dict[str, t.Any]]:
    """Probe services and return who answered, by service."""
    seen = asked(line, services, protocol, name=name)
    return {service: seen[port]["identity"] for service, port in services.items()}


def statuses(line: Line, services: dict[str, int], protocol: str = "tcp") -> dict[str, str]:
    """Probe services and return the status of each."""
    return {service: identity["status"] for service, identity in identities(line, services, protocol).items()}


@needs("haproxy", "openssl")
def test_a_proxy_without_a_server_is_no_service(line: Line, own: Hall) -> None:
    silent = ("ldap", "sftp", "ftp", "oracle", "postgresql", "sybase_ase", "mysql")
    of_tcp = {service: 10010 + 2 * number for number, service in enumerate(("http", *silent))}
    of_tls = {
        service: 10030 + 2 * number for number, service in enumerate(("https", "ldaps", "ftps", "sql_client"))
    }
    own.haproxy({"http": [10001], "https": [10002], "tcp": [*of_tcp.values()], "tls": [*of_tls.values()]})
    found = identities(line, {"http": 10001, "https": 10002})
    assert {service: identity["status"] for service, identity in found.items()} == {
        "http": "refusing",
        "https": "refusing",
    }
    assert "503" in found["http"]["detail"]
    # Asked at the same time, because each waits for an answer that never comes.
    assert statuses(line, of_tcp) == dict.fromkeys(of_tcp, "silent")
    assert statuses(line, of_tls) == dict.fromkeys(of_tls, "other")


@needs("nginx", "openssl")
def test_a_web_server_in_front_of_nothing_and_one_that_rejects_a_request(line: Line, own: Hall) -> None:
    own.web(10011, 10012, answer="location / { proxy_pass http://127.0.0.1:1; } ")
    own.web(
        10013, 10014, more="ssl_client_certificate {certificate}; ssl_verify_client on;", answer="return 400;"
    )
    found = identities(line, {"http": 10011, "https": 10012})
    assert {
        service: (identity["status"], identity["version"][:5]) for service, identity in found.items()
    } == dict.fromkeys(found, ("refusing", "nginx"))
    assert "502" in found["https"]["detail"]
    # Status 400 of a port of HTTP, and of one that wants a client's certificate: both are HTTP. That of a
    # port of HTTPS is not.
    assert statuses(line, {"http": 10013, "https": 10014}) == {"http": "identified", "https": "identified"}
    assert statuses(line, {"bucketfs": 10012, "exaoperation_http": 10014}) == {
        "bucketfs": "other",
        "exaoperation_http": "other",
    }


@needs("nginx", "openssl")
@pytest.mark.parametrize(
    ("code", "words"), [(429, "too many requests"), (509, "bandwidth"), (521, "content delivery network")]
)
def test_a_web_server_that_serves_nobody_now(line: Line, own: Hall, code: int, words: str) -> None:
    own.web(10015, 10016, answer=f"return {code};")
    for identity in identities(line, {"http": 10015, "https": 10016}).values():
        assert (identity["status"], words in identity["detail"]) == ("refusing", True), identity


@needs("nginx", "openssl")
def test_a_head_of_many_kilobytes_is_that_of_a_web_server(line: Line, own: Hall) -> None:
    many = "".join(f"add_header X-{number} {'a' * 1500}; " for number in range(12))
    own.web(10050, 10051, answer=f"{many} return 200;")
    with line.client.inside(), socket.create_connection((ADDRESS, 10050), 10) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert len(b"".join(iter(lambda: sock.recv(4096), b""))) > 16384, "the control"
    assert statuses(line, {"http": 10050, "https": 10051}) == {"http": "identified", "https": "identified"}


@needs("django")
def test_django_that_does_not_know_its_name_is_a_web_server(line: Line, own: Hall) -> None:
    own.django(10056)  # which serves names of example.com, and none with an underscore (RFC 1034)
    for name, status in ((ADDRESS, 400), ("db_1.example.com", 400), ("db.example.com", 404)):
        identity = identities(line, {"http": 10056}, name=name)["http"]
        assert (identity["status"], identity["version"][:10]) == ("identified", "WSGIServer")
        assert f"HTTP status {status}" in identity["detail"]


@needs("java", "derby.jar")
def test_derby_is_no_db2(line: Line, own: Hall) -> None:
    own.derby(10057).until_it_says("started and ready")
    identity = identities(line, {"db2": 10057})["db2"]
    assert (identity["status"], identity["looks_like"]) == ("other", "Apache Derby")


@needs("ntpd")
def test_a_clock_that_limits_questions_serves_nobody_now() -> None:
    with Line() as line, Hall(line.server, ADDRESS) as hall:
        hall.ntpsec()
        question = b"\x23" + bytes(39) + b"12345678"
        with line.client.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(10)
            sock.connect((ADDRESS, 123))
            answers = []
            for unused in range(3):
                sock.send(question)
                answers.append(sock.recv(100)[12:16])
        assert answers[-1] == b"RATE", "the control"
        identity = identities(line, {"ntp": 123}, "udp")["ntp"]
    assert (identity["status"], "RATE" in identity["detail"]) == ("refusing", True)


@needs("apache2", "openssl")
def test_apache_that_asks_for_a_certificate_behind_the_handshake(line: Line, own: Hall) -> None:
    own.apache({"http": 10017, "https": 10018, "tls12": 10019, "tls13": 10020})
    for port, words in ((10018, "HTTP status"), (10019, "with an alert"), (10020, "HTTP status 403")):
        identity = identities(line, {"https": port})["https"]
        assert identity["status"] == "identified"
        assert words in identity["detail"]
    assert statuses(line, {"http": 10017}) == {"http": "identified"}
    for service, port in (("http", 10018), ("https", 10017), ("ldaps", 10018), ("ftps", 10018)):
        assert statuses(line, {service: port}) == {service: "other"}


@needs("slapd", "openssl")
def test_a_directory_that_requires_a_certificate(line: Line, own: Hall) -> None:
    # GnuTLS, with which Debian builds it, hangs up without an alert: what requires a certificate inside TLS
    # 1.3 is told by nothing else.
    own.ldap(
        10389,
        10636,
        more="TLSVerifyClient demand\nTLSCACertificateFile {certificate}\nTLSCipherSuite NORMAL:-VERS-TLS1.3",
    )
    identity = identities(line, {"ldaps": 10636})["ldaps"]
    assert identity["status"] == "identified"
    assert "client certificate" in identity["detail"]
    own.ldap(10390, 10637, more="TLSVerifyClient demand\nTLSCACertificateFile {certificate}")
    identity = identities(line, {"ldaps": 10637})["ldaps"]
    assert identity["status"] == "other"
    assert "or requires a client certificate" in identity["detail"], "both that it may be are named"


@needs("slapd", "openssl")
def test_a_directory_is_no_web_server(line: Line, own: Hall) -> None:
    own.ldap(10389, 10636)
    assert statuses(line, {"ldaps": 10636}) == {"ldaps": "identified"}
    assert statuses(line, {"https": 10636}) == {"https": "other"}


@needs("proftpd")
def test_proftpd_at_its_limit_and_with_a_long_welcome(line: Line, own: Hall) -> None:
    welcome = own.folder("welcome") / "text"
    welcome.write_text("".join(f"line {number}\n" for number in range(60)))
    own.proftpd(10021, f"DisplayConnect {welcome}")
    assert statuses(line, {"ftp": 10021}) == {"ftp": "identified"}
    own.proftpd(10022, "MaxConnectionsPerHost 1")
    with line.client.inside(), socket.create_connection((ADDRESS, 10022), 10) as held:
        assert held.recv(100).startswith(b"220")
        identity = identities(line, {"ftp": 10022})["ftp"]
    assert identity["status"] == "refusing"
    assert re.search(r"'530 Sorry|'421 ", identity["detail"]), identity


@needs("vsftpd", "openssl")
def test_an_ftp_server_that_requires_a_certificate(line: Line, own: Hall) -> None:
    own.ftp(10990, implicit=True, require_cert="YES", ssl_request_cert="YES")
    with line.client.inside(), socket.create_connection((ADDRESS, 10990), 10) as sock:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(sock).recv(100)
    identity = identities(line, {"ftps": 10990})["ftps"]
    assert identity["status"] == "identified"
    assert "certificate" in identity["detail"]


@needs("vsftpd")
def test_vsftpd_at_its_limit_and_with_settings_that_it_refuses(line: Line, own: Hall) -> None:
    own.ftp(10121, max_per_ip=1)
    with line.client.inside(), socket.create_connection((ADDRESS, 10121), 10) as held:
        assert held.recv(100).startswith(b"220")
        identity = identities(line, {"ftp": 10121})["ftp"]
    assert (identity["status"], "'421 There are too many" in identity["detail"]) == ("refusing", True)
    own.ftp(10122, anonymous_enable="NO")
    identity = identities(line, {"ftp": 10122})["ftp"]
    assert (identity["status"], "'500 OOPS: vsftpd: both" in identity["detail"]) == ("refusing", True)


@needs("proftpd")
def test_proftpd_without_a_name_is_ftp(line: Line, own: Hall) -> None:
    own.proftpd(10025, 'ServerIdent on ""')
    assert statuses(line, {"ftp": 10025}) == {"ftp": "identified"}


@needs("proftpd")
def test_proftpd_that_looks_up_names_in_vain_is_waited_for(line: Line, own: Hall, tmp_path: Path) -> None:
    with Resolver(line.server, "127.0.0.53", tmp_path, delay=None) as resolver:
        own.proftpd(10023, "UseReverseDNS on", resolver=resolver.conf)
        assert statuses(line, {"ftp": 10023}) == {"ftp": "identified"}
        assert resolver.asked, "the control: it looked up a name"


@needs("dovecot")
def test_dovecot_is_neither_ssh_nor_ftp(line: Line, own: Hall) -> None:
    own.dovecot(10143, 10587)
    found = identities(line, {"sftp": 10143, "ftp": 10587})
    assert {service: (identity["status"], identity["looks_like"]) for service, identity in found.items()} == {
        "sftp": ("other", "IMAP"),
        "ftp": ("other", "SMTP"),
    }


@needs("dovecot", "lmtp")
def test_lmtp_is_no_ftp(line: Line, own: Hall) -> None:
    own.dovecot(10144, 10588, 10024)
    identity = identities(line, {"ftp": 10024})["ftp"]
    assert (identity["status"], identity["looks_like"]) == ("other", "SMTP")


@needs("socat")
def test_an_echo_is_no_service(line: Line, own: Hall) -> None:
    services = (*PORTS, "sql_client", "oracle", "sql_server", "db2", "sybase_ase")
    # Asked at the same time, because some wait for an answer that never comes.
    places = {service: 10060 + number for number, service in enumerate(services)}
    for port in places.values():
        own.echo(port)
    with line.client.inside(), socket.create_connection((ADDRESS, 10060), 10) as sock:
        sock.sendall(b"hello\r\n")
        assert sock.recv(100) == b"hello\r\n", "the control"
    found = statuses(line, places)
    # Nobody speaks first to Sybase, so nothing is repeated, and it is not verified.
    assert found.pop("sybase_ase") == "unverifiable"
    assert {service for service, status in found.items() if status not in ("other", "silent")} == set()


@needs("gnutls-serv", "openssl")
@pytest.mark.parametrize(
    "priority",
    ["NORMAL:-VERS-TLS1.3:%DISABLE_SAFE_RENEGOTIATION", "NORMAL"],
    ids=["without RFC 5746", "of today"],
)
def test_a_tls_server_without_secure_renegotiation_is_told_from_none(
    line: Line, own: Hall, priority: str
) -> None:
    own.gnutls(10450, priority)
    with line.client.inside(), socket.create_connection((ADDRESS, 10450), 10) as sock:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        refused = ""
        try:
            context.wrap_socket(sock).close()
        except ssl.SSLError as error:
            refused = error.reason
    assert refused == ("" if priority == "NORMAL" else "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"), (
        "the control: what a client of today says"
    )
    # That server answers GET alone, so what counts is that the handshake came to its end.
    assert identities(line, {"https": 10450})["https"]["tls"]["protocol"] == (
        "TLSv1.3" if priority == "NORMAL" else "TLSv1.2"
    )


@needs("postfix")
def test_postfix_is_no_ftp(line: Line, own: Hall) -> None:
    own.postfix(
        10025,
        "smtpd_banner = $myhostname ready",
        "smtpd_client_connection_count_limit = 1",
        "smtpd_client_event_limit_exceptions =",
    )
    with line.client.inside(), socket.create_connection((ADDRESS, 10025), 10) as held:
        assert held.recv(100).startswith(b"220 mail.example.com ready")
        limited = identities(line, {"ftp": 10025})["ftp"]
    assert (limited["status"], limited["looks_like"]) == ("other", "SMTP")
    identity = identities(line, {"ftp": 10025})["ftp"]
    assert (identity["status"], identity["looks_like"]) == ("other", "SMTP")


@needs("exim4")
def test_exim_is_no_ftp(line: Line, own: Hall) -> None:
    own.exim(10026, "smtp_banner = ready")
    own.exim(10027, "host_reject_connection = *")
    for port in (10026, 10027):
        identity = identities(line, {"ftp": port})["ftp"]
        assert (identity["status"], identity["looks_like"]) == ("other", "SMTP")


@needs("redis-server", "openssl")
def test_redis_is_no_web_server(line: Line, own: Hall) -> None:
    own.redis(10379, 10380)
    found = statuses(line, {"http": 10379, "https": 10380})
    assert (found["http"] in ("other", "silent"), found["https"]) == (True, "other")


@needs("pgbouncer", "openssl", "postgres", "initdb")
def test_postgresql_with_and_without_tls_and_behind_a_pooler(line: Line, own: Hall) -> None:
    own.pgbouncer(10432)
    own.pgbouncer(
        10433,
        "client_tls_sslmode = verify-ca",
        "client_tls_key_file = {key}",
        "client_tls_cert_file = {certificate}",
        "client_tls_ca_file = {certificate}",
        "client_tls_protocols = tlsv1.2",
    )
    plain = own.postgresql(10434, ssl=False)
    before = plain.said()
    for port, words in ((10432, "without TLS"), (10433, "client certificate"), (10434, "without TLS")):
        identity = identities(line, {"postgresql": port})["postgresql"]
        assert identity["status"] == "identified"
        assert words in identity["detail"]
    assert plain.said() == before, "it logs nothing of a client that asks for encryption"


@needs("unbound")
@pytest.mark.parametrize(("access", "status"), [("allow", "identified"), ("refuse", "refusing")])
def test_unbound_that_refuses_this_host(line: Line, own: Hall, access: str, status: str) -> None:
    own.unbound(10053, access)
    assert statuses(line, {"dns_udp": 10053}, "udp") == {"dns_udp": status}
    assert statuses(line, {"dns_tcp": 10053}) == {"dns_tcp": status}


@needs("named")
@pytest.mark.parametrize(
    ("setting", "status"),
    [
        ("allow-recursion { any; };", "identified"),
        ("allow-recursion { none; };", "refusing"),
        ("allow-query { none; };", "refusing"),
        ("recursion no;", "refusing"),
        ("", "refusing"),
    ],
    ids=[
        "resolver",
        "no recursion for anybody",
        "no question from anybody",
        "own zones alone",
        "for its own networks alone",
    ],
)
def test_bind_that_refuses_this_host(line: Line, own: Hall, setting: str, status: str) -> None:
    own.named(10054, setting)
    assert statuses(line, {"dns_udp": 10054}, "udp") == {"dns_udp": status}
    assert statuses(line, {"dns_tcp": 10054}) == {"dns_tcp": status}


@needs("chronyd")
def test_a_clock_that_is_not_synchronised_serves_nobody(line: Line, own: Hall) -> None:
    own.ntp(10123, local="")
    identity = identities(line, {"ntp": 10123}, "udp")["ntp"]
    assert identity["status"] == "refusing"
    assert "not synchronised" in identity["detail"]


@needs("mariadbd", "mariadb-install-db")
def test_mysql_with_too_many_connections_says_so(line: Line, own: Hall) -> None:
    own.mysql(10306, max_connections=10, connect_timeout=60, skip_name_resolve="ON")
    with contextlib.ExitStack() as stack, line.client.inside():
        # One more than that is let in, for the administrator.
        for unused in range(11):
            sock = stack.enter_context(socket.create_connection((ADDRESS, 10306), 10))
            assert b"MariaDB" in sock.recv(1000)
        found = identities(line, {"mysql": 10306})["mysql"]
    assert found["status"] == "refusing"
    assert "too many connections" in found["detail"]


@needs("mariadbd", "mariadb-install-db")
def test_mysql_without_an_account_for_this_host_says_so(line: Line, own: Hall) -> None:
    own.mysql(10308, init_file="/dev/null")
    found = identities(line, {"mysql": 10308})["mysql"]
    assert (found["status"], "no account" in found["detail"]) == ("refusing", True)


@needs("mariadbd", "mariadb-install-db")
def test_mysql_that_looks_up_our_name_for_long_is_waited_for(line: Line, own: Hall, tmp_path: Path) -> None:
    def flush() -> None:
        subprocess.run(
            [
                "mariadb-admin",
                "--no-defaults",
                f"--socket={server.log.parent}/socket",
                "-uroot",
                "flush-hosts",
            ],
            check=True,
            timeout=60,
        )

    with Resolver(
        line.server, "127.0.0.53", tmp_path, delay=11.5, leads_to=CLIENT[4], options="timeout:30 attempts:1"
    ) as resolver:
        server = own.mysql(10307, resolver=resolver.conf, max_connect_errors=1)
        for identify in (True, False):
            state = asked(line, {"mysql": 10307}, identify=identify)[10307]
            assert state["state"] == "open"
            assert state.get("identity", {}).get("status") == ("identified" if identify else None)
            assert len(resolver.asked), "the control: it looked up our name"
            resolver.asked.clear()
            assert "hello" in ordinary_client(line, 10307).stdout
            flush()
        # The control: who leaves after ten seconds has blocked this host, once the server has looked up its
        # name and greets nobody.
        resolver.asked.clear()
        with line.client.inside(), socket.create_connection((ADDRESS, 10307), 10) as sock:
            sock.settimeout(10)
            with pytest.raises(TimeoutError):
                sock.recv(100)
        until(lambda: ADDRESSES_OF_A_NAME in resolver.asked, "the end of the look-up")
        until(
            lambda: "is blocked because of" in ordinary_client(line, 10307).stderr, "the block of this host"
        )
        state = asked(line, {"mysql": 10307})[10307]
        assert (state["identity"]["status"], "FLUSH HOSTS" in state["identity"]["detail"]) == (
            "refusing",
            True,
        )
