# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The example of modules in a chain, from the documentation of the module plan, runs as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.plugins.modules import plan
from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine, Namespace
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import (
    CHECKOUT,
    Done,
    idle,
    play,
)

pytestmark = pytest.mark.versions
LOOPBACK = CHECKOUT / "inventory" / "loopback.yml"


def run_chain(machine: Machine, directory: Path) -> Done:
    """Run the only example that is a whole play, with the ports of the loopback site."""
    (chain,) = [entry for entry in yaml.safe_load(plan.EXAMPLES) if "hosts" in entry]
    site = yaml.safe_load(LOOPBACK.read_text(encoding="utf-8"))["all"]["vars"]
    module = "exasol_community.network.plan"
    (planning,) = [task for task in chain["tasks"] if module in task]
    planning[module] = {"overrides": site["exasol_overrides"]}
    playbook = directory / "chain.yml"
    playbook.write_text(yaml.safe_dump([chain], sort_keys=False), encoding="utf-8")
    return play(machine, directory, playbook=str(playbook), inventory=LOOPBACK)


def test_the_chain_is_green(machine: Machine, tmp_path: Path) -> None:
    done = run_chain(machine, tmp_path)
    assert done.code == 0, done.output
    assert done.verdicts() == {"ok"}
    assert len(done.report["results"]) == 72
    assert idle(machine)


def test_the_chain_is_red_where_a_port_is_filtered(namespace: Namespace, tmp_path: Path) -> None:
    namespace.nft("table inet t { chain c { type filter hook input priority 0; tcp dport 8563 drop; }; }")
    done = run_chain(namespace, tmp_path)
    assert done.code == 2, done.output
    assert {one["service"] for one in done.report["results"] if one["verdict"] != "ok"} == {"sql_client"}
