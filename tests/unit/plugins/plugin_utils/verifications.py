# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verifications of a cluster, as the renderers get them."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

MARKUP = "\\`*_[]<>|#"
TEXTS = st.text(MARKUP + "n1-. ä漢🙂&~!\n\r\t\x1b\u200b\u2028\u202e\x00\"'=", min_size=1, max_size=30)

NODES = [f"n{number}" for number in range(11, 17)]
PEERS = {"database_node": NODES, "any_node": NODES, "client": ["client"]}
WORDS = {
    "ok": ("open", "syn-ack"),
    "blocked": ("filtered", "no-response"),
    "no_listener": ("closed", "conn-refused"),
    "exposed": ("open", "syn-ack"),
    "untested": ("error", "no-observation"),
    "blocked_at_destination": ("filtered", "admin-prohibited"),
}
ASIDE = {
    "service": "ftp_data",
    "protocol": "tcp",
    "ports": "20",
    "sources": NODES,
    "destinations": ["files"],
    "reason": "nothing to connect to",
}


def uncovered(service="oracle", cause="unassigned", reason="nobody plays oracle", **more):
    """Return a row that is not covered."""
    return {
        "service": service,
        "protocol": "tcp",
        "ports": "1521",
        "need": "required",
        "cause": cause,
        "peers": [service],
        "reason": reason,
        **more,
    }


UNCOVERED = [
    uncovered(),
    uncovered("db2", "absent", "the site has no db2 (exasol_absent_peers)", ports="50000"),
    uncovered("mysql", "excluded", "it is excluded (exasol_exclude)", peers=[], ports="3306"),
]


def result(source, destination, verdict="ok", service="sql_client", ports="8563", **more):
    """Return one result."""
    state, reason = WORDS[verdict]
    made = {
        "source": source,
        "destination": destination,
        "address": destination,
        "service": service,
        "protocol": "tcp",
        "ports": ports,
        "expected": "reachable",
        "verdict": verdict,
        "state": state,
        "reason": reason,
        "sentence": f"{source} to {destination}: {verdict}.",
    }
    return (
        {**made, "rtt_ms": {"min": 1.0, "median": 1.0, "max": 1.0}, **more}
        if state == "open"
        else {**made, **more}
    )


def measured_path(source, destination, out=1448, back=1448, **more):
    """Return a path on which segments of these sizes pass; of full size are those of 1448 bytes."""
    sizes = {"out": out, "in": back}
    return {
        "source": source,
        "destination": destination,
        "address": destination,
        "tries": 100,
        "lost": 0,
        "rtt_ms": {"min": 0.25, "median": 0.5, "p95": 1.0, "max": 2.0},
        "segments": {
            direction: {"state": "passed" if size == 1448 else "stalled", "size": size, "mss": 1448}
            for direction, size in sizes.items()
        },
        "clock_offset_s": -0.125,
        "clock_error_s": 0.001,
        **more,
    }


# Connections that were cut between one minute and six.
IDLE = [
    {"seconds": 60, "source_first": "lived", "destination_first": "lived"},
    {"seconds": 350, "source_first": "silence", "destination_first": "lived"},
]


# 1.17 GB/s away from the source, and nothing is known of the other direction.
THROUGHPUT = {
    "out": {"bytes_per_second": 1172345678, "bytes": 750000000, "seconds": 0.64},
    "in": {"reason": "busy"},
}


def mesh(nodes=NODES, **verdicts):
    """Return the results of a mesh; C(verdicts) are those of all flows to a node."""
    return [
        result(source, destination, verdicts.get(destination, "ok"), "subconnection_in", "20000-21000")
        for source, destination in itertools.permutations(nodes, 2)
    ]


def verification(results, **more):
    """Return a verification with these results."""
    summary = {}
    for one in results:
        summary[one["verdict"]] = summary.get(one["verdict"], 0) + 1
    return {
        "created": "2026-11-23T05:00:49+00:00",
        "release": "8",
        "peers": PEERS,
        "results": results,
        "untestable": [],
        "summary": summary,
        **more,
    }
