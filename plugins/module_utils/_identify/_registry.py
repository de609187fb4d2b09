# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conversation belongs to which protocol, and which protocol to which service of the port table.

One file for each protocol, named here once; a row of the table names its protocol as the file is called. For
a service of the site's own, the flow names it. A file is loaded when its protocol is first spoken: most runs
speak few of them, and a managed host compiles what it loads in every task.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional, Tuple

from .._plan.table import TABLE
from .._plan.table_rows import Service
from .._values.errors import NetworkError, closest
from ._finding import Finding

if TYPE_CHECKING:
    # Ansible sends the files to which an import of any kind leads (ModuleDepFinder of ansible-core).
    from . import (  # noqa: F401  # named for Ansible, and loaded by their names
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
    from ._wire import Script

# What runs over TCP, as the files are called.
PROTOCOLS = (
    "db2",
    "dns",
    "exasol",
    "ftp",
    "ftps",
    "http",
    "ldap",
    "ldaps",
    "mysql",
    "oracle",
    "postgresql",
    "sql_server",
    "ssh",
    "sybase_ase",
    "tls",
)

# Even where nobody asks who answers: an unfinished handshake would count against the probing host.
NEVER_CUT_SHORT = frozenset(["mysql"])

# Who speaks first may look up our name before: resolvers that do not answer take glibc 30 s (resolv.conf(5)).
_SPEAK_FIRST = ("mysql", "ftp", "ftps")
_SECONDS, _SECONDS_WITH_LOOKUP = 10.0, 60.0


def _file(protocol: str) -> Any:
    """Return the file of a protocol."""
    return import_module(f"{__package__}._{protocol}")


def script(protocol: str) -> "Script":
    """Return the conversation of a protocol that runs over TCP."""
    found: "Script" = _file(protocol).talk
    return found


def _talks(services: Iterable[Service]) -> Dict[Tuple[str, str], str]:
    """Return which protocol each row of the port table names, by its protocol of transport and name."""
    rows = list(services)
    unknown = {service.talk for service in rows} - set(PROTOCOLS) - {"", *_DATAGRAMS}
    if unknown:
        raise ValueError(f"the port table names protocols that have no file: {sorted(unknown)}")
    return {(service.protocol, service.name): service.talk for service in rows if service.talk}


def protocol_of(transport: str, service: str, identify: str = "") -> str:
    """Return the protocol by which a service is asked who it is, or nothing where none is known.

    What the plan says (C(identify)) counts more than the row of this name. Raises for an unknown one.
    """
    if not identify:
        return TALKS.get((transport, service), "")
    known: Iterable[str] = PROTOCOLS if transport == "tcp" else _DATAGRAMS
    if identify not in known:
        raise NetworkError(
            "service {0!r} is to be identified by {1!r}, which is not known for {2}: expected one of "
            "{3}{4}".format(service, identify, transport, ", ".join(sorted(known)), closest(identify, known))
        )
    return identify


def patience(protocol: str) -> float:
    """Return the seconds that a conversation in a protocol may take."""
    return _SECONDS_WITH_LOOKUP if protocol in _SPEAK_FIRST else _SECONDS


class Datagram(NamedTuple):
    """The question of a UDP service, and what its answer shows."""

    question: bytes
    judge: Callable[[bytes], Finding]
    may_repeat: bool  # whether its servers take several questions of one host in a second for usual


def datagram(protocol: str) -> Optional[Datagram]:
    """Return the harmless question of a protocol over UDP, or None."""
    return _asking(protocol) if protocol in _DATAGRAMS else None


def _asking(protocol: str) -> Datagram:
    file = _file(protocol)
    asked = file.question()
    return Datagram(asked, lambda answer: file.judge(asked, answer), protocol not in _ASKED_SELDOM)


_DATAGRAMS = ("ntp", "dns")
# "restrict limited" of ntpd and NTPsec drops what comes within two seconds (discard in ntp.conf(5)).
_ASKED_SELDOM = ("ntp",)
TALKS: Mapping[Tuple[str, str], str] = _talks(TABLE.services)
IDENTIFIERS = tuple(sorted({*PROTOCOLS, *_DATAGRAMS}))  # what a flow may name, over TCP or UDP
