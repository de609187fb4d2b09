# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the connection that we run over comes from: the way in that no change may close."""

import os
import re
from typing import NamedTuple, Optional

from .._addresses import parse_address
from .._ports import FIRST, LAST


class Connection(NamedTuple):
    """The far end's address and the port it uses on this host."""

    address: str
    port: int


def find() -> Optional[Connection]:
    """Return the SSH connection that we run over, or None (local, a container's connection)."""
    found = parse(os.environ.get("SSH_CONNECTION", ""))
    process = os.getppid()
    while found is None and process > 1:
        # sudo and su drop the variable; the processes above still have it.
        found = parse(_environment(process))
        process = _parent(process)
    return found


def parse(value: str) -> Optional[Connection]:
    """Read C(SSH_CONNECTION): client's address and port, server's address and port (ssh(1))."""
    parts = value.split()
    if len(parts) != 4 or not re.match("[0-9]{1,5}$", parts[3]) or not FIRST <= int(parts[3]) <= LAST:
        return None
    address = parse_address(parts[0].split("%")[0])
    return Connection(str(address), int(parts[3])) if address else None


def _environment(process: int) -> str:
    try:
        with open("/proc/{0}/environ".format(process), "rb") as stream:
            variables = stream.read().split(b"\0")
    except OSError:
        return ""
    values = [value[len(b"SSH_CONNECTION="):] for value in variables if value.startswith(b"SSH_CONNECTION=")]
    return values[0].decode("ascii", "replace") if values else ""


def _parent(process: int) -> int:
    try:
        with open("/proc/{0}/stat".format(process)) as stream:
            return int(stream.read().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
