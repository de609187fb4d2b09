# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook C(open) on a packet filter that drops: what is changed and confirmed, kept, and taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Namespace, run
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    DROPS,
    OWN_STATE,
    PAIR,
    Done,
    play,
)

CHANGED, UNCHANGED = "changed=1 ", "changed=0 "


def ruleset(namespace: Namespace) -> str:
    """Return the packet filter, as the kernel has it."""
    with namespace.inside():
        return run("nft", "list", "ruleset")


def opened(namespace: Namespace, directory: Path, state: str = "present") -> Done:
    """Run the playbook on one host, and return the run, which nobody may have been warned in."""
    done = play(
        namespace,
        directory,
        "--limit",
        "n12",
        inventory=PAIR,
        playbook="playbooks/open.yml",
        before=OWN_STATE,
        variables={
            "exasol_firewall_enabled": True,
            "exasol_firewall_provider": "nftables",
            "exasol_firewall_persist": False,
            "exasol_firewall_state": state,
        },
    )
    assert done.code == 0, done.output
    assert done.warnings == [], done.output
    return done


@pytest.mark.versions
def test_open_confirms_its_change_and_takes_it_back(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft(DROPS)
    before = ruleset(namespace)
    assert CHANGED in opened(namespace, tmp_path).output
    after = ruleset(namespace)
    assert "ip saddr 127.0.0.21 tcp dport { 2580, 8563 }" in after
    assert "jump exasol_network_in" in after
    assert UNCHANGED in opened(namespace, tmp_path).output
    assert ruleset(namespace) == after
    assert CHANGED in opened(namespace, tmp_path, "absent").output
    assert ruleset(namespace) == before
