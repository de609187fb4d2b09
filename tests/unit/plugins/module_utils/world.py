# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parties as the tests of the plan need them.

A small world with two clusters, clients, partners and networks.
"""

from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party

# Rows that a connection starts but that open nothing at the far end: replies, and FTP's data connection.
ONE_ENDED = ("sql_client_out", "ftp_data")


def host(name, *addresses, **more):
    """Return a managed host; without an address its name is one."""
    return Party(name, addresses or (name,), managed=True, **more)


def foreign(address):
    """Return an address outside of the inventory."""
    return Party(address, (address,))


def network(text):
    """Return a network."""
    return Party(text, (text,), network=True)


WORLD = (
    host("a1", "192.0.2.1", cluster="a"),
    host("a2", "192.0.2.2", "2001:db8::2", cluster="a"),
    host("b1", "192.0.2.3", cluster="b"),
    host("client1", "192.0.2.21"),
    host("files", "192.0.2.31"),
    foreign("203.0.113.5"),
    foreign("oracle.example.com"),
    network("198.51.100.0/24"),
)


def members_of(peers):
    """Return a strategy for members: any peer played by any parties of the world."""
    parties = st.lists(st.sampled_from(WORLD), unique=True, max_size=5)
    return st.dictionaries(st.sampled_from(peers), parties, max_size=8)


def naive_members(members):
    """Return peer -> set of parties, with every managed database node among any_node."""
    complete = {peer: set(parties) for peer, parties in members.items()}
    complete.setdefault("any_node", set()).update(
        party for party in members.get("database_node", ()) if party.managed
    )
    return complete


def naive_flow(service, members, source, destination):
    """Tell whether a row of the table is about this source and this destination, in the naive way."""
    if source == destination or not (source.managed or destination.managed):
        return False
    if source not in members.get(service.source, ()) or destination not in members.get(
        service.destination, ()
    ):
        return False
    if service.name == "exa_to_exa":
        return source.cluster != destination.cluster
    return service.protocol != "any" or source.cluster == destination.cluster
