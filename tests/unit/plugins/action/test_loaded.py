# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an action loads, and who loads it: Ansible's own loader compiles each file in every run."""

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


def loaders(plugin: str) -> dict[str, str]:
    """Return who has loaded which file of ours, in a Python in which Ansible loads the plugin."""
    program = f"""
import sys
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader()
assert action_loader.get("exasol_community.network.{plugin}", class_only=True)
for name, module in sorted(sys.modules.items()):
    if name.startswith("{PLUGINS}.") and getattr(module, "__file__", "").endswith(".py"):
        print(name, type(module.__spec__.loader).__name__)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.parametrize("plugin", ["plan", "firewall", "report"])
def test_python_keeps_what_it_compiles_of_our_files(plugin: str) -> None:
    """Ansible's own loader would compile each of them in every run."""
    found = loaders(plugin)
    assert len(found) > 10
    first = {
        f"{PLUGINS}.plugin_utils",
        f"{PLUGINS}.plugin_utils._ansible",
        f"{PLUGINS}.plugin_utils._ansible.compiled",
    }
    assert {name for name, loader in found.items() if loader != "SourceFileLoader"} <= first
