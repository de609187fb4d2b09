# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(report_flows)."""

from __future__ import annotations

import typing as t

from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.filters import as_filter

_KINDS = ("flows", "paths")


@as_filter
def report_flows(report: t.Any, kind: str = "flows") -> list[t.Any]:
    """Return the flows or the paths of a report one by one."""
    # Only here: Ansible loads the files of all filters for any of them.
    from ..plugin_utils._report.report import verification_of

    if kind not in _KINDS:
        raise NetworkError(f"kind {kind!r} of report_flows is not known: expected one of {', '.join(_KINDS)}")
    verification = verification_of(report, "report_flows")
    return list(verification.get("paths", ()) if kind == "paths" else verification["results"])


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"report_flows": report_flows}
