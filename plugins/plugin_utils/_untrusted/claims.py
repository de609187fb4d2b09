# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts claim, checked against the plan: a host speaks of what it was asked, and of nothing else.

A result that claims more is a failure of that host, whose flows are then C(untested). What others saw counts.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._listener.endpoints import WILDCARDS
from ...module_utils._plan.ftp_modes import CONTROL_ROWS
from ...module_utils._probe.path_words import TO_OTHER_HOST
from ...module_utils._probe.segments import UNMEASURED
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.ports import Ports
from .host_results import CAPTURE, LISTENER, PROBE, THROUGHPUT, checked, malformed, opened
from .shape import Shape, ShapeError, shown

if t.TYPE_CHECKING:
    from ...module_utils._shapes import (
        Capture,
        Endpoint,
        HostPlan,
        ListenerTask,
        Plan,
        ProbeFlow,
        ProbeTask,
        ThroughputTask,
    )

_ONE_FOR_ALL = (
    "{0} and {1} report the same measurement, so one of them was never tested: remove run_once from the task "
    "that probes"
)
_MAX_ADDRESSES = 256  # that a host may say a name has
_ROUND_TRIPS = ("min", "median", "p95", "max")
_LISTENED = ("listening", "in_use", "denied", "holders")
Data = Mapping[str, t.Any]
Results = Mapping[str, t.Any]
Hosts = Mapping[str, "HostPlan"]


class Claims(t.NamedTuple):
    """The results of all hosts, as far as they are credible."""

    observations: dict[str, ProbeTask | None]
    listeners: dict[str, ListenerTask]
    captures: dict[str, Capture]
    stopped: dict[str, ListenerTask | None]
    queries: dict[str, ListenerTask]
    transfers: dict[str, ThroughputTask | None]


def believable(
    plan: Plan,
    observations: Results,
    listeners: Results,
    captures: Results,
    stopped: Results,
    queries: Results | None = None,
    transfers: Results | None = None,
) -> Claims:
    """Return what counts of the results of all hosts."""
    hosts = plan["hosts"]
    probed = {host: _probed(host, result, hosts) for host, result in observations.items() if host in hosts}
    return Claims(
        observations={**probed, **_shared(observations, hosts)},
        listeners={
            host: _listened(host, result, hosts) for host, result in listeners.items() if host in hosts
        },
        captures={host: _captured(host, result) for host, result in captures.items() if host in hosts},
        stopped={host: _stopped(host, result, hosts) for host, result in stopped.items() if host in hosts},
        queries={
            host: _listened(host, result, hosts) for host, result in (queries or {}).items() if host in hosts
        },
        transfers={
            host: _transferred(host, result, hosts)
            for host, result in (transfers or {}).items()
            if host in hosts
        },
    )


def _read(host: str, result: t.Any, shape: Shape) -> t.Any:
    """Return a result of the declared shape.

    What Ansible itself says of hosts without a result stays: skipped, unreachable, nothing.
    """
    if result is None or (isinstance(result, Mapping) and result.get("skipped")):
        return result if result is None else {"skipped": True}
    found = checked(result, shape, host)
    # This is Ansible's word: the action of the task has removed it from what the host itself returned.
    if isinstance(result, Mapping) and result.get("unreachable") is True:
        found["unreachable"] = True
    return found


def _probed(host: str, result: t.Any, hosts: Hosts) -> t.Any:
    found = _read(host, opened(result, host), PROBE)
    if not found or found.get("failed") or found.get("skipped"):
        return found
    try:
        asked = _Asked(hosts[host]["probes"])
        _each("observations", _observed(found["observations"], asked, hosts))
        _each("paths", _measured(found.get("paths", ()), asked, hosts))
        _each("traces", _traced(found.get("traces", ()), asked))
        _each("ftp_sessions", _sessions(found.get("ftp_sessions", ()), asked))
        for field, name in (("ways", "remote"), ("neighbours", "address")):
            _each(field, _unseen(found, field, name))
        _each("sent_from", _sent_elsewhere(found))
        _check_capture(found.get("capture", {}))
    except ShapeError as mismatch:
        return malformed(host, mismatch)
    return found


def _shared(observations: Results, hosts: Hosts) -> dict[str, ProbeTask]:
    """Return the failures of hosts that share one measurement.

    If a task has C(run_once), C(register) gives its result to all hosts.
    """
    owners: dict[str, list[str]] = {}
    for host, result in observations.items():
        name = result.get("id") if isinstance(result, Mapping) and host in hosts else ""
        if name and isinstance(name, str):
            owners.setdefault(name, []).append(host)
    failures: dict[str, ProbeTask] = {}
    for several in owners.values():
        if len(several) > 1:
            failure: ProbeTask = {"failed": True, "msg": _ONE_FOR_ALL.format(*several)}
            failures.update(dict.fromkeys(several, failure))
    return failures


def _each(field: str, problems: Iterator[tuple[int, str]]) -> None:
    for index, problem in problems:
        raise ShapeError(problem).inside(index).inside(field)


class _Asked:
    """Which destinations a host was asked to probe, at which addresses and ports."""

    def __init__(self, probes: Iterable[ProbeFlow]):
        self.ports: dict[tuple[str, str], list[str]] = {}
        self.addresses: dict[tuple[str, str], set[str]] = {}
        self.services: set[tuple[str, str]] = set()
        self._resolved: dict[tuple[str, str], set[str]] = {}
        for entry in probes:
            for destination, addresses in entry["destinations"].items():
                key = (destination, entry["protocol"])
                self.services.add((destination, entry["service"]))
                self.ports.setdefault(key, []).append(entry["ports"])
                self.addresses.setdefault(key, set()).update(addresses)

    def problem(self, destination: str, protocol: str, address: str) -> str:
        """Return what is wrong with a claim about an address, or nothing."""
        key = (destination, protocol)
        if key not in self.addresses:
            return f"is about {protocol} of {shown(destination)}, which this host was not asked to probe"
        planned = self.addresses[key]
        if address in planned:
            return ""
        if parse_address(address) is None or all(parse_address(one) for one in planned):
            return f"is about {shown(address)}, which is no address of {shown(destination)} in the plan"
        resolved = self._resolved.setdefault(key, set())
        resolved.add(address)
        return (
            f"says that {shown(destination)} has more than {_MAX_ADDRESSES} addresses"
            if len(resolved) > _MAX_ADDRESSES
            else ""
        )


def _observed(observations: t.Any, asked: _Asked, hosts: Hosts) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str, str]] = set()
    for index, entry in enumerate(observations):
        key = (entry["destination"], entry["protocol"], entry["address"])
        problem = asked.problem(*key)
        if not problem and key in known:
            problem = f"is a second entry for {entry['protocol']} of {shown(entry['address'])}"
        known.add(key)
        problem = problem or _wrong_states(entry["states"], hosts) or _wrong_samples(entry, hosts)
        if problem:
            yield index, problem


def _wrong_states(states: t.Any, hosts: Hosts) -> str:
    seen = Ports()
    for state in states:
        if len(states) > 1:
            ports = Ports.parse(state["ports"])
            if seen & ports:
                return f"has two states for the ports {shown(state['ports'])}"
            seen |= ports
        answered = state.get("answered_by", "")
        if answered and answered not in hosts:
            return f"says that {shown(answered)} answered, which is no host of the plan"
    return ""


def _wrong_samples(entry: Data, hosts: Hosts) -> str:
    for samples in entry.get("samples", ()):
        strays = {"destination": entry["destination"], "strays": samples.get("strays", ())}
        problem = _wrong_share("source ports", samples) or _wrong_strays(strays, hosts)
        if problem:
            return problem
    return ""


def _wrong_share(of_what: str, counted: Data) -> str:
    if counted["failed_always"] > counted["tried"]:
        return f"says that {counted['failed_always']} of {counted['tried']} {of_what} failed"
    return ""


def _measured(paths: t.Any, asked: _Asked, hosts: Hosts) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str]] = set()
    for index, path in enumerate(paths):
        key = (path["destination"], path["address"])
        problem = asked.problem(path["destination"], "tcp", path["address"])
        if not problem and key in known:
            problem = f"is a second one about {shown(path['address'])}"
        known.add(key)
        problem = problem or _wrong_measures(path) or _wrong_strays(path, hosts)
        if problem:
            yield index, problem


def _wrong_strays(path: Data, hosts: Hosts) -> str:
    known: set[tuple[str, str | None]] = set()
    for stray in path.get("strays", ()):
        other = stray.get("answered_by")
        if (stray["how"], other) in known:
            return f"counts connections that strayed ({stray['how']}) twice"
        known.add((stray["how"], other))
        if (stray["how"] == TO_OTHER_HOST) != (other is not None):
            return f"has connections that strayed ({stray['how']}), with another host or without it"
        if other is not None and (other not in hosts or other == path["destination"]):
            return f"says that {shown(other)} answered in place of {shown(path['destination'])}"
    return ""


def _wrong_measures(path: Data) -> str:
    if path["lost"] > path["tries"]:
        return f"says that {path['lost']} of {path['tries']} first tries were lost"
    times = path.get("rtt_ms", {})
    if sorted(times.values()) != [times[name] for name in _ROUND_TRIPS if name in times]:
        return "has round-trip times that are not in order"
    problem = _wrong_share("connections", path["connections"]) if "connections" in path else ""
    if problem:
        return problem
    if ("clock_offset_s" in path) != ("clock_error_s" in path):
        return "has a clock without its error, or the error alone"
    for way, found in path.get("segments", {}).items():
        if found["state"] == UNMEASURED:
            if "reason" not in found:
                return f"says that segments {way} are unmeasured, and has no reason"
        elif not 0 < found.get("size", 0) <= found.get("mss", 0):
            return f"says that segments {way} are {found['state']}, and has no size or one above the MSS"
    return ""


def _traced(traces: t.Any, asked: _Asked) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str, str, int]] = set()
    for index, trace in enumerate(traces):
        key = (trace["destination"], trace["protocol"], trace["address"], trace["port"])
        problem = asked.problem(*key[:3])
        ports = asked.ports.get((trace["destination"], trace["protocol"]), ())
        if not problem and not any(trace["port"] in Ports.parse(some) for some in ports):
            problem = f"is about port {trace['port']}, which this host was not asked to probe"
        if not problem and key in known:
            problem = f"is a second one about port {trace['port']} of {shown(trace['address'])}"
        known.add(key)
        hops = [hop["hop"] for hop in trace["hops"]]
        if not problem and (hops != sorted(set(hops)) or not all(hop["by"] for hop in trace["hops"])):
            problem = "has hops out of order, or one without an address"
        if problem:
            yield index, problem


def _sessions(sessions: t.Any, asked: _Asked) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str, int]] = set()
    for index, session in enumerate(sessions):
        key = (session["destination"], session["address"], session["port"])
        problem = asked.problem(session["destination"], "tcp", session["address"])
        if not problem and (
            session["service"] not in CONTROL_ROWS
            or (session["destination"], session["service"]) not in asked.services
        ):
            problem = (
                f"is about the service {shown(session['service'])} of {shown(session['destination'])}, to "
                f"which this host was not asked to log in"
            )
        if not problem and key in known:
            problem = f"is a second entry for port {session['port']} of {shown(session['address'])}"
        known.add(key)
        if problem:
            yield index, problem


def _listened(host: str, result: t.Any, hosts: Hosts) -> t.Any:
    found = _read(host, result, LISTENER)
    if not found or found.get("failed"):
        return found
    try:
        for field in _LISTENED:
            _each(field, _unasked(found.get(field, ()), hosts[host]["endpoints"]))
    except ShapeError as mismatch:
        return malformed(host, mismatch)
    return found


def _stopped(host: str, result: t.Any, hosts: Hosts) -> t.Any:
    found = _read(host, result, LISTENER)
    if not found or found.get("failed"):
        return found
    plan = hosts[host]
    idle, ways = found.get("idle_connections", ()), found.get("kernel", {}).get("ways", ())
    try:
        _each("idle_connections", _idled(idle, _Asked(plan["probes"])))
    except ShapeError as mismatch:
        return malformed(host, mismatch)
    try:
        _each("ways", _unasked_ways(ways, plan))
    except ShapeError as mismatch:
        return malformed(host, mismatch.inside("kernel"))
    return found


def _transferred(host: str, result: t.Any, hosts: Hosts) -> t.Any:
    found = _read(host, result, THROUGHPUT)
    if not found or found.get("failed") or found.get("skipped"):
        return found
    try:
        _each("throughput", _carried(found["throughput"], _Asked(hosts[host]["probes"])))
    except ShapeError as mismatch:
        return malformed(host, mismatch)
    return found


def _carried(paths: t.Any, asked: _Asked) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str]] = set()
    for index, path in enumerate(paths):
        key = (path["destination"], path["address"])
        problem = asked.problem(path["destination"], "tcp", path["address"])
        if not problem and key in known:
            problem = f"is a second one about {shown(path['address'])}"
        known.add(key)
        for way, found in path["transfers"].items():
            counted = [name for name in ("bytes_per_second", "bytes", "seconds") if name in found]
            if not problem and len(counted) != (0 if "reason" in found else 3):
                problem = f"has a transfer {way} that is neither counted nor has a reason"
        if problem:
            yield index, problem


def _idled(paths: t.Any, asked: _Asked) -> Iterator[tuple[int, str]]:
    known: set[tuple[str, str]] = set()
    for index, path in enumerate(paths):
        key = (path["destination"], path["address"])
        seconds = [check["seconds"] for check in path["checks"]]
        problem = asked.problem(path["destination"], "tcp", path["address"])
        if not problem and key in known:
            problem = f"is a second one about {shown(path['address'])}"
        elif not problem and len(seconds) > len(set(seconds)):
            problem = "has two results for one duration"
        known.add(key)
        if problem:
            yield index, problem


def _unasked(entries: t.Any, endpoints: Iterable[Endpoint]) -> Iterator[tuple[int, str]]:
    wanted: dict[tuple[str, str], Ports] = {}
    for endpoint in endpoints:
        # A listener takes all addresses of the host where the plan has a name for it.
        for address in (endpoint["address"],) if parse_address(endpoint["address"]) else WILDCARDS:
            key = (address, endpoint["protocol"])
            wanted[key] = wanted.get(key, Ports()) | Ports.parse(endpoint["ports"])
    for index, entry in enumerate(entries):
        if Ports.parse(entry["ports"]) - wanted.get((entry["address"], entry["protocol"]), Ports()):
            what = f"{entry['protocol']} {shown(entry['ports'])} of {shown(entry['address'])}"
            yield index, f"is about {what}, where this host was not asked to listen"


def _unseen(result: t.Any, field: str, name: str) -> Iterator[tuple[int, str]]:
    """Yield what a host's kernel claims of addresses that it did not probe."""
    asked = {entry["address"] for entry in result["observations"]}
    for index, entry in enumerate(result.get("kernel", {}).get(field, ())):
        if entry[name] not in asked:
            yield index, f"is about {shown(entry[name])}, which this host did not probe"


def _sent_elsewhere(result: t.Any) -> Iterator[tuple[int, str]]:
    """Yield what a host says that it sent to addresses that it did not probe."""
    asked = {entry["address"] for entry in result["observations"]}
    for index, entry in enumerate(result.get("kernel", {}).get("sent_from", ())):
        for remote in entry.get("remotes", ()):
            if remote not in asked:
                yield index, f"is about {shown(remote)}, which this host did not probe"


def _unasked_ways(ways: t.Any, plan: HostPlan) -> Iterator[tuple[int, str]]:
    own = {*plan["addresses"], *plan.get("external", ())}
    is_named = any(parse_address(one) is None for one in own)
    others: set[str] = set()
    for rule in plan.get("rules", ()):
        others.update(rule["addresses"])
    for index, way in enumerate(ways):
        if way["remote"] not in others:
            yield index, f"is about {shown(way['remote'])}, which has no flow to this host"
        elif not is_named and way.get("at", "") not in {"", *own}:
            yield index, f"is about {shown(way['at'])}, which is no address of this host in the plan"


def _captured(host: str, result: t.Any) -> Capture:
    found = checked(result, CAPTURE, host)
    try:
        _check_capture(found)
    except ShapeError as mismatch:
        found = malformed(host, mismatch)
    if found.get("failed"):
        return {"complete": False, "problem": found["msg"]}
    return t.cast("Capture", {name: value for name, value in found.items() if name != "failed"})


def _check_capture(capture: Data) -> None:
    if capture.get("complete") and "seen" not in capture:
        raise ShapeError("is said to be complete, and has no 'seen'").inside("capture")
