# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CSV: one line for each result and each row that is not covered, for spreadsheets and databases.

What was measured of a path stands in the line of each of its flows.
"""

from __future__ import annotations

import typing as t

from ..._text.tables import csv_table
from ..._verdict.idle_connections import longest_lived, shortest_cut
from ..._verdict.path_verdict import segments_of
from ..._verdict.throughput import megabytes_per_second, transfers_of
from ..summary import host_order, in_order

if t.TYPE_CHECKING:
    from ....module_utils._shapes import MeasuredPath, NotCovered, Result, Verification

NAME, SUFFIX = "csv", "csv"
_FLOW = ("source", "destination", "address", "service", "protocol", "ports", "expected")
_SEEN = ("verdict", "state", "reason", "reason_ip")
_TIMES = ("min", "median", "max")
_PATH = (
    "path_tries",
    "path_lost",
    "path_rtt_ms_median",
    "path_segment_out",
    "path_segment_in",
    "path_clock_offset_s",
    "path_seen_as",
    "path_idle_lived_s",
    "path_idle_cut_s",
    "path_throughput_mb_s_out",
    "path_throughput_mb_s_in",
)
_TRACE = ("trace_hop", "trace_by")
_WHY = ("cause", "evidence", "next_command", "actor")
_HEADINGS = (
    "created",
    *_FLOW,
    *_SEEN,
    *(f"rtt_ms_{which}" for which in _TIMES),
    "sentence",
    *_PATH,
    *_TRACE,
    *_WHY,
)


def render(verification: Verification) -> str:
    """Return a line for each flow or differing part of its ports, and for each row that is not covered."""
    created = verification["created"]
    paths = {
        (path["source"], path["destination"], path["address"]): _of_path(path)
        for path in verification.get("paths", ())
    }
    rows = [
        {
            **_measured(created, result),
            **paths.get((result["source"], result["destination"], result["address"]), {}),
        }
        for result in in_order(verification["results"], host_order(verification))
    ]
    rows += [_uncovered(created, entry) for entry in verification.get("not_covered", ())]
    return csv_table(_HEADINGS, ([row.get(heading, "") for heading in _HEADINGS] for row in rows))


def _measured(created: str, result: Result) -> dict[str, object]:
    times = result["rtt_ms"].items() if "rtt_ms" in result else ()
    row = {"created": created, **result, **{f"rtt_ms_{which}": value for which, value in times}}
    if "evidence" in result:
        row["evidence"] = "; ".join(result["evidence"])
    if "actor" in result:
        row["actor"] = " or ".join(result["actor"])
    if "trace" in result:
        row.update(trace_hop=result["trace"]["hop"], trace_by=" ".join(result["trace"]["by"]))
    return row


def _of_path(path: MeasuredPath) -> dict[str, object]:
    found: dict[str, object] = {"path_tries": path["tries"], "path_lost": path["lost"]}
    if "rtt_ms" in path:
        found["path_rtt_ms_median"] = path["rtt_ms"]["median"]
    for direction, segment in segments_of(path):
        found[f"path_segment_{direction}"] = segment.get("size", "")
    if "clock_offset_s" in path:
        found["path_clock_offset_s"] = path["clock_offset_s"]
    if "seen_as" in path:
        found["path_seen_as"] = " ".join(path["seen_as"])
    lived, cut = longest_lived(path), shortest_cut(path)
    if lived is not None:
        found["path_idle_lived_s"] = lived
    if cut is not None:
        found["path_idle_cut_s"] = cut
    for direction, transfer in transfers_of(path):
        speed = megabytes_per_second(transfer)
        found[f"path_throughput_mb_s_{direction}"] = "" if speed is None else speed
    return found


def _uncovered(created: str, entry: NotCovered) -> dict[str, object]:
    return {
        "created": created,
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "verdict": "not_covered",
        "reason": entry["cause"],
        "sentence": f"{entry['service']} is not covered: {entry['reason']}.",
    }
