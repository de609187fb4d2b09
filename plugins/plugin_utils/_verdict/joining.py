# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Joins a plan with what every host observed: one result for each flow, split where its ports differ."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache

from ...module_utils._plan.coverage import OPTIONAL
from ...module_utils._plan.expected import DENIED, REACHABLE
from ...module_utils._plan.networks import networks_of
from ...module_utils._probe.outcome import NO_RESPONSE, NOTHING_THROUGH, OPEN
from ...module_utils._values.ports import Ports
from .case import DESTINATION, FOREIGN, ITSELF, OUTSIDE, TRANSLATED, Case, Kernels
from .controls import Controls, Entitled, entitled_hosts
from .kernel_facts import KernelFacts
from .limits import NO_LIMITS, Limits
from .listening import Listening
from .machines import Machines
from .one_family import OneFamily
from .packet_places import NEVER_ARRIVED
from .packet_stages import AT_DESTINATION, DISGUISED, ON_RETURN, RETURNED, Captures, Ends
from .results import result_of, unmeasured_case, unmeasured_flows, unseen_ports, untested_result
from .source_address import SourceAddresses
from .standing import UNDECIDED, Standing
from .task_results import failure
from .trace_notes import traces_by_path
from .two_networks import addresses_of_source, addresses_of_two_networks, all_addresses, is_asked

if t.TYPE_CHECKING:
    from ...module_utils._shapes import (
        Capture,
        ListenerTask,
        Observation,
        Path,
        Plan,
        ProbeFlow,
        ProbeTask,
        Result,
        Trace,
        Unmeasured,
    )

_SOURCE_OUTSIDE = "the source is outside of this run"
_NOTHING_THERE = "nothing listens there, and the row is optional and not included"


class Judged(t.NamedTuple):
    """What a run says of the flows of a plan."""

    results: list[Result]
    unmeasured: list[Unmeasured]  # an end is outside of this run, or nothing is there that could be measured


class Asked(t.NamedTuple):
    """A flow that a source was asked to measure."""

    source: str
    own_addresses: tuple[str, ...]
    paths: Mapping[tuple[str, str], Path]  # what it measured of each path, by destination and address
    traces: Mapping[tuple[str, str], tuple[Trace, ...]]
    entry: ProbeFlow
    destination: str
    has_two: bool  # whether the source was asked for addresses of both networks of the destination
    # From which addresses listeners saw it come in place of its own, by destination and address.
    translated: Mapping[tuple[str, str], Iterable[str]]


class Joining:
    """Judges every flow of a plan."""

    def __init__(
        self,
        plan: Plan,
        observed: Mapping[str, ProbeTask | None],
        listeners: Mapping[str, ListenerTask],
        captures: Mapping[str, Capture | None] | None = None,
        stopped: Mapping[str, ListenerTask | None] | None = None,
        queries: Mapping[str, ListenerTask] | None = None,
        limits: Limits = NO_LIMITS,
    ):
        self._hosts = plan["hosts"]
        self._networks = networks_of(self._hosts)
        self._external = {
            name: frozenset(host["external"]) for name, host in self._hosts.items() if host.get("external")
        }
        self._observed = observed
        self._limits = limits
        self._listeners = listeners
        self._known = frozenset(address for host in self._hosts.values() for address in all_addresses(host))
        self.captures = Captures(
            {host: (result or {}).get("capture") for host, result in observed.items()},
            captures or {},
            self._known,
        )
        # Rows that nobody asked for, whose service may not exist at all.
        self._optional = {
            entry["service"] for entry in plan.get("not_covered", ()) if entry["cause"] == OPTIONAL
        }
        self._queries = queries or {}
        self._machines = Machines(self._known, observed, listeners, self._queries)
        self.kernels = KernelFacts(observed, stopped or {})
        self.one_family = OneFamily()
        self.source_addresses = SourceAddresses(observed, self._hosts, self._networks)
        self.listening = Listening(
            listeners,
            {name: all_addresses(host) for name, host in self._hosts.items()},
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
        controls: Controls | None = None
        for item in found:
            if not isinstance(item, Case):
                judged.results.append(item)
                continue
            controls = controls or Controls(found, self._hosts)
            for case in controls.parts(item):
                if self._is_nothing_there(case):
                    judged.unmeasured.append(unmeasured_case(case, _NOTHING_THERE))
                else:
                    judged.results.append(result_of(case if case.control else self._with_entitled(case)))
        for source, host in self._hosts.items():
            if source not in self._observed:
                for entry in host["probes"]:
                    judged.unmeasured.append(unmeasured_flows(entry, source, _SOURCE_OUTSIDE))
        return judged

    @cached_property
    def _entitled(self) -> Entitled:
        return entitled_hosts(self._hosts)

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
        several = addresses_of_two_networks(probes, self._external)
        own = tuple(addresses_of_source(self._hosts[source], result))
        paths = {(path["destination"], path["address"]): path for path in result.get("paths", ())}
        traces = traces_by_path(result)
        seen: dict[tuple[str, str], list[Observation]] = {}
        translated: dict[tuple[str, str], dict[str, None]] = {}
        for observation in result.get("observations", ()):
            seen.setdefault((observation["destination"], observation["protocol"]), []).append(observation)
            for state in observation["states"]:
                if "seen_as" in state:
                    key = (observation["destination"], observation["address"])
                    translated.setdefault(key, {})[state["seen_as"]] = None
        for entry in probes:
            for destination, addresses in entry["destinations"].items():
                here = seen.get((destination, entry["protocol"]), [])
                if destination in several:
                    here = [one for one in here if is_asked(one["address"], addresses, several[destination])]
                asked = Asked(
                    source=source,
                    own_addresses=own,
                    paths=paths,
                    traces=traces,
                    entry=entry,
                    destination=destination,
                    has_two=destination in several,
                    translated=translated,
                )
                cases = list(self._cases(asked, here))
                for case in cases:
                    reason = self._why_unmeasured(case, addresses)
                    if reason is not None:
                        unmeasured.append(unmeasured_case(case, reason))
                    else:
                        yield result_of(case) if case.expected == REACHABLE else case
                for missing, where in unseen_ports(entry["ports"], addresses, cases).items():
                    yield untested_result(source, entry, destination, where, missing, problem)

    def _why_unmeasured(self, case: Case, addresses: Iterable[str]) -> str | None:
        if case.expected == REACHABLE:
            reason = self.one_family.why_unmeasured(case, addresses)
            if reason:
                return reason
        if case.state in UNDECIDED and case.listener.kind == OUTSIDE:
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
        source, own, paths, traces, entry, destination, has_two, translated = asked
        protocol, expected, wanted = entry["protocol"], entry["expected"], entry["ports"]
        has_networks = destination in self._external
        planned = tuple(self._networks.addresses(source, destination))
        for observation in observations:
            address = observation["address"]
            place = (destination, address)
            is_external = has_networks and self._is_external(entry, destination, address)
            other_owner = self.listening.real_owner(destination, address) if is_external else ""
            leads_back = self._machines.leads_back(source, destination, address)
            is_translated = is_external and not self.listening.is_owner(destination, address)
            for state in observation["states"]:
                ports = _shared(wanted, state["ports"])
                if not ports:
                    continue
                if leads_back:
                    parts = [(Standing(holder=ITSELF), ports)]
                elif other_owner:
                    parts = [(Standing(holder=FOREIGN, held_at=(other_owner,)), ports)]
                else:
                    parts = self.listening.parts(
                        destination, address, protocol, ports, state["state"], is_external
                    )
                for standing, some in parts:
                    case = Case(
                        source=source,
                        destination=destination,
                        address=address,
                        service=entry["service"],
                        protocol=protocol,
                        ports=some,
                        expected=expected,
                        observed=state,
                        source_addresses=planned,
                        seen_as=tuple(translated.get(place, ())),
                        own_addresses=own,
                        behind=tuple(self._hosts[destination]["addresses"]) if is_translated else (),
                        is_external=is_external,
                        is_private=has_networks and expected == DENIED and not is_external,
                        listener=standing.listener,
                        holder=standing.holder,
                        held_at=standing.held_at,
                        ended=standing.ended,
                        planned=wanted,
                        path=paths.get(place),
                        samples=tuple(
                            one for one in observation.get("samples", ()) if _shared(some, one["ports"])
                        ),
                        traces=traces.get(place, ()),
                        limits=self._limits,
                    )
                    if state["state"] != OPEN:
                        unplanned = self.source_addresses.unplanned(
                            source, destination, address=address, protocol=protocol
                        )
                        case = case._replace(unplanned=unplanned) if unplanned else case
                    if case.is_in_doubt:
                        case = case._replace(kernels=self._kernels_of(case))
                    yield from self._located(case, is_alone=not has_two)

    def _kernels_of(self, case: Case) -> Kernels:
        return self.kernels.of(
            source=case.source,
            # What the destination knows of its way to planned addresses is not about another one.
            source_addresses=() if case.unplanned else case.source_addresses,
            destination=case.destination,
            address=case.address,
            ports=case.ports,
        )

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

    def _sending(self, case: Case) -> tuple[str, ...]:
        """Return the addresses whose packets are the source's.

        Those from a planned address of another host are not, whatever the source says.
        """
        planned = tuple(all_addresses(self._hosts[case.source]))
        if case.unplanned is None or case.unplanned.used in self._known:
            return planned
        return (*planned, case.unplanned.used)

    def _located(self, case: Case, is_alone: bool = True) -> Iterator[Case]:
        """Yield the case, split where its packets came differently far."""
        if case.state == OPEN and "proof" not in case.observed:
            yield case  # all of it came through, so there is no place to look for
            return
        is_refused = case.state == "closed" and case.listener.was_up
        is_lost = (
            case.reason == NO_RESPONSE and not case.ended and (case.protocol == "tcp" or case.listener.was_up)
        )
        is_half_open = case.observed.get("proof") in NOTHING_THROUGH
        is_rejected = case.sender in (DESTINATION, TRANSLATED) and (
            case.protocol == "tcp" or case.listener.was_up
        )
        # Whoever refuses a packet that never came to the destination is somebody else.
        is_unexplained = case.state == "closed" and not is_refused and case.expected == REACHABLE
        stages: list[tuple[str, str]] = []
        if is_lost or is_refused or is_half_open or is_rejected or is_unexplained:
            ends = Ends(
                source=case.source,
                source_addresses=self._sending(case),
                destination=case.destination,
                address=case.address,
                protocol=case.protocol,
                # Behind NAT, what was sent to either address looks alike where it arrives.
                arrives_at=() if case.behind and not is_alone else (case.address, *case.behind),
            )
            stages = self.captures.stages(ends, case.ports)
        if is_rejected or is_unexplained:
            kept = (
                (*NEVER_ARRIVED, DISGUISED, AT_DESTINATION) if case.sender == DESTINATION else NEVER_ARRIVED
            )
            stages = _only(stages, kept if is_rejected else NEVER_ARRIVED)
        for stage, ports in stages:
            # A reset that comes back says everything except where it was made.
            place = AT_DESTINATION if is_refused and stage in (ON_RETURN, RETURNED) else stage
            strangers = self.captures.strangers(ends, ports) if stage == DISGUISED else ()
            yield case._replace(ports=ports, stage=place, strangers=strangers)
        if not stages:
            yield case


def _only(stages: list[tuple[str, str]], kept: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return stages with those joined that leave it to the reset, or to the ICMP error, who rejects."""
    others = Ports.union(Ports.parse(ports) for stage, ports in stages if stage not in kept)
    found = [(stage, ports) for stage, ports in stages if stage in kept]
    return [*found, ("", str(others))] if others else found


@lru_cache(maxsize=65536)
def _shared(one: str, other: str) -> str:
    return one if one == other else str(Ports.parse(one) & Ports.parse(other))
