# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one place where what is wrong with a filter's input becomes Ansible's error."""

from __future__ import annotations

import functools
import typing as t
from collections.abc import Callable

from ansible.errors import AnsibleFilterError

from ...module_utils._values.errors import NetworkError

Made = t.TypeVar("Made")


def raising(function: Callable[..., Made]) -> Callable[..., Made]:
    """Turn our exceptions into the one that Ansible shows for a filter."""

    @functools.wraps(function)
    def call(*arguments: t.Any, **named: t.Any) -> Made:
        try:
            return function(*arguments, **named)
        except NetworkError as error:
            raise AnsibleFilterError(str(error)) from error

    return call
