# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on a port that refused the connection: by what is known of its own end."""

from __future__ import annotations

from ...module_utils._listener.occupants import CONNECTION, LISTENER, SERVICE
from . import causes
from .case import DESTINATION, ELSEWHERE, SIBLING, TRANSLATED, Case
from .phrases import allowing, listens_elsewhere, one_machine, or_nat
from .reasons import because
from .rejected import judge_rejected
from .verdict import BLOCKED, NO_LISTENER, UNTESTED, Judgement


def judge_refused(case: Case) -> Judgement:
    """Judge a port that refused a connection."""
    refused = f"{case.source} is refused at {case.where}"
    if case.listener.was_up and case.sender in (DESTINATION, TRANSLATED):
        return judge_rejected(case)  # of a datagram: TCP refuses with a reset
    if case.listener.was_up:
        return because(
            case,
            causes.RESET,
            verdict=BLOCKED,
            sentence=(
                f"{refused} although our listener was up there: a firewall rejects with a reset, or the "
                f"address belongs to another host{or_nat(case)}; {allowing(case)}."
            ),
        )
    if case.listener.was_missing:
        return because(
            case,
            causes.NO_OWN_LISTENER,
            verdict=UNTESTED,
            sentence=f"{refused}, where we did not listen: {case.listener.why}.",
        )
    if case.holder == SERVICE:
        return because(
            case,
            causes.RESET,
            verdict=BLOCKED,
            sentence=(
                f"{refused}, although a service listened there when the run began: a firewall rejects with a "
                f"reset, the address belongs to another host{or_nat(case)}, or the service has ended since "
                f"(ss -ltn on {case.destination} shows it); if it listens, {allowing(case)}."
            ),
        )
    if case.holder == ELSEWHERE:
        return because(
            case,
            causes.LISTENS_ELSEWHERE,
            verdict=NO_LISTENER,
            sentence=f"{refused}: {listens_elsewhere(case)}.",
        )
    if case.holder == SIBLING:
        return because(
            case, causes.ONE_MACHINE, verdict=UNTESTED, sentence=f"{refused}, and {one_machine(case)}."
        )
    if case.holder:
        return because(
            case,
            causes.OTHER_RUN if case.holder == LISTENER else causes.PORT_TAKEN,
            verdict=UNTESTED,
            sentence=f"{refused}, where we could not listen: {_held(case)}.",
        )
    who = f"the host, or {case.nat}," if case.nat else "the host"
    return because(
        case,
        causes.NOTHING_LISTENS,
        verdict=NO_LISTENER,
        sentence=(
            f"{refused}: {who} answers, but nothing listens; start the service there, or correct its port in "
            f"overrides ({case.service}). If it does listen, a firewall rejects with a reset in its place."
        ),
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
