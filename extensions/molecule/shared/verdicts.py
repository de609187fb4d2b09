# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compare a report with the truth that a scenario's data state: every flow ok, except the faults, each under its own name.

The report is the only thing read that the collection made; who must appear in it comes from the hand-written table.
"""

import json
import sys
from pathlib import Path

FLOW = ("source", "destination", "service", "address")
MOST = 20  # complaints that are printed


def truth(view, stage):
    """Return what is not ok at a stage."""
    if stage == "captured":
        return [{**fault, "verdict": fault["captured"]} for fault in view["faults"] if "captured" in fault]
    stages = {"broken": view["faults"], "closed": view["closed"], "identified": view["impostors"]}
    return [fault for fault in stages.get(stage, ()) if "verdict" in fault]


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


def numbers(ports):
    """Yield every port of a text such as 53,20000-21000."""
    for part in str(ports).split(","):
        first, unused, last = part.partition("-")
        yield from range(int(first), int(last or first) + 1)


def concerns(fault, result, members):
    """Tell whether a fault is about a flow, whatever its ports; its ends are hosts or groups."""
    ends = all(fault[end] == result[name] or result[name] in members.get(fault[end], ())
               for end, name in (("from", "source"), ("to", "destination")) if end in fault)
    return ends and fault.get("service", result["service"]) == result["service"]


def differences(results, faults, members):
    """Return where the report says something else than what is the case, port by port."""
    unseen, wrong = dict(enumerate(faults)), {}
    for result in results:
        about = [(index, fault, set(numbers(fault.get("port", "0-65535")))) for index, fault in enumerate(faults) if concerns(fault, result, members)]
        for port in numbers(result["ports"]):
            index, right = next(((index, fault["verdict"]) for index, fault, ports in about if port in ports), (None, "ok"))
            unseen.pop(index, None)
            if result["verdict"] != right:
                flow = " ".join(result[name] for name in FLOW)
                text = f"reported {result['verdict']} ({result['state']}, {result['reason']}): {result['sentence']}"
                wrong.setdefault(f"{flow}: expected {right}, {text}", []).append(port)
    return [f"{text} [{len(ports)} ports from {min(ports)}]" for text, ports in wrong.items()] + [f"no result: {fault}" for fault in unseen.values()]


def mistaken(results, identities):
    """Return where a service is not told as what it is, by the words that must be said of it."""
    said = {}
    for result in results:
        identity = result.get("identity", {})
        said.setdefault(result["service"], set()).add(" ".join(str(identity.get(name, "")) for name in ("status", "version", "looks_like")))
    return [f"{service}: expected {words}, reported {found or 'nothing'}" for service, words in identities.items()
            for found in said.get(service, {""}) if any(word not in found for word in words)]


def complain(wrong):
    """Fail and say why, if there is anything to say."""
    if wrong:
        sys.exit("\n".join(wrong[:MOST] + [f"... and {len(wrong) - MOST} more"] * (len(wrong) > MOST)))


def main(stage, path):
    """Read the report and the view, and complain."""
    view, results = json.load(sys.stdin), json.loads(Path(path).read_text())["results"]
    faults = truth(view, stage)
    wrong = differences(results, faults, view["members"]) + missing(view, results, blocked=False)
    if view["check_blocked"]:
        wrong += missing(view, results, blocked=True)
    if stage == "identified":
        wrong += mistaken(results, view["identities"])
    print(f"{len(results)} results, {len(faults)} faults")
    complain(wrong)


if __name__ == "__main__":
    main(*sys.argv[1:])
