# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action C(simulate): what the probe would return on a host, without a host."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

from ansible.plugins.action import ActionBase

sys.path.append(str(Path(__file__).resolve().parents[2]))

from simulation import measured


class ActionModule(ActionBase):
    """Make observations of a plan."""

    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Return them as the probe does."""
        result = super().run(tmp, task_vars)
        options = self._task.args
        source = (task_vars or {})["inventory_hostname"]
        return dict(
            result,
            changed=False,
            run=options["run"],
            **measured(options["probes"], options["fault"], options["broken"], source),
        )
