# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which results count: those of this run, of hosts that took part, and from the very machine."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._untrusted.origin import Origins
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.task_results import failure
from ansible_collections.exasol_community.network.tests.unit.helpers import assert_names

PLAN = {
    "run": "now",
    "hosts": {
        "n11": {"addresses": ["192.0.2.11", "2001:db8::11"], "probes": [{}], "endpoints": [{}]},
        "client": {"addresses": ["client.example.com"], "probes": [{}], "endpoints": []},
        "n12": {"addresses": ["127.0.0.12"], "probes": [], "endpoints": [{}]},
        "n13": {"addresses": ["127.0.0.13"], "probes": [], "endpoints": [{}]},
    },
}
SKIPPED = {"skipped": True, "changed": False}


def result(*own, run="now", identity="machine"):
    """Return a result of a run and a machine."""
    return {"run": run, "machine": {"identity": identity, "own": list(own)}, "observations": []}


@pytest.mark.parametrize(
    ("host", "given"),
    [
        pytest.param("n11", result("192.0.2.11"), id="one of several addresses"),
        pytest.param("n11", result("192.0.2.11", identity=""), id="a machine without identity"),
        pytest.param("client", result("client.example.com"), id="a name"),
        pytest.param("n12", SKIPPED, id="skipped, for it has nothing to probe"),
        pytest.param("n11", {"run": "now", "observations": []}, id="nobody asked for the machine"),
        pytest.param("stranger", {"observations": []}, id="a host that the plan does not know"),
    ],
)
def test_what_counts_is_left_as_it_is(host, given):
    assert Origins(PLAN).observations({host: given}, {}) == {host: given}


@pytest.mark.parametrize(
    ("host", "given", "fragments"),
    [
        pytest.param("n11", result("192.0.2.11", run="before"), ["another run"], id="an earlier run"),
        pytest.param("n11", {"observations": []}, ["another run", "(run)"], id="no run"),
        pytest.param("n11", SKIPPED, ["left the host out", "when"], id="left out"),
        pytest.param(
            "n11",
            result(),
            ["none of the addresses of n11 (192.0.2.11, 2001:db8::11)", "ansible_host", "exasol_address"],
            id="another machine",
        ),
        pytest.param(
            "n11",
            result("192.0.2.99"),
            ["none of the addresses of n11"],
            id="addresses that nobody asked for",
        ),
        pytest.param(
            "n11",
            {"run": "now", "machine": {"own": "192.0.2.11"}},
            ["none of the addresses"],
            id="a text in place of a list",
        ),
        pytest.param("n11", {"run": "now", "machine": {}}, ["none of the addresses"], id="an empty machine"),
    ],
)
def test_what_does_not_count_has_failed(host, given, fragments):
    found = Origins(PLAN).observations({host: given}, {})[host]
    assert_names(failure(found), fragments)
    assert "observations" not in found


def test_failures_stay_what_they_are():
    for given in (
        {"failed": True, "msg": "no Python", "run": "before"},
        {"unreachable": True, "msg": "lost"},
        None,
    ):
        assert Origins(PLAN).observations({"n11": given}, {}) == {"n11": given}


@pytest.mark.parametrize(("host", "fails"), [("n12", True), ("client", False)])
def test_a_listener_that_was_skipped_was_left_out_only_if_it_had_to_listen(host, fails):
    assert bool(failure(Origins(PLAN).listeners({host: SKIPPED})[host])) is fails


def test_without_a_run_in_the_plan_none_is_asked_for():
    plan = {"hosts": PLAN["hosts"]}
    assert Origins(plan).observations({"n11": {"observations": []}}, {}) == {"n11": {"observations": []}}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param(
            {"n11": result("192.0.2.11"), "client": result("client.example.com")},
            "client, n11",
            id="one machine",
        ),
        pytest.param(
            {"n11": result("192.0.2.11"), "client": result("client.example.com", identity="other")},
            "",
            id="two machines",
        ),
        pytest.param(
            {"n12": result("127.0.0.12"), "n13": result("127.0.0.13")}, "", id="loopback addresses, meant so"
        ),
        pytest.param(
            {"n11": result("192.0.2.11"), "client": result()}, "", id="one of them is elsewhere, and fails"
        ),
        pytest.param(
            {"n11": result("192.0.2.11", identity=""), "client": result("client.example.com", identity="")},
            "",
            id="not known",
        ),
    ],
)
def test_hosts_that_are_one_machine_are_named(given, named):
    origins = Origins(PLAN)
    origins.listeners(given)
    origins.observations(given, {})
    assert [note.partition(" are one machine")[0] for note in origins.notes()] == ([named] if named else [])


LOST = {"unreachable": True, "msg": "no way to n11"}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param(SKIPPED, "", id="not asked: the listener's failure says why"),
        pytest.param(result("192.0.2.11"), "", id="asked nevertheless"),
        pytest.param(result("192.0.2.11", run="before"), "another run", id="asked before"),
        pytest.param(result(), "none of the addresses", id="asked elsewhere"),
    ],
)
def test_a_failed_listener_excuses_only_a_probe_that_was_not_asked(given, reason):
    found = Origins(PLAN).observations({"n11": given}, {"n11": LOST})["n11"]
    assert reason in failure(found) if reason else found is given
