# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a verification."""

from __future__ import annotations

from pathlib import Path

from ..._text.format_registry import formats

KIND = "report format"
FORMATS = formats(__name__, str(Path(__file__).parent))
