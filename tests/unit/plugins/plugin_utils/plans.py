# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and verifications of a site with everything: both versions of IP, networks, names, partners."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan


def host(name, *addresses):
    """Return a managed host."""
    return Party(name, addresses, managed=True)


def foreign(name):
    """Return a partner system."""
    return Party(name, (name,), network="/" in name)


NODES = [host(f"n{number}", f"192.0.2.{number}", f"2001:db8::{number}") for number in range(11, 15)]
MEMBERS = {
    "database_node": NODES,
    "client": [host("client", "192.0.2.21"), foreign("198.51.100.0/24")],
    "admin_network": [host("admin", "192.0.2.22", "2001:db8::22")],
    "oracle": [foreign("192.0.2.40")],
    "ntp_server": [foreign("192.0.2.41"), foreign("2001:db8::41")],
    "ldaps_server": [foreign("ldap.example.com")],
    "ftp_server": [foreign("192.0.2.42")],
}


def plan(members=None, **wishes):
    """Return a plan."""
    parties = dict(MEMBERS, **(members or {}))
    return make_plan(
        Wishes(**wishes),
        parties,
        [party for several in parties.values() for party in several if party.managed],
    )
