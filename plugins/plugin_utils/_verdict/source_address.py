# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sources whose kernel sends from another address than the plan has for them on that path.

Rules of firewalls have the planned address, so they do not match what such a host sends. What it sends from
is its own word: it explains why something fails and never becomes the address of a rule or of a request.

It counts only if the host also has a planned address of that family, which its kernel did not choose. A host
without one is behind NAT, or has a name in place of an address, and then another address is no surprise. So
it is if a listener saw the source at a planned address although it sent from another one: it translates.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...module_utils._kernel.own_addresses import is_loopback
from ...module_utils._probe.outcome import OPEN
from ...module_utils._values.addresses import parse_address
from . import causes, packet_stages
from .case import Case, Unplanned
from .causes import UNKNOWN
from .phrases import few_of
from .reasons import because
from .task_results import planned_addresses_of
from .two_networks import all_addresses
from .verdict import BLOCKED, UNTESTED, Judgement

if t.TYPE_CHECKING:
    from ...module_utils._plan.networks import Networks
    from ...module_utils._shapes import HostPlan, ProbeTask

_MAX_NOTES = 10
_MAX_NAMES = 3
_MAY_BE_DUE_TO_IT = frozenset(
    cause.code for cause in (causes.SILENCE, causes.LOST_ON_PATH, causes.ICMP_REJECTED, causes.RESET)
)


class SourceAddresses:
    """From which addresses the sources of a plan sent."""

    def __init__(
        self,
        observed: Mapping[str, ProbeTask | None],
        hosts: Mapping[str, HostPlan],
        networks: Networks,
    ):
        self._observed = observed
        self._networks = networks
        self._sent: dict[tuple[str, str, str], str] = {}  # by source, protocol and remote
        self._mostly: dict[tuple[str, str, bool], str] = {}  # by source, protocol, and whether it is IPv6
        # Sources that sent from an address that may not be as planned. Most sites have none.
        self._suspects: dict[str, set[str]] = {}  # with their planned addresses that they really have
        for source, result in observed.items():
            reported = ((result or {}).get("kernel") or {}).get("sent_from", ())
            for entry in reported:
                address = entry["address"]
                if "remotes" not in entry:
                    self._mostly[source, entry["protocol"], ":" in address] = address
                for remote in entry.get("remotes", ()):
                    self._sent[source, entry["protocol"], remote] = address
            if source in hosts and _is_suspect(hosts[source], [entry["address"] for entry in reported]):
                self._suspects[source] = set(planned_addresses_of(result or {}))
        self._translating: dict[str, bool] = {}

    def unplanned(self, source: str, destination: str, address: str, protocol: str) -> Unplanned | None:
        """Return the address from which a source sent, if another one is planned for that path."""
        own = self._suspects.get(source)
        if not own:
            return None
        used = self._sent.get((source, protocol, address)) or self._mostly.get(
            (source, protocol, ":" in address)
        )
        planned = self._networks.addresses(source, destination)
        if not used or used in planned or parse_address(address) is None:
            return None
        # A loopback address in the plan is a mistake of its own: no host sends from it to another one.
        alike = tuple(
            one for one in planned if one in own and (":" in one) == (":" in used) and not is_loopback(one)
        )
        is_certain = alike and not _is_planned_or_local(used, planned) and not self._is_translating(source)
        return Unplanned(used=used, planned=alike) if is_certain else None

    def _is_translating(self, source: str) -> bool:
        """Tell whether a listener saw a planned address of a source that had sent from another one."""
        found = self._translating.get(source)
        if found is None:
            found = self._translating[source] = any(
                state.get("seen_as") in self._suspects[source]
                for observation in (self._observed[source] or {}).get("observations", ())
                for state in observation["states"]
            )
        return found

    def notes(self) -> list[str]:
        """Return a note for each source and address that is not as planned, although something answered."""
        notes: list[str] = []
        for source in self._suspects:
            reached: dict[Unplanned, dict[str, str]] = {}
            for destination, address, protocol in self._reached(source):
                unplanned = self.unplanned(source, destination, address, protocol)
                if unplanned:
                    reached.setdefault(unplanned, {}).setdefault(destination, address)
            notes += [_note(source, unplanned, where) for unplanned, where in reached.items()]
        if len(notes) > _MAX_NOTES:
            more = len(notes) - _MAX_NOTES
            notes = [*notes[:_MAX_NOTES], f"{more} more hosts send from addresses that are not planned."]
        return notes

    def _reached(self, source: str) -> Iterator[tuple[str, str, str]]:
        """Yield where a source reached something without a translation on the way."""
        for one in (self._observed[source] or {}).get("observations", ()):
            has_passed = any(state["state"] == OPEN and not state.get("seen_as") for state in one["states"])
            if has_passed:
                yield one["destination"], one["address"], one["protocol"]


def _is_suspect(host: HostPlan, used: Iterable[str]) -> bool:
    """Tell whether a host may have sent from an address that is not planned, and it is clear what is."""
    planned = all_addresses(host)
    if all(parse_address(one) for one in planned):
        return bool(host.get("external")) or any(one not in planned for one in used)
    return False  # any address may be what a name means


def _is_planned_or_local(used: str, planned: Iterable[str]) -> bool:
    """Tell whether an address cannot be called unplanned.

    It is one of the planned addresses in another form, or one that the kernel must choose: of loopback, or of
    the link alone.
    """
    parsed = parse_address(used)
    if parsed is None or parsed.is_loopback or parsed.is_link_local:
        return True
    return any(parse_address(one) == parsed for one in planned)


def _note(source: str, unplanned: Unplanned, reached: Mapping[str, str]) -> str:
    used, planned = unplanned.used, _listed(unplanned.planned)
    names = few_of(list(reached), _MAX_NAMES)
    return causes.note(
        causes.SOURCE_ADDRESS,
        f"{source} sends to {names} from {used}, and the plan has {planned} for it there: the planned rules "
        f"permit {planned} only, and another rule, or a translation of addresses, lets it pass now. Set the "
        f"source address of that route of {source} (src {unplanned.planned[0]}), or correct "
        f"exasol_address if {used} is meant.",
        f"the kernel of {source} chose {used}",
        source=source,
        address=next(iter(reached.values())),
    )


def judge_source_address(case: Case, judged: Judgement) -> Judgement:
    """Judge what fails from an address that is not planned: rules for the planned one do not match it.

    The filter that remains if that is corrected is what was judged before.
    """
    unplanned = case.unplanned
    if unplanned is None or judged.verdict == UNTESTED or judged.cause not in _MAY_BE_DUE_TO_IT:
        return judged
    if case.stage == packet_stages.RETURNED:
        return judged  # its address was permitted in both directions up to the source itself
    used, planned = unplanned.used, _listed(unplanned.planned)
    found = because(
        case,
        causes.SOURCE_ADDRESS,
        verdict=judged.verdict,
        sentence=(
            f"{case.source} sends to {case.where} from {used}, and the plan has {planned} for it, so what "
            f"permits {planned} does not let it pass, unless it is translated on its way: set the source "
            f"address of that route of {case.source} (src {unplanned.planned[0]}), or correct "
            f"exasol_address if {used} is meant. If that does not help: {judged.sentence}"
        ),
        evidence=(f"the kernel of {case.source} chose {used}, and {planned} is planned",),
    )
    others = () if judged.verdict == BLOCKED else judged.actor
    parties = dict.fromkeys((*found.actor, *others))
    return found._replace(actor=tuple(one for one in parties if one != UNKNOWN))


def _listed(addresses: Sequence[str]) -> str:
    return few_of(addresses, _MAX_NAMES)
