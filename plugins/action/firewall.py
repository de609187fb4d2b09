# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change a host's firewall, and confirm that over a new connection: the host is still reachable.

With hold_for, that connection does not confirm the change but gives it more time, in which the site measures.
Then another task confirms it or rolls it back, over a new connection again.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ..module_utils._kernel.machine import machine
from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.action import RemoteAction
from ..plugin_utils._inventory.play_checks import is_of_devices
from ..plugin_utils._inventory.topology import Inventory

display = Display()

_MODULE = "exasol_community.network.firewall"
_ROLLBACK_AFTER = 30  # the module's default
_GRACE_SECONDS = 15  # for a connection that is made in the last second
# Option: what the module answers.
_ORDERS = {"confirm": "confirmed", "roll_back": "is_rolled_back", "hold": "is_held"}
_DONE = {"confirm": "confirmed", "roll_back": "rolled back", "hold": "held"}
_BECAUSE = {"measured": "a measurement of the site spoke against it"}


class ActionModule(RemoteAction):
    """Run the module and confirm what it changed."""

    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module; confirm its change, or report that the host rolls it back."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        self._check_host(task_vars or {})
        is_query = self._task.args.get("state") == "query"
        try:
            self._check_machine(task_vars or {})
        except AnsibleActionFail as error:
            if not is_query:
                raise
            return {**result, "skipped": True, "msg": str(error)}  # nothing of the host can be asked
        for order, answer in _ORDERS.items():
            if self._task.args.get(order):
                result.update(self._carry_out(order, answer, task_vars))
                return result
        seconds = self._seconds(
            "rollback_after", _ROLLBACK_AFTER, "0 for no rollback", " (exasol_firewall_rollback_after)"
        )
        hold_for = self._seconds("hold_for", 0, "0 to confirm over a new connection")
        result.update(self._execute_module(module_name=_MODULE, task_vars=task_vars))
        for event in ("rolled_back", "confirmed", "unsettled"):
            ago = result.pop(f"{event}_ago", None)
            if isinstance(ago, (int, float)) and not isinstance(ago, bool):
                result[f"{event}_epoch"] = time.time() - ago  # hosts and the controller may differ in time
        identity = result.pop("pending", "")
        if result.get("rolled_back"):
            why = _BECAUSE.get(str(result.get("rolled_back_because")), "nobody confirmed it")
            # Ansible displays equal warnings of several hosts only once.
            host = self._task.delegate_to or (task_vars or {}).get("inventory_hostname", "the host")
            display.warning(
                f"{host} rolled back an earlier change of its firewall at {result['rolled_back']}, because "
                f"{why}"
            )
        if identity and hold_for:
            result.update(self._await_hold(identity, seconds, hold_for, task_vars))
        elif identity:
            result.update(self._await_confirmation(identity, seconds, task_vars))
        return result

    def _seconds(self, option: str, default: int, zero: str, variable: str = "") -> int:
        """Return an option, before anything is changed: a later error would prevent the confirmation."""
        given = self._task.args.get(option, default)
        number = given.strip() if isinstance(given, str) else given
        if isinstance(number, bool) or not isinstance(number, (int, str)) or not _is_whole(str(number)):
            raise AnsibleActionFail(
                f"{option} is {given!r}: use whole seconds, such as {_ROLLBACK_AFTER}, or {zero}; "
                f"nothing was changed{variable}"
            )
        return int(number)

    def _carry_out(self, order: str, field: str, task_vars: dict[str, t.Any] | None) -> dict[str, t.Any]:
        """Confirm, roll back or hold a change that is held, over a new connection; return the result."""
        identity = str(self._task.args[order])
        deadline = time.monotonic() + _ROLLBACK_AFTER
        wanted = {order: identity}
        if order == "hold":
            wanted["hold_for"] = self._task.args.get("hold_for", 0)
        answer = self._ask(wanted, field, deadline, task_vars)
        if answer.get(field) or self._task.check_mode:
            return answer
        why = answer.get("msg") or "the host had rolled it back before"
        said = f"the change was not {_DONE[order]}: {why}"
        # The module says so or fails there; otherwise no connection was accepted.
        is_reached = field in answer or bool(answer.get("failed"))
        return {**answer, "failed": True, "changed": False, "msg": said, "is_reached": is_reached}

    def _check_host(self, variables: dict[str, t.Any]) -> None:
        host, to = self._task.args.get("host"), self._task.delegate_to
        if not host:
            return
        runs_on = to or variables["inventory_hostname"]
        if runs_on != host:
            reason = " (delegate_to)" if to else ""
            raise AnsibleActionFail(
                f"the rules for {host!r} would be applied to {runs_on!r}{reason}: let each host run the role "
                f"itself, without delegate_to; or give the module the host, its rules and delegate_to: {host}"
            )
        hosts = variables.get("ansible_play_batch", ())
        if self._task.run_once and not to and len(hosts) > 1:
            raise AnsibleActionFail(
                f"run_once would change only the firewall of {host!r}, 1 of {len(hosts)} hosts: remove "
                "run_once; use --limit to choose some of the hosts"
            )

    def _check_machine(self, variables: Mapping[str, t.Any]) -> None:
        """Refuse a host for which the controller would run the module and change its own firewall."""
        host = (
            self._task.args.get("host") or self._task.delegate_to or variables.get("inventory_hostname", "")
        )
        transport = str(getattr(self._connection, "transport", ""))
        if is_of_devices(transport) or (
            transport != "local" and getattr(self._connection, "_remote_is_local", False) is True
        ):
            raise AnsibleActionFail(
                f"host {host!r} has the connection {transport!r} of network devices, so the controller would "
                f"change its own firewall: set exasol_firewall_enabled to false for {host}, or take it out "
                "of the play (exasol_hosts, --limit)"
            )
        if transport != "local":
            return
        hostvars = variables.get("hostvars", {})
        if host not in hostvars:
            return  # for no host of the inventory, so there are no addresses to compare
        try:
            addresses = Inventory({}, lambda name: hostvars[name]).party(host).addresses
        except NetworkError as error:
            raise AnsibleActionFail(str(error)) from error
        if not machine(addresses)["own"]:
            raise AnsibleActionFail(
                f"connection local of host {host!r} would change the firewall of the controller, which has "
                f"none of the addresses of {host} ({', '.join(addresses)}): remove connection or "
                f"ansible_connection, or set exasol_address if {host} is the controller"
            )

    def _await_confirmation(
        self, identity: str, seconds: int, task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """Confirm the change; return what that changes in the result."""
        deadline = time.monotonic() + seconds + _GRACE_SECONDS
        answer = self._ask({"confirm": identity}, "confirmed", deadline, task_vars)
        if answer.get("confirmed"):
            return {"confirmed": True}
        return self._unconfirmed(answer, seconds)

    def _await_hold(
        self, identity: str, seconds: int, hold_for: int, task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """Let the change wait for a measurement; return what that changes in the result."""
        deadline = time.monotonic() + seconds + _GRACE_SECONDS
        answer = self._ask({"hold": identity, "hold_for": hold_for}, "is_held", deadline, task_vars)
        if answer.get("is_held"):
            return {"held": identity, "hold_for": hold_for}
        return self._unconfirmed(answer, seconds)

    @staticmethod
    def _unconfirmed(answer: Mapping[str, t.Any], seconds: int) -> dict[str, t.Any]:
        why = answer.get("msg") or "no new connection was accepted in time"
        return {
            "confirmed": False,
            "failed": True,
            "changed": False,
            "msg": (
                f"the change was not confirmed ({why}): "
                f"the host restores its old rules {seconds} s after the change"
            ),
        }

    def _close_connection(self) -> None:
        """Close the connection: most rule sets accept an established one, so it proves nothing."""
        # Ansible would warn of a reset that a connection does not have; one without a network (a container's,
        # for example) need not be closed.
        if type(self._connection).reset is not ConnectionBase.reset:
            self._connection.reset()

    def _ask(
        self, order: dict[str, t.Any], field: str, deadline: float, task_vars: dict[str, t.Any] | None
    ) -> dict[str, t.Any]:
        """Run the module over a new connection until it answers with a field or time is over."""
        answer: dict[str, t.Any] = {}
        while time.monotonic() < deadline:
            try:
                self._close_connection()
                answer = self._execute_module(module_name=_MODULE, module_args=order, task_vars=task_vars)
            except AnsibleConnectionFailure as error:
                answer = {"msg": str(error)}
            if field in answer:
                return answer
            time.sleep(1)
        return answer


def _is_whole(number: str) -> bool:
    return number.isascii() and number.isdigit()
