# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter C(registered)."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.filter.registered import FilterModule
from ansible_collections.exasol_community.network.plugins.plugin_utils._verdict.task_results import failure

HOSTVARS = {
    "n11": {"probe": {"changed": False, "observations": [1]}},
    "n12": {"probe": {"changed": False, "skipped": True}},
    "n13": {},
    "n14": {"probe": {"failed": True, "msg": "broken"}},
}


@pytest.fixture
def registered():
    """Return the filter as Ansible finds it."""
    return FilterModule().filters()["registered"]


def test_each_host_has_what_it_registered(registered):
    assert registered(["n11", "n12"], HOSTVARS, "probe") == {
        "n11": HOSTVARS["n11"]["probe"],
        "n12": HOSTVARS["n12"]["probe"],
    }


def test_a_host_that_registered_nothing_counts_as_failed(registered):
    found = registered(HOSTVARS, HOSTVARS, "probe")
    assert sorted(found) == sorted(HOSTVARS)
    assert [bool(failure(found[name])) for name in ("n11", "n13", "n14")] == [False, True, True]


def test_hosts_that_were_not_asked_for_are_left_out(registered):
    assert list(registered(["n12"], HOSTVARS, "probe")) == ["n12"]
    assert registered([], HOSTVARS, "probe") == {}


def test_a_field_is_taken_from_those_who_have_it(registered):
    assert registered(HOSTVARS, HOSTVARS, "probe", "observations") == {"n11": [1]}
    assert registered(HOSTVARS, HOSTVARS, "probe", "listening") == {}


RUNS = {
    "n11": {"probe": {"changed": False, "run": "now", "listening": [1]}},
    "n12": {"probe": {"changed": False, "run": "before", "listening": [2]}},
    "n13": {"probe": {"changed": False, "skipped": True}},
    "n14": {"probe": {"failed": True, "msg": "broken"}},
    "n15": {"probe": {"changed": False, "listening": [5]}},
}


def test_what_belongs_to_another_run_was_registered_before(registered):
    found = registered(RUNS, RUNS, "probe", run="now")
    assert [host for host in RUNS if found[host] is not RUNS[host]["probe"]] == ["n12", "n15"]
    assert failure(found["n12"]) == failure(registered(["n9"], {"n9": {}}, "probe")["n9"])
    assert registered(RUNS, RUNS, "probe", "listening", "now") == {"n11": [1]}
    assert registered(RUNS, RUNS, "probe", "listening") == {"n11": [1], "n12": [2], "n15": [5]}, "the control"
