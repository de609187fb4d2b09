# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts the listener of a host as a process of its own, or lets one that runs already serve another run."""

import errno
import os
import socket
from typing import Optional

from .._kernel import open_files
from .._kernel.privileges import give_up_root
from .._values.errors import ListenerError
from . import proof
from .dialogue import MAX_SECONDS, ask_at, ask_listener, control_name, control_names, stem_of
from .process import detach, name_process
from .proof import check_token
from .server import Listener


def start_or_join(host: str, token: str) -> None:
    """Let the listener of this host and user serve another run, or start it."""
    if ask_listener(host, token, operation="show") is not None:
        return
    control = _control_socket(host, token)
    if control is None:
        return  # another task of the same run was faster
    with control:
        for name in control_names(stem_of(host)):
            answered = None
            if name != control_name(host, token):
                answered = ask_at(
                    name,
                    os.getuid(),
                    MAX_SECONDS,
                    {"operation": "attend", "token": token},
                    [control.fileno()],
                )
            if answered and "error" not in answered[1]:
                return
        spawn(host, control, proof.run_id(check_token(token)))


def _control_socket(host: str, token: str) -> Optional[socket.socket]:
    name = control_name(host, token)
    try:
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            control.bind(name)
            control.listen(16)
        except OSError:
            control.close()
            raise
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return None
        raise ListenerError(f"the control socket of the listener cannot be opened: {error.strerror}")
    return control


def spawn(host: str, control: socket.socket, run: bytes) -> None:
    """Start the listener of a host as a process of its own, with the control socket of its first run."""
    detach(control, lambda: _serve(host, control, run))


def _serve(host: str, control: socket.socket, run: bytes) -> None:
    owner = os.getuid()
    name_process("exasol-listener")
    open_files.raise_limit()
    note = give_up_root()
    Listener(host, control, run, owner, note).serve()
