# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds idle connections (idle.py) while nobody is connected to the host.

An hour is too long for a task of Ansible: its own connection would be idle. So the probe starts this process
and ends, and a later task collects what was found.

1. I(Start.) The probe forks it with one control socket in Linux's abstract namespace (unix(7)), as the
   listener has one. Only root and the user who started it are answered, by the kernel's word.
2. I(One run.) It serves the run that started it, and no other one. Firewalls keep what they know of old
   connections when their rules change, so what an older run measured, or connections that it opened, say
   nothing about this run. If a run probes again, its earlier process ends first. Those of other runs are left
   alone: nobody here can tell one that is in progress from one that was interrupted.
3. I(End.) Whoever collects for the last time ends it. If nobody does, it ends C(_LEFT_SECONDS) after its
   longest duration. Nothing is left on disk.
"""

import errno
import json
import os
import socket
import time
from typing import Any, Dict, Sequence

from .._kernel import open_files
from .._kernel.privileges import give_up_root
from .._kernel.sockets import Sources
from .._listener import proof
from .._listener.dialogue import ask_at, read_line
from .._listener.idle_results import ASK_SECONDS, SOON_SECONDS, control_name
from .._listener.process import detach, name_process, peer_uid
from .._values.errors import NetworkError
from .idle import Idle, Place

_LEFT_SECONDS = 1800.0
_CONTROL_SECONDS = 5.0
_BIND_SECONDS, _RETRY_SECONDS = 3.0, 0.05
_PAGE = 1000  # paths in one answer


def hold(host: str, where: Sequence[Place], seconds: Sequence[int], sources: Sources, key: bytes) -> float:
    """Let a process hold connections; returns how long it will take, in seconds.

    There is nothing to wait for without a path.
    """
    run = proof.run_id(key).decode("ascii") if key else ""
    name = control_name(host, run)
    if not where:
        _end(name, run)
        return 0.0
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with control:
        _bind(control, name, run)
        control.listen(16)
        owner = os.getuid()
        detach(control, lambda: _serve(control, owner, run, where, seconds, sources, key))
    return max(seconds) + SOON_SECONDS / 2


def _end(name: bytes, run: str) -> None:
    """End what an earlier probe of the same run holds, if there is anything."""
    ask_at(name, os.getuid(), ASK_SECONDS, {"operation": "end", "run": run})


def _bind(control: socket.socket, name: bytes, run: str) -> None:
    """Take the name of a run; what an earlier probe of it holds is ended."""
    deadline = time.monotonic() + _BIND_SECONDS
    while True:
        try:
            control.bind(name)
            return
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise NetworkError(
                    f"idle connections cannot be held: {error.strerror}; another process may have taken the "
                    f"name of the control socket: measure again, or leave exasol_verify_idle empty"
                )
        _end(name, run)
        time.sleep(_RETRY_SECONDS)


def _serve(
    control: socket.socket,
    owner: int,
    run: str,
    where: Sequence[Place],
    seconds: Sequence[int],
    sources: Sources,
    key: bytes,
) -> None:
    name_process("exasol-idle")
    open_files.raise_limit()
    give_up_root()
    Holder(control, owner, run, Idle(where, seconds, sources, key)).serve()


class Holder:
    """Holds connections and answers those who ask for them."""

    def __init__(self, control: socket.socket, owner: int, run: str, idle: Idle):
        self._control = control
        self._owner = owner
        self._run = run
        self._idle = idle
        self._ends_at = time.monotonic() + idle.seconds[-1] + _LEFT_SECONDS
        idle.engine.watch(control.fileno(), self._on_control)

    def serve(self) -> None:
        """Work until nobody needs it any more."""
        try:
            while time.monotonic() < self._ends_at:
                self._idle.work(1.0)
        finally:
            self._idle.close()

    def _on_control(self) -> None:
        try:
            sock = self._control.accept()[0]
        except OSError:
            return
        with sock:
            try:
                if peer_uid(sock) not in (self._owner, 0):
                    return
                sock.settimeout(_CONTROL_SECONDS)
                answer = self._obey(read_line(sock))
                sock.sendall(json.dumps(answer).encode("ascii") + b"\n")
            except (OSError, ValueError, KeyError, TypeError, AttributeError):
                pass  # whoever asked is gone, or asked for nothing that we know

    def _obey(self, line: bytes) -> Dict[str, Any]:
        wish = json.loads(line.decode("ascii"))
        operation, run = str(wish["operation"]), str(wish["run"])
        if run != self._run:
            return {"error": "another run is served here"}
        if operation == "end":
            self._ends_at = 0.0
            return {}
        start = int(wish["start"])
        return {
            "idle": [path.report() for path in self._idle.paths[start : start + _PAGE]],
            "paths": len(self._idle.paths),
            "is_over": self._idle.is_over,
            "left_s": self._idle.seconds_left,
        }
