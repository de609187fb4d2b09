# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connection strings of clients add to a plan: every member is a flow of the client that has it.

A member is one of these:

* An address at which the client reaches a node, on the port of the table: that flow is planned anyway.
* Such an address with another port, or the private address of a node: a flow to that node.
* An address of nobody known: a flow to a party of its own, which has the address as its name.
* A DNS name: only the client knows where it leads. So it is a flow to a party of its own, too, and the
  verdict finds the nodes among its addresses. A firewall gets no rule for the name, which may lead nowhere.
  If its port is not that of the table, all nodes listen there for the client, and let it in.

Clients with the same string are one group, so that a string is worked out once.
"""

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._values.addresses import parse_address
from .._values.connection_string import ConnectionString, parse_connection_string
from .._values.errors import NetworkError
from .._values.ports import Ports
from .expected import REACHABLE
from .flows import NODE, Bundle, Members, Party, Probe, Probes
from .table_rows import Service

if TYPE_CHECKING:
    from .._shapes import Connection

CLIENT = "client"


class Connections(NamedTuple):
    """What connection strings add to a plan."""

    probes: Dict[str, List[Probe]]  # by client
    listening: Dict[str, List[Probe]]  # by client: what names may lead to, where nodes only listen
    bundles: List[Bundle]  # for rules
    entries: "List[Connection]"


class _Group(NamedTuple):
    """Clients with the same string, which reach all nodes at the same addresses."""

    text: str
    parsed: ConnectionString
    clients: Tuple[Party, ...]


def connections(
    texts: Mapping[str, Any], row: Optional[Service], planned: bool, members: Members
) -> Connections:
    """Return what the strings of hosts add; C(row) is that of the database port, which may be C(planned).

    Raises for a string that cannot be read. Only clients use theirs.
    """
    found = Connections(probes={}, listening={}, bundles=[], entries=[])
    if row is None:
        return found
    nodes = [party for party in members.get(NODE, ()) if not party.network]
    for group in _groups(texts, members.get(CLIENT, ())):
        sorted_out = _Members(group, nodes, row.ports if planned else Ports())
        for client in group.clients:
            found.probes[client.name] = sorted_out.probes(row, client)
            found.listening[client.name] = sorted_out.listening(row, client)
        found.bundles.extend(sorted_out.bundles(row))
        found.entries.append(
            {
                "clients": [client.name for client in group.clients],
                "members": [
                    {"host": member.host, "port": member.port, "fingerprint": member.fingerprint}
                    for member in group.parsed.members
                ],
                "ports": str(row.ports),
                "unmanaged": [node.name for node in nodes if not node.managed],
                "notes": list(group.parsed.notes) if group.parsed.is_go else [],
            }
        )
    return found


def _groups(texts: Mapping[str, Any], clients: Iterable[Party]) -> List[_Group]:
    parsed: Dict[str, ConnectionString] = {}
    grouped: Dict[Tuple[str, str], List[Party]] = {}
    for client in clients:
        text = texts.get(client.name)
        if not client.managed or text is None or text == "":
            continue
        if not isinstance(text, str) or text not in parsed:
            parsed[text] = _parsed(client.name, text)
        # A node that is a client of its own cluster reaches it on the private network.
        grouped.setdefault((text, client.cluster if client.is_node else ""), []).append(client)
    return [
        _Group(text=text, parsed=parsed[text], clients=tuple(several))
        for (text, unused), several in grouped.items()
    ]


def _parsed(host: str, text: Any) -> ConnectionString:
    try:
        return parse_connection_string(text)
    except NetworkError as error:
        raise NetworkError(f"host {host!r}, exasol_connection_string: {error}")


class _Members:
    """The members of a string, by what they are; C(covered) are ports of nodes that are planned anyway."""

    def __init__(self, group: _Group, nodes: Sequence[Party], covered: Ports):
        self._clients = group.clients
        self._nodes = nodes
        self._covered = covered
        public: Dict[str, Party] = {}
        private: Dict[str, Party] = {}
        node: Optional[Party]
        for node in nodes:
            private.update(dict.fromkeys(node.addresses, node))
            public.update(dict.fromkeys(node.reached_from(group.clients[0]), node))
        # By port, then by the name of the destination, its addresses.
        self._of_nodes: Dict[int, Dict[str, List[str]]] = {}
        self._unknown: Dict[int, Dict[str, List[str]]] = {}
        self._names: Dict[int, Dict[str, List[str]]] = {}
        self._others: Dict[int, Dict[Party, None]] = {}  # parties of rules
        for member in group.parsed.members:
            host, port = canonical(member.host), member.port
            if host in public and port in covered:
                continue
            node = public.get(host) or private.get(host)
            if node is not None:
                _add(self._of_nodes, port, node.name, host)
                self._add_others(port, [node, *([] if host in public else [Party(host, (host,))])])
            elif parse_address(host) is not None:
                _add(self._unknown, port, host, host)
                self._add_others(port, [Party(host, (host,))])
            else:
                _add(self._names, port, host, host)
                if port not in covered:
                    self._add_others(port, nodes)

    def _add_others(self, port: int, parties: Iterable[Party]) -> None:
        self._others.setdefault(port, {}).update(dict.fromkeys(parties))

    def probes(self, row: Service, client: Party) -> List[Probe]:
        """Return what a client probes for its string, beside what is planned anyway."""
        found: List[Probe] = []
        for destinations, is_name in ((self._of_nodes, False), (self._unknown, False), (self._names, True)):
            for port, by_name in sorted(destinations.items()):
                some = {name: tuple(several) for name, several in by_name.items() if name != client.name}
                if some:
                    found.append(_probe(row, port, some, is_name))
        return found

    def listening(self, row: Service, client: Party) -> List[Probe]:
        """Return where nodes listen for a client, because a name may lead there."""
        found: List[Probe] = []
        for port in sorted(set(self._names)):
            if port not in self._covered:
                nodes = {node.name: node.reached_from(client) for node in self._nodes}
                found.append(_probe(row, port, nodes, is_name=False))
        return found

    def bundles(self, row: Service) -> List[Bundle]:
        """Return the bundles by which firewalls are opened."""
        return [
            Bundle(
                # Nobody else must be denied the port because this client has it in its string.
                service=row._replace(ports=Ports([port]), direction="outgoing"),
                names=(row.name,),
                sources=self._clients,
                destinations=tuple(parties),
            )
            for port, parties in sorted(self._others.items())
        ]


def canonical(host: str) -> str:
    """Return a host of a connection string as the plan writes addresses and names."""
    return str(parse_address(host) or host.lower())


def _add(places: Dict[int, Dict[str, List[str]]], port: int, name: str, address: str) -> None:
    addresses = places.setdefault(port, {}).setdefault(name, [])
    if address not in addresses:
        addresses.append(address)


def _probe(row: Service, port: int, destinations: Dict[str, Tuple[str, ...]], is_name: bool) -> Probe:
    return Probe(
        service=row,
        ports=Ports([port]),
        expected=REACHABLE,
        destinations=destinations,
        is_member=is_name,
    )


def without_effect(texts: Mapping[str, Any], members: Members) -> List[str]:
    """Return a sentence on hosts whose string nobody uses, as they are no clients."""
    clients = {client.name for client in members.get(CLIENT, ())}
    used = {str(texts[name]) for name in texts if name in clients}
    idle = sorted(name for name, text in texts.items() if name not in clients and str(text) not in used)
    if not idle:
        return []
    more = f" and {len(idle) - 1} more" if len(idle) > 1 else ""
    return [
        f"exasol_connection_string of {idle[0]}{more} has no effect: only clients (exasol_clients) use it."
    ]


def listening_too(planned: Probes, more: Mapping[str, Sequence[Probe]]) -> Probes:
    """Return probes with others that are not made, but for which hosts listen."""
    if not any(more.values()):
        return planned
    together = {name: list(several) for name, several in planned.items()}
    for name, several in more.items():
        together.setdefault(name, []).extend(several)
    return together
