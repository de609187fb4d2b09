# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans, and what their hosts observed, for the tests of what joins and judges them."""

from __future__ import annotations

from ansible_collections.exasol_community.network.plugins.module_utils._plan.flows import Party
from ansible_collections.exasol_community.network.plugins.module_utils._plan.plan import Wishes, make_plan
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.joining import Joining

N1, N2 = (Party(f"n{number}", (f"192.0.2.{number}",), managed=True) for number in (1, 2))


CLIENT = Party("client", ("192.0.2.21", "2001:db8::21"), managed=True)


OPEN, CLOSED, SILENT = (
    {"state": state, "reason": reason}
    for state, reason in (("open", "syn-ack"), ("closed", "conn-refused"), ("filtered", "no-response"))
)


LOST = {"failed": True, "msg": "the host was unreachable"}


def plan(**wishes):
    """Return the plan of two nodes and a client, of release kb."""
    return make_plan(
        Wishes(**{"release": "kb", **wishes}), {"database_node": [N1, N2], "client": [CLIENT]}, []
    )


def listening(made):
    """Return listeners that all came up."""
    return {
        name: {"changed": True, "listening": host["endpoints"], "in_use": [], "denied": []}
        for name, host in made["hosts"].items()
        if host["endpoints"]
    }


def clean_path(destination, address, **more):
    """Return a path on which full-size segments pass in both directions."""
    passed = {"state": "passed", "size": 1448, "mss": 1448}
    segments = {"out": passed, "in": passed}
    return {
        "destination": destination,
        "address": address,
        "tries": 16,
        "lost": 0,
        "segments": segments,
        **more,
    }


def with_clean_paths(observations):
    """Return the result of a probe that found all paths of its observations clean."""
    places = dict.fromkeys((entry["destination"], entry["address"]) for entry in observations)
    return {"observations": observations, "paths": [clean_path(*place) for place in places]}


def observed(made, state=None, **states):
    """Return what probes of a plan saw.

    One state everywhere, or another one by source and destination (C(n1_n2)).
    """
    state = state or {**OPEN, "rtt_ms": {"min": 1.0, "median": 1.0, "max": 1.0}}
    return {
        source: with_clean_paths(
            [
                {
                    "destination": name,
                    "address": address,
                    "protocol": entry["protocol"],
                    "ports": entry["ports"],
                    "states": [{**states.get(f"{source}_{name}", state), "ports": entry["ports"]}],
                }
                for entry in host["probes"]
                for name, addresses in entry["destinations"].items()
                for address in addresses
            ]
        )
        for source, host in made["hosts"].items()
        if host["probes"]
    }


def results(made, seen, listeners=None):
    """Return the results by flow; each flow of these plans has one address."""
    joined = Joining(made, seen, listening(made) if listeners is None else listeners).judge().results
    return {
        (result["source"], result["destination"], result["service"], result["ports"]): result
        for result in joined
    }


def verdicts(*arguments):
    """Return the verdicts by flow."""
    return {flow: result["verdict"] for flow, result in results(*arguments).items()}


MESH = {("n1", "n2", "subconnection_in", "20000-21000"), ("n2", "n1", "subconnection_in", "20000-21000")}


SQL = {("client", "n1", "sql_client", "8563"), ("client", "n2", "sql_client", "8563")}


def holding(by, *at, ports="8563", address="192.0.2.2", **more):
    """Return what the listener of n2 returned where something else holds ports."""
    held = [{"address": address, "protocol": "tcp", "ports": ports, "by": by, "at": list(at)}]
    return {
        "listening": [],
        "in_use": [{"address": address, "protocol": "tcp", "ports": ports}],
        "denied": [],
        "holders": held,
        **more,
    }


def of_n2(state, listener, expected="reachable", **options):
    """Return the one result of what the client saw at n2, and n2's listener returned."""
    made = plan()
    for entry in made["hosts"]["client"]["probes"]:
        entry["expected"] = expected
    listeners = {**listening(made), "n2": listener}
    found = Joining(made, observed(made, client_n2=state), listeners, **options).judge().results
    (one,) = [result for result in found if (result["source"], result["destination"]) == ("client", "n2")]
    return one


QUERIED = {
    "n1": {"changed": False, "listening": [], "in_use": [], "denied": [], "holders": [], "leftovers": []}
}


LEFT = {
    "pid": 4711,
    "uid": 0,
    "user": "root",
    "host": "n2",
    "age_s": 190,
    "quiet_s": 185,
    "left_s": 115,
    "ended": False,
    "ports": [{"address": "192.0.2.2", "protocol": "tcp", "ports": "8563"}],
}
