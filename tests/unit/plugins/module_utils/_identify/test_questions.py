# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each script says, read back as the public documentation of its protocol defines it."""

import os
import struct

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._identify import _exasol, _mysql
from ansible_collections.exasol_community.network.plugins.module_utils._identify._certificate import (
    elements,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    database,
    once,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.talking import (
    told,
    told_inside_tls,
)


def parameters(data):
    """Return the parameters of an object of DDM: code points and values."""
    found = []
    while data:
        length, code = struct.unpack_from(">HH", data)
        assert 4 <= length <= len(data)
        found.append((code, data[4:length]))
        data = data[length:]
    return found


def test_ssh_says_who_it_is():
    # RFC 4253, section 4.2: SSH-protoversion-softwareversion CR LF, at most 255 characters, no minus sign in
    # the version.
    said = told("sftp").said
    assert said == b"SSH-2.0-exasol_community.network\r\n"
    assert told("sftp", b"SSH-2.0-OpenSSH_9.2\r\n").said == said, "after both lines it leaves"


def test_ftp_waits_and_leaves():
    assert told("ftp").said == b""
    assert told("ftp", b"220 ready\r\n").said == b"QUIT\r\n"
    for words in (b"331 no\r\n", b"421 no\r\n", b"530 no\r\n", b"220 mail ESMTP\r\n"):
        assert told("ftp", words).said == b"", "a stranger is told nothing, and who refuses no more"


@pytest.mark.parametrize(
    ("host", "authority"),
    [
        ("db.example.com", b"db.example.com"),
        ("192.0.2.11", b"192.0.2.11"),
        ("2001:db8::11", b"[2001:db8::11]"),
    ],
)
def test_http_asks_for_a_head(host, authority):
    # RFC 9112, sections 3 and 3.2.
    lines = told("http", host=host).said.split(b"\r\n")
    assert lines[0] == b"HEAD / HTTP/1.1"
    assert lines[-2:] == [b"", b""]
    fields = dict(line.split(b": ", 1) for line in lines[1:-2])
    assert (fields[b"Host"], fields[b"Connection"]) == (authority, b"close")
    assert set(fields) == {b"Host", b"Connection", b"User-Agent"}


def test_ldap_binds_as_nobody_and_unbinds():
    # RFC 4511, sections 4.2 and 4.3.
    said = told("ldap", answers.bind_response(0)).said
    bind, unbind = elements(said)
    number, request = elements(bind.content)
    assert (bind.tag, number, request.tag) == (0x30, (0x02, b"\x01"), 0x60)
    assert list(elements(request.content)) == [(0x02, b"\x03"), (0x04, b""), (0x80, b"")], (
        "version 3, no name, no password"
    )
    assert (unbind.tag, list(elements(unbind.content))) == (0x30, [(0x02, b"\x02"), (0x42, b"")])
    assert said == bytes.fromhex("300C020101600702010304008000" + "30050201024200")


def test_oracle_connects_with_a_ping():
    # The layout of Wireshark's dissector: packet length, checksum, type 1, flags, header checksum; version,
    # lowest version, options, sizes, characteristics, turnaround, the number 1 in our byte order, length and
    # offset of the data, most data, flags.
    said = told("oracle").said
    assert (len(said), struct.unpack_from(">HHBBH", said)) == (87, (87, 0, 1, 0, 0))
    (
        version,
        lowest,
        unused_options,
        unit,
        most,
        unused_flags,
        unused_turnaround,
        one,
        length,
        offset,
        received,
        flags,
        other,
    ) = struct.unpack_from(">HHHHHHHHHHIBB", said, 8)
    assert lowest <= version and unit <= most
    assert (one, length, offset, received, flags, other) == (1, 29, 0x3A, 0, 0, 0)
    assert said[offset : offset + length] == said[58:] == b"(CONNECT_DATA=(COMMAND=ping))"


def test_sql_server_is_asked_before_any_login():
    # MS-TDS, sections 2.2.3.1 and 2.2.6.5.
    said = told("sql_server").said
    kind, status, length, process, number, window = struct.unpack_from(">BBHHBB", said)
    assert (
        (kind, status, length, process, number, window) == (18, 1, 47, 0, 1, 0) == (18, 1, len(said), 0, 1, 0)
    )
    body, options, position = said[8:], {}, 0
    while body[position] != 255:
        token, offset, size = struct.unpack_from(">BHH", body, position)
        options[token] = body[offset : offset + size]
        position += 5
    assert sorted(options) == [0, 1, 2, 3, 4], "version, encryption, instance, thread, sessions"
    assert [len(options[token]) for token in sorted(options)] == [6, 1, 1, 4, 1]
    assert position + 1 + sum(len(value) for value in options.values()) == len(body)
    assert options[2] == b"\x00", "no instance is named"


def test_db2_exchanges_attributes():
    # DRDA, Vol. 3: the header of a DSS, the object EXCSAT, and its parameters in any order.
    said = told("db2").said
    length, magic, kind, correlation, size, code = struct.unpack_from(">HBBHHH", said)
    assert (length, magic, kind, correlation, size, code) == (50, 0xD0, 1, 1, 44, 0x1041)
    assert len(said) == 50
    found = dict(parameters(said[10:]))
    assert {name: found[name] for name in (0x115E, 0x116D, 0x115A, 0x1147)} == {
        0x115E: b"",
        0x116D: b"",
        0x115A: b"",
        0x1147: b"",
    }, "it names nobody"
    levels = struct.unpack(">10H", found[0x1404])
    assert levels[::2] == (0x1403, 0x2407, 0x240F, 0x1440, 0x1474)
    assert len(found) == 5


def test_postgresql_is_asked_for_tls():
    # "SSLRequest": the length of the message with itself, and 1234 5679.
    assert struct.unpack(">IHH", told("postgresql").said) == (8, 1234, 5679)
    # "GSSENCRequest", where there is no TLS: 1234 5680.
    assert struct.unpack(">IHHIHH", told("postgresql", b"N").said) == (8, 1234, 5679, 8, 1234, 5680)
    assert told("postgresql", b"E").said == told("postgresql").said


def test_sybase_hears_nothing_of_us():
    assert told("sybase_ase").said == b""


def test_dns_over_tcp_has_its_length_in_front():
    said = told("dns_tcp").said
    assert struct.unpack(">H", said[:2])[0] == len(said) - 2 == 40
    assert struct.unpack(">5H", said[4:14]) == (0x0100, 1, 0, 0, 0)


# MySQL


def packets(data):
    """Return the packets of MySQL: numbers and contents."""
    found = []
    while data:
        length = int.from_bytes(data[:3], "little")
        assert len(data) >= 4 + length
        found.append((data[3], data[4 : 4 + length]))
        data = data[4 + length :]
    return found


def test_mysql_waits_for_the_greeting():
    assert told("mysql").said == b""
    assert told("mysql", b"SSH-2.0-x\r\n").said == b""


def test_mysql_is_answered_by_nobody_without_a_password():
    # Protocol::HandshakeResponse41.
    ((number, response),) = packets(told("mysql", answers.greeting(b"8.0.36")).said)
    capabilities, most, character_set = struct.unpack_from("<IIB", response)
    assert number == 1
    assert capabilities & 0x200, "CLIENT_PROTOCOL_41"
    assert capabilities & 0x80000, "CLIENT_PLUGIN_AUTH"
    assert not capabilities & 0x8, "CLIENT_CONNECT_WITH_DB: no database is named"
    assert not capabilities & 0x800, "CLIENT_SSL"
    assert (response[9:32], most > 0, character_set > 0) == (bytes(23), True, True)
    user, rest = response[32:].split(b"\0", 1)
    assert rest == b"\0" + b"mysql_native_password\0", "a password of no bytes, and how it would be made"
    assert user == _mysql.USER
    assert len(user) <= 32, "the longest name that is looked up"


def test_mysql_gets_the_password_of_nobody_another_way():
    conversation = told(
        "mysql",
        answers.greeting(b"8.4.0")
        + answers.MYSQL_SWITCH
        + answers.mysql(4, b"\x01\x04")
        + answers.mysql_error(1045, b"", 6),
    )
    assert packets(conversation.said)[1:] == [(3, b""), (5, b"")]


def test_mysql_is_left_if_it_lets_nobody_in():
    # COM_QUIT begins a conversation of its own.
    assert packets(told("mysql", answers.greeting(b"8.4.0") + answers.MYSQL_OK).said)[1:] == [(0, b"\x01")]


def test_mysql_is_not_answered_without_end():
    conversation = told("mysql", answers.greeting(b"8.4.0") + answers.MYSQL_SWITCH * 100)
    assert len(packets(conversation.said)) <= 6
    assert conversation.finding.status == "identified"


# Exasol


def unmasked(data):
    """Return a client's frames: opcodes and payloads.

    Each must be final and masked (RFC 6455, sections 5.2 and 5.3).
    """
    found = []
    while data:
        first, second = data[:2]
        assert first & 0xF0 == 0x80 and second & 0x80
        length, mask = second & 0x7F, data[2:6]
        assert length < 126
        payload = data[6 : 6 + length]
        found.append((first & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))))
        data = data[6 + length :]
    return found


def test_exasol_is_asked_for_its_key_and_told_no_name(certificate):
    conversation, server = told_inside_tls(
        "sql_client", certificate, database(answers.frame(answers.LOGIN_ANSWER))
    )
    request, end, rest = server.heard.partition(b"\r\n\r\n")
    lines = request.split(b"\r\n")
    fields = dict(line.split(b": ", 1) for line in lines[1:])
    assert (conversation.finding.status, lines[0]) == ("identified", b"GET / HTTP/1.1")
    assert (fields[b"Host"], fields[b"Upgrade"], fields[b"Connection"], fields[b"Sec-WebSocket-Version"]) == (
        b"db.example.com",
        b"websocket",
        b"Upgrade",
        b"13",
    )
    assert unmasked(rest) == [
        (1, b'{"command": "login", "protocolVersion": 3}'),
        (8, struct.pack(">H", 1000)),
    ]
    assert b"user" not in server.heard.lower()
    assert server.goodbye, "TLS is closed, too"


def test_exasol_is_told_goodbye_by_no_frame_if_it_is_another(certificate):
    unused_conversation, server = told_inside_tls("sql_client", certificate, once(b"HTTP/1.1 200 OK\r\n\r\n"))
    assert server.heard.endswith(b"\r\n\r\n")
    assert server.goodbye


def test_masks_and_keys_differ(monkeypatch):
    masks = iter([b"\x01\x02\x03\x04", b"\xff\xff\xff\xff"])
    monkeypatch.setattr(os, "urandom", lambda count: next(masks)[:count])
    assert _exasol.frame(1, b"hello") == b"\x81\x85\x01\x02\x03\x04" + bytes(
        (0x68 ^ 1, 0x65 ^ 2, 0x6C ^ 3, 0x6C ^ 4, 0x6F ^ 1)
    )
    assert _exasol.frame(1, b"")[2:6] == b"\xff" * 4


@pytest.mark.parametrize(
    ("service", "answer", "greeting", "said"),
    [
        ("https", b"HTTP/1.1 200 OK\r\n\r\n", b"", b"HEAD / HTTP/1.1\r\n"),
        (
            "ldaps",
            answers.bind_response(0),
            b"",
            bytes.fromhex("300C020101600702010304008000" + "30050201024200"),
        ),
        ("ftps", b"221 bye\r\n", b"220 ready\r\n", b"QUIT\r\n"),
    ],
)
def test_the_same_is_said_inside_tls(certificate, service, answer, greeting, said):
    unused_conversation, server = told_inside_tls(service, certificate, once(answer), greeting)
    assert server.heard.startswith(said)
    assert server.goodbye
