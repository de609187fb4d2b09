# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filter C(observed_table)."""

from __future__ import annotations

import typing as t

from ..plugin_utils._ansible.filters import as_filter
from ..plugin_utils._report.observed_table import observed_table


class FilterModule:
    """Filters of this collection."""

    def filters(self) -> dict[str, t.Any]:
        """Return the filters by name."""
        return {"observed_table": as_filter(observed_table)}
