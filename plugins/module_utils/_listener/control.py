# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, extends and ends the listener of a host, from a module.

C(present) takes a lease for a run:

1. It finds out who holds the wanted ports (occupants.py): services, or listeners of other runs. Listeners of
   interrupted runs are ended.
2. It asks the run's listener for a lease. The listener answers with the ports that it lacks; they are opened
   here, with the rights of the module, and handed over with a second request.
3. If no listener answers at the run's control socket, one of another run of the same user and host is asked
   to serve this run too. If there is none, one is started (C(spawn)), and 2. is tried again.

A lock makes leases of the same host and user follow each other. Without it, two runs could start a listener
each, and take each other's sockets for those of a service while these are handed over.

C(query) does only 1. C(absent) ends the run's lease; server.py says what ends with it.

Listeners of other users are found by their names in /proc/net/unix and asked who they are. They may be
anything, so they are given little time, and what they say about ports counts only if the kernel's tables say
the same.
"""

import array
import contextlib
import errno
import hashlib
import json
import os
import pwd
import socket
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    cast,
)

from .._kernel import open_files
from .._kernel.capture import open_socket as open_capture
from .._kernel.capture import without_encrypted
from .._kernel.own_addresses import OwnAddresses, is_loopback, of_interfaces
from .._kernel.privileges import give_up_root
from .._values.errors import ListenerError, NetworkError
from .._values.ports import Ports
from . import proof
from .behind import Asked
from .endpoints import WILDCARDS, Endpoint, describe
from .endpoints import endpoints as parse_endpoints
from .leases import ROOM_FOR_CONNECTIONS, Opened, open_all
from .occupants import UNKNOWN, Claim, Occupants, describe_holders
from .proof import check_token
from .server import MAX_FILES_AT_ONCE, MAX_REQUEST_BYTES, Listener, peer_uid, ports_of

if TYPE_CHECKING:
    from .._shapes import Leftover, ListenerResult, PortsAt

DEFAULT_IDLE = 300  # seconds; an interrupted run must not keep a database from its ports for long

_MAX_TRIES = 5
_MAX_INHERITED = 4096  # file descriptors of the process that starts the listener, if /proc does not list them
_SECONDS = 30.0  # to bind thousands of ports takes a moment
# A process of another user may keep us waiting on purpose, and have many names.
_STRANGER_SECONDS, _STRANGERS_SECONDS = 1.0, 5.0
_MAX_ENTRIES = 256  # addresses at which a listener may claim to listen
_LOCK_SECONDS = 3.0  # taking a lease takes milliseconds
_PREFIX = "exasol_community.network/"
_LISTENS = 0x10000  # __SO_ACCEPTCON, include/linux/net.h


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


def _stem(host: str) -> str:
    return "{0}{1}/{2}/".format(_PREFIX, os.getuid(), hashlib.sha256(host.encode("utf-8")).hexdigest()[:24])


def control_name(host: str, token: str) -> bytes:
    """Return the abstract address at which a run controls a host's listener.

    Nobody can guess it without the token.
    """
    return ("\0" + _stem(host) + proof.control_id(check_token(token), host)).encode("ascii")


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


def _ask(
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
            answer = json.loads(_read_line(sock).decode("ascii"))
        except (OSError, ValueError):
            return None  # there is none, or it ended while we asked
    return (owner, answer) if isinstance(answer, dict) else None


def request(host: str, token: str, files: Sequence[int] = (), **wish: Any) -> Optional[Dict[str, Any]]:
    """Send a request to the listener that serves a run.

    Returns None if there is none, and raises if it refuses.
    """
    answered = _ask(
        control_name(host, token), os.getuid(), _SECONDS, dict(wish, token=token), files, is_found=False
    )
    if answered is None:
        return None
    if "error" in answered[1]:
        raise ListenerError(answered[1]["error"])
    return answered[1]


def _send(sock: socket.socket, wish: Dict[str, Any], files: Sequence[int]) -> None:
    sock.sendall(json.dumps(wish).encode("ascii") + b"\n")
    for start in range(0, len(files), MAX_FILES_AT_ONCE):
        packed = array.array("i", files[start : start + MAX_FILES_AT_ONCE])
        sock.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])


def _read_line(sock: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        data = sock.recv(65536)
        if not data or len(received) > MAX_REQUEST_BYTES:
            raise ValueError("incomplete line")
        received += data
    return received


def running() -> List[Running]:
    """Return the listeners of this network namespace, each process once."""
    found: Dict[Tuple[int, int], Running] = {}
    deadline = time.monotonic() + _STRANGERS_SECONDS
    for name in control_names():
        seconds = min(_STRANGER_SECONDS, deadline - time.monotonic())
        answered = _ask(name, None, seconds, {"operation": "who"}) if seconds > 0 else None
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


class _Scene:
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
        stem = ("\0" + _stem(self._host)).encode("ascii")
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
        answered = _ask(one.name, one.uid, _STRANGER_SECONDS, {"operation": "clear"})
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


def present(
    host: str,
    token: str,
    endpoints: List[Dict[str, Any]],
    ttl: float,
    dry: bool = False,
    capture: bool = False,
    idle: float = float(DEFAULT_IDLE),
) -> "ListenerResult":
    """Take a lease at the host's listener, which is started if none runs.

    With C(dry), return only whether that would change anything.
    """
    asked = Asked(endpoints, OwnAddresses())
    wanted = asked.wanted
    check_token(token)
    if not wanted:
        return {"listening": [], "in_use": [], "denied": [], "changed": False}
    open_files.check(
        len(wanted) + ROOM_FOR_CONNECTIONS, open_files.raise_limit(), f"listening on {len(wanted)} ports"
    )
    if dry:
        return asked.as_asked(_predicted(host, token, wanted))
    with _lock(host):
        scene = _Scene(host, wanted, token)
        left = scene.leftovers(shared=True, end=True)
        spared = _spared(scene.occupants, wanted)
        wish = {"asked": describe(wanted), "ttl": ttl, "idle": idle, "capture": capture}
        for unused in range(_MAX_TRIES):
            answer = _lease(host, token, wish, spared)
            if answer is not None:
                if _is_unexplained(answer, scene.occupants, spared):
                    # Another process came meanwhile, such as the listener of another host of the run that is
                    # this very machine.
                    scene = _Scene(host, wanted, token)
                    left += scene.leftovers(shared=True, end=False)
                result = _described(answer, scene.occupants, wanted, spared)
                result["leftovers"] = left
                return asked.as_asked(result)
            _start_or_join(host, token)
    raise ListenerError(f"the listener of {host!r} ends at once: it was started {_MAX_TRIES} times")


def _is_unexplained(answer: Mapping[str, Any], occupants: Occupants, spared: Set[Endpoint]) -> bool:
    """Tell whether ports could not be had although nobody was seen to hold them before."""
    holders = [
        occupants.holder(endpoint, refused=True)
        for endpoint in set(parse_endpoints(answer["in_use"])) - spared
    ]
    return any(holder is not None and holder.by == UNKNOWN for holder in holders)


def _spared(occupants: Occupants, wanted: Iterable[Endpoint]) -> Set[Endpoint]:
    """Return the endpoints that are free, but whose service listens on a loopback address.

    A listener there would prove that the port is reachable although its service is not.
    """
    spared: Set[Endpoint] = set()
    for endpoint in wanted if occupants.is_anybody_there else ():
        holder = occupants.holder(endpoint, refused=False)
        if holder is None or is_loopback(endpoint.address):
            continue
        if any(is_loopback(address) for address in holder.at):
            spared.add(endpoint)
    return spared


def _lease(host: str, token: str, wish: Dict[str, Any], spared: Set[Endpoint]) -> Optional[Dict[str, Any]]:
    """Take a lease, with the sockets that the listener lacks; returns None if no listener runs."""
    answer = request(host, token, operation="lease", **wish)
    for unused in range(_MAX_TRIES):
        if answer is None or "missing" not in answer:
            return answer
        missing = parse_endpoints(answer["missing"])
        try:
            opened = open_all(missing, spared.intersection(missing))
        except NetworkError:
            request(host, token, operation="release")
            raise
        answer = _hand_over(host, token, wish, opened, bool(answer["capture"]))
    raise ListenerError(
        f"the listener of {host!r} lacks other ports each time it is asked: {_MAX_TRIES} tries were made"
    )


def _hand_over(
    host: str, token: str, wish: Dict[str, Any], opened: Opened, capture: bool
) -> Optional[Dict[str, Any]]:
    opened_here: Dict[str, Any] = {
        "sockets": describe(opened.sockets),
        "in_use": describe(opened.in_use),
        "denied": describe(opened.denied),
        "absent": describe(opened.absent),
    }
    files = [sock.fileno() for unused, sock in sorted(opened.sockets.items())]
    taken = None
    try:
        if capture:
            try:
                taken = open_capture(ports_of(parse_endpoints(wish["asked"])))
                opened_here["capture"] = ""
                files.append(taken.fileno())
            except NetworkError as error:
                opened_here["capture"] = str(error)
        return request(host, token, files, operation="lease", opened=opened_here, **wish)
    finally:
        opened.close()
        if taken is not None:
            taken.close()


def _described(
    answer: Dict[str, Any], occupants: Occupants, wanted: Iterable[Endpoint], spared: Set[Endpoint]
) -> "ListenerResult":
    """Return a lease's report, with what holds the other ports.

    The host's addresses are added if it listens on all of them.
    """
    refused = set(parse_endpoints(answer["in_use"])) - spared
    looked_at = wanted if occupants.is_anybody_there else refused
    found = {endpoint: occupants.holder(endpoint, endpoint in refused) for endpoint in looked_at}
    answer["holders"] = describe_holders({endpoint: holder for endpoint, holder in found.items() if holder})
    if any(endpoint.address in WILDCARDS for endpoint in wanted):
        answer["addresses"] = addresses()
    return _result(answer)


def addresses() -> List[str]:
    """Return the addresses of the host's interfaces, none if the kernel does not say."""
    return sorted(of_interfaces())


def _result(answer: Dict[str, Any]) -> "ListenerResult":
    """Return the answer of a listener as the result of the module, without an empty note."""
    return cast("ListenerResult", {name: value for name, value in answer.items() if name != "note" or value})


def _predicted(host: str, token: str, wanted: List[Endpoint]) -> "ListenerResult":
    """Return what C(present) would return if it changed nothing, or else that it would change something."""
    answer = request(host, token, operation="show") or {}
    if answer.pop("wanted", None) == describe(wanted):
        return _result(dict(answer, changed=False))
    return {"listening": describe(wanted), "in_use": [], "denied": [], "changed": True}


def query(host: str, endpoints: List[Dict[str, Any]], dry: bool = False) -> "ListenerResult":
    """Return who holds ports, without listening on any, and end the listeners of interrupted runs."""
    asked = Asked(endpoints, OwnAddresses())
    wanted = asked.wanted
    scene = _Scene(host, wanted)
    left = scene.leftovers(shared=False, end=not dry)
    in_use = {endpoint for endpoint in wanted if scene.occupants.is_waited_at(endpoint)}
    found = {endpoint: scene.occupants.holder(endpoint, endpoint in in_use) for endpoint in wanted}
    result: "ListenerResult" = {
        "listening": [],
        "in_use": describe(in_use),
        "denied": [],
        "holders": describe_holders({endpoint: holder for endpoint, holder in found.items() if holder}),
        "leftovers": left,
        "addresses": addresses(),
        "changed": any(one["ended"] for one in left),
    }
    return asked.as_asked(result)


def absent(host: str, token: str, dry: bool = False) -> "ListenerResult":
    """End a run's lease; returns whether there was one, and what it captured."""
    check_token(token)
    answer = request(host, token, operation="show" if dry else "release") or {"changed": False}
    if "capture" in answer:
        answer["capture"] = without_encrypted(answer["capture"])
    known = {name: answer[name] for name in ("changed", "capture", "stepped_aside") if name in answer}
    return cast("ListenerResult", known)


@contextlib.contextmanager
def _lock(host: str) -> Iterator[None]:
    """Let one lease follow the other, so that two runs share a process.

    Anybody can guess this name and hold it for ever. Then runs have a process each, which does no harm.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        deadline = time.monotonic() + _LOCK_SECONDS
        while time.monotonic() < deadline:
            try:
                lock.bind(("\0lock." + _stem(host)).encode("ascii"))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                time.sleep(0.01)
        yield


def _start_or_join(host: str, token: str) -> None:
    """Let the listener of this host and user serve another run, or start it."""
    if request(host, token, operation="show") is not None:
        return
    control = _control_socket(host, token)
    if control is None:
        return  # another task of the same run was faster
    with control:
        for name in control_names(_stem(host)):
            answered = None
            if name != control_name(host, token):
                answered = _ask(
                    name, os.getuid(), _SECONDS, {"operation": "attend", "token": token}, [control.fileno()]
                )
            if answered and "error" not in answered[1]:
                return
        spawn(host, control, proof.run_id(check_token(token)))


def _control_socket(host: str, token: str) -> Optional[socket.socket]:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        control.bind(control_name(host, token))
        control.listen(16)
    except OSError as error:
        control.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return control


def spawn(host: str, control: socket.socket, run: bytes) -> None:
    """Start the listener of a host as a process of its own, with the control socket of its first run."""
    child = os.fork()
    if not child:
        _detach(host, control, run)
    os.waitpid(child, 0)


def _detach(host: str, control: socket.socket, run: bytes) -> None:
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.chdir("/")
        _keep_only(control.fileno())
        _serve(host, control, run)
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


def _serve(host: str, control: socket.socket, run: bytes) -> None:
    owner = os.getuid()
    _name_process()
    open_files.raise_limit()
    note = give_up_root()
    Listener(host, control, run, owner, note).serve()


def _name_process() -> None:
    try:
        with open("/proc/self/comm", "w") as comm:
            comm.write("exasol-listener")
    except OSError:
        pass  # only for those who look at ps
