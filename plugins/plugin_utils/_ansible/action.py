# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the actions share: our exceptions become a task's failure, and results of hosts are checked."""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Iterable, Mapping

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.template import Templar

from ...module_utils._values.errors import NetworkError
from .._inventory.site_variables import BY_HOST, NOTHING, PREFIX, SITE, check_agreement
from .._text.escaping import escaped
from .._untrusted.host_results import checked, harmless, interpreter
from .._untrusted.shape import Shape
from . import prepared  # noqa: F401  # pylint: disable=unused-import


class HostValues:
    """The values of variables as each host has them for a task: defaults of its role, values of the play.

    The public C(hostvars) know nothing of roles and plays. So this asks the variable manager behind them, as
    Ansible itself does for each task (VariableManager.get_vars), once a host. The way to it is private API:
    where it is missing, hostvars have to do.
    """

    def __init__(self, task: Task, hostvars: t.Any, loader: t.Any):
        self._task = task
        self._hostvars = hostvars
        self._loader = loader
        self._manager = getattr(hostvars, "_variable_manager", None)
        self._inventory = getattr(hostvars, "_inventory", None)
        self._raw: dict[str, Mapping[str, t.Any]] = {}
        self.names: set[str] = set()  # of the variables that hosts have and that look like ours

    def raw(self, host: str, name: str) -> t.Any:
        """Return a variable of one host as it is written, or C(NOTHING)."""
        if host not in self._raw:
            every = self._all(host)
            self.names.update(variable for variable in every if variable.startswith(PREFIX))
            self._raw[host] = {name: every[name] for name in (*SITE, *BY_HOST) if name in every}
        return self._raw[host].get(name, NOTHING)

    def of(self, host: str, name: str) -> t.Any:
        """Return the value of a variable of one host, or C(NOTHING)."""
        value = self.raw(host, name)
        if value is NOTHING or not _may_be_template(value):
            return value
        try:
            return Templar(
                loader=self._loader, variables=dict(self._all(host), hostvars=self._hostvars)
            ).template(value)
        except AnsibleError as error:
            raise NetworkError(
                f"host {host!r} has a variable {name} that cannot be evaluated ({error})"
            ) from None

    def _all(self, host: str) -> Mapping[str, t.Any]:
        if self._manager is None or self._inventory is None:
            known: Mapping[str, t.Any] = self._hostvars.get(host, {})
        else:
            known = self._manager.get_vars(
                play=self._task.get_play(),
                host=self._inventory.get_host(host),
                task=self._task,
                include_hostvars=False,
            )
        return known


def _may_be_template(value: t.Any) -> bool:
    text = str(value)
    return "{{" in text or "{%" in text


def _is_any_dict(option: Mapping[str, t.Any]) -> bool:
    """Tell whether Ansible looks into no value of an option."""
    return option.get("type") == "dict" and "options" not in option


class ControllerAction(ActionBase):  # type: ignore[misc, unused-ignore]  # ansible-core has no types
    """An action that runs on the controller alone: it needs no connection and no file on a host."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    OPTIONS: t.ClassVar[dict[str, t.Any]] = {}
    ONE_OF: t.ClassVar[tuple[tuple[str, ...], ...]] = ()  # of these options, one has to be given
    _host_values: HostValues | None = None

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Validate the options and run the action."""
        result = super().run(tmp, task_vars)
        options = self._options()
        try:
            return dict(result, **{"changed": False, **self.act(options, task_vars or {})})
        except NetworkError as error:
            raise AnsibleActionFail(str(error)) from error

    def _options(self) -> dict[str, t.Any]:
        """Return the options, checked.

        Ansible copies them deeply before it looks at them, and those of a large site are megabytes. It looks
        into no dictionary without suboptions, so such a dictionary is checked as an empty one.
        """
        given = dict(self._task.args)
        whole = {
            name: value
            for name, value in given.items()
            if isinstance(value, dict) and _is_any_dict(self.OPTIONS.get(name, {}))
        }
        self._task.args = {**given, **{name: {} for name in whole}}
        try:
            options: dict[str, t.Any] = self.validate_argument_spec(
                argument_spec=self.OPTIONS, required_one_of=self.ONE_OF
            )[1]
        finally:
            self._task.args = given
        return {**options, **whole}

    def act(self, options: dict[str, t.Any], variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the result of the action."""
        raise NotImplementedError

    def check_site(
        self, hosts: Iterable[str], variables: Mapping[str, t.Any], names: Iterable[str] = tuple(SITE)
    ) -> None:
        """Refuse variables of the site that differ between hosts.

        What this task reads counts for all of them.
        """
        check_agreement(hosts, self.host_values(variables).of, names)

    def host_values(self, variables: Mapping[str, t.Any]) -> HostValues:
        """Return the values of variables as each host has them for this task; they are read once."""
        if self._host_values is None:
            self._host_values = HostValues(self._task, variables.get("hostvars", {}), self._loader)
        return self._host_values


_ESCAPES = re.compile(
    r"\\\\|\\[bf]|\\u([0-9a-fA-F]{4})"
)  # of JSON; the first one is a backslash, not the begin of another


def _seen(text: str) -> str:
    """Return JSON in which the number of a character that cannot be seen stays a number when it is read.

    A backslash and digits.
    """

    def literal(found: re.Match[str]) -> str:
        if found[0] == "\\\\":
            return found[0]
        character = json.loads(f'"{found[0]}"')
        # Half of a pair is no character, and shows nothing alone.
        seen = character.isprintable() or character in "\r\n\t" or "\ud800" <= character <= "\udfff"
        return found[0] if seen else "\\" + found[0]

    return _ESCAPES.sub(literal, text)


class RemoteAction(ActionBase):  # type: ignore[misc, unused-ignore]  # ansible-core has no types
    """An action that runs a module on a host, whose output is somebody else's.

    Nothing in it gives orders to a terminal or to Ansible.
    """

    def _execute_module(self, *arguments: t.Any, **named: t.Any) -> dict[str, t.Any]:
        result = super()._execute_module(*arguments, **named)
        return {**harmless(result), **interpreter(result)}

    def _parse_returned_data(self, res: dict[str, t.Any], *more: t.Any, **named: t.Any) -> dict[str, t.Any]:
        # Ansible displays what stands around the JSON and, as 2.21 does, the warnings within it before we see
        # them.
        stdout = _seen(escaped(res.get("stdout") or "", "\r\n\t"))
        parsed: dict[str, t.Any] = super()._parse_returned_data({**res, "stdout": stdout}, *more, **named)
        return parsed


class HostAction(RemoteAction):
    """An action around a module on a host.

    Only what the module's shape declares of the result reaches Ansible.
    """

    _supports_check_mode = True
    MODULE = ""
    SHAPE: t.ClassVar[Shape] = {}
    PACKED_SHAPE: t.ClassVar[Shape] = {}  # of a result that the module may have packed

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the module and return what counts of its result."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        result = self._execute_module(
            module_name=self.MODULE,
            module_args=self.arguments(dict(self._task.args), variables),
            task_vars=task_vars,
        )
        host = self._task.delegate_to or variables.get("inventory_hostname", "the host")
        shape = self.PACKED_SHAPE if self.PACKED_SHAPE and "packed" in result else self.SHAPE
        return {"changed": False, **checked(result, shape, host), **interpreter(result)}

    def arguments(self, given: dict[str, t.Any], variables: Mapping[str, t.Any]) -> dict[str, t.Any]:
        """Return the options for the module."""
        return given
