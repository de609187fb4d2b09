# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sybase ASE is silent before a login, and no harmless question to it is known: it cannot be verified."""

from ._finding import OTHER, UNVERIFIABLE, Finding
from ._wire import SILENCE, EndedError, Waiting, Wire


def talk(wire: Wire) -> Waiting:
    """Wait, in case something else speaks."""
    try:
        yield from wire.hear(1)
    except EndedError:
        if wire.ending != SILENCE:
            raise  # a server that waits for a login neither hangs up nor resets
        return Finding(
            UNVERIFIABLE, detail="open, service not verified: Sybase ASE sends nothing before a login"
        )
    return Finding(OTHER)
