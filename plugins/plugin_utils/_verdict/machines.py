# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts are different machines, as their tasks said."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._kernel.own_addresses import is_loopback

if t.TYPE_CHECKING:
    from ...module_utils._shapes import TaskResult


class Machines:
    """The machine of each host whose task named it (module_utils _kernel/machine.py)."""

    def __init__(self, addresses: Iterable[str], *results: Mapping[str, TaskResult | None]):
        """Make it for the addresses of all hosts, and what their tasks returned."""
        # Names that lead to a loopback address are not resolved (module_utils _probe/reached_itself.py).
        self._loopback = frozenset(filter(is_loopback, addresses))
        self._of: dict[str, str] = {}
        for by_host in results:
            for host, result in by_host.items():
                machine = (result or {}).get("machine")
                if isinstance(machine, Mapping) and machine.get("identity"):
                    self._of.setdefault(host, str(machine["identity"]))

    def leads_back(self, source: str, destination: str, address: str) -> bool:
        """Tell whether a source that uses an address of another machine reaches itself.

        Several hosts of one machine may have a loopback address each. Where it is not known that they are
        different machines, the address counts as it is.
        """
        if address not in self._loopback:
            return False
        one, other = self._of.get(source), self._of.get(destination)
        return one is not None and other is not None and one != other
