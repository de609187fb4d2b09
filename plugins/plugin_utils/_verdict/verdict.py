# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts: what the observations of a flow mean, and who must act."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from ...module_utils._listener.occupants import CONNECTION, LISTENER, SERVICE, UNKNOWN
from ...module_utils._probe.outcome import OTHER_RUN
from . import packet_stages

OK, NO_LISTENER, WRONG_HOST, WRONG_SERVICE = "ok", "no_listener", "wrong_host", "wrong_service"
AT_SOURCE, ON_PATH, AT_DESTINATION, ON_RETURN = (
    "blocked_at_source",
    "blocked_on_path",
    "blocked_at_destination",
    "blocked_on_return",
)
BLOCKED, NO_ROUTE, UNRESOLVED, EXPOSED, UNTESTED = "blocked", "no_route", "unresolved", "exposed", "untested"
ELSEWHERE = "elsewhere"  # the service listens, but on other addresses of its host only
SIBLING = "sibling"  # the listener of another host of this run, which therefore is the same machine
FOREIGN = "foreign"  # the address is none of its host's, so whoever is there is somebody else
VERDICTS = (
    OK,
    NO_LISTENER,
    WRONG_HOST,
    WRONG_SERVICE,
    AT_SOURCE,
    ON_PATH,
    AT_DESTINATION,
    ON_RETURN,
    BLOCKED,
    NO_ROUTE,
    UNRESOLVED,
    EXPOSED,
    UNTESTED,
)


class Case(t.NamedTuple):
    """One flow, or the part of its ports that share a state, with what both ends know of it."""

    source: str
    destination: str
    address: str
    service: str
    protocol: str
    ports: str
    expected: str
    state: dict[str, t.Any]
    source_addresses: tuple[str, ...] = ()
    listener: str = (
        ""  # "up" where ours answered at the destination, else why it did not, "" where none was asked for
    )
    holder: str = (
        ""  # who else holds the ports at the destination, as its own kernel says, ELSEWHERE or FOREIGN
    )
    held_at: tuple[str, ...] = ()  # where the service listens instead, or the host whose listener it is
    ended: bool = False  # the destination or its listener was gone before the end of the run
    planned: str = ""  # all ports of the flow
    stage: str = ""  # how far the packets came, where that was captured
    control: str = ""  # for what must not work: who reached these very ports in this run, because he may
    entitled: tuple[
        str, ...
    ] = ()  # who may use the ports, as the plan says, and whether any of them took part in the run
    present: bool = True

    @property
    def where(self) -> str:
        """The ports and their host, for a sentence."""
        host = (
            self.destination if self.destination == self.address else f"{self.destination} ({self.address})"
        )
        return f"{self.protocol} {self.ports} of {host}"

    @property
    def sender(self) -> str:
        """Which end sent the ICMP error: C(source), C(destination), an address between them, or nobody."""
        address = self.state.get("reason_ip", "")
        if address == "local" or address in self.source_addresses:
            return "source"
        return "destination" if address == self.address else address


Judgement = tuple[str, str]


def judge(case: Case) -> Judgement:
    """Return the verdict of a case and the sentence that says what was seen and who acts."""
    if case.holder == FOREIGN and case.state["state"] == "open" and not case.state.get("answered_by"):
        return _foreign(case)
    judged = _located(case) if case.stage in _PLACES else _JUDGES[case.state["state"]](case)
    return judged if case.expected == "reachable" else _expected_blocked(case, judged)


def _foreign(case: Case) -> Judgement:
    return UNTESTED, (
        f"{case.source} reaches {case.where}, but that is none of the addresses of {case.destination}, so "
        f"somebody else may answer there: "
        f"correct exasol_address of {case.destination}, or what its name leads to on {case.source} (DNS, "
        f"/etc/hosts); where a NAT device "
        "holds the address for it, only our listener can prove who answers."
    )


def _expected_blocked(case: Case, judged: Judgement) -> Judgement:
    verdict, sentence = judged
    if case.state["state"] == "open":
        return (
            EXPOSED,
            (
                f"{case.source} reaches {case.where}, which the port table does not allow: close it on "
                f"{case.destination} (role firewall, restrict)."
            ),
        )
    if case.ended and verdict != UNTESTED:
        return UNTESTED, (
            f"{case.source} does not reach {case.where} ({case.state['reason']}), which says nothing of a "
            f"filter: {case.destination} was "
            f"restarted, or could not be reached any more."
        )
    # Where our own listener was not up, a refusal may be its absence alone, whoever reached it before.
    refused = case.state["state"] == "closed" and verdict in (NO_LISTENER, UNTESTED)
    if verdict in (UNRESOLVED, UNTESTED) and not refused:
        return judged
    if case.control and verdict != UNTESTED:
        return OK, f"{case.source} does not reach {case.where}, as it should be; {case.control} does."
    if refused:
        return (
            UNTESTED,
            (
                f"{case.source} is refused at {case.where}, but nothing listens there, so it cannot be told "
                f"whether a filter would stop it."
            ),
        )
    if case.state["state"] == "closed" and case.holder == SERVICE:
        return UNTESTED, (
            f"{case.source} is refused at {case.where}, where a service listened when the run began, so it "
            f"cannot be told whether a filter "
            f"refuses or the service has ended."
        )
    return (
        UNTESTED,
        f"{case.source} does not reach {case.where} ({case.state['reason']}), but {_without_control(case)}",
    )


def _without_control(case: Case) -> str:
    alike = "a filter, a missing route and a host that is down look the same"
    if not case.entitled:
        return (
            f"no managed host may use it, so none can show that it works for anybody, and {alike}: let a "
            f"managed host play who may use {case.service} "
            f"(a second node of its cluster may use every port), or leave the row out (exasol_exclude)."
        )
    names = ", ".join(case.entitled[:3]) + (" ..." if len(case.entitled) > 3 else "")
    if not case.present:
        return (
            f"who may use it ({names}) is outside of this run (--limit, exasol_hosts), so {alike}: include "
            f"one of them in the run, or leave the row out "
            f"(exasol_exclude)."
        )
    return (
        f"nobody who may use it ({names}) reached it in this run, so {alike}: look at the results of those "
        f"who may, or leave the row out "
        f"(exasol_exclude)."
    )


def _located(case: Case) -> Judgement:
    verdict, seen, act = _PLACES[case.stage]
    words = {
        "source": case.source,
        "destination": case.destination,
        "where": case.where,
        "rule": _rule(case),
        "wish": _wish(case),
    }
    return verdict, f"{seen}: {act}.".format(**words)


# By the stage that packets reached: the verdict, what was seen on the wire, and who acts.
_PLACES = {
    packet_stages.AT_SOURCE: (
        AT_SOURCE,
        "{source} lets nothing out to {where}",
        "let out {rule} on {source} (role firewall)",
    ),
    packet_stages.ON_PATH: (
        ON_PATH,
        "what left {source} for {where} did not arrive at {destination}",
        "a device in between drops it; ask the network team to permit {rule}",
    ),
    packet_stages.AT_DESTINATION: (
        AT_DESTINATION,
        "what {source} sent to {where} arrived at {destination}, and no answer left it",
        "its own firewall drops it; {wish} (role firewall), unless it only lacks a route back",
    ),
    packet_stages.ON_RETURN: (
        ON_RETURN,
        "{destination} answered {source} at {where}, but its answer did not arrive",
        (
            "a device in between drops it, or it takes another way back; ask the network team to permit the "
            "replies to {rule}"
        ),
    ),
    packet_stages.LEFT: (
        BLOCKED,
        "what {source} sent to {where} left it, and no answer came in",
        "the destination or a device in between drops it; {wish}, and permit {rule} in between",
    ),
    packet_stages.BEFORE_DESTINATION: (
        BLOCKED,
        "nothing of what {source} sent to {where} arrived at {destination}",
        "{source} or a device in between drops it; let out {rule} on {source}, and permit it in between",
    ),
    packet_stages.DISGUISED: (
        BLOCKED,
        (
            "nothing of what {source} sent to {where} arrived at {destination} under an address that the "
            "plan knows, but somebody "
            "outside of the plan asked there"
        ),
        (
            "if that was {source}, behind a NAT device or on another interface, {destination} or a device in "
            "between drops it, and rules need "
            "that address; if not, a device in between drops it, so permit {rule} there"
        ),
    ),
    packet_stages.BEHIND_DESTINATION: (
        BLOCKED,
        "{destination} answered {source} at {where}, but its answer was lost",
        "a device in between or {source} drops it; permit the replies to {rule}",
    ),
    packet_stages.RETURNED: (
        ON_RETURN,
        "the answer of {where} arrived at {source}, whose own firewall drops it",
        "let in the replies of standing connections on {source}",
    ),
}


def _open(case: Case) -> Judgement:
    proven = case.state.get("answered_by")
    if case.holder == SIBLING and proven != case.destination:
        return UNTESTED, f"{case.source} reaches {case.where}, but {_one_machine(case)}"
    if case.state["reason"] == OTHER_RUN or (case.holder == LISTENER and not proven):
        return UNTESTED, (
            f"{case.source} reaches {case.where}, but a listener of another run answers there and not "
            f"{case.service}: if that run is over, "
            f"wait until its listener has closed its ports, 5 minutes as a rule, and measure again."
        )
    if proven == case.destination and case.holder == ELSEWHERE:
        return NO_LISTENER, (
            f"{case.source} reaches {case.where}, but only our listener answers there: {case.service} "
            f"listens on "
            f"{', '.join(case.held_at)} of {case.destination} only; let it listen on {case.address}, or "
            f"correct its port in overrides "
            f"({case.service})."
        )
    if proven is None:
        return _served(case)
    if proven == case.destination:
        return OK, f"{case.source} reaches {case.where}."
    if proven:
        return WRONG_HOST, (
            f"{case.source} connects to {case.where}, but {proven} answers: the address, a balancer or a NAT "
            f"rule leads to "
            f"another host; check exasol_address of both and the rules between them."
        )
    return WRONG_HOST, (
        f"{case.source} connects to {case.where}, but not our listener answers "
        f"({case.state.get('detail', 'no proof')}): a balancer, "
        f"a proxy or another host is in between; whoever runs it must let the connection through to "
        f"{case.destination}."
    )


def _one_machine(case: Case) -> str:
    """Say that two hosts of the run are one machine, whose ports can prove only one of them."""
    other = ", ".join(case.held_at)
    return (
        f"the listener of {other} has the port there: {case.destination} and {other} are one machine, which "
        f"proves itself as one of them only; "
        f"correct ansible_host of both, or give each an address of its own (exasol_address)."
    )


def _served(case: Case) -> Judgement:
    identity = case.state.get("identity", {})
    status, detail = identity.get("status", ""), identity.get("detail", "")
    if status == "other":
        seen = "; ".join(filter(None, (identity.get("looks_like", ""), detail)))
        return WRONG_SERVICE, (
            f"{case.source} reaches {case.where}, but {case.service} does not answer there ({seen}): another "
            f"service, a balancer or a "
            f"proxy has the port; correct the port in overrides ({case.service}), or what stands before "
            f"{case.destination}."
        )
    if status == "refusing":
        return WRONG_SERVICE, (
            f"{case.source} reaches {case.where}, but {case.service} does not serve {case.source} "
            f"({_described(identity)}): the network is "
            f"open, and whoever runs {case.service} on {case.destination} must act."
        )
    if status == "silent" and "looks_like" in identity:
        return WRONG_SERVICE, (
            f"{case.source} connects to {case.where}, but {identity['looks_like']} is there: {case.service} "
            f"hangs, or a balancer or a proxy "
            f"without a server behind it accepts; look at {case.service} on {case.destination}"
            + (f" ({detail})." if detail else ".")
        )
    if status in ("identified", "silent", "unverifiable"):
        return OK, f"{case.source} reaches {case.where} ({_described(identity)})."
    if identity:
        return (
            UNTESTED,
            f"{case.source} connects to {case.where}, but it was not found out who answers there.",
        )
    return OK, f"{case.source} reaches {case.where} ({_unverified(case)})."


def _described(identity: dict[str, t.Any]) -> str:
    return ", ".join(filter(None, (identity.get("version"), identity.get("detail")))) or identity["status"]


def _unverified(case: Case) -> str:
    return "; ".join(filter(None, ("open, service not verified", case.state.get("detail", ""))))


def _closed(case: Case) -> Judgement:
    if case.listener == "up":
        return BLOCKED, (
            f"{case.source} is refused at {case.where} although our listener was up there: a firewall "
            f"refuses with a reset, or the address "
            f"belongs to another host; {_wish(case)}."
        )
    if case.listener:
        return (
            UNTESTED,
            f"{case.source} is refused at {case.where}, where we did not listen: {case.listener}.",
        )
    if case.holder:
        return _held(case)
    return NO_LISTENER, (
        f"{case.source} is refused at {case.where}: the host answers, but nothing listens; start the service "
        f"there, or correct its port "
        f"in overrides ({case.service})."
    )


def _held(case: Case) -> Judgement:
    refused = f"{case.source} is refused at {case.where}"
    if case.holder == SERVICE:
        return BLOCKED, (
            f"{refused}, although a service listened there when the run began: a firewall refuses with a "
            f"reset, the address belongs to another "
            f"host, or the service has ended meanwhile (ss -ltn on {case.destination} says so); if it "
            f"listens, {_wish(case)}."
        )
    if case.holder == ELSEWHERE:
        return NO_LISTENER, (
            f"{refused}: {case.service} listens on {', '.join(case.held_at)} of {case.destination} only; let "
            f"it listen on {case.address}, "
            f"or correct its port in overrides ({case.service})."
        )
    if case.holder == SIBLING:
        return UNTESTED, f"{refused}, and {_one_machine(case)}"
    what = {
        CONNECTION: "a connection of the host has that port as its own",
        LISTENER: "a listener of another run held that port",
    }
    advice = ""
    if case.holder in (CONNECTION, UNKNOWN):
        advice = (
            f"; reserve the ports so that no outgoing connection takes them (sysctl "
            f"net.ipv4.ip_local_reserved_ports={case.planned or case.ports} on "
            f"{case.destination}), and measure again"
        )
    return (
        UNTESTED,
        (
            f"{refused}, where we could not listen: "
            f"{what.get(case.holder, 'something holds that port without listening')}{advice}."
        ),
    )


def _filtered(case: Case) -> Judgement:
    reason, sender = case.state["reason"], case.sender
    if reason == "no-response" and case.ended:
        why = (
            case.listener
            if case.listener not in ("", "up")
            else f"{case.destination} was restarted, or could not be reached any more"
        )
        return (
            UNTESTED,
            f"{case.source} gets no answer from {case.where}, which says nothing of the way: {why}.",
        )
    if sender == "source":
        return _filtered_at_source(case, reason)
    if sender == "destination":
        return (
            AT_DESTINATION,
            f"{case.destination} itself rejects {case.source} at {case.where} ({reason}): {_wish(case)}.",
        )
    if sender and reason == "host-unreach":
        return NO_ROUTE, (
            f"router {sender} answers {case.source} that it cannot reach {case.where} ({reason}): the host "
            f"is down, or the router rejects; "
            f"ask who runs {sender}."
        )
    if sender:
        return ON_PATH, (
            f"{sender}, between {case.source} and {case.destination}, rejects {case.where} ({reason}): "
            f"ask who runs {sender} to permit {_rule(case)}."
        )
    if reason == "host-unreach":
        return NO_ROUTE, _unanswered(case)
    what = "is rejected" if reason != "no-response" else "gets no answer"
    return BLOCKED, (
        f"{case.source} {what} at {case.where} ({reason}): a filter on the way or at either end drops it; "
        f"{_wish(case)}, "
        f"and permit {_rule(case)} in between."
    )


def _filtered_at_source(case: Case, reason: str) -> Judgement:
    if reason == "host-unreach":
        return NO_ROUTE, _unanswered(case)
    return (
        AT_SOURCE,
        (
            f"{case.source} itself rejects {case.where} ({reason}): let out {_rule(case)} on {case.source} "
            f"(role "
            f"firewall)."
        ),
    )


def _unanswered(case: Case) -> str:
    return f"nobody answers {case.source} for {case.address} or its next hop (ARP, neighbour discovery): the host is down, or its address or network is wrong."


def _unreachable(case: Case) -> Judgement:
    sender = case.sender
    if sender == "destination":
        return (
            AT_DESTINATION,
            (
                f"{case.destination} itself rejects {case.source} at {case.where} ({case.state['reason']}): "
                f"{_wish(case)}."
            ),
        )
    if sender and sender != "source":
        return (
            NO_ROUTE,
            (
                f"router {sender} answers {case.source} that it has no route to {case.address} "
                f"({case.state['reason']}): ask who runs {sender}."
            ),
        )
    return (
        NO_ROUTE,
        (
            f"{case.source} has no route to {case.address} ({case.state['reason']}): add a route, or correct "
            f"the "
            f"address of {case.destination}."
        ),
    )


def _unresolved(case: Case) -> Judgement:
    return UNRESOLVED, (
        f"{case.source} cannot resolve {case.address} ({case.state.get('detail', 'no answer')}): mend the "
        f"DNS servers or the search domain "
        f"of {case.source}, or give an address instead."
    )


def _silent(case: Case) -> Judgement:
    if case.listener == "up":
        return (
            BLOCKED,
            (
                f"{case.source} gets no answer from our listener at {case.where}: a filter on the way or at "
                f"either end drops it; permit {_rule(case)}."
            ),
        )
    return (
        UNTESTED,
        (
            f"{case.source} gets no answer from {case.where}: with UDP a filter and a service that has "
            f"nothing "
            f"to say look the same."
        ),
    )


def _error(case: Case) -> Judgement:
    detail = case.state.get("detail")
    return UNTESTED, f"{case.source} could not try {case.where}: {case.state['reason']}" + (
        f", {detail}." if detail else "."
    )


def _rule(case: Case) -> str:
    return f"{case.protocol} {case.ports} from {', '.join(case.source_addresses) or case.source} to {case.address}"


def _wish(case: Case) -> str:
    return f"let in {_rule(case)} on {case.destination}"


_JUDGES: dict[str, Callable[[Case], Judgement]] = {
    "open": _open,
    "closed": _closed,
    "filtered": _filtered,
    "unreachable": _unreachable,
    "unresolved": _unresolved,
    "open|filtered": _silent,
    "error": _error,
}
