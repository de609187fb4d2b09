# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(to_report)."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

from ..module_utils._errors import NetworkError
from ..plugin_utils._report import render


def to_report(verification: t.Any, format: str = "json") -> str:  # noqa: A002  # the name that users write
    """Render a verification."""
    if not isinstance(verification, Mapping) or "results" not in verification:
        raise AnsibleFilterError("to_report needs what exasol_community.network.verdict returns")
    try:
        return render(verification, format)
    except NetworkError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"to_report": to_report}
