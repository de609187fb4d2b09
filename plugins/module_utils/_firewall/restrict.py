# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option restrict. The plan checks it on the controller, and needs nothing else of a firewall."""

from typing import Any

from .._values.errors import NetworkError
from .._values.flags import flag

OBSERVE = "observe"  # counts what a rejection would refuse (observe.py)
NOT_RESTRICTED, RESTRICTED = "false", "true"


def read_restrict(value: Any) -> str:
    """Return what the option restrict says: C(true), C(false) or C(observe)."""
    if isinstance(value, str) and value.strip().lower() == OBSERVE:
        return OBSERVE
    wanted = False if value is None else flag(value)
    if wanted is None:
        raise NetworkError(f"restrict is {value!r}: use true, false or {OBSERVE} (exasol_firewall_restrict)")
    return RESTRICTED if wanted else NOT_RESTRICTED
