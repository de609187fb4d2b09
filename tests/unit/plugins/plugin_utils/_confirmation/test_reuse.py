# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a measurement after a change takes the place of a verification, and what a digest depends on."""

from __future__ import annotations

import pytest

from ansible_collections.exasol_community.network.plugins.plugin_utils._confirmation.reuse import (
    MAX_AGE_SECONDS,
    age_of,
    digest_of,
    why_measure_again,
)
from ansible_collections.exasol_community.network.plugins.plugin_utils._inventory.site_variables import (
    NOTHING,
)

HOSTS = ["n11", "n12", "client"]
CREATED, NOW = "2026-11-30T18:00:00+00:00", 1796061600.0
UPTIME = 50.0
KEPT = {
    "run": "one",
    "created": CREATED,
    "monotonic": UPTIME,
    "plan": "planned",
    "hosts": HOSTS,
    "digest": "same",
}
OTHER = {**KEPT, "run": "two", "plan": "later", "hosts": ["n12"]}


def everywhere(value):
    """Return a value that each host has."""
    return {host: value for host in HOSTS}  # noqa: C420  # Ruff suspects dict.fromkeys with mutable values


def why(kept=None, plans=None, hosts=HOSTS, active=HOSTS, digest="same", now=NOW, monotonic=UPTIME):
    """Return why to measure again; without arguments, nothing speaks for it."""
    kept = {**everywhere(KEPT), **(kept or {})}
    plans = {**everywhere("planned"), **(plans or {})}
    return why_measure_again(kept, plans, hosts, active, digest, age_of(kept, hosts, now, monotonic))


def test_the_same_is_not_measured_again():
    assert why() == ""
    assert why(hosts=HOSTS[::-1]) == ""
    assert why(now=NOW + MAX_AGE_SECONDS) == why(monotonic=UPTIME + MAX_AGE_SECONDS) == ""
    assert why(kept=everywhere({**KEPT, "monotonic": str(UPTIME)})) == "", "templates return text"
    assert why(kept=everywhere({**KEPT, "created": "2026-11-30T19:00:00+01:00"})) == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kept": {"n12": OTHER}}, "n12 had no part in the measurement of n11, n12 and client"),
        ({"kept": {"n12": {}}}, "n12 had no part"),
        ({"kept": {"n11": OTHER}}, "n12 and client had no part in the measurement of n12"),
        ({"hosts": [*HOSTS, "n13"]}, "n13 had no part"),
        ({"hosts": ["n11", "client"]}, "that measurement has n12 too"),
        ({"plans": {"n12": "later"}}, "the role firewall ran on n12 after"),
        ({"plans": {"n12": None}}, "the role firewall ran on n12 after"),
        ({"active": ["n11", "n12"]}, "client failed before this verification"),
        ({"digest": "another"}, "the plan or the variables of the role verify differ"),
        ({"digest": ""}, "with exasol_ftp_user"),
        ({"kept": everywhere({**KEPT, "plan": ""})}, "after the rules were removed"),
        ({"kept": everywhere({})}, "no change was measured"),
        ({"kept": everywhere({**KEPT, "run": ""})}, "another run changed a firewall"),
        ({"now": NOW + MAX_AGE_SECONDS + 1}, "that was 901 s ago, and it counts for 900 s"),
        ({"now": NOW + 86400}, "that was 86400 s ago"),
        ({"monotonic": UPTIME + MAX_AGE_SECONDS + 1}, "that was 901 s ago"),
        ({"kept": everywhere({**KEPT, "monotonic": None})}, "it is not known when that was"),
        ({"now": NOW - 2}, "the clock of the controller was set back"),
        ({"kept": everywhere({**KEPT, "created": None})}, "it is not known when that was"),
        ({"kept": everywhere({**KEPT, "created": "yesterday"})}, "it is not known when that was"),
        ({"kept": everywhere({**KEPT, "created": ""})}, "it is not known when that was"),
        ({"kept": everywhere({key: KEPT[key] for key in KEPT if key != "created"})}, "it is not known"),
    ],
    ids=[
        "batches",
        "host-that-was-rolled-back",
        "first-host-of-another-batch",
        "host-outside-of-the-change",
        "fewer-hosts",
        "later-change",
        "later-plan-that-failed",
        "failed-host",
        "another-plan",
        "login",
        "removal",
        "nothing",
        "change-of-another-run",
        "too-old",
        "of-yesterday",
        "too-old-but-the-clock-was-set-back",
        "of-an-unknown-clock",
        "of-the-future",
        "no-date",
        "no-such-date",
        "empty-date",
        "date-left-out",
    ],
)
def test_every_difference_means_to_measure_again(given, said):
    assert said in why(**given)


PLAN = {"release": "8", "hosts": {"n11": {"probes": []}}, "notes": ["a group is misspelt"]}


def digest(plan=PLAN, hosts=("n11", "n12"), **values):
    """Return the digest of a plan; values are those of n12."""
    return digest_of(plan, hosts, lambda host, name: values.get(name, NOTHING) if host == "n12" else NOTHING)


@pytest.mark.parametrize(
    "same",
    [
        digest(),
        digest(hosts=("n12", "n11")),
        digest({**PLAN, "notes": []}),
        digest(exasol_verify_fail=False),
        digest(exasol_firewall_restrict=True),
        digest(exasol_report_formats=["json"]),
    ],
)
def test_what_decides_nothing_leaves_a_digest_as_it_is(same):
    assert same == digest() != ""


@pytest.mark.parametrize(
    "other",
    [
        digest(hosts=("n11",)),
        digest({**PLAN, "hosts": {"n11": {"probes": ["one"]}}}),
        digest(exasol_verify_timeout=1),
        digest(exasol_verify_source_address=["192.0.2.1"]),
        digest(exasol_verify_limits={"loss_percent": 1}),
        digest(exasol_verify_listeners=False),
        digest(exasol_ftp_tls=True),
    ],
)
def test_what_decides_changes_a_digest(other):
    assert other != digest() and other


def test_no_digest_is_made_of_a_password():
    assert digest(exasol_ftp_user="loader", exasol_ftp_password="secret") == ""
