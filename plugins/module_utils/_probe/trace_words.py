# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of traces.

They stand apart, because who reads results needs them without the code that measures.
"""

# What a traced port was found to be.
SILENT, REJECTED, REFUSED_PORT, REFERENCE = "silent", "rejected", "refused", "open"
KINDS = (SILENT, REJECTED, REFUSED_PORT, REFERENCE)
# How a trace ended, if a packet with enough hops got a reply.
END_ANSWERED, END_REFUSED, END_REJECTED = "answered", "refused", "rejected"
ENDS = (END_ANSWERED, END_REFUSED, END_REJECTED)

MAX_HOPS = 30
