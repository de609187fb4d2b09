# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what travels between the parts: plan, observations, results.

They are declarations for readers and type checkers. Import them under C(TYPE_CHECKING) only: Python 3.6 and 3.7 of
managed nodes have no TypedDict. Ports are text here, such as C(20000-21000), because everything that travels is JSON.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

    # The plan (_plan/plan.py).

    # What hosts return (modules listener and probe).

    # What is concluded from both (action verdict).
