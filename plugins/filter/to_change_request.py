# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(to_change_request)."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.filters import as_filter

_USER = "to_change_request"


@as_filter
def to_change_request(
    value: t.Any,
    format: str = "markdown",  # noqa: A002  # as to_report has it
    include_unlocated: bool = False,
    site: str = "",
    date: str = "",
    requester: str = "",
    ticket: str = "",
) -> str:
    """Render the change request of a verification or of a plan."""
    # Only here: Ansible loads the files of all filters for any of them.
    from ..plugin_utils._change_request.change_request import (
        plan_of,
        render_request,
        request_of_plan,
        request_of_verification,
    )
    from ..plugin_utils._change_request.lines import Head
    from ..plugin_utils._report.report import is_verification, verification_of

    head = Head(site=str(site), date=str(date), requester=str(requester), ticket=str(ticket))
    if is_verification(value):
        request = request_of_verification(verification_of(value, _USER), include_unlocated, head)
    else:
        request = request_of_plan(plan_of(value, _USER), head)
    return render_request(request, format)


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"to_change_request": to_change_request}
