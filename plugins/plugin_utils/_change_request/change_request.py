# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The change request: what firewalls outside of our hosts must allow, in as few rows as possible.

It is made of what a run measured as blocked outside of our hosts, or of a whole plan before anything is
measured.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._plan.expected import REACHABLE
from ...module_utils._plan.networks import Networks, networks_of, networks_of_report
from ...module_utils._plan.table import TABLE
from ...module_utils._values.errors import NetworkError
from .._access.needs import PLANNED, Need, Site, needs_of, ports_of, rows_of, translated
from .._access.rows import Row
from .._report.summary import host_order
from .._text.format_registry import choose
from .._verdict.actors import HOST, needs_rule
from .._verdict.causes import NETWORK, SOURCE_ADDRESS
from .._verdict.peers import hosts_by_peer
from .._verdict.records import wrong
from .._verdict.verdict import (
    BLOCKED_AT_DESTINATION,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_ON_RETURN,
)
from .formats import REQUEST_FORMATS, REQUEST_KIND
from .lines import OUTSIDE, OWN, PLANNED_ROWS, UNLOCATED, Head, Request, Section

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Plan, ProbeFlow, Result, Unmeasured, Verification

_NOBODY = Head()


def render_request(request: Request, name: str) -> str:
    """Return the change request in one of the C(REQUEST_FORMATS)."""
    return choose(REQUEST_FORMATS, name, REQUEST_KIND).render(request)


def request_of_verification(
    verification: Verification, include_unlocated: bool = False, head: Head = _NOBODY
) -> Request:
    """Return the change request for what was measured as blocked.

    Rules for firewalls are made of what is blocked outside of our hosts; C(include_unlocated) also includes
    flows that are blocked at an unknown place.
    """
    managed = set(verification.get("addresses", {}))
    for hosts in verification["peers"].values():
        managed.update(hosts)
    site = Site(
        networks_of_report(verification), host_order(verification), translated(verification.get("paths", ()))
    )
    needs: dict[str, list[Need]] = {OUTSIDE: [], UNLOCATED: [], OWN: []}
    others = unplanned = 0
    for result in wrong(verification["results"]):
        if needs_rule(result):
            needs[_section(result, managed)] += needs_of(result, site)
        elif result.get("cause") == SOURCE_ADDRESS.code:
            unplanned += 1
        elif result["expected"] == REACHABLE:
            others += 1
    notes = list(_notes(0 if include_unlocated else len(needs[UNLOCATED]), unplanned, others))
    if not verification["results"]:
        notes.append("Nothing was measured, so nothing is known of any connection.")
    rows = {code: rows_of(some, site, verification["created"]) for code, some in needs.items()}
    return Request(
        rows=_merged(needs, rows, site, verification["created"]) if include_unlocated else rows[OUTSIDE],
        sections=tuple(Section(code=code, rows=some) for code, some in rows.items()),
        measured=True,
        peers=verification["peers"],
        managed=site.ordered(managed),
        notes=tuple(notes),
        head=Head(
            site=head.site or verification.get("site", ""),
            date=head.date or verification["created"][:10],
            requester=head.requester,
            ticket=head.ticket,
        ),
    )


def _merged(
    needs: Mapping[str, list[Need]], rows: Mapping[str, tuple[Row, ...]], site: Site, created: str
) -> tuple[Row, ...]:
    if not needs[UNLOCATED]:
        return rows[OUTSIDE]
    return rows_of([*needs[OUTSIDE], *needs[UNLOCATED]], site, created)


def _notes(unlocated: int, unplanned: int, others: int) -> Iterator[str]:
    if unlocated:
        what = "1 connection" if unlocated == 1 else f"{unlocated} connections"
        yield (
            f"Files with rules for firewalls leave out {what} whose place was not found: measure with "
            f"captures at both ends (exasol_verify_capture), or include them (include_unlocated)."
        )
    if unplanned:
        are = "1 connection that is blocked is" if unplanned == 1 else f"{unplanned} blocked connections are"
        yield (
            f"{are} not in this request, because the source sends from another address than planned: a rule "
            f"for the planned address would not match, and the other one is the host's own word. Correct "
            f"the route or exasol_address of the source (the report says which), and measure again."
        )
    if others:
        are = "1 result that is not ok is" if others == 1 else f"{others} results that are not ok are"
        yield (
            f"{are} not in this request, because no rule would help, or because it was not tested: the "
            f"report says who acts."
        )


def _section(result: Result, managed: set[str]) -> str:
    """Return where what blocks a flow is, as far as the evidence shows it."""
    parties = result.get("actor")
    if parties is None:
        return _section_of_verdict(result, managed)
    if parties == [NETWORK]:
        return OUTSIDE
    hosts = {party[len(HOST) :] for party in parties if party.startswith(HOST)}
    if len(hosts) != len(parties):
        return UNLOCATED
    # What a partner's own host rejects is not ours to open.
    return OWN if hosts <= managed else OUTSIDE if managed.isdisjoint(hosts) else UNLOCATED


def _section_of_verdict(result: Result, managed: set[str]) -> str:
    """Return the same for a report of an older release, whose results have no actor."""
    if result["verdict"] == BLOCKED_AT_DESTINATION:
        return OWN if result["destination"] in managed else OUTSIDE
    return {BLOCKED_AT_SOURCE: OWN, BLOCKED_ON_PATH: OUTSIDE, BLOCKED_ON_RETURN: OUTSIDE}.get(
        result["verdict"], UNLOCATED
    )


def plan_of(value: t.Any, user: str) -> Plan:
    """Return a plan; errors name C(user)."""
    if not isinstance(value, Mapping) or "hosts" not in value:
        raise NetworkError(
            f"{user} needs what exasol_community.network.verdict or exasol_community.network.plan returns, "
            f"and this is neither"
        )
    return t.cast("Plan", value)


def request_of_plan(plan: Plan, head: Head = _NOBODY) -> Request:
    """Return the change request for a whole plan, before anything is measured."""
    networks = networks_of(plan["hosts"])
    needs = list(_probed(plan["hosts"]))
    notes: list[str] = []
    for entry in plan["untestable"]:
        if not TABLE.far_end_listens(entry["service"]):
            notes.append(
                f"{entry['service']} is left out, because nothing listens at its far end: {entry['reason']}."
            )
        else:
            needs += _unmeasured(entry, plan["hosts"], networks)
    site = Site(networks, {name: place for place, name in enumerate(plan["hosts"])})
    rows = rows_of(needs, site, PLANNED)
    return Request(
        rows=rows,
        sections=(Section(code=PLANNED_ROWS, rows=rows),),
        measured=False,
        peers=hosts_by_peer(plan["hosts"]),
        managed=site.ordered(plan["hosts"]),
        notes=tuple(dict.fromkeys(notes)),
        head=head,
    )


def _probed(hosts: Mapping[str, HostPlan]) -> Iterator[Need]:
    for source, host in hosts.items():
        for entry in host["probes"]:
            if entry["expected"] == REACHABLE:
                for destination, addresses in entry["destinations"].items():
                    yield from _planned(entry, source, destination, addresses)


def _unmeasured(entry: Unmeasured, hosts: Mapping[str, HostPlan], networks: Networks) -> Iterator[Need]:
    for destination in entry["destinations"]:
        for source in entry["sources"]:
            if source != destination and (source in hosts or destination in hosts):
                yield from _planned(entry, source, destination, networks.addresses(destination, source))


def _planned(
    entry: ProbeFlow | Unmeasured, source: str, destination: str, addresses: Iterable[str]
) -> Iterator[Need]:
    for address in addresses:
        yield Need(
            source=source,
            destination=destination,
            address=address,
            protocol=entry["protocol"],
            ports=ports_of(entry["ports"]),
            service=entry["service"],
            why=PLANNED,
        )
