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


NAMES = ["n1", "n11", "n2", "a", "{source}", "192.0.2.1", "ä b"]
ADDRESSES = {"n1": ["192.0.2.1"], "n11": ["192.0.2.11", "2001:db8::11"], "a": []}
NUMBERS = st.one_of(st.integers(0, 9), st.floats(0, 1e6, allow_nan=False), st.just(2**70))


@st.composite
def _results(draw):
    """Draw results that share much, and name their ends in their texts in every way."""
    found = []
    for _number in range(draw(st.integers(0, 9))):
        source, destination = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
        address = draw(st.sampled_from(["192.0.2.1", "192.0.2.11", "192.0.2.1, 192.0.2.2"]))
        words = st.sampled_from([source, destination, address, "from", "{address}", "{", "2001:db8::11"])
        text = " ".join(draw(st.lists(words, min_size=1, max_size=5)))
        more = draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "cause": st.sampled_from(["silence", "reset"]),
                    "evidence": st.lists(st.just(text), max_size=2),
                    "actor": st.sampled_from([["network"], [f"host:{source}"], [f"host:{destination}"]]),
                    "reason_ip": st.sampled_from([address.split(", ")[0], "192.0.2.254"]),
                    "identity": st.sampled_from(
                        [{"status": "identified"}, {"status": "silent", "tls": {"days_left": 3}}]
                    ),
                    "trace": st.just({"port": 1, "hop": 0, "by": []}),
                    "rtt_ms": st.fixed_dictionaries({"min": NUMBERS, "median": NUMBERS, "max": NUMBERS}),
                },
            )
        )
        verdict = draw(st.sampled_from(["ok", "blocked", "untested"]))
        made = result(source, destination, verdict, address=address, sentence=text)
        made.pop("rtt_ms", None)
        made.update(more)
        order = draw(st.permutations(list(made)))
        found.append({name: made[name] for name in order})
    return found


RESULTS = _results()
