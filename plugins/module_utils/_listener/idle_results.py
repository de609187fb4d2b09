# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a module asks the process that holds idle connections from this host (_probe/idle_holder.py).

It is asked as a listener is (dialogue.py): over a socket of the abstract namespace, one line of JSON each
way.
"""

import os
import time
from typing import TYPE_CHECKING, Any, Dict, List, Optional, cast

from . import dialogue, proof
from .dialogue import ask_at

if TYPE_CHECKING:
    from .._shapes import IdlePath

_PREFIX = "exasol_community.network-idle/"
ASK_SECONDS = 10.0
SOON_SECONDS = 10.0  # what is over so soon is waited for
# Failures are asked for after the last duration: an answer is awaited, then the control's.
_PATIENCE_SECONDS = 75.0
_LOOK_SECONDS = 0.25


def control_name(host: str, run: str) -> bytes:
    """Return the abstract address of the process that a run has started."""
    return ("\0" + _PREFIX + dialogue.stem_of(host).partition("/")[2] + run).encode("ascii")


def collect(host: str, token: str) -> "Optional[List[IdlePath]]":
    """Return what was found for a run and end the process; None if there is none.

    What is not decided for its last duration is waited for.
    """
    run = proof.run_id(proof.check_token(token)).decode("ascii")
    name = control_name(host, run)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    found: "List[IdlePath]" = []
    while True:
        answer = _ask(name, {"operation": "collect", "run": run, "start": len(found)})
        if answer is None:
            return found or None
        is_soon = answer["left_s"] < SOON_SECONDS and time.monotonic() < deadline
        if not answer["is_over"] and is_soon and not found:
            time.sleep(_LOOK_SECONDS)
            continue
        found += cast("List[IdlePath]", answer["idle"])
        if len(found) >= answer["paths"] or not answer["idle"]:
            _ask(name, {"operation": "end", "run": run})
            return found


def _ask(name: bytes, wish: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    answered = ask_at(name, os.getuid(), ASK_SECONDS, wish)
    return answered[1] if answered is not None and "error" not in answered[1] else None
