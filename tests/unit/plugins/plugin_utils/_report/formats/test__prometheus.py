# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gauges as Prometheus' text format has them; another reader's opinion is in tests/consumers."""

from __future__ import annotations

import re

from hypothesis import given

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._prometheus import (
    render,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import VERDICTS
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    IDLE,
    TEXTS,
    THROUGHPUT,
    UNCOVERED,
    measured_path,
    mesh,
    result,
    uncovered,
    verification,
)

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.]+)\Z')


def samples(made, name):
    """Return the labels, as text, and the value of each sample of a metric."""
    found = [SAMPLE.match(line) for line in render(made).split("\n")[:-1] if not line.startswith("#")]
    assert None not in found
    return [(match[2], float(match[3])) for match in found if match[1] == name]


def test_one_gauge_for_each_flow():
    found = samples(verification(mesh(n13="blocked")), "exasol_network_flow_ok")
    assert len(found) == 30
    assert ('source="n11",destination="n12",service="subconnection_in",expected="reachable"', 1) in found
    assert sorted(labels for labels, value in found if not value) == [
        f'source="n{number}",destination="n13",service="subconnection_in",expected="reachable"'
        for number in (11, 12, 14, 15, 16)
    ]


def test_a_flow_whose_ports_differ_is_one_gauge():
    results = [
        result("n11", "n12", ports="20000-20099"),
        result("n11", "n12", "blocked", ports="20100"),
        result("n11", "n12", ports="20101-21000"),
    ]
    assert [value for _labels, value in samples(verification(results), "exasol_network_flow_ok")] == [0]


def test_what_was_not_tested_is_neither_ok_nor_a_failure():
    made = verification(
        [result("n11", "n12", "untested"), result("n11", "n13", "blocked"), result("n11", "n14")]
    )
    ok = dict(samples(made, "exasol_network_flow_ok"))
    assert sorted((labels.split('"')[3], value) for labels, value in ok.items()) == [("n13", 0), ("n14", 1)]
    assert [
        (labels.split('"')[3], labels.split('verdict="')[1], value)
        for labels, value in samples(made, "exasol_network_flow_verdict")
    ] == [("n12", 'untested"', 1), ("n13", 'blocked"', 1)]


def test_a_flow_half_blocked_and_half_untested_is_a_failure():
    made = verification([result("n11", "n12", "untested"), result("n11", "n12", "blocked", ports="1-9")])
    assert [value for _labels, value in samples(made, "exasol_network_flow_ok")] == [0]
    ((labels, _value),) = samples(made, "exasol_network_flow_verdict")
    assert 'verdict="blocked"' in labels


def test_the_cause_of_the_most_severe_part_stands_beside_its_verdict():
    made = verification(
        [
            result("n11", "n12", "untested", cause="udp_silence"),
            result("n11", "n12", "blocked", ports="1-9", cause="silence"),
            result("n11", "n12", "no_listener", ports="10-19", cause="nothing_listens"),
        ]
    )
    ((labels, _value),) = samples(made, "exasol_network_flow_verdict")
    assert labels.endswith('verdict="blocked",cause="silence"')


def test_the_site_is_a_label_of_every_sample():
    made = verification(mesh(), paths=[measured_path("n11", "n12")], site='Berlin "1"')
    lines = [line for line in render(made).splitlines() if not line.startswith("#")]
    assert lines and all('site="Berlin \\"1\\""' in line for line in lines)


def test_when_certificates_end():
    entry = {"service": "sql_client", "ports": "8563", "fingerprint": "AB", "destinations": ["n11", "n12"]}
    made = verification(
        mesh(),
        certificates=[
            {**entry, "not_after": "2026-11-23T05:00:49+00:00"},
            {**entry, "not_after": "2026-11-23T05:00:49Z", "destinations": ["n13"]},
            {**entry, "not_after": "soon"},
            entry,
        ],
    )
    assert samples(made, "exasol_network_certificate_expiry_timestamp_seconds") == [
        (f'destination="{node}",service="sql_client",ports="8563",fingerprint="AB"', 1795410049)
        for node in ("n11", "n12", "n13")
    ]


def test_every_verdict_is_counted():
    found = dict(samples(verification(mesh(n13="blocked")), "exasol_network_flows"))
    assert found == {
        **{f'verdict="{verdict}"': 0 for verdict in VERDICTS},
        'verdict="ok"': 25,
        'verdict="blocked"': 5,
    }


def test_the_time_is_there_to_alert_on_runs_that_do_not_come():
    assert samples(verification([]), "exasol_network_verification_timestamp_seconds") == [(None, 1795410049)]


def test_a_gauge_for_each_row_that_is_not_covered():
    assert samples(verification(mesh(), not_covered=UNCOVERED), "exasol_network_not_covered") == [
        ('service="oracle",need="required",cause="unassigned"', 1),
        ('service="db2",need="required",cause="absent"', 1),
        ('service="mysql",need="required",cause="excluded"', 1),
    ]
    assert samples(verification(mesh()), "exasol_network_not_covered") == []


@given(TEXTS)
def test_no_row_breaks_a_line(text):
    assert (
        len(
            samples(
                verification([], not_covered=[uncovered(service=text, cause=text)]),
                "exasol_network_not_covered",
            )
        )
        == 1
    )


@given(TEXTS)
def test_no_name_breaks_a_line(text):
    assert len(samples(verification([result(text, "n11", service=text)]), "exasol_network_flow_ok")) == 1


def test_what_was_measured_of_paths_is_there_in_units():
    unmeasured = {"state": "unmeasured", "reason": "undecided"}
    paths = [
        measured_path("n11", "n12", lost=25),
        measured_path("n11", "n13", segments={"out": unmeasured}, tries=0),
        {"source": "n12", "destination": "n11", "address": "n11", "tries": 4, "lost": 0},
    ]
    made = verification(mesh(), paths=paths)
    ends = 'source="n11",destination="n12",address="n12"'
    times = dict(samples(made, "exasol_network_path_rtt_seconds"))
    assert times[f'{ends},statistic="median"'] == 0.0005
    assert times[f'{ends},statistic="p95"'] == 0.001
    assert len(times) == 8
    assert samples(made, "exasol_network_path_loss_ratio") == [
        (ends, 0.25),
        ('source="n12",destination="n11",address="n11"', 0.0),
    ]
    assert samples(made, "exasol_network_path_segment_bytes") == [
        (f'{ends},direction="out"', 1448),
        (f'{ends},direction="in"', 1448),
    ]
    assert [value for _labels, value in samples(made, "exasol_network_path_clock_offset_seconds")] == [
        -0.125
    ] * 2


def test_how_long_connections_may_be_idle_are_two_gauges():
    paths = [measured_path("n11", "n12", idle=IDLE), measured_path("n12", "n11", idle=IDLE[:1])]
    lines = render(verification([result("n11", "n12")], paths=paths)).splitlines()
    ends = [
        'source="n11",destination="n12",address="n12"',
        'source="n12",destination="n11",address="n11"',
    ]
    assert [line for line in lines if line.startswith("exasol_network_path_idle_")] == [
        f"exasol_network_path_idle_seconds{{{ends[0]}}} 60",
        f"exasol_network_path_idle_seconds{{{ends[1]}}} 60",
        f"exasol_network_path_idle_cut_seconds{{{ends[0]}}} 350",
    ]


def test_throughput_is_a_gauge_of_bytes_a_second():
    made = verification(
        [result("n11", "n12")],
        paths=[measured_path("n11", "n12", throughput=THROUGHPUT), measured_path("n12", "n11")],
    )
    assert samples(made, "exasol_network_path_throughput_bytes_per_second") == [
        ('source="n11",destination="n12",address="n12",direction="out"', 1172345678)
    ]
