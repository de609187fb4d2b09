# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FTP sessions with servers of every temper, on loopback.

What a server says is an answer, and only data that came is ok.
"""

import os
import shutil
import ssl
import subprocess
import threading

import pytest

from ansible_collections.exasol_community.network.plugins.module_utils._probe import ftp_session
from ansible_collections.exasol_community.network.plugins.module_utils._probe.ftp_session import (
    Login,
    Server,
    examine,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import (
    Settings,
    collect,
    run,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.sweep import Pace
from ansible_collections.exasol_community.network.plugins.module_utils._values.errors import NetworkError
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils.loopback import (
    bound,
    listening,
    port_of,
    some_address,
)

US, STRANGER = "127.0.0.11", "127.0.0.99"
LINE = b"a.csv\r\n"


class Stub:
    """An FTP server: C(says) has its replies by command, or functions of the session."""

    def __init__(self, context=None, **says):
        self.address = some_address()
        self.says = says
        self.commands = []
        self.context = context
        self._sock = listening(self.address)
        self.port = port_of(self._sock)
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        """Take no more connections."""
        self._sock.close()

    def _serve(self):
        while True:
            try:
                connection = self._sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        try:
            Session(
                self, self.context.wrap_socket(connection, server_side=True) if self.context else connection
            ).run()
        except OSError:
            connection.close()  # the client did not like our certificate


class Session:
    """One control connection."""

    def __init__(self, stub, connection):
        self.stub, self.connection = stub, connection
        self.file = connection.makefile("rwb", buffering=0)
        self.data = None
        self.active = None

    def say(self, text):
        """Send a reply."""
        self.file.write(text.encode() + b"\r\n")

    def run(self):
        """Answer until the client leaves."""
        self.say(self.stub.says.get("greeting", "220 stub"))
        for line in self.file:
            words = line.decode().strip().split(" ", 1)
            self.stub.commands.append(words[0])
            reply = self.stub.says.get(words[0], REPLIES.get(words[0], "500 unknown"))
            reply = reply(self, words[-1]) if callable(reply) else reply
            if reply:
                self.say(reply)
            if words[0] == "QUIT":
                return

    def offer(self):
        """Listen for a data connection and return the port."""
        self.data = listening(self.stub.address)
        return port_of(self.data)

    def open_data(self):
        """Return a data connection, taken or made."""
        if self.active:
            sock = bound(self.stub.address)
            sock.connect(self.active)
            return sock
        return self.data.accept()[0]


def epsv(session, unused):
    return f"229 ok (|||{session.offer()}|)"


def pasv(session, unused):
    port = session.offer()
    return "227 ok ({0},{1},{2})".format(session.stub.address.replace(".", ","), port >> 8, port & 255)


def eprt(session, words):
    unused, family, host, port, unused = words.split("|")
    session.active = (host, int(port))
    return "200 ok"


def port(session, words):
    parts = words.split(",")
    session.active = (".".join(parts[:4]), int(parts[4]) * 256 + int(parts[5]))
    return "200 ok"


def listed(session, unused):
    session.say("150 here it comes")
    connection = session.open_data()
    connection.sendall(LINE)
    connection.close()
    return "226 done"


REPLIES = {
    "USER": "331 password",
    "PASS": "230 in",
    "QUIT": "221 bye",
    "EPSV": epsv,
    "PASV": pasv,
    "EPRT": eprt,
    "PORT": port,
    "NLST": listed,
    "LIST": listed,
}


def broken(session, unused):
    session.say("150 here it comes")
    session.open_data().close()
    return "426 data connection broke"


def quiet(session, unused):
    session.say("150 here it comes")
    session.kept = session.open_data()


def long_list(session, unused):
    session.say("150 here it comes")
    connection = session.open_data()
    try:
        connection.sendall(LINE * 200000)
        session.reply = "226 done"
    except OSError:
        session.reply = "426 broken pipe"
    connection.close()
    return session.reply


def stranger_first(session, unused):
    other = bound(STRANGER)
    other.connect(session.active)
    session.other = other
    return listed(session, unused)


def stranger_alone(session, unused):
    other = bound(STRANGER)
    other.connect(session.active)
    session.other = other
    return "425 cannot open data connection"


def stranger_and_silence(session, unused):
    session.say("150 here it comes")
    other = bound(STRANGER)
    other.connect(session.active)
    session.other = other


@pytest.fixture
def try_out():
    """Return a function that examines a stub with these replies."""
    stubs = []

    def run(mode="passive", timeout=5.0, service="ftp", context=None, login=None, **says):
        stub = Stub(context, **says)
        stubs.append(stub)
        server = Server("files", stub.address, stub.address, stub.port, service)
        found = examine(server, Login(mode=mode, sources=[US], timeout=timeout, **(login or {})))
        run.stub = stub
        return found

    yield run
    for stub in stubs:
        stub.close()


def by_command(found):
    """Return state, reason and transfer by command."""
    return {data["command"]: (data["state"], data["reason"], data.get("transfer")) for data in found["data"]}


DONE = ("open", "syn-ack", "done")


@pytest.mark.parametrize(
    ("mode", "commands"),
    [("passive", ["EPSV", "PASV"]), ("active", ["EPRT", "PORT"]), ("both", ["EPSV", "PASV", "EPRT", "PORT"])],
)
def test_a_server_that_does_well(try_out, mode, commands):
    found = try_out(mode)
    assert found["login"] == "ok"
    assert by_command(found) == dict.fromkeys(commands, DONE)
    assert not [data for data in found["data"] if "detail" in data or "announced" in data]


@pytest.mark.parametrize(
    ("says", "mode", "expected", "words"),
    [
        ({"NLST": broken}, "passive", ("open", "syn-ack", "failed"), "426 data connection broke"),
        ({"NLST": broken}, "active", ("open", "syn-ack", "failed"), "426 data connection broke"),
        ({"NLST": quiet}, "passive", ("open", "syn-ack", "silent"), "nothing came within 1 s"),
        (
            {"NLST": "425 cannot open data connection"},
            "active",
            ("filtered", "no-response", None),
            "425 cannot open data connection",
        ),
        (
            {"NLST": stranger_alone},
            "active",
            ("filtered", "no-response", None),
            STRANGER + " connected there, which is not the server's address",
        ),
        (
            {"NLST": stranger_and_silence},
            "active",
            ("filtered", "no-response", None),
            STRANGER + " connected there",
        ),
        ({"NLST": "550 none", "LIST": "550 none"}, "passive", ("open", "syn-ack", "nothing"), "550 none"),
        ({"NLST": "450 none", "LIST": "450 none"}, "active", ("error", "refused", "nothing"), "450 none"),
        ({"EPSV": "500 no", "PASV": "502 no"}, "passive", ("error", "refused", None), "no"),
        ({"NLST": "200 what"}, "active", ("filtered", "no-response", None), "200 what"),
    ],
    ids=[
        "broken, passive",
        "broken, active",
        "silence",
        "the server cannot connect",
        "a stranger in its place",
        "a stranger, and the server says nothing",
        "empty, passive",
        "empty, active",
        "commands unknown",
        "a reply that announces no transfer",
    ],
)
def test_a_server_that_does_not(try_out, says, mode, expected, words):
    found = try_out(mode, timeout=1.0, **says)
    assert found["login"] == "ok"
    assert set(by_command(found).values()) == {expected}
    assert all(words in data["detail"] for data in found["data"])


def test_a_stranger_does_not_keep_the_server_away(try_out):
    found = try_out("active", NLST=stranger_first)
    assert set(by_command(found).values()) == {DONE}
    assert all(STRANGER in data["detail"] for data in found["data"])


def test_an_empty_folder_is_listed_in_the_other_way_too(try_out):
    """Some servers say 450 to NLST of an empty folder (RFC 959, section 5.4), and send an empty LIST."""
    assert set(by_command(try_out("both", NLST="450 no files found")).values()) == {DONE}


def test_a_long_list_is_cut_off_and_no_fault_of_the_server(try_out):
    assert set(by_command(try_out("passive", NLST=long_list)).values()) == {DONE}


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"EPSV": "229 ok (|||70000|)"}, "announces port 70000: expected 1 to 65535"),
        ({"EPSV": "229 ok (|||0|)"}, "announces port 0"),
        ({"EPSV": "229 ok (|||-1|)"}, "announces port -1"),
        ({"PASV": "227 ok (127,0,0,31,999,1)"}, "announces port 255745"),
        ({"PASV": "227 ok (999,0,0,31,100,1)"}, "announces 999.0.0.31, which is not an IP address"),
    ],
    ids=["too high", "zero", "negative", "PASV too high", "no address"],
)
def test_what_cannot_be_announced_is_an_answer_and_no_crash(try_out, says, words):
    (command,) = says
    found = try_out(**says)
    assert by_command(found).pop(command) == ("error", "bad-reply", None)
    (data,) = [data for data in found["data"] if data["command"] == command]
    assert words in data["detail"] and "port" not in data
    assert {outcome for name, outcome in by_command(found).items() if name != command} == {DONE}


@pytest.mark.parametrize("reply", ["229", "229 ok (|||x|)", "229 ok (||||)", "227 ok", "", "2", "\x1b[2J"])
def test_no_reply_is_a_crash(try_out, reply):
    found = try_out(timeout=1.0, EPSV=reply or None, PASV=reply or None)
    assert {data["state"] for data in found["data"]} == {"error"}
    assert all(data["detail"].isprintable() for data in found["data"])


def test_an_address_that_nobody_translated_is_named_and_never_connected_to(try_out):
    found = {data["command"]: data for data in try_out(PASV=inside_of)["data"]}
    assert (found["PASV"]["announced"], found["PASV"]["transfer"]) == ("10.9.8.7", "done")
    assert "announced" not in found["EPSV"]


def inside_of(session, unused):
    port_number = session.offer()
    return f"227 ok (10,9,8,7,{port_number >> 8},{port_number & 255})"


def after(count, reply):
    """Return a reply that comes from the given login on."""
    seen = []

    def answer(session, unused):
        seen.append(1)
        return reply if len(seen) > count else "230 in"

    return answer


def test_a_refused_second_login_keeps_what_the_first_showed(try_out):
    found = try_out("both", PASS=after(1, "530 too many logins"))
    assert found["login"] == "ok"
    assert by_command(found) == {
        "EPSV": DONE,
        "PASV": ("error", "login", None),
        "EPRT": ("error", "login", None),
        "PORT": ("error", "login", None),
    }
    assert found["data"][1]["detail"] == "530 too many logins"
    assert try_out.stub.commands.count("PASS") == 2, (
        "after a refusal nobody asks again: servers lock users out"
    )


def test_a_refused_first_login_is_all_there_is(try_out):
    found = try_out("both", PASS="530 no")
    assert (found["login"], found["detail"], found["data"]) == ("failed", "530 no", [])
    assert try_out.stub.commands.count("PASS") == 1


@pytest.mark.parametrize(
    "says",
    [
        {"PASS": "530 wrong: tiger-42"},
        {"EPSV": "500 tiger-42?", "PASV": "500 tiger-42!"},
        {"NLST": "426 tiger-42"},
    ],
    ids=["login", "command", "transfer"],
)
def test_a_server_that_repeats_the_password_does_not_bring_it_into_a_report(try_out, says):
    found = try_out(login={"user": "scott", "password": "tiger-42"}, **says)
    assert "tiger-42" not in str(found) and "********" in str(found)


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """Return certificate and key of a server that is its own authority, for all addresses that stubs have."""
    if not shutil.which("openssl"):
        pytest.skip("needs openssl (Debian: openssl)")
    folder = str(tmp_path_factory.mktemp("tls"))
    names = ",".join(f"IP:127.0.0.{number}" for number in range(100, 251))
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=files",
            "-addext",
            "subjectAltName=" + names,
            "-keyout",
            os.path.join(folder, "key"),
            "-out",
            os.path.join(folder, "certificate"),
        ],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    return os.path.join(folder, "certificate"), os.path.join(folder, "key")


@pytest.fixture
def context(authority):
    """Return the TLS context of a server."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority)
    return made


TLS = {"service": "ftps", "PROT": "500 the control connection alone", "PBSZ": "200 ok"}
SECRET = {"user": "scott", "password": "tiger-42"}


def test_a_server_that_cannot_be_verified_is_sent_nothing(try_out, context):
    found = try_out(context=context, login=SECRET, **TLS)
    assert (found["login"], found["data"]) == ("unverified", [])
    assert "certificate" in found["detail"].lower()
    assert try_out.stub.commands == []


def test_a_server_that_can_be_verified_is_logged_in_to(try_out, context, authority):
    found = try_out(context=context, login=dict(SECRET, ca_path=authority[0]), **TLS)
    assert found["login"] == "ok" and set(by_command(found).values()) == {DONE}
    assert "PASS" in try_out.stub.commands


def test_a_certificate_of_somebody_else_is_not_enough(try_out, context, authority):
    stub = Stub(context, PROT="500 no", PBSZ="200 ok")
    server = Server("files", stub.address, "files.example.com", stub.port, "ftps")
    found = examine(server, Login(mode="passive", ca_path=authority[0], sources=[US], timeout=5.0, **SECRET))
    stub.close()
    assert (found["login"], stub.commands) == ("unverified", [])


def test_whoever_wishes_it_sends_the_password_to_whoever_answers(try_out, context):
    found = try_out(context=context, login=dict(SECRET, verify=False), **TLS)
    assert found["login"] == "ok" and set(by_command(found).values()) == {DONE}


def test_without_auth_tls_no_password_is_sent_in_clear(try_out):
    found = try_out(login=dict(SECRET, tls=True), AUTH="502 no TLS here")
    assert (found["login"], "USER" in try_out.stub.commands) == ("failed", False)


@pytest.mark.parametrize("path", ["/nowhere/ca.pem", os.devnull])
def test_authorities_that_cannot_be_read_are_named(path):
    with pytest.raises(NetworkError, match=f"ca_path '{path}' cannot be read"):
        ftp_session.check_authorities(Login(ca_path=path))
    ftp_session.check_authorities(Login(ca_path=path, verify=False))
    ftp_session.check_authorities(Login())


def test_a_data_port_that_nobody_listens_on(try_out):
    sock = bound(some_address())
    closed = port_of(sock)
    sock.close()
    found = try_out(EPSV=f"229 ok (|||{closed}|)")
    assert by_command(found)["EPSV"] == ("closed", "conn-refused", None)


@pytest.mark.parametrize(
    "greeting", ["220 mail.example.com ESMTP Postfix", "220 mx LMTP ready"], ids=["SMTP", "LMTP"]
)
def test_who_greets_as_a_mail_server_is_sent_neither_user_nor_password(try_out, greeting):
    found = try_out(greeting=greeting, USER="331 and the password?")
    assert (found["login"], found["data"]) == ("not-ftp", [])
    assert not {"USER", "PASS"}.intersection(try_out.stub.commands)


@pytest.mark.parametrize(
    "greeting", ["220 stub", "220 files of the mail department", "220-several lines\r\n220 stub"]
)
def test_who_greets_as_ftp_does_is_logged_in_to(try_out, greeting):
    assert try_out(greeting=greeting)["login"] == "ok"
    assert "PASS" in try_out.stub.commands


@pytest.mark.parametrize(
    ("identify", "goodbye", "login"),
    [
        (True, "221 2.0.0 Bye", "not-ftp"),
        (True, "221 Goodbye.", "ok"),
        (False, "221 2.0.0 Bye", "ok"),
    ],
    ids=["a mail server that does not say so", "FTP", "nobody asked"],
)
def test_nobody_logs_in_to_what_identification_found_to_be_something_else(identify, goodbye, login):
    stub = Stub(QUIT=goodbye)
    try:
        targets = collect(
            [], [{"address": stub.address, "protocol": "tcp", "ports": str(stub.port), "service": "ftp"}], {}
        )
        (found,) = run(
            targets, Settings(Pace(2.0), identify=identify, ftp=Login(mode="passive", timeout=5.0))
        )["ftp_sessions"]
    finally:
        stub.close()
    assert found["login"] == login
    assert ("USER" in stub.commands) == (login == "ok")


def test_who_does_not_speak_at_all():
    with listening(some_address()) as sock:
        address, number = sock.getsockname()
        found = examine(Server("files", address, address, number, "ftp"), Login(mode="passive", timeout=0.3))
    assert (found["login"], found["data"]) == ("failed", []) and found["detail"]
