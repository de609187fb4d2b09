# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts: what the observations of a flow mean, and who must act."""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping

from ...module_utils._identify._finding import IDENTIFIED, OTHER, REFUSING, SILENT, UNVERIFIABLE
from ...module_utils._listener.occupants import CONNECTION, LISTENER, SERVICE
from ...module_utils._plan.flows import REACHABLE
from ...module_utils._probe.outcome import HOST_UNREACH, NO_RESPONSE, OTHER_RUN
from . import packet_stages
from .case import DESTINATION, ELSEWHERE, FOREIGN, SIBLING, SOURCE, TRANSLATED, Case

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Identity

_MAX_NAMES = 3  # of hosts in a sentence

OK, NO_LISTENER, WRONG_HOST, WRONG_SERVICE = "ok", "no_listener", "wrong_host", "wrong_service"
BLOCKED_AT_SOURCE, BLOCKED_ON_PATH = "blocked_at_source", "blocked_on_path"
BLOCKED_AT_DESTINATION, BLOCKED_ON_RETURN = "blocked_at_destination", "blocked_on_return"
BLOCKED = "blocked"  # the place is unknown
NO_ROUTE, UNRESOLVED, EXPOSED, UNTESTED = "no_route", "unresolved", "exposed", "untested"

# The order in which counts and tables show the verdicts.
VERDICTS = (
    OK,
    NO_LISTENER,
    WRONG_HOST,
    WRONG_SERVICE,
    BLOCKED_AT_SOURCE,
    BLOCKED_ON_PATH,
    BLOCKED_AT_DESTINATION,
    BLOCKED_ON_RETURN,
    BLOCKED,
    NO_ROUTE,
    UNRESOLVED,
    EXPOSED,
    UNTESTED,
)
# Which verdict stands for several, such as those of a flow whose ports differ: the most severe one.
SEVERITY: Mapping[str, int] = {verdict: rank for rank, verdict in enumerate(VERDICTS)}

Judgement = tuple[str, str]


def worst(verdicts: Iterable[str]) -> str:
    """Return the most severe of some verdicts."""
    return max(verdicts, key=SEVERITY.__getitem__)


def judge(case: Case) -> Judgement:
    """Return the verdict of a case and the sentence that says what was seen and who acts."""
    if case.holder == FOREIGN and case.state == "open" and not case.observed.get("answered_by"):
        return _foreign(case)
    judged = _located(case) if case.stage in _PLACES else _JUDGES[case.state](case)
    return judged if case.expected == REACHABLE else _denied(case, judged)


def _foreign(case: Case) -> Judgement:
    return UNTESTED, (
        f"{case.source} reaches {case.where}, but {case.address} is none of the addresses of "
        f"{case.destination}, so another host may have answered: correct exasol_address of "
        f"{case.destination}, or what its name leads to on {case.source} (DNS, /etc/hosts). If a NAT "
        f"device has the address for it, set exasol_external_address."
    )


def _denied(case: Case, judged: Judgement) -> Judgement:
    """Judge a flow that must not work, from what was seen of it as if it had to."""
    verdict = judged[0]
    if case.state == "open" and case.is_private:
        return EXPOSED, (
            f"{case.source} reaches {case.where}, an address of the private network, which only the nodes of "
            f"its cluster may reach: whoever runs that network must separate it from {case.source}."
        )
    if case.state == "open":
        return EXPOSED, (
            f"{case.source} reaches {case.where}, which the port table does not allow: close it on "
            f"{case.destination} (role firewall, restrict)."
        )
    if case.ended and verdict != UNTESTED:
        return UNTESTED, (
            f"{case.source} does not reach {case.where} ({case.reason}), which does not prove a filter: "
            f"{case.destination} was restarted or became unreachable during the run."
        )
    # If our own listener was missing, a refusal may mean no more than that, whoever reached it before.
    is_refused = case.state == "closed" and verdict in (NO_LISTENER, UNTESTED)
    if verdict in (UNRESOLVED, UNTESTED) and not is_refused:
        return judged
    if case.control and verdict != UNTESTED:
        place = f" at {case.control_at}" if case.control_at else ""
        return OK, f"{case.source} does not reach {case.where}, as expected; {case.control} does{place}."
    if is_refused:
        return UNTESTED, (
            f"{case.source} is refused at {case.where}, but nothing listens there, so it is unknown whether "
            f"a filter would stop it."
        )
    if case.state == "closed" and case.holder == SERVICE:
        return UNTESTED, (
            f"{case.source} is refused at {case.where}, where a service listened when the run began, so it "
            f"is unknown whether a filter refuses or the service has ended."
        )
    return UNTESTED, (
        f"{case.source} does not reach {case.where} ({case.reason}), but {_without_control(case)}, or "
        f"exclude the row (exasol_exclude)."
    )


def _without_control(case: Case) -> str:
    """Return why nothing shows that a denied port works for those who may use it, and what to do about it."""
    alike = "a filter, a missing route and a host that is down look the same"
    if case.is_private and not case.entitled:
        return (
            f"no other node of its cluster tried it, so none can show that it works at all, and {alike}: let "
            f"nodes use every port of each other (row cluster_internal)"
        )
    if not case.entitled:
        return (
            f"no managed host may use it, so none can show that it works at all, and {alike}: let a managed "
            f"host play a peer that may use {case.service} (a second node of its cluster may use every port)"
        )
    names = ", ".join(case.entitled[:_MAX_NAMES]) + (" ..." if len(case.entitled) > _MAX_NAMES else "")
    if not case.is_any_present:
        return (
            f"the hosts that may use it ({names}) are outside of this run (--limit, exasol_hosts), so "
            f"{alike}: include one of them in the run"
        )
    return (
        f"no host that may use it ({names}) reached it in this run, so {alike}: look at the results of these "
        f"hosts"
    )


def _located(case: Case) -> Judgement:
    verdict, seen, act = _PLACES[case.stage]
    words = {
        "source": case.source,
        "destination": case.destination,
        "where": case.where,
        "traffic": case.traffic,
    }
    return verdict, f"{seen}: {act}.".format(**words)


# By the stage that packets reached: the verdict, what was seen on the wire, and who acts.
_PLACES = {
    packet_stages.AT_SOURCE: (
        BLOCKED_AT_SOURCE,
        "no packet to {where} leaves {source}",
        "allow outgoing {traffic} on {source} (role firewall)",
    ),
    packet_stages.ON_PATH: (
        BLOCKED_ON_PATH,
        "packets to {where} left {source}, but did not arrive at {destination}",
        "a device in between drops them; ask the network team to allow {traffic}",
    ),
    packet_stages.AT_DESTINATION: (
        BLOCKED_AT_DESTINATION,
        "packets from {source} to {where} arrived at {destination}, but no reply left it",
        (
            "its own firewall drops them; allow {traffic} on {destination} (role firewall), unless only a "
            "route back is missing"
        ),
    ),
    packet_stages.ON_RETURN: (
        BLOCKED_ON_RETURN,
        "{destination} replied to {source} from {where}, but the reply did not arrive",
        (
            "a device in between drops it, or it takes another route; ask the network team to allow the "
            "replies to {traffic}"
        ),
    ),
    packet_stages.LEFT: (
        BLOCKED,
        "packets to {where} left {source}, but no reply came in",
        "the destination or a device in between drops them; allow {traffic} on {destination} and in between",
    ),
    packet_stages.BEFORE_DESTINATION: (
        BLOCKED,
        "no packet from {source} to {where} arrived at {destination}",
        (
            "{source} or a device in between drops them; allow outgoing {traffic} on {source}, and allow it "
            "in between"
        ),
    ),
    packet_stages.DISGUISED: (
        BLOCKED,
        (
            "no packet from {source} to {where} arrived at {destination} from a planned address, but an "
            "unplanned address did connect there"
        ),
        (
            "if that was {source}, behind a NAT device or on another interface, {destination} or a device in "
            "between drops its packets, and rules need that address; if not, a device in between drops them, "
            "so allow {traffic} there"
        ),
    ),
    packet_stages.BEHIND_DESTINATION: (
        BLOCKED,
        "{destination} replied to {source} from {where}, but the reply was lost",
        "a device in between or {source} drops it; allow the replies to {traffic}",
    ),
    packet_stages.RETURNED: (
        BLOCKED_ON_RETURN,
        "the reply of {where} arrived at {source}, whose own firewall drops it",
        "allow the replies of established connections on {source}",
    ),
}


def _open(case: Case) -> Judgement:
    proven = case.observed.get("answered_by")
    if case.holder == SIBLING and proven != case.destination:
        return UNTESTED, f"{case.source} reaches {case.where}, but {_one_machine(case)}."
    if case.reason == OTHER_RUN or (case.holder == LISTENER and not proven):
        return UNTESTED, (
            f"{case.source} reaches {case.where}, but a listener of another run answers there instead of "
            f"{case.service}: if that run is over, wait until its listener closes its ports (usually "
            f"5 minutes), and measure again."
        )
    if proven == case.destination and case.holder == ELSEWHERE:
        return NO_LISTENER, (
            f"{case.source} reaches {case.where}, but only our listener answers there: "
            f"{_listens_elsewhere(case)}."
        )
    if proven is None:
        return _served(case)
    if proven == case.destination:
        return OK, f"{case.source} reaches {case.where}."
    if proven:
        return WRONG_HOST, (
            f"{case.source} connects to {case.where}, but {proven} answers: the address, a load balancer or "
            f"a NAT rule leads to another host; check exasol_address of both hosts and the rules between "
            f"them."
        )
    return WRONG_HOST, (
        f"{case.source} connects to {case.where}, but something other than our listener answers "
        f"({case.observed.get('detail', 'no proof')}): a load balancer, a proxy or another host is in "
        f"between; whoever runs it must let the connection through to {case.destination}."
    )


def _one_machine(case: Case) -> str:
    """Return that two hosts of the run are one machine, whose ports can prove only one of them."""
    other = ", ".join(case.held_at)
    return (
        f"the listener of {other} has the port there: {case.destination} and {other} are one machine, which "
        f"proves itself as one of them only; correct ansible_host of both, or give each an address of its "
        f"own (exasol_address)"
    )


def _listens_elsewhere(case: Case) -> str:
    return (
        f"{case.service} listens on {', '.join(case.held_at)} of {case.destination} only; make it listen on "
        f"{case.address}, or correct its port in overrides ({case.service})"
    )


def _served(case: Case) -> Judgement:
    """Judge an open port at which our listener was not expected, by who answers there."""
    identity: Identity | None = case.observed.get("identity")
    if identity is None:
        detail = case.observed.get("detail")
        said = f"open, service not verified; {detail}" if detail else "open, service not verified"
        return OK, f"{case.source} reaches {case.where} ({said})."
    status, detail = identity.get("status"), identity.get("detail", "")
    if status in (IDENTIFIED, UNVERIFIABLE):
        return OK, f"{case.source} reaches {case.where} ({_described(identity)})."
    if status == OTHER:
        seen = "; ".join(filter(None, (identity.get("looks_like"), detail))) or "something else"
        return WRONG_SERVICE, (
            f"{case.source} reaches {case.where}, but {case.service} does not answer there ({seen}): another "
            f"service, a load balancer or a proxy uses the port; correct the port in overrides "
            f"({case.service}), or what is in front of {case.destination}."
        )
    if status == REFUSING:
        return WRONG_SERVICE, (
            f"{case.source} reaches {case.where}, but {case.service} does not serve {case.source} "
            f"({_described(identity)}): the network is open, and whoever runs {case.service} on "
            f"{case.destination} must act."
        )
    if status == SILENT:
        more = f" ({detail})" if detail else ""
        return WRONG_SERVICE, (
            f"{case.source} connects to {case.where}, but "
            f"{identity.get('looks_like', 'something that says nothing')} is there: {case.service} hangs, or "
            f"a load balancer or a proxy without a server behind it accepts; look at {case.service} on "
            f"{case.destination}{more}."
        )
    return UNTESTED, f"{case.source} connects to {case.where}, but it is unknown who answers there."


def _described(identity: Identity) -> str:
    return ", ".join(filter(None, (identity.get("version"), identity.get("detail")))) or identity["status"]


def _closed(case: Case) -> Judgement:
    refused = f"{case.source} is refused at {case.where}"
    if case.listener.was_up:
        return BLOCKED, (
            f"{refused} although our listener was up there: a firewall rejects with a reset, or the address "
            f"belongs to another host{_or_nat(case)}; {_allowing(case)}."
        )
    if case.listener.was_missing:
        return UNTESTED, f"{refused}, where we did not listen: {case.listener.why}."
    if case.holder == SERVICE:
        return BLOCKED, (
            f"{refused}, although a service listened there when the run began: a firewall rejects with a "
            f"reset, the address belongs to another host{_or_nat(case)}, or the service has ended since "
            f"(ss -ltn on {case.destination} shows it); if it listens, {_allowing(case)}."
        )
    if case.holder == ELSEWHERE:
        return NO_LISTENER, f"{refused}: {_listens_elsewhere(case)}."
    if case.holder == SIBLING:
        return UNTESTED, f"{refused}, and {_one_machine(case)}."
    if case.holder:
        return UNTESTED, f"{refused}, where we could not listen: {_held(case)}."
    who = f"the host, or {case.nat}," if case.nat else "the host"
    return NO_LISTENER, (
        f"{refused}: {who} answers, but nothing listens; start the service there, or correct its port in "
        f"overrides ({case.service})."
    )


def _held(case: Case) -> str:
    """Return who holds ports that no service listens on, and what to do about it."""
    if case.holder == LISTENER:
        return "a listener of another run held that port"
    holders = {CONNECTION: "an outgoing connection of the host uses that port"}
    return (
        f"{holders.get(case.holder, 'something holds that port without listening')}; reserve the ports so "
        f"that no outgoing connection takes them (sysctl "
        f"net.ipv4.ip_local_reserved_ports={case.planned or case.ports} on {case.destination}), and measure "
        f"again"
    )


def _filtered(case: Case) -> Judgement:
    sender, is_silent = case.sender, case.reason == NO_RESPONSE
    if is_silent and case.ended:
        why = f"{case.destination} was restarted or became unreachable during the run"
        why = case.listener.why if case.listener.was_missing else why
        return UNTESTED, (
            f"{case.source} gets no reply from {case.where}, which does not prove a filter: {why}."
        )
    if case.reason == HOST_UNREACH and sender in ("", SOURCE):
        return NO_ROUTE, (
            f"{case.source} gets no ARP or NDP reply for {case.address} or its next hop: the host is down, "
            f"or its address or network is wrong."
        )
    if sender == SOURCE:
        return BLOCKED_AT_SOURCE, (
            f"{case.source} itself rejects {case.where} ({case.reason}): allow outgoing {case.traffic} on "
            f"{case.source} (role firewall)."
        )
    if sender in (DESTINATION, TRANSLATED):
        return _rejected_by_destination(case)
    if sender and case.reason == HOST_UNREACH:
        return NO_ROUTE, (
            f"router {sender} reports to {case.source} that it cannot reach {case.where} ({case.reason}): "
            f"the host is down, or the router rejects; ask who runs {sender}."
        )
    if sender:
        return BLOCKED_ON_PATH, (
            f"{sender}, between {case.source} and {case.destination}, rejects {case.where} ({case.reason}): "
            f"ask who runs {sender} to allow {case.traffic}."
        )
    seen, does = ("gets no reply from", "drops") if is_silent else ("is rejected at", "rejects")
    return BLOCKED, (
        f"{case.source} {seen} {case.where} ({case.reason}): a filter on the path or at either end {does} "
        f"it{_or_nat(case)}; {_allowing(case)} and in between."
    )


def _unreachable(case: Case) -> Judgement:
    sender = case.sender
    if sender in (DESTINATION, TRANSLATED):
        return _rejected_by_destination(case)
    if sender not in ("", SOURCE):
        return NO_ROUTE, (
            f"router {sender} reports to {case.source} that it has no route to {case.address} "
            f"({case.reason}): ask who runs {sender}."
        )
    return NO_ROUTE, (
        f"{case.source} has no route to {case.address} ({case.reason}): add a route, or correct the address "
        f"of {case.destination}."
    )


def _rejected_by_destination(case: Case) -> Judgement:
    if case.sender == TRANSLATED:
        return BLOCKED, (
            f"{case.destination}, or {case.nat}, rejects {case.source} at {case.where} ({case.reason}): "
            f"allow {case.traffic} on both."
        )
    return BLOCKED_AT_DESTINATION, (
        f"{case.destination} itself rejects {case.source} at {case.where} ({case.reason}): {_allowing(case)}."
    )


def _unresolved(case: Case) -> Judgement:
    return UNRESOLVED, (
        f"{case.source} cannot resolve {case.address} ({case.observed.get('detail', 'no answer')}): fix the "
        f"DNS servers or the search domain of {case.source}, or use an IP address instead."
    )


def _silent(case: Case) -> Judgement:
    if case.listener.was_up:
        return BLOCKED, (
            f"{case.source} gets no reply from our listener at {case.where}: a filter on the path or at "
            f"either end drops it{_or_nat(case)}; {_allowing(case)} and in between."
        )
    return UNTESTED, (
        f"{case.source} gets no reply from {case.where}: with UDP, a filter and a service that does not "
        f"answer look the same."
    )


def _error(case: Case) -> Judgement:
    detail = case.observed.get("detail")
    why = f"{case.reason}, {detail}" if detail else case.reason
    return UNTESTED, f"{case.source} could not test {case.where}: {why}."


def _or_nat(case: Case) -> str:
    """Return that a NAT device may be why an external address is not reached."""
    return f", or {case.nat} does not lead there" if case.nat else ""


def _allowing(case: Case) -> str:
    return f"allow {case.traffic} on {case.destination}"


_JUDGES: dict[str, Callable[[Case], Judgement]] = {
    "open": _open,
    "closed": _closed,
    "filtered": _filtered,
    "unreachable": _unreachable,
    "unresolved": _unresolved,
    "open|filtered": _silent,
    "error": _error,
}
