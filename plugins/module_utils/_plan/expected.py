# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flow expects, in the words of planners and probes: a probe loads these, and no plan."""

REACHABLE, DENIED = "reachable", "denied"
RANGE = 100  # so many ports of one host look like a port scan to devices on the way
