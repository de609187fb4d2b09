# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The formats of a change request."""

from __future__ import annotations

from pathlib import Path

from ..._text.format_registry import formats

REQUEST_KIND = "format of change request"
REQUEST_FORMATS = formats(__name__, str(Path(__file__).parent))
