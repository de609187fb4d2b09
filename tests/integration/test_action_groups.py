# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Action groups: defaults that a user gives once for several modules."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.exasol_community.network.tests.labs.namespaces.namespaces import Machine
from ansible_collections.exasol_community.network.tests.labs.namespaces.playbooks import CHECKOUT, PAIR, play

NETWORK = "exasol_community.network"
GROUPS = yaml.safe_load((CHECKOUT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]


def test_every_module_is_in_the_group_of_all() -> None:
    assert GROUPS["all"] == sorted(file.stem for file in (CHECKOUT / "plugins" / "modules").glob("[a-z]*.py"))


def rows(machine: Machine, directory: Path, **defaults: t.Any) -> tuple[int, str]:
    """Return the number of rows of port_info and the release of the plan, with these play defaults."""
    playbook = directory / "defaults.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": "client",
                    "gather_facts": False,
                    "module_defaults": defaults,
                    "tasks": [
                        {f"{NETWORK}.port_info": {}, "register": "table"},
                        {f"{NETWORK}.plan": {}, "register": "planned"},
                        {
                            "ansible.builtin.copy": {
                                "content": "{{ [table.ports | length, planned.release] | to_json }}",
                                "dest": str(directory / "found.json"),
                                "mode": "0644",
                            }
                        },
                    ],
                }
            ]
        ),
        encoding="utf-8",
    )
    done = play(machine, directory, inventory=PAIR, playbook=str(playbook))
    assert done.code == 0, done.output
    return tuple(json.loads((directory / "found.json").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({}, (32, "8")),
        ({f"group/{NETWORK}.all": {"release": "kb"}}, (18, "kb")),
        ({f"group/{NETWORK}.table": {"release": "7.1"}}, (27, "7.1")),
    ],
    ids=["none", "all", "table"],
)
def test_defaults_of_a_group(
    machine: Machine, tmp_path: Path, defaults: dict[str, t.Any], expected: tuple[int, str]
) -> None:
    assert rows(machine, tmp_path, **defaults) == expected
