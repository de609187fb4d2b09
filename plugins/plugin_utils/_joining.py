# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joins a plan with what every host observed: one result for each flow, split where its ports differ."""

from __future__ import annotations

import typing as t
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache

from ..module_utils._addresses import parse_address
from ..module_utils._listens import WILDCARDS
from ..module_utils._ports import Ports, intersect, parse_ports, subtract, text
from ._captures import AT_DESTINATION, ON_RETURN, RETURNED, Captures, Ends
from ._verdict import OK, UNTESTED, VERDICTS, Case, judge

OUTSIDE = "{0} is outside of this run, so no listener was started there"
ENDED = "the listener of {0} had ended too early: it was killed, or its time (exasol_verify_listeners_ttl) was over"
_UNTOLD = ("closed", "open|filtered")  # where nobody listens, these say nothing of the way

_ports = lru_cache(maxsize=65536)(parse_ports)


@lru_cache(maxsize=65536)
def _shared(one: str, other: str) -> str:
    return one if one == other else text(intersect(_ports(one), _ports(other)))


class Listening:
    """What the destinations' listeners did: where they answered, and why not elsewhere."""

    def __init__(self, results: Mapping[str, Mapping[str, t.Any]], addresses: Mapping[str, list[str]], stopped: Mapping[str, Mapping[str, t.Any]]):
        self._up: dict[tuple[str, str, str], Ports] = {}
        self._denied: dict[tuple[str, str, str], Ports] = {}
        self._failed: dict[str, str] = {}
        # With no listener at all (a live cluster), a refused port says what it is; with listeners, only where one was asked for.
        self._outside = {host: OUTSIDE.format(host) for host in addresses if host not in results} if results else {}
        for host, result in results.items():
            problem = failure(result)
            if problem:
                self._failed[host] = f"the listener of {host} did not start: {problem}"
            elif _ended(result, stopped.get(host)):
                self._failed[host] = ENDED.format(host)
            self._index(self._up, host, result.get("listening"))
            self._index(self._denied, host, result.get("denied"))

    @staticmethod
    def _index(index: dict[tuple[str, str, str], Ports], host: str, entries: t.Any) -> None:
        for entry in entries or ():
            key = (host, entry["address"], entry["protocol"])
            index[key] = index.get(key, ()) + _ports(entry["ports"])

    def at(self, host: str, address: str, protocol: str, ports: str) -> str:
        """Return C(up), or why nobody listened there, or nothing where nobody was asked to."""
        excuse = self._failed.get(host) or self._outside.get(host)
        if excuse:
            return excuse
        for index, word in ((self._up, "up"), (self._denied, f"{host} does not permit it without root (set become)")):
            here = index.get((host, address, protocol), ()) or index.get((host, WILDCARDS[":" in address], protocol), ())
            if here and intersect(_ports(ports), here):
                return word
        return ""


def _ended(result: Mapping[str, t.Any], stopped: Mapping[str, t.Any] | None) -> bool:
    """Tell whether a listener was up and was not there any more when it was stopped."""
    if not result.get("listening") or not stopped or stopped.get("skipped") or failure(stopped):
        return False
    return not stopped.get("changed")


def failure(result: Mapping[str, t.Any] | None) -> str:
    """Return why a host's task has no result, or nothing."""
    if result is None or result.get("skipped"):
        return "" if result else "the host took no part in this run"
    if result.get("unreachable") or result.get("failed"):
        return str(result.get("msg") or "the task failed").strip()
    return ""


class Joining:
    """Judges every flow of a plan."""

    def __init__(self, plan: Mapping[str, t.Any], observed: Mapping[str, t.Any], listeners: Mapping[str, t.Any], captures: Mapping[str, t.Any] | None = None,
                 stopped: Mapping[str, t.Any] | None = None):
        self._hosts = plan["hosts"]
        self._observed = observed
        self._listeners = listeners
        self.captures = Captures({host: (result or {}).get("capture") for host, result in observed.items()}, captures or {},
                                 [address for host in self._hosts.values() for address in host["addresses"]])
        self._set_aside: list[dict[str, t.Any]] = []
        self._listening = Listening(listeners, {name: host["addresses"] for name, host in self._hosts.items()}, stopped or {})

    def results(self) -> list[dict[str, t.Any]]:
        """Return the results of all flows whose source took part in the run."""
        sources = [source for source, host in self._hosts.items() if source in self._observed and host["probes"]]
        return [result for source in sources for result in self._of_source(source, self._hosts[source]["probes"])]

    def untestable(self) -> list[dict[str, t.Any]]:
        """Return the flows that this run cannot judge because one of their ends is outside of it (C(--limit), C(serial))."""
        return self._set_aside + [
            _aside(entry, source, list(entry["destinations"]), "the source is outside of this run")
            for source, host in self._hosts.items() if source not in self._observed for entry in host["probes"]
        ]

    def _of_source(self, source: str, probes: list[dict[str, t.Any]]) -> Iterator[dict[str, t.Any]]:
        result = self._observed[source] or {}
        problem = failure(self._observed[source]) or failure(self._listeners.get(source, {}))
        seen: dict[tuple[str, str], list[dict[str, t.Any]]] = {}
        for observation in result.get("observations", ()):
            seen.setdefault((observation["destination"], observation["protocol"]), []).append(observation)
        for entry in probes:
            for destination, addresses in entry["destinations"].items():
                cases = list(self._cases(source, entry, destination, seen.get((destination, entry["protocol"]), [])))
                for case in cases:
                    if case.state["state"] in _UNTOLD and case.listener == OUTSIDE.format(destination):
                        self._set_aside.append(_aside(dict(entry, ports=case.ports), source, [destination], case.listener))
                    else:
                        yield _result(case)
                for missing, where in _unseen(entry["ports"], addresses, cases).items():
                    yield _untested(source, entry, destination, where, missing, problem)

    def _cases(self, source: str, entry: dict[str, t.Any], destination: str, observations: list[dict[str, t.Any]]) -> Iterator[Case]:
        own = tuple(self._hosts[source]["addresses"])
        for observation in observations:
            for state in observation["states"]:
                ports = _shared(entry["ports"], state["ports"])
                if ports:
                    address, protocol = observation["address"], entry["protocol"]
                    listener = self._listening.at(destination, address, protocol, ports) if state["state"] != "open" else ""
                    case = Case(source, destination, address, entry["service"], protocol, ports, entry["expected"], state, own, listener)
                    yield from self._located(case)

    def _located(self, case: Case) -> Iterator[Case]:
        """Yield the case, split where its packets came differently far."""
        lost = case.state["reason"] == "no-response" and (case.protocol == "tcp" or case.listener == "up")
        refused = case.state["state"] == "closed" and case.listener == "up"
        stages = self.captures.stages(Ends(case.source, case.source_addresses, case.destination, case.address, case.protocol), case.ports) \
            if lost or refused else []
        for stage, ports in stages:
            # A reset that comes back says all of itself but where it was made.
            place = stage if lost else {RETURNED: AT_DESTINATION, ON_RETURN: AT_DESTINATION}.get(stage, stage)
            yield case._replace(ports=ports, stage=place)
        if not stages:
            yield case


def _unseen(ports: str, planned: list[str], cases: list[Case]) -> dict[str, list[str]]:
    """Return the ports that were not seen, with the addresses where they were not: what one address shows proves nothing of another."""
    seen: dict[str, list[Case]] = {}
    for case in cases:
        seen.setdefault(case.address, []).append(case)
    resolved = [address for address in seen if address not in planned]
    unseen: dict[str, list[str]] = {}
    for address in planned:
        # A name was seen at the addresses that it has.
        for place in [address] if address in seen or parse_address(address) else resolved or [address]:
            missing = text(subtract(_ports(ports), [item for case in seen.get(place, ()) for item in _ports(case.ports)]))
            if missing:
                unseen.setdefault(missing, []).append(place)
    return unseen


def _result(case: Case) -> dict[str, t.Any]:
    verdict, sentence = judge(case)
    result = {
        "source": case.source, "destination": case.destination, "address": case.address, "service": case.service, "protocol": case.protocol,
        "ports": case.ports, "expected": case.expected, "verdict": verdict, "state": case.state["state"], "reason": case.state["reason"], "sentence": sentence,
    }
    for field in ("reason_ip", "rtt_ms", "identity"):
        if field in case.state:
            result[field] = case.state[field]
    return result


def _untested(source: str, entry: dict[str, t.Any], destination: str, addresses: list[str], ports: str, problem: str) -> dict[str, t.Any]:
    why = problem or "no observation came back"
    return {
        "source": source, "destination": destination, "address": ", ".join(addresses), "service": entry["service"], "protocol": entry["protocol"],
        "ports": ports, "expected": entry["expected"], "verdict": UNTESTED, "state": "error", "reason": "no-observation",
        "sentence": f"{source} was not able to test {entry['protocol']} {ports} of {destination}: {why}",
    }


def _aside(entry: Mapping[str, t.Any], source: str, destinations: list[str], reason: str) -> dict[str, t.Any]:
    return {"service": entry["service"], "protocol": entry["protocol"], "ports": entry["ports"], "sources": [source],
            "destinations": destinations, "reason": reason}


def flow_verdicts(results: list[dict[str, t.Any]]) -> dict[tuple[str, ...], str]:
    """Return the verdict of each flow; where its ports or addresses differ, the one that needs somebody to act."""
    verdicts: dict[tuple[str, ...], str] = {}
    for result in results:
        flow = (result["source"], result["destination"], result["service"], result["expected"])
        verdicts[flow] = max(verdicts.get(flow, OK), result["verdict"], key=VERDICTS.index)
    return verdicts


def not_ok(summary: Mapping[str, int]) -> int:
    """Return how many flows need somebody to act."""
    return sum(count for verdict, count in summary.items() if verdict != OK)


def summarize(results: list[dict[str, t.Any]]) -> dict[str, int]:
    """Return how many flows have each verdict."""
    return dict(Counter(flow_verdicts(results).values()))
