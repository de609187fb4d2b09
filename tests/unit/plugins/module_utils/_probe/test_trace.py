# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hop limit a trace tries next, when it ends, and what is reported of it; the network is made up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.module_utils._kernel.sockets import Sources
from ansible_collections.exasol_community.network.plugins.module_utils._probe.outcome import Outcome
from ansible_collections.exasol_community.network.plugins.module_utils._probe.probe import collect
from ansible_collections.exasol_community.network.plugins.module_utils._probe.targets import Target
from ansible_collections.exasol_community.network.plugins.module_utils._probe.trace import (
    End,
    Tracer,
    Way,
    kind_of,
)
from ansible_collections.exasol_community.network.plugins.module_utils._probe.trace_words import (
    END_ANSWERED,
    END_REFUSED,
    MAX_HOPS,
    REFERENCE,
    SILENT,
)

WINDOW = 5


def way(kind=SILENT, until=100.0):
    return Way(Target("n11", "203.0.113.11", "tcp"), 8563, kind, until)


def walk(one, devices, end=None, now=0.0):
    """Try hop after hop in a network with these devices and a reply from C(end) on; return how often."""
    count = 0
    while not one.is_over(now) and one.due(now) is not None:
        count += 1
        hop = one.due(now)
        one.tried = hop
        one.waiting[hop] = now
        if end is not None and hop >= end.hop:
            one.reply(End(hop, end.how), now)
        elif hop <= len(devices) and devices[hop - 1]:
            one.hear(hop, devices[hop - 1])
        if one.kind == REFERENCE:
            now += 0.3
    return count


DEVICES = st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", None]), max_size=40)


@given(devices=DEVICES)
def test_a_silent_port_is_tried_a_window_beyond_the_last_device(devices):
    one = way()
    walk(one, devices)
    heard = max(one.heard, default=0)
    assert one.tried == min(MAX_HOPS, heard + WINDOW)
    assert heard == max([hop for hop, device in enumerate(devices[: one.tried], 1) if device], default=0)


@given(devices=DEVICES, distance=st.integers(1, MAX_HOPS))
def test_an_open_port_gets_one_connection(devices, distance):
    one = way(REFERENCE)
    tries = walk(one, devices[: distance - 1], End(distance, END_ANSWERED))
    assert tries == distance
    assert one.end == End(distance, END_ANSWERED)


def test_the_distance_of_the_open_port_bridges_devices_that_report_nothing():
    one, reference = way(), way(REFERENCE)
    walk(reference, [None] * 8, End(9, END_ANSWERED))
    one.reference = reference
    walk(one, ["192.0.2.1"])
    assert one.tried == 9


def test_the_nearest_reply_counts_and_ends_the_trace_when_all_nearer_hops_have_reported():
    one = way()
    for hop in (1, 2, 3):
        one.tried, one.waiting[hop] = hop, 0.0
    one.reply(End(3, END_REFUSED), 1.0)
    one.reply(End(2, END_REFUSED), 1.0)
    assert (one.end, one.due(1.0), one.is_over(1.0)) == (End(2, END_REFUSED), None, False)
    one.hear(1, "192.0.2.1")
    assert one.is_over(1.0)


def test_a_hop_that_reports_nothing_does_not_hold_up_the_end():
    one = way()
    one.tried, one.waiting = 2, {1: 0.0, 2: 0.0}
    one.reply(End(2, END_REFUSED), 1.0)
    assert not one.is_over(1.1)
    assert one.is_over(1.3)


@pytest.mark.parametrize(("until", "is_over"), [(5.0, True), (50.0, False)])
def test_silence_ends_with_its_time(until, is_over):
    assert way(until=until).is_over(10.0) == is_over


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome("open", "syn-ack"), "open"),
        (Outcome("filtered", "no-response"), "silent"),
        (Outcome("open|filtered", "no-response"), "silent"),
        (Outcome("closed", "conn-refused"), "refused"),
        (Outcome("filtered", "admin-prohibited", "192.0.2.1"), "rejected"),
        (Outcome("filtered", "admin-prohibited", "local"), ""),
        (Outcome("filtered", "host-unreach"), ""),
        (Outcome("error", "own-address"), ""),
    ],
)
def test_what_a_port_is_traced_as(outcome, kind):
    assert kind_of(outcome) == kind


def flow(ports, expected):
    return {
        "service": "x",
        "protocol": "tcp",
        "ports": ports,
        "expected": expected,
        "destinations": {"n11": ["203.0.113.11"]},
    }


def test_ports_that_must_not_work_are_not_wanted():
    (target,) = collect([flow("1-10", "denied"), flow("8", "reachable")], [], {})
    assert (str(target.ports), str(target.wanted), str(target.at("203.0.113.12").wanted)) == (
        "1-10",
        "8",
        "8",
    )


def reported(final, kind=SILENT, with_reference=False):
    """Return what is reported of a port that became what it is after it was traced."""
    (target,) = collect([flow("8563,22", "reachable")], [], {})
    target.record(8563, final)
    target.record(22, Outcome("open", "syn-ack"))
    tracer = Tracer(Sources([]), timeout=3.5, concurrency=64)
    tracer._ways = [Way(target, 8563, kind, 0.0)] + (
        [Way(target, 22, REFERENCE, 0.0)] if with_reference else []
    )
    found = tracer.report([target])
    tracer.close()
    return [(trace["destination"], trace["port"], trace["kind"]) for trace in found]


def test_a_port_that_is_still_silent_is_reported_with_what_it_is_compared_with():
    silent = Outcome("filtered", "no-response")
    assert reported(silent, with_reference=True) == [("n11", 8563, "silent"), ("n11", 22, "open")]


@pytest.mark.parametrize("final", [Outcome("open", "syn-ack"), Outcome("error", "own-address")])
def test_a_port_that_turned_out_to_be_something_else_is_not_reported(final):
    assert reported(final, with_reference=True) == []


def traced_ports(first, then):
    """Return which ports are traced if some seemed to be silent and then all of them got an outcome."""
    (target,) = collect([flow("8563,9000", "reachable")], [], {})
    for one in (8563, 9000):
        target.record(one, then)
    tracer = Tracer(Sources([]), timeout=3.5, concurrency=64)
    tracer.begin([target])
    tracer._addresses = {target.address: True}
    tracer._ways = [Way(target, one, SILENT, 0.0) for one in first]
    tracer._send = lambda way, hop, now: setattr(way, "is_broken", True)
    tracer.take_outcomes()
    ways = [(way.port, way.kind) for way in tracer._ways]
    found = [(trace["port"], trace["kind"]) for trace in tracer.report([target])]
    tracer.close()
    return ways, found


REJECTED = Outcome("filtered", "port-unreach", "203.0.113.1")


def test_a_port_that_is_rejected_late_is_traced_once():
    assert traced_ports([8563], REJECTED) == ([(8563, SILENT)], [(8563, "rejected")])


def test_a_port_that_is_rejected_at_once_is_traced():
    assert traced_ports([], REJECTED) == ([(8563, "rejected")], [(8563, "rejected")])
