# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations without sockets: what a script finds and what it said, and a peer that speaks TLS."""

import ssl

from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import SCRIPTS
from ansible_collections.exasol_community.network.plugins.module_utils._identify._wire import Talk
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers

HOST = "db.example.com"
STATUSES = ("identified", "other", "silent")
MOST_BYTES = 65536
# One service for each script.
SERVICES = sorted({id(script): name for name, script in sorted(SCRIPTS.items())}.values())
INSIDE_TLS = ("ftps", "https", "ldaps", "sql_client")


class Told:
    """What came of a conversation."""

    def __init__(self, talk):
        self.talk = talk
        self.said = talk.outgoing()
        self.read = 0  # bytes of the server that were taken before there was a finding

    @property
    def finding(self):
        """The finding, or nothing yet."""
        return self.talk.finding

    def hear(self, data, cut=None):
        """Take what the server says, in pieces of C(cut) bytes; returns what is said to it."""
        said = b""
        for start in range(0, len(data), cut or max(1, len(data))):
            if self.finding is not None:
                break
            piece = data[start:start + cut] if cut else data
            self.read += len(piece)
            self.talk.feed(piece)
            said += self.talk.outgoing()
        self.said += said
        return said

    def end(self, patience=False):
        """Let the server hang up, or patience end."""
        if self.finding is None:
            (self.talk.give_up if patience else self.talk.feed)(*([] if patience else [b""]))
        self.said += self.talk.outgoing()
        return self


def begun(service, host=HOST):
    """Return a conversation that begins."""
    return Told(Talk(SCRIPTS[service], host))


def told(service, answer=b"", cut=None, patience=False, host=HOST):
    """Return what comes of an answer; it may depend on what was said."""
    conversation = begun(service, host)
    conversation.hear(answer(conversation.said) if callable(answer) else answer, cut)
    return conversation.end(patience)


class TlsServer:
    """The other end of TLS; C(answer) makes the next words from all that was heard so far, or nothing."""

    def __init__(self, certificate, answer=None, greeting=b"", context=None):
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._in, self._out, server_side=True)
        self._answer, self._greeting, self._shaken = answer, greeting, False
        self.heard = b""
        self.goodbye = False

    def feed(self, data):
        """Take what a client says; returns what to say to it."""
        self._in.write(data)
        try:
            if not self._shaken:
                self._session.do_handshake()
                self._shaken = True
                self._say(self._greeting)
            self._converse()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            pass  # an alert is on its way
        return self._out.read()

    def _converse(self):
        while True:
            data = self._session.read(65536)
            if not data:
                self.goodbye = True
                return
            self.heard += data
            self._say(self._answer(self.heard) if self._answer else b"")

    def _say(self, data):
        if data:
            self._session.write(data)


def told_inside_tls(service, certificate, answer=None, greeting=b"", cut=None, before=b"", change=None, context=None, host=HOST):
    """Return what comes of a server inside TLS, and that server; C(change) spoils what it says."""
    server = TlsServer(certificate, answer, greeting, context)
    conversation = begun(service, host)
    said = conversation.hear(before, cut) if before else conversation.said
    for unused in range(50):
        reply = server.feed(said)
        if change:
            reply = change(reply)
        if not reply or conversation.finding is not None:
            break
        said = conversation.hear(reply, cut)
    conversation.end()
    server.feed(conversation.talk.outgoing())
    return conversation, server


def database(*frames):
    """Return the answers of a database, which upgrades to WebSocket and answers a message with these frames."""
    done = []

    def answer(heard):
        request, end, message = heard.partition(b"\r\n\r\n")
        if end and not done:
            done.append("upgraded")
            return answers.upgraded(request)
        if message and len(done) == 1:
            done.append("answered")
            return b"".join(frames)
        return b""
    return answer


def once(said):
    """Return an answer that is given to the first words and never again."""
    left = [said]
    return lambda heard: left.pop() if left else b""


def texts(found):
    """Return every text of a finding."""
    for value in found.as_dict().values():
        for text in (value.values() if isinstance(value, dict) else [value]):
            for one in (text if isinstance(text, list) else [text]):
                if isinstance(one, str):
                    yield one


def assert_harmless(conversation):
    """Assert what must hold whatever a server says."""
    found = conversation.finding
    assert found is not None and found.status in STATUSES
    for text in texts(found):
        assert text.isprintable() and len(text) <= 200, text
    assert len(found.tls.names if found.tls else ()) <= 100
    assert (found.status == "identified") or found.looks_like or found.detail
