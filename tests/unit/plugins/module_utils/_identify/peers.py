# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The other ends of conversations, without sockets: bytes go in and come out."""

import ssl

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._identify import answers


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


def database(*frames):
    """Return the answers of a database that upgrades to WebSocket and answers a message with these frames."""
    done = []  # type: list[str]

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
