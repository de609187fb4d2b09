# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port table: services by release, with overrides, optional rows by name, and an index that refuses ambiguity."""

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._values.errors import NetworkError, closest
from .._values.ports import Ports
from .table_rows import ROWS

# A release is the rows of the tables that make it up.
RELEASES = {"kb": ("kb",), "7.1": ("kb", "7.1", "sql"), "8": ("kb", "8", "sql", "infra")}
DEFAULT_RELEASE = "8"

REFERENCES = {
    "kb": "https://github.com/exasol/public-knowledgebase/blob/main/Environment-Management/exasol-database-network-port-usage-summary.md",
    "7.1": "https://docs.exasol.com/7.1/administration/on-premise/installation/prepareenvironment/cluster_network_access.htm",
    "8": "https://docs.exasol.com/db/latest/administration/aws/manage_network.htm",
    "sql": "https://docs.exasol.com/db/latest/sql/import.htm",
    "infra": "https://github.com/exasol/exasol-personal",
}

DIRECTIONS = ("incoming", "outgoing")
PROTOCOLS = ("tcp", "udp", "any")

# Rows that no connection can prove, and why.
UNPROBED = {
    "sql_client_out": "no ordinary client listens there: the row covers replies, and databases that are clients of another Exasol",
    "ftp_data": "in active mode the server connects back from its port 20, so there is nothing to connect to",
    "ftp_passive": "the server opens a data port for each transfer, so nothing listens there between transfers",
    "cluster_internal": "any protocol between the nodes of a cluster: there is no single port to connect to",
}

# The same for a service that is no row: FTP's data in active mode as a site asks for it.
CONNECTS_BACK = "in active mode the server connects back to a port that the client announces, so there is nothing to connect to"

# Rows whose far end needs no opening, because nothing listens there.
ONE_ENDED = frozenset(("sql_client_out", "ftp_data"))

# Rows that join nodes of different clusters alone, and rows that have the port of another one unless they are
# overridden themselves.
BETWEEN_CLUSTERS = frozenset(("exa_to_exa",))
FOLLOWS = {"exa_to_exa": "sql_client", "client_subconnection": "subconnection_in"}


class Service(NamedTuple):
    """One row of the port table."""

    name: str
    direction: str
    protocol: str
    ports: Ports  # empty: every port (protocol "any")
    source: str
    destination: str
    need: str
    probe: str
    description: str
    tables: Tuple[str, ...]

    @property
    def key(self):
        """What two rows of one release must not share, except for the two directions of one service."""
        return (self.protocol, self.ports, self.source, self.destination)

    @property
    def reference(self) -> str:
        """The address of the table that the row was read from."""
        return REFERENCES[self.tables[0]]

    @property
    def ports_text(self) -> str:
        """The ports as text, C(any) where the row names none."""
        return str(self.ports) or "any"

    def as_dict(self) -> Dict[str, Any]:
        """Return the row as plain data for users."""
        return {
            "name": self.name,
            "direction": self.direction,
            "protocol": self.protocol,
            "ports": self.ports_text,
            "first": self.ports.ranges[0].first if self.ports else 0,
            "last": self.ports.ranges[-1].last if self.ports else 0,
            "source": self.source,
            "destination": self.destination,
            "need": self.need,
            "probe": self.probe,
            "description": self.description,
            "reference": self.reference,
        }


def _service(row: Sequence[Any]) -> Service:
    tables, direction, protocol, first, last, source, destination, name, need, probe, description = row
    ports = Ports() if protocol == "any" else Ports.of_ranges([(first, last)])
    return Service(
        name, direction, protocol, ports, source, destination, need, probe, description, tuple(tables.split())
    )


class Table:
    """An index of rows that refuses, when it is made, what would be ambiguous later."""

    def __init__(self, rows: Iterable[Sequence[Any]]):
        self.services = tuple(_service(row) for row in rows)
        self._by_name: Dict[str, Service] = {}
        for service in self.services:
            self._check_row(service)
            if service.name in self._by_name:
                raise NetworkError(f"row {service.name!r} stands twice in the port table")
            self._by_name[service.name] = service
        for release in RELEASES:
            self._check_release(release)

    @staticmethod
    def _check_row(service: Service) -> None:
        choices = (
            ("direction", service.direction, DIRECTIONS),
            ("protocol", service.protocol, PROTOCOLS),
            ("need", service.need, ("required", "optional")),
            ("probe", service.probe, ("tcp", "udp", "none")),
        )
        for field, value, allowed in choices:
            if value not in allowed:
                raise NetworkError(
                    "row {0!r} has {1} {2!r}: expected one of {3}".format(
                        service.name, field, value, ", ".join(allowed)
                    )
                )
        for table in service.tables:
            if table not in REFERENCES:
                raise NetworkError(
                    "row {0!r} is of table {1!r}: expected one of {2}".format(
                        service.name, table, ", ".join(REFERENCES)
                    )
                )

    def _check_release(self, release: str) -> None:
        seen: Dict[Any, str] = {}
        for service in self.rows(release):
            key = (service.direction,) + service.key
            if key in seen:
                raise NetworkError(
                    f"rows {seen[key]!r} and {service.name!r} of release {release} say the same: nobody "
                    f"could tell them apart"
                )
            seen[key] = service.name

    def service(self, name: str) -> Service:
        """Return the row of a name, with its default ports."""
        return self._by_name[name]

    @property
    def names(self) -> List[str]:
        """The names of all rows."""
        return [service.name for service in self.services]

    @property
    def peers(self) -> List[str]:
        """The peers that any row names, sorted."""
        return sorted({peer for service in self.services for peer in (service.source, service.destination)})

    def rows(self, release: str) -> List[Service]:
        """Return the rows of a release in the order of their tables, with the default ports."""
        if release not in RELEASES:
            raise NetworkError(
                "release {0!r} is not known: expected one of {1}".format(release, ", ".join(RELEASES))
            )
        tables = RELEASES[release]
        found = [
            service._replace(tables=tuple(table for table in service.tables if table in tables))
            for service in self.services
        ]
        return sorted(
            (service for service in found if service.tables),
            key=lambda service: tables.index(service.tables[0]),
        )

    def check_names(self, names: Iterable[str], release: str, use: str) -> None:
        """Raise for the first name that is not a row of the release; C(use) says where the name stood."""
        known = [service.name for service in self.rows(release)]
        for name in names:
            if name not in known:
                elsewhere = (
                    "it is a row of another release" if name in self._by_name else "it is no row at all"
                )
                raise NetworkError(
                    "{0} names {1!r}, but {2}: expected one of {3} (release {4}){5}".format(
                        use, name, elsewhere, ", ".join(known), release, closest(name, known)
                    )
                )

    def check_peers(self, peers: Iterable[str]) -> None:
        """Raise for the first peer that no row names."""
        known = self.peers
        for peer in peers:
            if peer not in known:
                raise NetworkError(
                    "peer {0!r} is not known: expected one of {1}{2}".format(
                        peer, ", ".join(known), closest(peer, known)
                    )
                )

    def services_of(
        self, release: str = DEFAULT_RELEASE, overrides: Optional[Mapping[str, Any]] = None
    ) -> List[Service]:
        """Return the rows of a release with the overrides applied."""
        ports = self._overridden(release, overrides or {})
        return [
            service._replace(ports=ports[service.name]) if service.name in ports else service
            for service in self.rows(release)
        ]

    def _overridden(self, release: str, overrides: Mapping[str, Any]) -> Dict[str, Ports]:
        self.check_names(overrides, release, "an override")
        rows = self.rows(release)
        ports: Dict[str, Ports] = {}
        for service in rows:
            if service.name not in overrides:
                continue
            if service.protocol == "any":
                raise NetworkError(
                    f"an override names {service.name!r}, which has no ports: it stands for any protocol"
                )
            try:
                ports[service.name] = Ports.parse(overrides[service.name])
            except NetworkError as error:
                raise NetworkError(f"override of {service.name!r}: {error}")
            self._override_twins(service, rows, ports)
        for service in rows:
            if FOLLOWS.get(service.name) in ports:
                ports.setdefault(service.name, ports[FOLLOWS[service.name]])
        return ports

    @staticmethod
    def _override_twins(service: Service, rows: List[Service], ports: Dict[str, Ports]) -> None:
        # One service that stands in both directions has one port: an override of either row counts for both.
        for twin in rows:
            if (
                twin.key == service.key
                and ports.setdefault(twin.name, ports[service.name]) != ports[service.name]
            ):
                raise NetworkError(
                    f"overrides of {twin.name!r} and {service.name!r} disagree: {ports[twin.name]} and "
                    f"{ports[service.name]} are the two directions of one service"
                )


TABLE = Table(ROWS)
