# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-playbook with simulated hosts: python simulated_hosts.py TALLY [argument of ansible-playbook ...].

Everything of the controller is real, up to the arguments that a module gets: actions, templates, results and
Ansible's own work for each task. Only the connection and the module on its other end are replaced. The
arguments of each module are counted, as the JSON that Ansible would send. TALLY, a file, gets a line of JSON
for each task.
"""

from __future__ import annotations

import json
import os
import sys
import typing as t

from ansible.plugins.action import ActionBase
from simulation import measured

_TALLY = "SIMULATED_TALLY"


def _flows(given: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    # Not before Ansible has its own finder of collections.
    from ansible_collections.exasol_community.network.plugins.module_utils._values import packed

    share = packed.unpack(given["packed"]) if "packed" in given else given
    found: list[dict[str, t.Any]] = share["flows"]
    return found


def _answer(module: str, given: dict[str, t.Any], source: str) -> dict[str, t.Any]:
    """Return what a module of ours would return on a host without a fault, or what ping returns."""
    if module == "exasol_community.network.probe":
        from ansible_collections.exasol_community.network.plugins.module_utils._values import packed

        found = {**measured(_flows(given), source=source), "summary": {}, "elapsed_s": 1.0, "id": source}
        return packed.shrunk(found, packed.APART) if given.get("pack") else found
    if module == "exasol_community.network.listener" and given["state"] == "present":
        return {"listening": given.get("endpoints", []), "in_use": [], "denied": [], "pid": 1}
    return {"ping": "pong"}


def _execute_module(self: ActionBase, *_arguments: t.Any, **named: t.Any) -> dict[str, t.Any]:
    """Stand in for Ansible's method of that name."""
    module, given = named.get("module_name") or self._task.action, named.get("module_args")
    sent = json.dumps(self._task.args if given is None else given, default=str)
    host, read = named["task_vars"]["inventory_hostname"], json.loads(sent)
    answer = _answer(module, read, host)
    flows = sum(len(flow["destinations"]) for flow in _flows(read)) if module.endswith(".probe") else 0
    with open(os.environ[_TALLY], "a", encoding="utf-8") as tally:
        tally.write(json.dumps({"host": host, "module": module, "bytes": len(sent), "flows": flows}) + "\n")
    origin = {"run": read["run"]} if read.get("run") else {}
    return {"changed": False, **origin, **answer}


def main() -> None:
    """Run ansible-playbook."""
    os.environ[_TALLY] = sys.argv.pop(1)
    ActionBase._execute_module = _execute_module
    from ansible.cli.playbook import main as ansible_playbook

    ansible_playbook(["ansible-playbook", *sys.argv[1:]])


if __name__ == "__main__":
    main()
