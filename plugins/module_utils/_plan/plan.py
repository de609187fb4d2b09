# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: plain data, indexed by host, from a release, its overrides and the parties of each peer."""

from typing import TYPE_CHECKING, Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from .._values.addresses import everybody
from .._values.errors import NetworkError
from .coverage import Request, check_absent, not_covered, without_effect
from .denied_flows import Forbidden, closed
from .flows import (
    Members,
    Party,
    Probes,
    bundles,
    endpoints,
    mark_nodes,
    probes,
    select,
    unassigned,
    untestable,
    with_any_node,
)
from .ftp_modes import FtpWishes, apply_mode
from .host_rules import nobodys, rules
from .table import DEFAULT_RELEASE, TABLE

if TYPE_CHECKING:
    from .._shapes import Endpoint, HostPlan, HostRule, Plan


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


def make_plan(wishes: Wishes, members: Members, hosts: Iterable[Party]) -> "Plan":
    """Return the plan; C(hosts) are the managed hosts of the run, those included that play no peer."""
    TABLE.check_names(wishes.include, wishes.release, "include")
    TABLE.check_names(wishes.exclude, wishes.release, "exclude")
    TABLE.check_peers(members)
    check_absent(wishes.absent, members)
    if not wishes.allow_any:
        _check_any(members)
    members, present = mark_nodes(members, hosts)
    request = Request(
        release=wishes.release,
        include=wishes.include,
        exclude=wishes.exclude,
        overrides=wishes.overrides or {},
        absent=wishes.absent,
    )
    rows = TABLE.services_of(wishes.release, wishes.overrides)
    services = apply_mode(select(rows, wishes.include, wishes.exclude), wishes.ftp)
    members = with_any_node(members)
    found, unused = bundles(services, members), closed(rows, services, wishes.exclude, members)
    everybody_here = _everybody(members, present)
    forbidden = Forbidden(found, unused)
    planned = probes(found)
    if wishes.check_denied:
        refused = forbidden.probes(everybody_here)
        for entries_by_host in (forbidden.controls(planned, refused, present), refused):
            for name, entries in entries_by_host.items():
                planned.setdefault(name, []).extend(entries)
    ruled = nobodys(forbidden.incoming, rules(found, everybody_here))
    left = unassigned(services, members)
    result: Plan = {
        "release": wishes.release,
        "unassigned": left,
        "untestable": untestable(found),
        "not_covered": not_covered(request, rows, services, found, members),
        "notes": without_effect(request, services, members, wishes.ftp.mode)
        + (_alone(forbidden.alone) if wishes.check_denied else []),
        "hosts": _by_host(everybody_here, members, planned, endpoints(planned, everybody_here), ruled),
    }
    _refuse_empty(result, left)
    return result


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
    everybody.update(
        dict.fromkeys(party for parties in members.values() for party in parties if party.managed)
    )
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
    return {
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
