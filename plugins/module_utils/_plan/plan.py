# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: plain data, indexed by host, from a release, its overrides and the parties of each peer."""

from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from .._values.addresses import everybody
from .._values.errors import NetworkError
from .address_rules import address_notes
from .connections import connections, listening_too
from .connections import without_effect as idle_connections
from .coverage import Request, check_absent, not_covered, without_effect
from .denied_flows import Forbidden, closed
from .flows import (
    NODE,
    Members,
    Party,
    Probes,
    bundles,
    endpoints,
    probes,
    select,
    unassigned,
    untestable,
    with_any_node,
)
from .ftp_modes import FtpWishes, apply_mode
from .host_rules import rules
from .releases import DEFAULT_RELEASE, Release
from .services import parse
from .table import TABLE, shown
from .table_rows import DATABASE, NODE_PEERS

if TYPE_CHECKING:
    from .._shapes import Endpoint, HostPlan, HostRule, Plan


_MAX_NAMES = 3  # of hosts in a note


class Wishes(NamedTuple):
    """What a user asks of the port table."""

    release: str = DEFAULT_RELEASE
    overrides: Optional[Mapping[str, Any]] = None
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    check_denied: bool = False
    ftp: FtpWishes = FtpWishes()
    absent: Sequence[str] = ()
    allow_any: bool = False
    releases: Mapping[str, str] = {}  # of nodes, by host; the others have the site's (release)
    services: Any = ()  # of the site's own, as exasol_services has them
    connections: Mapping[str, Any] = {}  # connection strings, by the host that has one


def make_plan(wishes: Wishes, members: Members, hosts: Iterable[Party]) -> "Plan":
    """Return the plan; C(hosts) are the managed hosts of the run, those included that play no peer."""
    members, present = _with_releases(wishes, members, list(hosts))
    releases = _releases(wishes, members)
    own = parse(wishes.services)
    table = TABLE.with_rows(own)
    table.check_names(wishes.include, releases, "include")
    table.check_names(wishes.exclude, releases, "exclude")
    table.check_peers(members)
    check_absent(wishes.absent, members, table.peers)
    if not wishes.allow_any:
        _check_any(members)
    request = Request(
        table=table,
        release=releases,
        include=wishes.include,
        exclude=wishes.exclude,
        overrides=wishes.overrides or {},
        absent=wishes.absent,
    )
    rows = table.services_of(releases, wishes.overrides)
    selected = select(rows, wishes.include, wishes.exclude)
    table.check_distinct(selected)
    services = apply_mode(selected, wishes.ftp)
    members = with_any_node(members)
    found, unused = bundles(services, members), closed(rows, services, wishes.exclude, members)
    everybody_here = _everybody(members, present)
    strings = connections(
        wishes.connections,
        row=next((row for row in rows if row.name == DATABASE), None),
        planned=any(service.name == DATABASE for service in services),
        members=members,
    )
    opened = found + strings.bundles
    forbidden = Forbidden(opened, unused)
    planned = probes(found)
    for name, several in strings.probes.items():
        planned.setdefault(name, []).extend(several)
    if wishes.check_denied:
        refused = forbidden.probes(everybody_here)
        for entries_by_host in (forbidden.controls(planned, refused, present), refused):
            for name, entries in entries_by_host.items():
                planned.setdefault(name, []).extend(entries)
    ruled = rules(opened, everybody_here, forbidden.incoming)
    listened = endpoints(listening_too(planned, strings.listening), everybody_here)
    left = unassigned(services, members)
    result: Plan = {
        "release": shown(releases),
        "unassigned": left,
        "untestable": untestable(found),
        "not_covered": not_covered(request, rows, services, found, members),
        "notes": without_effect(request, services, members, wishes.ftp.mode)
        + address_notes(members["any_node"])
        + _cluster_notes(members["any_node"])
        + idle_connections(wishes.connections, members)
        + (_alone(forbidden.alone) if wishes.check_denied else []),
        "hosts": _by_host(everybody_here, members, planned, listened, ruled),
        "connections": strings.entries,
    }
    _refuse_empty(result, left)
    return result


def _with_releases(
    wishes: Wishes, members: Members, hosts: Sequence[Party]
) -> Tuple[Dict[str, List[Party]], List[Party]]:
    """Return the members and hosts, with the nodes marked and with the release of each; others have none."""
    of_clusters = {party.name for party in members.get(NODE, ())}
    nodes = sorted({party for peer in NODE_PEERS for party in members.get(peer, ())})
    for party in nodes:
        if party.name in wishes.releases:
            _checked(party.name, wishes.releases[party.name])
    outside = _of_outside(wishes, nodes)
    known = {
        party: party._replace(
            release=wishes.releases.get(party.name, wishes.release) if party.managed else outside,
            is_node=party.name in of_clusters,
        )
        for party in nodes
    }
    _check_clusters(known.values())
    stamped = {peer: [known.get(party, party) for party in parties] for peer, parties in members.items()}
    return stamped, [known.get(party, party) for party in hosts]


def _checked(host: str, release: str) -> None:
    try:
        Release.parse(release)
    except NetworkError as error:
        raise NetworkError(f"host {host!r}, exasol_release: {error}")


def _of_outside(wishes: Wishes, nodes: Iterable[Party]) -> str:
    """Return the release of nodes that are no hosts of the inventory: that of all others, if it is one."""
    found = {wishes.releases.get(party.name, wishes.release) for party in nodes if party.managed}
    if not found:
        return wishes.release
    return found.pop() if len(found) == 1 else DEFAULT_RELEASE


def _check_clusters(nodes: Iterable[Party]) -> None:
    first: Dict[str, Party] = {}
    for node in sorted(node for node in nodes if node.managed):
        other = first.setdefault(node.cluster, node)
        if other.release != node.release:
            cluster = f"of cluster {node.cluster!r}" if node.cluster else "without exasol_cluster"
            raise NetworkError(
                f"exasol_release differs between nodes {cluster}: {other.name} has {other.release!r}, "
                f"{node.name} has {node.release!r}. A cluster has one release: correct it, or name the "
                "clusters of these nodes (exasol_cluster)"
            )


def _cluster_notes(nodes: Iterable[Party]) -> List[str]:
    """Return a sentence for nodes that are perhaps in another cluster than is meant.

    Nodes of two clusters need other services of each other, and no open network between them.
    """
    clusters: Dict[str, List[str]] = {}
    for node in sorted(node for node in nodes if node.managed):
        clusters.setdefault(node.cluster, []).append(node.name)
    named = sorted(filter(None, clusters))
    notes = []
    if named and "" in clusters:
        notes.append(
            "nodes without exasol_cluster ({0}) count as another cluster than {1}: set it for them if they "
            "belong to one of these.".format(
                _some_names(clusters[""]), " and ".join(repr(name) for name in named)
            )
        )
    alike: Dict[str, List[str]] = {}
    for name in named:
        alike.setdefault(name.casefold(), []).append(name)
    return notes + [
        "{0} differ in upper and lower case only, and count as different clusters: give them one name "
        "(exasol_cluster) if they are one.".format(" and ".join(repr(name) for name in names))
        for names in alike.values()
        if len(names) > 1
    ]


def _some_names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _releases(wishes: Wishes, members: Members) -> Tuple[str, ...]:
    """Return the releases of all nodes, or that of the site if it has no node."""
    nodes = [party for peer in NODE_PEERS for party in members.get(peer, ())]
    # In the order of their age, so that the order of hosts does not matter.
    found = sorted({party.release for party in nodes} or {wishes.release}, key=_age)
    return tuple(found)


def _age(release: str) -> Tuple[Any, ...]:
    version = Release.parse(release).version
    return (version is not None, version or (), release)


def _check_any(members: Members) -> None:
    for peer, parties in sorted(members.items()):
        texts = [address for party in parties for address in party.addresses]
        for network in everybody(texts):
            some = [text for text in texts if "/" in text and (":" in text) == (network.version == 6)]
            raise NetworkError(
                "peer {0!r} is given {1}, which is every address of IPv{2}: name the networks that need it, "
                "or set allow_any "
                "(exasol_allow_any) to true".format(peer, ", ".join(some), network.version)
            )


def _alone(nodes: Sequence[str]) -> List[str]:
    return [
        f"check_denied does not try the private address of {name}, the only managed node of its cluster: no "
        "other node can show that it works at all."
        for name in nodes
    ]


def _everybody(members: Members, hosts: Iterable[Party]) -> List[Party]:
    everybody = dict.fromkeys(hosts)
    for parties in members.values():
        everybody.update(dict.fromkeys(party for party in parties if party.managed))
    return list(everybody)


def _by_host(
    everybody: Sequence[Party],
    members: Members,
    planned: Probes,
    listened: "Mapping[str, List[Endpoint]]",
    ruled: "Mapping[str, List[HostRule]]",
) -> "Dict[str, HostPlan]":
    peers: Dict[str, List[str]] = {}
    for peer, parties in sorted(members.items()):
        for party in parties:
            peers.setdefault(party.name, []).append(peer)
    found: "Dict[str, HostPlan]" = {
        party.name: {
            "peers": peers.get(party.name, []),
            "addresses": list(party.addresses),
            "external": list(party.external),
            "cluster": party.cluster,
            "probes": [probe.as_dict() for probe in planned.get(party.name, ())],
            "endpoints": listened.get(party.name, []),
            "rules": ruled.get(party.name, []),
        }
        for party in everybody
    }
    for party in everybody:
        if party.is_login_address:
            found[party.name]["is_login_address"] = True
    return found


def _refuse_empty(plan: "Plan", left: Sequence[str]) -> None:
    if plan["untestable"] or any(_acts(host) for host in plan["hosts"].values()):
        return
    nobody = "Nobody plays {0}. ".format(", ".join(left)) if left else ""
    raise NetworkError(
        f"the plan is empty: no service has both a source and a destination. {nobody}Put hosts into the "
        "groups exasol_nodes, exasol_clients and exasol_admins, and partner systems into exasol_peers"
    )


def _acts(host: "HostPlan") -> bool:
    # Rules without addresses let nobody in.
    return bool(host["probes"]) or any(entry["addresses"] for entry in host["rules"])


def flow_count(plan: "Plan") -> int:
    """Return how many flows the plan's probes measure: one for each source, destination and service."""
    return sum(len(entry["destinations"]) for host in plan["hosts"].values() for entry in host["probes"])
