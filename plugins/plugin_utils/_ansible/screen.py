# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines on the screen in Ansible's colours; its switches decide (ANSIBLE_NOCOLOR, ANSIBLE_FORCE_COLOR)."""

from __future__ import annotations

from ansible import constants
from ansible.utils.display import Display

from .._text.tables import visible

display = Display()
# What Ansible itself shows so: ok, a warning, and a failure.
_GOOD, _DOUBT = ("ok",), ("untested", "degraded")


def show(text: str, verdict: str = "") -> None:
    """Show a line about a verdict; without one, it has no colour."""
    display.display(visible(text, "\n\t"), color=_colour(verdict))


def _colour(verdict: str) -> str | None:
    if not verdict:
        return None
    if verdict in _GOOD:
        return str(constants.COLOR_OK)
    return str(constants.COLOR_WARN if verdict in _DOUBT else constants.COLOR_ERROR)
