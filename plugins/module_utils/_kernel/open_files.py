# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit of open files: raised to the hard limit, and respected."""

import os
import resource

from .._values.errors import NetworkError

_RESERVE = 48  # standard streams, epoll, what Python and Ansible hold open


def raise_limit() -> int:
    """Raise the soft limit of open files to the hard limit and return how many sockets fit below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
        except (ValueError, OSError):
            pass  # macOS and some containers refuse the hard limit itself; the soft one stands
    limit = 1 << 20 if soft == resource.RLIM_INFINITY else soft
    return limit - max(_RESERVE, _open_files())


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd")) + 16
    except OSError:
        return _RESERVE


def check(needed: int, available: int, what: str) -> None:
    """Raise if more sockets are needed than the limit of open files allows."""
    if needed > available:
        raise NetworkError(
            f"{what} needs {needed} sockets, but the limit of open files leaves {max(available, 0)}: raise "
            f"the hard limit (LimitNOFILE= of the service, or nofile in limits.conf) or lower the number of "
            f"ports"
        )
