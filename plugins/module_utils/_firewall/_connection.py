# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the connection that we run over comes from: the way in that no change may close.

sshd says it in SSH_CONNECTION, which the processes above us still have where sudo or su dropped it. machinectl and run0 have nobody above
them: they ask systemd to start a unit of its own, and wait. So the waiting client is looked for, a process of the session with the same
command line as ours or with the same mark of Ansible's in it.
"""

import os
import re
from typing import Iterator, NamedTuple, Optional, Set

from .._addresses import parse_address
from .._ports import FIRST, LAST
from ._steps import FirewallError

_CLIENTS = ("machinectl", "run0", "systemd-run", "pkexec")
# The unit of a session of machinectl shell, and the one of run0; run0 names the user as sudo does, which no other unit does.
_MACHINECTL_UNIT, _TRANSIENT_UNIT = re.compile(r"/container-shell@\d+\.service"), re.compile(r"/run-[^/]*\.service")
_MARK = re.compile("BECOME-SUCCESS-[a-z]{32}|[^ ']*/AnsiballZ_[a-z_]+\\.py")  # what Ansible writes into every command for another user


class Connection(NamedTuple):
    """The far end's address and the port it uses on this host."""

    address: str
    port: int


def find() -> Optional[Connection]:
    """Return the SSH connection that we run over, or None (local, a container's connection)."""
    found = parse(os.environ.get("SSH_CONNECTION", "")) or _above(os.getppid())
    return found if found or not _detached() else _of_client()


def _above(process: int) -> Optional[Connection]:
    found = None
    while found is None and process > 1:
        # sudo and su drop the variable; the processes above still have it.
        found = parse(_environment(process))
        process = _parent(process)
    return found


def _detached() -> bool:
    """Tell whether machinectl or run0 had systemd start us, so that the processes above are not those of the session."""
    unit = _text("/proc/self/cgroup")
    return bool(_MACHINECTL_UNIT.search(unit) or (_TRANSIENT_UNIT.search(unit) and "SUDO_UID" in os.environ))


def _of_client() -> Optional[Connection]:
    waiting = [process for process in _processes() if _text("/proc/{0}/comm".format(process)).strip() in _CLIENTS]
    marks = _marks()
    ours = [process for process in waiting if marks & set(_MARK.findall(_command(process)))]
    found = {parse(_environment(process)) or _above(_parent(process)) for process in ours or waiting}
    if len(found) > 1:
        raise FirewallError("cannot tell which connection this run comes over, {0}: several sessions wait for machinectl or run0, and nothing says "
                            "which is ours. Use become_method sudo or su, or run again when the others have ended".format(
                                " or ".join(sorted("no SSH" if one is None else "{0} to port {1}".format(one.address, one.port) for one in found))))
    return found.pop() if found else None


def _marks() -> Set[str]:
    marks, process = set(), os.getpid()  # type: Set[str], int
    while process > 1:
        marks.update(_MARK.findall(_command(process)))
        process = _parent(process)
    return marks


def _processes() -> Iterator[int]:
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            yield int(name)


def _command(process: int) -> str:
    return _text("/proc/{0}/cmdline".format(process)).replace("\0", " ")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


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
