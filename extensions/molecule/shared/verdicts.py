#!/usr/bin/env python3
# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a report with the truth that a scenario's data state: every flow ok, except the faults, each under its own name.

The report is the only thing read that the collection made; who must appear in it comes from the hand-written table.
"""

import json
import sys
from pathlib import Path

FLOW = ("source", "destination", "service")
MOST = 20  # complaints that are printed


def pairs(view, blocked):
    """Yield the pairs of hosts that must appear in the report because the table opens something, or nothing, between them."""
    for entry in view["traffic"]:
        if bool(entry["open"]) == blocked or entry["from"] == "left":
            continue
        for source in view["members"].get(entry["from"], ()):
            yield from ((source, destination) for destination in view["members"].get(entry["to"], ()) if destination != source)


def missing(view, results, blocked):
    """Return the pairs that the report does not speak of: a run that tests nothing is not a success."""
    word = "blocked" if blocked else "reachable"
    seen = {(result["source"], result["destination"]) for result in results if result["expected"] == word}
    return [f"{source} -> {destination}: no flow that must be {word} is in the report" for source, destination in sorted(set(pairs(view, blocked)) - seen)]


def differences(results, faults):
    """Return where the report says something else than what is the case."""
    truth = {(fault["from"], fault["to"], fault["service"]): fault["verdict"] for fault in faults if "verdict" in fault}
    found = dict.fromkeys(truth, "no result")
    for result in results:
        flow = tuple(result[name] for name in FLOW)
        right = truth.get(flow, "ok")
        found.pop(flow, None)
        if result["verdict"] != right:
            found[flow] = f"{result['verdict']} at {result['address']} ports {result['ports']} ({result['state']}, {result['reason']}): {result['sentence']}"
    return [f"{' -> '.join(flow[:2])} {flow[2]}: expected {truth.get(flow, 'ok')}, reported {text}" for flow, text in found.items()]


def complain(wrong):
    """Fail and say why, if there is anything to say."""
    if wrong:
        sys.exit("\n".join(wrong[:MOST] + [f"... and {len(wrong) - MOST} more"] * (len(wrong) > MOST)))


def main(path):
    """Read the report and the view, and complain."""
    view, results = json.load(sys.stdin), json.loads(Path(path).read_text())["results"]
    wrong = differences(results, view["faults"]) + missing(view, results, blocked=False)
    if view["check_blocked"]:
        wrong += missing(view, results, blocked=True)
    print(f"{len(results)} results, {len(view['faults'])} faults")
    complain(wrong)


if __name__ == "__main__":
    main(sys.argv[1])
