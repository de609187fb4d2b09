# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules as a playbook for the modules of a cloud."""

from __future__ import annotations

from collections.abc import Sequence

from .lines import Request, plain
from .yaml import to_yaml

_WIDTH = 150


def playbook(name: str, request: Request, tasks: Sequence[dict[str, object]], hints: Sequence[str]) -> str:
    """Return a play on the controller, with hints, evidence and what was left out as comments before it."""
    evidence = dict.fromkeys(row.evidence for row in request.rows)
    notes = [*hints, *(f"Evidence: {one}" for one in evidence), *request.left_out()]
    play = {
        "name": name,
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": list(tasks),
    }
    comments = "".join(f"# {plain(line, 300)}\n" for line in notes)
    return "---\n" + comments + to_yaml([play], _WIDTH)
