# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan in which each large part of a host is one compressed text, until somebody needs it.

Ansible copies a registered result several times, value by value, and each process of a task begins as a copy
of the memory that holds it. The plan of 1000 hosts has millions of values.
"""

from __future__ import annotations

import typing as t

from ...module_utils._values.packed import pack_large, unpack

if t.TYPE_CHECKING:
    from ...module_utils._shapes import HostPlan, Plan, PlannedRun


def packed_plan(plan: Plan) -> dict[str, t.Any]:
    """Return a plan with the large parts of its hosts packed."""
    return {
        **plan,
        "hosts": {name: pack_large(t.cast("dict[str, t.Any]", host)) for name, host in plan["hosts"].items()},
    }


def host_part(plan: PlannedRun, name: str) -> HostPlan:
    """Return the part of one host."""
    part: HostPlan = _opened(plan["hosts"][name])
    return part


def whole_plan(plan: PlannedRun) -> PlannedRun:
    """Return a plan with the parts of all hosts."""
    return {**plan, "hosts": {name: _opened(host) for name, host in plan["hosts"].items()}}


def _opened(part: t.Any) -> t.Any:
    return unpack(part) if isinstance(part, str) else part
