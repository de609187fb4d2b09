# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joins a plan with what every host observed: one result for each flow, split where its ports differ."""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from ...module_utils._kernel.own_addresses import is_loopback
from ...module_utils._listener.endpoints import WILDCARDS
from ...module_utils._listener.occupants import CONNECTION, LISTENER, SERVICE, UNKNOWN
from ...module_utils._plan.coverage import OPTIONAL
from ...module_utils._plan.flows import REACHABLE
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .packet_stages import AT_DESTINATION, ON_RETURN, RETURNED, Captures, Ends
from .verdict import ELSEWHERE, FOREIGN, OK, SIBLING, UNTESTED, VERDICTS, Case, judge

OUTSIDE = "{0} is outside of this run, so no listener was started there"
NOTHING_THERE = "nothing listens there, and the row is optional and not included"
ENDED = "the listener of {0} had ended too early: it was killed, the host was restarted, or its time (exasol_verify_listeners_ttl) was over"
ASIDE = "the listener of {0} had closed its ports too early: no probe of this run came for too long"
UNSEEN = "{0} could not be asked at the end of the run whether its listener was still there: {1}"
NOT_ITS_OWN = "exasol_address or its name led to {0}, which is none of the addresses of {1}"
_UNTOLD = ("closed", "open|filtered")  # where nobody listens, these say nothing of the way


@lru_cache(maxsize=65536)
def _shared(one: str, other: str) -> str:
    return one if one == other else str(Ports.parse(one) & Ports.parse(other))


class Standing(t.NamedTuple):
    """What is known of ports at the destination's own end, in the words of C(Case)."""

    listener: str = ""
    holder: str = ""
    held_at: tuple[str, ...] = ()
    ended: bool = False


class Held(t.NamedTuple):
    """Ports of one address that are held alike."""

    ports: Ports
    by: str
    at: tuple[str, ...]


Key = tuple[str, str, str]  # host, address, protocol
Results = Mapping[str, Mapping[str, t.Any]]


class Listening:
    """What the destinations' listeners did.

    Where they answered, why not elsewhere, and who else holds ports there.
    """

    def __init__(
        self,
        results: Results,
        addresses: Mapping[str, list[str]],
        stopped: Results,
        queries: Results | None = None,
    ):
        self._up: dict[Key, Ports] = {}
        self._denied: dict[Key, Ports] = {}
        self._held: dict[Key, list[Held]] = {}
        self._failed: dict[str, str] = {}
        self._ended: dict[str, str] = {}
        self._vanished: set[str] = set()  # hosts of which silence tells nothing
        self._leftovers: dict[str, list[str]] = {}
        self._unasked = {host: failure(result) for host, result in (queries or {}).items() if failure(result)}
        self._hosts = set(addresses)
        self._owners = {address: host for host, some in addresses.items() for address in some}
        self._local: dict[str, set[str]] = {}
        self._answers: dict[tuple[str, ...], list[tuple[Standing, str]]] = {}
        # With no listener at all (a live cluster), a refused port says what it is; with listeners, only where
        # one was asked for.
        self._outside = (
            {host: OUTSIDE.format(host) for host in addresses if host not in results} if results else {}
        )
        for host, result in results.items():
            self._add(host, result, stopped.get(host))
        for host, result in (queries or {}).items():
            self._local[host] = _own(result)
            self._add_held(host, result)

    def _add(self, host: str, result: Mapping[str, t.Any], stopped: Mapping[str, t.Any] | None) -> None:
        problem = failure(result)
        if problem:
            self._failed[host] = f"the listener of {host} did not start: {problem}"
        elif _ended(result, stopped):
            self._ended[host] = ENDED.format(host)
            self._vanished.add(host)
        elif (stopped or {}).get("stepped_aside"):
            self._ended[host] = ASIDE.format(host)
        elif stopped and failure(stopped):
            self._ended[host] = UNSEEN.format(host, failure(stopped))
        if result.get("unreachable") or (stopped or {}).get("unreachable"):
            self._vanished.add(host)
        self._local[host] = _own(result)
        self._index(self._up, host, result.get("listening"))
        self._index(self._denied, host, result.get("denied"))
        self._add_held(host, result)

    @staticmethod
    def _index(index: dict[Key, Ports], host: str, entries: t.Any) -> None:
        for entry in entries or ():
            key = (host, entry["address"], entry["protocol"])
            index[key] = index.get(key, Ports()) | Ports.parse(entry["ports"])

    def _add_siblings(self, host: str, leftovers: Iterable[Mapping[str, t.Any]]) -> None:
        """Keep which ports the listener of another host of this run holds: both hosts are one machine."""
        for entry in leftovers:
            for place in (
                _entries(entry.get("ports"))
                if entry.get("same_run") is True and entry.get("host") in self._hosts
                else ()
            ):
                if _is_place(place):
                    key = (host, str(place["address"]), str(place["protocol"]))
                    self._held.setdefault(key, []).append(
                        Held(Ports.parse(place["ports"]), SIBLING, (str(entry["host"]),))
                    )

    def _add_held(self, host: str, result: Mapping[str, t.Any]) -> None:
        leftovers = _entries(result.get("leftovers"))
        self._add_siblings(host, leftovers)
        for entry in _entries(result.get("holders")):
            at = tuple(
                str(address) for address in map(parse_address, _texts(entry.get("at"))) if address is not None
            )
            try:
                key = (host, str(entry["address"]), str(entry["protocol"]))
                self._held.setdefault(key, []).append(Held(Ports.parse(entry["ports"]), str(entry["by"]), at))
            except (KeyError, TypeError, NetworkError):
                continue
        self._leftovers[host] = [
            _leftover(host, entry) for entry in leftovers if entry.get("same_run") is not True
        ]

    def notes(self) -> list[str]:
        """Return which listeners other runs have left behind."""
        asked = [
            f"{host} was not able to look for listeners of other runs: {problem}."
            for host, problem in sorted(self._unasked.items())
        ]
        return asked + [note for host in sorted(self._leftovers) for note in self._leftovers[host]]

    def parts(
        self, host: str, address: str, protocol: str, ports: str, state: str
    ) -> list[tuple[Standing, str]]:
        """Return what is known of ports at their own end and counts for their state, one entry for all ports of which the same is known."""
        question = (host, address, protocol, ports, state)
        if question not in self._answers:  # many sources ask the same
            self._answers[question] = self._parts(host, address, protocol, ports, state)
        return self._answers[question]

    def _parts(
        self, host: str, address: str, protocol: str, ports: str, state: str
    ) -> list[tuple[Standing, str]]:
        if state in ("open", "closed") and self._is_foreign(host, address):
            return [
                (
                    Standing(NOT_ITS_OWN.format(address, host), FOREIGN)
                    if state == "closed"
                    else Standing(holder=FOREIGN),
                    ports,
                )
            ]
        excuse = self._failed.get(host) or self._outside.get(host)
        if excuse:
            return [(_counting(Standing(excuse, ended=host in self._vanished), state), ports)]
        key, wildcard = (host, address, protocol), (host, WILDCARDS[":" in address], protocol)
        here = next(
            (one for one in (key, wildcard) if one in self._up or one in self._denied or one in self._held),
            key,
        )
        found: dict[Standing, Ports] = {}
        left = Ports.parse(ports)
        for held in (*self._held.get(here, ()), Held(left, "", ())):
            for standing, some in self._of_held(
                here, address, left & held.ports, self._holder(host, address, held)
            ):
                counting = _counting(standing, state)
                found[counting] = found.get(counting, Ports()) | some
            left -= held.ports
        # Whatever was split is put together again; mostly all of it is one.
        return [(standing, ports if len(found) == 1 else str(some)) for standing, some in found.items()]

    def _of_held(
        self, key: Key, address: str, ports: Ports, standing: Standing
    ) -> Iterator[tuple[Standing, Ports]]:
        host = key[0]
        standing = standing._replace(ended=host in self._vanished)
        up = self._ended.get(host) or (
            NOT_ITS_OWN.format(address, host) if self._is_strange(key, address) else "up"
        )
        for index, listener in (
            (self._up, up),
            (self._denied, f"{host} does not permit it without root (set become)"),
        ):
            some = ports & index.get(key, Ports())
            if some:
                yield standing._replace(listener=listener), some
            ports -= some
        if ports:
            yield standing, ports

    def _is_strange(self, key: Key, address: str) -> bool:
        """Tell whether a listener at all addresses of a host says nothing of this one, because it is none of them."""
        return (
            key[1] in WILDCARDS
            and address not in self._local.get(key[0], ())
            and self._owners.get(address) != key[0]
        )

    def _is_foreign(self, host: str, address: str) -> bool:
        """Tell whether an address is none of the host's, as its own kernel says.

        A stale name may lead to one, or a NAT device may hold it.
        """
        local = self._local.get(host, set())
        return (
            bool(local)
            and parse_address(address) is not None
            and address not in local
            and not is_loopback(address)
        )

    def _holder(self, host: str, address: str, held: Held) -> Standing:
        if held.by == SIBLING:
            return Standing(holder=SIBLING, held_at=held.at)
        if held.by != SERVICE:
            return Standing(holder=held.by if held.by in (CONNECTION, LISTENER, UNKNOWN) else "")
        if address in held.at or WILDCARDS[":" in address] in held.at:
            return Standing(holder=SERVICE)
        # Hosts that share a machine have their own services at their own addresses. One that is planned at a
        # loopback address shares it with the machine itself, whose services are not its.
        at = [] if is_loopback(address) else [one for one in held.at if self._owners.get(one, host) == host]
        return Standing(holder=ELSEWHERE, held_at=tuple(at)) if at else Standing()


def _counting(standing: Standing, state: str) -> Standing:
    """Return what of a standing counts for a state: flows are split for nothing else."""
    if state == "closed":
        return standing
    if state == "open":
        return (
            Standing(holder=standing.holder, held_at=standing.held_at)
            if standing.holder in (LISTENER, SIBLING, ELSEWHERE)
            else Standing()
        )
    if state in _UNTOLD or standing.ended:
        return Standing(standing.listener, ended=standing.ended)
    return Standing()


def _entries(value: t.Any) -> list[Mapping[str, t.Any]]:
    return (
        [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, (list, tuple)) else []
    )


def _own(result: Mapping[str, t.Any]) -> set[str]:
    """Return the addresses of a host, where it told all of them, with what its routes make its own."""
    told = _texts(result.get("addresses"))
    machine = result.get("machine")
    return {*told, *_texts(machine.get("own"))} if told and isinstance(machine, Mapping) else set(told)


def _texts(value: t.Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, (list, tuple)) else []


def _leftover(host: str, entry: Mapping[str, t.Any]) -> str:
    """Say which listener another run has left on a host, and what became of it."""
    pid, age, quiet, left = (_whole(entry.get(name)) for name in ("pid", "age_s", "quiet_s", "left_s"))
    user = str(entry.get("user", ""))
    user = user if _USER.match(user) else f"uid {_whole(entry.get('uid'))}"
    where = "; ".join(
        f"{item['protocol']} {item['ports']} of {item['address']}"
        for item in _entries(entry.get("ports"))
        if _is_place(item)
    )
    who = (
        f"On {host}, a listener of another run holds {where or 'planned ports'}: process {pid} of {user}, "
        f"{age} s old, without a sign of its run "
        f"for {quiet} s."
    )
    if entry.get("ended") is True:
        return who + " It was ended, because that run seems to be over."
    return f"{who} It closes its ports within {left} s if that run is over; to end it at once, run 'kill {pid}' there as root."


_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}\Z")


def _whole(value: t.Any) -> int:
    return value if isinstance(value, int) and value >= 0 else 0


def _is_place(item: Mapping[str, t.Any]) -> bool:
    try:
        return (
            item["protocol"] in ("tcp", "udp")
            and str(Ports.parse(item["ports"])) == item["ports"]
            and parse_address(item["address"]) is not None
        )
    except (KeyError, TypeError, NetworkError):
        return False


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

    def __init__(
        self,
        plan: Mapping[str, t.Any],
        observed: Mapping[str, t.Any],
        listeners: Mapping[str, t.Any],
        captures: Mapping[str, t.Any] | None = None,
        stopped: Mapping[str, t.Any] | None = None,
        queries: Mapping[str, t.Any] | None = None,
    ):
        self._hosts = plan["hosts"]
        self._observed = observed
        self._listeners = listeners
        self.captures = Captures(
            {host: (result or {}).get("capture") for host, result in observed.items()},
            captures or {},
            [address for host in self._hosts.values() for address in host["addresses"]],
        )
        # Rows that nobody asked for, whose service may not exist at all.
        self._optional = {
            entry["service"] for entry in plan.get("not_covered", ()) if entry["cause"] == OPTIONAL
        }
        self._entitled: dict[tuple[str, str], list[tuple[str, Ports]]] = {}
        for name, host in self._hosts.items():
            for entry in host["probes"]:
                for destination in entry["destinations"] if entry["expected"] == REACHABLE else ():
                    self._entitled.setdefault((destination, entry["protocol"]), []).append(
                        (name, Ports.parse(entry["ports"]))
                    )
        self._set_aside: list[dict[str, t.Any]] = []
        self._queries = queries or {}
        self.listening = Listening(
            listeners,
            {name: host["addresses"] for name, host in self._hosts.items()},
            stopped or {},
            self._queries,
        )

    def results(self) -> list[dict[str, t.Any]]:
        """Return the results of all flows whose source took part in the run."""
        sources = [
            source for source, host in self._hosts.items() if source in self._observed and host["probes"]
        ]
        found = [
            item for source in sources for item in self._of_source(source, self._hosts[source]["probes"])
        ]
        controls = Controls(item for item in found if not isinstance(item, Case))
        results: list[dict[str, t.Any]] = []
        for item in found:
            if not isinstance(item, Case):
                results.append(item)
                continue
            for case in controls.parts(item):
                if self._is_nothing_there(case):
                    self._set_aside.append(
                        _aside(case._asdict(), case.source, [case.destination], NOTHING_THERE)
                    )
                else:
                    results.append(_result(case if case.control else self._with_entitled(case)))
        return results

    def _with_entitled(self, case: Case) -> Case:
        """Return a case that has no control with who may use its ports."""
        ports = Ports.parse(case.ports)
        several = self._entitled.get((case.destination, case.protocol), ())
        names = tuple(dict.fromkeys(name for name, some in several if name != case.source and ports & some))
        return case._replace(entitled=names, present=any(name in self._observed for name in names))

    def untestable(self) -> list[dict[str, t.Any]]:
        """Return the flows that this run cannot judge because one of their ends is outside of it (C(--limit), C(serial))."""
        return self._set_aside + [
            _aside(entry, source, list(entry["destinations"]), "the source is outside of this run")
            for source, host in self._hosts.items()
            if source not in self._observed
            for entry in host["probes"]
        ]

    def _of_source(self, source: str, probes: list[dict[str, t.Any]]) -> Iterator[dict[str, t.Any] | Case]:
        """Yield the results of a source; what must not work stays a case until its control is known."""
        result = self._observed[source] or {}
        problem = (
            failure(self._observed[source])
            or failure(self._listeners.get(source, {}))
            or failure(self._queries.get(source, {}))
        )
        seen: dict[tuple[str, str], list[dict[str, t.Any]]] = {}
        for observation in result.get("observations", ()):
            seen.setdefault((observation["destination"], observation["protocol"]), []).append(observation)
        for entry in probes:
            for destination, addresses in entry["destinations"].items():
                cases = list(
                    self._cases(source, entry, destination, seen.get((destination, entry["protocol"]), []))
                )
                for case in cases:
                    reason = self._reason_to_set_aside(case)
                    if reason:
                        self._set_aside.append(
                            _aside(dict(entry, ports=case.ports), source, [destination], reason)
                        )
                    else:
                        yield _result(case) if case.expected == REACHABLE else case
                for missing, where in _unseen(entry["ports"], addresses, cases).items():
                    yield _untested(source, entry, destination, where, missing, problem)

    def _reason_to_set_aside(self, case: Case) -> str:
        if case.state["state"] in _UNTOLD and case.listener == OUTSIDE.format(case.destination):
            return case.listener
        return NOTHING_THERE if case.expected == REACHABLE and self._is_nothing_there(case) else ""

    def _is_nothing_there(self, case: Case) -> bool:
        # Where somebody else got through, a refusal is a filter's.
        refused = case.state["state"] == "closed" and not case.listener
        return refused and not case.control and case.service in self._optional

    def _cases(
        self, source: str, entry: dict[str, t.Any], destination: str, observations: list[dict[str, t.Any]]
    ) -> Iterator[Case]:
        own = tuple(self._hosts[source]["addresses"])
        for observation in observations:
            for state in observation["states"]:
                ports = _shared(entry["ports"], state["ports"])
                if ports:
                    address, protocol = observation["address"], entry["protocol"]
                    for standing, some in self.listening.parts(
                        destination, address, protocol, ports, state["state"]
                    ):
                        case = Case(
                            source,
                            destination,
                            address,
                            entry["service"],
                            protocol,
                            some,
                            entry["expected"],
                            state,
                            own,
                            *standing,
                            planned=entry["ports"],
                        )
                        yield from self._located(case)

    def _located(self, case: Case) -> Iterator[Case]:
        """Yield the case, split where its packets came differently far."""
        lost = (
            case.state["reason"] == "no-response"
            and not case.ended
            and (case.protocol == "tcp" or case.listener == "up")
        )
        refused = case.state["state"] == "closed" and case.listener == "up"
        stages = (
            self.captures.stages(
                Ends(case.source, case.source_addresses, case.destination, case.address, case.protocol),
                case.ports,
            )
            if lost or refused
            else []
        )
        for stage, ports in stages:
            # A reset that comes back says all of itself but where it was made.
            place = stage if lost else {RETURNED: AT_DESTINATION, ON_RETURN: AT_DESTINATION}.get(stage, stage)
            yield case._replace(ports=ports, stage=place)
        if not stages:
            yield case


class Controls:
    """Who reached which ports because he may: silence means little where nobody gets through."""

    def __init__(self, results: Iterable[Mapping[str, t.Any]]):
        self._reached: dict[tuple[str, str, str], dict[str, Ports]] = {}
        for result in results:
            if result["expected"] == REACHABLE and result["verdict"] == OK and result["state"] == "open":
                key = (result["destination"], result["address"], result["protocol"])
                by_source = self._reached.setdefault(key, {})
                by_source[result["source"]] = by_source.get(result["source"], Ports()) | Ports.parse(
                    result["ports"]
                )

    def parts(self, case: Case) -> Iterator[Case]:
        """Yield the case, split by who reached its ports; the part that nobody reached has no control."""
        rest = Ports.parse(case.ports)
        for source, ports in self._reached.get((case.destination, case.address, case.protocol), {}).items():
            # Who must not reach a port proves nothing of it, though another row may let him through.
            shared = rest & ports if source != case.source else Ports()
            if shared:
                yield case._replace(ports=str(shared), control=source)
                rest -= shared
        if rest:
            yield case._replace(ports=str(rest))


def _unseen(ports: str, planned: list[str], cases: list[Case]) -> dict[str, list[str]]:
    """Return the ports that were not seen, with the addresses where they were not.

    What one address shows proves nothing of another.
    """
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


def _result(case: Case) -> dict[str, t.Any]:
    verdict, sentence = judge(case)
    result = {
        "source": case.source,
        "destination": case.destination,
        "address": case.address,
        "service": case.service,
        "protocol": case.protocol,
        "ports": case.ports,
        "expected": case.expected,
        "verdict": verdict,
        "state": case.state["state"],
        "reason": case.state["reason"],
        "sentence": sentence,
    }
    for field in ("reason_ip", "rtt_ms", "identity", "answered_by"):
        if field in case.state:
            result[field] = case.state[field]
    return result


def _untested(
    source: str, entry: dict[str, t.Any], destination: str, addresses: list[str], ports: str, problem: str
) -> dict[str, t.Any]:
    why = problem or "no observation came back"
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
        "sentence": f"{source} was not able to test {entry['protocol']} {ports} of {destination}: {why}",
    }


def _aside(entry: Mapping[str, t.Any], source: str, destinations: list[str], reason: str) -> dict[str, t.Any]:
    return {
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "sources": [source],
        "destinations": destinations,
        "reason": reason,
    }


def flow_verdicts(results: list[dict[str, t.Any]]) -> dict[tuple[str, ...], str]:
    """Return the verdict of each flow.

    Where its ports or addresses differ, the one that needs somebody to act.
    """
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
