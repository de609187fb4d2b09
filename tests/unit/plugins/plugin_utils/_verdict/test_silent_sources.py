# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources that one destination does not answer: a note that names a ban and a rule, and only if both fit."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.silent_sources import (
    silent_source_notes,
)


def result(source, destination, service="sql", ports="8563", **more):
    """Return the result of a flow that works."""
    return {
        "source": source,
        "destination": destination,
        "address": "192.0.2.1",
        "service": service,
        "protocol": "tcp",
        "ports": ports,
        "expected": "reachable",
        "verdict": "ok",
        "state": "open",
        "reason": "syn-ack",
        **more,
    }


def silent(source, destination, service="sql", ports="8563", **more):
    """Return the result of a flow from which nothing came back."""
    nothing = {"verdict": "blocked", "state": "filtered", "reason": "no-response", "cause": "silence"}
    return result(source, destination, service, ports, **{**nothing, **more})


BANNED = [silent("c1", "n1"), silent("c1", "n1", "web", "443")]
OTHERS = [result("c2", "n1"), result("c2", "n1", "web", "443")]
ELSEWHERE = [result("c1", "n2")]
REFUSED = {"state": "closed", "reason": "conn-refused", "verdict": "no_listener", "cause": "nothing_listens"}
DENIED = {"expected": "denied", "verdict": "untested", "cause": "no_control"}
CASES = {
    "banned": ([*BANNED, *OTHERS, *ELSEWHERE], True),
    "a range alone": (
        [silent("c1", "n1", "range", "20000-21000"), result("c2", "n1", "range", "20000-21000"), *ELSEWHERE],
        True,
    ),
    "captures saw them arrive": (
        [*(dict(one, verdict="blocked_at_destination") for one in BANNED), *OTHERS, *ELSEWHERE],
        True,
    ),
    "what is denied is silent too": (
        [silent("c1", "n1"), silent("c1", "n1", "ssh", "22", **DENIED), *OTHERS, *ELSEWHERE],
        True,
    ),
    "elsewhere it is refused": ([*BANNED, *OTHERS, result("c1", "n2", **REFUSED)], True),
    "all is well": ([*OTHERS, *ELSEWHERE], False),
    "one port answers": ([silent("c1", "n1"), result("c1", "n1", "web", "443"), *OTHERS, *ELSEWHERE], False),
    "one port is refused": (
        [silent("c1", "n1"), result("c1", "n1", "web", "443", **REFUSED), *OTHERS, *ELSEWHERE],
        False,
    ),
    "one port is rejected": (
        [*BANNED, silent("c1", "n1", "x", "9", reason="admin-prohibited"), *OTHERS, *ELSEWHERE],
        False,
    ),
    "a denied port answers": (
        [*BANNED, result("c1", "n1", "ssh", "22", expected="denied", verdict="exposed"), *OTHERS, *ELSEWHERE],
        False,
    ),
    "one port was not measured": (
        [*BANNED, silent("c1", "n1", "x", "9", state="error", reason="shut-out"), *OTHERS, *ELSEWHERE],
        False,
    ),
    "a single port": ([silent("c1", "n1"), *OTHERS, *ELSEWHERE], False),
    "others get nothing either": (
        [*BANNED, silent("c2", "n1"), silent("c2", "n1", "web", "443"), *ELSEWHERE],
        False,
    ),
    "others reach one of both": ([*BANNED, result("c2", "n1"), *ELSEWHERE], False),
    "others reach another destination": ([*BANNED, result("c2", "n2"), *ELSEWHERE], False),
    "others reach another service": ([*BANNED, result("c2", "n1", "ssh", "22"), *ELSEWHERE], False),
    "others reach what is denied": (
        [*BANNED, *(dict(one, expected="denied", verdict="exposed") for one in OTHERS), *ELSEWHERE],
        False,
    ),
    "others get to the wrong host": (
        [*BANNED, *(dict(one, verdict="wrong_host") for one in OTHERS), *ELSEWHERE],
        False,
    ),
    "the source gets nothing from anybody": ([*BANNED, *OTHERS, silent("c1", "n2")], False),
    "kernels explain it": (
        [*(dict(one, cause="no_route_back") for one in BANNED), *OTHERS, *ELSEWHERE],
        False,
    ),
    "the source sends from elsewhere": (
        [*(dict(one, cause="source_address") for one in BANNED), *OTHERS, *ELSEWHERE],
        False,
    ),
    "others reach another address of it": (
        [*BANNED, *(dict(one, address="198.51.100.1") for one in OTHERS), *ELSEWHERE],
        False,
    ),
    "others reach it at both addresses": (
        [*BANNED, *OTHERS, *(dict(one, address="198.51.100.1") for one in OTHERS), *ELSEWHERE],
        True,
    ),
    "others reach some of its ports": (
        [
            silent("c1", "n1", "range", "20000-21000"),
            result("c2", "n1", "range", "20000-20499"),
            silent("c2", "n1", "range", "20500-21000"),
            *ELSEWHERE,
        ],
        False,
    ),
    "others reach all of its ports together": (
        [
            silent("c1", "n1", "range", "20000-21000"),
            result("c2", "n1", "range", "20000-20499"),
            result("c3", "n1", "range", "20500-21000"),
            *ELSEWHERE,
        ],
        True,
    ),
    "the source reached itself elsewhere": (
        [*BANNED, *OTHERS, result("c1", "n2", verdict="wrong_host", cause="reached_itself")],
        False,
    ),
    "the source refuses itself elsewhere": (
        [*BANNED, *OTHERS, result("c1", "n2", **{**REFUSED, "verdict": "blocked_at_source"})],
        False,
    ),
    "nothing was measured": ([], False),
}


@pytest.mark.parametrize(("results", "is_noted"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("order", [1, -1], ids=["in order", "backwards"])
def test_only_a_source_that_is_treated_differently_is_noted(results, is_noted, order):
    before = [dict(one) for one in results]
    notes = silent_source_notes(results[::order])
    assert results == before
    assert len(notes) == is_noted
    for note in notes:
        assert note.cause == "silent_source"
        # Both candidates, and who differs.
        assert all(words in note for words in ("c1", "n1", "c2", "filter", "ban", "lacks its address"))
        assert note.next_command.endswith("# on n1")


def test_one_note_speaks_of_all_destinations_of_a_source():
    several = [
        one
        for number in range(1, 9)
        for one in (
            silent("c1", f"n{number}", "range", "1-9"),
            result("c2", f"n{number}", "range", "1-9"),
        )
    ]
    (note,) = silent_source_notes([*several, result("c1", "n9")])
    assert "n1, n2, n3 and 5 more" in note


def test_notes_are_few():
    several = [silent(f"c{number}", "n1", ports="1-9") for number in range(40)]
    alive = [result(f"c{number}", "n2") for number in range(40)]
    notes = silent_source_notes([*several, *alive, result("d1", "n1", ports="1-9")])
    assert len(notes) == 11
    assert notes[-1].startswith("30 more")
