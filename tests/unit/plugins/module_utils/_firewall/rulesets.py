# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables rule sets as C(nft -j list ruleset) tells them (libnftables-json(5)), made by hand."""

from ansible_collections.exasol_community.network.plugins.module_utils._firewall.ruleset import (
    CHAINS,
    Ruleset,
)

TCP_22 = {"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}
COUNTER = {"counter": {"packets": 0, "bytes": 0}}
ACCEPT, DROP, REJECT = (
    {"accept": None},
    {"drop": None},
    {"reject": {"type": "icmpx", "expr": "port-unreachable"}},
)


def base(hook="input", policy="accept", name=None, **changes):
    """Return a base chain."""
    return {
        "chain": dict(
            {
                "family": "inet",
                "table": "filter",
                "name": name or hook,
                "handle": 1,
                "type": "filter",
                "hook": hook,
                "prio": 0,
                "policy": policy,
            },
            **changes,
        )
    }


def chain(name, **changes):
    """Return a chain that others jump to."""
    return {"chain": dict({"family": "inet", "table": "filter", "name": name, "handle": 2}, **changes)}


def entry(where, *expressions, **changes):
    """Return a rule of the chain C(where)."""
    return {
        "rule": dict(
            {"family": "inet", "table": "filter", "chain": where, "handle": 10, "expr": list(expressions)},
            **changes,
        )
    }


def jump(target, verb="jump"):
    """Return a jump."""
    return {verb: {"target": target}}


def our_jump(where, handle, **changes):
    """Return our jump in the chain C(where)."""
    name = CHAINS["out" if where.startswith("output") else "in"]
    return entry(where, jump(name), handle=handle, comment="exasol_community.network", **changes)


def vmap(**verdicts):
    """Return a verdict map of connection states."""
    return {
        "vmap": {
            "key": {"ct": {"key": "state"}},
            "data": {"set": [[state, {verdict: None}] for state, verdict in sorted(verdicts.items())]},
        }
    }


def ruleset(*items):
    """Return a rule set."""
    return Ruleset(document(*items))


def document(*items):
    """Return what C(nft -j list ruleset) prints, as data."""
    return {"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}] + list(items)}
