# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(report_changes)."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.filters import raising
from ..plugin_utils._report.changes import render_changes
from ..plugin_utils._report.report import verification_of


@raising
def report_changes(after: t.Any, before: t.Any, format: str = "data") -> t.Any:  # noqa: A002  # as to_report has it
    """Compare a verification with an earlier one."""
    return render_changes(
        verification_of(after, "report_changes"), verification_of(before, "report_changes"), format
    )


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"report_changes": report_changes}
