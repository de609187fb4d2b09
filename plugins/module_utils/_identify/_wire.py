# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One bounded conversation with a server, without a socket.

Bytes go in and come out, so that many run side by side.

A script is a generator function that takes a wire. It says things, and yields while it waits; see the
neighbours.
"""

import re
import ssl
import struct
from typing import Any, Callable, Generator, Optional

from .._values.text import clean
from . import _certificate
from ._finding import OTHER, SILENT, Finding, TlsFacts

MAX_BYTES = 65536  # of one server
_CIPHERS = "ALL:@SECLEVEL=0"  # servers of another decade shall be told from no TLS at all
_LEGACY_SERVER_CONNECT = 0x4  # OpenSSL's number: servers without RFC 5746; Python has the name since 3.12
SILENCE, HANG_UP, RESET = (
    "something that sends nothing",
    "something that closes the connection without sending anything",
    "something that resets the connection without sending anything",
)

Waiting = Generator[None, None, Any]


class EndedError(Exception):
    """The server sent no more: it closed, time was over, or it sent too much."""


# That, and what hostile bytes make a parser raise; everything else is a defect of ours.
ENDED_OR_MALFORMED = (
    EndedError,
    ValueError,
    LookupError,
    struct.error,
    ssl.SSLError,
    OverflowError,
    RecursionError,
)


class Wire:
    """What a script may do."""

    def __init__(self, host: str):
        self.host = host
        self.heard = b""  # raw, as it came
        self.tls: Optional[TlsFacts] = None
        self.ending = HANG_UP  # how it ended, if it did
        self.before_tls = 0  # raw bytes that were heard before it
        self._buffer = b""
        self._outgoing = b""
        self._ended = False
        self._session: Any = None
        self._incoming_bio: Any = None
        self._outgoing_bio: Any = None

    def say(self, data: bytes) -> None:
        """Send bytes."""
        if self._session is None:
            self._outgoing += data
        else:
            self._session.write(data)

    def hear(self, count: int) -> Waiting:
        """Return exactly so many bytes; raises EndedError if they do not come."""
        while len(self._buffer) < count:
            yield from self._more()
        return self._take(count)

    def hear_until(self, end: bytes, longest: int = 8192) -> Waiting:
        """Return the bytes up to and with an end; raises ValueError if these are more than C(longest)."""
        while self._buffer.find(end, 0, longest) < 0:
            if len(self._buffer) >= longest:
                raise ValueError(f"no end within {longest} bytes")
            yield from self._more()
        return self._take(self._buffer.index(end) + len(end))

    def _take(self, count: int) -> bytes:
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def rest(self) -> bytes:
        """Return what came and was not taken."""
        return self._buffer

    def hear_enough(self) -> Waiting:
        """Wait until it can be told what speaks: the same, however the network cuts its words."""
        while not self._ended and not _is_enough(self.heard):
            yield

    def start_tls(self) -> Waiting:
        """Shake hands and keep what the server presents."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _welcome_old_servers(context)
        self._incoming_bio, self._outgoing_bio = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.before_tls = len(self.heard) - len(self._buffer)
        # What came early belongs to the handshake: never trust it as encrypted.
        self._incoming_bio.write(self._take(len(self._buffer)))
        self._session = context.wrap_bio(
            self._incoming_bio, self._outgoing_bio, server_hostname=_server_name(self.host)
        )
        while True:
            try:
                self._session.do_handshake()
                break
            except ssl.SSLWantReadError:
                yield from self._wait()
        self.tls = _certificate.facts(self._session.getpeercert(True) or b"", self._session.version() or "")

    def _more(self) -> Waiting:
        if self._session is not None:
            try:
                data = self._session.read(16384)
                self._buffer += data
                if data:
                    return
                self._ended = True
            except ssl.SSLWantReadError:
                pass
        yield from self._wait()

    def _wait(self) -> Waiting:
        if self._ended:
            raise EndedError()
        yield

    def part(self) -> None:
        """End TLS with its own message, so that the server sees no truncation (RFC 8446, section 6.1)."""
        if self._session is not None:
            try:
                self._session.unwrap()
            except (ssl.SSLError, ValueError):
                pass  # the server's own goodbye has not come, or the handshake was not finished

    def take_outgoing(self) -> bytes:
        """Return what is to be sent now."""
        data, self._outgoing = self._outgoing, b""
        return data + (self._outgoing_bio.read() if self._outgoing_bio else b"")

    def put_incoming(self, data: bytes) -> None:
        """Take in what came, nothing for the end."""
        data = data[: MAX_BYTES - len(self.heard)]
        self.heard += data
        if self._incoming_bio is None:
            self._buffer += data
        else:
            self._incoming_bio.write(data)
        if not data or len(self.heard) >= MAX_BYTES:
            self._ended = True


Script = Callable[[Wire], Generator[None, None, Finding]]


class Talk:
    """Runs a script against the bytes of a server, and adds what an unexpected service looks like."""

    def __init__(self, script: Script, host: str):
        self._wire = Wire(host)
        self._steps = self._converse(script)
        self.finding: Optional[Finding] = None
        self._go_on()

    def feed(self, data: bytes) -> None:
        """Take in what the server sent, nothing for the end."""
        self._wire.put_incoming(data)
        self._go_on()

    def give_up(self) -> None:
        """Take what came for all that will come."""
        self._end(SILENCE)

    def note_reset(self) -> None:
        """Take in that the connection was reset, though what came before may still be fed."""
        self._wire.ending = RESET

    def cut_off(self) -> None:
        """Take in that the connection was reset."""
        self._end(RESET)

    def _end(self, ending: str) -> None:
        self._wire.ending = ending
        self.feed(b"")

    def outgoing(self) -> bytes:
        """Return what is to be sent now."""
        return self._wire.take_outgoing()

    def _go_on(self) -> None:
        if self.finding is not None:
            return
        try:
            next(self._steps)
        except StopIteration as end:
            self.finding = end.value
            self._wire.part()

    def _converse(self, script: Script) -> Generator[None, None, Finding]:
        try:
            found = yield from script(self._wire)
        except ENDED_OR_MALFORMED as error:
            found = self._unexpected(error)
        if found.status == OTHER and not found.looks_like:
            yield from self._wire.hear_enough()
            found = found._replace(looks_like=looks_like(self._wire.heard))
        return found._replace(tls=self._wire.tls)

    def _unexpected(self, error: Exception) -> Finding:
        if not self._wire.heard:
            return Finding(SILENT, looks_like=self._wire.ending)
        words = "" if isinstance(error, EndedError) else clean(error, 80)
        return Finding(OTHER, detail=words)


# How OpenSSH begins where it lets nobody in at the moment.
SSH_REFUSALS = (b"Not allowed at this time", b"Exceeded MaxStartups")
# No sign is the beginning of another, but for FTP: the rest of its line may be that of SMTP.
_SIGNS = (
    (rb"\x15\x03|\x16\x03", "TLS"),
    (b"|".join((b"SSH-",) + SSH_REFUSALS), "SSH"),
    (rb"HTTP/1", "HTTP"),
    (rb"(220|120|421)[ -].*(?i:smtp|lmtp)|421 4\.[0-9]", "SMTP"),
    (rb"(220|120|421|530)[ -]", "FTP"),
    (rb"\+OK", "POP3"),
    (rb"\* OK", "IMAP"),
    (rb"RFB 0", "VNC"),
    (rb"\x04\x01\x00", "SQL Server"),
    (rb"-ERR|-NOAUTH|-DENIED", "Redis"),
    (rb"\x05\x00[\x0b-\x0d]\x03", "DCE/RPC"),
    (rb"[^\n]{3}\x00\x0a", "MySQL"),
)
_ENOUGH = 64  # bytes to tell what speaks


def looks_like(data: bytes) -> str:
    """Return what bytes look like: a protocol's name, else their beginning."""
    return _sign(data) or "something that says '{0}'".format(
        clean(data[:_ENOUGH].lstrip().split(b"\n")[0], 60)
    )


def _sign(data: bytes) -> str:
    return next((name for sign, name in _SIGNS if re.match(sign, data[:_ENOUGH])), "")


def _is_enough(data: bytes) -> bool:
    return len(data) >= _ENOUGH or b"\n" in data.lstrip() or _sign(data) not in ("", "FTP")


def _server_name(host: str) -> Optional[str]:
    """Return the name that TLS may be told.

    Never an address, and without the dot of the root (RFC 6066, section 3).
    """
    name = host.rstrip(".")
    if re.match(r"[0-9.]+$|.*:", name) or not all(0 < len(label) < 64 for label in name.split(".")):
        return None
    return name


def _welcome_old_servers(context: ssl.SSLContext) -> None:
    try:
        context.set_ciphers(_CIPHERS)
    except ssl.SSLError:
        pass  # OpenSSL before 1.1.0 knows no security levels
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", _LEGACY_SERVER_CONNECT)
    if hasattr(ssl, "TLSVersion"):
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
