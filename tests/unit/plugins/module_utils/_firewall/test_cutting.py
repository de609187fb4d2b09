# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""100 random rule sets of others, changed while the host is in use: the kernel says who is cut off.

Nobody is who was not named, nobody is named who is not. No change locks the controller out: what would is
refused, and does so if it is made all the same. If somebody else locks it out, that lasts until the timer fires.
After each rollback the rule set is the same to the letter, and everybody passes again.
EXANET_SEED draws other rule sets.
"""

import json
import os

import pytest

from ansible_collections.exasol_community.network.tests.unit.plugins.module_utils._firewall.test_namespaces import (
    IPTABLES,
    NFT,
    inside_python,
)

RULE_SETS, PARTS = 100, 2  # the parts may run at the same time
PROVIDERS = ("nftables", "iptables")


@NFT
@IPTABLES
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it makes sockets in two network namespaces")
@pytest.mark.parametrize("part", range(PARTS))
def test_random_changes_of_random_rule_sets_cut_off_nobody_who_was_not_named(part, tmp_path):
    seed = f"{os.environ.get('EXANET_SEED', '18')}.{part}"
    print(f"EXANET_SEED, and the part: {seed}")
    printed = inside_python("cutting.py", seed, RULE_SETS // PARTS, tmp_path, *PROVIDERS, seconds=900)
    turns = [json.loads(line) for line in printed.splitlines()]
    assert len(turns) == RULE_SETS // PARTS
    assert [turn for turn in turns if turn["problems"] or "error" in turn] == []
    # The controls: changes were made, they cut some off and left others alone, and locked the controller out.
    made = [turn for turn in turns if turn["changed"]]
    assert len(made) > len(turns) * 3 // 4
    assert len([turn for turn in made if turn["lost"] and turn["kept"]]) > len(turns) // 4
    assert len([turn for turn in made if turn["locked"]]) > len(turns) // 4
    assert {turn["provider"] for turn in made} == set(PROVIDERS)
    assert {turn["several"] for turn in made} == {turn["binds_to_any"] for turn in made} == {False, True}
    assert any(turn["older"] for turn in made if "older" in turn)
    assert {turn["provider"] for turn in made if turn.get("by_hand", ["", 1])[1] == 0} == set(PROVIDERS)
