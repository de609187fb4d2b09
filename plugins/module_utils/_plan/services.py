# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of the site's own (C(exasol_services)): rows that are planned as those of the port table are."""

import re
from typing import Any, List, Mapping, Sequence, Tuple

from .._values.errors import NetworkError, closest
from .._values.ports import Ports
from .ftp_modes import ACTIVE_NAME
from .table import TABLE
from .table_rows import NODE_PEERS, SITE, Service

REQUIRED = ("name", "protocol", "ports", "source", "destination", "description")
FIELDS = REQUIRED + ("identify",)
PROTOCOLS = ("tcp", "udp")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,62}\Z", re.ASCII)
_WORD_IS = "1 to 63 lower-case letters, digits and underscores, beginning with a letter"
_MAX_DESCRIPTION = 200


def choices(protocol: str) -> List[str]:
    """Return what a service of tcp or udp may be identified by: what rows of the port table speak."""
    return sorted(
        {service.talk for service in TABLE.services if service.talk and service.protocol == protocol}
    )


def parse(given: Any) -> Tuple[Service, ...]:
    """Return the services that a site adds; raises for the first one that cannot be used."""
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Sequence):
        raise NetworkError(f"services (exasol_services) is {given!r}: expected a list of services")
    found = tuple(_service(number, entry) for number, entry in enumerate(given, 1))
    names = set(TABLE.names) | {ACTIVE_NAME}
    for service in found:
        if service.name in names:
            owner = "the port table has" if service.name in TABLE.names else "exasol_services already has"
            if service.name == ACTIVE_NAME:
                owner = "ftp_mode (exasol_ftp_mode) makes"
            raise NetworkError(
                f"service {service.name!r} of exasol_services: {owner} a row of this name; choose another "
                "name, or change the ports of that row in overrides (exasol_overrides)"
            )
        names.add(service.name)
    return found


def _service(number: int, entry: Any) -> Service:
    where = f"entry {number} of exasol_services"
    if not isinstance(entry, Mapping):
        raise NetworkError(f"{where} is {entry!r}: expected a dictionary with {', '.join(REQUIRED)}")
    if entry.get("name"):
        where = "service {0!r} of exasol_services".format(entry["name"])
    for field in entry:
        if field not in FIELDS:
            raise NetworkError(
                "{0} has the field {1!r}, which is not known: expected {2}{3}".format(
                    where, field, ", ".join(FIELDS), closest(field, FIELDS)
                )
            )
    for field in REQUIRED:
        if entry.get(field) in (None, ""):
            raise NetworkError(f"{where} has no {field}: expected {', '.join(REQUIRED)}")
    for field in ("name", "source", "destination"):
        _check_word(where, field, entry[field])
    protocol = entry["protocol"]
    if protocol not in PROTOCOLS:
        raise NetworkError(f"{where} has the protocol {protocol!r}: expected tcp or udp")
    try:
        ports = Ports.parse(entry["ports"])
    except NetworkError as error:
        raise NetworkError(f"{where}: {error}")
    _check_ends(where, entry["source"], entry["destination"])
    return Service(
        name=entry["name"],
        tables=(SITE,),
        direction="incoming" if entry["destination"] in NODE_PEERS else "outgoing",
        protocol=protocol,
        ports=ports,
        source=entry["source"],
        destination=entry["destination"],
        description=_description(where, entry["description"]),
        talk=_identify(where, protocol, entry.get("identify")),
    )


def _check_word(where: str, field: str, value: Any) -> None:
    if not isinstance(value, str) or not _WORD.match(value):
        raise NetworkError(f"{where} has the {field} {value!r}: expected {_WORD_IS}")


def _check_ends(where: str, source: str, destination: str) -> None:
    # Naming a peer makes it, so this finds a misspelt node too: nothing would be planned for it.
    if source not in NODE_PEERS and destination not in NODE_PEERS:
        nodes = " or ".join(NODE_PEERS)
        hint = closest(source, NODE_PEERS) or closest(destination, NODE_PEERS)
        raise NetworkError(
            f"{where} is from {source!r} to {destination!r}, neither of which is a node of a database: one "
            f"of them must be {nodes}{hint}"
        )


def _description(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > _MAX_DESCRIPTION:
        raise NetworkError(
            f"{where} has the description {str(value)[:_MAX_DESCRIPTION]!r}: expected one line of at most "
            f"{_MAX_DESCRIPTION} characters"
        )
    return value


def _identify(where: str, protocol: str, value: Any) -> str:
    if value in (None, ""):
        return ""
    known = choices(protocol)
    if value not in known:
        raise NetworkError(
            "{0} is to be identified by {1!r}, which is not known for {2}: expected one of {3}{4}; without "
            "identify it is only asked whether the port is open".format(
                where, value, protocol, ", ".join(known), closest(value, known)
            )
        )
    return str(value)
