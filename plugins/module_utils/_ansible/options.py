# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specifications that several modules and actions share.

Mirrored by the documentation fragment C(_table).
"""

from typing import Any, Dict

from .._plan.releases import DEFAULT_RELEASE


def table_options() -> Dict[str, Any]:
    """Return the options that choose and change rows of the port table."""
    return {
        "release": {"type": "str", "default": DEFAULT_RELEASE},
        "overrides": {"type": "dict", "default": {}},
        "services": {"type": "list", "elements": "dict", "default": []},
    }


def target_options() -> Dict[str, Any]:
    """Return the suboptions that every entry with a protocol and ports has."""
    return {
        "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
        "ports": {"type": "raw", "required": True},
    }
