# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The results of flows, and the flows without one: not seen, or not measured at all."""

from __future__ import annotations

import typing as t

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.ports import Ports
from . import causes
from .case import Case
from .judge import judge
from .trace_notes import with_trace
from .verdict import UNTESTED

if t.TYPE_CHECKING:
    from ...module_utils._shapes import ProbeFlow, Result, Unmeasured


def result_of(case: Case) -> Result:
    """Return the result of a case."""
    judged, trace = judge(case), None
    if case.expected == REACHABLE and case.traces:
        judged, trace = with_trace(case, judged)
    result: Result = {
        "source": case.source,
        "destination": case.destination,
        "address": case.address,
        "service": case.service,
        "protocol": case.protocol,
        "ports": case.ports,
        "expected": case.expected,
        "verdict": judged.verdict,
        "state": case.state,
        "reason": case.reason,
        "sentence": judged.sentence,
    }
    if judged.cause:
        result["cause"] = judged.cause
        result["evidence"] = list(judged.evidence)
        result["next_command"] = judged.next_command
        result["actor"] = list(judged.actor)
    for field in ("reason_ip", "rtt_ms", "identity", "answered_by"):
        if field in case.observed:
            result[field] = case.observed[field]
    if trace is not None:
        result["trace"] = trace
    return result


def asked_addresses(result: Result) -> list[str]:
    """Return the addresses that a result is about; most have one."""
    return result["address"].split(", ")


def untested_result(
    source: str, entry: ProbeFlow, destination: str, addresses: list[str], ports: str, problem: str
) -> Result:
    """Return the result of ports that a source was asked to measure and did not report."""
    what = f"{entry['protocol']} {ports} of {destination}"
    return {
        "source": source,
        "destination": destination,
        "address": ", ".join(addresses),
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": ports,
        "expected": entry["expected"],
        "verdict": UNTESTED,
        "state": "error",
        "reason": "no-observation",
        "sentence": f"{source} was not able to test {what}: {problem.rstrip('.')}.",
        "cause": causes.NOT_MEASURED.code,
        "evidence": [f"{source} returned no observation of {what}"],
        "next_command": "",
        "actor": list(causes.NOT_MEASURED.actors),
    }


def unseen_ports(ports: str, planned: list[str], cases: list[Case]) -> dict[str, list[str]]:
    """Return the ports that were not seen, with the addresses where they were not.

    What one address shows proves nothing of another.
    """
    if len(cases) == len(planned) == 1 and (cases[0].address, cases[0].ports) == (planned[0], ports):
        return {}  # nearly always, and this is done for every flow
    seen: dict[str, list[Case]] = {}
    for case in cases:
        seen.setdefault(case.address, []).append(case)
    resolved = [address for address in seen if address not in planned]
    unseen: dict[str, list[str]] = {}
    for address in planned:
        # A name was seen at the addresses that it has.
        for place in [address] if address in seen or parse_address(address) else resolved or [address]:
            shown = Ports.union(Ports.parse(case.ports) for case in seen.get(place, ()))
            missing = str(Ports.parse(ports) - shown)
            if missing:
                unseen.setdefault(missing, []).append(place)
    return unseen


def unmeasured_case(case: Case, reason: str) -> Unmeasured:
    """Return the entry of a case that shows nothing of its flow."""
    return {
        "service": case.service,
        "protocol": case.protocol,
        "ports": case.ports,
        "sources": [case.source],
        "destinations": [case.destination],
        "reason": reason,
    }


def unmeasured_flows(entry: ProbeFlow, source: str, reason: str) -> Unmeasured:
    """Return the entry of all flows of a source and service, none of which was measured."""
    return {
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "sources": [source],
        "destinations": list(entry["destinations"]),
        "reason": reason,
    }
