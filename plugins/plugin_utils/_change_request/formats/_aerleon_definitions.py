# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks and services for Aerleon, for its folder of definitions."""

from __future__ import annotations

from ..aerleon import definitions
from ..lines import Request, plain
from ..yaml import to_yaml

NAME, SUFFIX = "aerleon_definitions", "yaml"


def render(request: Request) -> str:
    """Return the file, with what was left out as comments."""
    comments = "".join(f"# {plain(line, 300)}\n" for line in request.left_out())
    return comments + to_yaml(definitions(request))
