# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where a function becomes a filter: what it raises, and that what it returns is no template.

Text of hosts and of files is in what our filters return. Up to ansible-core 2.18, a text that is kept in a
variable may be evaluated as a template again, unless it is marked as unsafe. Ansible marks the results of
tasks, and what is made of them, but it loses the mark if a result is reached over C(hostvars). Later releases
evaluate only what is marked as a template, and nothing of ours is.
"""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Callable

from ansible import template
from ansible.errors import AnsibleFilterError

from ...module_utils._values.errors import NetworkError

Made = t.TypeVar("Made")


def _as_it_is(value: Made) -> Made:
    return value


if t.TYPE_CHECKING or hasattr(template, "trust_as_template"):
    no_template = _as_it_is
else:
    from ansible.utils.unsafe_proxy import wrap_var as no_template


def as_filter(function: Callable[..., Made]) -> Callable[..., Made]:
    """Return a function as Ansible is to call it, with the exception that Ansible shows for a filter."""

    @functools.wraps(function)
    def call(*arguments: t.Any, **named: t.Any) -> Made:
        try:
            return no_template(function(*arguments, **named))
        except NetworkError as error:
            raise AnsibleFilterError(str(error)) from error

    return call
