# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification does not cover: rows of the port table without a flow in the plan or in this run."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence

from ...module_utils._plan.coverage import EMPTY, UNASSIGNED
from ...module_utils._plan.expected import REACHABLE

if t.TYPE_CHECKING:
    from ...module_utils._shapes import NotCovered, Plan, ProbeFlow, Result, Verification

OUTSIDE = "outside"
_NOTHING = (
    "Nothing was measured, so nothing is proven: every flow has an end outside of this run (--limit, "
    "exasol_hosts), or starts at a system that Ansible does not manage."
)


def not_covered(plan: Plan, results: Iterable[Result]) -> list[NotCovered]:
    """Return the rows that the plan leaves out, and the planned ones of which this run has no result."""
    seen = {result["service"] for result in results}
    missing: dict[str, NotCovered] = {}
    for host in plan["hosts"].values():
        for probe in host["probes"]:
            if probe["expected"] == REACHABLE and probe["service"] not in seen:
                missing.setdefault(probe["service"], _outside(probe))
    return [*plan.get("not_covered", ()), *missing.values()]


def _outside(probe: ProbeFlow) -> NotCovered:
    return {
        "service": probe["service"],
        "protocol": probe["protocol"],
        "ports": probe["ports"],
        "need": "required",
        "cause": OUTSIDE,
        "peers": [],
        "reason": "every flow of it has an end outside of this run",
    }


def coverage_sentences(verification: Verification) -> list[str]:
    """Return one sentence for each cause that somebody should look at, not for what the user asked for."""
    entries, release = verification.get("not_covered", ()), verification["release"]
    sentences = [] if verification["results"] else [_NOTHING]
    unassigned, empty, outside = (_of_cause(entries, cause) for cause in (UNASSIGNED, EMPTY, OUTSIDE))
    if unassigned:
        sentences.append(
            f"Not covered: nobody plays {_peers(unassigned)}, so {_rows(unassigned, release)}; assign hosts "
            f"to these peers in exasol_peers or in the default groups, or declare peers that your site does "
            f"not have in exasol_absent_peers."
        )
    if empty:
        sentences.append(
            f"Not covered: what is named for {_peers(empty)} holds no host, so {_rows(empty, release)}; put "
            f"hosts into these groups, correct exasol_peers, or declare the peers absent in "
            f"exasol_absent_peers."
        )
    if outside and verification["results"]:
        sentences.append(
            f"Not covered: every flow of {', '.join(entry['service'] for entry in outside)} has an end "
            f"outside of this run (--limit, exasol_hosts)."
        )
    return sentences


def by_reason(entries: Iterable[NotCovered]) -> list[tuple[str, list[NotCovered]]]:
    """Return the entries grouped by their reason, in the order of the table."""
    groups: dict[str, list[NotCovered]] = {}
    for entry in entries:
        groups.setdefault(entry["reason"], []).append(entry)
    return list(groups.items())


def _of_cause(entries: Iterable[NotCovered], cause: str) -> list[NotCovered]:
    return [entry for entry in entries if entry["cause"] == cause]


def _peers(entries: Iterable[NotCovered]) -> str:
    names: set[str] = set()
    for entry in entries:
        names.update(entry["peers"])
    return ", ".join(sorted(names))


def _rows(entries: Sequence[NotCovered], release: str) -> str:
    rows, have = ("rows", "have") if len(entries) > 1 else ("row", "has")
    return f"{len(entries)} {rows} of release {release} {have} no flow"
