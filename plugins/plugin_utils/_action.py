# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place on the controller where our exceptions become a task's failure."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ..module_utils._errors import NetworkError


class ControllerAction(ActionBase):
    """An action that runs on the controller alone: it needs no connection and no file on a host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    OPTIONS: t.ClassVar[dict[str, t.Any]] = {}

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Validate the options and run the action."""
        result = super().run(tmp, task_vars)
        options = self.validate_argument_spec(argument_spec=self.OPTIONS)[1]
        try:
            return dict(result, **{"changed": False, **self.act(options, task_vars or {})})
        except NetworkError as error:
            raise AnsibleActionFail(str(error)) from error

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the result of the action."""
        raise NotImplementedError
