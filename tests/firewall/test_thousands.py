# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""5,000 rules on ufw and firewalld; nftables and iptables have theirs in tests/unit, in namespaces.

ufw is rolled back to as many, whose text is what its rollback needs. firewalld is rolled back from as many:
it loads them for longer than rollback_after, and the rollback must come neither in the middle of the change
nor never.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls.changes import (
    await_rollbacks,
    die_before_confirming,
    let_timers_go,
)

_MANY = 5000
_HOSTS = ("ufw", "firewalld")
_PATIENCE_SECONDS = 400  # firewalld takes most of a minute for them, and several where others are at work
_COUNT = {
    "ufw": "iptables -S ufw-user-input | grep -c ' -s 198[.]18[.]' || true",
    "firewalld": "nft list ruleset | grep -c 'ip saddr 198[.]18[.]' || true",
}


def peers(lines_for_each):
    """Return clients for as many rules; RFC 2544, and every second address, so that none is joined."""
    numbers = range(_MANY // lines_for_each)
    return {
        "oracle": ["partner"],
        "client": [f"198.18.{number >> 7}.{(number & 127) * 2}" for number in numbers],
    }


def to_many(firewalls, folder):
    """Change ufw from many rules to few, and let it roll back."""
    host = "ufw"
    answer = firewalls.play([host], exasol_peers=peers(1))[host]
    found = {"answer": answer, "before": firewalls.views([host])[host]}
    die_before_confirming(firewalls, folder, [host])
    found["changed"] = int(firewalls.lab.execute(host, _COUNT[host]))
    let_timers_go(firewalls, [host])
    await_rollbacks(firewalls, [host], _PATIENCE_SECONDS)
    return dict(
        found, count=int(firewalls.lab.execute(host, _COUNT[host])), after=firewalls.views([host])[host]
    )


def from_many(firewalls, folder):
    """Change firewalld from none of our rules to many, each network with two ports, and let it roll back."""
    host = "firewalld"
    found = {"before": firewalls.views([host])[host]}
    die_before_confirming(firewalls, folder, [host], _PATIENCE_SECONDS, exasol_peers=peers(2))
    found["changed"] = int(firewalls.lab.execute(host, _COUNT[host]))
    let_timers_go(firewalls, [host])
    await_rollbacks(firewalls, [host], _PATIENCE_SECONDS)
    return dict(
        found, count=int(firewalls.lab.execute(host, _COUNT[host])), after=firewalls.views([host])[host]
    )


@pytest.fixture(scope="module")
def thousands(firewalls, tmp_path_factory):
    firewalls.reset(_HOSTS)
    with ThreadPoolExecutor(len(_HOSTS)) as pool:
        jobs = {
            host: pool.submit(job, firewalls, tmp_path_factory.mktemp(host))
            for host, job in (("ufw", to_many), ("firewalld", from_many))
        }
    found = {host: job.result() for host, job in jobs.items()}
    firewalls.play(_HOSTS, state="absent")
    return found


def test_ufw_is_rolled_back_to_thousands_of_rules(thousands):
    found = thousands["ufw"]
    assert found["answer"].result["confirmed"]
    # The control: none of them was left.
    assert found["changed"] == 0
    assert found["count"] == _MANY
    assert (found["after"].text, found["after"].etc) == (found["before"].text, found["before"].etc)


def test_firewalld_is_rolled_back_from_thousands_of_rules_once_all_of_them_were_loaded(thousands):
    found = thousands["firewalld"]
    assert found["changed"] == _MANY
    assert found["count"] == 0
    assert (found["after"].text, found["after"].etc) == (found["before"].text, found["before"].etc)
