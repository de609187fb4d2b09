# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throughput of paths, in both directions: the probe's end (_listener/transfers.py is the listener's).

One transfer at a time for each machine, in the order that turns.py finds. Each is a connection of its own to
a port where our listener has proven itself, and proves itself again. What ends it:

- I(Away from this host.) The listener counts, and says what, when its time or bytes are over.
- I(To this host.) This end counts, and ends the connection when its time or bytes are over.
- Whatever happens, nothing takes longer than the bounds and a few seconds. If nobody waits for the result any
  more, because the run was interrupted, the next transfer does not begin.
"""

import contextlib
import random
import select
import socket
import sys
import time
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from .._kernel.machine import identity
from .._kernel.sockets import Sources, reset
from .._listener import proof, transfers
from .._listener.measuring import ASK
from .._listener.transfers import IN, OUT, Count
from .._values.errors import NetworkError
from .._values.ports import Ports
from .bounds import Bounds
from .outcome import PROOF_OURS
from .proven import proven_hosts
from .turns import BUSY, CUT, NO_ANSWER, Turns

if TYPE_CHECKING:
    from .._shapes import Observation, PathTransfers, Transfer

_START_SECONDS = 10.0  # for handshake, proof and the listener's word together
_WORD_SECONDS = 5.0  # for what the listener says that it counted
_MAX_PORTS = 3


class Place(NamedTuple):
    """An address to measure, and the ports at which the listener of a host has proven itself."""

    host: str
    address: str
    ports: Tuple[int, ...]


_Item = Tuple[Place, str]  # a place and a direction


class _FailedError(Exception):
    """A transfer came to nothing; the argument is one of the reasons."""


def somebody_waits() -> bool:
    """Tell whether the other end of our output is there, or cannot be told.

    Without it, nobody gets the result: the run was interrupted.
    """
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
        return not poll.poll(0)
    except (OSError, ValueError):
        return True


def measure(
    places: Sequence[Place],
    bounds: Bounds,
    sources: Sources,
    key: bytes,
    is_waited_for: Callable[[], bool] = somebody_waits,
    chance: Optional[random.Random] = None,
) -> "Dict[Place, Dict[str, Transfer]]":
    """Measure all places in both directions, as far as time and others allow."""
    # A name and a node may lead to one place.
    items = [(place, way) for place in dict.fromkeys(places) for way in (OUT, IN)]
    turns: "Turns[_Item]" = Turns(
        items, begun=time.monotonic(), seconds=bounds.total_seconds, chance=chance or random.Random()
    )
    found: "Dict[Place, Dict[str, Transfer]]" = {place: {} for place in places}
    tries: Dict[_Item, int] = {}
    while not turns.is_over(time.monotonic()) and is_waited_for():
        item = turns.next(time.monotonic())
        if item is None:
            time.sleep(turns.seconds_to_wait(time.monotonic()))
            continue
        lock = transfers.take_lock()
        if lock is None:
            turns.own_lock_is_taken(item, time.monotonic())
            continue
        place, way = item
        port = place.ports[tries.get(item, 0) % len(place.ports)]
        tries[item] = tries.get(item, 0) + 1
        with lock:
            try:
                count: Optional[Count] = _transfer(place, port, way, bounds.of_one, sources, key)
                reason = ""
            except _FailedError as failure:
                count, reason = None, str(failure)
        now = time.monotonic()
        if count is not None:
            turns.done(item, now)
            found[place][way] = {
                "bytes_per_second": count.rate,
                "bytes": count.size,
                "seconds": round(count.seconds, 3),
            }
        elif reason == BUSY:
            turns.destination_is_busy(item, now)
        else:
            turns.failed(item, reason, now)
    for (place, way), reason in turns.obstacles().items():
        found[place].setdefault(way, {"reason": reason})
    return found


def _transfer(
    place: Place, port: int, way: str, bounds: transfers.Bounds, sources: Sources, key: bytes
) -> Count:
    """Make one transfer; raises what it failed of."""
    family = socket.AF_INET6 if ":" in place.address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        with contextlib.ExitStack() as stack:
            stack.callback(reset, sock)
            _agree(sock, place, port, way, bounds, sources, key)
            try:
                count = _send(sock, bounds) if way == OUT else transfers.receive(sock, bounds)
            except OSError:
                count = None
    except (OSError, ValueError) as error:
        raise _FailedError(NO_ANSWER) from error
    if count is None:
        raise _FailedError(CUT)
    return count


def _agree(
    sock: socket.socket,
    place: Place,
    port: int,
    way: str,
    bounds: transfers.Bounds,
    sources: Sources,
    key: bytes,
) -> None:
    """Connect, let the listener prove itself, and ask it for a transfer."""
    deadline = time.monotonic() + _START_SECONDS
    sock.settimeout(_START_SECONDS)
    sources.bind(sock, sock.family)
    sock.connect((place.address, port))
    nonce = proof.new_nonce()
    sock.sendall(proof.measuring_hello(key, nonce))
    answer = proof.read_answer(key, nonce, _line(sock, deadline))
    if answer is None or answer.host != place.host:
        raise _FailedError(NO_ANSWER)
    sock.sendall(ASK + b"\n")
    challenge = _line(sock, deadline).rstrip(b"\n")
    wish = transfers.Wish(way, bounds, identity())
    sock.sendall(transfers.wish_line(key, challenge, wish))
    word = _line(sock, deadline).rstrip(b"\n")
    if word == transfers.BUSY:
        raise _FailedError(BUSY)
    if word != transfers.GO:
        raise _FailedError(NO_ANSWER)


def _send(sock: socket.socket, bounds: transfers.Bounds) -> Optional[Count]:
    if not transfers.send(sock, bounds):
        return None
    try:
        return transfers.read_count(_line(sock, time.monotonic() + _WORD_SECONDS).rstrip(b"\n"))
    except ValueError:
        return None


def _line(sock: socket.socket, deadline: float) -> bytes:
    """Return one line, byte by byte: what comes behind it is data to be counted.

    Whoever sends a byte now and then would make us wait for ever, so all of it has one deadline.
    """
    line = b""
    while not line.endswith(b"\n"):
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        data = sock.recv(1)
        if not data or len(line) > proof.MAX_BYTES or time.monotonic() > deadline:
            raise ValueError("incomplete line")
        line += data
    return line


def proven_places(observations: "Iterable[Observation]") -> Dict[Tuple[str, str], Place]:
    """Return where listeners have proven themselves, by destination and address, with a few ports each."""
    ports: Dict[Tuple[str, str, str], List[int]] = {}
    try:
        for seen in observations:
            for state in seen["states"] if seen["protocol"] == "tcp" else ():
                if state.get("proof") == PROOF_OURS and state.get("answered_by"):
                    key = (seen["destination"], seen["address"], state["answered_by"])
                    ports.setdefault(key, []).extend(Ports.parse(state["ports"]))
    except (AttributeError, KeyError, TypeError) as error:
        raise NetworkError(
            f"observations cannot be read ({type(error).__name__}: {error}): expected what the module probe "
            "returns under observations"
        )
    return {
        (destination, address): Place(proven.host, address, proven.ports[:_MAX_PORTS])
        for (destination, address), proven in proven_hosts(ports).items()
    }


def reported(
    paths: Dict[Tuple[str, str], Place], found: "Dict[Place, Dict[str, Transfer]]"
) -> "List[PathTransfers]":
    """Return what was measured as plain data, by destination and address."""
    return [
        {"destination": destination, "address": address, "transfers": found[place]}
        for (destination, address), place in paths.items()
    ]
