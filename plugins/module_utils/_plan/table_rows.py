# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of Exasol's published port tables, read in October 2026, and all that a row means.

Sources:

* C(kb): Knowledge Base, "Exasol database network port usage summary"
* C(7.1): "Prepare cluster network access"
* C(8): "Firewall and port settings", and "Network settings"
  (administration/on-premise/installation/install_as_app/configure_network.htm beside it)
* C(sql): "IMPORT": a database that loads from another is a client of its database port
* C(infra): the vendor's infrastructure code and container images, also https://github.com/exasol/docker-db

C(REFERENCES) has their addresses.

SFTP (22) is missing from the tables of release 8 although SFTP is still supported: the C(kb) row counts for
every release.
"""

from typing import TYPE_CHECKING, FrozenSet, NamedTuple, Optional, Tuple

from .._values.ports import Ports
from .releases import Release

if TYPE_CHECKING:
    from .._shapes import TableRow

REFERENCES = {
    "kb": (
        "https://github.com/exasol/public-knowledgebase/blob/main/Environment-Management/"
        "exasol-database-network-port-usage-summary.md"
    ),
    "7.1": (
        "https://docs.exasol.com/7.1/administration/on-premise/installation/prepareenvironment/"
        "cluster_network_access.htm"
    ),
    "8": "https://docs.exasol.com/db/latest/administration/aws/manage_network.htm",
    "sql": "https://docs.exasol.com/db/latest/sql/import.htm",
    "infra": "https://github.com/exasol/exasol-personal",
}

# Where it is published from and until which version a row counts (Service.changed).
CHANGES = {
    "subconnections": (
        "https://github.com/exasol/public-knowledgebase/blob/main/Connect-with-Exasol/"
        "import-from-exa-connection-errors.md"
    ),
    "admin": "https://docs.exasol.com/db/latest/administration/aws/manage_network.htm",
}
# Rows of the site itself (exasol_services) are of this table, which no release lists.
SITE = "site"
NODE_PEERS = ("any_node", "database_node")

# The row of the database port: drivers connect to it, and other rows follow its port.
DATABASE = "sql_client"

# The parts of FTP. A control connection announces the data connections: in passive mode the client opens
# them, in active mode the server does (RFC 959, section 3.2).
CONTROL, PASSIVE, ACTIVE = "control", "passive", "active"


class Service(NamedTuple):
    """One row of the port table."""

    name: str
    tables: Tuple[str, ...]  # which publish the row; keys of REFERENCES, the one it was read from first
    direction: str  # "incoming" or "outgoing", as seen from the database
    protocol: str  # "tcp", "udp" or "any"
    ports: Ports  # empty: every port (protocol "any")
    source: str  # the peer that opens the connection
    destination: str  # the peer that is connected to
    description: str
    need: str = "required"  # or "optional": planned only if it is asked for by name
    unprobed: str = ""  # why no connection can prove the row
    far_end_listens: bool = True  # False: the destination needs no opening
    between_clusters: bool = False  # True: for nodes of different clusters alone
    follows: str = ""  # the row whose override counts for this one too, unless it has its own
    since: Optional[str] = None  # the first version of the database that has it
    until: Optional[str] = None  # the first version that needs it no more: from there on it is optional
    changed: str = ""  # a key of CHANGES: where since and until are published
    releases: Optional[FrozenSet[str]] = None  # of a site: those whose nodes need the row; None: all of them
    offered: Optional[FrozenSet[str]] = None  # those that have the row, be it optional
    talk: str = ""  # the protocol by which the service says who it is: a file of _identify
    ftp: str = ""  # CONTROL, PASSIVE or ACTIVE: its part in FTP

    @property
    def probe(self) -> str:
        """The protocol of the probe that proves the row, C(none) where no connection can."""
        return "none" if self.unprobed else self.protocol

    @property
    def key(self) -> Tuple[str, Ports, str, str]:
        """What two rows of one release must not share, except for the two directions of one service."""
        return (self.protocol, self.ports, self.source, self.destination)

    @property
    def reference(self) -> str:
        """The address of the table that the row was read from; C(exasol_services) for a row of the site."""
        return "exasol_services" if self.is_own else REFERENCES[self.tables[0]]

    @property
    def is_own(self) -> bool:
        """Tell whether the site itself has added the row."""
        return self.tables == (SITE,)

    def of_release(self, release: Release) -> "Optional[Service]":
        """Return the row as a release has it, or nothing if the release has not."""
        if self.is_own:
            return self
        tables = tuple(table for table in self.tables if table in release.tables)
        if not tables or not release.has(self.since):
            return None
        need = self.need if release.is_below(self.until) else "optional"
        return self._replace(tables=tables, need=need)

    def applies_to(self, source: str, destination: str) -> bool:
        """Tell whether the row counts between parties of these releases: one node that needs it is enough."""
        if self.releases is None:
            return True
        return (self.source in NODE_PEERS and source in self.releases) or (
            self.destination in NODE_PEERS and destination in self.releases
        )

    @property
    def ports_text(self) -> str:
        """The ports as text, C(any) where the row names none."""
        return str(self.ports) or "any"

    def as_dict(self) -> "TableRow":
        """Return the row as plain data for users."""
        ranges = self.ports.ranges
        return {
            "name": self.name,
            "direction": self.direction,
            "protocol": self.protocol,
            "ports": self.ports_text,
            "first": ranges[0].first if ranges else 0,
            "last": ranges[-1].last if ranges else 0,
            "source": self.source,
            "destination": self.destination,
            "need": self.need,
            "probe": self.probe,
            "description": self.description,
            "reference": self.reference,
            "since": self.since or "",
            "until": self.until or "",
        }


ROWS = (
    Service(
        name=DATABASE,
        tables=("kb",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([8563]),
        source="client",
        destination="database_node",
        talk="exasol",
        description="SQL clients to the database port",
    ),
    Service(
        name="subconnection_in",
        tables=("kb",),
        direction="incoming",
        protocol="tcp",
        ports=Ports.parse("20000-21000"),
        source="database_node",
        destination="database_node",
        until="8.32.0",
        changed="subconnections",
        description="subconnections for EXA-to-EXA loading",
    ),
    Service(
        name="sql_client_out",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([8563]),
        source="database_node",
        destination="client",
        far_end_listens=False,
        unprobed=(
            "no ordinary client listens there: the row covers replies, and databases that are clients of "
            "another Exasol"
        ),
        description="database client connection port",
    ),
    Service(
        name="subconnection_out",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports.parse("20000-21000"),
        source="database_node",
        destination="database_node",
        until="8.32.0",
        changed="subconnections",
        description="subconnections for EXA-to-EXA loading",
    ),
    Service(
        name="ftp_data",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([20]),
        source="database_node",
        destination="ftp_server",
        ftp=ACTIVE,
        far_end_listens=False,
        unprobed=(
            "in active mode the server connects back from its port 20, so there is nothing to connect to"
        ),
        description="FTP data (active mode) for IMPORT and EXPORT",
    ),
    Service(
        name="ftp",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([21]),
        source="database_node",
        destination="ftp_server",
        talk="ftp",
        ftp=CONTROL,
        description="FTP control for IMPORT and EXPORT",
    ),
    Service(
        name="sftp",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([22]),
        source="database_node",
        destination="sftp_server",
        talk="ssh",
        description="SFTP for IMPORT and EXPORT",
    ),
    Service(
        name="http",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([80]),
        source="database_node",
        destination="http_server",
        talk="http",
        description="HTTP for IMPORT and EXPORT",
    ),
    Service(
        name="https",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([443]),
        source="database_node",
        destination="https_server",
        talk="tls",
        description="HTTPS for IMPORT and EXPORT",
    ),
    Service(
        name="ftps",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([990]),
        source="database_node",
        destination="ftps_server",
        talk="ftps",
        ftp=CONTROL,
        description="FTPS control (implicit TLS) for IMPORT and EXPORT",
    ),
    Service(
        name="ldap",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([389]),
        source="any_node",
        destination="ldap_server",
        talk="ldap",
        description="LDAP",
    ),
    Service(
        name="ldaps",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([636]),
        source="any_node",
        destination="ldaps_server",
        talk="ldaps",
        description="LDAP over TLS",
    ),
    Service(
        name="oracle",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([1521]),
        source="database_node",
        destination="oracle",
        talk="oracle",
        description="Oracle listener (JDBC and ORA)",
    ),
    Service(
        name="sql_server",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([1433]),
        source="database_node",
        destination="sql_server",
        talk="sql_server",
        description="SQL Server (JDBC)",
    ),
    Service(
        name="mysql",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([3306]),
        source="database_node",
        destination="mysql",
        talk="mysql",
        description="MySQL (JDBC)",
    ),
    Service(
        name="db2",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([50000]),
        source="database_node",
        destination="db2",
        talk="db2",
        description="Db2 (JDBC)",
    ),
    Service(
        name="postgresql",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([5432]),
        source="database_node",
        destination="postgresql",
        talk="postgresql",
        description="PostgreSQL (JDBC)",
    ),
    Service(
        name="sybase_ase",
        tables=("kb",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([5000]),
        source="database_node",
        destination="sybase_ase",
        talk="sybase_ase",
        description="Sybase ASE (JDBC)",
    ),
    Service(
        name="exaoperation",
        tables=("7.1",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([443]),
        source="admin_network",
        destination="any_node",
        talk="tls",
        description="EXAoperation web interface and XML-RPC (HTTPS)",
    ),
    Service(
        name="exaoperation_http",
        tables=("7.1",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([80]),
        source="admin_network",
        destination="any_node",
        need="optional",
        talk="http",
        description="EXAoperation web interface (HTTP)",
    ),
    Service(
        name="os_ssh",
        tables=("7.1",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([22]),
        source="admin_network",
        destination="any_node",
        talk="ssh",
        description="operating system shell",
    ),
    Service(
        name="bucketfs",
        tables=(
            "7.1",
            "8",
        ),
        direction="incoming",
        protocol="tcp",
        ports=Ports([2580]),
        source="client",
        destination="database_node",
        talk="http",
        description="default BucketFS service",
    ),
    Service(
        name="ntp",
        tables=(
            "7.1",
            "8",
        ),
        direction="outgoing",
        protocol="udp",
        ports=Ports([123]),
        source="any_node",
        destination="ntp_server",
        talk="ntp",
        description="time",
    ),
    Service(
        name="dns_udp",
        tables=(
            "7.1",
            "8",
        ),
        direction="outgoing",
        protocol="udp",
        ports=Ports([53]),
        source="any_node",
        destination="dns_server",
        talk="dns",
        description="name resolution",
    ),
    Service(
        name="dns_tcp",
        tables=(
            "7.1",
            "8",
        ),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([53]),
        source="any_node",
        destination="dns_server",
        talk="dns",
        description="name resolution",
    ),
    Service(
        name="cluster_internal",
        tables=(
            "7.1",
            "8",
        ),
        direction="incoming",
        protocol="any",
        ports=Ports(),
        source="any_node",
        destination="any_node",
        unprobed="any protocol between the nodes of a cluster: there is no single port to connect to",
        description="private network between the nodes of one cluster must not be filtered",
    ),
    Service(
        name="exa_to_exa",
        tables=("sql",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports([8563]),
        source="database_node",
        destination="database_node",
        talk="exasol",
        between_clusters=True,
        follows=DATABASE,
        description="database port of another cluster, for EXA-to-EXA loading",
    ),
    Service(
        name="bucketfs_https",
        tables=("infra",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([2581]),
        source="client",
        destination="database_node",
        need="optional",
        talk="tls",
        description="BucketFS over HTTPS",
    ),
    Service(
        name="admin_api",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([4444]),
        source="admin_network",
        destination="any_node",
        talk="tls",
        description="Administration API (HTTPS)",
    ),
    Service(
        name="exasol_admin",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([8443]),
        source="admin_network",
        destination="database_node",
        talk="tls",
        since="2025.1.0",
        changed="admin",
        description="Exasol Admin web interface (HTTPS; since 2025.1)",
    ),
    Service(
        name="cos_ssh",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([20002]),
        source="admin_network",
        destination="any_node",
        talk="ssh",
        description="shell access to the cluster operating system (SSH)",
    ),
    Service(
        name="confd",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([20003]),
        source="admin_network",
        destination="any_node",
        talk="tls",
        description="ConfD (XML-RPC over HTTPS)",
    ),
    Service(
        name="ftp_passive",
        tables=("8",),
        direction="outgoing",
        protocol="tcp",
        ports=Ports.parse("49152-65535"),
        source="database_node",
        destination="ftp_server",
        ftp=PASSIVE,
        unprobed=(
            "the server opens a data port for each transfer, so nothing listens there between transfers"
        ),
        description="FTP and FTPS data in passive mode",
    ),
    Service(
        name="install_ssh",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports([22]),
        source="install_host",
        destination="any_node",
        need="optional",
        talk="ssh",
        description="SSH from the installation host",
    ),
    Service(
        name="client_subconnection",
        tables=("8",),
        direction="incoming",
        protocol="tcp",
        ports=Ports.parse("20000-21000"),
        source="client",
        destination="database_node",
        need="optional",
        follows="subconnection_in",
        until="8.32.0",
        changed="subconnections",
        description="parallel clients (for example the Spark connector) below 8.32",
    ),
)
