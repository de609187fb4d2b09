# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conversation belongs to which protocol, and which protocol to which service of the port table.

One file for each protocol, named here once; a row of the table names its protocol as the file is called. For
a service of the site's own, the flow names it.
"""

from types import ModuleType
from typing import Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._plan.table import TABLE
from .._plan.table_rows import Service
from .._values.errors import NetworkError, closest
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


def _files() -> Dict[str, ModuleType]:
    """Return the file of each protocol that runs over TCP, by the name that rows have for it."""
    return {protocol.__name__.rpartition("._")[2]: protocol for protocol in _PROTOCOLS}


def _talks(services: Iterable[Service]) -> Dict[Tuple[str, str], str]:
    """Return which protocol each row of the port table names, by its protocol of transport and name."""
    rows = list(services)
    unknown = {service.talk for service in rows} - set(_FILES) - {"", *_DATAGRAMS}
    if unknown:
        raise ValueError(f"the port table names protocols that have no file: {sorted(unknown)}")
    return {(service.protocol, service.name): service.talk for service in rows if service.talk}


def protocol_of(transport: str, service: str, identify: str = "") -> str:
    """Return the protocol by which a service is asked who it is, or nothing where none is known.

    What the plan says (C(identify)) counts more than the row of this name. Raises for an unknown one.
    """
    if not identify:
        return TALKS.get((transport, service), "")
    known: Iterable[str] = SCRIPTS if transport == "tcp" else _DATAGRAMS
    if identify not in known:
        raise NetworkError(
            "service {0!r} is to be identified by {1!r}, which is not known for {2}: expected one of "
            "{3}{4}".format(service, identify, transport, ", ".join(sorted(known)), closest(identify, known))
        )
    return identify


def patience(protocol: str) -> float:
    """Return the seconds that a conversation in a protocol may take."""
    return _SECONDS_WITH_LOOKUP if _FILES.get(protocol) in _SPEAK_FIRST else _SECONDS


class Datagram(NamedTuple):
    """The question of a UDP service, and what its answer shows."""

    question: bytes
    judge: Callable[[bytes], Finding]


def datagram(protocol: str) -> Optional[Datagram]:
    """Return the harmless question of a protocol over UDP, or None."""
    make = _DATAGRAMS.get(protocol)
    return make() if make else None


def _ask_ntp() -> Datagram:
    asked = _ntp.question()
    return Datagram(asked, lambda answer: _ntp.judge(asked, answer))


def _ask_dns() -> Datagram:
    asked = _dns.question()
    return Datagram(asked, lambda answer: _dns.judge(asked, answer))


_DATAGRAMS: Mapping[str, Callable[[], Datagram]] = {"ntp": _ask_ntp, "dns": _ask_dns}
_FILES = _files()
TALKS: Mapping[Tuple[str, str], str] = _talks(TABLE.services)
SCRIPTS: Mapping[str, Script] = {name: protocol.talk for name, protocol in _FILES.items()}
NEVER_CUT_SHORT = frozenset(name for name, protocol in _FILES.items() if protocol in _NEVER_CUT_SHORT)
IDENTIFIERS = tuple(sorted({*SCRIPTS, *_DATAGRAMS}))  # what a flow may name, over TCP or UDP
