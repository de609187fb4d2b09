# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on ports that answered after the timeout."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict import packet_stages
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.case import (
    BUSY,
    Kernels,
    Listener,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.judge import judge

from .test_judge import case

ROUND_TRIP = {"min": 3600.0, "median": 3600.0, "max": 3640.0}
LATE = case("open", "late-answer", rtt_ms=ROUND_TRIP)
OURS = case("open", "late-answer", rtt_ms=ROUND_TRIP, proof="late", answered_by="")


@pytest.mark.parametrize("seen", [LATE, OURS], ids=["service", "our listener"])
def test_the_round_trip_and_the_timeout_to_set_are_named(seen):
    judged = judge(seen)
    assert (judged.verdict, judged.cause) == ("untested", "late_answers")
    assert "only after 3.6 s" in judged.sentence
    assert "exasol_verify_timeout: 8 for client" in judged.sentence
    assert set(judged.actor) == {"this run", "network"}


def test_a_late_answer_to_a_datagram_may_be_that_of_a_slow_service():
    """The kernel accepts a connection, but a datagram is answered by the service."""
    seen = LATE._replace(protocol="udp", service="dns")
    judged = judge(seen)
    assert (judged.verdict, judged.cause) == ("untested", "late_answers")
    assert "the path or dns itself is slow" in judged.sentence
    assert set(judged.actor) == {"this run", "network", "service owner"}
    ours = judge(seen._replace(observed={**seen.observed, "proof": "ours", "answered_by": "n11"}))
    assert "itself" not in ours.sentence
    assert set(ours.actor) == {"this run", "network"}


def test_a_busy_listener_that_answers_a_datagram_late_is_no_slow_path():
    busy = Listener(BUSY, "the listener of n11 answered nothing for 4 s")
    seen = case("open", "late-answer", rtt_ms=ROUND_TRIP, proof="ours", answered_by="n11")
    judged = judge(seen._replace(protocol="udp", listener=busy))
    assert (judged.verdict, judged.cause) == ("untested", "no_own_listener")
    assert busy.why in judged.sentence
    # The kernel accepts connections in its place.
    assert judge(seen._replace(listener=busy)).cause == "late_answers"


def test_neither_captures_nor_kernels_make_a_filter_of_it():
    for seen in (
        OURS._replace(stage=packet_stages.ON_RETURN),
        OURS._replace(stage=packet_stages.RETURNED),
        OURS._replace(kernels=Kernels(is_queue_full=True, conntrack="9 of 9 connections")),
    ):
        assert judge(seen).cause == "late_answers"


def test_a_port_that_could_not_be_waited_for_is_not_filtered():
    judged = judge(case("error", "late-answer"))
    assert (judged.verdict, judged.cause) == ("untested", "late_answers")
    assert "does not prove a filter" in judged.sentence


def test_what_must_not_be_reached_is_exposed_however_late_it_answers():
    assert judge(LATE._replace(expected="denied")).verdict == "exposed"
    # Where our listener waits, it is unknown who accepted.
    assert judge(OURS._replace(expected="denied")).verdict == "untested"
