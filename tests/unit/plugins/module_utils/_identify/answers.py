# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers answer, built as the public documentation of their protocols says.

The good, and what is none of theirs.
"""

import base64
import hashlib
import json
import struct

# LDAP: RFC 4511, BER of ITU-T X.690


def ber(tag, content, long=False):
    """Return an element; its length is in the short form if that is enough, or as Active Directory has it."""
    size = len(content)
    if long:
        return bytes((tag, 0x84)) + struct.pack(">I", size) + content
    if size < 0x80:
        return bytes((tag, size)) + content
    return bytes((tag, 0x82)) + struct.pack(">H", size) + content


def notice_of_disconnection(code, name=b"1.3.6.1.4.1.1466.20036", number=0):
    """Return what a server says that ends the connection by itself (section 4.4.1)."""
    result = ber(0x0A, bytes((code,))) + ber(0x04, b"") + ber(0x04, b"bye") + ber(0x8A, name)
    return ber(0x30, ber(0x02, bytes((number,))) + ber(0x78, result))


def bind_response(code, message=b"", number=1, long=False):
    """Return the answer to a bind."""
    result = ber(0x0A, bytes((code,))) + ber(0x04, b"") + ber(0x04, message)
    return ber(0x30, ber(0x02, bytes((number,))) + ber(0x61, result, long), long)


# Oracle: TNS, as Wireshark's dissector reads it


def tns(kind, body=b""):
    """Return a TNS packet."""
    return struct.pack(">HHBBH", 8 + len(body), 0, kind, 0, 0) + body


def tns_refuse(number, error=12504):
    """Return a listener's refusal with its version number and an error."""
    said = b"(DESCRIPTION=(TMP=)(VSNNUM=%d)(ERR=%d)(ERROR_STACK=(ERROR=(CODE=%d)(EMFI=4))))" % (
        number,
        error,
        error,
    )
    return tns(4, struct.pack(">BBH", 34, 0, len(said)) + said)


TNS_ACCEPT = tns(2, struct.pack(">HHHHHHHH", 314, 1, 8192, 65535, 256, 0, 32, 0))
TNS_RESEND = tns(11)
TNS_REDIRECT = tns(5, struct.pack(">H", 44) + b"(ADDRESS=(PROTOCOL=tcp)(HOST=h)(PORT=15210))")


# SQL Server: MS-TDS, section 2.2.6.5


def prelogin_response(*version, order=(0, 1, 2, 3, 4)):
    """Return the answer to PRELOGIN."""
    values = {0: struct.pack(">BBHH", *(tuple(version) + (0,))), 1: b"\x01", 2: b"\x00", 3: b"", 4: b"\x00"}
    offset, head, data = 5 * len(order) + 1, b"", b""
    for token in order:
        head += struct.pack(">BHH", token, offset + len(data), len(values[token]))
        data += values[token]
    body = head + b"\xff" + data
    return struct.pack(">BBHHBB", 4, 1, 8 + len(body), 0, 1, 0) + body


# Db2: The Open Group, DRDA, Vol. 3


def ddm(code, *parameters):
    """Return a reply of one object."""
    content = b"".join(struct.pack(">HH", 4 + len(value), number) + value for number, value in parameters)
    return struct.pack(">HBBHHH", 10 + len(content), 0xD0, 2, 1, 4 + len(content), code) + content


def excsatrd(release="SQL11055", kind="QDB2/LINUXX8664"):
    """Return the server's attributes.

    External name, manager levels, class, name, release level, in EBCDIC.
    """
    texts = [
        (0x115E, "db2inst1        db2sysc 00000000"),
        (0x1147, kind),
        (0x116D, "db.example.com"),
        (0x115A, release),
    ]
    parameters = [(code, text.encode("cp500")) for code, text in texts]
    return ddm(
        0x1443, parameters[0], (0x1404, bytes.fromhex("1403000724070008240f000814400008")), *parameters[1:]
    )


# What Apache Derby 10.14 answered.
DERBY = bytes.fromhex(
    "0085d0020001007f1443001d115ed585a3a6969992e28599a58599c39695a39996934094818995001814041403000724070007240f00071440000714"
    "74000500101147c1978183888540c4859982a80018116dd585a3a6969992e28599a58599c39695a3999693001e115ac3e2e2f1f0f1f4f061f1f04bf1"
    "f44bf24bf04060404d6f6f6f5d"
)


# MySQL: Protocol::HandshakeV10, ERR_Packet, OK_Packet, AuthSwitchRequest


def mysql(number, content):
    """Return a packet."""
    return struct.pack("<I", len(content))[:3] + bytes((number,)) + content


def greeting(version):
    """Return a greeting."""
    return mysql(
        0,
        b"\x0a"
        + version
        + b"\x00"
        + struct.pack("<I", 9)
        + b"abcdefgh\x00"
        + struct.pack("<HBHHB", 0xF7FF, 33, 2, 0x81BF, 21)
        + bytes(10)
        + b"ijklmnopqrst\x00mysql_native_password\x00",
    )


def mysql_error(code, text, number=0, state=b""):
    """Return an error; before the handshake it has no SQL state."""
    return mysql(number, b"\xff" + struct.pack("<H", code) + state + text)


DENIED = mysql_error(1045, b"Access denied for user", 2, b"#28000")
MYSQL_OK = mysql(2, b"\x00\x00\x00\x02\x00\x00\x00")
MYSQL_SWITCH = mysql(2, b"\xfecaching_sha2_password\x00abcdefghijklmnopqrst\x00")


# What MariaDB 10.11 said to a host of which no account is.
NOT_ALLOWED = bytes.fromhex("44000000ff6a04") + (
    b"Host '192.0.2.1' is not allowed to connect to this MariaDB server"
)


# PostgreSQL: its message ErrorResponse


def postgresql_error(message, code=b"53300", severity=b"FATAL"):
    """Return an error with its fields."""
    fields = b"S" + severity + b"\0V" + severity + b"\0C" + code + b"\0M" + message + b"\0\0"
    return b"E" + struct.pack(">I", 4 + len(fields)) + fields


# Exasol: RFC 6455, and https://github.com/exasol/websocket-api


def upgraded(request):
    """Return the answer to a request for WebSocket."""
    key = next(
        line.split(b":", 1)[1].strip()
        for line in request.split(b"\r\n")
        if line.lower().startswith(b"sec-websocket-key:")
    )
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
        b"Upgrade\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(payload, opcode=1, final=True):
    """Return a server's frame."""
    head = bytes(((0x80 if final else 0) | opcode,))
    if len(payload) < 126:
        return head + bytes((len(payload),)) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return head + b"\x7f" + struct.pack(">Q", len(payload)) + payload


LOGIN_ANSWER = json.dumps(
    {
        "status": "ok",
        "responseData": {
            "publicKeyPem": "-----BEGIN RSA PUBLIC KEY-----\nMIGJAoGB\n-----END RSA PUBLIC KEY-----\n",
            "publicKeyModulus": "AB" * 128,
            "publicKeyExponent": "010001",
        },
    }
).encode("ascii")
HUGE_FRAME = b"\x81\x7f" + struct.pack(">Q", 1 << 63)


# DNS: RFC 1035


def dns_answer(said, code=0, flags=0x8580):
    """Return a server's answer over TCP to a question with its length in front.

    Authoritative, recursion desired and available.
    """
    answer = said[2:4] + struct.pack(">HHHHH", flags | code, 1, 0, 0, 0) + said[14:]
    return struct.pack(">H", len(answer)) + answer


# NTP: RFC 5905, section 7.3


def ntp_answer(asked, first=0x24, stratum=2, reference=bytes(4), delay=0.0, dispersion=0.0, sent=(0, 0)):
    """Return the answer to a question: version 4, mode 4 (server), and the time at which it was sent."""
    distance = struct.pack(">II", round(delay * 65536), round(dispersion * 65536))
    times = bytes(8) + asked[40:48] + bytes(8) + struct.pack(">II", *sent)
    return bytes((first, stratum, 0, 0)) + distance + reference + times


# What chrony 4.3 and ntpsec 1.2.2, which had just begun, answered; the question had ASKED_OF_NTP as its time.
ASKED_OF_NTP = b"abcdefgh"
CHRONY = bytes.fromhex(
    "240800e600000000000000007f7f0101eeb6618be12e00146162636465666768eeb6618d4edaf725eeb6618d4ede5c80"
)
NTPSEC = bytes.fromhex(
    "e40000e80000000000000000494e495400000000000000006162636465666768eeb6625b99715d49eeb6625b99787817"
)


# the tables
# service, answer (or what makes one of what was said), version, a fragment of the detail

GOOD = [
    ("sftp", b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n", "OpenSSH_9.2p1 Debian-2+deb12u3", ""),
    ("sftp", b"SSH-1.99-Cisco-1.25\n", "Cisco-1.25", ""),
    ("cos_ssh", b"Welcome to\r\nthis host\r\nSSH-2.0-dropbear\r\n", "dropbear", ""),
    ("sftp", b"Not allowed at this time\r\n", "OpenSSH", "PerSourcePenalties"),
    ("os_ssh", b"Exceeded MaxStartups\r\n", "OpenSSH", "MaxStartups"),
    ("ftp", b"220 (vsFTPd 3.0.3)\r\n221 Goodbye.\r\n", "(vsFTPd 3.0.3)", ""),
    ("ftp", b"220 (vsFTPd 3.0.3)\r\n", "(vsFTPd 3.0.3)", ""),
    ("ftp", b"220-Hello\r\n 220 inside\r\n2201 no end\r\n220 end\r\n221 bye\r\n", "Hello", ""),
    (
        "ftp",
        b"".join(b"220-line %d\r\n" % number for number in range(60)) + b"220 ready\r\n221 Goodbye.\r\n",
        "line 0",
        "",
    ),
    ("ftp", b"220-files\r\n" + b"x" * 2000 + b"\r\n220 ready\r\n221 bye\r\n", "files", ""),
    ("ftp", b"220 files\r\n221 Service closing control connection.\r\n", "files", ""),
    # ProFTPD with an empty ServerIdent, Pure-FTPd, and servers that leave the space out.
    ("ftp", b"220 \r\n221 Goodbye.\r\n", "", ""),
    ("ftp", b"220\r\n221\r\n", "", ""),
    ("ftp", b"220-files\r\n220\r\n221 bye\r\n", "files", ""),
    (
        "ftp",
        (
            b"220---------- Welcome to Pure-FTPd [privsep] [TLS] ----------\r\n"
            b"220-You are user number 1 of 1 allowed.\r\n"
            b"220 You will be disconnected after 15 minutes of inactivity.\r\n"
            b"221-Goodbye. You uploaded 0 and downloaded 0 kbytes.\r\n221 Logout.\r\n"
        ),
        "--------- Welcome to Pure-FTPd [privsep] [TLS] ----------",
        "",
    ),
    ("ftp", b"220 files\r\n221 Server closing connection\r\n", "files", ""),
    (
        "ftp",
        b"220 ftp.example.com ready\r\n221 ftp.example.com says goodbye\r\n",
        "ftp.example.com ready",
        "",
    ),
    ("ftp", b"220 ESMTPless files\r\n221 Goodbye, closing connection.\r\n", "ESMTPless files", ""),
    ("http", b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n\r\n", "nginx/1.22.1", "HTTP status 200"),
    ("http", b"HTTP/1.0 500 Broken\nSERVER:x\n\n", "x", "HTTP status 500"),
    ("bucketfs", b"HTTP/1.1 404 Not Found\r\n\r\n", "", "HTTP status 404"),
    (
        "http",
        b"HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Security-Policy: " + b"x" * 9000 + b"\r\n\r\n",
        "Apache",
        "HTTP status 200",
    ),
    ("http", b"HTTP/1.0 200 OK\r\nServer: Old/1\r\n", "Old/1", "HTTP status 200"),
    ("http", b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n", "", "HTTP status 200"),
    # What Django's server and lighttpd say to a name that they do not know or like.
    (
        "http",
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: WSGIServer/0.2 CPython/3.11.2\r\n"
            b"Content-Type: text/html\r\n\r\n"
        ),
        "WSGIServer/0.2 CPython/3.11.2",
        "HTTP status 400",
    ),
    (
        "http",
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 345\r\nConnection: "
            b"close\r\nServer: lighttpd/1.4.69\r\n\r\n"
        ),
        "lighttpd/1.4.69",
        "HTTP status 400",
    ),
    (
        "http",
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nContent-Length: "
            b"157\r\nContent-Security-Policy: default-src https:\r\n\r\n"
        ),
        "nginx/1.22.1",
        "HTTP status 400",
    ),
    (
        "http",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nServer: x\r\n\r\n",
        "x",
        "HTTP status 200",
    ),
    ("http", b"HTTP/1.1 101 Switching Protocols\r\nServer: x\r\n\r\n", "x", "HTTP status 101"),
    ("ldap", bind_response(0), "", ""),
    ("ldap", bind_response(48, b"anonymous bind disallowed"), "", "result code 48"),
    ("ldap", bind_response(8, b"x" * 300), "", "result code 8"),
    ("ldap", bind_response(1, b"00000000: LdapErr", long=True), "", "result code 1"),
    ("oracle", tns_refuse(186647296), "11.2.0.3.0", "refuses"),
    ("oracle", tns_refuse(203424000), "12.2.0.1.0", "refuses"),
    ("oracle", tns_refuse(318767104), "19.0.0.0.0", "refuses"),
    ("oracle", tns_refuse(0x15030000), "21.3.0.0.0", "refuses"),
    ("oracle", tns_refuse(0x13000000, error=0), "19.0.0.0.0", "refuses"),
    ("oracle", TNS_ACCEPT, "", "accepts"),
    ("oracle", TNS_RESEND, "", "asks to send again"),
    ("oracle", TNS_REDIRECT, "", "redirects"),
    ("sql_server", prelogin_response(15, 0, 2000), "15.0.2000", ""),
    ("sql_server", prelogin_response(16, 0, 4105, order=(1, 4, 0)), "16.0.4105", ""),
    ("db2", excsatrd(), "SQL11055", ""),
    ("db2", excsatrd("DSN12015", "DSN"), "DSN12015", ""),
    ("db2", ddm(0x1443, (0x115A, b"11.5.8")), "11.5.8", ""),
    ("db2", ddm(0x1443), "", ""),
    ("db2", ddm(0x124C, (0x1149, b"\x00\x08")), "", ""),
    ("mysql", greeting(b"8.0.36") + DENIED, "8.0.36", ""),
    ("mysql", greeting(b"5.5.5-10.11.6-MariaDB-1") + DENIED, "10.11.6-MariaDB-1", ""),
    ("mysql", greeting(b"8.4.0") + MYSQL_SWITCH + mysql_error(1045, b"denied", 4), "8.4.0", ""),
    ("mysql", greeting(b"8.4.0") + MYSQL_OK, "8.4.0", ""),
    ("mysql", greeting(b"8.4.0"), "8.4.0", "ends the handshake too early"),
    ("mysql", greeting(b"8.4.0") + b"\x00\x00\x00\x02", "8.4.0", "ends the handshake too early"),
    # In turns: the second answer is to the second question.
    ("postgresql", (b"N", b"N"), "", "without TLS"),
    ("postgresql", (b"N", b"G"), "", "without TLS"),
    ("postgresql", (b"N", b"E\x00\x00\x00\x0cSFATAL\x00\x00"), "", "without TLS"),
    (
        "postgresql",
        (b"N", postgresql_error(b"unsupported frontend protocol 1234.5680", b"0A000")),
        "",
        "without TLS",
    ),
    ("dns_tcp", dns_answer, "", ""),
    ("dns_tcp", lambda said: dns_answer(said, 3), "", ""),
]

# The expected service answers, and says that it does not serve: service, answer, a fragment of the detail.
REFUSING = [
    ("ftp", b"120 in 5 minutes\r\n", "120 in 5 minutes"),
    ("ftp", b"421 Too many users\r\n", "421 Too many users"),
    ("ftp", b"421 Service not available, closing control connection.\r\n", "421 Service not available"),
    (
        "ftp",
        b"530 Sorry, the maximum number of connections (1) for your host are already connected.\r\n",
        "530 Sorry",
    ),
    ("ftp", b"500 OOPS: vsftpd: both local and anonymous access disabled!\r\n", "local and anonymous access"),
    ("ftp", b"500 OOPS: vsftpd: both local and anonymous access disabled!", "local and anonymous access"),
    ("ftp", b"500 Sorry, no server available to handle request on 192.0.2.1.\r\n", "no server available"),
    ("http", b"HTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n", "the server behind it does not"),
    ("http", b"HTTP/1.1 429 Too Many Requests\r\n\r\n", "too many requests"),
    ("http", b"HTTP/1.1 509 Bandwidth Limit Exceeded\r\n\r\n", "bandwidth"),
    ("http", b"HTTP/1.1 521 \r\nServer: cloudflare\r\n\r\n", "does not reach the server behind it"),
    ("http", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 503 No\r\n\r\n", "no server behind it"),
    ("ldap", bind_response(51), "too busy"),
    ("ldap", bind_response(52, b"no backends"), "reaches no server behind it"),
    ("ldap", notice_of_disconnection(52), "notice of disconnection: it is shutting down"),
    ("ldap", notice_of_disconnection(8), "notice of disconnection: result code 8"),
    ("oracle", tns_refuse(318767104, error=12529), "filter rejects this host"),
    ("oracle", tns_refuse(318767104, error=12519), "no room for one more"),
    ("oracle", tns_refuse(318767104, error=12528), "no ordinary user"),
    ("db2", ddm(0x1233), "limit of its resources"),
    ("db2", ddm(0x1232, (0x1149, b"\x00\x10")), "permanent error"),
    ("postgresql", postgresql_error(b"sorry, too many clients already"), "'sorry, too many clients already'"),
    (
        "postgresql",
        b"Ecould not fork new process for connection: Resource temporarily unavailable\n\0",
        "'could not fork new process",
    ),
    ("mysql", NOT_ALLOWED, "refuses this host: no account"),
    ("mysql", mysql_error(1135, b"Can't create a new thread"), "cannot create a thread"),
    # MySQL Router that reaches none of its servers.
    (
        "mysql",
        mysql_error(2003, b"Can't connect to remote MySQL server for client connected to '0.0.0.0:6446'"),
        "error 2003: 'Can't connect to remote MySQL server",
    ),
    ("http", b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n\r\n", "no server behind it"),
    ("bucketfs", b"HTTP/1.0 504 Gateway Time-out\r\n\r\n", "the server behind it does not"),
    ("mysql", mysql_error(1040, b"Too many connections"), "too many connections"),
    ("mysql", mysql_error(1129, b"Host is blocked"), "FLUSH HOSTS"),
    ("mysql", mysql_error(1130, b"not allowed"), "refuses this host: no account"),
    # MariaDB greets before it counts its connections.
    (
        "mysql",
        greeting(b"5.5.5-10.11.6-MariaDB-1") + mysql_error(1040, b"Too many connections", 2, b"#08004"),
        "too many connections",
    ),
    (
        "mysql",
        greeting(b"8.0.36") + mysql_error(1053, b"Server shutdown in progress", 2, b"#08S01"),
        "is shutting down",
    ),
    ("dns_tcp", lambda said: dns_answer(said, 2), "SERVFAIL"),
    ("dns_tcp", lambda said: dns_answer(said, 5), "REFUSED"),
    ("dns_tcp", lambda said: dns_answer(said, flags=0x8500), "resolves no names for this host"),
    ("dns_tcp", lambda said: dns_answer(said, 1), "code 1"),
    ("dns_tcp", lambda said: dns_answer(said, 4), "code 4"),
]

# service, answer, status, what it looks like (a fragment)
BAD = [
    ("sftp", b"220 mail.example.com ESMTP Postfix\r\n", "other", "SMTP"),
    ("sftp", b"SSH-1.5-old\r\n", "other", "SSH"),
    ("sftp", lambda said: said, "other", "repeats our words"),
    (
        "sftp",
        (
            b"* OK [CAPABILITY IMAP4rev1] Dovecot ready.\r\nSSH-2.0-exasol_community.network BAD Error in "
            b"IMAP "
            b"command.\r\n"
        ),
        "other",
        "IMAP",
    ),
    (
        "sftp",
        b"hello\r\nSSH-2.0-exasol_community.network BAD Error in IMAP command.\r\n",
        "other",
        "repeats our words",
    ),
    ("sftp", b"HTTP/1.1 400 Bad Request\r\n\r\n", "other", "HTTP"),
    ("sftp", b"hello\r\n" * 30, "other", "'hello'"),
    ("sftp", b"Not allowed here\r\n", "other", "'Not allowed here'"),
    ("sftp", b"x" * 3000, "other", "'" + "x" * 60 + "'"),
    ("ftp", b"220 mail.example.com ESMTP Postfix\r\n", "other", "SMTP"),
    ("ftp", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("ftp", b"Not allowed at this time\r\n", "other", "SSH"),
    ("ftp", b"331 no\r\n", "other", "'331 no'"),
    ("ftp", b"220 mail.example.com Dovecot (Debian) ready.\r\n221 2.0.0 Bye\r\n", "other", "SMTP"),
    ("ftp", b"220 mail.example.com ready\r\n221 2.0.0 Bye\r\n", "other", "SMTP"),
    ("ftp", b"220 mail.example.com ready\r\n221 mail.example.com closing connection\r\n", "other", "SMTP"),
    (
        "ftp",
        b"220 mail.example.com\r\n221 mail.example.com Service closing transmission channel\r\n",
        "other",
        "SMTP",
    ),
    ("ftp", b"421 4.7.0 mail.example.com Error: too many connections from 192.0.2.254\r\n", "other", "SMTP"),
    ("ftp", b"421 mail.example.com Service not available, closing transmission channel\r\n", "other", "SMTP"),
    ("ftp", b"220 mail.example.com Dovecot LMTP ready\r\n", "other", "SMTP"),
    # Exim with an smtp_banner of its own on a host without a domain, and one that lets nobody in; qmail.
    ("ftp", b"220 ready\r\n221 mail closing connection\r\n", "other", "SMTP"),
    ("ftp", b"554 SMTP service not available\r\n", "other", "SMTP"),
    ("ftp", b"554 5.7.1 no access\r\n", "other", "SMTP"),
    ("ftp", b"220 mail.example.com ready\r\n221 mail.example.com\r\n", "other", "SMTP"),
    ("ftp", b"220 VMware Authentication Daemon Version 1.10: SSL Required\r\n221 bye\r\n", "other", "VMware"),
    ("ftp", b"220 fax.example.com SNPP server ready.\r\n221 bye\r\n", "other", "SNPP"),
    ("ftp", b"220 video SVDRP VideoDiskRecorder 2.6.0; UTF-8\r\n221 video closing\r\n", "other", "SVDRP"),
    ("ftp", b"500 OOPS", "other", "'500 OOPS'"),
    ("ftp", b"550 no\r\n", "other", "'550 no'"),
    ("ftp", b"220-" + b"again\r\n220-" * 100, "other", "FTP"),
    ("http", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    # A plain request at a port of HTTPS: nginx (its page has 255 and 248 bytes), Apache, Go, Tomcat.
    (
        "http",
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: nginx/1.22.1\r\nContent-Length: 255\r\n"
            b"Connection: close\r\n\r\n"
        ),
        "other",
        "HTTPS",
    ),
    (
        "http",
        b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 248\r\nConnection: close\r\n\r\n",
        "other",
        "HTTPS",
    ),
    (
        "http",
        (
            b"HTTP/1.1 400 Bad Request\r\nServer: Apache\r\n\r\nReason: You're speaking plain HTTP to an "
            b"SSL-enabled server port."
        ),
        "other",
        "HTTPS",
    ),
    (
        "http",
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        "other",
        "HTTPS",
    ),
    (
        "http",
        (
            b"HTTP/1.1 400 \r\nConnection: close\r\n\r\nBad Request\r\nThis combination of host and port "
            b"requires TLS.\r\n"
        ),
        "other",
        "HTTPS",
    ),
    ("http", b"HTTP/2.0 200 OK\r\n\r\n", "other", "'HTTP/2.0 200 OK'"),
    ("http", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 30, "other", "HTTP"),
    ("http", b"HTTP/1.1 103 Early Hints\r\n\r\n", "other", "HTTP"),
    ("http", b"HTTP/1.1 2000 OK\r\n\r\n", "other", "HTTP"),
    ("http", b"\x15\x03\x01\x00\x02\x02\x46", "other", "TLS"),
    ("ldap", b"HTTP/1.1 400 Bad Request\r\n\r\n", "other", "HTTP"),
    ("ldap", b"0\x80", "other", "'0"),
    ("ldap", b"0\x84\x7f\xff\xff\xff", "other", "'0"),
    ("ldap", b"0\x00", "other", "ASN.1"),
    ("ldap", ber(0x30, ber(2, b"\x01") + ber(0x61, b"")), "other", "'0"),
    ("ldap", ber(0x30, ber(2, b"\x01") + ber(0x61, ber(0x0A, b"\x7f" * 2000))), "other", "'0"),
    ("ldap", bind_response(0, number=2), "other", "ASN.1"),
    ("ldap", ber(0x30, ber(2, b"\x01") + ber(0x78, b"")), "other", "ASN.1"),
    ("ldap", notice_of_disconnection(52, number=1), "other", "ASN.1"),
    ("ldap", notice_of_disconnection(52, name=b"1.3.6.1.4.1.1466.20037"), "other", "ASN.1"),
    ("ldap", ber(0x30, ber(2, b"\x01") + ber(0x61, ber(0x0A, b""))), "other", "'0"),
    ("oracle", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("oracle", tns(9), "other", "says"),
    ("oracle", b"\x00\x07\x00\x00\x04\x00\x00\x00", "other", "says"),
    ("oracle", b"\xff\xff\x00\x00\x04\x00\x00\x00", "other", "says"),
    ("oracle", tns_refuse(1)[:-5], "other", "says"),
    ("sql_server", b"HTTP/1.1 400 Bad Request\r\n\r\n", "other", "HTTP"),
    ("sql_server", b"\x04\x01\x00\x08\x00\x00\x01\x00", "other", "SQL Server"),
    ("sql_server", b"\x04\x01\xff\xff\x00\x00\x01\x00", "other", "says"),
    ("sql_server", prelogin_response(15, 0, 2000, order=(1,)), "other", "SQL Server"),
    ("sql_server", b"\x04\x01\x00\x0d\x00\x00\x01\x00" + b"\x00" * 5, "other", "SQL Server"),
    (
        "sql_server",
        b"\x04\x01\x00\x0f\x00\x00\x01\x00" + b"\x00\xff\xff\x00\x06\xff\xff",
        "other",
        "SQL Server",
    ),
    ("db2", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("db2", ddm(0x1041), "other", "DRDA"),
    ("db2", DERBY, "other", "Apache Derby"),
    ("db2", excsatrd("CSS10140/10.14.2.0"), "other", "Apache Derby"),
    ("db2", excsatrd("SQL11055", "Apache Derby"), "other", "Apache Derby"),
    ("db2", excsatrd("IFX14100", "QINFORMIX"), "other", "Informix"),
    ("db2", b"\x00\x06\xd0\x02\x00\x01", "other", "says"),
    ("db2", b"\xff\xff\xd0\x02\x00\x01", "other", "says"),
    ("mysql", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("mysql", b"220 ready\r\n", "other", "FTP"),
    ("mysql", mysql(0, b"\x09old\x00"), "other", "says"),
    ("mysql", mysql(0, b"\x0ano end"), "other", "MySQL"),
    ("mysql", mysql(0, b"\xff\x01"), "other", "says"),
    ("mysql", mysql_error(47, b"what?"), "other", "says"),
    ("mysql", mysql_error(4711, b"what?", number=1), "other", "says"),
    ("mysql", mysql_error(4711, b"what\x00\x01"), "other", "says"),
    ("mysql", b"\xff\xff\xff\x00\x0a", "other", "MySQL"),
    ("postgresql", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("postgresql", b"N", "other", "'N'"),
    ("postgresql", b"Not allowed at this time\r\n", "other", "SSH"),
    ("postgresql", b"Nobody is at home\r\n", "other", "'Nobody is at home'"),
    # What says more than one byte has not waited for our second question.
    ("postgresql", b"NG\r\n", "other", "'NG'"),
    ("postgresql", b"NNTP ready\r\n", "other", "'NNTP ready'"),
    ("postgresql", (b"N", b"NTP ready\r\n"), "other", "'NNTP ready'"),
    ("postgresql", (b"N", b"G\r\n"), "other", "'NG'"),
    ("postgresql", b"NE\xff\xff\xff\xff", "other", "'NE"),
    ("postgresql", (b"N", b"E\xff\xff\xff\xff"), "other", "'NE"),
    ("postgresql", (b"N", b"E\x00\x00\x00\x08nono"), "other", "'NE"),
    ("postgresql", b"ERROR\r\n", "other", "'ERROR'"),
    ("postgresql", b"Enter a password:\n", "other", "'Enter a password:'"),
    ("postgresql", b"E\x00\x00\x00\x05x\n", "other", "'E"),
    ("postgresql", b"SSSSSSSSSS", "other", "'SSSSSSSSSS'"),
    ("dns_tcp", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("dns_tcp", b"\x00\x02xx", "other", "says"),
    ("dns_tcp", lambda said: dns_answer(said, flags=0x0100), "other", "says"),
    ("dns_tcp", lambda said: b"\x00\x11" + bytes((said[2] ^ 1,)) + dns_answer(said)[3:], "other", "says"),
    ("https", b"\x15\x03 hello\r\n", "other", "TLS"),
    ("https", b"\x15\x03\x01\x00\x03\x02\x46\x46", "other", "TLS"),
    ("ldaps", b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", "other", "TLS"),
    ("https", b"\x16\x03\x01\x00\x04\x02\x00\x00\x26", "other", "TLS"),
    ("sybase_ase", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("https", b"SSH-2.0-OpenSSH\r\n", "other", "SSH"),
    ("https", b"HTTP/1.1 400 Bad Request\r\n\r\n", "other", "HTTP"),
    ("ldaps", b"220 ready\r\n", "other", "FTP"),
    ("ftps", b"220 (vsFTPd 3.0.3)\r\n", "other", "FTP"),
    ("sql_client", b"HTTP/1.1 400 Bad Request\r\n\r\n", "other", "HTTP"),
    ("sql_client", b"\x15\x03\x03\x00\x02\x02\x28", "other", "TLS"),
]
