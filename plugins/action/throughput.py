# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The transfers of a host: what the host returns is checked before Ansible acts on it."""

from __future__ import annotations

import typing as t

from ansible.utils.display import Display

from ..plugin_utils._ansible.action import HostAction
from ..plugin_utils._untrusted.host_results import THROUGHPUT

display = Display()


class ActionModule(HostAction):
    """Run the module C(throughput), and say how far the host has come."""

    MODULE = "exasol_community.network.throughput"
    SHAPE = THROUGHPUT

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return what counts of its result."""
        result = super().run(tmp, task_vars)
        transfers = [
            transfer for path in result.get("throughput", ()) for transfer in path["transfers"].values()
        ]
        if transfers:
            done = sum("bytes_per_second" in transfer for transfer in transfers)
            host = (task_vars or {}).get("inventory_hostname", "the host")
            display.display(f"{host}: {done} of {len(transfers)} transfers were measured.")
        return result
