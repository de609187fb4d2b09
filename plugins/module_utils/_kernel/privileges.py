# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving up root, for a process that strangers may talk to."""

import os

NOBODY = 65534  # as the kernel writes users whom it cannot map; no name service is asked, which may hang


def give_up_root() -> str:
    """Become nobody for good if this process is root; returns why that failed, or an empty text."""
    if os.geteuid() != 0 or _is_powerless():
        return ""
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except OSError as error:
        # A container may map no such user, or give root no right to become another one.
        return f"the listener stays root, because it cannot become user {NOBODY}: {error.strerror}"
    return ""


def _is_powerless() -> bool:
    """Tell whether this root has no rights at all, not even to become another user.

    Containers and service managers can take them away.
    """
    try:
        with open("/proc/self/status") as status:
            return any(line.startswith("CapEff:") and int(line.split()[1], 16) == 0 for line in status)
    except (OSError, ValueError, IndexError):
        return False
