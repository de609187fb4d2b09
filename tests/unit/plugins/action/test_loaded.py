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


def heavy_of(action: str) -> set[str]:
    """Return which of the large packages an action brings along, in a Python of its own."""
    program = f"import sys, {PLUGINS}.action.{action}; print(*sys.modules)"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=paths, capture_output=True, text=True, check=True
    )
    return {name for name in HEAVY if f"{PLUGINS}.{name}" in done.stdout.split()}


@pytest.mark.parametrize("action", ["plan", "firewall"])
def test_the_role_firewall_loads_nothing_that_judges_or_reports(action: str) -> None:
    assert heavy_of(action) == set()


def test_the_report_loads_all_of_it() -> None:
    assert heavy_of("report") == set(HEAVY)
