# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(registered)."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

LOST = {
    "failed": True,
    "msg": "the host was unreachable or had failed before it was asked, or a condition (when) left it out",
}


def registered(
    hosts: Iterable[str],
    hostvars: Mapping[str, t.Any],
    name: str,
    field: str | None = None,
    run: str | None = None,
) -> dict[str, t.Any]:
    """Return what each host registered under a name, or the field of it.

    A host that registered nothing counts as failed. A result of a run other than C(run) is left from an
    earlier task of the same playbook: in this run, the host registered nothing.
    """
    results = {host: hostvars[host].get(name, LOST) for host in hosts}
    if run is not None:
        results = {host: LOST if _is_of_another(result, run) else result for host, result in results.items()}
    if field is None:
        return results
    return {host: result[field] for host, result in results.items() if result.get(field)}


def _is_of_another(result: Mapping[str, t.Any], run: str) -> bool:
    # If a task was skipped, or its host was lost, it registered no run; its result is of this run.
    has_no_run = result.get("skipped") or result.get("failed") or result.get("unreachable")
    return not has_no_run and result.get("run") != run


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"registered": registered}
