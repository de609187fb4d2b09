# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where results come from: only those of this run, from hosts of the plan, and from their own machines count.

All others become failures, which prove nothing.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ...module_utils._kernel.own_addresses import is_loopback

if t.TYPE_CHECKING:
    from ...module_utils._shapes import ListenerTask, PlannedRun, ProbeTask, TaskResult

_Task = t.Literal["probes", "endpoints"]  # what a host has to do, as its plan names it
_ANOTHER_RUN = (
    "its result belongs to another run: the host failed before this one, or the task was not given the run "
    "of the plan (run)"
)
_LEFT_OUT = "a condition (when), a tag or an earlier failure left the host out of this run"


class Origins:
    """Tells which results count for a plan."""

    def __init__(self, plan: PlannedRun):
        self._hosts = plan["hosts"]
        self._run = plan.get("run")
        self._machines: dict[str, list[str]] = {}  # the hosts of each machine that really are there

    def observations(
        self, results: Mapping[str, ProbeTask | None], listeners: Mapping[str, ListenerTask]
    ) -> dict[str, ProbeTask | None]:
        """Return what the hosts observed; a result that does not count is a failure with the reason.

        A host whose listener failed may not have been asked to probe, and that failure is the reason.
        """
        asked = {
            host: result
            for host, result in results.items()
            if not (_is_skipped(result) and _has_failed(listeners.get(host)))
        }
        return {**results, **{host: self._of(host, result, "probes") for host, result in asked.items()}}

    def listeners(self, results: Mapping[str, ListenerTask]) -> dict[str, ListenerTask]:
        """Return what the listeners did; a result that does not count is a failure with the reason."""
        return {host: self._of(host, result, "endpoints") for host, result in results.items()}

    def notes(self) -> list[str]:
        """Return which hosts are one machine, unless all their addresses are loopback addresses."""
        return [
            f"{', '.join(sorted(hosts))} are one machine: no packet between them leaves it."
            for hosts in self._machines.values()
            if len(hosts) > 1
        ]

    def _of(self, host: str, result: t.Any, task: _Task) -> t.Any:
        if not isinstance(result, Mapping) or _has_failed(result):
            return result
        planned = self._hosts.get(host)
        if planned is None:
            return result
        if _is_skipped(result):
            return _failed(_LEFT_OUT) if planned[task] else result
        if self._run is not None and result.get("run") != self._run:
            return _failed(_ANOTHER_RUN)
        return self._of_machine(host, result, planned["addresses"])

    def _of_machine(self, host: str, result: Mapping[str, t.Any], addresses: Iterable[str]) -> t.Any:
        machine = result.get("machine")
        if not isinstance(machine, Mapping):
            return result  # without the role, tasks need not ask for the machine
        identity, own = machine.get("identity"), machine.get("own")
        here = [address for address in addresses if isinstance(own, (list, tuple)) and address in own]
        if not here:
            return _failed(
                f"the machine where the task ran has none of the addresses of {host} "
                f"({', '.join(addresses)}), so it is another machine: check ansible_host and "
                f"ansible_connection of {host}, or set exasol_address to an address that {host} itself has "
                f"(an address that only a NAT device has for it belongs to exasol_external_address)"
            )
        if isinstance(identity, str) and identity and not all(map(is_loopback, here)):
            hosts = self._machines.setdefault(identity, [])
            if host not in hosts:
                hosts.append(host)
        return result


def _has_failed(result: t.Any) -> bool:
    return isinstance(result, Mapping) and bool(result.get("failed") or result.get("unreachable"))


def _is_skipped(result: t.Any) -> bool:
    return isinstance(result, Mapping) and bool(result.get("skipped"))


def _failed(reason: str) -> TaskResult:
    return {"failed": True, "msg": reason}
