# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait for what other processes do."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

# No step of a test may take longer: a bound against hanging, on the busiest machine, and no measure.
SECONDS = 180
_LONGEST_PAUSE = 0.1
T = t.TypeVar("T")


def until(look: Callable[[], T], what: str, seconds: float = SECONDS) -> T:
    """Return what a look finds as soon as it finds something.

    What takes long is looked for less often, because a look may start a process.
    """
    deadline = time.monotonic() + seconds
    pause = 0.01
    while not (found := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} was waited for in vain, {seconds:g} s")
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
    return found
