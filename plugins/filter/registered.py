# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(registered)."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from ..plugin_utils._ansible.variables import Registered


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
    return Registered(hosts, hostvars).under(name, field, run)


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"registered": registered}
