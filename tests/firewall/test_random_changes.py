# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random rule sets of ufw and firewalld, changed while the host is in use: the kernel says who is cut off.

The same as test_cutting.py of the unit tests does with nftables and iptables, in containers that have the two
firewalls with a service. EXANET_SEED draws other rule sets, EXANET_RULE_SETS says how many.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.exasol_community.network.tests.labs.firewalls import random_changes

# A change of firewalld reloads it several times.
RULE_SETS = {"ufw": 6, "firewalld": 4}


@pytest.fixture(scope="module")
def played(firewalls):
    """What was seen of all changes, by firewall."""
    seed = os.environ.get("EXANET_SEED", "4")
    print(f"EXANET_SEED: {seed}")
    counts = {host: os.environ.get("EXANET_RULE_SETS", str(count)) for host, count in RULE_SETS.items()}
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda host: random_changes.play(firewalls.lab, host, seed, counts[host]), counts)
        return dict(zip(counts, found, strict=True))


@pytest.mark.parametrize("host", RULE_SETS)
class TestRandomChanges:
    def test_cut_off_nobody_who_was_not_named_and_leave_nothing_after_a_rollback(self, played, host):
        wrong = [turn for turn in played[host] if turn["problems"] or "error" in turn]
        assert not wrong, "\n".join(json.dumps(turn) for turn in wrong)

    def test_control_changes_were_made_that_cut_some_off_and_left_others_alone(self, played, host):
        made = [turn for turn in played[host] if turn["changed"]]
        assert len(made) > len(played[host]) // 2
        assert [turn for turn in made if turn["lost"] and turn["kept"]]
        assert {turn["provider"] for turn in made} == {host}


def test_control_hosts_had_one_interface_or_two(played):
    assert {turn["several"] for turns in played.values() for turn in turns} == {False, True}
