# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host looked like when remember.yml was run, beside what it looks like now."""

from __future__ import annotations

import base64
import difflib
import typing as t
from pathlib import Path

if t.TYPE_CHECKING:
    from testinfra.host import Host

_LOOK = Path(__file__).resolve().parents[2] / "look.sh"
_REMEMBERED = "/run/remembered"


def difference(host: Host) -> str:
    """Return what has changed on a host since then, nothing if it looks the same."""
    script = base64.b64encode(_LOOK.read_bytes()).decode()
    now = host.check_output("echo %s | base64 -d | sh -eu", script)
    before = host.file(_REMEMBERED).content_string
    assert "/etc/" in before, f"{_REMEMBERED} of {host.backend.host} holds no look at the host"
    return "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "before", "now", n=0, lineterm="")
    )
