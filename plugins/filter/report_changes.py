# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(report_changes)."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.filters import as_filter

_USER = "report_changes"


@as_filter
def report_changes(after: t.Any, before: t.Any, format: str = "data") -> t.Any:  # noqa: A002  # as to_report has it
    """Compare a verification with an earlier one."""
    # Only here: Ansible loads the files of all filters for any of them.
    from ..plugin_utils._report.changes import DATA, render_changes
    from ..plugin_utils._report.comparison import changes
    from ..plugin_utils._report.report import verification_of

    newer, older = verification_of(after, _USER), verification_of(before, _USER)
    if format == DATA:
        return changes(newer, older).as_dict()
    return render_changes(newer, older, format)


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"report_changes": report_changes}
