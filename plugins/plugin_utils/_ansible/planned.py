# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions that take a host's part of a plan from a variable, without templates, and send it packed.

A template copies the whole plan for each host and task: ansible-core 2.18 and older template a variable with
all that it holds, newer ones what the template returns. At 1000 hosts, the plan is tens of megabytes.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail, AnsibleActionSkip

from ...module_utils._ansible.planned import pack
from ...module_utils._values.errors import NetworkError
from .action import HostAction

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, PlannedRun

_READABLE = 4096  # bytes of JSON; so little is sent as it is, and can be read with -vvv
_PLAN = "plan_in"


class PlannedAction(HostAction):
    """An action around a module, which may take options of its host from a plan in a variable."""

    def arguments(self, given: dict[str, t.Any], variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the options for the module; those that are given count, the plan has the others."""
        name = given.pop(_PLAN, None)
        if not name:
            return given
        try:
            plan: PlannedRun = self.variable(_PLAN, name, "hosts", variables)
            host = variables["inventory_hostname"]
            if host not in plan["hosts"]:
                raise NetworkError(f"{_PLAN}: the plan in variable {name!r} has no host {host!r}")
            share = self.share(plan["hosts"][host], given, variables)
        except NetworkError as error:
            raise AnsibleActionFail(str(error)) from error
        if share is None:
            raise AnsibleActionSkip(f"the plan has nothing for {host} to do here")
        share = {option: value for option, value in share.items() if option not in given}
        given.setdefault("run", plan.get("run", ""))
        if len(json.dumps(share)) <= _READABLE:
            return {**given, **share}
        return {**given, "packed": pack(share)}

    def share(
        self, host: HostPlan, given: dict[str, t.Any], variables: Mapping[str, t.Any]
    ) -> dict[str, t.Any] | None:
        """Return the options of a host, or None if it has nothing to do."""
        raise NotImplementedError

    def variable(self, option: str, name: str, key: str, variables: Mapping[str, t.Any]) -> t.Any:
        """Return the dictionary in a variable that an option names; with a key, that it must have."""
        value = variables.get(name)
        if isinstance(value, str):  # a variable that is a template itself
            value = self._templar.template(value)
        if not isinstance(value, Mapping) or (key and key not in value):
            raise NetworkError(
                f"{option}: variable {name!r} holds no {'plan' if key else 'dictionary'}: expected the name "
                f"of a variable that a task before this one has registered or set"
            )
        return value
