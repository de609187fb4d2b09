# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Listeners on this machine of other runs, hosts and users, and what they hold of the ports that a run wants.

They are found by their names in /proc/net/unix and asked who they are. They may be anything, so they are
given little time, and what they say about ports counts only if the kernel's tables say the same.
"""

import os
import pwd
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
)

from .._values.ports import Ports
from . import proof
from .dialogue import ask_at, control_names, stem_of
from .endpoints import WILDCARDS, Endpoint, describe, ports_of
from .occupants import Claim, Occupants
from .proof import check_token

if TYPE_CHECKING:
    from .._shapes import Leftover, PortsAt

# A process of another user may keep us waiting on purpose, and have many names.
_MAX_SECONDS_EACH, _MAX_SECONDS_IN_ALL = 1.0, 5.0
_MAX_ENTRIES = 256  # addresses at which a listener may claim to listen


class Running(NamedTuple):
    """A listener on this machine, of any run, host and user.

    The kernel says who its user is (C(uid)). Everything else is its own claim.
    """

    name: bytes
    uid: int
    host: str
    pid: int
    age_s: int
    quiet_s: int
    left_s: int
    abandoned: bool
    listening: List["PortsAt"]

    def held(self, wanted: Mapping[str, Ports]) -> Set[Endpoint]:
        """Return which of some ports, given by protocol, it claims to hold."""
        found: Set[Endpoint] = set()
        for entry in self.listening[:_MAX_ENTRIES]:
            shared = Ports.parse(entry["ports"]) & wanted.get(entry["protocol"], Ports())
            found.update(Endpoint(str(entry["address"]), entry["protocol"], port) for port in shared)
        return found


def running() -> List[Running]:
    """Return the listeners of this network namespace, each process once."""
    found: Dict[Tuple[int, int], Running] = {}
    deadline = time.monotonic() + _MAX_SECONDS_IN_ALL
    for name in control_names():
        seconds = min(_MAX_SECONDS_EACH, deadline - time.monotonic())
        answered = ask_at(name, None, seconds, {"operation": "who"}) if seconds > 0 else None
        one = _introduced(name, *answered) if answered else None
        if one:
            found[one.uid, one.pid] = one
    return list(found.values())


def _introduced(name: bytes, uid: int, answer: Dict[str, Any]) -> Optional[Running]:
    try:
        one = Running(
            name=name,
            uid=uid,
            host=str(answer["host"]),
            pid=int(answer["pid"]),
            age_s=int(answer["age_s"]),
            quiet_s=int(answer["quiet_s"]),
            left_s=int(answer["left_s"]),
            abandoned=bool(answer["abandoned"]),
            listening=list(answer["listening"]),
        )
        one.held({})  # raises if the entries cannot be read
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return one


class Scene:
    """Who holds which of the wanted ports before a run takes its own."""

    def __init__(self, host: str, wanted: Sequence[Endpoint], token: str = ""):
        self._host = host
        self._wanted = wanted
        self._token = token
        self._running: Optional[List[Running]] = None
        self.occupants = Occupants(wanted, self._claims)

    def _claims(self) -> Set[Claim]:
        ports = ports_of(self._wanted)
        return {(one.uid, endpoint) for one in self._all() for endpoint in one.held(ports)}

    def _all(self) -> List[Running]:
        if self._running is None:
            self._running = running()
        return self._running

    def _here(self, one: Running) -> List[Endpoint]:
        """Return the wanted endpoints that a listener holds, if the kernel confirms what it claims."""
        held: Dict[Tuple[str, int], List[str]] = {}
        for endpoint in one.held(ports_of(self._wanted)):
            if (one.uid, endpoint) not in self.occupants.confirmed:
                continue
            held.setdefault((endpoint.protocol, endpoint.port), []).append(endpoint.address)
        return [
            wanted
            for wanted in self._wanted
            if any(_meet(address, wanted.address) for address in held.get((wanted.protocol, wanted.port), ()))
        ]

    def leftovers(self, shared: bool, end: bool) -> List["Leftover"]:
        """Return the listeners of other runs that hold wanted ports.

        With C(end), those of interrupted runs are ended, if this user may do that. With C(shared), the
        listener of this host and user is left out, because runs share it.
        """
        if not self.occupants.is_anybody_there:
            return []
        stem = ("\0" + stem_of(self._host)).encode("ascii")
        found: List["Leftover"] = []
        for one in self._all():
            here = self._here(one)
            if here and not (shared and one.uid == os.getuid() and one.name.startswith(stem)):
                sibling = self._is_of_this_run(one)
                leftover = _leftover(one, here, end and not sibling)
                leftover["same_run"] = sibling
                found.append(leftover)
        if any(one["ended"] for one in found):
            self._running = None
            self.occupants = Occupants(self._wanted, self._claims)
        return found

    def _is_of_this_run(self, one: Running) -> bool:
        """Tell whether it serves another host of this run, which then is this very machine.

        Only who knows the token can have its name.
        """
        if not self._token or one.host == self._host:
            return False
        return one.name.endswith(f"/{proof.control_id(check_token(self._token), one.host)}".encode("ascii"))


def _meet(one: str, other: str) -> bool:
    """Tell whether sockets at two addresses conflict; those of our listeners serve one family each."""
    every = WILDCARDS[":" in one]
    return one == other or (every == WILDCARDS[":" in other] and every in (one, other))


def _leftover(one: Running, held: Iterable[Endpoint], end: bool) -> "Leftover":
    ended = False
    if end and one.abandoned and os.getuid() in (0, one.uid):
        answered = ask_at(one.name, one.uid, _MAX_SECONDS_EACH, {"operation": "clear"})
        ended = bool(answered and answered[1].get("changed"))
    return {
        "pid": one.pid,
        "uid": one.uid,
        "user": _user(one.uid),
        "host": one.host,
        "age_s": one.age_s,
        "quiet_s": one.quiet_s,
        "left_s": one.left_s,
        "ended": ended,
        "ports": describe(held),
    }


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
