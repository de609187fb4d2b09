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


_Said = tuple[str, str]  # verdict and cause
# What is said without captures, and what with them; None if no test makes it.
_TABLE: dict[str, tuple[_Said | None, _Said | None]] = {
    "a filter in between drops": (("blocked", "silence"), ("blocked_on_path", "lost_on_path")),
    "a filter in between drops the replies": (None, ("blocked_on_return", "lost_on_path")),
    "a filter of the destination drops": (("blocked", "silence"), ("blocked_at_destination", "silence")),
    "a filter in between rejects": (("blocked_on_path", "icmp_rejected"), None),
    "a filter of the destination rejects": 2 * (("blocked_at_destination", "icmp_rejected"),),
    "a filter of a destination without our listener rejects": (("blocked", "icmp_rejected"), None),
    "a filter in between rejects with a reset": (("blocked", "reset"), ("blocked_on_path", "forged_refusal")),
    "a filter of the destination rejects with a reset": (None, ("blocked_at_destination", "reset")),
    "a bridge rejects in the name of the destination": 2 * (("blocked_on_path", "forged_refusal"),),
    "the address leads to another host, which refuses": (None, ("blocked_on_path", "forged_refusal")),
    "a filter in between and one of the destination drop": (None, ("blocked_on_path", "lost_on_path")),
    "a limit for connections at the destination drops": (None, ("blocked_at_destination", "silence")),
    "a policy route of the destination drops the replies": (None, ("blocked_at_destination", "silence")),
    "a translated source meets a filter of the destination": (None, ("blocked", "nat_source")),
    "a translated source is rejected": (
        ("blocked_at_destination", "icmp_rejected"),
        ("blocked", "nat_source"),
    ),
    "the source has no route": (("no_route", "no_route"), None),
    "the next hop of the source is dead": (("no_route", "no_arp_reply"), None),
    "a routing rule of the source leads the port to a dead gateway": 2 * (("no_route", "no_arp_reply"),),
    "the source has a wrong netmask": (("no_route", "no_arp_reply"), None),
    "routers lead the packets in a circle": 2 * (("no_route", "too_many_hops"),),
    "the destination is down behind a router": (("no_route", "no_arp_reply"), None),
    "the destination has no route back": 2 * (("no_route", "no_route_back"),),
    "the gateway of the destination is dead": 2 * (("no_route", "no_route_back"),),
    "the destination has a wrong netmask": (("no_route", "no_route_back"), None),
    "the destination has a strict reverse path filter": 2
    * (("blocked_at_destination", "reverse_path_filter"),),
    "the source has a strict reverse path filter": (
        ("blocked", "reverse_path_filter"),
        ("blocked_on_return", "reverse_path_filter"),
    ),
    "a router has a strict reverse path filter": (
        ("blocked", "silence"),
        ("blocked_on_path", "lost_on_path"),
    ),
    "asymmetric replies are dropped": (None, ("blocked_on_return", "asymmetric_route")),
    "the service does not accept": (("wrong_service", "accept_queue_full"), None),
    "the destination's connection table is full": (("blocked_at_destination", "conntrack_full"), None),
    "the round trip takes longer than the timeout": 2 * (("untested", "late_answers"),),
    "the round trip to a service takes longer than the timeout": (("untested", "late_answers"), None),
    "40 % of the packets are lost in each direction": (("degraded", "loss"), None),
    "a device drops packets with data at first": (("degraded", "loss"), None),
    "only the handshake passes": 2 * (("stalled", "half_open"),),
    "only the handshake passes, to a service of others": (("stalled", "half_open"), None),
    "a SYN proxy answers for a service that is down": (("stalled", "half_open"), None),
    "a proxy accepts for a dead server": (("stalled", "half_open"), ("wrong_host", "half_open")),
    "the source sends from an address that is not planned": (
        ("blocked", "source_address"),
        ("blocked_at_destination", "source_address"),
    ),
    "a load balancer leads some connections to another service": (("wrong_host", "other_answer"), None),
    "a load balancer leads some connections to a dead server": (("degraded", "answers_differ"), None),
    "one link of a bundle drops some datagrams": (("degraded", "link_of_bundle"), None),
    "a load balancer leads some datagrams to a server that is silent": (("degraded", "link_of_bundle"), None),
    "a load balancer leads some datagrams to a server that refuses": (("degraded", "answers_differ"), None),
    "a load balancer leads some datagrams to another service": (("wrong_host", "other_answer"), None),
    "a load balancer leads some questions to a DNS server that is silent": (
        ("degraded", "link_of_bundle"),
        None,
    ),
    "a load balancer leads some questions to a DNS server that refuses": (
        ("degraded", "answers_differ"),
        None,
    ),
    "a load balancer leads some questions to a DNS server that does not serve": (
        ("wrong_service", "service_refuses"),
        None,
    ),
    "a load balancer leads some questions to another service": (("wrong_service", "other_service"), None),
    "a rule of the source rejects some connections": (("degraded", "rejected_at_source"), None),
    "the source leads some connections to a dead gateway": (("degraded", "no_arp_reply"), None),
    "a filter of the destination drops behind proxy ARP": (("blocked", "duplicate_address"), None),
    "a second machine with the address serves": (("untested", "duplicate_address"), None),
    "a second machine with the address refuses": (("blocked", "duplicate_address"), None),
    "a second machine with the address drops": (("blocked", "duplicate_address"), None),
    # Only a router sees its link-layer address.
    "a hidden second machine with the address greets": 2 * (("wrong_host", "other_answer"),),
    "a hidden second machine with the address accepts": (
        ("stalled", "half_open"),
        ("wrong_host", "half_open"),
    ),
    "a hidden second machine with the address refuses": (
        ("blocked", "reset"),
        ("blocked_on_path", "forged_refusal"),
    ),
    "a hidden second machine with the address drops": (
        ("blocked", "silence"),
        ("blocked_on_path", "lost_on_path"),
    ),
    # Two at once.
    "the source drops, and packets are lost": (("blocked", "silence"), ("blocked_at_source", "silence")),
    "the source and the destination drop": (("blocked", "silence"), ("blocked_at_source", "silence")),
    "the destination drops, and the source drops replies": (
        ("blocked", "silence"),
        ("blocked_at_destination", "silence"),
    ),
    "a strict reverse path filter, and a missing rule": 2
    * (("blocked_at_destination", "reverse_path_filter"),),
    "a strict reverse path filter behind a filter in between": (
        ("blocked", "silence"),
        ("blocked_on_path", "lost_on_path"),
    ),
    "no route back behind a filter in between": (
        ("no_route", "no_route_back"),
        ("blocked_on_path", "lost_on_path"),
    ),
    "no route back behind a filter that rejects": 2 * (("blocked_on_path", "icmp_rejected"),),
    "a translated source and a small MTU": 2 * (("stalled", "segment_too_large"),),
    "a translated source meets a filter in between": (
        ("blocked", "silence"),
        ("blocked_on_path", "lost_on_path"),
    ),
    "a translated source, loss, and rules for the plan": (("blocked", "silence"), ("blocked", "nat_source")),
    "a full accept queue behind a filter of the destination": 2 * (("wrong_service", "accept_queue_full"),),
    "a full accept queue behind a reset in between": (
        ("blocked", "reset"),
        ("blocked_on_path", "forged_refusal"),
    ),
    "a full accept queue that others ask for, behind a reset in between": 2 * (("blocked", "reset"),),
    "loss, and the destination drops": (("blocked", "silence"), ("blocked_at_destination", "silence")),
    "only the handshake passes, and the destination drops": (
        ("blocked", "silence"),
        ("blocked_at_destination", "silence"),
    ),
    "the address leads to another host, and the destination drops": (
        ("blocked", "reset"),
        ("blocked_on_path", "forged_refusal"),
    ),
    "a slow path, and the source drops replies": (("blocked", "silence"), ("blocked_on_return", "silence")),
    "a slow path, and only the handshake passes": 2 * (("untested", "late_answers"),),
    "proxy ARP before a filter in between": 2 * (("blocked", "duplicate_address"),),
}
FAULTS = tuple(
    Fault(what, captured, *said)
    for what, both in _TABLE.items()
    for captured, said in zip((False, True), both)
    if said
)
