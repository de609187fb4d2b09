# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host's task returned: whether it failed, why, and which addresses the host said are its own."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

if t.TYPE_CHECKING:
    from ...module_utils._shapes import TaskResult

Entry = t.TypeVar("Entry")


def failure(result: TaskResult | None) -> str | None:
    """Return why a host's task has no result, never an empty text; None if the task did not fail."""
    return problem_of(result) if result is None or has_failed(result) else None


def has_failed(result: TaskResult) -> bool:
    """Tell whether a task failed; one that was skipped did not."""
    return not result.get("skipped") and bool(result.get("unreachable") or result.get("failed"))


def problem_of(result: TaskResult | None) -> str:
    """Return why a task failed, never an empty text."""
    if result is None:
        return "the host took no part in this run"
    return str(result.get("msg") or "").strip() or "the task failed"


def addresses_of(result: TaskResult) -> set[str]:
    """Return all addresses of a host, if it listed them, with those that its routes make its own."""
    listed = texts(result.get("addresses"))
    machine = result.get("machine")
    return {*listed, *texts(machine.get("own"))} if listed and isinstance(machine, Mapping) else set(listed)


def planned_addresses_of(result: TaskResult) -> list[str]:
    """Return which of its planned addresses a host has itself."""
    machine = result.get("machine")
    return texts(machine.get("own")) if isinstance(machine, Mapping) else []


def entries(value: list[Entry] | None) -> list[Entry]:
    """Return the mappings of a list, whatever a host sent instead of one."""
    if not isinstance(value, (list, tuple)):
        return []
    return [entry for entry in value if isinstance(entry, Mapping)]


def texts(value: object) -> list[str]:
    """Return the values of a list as texts, whatever a host sent instead of one."""
    return [str(entry) for entry in value] if isinstance(value, (list, tuple)) else []


def whole(value: object) -> int:
    """Return a number that is not negative, whatever a host sent instead of one."""
    return value if isinstance(value, int) and value >= 0 else 0
