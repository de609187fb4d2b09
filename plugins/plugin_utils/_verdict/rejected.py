# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verdicts on an ICMP error that has the destination's own address as its sender.

The destination may have sent it, or a device in between in its name: a bridging firewall has no other address
to use (C(nf_reject_iphdr_put) of Linux). What decides, the best first:

1. A capture at the destination: the packet arrived there, or not (then C(packet_places.py) judges).
2. The destination's own counter of ICMP errors that it sent in the run. If it has not grown, the host sent
   none. If it has grown by as many as reached all sources in its name, it sent them. A counter counts what
   others caused too, so fewer errors than those prove that some were forged, and not which.
3. Otherwise nothing, and both candidates are named.
"""

from __future__ import annotations

from ...module_utils._values.ports import Ports
from . import causes
from .case import TRANSLATED, Case
from .packet_stages import AT_DESTINATION
from .phrases import allowing
from .reasons import because
from .verdict import BLOCKED, BLOCKED_AT_DESTINATION, BLOCKED_ON_PATH, Judgement


def judge_rejected(case: Case) -> Judgement:
    """Judge an ICMP error in the name of the destination."""
    if case.sender == TRANSLATED:
        return because(
            case,
            causes.ICMP_REJECTED,
            verdict=BLOCKED,
            sentence=(
                f"{case.destination}, or {case.nat}, rejects {case.source} at {case.where} ({case.reason}): "
                f"allow {case.traffic} on both."
            ),
        )
    sent = case.kernels.errors_sent
    received = max(case.kernels.errors_received, len(Ports.parse(case.ports)))
    if case.stage == AT_DESTINATION:
        return _by_destination(case)
    if sent == 0:
        return _by_another(case)
    if sent is not None and sent >= received:
        seen = f"{case.destination} sent {sent} ICMP errors, and {received} ports received one in its name"
        return _by_destination(case, seen)
    return _by_either(case)


def _by_destination(case: Case, *evidence: str) -> Judgement:
    return because(
        case,
        causes.ICMP_REJECTED,
        verdict=BLOCKED_AT_DESTINATION,
        sentence=(
            f"{case.destination} itself rejects {case.source} at {case.where} ({case.reason}): "
            f"{allowing(case)}. If its rules allow that already, it sees another source address (NAT): "
            f"tcpdump there shows which."
        ),
        evidence=evidence,
    )


def _by_another(case: Case) -> Judgement:
    return because(
        case,
        causes.FORGED_REFUSAL,
        verdict=BLOCKED_ON_PATH,
        sentence=(
            f"{case.source} is rejected at {case.where} ({case.reason}), but not by the kernel of "
            f"{case.destination}, which sent no ICMP error during this run: a bridging firewall in between "
            f"rejects in its name, or the address leads to another host (a NAT rule, a wrong DNS entry, a "
            f"duplicate address). Ask the network team where it leads, and to allow {case.traffic}. If "
            f"{case.destination} has a bridge, look at the filters of that as well."
        ),
        evidence=(f"{case.destination} counted no ICMP error that it sent",),
    )


def _by_either(case: Case) -> Judgement:
    sent, received = case.kernels.errors_sent, case.kernels.errors_received
    evidence = () if sent is None else (f"{case.destination} sent {sent} of {received} such errors",)
    judged = because(
        case,
        causes.ICMP_REJECTED,
        verdict=BLOCKED,
        sentence=(
            f"{case.source} is rejected at {case.where} ({case.reason}) in the name of {case.destination}: "
            f"most probably by its own firewall, or else by a device in between that sends errors with its "
            f"address, as bridging firewalls do; {allowing(case)}, and if tcpdump does not see that "
            f"{case.destination} sends the error, in between."
        ),
        evidence=evidence,
    )
    return judged._replace(next_command=f"tcpdump -ni any 'icmp or icmp6'  # on {case.destination}")
