# Copyright (c) 2026, exasol_community.network contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the destinations' own listeners did, and who else holds ports there."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ...module_utils._kernel.own_addresses import is_loopback
from ...module_utils._listener.endpoints import WILDCARDS
from ...module_utils._listener.occupants import CONNECTION, LISTENER, SERVICE, UNKNOWN
from ...module_utils._values.addresses import parse_address
from ...module_utils._values.errors import NetworkError
from ...module_utils._values.ports import Ports
from .case import (
    ASIDE,
    BUSY,
    DENIED,
    ELSEWHERE,
    ENDED,
    FAILED,
    FOREIGN,
    NOBODY,
    OUTSIDE,
    SIBLING,
    STRANGE,
    UNSEEN,
    UP,
    Listener,
)
from .leftovers import is_place, leftover_note
from .standing import Standing, counting, missing
from .task_results import addresses_of, entries, has_failed, planned_addresses_of, problem_of, texts

if t.TYPE_CHECKING:
    from ...module_utils._shapes import Leftover, ListenerTask, PortsAt

Key = tuple[str, str, str]  # host, address, protocol


class Held(t.NamedTuple):
    """Ports of one address that are held alike."""

    ports: Ports
    by: str
    at: tuple[str, ...]


class Listening:
    """What the destinations' listeners did.

    Where they answered, why not elsewhere, and who else holds ports there.
    """

    def __init__(
        self,
        results: Mapping[str, ListenerTask],
        addresses: Mapping[str, list[str]],
        stopped: Mapping[str, ListenerTask | None],
        queries: Mapping[str, ListenerTask] | None = None,
    ):
        self._up: dict[Key, Ports] = {}
        self._denied: dict[Key, Ports] = {}
        self._held: dict[Key, list[Held]] = {}
        self._absent: dict[str, Listener] = {}  # hosts on which no listener of ours was ever up
        self._ended: dict[str, Listener] = {}  # hosts whose listener may not have been up until the end
        self._busy: dict[str, Listener] = {}  # hosts whose listener did not always come to answer
        self._vanished: set[str] = set()  # hosts whose silence proves nothing
        self._leftovers: dict[str, list[str]] = {}
        self._unasked = {
            host: problem_of(result) for host, result in (queries or {}).items() if has_failed(result)
        }
        self._hosts = set(addresses)
        self._owners = {address: host for host, some in addresses.items() for address in some}
        self._own: dict[str, set[str]] = {}  # of the planned addresses of a host, those that it really has
        self._local: dict[str, set[str]] = {}
        self._answers: dict[tuple[str, ...], list[tuple[Standing, str]]] = {}
        # Without any listener (a live cluster), a refused port says that nothing listens. With listeners, it
        # says so only where one was started.
        if results:
            for host in addresses:
                if host not in results:
                    self._absent[host] = missing(OUTSIDE, host)
        for host, result in results.items():
            self._add(host, result, stopped.get(host))
        for host, result in (queries or {}).items():
            self._local[host] = addresses_of(result)
            self._own.setdefault(host, set()).update(planned_addresses_of(result))
            self._add_held(host, result)

    def _add(self, host: str, result: ListenerTask, stopped: ListenerTask | None) -> None:
        if has_failed(result):
            self._absent[host] = missing(FAILED, host, problem_of(result))
        elif _has_ended(result, stopped):
            self._ended[host] = missing(ENDED, host)
            self._vanished.add(host)
        elif (stopped or {}).get("stepped_aside"):
            self._ended[host] = missing(ASIDE, host)
        elif stopped and has_failed(stopped):
            self._ended[host] = missing(UNSEEN, host, problem_of(stopped))
        elif stopped and stopped.get("stalled_s"):
            self._busy[host] = missing(BUSY, host, problem=f"{stopped['stalled_s']:g}")
        if result.get("unreachable") or (stopped or {}).get("unreachable"):
            self._vanished.add(host)
        self._local[host] = addresses_of(result)
        self._own.setdefault(host, set()).update(planned_addresses_of(result))
        self._index(self._up, host, result.get("listening"))
        self._index(self._denied, host, result.get("denied"))
        self._add_held(host, result)

    @staticmethod
    def _index(index: dict[Key, Ports], host: str, entries: Iterable[PortsAt] | None) -> None:
        for entry in entries or ():
            key = (host, entry["address"], entry["protocol"])
            index[key] = index.get(key, Ports()) | Ports.parse(entry["ports"])

    def _add_siblings(self, host: str, leftovers: Iterable[Leftover]) -> None:
        """Keep which ports the listener of another host of this run holds: both hosts are one machine."""
        for entry in leftovers:
            for place in (
                entries(entry.get("ports"))
                if entry.get("same_run") is True and entry.get("host") in self._hosts
                else ()
            ):
                if is_place(place):
                    key = (host, str(place["address"]), str(place["protocol"]))
                    self._held.setdefault(key, []).append(
                        Held(Ports.parse(place["ports"]), SIBLING, (str(entry["host"]),))
                    )

    def _add_held(self, host: str, result: ListenerTask) -> None:
        leftovers = entries(result.get("leftovers"))
        self._add_siblings(host, leftovers)
        for entry in entries(result.get("holders")):
            at = tuple(
                str(address) for address in map(parse_address, texts(entry.get("at"))) if address is not None
            )
            try:
                key = (host, str(entry["address"]), str(entry["protocol"]))
                self._held.setdefault(key, []).append(Held(Ports.parse(entry["ports"]), str(entry["by"]), at))
            except (KeyError, TypeError, NetworkError):
                continue
        self._leftovers[host] = [
            leftover_note(host, entry) for entry in leftovers if entry.get("same_run") is not True
        ]

    def notes(self) -> list[str]:
        """Return which listeners other runs have left behind."""
        asked = [
            f"{host} was not able to look for listeners of other runs: {problem}."
            for host, problem in sorted(self._unasked.items())
        ]
        return asked + [note for host in sorted(self._leftovers) for note in self._leftovers[host]]

    def is_owner(self, host: str, address: str) -> bool:
        """Tell whether a host itself has an address, as its kernel says."""
        return address in self._own.get(host, ()) or address in self._local.get(host, ())

    def real_owner(self, host: str, address: str) -> str:
        """Return the other host that has an address itself, as its kernel says, or an empty text.

        Addresses that many machines have, such as those of bridges for containers, say nothing.
        """
        if self.is_owner(host, address):
            return ""
        owners = [other for other, local in self._local.items() if address in local and other != host]
        return owners[0] if len(owners) == 1 else ""

    def is_of_another(self, host: str, address: str) -> bool:
        """Tell whether an address is planned for another host."""
        return self._owners.get(address, host) != host

    def parts(
        self, host: str, address: str, protocol: str, ports: str, state: str, is_external: bool = False
    ) -> list[tuple[Standing, str]]:
        """Return what is known of ports at their own end and counts for their state, with the ports.

        There is one entry for all ports of which the same is known. The host need not have an external
        address itself.
        """
        question = (host, address, protocol, ports, state, "external" if is_external else "")
        if question not in self._answers:  # many sources ask the same
            self._answers[question] = self._parts(host, address, protocol, ports, state, is_external)
        return self._answers[question]

    def _parts(
        self, host: str, address: str, protocol: str, ports: str, state: str, is_external: bool
    ) -> list[tuple[Standing, str]]:
        if state in ("open", "closed") and not is_external and self._is_foreign(host, address):
            why = missing(STRANGE, host, address=address) if state == "closed" else Listener()
            return [(Standing(listener=why, holder=FOREIGN), ports)]
        if host in self._absent:
            standing = Standing(listener=self._absent[host], ended=host in self._vanished)
            return [(counting(standing, state), ports)]
        here = self._key(host, address, protocol)
        found: dict[Standing, Ports] = {}
        left = Ports.parse(ports)
        for held in (*self._held.get(here, ()), Held(left, "", ())):
            holder = self._holder(host, address, held)
            up = self._listener_of(host, state)
            for standing, some in self._of_held(here, address, left & held.ports, holder, up, is_external):
                what_counts = counting(standing, state)
                found[what_counts] = found.get(what_counts, Ports()) | some
            left -= held.ports
        # Whatever was split is put together again; mostly all of it is one.
        return [(standing, ports if len(found) == 1 else str(some)) for standing, some in found.items()]

    def _key(self, host: str, address: str, protocol: str) -> Key:
        """Return under which address a host spoke of its ports: this one, or all of them at once."""
        key, wildcard = (host, address, protocol), (host, WILDCARDS[":" in address], protocol)
        for one in (key, wildcard):
            if one in self._up or one in self._denied or one in self._held:
                return one
        return key

    def _listener_of(self, host: str, state: str) -> Listener:
        """Return what became of a host's listener; that it was busy does not explain a reset."""
        up = self._ended.get(host) or Listener(UP)
        return self._busy[host] if up.was_up and host in self._busy and state != "closed" else up

    def _of_held(
        self,
        key: Key,
        address: str,
        ports: Ports,
        standing: Standing,
        up: Listener,
        is_external: bool,
    ) -> Iterator[tuple[Standing, Ports]]:
        host = key[0]
        standing = standing._replace(ended=host in self._vanished)
        if up.was_up and not is_external and self._is_strange(key, address):
            up = missing(STRANGE, host, address=address)
        for index, listener in ((self._up, up), (self._denied, missing(DENIED, host))):
            some = ports & index.get(key, Ports())
            if some:
                yield standing._replace(listener=listener), some
            ports -= some
        if ports:
            yield standing, ports

    def _is_strange(self, key: Key, address: str) -> bool:
        """Tell whether a listener at all addresses of a host leaves this one out, which is not the host's."""
        return (
            key[1] in WILDCARDS
            and address not in self._local.get(key[0], ())
            and self._owners.get(address) != key[0]
        )

    def _is_foreign(self, host: str, address: str) -> bool:
        """Tell whether an address is none of the host's, as its own kernel says.

        A stale name may lead to one, or a NAT device may hold it.
        """
        local = self._local.get(host, set())
        return (
            bool(local)
            and parse_address(address) is not None
            and address not in local
            and not is_loopback(address)
        )

    def _holder(self, host: str, address: str, held: Held) -> Standing:
        if held.by == SIBLING:
            return Standing(holder=SIBLING, held_at=held.at)
        if held.by != SERVICE:
            return Standing(holder=held.by if held.by in (CONNECTION, LISTENER, UNKNOWN) else NOBODY)
        if address in held.at or WILDCARDS[":" in address] in held.at:
            return Standing(holder=SERVICE)
        # Hosts that share a machine have services of their own at their own addresses. A host that is planned
        # at a loopback address shares it with the machine itself, whose services are not those of the host.
        at = [] if is_loopback(address) else [one for one in held.at if self._owners.get(one, host) == host]
        return Standing(holder=ELSEWHERE, held_at=tuple(at)) if at else Standing()


def _has_ended(result: ListenerTask, stopped: ListenerTask | None) -> bool:
    """Tell whether a listener was up and was not there any more when it was stopped."""
    if not result.get("listening") or not stopped or stopped.get("skipped") or has_failed(stopped):
        return False
    return not stopped.get("changed")
