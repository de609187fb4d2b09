# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each script makes of good and bad answers, however the network cuts them."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _wire
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.answers import (
    BAD,
    GOOD,
    REFUSING,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    database,
    once,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.talking import (
    INSIDE_TLS,
    PROTOCOLS,
    SERVICES,
    assert_harmless,
    begun,
    told,
    told_by_an_echo,
    told_inside_tls,
)

CUTS = [None, 1, 2, 7]
# Who gives two answers at once has not heard the second question, which only one piece shows.
UNASKED = (b"NG\r\n", b"NNTP ready\r\n")
WHOLE = answers.frame(answers.LOGIN_ANSWER)
HEAD = b"HTTP/1.1 200 OK\r\nServer: Jetty\r\n\r\n"


def ids(value):
    """Return no number of a row where its own words say more."""
    return value if isinstance(value, str) else None


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("service", "answer", "version", "detail"), GOOD, ids=ids)
def test_a_good_answer_identifies(service, answer, version, detail, cut):
    found = told(service, answer, cut).finding
    assert (found.status, found.version, found.looks_like) == ("identified", version, "")
    assert detail in found.detail
    assert bool(detail) == bool(found.detail)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("service", "answer", "detail"), REFUSING, ids=ids)
def test_a_service_that_serves_nobody_says_so(service, answer, detail, cut):
    conversation = told(service, answer, cut)
    found = conversation.finding
    assert (found.status, found.looks_like) == ("refusing", "")
    assert detail in found.detail
    assert_harmless(conversation)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("service", "answer", "status", "looks_like"), BAD, ids=ids)
def test_a_bad_answer_is_another_service(service, answer, status, looks_like, cut):
    if service == "postgresql" and b"".join(answer if isinstance(answer, tuple) else (answer,)) in UNASKED:
        cut = None
    conversation = told(service, answer, cut)
    found = conversation.finding
    assert (found.status, found.version) == (status, "")
    assert looks_like in found.looks_like
    assert_harmless(conversation)


@pytest.mark.parametrize("service", SERVICES)
def test_no_other_service_is_known_by_what_proves_one(service):
    rows = [
        row for row in GOOD + REFUSING if PROTOCOLS[row[0]] != PROTOCOLS[service] and not callable(row[1])
    ]
    assert len(rows) > 60, "the control"
    for row in rows:
        assert told(service, row[1]).finding.status not in ("identified", "refusing"), row


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("before", [b"", b"hello\r\n", b"220 hello\r\n", b"* OK hello\r\n"], ids=repr)
@pytest.mark.parametrize("behind", [b"", b"\r\n", b" is no command\r\n"], ids=repr)
def test_an_echo_is_no_service(service, before, behind):
    found = told_by_an_echo(service, before, behind).finding
    assert found.status in ("other", "silent")


@pytest.mark.parametrize("service", SERVICES)
def test_a_server_without_a_word_is_silent(service):
    for patience, words in (
        (False, "closes the connection without sending anything"),
        (True, "sends nothing"),
    ):
        found = told(service, patience=patience).finding
        if service == "sybase_ase" and patience:
            assert (found.status, found.looks_like) == ("unverifiable", "")
        else:
            assert found.status == "silent"
            assert words in found.looks_like


@pytest.mark.parametrize("service", SERVICES)
def test_a_reset_is_told_from_a_hang_up(service):
    conversation = begun(service)
    conversation.talk.cut_off()
    assert (conversation.finding.status, conversation.finding.looks_like) == (
        "silent",
        "something that resets the connection without sending anything",
    )


def test_sybase_that_waits_is_not_verified_and_says_so():
    found = told("sybase_ase", patience=True).finding
    assert (found.status, found.looks_like) == ("unverifiable", "")
    assert "open, service not verified" in found.detail


def test_mysql_that_does_not_greet_may_count_us():
    found = told("mysql", patience=True).finding
    assert (found.status, found.looks_like) == ("silent", "something that sends nothing")
    assert "max_connect_errors" in found.detail
    for other in (told("mysql").finding, told("mysql", b"J\x00\x00", patience=True).finding):
        assert "max_connect_errors" not in other.detail


@pytest.mark.parametrize("service", INSIDE_TLS)
def test_half_a_handshake_is_no_service(service):
    found = told(service, b"\x16\x03\x03\x00").finding
    assert (found.status, found.looks_like) == ("other", "TLS")


@pytest.mark.parametrize("service", ["https", "ldaps"])
def test_an_alert_proves_tls(service):
    found = told(service, b"\x15\x03\x03\x00\x02\x02\x28", 1).finding
    assert found.status == "identified"
    assert "alert" in found.detail


# A question of DNS has an identifier by chance, which may be shown.
# Nor is it cut between turns.
@given(
    st.sampled_from(
        [row[:2] for row in GOOD if not isinstance(row[1], tuple)]
        + [row[:2] for row in BAD if isinstance(row[1], bytes) and row[1] not in UNASKED]
    ),
    st.lists(st.integers(1, 40), max_size=20),
)
def test_no_cut_changes_a_finding(row, sizes):
    service, answer = row
    conversation = begun(service)
    rest = answer(conversation.said) if callable(answer) else answer
    for size in sizes:
        conversation.hear(rest[:size])
        rest = rest[size:]
    conversation.hear(rest)
    assert conversation.end().finding == told(service, answer).finding


# inside TLS


def says(words):
    """Return what makes a server that says words once."""
    return lambda: once(words)


def a_database(*frames):
    """Return what makes a database that answers with frames."""
    return lambda: database(*frames)


INSIDE = [
    ("https", says(HEAD), b"", "identified", "Jetty", "HTTP status 200"),
    ("https", says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), b"", "identified", "", "HTTP status 400"),
    ("https", says(b"HTTP/1.1 4"), b"", "other", "", "another service, or requires"),
    ("https", None, b"", "other", "", "another service, or requires"),
    (
        "https",
        says(b"HTTP/1.1 200 OK\r\nServer: x\r\n" + b"a: b\r\n" * 200),
        b"",
        "identified",
        "x",
        "HTTP status 200",
    ),
    (
        "https",
        says(b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n"),
        b"",
        "refusing",
        "nginx",
        "server behind it",
    ),
    ("ldaps", None, b"", "other", "", "another service, or requires"),
    ("ftps", None, b"421 4.7.0 mail.example.com Error: too many connections\r\n", "other", "", ""),
    ("https", None, b"220 ready\r\n", "other", "", ""),
    ("ldaps", says(answers.bind_response(0)), b"", "identified", "", ""),
    ("ldaps", says(HEAD), b"", "other", "", ""),
    ("ftps", says(b"221 bye\r\n"), b"220 (vsFTPd 3.0.3)\r\n", "identified", "(vsFTPd 3.0.3)", ""),
    ("ftps", None, b"SSH-2.0-x\r\n", "other", "", "no reply of FTP"),
    ("sql_client", a_database(WHOLE), b"", "identified", "", ""),
    (
        "sql_client",
        a_database(answers.frame(b"", 9), answers.frame(b"", 10), WHOLE),
        b"",
        "identified",
        "",
        "",
    ),
    (
        "sql_client",
        a_database(
            answers.frame(answers.LOGIN_ANSWER[:9], final=False), answers.frame(answers.LOGIN_ANSWER[9:], 0)
        ),
        b"",
        "identified",
        "",
        "",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'{"status":"ok","responseData":{}}')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'{"status":"error","responseData":{"publicKeyPem":""}}')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    (
        "sql_client",
        a_database(
            answers.frame(
                b'{"status":"error","exception":{"text":"Connection exception - too many sessions.",'
                b'"sqlCode":"08004"}}'
            )
        ),
        b"",
        "refusing",
        "",
        "'Connection exception - too many sessions. (08004)'",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'{"status":"error","exception":{"text":1,"sqlCode":"08004"}}')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'{"status":"error","exception":{"text":"no","sqlCode":"8"}}')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'["status","publicKeyPem"]')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    (
        "sql_client",
        a_database(answers.frame(b'{"status":"ok","responseData":["publicKeyPem"]}')),
        b"",
        "other",
        "",
        "first step of a login",
    ),
    ("sql_client", a_database(answers.frame(b'"publicKeyPem"')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b"null")), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b"[" * 60000)), b"", "other", "", ""),
    ("sql_client", a_database(answers.frame(b"\xff\xfe")), b"", "other", "", ""),
    ("sql_client", a_database(answers.frame(b"hello")), b"", "other", "", ""),
    ("sql_client", a_database(answers.HUGE_FRAME), b"", "other", "", "9223372036854775808 bytes"),
    ("sql_client", a_database(b"\x81\x7f" + b"\xff" * 8), b"", "other", "", "bytes"),
    ("sql_client", a_database(answers.frame(b"\x03\xe8", 8)), b"", "other", "", "closes the WebSocket"),
    ("sql_client", a_database(answers.frame(b"", 9) * 50), b"", "other", "", "more than 10 frames"),
    (
        "sql_client",
        a_database(answers.frame(b"x", final=False) * 50),
        b"",
        "other",
        "",
        "more than 10 frames",
    ),
    ("sql_client", a_database(), b"", "other", "", ""),
    ("sql_client", says(HEAD), b"", "other", "", "does not speak WebSocket"),
    (
        "sql_client",
        says(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n"),
        b"",
        "other",
        "",
        "does not speak WebSocket",
    ),
    (
        "sql_client",
        says(b"HTTP/1.1 101 Switching Protocols\r\n" + b"a: b\r\n" * 200),
        b"",
        "other",
        "",
        "does not speak WebSocket",
    ),
    ("sql_client", None, b"220 ready\r\n", "other", "", ""),
    ("sql_client", None, b"", "other", "", ""),
    ("sql_client", says(b"x" * 70000), b"", "other", "", "no end within"),
]


@pytest.mark.parametrize("cut", [None, 1, 100])
@pytest.mark.parametrize(("service", "answer", "greeting", "status", "version", "detail"), INSIDE)
def test_what_is_said_inside_tls(certificate, service, answer, greeting, status, version, detail, cut):
    conversation, server = told_inside_tls(service, certificate, answer and answer(), greeting, cut)
    found = conversation.finding
    assert (found.status, found.version) == (status, version), found
    assert detail in found.detail
    assert found.tls.subject == "O=Example, CN=db.example.com"
    assert len(found.tls.fingerprint) == 64
    assert_harmless(conversation)


# a client's certificate


def wanting(certificate, version):
    """Return the server's side of TLS of one version that requires a client certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.load_verify_locations(certificate[0])
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.skipif(
    not hasattr(ssl, "TLSVersion"), reason="needs Python 3.7, which can choose the version of TLS"
)
@pytest.mark.parametrize("cut", [None, 1, 100])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
@pytest.mark.parametrize(
    ("service", "before"), [("https", b""), ("ldaps", b""), ("ftps", b""), ("postgresql", b"S")]
)
def test_a_server_that_requires_a_certificate_is_no_stranger(certificate, service, before, version, cut):
    context = wanting(certificate, getattr(ssl.TLSVersion, version))
    conversation, server = told_inside_tls(service, certificate, context=context, before=before, cut=cut)
    found = conversation.finding
    assert found.status == "identified"
    # PostgreSQL is proven before an encrypted alert comes.
    assert ("certificate" in found.detail) == ((service, version) != ("postgresql", "TLSv1_3"))
    assert server.heard == b""


@pytest.mark.skipif(
    not hasattr(ssl, "TLSVersion"), reason="needs Python 3.7, which can choose the version of TLS"
)
@pytest.mark.parametrize("cut", [None, 1, 100])
@pytest.mark.parametrize(
    ("service", "before"), [("https", b""), ("ldaps", b""), ("ftps", b""), ("postgresql", b"S")]
)
def test_tls_that_the_library_of_this_host_rejects_is_tls_nevertheless(certificate, service, before, cut):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2

    def spoil(reply):
        # Its ServerHello names a cipher that no library knows any more.
        return _with_cipher(reply, b"\x00\x01") if reply[:1] == b"\x16" and reply[5] == 2 else reply

    conversation, unused_server = told_inside_tls(
        service, certificate, context=context, before=before, cut=cut, change=spoil
    )
    found = conversation.finding
    assert found.status == "identified"
    assert "does not accept" in found.detail and "was not seen" in found.detail


def _with_cipher(record, cipher):
    """Return a ServerHello with another cipher, behind version, random and session (RFC 5246, 7.4.1.3)."""
    place = 5 + 4 + 2 + 32 + 1 + record[5 + 4 + 2 + 32]
    return record[:place] + cipher + record[place + 2 :]


@pytest.mark.parametrize("service", ["https", "ldaps", "ftps"])
def test_any_other_alert_behind_the_handshake_is_no_proof(certificate, monkeypatch, service):
    def broken(self, *unused):
        error = ssl.SSLError(1, "[SSL: TLSV1_ALERT_INTERNAL_ERROR]")
        error.reason = "TLSV1_ALERT_INTERNAL_ERROR"
        raise error

    monkeypatch.setattr(_wire.Wire, "hear_until", broken)
    monkeypatch.setattr(_wire.Wire, "hear", broken)
    conversation, unused_server = told_inside_tls(service, certificate)
    assert conversation.finding.status == "other"
