# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where data may come without a declared shape: at the borders to Ansible and to other programs."""

import pathlib
import re

import pytest

PLUGINS = pathlib.Path(__file__).resolve().parents[3] / "plugins"
UNDECLARED = re.compile(r"\b[Dd]ict\[str, (t\.)?Any\]")

# Packages that face Ansible: options, variables and results as it hands them over.
FACE_ANSIBLE = ("action", "filter", "inventory", "modules", "module_utils/_ansible", "plugin_utils/_ansible")
# Files with undeclared data, and whose it is.
BORDERS = {
    "module_utils/_firewall/firewalld_bus": "settings as firewalld returns them",
    "module_utils/_identify/_finding": "NamedTuples on their way to a shape",
    "module_utils/_kernel/machine": "the options of modules",
    "module_utils/_listener/release": "a request to a listener",
    "module_utils/_listener/idle_results": "what a process of any user answers",
    "module_utils/_listener/dialogue": "what a process of any user answers",
    "module_utils/_listener/other_listeners": "what a process of any user answers",
    "module_utils/_listener/server": "requests of a process of any user, and what they become",
    "module_utils/_probe/idle_holder": "requests of a process of any user, and what they become",
    "module_utils/_shapes": "statements of nft",
    "module_utils/_values/packed": "values that were packed, as they were",
    "plugin_utils/_deployments/deployment": "variables of hosts, for Ansible",
    "plugin_utils/_deployments/deployment_json": "a document of another program",
    "plugin_utils/_deployments/variables": "variables of hosts, for Ansible",
    "plugin_utils/_inventory/topology": "the option peers",
    "plugin_utils/_payload/packed_plan": "values that were packed, as they were",
    "plugin_utils/_report/formats/_html": "what the page's template gets",
    "plugin_utils/_report/grouping": "results and paths alike, as groups",
    "plugin_utils/_report/own_template": "what a template of the user gets",
    "plugin_utils/_report/page/data": "what the page's script gets",
    "plugin_utils/_untrusted/host_results": "results of hosts that are not checked yet",
    "plugin_utils/_verdict/records": "results and paths alike, by their fields",
}


def undeclared():
    """Return the files that use a dictionary of anything."""
    return {
        path.relative_to(PLUGINS).as_posix()[:-3]
        for path in PLUGINS.rglob("*.py")
        if UNDECLARED.search(path.read_text(encoding="utf-8"))
    }


def test_only_borders_have_undeclared_data():
    inside = {name for name in undeclared() if not name.startswith(FACE_ANSIBLE)}
    assert inside == set(BORDERS)


@pytest.mark.parametrize("text", ["Dict[str, Any]", "dict[str, t.Any]", "list[dict[str, Any]]"])
def test_undeclared_data_is_found(text):
    assert UNDECLARED.search(text)
    assert not UNDECLARED.search(text.replace("Any", "object"))
