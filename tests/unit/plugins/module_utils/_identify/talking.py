# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations without sockets: what a script finds and what it said."""

from ansible_collections.exasol_community.network.plugins.module_utils._identify._registry import (
    TALKS,
    script,
)
from ansible_collections.exasol_community.network.plugins.module_utils._identify._wire import Talk
from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify.peers import (
    TlsServer,
)

HOST = "db.example.com"
STATUSES = ("identified", "refusing", "other", "silent", "unverifiable")
MAX_BYTES = 65536
# One service for each script.
PROTOCOLS = {name: talk for (transport, name), talk in sorted(TALKS.items()) if transport == "tcp"}
SERVICES = sorted({talk: name for name, talk in PROTOCOLS.items()}.values())
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
            piece = data[start : start + cut] if cut else data
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
    return Told(Talk(script(PROTOCOLS[service]), host))


def told(service, answer=b"", cut=None, patience=False, host=HOST):
    """Return what comes of an answer; it may depend on what was said, or be given in turns (a tuple)."""
    conversation = begun(service, host)
    answer = answer(conversation.said) if callable(answer) else answer
    for turn in answer if isinstance(answer, tuple) else (answer,):
        conversation.hear(turn, cut)
    return conversation.end(patience)


def told_by_an_echo(service, before=b"", behind=b""):
    """Return what comes of a server that greets, and repeats all that it hears with words behind it."""
    conversation = begun(service)
    said = conversation.said + conversation.hear(before)
    for unused in range(50):
        if not said or conversation.finding is not None:
            break
        said = conversation.hear(said + behind)
    return conversation.end()


def told_inside_tls(
    service,
    certificate,
    answer=None,
    greeting=b"",
    cut=None,
    before=b"",
    change=None,
    context=None,
    host=HOST,
):
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


def texts(found):
    """Return every text of a finding."""
    for value in found.as_dict().values():
        for text in value.values() if isinstance(value, dict) else [value]:
            for one in text if isinstance(text, list) else [text]:
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
