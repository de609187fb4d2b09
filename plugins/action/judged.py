# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end of a verification: it fails unless the run was planned and judged, whatever skipped tasks."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._ansible.variables import is_over
from ..plugin_utils._inventory.play_checks import check_judged, is_selected

_AROUND = ("Block", "TaskInclude", "IncludeRole")


class ActionModule(ControllerAction):
    """Compare the run of the plan with the run of the verdicts."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "plan_in": {"type": "str", "required": True},
        "verification_in": {"type": "str", "required": True},
    }

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the run, which is over."""
        planned, judged = (_run_in(variables.get(options[name])) for name in ("plan_in", "verification_in"))
        if not planned and self._left_out(variables):
            # An earlier verification of this playbook stays the latest.
            return {"skipped": True, "ended": True, "run": judged}
        hosts = variables.get("ansible_play_hosts_all") or [variables.get("inventory_hostname", "")]
        check_judged(planned, planned if self._task.check_mode else judged, hosts[0])
        return {"run": planned, "ended": True}

    def _left_out(self, variables: Mapping[str, t.Any]) -> bool:
        """Tell whether the user chose tags that skip the whole role except this task, which always runs."""
        # With include_role, tags that skip the role would skip this task too: a role that is included has to
        # do its work.
        return not self._included() and not is_selected(
            self._tags_around(),
            variables.get("ansible_run_tags", ["all"]),
            variables.get("ansible_skip_tags", []),
        )

    def _tags_around(self) -> list[str]:
        # Ansible has no public way to the tags around a task; without tags, this returns its sentinel.
        found = self._task._parent._get_parent_attribute("tags")
        tags = self._templar.template(found) if isinstance(found, list) else []
        return [tag.strip() for text in tags for tag in str(text).split(",")]

    def _included(self) -> bool:
        around = self._task._parent
        while type(around).__name__ in _AROUND:
            if type(around).__name__ == "IncludeRole":
                return not around.statically_loaded
            around = around._parent
        return False


def _run_in(result: t.Any) -> str:
    """Return the run of a plan or of verdicts; empty if they were skipped, or if the run is over."""
    return "" if not isinstance(result, Mapping) or is_over(result) else str(result.get("run") or "")
