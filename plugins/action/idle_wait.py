# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wait for idle connections: on the controller, once for all hosts, with its progress."""

from __future__ import annotations

import time
import typing as t

from ansible.utils.display import Display

from ..plugin_utils._ansible.action import ControllerAction
from ..plugin_utils._text.durations import progress, steps

display = Display()


class ActionModule(ControllerAction):
    """Wait, and say from time to time how long it will take."""

    OPTIONS: t.ClassVar[dict[str, t.Any]] = {
        "seconds": {"type": "float", "required": True},
        "durations": {"type": "list", "elements": "int", "required": True},
    }

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return when it began, and how long it waited."""
        since, begun = time.time(), time.monotonic()
        for step in steps(options["seconds"], options["durations"]):
            time.sleep(max(0.0, begun + step.at - time.monotonic()))
            display.display(progress(step))
        return {"begun": since, "waited": round(time.monotonic() - begun, 1)}
