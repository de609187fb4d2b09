# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SSH connection over which we run: no change may close the port that it uses.

sshd announces it in SSH_CONNECTION. sudo and su drop that variable, but the processes above us still have it.
With machinectl and run0 there are no processes above us: they ask systemd to start the command, and wait for
it. So we look for the client that waits: a process of the session whose command line has the same mark of
Ansible's as our own.
"""

import os
import re
from typing import Iterator, NamedTuple, Optional

from .._values.addresses import parse_address
from .._values.ports import FIRST, LAST
from .steps import FirewallError

_CLIENTS = ("machinectl", "run0", "systemd-run")
# Ansible writes it into every command that it runs as another user; otherwise the file of the module.
_MARK = re.compile("BECOME-SUCCESS-[a-z]{32}|[^ ']*/AnsiballZ_[a-z_]+\\.py")


class Connection(NamedTuple):
    """The remote address, and the port and the address on this host."""

    address: str
    port: int
    local: str = ""  # empty if it is not known


def find() -> Optional[Connection]:
    """Return the SSH connection, None if there is none (connection local or that of a container)."""
    return parse(os.environ.get("SSH_CONNECTION", "")) or _above(os.getppid()) or _of_client()


def _above(process: int) -> Optional[Connection]:
    found = None
    while found is None and process > 1:
        # sudo and su drop the variable; the processes above still have it.
        found = parse(_environment(process))
        process = _parent(process)
    return found


def _of_client() -> Optional[Connection]:
    # Any user can start a process with the name of a client, and with our mark in its command line. The mark
    # is therefore taken only from the command that systemd itself started. The real client waits as long as
    # we run, so a forged one is the second of its kind: an error, and nobody can make us keep a port open for
    # an address of his choice.
    marks = set(_MARK.findall(_command(_first())))
    waiting = [
        process
        for process in (_processes() if marks else ())
        if _text(f"/proc/{process}/comm").strip() in _CLIENTS
    ]
    found = {
        parse(_environment(process)) or _above(_parent(process))
        for process in waiting
        if marks & set(_MARK.findall(_command(process)))
    }
    if len(found) > 1:
        names = sorted("none" if one is None else f"{one.address} to port {one.port}" for one in found)
        raise FirewallError(
            f"cannot tell over which connection this run comes, {' or '.join(names)}: several sessions of "
            "machinectl or run0 claim to wait for it. Use become_method sudo or su, or run again when the "
            "other sessions have ended"
        )
    return found.pop() if found else None


def _first() -> int:
    """Return the process above us that was started by the first process of the host."""
    process, above = os.getpid(), os.getppid()
    while above > 1:
        process, above = above, _parent(above)
    return process


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            yield int(name)


def _command(process: int) -> str:
    return _text(f"/proc/{process}/cmdline").replace("\0", " ")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def parse(value: str) -> Optional[Connection]:
    """Read SSH_CONNECTION: address and port of the client, address and port of the server (ssh(1))."""
    parts = value.split()
    if len(parts) != 4 or not re.match("[0-9]{1,5}$", parts[3]) or not FIRST <= int(parts[3]) <= LAST:
        return None
    address, local = (parse_address(end.split("%")[0]) for end in (parts[0], parts[2]))
    return Connection(str(address), int(parts[3]), str(local or "")) if address else None


def _environment(process: int) -> str:
    try:
        with open(f"/proc/{process}/environ", "rb") as stream:
            variables = stream.read().split(b"\0")
    except OSError:
        return ""
    values = [value[len(b"SSH_CONNECTION=") :] for value in variables if value.startswith(b"SSH_CONNECTION=")]
    return values[0].decode("ascii", "replace") if values else ""


def _parent(process: int) -> int:
    try:
        with open(f"/proc/{process}/stat") as stream:
            return int(stream.read().rsplit(")", 1)[1].split()[1])
    except (OSError, IndexError, ValueError):
        return 0
