# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(to_report)."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.filters import as_filter


@as_filter
def to_report(verification: t.Any, format: str = "json") -> str:  # noqa: A002  # the name that users write
    """Render a verification."""
    # Only here: Ansible loads the files of all filters for any of them.
    from ..plugin_utils._report.report import render, verification_of

    return render(verification_of(verification, "to_report"), format)


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"to_report": to_report}
