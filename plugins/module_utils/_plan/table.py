# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The port table: its rows by release and by name, with the overrides of a site."""

from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from .._values.errors import NetworkError, closest
from .._values.ports import Ports
from .releases import DEFAULT_RELEASE, RELEASES, Release
from .table_rows import ACTIVE, CHANGES, CONTROL, PASSIVE, REFERENCES, ROWS, SITE, Service

Releases = Union[str, Sequence[str]]  # one release, or those of a site's nodes

DIRECTIONS = ("incoming", "outgoing")
PROTOCOLS = ("tcp", "udp", "any")

_OWN_ROWS = "; a service of your own is declared in exasol_services"
_OWN_PEERS = "; a row of exasol_services makes a peer by naming it"


class Table:
    """An index of rows; when it is made, it refuses rows that would be ambiguous later."""

    def __init__(self, rows: Iterable[Service]):
        self.services = tuple(rows)
        self._by_name: Dict[str, Service] = {}
        for service in self.services:
            if service.name in self._by_name:
                raise NetworkError(f"row {service.name!r} is in the port table twice")
            self._by_name[service.name] = service
        for service in self.services:
            self._check_row(service)
        for release in RELEASES:
            self._check_release(release)

    def _check_row(self, service: Service) -> None:
        choices: Tuple[Tuple[str, str, Iterable[str]], ...] = (
            ("direction", service.direction, DIRECTIONS),
            ("protocol", service.protocol, PROTOCOLS),
            ("need", service.need, ("required", "optional")),
            ("ftp", service.ftp, ("", CONTROL, PASSIVE, ACTIVE)),
            ("follows", service.follows, ["", *self._by_name]),
            ("changed", service.changed, list(CHANGES) if service.since or service.until else [""]),
        )
        for field, value, allowed in choices:
            if value not in allowed:
                raise NetworkError(
                    "row {0!r} has {1} {2!r}: expected one of {3}".format(
                        service.name, field, value, ", ".join(allowed)
                    )
                )
        if bool(service.ports) is (service.protocol == "any"):
            raise NetworkError(
                f"row {service.name!r} has protocol {service.protocol} and ports {service.ports_text}: a row "
                "has ports unless it is for any protocol"
            )
        for table in () if service.is_own else service.tables:
            if table not in REFERENCES:
                raise NetworkError(
                    "row {0!r} is of table {1!r}: expected one of {2}".format(
                        service.name, table, ", ".join(REFERENCES)
                    )
                )

    def _check_release(self, release: str) -> None:
        seen: Dict[Any, str] = {}
        for service in self.rows(release):
            if service.is_own:
                continue  # whether it is the same as another row depends on the overrides
            key = (service.direction,) + service.key
            if key in seen:
                raise NetworkError(
                    f"rows {seen[key]!r} and {service.name!r} of release {release} are duplicates"
                )
            seen[key] = service.name

    def service(self, name: str) -> Service:
        """Return the row of a name, with its default ports."""
        return self._by_name[name]

    def far_end_listens(self, name: str) -> bool:
        """Tell whether anything listens at the destination of a service, which need not be a row."""
        return name not in self._by_name or self._by_name[name].far_end_listens

    def ftp_rows(self, part: str) -> Tuple[str, ...]:
        """Return the names of the rows that play a part in FTP."""
        return tuple(service.name for service in self.services if service.ftp == part)

    @property
    def names(self) -> List[str]:
        """The names of all rows."""
        return [service.name for service in self.services]

    @property
    def peers(self) -> List[str]:
        """The peers that any row names, sorted."""
        return sorted({peer for service in self.services for peer in (service.source, service.destination)})

    def with_rows(self, rows: Sequence[Service]) -> "Table":
        """Return the table with rows of the site added."""
        return Table(self.services + tuple(rows)) if rows else self

    def rows(self, releases: Releases) -> List[Service]:
        """Return the rows of a release in the order of their tables, with the default ports.

        Of several releases, each row that any of them has, with the releases that need it.
        """
        parsed = _parsed(releases)
        tables = list(dict.fromkeys(table for release in parsed for table in release.tables)) + [SITE]
        found = [_joined(service, parsed) for service in self.services]
        return sorted(
            (service for service in found if service is not None),
            key=lambda service: tables.index(service.tables[0]),
        )

    def check_names(self, names: Iterable[str], releases: Releases, use: str) -> None:
        """Raise for the first name that is not a row of the release; C(use) says where the name stood."""
        known = [service.name for service in self.rows(releases)]
        for name in names:
            if name not in known:
                is_known = name in self._by_name
                raise NetworkError(
                    "{0} names {1!r}, but {2}: expected one of {3} (release {4}){5}{6}".format(
                        use,
                        name,
                        "it is a row of another release" if is_known else "it is no row at all",
                        ", ".join(known),
                        shown(releases),
                        closest(name, known),
                        "" if is_known else _OWN_ROWS,
                    )
                )

    def check_peers(self, peers: Iterable[str]) -> None:
        """Raise for the first peer that no row names."""
        known = self.peers
        for peer in peers:
            if peer not in known:
                raise NetworkError(
                    "peer {0!r} is not known: expected one of {1}{2}{3}".format(
                        peer, ", ".join(known), closest(peer, known), _OWN_PEERS
                    )
                )

    def services_of(
        self, releases: Releases = DEFAULT_RELEASE, overrides: Optional[Mapping[str, Any]] = None
    ) -> List[Service]:
        """Return the rows of a release with the overrides applied."""
        ports = self._overridden(releases, overrides or {})
        return [
            service._replace(ports=ports[service.name]) if service.name in ports else service
            for service in self.rows(releases)
        ]

    def check_distinct(self, services: Iterable[Service]) -> None:
        """Raise for two services of a plan that overrides, or the site's own services, made the same.

        Later steps take the same services for the two directions of one, and would plan one of them.
        """
        first: Dict[Any, Service] = {}
        for service in services:
            other = first.setdefault(service.key, service)
            defaults = {self._by_name[one.name].key for one in (other, service)}
            if other.name == service.name or (len(defaults) == 1 and not service.is_own):
                continue  # itself, or the two directions of one service
            what = f"{service.protocol} {service.ports} from {service.source} to {service.destination}"
            if service.is_own:
                raise NetworkError(
                    f"service {service.name!r} of exasol_services is the same as the row {other.name!r}: "
                    f"{what}; remove it"
                )
            raise NetworkError(
                f"overrides (exasol_overrides) make the rows {other.name!r} and {service.name!r} the same: "
                f"{what}; correct the port of one, or exclude (exasol_exclude) the one that the site does "
                f"not have"
            )

    def _overridden(self, releases: Releases, overrides: Mapping[str, Any]) -> Dict[str, Ports]:
        self.check_names(overrides, releases, "an override")
        rows = self.rows(releases)
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
            if service.follows in ports:
                ports.setdefault(service.name, ports[service.follows])
        return ports

    @staticmethod
    def _override_twins(service: Service, rows: List[Service], ports: Dict[str, Ports]) -> None:
        # One service that stands in both directions has one port: an override of either row counts for both.
        for twin in rows:
            if (
                twin.key == service.key
                and not (twin.is_own or service.is_own)
                and ports.setdefault(twin.name, ports[service.name]) != ports[service.name]
            ):
                raise NetworkError(
                    f"overrides of {twin.name!r} and {service.name!r} disagree: {ports[twin.name]} and "
                    f"{ports[service.name]} are the two directions of one service"
                )


def _parsed(releases: Releases) -> List[Release]:
    names = releases if isinstance(releases, (list, tuple)) else [releases]
    return [Release.parse(name) for name in dict.fromkeys(names)]


def shown(releases: Releases) -> str:
    """Return releases for messages and reports."""
    return ", ".join(releases) if isinstance(releases, (list, tuple)) else str(releases)


def _joined(service: Service, releases: Sequence[Release]) -> Optional[Service]:
    """Return a row as these releases have it: required if any of them requires it."""
    found = {release.name: service.of_release(release) for release in releases}
    rows = {name: row for name, row in found.items() if row is not None}
    if not rows:
        return None
    tables = dict.fromkeys(table for row in rows.values() for table in row.tables)
    required = [name for name, row in rows.items() if row.need == "required"]
    return service._replace(
        tables=tuple(table for table in service.tables if table in tables),
        need="required" if required else "optional",
        releases=_some(required or rows, releases),
        offered=_some(rows, releases),
    )


def _some(names: Iterable[str], releases: Sequence[Release]) -> Optional[FrozenSet[str]]:
    """Return the names of releases, or None for all of them."""
    some = frozenset(names)
    return None if len(some) == len(releases) else some


TABLE = Table(ROWS)
