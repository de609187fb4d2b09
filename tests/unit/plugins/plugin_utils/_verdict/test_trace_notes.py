# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace adds to a verdict: tables of what was heard and what may be said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    NO_KERNELS,
    Case,
    Kernels,
    Listener,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.results import result_of
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.trace_notes import (
    short_words,
    trace_notes,
    with_trace,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import Judgement
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

ADDRESS = "203.0.113.11"
R1, R2, R3, R4 = "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"
SILENT = {"ports": "8563", "state": "filtered", "reason": "no-response"}
REFUSED = {"ports": "8563", "state": "closed", "reason": "conn-refused"}


def trace(port, hops, kind="silent", end=None, protocol="tcp"):
    """Return a trace; C(hops) has the device of each hop, or several, or none."""
    found = {
        "destination": "n11",
        "address": ADDRESS,
        "protocol": protocol,
        "port": port,
        "kind": kind,
        "tried": 8,
        "hops": [
            {"hop": hop, "by": [by] if isinstance(by, str) else by} for hop, by in enumerate(hops, 1) if by
        ],
    }
    if end:
        found["end"] = dict(zip(("hop", "how", "by"), end))
    return found


def opened(*hops):
    """Return the trace of an open port behind these hops."""
    return trace(22, hops, "open", (len(hops) + 1, "answered"))


def case(*traces, observed=SILENT, ports="8563", stage="", up=True, expected="reachable", protocol="tcp"):
    """Return a case with traces."""
    return Case(
        source="client",
        destination="n11",
        address=ADDRESS,
        service="sql_client",
        protocol=protocol,
        ports=ports,
        expected=expected,
        observed=dict(observed, ports=ports),
        source_addresses=("192.0.2.21",),
        own_addresses=("192.0.2.21",),
        listener=Listener("up") if up else Listener(),
        stage=stage,
        traces=traces,
    )


def added(one):
    """Return what the traces add to the sentence of a case."""
    plain = result_of(one._replace(traces=()))
    found = result_of(one)
    assert found["verdict"] == plain["verdict"]
    assert found["sentence"].startswith(plain["sentence"])
    return found["sentence"][len(plain["sentence"]) :].strip()


@pytest.mark.parametrize(
    ("kernels", "code"),
    [
        (Kernels(way_back="no_route"), "no_route_back"),
        (
            Kernels(way_back="other_interface", way_back_interface="eth1", filtered_there=1),
            "reverse_path_filter",
        ),
        (Kernels(conntrack="64 of 64 connections"), "conntrack_full"),
        (Kernels(next_hop="192.0.2.9"), "no_arp_reply"),
        (Kernels(foreign_link="02:00:00:00:00:99"), "duplicate_address"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_trace_accuses_nobody_if_the_kernels_explain_the_silence(kernels, code):
    seen = case(trace(8563, [R1, R2]), opened(R1, R2, R3))._replace(kernels=kernels)
    result = result_of(seen)
    assert result["cause"] == code
    assert result["sentence"].endswith(f"A trace of tcp 8563 heard nothing after hop 2, {R2}.")
    assert "drops the packets" not in result["sentence"]
    assert trace_notes([result, dict(result, source="n12")]) == []
    # The same traces of a silence that nothing explains do name devices.
    plain = result_of(seen._replace(kernels=NO_KERNELS))
    assert "drops the packets" in plain["sentence"]
    assert len(trace_notes([plain, dict(plain, source="n12")])) == 1


SAID = {
    "the-next-device-is-known": (
        case(trace(8563, [R1]), opened(R1, R2, R3)),
        [
            "nothing after hop 1, 192.0.2.1",
            "passes 192.0.2.2 (hop 2)",
            f"{R1}, on the way out, or {R2} drops",
        ],
        [R3],
    ),
    "the-destination-is-next": (
        case(trace(8563, [R1, R2, R3]), opened(R1, R2, R3)),
        ["nothing after hop 3, 192.0.2.3", f"{R3}, on the way out, or n11 itself drops"],
        [R1, R2],
    ),
    "the-next-device-is-silent-to-all": (
        case(trace(8563, [R1]), opened(R1, None, R3)),
        ["nothing after hop 1", f"or {R3} (hop 3)".split(" (")[0], "in between that reports nothing"],
        [R2],
    ),
    "nobody-in-between-reports": (
        case(trace(8563, [R1]), opened(R1, None, None)),
        ["nothing after hop 1", "no device in between reports anything for it either", "n11 itself"],
        [],
    ),
    "nothing-to-compare-with": (
        case(trace(8563, [R1, R2])),
        ["nothing after hop 2", f"{R2} itself, the device after it", "no open port of n11"],
        [R1],
    ),
    "equal-routes": (
        case(trace(8563, [R1, [R2, R4]]), opened(R1, R2, R3)),
        ["nothing after hop 2, 192.0.2.2 or 192.0.2.4"],
        [],
    ),
    "another-way": (
        case(trace(8563, [R1, R4]), opened(R1, R2, R3)),
        ["nothing after hop 2, 192.0.2.4", "takes another way", f"only {R4}"],
        [R3],
    ),
    "nothing-heard-beside-an-open-port": (
        case(trace(8563, []), opened(R1, R2)),
        ["heard no device", "client itself or that device", "192.0.2.1 (hop 1)"],
        [R2],
    ),
    "answered-later": (
        case(trace(8563, [R1, R2], end=(3, "answered")), opened(R1, R2)),
        ["was answered at hop 3", "only some connections are lost", "equal routes"],
        [R1, R2],
    ),
    "two-ports-that-end-differently": (
        case(trace(8563, [R1]), trace(8570, [R1, R2]), opened(R1, R2, R3), ports="8563-8570"),
        ["tcp 8563 heard nothing after hop 1", "tcp 8570 heard nothing after hop 2"],
        [],
    ),
    "between-two-ports-that-end-alike": (
        case(trace(8560, [R1]), trace(8570, [R1]), opened(R1, R2, R3)),
        ["tcp 8560 heard nothing after hop 1"],
        [],
    ),
    "capture-agrees-that-it-did-not-arrive": (
        case(trace(8563, [R1, R2]), opened(R1, R2, R3), stage=packet_stages.ON_PATH),
        ["agrees with the capture", f"{R2}, on the way out, or {R3}"],
        [],
    ),
    "capture-leaves-the-last-device-alone": (
        case(trace(8563, [R1, R2, R3]), opened(R1, R2, R3), stage=packet_stages.ON_PATH),
        ["agrees with the capture", "the last device before n11, and drops them on the way out"],
        ["n11 itself"],
    ),
    "capture-agrees-that-it-arrived": (
        case(trace(8563, [R1, R2]), opened(R1, R2), stage=packet_stages.AT_DESTINATION),
        ["the last device before n11, which agrees with the capture"],
        ["drops the packets"],
    ),
    "capture-contradicts-it-arrived": (
        case(trace(8563, [R1]), opened(R1, R2, R3), stage=packet_stages.AT_DESTINATION),
        ["contradicts the capture at n11", "the capture counts"],
        ["drops the packets"],
    ),
    "capture-contradicts-it-never-left": (
        case(trace(8563, [R1]), opened(R1, R2, R3), stage=packet_stages.AT_SOURCE),
        ["contradicts the capture", "packets do leave client"],
        [],
    ),
}
UNSAID = {
    "nothing-heard-and-nothing-to-compare": case(trace(8563, [])),
    "nobody-reports-at-all": case(trace(8563, []), opened(None, None)),
    "a-trace-of-another-port": case(trace(8560, [R1]), trace(8570, [R1, R2]), opened(R1, R2, R3)),
    "a-trace-of-another-protocol": case(trace(8563, [R1], protocol="udp"), opened(R1, R2)),
    "ended": case(trace(8563, [R1]))._replace(ended=True),
}


@pytest.mark.parametrize("name", SAID)
def test_the_sentence_says_how_far_it_was_heard_and_who_is_left(name):
    one, expected, unexpected = SAID[name]
    text = added(one)
    assert_names(text, expected)
    assert not [word for word in unexpected if word in text.split("nothing after")[-1]], text


@pytest.mark.parametrize("name", UNSAID)
def test_what_says_nothing_adds_nothing(name):
    one = UNSAID[name]
    assert added(one) == ""
    assert "trace" not in result_of(one)


def forged(hop, *hops, reference=(R1, R2, R3), **more):
    """Return a case whose refusal came from a hop."""
    more.setdefault("observed", REFUSED)
    kind = "refused" if more["observed"] is REFUSED else "rejected"
    return case(trace(8563, hops, kind, (hop, "refused")), opened(*reference), **more)


@pytest.mark.parametrize("up", [True, False], ids=["our-listener-was-up", "no-listener"])
def test_a_refusal_from_nearer_than_the_destination_is_a_devices(up):
    result = result_of(forged(2, R1, up=up))
    assert result["verdict"] == "blocked_on_path"
    assert_names(result["sentence"], ["not by n11", f"{R1} (hop 1) or {R2} (hop 2) refuses in its name"])
    assert result["trace"] == {
        "port": 8563,
        "hop": 1,
        "by": [R1],
        "end": {"hop": 2, "how": "refused"},
        "distance": 4,
    }


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(forged(4, R1, R2, R3, up=False), id="as-far-as-the-destination"),
        pytest.param(
            forged(4, R1, R2, R3, up=False, reference=(R1, R2, R3, None)),
            id="as-far-as-the-destination-whose-reply-to-the-open-port-was-lost-once",
        ),
        pytest.param(forged(2, R4, up=False), id="on-another-way"),
        pytest.param(forged(2, None, up=False), id="nobody-heard-before-it"),
        pytest.param(forged(1, up=False), id="from-the-first-hop-where-the-source-itself-may-be-it"),
        pytest.param(
            case(trace(8563, [R1], "refused", (2, "refused")), observed=REFUSED, up=False),
            id="nothing-to-compare-with",
        ),
        pytest.param(forged(2, R1, up=False, expected="denied"), id="denied"),
    ],
)
def test_other_refusals_keep_their_verdict(one):
    assert result_of(one) == result_of(one._replace(traces=()))


def test_the_sender_of_an_error_has_its_hop():
    observed = {"ports": "8563", "state": "filtered", "reason": "admin-prohibited", "reason_ip": R2}
    one = case(trace(8563, [R1, R2], "rejected", (3, "rejected", R2)), opened(R1, R2, R3), observed=observed)
    assert_names(added(one), ["192.0.2.2 is hop 2 of 4 on the way from client"])


def test_an_error_in_the_destinations_name_from_nearer_is_a_devices():
    observed = {"ports": "8563", "state": "filtered", "reason": "admin-prohibited", "reason_ip": ADDRESS}
    one = case(trace(8563, [R1], "rejected", (2, "rejected", ADDRESS)), opened(R1, R2), observed=observed)
    assert result_of(one)["verdict"] == "blocked_on_path"


def test_the_change_request_has_the_last_device():
    result = result_of(SAID["the-next-device-is-known"][0])
    assert short_words(result) == "nothing after hop 1, 192.0.2.1"
    assert short_words(result_of(UNSAID["nothing-heard-and-nothing-to-compare"])) == ""
    assert short_words(result_of(forged(2, R1))) == "refused after hop 1, 192.0.2.1"


def test_a_note_counts_the_paths_that_end_at_a_device():
    first = result_of(case(trace(8563, [R1]), opened(R1, R2)))
    others = [dict(first, source=f"c{number}") for number in range(3)]
    (note,) = trace_notes([first, first, *others])
    assert_names(note, ["4 paths", R1, "client to n11", "look there first"][:2])
    assert trace_notes([first, first]) == []


_DEVICES = st.lists(st.sampled_from([None, R1, R2, R3, R4]), max_size=5)
_STAGES = st.sampled_from(["", *packet_stages._WAY])


@given(hops=_DEVICES, reference=st.none() | _DEVICES, stage=_STAGES)
def test_whoever_is_named_was_heard(hops, reference, stage):
    """A sentence names no device that no trace heard, and a silent port never changes its verdict."""
    traces = [trace(8563, hops)] + ([opened(*reference)] if reference is not None else [])
    text = added(case(*traces, stage=stage))
    known = {*hops, *(reference or ())} - {None}
    assert {device for device in (R1, R2, R3, R4) if device in text} <= known


@given(hops=_DEVICES, reference=_DEVICES, stage=_STAGES)
def test_with_captures_that_saw_it_arrive_no_device_is_accused(hops, reference, stage):
    if stage in (packet_stages.AT_DESTINATION, packet_stages.ON_RETURN, packet_stages.RETURNED):
        text = added(case(trace(8563, hops), opened(*reference), stage=stage))
        assert "drops the packets" not in text


@given(hops=_DEVICES, reference=_DEVICES, at=st.integers(1, 7))
def test_a_refusal_changes_its_verdict_only_if_it_comes_from_nearer(hops, reference, at):
    one = case(trace(8563, hops[: at - 1], "refused", (at, "refused")), opened(*reference), observed=REFUSED)
    judged, _short = with_trace(one, Judgement("blocked", "It is refused."))
    if judged.verdict == "blocked_on_path":
        assert judged.cause == "forged_refusal"
        assert at < len(reference) + 1
        assert hops[at - 2] is not None
        assert hops[at - 2] == reference[at - 2]
        assert any(reference[at - 1 :]), "a packet with as many hops is known to have expired"
