# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of addresses of two networks: told only with evidence from both sides, and never made ok."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.mixed_networks import settle
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.verdict import (
    SEVERITY,
    VERDICTS,
)
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

PRIVATE = {"n11": "10.0.0.11", "n12": "10.0.0.12"}
PUBLIC = {"n11": "198.51.100.11", "n12": "198.51.100.12"}
LOST = (
    "blocked",
    "blocked_at_source",
    "blocked_on_path",
    "blocked_at_destination",
    "blocked_on_return",
    "no_route",
)


def hosts(**changes):
    """Return two nodes with a list of two addresses each, and two clients."""
    nodes = {
        name: {
            "peers": ["any_node", "database_node"],
            "addresses": [PRIVATE[name], PUBLIC[name]],
            "external": [],
            "cluster": "",
            **changes,
        }
        for name in PRIVATE
    }
    clients = {
        name: {"peers": ["client"], "addresses": ["203.0.113.21"], "external": [], "cluster": ""}
        for name in ("client", "other")
    }
    return {**nodes, **clients}


def flow(source, destination, address, verdict, ports="8563", expected="reachable"):
    """Return a result."""
    return {
        "source": source,
        "destination": destination,
        "address": address,
        "protocol": "tcp",
        "ports": ports,
        "expected": expected,
        "verdict": verdict,
        "sentence": f"as it was: {verdict}",
    }


def run(inside_public="blocked", outside_private="no_route", inside_private="ok", outside_public="ok"):
    """Return what is seen of n12: from n11 inside, and from a client outside."""
    return [
        flow("n11", "n12", PRIVATE["n12"], inside_private),
        flow("n11", "n12", PUBLIC["n12"], inside_public),
        flow("client", "n12", PRIVATE["n12"], outside_private),
        flow("client", "n12", PUBLIC["n12"], outside_public),
    ]


@pytest.mark.parametrize("inside", LOST)
@pytest.mark.parametrize("outside", LOST)
def test_evidence_from_both_sides_makes_it_untested_and_noted(inside, outside):
    results, notes = settle(run(inside_public=inside, outside_private=outside), hosts())
    assert [result["verdict"] for result in results] == ["ok", "untested", "untested", "ok"]
    for result in results[1:3]:
        assert result["cause"] == "two_networks"
        assert_names(
            result["sentence"],
            ["reach n12 at 10.0.0.12 only", "all others at 198.51.100.12 only", "exasol_external_address"],
        )
    (note,) = notes
    assert_names(
        note,
        [
            "exasol_address has two networks; use exasol_external_address",
            "n12: exasol_address 10.0.0.12, exasol_external_address 198.51.100.12",
        ],
    )
    assert "n11:" not in note


@pytest.mark.parametrize(
    ("results", "changes"),
    [
        pytest.param(run(inside_public="ok", outside_private="ok"), {}, id="all works"),
        pytest.param(run(inside_public="ok"), {}, id="nodes reach both"),
        pytest.param(run(outside_private="ok"), {}, id="clients reach both"),
        pytest.param(run(outside_public="blocked"), {}, id="clients reach neither"),
        pytest.param(run(inside_private="blocked"), {}, id="nodes reach neither"),
        pytest.param(
            run(inside_private="blocked", inside_public="ok"), {}, id="all reach the public one alone"
        ),
        pytest.param(run()[:2], {}, id="nobody outside"),
        pytest.param(run()[2:], {}, id="nobody inside"),
        pytest.param(run(), {"external": ["198.51.100.12"]}, id="the inventory has two networks"),
        pytest.param(run(), {"addresses": ["10.0.0.12"]}, id="one address"),
        pytest.param(run(), {"peers": ["client"]}, id="no nodes"),
        pytest.param(run(inside_public="no_listener"), {}, id="nothing listens"),
        pytest.param(run(outside_private="wrong_host"), {}, id="another host is there"),
        pytest.param(run(inside_public="untested"), {}, id="not measured"),
        pytest.param(run(outside_private="exposed"), {}, id="something passes"),
        pytest.param(
            [*run(), flow("other", "n12", PRIVATE["n12"], "ok")],
            {},
            id="another client reaches the private one",
        ),
        pytest.param(
            [*run(), flow("n11", "n12", PUBLIC["n12"], "ok", ports="2580")], {}, id="another port passes"
        ),
    ],
)
def test_without_evidence_everything_stays(results, changes):
    assert settle(results, hosts(**changes)) == (results, [])


def test_faults_at_the_addresses_that_count_stay():
    faults = [
        flow("n11", "n12", PRIVATE["n12"], "blocked", ports="20386"),
        flow("other", "n12", PUBLIC["n12"], "blocked_on_path"),
        flow("client", "n12", PUBLIC["n12"], "ok", expected="denied"),
        flow("other", "n12", PRIVATE["n12"], "untested", expected="denied"),
        flow("n12", "client", "203.0.113.21", "blocked"),
    ]
    results, notes = settle(run() + faults, hosts())
    assert results[4:] == faults
    assert len(notes) == 1


def test_each_node_needs_its_own_evidence():
    of_n11 = [
        flow("client", "n11", PRIVATE["n11"], "blocked"),
        flow("client", "n11", PUBLIC["n11"], "blocked"),
    ]
    results, notes = settle(run() + of_n11, hosts())
    assert results[4:] == of_n11
    assert "n11:" not in notes[0]


FLOWS = st.builds(
    flow,
    st.sampled_from(["n11", "n12", "client", "other"]),
    st.sampled_from(["n11", "n12"]),
    st.sampled_from([*PRIVATE.values(), *PUBLIC.values()]),
    st.sampled_from(VERDICTS),
    expected=st.sampled_from(["reachable", "denied"]),
)


@given(st.lists(FLOWS, max_size=12))
def test_nothing_ever_becomes_ok_or_is_lost(before):
    after = settle(before, hosts()).results
    assert len(after) == len(before)
    for old, new in zip(before, after, strict=True):
        assert new["verdict"] in (old["verdict"], "untested")
        assert SEVERITY[new["verdict"]] >= SEVERITY[old["verdict"]]
        assert (new["verdict"] == "ok") == (old["verdict"] == "ok")
