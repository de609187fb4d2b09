# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables that an action reads itself, because a task gives it their names in place of their values.

Ansible compiles each template of a task anew for each host, in a process that then ends. What a template
returns is copied, and sent back with the result of the task. At 1000 hosts, the plan and the observations are
tens of megabytes.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ansible import errors

from ...module_utils._values.errors import NetworkError


class _Nothing:
    """There is no such variable; it is false."""

    def __bool__(self) -> bool:
        return False


NOTHING = _Nothing()
LOST = {
    "failed": True,
    "msg": "the host was unreachable or had failed before it was asked, or a condition (when) left it out",
}
# ansible-core 2.19 and newer; older ones return a text in place of a variable that omits itself.
_Omitted = getattr(errors, "AnsibleValueOmittedError", ())


def dictionary_in(
    variables: Mapping[str, t.Any], name: str, templar: t.Any, option: str, key: str = ""
) -> t.Any:
    """Return the dictionary in a variable that an option names; with a key, that it must have."""
    value = variables.get(name)
    if isinstance(value, str):  # a variable that is a template itself
        value = templar.template(value)
    if not isinstance(value, Mapping) or (key and key not in value):
        raise NetworkError(
            f"{option}: variable {name!r} holds no {'plan' if key else 'dictionary'}: expected the name "
            f"of a variable that a task before this one has registered or set"
        )
    return value


def options_in(
    variables: Mapping[str, t.Any], names: Mapping[str, str | list[str]], templar: t.Any
) -> dict[str, t.Any]:
    """Return options from variables whose names are given; one without such a variable is left out.

    Of several names, the last one counts, if the values of all others are true. They are read in this order,
    so what is not needed is not evaluated.
    """
    found = {}
    for option, given in names.items():
        *conditions, name = [given] if isinstance(given, str) else given
        if not all(_value(variables, condition, templar) for condition in conditions):
            continue
        value = _value(variables, name, templar)
        if value is not NOTHING:
            found[option] = value
    return found


def _value(variables: Mapping[str, t.Any], name: str, templar: t.Any) -> t.Any:
    if name not in variables:
        return NOTHING
    try:
        value = templar.template(variables[name])
    except _Omitted:
        return NOTHING
    return NOTHING if value == variables.get("omit", NOTHING) else value


def is_over(plan: t.Any) -> bool:
    """Tell whether a variable that a plan is registered in has none: it was skipped, or its run has ended."""
    return isinstance(plan, Mapping) and bool(plan.get("skipped") or plan.get("ended"))


class Registered:
    """What hosts have registered. The variables of each host are put together once."""

    def __init__(self, hosts: Iterable[str], hostvars: t.Any):
        # As they are, where Ansible offers it: a result is no template, and templating would copy it.
        variables_of = getattr(hostvars, "raw_get", None) or hostvars.__getitem__
        self._variables = {host: variables_of(host) for host in hosts}

    def under(self, name: str, field: str | None = None, run: str | None = None) -> dict[str, t.Any]:
        """Return what each host registered under a name, or the field of it.

        A host that registered nothing counts as failed. A result of a run other than C(run) is left from an
        earlier task of the same playbook: in this run, the host registered nothing.
        """
        results = {host: variables.get(name, LOST) for host, variables in self._variables.items()}
        if run is not None:
            results = {
                host: LOST if _is_of_another(result, run) else result for host, result in results.items()
            }
        if field is None:
            return results
        return {host: result[field] for host, result in results.items() if result.get(field)}


def _is_of_another(result: Mapping[str, t.Any], run: str) -> bool:
    # If a task was skipped, or its host was lost, it registered no run; its result is of this run.
    has_no_run = result.get("skipped") or result.get("failed") or result.get("unreachable")
    return not has_no_run and result.get("run") != run
