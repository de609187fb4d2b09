# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of live connections, of chains and of observations.

They stand apart, because who reads results needs them without the code that measures.
"""

# What becomes of open connections.
CONTINUE, END = "continue", "end"
# What the chains of a host do with a flow, if nobody can tell.
UNKNOWN = "unknown"
COUNTED, BEGINS, NOTHING = "counted", "begins", "nothing"  # what a report says of an observation
STATUSES = (COUNTED, BEGINS, NOTHING)
# Why more may have been refused than is listed: a full set, a long list, foreign rules, a wider restriction.
NO_ROOM, TOO_MANY, CHANGED, WIDER = "no_room", "too_many", "changed", "wider"
GAPS = (NO_ROOM, TOO_MANY, CHANGED, WIDER)
