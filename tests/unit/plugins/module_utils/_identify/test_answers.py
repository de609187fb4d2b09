# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each script makes of good and bad answers, however the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.answers import BAD, GOOD
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import database, once
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.talking import (
    INSIDE_TLS,
    SERVICES,
    assert_harmless,
    begun,
    told,
    told_inside_tls,
)

CUTS = [None, 1, 2, 7]
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
@pytest.mark.parametrize(("service", "answer", "status", "looks_like"), BAD, ids=ids)
def test_a_bad_answer_is_another_service(service, answer, status, looks_like, cut):
    conversation = told(service, answer, cut)
    found = conversation.finding
    assert (found.status, found.version) == (status, "")
    assert looks_like in found.looks_like
    assert_harmless(conversation)


@pytest.mark.parametrize("service", SERVICES)
def test_a_server_without_a_word_is_silent(service):
    for patience, words in ((False, "hangs up without a word"), (True, "says nothing")):
        found = told(service, patience=patience).finding
        assert found.status == "silent"
        assert (words in found.looks_like) or (service == "sybase_ase" and "not verified" in found.detail)


def test_sybase_is_not_verified_and_says_so():
    for patience in (False, True):
        found = told("sybase_ase", patience=patience).finding
        assert (found.status, found.looks_like) == ("silent", "")
        assert "open, service not verified" in found.detail


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
@given(st.sampled_from([row[:2] for row in GOOD] + [row[:2] for row in BAD if not callable(row[1])]), st.lists(st.integers(1, 40), max_size=20))
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
    ("https", says(b"HTTP/1.1 4"), b"", "identified", "", "answers no HTTP"),
    ("https", None, b"", "identified", "", "answers no HTTP"),
    ("https", None, b"220 ready\r\n", "other", "", ""),
    ("ldaps", says(answers.bind_response(0)), b"", "identified", "", ""),
    ("ldaps", says(HEAD), b"", "other", "", ""),
    ("ftps", says(b"221 bye\r\n"), b"220 (vsFTPd 3.0.3)\r\n", "identified", "(vsFTPd 3.0.3)", ""),
    ("ftps", None, b"SSH-2.0-x\r\n", "other", "", "no reply of FTP"),
    ("sql_client", a_database(WHOLE), b"", "identified", "", ""),
    ("sql_client", a_database(answers.frame(b"", 9), answers.frame(b"", 10), WHOLE), b"", "identified", "", ""),
    ("sql_client", a_database(answers.frame(answers.LOGIN_ANSWER[:9], final=False), answers.frame(answers.LOGIN_ANSWER[9:], 0)), b"",
     "identified", "", ""),
    ("sql_client", a_database(answers.frame(b'{"status":"ok","responseData":{}}')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b'{"status":"error","responseData":{"publicKeyPem":""}}')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b'["status","publicKeyPem"]')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b'{"status":"ok","responseData":["publicKeyPem"]}')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b'"publicKeyPem"')), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b"null")), b"", "other", "", "first step of a login"),
    ("sql_client", a_database(answers.frame(b"[" * 60000)), b"", "other", "", ""),
    ("sql_client", a_database(answers.frame(b"\xff\xfe")), b"", "other", "", ""),
    ("sql_client", a_database(answers.frame(b"hello")), b"", "other", "", ""),
    ("sql_client", a_database(answers.HUGE_FRAME), b"", "other", "", "9223372036854775808 bytes"),
    ("sql_client", a_database(b"\x81\x7f" + b"\xff" * 8), b"", "other", "", "bytes"),
    ("sql_client", a_database(answers.frame(b"\x03\xe8", 8)), b"", "other", "", "closes the WebSocket"),
    ("sql_client", a_database(answers.frame(b"", 9) * 50), b"", "other", "", "more than 10 frames"),
    ("sql_client", a_database(answers.frame(b"x", final=False) * 50), b"", "other", "", "more than 10 frames"),
    ("sql_client", a_database(), b"", "other", "", ""),
    ("sql_client", says(HEAD), b"", "other", "", "does not speak WebSocket"),
    ("sql_client", says(b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: wrong\r\n\r\n"), b"", "other", "", "does not speak WebSocket"),
    ("sql_client", says(b"HTTP/1.1 101 Switching Protocols\r\n" + b"a: b\r\n" * 200), b"", "other", "", "does not speak WebSocket"),
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
