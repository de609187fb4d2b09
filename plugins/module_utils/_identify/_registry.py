# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which conversation belongs to which service of the port table.

One file for each protocol, named here once.
"""

from typing import Any, Callable, Dict, Iterable, Mapping, NamedTuple, Optional

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
NEVER_CUT_SHORT = frozenset(_mysql.NAMES)

# Who speaks first may look up our name before: resolvers that do not answer take glibc 30 s (resolv.conf(5)).
_SPEAK_FIRST = frozenset(_mysql.NAMES + _ftp.NAMES + _ftps.NAMES)
_SECONDS, _SECONDS_WITH_LOOKUP = 10.0, 60.0


def patience(service: str) -> float:
    """Return the seconds that a conversation with a service may take."""
    return _SECONDS_WITH_LOOKUP if service in _SPEAK_FIRST else _SECONDS


def _index(protocols: Iterable[Any]) -> Dict[str, Script]:
    scripts: Dict[str, Script] = {}
    for protocol in protocols:
        for name in protocol.NAMES:
            if name in scripts:
                raise ValueError(f"service {name!r} stands in two files")
            scripts[name] = protocol.talk
    return scripts


SCRIPTS: Mapping[str, Script] = _index(_PROTOCOLS)


class Datagram(NamedTuple):
    """The question of a UDP service, and what its answer shows."""

    question: bytes
    judge: Callable[[bytes], Finding]


def datagram(service: str) -> Optional[Datagram]:
    """Return the harmless question for a UDP service by its name in the port table, or None."""
    if service == "ntp":
        return Datagram(_ntp.QUESTION, _ntp.judge)
    if service == "dns_udp":
        asked = _dns.question()
        return Datagram(asked, lambda answer: _dns.judge(asked, answer))
    return None
