# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What templates write: on one line, and escaped by the template engine."""

from __future__ import annotations

import typing as t

from markupsafe import Markup

from .tables import printable


def on_one_line(value: t.Any) -> t.Any:
    """Return what a template writes for a value, without characters that hide or reverse text."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
