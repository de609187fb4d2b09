# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options about the port table that several modules share; private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    """Options that the argument specifications of C(module_utils/_ansible/options.py) mirror."""

    DOCUMENTATION = r"""
options:
  release:
    description:
      - The Exasol release whose ports are meant, as a full version such as V(8.29.13) or V(2025.1.11), or as
        V(kb), V(7.1) or V(8).
      - V(kb) is exactly the 18 rows of the Knowledge Base article.
      - V(7.1) and V(8) add the rows of that release's documentation. V(8) stands for every version from 8.0.0
        on, 2025.1 and newer included, so a row that any of them requires is required.
      - With a full version, rows that came later are left out, and rows that it needs no more are optional.
        That is so for the subconnection ports 20000-21000 from 8.32.0 on.
    type: str
    default: '8'
  overrides:
    description:
      - Ports that differ from the defaults at your site, by the row's name.
      - Each value is a port, a range such as V(20000-21000), or a list of both.
      - The two directions of one service have one port, so an override of either counts for both.
    type: dict
    default: {}
  services:
    description:
      - Services of your site that the port table does not have.
      - Each has C(name), C(protocol) (V(tcp) or V(udp)), C(ports), C(source), C(destination) and
        C(description), and optionally C(identify).
      - C(source) and C(destination) are peers, and one of them is V(database_node) or V(any_node). A peer
        that the port table does not have is made by naming it.
      - C(identify) is the protocol by which the service is recognised, V(db2), V(dns), V(exasol), V(ftp),
        V(ftps), V(http), V(ldap), V(ldaps), V(mysql), V(oracle), V(postgresql), V(sql_server), V(ssh),
        V(sybase_ase) or V(tls) for tcp, and V(dns) or V(ntp) for udp. Without it, only the open port is
        checked.
      - Name V(mysql) for every MySQL or MariaDB, because a server counts handshakes that are not finished
        against the probing host.
    type: list
    elements: dict
    default: []
notes:
  - To set O(release), O(overrides) and O(services) once, use C(group/exasol_community.network.table) in
    C(module_defaults).
"""
