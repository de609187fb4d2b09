# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification does not cover: rows of the port table without a flow in the plan or in this run."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ...module_utils._plan.coverage import EMPTY, UNASSIGNED
from ...module_utils._plan.flows import REACHABLE

OUTSIDE = "outside"
_NOTHING = (
    "Nothing was measured, so nothing is proven: every flow has an end outside of this run (--limit, "
    "exasol_hosts), or starts at a system that "
    "Ansible does not manage."
)
Entry = Mapping[str, t.Any]


def not_covered(plan: Mapping[str, t.Any], results: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the rows that the plan leaves out, and the planned ones of which this run has no result."""
    seen = {result["service"] for result in results}
    missing: dict[str, dict[str, t.Any]] = {}
    for host in plan["hosts"].values():
        for probe in host["probes"]:
            if probe["expected"] == REACHABLE and probe["service"] not in seen:
                missing.setdefault(probe["service"], _outside(probe))
    return [*(dict(entry) for entry in plan.get("not_covered", ())), *missing.values()]


def _outside(probe: Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "service": probe["service"],
        "protocol": probe["protocol"],
        "ports": probe["ports"],
        "need": "required",
        "cause": OUTSIDE,
        "peers": [],
        "reason": "every flow of it has an end outside of this run",
    }


def sentences(verification: Mapping[str, t.Any]) -> list[str]:
    """Return one sentence for each cause that somebody should look at; what was asked for needs none."""
    entries, release = verification.get("not_covered", ()), verification["release"]
    texts = [] if verification["results"] else [_NOTHING]
    unassigned, empty = (_of(entries, cause) for cause in (UNASSIGNED, EMPTY))
    if unassigned:
        texts.append(
            f"Not covered: nobody plays {_peers(unassigned)}, so {_rows(unassigned, release)}; name who "
            f"plays them in exasol_peers or in the "
            "default groups, or declare peers that your site does not have in exasol_absent_peers."
        )
    if empty:
        texts.append(
            f"Not covered: what is named for {_peers(empty)} holds no host, so {_rows(empty, release)}; put "
            f"hosts into these groups, correct "
            "exasol_peers, or declare the peers absent in exasol_absent_peers."
        )
    outside = _of(entries, OUTSIDE)
    if outside and verification["results"]:
        texts.append(
            f"Not covered: every flow of {', '.join(entry['service'] for entry in outside)} has an end "
            f"outside of this run (--limit, exasol_hosts)."
        )
    return texts


def by_reason(entries: Iterable[Entry]) -> list[tuple[str, list[Entry]]]:
    """Return the entries grouped by their reason, in the order of the table."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry["reason"], []).append(entry)
    return list(groups.items())


def _of(entries: Iterable[Entry], cause: str) -> list[Entry]:
    return [entry for entry in entries if entry["cause"] == cause]


def _peers(entries: Sequence[Entry]) -> str:
    return ", ".join(sorted({peer for entry in entries for peer in entry["peers"]}))


def _rows(entries: Sequence[Entry], release: str) -> str:
    return f"{len(entries)} row{'s' if len(entries) > 1 else ''} of release {release} ha{'ve' if len(entries) > 1 else 's'} no flow"
