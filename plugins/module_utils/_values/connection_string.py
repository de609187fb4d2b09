# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exasol's connection strings: which hosts, ports and fingerprints a driver makes of one.

In C(exasol01..04,192.168.6.11/FINGERPRINT:8563), parts are separated by commas. A range stands for several
hosts, and keeps its zeros. A port or a fingerprint counts for its own part and for the parts before it, up to
one that has its own. Parts behind the last port have the port 8563, those behind the last fingerprint none.
This module follows pyexasol (C(ExaConnection._process_dsn)). The Go driver knows less (C(utils.ResolveHosts),
C(dsn.extractHostAndPort)). What it reads in another way is a note.

Of the settings behind the first semicolon only the fingerprint is read. Neither they nor anything that may be
a password appear in an error, so an error shows nothing of a text in another form, such as a URL.

* https://github.com/exasol/pyexasol/blob/master/pyexasol/connection.py
* https://github.com/exasol/exasol-driver-go/blob/main/internal/utils/helper.go
* https://docs.exasol.com/db/latest/connect_exasol/drivers/jdbc.htm

Drivers try the members in random order, and only until one answers. So a member that is wrong or unreachable
shows now and then, and never to all.
"""

import re
from typing import Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from .addresses import expand, explain_mistake, is_name, parse_address, stands_for
from .errors import NetworkError

DEFAULT_PORT = 8563
NO_CERTIFICATE_CHECK = "NOCERTCHECK"
MAX_MEMBERS = 4096

# A URL of JDBC or the Go DSN. What follows the first semicolon are settings, passwords among them.
_SCHEME = re.compile(r"(?:jdbc:)?exa:", re.IGNORECASE)
_PART = re.compile(
    r"(?P<hosts>[^/:]+)(?:/(?P<fingerprint>[^/:]*))?(?P<colon>:(?P<port>[^/:]*))?(?P<rest>.*)\Z", re.DOTALL
)
_ORDER = "HOST/FINGERPRINT:PORT"
_EXAMPLE = "192.0.2.11..14:8563"
# Characters of other forms: user:password@host, EXAHOST=...;PWD=..., host?user=...
_OTHER_FORM = re.compile(r"[=@?]|://")
# Go's DSN, and JDBC's URL.
_FINGERPRINT_SETTINGS = ("certificatefingerprint", "fingerprint")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{64}\Z")
_PADDED = re.compile(r"0[0-9]+\.\.")
_SUFFIXED = re.compile(r"\.\.[0-9]+[^0-9]")


class Member(NamedTuple):
    """One host that a driver may connect to."""

    host: str  # an IP address, or a DNS name as it is written
    port: int
    fingerprint: str  # SHA-256 of the certificate in capitals, NOCERTCHECK, or empty


class ConnectionString(NamedTuple):
    """The members of a connection string in its order, and what the Go driver reads in another way."""

    members: Tuple[Member, ...]
    notes: Tuple[str, ...]
    is_go: bool = False  # it is a DSN of the Go driver (exa:...), which makes the notes count


class Comparison(NamedTuple):
    """How the members of a connection string and the nodes of a cluster differ."""

    missing: Tuple[str, ...]  # nodes that no member leads to
    stale: Tuple[Member, ...]  # members that lead elsewhere, be it with one of several addresses, or nowhere


class _Part(NamedTuple):
    place: str  # for errors: its number and text
    hosts: str
    port: Optional[int]
    fingerprint: str


def parse_connection_string(text: str) -> ConnectionString:
    """Return the members of a connection string, a JDBC URL or a Go DSN."""
    if not isinstance(text, str):
        # Whatever it is may hold a password.
        raise NetworkError(
            f"the connection string is no text ({type(text).__name__}): expected one such as {_EXAMPLE}"
        )
    hosts, unused, settings = text.partition(";")
    hosts = hosts.strip()
    scheme = _SCHEME.match(hosts)
    hosts = hosts[scheme.end() :] if scheme else hosts
    if _OTHER_FORM.search(hosts) or "@" in text.partition("=")[0]:
        raise NetworkError(
            "the connection string is in another form, which is not shown because it may hold a password: "
            f"expected the hosts alone, such as {_EXAMPLE}, without user, password and names of settings "
            "(of an ODBC string, the value of EXAHOST)"
        )
    parts = [_part(number, part) for number, part in enumerate(hosts.split(","), 1) if part]
    if not parts:
        raise NetworkError(f"the connection string names no host: expected one such as {_EXAMPLE}")
    members: List[Member] = []
    port, fingerprint = DEFAULT_PORT, _fingerprint_setting(settings)
    for part in reversed(parts):
        port = part.port or port
        fingerprint = part.fingerprint or fingerprint
        found = [Member(host, port, fingerprint) for host in _hosts(part)]
        members = found + members
        if len(members) > MAX_MEMBERS:
            raise NetworkError(
                f"the connection string stands for more than {MAX_MEMBERS} hosts: expected at most as many"
            )
    is_go = scheme is not None and scheme.group().lower() == "exa:"
    return ConnectionString(tuple(members), tuple(_notes(parts)), is_go)


def _fingerprint_setting(settings: str) -> str:
    """Return the fingerprint among the settings of a URL or DSN, or nothing."""
    # The Go driver writes a semicolon within a value as \; (dsn.escapeDsnParamValue).
    for setting in re.split(r"(?<!\\);", settings):
        name, unused, value = setting.partition("=")
        if name.strip().lower() in _FINGERPRINT_SETTINGS and value.strip():
            if not _is_fingerprint(value.strip()):
                raise NetworkError(
                    f"the setting {name.strip()} of the connection string is no fingerprint: expected the "
                    "SHA-256 of the certificate, which has 64 hexadecimal digits"
                )
            return value.strip().upper()
    return ""


def compare_members(
    members: Iterable[Member], resolved: Mapping[str, Iterable[str]], nodes: Mapping[str, Iterable[str]]
) -> Comparison:
    """Compare members with the nodes of a cluster, given by name and addresses.

    C(resolved) has the addresses of each DNS name, as the client that connects looked it up. A node may be
    given by the same name.
    """
    owners = {address.lower(): node for node, addresses in nodes.items() for address in addresses}
    found: Set[str] = set()
    stale: List[Member] = []
    for member in members:
        host = member.host.lower()
        addresses = [host] if host in owners else list(resolved.get(member.host, ()))
        found |= {owners[address] for address in addresses if address in owners}
        if not addresses or any(address not in owners for address in addresses):
            stale.append(member)
    return Comparison(missing=tuple(node for node in nodes if node not in found), stale=tuple(stale))


def _part(number: int, text: str) -> _Part:
    """Return what a part between two commas is made of."""
    place = f"connection string, part {number}: {text!r}"
    if text != text.strip():
        raise NetworkError(
            f"{place} begins or ends with a blank, which drivers take as a part of the name: write no blanks "
            f"around the commas"
        )
    before = text.split("/", 1)[0]
    if "[" in text or text.count(":") > 2 or (":" in before and parse_address(before)):
        raise NetworkError(
            f"{place} looks like an IPv6 address, which neither pyexasol nor the Go driver reads: write a "
            f"DNS name that resolves to it"
        )
    found = _PART.match(text)
    if found is None:
        raise NetworkError(f"{place} has no host: expected HOST:PORT or {_ORDER}")
    hosts, fingerprint, port = found.group("hosts"), found.group("fingerprint"), found.group("port")
    if found.group("rest"):
        _refuse_rest(place, hosts, port or "", found.group("rest"))
    if fingerprint is not None and not _is_fingerprint(fingerprint):
        raise NetworkError(
            f"{place} has the fingerprint {fingerprint!r}: expected the SHA-256 of the certificate, which "
            f"has 64 hexadecimal digits, or nocertcheck"
        )
    if port and not (re.match(r"[0-9]{1,5}\Z", port) and 0 < int(port) < 65536):
        raise NetworkError(f"{place} has the port {port!r}: expected a number from 1 to 65535")
    return _Part(place, hosts, int(port) if port else None, (fingerprint or "").upper())


def _is_fingerprint(text: str) -> bool:
    return bool(_FINGERPRINT.match(text)) or text.upper() == NO_CERTIFICATE_CHECK


def _refuse_rest(place: str, hosts: str, port: str, rest: str) -> None:
    """Refuse what follows the port."""
    fingerprint = rest[1:]
    if rest.startswith("/") and _is_fingerprint(fingerprint):
        raise NetworkError(
            f"{place} has the fingerprint after the port, where no driver looks for it: write "
            f"{hosts}/{fingerprint}:{port}"
        )
    raise NetworkError(f"{place} goes on with {rest!r} after the port: expected {_ORDER}")


def _hosts(part: _Part) -> List[str]:
    """Return the hosts that a part stands for."""
    try:
        found = expand(part.hosts)
    except NetworkError as error:
        raise NetworkError(f"{part.place}: {error}")
    for host in found:
        address = parse_address(host)
        if address is not None and stands_for(address):
            raise NetworkError(
                f"{part.place} names {host}, which stands for {stands_for(address)}: expected the address of "
                f"one host"
            )
        if address is None and not is_name(host):
            meant = f"stands for {host!r}, which" if host != part.hosts else f"names {host!r}, which"
            raise NetworkError(
                f"{part.place} {meant} is {explain_mistake(host)} (expected HOST:PORT or {_ORDER})"
            )
    return found


def _notes(parts: List[_Part]) -> List[str]:
    """Say what the Go driver reads in another way than pyexasol."""
    notes = []
    for part in parts:
        if _PADDED.search(part.hosts):
            notes.append(
                f"the Go driver drops the zeros of {part.hosts!r}: write the hosts one by one if it is used"
            )
        if _SUFFIXED.search(part.hosts):
            notes.append(
                f"the Go driver takes {part.hosts!r} as one name, because the name goes on after the "
                f"range: write the hosts one by one if it is used"
            )
    if not parts[-1].port:
        notes.append("the Go driver needs a port at the end of the string")
    if any(part.port or part.fingerprint for part in parts[:-1]):
        notes.append("the Go driver reads one port, at the end of the string, for all hosts")
    if any(part.fingerprint for part in parts):
        notes.append("the Go driver takes the fingerprint as the setting certificatefingerprint alone")
    return notes
