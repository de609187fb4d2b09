# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to ask a listener: over sockets of the abstract namespace: one line of JSON each way.

The name of a listener's socket says its user and its host. Nobody can guess it without the token of a run.
The kernel says which user answers. A name that was found in /proc/net/unix may belong to any process.
"""

import array
import contextlib
import errno
import hashlib
import json
import os
import socket
import time
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Sequence, Tuple, cast

from .._values.errors import ListenerError
from . import proof
from .process import MAX_FILES_AT_ONCE, MAX_REQUEST_BYTES, peer_uid
from .proof import check_token

if TYPE_CHECKING:
    from .._shapes import ListenerAnswer

DEFAULT_IDLE = 300  # seconds; an interrupted run must not keep a database from its ports for long
MAX_SECONDS = 30.0  # to bind thousands of ports takes a moment
_MAX_LOCK_SECONDS = 3.0  # for a holder who does not say who it is
_LOCK_BACKLOG = 128  # runs that wait for the same lease
_PREFIX = "exasol_community.network/"
_LISTENS = 0x10000  # __SO_ACCEPTCON, include/linux/net.h


def stem_of(host: str) -> str:
    """Return what the names of all listeners of this user for a host have in common."""
    return "{0}{1}/{2}/".format(_PREFIX, os.getuid(), hashlib.sha256(host.encode("utf-8")).hexdigest()[:24])


def control_name(host: str, token: str) -> bytes:
    """Return the abstract address at which a run controls a host's listener.

    Nobody can guess it without the token.
    """
    return ("\0" + stem_of(host) + proof.control_id(check_token(token), host)).encode("ascii")


def control_names(start: str = _PREFIX) -> List[bytes]:
    """Return the control addresses in this network namespace that begin like this; anything may hold them."""
    found = []
    try:
        with open("/proc/net/unix", "rb") as table:
            for line in table:
                fields = line.rstrip(b"\n").split(None, 7)
                if (
                    len(fields) == 8
                    and fields[7].startswith(b"@" + start.encode("ascii"))
                    and int(fields[3], 16) & _LISTENS
                ):
                    found.append(b"\0" + fields[7][1:])
    except (OSError, ValueError):
        pass  # a container without /proc: runs do not share their listeners there
    return sorted(set(found))


def ask_at(
    name: bytes,
    uid: Optional[int],
    seconds: float,
    wish: Dict[str, Any],
    files: Sequence[int] = (),
    is_found: bool = True,
) -> Optional[Tuple[int, Dict[str, Any]]]:
    """Send a request to the listener at a name.

    Returns its user and its answer, or None if there is no listener, or none of the user C(uid). A name that
    was found (C(is_found)) may belong to somebody who never accepts: connecting to it must not block.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(0.0 if is_found else seconds)
        try:
            sock.connect(name)
            sock.settimeout(seconds)
            owner = peer_uid(sock)
            if uid is not None and owner != uid:
                return None
            _send(sock, dict(wish, files=len(files)) if files else wish, files)
            answer = json.loads(read_line(sock).decode("ascii"))
        except (OSError, ValueError):
            return None  # there is none, or it ended while we asked
    return (owner, answer) if isinstance(answer, dict) else None


def ask_listener(host: str, token: str, files: Sequence[int] = (), **wish: Any) -> "Optional[ListenerAnswer]":
    """Send a request to the listener that serves a run.

    Returns None if there is none, and raises if it refuses.
    """
    answered = ask_at(
        control_name(host, token), os.getuid(), MAX_SECONDS, dict(wish, token=token), files, is_found=False
    )
    if answered is None:
        return None
    if "error" in answered[1]:
        raise ListenerError(answered[1]["error"])
    return cast("ListenerAnswer", answered[1])


def _send(sock: socket.socket, wish: Dict[str, Any], files: Sequence[int]) -> None:
    sock.sendall(json.dumps(wish).encode("ascii") + b"\n")
    for start in range(0, len(files), MAX_FILES_AT_ONCE):
        packed = array.array("i", files[start : start + MAX_FILES_AT_ONCE])
        sock.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])


def read_line(sock: socket.socket) -> bytes:
    """Return one line; raises ValueError if it is incomplete or too long."""
    received = b""
    while not received.endswith(b"\n"):
        data = sock.recv(65536)
        if not data or len(received) > MAX_REQUEST_BYTES:
            raise ValueError("incomplete line")
        received += data
    return received


@contextlib.contextmanager
def lock(host: str) -> Iterator[None]:
    """Let one lease follow the other, so that two runs share a process.

    A lease takes milliseconds, on a busy machine seconds, so one of this user is waited for as long as an
    answer. Anybody can guess this name and hold it for ever, so another user is not waited for. Then runs
    have a process each, which does no harm.
    """
    name = ("\0lock." + stem_of(host)).encode("ascii")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        started = time.monotonic()
        while not _taken(lock, name):
            waited = time.monotonic() - started
            holder = _holder_waited_for(name, MAX_SECONDS - waited)
            if waited >= _patience(holder):
                break
        yield


def _patience(holder: Optional[int]) -> float:
    """Return for how long a holder of a lock is waited for."""
    if holder is None:
        return _MAX_LOCK_SECONDS
    return MAX_SECONDS if holder == os.getuid() else 0.0


def _taken(lock: socket.socket, name: bytes) -> bool:
    try:
        lock.bind(name)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return False
    lock.listen(_LOCK_BACKLOG)  # so that the kernel says who holds it, and when it is given up
    return True


def _holder_waited_for(name: bytes, seconds: float) -> Optional[int]:
    """Return the user who holds a lock, after waiting until it is given up if that is this user.

    None says that it was given up, or that its holder does not say who it is.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        try:
            sock.connect(name)
            holder = peer_uid(sock)
        except OSError:
            time.sleep(0.01)
            return None
        if holder == os.getuid():
            sock.settimeout(max(seconds, 0.01))
            with contextlib.suppress(OSError):
                sock.recv(1)  # nobody sends anything: this ends when the holder does
        return holder
