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
from ...module_utils._plan.flows import DENIED as FORBIDDEN
from ...module_utils._plan.flows import REACHABLE
from ...module_utils._plan.networks import networks_of
from ...module_utils._probe.outcome import NO_RESPONSE
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .case import (
    ASIDE,
    DENIED,
    ELSEWHERE,
    ENDED,
    FAILED,
    FOREIGN,
    NOBODY,
    OUTSIDE,
    SIBLING,
    STRANGE,
    UNSEEN,
    UP,
    Case,
    Listener,
)
from .packet_stages import AT_DESTINATION, ON_RETURN, RETURNED, Captures, Ends
from .verdict import OK, UNTESTED, judge, worst

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Observation, Plan, ProbeFlow, Result, Unmeasured

# Why our listener did not answer (Listener.why).
_WHY = {
    FAILED: "the listener of {host} did not start: {problem}",
    DENIED: "{host} does not permit it without root (set become)",
    OUTSIDE: "{host} is outside of this run, so no listener was started there",
    ENDED: (
        "the listener of {host} ended too early: it was killed, the host was restarted, or its time "
        "(exasol_verify_listeners_ttl) was over"
    ),
    ASIDE: "the listener of {host} closed its ports too early: for too long, no probe of this run came",
    UNSEEN: (
        "it is unknown whether the listener of {host} was still there at the end of the run, because {host} "
        "could not be asked: {problem}"
    ),
    STRANGE: "exasol_address or its name led to {address}, which is none of the addresses of {host}",
}
_SOURCE_OUTSIDE = "the source is outside of this run"
_NOTHING_THERE = "nothing listens there, and the row is optional and not included"
_UNDECIDED = ("closed", "open|filtered")  # where nobody listens, these prove nothing of the network


@lru_cache(maxsize=65536)
def _shared(one: str, other: str) -> str:
    return one if one == other else str(Ports.parse(one) & Ports.parse(other))


def _missing(kind: str, host: str, problem: str = "", address: str = "") -> Listener:
    return Listener(kind, _WHY[kind].format(host=host, problem=problem.rstrip("."), address=address))


class Standing(t.NamedTuple):
    """What is known of ports at the destination's own end; the fields are those of C(Case)."""

    listener: Listener = Listener()
    holder: str = NOBODY
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
        self._absent: dict[str, Listener] = {}  # hosts on which no listener of ours was ever up
        self._ended: dict[str, Listener] = {}  # hosts whose listener may not have been up until the end
        self._vanished: set[str] = set()  # hosts whose silence proves nothing
        self._leftovers: dict[str, list[str]] = {}
        self._unasked = {
            host: _problem(result) for host, result in (queries or {}).items() if _has_failed(result)
        }
        self._hosts = set(addresses)
        self._owners = {address: host for host, some in addresses.items() for address in some}
        self._own: dict[str, set[str]] = {}  # of the planned addresses of a host, those that it really has
        self._local: dict[str, set[str]] = {}
        self._answers: dict[tuple[str, ...], list[tuple[Standing, str]]] = {}
        # Without any listener (a live cluster), a refused port says that nothing listens. With listeners, it
        # says so only where one was started.
        if results:
            for host in addresses:
                if host not in results:
                    self._absent[host] = _missing(OUTSIDE, host)
        for host, result in results.items():
            self._add(host, result, stopped.get(host))
        for host, result in (queries or {}).items():
            self._local[host] = _own(result)
            self._own.setdefault(host, set()).update(_confirmed(result))
            self._add_held(host, result)

    def _add(self, host: str, result: Mapping[str, t.Any], stopped: Mapping[str, t.Any] | None) -> None:
        if _has_failed(result):
            self._absent[host] = _missing(FAILED, host, _problem(result))
        elif _has_ended(result, stopped):
            self._ended[host] = _missing(ENDED, host)
            self._vanished.add(host)
        elif (stopped or {}).get("stepped_aside"):
            self._ended[host] = _missing(ASIDE, host)
        elif stopped and _has_failed(stopped):
            self._ended[host] = _missing(UNSEEN, host, _problem(stopped))
        if result.get("unreachable") or (stopped or {}).get("unreachable"):
            self._vanished.add(host)
        self._local[host] = _own(result)
        self._own.setdefault(host, set()).update(_confirmed(result))
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

    def is_owner(self, host: str, address: str) -> bool:
        """Tell whether a host itself has an address, as its kernel says."""
        return address in self._own.get(host, ()) or address in self._local.get(host, ())

    def is_of_another(self, host: str, address: str) -> bool:
        """Tell whether an address is planned for another host."""
        return self._owners.get(address, host) != host

    def parts(
        self, host: str, address: str, protocol: str, ports: str, state: str, is_external: bool = False
    ) -> list[tuple[Standing, str]]:
        """Return what is known of ports at their own end and counts for their state, with the ports.

        There is one entry for all ports of which the same is known. The host need not have an external
        address itself.
        """
        question = (host, address, protocol, ports, state, "external" if is_external else "")
        if question not in self._answers:  # many sources ask the same
            self._answers[question] = self._parts(host, address, protocol, ports, state, is_external)
        return self._answers[question]

    def _parts(
        self, host: str, address: str, protocol: str, ports: str, state: str, is_external: bool
    ) -> list[tuple[Standing, str]]:
        if state in ("open", "closed") and not is_external and self._is_foreign(host, address):
            why = _missing(STRANGE, host, address=address) if state == "closed" else Listener()
            return [(Standing(listener=why, holder=FOREIGN), ports)]
        if host in self._absent:
            standing = Standing(listener=self._absent[host], ended=host in self._vanished)
            return [(_counting(standing, state), ports)]
        here = self._key(host, address, protocol)
        found: dict[Standing, Ports] = {}
        left = Ports.parse(ports)
        for held in (*self._held.get(here, ()), Held(left, "", ())):
            holder = self._holder(host, address, held)
            for standing, some in self._of_held(here, address, left & held.ports, holder, is_external):
                counting = _counting(standing, state)
                found[counting] = found.get(counting, Ports()) | some
            left -= held.ports
        # Whatever was split is put together again; mostly all of it is one.
        return [(standing, ports if len(found) == 1 else str(some)) for standing, some in found.items()]

    def _key(self, host: str, address: str, protocol: str) -> Key:
        """Return under which address a host spoke of its ports: this one, or all of them at once."""
        key, wildcard = (host, address, protocol), (host, WILDCARDS[":" in address], protocol)
        for one in (key, wildcard):
            if one in self._up or one in self._denied or one in self._held:
                return one
        return key

    def _of_held(
        self, key: Key, address: str, ports: Ports, standing: Standing, is_external: bool
    ) -> Iterator[tuple[Standing, Ports]]:
        host = key[0]
        standing = standing._replace(ended=host in self._vanished)
        up = self._ended.get(host, Listener(UP))
        if up.was_up and not is_external and self._is_strange(key, address):
            up = _missing(STRANGE, host, address=address)
        for index, listener in ((self._up, up), (self._denied, _missing(DENIED, host))):
            some = ports & index.get(key, Ports())
            if some:
                yield standing._replace(listener=listener), some
            ports -= some
        if ports:
            yield standing, ports

    def _is_strange(self, key: Key, address: str) -> bool:
        """Tell whether a listener at all addresses of a host leaves this one out, which is not the host's."""
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
            return Standing(holder=held.by if held.by in (CONNECTION, LISTENER, UNKNOWN) else NOBODY)
        if address in held.at or WILDCARDS[":" in address] in held.at:
            return Standing(holder=SERVICE)
        # Hosts that share a machine have services of their own at their own addresses. A host that is planned
        # at a loopback address shares it with the machine itself, whose services are not those of the host.
        at = [] if is_loopback(address) else [one for one in held.at if self._owners.get(one, host) == host]
        return Standing(holder=ELSEWHERE, held_at=tuple(at)) if at else Standing()


def _counting(standing: Standing, state: str) -> Standing:
    """Return what of a standing counts for a state: flows are split for nothing else."""
    if state == "closed":
        return standing
    if state == "open":
        is_known = standing.holder in (LISTENER, SIBLING, ELSEWHERE)
        return Standing(holder=standing.holder, held_at=standing.held_at) if is_known else Standing()
    if state in _UNDECIDED or standing.ended:
        return Standing(listener=standing.listener, ended=standing.ended)
    return Standing()


def _entries(value: t.Any) -> list[Mapping[str, t.Any]]:
    return (
        [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, (list, tuple)) else []
    )


def _own(result: Mapping[str, t.Any]) -> set[str]:
    """Return all addresses of a host, if it listed them, with those that its routes make its own."""
    listed = _texts(result.get("addresses"))
    machine = result.get("machine")
    return {*listed, *_texts(machine.get("own"))} if listed and isinstance(machine, Mapping) else set(listed)


def _confirmed(result: Mapping[str, t.Any]) -> list[str]:
    """Return which of its planned addresses a host has itself."""
    machine = result.get("machine")
    return _texts(machine.get("own")) if isinstance(machine, Mapping) else []


def _texts(value: t.Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, (list, tuple)) else []


def _leftover(host: str, entry: Mapping[str, t.Any]) -> str:
    """Say which listener another run has left on a host, and what became of it."""
    pid, age, quiet, left = (_whole(entry.get(name)) for name in ("pid", "age_s", "quiet_s", "left_s"))
    user = str(entry.get("user", ""))
    user = user if _USER.match(user) else f"uid {_whole(entry.get('uid'))}"
    places = filter(_is_place, _entries(entry.get("ports")))
    where = "; ".join(f"{place['protocol']} {place['ports']} of {place['address']}" for place in places)
    who = (
        f"On {host}, a listener of another run holds {where or 'planned ports'}: process {pid} of {user}, "
        f"{age} s old, without a sign of its run for {quiet} s."
    )
    if entry.get("ended") is True:
        return f"{who} It was ended, because that run seems to be over."
    return (
        f"{who} It closes its ports within {left} s if that run is over; to end it now, run 'kill {pid}' "
        f"there as root."
    )


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


def _has_ended(result: Mapping[str, t.Any], stopped: Mapping[str, t.Any] | None) -> bool:
    """Tell whether a listener was up and was not there any more when it was stopped."""
    if not result.get("listening") or not stopped or stopped.get("skipped") or _has_failed(stopped):
        return False
    return not stopped.get("changed")


def failure(result: Mapping[str, t.Any] | None) -> str | None:
    """Return why a host's task has no result, never an empty text; None if the task did not fail."""
    return _problem(result) if result is None or _has_failed(result) else None


def _has_failed(result: Mapping[str, t.Any]) -> bool:
    return not result.get("skipped") and bool(result.get("unreachable") or result.get("failed"))


def _problem(result: Mapping[str, t.Any] | None) -> str:
    if result is None:
        return "the host took no part in this run"
    return str(result.get("msg") or "").strip() or "the task failed"


class Judged(t.NamedTuple):
    """What a run says of the flows of a plan."""

    results: list[Result]
    unmeasured: list[Unmeasured]  # an end is outside of this run, or nothing is there that could be measured


class Joining:
    """Judges every flow of a plan."""

    def __init__(
        self,
        plan: Plan,
        observed: Mapping[str, t.Any],
        listeners: Mapping[str, t.Any],
        captures: Mapping[str, t.Any] | None = None,
        stopped: Mapping[str, t.Any] | None = None,
        queries: Mapping[str, t.Any] | None = None,
    ):
        self._hosts = plan["hosts"]
        self._networks = networks_of(self._hosts)
        self._external = {
            name: frozenset(host["external"]) for name, host in self._hosts.items() if host.get("external")
        }
        self._observed = observed
        self._listeners = listeners
        self.captures = Captures(
            {host: (result or {}).get("capture") for host, result in observed.items()},
            captures or {},
            [address for host in self._hosts.values() for address in _all_addresses(host)],
        )
        # Rows that nobody asked for, whose service may not exist at all.
        self._optional = {
            entry["service"] for entry in plan.get("not_covered", ()) if entry["cause"] == OPTIONAL
        }
        self._entitled = _entitled(self._hosts)
        self._queries = queries or {}
        self.listening = Listening(
            listeners,
            {name: _all_addresses(host) for name, host in self._hosts.items()},
            stopped or {},
            self._queries,
        )

    def judge(self) -> Judged:
        """Return the results of all flows whose source took part in the run, and what was not measured."""
        judged = Judged(results=[], unmeasured=[])
        found: list[Result | Case] = []
        for source, host in self._hosts.items():
            if source in self._observed:
                found += self._of_source(source, host["probes"], judged.unmeasured)
        # What must not work stays a case until it is known who reached the same ports.
        controls = Controls((item for item in found if not isinstance(item, Case)), self._hosts)
        for item in found:
            if not isinstance(item, Case):
                judged.results.append(item)
                continue
            for case in controls.parts(item):
                if self._is_nothing_there(case):
                    judged.unmeasured.append(_unmeasured_case(case, _NOTHING_THERE))
                else:
                    judged.results.append(_result(case if case.control else self._with_entitled(case)))
        for source, host in self._hosts.items():
            if source not in self._observed:
                for entry in host["probes"]:
                    destinations = list(entry["destinations"])
                    judged.unmeasured.append(_unmeasured(entry, source, destinations, _SOURCE_OUTSIDE))
        return judged

    def _of_source(
        self, source: str, probes: list[ProbeFlow], unmeasured: list[Unmeasured]
    ) -> Iterator[Result | Case]:
        """Yield the results of a source, and the cases of what must not work; add what was not measured."""
        result = self._observed[source] or {}
        problem = (
            failure(self._observed[source])
            or failure(self._listeners.get(source, {}))
            or failure(self._queries.get(source, {}))
            or "no observation came back"
        )
        several = _addresses_of_two_networks(probes, self._external)
        own = tuple(_own_of_source(self._hosts[source], result))
        seen: dict[tuple[str, str], list[Observation]] = {}
        for observation in result.get("observations", ()):
            seen.setdefault((observation["destination"], observation["protocol"]), []).append(observation)
        for entry in probes:
            for destination, addresses in entry["destinations"].items():
                here = seen.get((destination, entry["protocol"]), [])
                if destination in several:
                    here = [one for one in here if _is_asked(one["address"], addresses, several[destination])]
                asked = Asked(source, own, entry, destination, destination in several)
                cases = list(self._cases(asked, here))
                for case in cases:
                    reason = self._why_unmeasured(case)
                    if reason is not None:
                        unmeasured.append(_unmeasured_case(case, reason))
                    else:
                        yield _result(case) if case.expected == REACHABLE else case
                for missing, where in _unseen(entry["ports"], addresses, cases).items():
                    yield _untested(source, entry, destination, where, missing, problem)

    def _why_unmeasured(self, case: Case) -> str | None:
        if case.state in _UNDECIDED and case.listener.kind == OUTSIDE:
            return case.listener.why
        return _NOTHING_THERE if case.expected == REACHABLE and self._is_nothing_there(case) else None

    def _with_entitled(self, case: Case) -> Case:
        """Return a case that has no control with the hosts that may use its ports."""
        ports = Ports.parse(case.ports)
        several = self._entitled.get((case.destination, case.protocol), ())
        names = tuple(
            dict.fromkeys(
                name
                for name, some, addresses in several
                if name != case.source and ports & some and (not case.is_private or case.address in addresses)
            )
        )
        return case._replace(entitled=names, is_any_present=any(name in self._observed for name in names))

    def _is_nothing_there(self, case: Case) -> bool:
        # If another host got through, a refusal comes from a filter.
        is_refused = case.state == "closed" and not case.listener.was_up and not case.listener.was_missing
        return is_refused and not case.control and case.service in self._optional

    def _cases(self, asked: Asked, observations: list[Observation]) -> Iterator[Case]:
        source, own, entry, destination, has_two = asked
        has_networks = destination in self._external
        seen_as = tuple(self._networks.addresses(source, destination))
        for observation in observations:
            address, protocol = observation["address"], entry["protocol"]
            is_external = has_networks and self._is_external(entry, destination, address)
            is_translated = is_external and not self.listening.is_owner(destination, address)
            for state in observation["states"]:
                ports = _shared(entry["ports"], state["ports"])
                if ports:
                    for standing, some in self.listening.parts(
                        destination, address, protocol, ports, state["state"], is_external
                    ):
                        case = Case(
                            source=source,
                            destination=destination,
                            address=address,
                            service=entry["service"],
                            protocol=protocol,
                            ports=some,
                            expected=entry["expected"],
                            observed=state,
                            source_addresses=seen_as,
                            own_addresses=own,
                            behind=tuple(self._hosts[destination]["addresses"]) if is_translated else (),
                            is_external=is_external,
                            is_private=has_networks and entry["expected"] == FORBIDDEN and not is_external,
                            listener=standing.listener,
                            holder=standing.holder,
                            held_at=standing.held_at,
                            ended=standing.ended,
                            planned=entry["ports"],
                        )
                        yield from self._located(case, is_alone=not has_two)

    def _is_external(self, entry: ProbeFlow, destination: str, address: str) -> bool:
        """Tell whether a source used an address that its destination need not have itself."""
        external = self._external.get(destination)
        if not external or self.listening.is_of_another(destination, address):
            return False
        if address in external:
            return True
        planned = entry["destinations"][destination]
        # It is what an external name leads to.
        return address not in planned and any(name in external for name in planned)

    def _located(self, case: Case, is_alone: bool = True) -> Iterator[Case]:
        """Yield the case, split where its packets came differently far."""
        is_refused = case.state == "closed" and case.listener.was_up
        is_lost = (
            case.reason == NO_RESPONSE and not case.ended and (case.protocol == "tcp" or case.listener.was_up)
        )
        stages: list[tuple[str, str]] = []
        if is_lost or is_refused:
            ends = Ends(
                source=case.source,
                source_addresses=tuple(_all_addresses(self._hosts[case.source])),
                destination=case.destination,
                address=case.address,
                protocol=case.protocol,
                # Behind NAT, what was sent to either address looks alike where it arrives.
                arrives_at=() if case.behind and not is_alone else (case.address, *case.behind),
            )
            stages = self.captures.stages(ends, case.ports)
        for stage, ports in stages:
            # A reset that comes back says everything except where it was made.
            place = AT_DESTINATION if is_refused and stage in (ON_RETURN, RETURNED) else stage
            yield case._replace(ports=ports, stage=place)
        if not stages:
            yield case


class Asked(t.NamedTuple):
    """A flow that a source was asked to measure."""

    source: str
    own_addresses: tuple[str, ...]
    entry: ProbeFlow
    destination: str
    has_two: bool  # whether the source was asked for addresses of both networks of the destination


def _all_addresses(host: HostPlan) -> list[str]:
    external = host.get("external", ())
    return [*host["addresses"], *external] if external else host["addresses"]


def _own_of_source(host: HostPlan, result: Mapping[str, t.Any]) -> Iterator[str]:
    """Yield the addresses from which errors are the source's own: a NAT device may have the external ones."""
    yield from host["addresses"]
    if host.get("external"):
        own = set(_confirmed(result))
        yield from (address for address in host["external"] if address in own)


def _addresses_of_two_networks(
    probes: Iterable[ProbeFlow], external: Mapping[str, frozenset[str]]
) -> dict[str, set[str]]:
    """Return the addresses of destinations of which a source was asked for both networks."""
    found: dict[str, set[str]] = {}
    if not external:
        return found
    kinds: dict[str, set[tuple[str, ...]]] = {}
    for entry in probes:
        for destination, addresses in entry["destinations"].items():
            if destination in external:
                kinds.setdefault(destination, set()).add(tuple(addresses))
    for destination, several in kinds.items():
        if len(several) > 1:
            found[destination] = {address for addresses in several for address in addresses}
    return found


def _is_asked(address: str, planned: list[str], known: set[str]) -> bool:
    """Tell whether a flow was to use an address, or has a name that leads there."""
    if address in planned:
        return True
    return address not in known and not all(parse_address(one) for one in planned)


def _entitled(hosts: Mapping[str, HostPlan]) -> dict[tuple[str, str], list[tuple[str, Ports, list[str]]]]:
    """Return who may use which ports of a destination at which addresses, by destination and protocol."""
    found: dict[tuple[str, str], list[tuple[str, Ports, list[str]]]] = {}
    for name, host in hosts.items():
        for entry in host["probes"]:
            if entry["expected"] != REACHABLE:
                continue
            for destination, addresses in entry["destinations"].items():
                key = (destination, entry["protocol"])
                found.setdefault(key, []).append((name, Ports.parse(entry["ports"]), addresses))
    return found


class Controls:
    """Who reached which ports because it may: silence means little if nobody gets through.

    Many ports of an external address are for nobody, so nobody can show that they work there. If another port
    works at that address, and the port itself on the private network, both together show it.
    """

    def __init__(self, results: Iterable[Result], hosts: Mapping[str, HostPlan]):
        self._hosts = hosts
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
            # A host that must not reach a port proves nothing of it, though another row may let it through.
            shared = rest & ports if source != case.source else Ports()
            if shared:
                yield case._replace(ports=str(shared), control=source)
                rest -= shared
        if rest and case.is_external and (case.destination, case.address, case.protocol) in self._reached:
            for address in self._hosts[case.destination]["addresses"]:
                private = self._reached.get((case.destination, address, case.protocol), {})
                for source, ports in private.items():
                    shared = rest & ports if source != case.source else Ports()
                    if shared:
                        yield case._replace(ports=str(shared), control=source, control_at=address)
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


def _result(case: Case) -> Result:
    verdict, sentence = judge(case)
    result: Result = {
        "source": case.source,
        "destination": case.destination,
        "address": case.address,
        "service": case.service,
        "protocol": case.protocol,
        "ports": case.ports,
        "expected": case.expected,
        "verdict": verdict,
        "state": case.state,
        "reason": case.reason,
        "sentence": sentence,
    }
    for field in ("reason_ip", "rtt_ms", "identity", "answered_by"):
        if field in case.observed:
            result[field] = case.observed[field]
    return result


def _untested(
    source: str, entry: ProbeFlow, destination: str, addresses: list[str], ports: str, problem: str
) -> Result:
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
    }


def _unmeasured_case(case: Case, reason: str) -> Unmeasured:
    return _unmeasured(case._asdict(), case.source, [case.destination], reason)


def _unmeasured(entry: Mapping[str, t.Any], source: str, destinations: list[str], reason: str) -> Unmeasured:
    return {
        "service": entry["service"],
        "protocol": entry["protocol"],
        "ports": entry["ports"],
        "sources": [source],
        "destinations": destinations,
        "reason": reason,
    }


def flow_verdicts(results: Iterable[Result]) -> dict[tuple[str, ...], str]:
    """Return the verdict of each flow: the most severe one if its ports or addresses differ."""
    verdicts: dict[tuple[str, ...], str] = {}
    for result in results:
        flow = (result["source"], result["destination"], result["service"], result["expected"])
        verdicts[flow] = worst((verdicts.get(flow, OK), result["verdict"]))
    return verdicts


def not_ok(summary: Mapping[str, int]) -> int:
    """Return how many flows need somebody to act."""
    return sum(count for verdict, count in summary.items() if verdict != OK)


def summarize(results: Iterable[Result]) -> dict[str, int]:
    """Return how many flows have each verdict."""
    return dict(Counter(flow_verdicts(results).values()))
