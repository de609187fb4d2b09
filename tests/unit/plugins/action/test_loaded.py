# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an action loads: Ansible compiles each file of a collection anew in every run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PLUGINS = "ansible_collections.exasol_community.network.plugins"
HEAVY = ("plugin_utils._report", "plugin_utils._verdict", "plugin_utils._change_request")


def heavy_of(plugin: str) -> set[str]:
    """Return which of the large packages a plugin brings along, in a Python of its own."""
    program = f"import sys, {PLUGINS}.{plugin}; print(*sys.modules)"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=paths, capture_output=True, text=True, check=True
    )
    return {name for name in HEAVY if f"{PLUGINS}.{name}" in done.stdout.split()}


# Ansible loads the files of all filters for any of them, in each process that needs one.
@pytest.mark.parametrize(
    "plugin",
    [
        "action.plan",
        "action.firewall",
        "filter.registered",
        "filter.report_changes",
        "filter.report_flows",
        "filter.to_change_request",
        "filter.to_report",
    ],
)
def test_the_role_firewall_loads_nothing_that_judges_or_reports(plugin: str) -> None:
    assert heavy_of(plugin) == set()


def test_the_report_loads_all_of_it() -> None:
    assert heavy_of("action.report") == set(HEAVY)
