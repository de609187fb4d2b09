# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of Exasol's published port tables, read in October 2026; C(_table) gives them their meaning.

Sources:

* C(kb): Knowledge Base, "Exasol database network port usage summary",
  https://github.com/exasol/public-knowledgebase (Environment-Management/exasol-database-network-port-usage-summary.md)
* C(7.1): "Prepare cluster network access",
  https://docs.exasol.com/7.1/administration/on-premise/installation/prepareenvironment/cluster_network_access.htm
* C(8): "Firewall and port settings", https://docs.exasol.com/db/latest/administration/aws/manage_network.htm, and
  "Network settings", https://docs.exasol.com/db/latest/administration/on-premise/installation/install_as_app/configure_network.htm
* C(sql): "IMPORT", https://docs.exasol.com/db/latest/sql/import.htm: a database that loads from another is a client of its database port
* C(infra): the vendor's infrastructure code and container images,
  https://github.com/exasol/exasol-personal and https://github.com/exasol/docker-db

SFTP (22) is missing from the tables of release 8 although SFTP is still supported: the C(kb) row counts for every release.
"""

# tables, direction, protocol, first, last, source, destination, name, need, probe, description
ROWS = (
    ("kb", "incoming", "tcp", 8563, 8563, "client", "database_node", "sql_client", "required", "tcp", "SQL clients to the database port"),
    ("kb", "incoming", "tcp", 20000, 21000, "database_node", "database_node", "subconnection_in", "required", "tcp", "subconnections for EXA-to-EXA loading"),
    ("kb", "outgoing", "tcp", 8563, 8563, "database_node", "client", "sql_client_out", "required", "none", "database client connection port"),
    ("kb", "outgoing", "tcp", 20000, 21000, "database_node", "database_node", "subconnection_out", "required", "tcp", "subconnections for EXA-to-EXA loading"),
    ("kb", "outgoing", "tcp", 20, 20, "database_node", "ftp_server", "ftp_data", "required", "none", "FTP data (active mode) for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 21, 21, "database_node", "ftp_server", "ftp", "required", "tcp", "FTP control for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 22, 22, "database_node", "sftp_server", "sftp", "required", "tcp", "SFTP for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 80, 80, "database_node", "http_server", "http", "required", "tcp", "HTTP for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 443, 443, "database_node", "https_server", "https", "required", "tcp", "HTTPS for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 990, 990, "database_node", "ftps_server", "ftps", "required", "tcp", "FTPS control (implicit TLS) for IMPORT and EXPORT"),
    ("kb", "outgoing", "tcp", 389, 389, "any_node", "ldap_server", "ldap", "required", "tcp", "LDAP"),
    ("kb", "outgoing", "tcp", 636, 636, "any_node", "ldaps_server", "ldaps", "required", "tcp", "LDAP over TLS"),
    ("kb", "outgoing", "tcp", 1521, 1521, "database_node", "oracle", "oracle", "required", "tcp", "Oracle listener (JDBC and ORA)"),
    ("kb", "outgoing", "tcp", 1433, 1433, "database_node", "sql_server", "sql_server", "required", "tcp", "SQL Server (JDBC)"),
    ("kb", "outgoing", "tcp", 3306, 3306, "database_node", "mysql", "mysql", "required", "tcp", "MySQL (JDBC)"),
    ("kb", "outgoing", "tcp", 50000, 50000, "database_node", "db2", "db2", "required", "tcp", "Db2 (JDBC)"),
    ("kb", "outgoing", "tcp", 5432, 5432, "database_node", "postgresql", "postgresql", "required", "tcp", "PostgreSQL (JDBC)"),
    ("kb", "outgoing", "tcp", 5000, 5000, "database_node", "sybase_ase", "sybase_ase", "required", "tcp", "Sybase ASE (JDBC)"),
    ("7.1", "incoming", "tcp", 443, 443, "admin_network", "any_node", "exaoperation", "required", "tcp", "EXAoperation web interface and XML-RPC (HTTPS)"),
    ("7.1", "incoming", "tcp", 80, 80, "admin_network", "any_node", "exaoperation_http", "optional", "tcp", "EXAoperation web interface (HTTP)"),
    ("7.1", "incoming", "tcp", 22, 22, "admin_network", "any_node", "os_ssh", "required", "tcp", "operating system shell"),
    ("7.1 8", "incoming", "tcp", 2580, 2580, "client", "database_node", "bucketfs", "required", "tcp", "default BucketFS service"),
    ("7.1 8", "outgoing", "udp", 123, 123, "any_node", "ntp_server", "ntp", "required", "udp", "time"),
    ("7.1 8", "outgoing", "udp", 53, 53, "any_node", "dns_server", "dns_udp", "required", "udp", "name resolution"),
    ("7.1 8", "outgoing", "tcp", 53, 53, "any_node", "dns_server", "dns_tcp", "required", "tcp", "name resolution"),
    ("7.1 8", "incoming", "any", 0, 0, "any_node", "any_node", "cluster_internal", "required", "none",
     "private network between the nodes of one cluster must not be filtered"),
    ("sql", "outgoing", "tcp", 8563, 8563, "database_node", "database_node", "exa_to_exa", "required", "tcp",
     "database port of another cluster, for EXA-to-EXA loading"),
    ("infra", "incoming", "tcp", 2581, 2581, "client", "database_node", "bucketfs_https", "optional", "tcp", "BucketFS over HTTPS"),
    ("8", "incoming", "tcp", 4444, 4444, "admin_network", "any_node", "admin_api", "required", "tcp", "Administration API (HTTPS)"),
    ("8", "incoming", "tcp", 8443, 8443, "admin_network", "database_node", "exasol_admin", "required", "tcp",
     "Exasol Admin web interface (HTTPS; since 2025.1)"),
    ("8", "incoming", "tcp", 20002, 20002, "admin_network", "any_node", "cos_ssh", "required", "tcp", "shell access to the cluster operating system (SSH)"),
    ("8", "incoming", "tcp", 20003, 20003, "admin_network", "any_node", "confd", "required", "tcp", "ConfD (XML-RPC over HTTPS)"),
    ("8", "outgoing", "tcp", 49152, 65535, "database_node", "ftp_server", "ftp_passive", "required", "none", "FTP and FTPS data in passive mode"),
    ("8", "incoming", "tcp", 22, 22, "install_host", "any_node", "install_ssh", "optional", "tcp", "SSH from the installation host"),
    ("8", "incoming", "tcp", 20000, 21000, "client", "database_node", "client_subconnection", "optional", "tcp",
     "parallel clients (for example the Spark connector) below 8.32"),
)
