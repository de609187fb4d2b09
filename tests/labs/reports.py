# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports that runs wrote, with flows and paths one by one."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.exasol_community.network.plugins.plugin_utils._report.formats._json import flat
from ansible_collections.exasol_community.network.plugins.plugin_utils._report.report import verification_of


def verification_in(file: Path) -> dict[str, t.Any]:
    """Return what a report holds, as action verdict returned it."""
    return flat(verification_of(json.loads(file.read_text(encoding="utf-8")), str(file)))


def flows_of(file: Path) -> list[t.Any]:
    """Return the results that a report holds."""
    found: list[t.Any] = verification_in(file)["results"]
    return found
