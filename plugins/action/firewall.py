# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change a host's firewall, then prove over a new connection that the host can still be reached."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ..plugin_utils._action import RemoteAction

display = Display()

_MODULE = "exasol_community.network.firewall"
_GRACE_SECONDS = 15  # for the timer's own work, and for the host to be reached again


class ActionModule(RemoteAction):
    """Run the module and confirm what it changed."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; a change that awaits confirmation is confirmed or reported as taken back."""
        result = super().run(tmp, task_vars)
        self._check_host(task_vars or {})
        result.update(self._execute_module(module_name=_MODULE, task_vars=task_vars))
        identity = result.pop("pending", "")
        if result.get("rolled_back"):
            display.warning(f"an earlier change of the firewall was taken back by the host at {result['rolled_back']}, because nobody confirmed it")
        if identity:
            self._settle(result, identity, task_vars)
        return result

    def _check_host(self, variables: dict[str, t.Any]) -> None:
        host, to = self._task.args.get("host"), self._task.delegate_to
        if not host:
            return
        runs_on = to or variables["inventory_hostname"]
        if runs_on != host:
            raise AnsibleActionFail(f"the rules of {host!r} would come to {runs_on!r}{' (delegate_to)' if to else ''}: let each host run the role itself, "
                                    f"without delegate_to; or give the module the host, its rules and delegate_to: {host}")
        hosts = variables.get("ansible_play_batch", ())
        if self._task.run_once and not to and len(hosts) > 1:
            raise AnsibleActionFail(f"run_once changes the firewall of {host!r} alone, 1 of {len(hosts)} hosts: remove run_once; "
                                    "--limit chooses a part of the hosts")

    def _settle(self, result: dict[str, t.Any], identity: str, task_vars: dict[str, t.Any] | None) -> None:
        seconds = int(self._task.args.get("rollback_after", 30))
        answer = self._confirm(identity, time.monotonic() + seconds + _GRACE_SECONDS, task_vars)
        result["confirmed"] = bool(answer.get("confirmed"))
        if result["confirmed"]:
            return
        why = answer.get("msg") or "no new connection came through in time"
        result.update(failed=True, changed=False, msg=f"the change was not confirmed ({why}): the host restores its old rules {seconds} s after the change")

    def _leave(self) -> None:
        """Close the connection: an established one passes most rule sets, and only a new one proves anything."""
        # Connections that never cross a network (a container's, for example) have nothing to close, and Ansible would warn of that.
        if type(self._connection).reset is not ConnectionBase.reset:
            self._connection.reset()

    def _confirm(self, identity: str, deadline: float, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        answer: dict[str, t.Any] = {}
        while time.monotonic() < deadline:
            try:
                self._leave()
                answer = self._execute_module(module_name=_MODULE, module_args={"confirm": identity}, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                answer = {"msg": str(error)}
            if "confirmed" in answer:
                return answer
            time.sleep(1)
        return answer
