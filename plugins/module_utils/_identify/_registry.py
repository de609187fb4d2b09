# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conversation belongs to which service of the port table.

One file for each protocol, named here once; a row of the table names its protocol as the file is called.
"""

from types import ModuleType
from typing import Callable, Dict, Iterable, Mapping, NamedTuple, Optional

from .._plan.table import TABLE
from .._plan.table_rows import Service
from . import (
    _db2,
    _dns,
    _exasol,
    _ftp,
    _ftps,
    _http,
    _ldap,
    _ldaps,
    _mysql,
    _ntp,
    _oracle,
    _postgresql,
    _sql_server,
    _ssh,
    _sybase_ase,
    _tls,
)
from ._finding import Finding
from ._wire import Script

_PROTOCOLS = (
    _db2,
    _dns,
    _exasol,
    _ftp,
    _ftps,
    _http,
    _ldap,
    _ldaps,
    _mysql,
    _oracle,
    _postgresql,
    _sql_server,
    _ssh,
    _sybase_ase,
    _tls,
)

# Even where nobody asks who answers: an unfinished handshake would count against the probing host.
_NEVER_CUT_SHORT = (_mysql,)

# Who speaks first may look up our name before: resolvers that do not answer take glibc 30 s (resolv.conf(5)).
_SPEAK_FIRST = (_mysql, _ftp, _ftps)
_SECONDS, _SECONDS_WITH_LOOKUP = 10.0, 60.0


def _by_service(services: Iterable[Service]) -> Dict[str, ModuleType]:
    """Return the file of the protocol that each TCP row of the port table names."""
    files = {protocol.__name__.rpartition("._")[2]: protocol for protocol in _PROTOCOLS}
    unknown = {service.talk for service in services} - set(files) - {"", *_DATAGRAMS}
    if unknown:
        raise ValueError(f"the port table names protocols that have no file: {sorted(unknown)}")
    return {
        service.name: files[service.talk]
        for service in services
        if service.talk and service.protocol == "tcp"
    }


def patience(service: str) -> float:
    """Return the seconds that a conversation with a service may take."""
    return _SECONDS_WITH_LOOKUP if _FILES.get(service) in _SPEAK_FIRST else _SECONDS


class Datagram(NamedTuple):
    """The question of a UDP service, and what its answer shows."""

    question: bytes
    judge: Callable[[bytes], Finding]


def datagram(service: str) -> Optional[Datagram]:
    """Return the harmless question for a UDP service by its name in the port table, or None."""
    make = _QUESTIONS.get(service)
    return make() if make else None


def _ask_ntp() -> Datagram:
    return Datagram(_ntp.QUESTION, _ntp.judge)


def _ask_dns() -> Datagram:
    asked = _dns.question()
    return Datagram(asked, lambda answer: _dns.judge(asked, answer))


_DATAGRAMS: Mapping[str, Callable[[], Datagram]] = {"ntp": _ask_ntp, "dns": _ask_dns}
_FILES = _by_service(TABLE.services)
SCRIPTS: Mapping[str, Script] = {name: protocol.talk for name, protocol in _FILES.items()}
NEVER_CUT_SHORT = frozenset(name for name, protocol in _FILES.items() if protocol in _NEVER_CUT_SHORT)
_QUESTIONS: Mapping[str, Callable[[], Datagram]] = {
    service.name: _DATAGRAMS[service.talk]
    for service in TABLE.services
    if service.protocol == "udp" and service.talk in _DATAGRAMS
}
