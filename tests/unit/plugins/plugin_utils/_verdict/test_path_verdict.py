# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a path adds to the verdict of a flow: tables from measurements to verdicts."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import Case
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.limits import (
    NO_LIMITS,
    Limits,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils._verdict.joined import (
    clean_path,
)

from .test_judge import case

CLEAN = {"state": "passed", "size": 1448, "mss": 1448}
REDUCED = {"state": "reduced", "size": 1360, "mss": 1448}
HOLE = {"state": "stalled", "size": 1348, "mss": 1448}
UNKNOWN = {"state": "unmeasured", "reason": "undecided"}
RTT = {"min": 0.4, "median": 0.9, "p95": 4.0, "max": 9.0}


def path(out=CLEAN, back=CLEAN, **more):
    """Return a path with what became of segments in both directions; None is a direction without anything."""
    segments = {name: found for name, found in (("out", out), ("in", back)) if found}
    return clean_path("n11", "192.0.2.11", **{"segments": segments, "rtt_ms": RTT, **more})


def judged(
    measured,
    limits=NO_LIMITS,
    proven=True,
    state="open",
    protocol="tcp",
    expected="reachable",
    address="192.0.2.11",
):
    """Return verdict and sentence of a flow over a path."""
    observed = {"ports": "8563", "state": state, "reason": "syn-ack" if state == "open" else "no-response"}
    if proven and state == "open":
        observed["answered_by"] = "n11"
    return judge(
        Case(
            source="client",
            destination="n11",
            address=address,
            service="sql_client",
            protocol=protocol,
            ports="8563",
            expected=expected,
            observed=observed,
            source_addresses=("192.0.2.21",),
            path=measured,
            limits=limits,
        )
    )[:2]


OPPOSITE = [
    pytest.param(path(), "ok", id="clean"),
    pytest.param(path(out=REDUCED, back=REDUCED), "ok", id="smaller MTU with ICMP"),
    pytest.param(path(lost=8), "ok", id="loss without a limit"),
    pytest.param(path(clock_offset_s=3600.0, clock_error_s=0.001), "ok", id="clock without a limit"),
    pytest.param(path(out=HOLE), "stalled", id="hole outwards"),
    pytest.param(path(back=HOLE), "stalled", id="hole inwards"),
    pytest.param(path(out=HOLE, back=UNKNOWN), "stalled", id="hole and unknown"),
    pytest.param(path(back=UNKNOWN), "untested", id="one direction unknown"),
    pytest.param(path(back=UNKNOWN, tries=32, lost=7), "untested", id="unknown, and little loss"),
    pytest.param(path(back=UNKNOWN, tries=32, lost=8), "degraded", id="loss hides one direction"),
    pytest.param(path(tries=232, lost=84), "ok", id="20 % loss in each direction"),
    pytest.param(path(tries=232, lost=148), "degraded", id="40 % loss in each direction"),
    pytest.param(path(tries=32, lost=16), "ok", id="as many lost as passed"),
    pytest.param(path(tries=32, lost=17), "degraded", id="more lost than passed"),
    pytest.param(path(tries=15, lost=15), "ok", id="too few tries"),
    pytest.param(path(back=None), "untested", id="one direction missing"),
    pytest.param(path(out=None, back=None), "untested", id="nothing measured"),
    pytest.param(None, "untested", id="no path"),
    pytest.param(
        path(pattern="by_connection", connections={"tried": 16, "failed_always": 4}), "degraded", id="bundle"
    ),
]


@pytest.mark.parametrize(("measured", "verdict"), OPPOSITE)
def test_a_proven_connection_is_ok_only_if_full_size_segments_pass(measured, verdict):
    assert judged(measured)[0] == verdict


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        pytest.param(None, "ok", id="not measured where only services of others answer"),
        pytest.param(path(out=UNKNOWN), "ok", id="not known"),
        pytest.param(path(out=HOLE), "stalled", id="the path of a service is that of our listener"),
    ],
)
def test_a_service_of_others(measured, verdict):
    assert judged(measured, proven=False)[0] == verdict


@pytest.mark.parametrize("measured", [None, path(out=HOLE), path(out=UNKNOWN)])
def test_the_size_of_datagrams_is_not_judged(measured):
    assert judged(measured, protocol="udp")[0] == "ok"


def test_a_worse_verdict_stays():
    assert judged(path(out=HOLE), state="filtered")[0] == "blocked"


def test_a_flow_that_must_not_work_is_exposed_whatever_its_segments():
    assert judged(path(out=HOLE), expected="denied")[0] == "exposed"


@pytest.mark.parametrize(
    ("measured", "address", "names"),
    [
        (
            path(out=HOLE),
            "192.0.2.11",
            [
                "1448 bytes from client never reach n11",
                "those of 1348 bytes do",
                "fragmentation needed",
                "to 1388",
            ],
        ),
        (path(back=HOLE), "192.0.2.11", ["1448 bytes from n11 never reach client"]),
        (
            path(out=HOLE, back=HOLE),
            "192.0.2.11",
            ["from client never reach n11", "from n11 never reach client"],
        ),
        (path(out=HOLE), "2001:db8::11", ["ICMPv6 type 2", "to 1408"]),
    ],
)
def test_a_stalled_path_names_direction_size_and_remedy(measured, address, names):
    assert_names(judged(measured, address=address)[1], names)


@pytest.mark.parametrize(
    ("limits", "measured", "names"),
    [
        (Limits(rtt_ms=0.5), path(), ["median round trip is 0.90 ms", "0.5 ms (rtt_ms)"]),
        (Limits(loss_percent=1), path(tries=100, lost=2), ["2 of 100", "2.0 %", "1 % (loss_percent)"]),
        (Limits(loss_percent=0), path(tries=18, lost=1), ["1 of 18", "0 % (loss_percent)"]),
        (
            Limits(clock_s=1),
            path(clock_offset_s=-1.5, clock_error_s=0.1),
            ["clocks of client and n11 differ by 1.500 s", "1 s (clock_s)"],
        ),
        (Limits(segment=8948), path(), ["largest segment to n11 has 1448 bytes", "to client", "8948 bytes"]),
        (Limits(segment=1400), path(back=REDUCED), ["largest segment to client has 1360 bytes"]),
    ],
)
def test_a_limit_that_is_exceeded_is_degraded_and_named(limits, measured, names):
    verdict, sentence = judged(measured, limits)
    assert verdict == "degraded"
    assert_names(sentence, [*names, "exasol_verify_limits"])


@pytest.mark.parametrize(
    ("limits", "measured"),
    [
        (Limits(rtt_ms=0.9), path()),
        (Limits(loss_percent=2), path(tries=100, lost=2)),
        (Limits(loss_percent=1), path(tries=18, lost=1)),
        (Limits(clock_s=1), path(clock_offset_s=1.05, clock_error_s=0.1)),
        (Limits(clock_s=1), path()),
        (Limits(segment=1448), path()),
        (Limits(rtt_ms=0.1), clean_path("n11", "192.0.2.11")),
        (Limits(loss_percent=0), path(tries=0, lost=0)),
    ],
    ids=[
        "exactly",
        "loss",
        "a single loss",
        "within the error",
        "no clock",
        "segment",
        "no round trip",
        "no tries",
    ],
)
def test_what_keeps_to_its_limits_or_was_not_measured_is_ok(limits, measured):
    assert judged(measured, limits)[0] == "ok"


@pytest.mark.parametrize(
    ("offset", "limits", "verdict"),
    [
        (3600.0, Limits(clock_s=1), "degraded"),
        (-1.5, Limits(clock_s=1), "degraded"),
        (1.0, Limits(clock_s=1), "ok"),
        (3600.0, NO_LIMITS, "ok"),
        (None, Limits(clock_s=1), "ok"),
    ],
)
def test_a_time_server_has_to_keep_to_the_limit_of_clocks(offset, limits, verdict):
    identity = (
        {"status": "identified"} if offset is None else {"status": "identified", "clock_offset_s": offset}
    )
    found, sentence = judge(
        Case(
            source="n11",
            destination="ntp.example.com",
            address="192.0.2.54",
            service="ntp",
            protocol="udp",
            ports="123",
            expected="reachable",
            observed={"ports": "123", "state": "open", "reason": "udp-response", "identity": identity},
            limits=limits,
        )
    )[:2]
    assert found == verdict
    assert verdict == "ok" or f"differ by {abs(offset):.3f} s" in sentence


def idle(**by_seconds):
    """Return what became of idle connections: s60="lived silence" is both of those idle for a minute."""
    return [
        {
            "seconds": int(name[1:]),
            "source_first": both.split()[0],
            "destination_first": both.split()[1],
            **({"after_s": 300.2} if "reset" in both else {}),
        }
        for name, both in by_seconds.items()
    ]


IDLE_LIMITS = Limits(idle=(60, 350))


@pytest.mark.parametrize(
    ("measured", "proven", "verdict"),
    [
        pytest.param(path(idle=idle(s60="lived lived", s350="lived lived")), True, "ok", id="lived"),
        pytest.param(
            path(idle=idle(s60="lived lived", s350="lived silence")), True, "degraded", id="one way"
        ),
        pytest.param(
            path(idle=idle(s60="lived lived", s350="no_reply lived")), True, "degraded", id="no reply"
        ),
        pytest.param(path(idle=idle(s60="lived lived", s350="reset reset")), True, "degraded", id="reset"),
        pytest.param(
            path(idle=idle(s60="silence silence", s350="lived lived")), True, "degraded", id="early"
        ),
        pytest.param(
            path(idle=idle(s60="silence waiting", s350="waiting waiting")), True, "degraded", id="cut"
        ),
        pytest.param(
            path(idle=idle(s60="lived lived", s350="lived waiting")), True, "untested", id="waiting"
        ),
        pytest.param(
            path(idle=idle(s60="lived lived", s350="no_control no_control")), True, "untested", id="no"
        ),
        pytest.param(
            path(idle=idle(s60="lived lived", s350="lived listener_ended")), True, "untested", id="end"
        ),
        pytest.param(path(idle=idle(s60="lived lived")), True, "untested", id="a duration is missing"),
        pytest.param(path(), True, "untested", id="nothing was tried"),
        pytest.param(path(idle=idle(s60="lived lived", s350="lived waiting")), False, "ok", id="of others"),
        pytest.param(path(idle=idle(s350="silence lived")), False, "degraded", id="cut beside services"),
        pytest.param(path(out=HOLE, idle=idle(s350="silence lived")), True, "stalled", id="stalled is worse"),
    ],
)
def test_a_site_says_how_long_connections_may_be_idle(measured, proven, verdict):
    assert judged(measured, IDLE_LIMITS, proven=proven)[0] == verdict


def test_idle_connections_count_only_if_they_are_asked_for():
    measured = path(idle=idle(s60="silence silence", s350="waiting waiting"))
    assert judged(measured, IDLE_LIMITS)[0] == "degraded", "the positive control"
    assert judged(measured, NO_LIMITS)[0] == "ok"
    assert judged(measured, IDLE_LIMITS, protocol="udp")[0] == "ok"


@pytest.mark.parametrize(
    ("checks", "names"),
    [
        (
            idle(s60="lived lived", s350="silence lived"),
            [
                "idle for 350 s no longer works",
                "what client sends never reaches n11",
                "after 60 s they still work",
                "for more than 350 s",
                "net.ipv4.tcp_keepalive_time=60",
            ],
        ),
        (idle(s60="lived lived", s350="lived silence"), ["what n11 sends never reaches client"]),
        (
            idle(s60="lived lived", s350="no_reply lived"),
            ["client sends reaches n11, and the reply vanishes"],
        ),
        (idle(s60="lived lived", s350="lived reset"), ["reset after 300.2 s, and not by the other end"]),
        (idle(s60="silence silence", s350="silence silence"), ["idle for 60 s", "tcp_keepalive_time=30"]),
    ],
    ids=["out", "in", "reply", "reset", "all"],
)
def test_a_cut_names_what_was_seen_and_what_to_set(checks, names):
    assert_names(judged(path(idle=checks), IDLE_LIMITS)[1], names)


def test_an_untried_time_says_why():
    checks = idle(s60="lived lived", s350="no_control no_control")
    assert_names(judged(path(idle=checks), IDLE_LIMITS)[1], ["350 s: a connection in use failed as well"])


def carried(out=500, back=500):
    """Return transfers of so many megabytes a second; a text is the reason why there is none."""
    return {
        name: {"reason": speed}
        if isinstance(speed, str)
        else {"bytes_per_second": speed * 1000000, "bytes": speed * 1500000, "seconds": 1.5}
        for name, speed in (("out", out), ("in", back))
    }


FAST = Limits(throughput_mb_s=100.0, throughput=True)
ASKED = Limits(throughput=True)


@pytest.mark.parametrize(
    ("measured", "limits", "proven", "verdict"),
    [
        pytest.param(path(throughput=carried()), FAST, True, "ok", id="fast"),
        pytest.param(path(throughput=carried(out=100, back=100)), FAST, True, "ok", id="just so fast"),
        pytest.param(path(throughput=carried(out=99)), FAST, True, "degraded", id="slow outwards"),
        pytest.param(path(throughput=carried(back=9)), FAST, True, "degraded", id="slow inwards"),
        pytest.param(
            path(throughput=carried(out="busy", back=9)), FAST, True, "degraded", id="slow and unknown"
        ),
        pytest.param(path(throughput=carried(out="busy")), FAST, True, "untested", id="busy"),
        pytest.param(
            path(throughput=carried(back="cut")), ASKED, True, "untested", id="cut, without a limit"
        ),
        pytest.param(path(throughput=carried(1, 1)), ASKED, True, "ok", id="slow, without a limit"),
        pytest.param(path(), ASKED, True, "untested", id="nothing tried"),
        pytest.param(path(), FAST, False, "ok", id="of others"),
        pytest.param(path(throughput=carried(out=1), out=HOLE), FAST, True, "stalled", id="stalled is worse"),
        pytest.param(path(throughput=carried(1, 1)), NO_LIMITS, True, "ok", id="nobody asked"),
    ],
)
def test_a_site_says_how_much_paths_carry(measured, limits, proven, verdict):
    assert judged(measured, limits, proven=proven)[0] == verdict


@pytest.mark.parametrize(
    ("transfers", "names"),
    [
        (carried(out=9), ["client sends n11 only 9 MB/s in 1.5 s", "the limit is 100 MB/s"]),
        (carried(back=9), ["n11 sends client only 9 MB/s"]),
        (carried(9, 8), ["client sends n11 only 9 MB/s", "n11 sends client only 8 MB/s"]),
    ],
    ids=["out", "in", "both"],
)
def test_a_slow_path_names_speed_limit_and_direction(transfers, names):
    verdict, sentence = judged(path(throughput=transfers), FAST)
    assert_names(sentence, [*names, "throughput_mb_s of exasol_verify_limits", "192.0.2.11"])


def test_a_transfer_that_was_not_made_says_why():
    sentence = judged(path(throughput=carried(out="out_of_time")), ASKED)[1]
    assert_names(sentence, ["how much data the path carries", "total_seconds were over before its turn"])


def test_throughput_says_nothing_of_udp():
    assert judged(path(throughput=carried(1, 1)), FAST)[0] == "degraded", "the positive control"
    assert judged(path(throughput=carried(1, 1)), FAST, protocol="udp")[0] == "ok"


LOSSY = {"tries": 100, "lost": 75}


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        pytest.param(LOSSY, "untested", id="most lost"),
        pytest.param({"tries": 100, "lost": 50}, "blocked", id="half lost"),
        pytest.param({"tries": 15, "lost": 15}, "blocked", id="few tries"),
        pytest.param({}, "blocked", id="nothing lost"),
    ],
)
def test_silence_proves_no_filter_where_most_is_lost(counts, verdict):
    found, sentence = judged(path(**counts), state="filtered")
    assert found == verdict
    assert ("75 of 100" in sentence) == (verdict == "untested")
    assert judged(None, state="filtered")[0] == "blocked"


@pytest.mark.parametrize("counts", [LOSSY, {}], ids=["most lost", "nothing lost"])
def test_silence_proves_no_denial_where_most_is_lost(counts):
    seen = case("filtered", "no-response", expected="denied")._replace(path=path(**counts), control="admin")
    assert judge(seen).verdict == ("untested" if counts else "ok")
    # A capture saw more than chance: it arrived, and no reply left.
    assert judge(seen._replace(stage="destination")).verdict == "ok"


@pytest.mark.parametrize(
    ("again", "lost", "verdict"),
    [(47, 0, "ok"), (48, 0, "degraded"), (91, 1, "degraded"), (91, 2, "ok")],
    ids=str,
)
def test_data_that_is_sent_again_while_handshakes_pass_is_no_chance(again, lost, verdict):
    measured = path(retransmitted=again, lost=lost, tries=16, connections={"tried": 16, "failed_always": 0})
    found, sentence = judged(measured)
    assert found == verdict
    assert ("packets with data" in sentence) == (verdict == "degraded")
    assert judged(measured, protocol="udp")[0] == "ok"
