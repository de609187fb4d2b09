# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes and shows a run's lease at the listener of a host, from a module.

C(present) takes a lease for a run:

1. It finds out who holds the wanted ports (occupants.py): services, or listeners of other runs
   (other_listeners.py). Listeners of interrupted runs are ended.
2. It asks the run's listener for a lease (dialogue.py). The listener answers with the ports that it lacks.
   They are opened here, with the rights of the module, and handed over with a second request.
3. If no listener answers at the run's control socket, one of another run of the same user and host is asked
   to serve this run too. If there is none, one is started (start.py), and 2. is tried again.

A lock makes leases of the same host and user follow each other. Without it, two runs could start a listener
each, and take each other's sockets for those of a service while these are handed over.

C(query) does only 1. A lease ends with release.py.
"""

from typing import TYPE_CHECKING, Iterable, List, Optional, Set, cast

from .._kernel import open_files
from .._kernel.capture import open_socket as open_capture
from .._kernel.own_addresses import OwnAddresses, is_loopback, of_interfaces
from .._values.errors import ListenerError, NetworkError
from .behind import Asked
from .dialogue import DEFAULT_IDLE, ask_listener, lock
from .endpoints import WILDCARDS, Endpoint, describe, ports_of
from .endpoints import endpoints as parse_endpoints
from .leases import ROOM_FOR_CONNECTIONS, Opened, open_all
from .occupants import UNKNOWN, Occupants, describe_holders
from .other_listeners import Scene
from .proof import check_token
from .start import start_or_join

if TYPE_CHECKING:
    from .._shapes import Endpoint as AskedEndpoint
    from .._shapes import LeaseWish, ListenerAnswer, ListenerResult
    from .._shapes import Opened as OpenedHere

_MAX_TRIES = 5


def present(
    host: str,
    token: str,
    endpoints: "List[AskedEndpoint]",
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
    with lock(host):
        scene = Scene(host, wanted, token)
        left = scene.leftovers(shared=True, end=True)
        spared = _spared(scene.occupants, wanted)
        wish: "LeaseWish" = {"asked": describe(wanted), "ttl": ttl, "idle": idle, "capture": capture}
        for unused in range(_MAX_TRIES):
            answer = _lease(host, token, wish, spared)
            if answer is not None:
                if _is_unexplained(answer, scene.occupants, spared):
                    # Another process came meanwhile, such as the listener of another host of the run that is
                    # this very machine.
                    scene = Scene(host, wanted, token)
                    left += scene.leftovers(shared=True, end=False)
                result = _described(answer, scene.occupants, wanted, spared)
                result["leftovers"] = left
                return asked.as_asked(result)
            start_or_join(host, token)
    raise ListenerError(f"the listener of {host!r} ends at once: it was started {_MAX_TRIES} times")


def query(host: str, endpoints: "List[AskedEndpoint]", dry: bool = False) -> "ListenerResult":
    """Return who holds ports, without listening on any, and end the listeners of interrupted runs."""
    asked = Asked(endpoints, OwnAddresses())
    wanted = asked.wanted
    scene = Scene(host, wanted)
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


def _predicted(host: str, token: str, wanted: List[Endpoint]) -> "ListenerResult":
    """Return what C(present) would return if it changed nothing, or else that it would change something."""
    answer = ask_listener(host, token, operation="show") or {}
    if answer.pop("wanted", None) == describe(wanted):
        answer["changed"] = False
        return _result(answer)
    return {"listening": describe(wanted), "in_use": [], "denied": [], "changed": True}


def _is_unexplained(answer: "ListenerAnswer", occupants: Occupants, spared: Set[Endpoint]) -> bool:
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


def _lease(host: str, token: str, wish: "LeaseWish", spared: Set[Endpoint]) -> "Optional[ListenerAnswer]":
    """Take a lease, with the sockets that the listener lacks; returns None if no listener runs."""
    answer = ask_listener(host, token, operation="lease", **wish)
    for unused in range(_MAX_TRIES):
        if answer is None or "missing" not in answer:
            return answer
        missing = parse_endpoints(answer["missing"])
        try:
            opened = open_all(missing, spared.intersection(missing))
        except NetworkError:
            ask_listener(host, token, operation="release")
            raise
        answer = _hand_over(host, token, wish, opened, bool(answer["capture"]))
    raise ListenerError(
        f"the listener of {host!r} lacks other ports each time it is asked: {_MAX_TRIES} tries were made"
    )


def _hand_over(
    host: str, token: str, wish: "LeaseWish", opened: Opened, capture: bool
) -> "Optional[ListenerAnswer]":
    opened_here: "OpenedHere" = {
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
        return ask_listener(host, token, files, operation="lease", opened=opened_here, **wish)
    finally:
        opened.close()
        if taken is not None:
            taken.close()


def _described(
    answer: "ListenerAnswer", occupants: Occupants, wanted: Iterable[Endpoint], spared: Set[Endpoint]
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


def _result(answer: "ListenerAnswer") -> "ListenerResult":
    """Return the answer of a listener as the result of the module, without an empty note."""
    return cast("ListenerResult", {name: value for name, value in answer.items() if name != "note" or value})


def addresses() -> List[str]:
    """Return the addresses of the host's interfaces, none if the kernel does not say."""
    return sorted(of_interfaces())
