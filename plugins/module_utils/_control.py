# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, extending and ending the listener of a host, from a module."""

import errno
import hashlib
import json
import os
import socket
from typing import Any, Dict, Iterable, List, Optional

from . import _limits
from ._errors import ListenerError
from ._hello import check_token
from ._leases import ROOM_FOR_CONNECTIONS
from ._listener import LONGEST_REQUEST, Listener, peer_uid
from ._listens import Endpoint, describe, endpoints

_TRIES = 5
_NOTHING = {"listening": [], "in_use": [], "denied": []}  # type: Dict[str, Any]
_MOST_INHERITED = 4096  # file descriptors of whoever starts the listener, where nobody tells them
_SECONDS = 30.0  # binding thousands of ports takes a moment


def control_name(host: str) -> bytes:
    """Return the abstract address of a host's listener; hosts that share a machine (loopback) have one each."""
    digest = hashlib.sha256(host.encode("utf-8")).hexdigest()[:24]
    return "\0exasol_community.network/{0}/{1}".format(os.getuid(), digest).encode("ascii")


def request(host: str, **wish: Any) -> Optional[Dict[str, Any]]:
    """Ask the running listener of a host; returns None if none runs, raises what it refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(_SECONDS)
        try:
            sock.connect(control_name(host))
        except ConnectionRefusedError:
            return None
        if peer_uid(sock) != os.getuid():
            raise ListenerError("the listener of {0!r} is held by a process of another user (uid {1})".format(host, peer_uid(sock)))
        try:
            sock.sendall(json.dumps(wish).encode("ascii") + b"\n")
            answer = json.loads(_read_line(sock).decode("ascii"))
        except (OSError, ValueError):
            return None  # it ended while we asked
    if "error" in answer:
        raise ListenerError(answer["error"])
    return answer


def _read_line(sock: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        data = sock.recv(65536)
        if not data or len(received) > LONGEST_REQUEST:
            raise ValueError("incomplete line")
        received += data
    return received


def present(host: str, token: str, listens: List[Dict[str, Any]], ttl: float, dry: bool = False,
            capture: bool = False) -> Dict[str, Any]:
    """Take a lease at the host's listener, which is started where none runs; C(dry) only tells whether that would change anything."""
    wanted = endpoints(listens)
    check_token(token)
    if not wanted:
        return dict(_NOTHING, changed=False)
    _limits.check(len(wanted) + ROOM_FOR_CONNECTIONS, _limits.raise_limit(), "listening on {0} ports".format(len(wanted)))
    if dry:
        return _would(host, token, wanted)
    for unused in range(_TRIES):
        answer = request(host, operation="lease", token=token, listens=listens, ttl=ttl, capture=capture)
        if answer is not None:
            return answer
        spawn(host)
    raise ListenerError("the listener of {0!r} does not stay up: {1} starts were tried".format(host, _TRIES))


def _would(host: str, token: str, wanted: List[Endpoint]) -> Dict[str, Any]:
    answer = request(host, operation="show", token=token) or {}
    if answer.pop("wanted", None) == describe(wanted):
        return dict(answer, changed=False)
    return dict(_NOTHING, listening=describe(wanted), changed=True)


def absent(host: str, token: str, dry: bool = False) -> Dict[str, Any]:
    """End a run's lease; tells whether there was one, and what it captured. The process ends with its last lease."""
    check_token(token)
    answer = request(host, operation="show" if dry else "release", token=token) or {"changed": False}
    return {name: value for name, value in answer.items() if name in ("changed", "capture")}


def spawn(host: str) -> None:
    """Start the listener of a host as a process of its own; returns when it can be asked, or another one is there first."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _detach(host, writer)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as ready:
        ready.read()  # ends when the listener's control socket is bound, or with the process


def _detach(host: str, writer: int) -> None:
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        _keep_only(writer)
        _serve(host, writer)
    except BaseException:  # noqa: BLE001  # a forked child must never return into the module's code
        os._exit(1)
    os._exit(0)


def _keep_only(writer: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    for descriptor in _descriptors():
        if descriptor > 2 and descriptor != writer:
            try:
                os.close(descriptor)
            except OSError:
                pass  # not open, or that of the listing itself


def _descriptors() -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return range(_MOST_INHERITED)  # a container without /proc


def _serve(host: str, writer: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as control:
        try:
            control.bind(control_name(host))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return  # a second run was faster, and its listener serves us too
            raise
        control.listen(16)
        _name_process()
        os.close(writer)
        Listener(host, control).serve()


def _name_process() -> None:
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write("exasol-listener")
    except OSError:
        pass  # only for those who look at ps
