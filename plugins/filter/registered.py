# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(registered)."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

LOST = {"failed": True, "msg": "the host was unreachable or had failed before it was asked"}


def registered(hosts: Iterable[str], hostvars: Mapping[str, t.Any], name: str, field: str | None = None) -> dict[str, t.Any]:
    """Return what each host registered under a name, or the field of it; a host that registered nothing counts as failed."""
    results = {host: hostvars[host].get(name, LOST) for host in hosts}
    return results if field is None else {host: result[field] for host, result in results.items() if result.get(field)}


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"registered": registered}
