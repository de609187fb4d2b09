# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names resolved on the probing host, many at a time, within a bound of time."""

import queue
import socket
import threading
import time
from typing import Dict, Iterable, List, NamedTuple, Tuple

from .._values.addresses import parse_address, stands_for

_WORKERS = 16


class Answer(NamedTuple):
    """The addresses of a name, or why there are none."""

    addresses: List[str]
    problem: str = ""
    completed: str = ""  # the longer name that was found in place of the given one


def resolve(names: Iterable[str], seconds: float) -> Dict[str, Answer]:
    """Look up all names side by side. A name without an answer after C(seconds) is unresolved."""
    waiting: "queue.Queue[str]" = queue.Queue()
    answers: "queue.Queue[Tuple[str, Answer]]" = queue.Queue()
    wanted = sorted(set(names))
    for name in wanted:
        waiting.put(name)
    for unused in range(min(_WORKERS, len(wanted))):
        # getaddrinfo(3) cannot be interrupted: a daemon thread can be left behind.
        threading.Thread(target=_work, args=(waiting, answers), daemon=True).start()
    found: Dict[str, Answer] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(wanted):
        try:
            name, answer = answers.get(timeout=max(0.01, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = answer
    return {
        name: found.get(name, Answer([], f"the resolver gave no answer within {seconds:g} s"))
        for name in wanted
    }


def _work(waiting: "queue.Queue[str]", answers: "queue.Queue[Tuple[str, Answer]]") -> None:
    while True:
        try:
            name = waiting.get_nowait()
        except queue.Empty:
            return
        answers.put((name, lookup(name)))


def lookup(name: str) -> Answer:
    """Return the addresses of one name, of those families that the host uses.

    AI_ADDRCONFIG means that, see RFC 3493, section 6.1.
    """
    # With nothing but loopback configured, AI_ADDRCONFIG hides every address: then ask again without it.
    for flags in (socket.AI_ADDRCONFIG | socket.AI_CANONNAME, socket.AI_CANONNAME):
        try:
            found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM, flags=flags)
        except (OSError, UnicodeError) as error:
            problem = getattr(error, "strerror", None) or str(error)
        else:
            addresses = list(dict.fromkeys(str(item[4][0]) for item in found))
            usable = list(dict.fromkeys(host for host in map(_host, addresses) if host))
            problem = "" if usable else f"it resolves to {addresses[0]}, which is no host"
            return Answer(usable, problem, _completed(name, found[0][3]))
    return Answer([], problem)


def _completed(name: str, canonical: str) -> str:
    """Return the canonical name if it is the given one with more behind it, as a search domain makes it.

    A name that ends with a dot is never completed (resolver(5), resolv.conf(5)).
    """
    found = canonical.rstrip(".")
    is_longer = not name.endswith(".") and found.lower().startswith(name.lower() + ".")
    return found if is_longer else ""


def _host(text: str) -> str:
    """Return an address as the plan writes it, or nothing if it is not the address of one host.

    Resolvers block names with such addresses (0.0.0.0), and a name may have that of a group.
    """
    address = parse_address(text)
    return "" if address is None or stands_for(address) else str(address)
