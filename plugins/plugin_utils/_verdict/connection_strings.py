# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection strings of clients, compared with the nodes of the plan and with what the clients saw.

1. A name of a string is a flow of its own in the plan. Where it has led the client to a node, its
   observation becomes one of that node. If the client has measured that very port anyway, it is dropped.
2. A member with another certificate than its fingerprint says is C(wrong_service): drivers refuse to connect.
3. All else is a note: the flows are as they should be, and the string is not.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._plan.connections import canonical
from ...module_utils._plan.expected import REACHABLE
from ...module_utils._plan.flows import NODE
from ...module_utils._plan.networks import Networks, networks_of
from ...module_utils._plan.table_rows import DATABASE
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.connection_string import NO_CERTIFICATE_CHECK, Member, compare_members
from ...module_utils._values.ports import Ports
from . import causes
from .actors import actors_at
from .phrases import located, some_of
from .verdict import OK, WRONG_SERVICE

if t.TYPE_CHECKING:
    from ...module_utils._shapes import (
        Connection,
        HostPlan,
        Observation,
        Path,
        Plan,
        ProbeFlow,
        ProbeTask,
        Result,
    )

_MAX_NAMES = 6
_VARIABLE = "exasol_connection_string"
Place = tuple[str, int]  # address and port


class _Nodes:
    """The nodes as some clients reach them."""

    def __init__(self, plan: Plan, entry: Connection, networks: Networks):
        self._hosts = plan["hosts"]
        client = entry["clients"][0]
        managed = [name for name, host in plan["hosts"].items() if NODE in host["peers"]]
        self.reached = {
            name: tuple(networks.addresses(name, client)) for name in (*managed, *entry["unmanaged"])
        }
        self.owners: dict[str, str] = {}
        self.private: dict[str, str] = {}
        for name, addresses in self.reached.items():
            self.owners.update(dict.fromkeys(addresses, name))
        for name in managed:
            own = [address for address in plan["hosts"][name]["addresses"] if address not in self.owners]
            self.private.update(dict.fromkeys(own, name))

    def cluster(self, name: str) -> str:
        """Return the name of a node's cluster, or nothing."""
        return self._hosts[name].get("cluster", "") if name in self._hosts else ""

    def shown(self, name: str) -> str:
        """Return a node with an address at which the clients reach it."""
        return located(name, self.reached[name][0])


class _View:
    """The string of one client, with what the client saw of its members."""

    def __init__(self, client: str, entry: Connection, nodes: _Nodes, result: ProbeTask | None):
        self.client, self.entry, self.nodes = client, entry, nodes
        self.observations: list[Observation] = list((result or {}).get("observations", ()))
        self.owners = {**nodes.private, **nodes.owners}
        # Where the names of nodes have led this client, it has reached these nodes.
        for observation in self.observations:
            if observation["destination"] in nodes.reached and parse_address(observation["address"]):
                self.owners.setdefault(observation["address"], observation["destination"])
        self.resolved = self._resolved()

    def _resolved(self) -> dict[str, list[str]]:
        """Return the addresses of each name that the client has looked up; none if it has no address."""
        names = {canonical(member["host"]) for member in self.entry["members"]}
        found: dict[str, list[str]] = {}
        for observation in self.observations:
            name, address = observation["destination"], observation["address"]
            if name in names and name not in self.owners and not parse_address(name):
                addresses = found.setdefault(name, [])
                if parse_address(address) and address not in addresses:
                    addresses.append(address)
        return found

    def addresses(self, host: str) -> list[str]:
        """Return where a member leads this client, as far as it is known."""
        name = canonical(host)
        if parse_address(name):
            return [name]
        if name not in self.owners:
            return self.resolved.get(name, [])
        node = self.owners[name]
        return [
            observation["address"]
            for observation in self.observations
            if observation["destination"] == node and parse_address(observation["address"])
        ]


class ConnectionStrings:
    """The strings of all clients that took part in a run."""

    def __init__(self, plan: Plan, observed: Mapping[str, ProbeTask | None]):
        self._views: dict[str, _View] = {}
        networks = networks_of(plan["hosts"])
        for entry in plan.get("connections", ()):
            nodes = _Nodes(plan, entry, networks)
            for client in entry["clients"]:
                if client in observed and client in plan["hosts"]:
                    self._views[client] = _View(client, entry, nodes, observed[client])
        self.plan: Plan = plan
        self.observed: dict[str, ProbeTask | None] = dict(observed)
        self._unseen: dict[tuple[str, str], list[str]] = {}
        self._lead_to_nodes()

    def _lead_to_nodes(self) -> None:
        hosts = dict(self.plan["hosts"])
        for client, view in self._views.items():
            if view.observations and any(entry.get("member") for entry in hosts[client]["probes"]):
                moved = _Moved(view, hosts[client])
                hosts[client] = t.cast("HostPlan", {**hosts[client], "probes": moved.probes})
                seen = self.observed[client] or {}
                self.observed[client] = t.cast(
                    "ProbeTask",
                    {
                        **seen,
                        "observations": moved.observations,
                        "paths": _paths_of_owners(seen.get("paths", ()), view.owners),
                    },
                )
        self.plan = t.cast("Plan", {**self.plan, "hosts": hosts})

    def judge(self, results: Iterable[Result]) -> list[Result]:
        """Return the results, those with another certificate than that of a string as wrong."""
        expected = {client: _fingerprints(view) for client, view in self._views.items()}
        return [self._judged(result, expected.get(result["source"])) for result in results]

    def _judged(self, result: Result, expected: Mapping[Place, set[str]] | None) -> Result:
        is_database = (result["service"], result["expected"], result["verdict"]) == (DATABASE, REACHABLE, OK)
        if not expected or not is_database or result["state"] != "open":
            return result
        wanted: set[str] = set()
        for port in Ports.parse(result["ports"]):
            wanted |= expected.get((result["address"], port), set())
        if not wanted:
            return result
        seen = result["identity"].get("tls", {}).get("fingerprint") if "identity" in result else None
        if not seen:
            why = _OUR_LISTENER if result.get("answered_by") else _NOT_ASKED
            self._unseen.setdefault((result["source"], why), []).append(result["destination"])
            return result
        others = sorted(wanted - {seen})
        if not others:
            return result
        sentence = (
            f"{result['source']} reaches {result['protocol']} {result['ports']} of "
            f"{located(result['destination'], result['address'])}, whose "
            f"certificate has the fingerprint {seen}, but {_VARIABLE} of {result['source']} has "
            f"{' and '.join(others)}, so drivers refuse to connect: if the certificate was renewed, write "
            f"its fingerprint into the string; if not, another server answers there."
        )
        place = result["address"]
        endpoint = f"[{place}]:{result['ports']}" if ":" in place else f"{place}:{result['ports']}"
        command = causes.FINGERPRINT_DIFFERS.command.format(endpoint=endpoint, source=result["source"])
        return t.cast(
            "Result",
            {
                **result,
                "verdict": WRONG_SERVICE,
                "sentence": sentence,
                "cause": causes.FINGERPRINT_DIFFERS.code,
                "evidence": [
                    f"{result['source']} sees the fingerprint {seen}",
                    f"the connection string has {' and '.join(others)}",
                ],
                "next_command": command,
                "actor": list(
                    actors_at(causes.FINGERPRINT_DIFFERS.actors, result["source"], result["destination"])
                ),
            },
        )

    def notes(self) -> list[str]:
        """Return what is wrong with the strings, one note for all clients of which the same is true."""
        clients: dict[str, list[str]] = {}
        for client, view in self._views.items():
            for finding in (*_findings(view), *self._not_compared(client)):
                clients.setdefault(finding, []).append(client)
        return [f"{_VARIABLE} of {_names(several)}: {finding}" for finding, several in clients.items()]

    def _not_compared(self, client: str) -> Iterator[str]:
        for why, reason in _WHY_UNSEEN.items():
            nodes = self._unseen.get((client, why))
            if nodes:
                yield f"the fingerprint was not compared at {_names(list(dict.fromkeys(nodes)))}: {reason}."


_OUR_LISTENER, _NOT_ASKED = "our_listener", "not_asked"
_WHY_UNSEEN = {
    _OUR_LISTENER: "our listeners answered, because the database does not run there",
    _NOT_ASKED: "no certificate was seen (exasol_verify_identify)",
}


def _paths_of_owners(paths: Iterable[Path], owners: Mapping[str, str]) -> list[Path]:
    """Return paths, also as those of the nodes that have their addresses."""
    found = {(path["destination"], path["address"]): path for path in paths}
    for path in list(found.values()):
        owner = owners.get(path["address"], path["destination"])
        found.setdefault((owner, path["address"]), {**path, "destination": owner})
    return list(found.values())


class _Moved:
    """The flows and observations of a client, with those of names at the nodes to which they led."""

    def __init__(self, view: _View, host: HostPlan):
        self._view = view
        self.probes: list[ProbeFlow] = [entry for entry in host["probes"] if not entry.get("member")]
        asked = {(name, entry["protocol"]) for entry in self.probes for name in entry["destinations"]}
        self._seen = self._measured()
        moved: set[int] = set()
        more: list[Observation] = []
        for entry in host["probes"]:
            if not entry.get("member"):
                continue
            staying: dict[str, list[str]] = {}
            for name, addresses in entry["destinations"].items():
                here = [one for one in view.observations if _is_about(one, name, entry)]
                led = [one for one in here if one["address"] in view.owners]
                more += [self._of_node(one, entry) for one in led if self._is_new(one, entry)]
                moved.update(map(id, led))
                if not led or len(led) < len(here):
                    staying[name] = addresses
            if staying:
                self.probes.append(t.cast("ProbeFlow", {**entry, "destinations": staying}))
        self.observations = [
            one
            for one in view.observations
            if id(one) not in moved or (one["destination"], one["protocol"]) in asked
        ] + more

    def _measured(self) -> set[Place]:
        """Return where the client has measured a node anyway."""
        ports: dict[str, list[Ports]] = {}
        for entry in self.probes:
            if (entry["service"], entry["expected"]) == (DATABASE, REACHABLE):
                for name in entry["destinations"]:
                    ports.setdefault(name, []).append(Ports.parse(entry["ports"]))
        found: set[Place] = set()
        for one in self._view.observations:
            wanted = Ports.union(ports.get(one["destination"], ()))
            if one["protocol"] == "tcp" and wanted:
                found |= {(one["address"], port) for port in wanted & Ports.parse(one["ports"])}
        return found

    def _is_new(self, observation: Observation, entry: ProbeFlow) -> bool:
        places = {(observation["address"], port) for port in Ports.parse(entry["ports"])}
        is_new = not places <= self._seen
        self._seen |= places
        return is_new

    def _of_node(self, observation: Observation, entry: ProbeFlow) -> Observation:
        node, ports = self._view.owners[observation["address"]], Ports.parse(entry["ports"])
        destinations = {node: [observation["address"]]}
        flow = {name: value for name, value in entry.items() if name != "member"}
        self.probes.append(t.cast("ProbeFlow", {**flow, "destinations": destinations}))
        states = [
            t.cast(t.Any, {**state, "ports": str(ports & Ports.parse(state["ports"]))})
            for state in observation["states"]
            if ports & Ports.parse(state["ports"])
        ]
        return {**observation, "destination": node, "ports": str(ports), "states": states}


def _is_about(observation: Observation, name: str, entry: ProbeFlow) -> bool:
    return (observation["destination"], observation["protocol"]) == (name, entry["protocol"])


def _fingerprints(view: _View) -> dict[Place, set[str]]:
    """Return the fingerprints that a client expects at each place."""
    found: dict[Place, set[str]] = {}
    for member in view.entry["members"]:
        if member["fingerprint"] in ("", NO_CERTIFICATE_CHECK):
            continue
        for address in view.addresses(member["host"]):
            found.setdefault((address, member["port"]), set()).add(member["fingerprint"])
    return found


def _findings(view: _View) -> Iterator[str]:
    """Yield what is wrong with the string of a client, as a sentence without its subject."""
    members = [
        Member(canonical(member["host"]), member["port"], member["fingerprint"])
        for member in view.entry["members"]
    ]
    # A host that failed knows nothing of its names.
    looked_up = [
        member
        for member in members
        if parse_address(member.host) or member.host in view.owners or member.host in view.resolved
    ]
    nodes: dict[str, list[str]] = {name: [] for name in view.nodes.reached}
    for address, name in view.owners.items():
        nodes[name].append(address)
    found = compare_members(looked_up, view.resolved, nodes)
    yield from _of_stale(view, found.stale)
    yield from _of_names(view)
    yield from _of_private(view, members)
    yield from _of_ports(view, members)
    named = [name for name in nodes if name not in found.missing]
    clusters = sorted({view.nodes.cluster(name) for name in named})
    if len(clusters) > 1:
        yield (
            f"it names nodes of several clusters ({', '.join(map(_cluster, clusters))}), and a driver "
            f"connects to any of its members: write one string for each cluster."
        )
    # A name without an address is meant for some node.
    is_complete = len(looked_up) == len(members) and all(view.resolved.values())
    missing = [name for name in found.missing if view.nodes.cluster(name) in clusters]
    if missing and is_complete:
        nodes_missing = _names([view.nodes.shown(name) for name in missing])
        yield (
            f"it does not name {nodes_missing} of the cluster, so drivers cannot connect there, for example "
            f"after a failover: add what is missing."
        )
    for note in view.entry["notes"]:
        yield f"{note}."


def _of_stale(view: _View, stale: Iterable[Member]) -> Iterator[str]:
    for host in dict.fromkeys(member.host for member in stale):
        strange = [address for address in view.addresses(host) if address not in view.owners]
        if host in view.resolved and not strange:
            yield (
                f"{host} does not resolve to the address of another host there: correct the name in the "
                f"string, or fix name resolution on that client."
            )
            continue
        leads = f"{host} resolves to {', '.join(strange)} there, which" if host in view.resolved else host
        yield (
            f"{leads} is a stale or unknown member, because no node of this inventory has that address: "
            f"remove it from the string, or correct exasol_address or exasol_external_address of the node."
        )


def _of_names(view: _View) -> Iterator[str]:
    for name, addresses in view.resolved.items():
        nodes = list(dict.fromkeys(view.owners[one] for one in addresses if one in view.owners))
        if len(nodes) > 1:
            yield (
                f"{name} resolves to several nodes there ({_names(nodes)}), of which some drivers try one "
                f"only: name each node by itself."
            )


def _of_private(view: _View, members: Iterable[Member]) -> Iterator[str]:
    for host in dict.fromkeys(member.host for member in members):
        places = [host] if host in view.nodes.private else view.resolved.get(host, [])
        for address in places:
            node = view.nodes.private.get(address)
            if node is not None:
                what = address if address == host else f"{host} resolves to {address} there, which"
                external = ", ".join(view.nodes.reached[node])
                yield (
                    f"{what} is the private address of {node}, for nodes of its own cluster: write "
                    f"{external} (exasol_external_address) instead."
                )


def _of_ports(view: _View, members: Iterable[Member]) -> Iterator[str]:
    planned = Ports.parse(view.entry["ports"])
    by_port: dict[int, list[str]] = {}
    for member in members:
        if member.port in planned:
            continue
        places = [member.host] if member.host in view.owners else view.resolved.get(member.host, [])
        by_port.setdefault(member.port, []).extend(
            view.owners[address] for address in places if address in view.owners
        )
    for port, nodes in by_port.items():
        if nodes:
            yield (
                f"it has port {port} for {_names(list(dict.fromkeys(nodes)))}, and the plan has {planned}: "
                f"correct the string, or the port in overrides ({DATABASE})."
            )


def _cluster(name: str) -> str:
    return name or "without exasol_cluster"


def _names(names: Sequence[str]) -> str:
    return some_of(names, _MAX_NAMES)
