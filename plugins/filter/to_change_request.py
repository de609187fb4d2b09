# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(to_change_request)."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..module_utils._values.errors import NetworkError
from ..plugin_utils._ansible.filters import raising
from ..plugin_utils._change_request.change_request import render_request
from ..plugin_utils._report.report import verification_of


@raising
def to_change_request(made: t.Any, format: str = "markdown", include_unlocated: bool = False) -> str:  # noqa: A002  # as to_report has it
    """Render the change request of a verification or of a plan."""
    if not isinstance(made, Mapping):
        raise NetworkError(
            "to_change_request needs what exasol_community.network.verdict or exasol_community.network.plan "
            "returns"
        )
    return render_request(
        verification_of(made, "to_change_request") if "results" in made else made, format, include_unlocated
    )


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"to_change_request": to_change_request}
