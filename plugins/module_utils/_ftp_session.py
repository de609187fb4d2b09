# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real FTP session, to see its data connections: each way to open one is tried with a list of names (NLST).

EPSV and EPRT: RFC 2428. PASV and PORT: RFC 959, IPv4 only. TLS: RFC 4217.
"""

import ftplib
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from ._ftp_modes import ACTIVE, BOTH, PASSIVE
from ._identify._finding import clean
from ._outcome import OPEN, SYN_ACK, Outcome, from_errno, timed_out
from ._ports import Ports, numbers
from ._targets import first_of

FTP_SERVICES = ("ftp", "ftps")
_MOST_LINES = 500
_MOST_BYTES = 65536
_SESSIONS_AT_A_TIME = 16
# What a server's words, or their lack, may raise.
_PROBLEMS = ftplib.all_errors + (ValueError, LookupError)


class Login(NamedTuple):
    """Who logs in, and how."""

    mode: str = BOTH
    user: str = "anonymous"
    password: str = "anonymous@"
    tls: bool = False  # AUTH TLS before the login; implicit FTPS has it in any case
    active_ports: Ports = ()  # to listen on, any if there is none
    timeout: float = 10.0  # seconds, of each step
    sources: Sequence[str] = ()


class Server(NamedTuple):
    """An FTP server as a flow names it."""

    destination: str
    address: str
    name: str  # as its certificate may call it
    port: int
    service: str

    @property
    def family(self) -> int:
        """The address family for a socket."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET


class _Session(ftplib.FTP_TLS):
    """A control connection whose replies are bounded, with TLS from the first byte where the service is ftps."""

    def __init__(self, server: Server, login: Login):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        super(_Session, self).__init__(context=context, timeout=login.timeout)
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
        self.host, self.port, self.af = server.address, server.port, server.family
        source = first_of(server.family, login.sources)
        sock = socket.create_connection((server.address, server.port), login.timeout, (source, 0) if source else None)  # type: Any
        self.sock = self.context.wrap_socket(sock, server_hostname=server.name) if server.service == "ftps" else sock
        self.file = self.sock.makefile("r", encoding="utf-8", errors="replace")
        self.welcome = self.getresp()
        if login.tls and server.service != "ftps":
            self.auth()
        secure = isinstance(self.sock, ssl.SSLSocket)
        super(_Session, self).login(login.user, login.password, secure=False)
        if secure:
            self._protect_data()

    def _protect_data(self) -> None:
        try:
            self.prot_p()
            self.encrypted_data = True
        except ftplib.error_perm:
            pass  # some servers encrypt the control connection alone

    def getline(self) -> str:
        """Return one line of a reply."""
        self._lines += 1
        if self._lines > _MOST_LINES:
            raise ftplib.error_proto("more than {0} lines".format(_MOST_LINES))
        return super(_Session, self).getline()

    def list_names(self, connection: socket.socket) -> None:
        """Read the list of names that was asked for, and the reply at its end."""
        connection.settimeout(self.timeout)
        if self.encrypted_data:
            connection = self.context.wrap_socket(connection, server_hostname=self._server.name, session=getattr(self.sock, "session", None))
        received = 0
        with connection:
            while received < _MOST_BYTES:
                data = connection.recv(8192)
                if not data:
                    break
                received += len(data)
        self.getresp()


Attempt = Dict[str, Any]


def _announced(session: _Session, command: str) -> Tuple[str, int]:
    peer = session.control.getpeername()
    if command == "EPSV":
        return ftplib.parse229(session.sendcmd("EPSV"), peer)
    return ftplib.parse227(session.sendcmd("PASV"))


def _passive(session: _Session, server: Server, login: Login, command: str) -> Attempt:
    said, port = _announced(session, command)
    found = {"mode": PASSIVE, "command": command, "port": port, "address": server.address}  # type: Attempt
    if command == "PASV" and said != server.address:
        found["detail"] = "the server announces {0} instead of {1}: a NAT device does not translate its reply".format(clean(said), server.address)
    source, begun = first_of(server.family, login.sources), time.monotonic()
    try:
        connection = socket.create_connection((server.address, port), login.timeout, (source, 0) if source else None)
    except OSError as error:
        return _with(found, _outcome(error, time.monotonic() - begun))
    return _transfer(session, found, connection, session.sendcmd)


def _active(session: _Session, server: Server, login: Login, command: str) -> Attempt:
    with _listening(session.control.getsockname()[0], server.family, login.active_ports) as listening:
        host, port = listening.getsockname()[:2]
        found = {"mode": ACTIVE, "command": command, "port": port, "address": host}  # type: Attempt
        (session.sendeprt if command == "EPRT" else session.sendport)(host, port)
        session.putcmd("NLST")
        listening.settimeout(login.timeout)
        try:
            connection = listening.accept()[0]
        except OSError as error:
            return _with(found, _outcome(error, 0.0), "the server does not connect back to port {0}".format(port))
        return _transfer(session, found, connection, lambda unused: session.getresp())


def _listening(address: str, family: int, ports: Ports) -> socket.socket:
    for port in numbers(ports) if ports else (0,):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.bind((address, port))
            sock.listen(1)
            return sock
        except OSError:
            sock.close()
    raise OSError("no port for an active data connection is free")


def _transfer(session: _Session, found: Attempt, connection: socket.socket, start: Callable[[str], str]) -> Attempt:
    opened = Outcome(OPEN, SYN_ACK)
    try:
        try:
            start("NLST")
        except ftplib.error_perm:
            return _with(found, opened)  # an empty folder is an error to some servers
        session.list_names(connection)
    except _PROBLEMS as error:
        return _with(found, opened, "the connection opens, but the transfer fails: {0}".format(clean(error)))
    finally:
        connection.close()
    return _with(found, opened)


def _outcome(error: OSError, seconds: float) -> Outcome:
    if isinstance(error, socket.timeout):
        return timed_out("tcp")
    return from_errno(error.errno or 0, seconds, "tcp")


def _with(found: Attempt, outcome: Outcome, detail: str = "") -> Attempt:
    details = "; ".join(text for text in (found.pop("detail", ""), detail) if text)
    return dict(found, state=outcome.state, reason=outcome.reason, **({"detail": details} if details else {}))


_WAYS = ((PASSIVE, "EPSV", _passive), (PASSIVE, "PASV", _passive), (ACTIVE, "EPRT", _active), (ACTIVE, "PORT", _active))


def _ways(server: Server, login: Login) -> Iterator[Tuple[str, str, Callable[..., Attempt]]]:
    for mode, command, way in _WAYS:
        if login.mode in (mode, BOTH) and (server.family == socket.AF_INET or command.startswith("E")):
            yield mode, command, way


def examine(server: Server, login: Login) -> Dict[str, Any]:
    """Return how a session went and what became of each way to open a data connection."""
    report = {"destination": server.destination, "address": server.address, "port": server.port, "service": server.service, "data": []}  # type: Dict[str, Any]
    for mode, command, way in _ways(server, login):
        # Each in a session of its own: one that failed half-way would speak into the next.
        session = _Session(server, login)
        try:
            session.open()
            report["login"] = "ok"
        except _PROBLEMS as error:
            return dict(report, login="failed", detail=clean(error))
        try:
            report["data"].append(way(session, server, login, command))
        except _PROBLEMS as error:
            report["data"].append({"mode": mode, "command": command, "state": "error", "reason": "refused", "detail": clean(error)})
        finally:
            _leave(session)
    return report


def _leave(session: _Session) -> None:
    try:
        session.control.settimeout(1.0)
        session.quit()
    except _PROBLEMS:
        session.close()


def examine_all(servers: Iterable[Server], login: Login) -> List[Dict[str, Any]]:
    """Examine several servers side by side."""
    servers = list(servers)
    if not servers:
        return []
    with ThreadPoolExecutor(max_workers=min(_SESSIONS_AT_A_TIME, len(servers))) as pool:
        return list(pool.map(lambda server: examine(server, login), servers))
