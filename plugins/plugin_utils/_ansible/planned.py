# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that take a host's part of a plan from a variable, without templates, and send it packed.

A template copies the whole plan for each host and task: ansible-core 2.18 and older template a variable with
all that it holds, newer ones what the template returns. At 1000 hosts, the plan is tens of megabytes. So a
task of a host has no condition about the plan either: this action skips it if nothing is planned.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail, AnsibleActionSkip

from ...module_utils._values.errors import NetworkError
from ...module_utils._values.packed import shrunk
from .._payload.packed_plan import host_part
from .action import HostAction
from .variables import dictionary_in, is_over, options_in

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, PlannedRun

_PLAN = "plan_in"
_OPTIONS = "options_in"


class PlannedAction(HostAction):
    """An action around a module, which may take options of its host from a plan in a variable."""

    def arguments(self, given: dict[str, t.Any], variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the options for the module; those that are given count, the plan has the others."""
        names = given.pop(_OPTIONS, None) or {}
        name = given.pop(_PLAN, None)
        if name and (reason := _without_plan(variables.get(name))):
            raise AnsibleActionSkip(reason)
        given = self.prepared({**options_in(variables, names, self._templar), **given})
        if not name:
            return given
        try:
            plan: PlannedRun = self.variable(_PLAN, name, "hosts", variables)
            host = variables["inventory_hostname"]
            if host not in plan["hosts"]:
                raise NetworkError(f"{_PLAN}: the plan in variable {name!r} has no host {host!r}")
            share = self.share(host_part(plan, host), given, variables)
        except NetworkError as error:
            raise AnsibleActionFail(str(error)) from error
        if share is None:
            raise AnsibleActionSkip(f"the plan has nothing for {host} to do here")
        share = {option: value for option, value in share.items() if option not in given}
        given.setdefault("run", plan.get("run", ""))
        return {**given, **shrunk(share)}

    def prepared(self, given: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the options that the task has, in the form that the module gets."""
        return given

    def share(
        self, host: HostPlan, given: dict[str, t.Any], variables: Mapping[str, t.Any]
    ) -> dict[str, t.Any] | None:
        """Return the options of a host, or None if it has nothing to do."""
        raise NotImplementedError

    def variable(self, option: str, name: str, key: str, variables: Mapping[str, t.Any]) -> t.Any:
        """Return the dictionary in a variable that an option names; with a key, that it must have."""
        return dictionary_in(variables, name, self._templar, option, key)


def _without_plan(plan: t.Any) -> str:
    """Return why a variable with a plan leaves nothing to do, whatever the host."""
    if is_over(plan):
        return "nothing was planned for this task"
    in_check_mode = isinstance(plan, Mapping) and plan.get("check_mode")
    return "in check mode, nothing is measured" if in_check_mode else ""
