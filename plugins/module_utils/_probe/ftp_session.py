# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real FTP sessions, to test data connections: each way to open one transfers a list of names (NLST).

EPSV and EPRT: RFC 2428. PASV and PORT: RFC 959, IPv4 only. TLS: RFC 4217.
"""

import ftplib
import os
import random
import selectors
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    cast,
)

from .._identify._finding import OTHER, Finding
from .._identify._ftp import is_mail
from .._plan.ftp_modes import BOTH
from .._plan.table_rows import ACTIVE, PASSIVE
from .._values.addresses import first_of, parse_address
from .._values.errors import NetworkError
from .._values.ports import Ports
from .._values.text import clean
from .ftp_words import (
    BAD_REPLY,
    DONE,
    FAILED,
    LOGGED_IN,
    LOGIN_FAILED,
    NO_LOGIN,
    NOT_FTP,
    NOTHING,
    REFUSED,
    SILENT,
    UNVERIFIED,
)
from .outcome import ERROR, FILTERED, NO_RESPONSE, OPEN, SYN_ACK, Outcome, from_errno, timed_out

if TYPE_CHECKING:
    from .._shapes import FtpSession, FtpTransfer

_MAX_LINES = 500
_MAX_BYTES = 65536
_MAX_STRANGERS = 100
_SESSIONS_AT_A_TIME = 16
# What a server's words, or their lack, may raise.
_PROBLEMS = ftplib.all_errors + (ValueError, LookupError)
# "No files found", which RFC 959 lets a server say of an empty folder, and which some say to NLST alone.
_EMPTY = ("450", "550")
_LISTS = ("NLST", "LIST")
_VERIFICATION = "CERTIFICATE_VERIFY_FAILED"


class Login(NamedTuple):
    """Who logs in, and how."""

    mode: str = BOTH
    user: str = "anonymous"
    password: str = "anonymous@"
    tls: bool = False  # AUTH TLS before the login; implicit FTPS has it in any case
    active_ports: Ports = Ports()  # to listen on, any if there is none
    timeout: float = 10.0  # seconds, of each step
    sources: Sequence[str] = ()
    verify: bool = True  # the server's certificate and name, before it is sent user and password
    ca_path: str = ""  # a file or directory of authorities; empty for those of this host

    def without_secret(self, words: Any) -> str:
        """Return what a server said, shortened; a server may repeat what it was sent."""
        text = str(words)
        return clean(text.replace(self.password, "********") if self.password else text)


class Server(NamedTuple):
    """An FTP server as a flow names it."""

    destination: str
    address: str
    name: str  # as its certificate may call it
    port: int
    service: str
    finding: Optional[Finding] = None  # who answered there before, where somebody was asked

    @property
    def family(self) -> int:
        """The address family for a socket."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class _Session(ftplib.FTP_TLS):
    """A control connection with bounded replies, and with TLS from the first byte if the service is ftps."""

    def __init__(self, server: Server, login: Login):
        super().__init__(context=_context(login), timeout=login.timeout)
        self._server, self._login = server, login
        self._lines = 0
        self.encrypted_data = False

    @property
    def control(self) -> socket.socket:
        """The socket of the control connection."""
        if self.sock is None:
            raise ftplib.error_proto("the control connection is closed")
        return self.sock

    def open(self) -> None:
        """Connect and log in."""
        server, login = self._server, self._login
        # The host is what AUTH TLS asks the certificate for.
        self.host, self.port, self.af = server.name, server.port, server.family
        source = first_of(server.family, login.sources)
        sock: Any = socket.create_connection(
            (server.address, server.port), login.timeout, (source, 0) if source else None
        )
        self.sock = (
            self.context.wrap_socket(sock, server_hostname=server.name) if server.service == "ftps" else sock
        )
        self.file = self.sock.makefile("r", encoding="utf-8", errors="replace")
        self.welcome = self.getresp()
        self._check_welcome()
        if login.tls and server.service != "ftps":
            self.auth()
        secure = isinstance(self.sock, ssl.SSLSocket)
        super().login(login.user, login.password, secure=False)
        if secure:
            self._protect_data()

    def _check_welcome(self) -> None:
        """Raise unless FTP greets: what follows is the name of a user, which is nobody else's business."""
        greeting = self.welcome or ""
        if is_mail(greeting.encode("utf-8", "replace")):
            raise _StrangerError("its greeting is that of a mail server")
        if not greeting.startswith("220"):
            raise ftplib.error_proto(greeting)

    def _protect_data(self) -> None:
        try:
            self.prot_p()
            self.encrypted_data = True
        except ftplib.error_perm:
            pass  # some servers encrypt the control connection alone

    def getline(self) -> str:
        """Return one line of a reply."""
        self._lines += 1
        if self._lines > _MAX_LINES:
            raise ftplib.error_proto(f"more than {_MAX_LINES} lines")
        return super().getline()

    def read_list(self, connection: socket.socket) -> bool:
        """Read a list from a data connection; tells whether it came to its end."""
        connection.settimeout(self.timeout)
        if self.encrypted_data:
            connection = self.context.wrap_socket(
                connection, server_hostname=self._server.name, session=getattr(self.sock, "session", None)
            )
        received = 0
        with connection:
            while received < _MAX_BYTES:
                data = connection.recv(8192)
                if not data:
                    return True
                received += len(data)
        return False


def _context(login: Login) -> ssl.SSLContext:
    if not login.verify:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    if not login.ca_path:
        return ssl.create_default_context()
    if os.path.isdir(login.ca_path):
        return ssl.create_default_context(capath=login.ca_path)
    return ssl.create_default_context(cafile=login.ca_path)


def check_authorities(login: Login) -> None:
    """Raise if the authorities to trust cannot be read: no server could be verified."""
    try:
        _context(login)
    except (OSError, ValueError) as error:
        raise NetworkError(
            f"ca_path {login.ca_path!r} cannot be read ({error}): expected a file with certificates in PEM, "
            f"or a directory of such files, on the probing host"
        )


class _BadReplyError(Exception):
    """A server announces what cannot be."""


class _StrangerError(ftplib.Error):
    """Who answers is no FTP server."""


class _Transfer(NamedTuple):
    """One way to open a data connection, and what became of it; empty if it is not known."""

    mode: str
    command: str
    address: str = ""  # that the connection leads to
    port: int = 0
    announced: str = ""  # the address in the reply to PASV, if it is not the server's
    transfer: str = ""  # one of TRANSFERS
    state: str = ""
    reason: str = ""
    detail: str = ""

    def ended(self, outcome: Outcome, detail: str = "") -> "_Transfer":
        """Return the transfer with its outcome, and with one more detail."""
        details = "; ".join(text for text in (self.detail, detail) if text)
        return self._replace(state=outcome.state, reason=outcome.reason, detail=details)

    def as_dict(self) -> "FtpTransfer":
        """Return what is known as plain data."""
        return cast("FtpTransfer", {name: value for name, value in self._asdict().items() if value})


def _announced(session: _Session, command: str) -> Tuple[str, int]:
    peer = session.control.getpeername()
    if command == "EPSV":
        said, port = ftplib.parse229(session.sendcmd("EPSV"), peer)
    else:
        said, port = ftplib.parse227(session.sendcmd("PASV"))
    if not 0 < port < 65536:
        raise _BadReplyError(f"the server announces port {port}: expected 1 to 65535")
    if parse_address(said) is None:
        raise _BadReplyError(f"the server announces {clean(said)}, which is not an IP address")
    return said, port


def _passive(session: _Session, server: Server, login: Login, command: str, verb: str) -> _Transfer:
    said, port = _announced(session, command)
    found = _Transfer(
        mode=PASSIVE,
        command=command,
        address=server.address,
        port=port,
        announced=said if command == "PASV" and said != server.address else "",
    )
    source, begun = first_of(server.family, login.sources), time.monotonic()
    try:
        connection = socket.create_connection(
            (server.address, port), login.timeout, (source, 0) if source else None
        )
    except OSError as error:
        return found.ended(_outcome(error, time.monotonic() - begun))
    return _transferred(session, login, found, connection, lambda: session.sendcmd(verb))


def _active(session: _Session, server: Server, login: Login, command: str, verb: str) -> _Transfer:
    with _listening(session.control.getsockname()[0], server.family, login.active_ports) as listening:
        host, port = listening.getsockname()[:2]
        found = _Transfer(mode=ACTIVE, command=command, address=host, port=port)
        (session.sendeprt if command == "EPRT" else session.sendport)(host, port)
        session.putcmd(verb)
        visit = _visit(session, listening, server.address, login)
    if visit.connection is None:
        if visit.said[:3] in _EMPTY:
            return found._replace(transfer=NOTHING).ended(Outcome(ERROR, REFUSED), visit.said)
        why = f"the server does not connect back to port {port}"
        details = [text for text in (why, visit.said, _named(visit.strangers)) if text]
        return found.ended(Outcome(FILTERED, NO_RESPONSE), "; ".join(details))
    return _transferred(
        session,
        login,
        found._replace(detail=_named(visit.strangers)),
        visit.connection,
        lambda: visit.begun or session.getresp(),
    )


class _Visit(NamedTuple):
    """Who connected to our port for an active data connection, and what the server said meanwhile."""

    connection: Any  # the server's, or None
    strangers: List[str]
    begun: str = ""  # the reply that announces the transfer, where it came before the connection
    said: str = ""  # the reply that ended it


def _visit(session: _Session, listening: socket.socket, address: str, login: Login) -> _Visit:
    """Wait for the server's connection.

    Anybody may connect to the port; nobody else counts, and nobody else is read from.
    """
    strangers: List[str] = []
    begun = ""
    deadline = time.monotonic() + login.timeout
    listening.setblocking(False)
    with selectors.DefaultSelector() as selector:
        selector.register(listening, selectors.EVENT_READ)
        selector.register(session.control, selectors.EVENT_READ)
        while len(strangers) < _MAX_STRANGERS and time.monotonic() < deadline:
            ready = [key.fileobj for key, unused in selector.select(max(0.0, deadline - time.monotonic()))]
            if listening in ready:
                connection, who = _accepted(listening)
                if who == address:
                    return _Visit(connection, strangers, begun)
                if connection is not None:
                    connection.close()
                    strangers.append(who)
            elif ready:
                try:
                    reply = session.getresp()
                except (ftplib.error_temp, ftplib.error_perm) as error:
                    return _Visit(None, strangers, begun, login.without_secret(error))
                except socket.timeout:
                    break  # what made the connection readable was no reply: TLS has messages of its own
                if not reply.startswith("1"):
                    return _Visit(None, strangers, begun, login.without_secret(reply))
                begun = reply
    return _Visit(None, strangers, begun)


def _accepted(listening: socket.socket) -> Tuple[Any, str]:
    try:
        connection, address = listening.accept()
    except OSError:
        return None, ""  # whoever it was has gone again
    return connection, str(parse_address(address[0].split("%")[0]) or address[0])


def _named(strangers: Sequence[str]) -> str:
    if not strangers:
        return ""
    return "{0} connected there, which is not the server's address".format(
        ", ".join(sorted(set(strangers))[:3])
    )


def _listening(address: str, family: int, ports: Ports) -> socket.socket:
    choice = list(ports) or [0]
    # Not the same port each time: a server that waits for an earlier attempt to succeed cannot make another
    # one to that port.
    first = random.randrange(len(choice))
    for port in choice[first:] + choice[:first]:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.bind((address, port))
            sock.listen(1)
            return sock
        except OSError:
            sock.close()
    raise OSError("no port for an active data connection is free")


def _transferred(
    session: _Session, login: Login, found: _Transfer, connection: socket.socket, begin: Callable[[], str]
) -> _Transfer:
    """Transfer a list over an open data connection.

    That it opens proves little: data must come, and the server say that it was all.
    """
    opened = Outcome(OPEN, SYN_ACK)
    try:
        reply = begin()
        # A long list is cut off, and the server may call that an error: what came is proof enough.
        if session.read_list(connection) and not reply.startswith("2"):
            session.getresp()
    except (ftplib.error_temp, ftplib.error_perm) as error:
        transfer = NOTHING if str(error)[:3] in _EMPTY else FAILED
        return found._replace(transfer=transfer).ended(opened, login.without_secret(error))
    except socket.timeout:
        return found._replace(transfer=SILENT).ended(opened, f"nothing came within {login.timeout:g} s")
    except _PROBLEMS as error:
        detail = login.without_secret(error) or "the connection ended"
        return found._replace(transfer=FAILED).ended(opened, detail)
    finally:
        connection.close()
    return found._replace(transfer=DONE).ended(opened)


def _outcome(error: OSError, seconds: float) -> Outcome:
    if isinstance(error, socket.timeout):
        return timed_out("tcp")
    return from_errno(error.errno or 0, seconds, "tcp")


Way = Callable[[_Session, Server, Login, str, str], _Transfer]
_WAYS: Tuple[Tuple[str, str, Way], ...] = (
    (PASSIVE, "EPSV", _passive),
    (PASSIVE, "PASV", _passive),
    (ACTIVE, "EPRT", _active),
    (ACTIVE, "PORT", _active),
)


def _ways(server: Server, login: Login) -> Iterator[Tuple[str, str, Way]]:
    for mode, command, way in _WAYS:
        if login.mode in (mode, BOTH) and (server.family == socket.AF_INET or command.startswith("E")):
            yield mode, command, way


def examine(server: Server, login: Login) -> "FtpSession":
    """Return how a session went and what became of each way to open a data connection."""
    report: "FtpSession" = {
        "destination": server.destination,
        "address": server.address,
        "port": server.port,
        "service": server.service,
        "data": [],
    }
    if server.finding is not None and server.finding.status == OTHER:
        said = "; ".join(text for text in (server.finding.looks_like, server.finding.detail) if text)
        report["login"] = NOT_FTP
        report["detail"] = said or "something else answers"
        return report
    problem = ""
    for mode, command, way in _ways(server, login):
        # Each in a session of its own: one that failed half-way would speak into the next. After a refusal
        # nobody asks again: servers lock users out.
        if not problem:
            session = _Session(server, login)
            try:
                session.open()
            except _PROBLEMS as error:
                _leave(session)
                problem = login.without_secret(error) or type(error).__name__
                report.setdefault("login", _why_not(error))
                if report["login"] != LOGGED_IN:
                    report["detail"] = problem
                    return report
            else:
                report["login"] = LOGGED_IN
                report["data"].append(_try(session, server, login, mode, command, way).as_dict())
                continue
        # What earlier sessions showed stands.
        missed = _Transfer(mode=mode, command=command)
        report["data"].append(missed.ended(Outcome(ERROR, NO_LOGIN), problem).as_dict())
    return report


def _why_not(error: BaseException) -> str:
    if isinstance(error, _StrangerError):
        return NOT_FTP
    return UNVERIFIED if _is_unverified(error) else LOGIN_FAILED


def _is_unverified(error: BaseException) -> bool:
    # Python 3.6 has two exceptions for it: one of ssl, with that reason, and CertificateError for a name that
    # does not fit.
    return isinstance(error, ssl.CertificateError) or getattr(error, "reason", "") == _VERIFICATION


def _try(session: _Session, server: Server, login: Login, mode: str, command: str, way: Way) -> _Transfer:
    failed = _Transfer(mode=mode, command=command)
    try:
        for verb in _LISTS:
            found = way(session, server, login, command, verb)
            if found.transfer != NOTHING:
                break
    except _BadReplyError as error:
        return failed.ended(Outcome(ERROR, BAD_REPLY), str(error))
    except _PROBLEMS as error:
        return failed.ended(Outcome(ERROR, REFUSED), login.without_secret(error) or type(error).__name__)
    finally:
        _leave(session)
    return found


def _leave(session: _Session) -> None:
    try:
        session.control.settimeout(1.0)
        session.quit()
    except _PROBLEMS:
        session.close()


def examine_all(servers: Iterable[Server], login: Login) -> List["FtpSession"]:
    """Examine several servers side by side."""
    servers = list(servers)
    if not servers:
        return []
    with ThreadPoolExecutor(max_workers=min(_SESSIONS_AT_A_TIME, len(servers))) as pool:
        return list(pool.map(lambda server: examine(server, login), servers))
