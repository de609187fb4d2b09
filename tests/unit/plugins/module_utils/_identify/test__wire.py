# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire's bounds, what bytes look like, and servers that mean harm."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _wire
from ansible_collections.exasol_community.network.plugins.module_utils._identify._finding import (
    IDENTIFIED,
    Finding,
)
from ansible_collections.exasol_community.network.plugins.module_utils._identify._wire import (
    EndedError,
    Talk,
    Wire,
    looks_like,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    database,
    once,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.talking import (
    MAX_BYTES,
    SERVICES,
    assert_harmless,
    begun,
    texts,
    told,
    told_inside_tls,
)

MARKUP = "<script>alert(1)</script> [x](http://203.0.113.5) |\u202e\x1b[2J\x1b]0;owned\x07\x00".encode(
    "utf-8"
)


def hear(steps, *data):
    """Run a script made of C(steps) and return what it was given, or the error it met."""

    def script(wire):
        try:
            result = yield from steps(wire)
        except (ValueError, EndedError) as error:
            result = error
        return Finding(IDENTIFIED, detail=result)

    talk = Talk(script, "h")
    for piece in data:
        if talk.finding is None:
            talk.feed(piece)
    return talk.finding and talk.finding.detail


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"ab\ncd"], b"ab\n"),
        ([b"a", b"b", b"\n"], b"ab\n"),
        ([b"abcdefgh\n"], ValueError),
        ([b"abcdefg\n"], b"abcdefg\n"),
        ([b"abcdefgh"], ValueError),
        ([b"abcdefg", b"\n"], b"abcdefg\n"),
        ([b"abcdefg", b"h", b"\n"], ValueError),
        ([b"abc", b""], EndedError),
        ([b"abc"], None),
    ],
)
def test_a_line_ends_within_its_bound_however_it_comes(pieces, expected):
    found = hear(lambda wire: wire.hear_until(b"\n", 8), *pieces)
    assert isinstance(found, expected) if isinstance(expected, type) else found == expected


def test_bytes_are_counted():
    def both(wire):
        return [(yield from wire.hear(2)), (yield from wire.hear(0)), (yield from wire.hear(3))]

    assert hear(both, b"a", b"bcd", b"ef") == [b"ab", b"", b"cde"]
    assert isinstance(hear(both, b"abcd", b""), EndedError)


def test_no_more_is_heard_than_the_bound():
    wire = Wire("h")
    wire.put_incoming(b"x" * 1000000)
    assert len(wire.heard) == MAX_BYTES
    assert isinstance(hear(lambda wire: wire.hear(MAX_BYTES + 1), b"x" * 1000000), EndedError)
    assert hear(lambda wire: wire.hear(MAX_BYTES), b"x" * 1000000) == b"x" * MAX_BYTES


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\x16\x03\x01", "TLS"),
        (b"\x15\x03", "TLS"),
        (b"SSH-2.0-x", "SSH"),
        (b"HTTP/1.1 200", "HTTP"),
        (b"220 mail ESMTP", "SMTP"),
        (b"220 mail smtp", "SMTP"),
        (b"220 mail LMTP", "SMTP"),
        (b"421 4.7.0 mail", "SMTP"),
        (b"421 too many", "FTP"),
        (b"530 Sorry", "FTP"),
        (b"220-hello", "FTP"),
        (b"220 hello\r\n SMTP", "FTP"),
        (b"+OK hello", "POP3"),
        (b"* OK hello", "IMAP"),
        (b"RFB 003.008\n", "VNC"),
        (b"J\x00\x00\x00\x0a8.0", "MySQL"),
        (b"\x04\x01\x00\x2b", "SQL Server"),
        (b"-ERR unknown", "Redis"),
        (b"-NOAUTH", "Redis"),
        (b"\x05\x00\x0c\x03", "DCE/RPC"),
        (b"2200", "something that says '2200'"),
        (b"", "something that says ''"),
        (b"\n\n hello\nyou", "something that says 'hello'"),
        (b"\x1b[31m", "something that says '\\x1b[31m'"),
    ],
)
def test_what_bytes_look_like(data, name):
    assert looks_like(data) == name


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), max_size=10))
def test_a_stranger_looks_the_same_however_its_words_come(data, sizes):
    whole = told("postgresql", b"x" + data).finding
    conversation = begun("postgresql")
    for size in [1] + sizes:
        conversation.hear((b"x" + data)[conversation.read : conversation.read + size])
    conversation.hear((b"x" + data)[conversation.read :])
    assert conversation.end().finding == whole


def test_a_stranger_that_is_told_at_once_is_not_waited_for():
    for words in (b"SSH-2.", b"HTTP/1", b"hello\n", b"x" * 64, b"\x15\x03\x03\x00\x02\x02\x28"):
        assert begun_and_told("db2", words) is not None, words
    assert begun_and_told("db2", b"220 mail") is None


def begun_and_told(service, words):
    """Return the finding after some words of a server that then waits."""
    conversation = begun(service)
    conversation.hear(words)
    return conversation.finding


def test_what_comes_before_tls_is_not_taken_for_encrypted():
    # Somebody between could put a word of his own behind the server's consent (CVE-2021-23222).
    found = told("postgresql", b"S" + b"N" * 100).finding
    assert (found.status, found.detail) == ("other", "it agrees to TLS, but does not speak it")


def test_a_name_is_told_to_tls_and_an_address_is_not():
    # RFC 6066, section 3.
    assert b"db.example.com" in told("https").said
    for address in ("192.0.2.11", "2001:db8::11"):
        assert address.encode("ascii") not in told("https", host=address).said


@pytest.mark.parametrize(
    "host",
    [
        "db.example.com.",
        "DB.example.com",
        "a" * 64 + ".example.com",
        "db_1.example.com",
        ".example.com",
        "a..b",
    ],
)
def test_no_name_breaks_a_conversation(certificate, host):
    conversation, unused_server = told_inside_tls(
        "https", certificate, once(b"HTTP/1.1 200 OK\r\n\r\n"), host=host
    )
    assert conversation.finding.status == "identified"


# hostile servers

ENDLESS = [
    b"x",
    b"\n",
    b"\r\n",
    b"220-x\r\n",
    b"SSH-3\n",
    b"HTTP/1.1 200 OK\r\n",
    b"a: b\r\n",
    b"\x00",
    b"\xff",
    b"0\x84\x00\x00\x3f\xff",
    b"N",
    b"S",
    b"\x16\x03\x03\x40\x00",
    b"\x00\x0a",
    b"\x04\x01\x0f\xff",
    b"\xd0",
    MARKUP,
]


@pytest.mark.parametrize("words", ENDLESS, ids=lambda words: repr(words[:12]))
@pytest.mark.parametrize("service", SERVICES)
def test_endless_words_end(service, words):
    megabyte = words * (1000000 // len(words))
    conversation = begun(service)
    for start in range(0, len(megabyte), 4096):
        if conversation.finding is None:
            conversation.hear(megabyte[start : start + 4096])
    assert conversation.finding is not None, "the server still talks"
    assert conversation.read <= MAX_BYTES
    assert_harmless(conversation)
    assert told(service, megabyte).finding == conversation.finding


BANNERS = [
    ("sftp", b"SSH-2.0-" + MARKUP + b"\r\n"),
    ("ftp", b"220 " + MARKUP + b"\r\n"),
    ("ftp", b"331 " + MARKUP + b"\r\n"),
    ("ftp", b"421 " + MARKUP + b"\r\n"),
    ("http", b"HTTP/1.1 200 OK\r\nServer: " + MARKUP + b"\r\n\r\n"),
    ("http", MARKUP + b"\r\n"),
    ("mysql", answers.greeting(MARKUP.replace(b"\0", b""))),
    ("db2", answers.ddm(0x1443, (0x115A, MARKUP))),
    ("db2", answers.ddm(0x1443, (0x115A, MARKUP.replace(b"\xe2", b"x")))),
    ("oracle", answers.tns(4, MARKUP)),
    ("postgresql", MARKUP),
    ("sybase_ase", MARKUP),
    ("dns_tcp", MARKUP),
]


@pytest.mark.parametrize(("service", "answer"), BANNERS)
def test_no_control_character_of_a_banner_gets_through(service, answer):
    conversation = told(service, answer)
    assert_harmless(conversation)
    assert not [text for text in texts(conversation.finding) if set(text) & set("\x1b\x07\x00\u202e\r\n")]


@pytest.mark.parametrize("length", [200, 5000])
def test_a_version_is_bounded(length):
    assert len(told("ftp", b"220 " + b"v" * length + b"\r\n").finding.version) <= 200
    assert len(told("ftp", b"421 " + b"v" * length + b"\r\n").finding.detail) <= 200
    assert len(told("mysql", answers.greeting(b"\x1b" * length)).finding.version) <= 200


@pytest.mark.parametrize(
    "words",
    [MARKUP, b"x" * 1000000, b"\n" * 1000000, b"a: b\r\n" * 160000, b"\x00" * 100000],
    ids=lambda words: repr(words[:12]),
)  # pytest hands a test's name on to what it starts, as a variable
@pytest.mark.parametrize("service", ["https", "ldaps", "ftps", "sql_client"])
def test_endless_words_inside_tls_end(certificate, service, words):
    conversation, unused_server = told_inside_tls(service, certificate, greeting=words)
    assert conversation.read <= MAX_BYTES + 1000000, "the last piece counts as a whole here"
    assert_harmless(conversation)


def test_a_server_without_a_certificate_has_no_facts(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers("aNULL:@SECLEVEL=0")
    except ssl.SSLError:
        pytest.skip("this OpenSSL knows no TLS without a certificate")
    if hasattr(ssl, "TLSVersion"):
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # later ones always have a certificate
    conversation, unused_server = told_inside_tls(
        "https", certificate, once(b"HTTP/1.1 200 OK\r\n\r\n"), context=context
    )
    found = conversation.finding
    assert found.status == "identified"
    assert (found.tls.fingerprint, found.tls.subject, found.tls.days_left) == ("", "", None)


def spoil(position, value):
    """Return what changes one byte of all that a server says."""
    seen = [0]

    def change(data):
        start, seen[0] = seen[0], seen[0] + len(data)
        if start <= position < seen[0]:
            data = (
                data[: position - start]
                + bytes((data[position - start] ^ value,))
                + data[position - start + 1 :]
            )
        return data

    return change


@pytest.mark.parametrize(
    "service, server",
    [
        ("https", lambda: once(b"HTTP/1.1 200 OK\r\n\r\n")),
        ("sql_client", lambda: database(answers.frame(answers.LOGIN_ANSWER))),
    ],
)
@given(position=st.integers(0, 1200), value=st.integers(1, 255))
def test_a_handshake_with_a_wrong_byte(certificate, service, server, position, value):
    conversation, unused_server = told_inside_tls(
        service, certificate, server(), change=spoil(position, value)
    )
    assert_harmless(conversation)


def test_what_is_no_fault_of_the_server_is_not_hidden():
    def broken(wire):
        yield from wire.hear(1)
        raise AttributeError("a defect of ours")

    talk = Talk(broken, "h")
    with pytest.raises(AttributeError):
        talk.feed(b"x")
    assert AttributeError not in _wire.ENDED_OR_MALFORMED
