# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan and verifications that the readers are given."""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.change_request import (
    request_of_plan,
    request_of_verification,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._change_request.lines import Request

MARKUP = "<img src=x onerror=document.title='broken'>"
NODES = {f"n{number}": (f"192.0.2.{number}", f"2001:db8::{number}") for number in range(11, 15)}
CREATED = "2026-11-23T05:00:49+00:00"
_SEEN = {
    "ok": ("open", "syn-ack"),
    "no_listener": ("closed", "conn-refused"),
    "untested": ("error", "no-observation"),
}


def result(
    source: str,
    destination: str,
    service: str = "sql_client",
    ports: str = "8563",
    verdict: str = "ok",
    **more: t.Any,
) -> dict[str, t.Any]:
    """Return one result."""
    state, reason = _SEEN.get(verdict, ("filtered", "no-response"))
    made = {
        "source": source,
        "destination": destination,
        "address": destination,
        "service": service,
        "protocol": "tcp",
        "ports": ports,
        "verdict": verdict,
        "expected": "reachable",
        "state": state,
        "reason": reason,
        "sentence": f"{source} and {destination}: {verdict}.",
        **more,
    }
    return {**made, "rtt_ms": {"min": 0.125, "median": 0.25, "max": 0.5}} if verdict == "ok" else made


def verification(results: list[dict[str, t.Any]], nodes: t.Iterable[str], **more: t.Any) -> dict[str, t.Any]:
    """Return a verification with these results."""
    words = dict.fromkeys(one["verdict"] for one in results)
    summary = {word: sum(one["verdict"] == word for one in results) for word in words}
    return {
        "created": CREATED,
        "release": "8",
        "peers": {"database_node": list(nodes)},
        "addresses": {node: [node] for node in nodes},
        "results": results,
        "untestable": [],
        "summary": summary,
        **more,
    }


def cluster(count: int) -> dict[str, t.Any]:
    """Return a verification of so many nodes.

    The second one is blocked, and one service of the first has no listener.
    """
    nodes = [f"node{number:02}" for number in range(count)]
    results = [
        result(*pair, "subconnection_in", "20000-21000", "blocked", actor=["network"])
        if pair[1] == nodes[1]
        else result(*pair, "subconnection_in", "20000-21000")
        for pair in itertools.permutations(nodes, 2)
    ]
    results += [result(MARKUP, node) for node in nodes] + [
        result(MARKUP, nodes[0], "bucketfs", "2580", "no_listener")
    ]
    return verification(results, nodes, hosts=[*nodes, MARKUP])


def everything() -> dict[str, t.Any]:
    """Return a verification with markup, untested and untestable flows, and a row without a flow."""
    aside = {
        "service": "ftp_data",
        "protocol": "tcp",
        "ports": "20",
        "sources": ["node00"],
        "destinations": ["files"],
        "reason": "nothing to connect to",
    }
    uncovered = {
        "service": "db2",
        "protocol": "tcp",
        "ports": "50000",
        "need": "required",
        "cause": "unassigned",
        "peers": ["db2"],
        "reason": "nobody plays db2",
    }
    made = cluster(3)
    untested = result("node00", 'a "quoted" \\ name', "oracle", "1521", "untested")
    return verification(
        [*made["results"], untested],
        ["node00", "node01", "node02"],
        untestable=[aside],
        not_covered=[uncovered],
    )


def plan() -> dict[str, t.Any]:
    """Return the plan of a site with both versions of IP, networks, names and partners."""

    def host(name: str, *addresses: str) -> Party:
        return Party(name, addresses, managed=True)

    def foreign(name: str) -> Party:
        return Party(name, (name,), network="/" in name)

    members = {
        "database_node": [host(name, *addresses) for name, addresses in NODES.items()],
        "client": [host("client", "192.0.2.21"), foreign("198.51.100.0/24")],
        "admin_network": [host("admin", "192.0.2.22", "2001:db8::22")],
        "oracle": [foreign("192.0.2.40")],
        "ftp_server": [foreign("192.0.2.42")],
        "ntp_server": [foreign("192.0.2.41"), foreign("2001:db8::41")],
        "ldaps_server": [foreign("ldap.example.com")],
    }
    return make_plan(
        Wishes(exclude=["cluster_internal"]),
        members,
        [party for several in members.values() for party in several if party.managed],
    )


def request_of(made: dict[str, t.Any]) -> Request:
    """Return the change request of a verification or of a plan."""
    return request_of_verification(made) if "results" in made else request_of_plan(made)


def blocked() -> dict[str, t.Any]:
    """Return a verification in which some flows are blocked between the hosts."""
    found = [
        result(
            source,
            destination,
            "subconnection_in",
            "20000-20099,20101-21000",
            "blocked_on_path",
            address=NODES[destination][0],
        )
        for source, destination in itertools.permutations(NODES, 2)
    ]
    found += [
        result("client", "n11", verdict="blocked_on_path", address=NODES["n11"][1]),
        result("n11", "192.0.2.40", "oracle", "1521", "blocked_on_return"),
    ]
    addresses = {
        **{name: list(several) for name, several in NODES.items()},
        "client": ["192.0.2.21", "2001:db8::21"],
    }
    return verification(found, NODES, addresses=addresses)
