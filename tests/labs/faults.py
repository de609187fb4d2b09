# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that tests make for real in network namespaces, and what a verification says of each.

The tests compare with this table, C(docs/causes.md) shows it (C(tools/causes_doc.py)), and a unit test sees
that a test makes every row. This file imports nothing, so the tool reads it without an installation.
"""

from __future__ import annotations

import typing as t


class Fault(t.NamedTuple):
    """A fault, and what is said of the flow that it concerns."""

    what: str
    captured: bool  # with exasol_verify_capture
    verdict: str
    cause: str


FAULTS = (
    Fault("a filter in between drops", False, "blocked", "silence"),
    Fault("a filter in between drops", True, "blocked_on_path", "lost_on_path"),
    Fault("a filter in between drops the replies", True, "blocked_on_return", "lost_on_path"),
    Fault("a filter of the destination drops", False, "blocked", "silence"),
    Fault("a filter of the destination drops", True, "blocked_at_destination", "silence"),
    Fault("a filter in between rejects", False, "blocked_on_path", "icmp_rejected"),
    Fault("a filter of the destination rejects", False, "blocked_at_destination", "icmp_rejected"),
    Fault("a filter of the destination rejects", True, "blocked_at_destination", "icmp_rejected"),
    Fault("a filter of a destination without our listener rejects", False, "blocked", "icmp_rejected"),
    Fault("a filter in between rejects with a reset", False, "blocked", "reset"),
    Fault("a filter in between rejects with a reset", True, "blocked_on_path", "forged_refusal"),
    Fault("a filter of the destination rejects with a reset", True, "blocked_at_destination", "reset"),
    Fault("a bridge rejects in the name of the destination", False, "blocked_on_path", "forged_refusal"),
    Fault("a bridge rejects in the name of the destination", True, "blocked_on_path", "forged_refusal"),
    Fault("the address leads to another host, which refuses", True, "blocked_on_path", "forged_refusal"),
    Fault("a filter in between and one of the destination drop", True, "blocked_on_path", "lost_on_path"),
    Fault("a limit for connections at the destination drops", True, "blocked_at_destination", "silence"),
    Fault("a policy route of the destination drops the replies", True, "blocked_at_destination", "silence"),
    Fault("a translated source meets a filter of the destination", True, "blocked", "nat_source"),
    Fault("a translated source is rejected", False, "blocked_at_destination", "icmp_rejected"),
    Fault("a translated source is rejected", True, "blocked", "nat_source"),
    Fault("the source has no route", False, "no_route", "no_route"),
    Fault("the next hop of the source is dead", False, "no_route", "no_arp_reply"),
    Fault("a routing rule of the source leads the port to a dead gateway", False, "no_route", "no_arp_reply"),
    Fault("a routing rule of the source leads the port to a dead gateway", True, "no_route", "no_arp_reply"),
    Fault("the source has a wrong netmask", False, "no_route", "no_arp_reply"),
    Fault("the destination is down behind a router", False, "no_route", "no_arp_reply"),
    Fault("the destination has no route back", False, "no_route", "no_route_back"),
    Fault("the destination has no route back", True, "no_route", "no_route_back"),
    Fault("the gateway of the destination is dead", False, "no_route", "no_route_back"),
    Fault("the gateway of the destination is dead", True, "no_route", "no_route_back"),
    Fault("the destination has a wrong netmask", False, "no_route", "no_route_back"),
    Fault(
        "the destination has a strict reverse path filter",
        False,
        "blocked_at_destination",
        "reverse_path_filter",
    ),
    Fault(
        "the destination has a strict reverse path filter",
        True,
        "blocked_at_destination",
        "reverse_path_filter",
    ),
    Fault("the source has a strict reverse path filter", False, "blocked", "reverse_path_filter"),
    Fault("the source has a strict reverse path filter", True, "blocked_on_return", "reverse_path_filter"),
    Fault("a router has a strict reverse path filter", False, "blocked", "silence"),
    Fault("a router has a strict reverse path filter", True, "blocked_on_path", "lost_on_path"),
    Fault("asymmetric replies are dropped", True, "blocked_on_return", "asymmetric_route"),
    Fault("the service does not accept", False, "wrong_service", "accept_queue_full"),
    Fault("the destination's connection table is full", False, "blocked_at_destination", "conntrack_full"),
    Fault("the round trip takes longer than the timeout", False, "untested", "late_answers"),
    Fault("the round trip takes longer than the timeout", True, "untested", "late_answers"),
    Fault("the round trip to a service takes longer than the timeout", False, "untested", "late_answers"),
    Fault("40 % of the packets are lost in each direction", False, "degraded", "loss"),
    Fault("only the handshake passes", False, "stalled", "half_open"),
    Fault("only the handshake passes", True, "stalled", "half_open"),
    Fault("only the handshake passes, to a service of others", False, "stalled", "half_open"),
    Fault("a SYN proxy answers for a service that is down", False, "stalled", "half_open"),
    Fault("a proxy accepts for a dead server", False, "stalled", "half_open"),
    Fault("a proxy accepts for a dead server", True, "wrong_host", "half_open"),
    Fault("the source sends from an address that is not planned", False, "blocked", "source_address"),
    Fault(
        "the source sends from an address that is not planned",
        True,
        "blocked_at_destination",
        "source_address",
    ),
    Fault("a load balancer leads some connections to another service", False, "wrong_host", "other_answer"),
    Fault("a load balancer leads some connections to a dead server", False, "degraded", "answers_differ"),
    Fault("a filter of the destination drops behind proxy ARP", False, "blocked", "duplicate_address"),
    Fault("a second machine with the address serves", False, "untested", "duplicate_address"),
    Fault("a second machine with the address refuses", False, "blocked", "duplicate_address"),
    Fault("a second machine with the address drops", False, "blocked", "duplicate_address"),
    # Only a router sees its link-layer address.
    Fault("a hidden second machine with the address greets", False, "wrong_host", "other_answer"),
    Fault("a hidden second machine with the address greets", True, "wrong_host", "other_answer"),
    Fault("a hidden second machine with the address accepts", False, "stalled", "half_open"),
    Fault("a hidden second machine with the address accepts", True, "wrong_host", "half_open"),
    Fault("a hidden second machine with the address refuses", False, "blocked", "reset"),
    Fault("a hidden second machine with the address refuses", True, "blocked_on_path", "forged_refusal"),
    Fault("a hidden second machine with the address drops", False, "blocked", "silence"),
    Fault("a hidden second machine with the address drops", True, "blocked_on_path", "lost_on_path"),
    # Two at once.
    Fault("the source drops, and packets are lost", False, "blocked", "silence"),
    Fault("the source drops, and packets are lost", True, "blocked_at_source", "silence"),
    Fault("the source and the destination drop", False, "blocked", "silence"),
    Fault("the source and the destination drop", True, "blocked_at_source", "silence"),
    Fault("the destination drops, and the source drops replies", False, "blocked", "silence"),
    Fault("the destination drops, and the source drops replies", True, "blocked_at_destination", "silence"),
    Fault(
        "a strict reverse path filter, and a missing rule",
        False,
        "blocked_at_destination",
        "reverse_path_filter",
    ),
    Fault(
        "a strict reverse path filter, and a missing rule",
        True,
        "blocked_at_destination",
        "reverse_path_filter",
    ),
    Fault("a strict reverse path filter behind a filter in between", False, "blocked", "silence"),
    Fault("a strict reverse path filter behind a filter in between", True, "blocked_on_path", "lost_on_path"),
    Fault("no route back behind a filter in between", False, "no_route", "no_route_back"),
    Fault("no route back behind a filter in between", True, "blocked_on_path", "lost_on_path"),
    Fault("no route back behind a filter that rejects", False, "blocked_on_path", "icmp_rejected"),
    Fault("no route back behind a filter that rejects", True, "blocked_on_path", "icmp_rejected"),
    Fault("a translated source and a small MTU", False, "stalled", "segment_too_large"),
    Fault("a translated source and a small MTU", True, "stalled", "segment_too_large"),
    Fault("a translated source meets a filter in between", False, "blocked", "silence"),
    Fault("a translated source meets a filter in between", True, "blocked_on_path", "lost_on_path"),
    Fault("a translated source, loss, and rules for the plan", False, "blocked", "silence"),
    Fault("a translated source, loss, and rules for the plan", True, "blocked", "nat_source"),
    Fault(
        "a full accept queue behind a filter of the destination", False, "wrong_service", "accept_queue_full"
    ),
    Fault(
        "a full accept queue behind a filter of the destination", True, "wrong_service", "accept_queue_full"
    ),
    Fault("a full accept queue behind a reset in between", False, "blocked", "reset"),
    Fault("a full accept queue behind a reset in between", True, "blocked_on_path", "forged_refusal"),
    Fault(
        "a full accept queue that others ask for, behind a reset in between",
        False,
        "blocked",
        "reset",
    ),
    Fault("a full accept queue that others ask for, behind a reset in between", True, "blocked", "reset"),
    Fault("loss, and the destination drops", False, "blocked", "silence"),
    Fault("loss, and the destination drops", True, "blocked_at_destination", "silence"),
    Fault("only the handshake passes, and the destination drops", False, "blocked", "silence"),
    Fault("only the handshake passes, and the destination drops", True, "blocked_at_destination", "silence"),
    Fault("the address leads to another host, and the destination drops", False, "blocked", "reset"),
    Fault(
        "the address leads to another host, and the destination drops",
        True,
        "blocked_on_path",
        "forged_refusal",
    ),
    Fault("a slow path, and the source drops replies", False, "blocked", "silence"),
    Fault("a slow path, and the source drops replies", True, "blocked_on_return", "silence"),
    Fault("a slow path, and only the handshake passes", False, "untested", "late_answers"),
    Fault("a slow path, and only the handshake passes", True, "untested", "late_answers"),
    Fault("proxy ARP before a filter in between", False, "blocked", "duplicate_address"),
    Fault("proxy ARP before a filter in between", True, "blocked", "duplicate_address"),
)
