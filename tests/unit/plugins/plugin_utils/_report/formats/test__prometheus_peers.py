# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gauges by peer: nothing red is lost, nothing untested is green, and the number of samples does not grow."""

from __future__ import annotations

import collections
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats import (
    _prometheus,
    _prometheus_peers,
)
from ansible_collections.exasol_community.network.tests.unit.plugins.plugin_utils.verifications import (
    IDLE,
    NODES,
    THROUGHPUT,
    UNCOVERED,
    WORDS,
    measured_path,
    mesh,
    result,
    verification,
)

FLOW = 'source="{}",destination="{}",service="{}",expected="reachable"'.format
MESH = FLOW("database_node", "database_node", "subconnection_in")


def samples(made, name, by=_prometheus_peers.render):
    """Return the samples of a metric: labels, as they are written, and values."""
    lines = [
        line.rpartition(" ") for line in by(made).splitlines() if line.startswith((f"{name}{{", f"{name} "))
    ]
    return {labels[len(name) :].strip("{}"): float(value) for labels, _blank, value in lines}


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        pytest.param(["ok", "ok"], 1, id="all-ok-is-ok"),
        pytest.param(["ok", "blocked"], 0, id="one-blocked-is-a-failure"),
        pytest.param(["untested", "blocked"], 0, id="blocked-and-untested-is-a-failure"),
        pytest.param(["ok", "untested"], None, id="tested-in-part-is-not-ok"),
        pytest.param(["untested", "untested"], None, id="untested-has-no-sample"),
    ],
)
def test_a_group_is_judged_by_its_most_severe_verdict(verdicts, expected):
    made = verification([result("n11", f"n1{2 + number}", word) for number, word in enumerate(verdicts)])
    found = samples(made, "exasol_network_flow_ok")
    assert found.get(FLOW("database_node", "database_node", "sql_client")) == expected
    assert len(found) == (expected is not None)


def test_flows_are_counted_by_verdict_and_cause():
    results = mesh(n13="blocked")
    for number, one in enumerate(one for one in results if one["verdict"] == "blocked"):
        one["cause"] = "reset" if number else "silence"
    assert samples(verification(results), "exasol_network_flow_verdict") == {
        f'{MESH},verdict="ok"': 25,
        f'{MESH},verdict="blocked",cause="silence"': 1,
        f'{MESH},verdict="blocked",cause="reset"': 4,
    }


@pytest.mark.parametrize(
    ("peers", "name"),
    [
        pytest.param({"database_node": ["n11"], "any_node": ["n11"]}, "database_node", id="a-node"),
        pytest.param({"any_node": ["n11"]}, "any_node", id="nothing-but-any-node"),
        pytest.param({"client": ["n11"], "admin_network": ["n11"]}, "admin_network+client", id="two-peers"),
        pytest.param({"client": ["n12"]}, "n11", id="a-partner-keeps-its-name"),
    ],
)
def test_a_host_is_called_by_what_it_plays(peers, name):
    made = verification([result("n11", "files")], peers=peers)
    assert samples(made, "exasol_network_flow_ok") == {FLOW(name, "files", "sql_client"): 1}


def test_of_paths_the_worst_one_counts():
    worse = measured_path(
        "n12",
        "n11",
        out=512,
        lost=25,
        rtt_ms={"min": 5.0, "median": 6.0, "p95": 7.0, "max": 8.0},
        clock_offset_s=-2.0,
        idle=IDLE,
        throughput=THROUGHPUT,
    )
    better = measured_path("n11", "n12", clock_offset_s=0.5, idle=IDLE[:1])
    ends = 'source="database_node",destination="database_node"'
    for paths in ([better, worse], [worse, better]):
        made = verification(mesh(), paths=paths)
        assert samples(made, "exasol_network_path_rtt_seconds") == {
            f'{ends},statistic="min"': 0.005,
            f'{ends},statistic="median"': 0.006,
            f'{ends},statistic="p95"': 0.007,
            f'{ends},statistic="max"': 0.008,
        }
        assert samples(made, "exasol_network_path_loss_ratio") == {ends: 0.25}
        assert samples(made, "exasol_network_path_segment_bytes") == {
            f'{ends},direction="out"': 512,
            f'{ends},direction="in"': 1448,
        }
        assert samples(made, "exasol_network_path_clock_offset_seconds") == {ends: -2.0}
        assert samples(made, "exasol_network_path_idle_seconds") == {ends: 60}
        assert samples(made, "exasol_network_path_idle_cut_seconds") == {ends: 350}
        assert samples(made, "exasol_network_path_throughput_bytes_per_second") == {
            f'{ends},direction="out"': 1172345678
        }


def test_what_grows_with_hosts_only_stays_as_it_is():
    entry = {"service": "sql_client", "ports": "8563", "fingerprint": "AB", "destinations": ["n11", "n12"]}
    made = verification(
        mesh(),
        site="Berlin",
        not_covered=UNCOVERED,
        certificates=[{**entry, "not_after": "2026-11-23T05:00:49+00:00"}],
    )
    for name in (
        "certificate_expiry_timestamp_seconds",
        "flows",
        "not_covered",
        "verification_timestamp_seconds",
    ):
        found = samples(made, f"exasol_network_{name}")
        assert found == samples(made, f"exasol_network_{name}", by=_prometheus.render)
        assert found
    assert all('site="Berlin"' in labels for labels in samples(made, "exasol_network_flow_ok"))


def test_64_hosts_have_as_many_samples_as_8():
    def count(hosts):
        nodes = [f"n{number}" for number in range(hosts)]
        paths = [measured_path(*pair) for pair in itertools.permutations(nodes, 2)]
        made = verification(mesh(nodes), peers={"database_node": nodes}, paths=paths)
        return sum(not line.startswith("#") for line in _prometheus_peers.render(made).splitlines())

    assert count(8) == count(64) < 40


@given(st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(sorted(WORDS)))))
def test_every_flow_is_counted_once(drawn):
    flows = {(source, destination): word for source, destination, word in drawn}
    made = verification([result(*ends, word) for ends, word in flows.items()])
    found = collections.Counter()
    for labels, value in samples(made, "exasol_network_flow_verdict").items():
        found[labels.split('verdict="')[1].partition('"')[0]] += value
    assert found == collections.Counter(flows.values())
