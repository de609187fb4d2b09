# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that outlives its task: how it begins, and who speaks to it.

It stands apart from what the process does, which is much to load (server.py).
"""

import os
import socket
import struct
from typing import Callable, Iterable

from .._values.errors import ListenerError

MAX_REQUEST_BYTES = 1 << 20  # bytes of a request or its answer
MAX_FILES_AT_ONCE = 200  # in one message; the kernel takes 253 (SCM_MAX_FD)
_MAX_INHERITED = 4096  # file descriptors of the process that starts it, if /proc does not list them


def detach(control: socket.socket, serve: Callable[[], None]) -> None:
    """Call a function in a process of its own that keeps no open file but a socket."""
    try:
        child = os.fork()
    except OSError as error:
        raise ListenerError(f"a process of its own cannot be started: {error.strerror}")
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        _keep_only(control.fileno())
        serve()
    except BaseException:  # noqa: BLE001  # a forked child must never return into the module's code
        os._exit(1)
    os._exit(0)


def _keep_only(kept: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    for descriptor in _descriptors():
        if descriptor > 2 and descriptor != kept:
            try:
                os.close(descriptor)
            except OSError:
                pass  # not open, or that of the listing itself


def _descriptors() -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return range(_MAX_INHERITED)  # a container without /proc


def name_process(name: str) -> None:
    """Give this process a name, at most 15 characters."""
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write(name)
    except OSError:
        pass  # only for those who look at ps


def peer_uid(sock: socket.socket) -> int:
    """Return the user who runs the other end of a Unix socket (SO_PEERCRED, unix(7))."""
    return int(struct.unpack("iii", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
