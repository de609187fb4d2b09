# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of others, made harmless."""

from typing import Any

MAX_CLEAN = 200  # characters that a server may put into a report


def clean(value: Any, longest: int = MAX_CLEAN) -> str:
    """Return what a server said as harmless text: printable, bounded, on one line."""
    text = value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)
    shown = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text[:longest].strip())
    return shown[:longest]
